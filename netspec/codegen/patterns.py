"""What numbers have in common: across the rounds of a loop, and between the arguments of a block's instances."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from netspec.codegen.naming import literal


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is the same everywhere."""

    value: Any

    def __str__(self) -> str:
        return literal(self.value)


@dataclass(frozen=True, slots=True)
class Ref:
    """`parameter * times // over + plus`."""

    parameter: str
    times: int = 1
    over: int = 1
    plus: int = 0

    def __str__(self) -> str:
        text = self.parameter
        if self.times != 1:
            text = f"{self.times} * {text}"
        if self.over != 1:
            text = f"{text} // {self.over}"
        if self.plus:
            text = f"{text} {'+' if self.plus > 0 else '-'} {abs(self.plus)}"
        return text


Resolved: TypeAlias = Literal | Ref


@dataclass(frozen=True, slots=True)
class Wild:
    """Stands for the argument of a module that an instance does not have."""


WILD = Wild()


def same(left: Any, right: Any) -> bool:
    """Equality that tells 1 from True and 1.0."""
    return type(left) is type(right) and bool(left == right)


def frozen(value: Any) -> Hashable:
    """A value that can be compared and hashed: lists are tuples."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def constant(vector: Sequence[Any]) -> Literal | None:
    known = [value for value in vector if value is not WILD]
    return Literal(known[0]) if all(same(value, known[0]) for value in known) else None


def relation(vector: Sequence[Any], name: str, base: Sequence[Any], forms: str) -> Ref | None:
    """How `vector` follows from the parameter `name` whose values are `base`; `forms` are those allowed of `=*/+`."""
    pairs = [(value, other) for value, other in zip(vector, base, strict=True) if value is not WILD]
    if "=" in forms and all(same(value, other) for value, other in pairs):
        return Ref(name)
    if any(type(value) is not int or type(other) is not int for value, other in pairs):
        return None
    first, origin = pairs[0]
    if "*" in forms and origin and first and first % origin == 0:
        times = first // origin
        if times > 1 and all(value == times * other for value, other in pairs):
            return Ref(name, times=times)
    if "/" in forms and first > 0 and origin >= 2 * first:
        over = origin // first
        if all(value == other // over for value, other in pairs):
            return Ref(name, over=over)
    if "+" in forms and all(value - other == first - origin for value, other in pairs):
        return Ref(name, plus=first - origin)
    return None


def progression(values: Sequence[Any]) -> tuple[int, int] | None:
    """Start and step of an arithmetic progression of whole numbers."""
    if any(type(value) is not int for value in values):
        return None
    step = values[1] - values[0]
    return (values[0], step) if all(b - a == step for a, b in pairwise(values)) else None


def cycle(values: Sequence[Any]) -> str | None:
    """The values as an expression in `i`: powers, or a progression or powers that begin anew every few rounds."""
    if any(type(value) is not int for value in values):
        return None
    length = next(
        (n for n in range(2, len(values)) if all(v == values[k % n] for k, v in enumerate(values))), len(values)
    )
    base, index = values[:length], "i" if length == len(values) else f"(i % {length})"
    if (line := progression(base)) is not None:
        return ascending(str(line[0]) if line[0] else "", line[1], index)
    if base[0] > 0 and base[1] % base[0] == 0:
        ratio = base[1] // base[0]
        if all(value == base[0] * ratio**k for k, value in enumerate(base)):
            return _power(base[0], ratio, index)
    return None


def _power(first: int, ratio: int, index: str) -> str:
    """`first * ratio**index`, as one power where `first` is one of `ratio`."""
    exponent = 0
    while ratio > 1 and first % ratio ** (exponent + 1) == 0:
        exponent += 1
    rest = first // ratio**exponent
    if exponent:
        power = f"{ratio} ** ({index} + {exponent})"
    else:
        power = f"{ratio}**i" if index == "i" else f"{ratio} ** {index}"
    return power if rest == 1 else f"{rest} * {power}"


def ascending(start: str, step: int, index: str = "i") -> str:
    """`start + step * i`."""
    term = index if abs(step) == 1 else f"{abs(step)} * {index}"
    if not start or start == "0":
        return term if step > 0 else f"-{term}"
    return f"{start} {'+' if step > 0 else '-'} {term}"


def counting(first: int, step: int = 1) -> str:
    """`i + first`, as labels count."""
    term = "i" if step == 1 else f"{step} * i"
    return f"{term} + {first}" if first else term
