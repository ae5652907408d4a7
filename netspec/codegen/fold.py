"""Rounds of a loop among the steps of a body: stages that repeat with nothing but their numbers changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from netspec.codegen.expressions import takes_list
from netspec.codegen.naming import split_number
from netspec.codegen.patterns import constant, cycle, progression
from netspec.codegen.plan import Body, Part, Step
from netspec.graph.graph import Value

LONGEST_PERIOD = 8
FEWEST_ROUNDS = 3
FEWEST_LABELLED_ROUNDS = 4
LINES_SAVED = 8
"""What a loop over several stages of a Sequential must save."""

Place: TypeAlias = tuple[int, int]
"""A value within a round: the position of its step, and which of that step's outputs."""
Source: TypeAlias = tuple[str, Any, int]
"""Where an input comes from: ("same", position, output) of its round, ("before", ...) or ("outside", value, 0)."""


@dataclass(eq=False, slots=True)
class Loop:
    """Steps that repeat. `carried` are values that a round takes from the one before, with what the first one takes;
    `collected` are those of which all rounds' are used together afterwards.
    """

    rounds: list[list[Step]]
    sources: list[tuple[Source, ...]]
    carried: dict[Place, Value] = field(default_factory=dict)
    collected: list[Place] = field(default_factory=list)
    arguments: list[dict[Key, tuple[str, Any]]] = field(default_factory=list)

    @property
    def expression_arguments(self) -> list[dict[Key, tuple[str, Any]]]:
        """The arguments of the stages that are no modules."""
        return [found for found, step in zip(self.arguments, self.first, strict=True) if not step.part.is_module]

    @property
    def first(self) -> list[Step]:
        return self.rounds[0]

    @property
    def steps(self) -> list[Step]:
        return [step for steps in self.rounds for step in steps]

    def family(self, position: int) -> tuple[str, int, int]:
        """The labels of a position's modules: what comes before the number, the first number, the step."""
        found = split_number(self.first[position].part.label)
        assert found is not None
        return (*found, len(self.first) if not found[0] else 1)

    def values(self, place: Place) -> list[Value]:
        """A place's value in every round."""
        return [steps[place[0]].outputs[place[1]] for steps in self.rounds]


Item: TypeAlias = Step | Loop
Key: TypeAlias = tuple[tuple[str, ...], str]
"""An argument within a part: the labels on the way to the layer, and the argument's name."""
Arguments: TypeAlias = Callable[[Part], dict[Key, Any]]


