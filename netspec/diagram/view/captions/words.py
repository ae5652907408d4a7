"""A layer in the few words that a figure has room for: `conv 3×3, 64, /2`, `BN`, `maxpool 2×2`.

Where a box stands for several layers that differ in their numbers, it says from which to which: `dilation 1…512`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any, TypeAlias

from netspec.diagnostics import printable
from netspec.graph.graph import Scope
from netspec.layers.declaration.base import Layer, spec_literal
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize

LONGEST = 40
"""Characters of a line before it is cut."""

_QUIET = frozenset(
    {
        *(
            "affine",
            "alpha",
            "axis",
            "beta",
            "bias",
            "bias_init",
            "ceil",
            "count_include_pad",
            "end",
            "eps",
            "init",
            "k",
        ),
        *(
            "momentum",
            "output_pad",
            "pad",
            "pad_mode",
            "shared",
            "slope",
            "start",
            "std",
            "trainable",
            "track",
            "weight_norm",
        ),
    }
)
"""Arguments that a figure leaves out: they are in the tooltip, and the table has them."""

Arguments: TypeAlias = Mapping[str, str]


def layer_words(layers: Sequence[Layer], axes: int = 0) -> str:
    """One layer, or the layers of the same type that one box stands for, in a line.

    `axes` is the number of spatial axes: a kernel of 3 is written 3×3 over two of them.
    """
    first = layers[0]
    values = {name: [getattr(layer, name) for layer in layers] for name in type(first).model_fields}
    texts = {
        name: _range(values[name])
        for name, field in type(first).model_fields.items()
        if field.is_required() or any(value != field.default for value in values[name])
    }
    if formula := first.formula():
        return clipped(formula.format(**texts))
    if texts.get("stride") == texts.get("kernel") and _lie_side_by_side(first):
        texts.pop("stride", None)
    texts |= {name: _per_axis(texts[name], axes) for name in first.sizes_per_axis if name in texts}
    name, told = first.figure_name or first.name, first.figure_arguments(texts)
    if texts.get("pad") == "causal":
        name = f"causal {name}"
    if "kernel" in told:
        return clipped(f"{name} {', '.join(filter(None, _window(first, told)))}")
    return clipped(", ".join(filter(None, [f"{name} {parts[0]}" if (parts := _named(told)) else name, *parts[1:]])))


def scope_words(scopes: Sequence[Scope], told: Container[str]) -> str:
    """A block instance, or the alike instances that one box stands for: `Bottleneck(64, stride=2)`.

    The arguments that are not `told` are left out; where the rest is long, it is values alone.
    """
    first = scopes[0]
    if first.kind == "container":
        return ""
    shown = [name for name, _ in first.arguments if name in told]
    if not shown or "(" in first.title:
        return clipped(first.title or first.kind)
    of_each = [dict(scope.arguments) for scope in scopes]
    values = {name: _range([arguments[name] for arguments in of_each]) for name in shown}
    named = [values[shown[0]], *(f"{name}={values[name]}" for name in shown[1:])]
    text = f"{first.title}({', '.join(named)})"
    return clipped(text if len(text) <= LONGEST * 3 // 4 else f"{first.title}({', '.join(values.values())})")


def shape_words(shapes: Sequence[Shape]) -> str:
    """A value's shape as `64 × 56 × 56`, `256 × 7 × 7 each rois`; of several of the same rank, each size from the least
    to the greatest.
    """
    first = shapes[0]
    if first.each is not None:
        return f"{shape_words([shape.of_each(None) for shape in shapes])} each {clipped(first.each.name)}"
    if not first.dims:
        return "scalar"
    if any(shape.rank != first.rank for shape in shapes):
        return " / ".join(dict.fromkeys(shape_words([shape]) for shape in shapes))
    sizes = [_sizes([shape.dims[axis] for shape in shapes]) for axis in range(first.rank)]
    return clipped(" × ".join(sizes))


def short_shape(words: str) -> str:
    """A shape in fewer letters: `64×56²` for `64 × 56 × 56`."""
    return _ALIKE.sub(_power, words.replace(" × ", "×"))


_ALIKE = re.compile(r"(?<=×)(?!1×)(\d+)(×\1)+(?![^\s,/])")
"""Sizes in a shape that are the same at its end; 1 × 1 stays as it is."""


def _power(alike: re.Match[str]) -> str:
    return alike[1] + {2: "²", 3: "³"}.get(alike[0].count("×") + 1, alike[0][len(alike[1]) :])


def count_words(count: Dimension) -> str:
    """A count in three figures: `25.6 M`, `4.09 G`; an expression where sizes are open."""
    if isinstance(count, OpenSize):
        return clipped(str(count))
    for size, unit in _UNITS:
        if count >= size:
            figure = f"{count / size:.3g}"
            return f"{count / size:.0f} {unit}" if "e" in figure else f"{figure} {unit}"
    return str(count)


def in_one_unit(counts: Sequence[int]) -> tuple[str, list[str]]:
    """The unit of the largest count, and all counts in it with decimals alike, so that they line up; – for none.

    Counts that are all small have no unit, and no decimals.
    """
    largest = max(counts, default=0)
    size, unit = next(((size, unit) for size, unit in _UNITS if largest >= 10 * size), (1, ""))
    decimals = 0 if size == 1 else 2 if all(not count or count >= size / 200 for count in counts) else 3
    least = f"<{10**-decimals:.{decimals}f}"
    return unit, [
        "–" if not count else f"{count / size:,.{decimals}f}" if count * 2 * 10**decimals >= size else least
        for count in counts
    ]


def alike(counts: Sequence[Dimension]) -> list[str]:
    """Counts as `count_words` has them, but in the unit of the largest, with as many decimals as three figures of that.

    What would be nothing then keeps a unit of its own.
    """
    closed = [count for count in counts if isinstance(count, int)]
    size, unit = next(((size, unit) for size, unit in _UNITS if max(closed, default=0) >= size), (1, ""))
    if size == 1 or len(closed) < len(counts):
        return list(map(count_words, counts))
    decimals = max(0, 3 - len(str(max(closed) // size)))
    least = size / 10**decimals
    return [f"{count / size:.{decimals}f} {unit}" if count >= least else count_words(count) for count in closed]


_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def clipped(text: str, longest: int = LONGEST) -> str:
    """The text made printable and cut where it is too long for a figure."""
    text = printable(text[: 4 * longest])
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _lie_side_by_side(layer: Layer) -> bool:
    """Whether its windows do so unless it says otherwise, as a pool's: its stride is then its kernel."""
    stride = type(layer).model_fields.get("stride")
    return stride is not None and stride.default is None


