"""Calls of layers that modules and functions of torch have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netspec.layers import REGISTRY
from netspec.layers.declaration.arguments import compact
from netspec.lifting.capture.tape import Operation
from netspec.lifting.translation.translator import Held, Translator, Untranslatable, usual_axes


def applied(t: Translator, operation: Operation, layer: str, arguments: dict[str, Any]) -> Held:
    """The layer on the one tensor that the operation takes."""
    operand = t.take(operation.args[0])
    key = operation.path if any(True for _ in operation.module.state_dict()) else ""
    return on(t, layer, operand, arguments, key)


def on(t: Translator, layer: str, operand: Held, arguments: dict[str, Any], key: str = "", hint: str = "") -> Held:
    """A layer on a value: one that goes along the last axis or element by element leaves the others as they are."""
    if layer in ALONG_LAST or not _looks_at_axes(layer):
        if layer in ALONG_LAST:
            axis = t.axis(operand, -1)
            if axis != t.shape(operand).rank - 1:
                raise Untranslatable("the last axis of the tensor is another one of the value")
        return Held(t.step(layer, [operand.value], arguments, key=key, hint=hint), operand.axes)
    value = t.usual(operand)
    if not operand.batched:
        raise Untranslatable("it takes what is the same for all samples")
    output = t.step(layer, [value], arguments, key=key, hint=hint)
    return Held(output, usual_axes(t.shapes[output].rank))


ALONG_LAST = frozenset(name for name, cls in REGISTRY.items() if cls.along_features or "over" in cls.model_fields)
"""Layers that work along the last axis, whatever stands before it; norms do where `over` is not given."""


def _looks_at_axes(layer: str) -> bool:
    """Whether a layer is more than a function of each element."""
    return REGISTRY[layer].family not in ("activation", "arithmetic", "regularization") and layer != "identity"


def put(arguments: dict[str, Any], layer: str, name: str, value: Any) -> None:
    """Notes an argument where it is not as the layer has it anyway."""
    info = REGISTRY[layer].model_fields[name]
    if isinstance(value, list | tuple) and value:
        value = compact(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**31 and _wants_whole(info.annotation):
        value = int(value)
    if info.is_required() or value != info.default:
        arguments[name] = value


def _wants_whole(annotation: Any) -> bool:
    return "float" not in str(annotation)


def depthwise(arguments: dict[str, Any], channels: int) -> dict[str, Any]:
    """The arguments of a convolution with as many groups as channels, as those of a depthwise one."""
    multiplier = arguments["channels"] // channels
    rest = {name: value for name, value in arguments.items() if name not in ("channels", "groups")}
    return rest | ({"multiplier": multiplier} if multiplier > 1 else {})


def normed(
    t: Translator,
    operation: Operation,
    layer: str,
    shape: Sequence[int],
    arguments: dict[str, Any],
    key: str | None = None,
) -> Held:
    """A norm over the last axes, which are the last one or all of them."""
    operand = t.take(operation.args[0])
    if key is None:
        key = operation.path if arguments.get("affine", True) else ""
    if len(shape) == 1:
        return on(t, layer, operand, arguments, key)
    if len(shape) != t.shape(operand).rank:
        raise Untranslatable(f"it normalises over {len(shape)} of {t.shape(operand).rank} axes")
    return Held(t.step(layer, [t.usual(operand)], arguments | {"over": "all"}, key=key), operand.axes)


def along(t: Translator, layer: str, tensor: Any, dim: int) -> Held:
    """A layer with an `axis`, on a dimension of a tensor."""
    operand = t.take(tensor)
    axis = t.axis(operand, dim)
    arguments: dict[str, Any] = {}
    put(arguments, layer, "axis", axis if axis < t.shape(operand).rank - 1 or axis == 0 else -1)
    return Held(t.step(layer, [operand.value], arguments), operand.axes)


def adaptive(t: Translator, tensor: Any, kind: str, size: Any) -> Held:
    """An adaptive pool; to a single position it is a global one."""
    operand = t.take(tensor)
    whole = compact(size) if isinstance(size, list | tuple) else size
    if whole == 1:
        return on(t, f"global_{kind}", operand, {})
    return on(t, f"adaptive_{kind}", operand, {"size": whole})


_MODES = {"nearest-exact": "nearest_exact", "bilinear": "bilinear", "bicubic": "bicubic", "trilinear": "trilinear"}


def upsampled(t: Translator, tensor: Any, size: Any, scale: Any, mode: str, align: bool | None) -> Held:
    """Interpolation to a size, or by a factor."""
    arguments: dict[str, Any] = {}
    operand = t.take(tensor)
    if scale is not None:
        factor = compact(scale) if isinstance(scale, list | tuple) else scale
        arguments["scale"] = int(factor) if isinstance(factor, float) and factor.is_integer() else factor
    else:
        arguments["size"] = compact(size) if isinstance(size, list | tuple) else size
    put(arguments, "upsample", "mode", _MODES.get(mode, mode))
    if align:
        arguments["align_corners"] = True
    return on(t, "upsample", operand, arguments)
