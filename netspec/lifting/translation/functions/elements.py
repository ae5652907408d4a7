"""Functions of each element by itself: activations, arithmetic, dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netspec.layers import REGISTRY
from netspec.lifting.capture.tape import Operation, Ref
from netspec.lifting.translation.calls import put
from netspec.lifting.translation.functions.table import FUNCTIONS, function
from netspec.lifting.translation.translator import Held, Translator, Untranslatable


def _simple(layer: str, *arguments: str) -> Callable[..., Held]:
    """A function whose arguments are those of the layer, by the same names or in this order."""

    def translation(t: Translator, input: Any, *values: Any, **keywords: Any) -> Held:
        given: dict[str, Any] = {}
        for ours, value in [*zip(arguments, values, strict=False), *keywords.items()]:
            if ours in REGISTRY[layer].model_fields:
                put(given, layer, ours, value)
            elif ours not in ("training", "memory_format"):
                raise Untranslatable(f"it is called with {ours}")
        operand = t.take(input)
        return Held(t.step(layer, [operand.value], given), operand.axes)

    return translation


for _name in (
    *("relu", "relu6", "selu", "silu", "mish", "sigmoid", "hardsigmoid", "hardswish", "tanh", "softsign", "logsigmoid"),
    *("tanhshrink", "neg", "abs", "exp", "log", "sqrt", "square", "sin", "cos", "detach"),
):
    function(_name)(_simple(_name))
for _name, _arguments in (
    ("elu", ("alpha",)),
    ("celu", ("alpha",)),
    ("hardtanh", ("min", "max")),
    ("softplus", ("beta", "threshold")),
    ("clamp", ("min", "max")),
):
    function(_name)(_simple(_name, *_arguments))
function("clip")(_simple("clamp", "min", "max"))


@function("leaky_relu")
def _leaky_relu(t: Translator, input: Any, negative_slope: float = 0.01) -> Held:
    return _simple("leaky_relu", "slope")(t, input, negative_slope)


@function("rsqrt")
def _rsqrt(t: Translator, input: Any) -> Held:
    """As a power, which torch computes as it does rsqrt: 1 over the root differs in the last bit."""
    operand = t.take(input)
    return Held(t.step("pow", [operand.value], {"exponent": -0.5}), operand.axes)


@function("reciprocal")
def _one_over(t: Translator, input: Any) -> Held:
    operand = t.take(input)
    return Held(t.step("div", [operand.value], {"value": 1, "reverse": True}), operand.axes)


@function("clamp_min")
def _clamp_min(t: Translator, input: Any, min: float) -> Held:
    return _simple("clamp", "min")(t, input, min)


@function("clamp_max")
def _clamp_max(t: Translator, input: Any, max: float) -> Held:
    return _simple("clamp", "max")(t, input, max=max)


@function("gelu")
def _gelu(t: Translator, input: Any, approximate: str = "none") -> Held:
    return _simple("gelu", "approximate")(t, input, approximate)


for _name in ("dropout", "alpha_dropout"):
    function(_name)(_simple(_name, "p"))
for _name in ("dropout1d", "dropout2d", "dropout3d", "feature_dropout"):
    function(_name)(_simple("channel_dropout", "p"))


@function("contiguous", "clone", "to", "float", "type_as", "type", "requires_grad", "as_subclass", "identity")
def _same(t: Translator, input: Any, *rest: Any, **keywords: Any) -> Held:
    return t.take(input)


def _joined(t: Translator, layer: str, left: Any, right: Any, *, reverse: bool = False) -> Held:
    left, right = t.scalar(left), t.scalar(right)
    if reverse:
        left, right = right, left
    if isinstance(left, Ref) and isinstance(right, Ref):
        values, axes = t.aligned([t.take(left), t.take(right)])
        return Held(t.step(layer, values), axes)
    tensor, number = (left, right) if isinstance(left, Ref) else (right, left)
    if not isinstance(number, int | float):
        raise Untranslatable("it computes with the number of samples")
    operand = t.take(tensor)
    field = "exponent" if layer == "pow" else "value"
    arguments: dict[str, Any] = {field: number}
    if not isinstance(left, Ref) and "reverse" in REGISTRY[layer].model_fields:
        arguments["reverse"] = True
    return Held(t.step(layer, [operand.value], arguments), operand.axes)


def _binary(layer: str) -> None:
    @function(layer)
    def direct(t: Translator, input: Any, other: Any, alpha: int = 1) -> Held:
        if alpha != 1:
            raise Untranslatable("it scales what it adds")
        return _joined(t, layer, input, other)

    def reversed_(t: Translator, operation: Operation) -> Held:
        return _joined(t, layer, *operation.args, reverse=True)

    FUNCTIONS[f"__r{layer}__"] = reversed_
    FUNCTIONS[f"r{layer}"] = reversed_


for _name in ("add", "mul", "sub", "div", "pow", "maximum", "minimum"):
    _binary(_name)
for _alias, _name in (
    ("truediv", "div"),
    ("subtract", "sub"),
    ("multiply", "mul"),
    ("true_divide", "div"),
    ("divide", "div"),
):
    for _form in ("{}", "__{}__", "__i{}__", "__r{}__", "{}_"):
        if _form.format(_name) in FUNCTIONS:
            FUNCTIONS[_form.format(_alias)] = FUNCTIONS[_form.format(_name)]


def _comparison(layer: str, *names: str) -> None:
    @function(*names)
    def translation(t: Translator, input: Any, other: Any) -> Held:
        other = t.scalar(other)
        if isinstance(other, Ref):
            values, axes = t.aligned([t.take(input), t.take(other)])
            return Held(t.step(layer, values), axes)
        operand = t.take(input)
        return Held(t.step(layer, [operand.value], {"value": other}), operand.axes)


for _layer, *_names in (
    ("equal", "eq"),
    ("not_equal", "ne", "not_equal"),
    ("less", "lt", "less"),
    ("less_equal", "le", "less_equal"),
    ("greater", "gt", "greater"),
    ("greater_equal", "ge", "greater_equal"),
):
    _comparison(_layer, *_names)


@function("where")
def _where(t: Translator, condition: Any, input: Any, other: Any) -> Held:
    other = t.scalar(other)
    if not isinstance(other, Ref):
        values, axes = t.aligned([t.take(condition), t.take(input)])
        return Held(t.step("where", values, {"value": float(other)}), axes)
    parts = [t.take(condition), t.number(input) if not isinstance(input, Ref) else t.take(input), t.take(other)]
    values, axes = t.aligned(parts)
    return Held(t.step("where", values), axes)


@function("masked_fill")
def _masked_fill(t: Translator, input: Any, mask: Any, value: Any) -> Held:
    return _where(t, mask, t.scalar(value), input)  # type: ignore[return-value]
