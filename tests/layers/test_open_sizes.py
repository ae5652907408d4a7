"""What is inferred for open sizes is, at each number that fits them, what is inferred for the number."""

from __future__ import annotations

import pytest
import strategies_more  # noqa: F401 - the rows of these layers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from strategies import cases

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize, evaluate

FAMILIES = ("activation", "linear", "shape", "arithmetic", "reduction", "attention", "recurrent", "parameter", "boxes")
LAYERS = sorted(name for name, cls in REGISTRY.items() if cls.family in FAMILIES and cls.tensors)
H = OpenSize.symbol("H")
SIZES: list[Dimension] = [H, H // 2, (H // 2) * 2, H - 2, 2 * H, (H + 1) // 2]
NUMBERS = range(3, 14)


@pytest.mark.parametrize("name", LAYERS)
def test_open_sizes_agree_with_numbers(name: str) -> None:
    cls = REGISTRY[name]

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        case = data.draw(cases(cls))
        swaps: dict[Dimension, Dimension] = {}
        shapes = []
        for shape in case.shapes:
            for size in shape.dims:
                swaps.setdefault(size, data.draw(st.sampled_from([size, *SIZES])))
            shapes.append(shape.with_dims(*(swaps[size] for size in shape.dims)))
        try:
            layer = cls(**case.arguments)
            outputs, requirements = layer.outputs(*shapes), layer.requires(*shapes)
            macs = layer.macs(*shapes)
        except (ValidationError, ShapeError):
            return
        layer.torch(*shapes)
        layer.reach(*shapes)
        for axis in range(outputs[0].rank):
            layer.explain(axis, *shapes)
        for number in NUMBERS:
            inputs = [at(shape, number) for shape in shapes]
            expected = tuple(at(shape, number) for shape in outputs)
            if any(size < 1 for shape in inputs for size in shape.dims):
                continue
            if layer == REGISTRY["squeeze"]() and inputs != shapes and any(1 in shape.dims for shape in inputs):
                continue  # an open axis stays, though it may turn out to be 1
            fits = all(holds(requirement, number) for requirement in requirements)
            context = f"{layer!r} on {', '.join(map(str, shapes))}, H = {number}; requires {requirements}"
            if fits and all(size >= 1 for shape in expected for size in shape.dims):
                made = layer.outputs(*inputs)
                assert [(x.dims, x.dtype) for x in made] == [(x.dims, x.dtype) for x in expected], context
                assert layer.macs(*inputs) == evaluate(macs, {"H": number}), context
            elif not fits and not any(size == 1 for shape in inputs for size in shape.dims):
                with pytest.raises(ShapeError):  # sizes of 1 may fit by accident: they are stretched
                    layer.outputs(*inputs)

    check()


def at(shape: Shape, number: int) -> Shape:
    return shape.with_dims(*(int(evaluate(size, {"H": number})) for size in shape.dims))


def holds(requirement: Requirement, number: int) -> bool:
    return bool(requirement.at({"H": number}))
