"""Rounds of a loop that stays one: a round that holds for all of them, by induction.

The first round is run with assumptions about what it takes from the round before: at first that every size stays as it
is. Where a round leaves another size, the size becomes a number that runs along (`channels += growth`), and the round
is run again. All rounds are then run with their own numbers, so that what comes after has the sizes of this call.
"""

from __future__ import annotations

from typing import Any

from netspec.elaborate.bodies.scopes import open_scope
from netspec.elaborate.bodies.statements import Each, run_body
from netspec.elaborate.control import DraftCall, DraftChoice, DraftLoop
from netspec.elaborate.draft import DraftNode, DraftScope, Tensor
from netspec.elaborate.expressions.deciding import ZERO
from netspec.elaborate.expressions.sayings import (
    NO_NUMBER,
    Unsayable,
    computed,
    elements,
    folded,
    holds_tensors,
    literal,
    written_out,
)
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.generic.lets import settle
from netspec.elaborate.problems import Problem, Spoilt, Stop
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import Poison
from netspec.elaborate.values.values import Result
from netspec.layers.declaration.symbols import (
    Whole,
    binary,
    divisions,
    expression_of,
    hanging,
    is_opaque,
    names,
    opaque,
    plain,
    substituted,
    symbolic,
)
from netspec.shapes.sizes import Dimension, OpenSize
from netspec.syntax import tree
from netspec.syntax.source import Span

FLOW = "_"
"""The name under which the flow itself is carried."""


