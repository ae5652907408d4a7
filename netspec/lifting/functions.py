"""Functions of torch to calls of layers: a table by their bare names, each with the signature that it is called by."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import EllipsisType
from typing import Any

from netspec.layers import REGISTRY
from netspec.layers.arguments import compact
from netspec.lifting.modules import adaptive, along, depthwise, normed, on, put, upsampled
from netspec.lifting.tape import Batch, Operation, Ref
from netspec.lifting.translate import BATCH, Held, Translator, Untranslatable, usual_axes

Result = Held | tuple[Held, ...]
Translation = Callable[[Translator, Operation], Result]
FUNCTIONS: dict[str, Translation] = {}


def function(*names: str) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Registers how functions of these names are said: called with the translator and their arguments.

    A parameter `operation` is given the operation itself. Names ending in `_` or in `__` mean the same.
    """

    def register(translation: Callable[..., Result]) -> Callable[..., Result]:
        signature = inspect.signature(translation)
        asks = "operation" in signature.parameters

        def call(t: Translator, operation: Operation) -> Result:
            named = {_SPELT.get(name, name): value for name, value in operation.kwargs.items() if name != "inplace"}
            extra = {"operation": operation} if asks else {}
            try:
                bound = signature.bind(t, *operation.args, **named, **extra)
            except TypeError:
                raise Untranslatable(f"it is called with {', '.join(named) or 'other arguments'}") from None
            return translation(*bound.args, **bound.kwargs)

        for name in names:
            FUNCTIONS.update(dict.fromkeys((name, f"{name}_", f"__{name}__", f"__i{name}__"), call))
        return translation

    return register


_SPELT = {"axis": "dim", "keepdims": "keepdim", "self": "input"}


def _simple(layer: str, *arguments: str) -> Callable[..., Held]:
    """A function whose arguments are those of the layer, by the same names or in this order."""

    def translation(t: Translator, input: Any, *values: Any, **named: Any) -> Held:
        given: dict[str, Any] = {}
        for ours, value in [*zip(arguments, values, strict=False), *named.items()]:
            if ours in REGISTRY[layer].model_fields:
                put(given, layer, ours, value)
            elif ours not in ("training", "memory_format"):
                raise Untranslatable(f"it is called with {ours}")
        held = t.take(input)
        return Held(t.step(layer, [held.value], given), held.axes)

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
    held = t.take(input)
    return Held(t.step("pow", [held.value], {"exponent": -0.5}), held.axes)


@function("reciprocal")
def _one_over(t: Translator, input: Any) -> Held:
    held = t.take(input)
    return Held(t.step("div", [held.value], {"value": 1, "reverse": True}), held.axes)


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
def _same(t: Translator, input: Any, *rest: Any, **named: Any) -> Held:
    return t.take(input)


@function("softmax", "log_softmax")
def _softmax(
    t: Translator, input: Any, dim: int = -1, _stacklevel: int = 3, dtype: Any = None, *, operation: Operation
) -> Held:
    return along(t, operation.name, input, dim)


@function("glu")
def _glu(t: Translator, input: Any, dim: int = -1) -> Held:
    return along(t, "glu", input, dim)


def _joined(t: Translator, layer: str, left: Any, right: Any, *, reverse: bool = False) -> Held:
    if reverse:
        left, right = right, left
    if isinstance(left, Ref) and isinstance(right, Ref):
        values, axes = t.aligned([t.take(left), t.take(right)])
        return Held(t.step(layer, values), axes)
    tensor, number = (left, right) if isinstance(left, Ref) else (right, left)
    if not isinstance(number, int | float):
        raise Untranslatable("it computes with the number of samples")
    held = t.take(tensor)
    field = "exponent" if layer == "pow" else "value"
    given: dict[str, Any] = {field: number}
    if not isinstance(left, Ref) and "reverse" in REGISTRY[layer].model_fields:
        given["reverse"] = True
    return Held(t.step(layer, [held.value], given), held.axes)


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


@function("matmul", "bmm")
def _matmul(t: Translator, input: Any, other: Any) -> Held:
    left, right = t.take(input), t.take(other)
    if left.batched != right.batched or len(left.axes) != len(right.axes) or left.axes[:-2] != right.axes[:-2]:
        raise Untranslatable("its matrices do not stand on the same axes")
    if any(BATCH in axis for axis in left.axes[-2:]):
        raise Untranslatable("it works along the samples of the batch")
    return Held(t.step("matmul", [left.value, right.value]), left.axes)


