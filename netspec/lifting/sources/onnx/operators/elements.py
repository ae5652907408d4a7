"""Operators of each element by itself: activations, arithmetic, comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from netspec.lifting.sources.onnx.call import Call, Unsupported, Value
from netspec.lifting.sources.onnx.operators.table import OPERATORS, operand, operator, tensor


def _plain(name: str, function: Callable[[Tensor], Tensor]) -> None:
    OPERATORS[name] = lambda call, x: function(tensor(x))


for _name, _function in (
    ("Relu", F.relu),
    ("Sigmoid", torch.sigmoid),
    ("Tanh", torch.tanh),
    ("HardSwish", F.hardswish),
    ("Softplus", F.softplus),
    ("Softsign", F.softsign),
    ("Mish", F.mish),
    ("Silu", F.silu),
    ("Abs", torch.abs),
    ("Neg", torch.neg),
    ("Exp", torch.exp),
    ("Log", torch.log),
    ("Sqrt", torch.sqrt),
    ("Sin", torch.sin),
    ("Cos", torch.cos),
    ("Reciprocal", torch.reciprocal),
):
    _plain(_name, _function)


@operator("Identity")
def _identity(call: Call, x: Value) -> Tensor:
    return tensor(x)


@operator("Cast")
def _cast(call: Call, x: Value) -> Tensor:
    """A cast between kinds of real numbers is nothing here; others do not lift."""
    from onnx import TensorProto

    known = tensor(x)
    floats = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
    whole = (TensorProto.INT64, TensorProto.INT32)
    if (call.get("to") in floats and known.is_floating_point()) or (
        call.get("to") in whole and known.dtype in (torch.int64, torch.int32)
    ):
        return known
    raise Unsupported("it turns numbers of one kind into those of another")


@operator("Gelu")
def _gelu(call: Call, x: Value) -> Tensor:
    return F.gelu(tensor(x), approximate=call.get("approximate", "none"))


@operator("LeakyRelu")
def _leaky_relu(call: Call, x: Value) -> Tensor:
    return F.leaky_relu(tensor(x), short(call.get("alpha", 0.01)))


@operator("Elu")
def _elu(call: Call, x: Value) -> Tensor:
    return F.elu(tensor(x), short(call.get("alpha", 1.0)))


@operator("Celu")
def _celu(call: Call, x: Value) -> Tensor:
    return F.celu(tensor(x), short(call.get("alpha", 1.0)))


@operator("Selu")
def _selu(call: Call, x: Value) -> Tensor:
    usual = math.isclose(call.get("alpha", 1.67326), 1.67326, rel_tol=1e-4)
    if not usual or not math.isclose(call.get("gamma", 1.0507), 1.0507, rel_tol=1e-4):
        raise Unsupported("its alpha and gamma are not those of the paper")
    return F.selu(tensor(x))


@operator("HardSigmoid")
def _hardsigmoid(call: Call, x: Value) -> Tensor:
    alpha, beta = call.get("alpha", 0.2), call.get("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-5) and beta == 0.5:
        return F.hardsigmoid(tensor(x))
    return torch.clamp(tensor(x) * short(alpha) + short(beta), 0, 1)


@operator("ThresholdedRelu")
def _thresholded(call: Call, x: Value) -> Tensor:
    known, threshold = tensor(x), short(call.get("alpha", 1.0))
    return torch.where(known > threshold, known, 0.0)


@operator("Clip")
def _clip(call: Call, x: Value, low: Value | None = None, high: Value | None = None) -> Tensor:
    ends = [
        call.number(given, name) if given is not None else call.get(name)
        for name, given in (("min", low), ("max", high))
    ]
    small, large = (None if end is None or abs(end) >= 3e38 else short(end) for end in ends)
    if (small, large) == (0, 6):
        return F.relu6(tensor(x))
    if small is None and large is None:
        return tensor(x)
    return torch.clamp(tensor(x), small, large)


@operator("Dropout")
def _dropout(call: Call, x: Value, ratio: Value | None = None, training: Value | None = None) -> Tensor:
    p = call.number(ratio, "ratio") if ratio is not None else call.get("ratio", 0.5)
    return F.dropout(tensor(x), short(p), call.training)


def short(number: float) -> float:
    """A number of single precision as short as it can be told from others: 0.1, not 0.10000000149."""
    brief = float(str(np.float32(number)))
    return int(brief) if brief.is_integer() and abs(brief) < 2**31 else brief


def _joined(name: str, function: Callable[[Any, Any], Any]) -> None:
    @operator(name)
    def join(call: Call, left: Value, right: Value) -> Tensor:
        pair = [operand(left, np.ndim(right)), operand(right, np.ndim(left))]
        if not any(isinstance(value, Tensor) for value in pair):
            pair[0] = tensor(left)
        pair = [short(value) if isinstance(value, float) else value for value in pair]
        result = function(*spread(call, pair))
        assert isinstance(result, Tensor)
        return result


def spread(call: Call, values: list[Any]) -> list[Any]:
    """Values of which some have the batch that is written into the file, as many as there are samples."""
    return values


for _name, _join in (
    ("Add", lambda a, b: a + b),
    ("Sub", lambda a, b: a - b),
    ("Mul", lambda a, b: a * b),
    ("Div", lambda a, b: a / b),
    ("Pow", lambda a, b: a**b),
    ("Equal", lambda a, b: a == b),
    ("Less", lambda a, b: a < b),
    ("Greater", lambda a, b: a > b),
    ("LessOrEqual", lambda a, b: a <= b),
    ("GreaterOrEqual", lambda a, b: a >= b),
):
    _joined(_name, _join)


def _several(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    OPERATORS[name] = lambda call, *values: reduce(function, map(tensor, values))


_several("Sum", torch.add)
_several("Max", torch.maximum)
_several("Min", torch.minimum)


@operator("Mean")
def _mean(call: Call, *values: Value) -> Tensor:
    total = reduce(torch.add, map(tensor, values))
    return total if len(values) == 1 else total / len(values)


@operator("Where")
def _where(call: Call, condition: Value, one: Value, other: Value) -> Tensor:
    known = tensor(condition)
    left, right = (operand(value, known.dim()) for value in (one, other))
    return torch.where(known, left, right)
