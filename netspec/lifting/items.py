"""What a body is made of before it is text: layers, containers with a body of their own, and wirings."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from netspec.lifting.steps import Step


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One layer."""

    step: Step

    @property
    def key(self) -> str:
        """The path that its label has to make, empty where it may have any."""
        return self.step.key

    @property
    def reads(self) -> tuple[int, ...]:
        """The values that it takes from outside, each once."""
        return tuple(dict.fromkeys(self.step.inputs))

    @property
    def made(self) -> tuple[int, ...]:
        """The values that it leaves."""
        return self.step.outputs


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A module that is a container: `layer1 = { ... }`. Its last value is `result`."""

    key: str
    kind: str
    items: tuple[Item, ...]
    result: int

    @property
    def reads(self) -> tuple[int, ...]:
        return read_by(self.items)

    @property
    def made(self) -> tuple[int, ...]:
        return (self.result,)

    @property
    def entry(self) -> int | None:
        """The value that flows into it: what its first stage takes."""
        return self.reads[0] if self.reads else None


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """A wiring: branches that all take `entry`, and what joins them."""

    keyword: Literal["residual", "add", "mul", "concat", "dense"]
    branches: tuple[tuple[Item, ...], ...]
    entry: int
    result: int
    key: str = ""

    @property
    def reads(self) -> tuple[int, ...]:
        return (self.entry,)

    @property
    def made(self) -> tuple[int, ...]:
        return (self.result,)


Item: TypeAlias = Leaf | Box | Join


def read_by(items: Iterable[Item]) -> tuple[int, ...]:
    """The values that items take from outside of them, in order."""
    values: set[int] = set()
    reads: dict[int, None] = {}
    for item in items:
        reads.update(dict.fromkeys(value for value in item.reads if value not in values))
        values.update(item.made)
    return tuple(reads)


def leaves(items: Sequence[Item]) -> Iterator[Leaf]:
    """All layers, at whatever depth."""
    for item in items:
        match item:
            case Leaf():
                yield item
            case Box():
                yield from leaves(item.items)
            case Join():
                for branch in item.branches:
                    yield from leaves(branch)


def boxes(items: Sequence[Item], *, inner_first: bool = True, without: Container[int] = ()) -> Iterator[Box]:
    """All containers, but for those whose identity is among `without`, and what is in them."""
    for item in items:
        match item:
            case Box():
                if id(item) in without:
                    continue
                if not inner_first:
                    yield item
                if id(item) not in without:
                    yield from boxes(item.items, inner_first=inner_first, without=without)
                if inner_first:
                    yield item
            case Join():
                for branch in item.branches:
                    yield from boxes(branch, inner_first=inner_first, without=without)
