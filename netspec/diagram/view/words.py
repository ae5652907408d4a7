"""A layer in the few words that a figure has room for: `conv 3×3, 64, /2`, `BN`, `maxpool 2×2`.

Where a box stands for several layers that differ in their numbers, it says from which to which: `dilation 1…512`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, TypeAlias

from netspec.diagnostics import printable
from netspec.graph.graph import Scope
from netspec.layers.base import Layer, spec_literal
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize

LONGEST = 40
"""Characters of a line before it is cut."""
KEPT = "·"
"""The size of an axis that stays as it is."""

SHORT = {
    "adaptive_avgpool": "adaptive avgpool",
    "adaptive_maxpool": "adaptive maxpool",
    "batchnorm": "BN",
    "channel_dropout": "channel dropout",
    "depthwise_conv": "depthwise conv",
    "drop_path": "drop path",
    "elu": "ELU",
    "expand": "expand to",
    "gelu": "GELU",
    "global_avgpool": "global avgpool",
    "global_maxpool": "global maxpool",
    "groupnorm": "GN",
    "gru": "GRU",
    "hardswish": "h-swish",
    "instancenorm": "IN",
    "layernorm": "LN",
    "leaky_relu": "leaky ReLU",
    "log_softmax": "log-softmax",
    "lrn": "LRN",
    "lstm": "LSTM",
    "prelu": "PReLU",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "rmsnorm": "RMSNorm",
    "rnn": "RNN",
    "selu": "SELU",
    "separable_conv": "separable conv",
    "silu": "SiLU",
    "swiglu": "SwiGLU",
}
"""Names as papers write them, where that is not the spec's name."""

SYMBOLS = {"add": "+", "mul": "×", "sub": "−", "div": "÷", "pow": "^"}
"""Joins that are drawn as an operator in a circle."""

_FORMULAS = {
    ("add", False): "x + {}",
    ("mul", False): "{} · x",
    ("sub", False): "x − {}",
    ("sub", True): "{} − x",
    ("div", False): "x / {}",
    ("div", True): "{} / x",
    ("pow", False): "x^{}",
    ("pow", True): "{}^x",
    ("maximum", False): "max(x, {})",
    ("minimum", False): "min(x, {})",
}
"""Arithmetic with a number, by layer and whether the number comes first."""

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
    given = {
        name: _range(values[name])
        for name, field in type(first).model_fields.items()
        if field.is_required() or any(value != field.default for value in values[name])
    }
    name = SHORT.get(first.name, first.name)
    if "value" in given or "exponent" in given:
        formula = _FORMULAS.get((first.name, bool(getattr(first, "reverse", False))))
        if formula is not None:
            return clipped(formula.format(given.get("value", given.get("exponent", ""))))
    if first.name in ("adaptive_avgpool", "adaptive_maxpool"):
        given["size"] = _per_axis(given["size"], axes)
    if first.name == "expand":
        given["shape"] = given["shape"].replace("-1", KEPT)
    if first.name == "embedding":
        given["count"] += f" → {given.pop('features')}"
    if first.name in _WINDOWS:
        return clipped(_window(name, given, axes))
    return clipped(", ".join(filter(None, [f"{name} {parts[0]}" if (parts := _named(given)) else name, *parts[1:]])))


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
    """A value's shape as `64 × 56 × 56`; of several of the same rank, each size from the least to the greatest."""
    first = shapes[0]
    if not first.dims:
        return "scalar"
    if any(shape.rank != first.rank for shape in shapes):
        return " / ".join(dict.fromkeys(shape_words([shape]) for shape in shapes))
    sizes = [_sizes([shape.dims[axis] for shape in shapes]) for axis in range(first.rank)]
    return clipped(" × ".join(sizes))


def count_words(count: Dimension) -> str:
    """A count in three figures: `25.6 M`, `4.09 G`; an expression where sizes are open."""
    if isinstance(count, OpenSize):
        return clipped(str(count))
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            figure = f"{count / size:.3g}"
            return f"{count / size:.0f} {unit}" if "e" in figure else f"{figure} {unit}"
    return str(count)


def clipped(text: str, longest: int = LONGEST) -> str:
    """The text made printable and cut where it is too long for a figure."""
    text = printable(text[: 4 * longest])
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _window(name: str, given: Arguments, axes: int) -> str:
    """A convolution or a pool: kernel, channels, stride, and what else is not usual."""
    kernel, stride = _per_axis(given["kernel"], axes), given.get("stride", "none")
    parts = [kernel, given.get("channels", "")]
    if stride not in ("1", "none", given["kernel"] if name.endswith("pool") else ""):
        parts.append(f"stride {_times(stride)}" if name == "upconv" else f"/{_times(stride)}")
    parts.extend(_named({key: value for key, value in given.items() if key not in ("kernel", "channels", "stride")}))
    return f"{name} {', '.join(filter(None, parts))}"


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

_WINDOWS = frozenset({"conv", "depthwise_conv", "separable_conv", "upconv", "maxpool", "avgpool", "lppool", "unpool"})
"""Layers that slide a window."""


def _per_axis(size: str, axes: int) -> str:
    """`3` over two axes is `3×3`, `[1, 7]` is `1×7`."""
    return _times(size) if size.startswith("[") or axes < 1 else "×".join([size] * axes)


def _times(size: str) -> str:
    """`[1, 7]` as `1×7`; one number stays as it is."""
    return "×".join(part.strip() for part in size[1:-1].split(",")) if size.startswith("[") else size


def _range(values: Sequence[Any]) -> str:
    """The one value, or `1…512` for several."""
    different = list(dict.fromkeys(map(_literal, values)))
    if len(different) == 1:
        return different[0]
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
