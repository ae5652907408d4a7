"""Weights on disk: read without running anything, and compared with what a net expects."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.files import regular
from netspec.syntax.source import place_outside

if TYPE_CHECKING:
    from torch import Tensor

PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How files begin that `torch.save` or `pickle` has written."""
CONVERTED = (
    "where you trust it, save its tensors again:\n"
    "safetensors.torch.save_file(torch.load(file, weights_only=True), 'weights.safetensors')"
)
TORCH = (".pt", ".pth", ".bin", ".ckpt", ".tar")
"""How files are called that `torch.save` has written."""
_STATES = ("state_dict", "model_state_dict", "model", "net", "module")
"""Under which names training scripts keep the weights in such a file."""
_WRAPPER = "module."
"""What DataParallel puts before every name."""
MOST_NAMED = 8
"""So many layers are named where weights differ from what a net expects."""


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, on the CPU; raises NetspecError (E0651)."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(regular(path))
    except SafetensorError as error:
        if _is_pickle(path):
            raise _refused(path, f"{path} is a pickle, which could run anything when it is read", CONVERTED) from None
        raise _refused(path, f"{path} is no whole safetensors file: {str(error).partition(chr(10))[0]}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        reason = reason.removesuffix(f": {path}")
        raise _refused(path, f"{path} cannot be read: {reason[:1].lower()}{reason[1:]}") from None
    return tensors


def read_foreign(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of one by `torch.save` if its name says so; raises NetspecError (E0651).

    torch reads such a file without running anything of it (`weights_only`): it may hold tensors, numbers and texts.
    Training scripts keep the weights under a name, and DataParallel's have one more part: both are looked through.
    """
    if path.suffix not in TORCH:
        return read(path)
    import torch

    try:
        _check_size(path)
        value = torch.load(regular(path), map_location="cpu", weights_only=True)
    except OSError as error:
        raise _refused(path, f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except Exception as error:  # UnpicklingError, RuntimeError, EOFError, KeyError: what a file is damaged by
        reason = str(error).strip().partition("\n")[0].partition(". ")[0] or type(error).__name__
        message = f"{path} holds something else than tensors, or is damaged: {reason}"
        raise _refused(
            path, message, "weights are a dictionary of tensors: torch.save(model.state_dict(), file)"
        ) from None
    for name in _STATES:
        if isinstance(value, Mapping) and isinstance(value.get(name), Mapping):
            value = value[name]
    tensors = (
        {str(name): each for name, each in value.items() if isinstance(each, torch.Tensor)}
        if isinstance(value, Mapping)
        else {}
    )
    if tensors and all(name.startswith(_WRAPPER) for name in tensors):
        return {name.removeprefix(_WRAPPER): tensor for name, tensor in tensors.items()}
    return tensors


def _check_size(path: Path) -> None:
    """Raises ValueError where a file would unpack to more than it is: torch packs nothing."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > path.stat().st_size:
        raise ValueError(f"it would unpack to {size:,} bytes")


@dataclass(frozen=True, slots=True)
class Differences:
    """How the weights of a file differ from those that a net expects, by name; shapes as (expected, found)."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.reshaped)

    def lines(self, net: str, most: int = MOST_NAMED) -> tuple[str, ...]:
        """A line a layer, at most so many and how many more there are."""
        lines = list(self._lines(net))
        more = len(lines) - most
        return (*lines[:most], f"and {more} more") if more > 1 else tuple(lines)

    def _lines(self, net: str) -> Iterator[str]:
        for name, (expected, own) in self.reshaped.items():
            yield f"{name} is {list(expected)} in {net} and {list(own)} in the file"
        for layer, names in _by_layer(self.missing).items():
            yield f"{layer} of {net} is not in the file: {', '.join(names)}"
        for layer, names in _by_layer(self.unexpected).items():
            yield f"{layer} of the file is not in {net}: {', '.join(names)}"


def differences(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Differences:
    """How found weights differ from expected ones. BatchNorm's count of batches may lack: older files have none."""
    missing = (name for name in expected if name not in tensors and not name.endswith("num_batches_tracked"))
    shapes = {name: (tuple(expected[name].shape), tuple(tensors[name].shape)) for name in expected if name in tensors}
    return Differences(
        tuple(missing),
        tuple(name for name in tensors if name not in expected),
        {name: pair for name, pair in shapes.items() if pair[0] != pair[1]},
    )


def _is_pickle(path: Path) -> bool:
    """Whether a file that is no safetensors file begins as a pickle does; some of those begin so, too."""
    with path.open("rb") as file:
        return file.read(4).startswith(PICKLES)


def _by_layer(names: tuple[str, ...]) -> dict[str, list[str]]:
    """The names of tensors, grouped by the layer that has them."""
    layers: dict[str, list[str]] = {}
    for name in names:
        layer, _, tensor = name.rpartition(".")
        layers.setdefault(layer or tensor, []).append(tensor)
    return layers


def _refused(path: Path, message: str, help: str = "") -> NetspecError:
    return NetspecError((Diagnostic("E0651", message, place_outside(path), help=help),))