@function("flatten", "reshape", "view", "unflatten")
def _reshape(t: Translator, input: Any, *rest: Any, operation: Operation, **named: Any) -> Held:
    return t.reshaped(t.take(input), t.sizes(Ref(operation.outputs[0])))


@function("unsqueeze")
def _unsqueeze(t: Translator, input: Any, dim: int) -> Held:
    held = t.take(input)
    place = dim % (len(held.axes) + 1)
    axis = sum(1 for before in held.axes[:place] for part in before if part != BATCH)
    return t.with_axis(held, place, t.step("unsqueeze", [held.value], {"axis": axis}), axis)


@function("squeeze")
def _squeeze(t: Translator, input: Any, *dims: Any, dim: Any = None) -> Held:
    held = t.take(input)
    sizes = t.sizes(input)
    wanted = dims[0] if dims else dim
    places = range(len(sizes)) if wanted is None else [wanted] if isinstance(wanted, int) else wanted
    for place in sorted((place % len(sizes) for place in places if sizes[place] == 1), reverse=True):
        axis = t.axis(held, place)
        held = t.without(held, place, t.step("squeeze", [held.value], {"axis": axis}))
    return held


@function("permute")
def _permute(t: Translator, input: Any, *dims: Any) -> Held:
    held = t.take(input)
    order = dims[0] if len(dims) == 1 and isinstance(dims[0], tuple) else dims
    return t.permuted(held, [dim % len(held.axes) for dim in order])


@function("transpose", "swapaxes", "swapdims")
def _transpose(t: Translator, input: Any, dim0: int, dim1: int) -> Held:
    held = t.take(input)
    order = list(range(len(held.axes)))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return t.permuted(held, order)


@function("mT", "T", "t")
def _turned(t: Translator, input: Any, *rest: Any) -> Held:
    return _transpose(t, input, -2, -1)  # type: ignore[return-value]


@function("expand", "expand_as")
def _expand(t: Translator, input: Any, *rest: Any, operation: Operation) -> Held:
    held, sizes = t.take(input), t.sizes(Ref(operation.outputs[0]))
    if not held.batched and sizes and isinstance(sizes[0], Batch):
        dims = t.shape(held).dims
        if sizes[0] != Batch(1) or len(dims) != len(sizes) or dims[0] != 1:
            raise Untranslatable("it makes a batch of what has none")
        value = t.step("select", [held.value], {"index": 0})
        held = Held(value, usual_axes(len(dims) - 1))
    if len(held.axes) != len(sizes):
        raise Untranslatable("it adds axes")
    wanted = tuple(size for size in sizes if isinstance(size, int))
    if wanted == t.shape(held).dims:
        return held
    return Held(t.step("expand", [held.value], {"shape": wanted}), held.axes)


@function("cat", "concat", "concatenate")
def _concat(t: Translator, tensors: Any, dim: int = 0) -> Held:
    operands = [t.take(tensor) for tensor in tensors]
    if len(operands) == 1:
        return operands[0]
    axes = next((held.axes for held in operands if held.batched), operands[0].axes)
    if any(held.axes != axes for held in operands):
        raise Untranslatable("it joins values whose samples stand on different axes")
    given: dict[str, Any] = {}
    put(given, "concat", "axis", t.axis(operands[0], dim))
    return Held(t.step("concat", [held.value for held in operands], given), axes)


@function("stack")
def _stack(t: Translator, tensors: Any, dim: int = 0) -> Held:
    operands = [t.take(tensor) for tensor in tensors]
    held = operands[0]
    if any(other.axes != held.axes for other in operands):
        raise Untranslatable("it joins values whose samples stand on different axes")
    place = dim % (len(held.axes) + 1)
    axis = sum(1 for before in held.axes[:place] for part in before if part != BATCH)
    value = t.step("stack", [other.value for other in operands], {"axis": axis} if axis else {})
    return t.with_axis(held, place, value, axis)


@function("chunk", "tensor_split")
def _chunk(t: Translator, input: Any, chunks: int, dim: int = 0, *, operation: Operation) -> Result:
    return _split(t, input, None, dim, operation=operation)