class Rounds:
    """One loop within a block that is elaborated for all arguments."""

    def __init__(
        self,
        generic: Generic,
        targets: tuple[tree.Target, ...],
        sequence: tree.Expr,
        values: list[Any],
        body: tree.Body,
        span: Span,
        each: Each,
    ) -> None:
        self.generic, self.targets, self.sequence = generic, targets, sequence
        self.names = tuple(tree.bound(targets))
        self.values, self.body, self.span, self.each = values, body, span, each
        words = (target if isinstance(target, str) else "_".join(tree.bound(target)) for target in targets)
        self.variables = tuple(map(generic.claim, words))
        self.running: dict[tuple[str, int], str] = {}
        """The variable of a size that changes: by the value's name and the axis; of a number, with axis -1."""
        self.opaque: set[tuple[str, int]] = set()
        self.entering: dict[tuple[str, int], Dimension] = {}
        """The sizes that are opaque, as the round took them."""
        self.has_ends = False
        """Whether a round makes inputs, outputs or branches of what is around: each of them counts."""
        self.lets_around: set[str] = set()

    def run(self, frame: Frame) -> None:
        """The loop as an item of the frame's scope; the flow goes on after it."""
        generic = self.generic
        if not self.values and self.names:
            raise Unsayable(names(self.sequence))
        scope = open_scope(generic, "for" if self.names else "repeat", "", self.span, frame)
        self.note_items()
        self.lets_around = set(generic.lets)
        around, generic.open_names = generic.open_names, generic.open_names | set(self.variables)
        try:
            self.rounds(scope, frame)
        finally:
            generic.open_names = around
        generic.steady.update(self.running.values())
        if isinstance(frame.current, Tensor):
            settle(generic, frame.current, frame)

    def note_items(self) -> None:
        """Notes what each of the loop's variables is in turn, where that is known."""
        rows = elements(self.sequence, self.generic.lets) if self.targets else None
        for name in self.variables:
            self.generic.items_of.pop(name, None)  # another loop's, tried before, that had the name
        for row in rows or ():
            parts = (row,) if len(self.variables) == 1 else row.items if isinstance(row, tree.List) else ()
            for name, part in zip(self.variables, parts, strict=False):
                self.generic.items_of.setdefault(name, []).append(part)

    def rounds(self, scope: DraftScope, frame: Frame) -> None:
        """Finds the round that holds for all of them, and runs all."""
        generic = self.generic
        scope.inputs = (frame.current,) if isinstance(frame.current, Tensor) else ()
        before = generic.snapshot(frame)
        samples = self.values or [None]
        trial = DraftScope("iteration", "", self.span, parent=scope)
        self.round(samples[0], trial, frame)
        carried = self.changed(before, frame)
        for _ in range(6):
            generic.restore(frame, before)
            body = DraftScope("iteration", "", self.span, parent=scope)
            loop = DraftLoop(self.variables, self.sequence, body, rounds=len(self.values), start=self.span.start)
            firsts = {name: frame.current if name == FLOW else frame.environment.names[name] for name in carried}
            inner = self.assume(carried, firsts, frame)
            self.round(samples[0], body, frame)
            if self.holds(carried, firsts, frame):
                break
        else:
            raise Unsayable(names(self.sequence))
        scope.items.append(body)
        scope.control = loop
        loop.has_rounds = generic.deciding.is_positive(loop.length)
        self.finish(loop, carried, firsts, inner, before, frame)

    def round(self, item: Any, scope: DraftScope, frame: Frame) -> None:
        """One round with the numbers of one item; raises Unsayable where something is wrong with them."""
        generic = self.generic
        self.bind(item, frame)
        local = frame.copy()
        local.environment, local.scope, local.depth = frame.environment.in_place(), scope, frame.depth + 1
        state = generic.state
        ends = _ends(generic)
        reported = len(state.diagnostics)
        generic.symbolic_depth += 1
        try:
            with divisions(within=True):
                run_body(generic, self.body, local, self.each)
        except (Problem, Spoilt, Stop):
            raise Unsayable from None
        finally:
            generic.symbolic_depth -= 1
            trouble = len(state.diagnostics) > reported
            del state.diagnostics[reported:]
        if trouble or isinstance(local.current, Poison) or local.returned is not None:
            raise Unsayable
        self.has_ends = self.has_ends or _ends(generic) != ends
        frame.current = local.current

    def bind(self, item: Any, frame: Frame) -> None:
        """The loop's variables: the numbers of one item, under their names."""
        if not self.targets:
            return
        values = [item] if len(self.targets) == 1 else item
        if len(self.targets) > 1 and (not isinstance(item, list) or len(item) != len(self.targets)):
            raise Unsayable
        for target, variable, value in zip(self.targets, self.variables, values, strict=True):
            self.match(target, value, tree.Name(variable), frame)
            self.generic.numbers[variable] = value

    def match(self, target: tree.Target, value: Any, formula: tree.Expr, frame: Frame) -> None:
        """One target with the value of an item, or of a part of it."""
        if isinstance(target, str):
            frame.environment.names[target], frame.environment.expressions[target] = value, formula
            return
        if not isinstance(value, list) or len(value) != len(target):
            raise Unsayable
        for place, (part, inner) in enumerate(zip(target, value, strict=True)):
            self.match(part, inner, tree.Index(formula, tree.Number(place)), frame)

    def changed(self, before: Any, frame: Frame) -> list[str]:
        """What a round gives another meaning that had one before: the flow, side values, numbers."""
        changes = [FLOW] if frame.current is not before.frame[0] else []
        for name, value in frame.environment.names.items():
            if name in self.names or name not in before.names:
                continue
            if value is not before.names[name] or frame.environment.expressions.get(name) != before.expressions.get(
                name
            ):
                changes.append(name)
        return changes

    def assume(self, carried: list[str], firsts: dict[str, Any], frame: Frame) -> dict[str, Any]:
        """What a round sees of what it takes from the round before."""
        inner: dict[str, Any] = {}
        for name in carried:
            first = firsts[name]
            value = self.seen(name, first)
            inner[name] = value
            if name == FLOW:
                frame.current = value
            elif holds_tensors(value):
                frame.environment.names[name] = value
            else:
                variable = self.running.setdefault((name, -1), "") or self.generic.claim(name)
                self.running[name, -1] = variable
                self.generic.open_names.add(variable)
                self.generic.numbers[variable] = frame.environment.names[name]
                frame.environment.expressions[name] = tree.Name(variable)
        return inner

    def seen(self, name: str, first: Any) -> Any:
        """A value as a round sees it: sizes that change are variables."""
        match first:
            case Tensor():
                dims = tuple(self.size(name, axis, size) for axis, size in enumerate(first.shape.dims))
                return Tensor(first.shape.with_dims(*dims), first.span, None, 0, first.name)
            case Result(outputs):
                return Result(tuple(self.seen(f"{name}.{index}", output) for index, output in enumerate(outputs)))
            case list() if holds_tensors(first):
                return [self.seen(f"{name}.{index}", item) for index, item in enumerate(first)]
        return first

    def size(self, name: str, axis: int, size: Dimension) -> Dimension:
        """A size as a round sees it."""
        if (name, axis) in self.opaque:
            self.entering[name, axis] = size
            return Whole(int(plain(size)), opaque(expression_of(size), self.sequence))
        if (name, axis) in self.running:
            self.generic.numbers[self.running[name, axis]] = int(plain(size))
            return Whole(int(plain(size)), tree.Name(self.running[name, axis]))
        return size

    def holds(self, carried: list[str], firsts: dict[str, Any], frame: Frame) -> bool:
        """Whether what a round leaves is what it was assumed to take; the assumptions are mended where not."""
        marks = len(self.running) + len(self.opaque)
        for name in carried:
            last = frame.current if name == FLOW else frame.environment.names[name]
            self.compare(name, firsts[name], last)
        return marks == len(self.running) + len(self.opaque)

    def compare(self, name: str, first: Any, last: Any) -> None:
        """Holds what a round leaves of a value against what it was assumed to take; raises Unsayable where no size
        could make them one.
        """
        if isinstance(first, Result) and isinstance(last, Result | Tensor):
            lasts = last.outputs if isinstance(last, Result) else (last,)
            if len(lasts) != len(first.outputs):
                raise Unsayable
            for index, (a, b) in enumerate(zip(first.outputs, lasts, strict=True)):
                self.compare(f"{name}.{index}", a, b)
            return
        if isinstance(first, Tensor) and isinstance(last, Result) and len(last.outputs) == 1:
            last = last.outputs[0]
        if isinstance(first, list) and isinstance(last, list) and holds_tensors(first):
            if len(first) != len(last):
                raise Unsayable({f"loop at {self.span.start}", *names(self.sequence)})
            for index, (a, b) in enumerate(zip(first, last, strict=True)):
                self.compare(f"{name}.{index}", a, b)
            return
        if not isinstance(first, Tensor):
            if holds_tensors(first) or holds_tensors(last):
                raise Unsayable
            return
        if not isinstance(last, Tensor) or first.shape.kind != last.shape.kind:
            raise Unsayable
        for axis, (entering, leaving) in enumerate(zip(first.shape.dims, last.shape.dims, strict=True)):
            self.compare_sizes(name, axis, entering, leaving)

    def compare_sizes(self, name: str, axis: int, first: Dimension, last: Dimension) -> None:
        """Notes a size that a round changes: it runs along, or is opaque where that was tried."""
        if isinstance(first, OpenSize) or isinstance(last, OpenSize):
            if first != last:
                raise Unsayable
            return
        if (name, axis) in self.opaque:
            return
        was, now = expression_of(first), expression_of(last)
        if (name, axis) in self.running:
            if is_opaque(now):
                self.opaque.add((name, axis))
            return
        if was == now and not is_opaque(now):
            return
        if is_opaque(was) or is_opaque(now):
            self.opaque.add((name, axis))
            return
        self.running[name, axis] = variable = self.generic.claim("channels" if axis == 0 else "features")
        self.generic.open_names.add(variable)

    # After the first round

    def finish(
        self,
        loop: DraftLoop,
        carried: list[str],
        firsts: dict[str, Any],
        inner: dict[str, Any],
        before: Any,
        frame: Frame,
    ) -> None:
        """The remaining rounds, and what the loop leaves."""
        generic = self.generic
        lasts = {name: frame.current if name == FLOW else frame.environment.names[name] for name in carried}
        for name in carried:
            self.update(loop, name, firsts[name], lasts[name], before, frame)
        fresh = {
            name: value
            for name, value in frame.environment.names.items()
            if name not in before.names and name not in self.names and holds_tensors(value)
        }
        trace = _tensors(loop.body)
        for tensor in trace:
            generic.rounds_of.setdefault(id(tensor), (loop, tensor, 0))
        samples = self.remaining(loop, trace, carried, lasts, frame)
        for name in carried:
            output = self.leave(loop, name, inner[name], firsts[name], lasts[name], samples.get(name, lasts[name]))
            if name == FLOW:
                frame.current = output
            elif holds_tensors(output):
                frame.environment.names[name] = output
            else:
                frame.environment.expressions[name] = tree.Name(self.running[name, -1])
        for name, value in fresh.items():
            frame.environment.names[name] = self.outlives(loop, value)
        generic.traces.append((loop, trace))

    def update(self, loop: DraftLoop, name: str, first: Any, last: Any, before: Any, frame: Frame) -> None:
        """The numbers that run along: what they begin with, and what a round makes of them."""
        if isinstance(first, Result):
            lasts = last.outputs if isinstance(last, Result) else (last,)
            for index, (a, b) in enumerate(zip(first.outputs, lasts, strict=True)):
                self.update(loop, f"{name}.{index}", a, b, before, frame)
            return
        if isinstance(last, Result):
            last = last.outputs[0]
        if isinstance(first, list) and holds_tensors(first):
            for index, (a, b) in enumerate(zip(first, last, strict=True)):
                self.update(loop, f"{name}.{index}", a, b, before, frame)
            return
        if isinstance(first, Tensor):
            for axis, (entering, leaving) in enumerate(zip(first.shape.dims, last.shape.dims, strict=True)):
                variable = self.running.get((name, axis))
                if variable is not None and (name, axis) not in self.opaque:
                    loop.running.append((variable, expression_of(entering), expression_of(leaving)))
            return
        variable = self.running[name, -1]
        started = before.expressions.get(name)
        start = started if started is not None else literal(before.names[name])
        now = frame.environment.expressions.get(name)
        if now is None:
            now = literal(frame.environment.names[name])
        loop.running.append((variable, start, now))

    def remaining(
        self, loop: DraftLoop, trace: list[Tensor], carried: list[str], lasts: dict[str, Any], frame: Frame
    ) -> dict[str, Any]:
        """Runs the rounds after the first with their own numbers; what the last of them leaves. Where it is known
        beforehand what each of them makes of the numbers that run along, none is run.
        """
        generic = self.generic
        rounds = self.values[1:]
        if rounds and generic.skips and not self.has_ends and self.is_steady(lasts):
            numbers = self.reckoned(loop)
            if numbers is not None:
                generic.skipped = True
                return {name: self.with_numbers(name, last, numbers, frame) for name, last in lasts.items()}
        samples = dict(lasts)
        spelling = _spelling(loop.body)
        for number, item in enumerate(rounds, 1):
            state = {name: self.seen(name, samples[name]) for name in carried}
            for name, value in state.items():
                if name == FLOW:
                    frame.current = value
                elif holds_tensors(value):
                    frame.environment.names[name] = value
                else:
                    frame.environment.expressions[name] = tree.Name(self.running[name, -1])
            scope = DraftScope("iteration", "", self.span, parent=loop.body.parent)
            claimed, lets = set(generic.variables), dict(generic.lets)
            self.round(item, scope, frame)
            generic.variables, generic.lets = claimed, lets
            again = _tensors(scope)
            if len(again) != len(trace) or _spelling(scope) != spelling:
                raise Unsayable(names(self.sequence))
            for mine, other in zip(trace, again, strict=True):
                generic.rounds_of.setdefault(id(other), (loop, mine, number))
            generic.traces.append((loop, again))
            samples = {name: frame.current if name == FLOW else frame.environment.names[name] for name in carried}
        return samples

    def is_steady(self, lasts: dict[str, Any]) -> bool:
        """Whether each size that follows from heights and widths is the same in all rounds: the first leaves it as it
        was, and it follows from nothing that changes.
        """
        changing = {*self.variables, *self.running.values()}
        return all(
            isinstance(last, Tensor)
            and not hanging(expression_of(last.shape.dims[axis])) & changing
            and plain(last.shape.dims[axis]) == plain(self.entering[name, axis])
            for name, axis in self.opaque
            for last in [lasts.get(name)]
        )

    def reckoned(self, loop: DraftLoop) -> dict[str, Any] | None:
        """The numbers that run along, after the last round; None where that takes running it."""
        lets = self.fresh_lets()
        numbers = dict(self.generic.numbers)
        try:
            for variable, first, _ in loop.running:
                numbers[variable] = computed(first, numbers)
            updates = {v: written_out(update, lets) for v, _, update in loop.running if update is not None}
            for item in self.values:
                numbers |= dict(zip(self.variables, [item] if len(self.variables) == 1 else item or (), strict=True))
                numbers |= {variable: computed(update, numbers) for variable, update in updates.items()}
        except NO_NUMBER:
            return None
        return numbers

    def with_numbers(self, name: str, value: Any, numbers: dict[str, Any], frame: Frame) -> Any:
        """A carried value of the first round with the numbers of the last."""
        match value:
            case Tensor():
                dims = tuple(
                    Whole(numbers[self.running[name, axis]], expression_of(size))
                    if (name, axis) in self.running
                    else size
                    for axis, size in enumerate(value.shape.dims)
                )
                return Tensor(value.shape.with_dims(*dims), value.span, None, 0, value.name)
            case Result(outputs):
                parts = enumerate(outputs)
                return Result(tuple(self.with_numbers(f"{name}.{i}", part, numbers, frame) for i, part in parts))
            case list() if holds_tensors(value):
                return [self.with_numbers(f"{name}.{i}", part, numbers, frame) for i, part in enumerate(value)]
        frame.environment.names[name] = numbers[self.running[name, -1]]
        return frame.environment.names[name]

    def leave(self, loop: DraftLoop, name: str, inner: Any, first: Any, last: Any, sample: Any) -> Any:
        """What the loop leaves of a carried value: the sizes that hold after any number of rounds."""
        match first:
            case Tensor():
                last = last.outputs[0] if isinstance(last, Result) else last
                sample = sample.outputs[0] if isinstance(sample, Result) else sample
                sizes = sample.shape.dims if self.values else first.shape.dims
                dims = tuple(
                    self.size_after(loop, name, axis, first.shape.dims[axis], plain(size))
                    if (name, axis) in self.running or (name, axis) in self.opaque
                    else first.shape.dims[axis]
                    for axis, size in enumerate(sizes)
                )
                output = Tensor(first.shape.with_dims(*dims), last.span, None, 0, last.name)
                loop.carries.append((inner, first, last, output))
                return output
            case Result(outputs):
                lasts = last.outputs if isinstance(last, Result) else (last,)
                samples = sample.outputs if isinstance(sample, Result) else (sample,)
                parts = zip(inner.outputs, outputs, lasts, samples, strict=True)
                return Result(tuple(self.leave(loop, f"{name}.{i}", *part) for i, part in enumerate(parts)))
            case list() if holds_tensors(first):
                parts = zip(inner, first, last, sample, strict=True)
                return [self.leave(loop, f"{name}.{i}", *part) for i, part in enumerate(parts)]
        return sample

    def size_after(self, loop: DraftLoop, name: str, axis: int, first: Dimension, sample: Dimension) -> Dimension:
        """A size that runs along, after the last round: by what it grows each time where that is always the same."""
        size = self.size(name, axis, sample)
        variable = self.running.get((name, axis))
        update = next((update for running, _, update in loop.running if running == variable), None)
        match update:
            case tree.Binary("+" | "-" as sign, tree.Name(own), growth) if own == variable:
                always = written_out(growth, self.fresh_lets())
                if self.is_seen(always):
                    total = folded(binary(sign, expression_of(first), binary("*", loop.length, always)))
                    if not is_opaque(total):
                        return symbolic(int(plain(size)), total)  # type: ignore[no-any-return]
            case tree.Tree() if loop.has_rounds:
                total = self.last_round(update)
                if self.is_seen(total):
                    return symbolic(int(plain(size)), total)  # type: ignore[no-any-return]
            case tree.Tree():
                total = written_out(update, self.fresh_lets())
                if self.is_seen(total):
                    total = tree.Conditional(total, tree.Compare((">",), (loop.length, ZERO)), expression_of(first))
                    if not is_opaque(total):
                        return symbolic(int(plain(size)), total)  # type: ignore[no-any-return]
        return size

    def is_seen(self, expression: tree.Expr) -> bool:
        """Whether an expression asks for nothing that only a round knows."""
        inside = {*self.variables, *self.running.values(), *self.fresh_lets()}
        return not is_opaque(expression) and not hanging(expression) & inside

    def fresh_lets(self) -> dict[str, tree.Expr]:
        """The numbers that a round has given names."""
        return {name: formula for name, formula in self.generic.lets.items() if name not in self.lets_around}

    def last_round(self, update: tree.Expr) -> tree.Expr:
        """What the last round makes of it, where it is known of which item that is."""
        last = {name: self.generic.items_of[name][-1] for name in self.variables if name in self.generic.items_of}
        deciding = self.generic.deciding
        lets = {name: deciding.decided(substituted(formula, last)) for name, formula in self.fresh_lets().items()}
        return deciding.decided(folded(written_out(substituted(update, last), lets)))  # type: ignore[no-any-return]

    def outlives(self, loop: DraftLoop, value: Any) -> Any:
        """A side value of the last round, as it is seen after the loop."""
        match value:
            case Tensor():
                place = self.generic.rounds_of.get(id(value))
                if place is None or place[0] is not loop:
                    return value
                mine = place[1]
                hanging = set(self.variables) | set(self.running.values())
                for size in mine.shape.dims:
                    if not isinstance(size, OpenSize) and names(expression_of(size)) & hanging:
                        raise Unsayable(names(self.sequence))
                output = Tensor(mine.shape, mine.span, None, 0, mine.name)
                loop.results.append((output, mine))
                return output
            case Result(outputs):
                return Result(tuple(self.outlives(loop, output) for output in outputs))
            case list():
                return [self.outlives(loop, item) for item in value]
        return value


