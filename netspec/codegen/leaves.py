"""Single layers: their arguments by name, PyTorch's defaults, and how their construction is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from netspec.codegen.layout import Bracket, Expr, call
from netspec.codegen.naming import is_plain_word
from netspec.codegen.patterns import Literal, Resolved, frozen, same
from netspec.layers.base import TorchCall

KEYWORDS: dict[str, Any] = {
    "stride": 1,
    "padding": 0,
    "output_padding": 0,
    "dilation": 1,
    "groups": 1,
    "bias": True,
    "padding_mode": "zeros",
    "eps": 1e-5,
    "momentum": 0.1,
    "affine": True,
    "track_running_stats": True,
    "ceil_mode": False,
    "count_include_pad": True,
}
"""PyTorch's defaults of keyword arguments, in the order that they are written."""
_WITH_DEFAULTS = re.compile(
    r"\w*Conv\w*\dd|nn\.(Conv|Linear|BatchNorm|GroupNorm|LayerNorm|InstanceNorm|MaxPool|AvgPool)"
)
_POSITIONAL = [
    (re.compile(r"nn\.(Conv|ConvTranspose)\dd|\w*Conv\w*\dd"), ("in_channels", "out_channels", "kernel_size")),
    (re.compile(r"nn\.(BatchNorm|InstanceNorm)\dd"), ("channels",)),
    (re.compile(r"nn\.GroupNorm"), ("groups", "channels")),
    (re.compile(r"nn\.(LayerNorm|RMSNorm)"), ("features",)),
    (re.compile(r"nn\.Linear"), ("in_features", "out_features")),
    (re.compile(r"nn\.\w*Pool\dd"), ("kernel_size",)),
    (re.compile(r"nn\.\w*Dropout\w*"), ("p",)),
    (re.compile(r"nn\.Embedding"), ("count", "features")),
]


@cache
def _defaults(target: str) -> dict[str, Any]:
    """PyTorch's defaults of the keyword arguments of a class, as far as they are known."""
    if not _WITH_DEFAULTS.match(target):
        return {}
    if "InstanceNorm" in target:
        return KEYWORDS | {"affine": False, "track_running_stats": False}
    return {name: value for name, value in KEYWORDS.items() if name != "stride" or "Pool" not in target}


@cache
def _positions(target: str) -> tuple[str, ...]:
    """The names of the arguments of a class that are given by position."""
    return next((names for pattern, names in _POSITIONAL if pattern.match(target)), ())


def arguments(call: TorchCall, keywords: Iterable[str] = ()) -> dict[str, Any]:
    """All arguments by name; those given by position have their name in the signature, or `argument1`, ...

    Of `keywords`, those that the layer has and that are not given are there with their defaults.
    """
    names, defaults = _positions(call.target), _defaults(call.target)
    found = {_position_name(names, index): frozen(value) for index, value in enumerate(call.args)}
    found |= {name: frozen(value) for name, value in call.kwargs.items()}
    found |= {name: defaults[name] for name in keywords if name not in found and name in defaults}
    return found


def _position_name(names: tuple[str, ...], index: int) -> str:
    return names[index] if index < len(names) else f"argument{index + 1}"


def structure(call: TorchCall, in_place: bool) -> tuple[object, ...]:
    """What two layers must have in common to be the same but for numbers."""
    required = frozenset(name for name in call.kwargs if name not in _defaults(call.target))
    support = tuple(support.name for support in call.support)
    return (
        "leaf", call.target, call.apply, call.wrap, call.init, call.parameter, support, call.imports,
        len(call.args), required, in_place,
    )  # fmt: skip


def construction(call: TorchCall, values: dict[str, Resolved], in_place: bool, initializer: str) -> Expr:
    """The constructor call, wrapped as the layer asks for."""
    if call.parameter:
        return call.parameter
    names = list(arguments(call))
    positional = names[: len(call.args)]
    rest = [name for name in values if name not in positional]
    rest.sort(key=lambda name: list(KEYWORDS).index(name) if name in KEYWORDS else -1)
    items: list[tuple[str, Expr]] = [("", str(values[name])) for name in positional]
    for name in rest:
        if is_plain_word(name) and not _is_default(call, name, values[name]):
            items.append((f"{name}=", str(values[name])))
    if in_place:
        items.append(("inplace=", "True"))
    result: Expr = Bracket(call.target, tuple(items))
    for wrapper in (call.wrap, initializer):
        if wrapper:
            result = _wrapped(wrapper, result)
    return result


def _wrapped(wrapper: str, inner: Expr) -> Expr:
    return call(wrapper, inner)


def _is_default(call: TorchCall, name: str, value: Resolved) -> bool:
    known = _defaults(call.target)
    return name in known and isinstance(value, Literal) and same(value.value, known[name])
