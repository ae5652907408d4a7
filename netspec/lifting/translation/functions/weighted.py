"""Functions that are given their weights: convolutions, linear layers, norms."""

from __future__ import annotations

from typing import Any

from netspec.layers.declaration.arguments import compact
from netspec.lifting.capture.tape import Operation
from netspec.lifting.translation.calls import depthwise, normed, on, put
from netspec.lifting.translation.functions.table import function
from netspec.lifting.translation.translator import Held, Translator, Untranslatable


def _weighted(t: Translator, weight: Any, bias: Any) -> str:
    """The key of a layer with this weight and bias, by the names that torch's layers give them."""
    key = t.key_of(weight, leaf="weight")
    if bias is not None and t.key_of(bias, leaf="bias") != key:
        raise Untranslatable("its weight and bias are of different modules")
    return key


def _is_of_layer(t: Translator, weight: Any, bias: Any) -> bool:
    """Whether weight and bias are those of one layer, by their names."""
    try:
        _weighted(t, weight, bias)
    except Untranslatable:
        return False
    return True


def _convolution(axes: int) -> None:
    @function(f"conv{axes}d")
    def translation(
        t: Translator,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Held:
        key, sizes = _weighted(t, weight, bias), t.sizes(weight)
        held = t.take(input)
        given: dict[str, Any] = {"channels": sizes[0], "kernel": compact(sizes[2:])}
        for name, value in (("stride", stride), ("pad", padding), ("dilation", dilation), ("groups", groups)):
            put(given, "conv", name, value)
        if bias is None:
            given["bias"] = False
        channels = t.shape(held).dims[0]
        if isinstance(channels, int) and groups == channels > 1:
            return on(t, "depthwise_conv", held, depthwise(given, channels), key)
        return on(t, "conv", held, given, key)


for _axes in (1, 2, 3):
    _convolution(_axes)


@function("linear")
def _linear(t: Translator, input: Any, weight: Any, bias: Any = None) -> Held:
    given: dict[str, Any] = {"features": t.sizes(weight)[0]}
    if bias is None:
        given["bias"] = False
    held = t.take(input)
    if not _is_of_layer(t, weight, bias):
        if t.axis(held, -1) != t.shape(held).rank - 1:
            raise Untranslatable("the last axis of the tensor is another one of the value")
        parts = [t.take(part) for part in (weight, bias) if part is not None]
        if any(part.batched for part in parts):
            raise Untranslatable("its weight is another one for each sample")
        return Held(t.step("unembed", [held.value, *(part.value for part in parts)]), held.axes)
    return on(t, "linear", held, given, _weighted(t, weight, bias))


@function("layer_norm")
def _layer_norm(
    t: Translator,
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    *,
    operation: Operation,
) -> Held:
    given: dict[str, Any] = {}
    put(given, "layernorm", "eps", eps)
    if weight is None:
        return normed(t, operation, "layernorm", normalized_shape, given | {"affine": False}, "")
    if bias is None:
        given["bias"] = False
    return normed(t, operation, "layernorm", normalized_shape, given, _weighted(t, weight, bias))


@function("rms_norm")
def _rms_norm(
    t: Translator, input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None, *, operation: Operation
) -> Held:
    given: dict[str, Any] = {}
    put(given, "rmsnorm", "eps", eps)
    if weight is None:
        return normed(t, operation, "rmsnorm", normalized_shape, given | {"affine": False}, "")
    return normed(t, operation, "rmsnorm", normalized_shape, given, _weighted(t, weight, None))


@function("group_norm")
def _group_norm(
    t: Translator, input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Held:
    given: dict[str, Any] = {"groups": num_groups}
    put(given, "groupnorm", "eps", eps)
    if weight is None:
        return on(t, "groupnorm", t.take(input), given | {"affine": False})
    return on(t, "groupnorm", t.take(input), given, _weighted(t, weight, bias))


@function("batch_norm")
def _batch_norm(
    t: Translator,
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    operation: Operation,
) -> Held:
    given: dict[str, Any] = {}
    put(given, "batchnorm", "eps", eps)
    put(given, "batchnorm", "momentum", momentum)
    if running_mean is None or weight is None:
        raise Untranslatable("it has no statistics or no weights")
    key = _weighted(t, weight, bias)
    if t.key_of(running_mean, leaf="running_mean") != key:
        raise Untranslatable("its weight and statistics are of different modules")
    return on(t, "batchnorm", t.take(input), given, key)


def _transposed(axes: int) -> None:
    @function(f"conv_transpose{axes}d")
    def translation(
        t: Translator,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Held:
        key, sizes = _weighted(t, weight, bias), t.sizes(weight)
        assert isinstance(sizes[1], int)
        given: dict[str, Any] = {"channels": sizes[1] * groups, "kernel": compact(sizes[2:])}
        pairs = (("pad", padding), ("output_pad", output_padding), ("dilation", dilation), ("groups", groups))
        for name, value in (("stride", stride), *pairs):
            put(given, "upconv", name, value)
        if bias is None:
            given["bias"] = False
        return on(t, "upconv", t.take(input), given, key)


for _axes in (1, 2, 3):
    _transposed(_axes)


@function("instance_norm")
def _instance_norm(
    t: Translator,
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Held:
    if running_mean is not None or not use_input_stats:
        raise Untranslatable("it keeps statistics")
    given: dict[str, Any] = {}
    put(given, "instancenorm", "eps", eps)
    if weight is None:
        return on(t, "instancenorm", t.take(input), given)
    return on(t, "instancenorm", t.take(input), given | {"affine": True}, _weighted(t, weight, bias))


@function("prelu")
def _prelu(t: Translator, input: Any, weight: Any) -> Held:
    given: dict[str, Any] = {}
    put(given, "prelu", "shared", t.sizes(weight) == (1,))
    return on(t, "prelu", t.take(input), given, _weighted(t, weight, None))


@function("embedding")
def _embedding(
    t: Translator,
    input: Any,
    weight: Any,
    padding_idx: Any = None,
    max_norm: Any = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Held:
    if max_norm is not None or scale_grad_by_freq or padding_idx is not None:
        raise Untranslatable("its rows are scaled, or one of them is for padding")
    count, features = t.sizes(weight)
    return on(t, "embedding", t.take(input), {"count": count, "features": features}, _weighted(t, weight, None))


@function("local_response_norm")
def _lrn(t: Translator, input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Held:
    given: dict[str, Any] = {"size": size}
    for name, value in (("alpha", alpha), ("beta", beta), ("k", k)):
        put(given, "lrn", name, value)
    return on(t, "lrn", t.take(input), given)
