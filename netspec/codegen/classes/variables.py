"""Local variables of a forward: `x` along the main chain, the spec's names for what is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netspec.codegen.text.naming import LONGEST, is_plain_word, local
from netspec.graph.blueprint import Wire

GENERIC = ("x", "out", "y", "z")
MOST_LOOKED_AT = 100
"""So many names of one stem are looked at anew each time, in case one has become free; thousands would take minutes."""


class Variables:
    """Which value each variable holds. `fixed` names are never given to a value."""

    def __init__(self, fixed: set[str]) -> None:
        self.fixed = set(fixed)
        self.name_of: dict[int, str] = {}
        self.holds: dict[str, list[Wire]] = {}
        self._next: dict[str, int] = {}

    def bind(self, wire: Wire, name: str) -> str:
        """The variable now holds this value and none of those before."""
        self.name_of[id(wire)] = name
        self.holds[name] = [wire]
        return name

    def share(self, wire: Wire, name: str) -> str:
        """The variable holds this value beside those that it holds: they are one."""
        self.name_of[id(wire)] = name
        self.holds.setdefault(name, []).append(wire)
        return name

    def __getitem__(self, wire: Wire) -> str:
        return self.name_of[id(wire)]

    def is_free(self, name: str, is_live: Callable[[Wire], bool]) -> bool:
        """Whether a statement may assign to `name`: nothing that it holds is used afterwards."""
        return name not in self.fixed and not any(
            is_live(wire) for wire in self.holds.get(name, ()) if self.name_of.get(id(wire)) == name
        )

    def name(
        self,
        inputs: Sequence[Wire],
        hint: str | None,
        is_live: Callable[[Wire], bool],
        *,
        stem: str,
        is_kept: bool,
        joined: bool,
        siblings: Sequence[str] = (),
    ) -> str:
        """A variable for a new value made from `inputs`; `siblings` are those of the same statement.

        A value that `is_kept` goes by its hint, else by a generic name. One of several that are `joined` goes by its
        hint or by its stem and a number, as do those for which no generic name is left.
        """
        chain = [self[wire] for wire in inputs if id(wire) in self.name_of and not is_live(wire)]
        reused = [name for name in chain if name in GENERIC]
        candidates = [*sorted(reused, key=GENERIC.index), *GENERIC]
        if hint is not None and (joined or is_kept):
            candidates = [hint, f"{hint}_", *candidates]
        elif joined:
            candidates = []
        free = (name for name in candidates if name not in siblings and self.is_free(name, is_live))
        return next(free, None) or self.fresh(stem, is_live, siblings)

    def fresh(self, stem: str, is_live: Callable[[Wire], bool], siblings: Sequence[str] = ()) -> str:
        """A name that is free, made from `stem`."""
        name, number = stem, 2
        while name in siblings or not self.is_free(name, is_live):
            if number == MOST_LOOKED_AT:
                number = max(number, self._next.get(stem, 0))
            name, number = f"{stem}{number}", number + 1
        self._next[stem] = max(number, self._next.get(stem, 0))
        return name


def hint_of(name: str | None) -> str | None:
    """What the spec calls a value, as a variable."""
    word = (name or "").rpartition(".")[2].partition(":")[0]
    if word and not word[0].isdigit() and len(word) <= LONGEST and is_plain_word(local(word)):
        return local(word)
    return None
