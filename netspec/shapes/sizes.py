"""Sizes that stay open: exact integer expressions over named dimensions such as `H` and `W`.

A dimension is an `int` or an `OpenSize`. An `OpenSize` is a polynomial with integer coefficients whose variables are
symbols, floors and minima, kept in a canonical form: multiples leave a floor, and nested floors collapse by
floor((floor(x / a) + c) / b) = floor((x + a c) / (a b)) (Graham, Knuth, Patashnik, "Concrete Mathematics", 3.2).
Two stride-2 convolutions of H so read `floor((H + 3) / 4)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


MOST_ATOMS = 200
"""How many symbols, floors and minima one size may be made of, those inside floors counted too."""
LARGEST_FACTOR = 2**48
"""The largest number that may stand in a size."""


class TooComplexError(Exception):
    """A size of more parts than anyone could read, or reckon with."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A dimension that the spec names: the H of `[3, H, W]`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Floor:
    """floor(numerator / denominator), denominator > 1."""

    numerator: OpenSize
    denominator: int

    def __str__(self) -> str:
        inner = str(self.numerator)
        return (
            f"floor({inner} / {self.denominator})"
            if _is_atom(self.numerator)
            else f"floor(({inner}) / {self.denominator})"
        )


@dataclass(frozen=True, slots=True)
class Minimum:
    """The smaller of two sizes."""

    left: Dimension
    right: Dimension

    def __str__(self) -> str:
        return f"min({self.left}, {self.right})"


Atom: TypeAlias = Symbol | Floor | Minimum
Monomial: TypeAlias = tuple[Atom, ...]


