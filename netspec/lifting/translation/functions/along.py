"""Functions along an axis: softmax, means, lengths."""

from __future__ import annotations

from typing import Any

from netspec.layers.declaration.arguments import compact
from netspec.lifting.capture.tape import Operation
from netspec.lifting.translation.calls import along
from netspec.lifting.translation.functions.table import function
from netspec.lifting.translation.translator import Held, Translator, Untranslatable


@function("softmax", "log_softmax")
def _softmax(
    t: Translator, input: Any, dim: int = -1, _stacklevel: int = 3, dtype: Any = None, *, operation: Operation
) -> Held:
    return along(t, operation.name, input, dim)


@function("glu")
def _glu(t: Translator, input: Any, dim: int = -1) -> Held:
    return along(t, "glu", input, dim)


def _reduction(layer: str, *names: str) -> None:
    @function(*names)
    def translation(t: Translator, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Held:
        return _reduced(t, layer, input, dim, keepdim, {})


def _reduced(t: Translator, layer: str, input: Any, dim: Any, keepdim: bool, extra: dict[str, Any]) -> Held:
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
    given |= extra
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


def _spread(layer: str) -> None:
    @function(layer)
    def translation(
        t: Translator,
        input: Any,
        dim: Any = None,
        unbiased: Any = True,
        keepdim: bool = False,
        *,
        correction: Any = None,
    ) -> Held:
        divisor = int(unbiased) if correction is None else correction
        return _reduced(t, layer, input, dim, keepdim, {} if divisor == 1 else {"correction": divisor})


_spread("var")
_spread("std")


@function("norm")
def _norm(
    t: Translator, input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Held:
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
