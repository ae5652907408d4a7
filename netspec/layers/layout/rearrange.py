"""Axes split, moved and joined in one step, in the notation of einops."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from math import prod
from typing import Any, ClassVar, TypeAlias

from pydantic import Field, model_validator

from netspec.layers.declaration.axes import differ, equal
from netspec.layers.declaration.base import Int, ShapeError, Support, TorchCall, layer
from netspec.layers.layout.shape import Rearrangement
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, as_factor

Group: TypeAlias = tuple[str, ...]
"""The axes that one axis of a value is made of; none for an axis of size 1."""

FEW = 3
"""More calls in a row than these are written as one, of a function with the pattern."""
REST = "..."
"""Stands for the axes that a pattern does not name."""
_TOKEN = re.compile(r"\s*(->|\.\.\.|[A-Za-z_]\w*|1(?!\w)|[()])")


@dataclass(frozen=True, slots=True)
class Pattern:
    """`(h p) w c -> h (w p) c`: the groups of axes before and after."""

    left: tuple[Group, ...]
    right: tuple[Group, ...]

    @staticmethod
    def of(text: str) -> "Pattern":
        """Reads a pattern; raises ValueError, which says what is wrong with it."""
        sides = [tuple(_groups(side)) for side in text.split("->")]
        if len(sides) != 2:
            raise ValueError("a pattern has two sides: the axes as they are -> the axes as they come out")
        left, right = ([name for group in side for name in group] for side in sides)
        if word := next((name for name in left if iskeyword(name)), None):
            raise ValueError(f"an axis cannot be called {word}")
        for side in (left, right):
            if twice := next((name for name in side if side.count(name) > 1), None):
                raise ValueError(f"{twice} stands twice on one side")
        if (REST,) not in sides[0] and REST in left:
            raise ValueError("... on the left stands for whole axes, so not in brackets")
        if alone := next((name for name in left if name not in right), None):
            raise ValueError(f"{alone} stands on the left alone; mean, sum and max take an axis away")
        if alone := next((name for name in right if name not in left), None):
            raise ValueError(f"{alone} stands on the right alone; expand repeats a value along an axis")
        return Pattern(sides[0], sides[1])

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for group in self.left for name in group) - {REST}

    def over(self, rank: int) -> "Pattern | None":
        """The pattern with the axes that `...` stands for in a value of this rank; None where it does not fit."""
        rest = rank - sum(group != (REST,) for group in self.left)
        if rest < 0 or (rest > 0 and (REST,) not in self.left):
            return None
        others = tuple(f"{REST}{place}" for place in range(rest))
        left = (axis for group in self.left for axis in ([(name,) for name in others] if group == (REST,) else [group]))
        right = (
            axis for group in self.right for axis in ([(name,) for name in others] if group == (REST,) else [group])
        )
        within = (tuple(name for one in group for name in (others if one == REST else (one,))) for group in right)
        return Pattern(tuple(left), tuple(within))


def _groups(side: str) -> Iterator[Group]:
    """The groups of one side of a pattern."""
    position, inside = 0, None
    side = side.rstrip()
    while position < len(side):
        token = _TOKEN.match(side, position)
        if token is None:
            raise ValueError(f"{side[position:].strip()[:20]} is no axis; axes are names, 1, ... and (groups of them)")
        position, text = token.end(), token[1]
        match text:
            case "(" if inside is None:
                inside = list[str]()
            case ")" if inside is not None:
                yield tuple(inside)
                inside = None
            case "(" | ")":
                raise ValueError("brackets of a pattern stand in pairs, and not in one another")
            case "1" if inside is None:
                yield ()
            case "1":
                continue
            case _ if inside is None:
                yield (text,)
            case _:
                inside.append(text)
    if inside is not None:
        raise ValueError("brackets of a pattern stand in pairs, and not in one another")


REARRANGE = Support(
    "rearrange",
    '''\
def rearrange(x: Tensor, pattern: str, /, **sizes: int) -> Tensor:
    """Splits, moves and joins axes: "h*p w -> h p*w" splits the first, joins p and w."""
    sides = [side.split() for side in pattern.split(" -> ")]
    left, right = ([group.split("*") for group in side] for side in sides)
    axes = [axis for group in left for axis in group]
    for dim, group in reversed(list(enumerate(left, 1))):
        x = x.unflatten(dim, [sizes.get(axis, -1) for axis in group])
    x = x.permute(0, *[axes.index(axis) + 1 for group in right for axis in group])
    for dim, group in enumerate(right, 1):
        x = x.flatten(dim, dim + len(group) - 1)
    return x
''',
)


@layer("rearrange", "Rearrange", "einops")
class Rearrange(Rearrangement):
    """Axes split, moved and joined, as a pattern says: (h p) splits an axis on the left, and joins two on the right.

    Shape: as the pattern has it, the batch not counted. Of the axes in brackets one may follow from the others, which
    are given by their names; 1 is an axis of size 1, ... stands for the axes between those that are named.
    Source: Rogozhnikov, "Einops: clear and reliable tensor manipulations with Einstein-like notation", ICLR 2022.
    Example: `rearrange("(h p) (w q) c -> (h w) (p q) c", p=7, q=7)` cuts [H, W, C] into windows;
    `rearrange("l (t h d) -> t h l d", t=3, h=12)` makes queries, keys and values of the heads;
    `rearrange("c h w -> (h w) c")` makes a sequence of a map
    """

    tensors: ClassVar[tuple[str, ...]] = ("tensor",)
    collects: ClassVar[str] = "sizes"

    pattern: str = Field(description="the axes as they are -> the axes as they come out")
    sizes: Mapping[str, Int] = Field(default={}, description="sizes of axes by their names: p=7")

    def __hash__(self) -> int:
        return hash((self.pattern, *sorted(self.sizes.items())))

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, data: Any) -> Any:
        """Arguments of other names are sizes of the pattern's axes."""
        sizes = dict(data.get("sizes", {}))
        sizes |= {name: value for name, value in data.items() if name not in cls.model_fields}
        if not isinstance(data.get("pattern"), str):
            return {name: value for name, value in data.items() if name in cls.model_fields}
        names = Pattern.of(data["pattern"]).names
        for name, size in sizes.items():
            if name not in names:
                raise ValueError(f"there is no axis {name} in the pattern {data['pattern']!r}")
            if type(size) is not int or size < 1:
                raise ValueError(f"{name} of the pattern is a size, a whole number of at least 1, not {size}")
        return {"pattern": data["pattern"], "sizes": sizes}

    def infer(self, x: Shape) -> Shape:
        pattern = self._pattern(x)
        sizes = self._sizes(pattern, x)
        return x.with_dims(*(prod(sizes[name] for name in group) for group in pattern.right))

    def requires(self, x: Shape) -> tuple[Requirement, ...]:
        needs: list[Requirement] = []
        for group, size in zip(self._pattern(x).left, x.dims, strict=True):
            product = prod(self.sizes[name] for name in group if name in self.sizes)
            needs += equal(size, product) if all(name in self.sizes for name in group) else equal(size % product, 0)
        return tuple(needs)

    def explain(self, axis: int, x: Shape) -> str | None:
        pattern = self._pattern(x)
        sizes = self._sizes(pattern, x)
        group = pattern.right[axis]
        if len(group) < 2:
            return None
        factors = [sizes[name] for name in group]
        return f"{prod(factors)} = {'*'.join(map(as_factor, factors))}"

    def torch(self, x: Shape) -> TorchCall:
        pattern = self._pattern(x)
        calls, dim = list[str](), 1
        for group in pattern.left:
            if not group:
                calls.append(f"squeeze({dim})")
            elif len(group) > 1:
                parts = ", ".join(str(self.sizes.get(name, -1)) for name in group)
                calls.append(f"unflatten({dim}, ({parts}))")
            dim += len(group)
        before = [name for group in pattern.left for name in group]
        order = [before.index(name) + 1 for group in pattern.right for name in group]
        if order != sorted(order):
            calls.append(f"permute(0, {', '.join(map(str, order))})")
        for dim, group in enumerate(pattern.right, 1):
            if not group:
                calls.append(f"unsqueeze({dim})")
            elif len(group) > 1:
                calls.append(f"flatten({dim}, {dim + len(group) - 1})")
        if len(calls) <= FEW or () in pattern.left + pattern.right:
            return TorchCall(apply=".".join(["{0}", *calls]))
        text = " -> ".join(" ".join(map("*".join, side)) for side in (pattern.left, pattern.right))
        sizes = "".join(f", {name}={size}" for name, size in self.sizes.items())
        return TorchCall(apply=f'rearrange({{0}}, "{text}"{sizes})', support=(REARRANGE,))

    def _pattern(self, x: Shape) -> Pattern:
        """The pattern for a value of this rank; raises ShapeError where it is for another."""
        pattern = Pattern.of(self.pattern)
        fitting = pattern.over(x.rank)
        if fitting is None:
            axes = len(pattern.left) - ((REST,) in pattern.left)
            least = "at least " if (REST,) in pattern.left else ""
            raise ShapeError(
                f'the left side of rearrange("{self.pattern}") has {least}{axes} {"axis" if axes == 1 else "axes"}, '
                f"but this value is {x}",
                help="the batch is not counted",
                code="E0303",
            )
        return fitting

    def _sizes(self, pattern: Pattern, x: Shape) -> dict[str, Dimension]:
        """The size of each axis of the pattern; raises ShapeError where they do not make the value's."""
        sizes: dict[str, Dimension] = {}
        for group, size in zip(pattern.left, x.dims, strict=True):
            sizes |= {name: self.sizes[name] for name in group if name in self.sizes}
            product = prod(self.sizes[name] for name in group if name in self.sizes)
            unknown = [name for name in group if name not in self.sizes]
            text = f"({' '.join(group)})" if len(group) > 1 else group[0] if group else "1"
            factors = ", ".join(f"{name}={self.sizes[name]}" for name in group if name in self.sizes)
            if len(unknown) > 1:
                raise ShapeError(
                    f'rearrange("{self.pattern}") splits the {size} of {text} in {x}, but neither '
                    f"{' nor '.join(unknown)} is known",
                    help=f"give all but one: {unknown[-1]}=2",
                    code="E0306",
                )
            if not unknown and differ(size, product):
                raise ShapeError(
                    f'{text} of rearrange("{self.pattern}") is {product}{f" ({factors})" if factors else ""}, '
                    f"but in {x} it is {size}"
                )
            if unknown and isinstance(size, int) and size % product:
                near = [str(n * product) for n in (size // product, size // product + 1) if n]
                raise ShapeError(
                    f'rearrange("{self.pattern}") splits the {size} of {text} in {x}, which do not divide by {factors}',
                    help=f"{' and '.join(near)} would do",
                )
            if unknown:
                sizes[unknown[0]] = size // product
        return sizes

    @classmethod
    def figure_arguments(cls, texts: Mapping[str, str]) -> Mapping[str, str]:
        """The pattern alone: it names what is moved, whatever the sizes."""
        return {"index": texts["pattern"]}
