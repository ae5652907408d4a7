"""What the oracle feeds the layers: arguments and input shapes, from the fields' types and a row of hints a layer.

A new layer needs a row only where its fields say too little: where a field's type has no strategy, where several
inputs must fit each other, or where most of what the types allow does not fit.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from netspec.layers.declaration.arguments import PADDINGS
from netspec.layers.declaration.base import Layer
from netspec.layers.declaration.initializers import FORMS
from netspec.shapes.shape import Shape

Shapes = tuple[Shape, ...]
FieldStrategy = Callable[[Shapes], SearchStrategy[Any]]


@dataclass(frozen=True)
class Case:
    """A call of a layer: its arguments and the shapes it is applied to."""

    arguments: dict[str, Any]
    shapes: Shapes


@dataclass(frozen=True)
class Row:
    """Hints for one layer: strategies for some fields (given the input shapes), and for the input shapes.

    `always` are fields that are given in every case although they have a default.
    """

    fields: dict[str, FieldStrategy] = field(default_factory=dict)
    shapes: SearchStrategy[Shapes] | None = None
    always: tuple[str, ...] = ()


def axes(shapes: Shapes) -> int:
    """The spatial axes of the first input."""
    return max(shapes[0].rank - 1, 1)


def one_or_list(values: SearchStrategy[Any]) -> FieldStrategy:
    """A value for all axes, or a list of one an axis."""
    return lambda shapes: values | st.lists(values, min_size=axes(shapes), max_size=axes(shapes))


def just(values: SearchStrategy[Any]) -> FieldStrategy:
    """The same strategy for all inputs."""
    return lambda _: values


def paddings(shapes: Shapes) -> SearchStrategy[Any]:
    """Every form of padding: a number, one an axis, pairs, names."""
    sides = st.integers(0, 3)
    pairs = st.lists(sides, min_size=2, max_size=2)
    each = {"min_size": axes(shapes), "max_size": axes(shapes)}
    return sides | st.lists(sides, **each) | st.lists(pairs | sides, **each) | st.sampled_from(PADDINGS)


def divisor_of_channels(shapes: Shapes) -> SearchStrategy[int]:
    """Mostly a divisor of the first input's channels."""
    channels = shapes[0].dims[0]
    return st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0] * 3 + [2, 3])


@st.composite
def maps(
    draw: st.DrawFn,
    ranks: tuple[int, ...] = (2, 3, 4),
    channels: SearchStrategy[int] = st.sampled_from((1, 2, 3, 4, 6, 8)),  # noqa: B008
    dtype: Any = "float",
) -> Shape:
    """A shape of one of the ranks, small enough to run thousands of."""
    rank = draw(st.sampled_from(ranks))
    largest = {0: 8, 1: 8, 2: 20, 3: 14}.get(rank, 8)
    spatial = draw(st.lists(st.integers(1, largest), min_size=max(rank - 1, 0), max_size=max(rank - 1, 0)))
    return Shape((draw(channels), *spatial) if rank else (), dtype)


@st.composite
def like_pairs(draw: st.DrawFn, near: int | None = None, dtype: Any = "float") -> Shapes:
    """A map, and half the time another of its rank."""
    x = draw(maps())
    return (x,) if draw(st.booleans()) else (x, Shape(draw(maps(ranks=(x.rank,))).dims))


@st.composite
def pooled(draw: st.DrawFn) -> Shapes:
    """Values, the indices of a max pool, and half the time something to be like."""
    x = draw(maps())
    shapes = (x, Shape(x.dims, "int"))
    if draw(st.booleans()):
        return shapes
    like = [max(1, 2 * size + draw(st.integers(-2, 2))) for size in x.spatial]
    return (*shapes, Shape((x.channels, *like)))


def twice(shapes: Shapes) -> SearchStrategy[list[int]]:
    """A size an axis, about twice that of the first input."""
    return st.tuples(*(st.integers(max(1, 2 * size - 1), 2 * size + 1) for size in shapes[0].spatial)).map(list)


FIELDS: dict[str, FieldStrategy] = {
    "kernel": one_or_list(st.integers(1, 4)),
    "stride": one_or_list(st.integers(1, 4)),
    "dilation": one_or_list(st.integers(1, 3)),
    "pad": paddings,
    "init": just(
        st.sampled_from((None, *FORMS, "trunc_normal(std=0.01)", "uniform(a=-0.5, b=0.5)")) | st.floats(0.001, 1)
    ),
    "bias_init": just(st.none() | st.floats(-4, 1) | st.just("normal(std=1e-06)")),
}
"""Strategies for fields of the same name and meaning in several layers."""


def amounts(largest: int) -> FieldStrategy:
    return one_or_list(st.integers(0, largest))


_GROUPED = {"channels": just(st.sampled_from((1, 2, 4, 6, 12))), "groups": divisor_of_channels}