@function("split")
def _split(t: Translator, tensor: Any, split_size_or_sections: Any, dim: int = 0, *, operation: Operation) -> Result:
    held = t.take(tensor)
    axis = t.axis(held, dim)
    parts = [
        t.shapes[held.value].dims[axis] if len(operation.outputs) == 1 else t.sizes(Ref(number))[dim]
        for number in operation.outputs
    ]
    if len(parts) == 1:
        return (held,)
    given: dict[str, Any] = {"parts": len(parts) if len(set(parts)) == 1 else tuple(parts)}
    put(given, "split", "axis", axis)
    return tuple(Held(value, held.axes) for value in t.step_of_several("split", [held.value], given))


@function("unbind")
def _unbind(t: Translator, input: Any, dim: int = 0, *, operation: Operation) -> Result:
    return tuple(_selected(t, t.take(input), dim, index) for index in range(len(operation.outputs)))


def _selected(t: Translator, held: Held, dim: int, index: int) -> Held:
    axis = t.axis(held, dim)
    given: dict[str, Any] = {"index": index}
    put(given, "select", "axis", axis)
    return t.without(held, dim, t.step("select", [held.value], given))


def _sliced(t: Translator, held: Held, dim: int, part: slice, size: Any) -> Held:
    start, stop, step = part.indices(size)
    if (start, stop, step) == (0, size, 1):
        return held
    given: dict[str, Any] = {}
    put(given, "slice", "start", start if start else None)
    put(given, "slice", "stop", stop if stop < size else None)
    put(given, "slice", "step", step)
    put(given, "slice", "axis", t.axis(held, dim))
    return Held(t.step("slice", [held.value], given), held.axes)


@function("getitem")
def _getitem(t: Translator, input: Any, index: Any) -> Held:
    held = t.take(input)
    entries = list(index) if isinstance(index, tuple) else [index]
    if ... in entries:
        place = entries.index(...)
        given = sum(1 for entry in entries if entry is not None and not isinstance(entry, EllipsisType))
        entries[place : place + 1] = [slice(None)] * (len(held.axes) - given)
    dim = 0
    for entry in entries:
        match entry:
            case None:
                axis = sum(1 for before in held.axes[:dim] for part in before if part != BATCH)
                held = t.with_axis(held, dim, t.step("unsqueeze", [held.value], {"axis": axis}), axis)
                dim += 1
            case bool():
                raise Untranslatable("it is indexed by a truth value")
            case int():
                held = _selected(t, held, dim, entry)
            case slice():
                if entry != slice(None):
                    held = _sliced(t, held, dim, entry, _size_of(t, held, dim))
                dim += 1
            case _:
                raise Untranslatable("it is indexed by a tensor")
    return held


def _size_of(t: Translator, held: Held, dim: int) -> Any:
    return t.shape(held).dims[t.axis(held, dim)]


@function("narrow")
def _narrow(t: Translator, input: Any, dim: int, start: int, length: int) -> Held:
    held = t.take(input)
    return _sliced(t, held, dim, slice(start, start + length), _size_of(t, held, dim))


@function("select")
def _select(t: Translator, input: Any, dim: int, index: int) -> Held:
    return _selected(t, t.take(input), dim, index)


@function("roll")
def _roll(t: Translator, input: Any, shifts: Any, dims: Any = None) -> Held:
    held = t.take(input)
    if dims is None:
        raise Untranslatable("it rolls all elements in one row")
    many = isinstance(dims, tuple)
    axes = tuple(t.axis(held, dim) for dim in dims) if many else t.axis(held, dims)
    return Held(t.step("roll", [held.value], {"shift": shifts, "axis": axes}), held.axes)


@function("flip")
def _flip(t: Translator, input: Any, *dims: Any) -> Held:
    held = t.take(input)
    wanted = dims[0] if isinstance(dims[0], tuple) else dims
    return Held(t.step("flip", [held.value], {"axis": compact(t.axis(held, dim) for dim in wanted)}), held.axes)


