"""What open sizes must satisfy for a graph to fit, and how to say it: "H must be a multiple of 32, at least 32"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from netspec.graph.sizes import Dimension, evaluate, symbols

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 4096
"""Candidate sizes are 1 to LARGEST; sets of sizes are described from what holds on these."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`left == right`, or `left >= right`."""

    left: Dimension
    relation: Literal["==", ">="]
    right: Dimension

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}"

    @property
    def symbols(self) -> frozenset[str]:
        return symbols(self.left) | symbols(self.right)

    @property
    def always(self) -> bool:
        """Whether every candidate size satisfies it."""
        return bool(self.holds().all())

    @property
    def never(self) -> bool:
        """Whether no candidate size satisfies it."""
        return not self.holds().any()

    def holds(self) -> NDArray[np.bool_]:
        """Where it holds: a vector over the sizes 1..LARGEST of its symbol, or a grid over smaller ones of several."""
        import numpy as np

        names = sorted(self.symbols)
        if len(names) <= 1:
            axes = [np.arange(1, LARGEST + 1, dtype=np.int64)]
        else:
            largest = max(8, int(2 ** (20 / len(names))))
            axes = list(np.meshgrid(*[np.arange(1, largest + 1, dtype=np.int64)] * len(names), indexing="ij"))
        values = dict(zip(names, axes, strict=False))
        left, right = evaluate(self.left, values), evaluate(self.right, values)
        result = np.equal(left, right) if self.relation == "==" else np.greater_equal(left, right)
        return np.broadcast_to(result, axes[0].shape)


def describe(requirements: Sequence[Requirement]) -> tuple[str, ...]:
    """The requirements as sentences, one a symbol where they speak of one symbol, else as they stand."""
    sets: dict[str, NDArray[np.bool_]] = {}
    sentences: list[str] = []
    for requirement in requirements:
        names = requirement.symbols
        if len(names) != 1:
            if not requirement.always:
                sentences.append(f"{requirement.left} must {_RELATIONS[requirement.relation]} {requirement.right}")
            continue
        (name,) = names
        holds = requirement.holds()
        sets[name] = sets[name] & holds if name in sets else holds
    for name in sorted(sets):
        if sentence := _describe(name, sets[name]):
            sentences.append(sentence)
    return tuple(dict.fromkeys(sentences))


def satisfiable(requirements: Sequence[Requirement]) -> bool:
    """Whether some candidate sizes satisfy all requirements that speak of one symbol, and each of the others alone."""
    sets: dict[frozenset[str], NDArray[np.bool_]] = {}
    for requirement in requirements:
        holds = requirement.holds()
        key = requirement.symbols
        sets[key] = sets[key] & holds if key in sets else holds
    return all(bool(holds.any()) for holds in sets.values())


_RELATIONS = {"==": "equal", ">=": "be at least"}


def _describe(name: str, holds: NDArray[np.bool_]) -> str:
    """The set of sizes in words: by its period and its minimum where it has them."""
    import numpy as np

    sizes = np.flatnonzero(holds) + 1
    if len(sizes) == len(holds):
        return ""
    if len(sizes) == 0:
        return f"no {name} up to {LARGEST} fits"
    least = int(sizes[0])
    if len(sizes) == 1:
        return f"{name} must be {least}"
    steps = np.diff(sizes)
    period = int(steps[0])
    if (steps == period).all() and sizes[-1] + period > LARGEST:
        if period == 1:
            return f"{name} must be at least {least}"
        if least % period == 0:
            return f"{name} must be a multiple of {period}" + (f", at least {least}" if least > 0 else "")
        return f"{name} must be {least % period} more than a multiple of {period}, at least {least}"
    if (steps == 1).all():
        return f"{name} must be between {least} and {int(sizes[-1])}"
    return f"{name} must be one of {_periodic(sizes)}"


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
    shown = ", ".join(str(int(size)) for size in sizes[:6])
    return shown + (f", ... ({len(sizes)} sizes up to {int(sizes[-1])})" if len(sizes) > 6 else "")
