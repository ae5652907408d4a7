"""What open sizes must satisfy for a graph to fit, and how to say it: "H must be a multiple of 32, at least 32"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.shapes.sizes import Dimension, TooComplexError, evaluate, magnitude, symbols

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 4096
"""Candidate sizes are 1 to LARGEST; sets of sizes are described from what holds on these."""
SAMPLES = 1 << 16
"""How many candidates are tried where several symbols take part."""
MOST_BESIDE = 3
"""So many sizes are named beside those of a progression."""
COMBINATIONS = 1 << 18
"""How many combinations of what is left for each symbol are tried."""


Relation: TypeAlias = Literal["==", ">=", "broadcasts"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """`left == right`, or `left >= right`; `left broadcasts right` is that they are equal, or one of them is 1."""

    left: Dimension
    relation: Relation
    right: Dimension

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}"

    @property
    def symbols(self) -> frozenset[str]:
        return symbols(self.left) | symbols(self.right)

    @property
    def status(self) -> Literal["always", "never", "sometimes"]:
        """Whether every candidate size satisfies it, none, or some."""
        holds = self.holds()
        return "always" if holds.all() else "sometimes" if holds.any() else "never"

    @property
    def largest(self) -> int:
        """The largest candidate: LARGEST, or less where the values would not fit 64 bits.

        Raises TooComplexError where no value would.
        """
        largest = LARGEST
        while magnitude(self.left, largest) + magnitude(self.right, largest) >= 2**62:
            largest //= 2
            if largest < 2:
                raise TooComplexError("a size of such numbers")
        return largest

    @property
    def candidates(self) -> dict[str, NDArray[np.int64]]:
        """The sizes of its symbols that are tried."""
        return _candidates(sorted(self.symbols), self.largest)

    def holds(self, largest: int | None = None) -> NDArray[np.bool_]:
        """Where it holds: a vector over the sizes 1 to `largest` of its symbol, or over a sample for several."""
        import numpy as np

        names = sorted(self.symbols)
        values = _candidates(names, largest or self.largest)
        return np.broadcast_to(self.at(values), values[names[0]].shape if names else (1,))

    def at(self, values: Mapping[str, NDArray[np.int64] | int]) -> Any:
        """Where it holds, of sizes by symbol, or of vectors of them."""
        import numpy as np

        left, right = evaluate(self.left, values), evaluate(self.right, values)
        if self.relation == ">=":
            return np.greater_equal(left, right)
        equal = np.equal(left, right)
        return equal if self.relation == "==" else equal | np.equal(left, 1) | np.equal(right, 1)


def _candidates(names: Sequence[str], largest: int) -> dict[str, NDArray[np.int64]]:
    """Sizes to try: all of them for one symbol, all pairs of small ones for two, a fixed sample for more."""
    import numpy as np

    every = np.arange(1, largest + 1, dtype=np.int64)
    if len(names) == 1:
        return {names[0]: every}
    some = np.concatenate((every[:160], every[159::32]))
    if len(names) == 2:
        return dict(zip(names, (axis.ravel() for axis in np.meshgrid(some, some)), strict=True))
    random = np.random.default_rng(0)
    return {name: np.concatenate((every, random.choice(some, SAMPLES))) for name in names}


def describe(requirements: Sequence[Requirement]) -> tuple[str, ...]:
    """The requirements as sentences, one a symbol where they speak of one symbol, else as they stand."""
    sentences = [
        f"{requirement.left} must {_RELATIONS[requirement.relation]} {requirement.right}"
        for requirement in requirements
        if len(requirement.symbols) > 1 and requirement.status != "always"
    ]
    for names, holds in sorted(_together(r for r in requirements if len(r.symbols) == 1).items(), key=str):
        (name,) = names
        if sentence := _describe(name, holds):
            sentences.append(sentence)
    return tuple(dict.fromkeys(sentences))


def satisfiable(requirements: Sequence[Requirement]) -> bool:
    """Whether some candidate sizes satisfy all requirements.

    What requirements on the same symbols leave is looked at first, then whether what is left goes together, where there
    are at most COMBINATIONS of it; beyond, it counts as if it did.
    """
    sets = _together(requirements)
    return all(bool(holds.any()) for holds in sets.values()) and all(map(_go_together, _linked(requirements)))


def nearest(requirements: Sequence[Requirement], sizes: Mapping[str, int]) -> dict[str, int] | None:
    """The sizes nearest to `sizes` that what is required of each symbol by itself leaves; None where it leaves none."""
    allowed = _allowed(requirements)
    if not all(len(allowed.get(name, (1,))) for name in sizes):
        return None
    return {
        name: min(map(int, allowed[name]), key=lambda other: (abs(other - size), -other)) if name in allowed else size
        for name, size in sizes.items()
    }


def _go_together(requirements: Sequence[Requirement]) -> bool:
    """Whether some combination of what each symbol's own requirements leave satisfies them all."""
    import numpy as np

    several = [requirement for requirement in requirements if len(requirement.symbols) > 1]
    if not several:
        return True
    names = sorted(frozenset().union(*(requirement.symbols for requirement in several)))
    every = np.arange(1, min(requirement.largest for requirement in requirements) + 1)
    allowed = _allowed(requirements)
    sizes = [np.intersect1d(every, allowed.get(name, every)) for name in names]
    if prod(map(len, sizes)) > COMBINATIONS:
        return True
    grid = np.meshgrid(*sizes, indexing="ij")
    values = dict(zip(names, (axis.ravel() for axis in grid), strict=True))
    return bool(np.logical_and.reduce([requirement.at(values) for requirement in several]).any())


