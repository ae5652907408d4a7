"""Checkpoints: all that a training is after some step, each one file that is whole or is passed over.

A checkpoint is a safetensors file, so that reading one runs nothing. What is no tensor stands as JSON in its metadata,
with a SHA-256 digest of that text and of every tensor beside it. Files are written beside their place, brought to the
disk and then renamed; the last ones are kept, since one of them may turn out to be damaged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.files import regular
from netspec.train.runs.folder import replacing, save_tensors, unwritable

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "checkpoints"
KEPT = 2
"""So many checkpoints of a run are kept."""
State: TypeAlias = dict[str, Any]
"""Plain data and tensors: dicts with texts for keys, lists, numbers, texts, truth values and None."""
TENSOR = "$tensor"
"""The key of what stands for a tensor in the JSON; its value is the tensor's name."""


class Damaged(Exception):
    """A file is no whole checkpoint; the text says why."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of a run's folder."""

    run: Path

    @property
    def folder(self) -> Path:
        return self.run / FOLDER

    def save(self, state: State, step: int) -> Path:
        """Keeps the state after so many steps, and forgets the oldest; raises NetspecError (E0610)."""
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        path = self.folder / f"{step:09d}.safetensors"
        write(path, state)
        for old in self.files()[KEPT:]:
            old.unlink(missing_ok=True)
        return path

    def files(self) -> list[Path]:
        """The files of checkpoints, the newest first."""
        return sorted(self.folder.glob("[0-9]*.safetensors"), key=lambda path: int(path.stem), reverse=True)

    def newest(self) -> tuple[State | None, list[str]]:
        """The newest whole state, None where there is none; and what was passed over, a sentence each."""
        passed: list[str] = []
        for path in self.files():
            try:
                return read_training(path), passed
            except Damaged as damage:
                passed.append(f"{path} is passed over: {damage}")
        return None, passed


def write(path: Path, state: State) -> None:
    """Writes a state as a file, whole or not at all; raises NetspecError (E0610)."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_packed(state, "", tensors, {}))
    metadata = {"format": "pt", "netspec": text, "sha256": digest(text, tensors)}
    replacing(path, lambda beside: save_tensors(tensors, beside, metadata))


def read(path: Path) -> State:
    """The state in a file, on the CPU; raises Damaged where it is not what was written."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(regular(path), "pt") as file:
            metadata = file.metadata() or {}
            # In the file tensors begin at any byte, which changes the last bits of sums: copies lie as others do.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise Damaged(str(error).partition("\n")[0]) from None
    text = metadata.get("netspec", "")
    if metadata.get("sha256") != digest(text, tensors):
        raise Damaged("its content does not agree with its checksum")
    try:
        state: State = _unpacked(json.loads(text), tensors)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(f"its record cannot be read: {error}") from None
    return state


def read_training(path: Path) -> State:
    """The state of a training in a file; raises Damaged where it is not what was written, or never was such a state."""
    from netspec.train.runs.training_state import mistake

    state = read(path)
    if reason := mistake(state):
        raise Damaged(f"it is the state of no training: {reason}")
    return state


def digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 digest of a text and of tensors with their names, types and shapes, as hexadecimal digits."""
    import torch

    checksum = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        checksum.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        checksum.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return checksum.hexdigest()


def _packed(value: Any, path: str, tensors: dict[str, Tensor], seen: dict[tuple[Any, ...], str]) -> Any:
    """The value as plain data; its tensors go into `tensors` under their path, the same one only once."""
    import torch

    if isinstance(value, torch.Tensor):
        tensor = value.detach().to("cpu")
        same = (value.data_ptr(), value.dtype, value.shape, value.stride()) if value.numel() else (path,)
        name = seen.setdefault(same, path)
        if name == path:
            tensors[path] = tensor
        return {TENSOR: name}
    if isinstance(value, Mapping):
        return {key: _packed(item, f"{path}/{key}" if path else key, tensors, seen) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(item, f"{path}/{index}", tensors, seen) for index, item in enumerate(value)]
    return value


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {TENSOR}:
            return tensors[value[TENSOR]]
        return {key: _unpacked(item, tensors) for key, item in value.items()}
    return [_unpacked(item, tensors) for item in value] if isinstance(value, list) else value
