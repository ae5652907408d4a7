"""Rows for the layers that compute element by element, move elements about, or run over sequences."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from strategies import ROWS, FieldStrategy, Row, Shapes, axes, divisor_of_channels, just, maps

from netspec.shapes.sets import Set
from netspec.shapes.shape import Shape

STRICTER: dict[tuple[str, str], str] = {
    ("*", "there is no axis"): "torch counts the batch among the axes",
    ("*", "twice"): "torch lets some functions name an axis twice",
    ("*", "cannot put an axis"): "torch would put it before the batch",
    ("*", "takes one value and a number"): "what is emitted would ignore the second value",
    ("*", "of two values needs no reverse"): "what is emitted would ignore it",
    ("*", "has 1 axis, the other"): "torch aligns shapes from the right, the batch with some axis",
    ("*", "has 2 axes, the other"): "torch aligns shapes from the right, the batch with some axis",
    ("*", "has 3 axes, the other"): "torch aligns shapes from the right, the batch with some axis",
    ("*", "has 4 axes, the other"): "torch aligns shapes from the right, the batch with some axis",
    ("*", "takes two values, or a value and a number"): "what is emitted would be the value alone",
    ("unembed", "adds a number to each of"): "torch stretches a score, or a bias, where one of them is single",
    ("swiglu", "do not divide"): "torch makes unequal halves, and may stretch one",
    ("clamp", "min must not exceed max"): "torch returns max everywhere",
    ("div", "divides a value by 0"): "torch returns infinity",
    ("layernorm", "needs several values"): "torch gives the bias, whatever enters",
    ("rmsnorm", "needs several values"): "torch gives the sign alone, which has no gradient",
    ("std", "divides by the number of elements less"): "torch returns nan",
    ("var", "divides by the number of elements less"): "torch returns nan",
    ("equal", "takes two values, or"): "what is emitted would ignore the number",
    ("not_equal", "takes two values, or"): "what is emitted would ignore the number",
    ("less", "takes two values, or"): "what is emitted would ignore the number",
    ("less_equal", "takes two values, or"): "what is emitted would ignore the number",
    ("greater", "takes two values, or"): "what is emitted would ignore the number",
    ("greater_equal", "takes two values, or"): "what is emitted would ignore the number",
    ("where", "takes a condition and two values"): "what is emitted would ignore the number",
    ("where", "numbers of one type"): "torch promotes",
    ("reshape", "elements"): "torch may move elements from sample to sample",
    ("squeeze", "leaves out axes of size 1"): "torch leaves the axis in",
    ("split", "add up to"): "one part is the value itself, whatever its size is said to be",
    ("split", "equal parts"): "torch makes the last part smaller, or makes fewer parts",
    ("concat", "their element types differ"): "torch promotes",
    ("stack", "their element types differ"): "torch promotes",
    ("center_crop", "not both"): "what is emitted would ignore the size",
    ("attention", "causal attention"): "torch counts the positions of unequal sequences from their starts",
    ("attention", "a mask holds"): "torch warns",
    ("*", "or alone with final=true"): "a contradiction in the spec; what is emitted would ignore one of the two",
    ("local_conv", "follows from the inputs"): "torch would take positions for filters",
    ("lstm", "acts between its layers"): "torch warns",
    ("gru", "acts between its layers"): "torch warns",
    ("rnn", "acts between its layers"): "torch warns",
    ("param", "has no standard deviation"): "what is emitted would ignore it",
    ("batchnorm", "a frozen batchnorm has"): "what is emitted would ignore it",
    ("*", "no larger than its image"): "the stride would be 0: all boxes in one place",
    ("*", "so these are"): "torch stretches axes of 1, and aligns others from the right",
    ("*", "cannot join"): "torch stretches axes of 1",
    ("default_boxes", "takes an entry of"): "torch is given more than it reads",
}
"""As in test_against_torch: what netspec refuses although torch runs it, and why."""


def axis(shapes: Shapes) -> SearchStrategy[int]:
    """An axis of the first input, from either end."""
    rank = shapes[0].rank
    return st.integers(-rank, rank - 1)


def some_axes(shapes: Shapes) -> SearchStrategy[Any]:
    """One axis of the first input, or several."""
    return axis(shapes) | st.lists(axis(shapes), min_size=1, max_size=shapes[0].rank)


def new_axis(shapes: Shapes) -> SearchStrategy[int]:
    return st.integers(-shapes[0].rank - 1, shapes[0].rank)


def sides(shapes: Shapes) -> SearchStrategy[Any]:
    """A number, one an axis, pairs."""
    amounts = st.integers(0, 3)
    pairs = st.lists(amounts, min_size=2, max_size=2)
    return amounts | st.lists(amounts | pairs, min_size=axes(shapes), max_size=axes(shapes))


def partition(shapes: Shapes) -> SearchStrategy[Any]:
    """A number of parts, or sizes that add up to the channels."""
    channels = int(shapes[0].dims[0])
    cuts = st.sets(st.integers(1, channels - 1), max_size=3) if channels > 1 else st.just(set[int]())
    sizes = cuts.map(lambda at: [b - a for a, b in zip([0, *sorted(at)], [*sorted(at), channels], strict=True)])
    return sizes | st.integers(1, 4)


def other_shapes(shapes: Shapes) -> SearchStrategy[list[int]]:
    """A shape with the elements of the first input, or with -1 in one place."""
    elements = int(shapes[0].elements)

    @st.composite
    def draw_shape(draw: st.DrawFn) -> list[int]:
        left, sizes = elements, list[int]()
        for _ in range(draw(st.integers(0, 2))):
            sizes.append(draw(st.sampled_from([n for n in range(1, left + 1) if left % n == 0])))
            left //= sizes[-1]
        sizes.append(left + draw(st.sampled_from((0, 0, 0, 1))))
        if draw(st.booleans()):
            sizes[draw(st.integers(0, len(sizes) - 1))] = -1
        return sizes

    return draw_shape()


def expanded(shapes: Shapes) -> SearchStrategy[list[int]]:
    """A size an axis, most of which fit."""
    return st.tuples(
        *(st.integers(1, 4) | st.just(-1) if size == 1 else st.sampled_from((-1, size)) for size in shapes[0].dims)
    ).map(list)


@st.composite
def patterns(draw: st.DrawFn, shapes: Shapes) -> str:
    """A pattern that splits every axis in two, and joins them in another order."""
    names = [[f"a{axis}", f"b{axis}"] for axis in range(shapes[0].rank)]
    left = " ".join(f"({' '.join(draw(st.permutations(pair)))})" for pair in names)
    order = draw(st.permutations([name for pair in names for name in pair]))
    cuts = draw(st.sets(st.integers(1, len(order) - 1)))
    ends = [0, *sorted(cuts), len(order)]
    groups = [order[start:end] for start, end in pairwise(ends)]
    right = [f"({' '.join(group)})" if len(group) > 1 else group[0] for group in groups]
    if draw(st.booleans()):
        right.insert(draw(st.integers(0, len(right))), "1")
    return f"{left} -> {' '.join(right)}"


@st.composite
def factors(draw: st.DrawFn, shapes: Shapes) -> dict[str, int]:
    """A divisor of each axis, now and then another number."""
    sizes = {f"b{axis}": [n for n in range(1, size + 1) if size % n == 0] for axis, size in enumerate(shapes[0].dims)}
    return {name: draw(st.sampled_from(divisors * 6 + [2])) for name, divisors in sizes.items()}


@st.composite
def with_ones(draw: st.DrawFn, least: int = 1, most: int = 3) -> Shapes:
    """Values of one shape but for some sizes of 1, and now and then one that does not fit."""
    x = draw(maps((1, 2, 3), dtype=draw(st.sampled_from(("float", "float", "int")))))
    shapes = []
    for _ in range(draw(st.integers(least, most))):
        dims = [draw(st.sampled_from((size, size, size, 1))) for size in x.dims]
        if draw(st.integers(0, 9)) == 0:
            dims[draw(st.integers(0, x.rank - 1))] += 1
        if draw(st.integers(0, 19)) == 0:
            dims.append(1)
        shapes.append(Shape(tuple(dims), x.dtype))
    return tuple(shapes)


def ones_here_and_there() -> SearchStrategy[Shapes]:
    return st.lists(st.sampled_from((1, 1, 2, 5)), min_size=1, max_size=4).map(lambda dims: (Shape(tuple(dims)),))


@st.composite
def joined(draw: st.DrawFn) -> Shapes:
    """Values that differ in their channels."""
    x = draw(maps((1, 2, 3, 4), dtype=draw(st.sampled_from(("float", "int")))))
    return (x, *(x.replace(axis=0, size=draw(st.integers(1, 5))) for _ in range(draw(st.integers(0, 2)))))


@st.composite
def matrices(draw: st.DrawFn) -> Shapes:
    """Two matrices, or stacks of them, most of which fit."""
    n, k, m = (draw(st.integers(1, 6)) for _ in range(3))
    stacks = draw(st.lists(st.integers(1, 4), max_size=2))
    inner = k + (draw(st.integers(0, 9)) == 0)
    return Shape((*stacks, n, k)), Shape((*stacks, inner, m))


@st.composite
def looked_up(draw: st.DrawFn) -> Shapes:
    """A table and indices, which are now and then floats."""
    table = draw(maps((1, 2, 3), dtype=draw(st.sampled_from(("float", "int")))))
    return table, draw(maps((0, 1, 2), dtype=draw(st.sampled_from(("int",) * 9 + ("float",)))))


@st.composite
def scored(draw: st.DrawFn) -> Shapes:
    """Features, a table and perhaps a bias, most of which fit."""
    x = draw(maps((1, 2, 3)))
    width = draw(st.sampled_from((x.dims[-1],) * 9 + (5,)))
    rows = draw(st.integers(1, 9))
    biases = draw(st.sampled_from(((), (), (rows,), (5,))))
    return x, Shape.of(rows, width), *(Shape.of(size) for size in biases)


@st.composite
def chosen(draw: st.DrawFn) -> Shapes:
    """A condition and one value or two, sizes of 1 here and there."""
    condition, *values = draw(with_ones(least=2, most=3))
    return Shape(condition.dims, "bool"), *values


@st.composite
def cropped(draw: st.DrawFn) -> Shapes:
    """A map, and half the time a smaller one of its rank."""
    x = draw(maps())
    if draw(st.booleans()):
        return (x,)
    return x, Shape((draw(st.integers(1, 4)), *(max(1, int(size) - draw(st.integers(-1, 6))) for size in x.spatial)))


@st.composite
def sequences(draw: st.DrawFn) -> Shapes:
    """A query alone, or with keys, values and a mask."""
    features, length, others = draw(st.sampled_from((2, 4, 6, 12))), draw(st.integers(1, 7)), draw(st.integers(1, 7))
    leading = draw(st.sampled_from(((), (), (3,), (2, 3))))
    shapes = [Shape.of(*leading, length, features)]
    count = draw(st.integers(1, 4))
    if count > 1:
        shapes.append(Shape.of(*leading, others, draw(st.sampled_from((features, features, 3)))))
    if count > 2:
        shapes.append(Shape.of(*leading, others, draw(st.sampled_from((features, features, 5)))))
    if count > 3:
        dims = draw(st.sampled_from(((others,), (length, others), (2, length, others))))
        shapes.append(Shape(dims, draw(st.sampled_from(("float", "bool")))))
    return tuple(shapes)


@st.composite
def over_an_image(draw: st.DrawFn, several: bool = False) -> Shapes:
    """One map or several and their image, which is now and then smaller."""
    found = [draw(maps((3,))) for _ in range(draw(st.integers(1, 3)) if several else 1)]
    sides = [max(int(x.dims[axis]) for x in found) for axis in (1, 2)]
    stride = draw(st.sampled_from((1, 2, 2, 3)))
    less = draw(st.integers(0, 9)) == 0
    return (*found, Shape.of(3, *(max(1, side * stride - less) for side in sides)))


def lengths(count: int | None = None) -> SearchStrategy[list[Any]]:
    """Lengths in pixels, so many."""
    length = st.integers(1, 64) | st.floats(0.25, 8)
    return st.lists(length, min_size=count or 1, max_size=count or 3)


def for_each_map(entry: SearchStrategy[Any], more: int = 0) -> FieldStrategy:
    """An entry for each map, and now and then one too many."""

    def drawn(shapes: Shapes) -> SearchStrategy[Any]:
        count = len(shapes) - 1 + more
        return st.sampled_from((count,) * 9 + (count + 1,)).flatmap(lambda n: st.lists(entry, min_size=n, max_size=n))

    return drawn


@st.composite
def fours(draw: st.DrawFn) -> Shapes:
    """Four numbers for each box of another value, which may lack an axis; most of them fit."""
    leading = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    last = draw(st.sampled_from((4,) * 9 + (5,)))
    boxes = leading[: len(leading) - draw(st.sampled_from((0, 1)))]
    boxes = [size + (draw(st.integers(0, 19)) == 0) for size in boxes]
    return Shape.of(*leading, last), Shape.of(*boxes, 4)


@st.composite
def cells(draw: st.DrawFn) -> Shapes:
    """A grid of cells, of as many numbers as fit several counts of boxes, and the image."""
    x, image = draw(over_an_image())
    return x.replace(axis=0, size=draw(st.sampled_from((6, 12, 14, 18, 30)))), image


MEMBERS = Set(10, "members")


@st.composite
def boxes_with_scores(draw: st.DrawFn) -> Shapes:
    """Scores, a box for each row or each score, and the image: of a picture, with levels or not; or of a set."""
    rows, classes = draw(st.integers(1, 5)), draw(st.sampled_from((1, 2, 3)))
    boxes = [rows + (draw(st.integers(0, 9)) == 0)] + [classes] * draw(st.integers(0, 1))
    image = Shape.of(3, 5, 7)
    if draw(st.booleans()):
        of_set = (Shape.of(classes), Shape.of(*boxes[1:], 4))
        return (*(shape.of_each(MEMBERS) for shape in of_set), image)
    levels = [Shape.of(rows, dtype="int")] * draw(st.integers(0, 1))
    return Shape.of(rows, classes), Shape.of(*boxes, 4), image, *levels


@st.composite
def proposed(draw: st.DrawFn) -> Shapes:
    rows = draw(st.integers(1, 6))
    more = rows + (draw(st.integers(0, 9)) == 0)
    return Shape.of(rows, 4), Shape.of(more), Shape.of(rows, dtype="int"), Shape.of(3, 5, 7)


@st.composite
def of_boxes(draw: st.DrawFn, *, several: bool) -> Shapes:
    """Maps of an image, and the boxes of a set."""
    *maps, image = draw(over_an_image(several=several))
    same = [x.replace(axis=0, size=maps[0].channels + (draw(st.integers(0, 19)) == 0)) for x in maps]
    return *same, Shape.of(4).of_each(MEMBERS), image


@st.composite
def masks_of_boxes(draw: st.DrawFn) -> Shapes:
    side = draw(st.integers(1, 5))
    mask = Shape.of(side, side + (draw(st.integers(0, 9)) == 0))
    return mask.of_each(MEMBERS), Shape.of(4).of_each(MEMBERS), Shape.of(3, 5, 7)


@st.composite
def indexed(draw: st.DrawFn) -> Shapes:
    """A value, and an index for each of its first axes, of a picture or of a set."""
    dims = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    each = draw(st.sampled_from((None, MEMBERS)))
    index = Shape.of(*dims[: draw(st.integers(0, len(dims)))], dtype="int")
    return Shape.of(*dims).of_each(each), index.of_each(each)


def one(shape: SearchStrategy[Shape]) -> SearchStrategy[Shapes]:
    return shape.map(lambda x: (x,))


NUMBERS = st.integers(-3, 3) | st.floats(-3, 3, allow_subnormal=False)
AXIS = {"axis": axis}
AXES = {"axes": some_axes}
EVEN = one(maps((1, 2, 3, 4), st.sampled_from((2, 4, 8, 12, 12, 3))))


@st.composite
def steps(draw: st.DrawFn) -> Shapes:
    """A sequence, half the time with one state or two of it."""
    x = draw(maps((2,)))
    state = draw(st.sampled_from((Shape.of(2), Shape.of(3), Shape.of(2, 2))))
    return (x, *[state] * draw(st.sampled_from((0, 0, 1, 2))))


@st.composite
def steps_of_one_state(draw: st.DrawFn) -> Shapes:
    return draw(steps())[:2]


RECURRENT = {"hidden": just(st.sampled_from((2, 2, 3, 5))), "layers": just(st.sampled_from((1, 1, 2, 3)))}

ROWS.update(
    {
        # activation
        **{name: Row(AXIS) for name in ("softmax", "log_softmax", "softmin")},
        "glu": Row({"axis": just(st.sampled_from((0, 0, -1)))}, EVEN),
        "swiglu": Row({"axis": just(st.sampled_from((0, 0, -1)))}, EVEN),
        "maxout": Row({"axis": just(st.sampled_from((0, 0, -1))), "pieces": just(st.integers(1, 4))}, EVEN),
        "clamp": Row({"min": just(st.floats(-2, 0)), "max": just(st.floats(-1, 2))}, always=("max",)),
        "hardtanh": Row({"min": just(st.floats(-2, 0)), "max": just(st.floats(0, 2))}),
        "rrelu": Row({"lower": just(st.floats(0, 0.3)), "upper": just(st.floats(0.3, 1))}),
        # linear
        "linear": Row(shapes=one(maps((1, 2, 3, 4)))),
        "embedding": Row({"count": just(st.integers(1, 9))}),
        # shape
        "flatten": Row({"start": axis, "end": axis}),
        "rearrange": Row({"pattern": patterns, "sizes": factors}, always=("sizes",)),
        "reshape": Row({"shape": other_shapes}),
        "permute": Row({"axes": lambda shapes: st.permutations(range(shapes[0].rank))}),
        "transpose": Row({"a": axis, "b": axis}),
        "expand": Row({"shape": expanded}, ones_here_and_there()),
        "squeeze": Row({"axis": some_axes}, ones_here_and_there()),
        "unsqueeze": Row({"axis": new_axis}),
        "split": Row({"parts": partition, "axis": just(st.sampled_from((0, 0, 0, -1)))}),
        "select": Row({"axis": axis, "index": just(st.integers(-3, 3) | st.lists(st.integers(-3, 3), min_size=1))}),
        "slice": Row({"axis": axis, "step": just(st.integers(1, 3))}),
        "pad": Row({"amount": sides, "axis": just(st.sampled_from((None, None, 0, -1)))}, always=("mode",)),
        "crop": Row({"amount": sides}),
        "center_crop": Row({"size": lambda shapes: st.integers(1, 9)}, cropped()),
        "flip": Row({"axis": some_axes}),
        "roll": Row({"axis": axis, "shift": just(st.integers(-3, 3))}),
        "concat": Row({"axis": just(st.sampled_from((0, 0, -1)))}, joined()),
        "stack": Row({"axis": new_axis}),
        # arithmetic
        **{
            name: Row({"value": just(st.none() | NUMBERS)}, with_ones())
            for name in ("add", "mul", "maximum", "minimum")
        },
        **{
            name: Row({"value": just(st.none() | NUMBERS), "exponent": just(st.none() | NUMBERS)}, with_ones(most=2))
            for name in ("sub", "div", "pow")
        },
        **{
            name: Row({"value": just(st.none() | NUMBERS)}, with_ones(most=2))
            for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
        },
        "where": Row({"value": just(st.none() | NUMBERS)}, chosen()),
        "gather": Row(shapes=looked_up()),
        "unembed": Row(shapes=scored()),
        "matmul": Row(shapes=matrices()),
        # reduction
        **{name: Row(AXES) for name in ("mean", "sum", "max", "min", "var", "std")},
        "norm": Row(AXES | {"order": just(st.sampled_from((1, 2, 3, 0.5)))}),
        "argmax": Row(AXIS),
        "position": Row(AXIS),
        # sequences
        "attention": Row({"heads": just(st.sampled_from((1, 2, 3)))}, sequences()),
        "lstm": Row(RECURRENT, steps()),
        "gru": Row(RECURRENT, steps_of_one_state()),
        "rnn": Row(RECURRENT, steps_of_one_state()),
        # boxes
        "per_anchor": Row({"n": divisor_of_channels}, one(maps((3,)))),
        "anchors": Row(
            {"sizes": for_each_map(lengths(1).map(lambda one: one[0]) | lengths()), "ratios": just(lengths())},
            over_an_image(several=True),
        ),
        "default_boxes": Row(
            {
                "scales": for_each_map(st.floats(0.05, 1.2), more=1),
                "ratios": for_each_map(st.lists(st.floats(0.25, 4), max_size=3)),
                "steps": for_each_map(st.integers(1, 40)),
            },
            over_an_image(several=True),
        ),
        **{
            name: Row({"weights": just(lengths(4))}, fours())
            for name in ("box_decode", "box_encode", "distance_decode", "distance_encode")
        },
        "clip_boxes": Row(shapes=fours().map(lambda both: (both[0], Shape.of(3, 5, 7)))),
        "detections": Row(
            {
                "least": just(st.floats(0, 1)),
                "iou": just(st.floats(0.1, 1)),
                "before": just(st.none() | st.integers(1, 9)),
                "smallest": just(st.floats(0, 2)),
            },
            boxes_with_scores(),
        ),
        "proposals": Row(
            {"training": just(st.none() | st.integers(1, 9)), "smallest": just(st.floats(0, 2))}, proposed()
        ),
        "roi_align": Row({"size": just(st.integers(1, 4)), "samples": just(st.integers(1, 3))}, of_boxes(several=True)),
        "roi_pool": Row({"size": just(st.integers(1, 4))}, of_boxes(several=False)),
        "pick": Row(shapes=indexed()),
        "paste_masks": Row(shapes=masks_of_boxes()),
        "yolo_cells": Row({"boxes": just(st.integers(1, 3))}, cells()),
        "yolo_boxes": Row({"sides": just(st.lists(lengths(2), min_size=1, max_size=3))}, cells()),
        # parameters
        "scale": Row(AXIS),
        "param": Row({"std": just(st.floats(0.1, 1))}),
    }
)