class Folder:
    """Finds the loops of one body, in time linear in its length."""

    def __init__(self, body: Body, structure: Callable[[Part], Hashable], arguments: Arguments, chain: bool) -> None:
        self.body, self.arguments, self.chain = body, arguments, chain
        self.steps = body.steps
        self.keys = self._keys(structure)
        self.made: dict[Value, Place] = {
            value: (index, output) for index, step in enumerate(self.steps) for output, value in enumerate(step.outputs)
        }
        self.users: dict[Value, list[int]] = {}
        for index, step in enumerate(self.steps):
            for value in step.inputs:
                self.users.setdefault(value, []).append(index)
        for value in body.outputs:
            self.users.setdefault(value, []).append(len(self.steps))

    def fold(self) -> list[Item]:
        items: list[Item] = []
        start = 0
        while start < len(self.steps):
            loop = self._loop_at(start)
            if loop is None:
                items.append(self.steps[start])
                start += 1
            else:
                items.append(loop)
                start += len(loop.steps)
        return items

    def _keys(self, structure: Callable[[Part], Hashable]) -> list[int]:
        """A number a step; steps of the same number can be rounds of one loop."""
        seen: dict[Hashable, int] = {}
        keys = []
        for step in self.steps:
            part = step.part
            key: Hashable = (structure(part), self._stem(part), len(step.inputs), len(step.outputs))
            if step.when_training:  # such steps stand under a condition, each on its own
                key = step
            keys.append(seen.setdefault(key, len(seen)))
        return keys

    def _stem(self, part: Part) -> str:
        """What comes before the number in a label; the label itself where it cannot be one of a family."""
        if not part.is_module or (part.is_unlabelled and not part.stateful):
            return ""
        found = split_number(part.label)
        return f"{found[0]}#" if found and (found[0] == "" or not found[0].endswith("_0")) else part.label

    def _loop_at(self, start: int) -> Loop | None:
        for period in range(1, LONGEST_PERIOD + 1):
            if start + 2 * period > len(self.steps) or self.keys[start] != self.keys[start + period]:
                continue
            loop = self._with_period(start, period)
            if loop is not None:
                return loop
        return None

    def _with_period(self, start: int, period: int) -> Loop | None:
        if self.keys[start : start + period] != self.keys[start + period : start + 2 * period]:
            return None
        sources = self._sources(start, period, start + period)
        if sources is None:
            return None
        rounds, limit = 1, (len(self.steps) - start) // period
        while rounds < limit and self._continues(start, period, rounds, sources):
            rounds += 1
        carried = self._carried(start, period, sources)
        if carried is None:
            return None
        if rounds < self._fewest(start, period):
            return None
        steps = [self.steps[start + k * period : start + (k + 1) * period] for k in range(rounds)]
        loop = Loop(steps, sources, carried)
        arguments = self._common_arguments(loop)
        collected = self._collected(loop, start + rounds * period)
        if arguments is None or collected is None:
            return None
        loop.arguments, loop.collected = arguments, collected
        return loop

    def _fewest(self, start: int, period: int) -> int:
        """How many rounds a loop must have to read better than the steps themselves."""
        if self.chain and period > 1:
            return max(FEWEST_ROUNDS, 1 + LINES_SAVED // period)
        labelled = any(
            step.part.is_module and not step.part.label.isdigit() and not (step.part.is_unlabelled)
            for step in self.steps[start : start + period]
        )
        return FEWEST_LABELLED_ROUNDS if labelled else FEWEST_ROUNDS

    def _sources(self, start: int, period: int, base: int) -> list[tuple[Source, ...]] | None:
        """Where each step of the round at `base` takes its inputs from, as seen from the round."""
        result = []
        for step in self.steps[base : base + period]:
            found: list[Source] = []
            for value in step.inputs:
                index, output = self.made.get(value, (-1, 0))
                if index >= base:
                    found.append(("same", index - base, output))
                elif index < start:
                    found.append(("outside", value, 0))
                elif index >= base - period:
                    found.append(("before", index - base + period, output))
                else:
                    return None
            result.append(tuple(found))
        return result

    def _continues(self, start: int, period: int, rounds: int, sources: list[tuple[Source, ...]]) -> bool:
        base = start + rounds * period
        if self.keys[base : base + period] != self.keys[start : start + period]:
            return False
        if not self._numbered(start, base, period, rounds):
            return False
        return self._sources(start, period, base) == sources

    def _numbered(self, start: int, base: int, period: int, rounds: int) -> bool:
        """Whether the labels count up from round to round."""
        for offset in range(period):
            part, other = self.steps[start + offset].part, self.steps[base + offset].part
            if not part.is_module or (part.is_unlabelled and not part.stateful and not part.label.isdigit()):
                continue
            first, here = split_number(part.label), split_number(other.label)
            if first is None or here is None or part is other:
                return False
            if here[1] - first[1] != rounds * (period if not first[0] else 1):
                return False
        return True

    def _carried(self, start: int, period: int, sources: list[tuple[Source, ...]]) -> dict[Place, Value] | None:
        """What the first round takes where the others take what the one before made; None if it is wired otherwise."""
        carried: dict[Place, Value] = {}
        first = self._sources(start, period, start)
        assert first is not None
        for here, there in zip(first, sources, strict=True):
            for (kind, what, output), (kind_later, what_later, output_later) in zip(here, there, strict=True):
                if kind_later != "before":
                    if (kind, what, output) != (kind_later, what_later, output_later):
                        return None
                elif kind != "outside" or carried.setdefault((what_later, output_later), what) is not what:
                    return None
        return carried

    def _common_arguments(self, loop: Loop) -> list[dict[Key, tuple[str, Any]]] | None:
        """How each argument changes from round to round; None where that has no simple form."""
        result: list[dict[Key, tuple[str, Any]]] = []
        for position in range(len(loop.first)):
            rounds = [self.arguments(steps[position].part) for steps in loop.rounds]
            names = dict.fromkeys(name for found in rounds for name in found)
            encoded: dict[Key, tuple[str, Any]] = {}
            for name in names:
                if any(name not in found for found in rounds):
                    return None
                form = _encode([found[name] for found in rounds])
                if form is None or (form[0] != "=" and _is_one_module(loop.first[position].part)):
                    return None
                encoded[name] = form
            result.append(encoded)
        return result

    def _collected(self, loop: Loop, end: int) -> list[Place] | None:
        """Places whose values are used after the loop, all rounds' by one step; None where they are used otherwise."""
        collected: list[Place] = []
        for position, step in enumerate(loop.first):
            for output in range(len(step.outputs)):
                values = loop.values((position, output))
                later = [{user for user in self.users.get(value, []) if user >= end} for value in values]
                if not any(later[:-1]):
                    continue
                if len(set().union(*later)) != 1 or not all(later):
                    return None
                (user,) = later[0]
                if user == len(self.steps) or not _takes_all(self.steps[user], values):
                    return None
                collected.append((position, output))
        return collected


def _is_one_module(part: Part) -> bool:
    """Whether all rounds use one module: an unlabelled one without weights."""
    return part.is_module and part.is_unlabelled and not part.stateful and not part.label.isdigit()


def _takes_all(step: Step, values: Sequence[Value]) -> bool:
    """Whether a step is fed exactly these values and can be given them as a list."""
    same_values = len(step.inputs) == len(values) and all(a is b for a, b in zip(step.inputs, values, strict=True))
    return same_values and takes_list(step.part.call, len(values))


def _encode(values: Sequence[Any]) -> tuple[str, Any] | None:
    """("=", value), ("+", (start, step)) or ("*", expression in i)."""
    if (same := constant(values)) is not None:
        return "=", same.value
    if (line := progression(values)) is not None:
        return "+", line
    text = cycle(values)
    return ("*", text) if text is not None else None