def _ends(generic: Generic) -> tuple[int, ...]:
    """How many inputs, outputs and results there are, and branches of each wiring around."""
    state = generic.state
    ends = (len(state.inputs), len(state.outputs), len(generic.results), len(state.budgets))
    return (*ends, *map(len, generic.collected))


def _tensors(scope: DraftScope) -> list[Tensor]:
    """All values that a round makes, in order."""
    tensors: list[Tensor] = []
    stack: list[Any] = [scope]
    while stack:
        item = stack.pop()
        if isinstance(item, DraftNode):
            tensors.extend(item.outputs)
        elif isinstance(item, DraftScope):
            tensors.extend(tensor for tensor in item.outputs if item.control is not None or item.kind == "container")
            match item.control:
                case DraftCall():
                    tensors.extend(tensor for tensor, _, _ in item.control.taps)
                case DraftChoice():
                    tensors.extend(output for output, _ in item.control.merges)
                case DraftLoop():
                    tensors.extend(output for _, _, _, output in item.control.carries)
                    tensors.extend(output for output, _ in item.control.results)
            stack.extend(reversed(item.items))
    return tensors


def _spelling(scope: DraftScope) -> list[str]:
    """The kinds of items in a round, in order: what two rounds must have in common."""
    kinds: list[str] = []
    stack: list[Any] = [scope]
    while stack:
        item = stack.pop()
        if isinstance(item, DraftNode):
            kinds.append(item.layer.name)
        elif isinstance(item, DraftScope):
            callee = id(item.control.blueprint) if item.kind == "block" and item.control is not None else ""
            kinds.append(f"{item.kind} {callee}")
            stack.extend(reversed(item.items))
        else:
            kinds.append("let")
    return kinds