def _window(layer: Layer, told: Arguments) -> list[str]:
    """A convolution or a pool: kernel, channels, stride, and what else is not usual."""
    parts = [told["kernel"], told.get("channels", "")]
    if "stride" in told and told["stride"] not in ("1", "none"):
        parts.append(f"stride {_times(told['stride'])}" if layer.enlarges else f"/{_times(told['stride'])}")
    return parts + _named({key: value for key, value in told.items() if key not in ("kernel", "channels", "stride")})


def _named(given: Arguments) -> list[str]:
    parts = []
    for key, value in given.items():
        if key in _QUIET:
            continue
        if key in _BARE:
            parts.append(_times(value) if key in ("size", "shape") else value)
        elif value in ("true", "false"):
            parts.append(key.replace("_", " ") if value == "true" else f"no {key.replace('_', ' ')}")
        else:
            parts.append(f"{key} {value}")
    return parts


_BARE = frozenset(
    {
        *("a", "axes", "b", "channels", "classes", "count", "factor", "features", "hidden", "index", "mode", "p"),
        *("pieces", "scale", "shape", "size"),
    }
)
"""Arguments whose value speaks for itself."""


def _per_axis(size: str, axes: int) -> str:
    """`3` over two axes is `3×3`, `[1, 7]` is `1×7`."""
    return _times(size) if size.startswith("[") or axes < 1 else "×".join([size] * axes)


def _times(size: str) -> str:
    """`[1, 7]` as `1×7`; one number stays as it is."""
    return "×".join(part.strip() for part in size[1:-1].split(",")) if size.startswith("[") else size


def _range(values: Sequence[Any]) -> str:
    """The one value, or `1…512` for several; `5 × (1…512)` where they come again and again in the same order."""
    different = list(dict.fromkeys(map(_literal, values)))
    if len(different) == 1:
        return different[0]
    cycles, rest = divmod(len(values), len(different))
    if cycles > 1 and not rest and list(map(_literal, values)) == different * cycles:
        return f"{cycles} × ({_range(values[: len(different)])})"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return f"{_literal(min(values))}…{_literal(max(values))}"
    return f"{different[0]}…{different[-1]}"


def _literal(value: Any) -> str:
    """A value as the spec writes it; a fraction of many digits with four."""
    return f"{value:.4g}" if isinstance(value, float) and len(repr(value)) > 7 else spec_literal(value)


def _sizes(sizes: Sequence[Dimension]) -> str:
    different = list(dict.fromkeys(map(str, sizes)))
    if len(different) == 1:
        return different[0]
    closed = [size for size in sizes if isinstance(size, int)]
    return f"{min(closed)}…{max(closed)}" if len(closed) == len(sizes) else f"{different[0]}…{different[-1]}"
