"""Local variables of a forward: `x` along the main chain, the spec's names for what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netspec.codegen.naming import LONGEST, is_plain_word, local
from netspec.graph.graph import Value

GENERIC = ("x", "out", "y", "z")


class Variables:
    """Names in force while a forward is written, from its first statement to its last.

    `last` says at which statement a value is used for the last time. `fixed` names are never given to anything else.
    """

    def __init__(self, last: dict[Value, int], fixed: Iterable[str] = ()) -> None:
        self.last = last
        self.fixed = set(fixed)
        self.name_of: dict[Value, str] = {}
        self.holds: dict[str, int] = {}

    def bind(self, value: Value, name: str) -> str:
        self.name_of[value] = name
        self.holds[name] = self.last.get(value, -1)
        return name

    def is_free(self, name: str, at: int) -> bool:
        """Whether a statement may assign to `name`: what it holds is not used after that statement."""
        return name not in self.fixed and self.holds.get(name, -1) <= at

    def name(
        self, value: Value, at: int, hint: str | None, inputs: Sequence[Value], *, stem: str, joined: bool = False
    ) -> str:
        """The variable for a value made by statement `at` from `inputs`.

        A value that is kept goes by its hint, else by a generic name. One of several that are `joined` goes by its hint
        or by its stem and a number, as do those for which no generic name is left.
        """
        last = self.last.get(value, -1)
        if last < 0:
            return "_"
        chain = [self.name_of[v] for v in inputs if v in self.name_of and self.last.get(v, -1) <= at]
        reused = [name for name in chain if name in GENERIC]
        wanted = [*sorted(reused, key=GENERIC.index), *GENERIC]
        if hint is not None and (joined or last > at + 1):
            wanted = [hint, f"{hint}_", *wanted]
        elif joined:
            wanted = []
        return self.bind(value, next((name for name in wanted if self.is_free(name, at)), self.fresh(stem, at)))

    def fresh(self, stem: str, at: int) -> str:
        """A name that is free, made from `stem`."""
        if self.is_free(stem, at):
            return stem
        number = 2
        while not self.is_free(f"{stem}{number}", at):
            number += 1
        return f"{stem}{number}"


def hint_of(value: Value, label: str, unnamed: str = "") -> str | None:
    """What the spec calls a value: the label of the stage, or the name that a block's body gives it.

    A name that is `unnamed` and a number is nobody's choice.
    """
    given = value.name.rpartition(".")[2].partition(":")[0]
    for name in (label, given if given.rstrip("0123456789") != unnamed else ""):
        if name and is_plain_word(local(name)) and not name[0].isdigit() and len(name) <= LONGEST:
            return local(name)
    return None
