"""A weights file of Darknet: numbers of single precision one after another, in the order of the cfg."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.files import regular
from netspec.layers import REGISTRY
from netspec.lifting.items import leaves
from netspec.lifting.sources.darknet.network import Reading, Weighted
from netspec.lifting.steps import Step
from netspec.syntax.source import Source, Span

Numbers = NDArray[np.float32]


def weights_of(path: Path, reading: Reading, keys: dict[int, str]) -> dict[str, Numbers]:
    """The state dict of a network; `keys` has the key of the layer that makes a value.

    Raises NetspecError (E1005) where the file cannot be read, or does not hold as many numbers as the cfg has weights.
    """
    steps = {leaf.step.outputs[0]: leaf.step for leaf in leaves(reading.items)}
    shapes = [_shapes(reading, steps, layer, keys) for layer in reading.order]
    expected = sum(int(np.prod(shape)) for parts in shapes for _, shape in parts)
    numbers = _numbers(path, expected)
    state: dict[str, Numbers] = {}
    start = 0
    for layer, parts in zip(reading.order, shapes, strict=True):
        for key, shape in parts:
            count = int(np.prod(shape))
            state[key] = numbers[start : start + count].reshape(shape).copy()
            start += count
        if layer.norm is not None:
            state[f"{keys[layer.norm]}.num_batches_tracked"] = np.zeros((), dtype=np.int64)
    return state


def _numbers(path: Path, expected: int) -> Numbers:
    """What follows the header, which must be as many numbers as are expected."""
    name = str(path)
    try:
        with regular(path).open("rb") as file:
            header = file.read(12)
            if len(header) < 12:
                raise _wrong(name, "this file is too short for a weights file")
            major, minor, _ = np.frombuffer(header, dtype="<i4")
            if not (0 <= major < 1000 and 0 <= minor < 1000):
                raise _wrong(name, f"there is no version {major}.{minor} of weights files")
            offset = 12 + (8 if major * 10 + minor >= 2 else 4)
            size = path.stat().st_size - offset
            if size != 4 * expected:
                raise _wrong(name, f"the cfg has {expected:,} weights, this file {max(size, 0) / 4:,.0f}")
            file.seek(offset)
            return np.frombuffer(file.read(4 * expected), dtype="<f4")
    except OSError as error:
        raise _wrong(name, f"this file cannot be read: {(error.strerror or '').lower()}") from None


def _shapes(
    reading: Reading, steps: dict[int, Step], layer: Weighted, keys: dict[int, str]
) -> list[tuple[str, tuple[int, ...]]]:
    """The keys and shapes of a layer's weights, in the order of the file."""
    if layer.kind not in ("convolutional", "conv", "connected", "conn"):
        raise _wrong("the weights", f"the order of the weights of [{layer.kind}] is not known")
    step, key = steps[layer.value], keys[layer.value]
    inputs = tuple(reading.network.shapes[value] for value in step.inputs)
    shapes = REGISTRY[step.layer](**step.arguments).parameters(*inputs)
    weight = (f"{key}.weight", shapes["weight"])
    if layer.norm is None:
        return [(f"{key}.bias", shapes["bias"]), weight]
    norm, width = keys[layer.norm], (shapes["weight"][0],)
    bias = (f"{norm}.bias", width)
    scales = [(f"{norm}.{part}", width) for part in ("weight", "running_mean", "running_var")]
    return [bias, weight, *scales] if layer.kind.startswith("conn") else [bias, *scales, weight]


def _wrong(name: str, message: str) -> NetspecError:
    return NetspecError((Diagnostic("E1005", message, Span(Source(name, ""), 0, 0)),))
