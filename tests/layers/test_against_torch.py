"""Every layer against torch: shapes, weights, MACs and refusals, on generated arguments.

A layer is tested from the moment that it is registered: each is run as it would be emitted, on a batch of two.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from live import Live, build
from pydantic import ValidationError
from strategies import Case, cases
from strategies_more import STRICTER as STRICTER_MORE
from torch.utils.flop_counter import FlopCounterMode

import netspec.layers
from netspec.layers.declaration.base import REGISTRY, Layer, Reach, ShapeError, TorchCall
from netspec.shapes.sets import Set
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize, evaluate

for _module in pkgutil.iter_modules(netspec.layers.__path__, "netspec.layers."):
    importlib.import_module(_module.name)

torch.set_num_threads(1)  # the tensors are tiny

BATCH = 2
MEMBERS = (1, 2)
"""How many members of a set each sample has."""
LAYERS = sorted(name for name, cls in REGISTRY.items() if cls.__module__.startswith("netspec.") and cls.tensors)
DTYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}

STRICTER: dict[tuple[str, str], str] = {
    ("*", "bias_init is given, but there is no bias"): "a contradiction in the spec; what is emitted would ignore it",
    ("*", "weight_norm divides by the norm"): "torch divides by zero: the weights would be nan",
    ("avgpool", "takes ceil=true only where"): "the window rule of ceil is defined for even padding",
    ("maxpool", "takes ceil=true only where"): "the window rule of ceil is defined for even padding",
    ("maxpool", "pads less than its kernel"): "a window of padding alone would be minus infinity",
    ("avgpool", "pads less than its kernel"): "a window of padding alone would be 0/0",
    ("groupnorm", "needs several values a group"): "torch refuses it for a batch of 1, and gives 0 for others",
    ("maxpool", "can tell indices only where"): "the indices would be those of the padded input",
    ("adaptive_avgpool", "nothing is pooled"): "an identity by another name",
    ("adaptive_maxpool", "nothing is pooled"): "an identity by another name",
    ("unpool", "from size or from like, not both"): "a contradiction in the spec; torch is given one of them",
    ("upsample", "takes one of scale, size and like"): "torch is given one of them at most",
    **STRICTER_MORE,
}
"""What netspec refuses although torch runs it, and why: the layer, or * for any, and a part of the message."""

LARGEST_MAP = 100_000
AT_ONCE = 10
"""How many cases are drawn together: drawing them one at a time takes longer than running them."""

thorough = settings(
    max_examples=200 // AT_ONCE,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def several(cls: type[Layer]) -> SearchStrategy[list[Case]]:
    """Calls of the layer, AT_ONCE of them."""
    return st.lists(cases(cls), min_size=AT_ONCE, max_size=AT_ONCE)


def construct(cls: type[Layer], case: Case) -> Layer | None:
    """The layer, or None where its arguments are refused as such."""
    try:
        return cls(**case.arguments)
    except ValidationError:
        return None


def tensors(shapes: tuple[Shape, ...]) -> list[torch.Tensor]:
    """A batch for each shape; of a set its members, those of all samples one after another."""
    made = []
    for shape in shapes:
        dtype = DTYPES[shape.dtype]
        sizes = (BATCH if shape.each is None else sum(MEMBERS), *shape.dims)
        made.append(torch.rand(sizes) if shape.dtype == "float" else torch.zeros(sizes, dtype=dtype))
    return made


def run(call: TorchCall, shapes: tuple[Shape, ...], device: str, sets: tuple[Set, ...] = ()) -> tuple[Live, Any, int]:
    """The layer, what it returns, and its MACs for one sample; it asks for the number of members of these sets."""
    with torch.device(device), torch.no_grad():
        live = build(call, len(shapes) + len(sets))
        arguments = [*tensors(shapes), *(torch.tensor(MEMBERS) for _ in sets)]
        with FlopCounterMode(display=False) as counter:
            result = live.call(*arguments)
    samples = BATCH if all(shape.each is None for shape in shapes) else sum(MEMBERS)
    return live, result, counter.get_total_flops() // 2 // samples


def run_somewhere(
    call: TorchCall, shapes: tuple[Shape, ...], sets: tuple[Set, ...], *, counted: bool
) -> tuple[Live, Any, int]:
    """On the CPU, or where there are MACs to count, on the meta device, which fuses no operations; unless it cannot."""
    if counted:
        try:
            return run(call, shapes, "meta", sets)
        except (NotImplementedError, RuntimeError):
            pass
    return run(call, shapes, "cpu", sets)


def is_empty(result: Any) -> bool:
    results = result if isinstance(result, (tuple, list)) else (result,)
    return any(tensor.numel() == 0 for tensor in results)


def check_refusal(layer: Layer, shapes: tuple[Shape, ...], error: ShapeError) -> None:
    """What infer refuses, torch refuses too, or STRICTER says why not."""
    if any(name in ("*", layer.name) and part in error.message for name, part in STRICTER):
        return
    try:
        call = layer.torch(*shapes)
    except ShapeError:
        return
    try:
        _, result, _ = run(call, shapes, "cpu", layer.counted(*shapes))
    except Exception:
        return
    assert is_empty(result), f"torch runs what {layer.name} refuses: {error.message}\n{layer!r} on {shapes}: {call}"


@pytest.mark.parametrize("name", LAYERS)
def test_layer_agrees_with_torch(name: str) -> None:
    cls = REGISTRY[name]
    agreed = 0

    @thorough
    @given(several(cls))
    def check(drawn: list[Case]) -> None:
        for case in drawn:
            compare(case)

    def compare(case: Case) -> None:
        nonlocal agreed
        layer, shapes = construct(cls, case), case.shapes
        if layer is None:
            return
        try:
            predicted = layer.outputs(*shapes)
        except ShapeError as error:
            check_refusal(layer, shapes, error)
            return
        if any(math.prod(shape.dims) > LARGEST_MAP for shape in predicted):
            return
        call = layer.torch(*shapes)
        live, result, macs = run_somewhere(call, shapes, layer.counted(*shapes), counted=layer.macs(*shapes) != 0)
        results = result if isinstance(result, (tuple, list)) else (result,)
        members = sum(MEMBERS)
        if layer.makes_set:
            *results, count = results
            members, each = int(count.sum()), predicted[0].each
            assert count.shape == (BATCH,)
            assert each is not None
            assert count.max() <= each.most
        actual = tuple((tuple(tensor.shape), tensor.dtype) for tensor in results)
        context = f"{layer!r} on {shapes}\n{live.source}"
        rows = [BATCH if shape.each is None else members for shape in predicted]
        expected = [((n, *shape.dims), DTYPES[shape.dtype]) for n, shape in zip(rows, predicted, strict=True)]
        assert actual == tuple(expected), context
        assert live.parameters() == layer.parameters(*shapes), context
        assert list(live.parameters()) == list(layer.parameters(*shapes)), context
        assert live.buffers() == layer.buffers(*shapes), context
        assert macs == layer.macs(*shapes), context
        for axis in range(shapes[0].rank if predicted[0].rank == shapes[0].rank else 0):
            explanation = layer.explain(axis, *shapes)
            assert explanation is None or explanation.startswith(f"{predicted[0].dims[axis]} = "), context
        agreed += 1

    check()
    assert agreed >= 40, f"only {agreed} of the generated calls of {name} fit: give it a better row in strategies.py"


OPENABLE = [
    name
    for name in LAYERS
    if REGISTRY[name].family in ("convolution", "pooling", "resampling") and name != "local_conv"  # weights a position
]


@pytest.mark.parametrize("name", OPENABLE)
def test_open_sizes_agree_with_numbers(name: str) -> None:
    """What is inferred for H is, at a number, what is inferred for the number; and the same source runs there."""
    cls = REGISTRY[name]
    compared = 0

    @settings(thorough, max_examples=100 // AT_ONCE)
    @given(several(cls))
    def check(drawn: list[Case]) -> None:
        for case in drawn:
            compare(case)

    def compare(case: Case) -> None:
        nonlocal compared
        layer = construct(cls, case)
        if layer is None:
            return
        values: dict[str, int] = {}
        open_shapes = tuple(opened(shape, values) for shape in case.shapes)
        try:
            symbolic = layer.outputs(*open_shapes)
            requirements = layer.requires(*open_shapes)
        except ShapeError:
            return
        there = [tuple(evaluate(size, values) for size in shape.dims) for shape in symbolic]
        held = all(r.at(values) for r in requirements) and all(size >= 1 for dims in there for size in dims)
        context = f"{layer!r} on {open_shapes} with {values}"
        try:
            numeric = layer.outputs(*case.shapes)
        except ShapeError:
            numeric = ()
        if not numeric:
            assert not held, context
            return
        assert held or "pad_mode" in case.arguments, context
        assert there == [shape.dims for shape in numeric], context
        assert evaluate(layer.macs(*open_shapes), values) == layer.macs(*case.shapes), context
        live, result, _ = run(layer.torch(*open_shapes), case.shapes, "cpu")
        results = result if isinstance(result, (tuple, list)) else (result,)
        assert [tuple(tensor.shape) for tensor in results] == [(BATCH, *dims) for dims in there], live.source
        compared += 1

    check()
    assert compared >= 20


def opened(shape: Shape, values: dict[str, int]) -> Shape:
    """The shape with a name for each spatial size, the same name for the same axis and size."""
    dims: list[Any] = [shape.dims[0]]
    for axis, size in enumerate(shape.spatial):
        symbol = f"S{axis}" if values.get(f"S{axis}", size) == size else f"T{axis}"
        values[symbol] = size
        dims.append(OpenSize.symbol(symbol))
    return Shape(tuple(dims), shape.dtype)


PROBED = ("conv", "depthwise_conv", "separable_conv", "upconv", "avgpool", "adaptive_avgpool")


@pytest.mark.parametrize("name", PROBED)
def test_reach_holds_every_gradient(name: str) -> None:
    """No output position depends on an input outside its reach, and some position uses the whole extent of it."""
    cls = REGISTRY[name]

    @settings(thorough, max_examples=60)
    @given(st.data(), st.integers(8, 20))
    def check(data: st.DataObject, length: int) -> None:
        case = data.draw(cases(cls))
        shapes = (Shape.of(case.shapes[0].dims[0], length),)
        arguments = {k: v[:1] if isinstance(v, list) else v for k, v in case.arguments.items()}
        arguments.update({"init": None, "weight_norm": False, "pad_mode": "zeros"} if "init" in arguments else {})
        arguments = {k: v for k, v in arguments.items() if k in cls.model_fields and k != "pad_mode"}
        layer = construct(cls, Case(arguments, shapes))
        if layer is None:
            return
        try:
            (y,) = layer.outputs(*shapes)
        except ShapeError:
            return
        reach = layer.reach(*shapes)
        if not isinstance(reach, Reach):
            return
        live = build(layer.torch(*shapes), 1)
        if isinstance(live.module, torch.nn.Module):
            for weight in live.module.parameters():
                torch.nn.init.ones_(weight)
        x = torch.ones(1, *shapes[0].dims, requires_grad=True)
        out = live.call(x).sum(dim=(0, 1))
        widest = 0
        for position in range(y.dims[1]):
            (gradient,) = torch.autograd.grad(out[position], x, retain_graph=True)
            seen = gradient.sum(dim=(0, 1)).nonzero().flatten().tolist()
            if not seen:
                continue
            start = math.ceil(reach.offset[0] + position * reach.stride[0])
            if name.startswith("adaptive"):
                start = math.floor(Fraction(length * position, y.dims[1]))
            assert start <= seen[0], f"{layer!r} on {length}, position {position} sees {seen}, reach {reach}"
            assert seen[-1] < start + reach.kernel[0], (
                f"{layer!r} on {length}, position {position} sees {seen}, reach {reach}"
            )
            widest = max(widest, seen[-1] - seen[0] + 1)
        sparse = name == "upconv" and layer.dilation != 1  # type: ignore[attr-defined]
        if y.dims[1] > 2 * reach.kernel[0] + 4 and length > 2 * reach.kernel[0] and not sparse:
            assert widest == reach.kernel[0], f"{layer!r} on {length}: {widest} seen, reach {reach}"

    check()