def _allowed(requirements: Iterable[Requirement]) -> dict[str, NDArray[np.int64]]:
    """The sizes that each symbol's own requirements leave it."""
    import numpy as np

    sets = _together(requirement for requirement in requirements if len(requirement.symbols) == 1)
    return {next(iter(names)): np.flatnonzero(holds) + 1 for names, holds in sets.items()}


def _linked(requirements: Sequence[Requirement]) -> list[list[Requirement]]:
    """The requirements in groups that have no symbol in common."""
    groups: list[tuple[set[str], list[Requirement]]] = []
    for requirement in dict.fromkeys(requirements):
        apart = [group for group in groups if group[0].isdisjoint(requirement.symbols)]
        joined = [group for group in groups if not group[0].isdisjoint(requirement.symbols)]
        symbols = set(requirement.symbols).union(*(group[0] for group in joined))
        groups = [*apart, (symbols, [*(other for group in joined for other in group[1]), requirement])]
    return [group for _, group in groups]


def _together(requirements: Iterable[Requirement]) -> dict[frozenset[str], NDArray[np.bool_]]:
    """Where all requirements on the same symbols hold, by those symbols."""
    groups: dict[frozenset[str], list[Requirement]] = {}
    for requirement in dict.fromkeys(requirements):
        groups.setdefault(requirement.symbols, []).append(requirement)
    sets: dict[frozenset[str], NDArray[np.bool_]] = {}
    for names, group in groups.items():
        largest = min(requirement.largest for requirement in group)
        for requirement in group:
            holds = requirement.holds(largest)
            sets[names] = sets[names] & holds if names in sets else holds
    return sets


_RELATIONS: dict[Relation, str] = {"==": "equal", ">=": "be at least", "broadcasts": "be 1 or equal"}


def _describe(name: str, holds: NDArray[np.bool_]) -> str:
    """The set of sizes in words: by its period and its minimum where it has them."""
    import numpy as np

    sizes = np.flatnonzero(holds) + 1
    if len(sizes) == len(holds):
        return ""
    if len(sizes) == 0:
        return f"no {name} up to {len(holds)} fits"
    least = int(sizes[0])
    if len(sizes) == 1:
        return f"{name} must be {least}"
    steps = np.diff(sizes)
    if sentence := _progression(sizes, len(holds)):
        return f"{name} must be {sentence}"
    if (steps == 1).all():
        return f"{name} must be between {least} and {int(sizes[-1])}"
    period = int(steps[-1])
    odd = (sizes - sizes[-1]) % period != 0
    if 0 < odd.sum() <= MOST_BESIDE and (sentence := _progression(sizes[~odd], len(holds))):
        return f"{name} must be {', '.join(map(str, sizes[odd]))} or {sentence}"
    return f"{name} must be one of {_periodic(sizes)}"


def _progression(sizes: NDArray[np.int64], largest: int) -> str:
    """Sizes with the same step between them, up to the largest that is tried, in words; empty where they are others."""
    import numpy as np

    if len(sizes) < 2:
        return ""
    least, period = int(sizes[0]), int(sizes[1] - sizes[0])
    if (np.diff(sizes) != period).any() or sizes[-1] + period <= largest:
        return ""
    if period == 1:
        return f"at least {least}"
    if least % period == 0:
        return f"a multiple of {period}, at least {least}"
    return f"{least % period} more than a multiple of {period}, at least {least}"


def _periodic(sizes: NDArray[np.int64]) -> str:
    """The first sizes of the set, and its period where it repeats."""
    import numpy as np

    steps = np.diff(sizes)
    for length in range(2, min(65, len(steps) // 3)):
        if (steps[length:] == steps[:-length]).all():
            period = int(steps[:length].sum())
            residues = ", ".join(str(int(size)) for size in sizes[:length][:6])
            more = ", ..." if length > 6 else ""
            return f"{residues}{more} and these plus multiples of {period}"
    text = ", ".join(str(int(size)) for size in sizes[:6])
    return text + (f", ... ({len(sizes)} sizes up to {int(sizes[-1])})" if len(sizes) > 6 else "")
