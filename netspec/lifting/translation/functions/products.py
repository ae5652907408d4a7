"""Products of matrices, along axes that are named by their places or by letters."""

from __future__ import annotations

from typing import Any

from netspec.lifting.translation.functions.table import function
from netspec.lifting.translation.translator import BATCH, Held, Translator, Untranslatable


@function("matmul", "bmm")
def _matmul(t: Translator, input: Any, other: Any) -> Held:
    return _product(t, t.take(input), t.take(other))


def _product(t: Translator, left: Held, right: Held) -> Held:
    if left.batched != right.batched or len(left.axes) != len(right.axes) or left.axes[:-2] != right.axes[:-2]:
        raise Untranslatable("its matrices do not stand on the same axes")
    if any(BATCH in axis for axis in left.axes[-2:]):
        raise Untranslatable("it works along the samples of the batch")
    return Held(t.step("matmul", [left.value, right.value]), left.axes)


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
    if len(summed) != 1 or len(rows) != 1 or len(columns) != 1:
        raise Untranslatable(f"{equation} is no product of two matrices")
    one = t.permuted(t.take(tensors[0]), [left.index(name) for name in (*shared, *rows, *summed)])
    other = t.permuted(t.take(tensors[1]), [right.index(name) for name in (*shared, *summed, *columns)])
    made = _product(t, one, other)
    return t.permuted(made, [[*shared, *rows, *columns].index(name) for name in given])
