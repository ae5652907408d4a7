"""Single layers: their arguments by name, PyTorch's defaults, and how their construction is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
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


def default(call: TorchCall, argument: str) -> Any:
    """PyTorch's value of a keyword argument that is left out; KeyError where that is not known."""
    if not _WITH_DEFAULTS.match(call.target) or (argument == "stride" and "Pool" in call.target):
        raise KeyError(argument)
    if "InstanceNorm" in call.target and argument in ("affine", "track_running_stats"):
        return False
    return KEYWORDS[argument]


def arguments(call: TorchCall, keywords: Iterable[str] = ()) -> dict[str, Any]:
    """All arguments by name; those given by position have their name in the signature, or `argument1`, ...

    Of `keywords`, those that the layer has and that are not given are there with their defaults.
    """
    names: tuple[str, ...] = next((names for pattern, names in _POSITIONAL if pattern.match(call.target)), ())
    found = {_position_name(names, index): frozen(value) for index, value in enumerate(call.args)}
    found |= {name: frozen(value) for name, value in call.kwargs.items()}
    for name in keywords:
        if name not in found and name in KEYWORDS:
            with suppress(KeyError):
                found[name] = default(call, name)
    return found


def _position_name(names: tuple[str, ...], index: int) -> str:
    return names[index] if index < len(names) else f"argument{index + 1}"


def structure(call: TorchCall, in_place: bool) -> tuple[object, ...]:
    """What two layers must have in common to be the same but for numbers."""
    required = []
    for name in call.kwargs:
        try:
            default(call, name)
        except KeyError:
            required.append(name)
    support = tuple(support.name for support in call.support)
    return (
        "leaf", call.target, call.apply, call.wrap, call.init, call.parameter, support, call.imports,
        len(call.args), frozenset(required), in_place,
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
    try:
        return isinstance(value, Literal) and same(value.value, default(call, name))
    except KeyError:
        return False