@dataclass(frozen=True)
class OpenSize:
    """A polynomial: coefficient by product of atoms; the empty product holds the constant. Never constant itself."""

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def symbol(name: str) -> OpenSize:
        return OpenSize((((Symbol(name),), 1),))

    def __add__(self, other: Dimension) -> Dimension:
        return _collect([*self.terms, *_terms(other)])

    __radd__ = __add__

    def __neg__(self) -> Dimension:
        return self * -1

    def __sub__(self, other: Dimension) -> Dimension:
        return self + -other

    def __rsub__(self, other: Dimension) -> Dimension:
        return -self + other

    def __mul__(self, other: Dimension) -> Dimension:
        if self.weight * (other.weight if isinstance(other, OpenSize) else 1) > MOST_ATOMS**2:
            raise TooComplexError(f"a size of more than {MOST_ATOMS} parts")
        products = [(tuple(sorted(a + b, key=str)), m * n) for a, m in self.terms for b, n in _terms(other)]
        return _collect(products)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Dimension:
        return _floor(self, divisor)

    def __mod__(self, divisor: int) -> Dimension:
        return self - (self // divisor) * divisor

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        parts: list[str] = []
        for monomial, coefficient in sorted(self.terms, key=lambda term: (not term[0], -len(term[0]))):
            product = "*".join(map(str, monomial))
            size = abs(coefficient)
            text = str(size) if not monomial else product if size == 1 else f"{size}*{product}"
            sign = "-" if coefficient < 0 else "+"
            parts.append(f"{sign} {text}" if parts else (f"-{text}" if coefficient < 0 else text))
        return " ".join(parts)

    @cached_property
    def weight(self) -> int:
        """How many atoms the size is made of."""
        return sum(1 + sum(map(_weight, monomial)) for monomial, _ in self.terms)

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The names that the size depends on."""
        return frozenset().union(*(_symbols(atom) for monomial, _ in self.terms for atom in monomial))


Dimension: TypeAlias = int | OpenSize


def minimum(left: Dimension, right: Dimension) -> Dimension:
    """The smaller of two sizes; kept as an expression where it depends on open ones."""
    difference = left - right
    if isinstance(difference, int):
        return left if difference <= 0 else right
    return OpenSize((((Minimum(left, right),), 1),))


def ceil_div(size: Dimension, divisor: int) -> Dimension:
    """The quotient rounded up."""
    return (size + divisor - 1) // divisor


def evaluate(size: Dimension, values: Mapping[str, NDArray[np.int64] | int]) -> Any:
    """The size where each symbol has the value (or the vector of values) that `values` gives it."""
    if isinstance(size, int):
        return size
    total: Any = 0
    for monomial, coefficient in size.terms:
        product: Any = coefficient
        for atom in monomial:
            product = product * _evaluate(atom, values)
        total = total + product
    return total


def as_factor(size: Dimension) -> str:
    """The size as it stands in a product: a sum in brackets."""
    return str(size) if isinstance(size, int) or len(size.terms) == 1 else f"({size})"


def magnitude(size: Dimension, largest: int) -> int:
    """A bound on the absolute value of the size, and of everything that it is reckoned from, where symbols go up to
    `largest`.
    """
    if isinstance(size, int):
        return abs(size)
    return sum(abs(factor) * prod(_magnitude(atom, largest) for atom in monomial) for monomial, factor in size.terms)


def _magnitude(atom: Atom, largest: int) -> int:
    match atom:
        case Symbol():
            return largest
        case Floor(numerator, _):
            return magnitude(numerator, largest)
        case Minimum(left, right):
            return max(magnitude(left, largest), magnitude(right, largest))


def symbols(size: Dimension) -> frozenset[str]:
    return frozenset() if isinstance(size, int) else size.symbols


def _evaluate(atom: Atom, values: Mapping[str, NDArray[np.int64] | int]) -> Any:
    match atom:
        case Symbol(name):
            return values[name]
        case Floor(numerator, denominator):
            return evaluate(numerator, values) // denominator
        case Minimum(left, right):
            import numpy as np

            return np.minimum(evaluate(left, values), evaluate(right, values))


def _weight(atom: Atom) -> int:
    match atom:
        case Symbol():
            return 1
        case Floor(numerator, _):
            return numerator.weight
        case Minimum(left, right):
            return sum(size.weight for size in (left, right) if isinstance(size, OpenSize))


def _symbols(atom: Atom) -> frozenset[str]:
    match atom:
        case Symbol(name):
            return frozenset((name,))
        case Floor(numerator, _):
            return numerator.symbols
        case Minimum(left, right):
            return symbols(left) | symbols(right)


def _terms(size: Dimension) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(size, OpenSize):
        return size.terms
    return (((), size),) if size else ()


def _collect(terms: list[tuple[Monomial, int]]) -> Dimension:
    sums: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        sums[monomial] = sums.get(monomial, 0) + coefficient
    if sum(1 + sum(map(_weight, monomial)) for monomial in sums) > MOST_ATOMS:
        raise TooComplexError(f"a size of more than {MOST_ATOMS} parts")
    if any(abs(factor) > LARGEST_FACTOR for monomial, factor in sums.items() if monomial):
        raise TooComplexError(f"a size with factors above {LARGEST_FACTOR:,}")
    nonzero = tuple(sorted(((m, c) for m, c in sums.items() if c), key=lambda term: str(term[0])))
    if not nonzero:
        return 0
    if len(nonzero) == 1 and not nonzero[0][0]:
        return nonzero[0][1]
    return OpenSize(nonzero)


def _floor(size: OpenSize, divisor: int) -> Dimension:
    """floor(size / divisor) in canonical form: whole multiples outside, remainders in [0, divisor) inside."""
    if divisor < 0:
        return (-size) // -divisor
    if divisor > LARGEST_FACTOR:
        raise TooComplexError(f"a size divided by more than {LARGEST_FACTOR:,}")
    if divisor == 1:
        return size
    whole = _collect([(m, c // divisor) for m, c in size.terms])
    rest = _collect([(m, c % divisor) for m, c in size.terms])
    if isinstance(rest, int):
        return whole
    if len(rest.terms) <= 2:
        floors = [m[0] for m, c in rest.terms if c == 1 and len(m) == 1 and isinstance(m[0], Floor)]
        constant = sum(c for m, c in rest.terms if not m)
        if len(floors) == 1 and len(rest.terms) == (2 if constant else 1):
            inner = floors[0]
            nested = inner.numerator + constant * inner.denominator
            if isinstance(nested, OpenSize):
                return whole + _floor(nested, inner.denominator * divisor)
    return whole + OpenSize((((Floor(rest, divisor),), 1),))


def _is_atom(size: OpenSize) -> bool:
    return len(size.terms) == 1 and len(size.terms[0][0]) == 1 and size.terms[0][1] == 1
