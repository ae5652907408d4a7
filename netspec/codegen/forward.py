"""The forward of a class: statements with variables, loops, and what is only computed in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from netspec.codegen.expressions import Applied, of_list, render
from netspec.codegen.fold import Item, Loop
from netspec.codegen.layout import INDENT, Expr, call, lines
from netspec.codegen.naming import local
from netspec.codegen.plan import Body, Step
from netspec.codegen.statements import group
from netspec.codegen.variables import Variables, hint_of
from netspec.graph.graph import Value


@dataclass(eq=False, slots=True)
class Writing:
    """What a forward needs to know of its class: how modules and arguments are written there."""

    module: Callable[[Step], str]
    in_loop: Callable[[Loop, int], str]
    literal: Callable[[Step, str], str]
    loop_literal: Callable[[Loop, int, str], str]
    rounds: Callable[[Loop], str]
    is_whole: Callable[[Loop], bool]
    names: dict[Value, str]
    taken: frozenset[str]
    shapes: bool
    hints: dict[Value, str]
    single: Value | None


def write_forward(body: Body, items: Sequence[Item], writing: Writing) -> tuple[list[str], dict[Value, str]]:
    """The lines of a forward but for its `def` and `return`, and the names of all values at its end."""
    text, names = _Forward(body, items, writing).write()
    result = names[writing.single] if writing.single is not None else None
    if result is not None and result not in writing.names.values():
        text, names = _Forward(body, items, writing, annotate=result).write()
    return text, names


class _Forward:
    def __init__(self, body: Body, items: Sequence[Item], writing: Writing, annotate: str = "") -> None:
        self.body, self.writing = body, writing
        self.annotate = annotate
        self.items = _live(items, body)
        self.uses: dict[Value, int] = {}
        self.kept: set[Value] = set()
        self.joined: set[Value] = set()
        self._count()
        self.statements = self._statements()
        self.variables = Variables(self._last_uses(), writing.taken)
        self.text: list[str] = []
        self.loops_of: dict[int, Loop] = {}

    def _count(self) -> None:
        for item in self.items:
            for step in item.steps if isinstance(item, Loop) else [item]:
                for value in step.inputs:
                    self.uses[value] = self.uses.get(value, 0) + 1
                if len(step.inputs) > 2:
                    self.joined.update(step.inputs)
            if isinstance(item, Loop):
                self.kept.update(item.carried.values())
                for place in range(len(item.first)):
                    for output in range(len(item.first[place].outputs)):
                        self.kept.update(item.values((place, output)))
        for value in self.body.outputs:
            self.uses[value] = self.uses.get(value, 0) + 1
        self.kept.update(self._of_lists())

    def _of_lists(self) -> Iterator[Value]:
        """What is made of the values that a loop has collected: its step stands alone, as it takes them as a list."""
        loops = [item for item in self.items if isinstance(item, Loop)]
        firsts = {loop.values(place)[0] for loop in loops for place in loop.collected}
        for item in self.items:
            if isinstance(item, Step) and item.inputs and item.inputs[0] in firsts:
                yield from item.outputs

    def _statements(self) -> list[Applied | Loop]:
        result: list[Applied | Loop] = []
        stretch: list[Step] = []
        for item in [*self.items, None]:
            if isinstance(item, Step):
                stretch.append(item)
                continue
            result.extend(group(stretch, self._uses, lambda v: v in self.kept, self._length))
            stretch = []
            if item is not None:
                result.append(item)
        return result

    def _uses(self, value: Value) -> int:
        return self.uses.get(value, 0)

    def _length(self, step: Step) -> int:
        call = step.part.call
        if call is not None and not call.target and not call.parameter:
            return len(call.apply)
        return len(self.writing.module(step)) + 2

    def _last_uses(self) -> dict[Value, int]:
        last: dict[Value, int] = {}
        for index, statement in enumerate(self.statements):
            for value in _consumed(statement):
                last[value] = index
        for value in self.body.outputs:
            last[value] = len(self.statements)
        return last

    def write(self) -> tuple[list[str], dict[Value, str]]:
        for value, name in self.writing.names.items():
            self.variables.bind(value, name)
        training = False
        for index, statement in enumerate(self.statements):
            here = isinstance(statement, Applied) and statement.step.when_training
            if here and not training:
                self.text.append(f"{INDENT * 2}if self.training:")
            training = here
            if isinstance(statement, Loop):
                self._write_loop(statement, index)
            else:
                self._write_step(statement, index, 3 if training else 2)
        return self.text, self.variables.name_of

    def _write_step(self, applied: Applied, index: int, depth: int) -> None:
        expr = self._render(applied)
        names = [self._name(value, applied, index) for value in applied.step.outputs]
        note = _note(applied.step.outputs) if self.writing.shapes else ""
        self._assign(names, expr, depth, note)

    def _assign(self, names: Sequence[str], expr: Expr, depth: int, note: str) -> None:
        """An assignment; the first one to the variable that is returned says its type, which modules do not tell."""
        target = ", ".join(names)
        if target == self.annotate and depth == 2:
            target += ": Tensor"
            self.annotate = ""
        self.text.extend(lines(f"{target} = ", expr, depth, comment=note))

    def _name(self, value: Value, applied: Applied, index: int) -> str:
        hint = self.writing.hints.get(value) or _hint(applied.step, value)
        outputs = applied.step.outputs
        joined = value in self.joined or value in self.writing.hints or len(outputs) > 2
        joined = joined or (hint is not None and value is not outputs[0])
        stem = local(applied.step.part.stem or "x")
        return self.variables.name(value, index, hint, _consumed(applied), stem=stem, joined=joined)

    def _render(self, applied: Applied) -> Expr:
        loop = self._list_of(applied.step)
        if loop is not None:
            call = applied.step.part.call
            assert call is not None
            name, step = self.variables.name_of[applied.step.inputs[0]], applied.step
            return of_list(call, name, len(step.inputs), lambda argument: self.writing.literal(step, argument))
        return render(applied, self.variables.name_of.__getitem__, self.writing.module, self.writing.literal)

    def _list_of(self, step: Step) -> Loop | None:
        """The loop whose rounds' values a step takes all together."""
        return self.loops_of.get(id(step.inputs[0])) if step.inputs else None

    def _write_loop(self, loop: Loop, index: int) -> None:
        carried = self._carried_names(loop, index)
        lists = self._list_names(loop, index)
        needs_index = self._needs_index(loop)
        if self.writing.is_whole(loop):
            self.text.append(f"{INDENT * 2}for layer in self.children():")
        else:
            index_name = "i" if needs_index else "_"
            self.text.append(f"{INDENT * 2}for {index_name} in range({self.writing.rounds(loop)}):")
        self._write_round(loop, index, carried, lists)

    def _needs_index(self, loop: Loop) -> bool:
        modules = any(
            "{" in self.writing.in_loop(loop, place) for place, s in enumerate(loop.first) if s.part.is_module
        )
        return modules or any(form != "=" for found in loop.expression_arguments for form, _ in found.values())

    def _carried_names(self, loop: Loop, index: int) -> dict[tuple[int, int], str]:
        """The variable of each carried value; it holds what the first round takes."""
        names: dict[tuple[int, int], str] = {}
        outside = {what for sources in loop.sources for kind, what, _ in sources if kind == "outside"}
        for place, value in loop.carried.items():
            known = self.variables.name_of[value]
            ends = self.variables.last[value] <= index and value not in outside and known not in names.values()
            if not ends:
                label = loop.first[place[0]].part.stem
                fresh = next((n for n in ("x", "out", "y", "z") if self.variables.is_free(n, -1)), None)
                name = fresh or self.variables.fresh(local(label), -1)
                self._assign([name], known, 2, "")
                known = name
            names[place] = known
            self.variables.holds[known] = len(self.statements) + 1
        return names

    def _list_names(self, loop: Loop, index: int) -> dict[tuple[int, int], str]:
        lists = {}
        for place in loop.collected:
            value, step = loop.values(place)[0], loop.first[place[0]]
            hint = (hint_of(value, "", step.part.stem) or local(step.part.stem or "value")).rstrip("_0123456789")
            name = self.variables.fresh(f"{hint}s", index)
            self.text.append(f"{INDENT * 2}{name}: list[Tensor] = []")
            self.variables.bind(value, name)
            self.variables.holds[name] = len(self.statements) + 1
            self.loops_of[id(value)] = loop
            lists[place] = name
        return lists

    def _write_round(
        self, loop: Loop, index: int, carried: dict[tuple[int, int], str], lists: dict[tuple[int, int], str]
    ) -> None:
        """The body of the loop, written for its last round: what that leaves is what is used afterwards."""
        previous, current = loop.rounds[-2], loop.rounds[-1]
        inner = Variables({}, {n for n, last in self.variables.holds.items() if last >= index} - set(carried.values()))
        inner.fixed |= self.variables.fixed | set(lists.values())
        inner.name_of.update(self.variables.name_of)
        used = {value for step in current for value in step.inputs}
        after = {value for value, last in self.variables.last.items() if last > index}
        ends = {current[p].outputs[o]: (p, o) for p, o in carried}
        collected = {current[p].outputs[o]: name for (p, o), name in lists.items()}
        keep = after | set(ends) | set(collected)
        statements = group(current, self._uses_within(current, keep), keep.__contains__, self._length_in(loop))
        for number, statement in enumerate(statements):
            for value in _consumed(statement):
                inner.last[value] = number
        inner.last.update((value, len(statements)) for value in keep if value not in used or value in after)
        inner.last.update((value, len(statements)) for value in [*ends, *collected])
        for place, name in carried.items():
            inner.bind(previous[place[0]].outputs[place[1]], name)
        moves = self._write_statements(loop, statements, inner, ends, carried, collected)
        self.text.extend(moves)
        for value in keep:
            if value in inner.name_of and value not in collected:
                self.variables.bind(value, carried[ends[value]] if value in ends else inner.name_of[value])

    def _uses_within(self, steps: Sequence[Step], keep: set[Value]) -> Callable[[Value], int]:
        counts: dict[Value, int] = {}
        for step in steps:
            for value in step.inputs:
                counts[value] = counts.get(value, 0) + 1
        return lambda value: counts.get(value, 0) + (value in keep)

    def _length_in(self, loop: Loop) -> Callable[[Step], int]:
        return lambda step: 24 if step.part.is_module else self._length(step)

    def _write_statements(
        self,
        loop: Loop,
        statements: Sequence[Applied],
        inner: Variables,
        ends: dict[Value, tuple[int, int]],
        carried: dict[tuple[int, int], str],
        collected: dict[Value, str],
    ) -> list[str]:
        moves: list[str] = []
        place_of = {id(step): place for place, step in enumerate(loop.rounds[-1])}
        for number, statement in enumerate(statements):
            step = statement.step
            expr = render(
                statement,
                inner.name_of.__getitem__,
                lambda step: self._module_in(loop, place_of[id(step)]),
                lambda step, argument: self.writing.loop_literal(loop, place_of[id(step)], argument),
            )
            names: list[str] = []
            for value in step.outputs:
                wanted = carried[ends[value]] if value in ends else None
                if wanted is not None and inner.is_free(wanted, number) and wanted not in names:
                    names.append(inner.bind(value, wanted))
                    continue
                stem = local(step.part.stem or "x")
                hint = _hint(step, value)
                kept = hint is not None and value is not step.outputs[0]
                names.append(inner.name(value, number, hint, _consumed(statement), stem=stem, joined=kept))
                if wanted is not None:
                    moves.append(f"{INDENT * 3}{wanted} = {names[-1]}")
            if len(names) == 1 and step.outputs[0] in collected and not moves and step.outputs[0] not in ends:
                append = call(f"{collected[step.outputs[0]]}.append", expr)
                self.text.extend(lines("", append, 3))
                continue
            note = _note(step.outputs) if self.writing.shapes and _is_steady(loop, place_of[id(step)]) else ""
            self.text.extend(lines(f"{', '.join(names)} = ", expr, 3, comment=note))
            pairs = zip(step.outputs, names, strict=True)
            self.text.extend(
                f"{INDENT * 3}{collected[value]}.append({name})" for value, name in pairs if value in collected
            )
        return moves

    def _module_in(self, loop: Loop, place: int) -> str:
        text = self.writing.in_loop(loop, place)
        if self.writing.is_whole(loop):
            return "layer"
        return f'getattr(self, f"{text}")' if "{" in text else text


