"""Products of matrices, along axes that are named by their places or by letters."""

from __future__ import annotations

from math import prod
from typing import Any

from netspec.lifting.translation.functions.table import function
from netspec.lifting.translation.translator import BATCH, Held, Translator, Untranslatable


@function("matmul", "bmm")
def _matmul(t: Translator, input: Any, other: Any) -> Held:
    return _product(t, t.take(input), t.take(other))


def _product(t: Translator, left: Held, right: Held) -> Held:
    """A product of the last two axes; those before are the same in both, or of size 1 in one of them."""
    if left.batched and not right.batched and len(right.axes) == 2 and BATCH not in left.axes[-1]:
        return _with_weight(t, left, right)
    rows = left.axes[-2]
    joined = len(rows) == 2 and rows[0] == BATCH and not right.batched and len(left.axes) == len(right.axes)
    if joined and [part for axis in left.axes for part in axis if part != BATCH] == list(range(len(left.axes))):
        return Held(t.step("matmul", [left.value, right.value]), left.axes)  # samples and rows are one axis
    if any(BATCH in axis for held in (left, right) for axis in held.axes[-2:]):
        raise Untranslatable("it works along the samples of the batch")
    if len(left.axes) != len(right.axes) or (left.batched == right.batched and left.axes[:-2] != right.axes[:-2]):
        raise Untranslatable("its matrices do not stand on the same axes")
    mixed = left.batched != right.batched
    values = t.aligned([left, right])[0] if mixed else [left.value, right.value]
    ahead = [t.dims(value)[:-2] for value in values]
    if len(ahead[0]) != len(ahead[1]):
        raise Untranslatable("its matrices do not stand on the same axes")
    common = tuple(max(sizes) for sizes in zip(*ahead, strict=True))
    for place, value in enumerate(values):
        if ahead[place] != common:
            values[place] = t.step("expand", [value], {"shape": (*common, *t.dims(value)[-2:])})
    return Held(t.step("matmul", values), left.axes if left.batched else right.axes)


def _with_weight(t: Translator, left: Held, right: Held) -> Held:
    """A product with one matrix that is the same for all samples and all axes before: a linear layer of that."""
    if right.batched or len(right.axes) != 2 or t.axis(left, -1) != t.shape(left).rank - 1:
        raise Untranslatable("its matrices do not stand on the same axes")
    turned = t.step("transpose", [right.value], {"a": 0, "b": 1})
    return Held(t.step("unembed", [left.value, turned]), left.axes)


@function("einsum")
def _einsum(t: Translator, equation: str, *operands: Any) -> Held:
    """A product of two values over one axis; all axes before are the same in both, as in a product of matrices."""
    tensors = operands[0] if len(operands) == 1 and isinstance(operands[0], tuple) else operands
    taken, _, given = equation.replace(" ", "").partition("->")
    letters = taken.split(",")
    if (
        len(letters) != 2
        or len(tensors) != 2
        or "." in equation
        or not given
        or any(len(set(n)) < len(n) for n in letters)
    ):
        raise Untranslatable(f"{equation} is no product of two matrices")
    left, right = letters
    summed = [name for name in left if name in right and name not in given]
    shared = [name for name in left if name in right and name in given]
    rows = [name for name in left if name not in right]
    columns = [name for name in right if name not in left]
    if len(summed) == len(columns) == 1 < len(rows) and shared and not t.take(tensors[1]).batched:
        return _spread_product(t, t.take(tensors[0]), t.take(tensors[1]), left, right, given)
    if len(summed) != 1 or (shared and (len(rows) != 1 or len(columns) != 1)):
        raise Untranslatable(f"{equation} is no product of two matrices")
    one = t.permuted(t.take(tensors[0]), [left.index(name) for name in (*shared, *rows, *summed)])
    other = t.permuted(t.take(tensors[1]), [right.index(name) for name in (*shared, *summed, *columns)])
    made = _product(t, one, other) if len(rows) == len(columns) == 1 else _flat_product(t, one, other)
    return t.permuted(made, [[*shared, *rows, *columns].index(name) for name in given])


def _spread_product(t: Translator, left: Held, right: Held, own: str, other: str, given: str) -> Held:
    """A product with one matrix for each place of the axes that both have: `bythwc,hkc->bythwk`.

    The other axes of the left, but for the last of them, stand before the matrices, and the right is the same along
    these. `own`, `other` and `given` are the letters of the left, the right and the result.
    """
    (summed,) = (name for name in own if name in other and name not in given)
    (column,) = (name for name in other if name not in own)
    rows = [name for name, axis in zip(own, left.axes, strict=True) if name not in other and BATCH not in axis]
    if not rows:
        raise Untranslatable("it works along the samples of the batch")
    ahead = [name for name in own if name not in (summed, rows[-1])]
    one = t.permuted(left, [own.index(name) for name in (*ahead, rows[-1], summed)])
    turned = t.permuted(right, [other.index(name) for name in (*(n for n in ahead if n in other), summed, column)])
    sizes = dict(zip(other, t.dims(right), strict=True))
    wide = t.reshaped(turned, [*(sizes.get(name, 1) for name in ahead), sizes[summed], sizes[column]])
    made = _product(t, one, wide)
    return t.permuted(made, [[*ahead, rows[-1], column].index(name) for name in given])


def _flat_product(t: Translator, left: Held, right: Held) -> Held:
    """A product of matrices whose rows, and whose columns, are several axes: (*R, K) and (K, *C) to (*R, *C)."""
    rows, columns = t.dims(left)[:-1], t.dims(right)[1:]
    if left.batched or right.batched:
        raise Untranslatable("its matrices do not stand on the same axes")
    one = t.reshaped(left, (prod(rows), *t.dims(left)[-1:]))
    other = t.reshaped(right, (*t.dims(right)[:1], prod(columns)))
    return t.reshaped(_product(t, one, other), (*rows, *columns))
