"""Layers of torch as they live to calls of layers here: their constructor's arguments are read from them.

Which layer a class is, and what its arguments are called, is what the layers themselves declare (`aliases`, `pytorch`);
the table holds those of which more has to be said.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from netspec.elaborate.mistakes.slips import argument_meant, layer_meant
from netspec.layers import REGISTRY
from netspec.layers.declaration.synonyms import DERIVED
from netspec.lifting.capture.tape import Operation
from netspec.lifting.translation.calls import adaptive, along, applied, depthwise, normed, on, put, upsampled
from netspec.lifting.translation.translator import BATCH, Held, Translator, Untranslatable

Translation = Callable[[Translator, Operation], Held | tuple[Held, ...]]
MODULES: dict[str, Translation] = {}
"""Classes that are more than their arguments."""
OTHERS = frozenset({"StochasticDepth", "DropPath"})
"""Classes of libraries that are layers here; what they do in training stands in their own source."""
_UNKNOWN = frozenset(
    {"Sequential", "ModuleList", "ModuleDict", "Module", "Unfold", "Fold", "Transformer"}
    | {f"ZeroPad{axes}d" for axes in (1, 2, 3)}
)
"""Classes of torch.nn that are no layer here, or one by a function that they call: what they do is looked into."""


def is_layer(module: nn.Module) -> bool:
    """Whether a module is one layer here: a class of torch.nn, or one that computes as its parent there does."""
    return bool(_layer_class(type(module)))


def _layer_class(cls: Any) -> str:
    """The name of the class of torch that a module is, empty where it is of none."""
    if cls.__name__ in OTHERS:
        return str(cls.__name__)
    for base in cls.__mro__:
        if not base.__module__.startswith("torch.nn.modules"):
            continue
        if base.forward is not cls.forward or base.__name__ in _UNKNOWN:
            return ""
        return base.__name__ if base.__name__ in MODULES or _declared(base.__name__) else ""
    return ""


def _declared(name: str) -> str | None:
    return layer_meant(name)


def module(*names: str) -> Callable[[Translation], Translation]:
    """Registers the translation of classes of torch by their names."""

    def register(translation: Translation) -> Translation:
        MODULES.update(dict.fromkeys(names, translation))
        return translation

    return register


def translated(t: Translator, operation: Operation) -> Held | tuple[Held, ...]:
    """A call of a live layer."""
    name = _layer_class(type(operation.module))
    hooks = (operation.module._forward_pre_hooks, operation.module._forward_hooks)
    if any(hooks) or hasattr(operation.module, "parametrizations"):
        raise Untranslatable("it has hooks or parametrizations")
    return MODULES.get(name, _by_declaration)(t, operation)


def _by_declaration(t: Translator, operation: Operation) -> Held:
    """A layer that takes one value and whose arguments are those of its constructor."""
    cls = _layer_class(type(operation.module))
    layer = _declared(cls)
    assert layer is not None
    if len(operation.args) != 1 or operation.kwargs:
        raise Untranslatable("it is called with more than one value")
    if getattr(operation.module, "batch_first", True) is False:
        raise Untranslatable("its batch is not first")
    return applied(t, operation, layer, arguments_of(operation.module, cls, layer))


def arguments_of(module: nn.Module, cls: str, layer: str) -> dict[str, Any]:
    """The arguments of the layer that are not as usual, read from the live module."""
    declared = REGISTRY[layer]
    signature = {
        n: p.default for n, p in inspect.signature(getattr(nn, cls).__init__).parameters.items() if n != "self"
    }
    names = declared.pytorch or tuple(declared.model_fields)
    arguments: dict[str, Any] = {}
    for place, theirs in enumerate(signature):
        ours = names[place] if place < len(names) else argument_meant(declared, theirs) or ""
        if theirs in ("device", "dtype", "inplace") or not hasattr(module, theirs):
            continue
        value = getattr(module, theirs)
        value = True if isinstance(value, Tensor) else value  # a bias is asked for by a truth value
        if not ours:
            if theirs not in DERIVED and value != signature[theirs]:
                raise Untranslatable(f"its {theirs} is {value!r}, for which there is no argument")
            continue
        if ours == "bias":
            value = value is not None and value is not False
        put(arguments, layer, ours, value)
    return arguments


@module("Conv1d", "Conv2d", "Conv3d")
def _convolution(t: Translator, operation: Operation) -> Held:
    module = operation.module
    arguments = arguments_of(module, f"Conv{len(module.kernel_size)}d", "conv")
    if arguments.get("groups", 1) == module.in_channels > 1:
        return applied(t, operation, "depthwise_conv", depthwise(arguments, module.in_channels))
    return applied(t, operation, "conv", arguments)


@module("LayerNorm", "RMSNorm")
def _layer_norm(t: Translator, operation: Operation) -> Held:
    module, layer = operation.module, type(operation.module).__mro__
    name = "layernorm" if any(base is nn.LayerNorm for base in layer) else "rmsnorm"
    arguments: dict[str, Any] = {}
    put(arguments, name, "eps", module.eps)
    put(arguments, name, "affine", module.elementwise_affine)
    if name == "layernorm" and module.elementwise_affine and module.bias is None:
        arguments["bias"] = False
    return normed(t, operation, name, module.normalized_shape, arguments)


@module("Softmax", "LogSoftmax", "Softmin", "GLU")
def _along_an_axis(t: Translator, operation: Operation) -> Held:
    names = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Softmin": "softmin", "GLU": "glu"}
    if operation.module.dim is None:
        raise Untranslatable("its axis is not given")
    return along(t, names[_layer_class(type(operation.module))], operation.args[0], operation.module.dim)


@module("BatchNorm1d")
def _batch_norm(t: Translator, operation: Operation) -> Held:
    """A norm of features [N, F], also where the samples and the steps of their sequences are one axis."""
    arguments = arguments_of(operation.module, "BatchNorm1d", "batchnorm")
    operand = t.take(operation.args[0])
    if operand.axes != ((BATCH, 0), (1,)):
        return applied(t, operation, "batchnorm", arguments)
    turned = t.step("transpose", [operand.value], {"a": 0, "b": 1})
    output = t.step("batchnorm", [turned], arguments, key=operation.path)
    return Held(t.step("transpose", [output], {"a": 0, "b": 1}), operand.axes)


@module("PReLU")
def _prelu(t: Translator, operation: Operation) -> Held:
    module = operation.module
    arguments = {} if module.num_parameters == 1 else {"shared": False}
    return applied(t, operation, "prelu", arguments)


@module("Flatten")
def _flatten(t: Translator, operation: Operation) -> Held:
    (output,) = operation.outputs
    return t.reshaped(t.take(operation.args[0]), t.tape.values[output].shape)


_unflatten = module("Unflatten")(_flatten)


@module(
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool3d",
)
def _adaptive(t: Translator, operation: Operation) -> Held:
    kind = "avgpool" if "Avg" in _layer_class(type(operation.module)) else "maxpool"
    if getattr(operation.module, "return_indices", False):
        raise Untranslatable("it returns indices")
    return adaptive(t, operation.args[0], kind, operation.module.output_size)


@module("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d")
def _upsample(t: Translator, operation: Operation) -> Held:
    module = operation.module
    return upsampled(t, operation.args[0], module.size, module.scale_factor, module.mode, module.align_corners)


@module("StochasticDepth")
def _stochastic_depth(t: Translator, operation: Operation) -> Held:
    module = operation.module
    if module.mode != "row" and module.p:
        raise Untranslatable(f"it drops in mode {module.mode}, not single samples")
    return applied(t, operation, "drop_path", {"p": _in_short(module.p)})


@module("DropPath")
def _drop_path(t: Translator, operation: Operation) -> Held:
    probability = getattr(operation.module, "drop_prob", None) or 0.0
    if not getattr(operation.module, "scale_by_keep", True):
        raise Untranslatable("it does not scale what it keeps")
    return applied(t, operation, "drop_path", {"p": _in_short(probability)})


def _in_short(probability: float) -> float:
    """A probability without what rounding has left of the sum that it comes of: 0.075, not 0.07500000000000001."""
    short = f"{probability:.12g}"
    return float(short) if len(short) < 12 else probability


@module("LSTM", "GRU", "RNN")
def _recurrent(t: Translator, operation: Operation) -> Held:
    module, layer = operation.module, _layer_class(type(operation.module)).lower()
    if len(operation.args) != 1 or operation.kwargs:
        raise Untranslatable("it begins in a state that is given")
    if not module.batch_first or module.proj_size:
        raise Untranslatable("its batch is not first, or its state is projected")
    arguments: dict[str, Any] = {"hidden": module.hidden_size}
    pairs = (("layers", "num_layers"), ("bidirectional", "bidirectional"), ("dropout", "dropout"), ("bias", "bias"))
    for ours, theirs in (*pairs, *((("activation", "nonlinearity"),) if layer == "rnn" else ())):
        put(arguments, layer, ours, getattr(module, theirs))
    return on(t, layer, t.take(operation.args[0]), arguments, operation.path)


@module("MultiheadAttention")
def _attention(t: Translator, operation: Operation) -> Held:
    module, keywords = operation.module, operation.kwargs
    operands = [*operation.args, *(keywords[name] for name in ("query", "key", "value") if name in keywords)]
    if not module.batch_first:
        raise Untranslatable("its batch is not first")
    if module.bias_k is not None or module.add_zero_attn or keywords.get("key_padding_mask") is not None:
        raise Untranslatable("it has biases of keys, zero attention or a padding mask")
    if keywords.get("attn_mask") is not None or keywords.get("is_causal"):
        raise Untranslatable("it has a mask")
    arguments: dict[str, Any] = {"heads": module.num_heads}
    put(arguments, "attention", "dropout", module.dropout)
    put(arguments, "attention", "bias", module.in_proj_bias is not None)
    query, key, value = (t.take(argument) for argument in operands[:3])
    values = [t.usual(query)]
    if not query == key == value:
        values += [t.usual(key), t.usual(value)] if key != value else [t.usual(key)]
    return Held(t.step("attention", values, arguments, key=operation.path), query.axes)