def _reduction(layer: str, *names: str) -> None:
    @function(*names)
    def translation(t: Translator, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Held:
        held = t.take(input)
        if dim is None:
            raise Untranslatable("it joins the samples of the batch")
        places = [place % len(held.axes) for place in (dim if isinstance(dim, tuple) else (dim,))]
        axes = tuple(sorted(t.axis(held, place) for place in places))
        given: dict[str, Any] = {"axes": compact(axes) if len(axes) == 1 else axes}
        spatial = tuple(range(1, t.shape(held).rank))
        if axes == spatial and axes:
            given = {}
        if keepdim:
            given["keep"] = True
        value = t.step(layer, [held.value], given)
        if keepdim:
            return Held(value, held.axes)
        for place in sorted(places, reverse=True):
            held = t.without(held, place, value)
        return held


_reduction("mean", "mean")
_reduction("sum", "sum")
_reduction("max", "amax")
_reduction("min", "amin")


@function("norm")
def _norm(t: Translator, input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Held:
    held = t.take(input)
    if not isinstance(dim, int) or p not in (2, "fro"):
        raise Untranslatable("it is no length along one axis")
    value = t.step("norm", [held.value], {"axes": t.axis(held, dim)} | ({"keep": True} if keepdim else {}))
    return Held(value, held.axes) if keepdim else t.without(held, dim, value)


@function("normalize")
def _normalize(t: Translator, input: Any, p: Any = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None) -> Held:
    """x divided by its length along an axis, or by eps where that is shorter."""
    held = t.take(input)
    if p != 2:
        raise Untranslatable("it is no length along one axis")
    length = t.step("norm", [held.value], {"axes": t.axis(held, dim), "keep": True})
    return Held(t.step("div", [held.value, t.step("clamp", [length], {"min": eps})]), held.axes)


def _weighted(t: Translator, weight: Any, bias: Any) -> str:
    """The key of a layer with this weight and bias, by the names that torch's layers give them."""
    key = t.key_of(weight, leaf="weight")
    if bias is not None and t.key_of(bias, leaf="bias") != key:
        raise Untranslatable("its weight and bias are of different modules")
    return key


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
    return on(t, "linear", t.take(input), given, _weighted(t, weight, bias))


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


@function("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def _adaptive_avg(t: Translator, input: Any, output_size: Any) -> Held:
    return adaptive(t, input, "avgpool", output_size)


@function("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_max(t: Translator, input: Any, output_size: Any, return_indices: bool = False) -> Held:
    return adaptive(t, input, "maxpool", output_size)


def _pool(layer: str, **pairs: Any) -> Any:
    given: dict[str, Any] = {}
    for name, value in pairs.items():
        put(given, layer, name, value)
    return given


@function("max_pool1d", "max_pool2d", "max_pool3d")
def _max_pool(
    t: Translator,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Held:
    given = _pool("maxpool", kernel=kernel_size, stride=stride or None, pad=padding, dilation=dilation, ceil=ceil_mode)
    return on(t, "maxpool", t.take(input), given)


@function("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(
    t: Translator,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Held:
    if divisor_override is not None:
        raise Untranslatable("it has a divisor of its own")
    given = _pool(
        "avgpool",
        kernel=kernel_size,
        stride=stride or None,
        pad=padding,
        ceil=ceil_mode,
        count_include_pad=count_include_pad,
    )
    return on(t, "avgpool", t.take(input), given)


@function("interpolate")
def _interpolate(
    t: Translator,
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
    antialias: bool = False,
) -> Held:
    if antialias:
        raise Untranslatable("it smooths what it makes smaller")
    return upsampled(t, input, size, scale_factor, mode, align_corners)


@function("pad")
def _pad(t: Translator, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Held:
    held = t.take(input)
    if all(side == 0 for side in pad):
        return held
    pairs = [(pad[place], pad[place + 1]) for place in range(0, len(pad), 2)][::-1]
    axes = [t.axis(held, dim) for dim in range(-len(pairs), 0)]
    given: dict[str, Any] = {}
    put(given, "pad", "value", value or 0)
    if mode != "constant" or given:
        given["mode"] = mode
    spatial = list(range(1, t.shape(held).rank))
    if held.axes == usual_axes(t.shape(held).rank) and axes == spatial[-len(axes) :]:
        whole = [(0, 0)] * (len(spatial) - len(axes)) + pairs
        first = whole[0]
        amount: Any = first[0] if all(pair == (first[0], first[0]) for pair in whole) else tuple(whole)
        return Held(t.step("pad", [held.value], {"amount": amount} | given), held.axes)
    for axis, pair in zip(axes, pairs, strict=True):
        if pair != (0, 0):
            held = Held(t.step("pad", [held.value], {"amount": pair, "axis": axis} | given), held.axes)
    return held


@function("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
def _shuffled(t: Translator, input: Any, factor: int, *, operation: Operation) -> Held:
    name = "groups" if operation.name == "channel_shuffle" else "factor"
    return on(t, operation.name, t.take(input), {name: factor})