ROWS: dict[str, Row] = {
    # convolution
    "conv": Row(_GROUPED),
    "upconv": Row(_GROUPED | {"pad": amounts(2), "output_pad": amounts(1)}),
    "depthwise_conv": Row({"multiplier": just(st.integers(1, 3))}),
    "separable_conv": Row({"multiplier": just(st.integers(1, 3))}),
    # pooling
    "lppool": Row({"p": just(st.sampled_from((1, 2, 1.5, 3)))}),
    "adaptive_avgpool": Row({"size": one_or_list(st.integers(1, 9) | st.none())}),
    "adaptive_maxpool": Row({"size": one_or_list(st.integers(1, 9) | st.none())}),
    "unpool": Row(
        {
            "kernel": one_or_list(st.integers(1, 3)),
            "stride": one_or_list(st.integers(1, 3)),
            "pad": amounts(1),
            "size": twice,
        },
        shapes=pooled(),
    ),
    # resampling
    "upsample": Row(
        {
            "scale": one_or_list(st.sampled_from((1, 2, 3, 0.5, 1.5, 2.7, 0.3))),
            "size": one_or_list(st.integers(1, 12)),
        },
        shapes=like_pairs(),
    ),
    "pixel_shuffle": Row(
        {"factor": just(st.integers(1, 3))}, maps((3,), st.sampled_from((1, 4, 8, 9, 12, 36))).map(lambda x: (x,))
    ),
    "pixel_unshuffle": Row({"factor": just(st.integers(1, 3))}),
    "channel_shuffle": Row({"groups": divisor_of_channels}),
    # normalization
    "batchnorm": Row({"eps": just(st.sampled_from((0.0, 1e-5, 0.5)))}),
    "groupnorm": Row({"groups": divisor_of_channels}),
    "layernorm": Row(always=("over",)),
    "rmsnorm": Row(always=("over",)),
}
"""A row for each layer that needs one."""


class NoStrategy(LookupError):
    """A field, an input or a layer that nothing is known for; add a row to ROWS."""


@st.composite
def cases(draw: st.DrawFn, cls: type[Layer]) -> Case:
    """Calls of the layer, most of which fit."""
    row = ROWS.get(cls.name, Row())
    shapes = draw(row.shapes if row.shapes is not None else inputs(cls))
    return Case(draw(arguments(cls, shapes)), shapes)


@st.composite
def arguments(draw: st.DrawFn, cls: type[Layer], shapes: Shapes) -> dict[str, Any]:
    """Arguments of the layer that may well fit values of these shapes; an optional one is given half the time."""
    row = ROWS.get(cls.name, Row())
    given: dict[str, Any] = {}
    for name, info in cls.model_fields.items():
        if not info.is_required() and name not in row.always and draw(st.integers(0, 9)) < 5:
            continue
        strategy = row.fields.get(name) or FIELDS.get(name) or _by_type(cls, name, info.annotation, info.metadata)
        given[name] = draw(strategy(shapes))
    return given


@st.composite
def inputs(draw: st.DrawFn, cls: type[Layer]) -> Shapes:
    """Shapes for the layer's tensors: all like the first, of any rank and element type that it declares."""
    dtype = draw(st.sampled_from(cls.dtypes))
    first = draw(maps(cls.ranks if cls.ranks is not None else (1, 2, 3, 4), dtype=dtype))
    count = 0
    for tensor in cls.tensors:
        if tensor.startswith("*"):
            count += draw(st.integers(1, 3))
        elif not tensor.endswith("?") or draw(st.booleans()):
            count += 1
    return (first,) * count


def _by_type(cls: type[Layer], name: str, annotation: Any, metadata: Any) -> FieldStrategy:
    strategy = _of_type(annotation, tuple(metadata))
    if strategy is None:
        raise NoStrategy(f"{cls.name}.{name} has the type {annotation}: give it a strategy in ROWS[{cls.name!r}]")
    return strategy


def _of_type(annotation: Any, metadata: tuple[Any, ...] = ()) -> FieldStrategy | None:
    """The strategy of a type; None where it has none."""
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *more = get_args(annotation)
        return _of_type(base, (*metadata, *more))
    if origin in (Union, types.UnionType):
        parts = [_of_type(part, metadata) for part in get_args(annotation)]
        if any(part is None for part in parts):
            return None
        return lambda shapes: st.one_of([part(shapes) for part in parts if part is not None])
    if origin is Literal:
        return just(st.sampled_from(get_args(annotation)))
    if origin is tuple and get_args(annotation)[1:] == (Ellipsis,):
        entry = _of_type(get_args(annotation)[0])
        if entry is None:
            return None
        return lambda shapes: st.lists(entry(shapes), min_size=axes(shapes), max_size=axes(shapes))
    least, most = _bounds(metadata)
    if annotation is bool:
        return just(st.booleans())
    if annotation is int:
        low = -3 if least is None else max(-3, int(least))
        return just(st.integers(low, low + 6 if most is None else min(low + 6, int(most))))
    if annotation is float:
        low_float = -2.0 if least is None else max(-2.0, float(least))
        high = low_float + 2 if most is None else min(low_float + 2, float(most))
        return just(st.floats(low_float, high, allow_subnormal=False))
    if annotation is type(None):
        return just(st.none())
    return None


def _bounds(metadata: tuple[Any, ...]) -> tuple[float | None, float | None]:
    """The least and the most that a number may be."""
    least: float | None = None
    most: float | None = None
    pending = list(metadata)
    while pending:
        item = pending.pop()
        if nested := getattr(item, "metadata", None):
            pending += nested
        match item:
            case annotated_types.Ge(ge=bound):
                least = bound
            case annotated_types.Gt(gt=bound):
                least = bound + 1 if isinstance(bound, int) else bound + 0.125
            case annotated_types.Le(le=bound):
                most = bound
            case annotated_types.Lt(lt=bound):
                most = bound - 1 if isinstance(bound, int) else bound - 0.125
    return least, most