def needed_steps(items: Sequence[Item], body: Body) -> list[Step]:
    """The steps that the outputs depend on."""
    return [step for item in _live(items, body) for step in (item.steps if isinstance(item, Loop) else [item])]


def _live(items: Sequence[Item], body: Body) -> list[Item]:
    """Without the steps that nothing needs."""
    needed = set(body.outputs)
    kept: list[Item] = []
    for item in reversed(items):
        steps = item.steps if isinstance(item, Loop) else [item]
        if any(value in needed for step in steps for value in step.outputs):
            kept.append(item)
            needed.update(value for step in steps for value in step.inputs)
    return kept[::-1]


def _consumed(statement: Applied | Loop) -> list[Value]:
    if isinstance(statement, Loop):
        inside = {value for step in statement.steps for value in step.outputs}
        return [value for step in statement.steps for value in step.inputs if value not in inside]
    found: list[Value] = []
    for operand in statement.operands:
        found.extend(_consumed(operand) if isinstance(operand, Applied) else [operand])
    return found


def _label(step: Step, value: Value) -> str:
    """The label that a step's first output goes by, where somebody chose one."""
    if step.outputs[0] is not value or step.part.is_unlabelled:
        return ""
    return step.part.label if step.part.is_module else ""


def _is_steady(loop: Loop, place: int) -> bool:
    """Whether the shapes are the same in every round."""
    outputs = range(len(loop.first[place].outputs))
    return all(value.shape == loop.first[place].outputs[o].shape for o in outputs for value in loop.values((place, o)))


def _hint(step: Step, value: Value) -> str | None:
    unnamed = step.part.node.layer.name if step.part.node is not None else ""
    return hint_of(value, _label(step, value), unnamed)


def _note(values: Sequence[Value]) -> str:
    shown = [f"(N, {', '.join(map(str, value.shape.dims))})" if value.shape.dims else "(N,)" for value in values]
    return ", ".join(shown)


__all__ = ["Writing", "needed_steps", "write_forward"]
