"""Operators along axes: softmax, means, products of matrices."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from netspec.lifting.sources.onnx.call import Call, Unsupported, Value
from netspec.lifting.sources.onnx.operators.elements import short
from netspec.lifting.sources.onnx.operators.table import axis_of, operator, tensor


def _softmax(name: str) -> None:
    @operator(name)
    def along(call: Call, x: Value) -> Tensor:
        known = tensor(x)
        function = torch.softmax if name == "Softmax" else torch.log_softmax
        if call.opset >= 13:
            return function(known, axis_of(call.get("axis", -1), known.dim()))
        axis = axis_of(call.get("axis", 1), known.dim())
        rest = known.shape[axis + 1 :]
        if all(size == 1 for size in rest) or axis == known.dim() - 1:
            return function(known, axis)
        return function(known.flatten(axis), axis).reshape(known.shape)


_softmax("Softmax")
_softmax("LogSoftmax")


def _reduction(name: str) -> None:
    @operator(name)
    def reduction(call: Call, x: Value, axes: Value | None = None) -> Tensor:
        known = tensor(x)
        given = call.numbers(axes, "axes") if axes is not None else call.get("axes")
        keep = bool(call.get("keepdims", 1))
        if given is None or not given:
            if call.get("noop_with_empty_axes", 0):
                return known
            raise Unsupported("it joins the samples of the batch")
        where = tuple(sorted(axis_of(int(axis), known.dim()) for axis in given))
        if name == "ReduceMean" and keep and where == (2, 3) and known.dim() == 4:
            return F.adaptive_avg_pool2d(known, 1)  # what torch writes for this layer
        match name:
            case "ReduceMean":
                return known.mean(where, keepdim=keep)
            case "ReduceSum":
                return known.sum(where, keepdim=keep)
            case "ReduceMax":
                return torch.amax(known, where, keepdim=keep)
            case "ReduceMin":
                return torch.amin(known, where, keepdim=keep)
            case "ReduceSumSquare":
                return (known * known).sum(where, keepdim=keep)
        if len(where) > 1:
            return (known * known).sum(where, keepdim=keep).sqrt()
        return _length(known, where[0], keep)


for _name in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"):
    _reduction(_name)


@operator("MatMul")
def _matmul(call: Call, one: Value, other: Value) -> Tensor:
    return torch.matmul(tensor(one), tensor(other))


@operator("Gemm")
def _gemm(call: Call, one: Value, other: Value, added: Value | None = None) -> Tensor:
    left, right = tensor(one), tensor(other)
    left = left.transpose(0, 1) if call.get("transA") else left
    right = right.transpose(0, 1) if call.get("transB") else right
    product = torch.matmul(left, right)
    alpha, beta = (short(call.get(name, 1.0)) for name in ("alpha", "beta"))
    product = product if alpha == 1 else product * alpha
    if added is None:
        return product
    return product + (tensor(added) if beta == 1 else tensor(added) * beta)


@operator("Einsum")
def _einsum(call: Call, *values: Value) -> Tensor:
    return torch.einsum(call.get("equation", ""), *map(tensor, values))


@operator("LpNormalization")
def _normalized(call: Call, x: Value) -> Tensor:
    known = tensor(x)
    if call.get("p", 2) != 2:
        raise Unsupported("it is no length")
    return known / _length(known, axis_of(call.get("axis", -1), known.dim()), keep=True)


def _length(x: Tensor, axis: int, keep: bool) -> Tensor:
    length: Tensor = torch.norm(x, 2, axis, keepdim=keep)
    return length


@operator("LRN")
def _lrn(call: Call, x: Value) -> Tensor:
    alpha, beta, k = (short(call.get(name, usual)) for name, usual in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    return F.local_response_norm(tensor(x), int(call.get("size", 1)), alpha, beta, k)
