"""Items that come again to containers of a kind: the blocks of a network that has no names of modules.

What a stage is, but for its numbers, is a letter, and each body is a word. A suffix array over all words gives the
pieces that come more than once; the one that spares most is made a container, and that again, until none spares any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from netspec.layers import REGISTRY
from netspec.lifting.items import Box, Item, Join, Leaf, read_by

LEAST = 4
"""Of so few layers a container is not worth its name."""
LONGEST = 64
"""So many items a container has at most."""
ROUNDS = 12


def regions(items: Sequence[Item], outside: frozenset[int]) -> tuple[Item, ...]:
    """The items with those in containers that come several times. `outside` are values that are used elsewhere."""
    body = tuple(items)
    names: Counter[str] = Counter()
    for _ in range(ROUNDS):
        letters = _Letters()
        piece = _best(list(_bodies(body, outside, set())), letters)
        if piece is None:
            break
        body = _gathered(body, outside, piece, letters, _name(piece, letters, names))
    return body


@dataclass
class _Letters:
    """A number for each kind of item, by what it is but for the numbers in it."""

    numbers: dict[Any, int] = field(default_factory=dict)
    examples: dict[int, Item] = field(default_factory=dict)

    def of(self, item: Item) -> int:
        number = self.numbers.setdefault(_kind(item), len(self.numbers))
        self.examples.setdefault(number, item)
        return number

    def size(self, number: int) -> int:
        """How many layers an item of this kind has; a container that is called is one."""
        return _size(self.examples[number])

    def begins(self, number: int) -> bool:
        """Whether a block may begin with it: an activation ends one."""
        item = self.examples[number]
        return not isinstance(item, Leaf) or REGISTRY[item.step.layer].family != "activation"


def _size(item: Item) -> int:
    match item:
        case Box(kind=str(kind)) if kind:
            return 1
        case Box():
            return sum(map(_size, item.items))
        case Join():
            return 1 + sum(_size(inner) for branch in item.branches for inner in branch)
    return 1


def _kind(item: Item) -> Any:
    match item:
        case Leaf():
            return item.step.layer
        case Box():
            return ("box", item.kind, () if item.kind else tuple(map(_kind, item.items)))
        case Join():
            branches = (tuple(map(_kind, branch)) for branch in item.branches[:1] or ((),))
            return (item.keyword, *branches)


def _bodies(
    items: Sequence[Item], outside: frozenset[int], seen: set[str]
) -> Iterator[tuple[Sequence[Item], frozenset[int]]]:
    """Every body with the values of it that are used elsewhere; of containers of one kind the first one's."""
    yield items, outside
    for item in items:
        match item:
            case Box() if item.kind not in seen:
                seen.add(item.kind)
                for inner in _bodies(item.items, frozenset((item.result,)), seen):
                    if inner[0] is not item.items or len(item.items) > 1:
                        yield inner
            case Join():
                for branch in item.branches:
                    yield from _bodies(branch, frozenset(branch[-1].made) if branch else frozenset(), seen)


def _best(bodies: Sequence[tuple[Sequence[Item], frozenset[int]]], letters: _Letters) -> tuple[int, ...] | None:
    """The piece that spares most lines, all its places in all bodies counted; None where none spares any."""
    words = [tuple(letters.of(item) for item in body) for body, _ in bodies]
    counts: Counter[tuple[int, ...]] = Counter()
    for piece in _repeated(words):
        for (body, outside), word in zip(bodies, words, strict=True):
            counts[piece] += sum(1 for _ in _places(body, word, piece, outside))
    sizes = {piece: sum(letters.size(number) for number in piece) for piece in counts}
    spared = {
        piece: (count - 1) * sizes[piece] for piece, count in counts.items() if count > 1 and sizes[piece] >= LEAST
    }
    return max(spared, key=lambda piece: (spared[piece], letters.begins(piece[0]), len(piece)), default=None)


def _repeated(words: Sequence[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """The pieces that come more than once: what neighbours in the order of all suffixes begin with in common."""
    suffixes = sorted(word[start : start + LONGEST] for word in words for start in range(len(word)))
    pieces: set[tuple[int, ...]] = set()
    for one, other in pairwise(suffixes):
        common = 0
        while common < min(len(one), len(other)) and one[common] == other[common]:
            common += 1
        pieces.update(_unrepeated(one[:length]) for length in range(1, common + 1))
    return pieces


def _unrepeated(piece: tuple[int, ...]) -> tuple[int, ...]:
    """The round of which a piece is several."""
    for length in range(1, len(piece) // 2 + 1):
        if len(piece) % length == 0 and piece[:length] * (len(piece) // length) == piece:
            return piece[:length]
    return piece


def _places(
    body: Sequence[Item], word: tuple[int, ...], piece: tuple[int, ...], outside: frozenset[int]
) -> Iterator[int]:
    """Where a piece stands in a body, without overlaps, takes one value and leaves one."""
    place, length = 0, len(piece)
    uses = Counter(value for item in body for value in item.reads)
    while place + length <= len(word):
        row = body[place : place + length]
        if word[place : place + length] == piece and _is_closed(row, uses, outside):
            yield place
            place += length
        else:
            place += 1


def _is_closed(row: Sequence[Item], uses: Counter[int], outside: frozenset[int]) -> bool:
    """Whether items take one value, leave one, and keep the others to themselves."""
    if len(read_by(row)) != 1 or len(row[-1].made) != 1 or (len(row) == 1 and isinstance(row[0], Box)):
        return False
    inside = Counter(value for item in row for value in item.reads)
    made = [value for item in row for value in item.made][:-1]
    return all(uses[value] == inside[value] and value not in outside for value in made)


def _gathered(
    items: Sequence[Item], outside: frozenset[int], piece: tuple[int, ...], letters: _Letters, kind: str
) -> tuple[Item, ...]:
    """The items with a piece in containers, wherever it stands."""
    word = tuple(letters.of(item) for item in items)
    places = set(_places(items, word, piece, outside))
    made: list[Item] = []
    place = 0
    while place < len(items):
        length = len(piece) if place in places else 1
        row = tuple(_inner(item, piece, letters, kind) for item in items[place : place + length])
        made.append(Box("", kind, row, row[-1].made[0]) if place in places else row[0])
        place += length
    return tuple(made)


def _inner(item: Item, piece: tuple[int, ...], letters: _Letters, kind: str) -> Item:
    match item:
        case Box():
            return replace(item, items=_gathered(item.items, frozenset((item.result,)), piece, letters, kind))
        case Join():
            branches = tuple(
                _gathered(branch, frozenset(branch[-1].made) if branch else frozenset(), piece, letters, kind)
                for branch in item.branches
            )
            return replace(item, branches=branches)
    return item


def _name(piece: tuple[int, ...], letters: _Letters, names: Counter[str]) -> str:
    """What a container is called by its wiring: `Residual`, `Gate` for a product, `Branches` for a concat."""
    wiring = next((item.keyword for letter in piece if isinstance(item := letters.examples[letter], Join)), "")
    word = {"residual": "Residual", "add": "Sum", "mul": "Gate", "concat": "Branches", "dense": "Dense"}.get(
        wiring, "Unit"
    )
    names[word] += 1
    return word if names[word] == 1 else f"{word}{chr(64 + min(names[word], 26))}"
