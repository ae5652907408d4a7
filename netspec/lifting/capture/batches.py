"""Two tapes of one module, run with different batches, to one in which the batch is known from other sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netspec.lifting.capture.tape import Batch, Operation, Tape, TapeValue
from netspec.lifting.refusal import refusal

BATCHES = 5, 7
"""The samples of both runs: primes, that seldom divide a size of a network."""


def compared(first: Tape, second: Tape) -> Tape:
    """One tape of two runs that differ in nothing but the batch."""
    if len(first.operations) != len(second.operations):
        raise refusal("what the module does hangs on the number of samples")
    operations: list[Operation] = []
    for one, other in zip(first.operations, second.operations, strict=True):
        if (one.name, one.path, one.outputs) != (other.name, other.path, other.outputs):
            raise refusal("what the module does hangs on the number of samples", one.place, module=one.path)
        args, kwargs = _merged((one.args, one.kwargs), (other.args, other.kwargs), one)
        operations.append(Operation(one.name, args, kwargs, one.outputs, one.path, one.place, one.module, one.function))
    values = {number: _value(value, second.values[number]) for number, value in first.values.items()}
    return replace(first, values=values, operations=tuple(operations))


def _value(one: TapeValue, other: TapeValue) -> TapeValue:
    """One value of both runs; it is a constant where both hold the same numbers."""
    try:
        shape = tuple(_size(left, right) for left, right in zip(one.shape, other.shape, strict=True))
    except ValueError as error:
        raise refusal(f"it has an axis that is no multiple of the number of samples: {error}") from None
    numbers, others = one.numbers, other.numbers
    same = numbers is not None and others is not None and numbers.shape == others.shape and (numbers == others).all()
    return replace(one, shape=shape, numbers=numbers if same else None)


def _size(left: Any, right: Any) -> int | Batch:
    """A size of both runs; raises ValueError where it is no multiple of the batch."""
    if left == right:
        return int(left)
    times, rest = divmod(left, BATCHES[0])
    if rest or times * BATCHES[1] != right:
        raise ValueError(f"{left} of {BATCHES[0]} samples and {right} of {BATCHES[1]}")
    return Batch(times)


def _merged(left: Any, right: Any, operation: Operation) -> Any:
    match left:
        case bool() | None | str():
            return left
        case int():
            try:
                return _size(left, right)
            except ValueError:
                pass
        case float() if left == right:
            return left
        case tuple() | list():
            return tuple(_merged(one, other, operation) for one, other in zip(left, right, strict=True))
        case dict():
            return {key: _merged(part, right[key], operation) for key, part in left.items()}
        case slice():
            ends = zip((left.start, left.stop, left.step), (right.start, right.stop, right.step), strict=True)
            return slice(*(_merged(one, other, operation) for one, other in ends))
        case _ if not isinstance(left, float):
            return left
    raise refusal("it computes with the number of samples", operation.place, module=operation.path)
