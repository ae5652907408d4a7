"""The forward of a class: statements with variables, conditions, loops, and what is only computed in training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from netspec.codegen.classes.constructor import Constructor, optional_label, static_labels
from netspec.codegen.classes.labels import is_nested
from netspec.codegen.classes.plan import ClassPlan, Return
from netspec.codegen.classes.statements import group
from netspec.codegen.classes.variables import Variables, hint_of
from netspec.codegen.regions.liveness import needs, results
from netspec.codegen.regions.overwriting import mark_in_place
from netspec.codegen.regions.regions import asked_names, is_bare, is_module
from netspec.codegen.regions.sets import PictureList, type_of_value
from netspec.codegen.regions.sources import expanded
from netspec.codegen.text.applied import Applied, call_of, render
from netspec.codegen.text.control import loop_header, negated
from netspec.codegen.text.layout import INDENT, Bracket, Expr, call, lines
from netspec.codegen.text.naming import local, prose
from netspec.codegen.text.python import argument, python
from netspec.graph.blueprint import Carry, Choice, Gather, LayerUse, Loop, Merge, Region, Use, Wire
from netspec.layers.declaration.symbols import plain
from netspec.shapes.shape import COUNT
from netspec.syntax import tree

Statement = Applied | Choice | Loop


@dataclass(slots=True, eq=False)
class Place:
    """A stretch of statements: where each value is used last, what is still used after the stretch, what is around."""

    last: dict[int, int] = field(default_factory=dict)
    end: set[int] = field(default_factory=set)
    at: int = -1
    around: Place | None = None

    def is_live(self, wire: Wire) -> bool:
        """Whether a value is used after the statement that is written now."""
        return (
            self.last.get(id(wire), -1) > self.at
            or id(wire) in self.end
            or (self.around is not None and self.around.is_live(wire))
        )


def argument_names(inputs: Sequence[Wire], *, is_net: bool) -> list[str]:
    """What a forward would call its arguments: the only one is `x`, as is what enters a block."""
    if is_net:
        return ["x"] if len(inputs) == 1 else [local(wire.name or "x") for wire in inputs]
    others = (local((hint_of(wire.name) or "y").rstrip("0123456789_") or "y") for wire in inputs[1:])
    return [*["x"][: len(inputs)], *others]


def write_forward(plan: ClassPlan, constructor: Constructor, ending: Return | None) -> list[str]:
    """The lines of a forward with its `def` and `return`."""
    forward = _Forward(plan, constructor, ending)
    text = forward.write()
    if forward.untyped:  # its first assignment says that it is a tensor, which calls of modules do not
        return _Forward(plan, constructor, ending, annotate=forward.untyped).write()
    return text


class _Forward:
    def __init__(self, plan: ClassPlan, constructor: Constructor, ending: Return | None, annotate: str = "") -> None:
        self.plan, self.constructor, self.ending = plan, constructor, ending
        self.annotate, self.untyped = annotate, ""
        self.design = plan.design
        self.needs = plan.needs
        self.hints = ending.hints if ending is not None else {}
        self.uses: dict[int, int] = {}
        self.joined: set[int] = set()
        self.pinned: set[int] = {id(wire) for wire in self.design.outputs} if self.hints else set()
        self.collected: set[int] = set()
        self.totals: dict[int, str] = {}
        self.lists: dict[int, str] = {}
        self.text: list[str] = []
        self.preferences: dict[int, str] = {}
        self.variables = Variables({"self", *plan.preamble.support, *plan.class_of.values()} | plan.outer_names)

    def write(self) -> list[str]:
        plan, design = self.plan, self.design
        self.region = expanded(design.region, design.inputs, design.outputs)
        plan.needs = self.needs = needs(self.region, design.outputs)
        self.always = needs(self.region, [w for i, w in enumerate(design.outputs) if i not in design.training])
        self.constructor.prepare(design.region)
        mark_in_place(self.region, design.outputs, self.constructor.in_place)
        self.constructor.reset()
        self.constructor.prepare(design.region)
        self.count(self.region)
        for wire in design.outputs:
            self.uses[id(wire)] = self.uses.get(id(wire), 0) + 1
        arguments = self.arguments()
        self.constructor.text = []
        place = Place(end={id(wire) for wire in design.outputs})
        begun = [
            wire for index, wire in enumerate(design.outputs) if index in design.training and self.is_training(wire)
        ]
        for wire in dict.fromkeys(begun):
            hint = self.hints.get(id(wire)) or hint_of(wire.name) or "y"
            name = self.variables.fresh(hint, place.is_live, [*arguments, *self.variables.fixed])
            self.preferences[id(wire)] = name
            self.text.append(f"{INDENT * 2}{name}: {type_of_value(wire)} | None = None")
            self.variables.fixed.add(name)
        self.annotated = bool(self.annotate)
        always = [index for index in range(len(design.outputs)) if index not in design.training]
        for name in _loop_names(self.region):
            self.variables.fixed.add(plan.variable(name))
        self.stretch(self.region, place, 2)
        names = [self.variables[wire] for wire in design.outputs]
        bare = names[always[0]] if len(always) == 1 else ""
        if bare and bare not in arguments and bare not in self.totals.values() and not self.annotated:
            self.untyped = bare
        return [*self.head(arguments), *self.finish(names)]

    def is_training(self, wire: Wire) -> bool:
        return any(
            id(item) in self.needs.items and id(item) not in self.always.items and wire in results(item)
            for item in self.region.items
            if isinstance(item, Use)
        )

    def arguments(self) -> list[str]:
        names: list[str] = []
        for wire, preference in zip(
            self.design.inputs, argument_names(self.design.inputs, is_net=self.design.is_net), strict=True
        ):
            name = preference
            while name in names or name in self.variables.fixed:
                name += "_" if not name.endswith("_") else "2"
            names.append(name)
            self.variables.bind(wire, name)
        return names

    def head(self, arguments: Sequence[str]) -> list[str]:
        kind = self.ending.type if self.ending is not None else self.result_type()
        items: list[tuple[str, Expr]] = [("", "self"), *(("", f"{name}: Tensor") for name in arguments)]
        return lines("def ", Bracket("forward", tuple(items)), 1, f" -> {kind}:")

    def result_type(self) -> str:
        count = len(self.design.outputs)
        return type_of_value(self.design.outputs[0]) if count == 1 else f"tuple[{', '.join(['Tensor'] * count)}]"

    def finish(self, names: list[str]) -> list[str]:
        """The statements and the return; a last value that nothing else takes is returned as it is."""
        ending = self.ending.lines(names) if self.ending is not None else [f"return {', '.join(names)}"]
        margin = INDENT * 2
        if len(ending) == 1 and len(names) == 1 and self.text:
            name, _, value = self.text[-1].strip().partition(" = ")
            whole = self.text[-1]
            same = ending[0] == f"return {names[0]}" and name.partition(":")[0] == names[0]
            here = whole.startswith(margin) and not whole.startswith(f"{margin} ")
            if same and here and value and not value.endswith("= None"):
                value, _, comment = value.partition("  # ")
                returned = f"{margin}return {value}"
                if comment and len(returned) + len(comment) + 4 <= 88:
                    returned += f"  # {comment}"
                if self.is_typed(value):
                    return [*self.text[:-1], returned]
        return [*self.text, *(line for line in ending for line in _broken(margin + line))]

    def is_typed(self, value: str) -> bool:
        """Whether torch says that a value is a tensor: calls of modules say nothing."""
        return value.startswith(("torch.", "F.")) and not value.startswith("torch.linalg.")

    # Counting

    def count(self, region: Region) -> None:
        for item in region.items:
            if id(item) not in self.needs.items:
                continue
            match item:
                case Use():
                    for wire in item.inputs:
                        self.uses[id(wire)] = self.uses.get(id(wire), 0) + 1
                    if len(item.inputs) > 2:
                        self.joined.update(map(id, item.inputs))
                    if any(id(wire) in self.collected for wire in item.inputs):
                        self.keep(item.outputs)
                    item.when_training = id(item) not in self.always.items
                case Choice():
                    for inner in item.regions:
                        self.count(inner)
                    self.keep(wire for merge in self.needs.merges[id(item)] for wire in (merge.output, *merge.sources))
                case Loop():
                    self.count(item.region)
                    for carry in self.needs.carries[id(item)]:
                        self.keep((carry.inner, carry.first, carry.last, carry.output))
                    self.keep(w for merge in self.needs.merges[id(item)] for w in (merge.output, merge.sources[0]))
                    self.keep(gather.inner for gather in item.gathers)
                    self.keep(gather.output for gather in item.gathers)
                    self.collected.update(id(gather.output) for gather in item.gathers)

    def keep(self, wires: Sequence[Wire] | Iterator[Wire | None]) -> None:
        self.pinned.update(id(wire) for wire in wires if wire is not None)

    # Statements

    def stretch(self, region: Region, place: Place, depth: int) -> None:
        """All statements of a region in order."""
        statements = self.statements(region)
        for index, statement in enumerate(statements):
            for wire in self.consumed(statement):
                place.last[id(wire)] = index
        training = False
        for index, statement in enumerate(statements):
            place.at = index
            here = self.only_training(statement)
            if here and not training:
                self.text.append(f"{INDENT * depth}if self.training:")
            training = here
            inner = depth + 1 if here else depth
            match statement:
                case Applied():
                    self.step(statement, place, inner)
                case Choice():
                    self.choice(statement, place, inner)
                case Loop():
                    self.loop(statement, place, inner)
        place.at = len(statements)

    def only_training(self, statement: Statement) -> bool:
        item = statement.step if isinstance(statement, Applied) else statement
        return bool(self.design.training) and id(item) not in self.always.items

    def statements(self, region: Region) -> list[Statement]:
        statements: list[Statement] = []
        run: list[Use] = []

        def close() -> None:
            statements.extend(group(run, self.uses_of, self.is_kept, self.length))
            run.clear()

        for item in region.items:
            if id(item) not in self.needs.items:
                continue
            if isinstance(item, Use):
                run.append(item)
            elif isinstance(item, Choice | Loop):
                close()
                statements.append(item)
        close()
        return statements

    def uses_of(self, wire: Wire) -> int:
        return self.uses.get(id(wire), 0)

    def is_kept(self, wire: Wire) -> bool:
        return id(wire) in self.pinned

    def length(self, use: Use) -> int:
        torch_call = call_of(use)
        if torch_call is not None and not torch_call.target and not torch_call.parameter:
            return len(torch_call.apply)
        return len(self.constructor.module(use)) + 2

    def consumed(self, statement: Statement) -> Iterator[Wire]:
        """The values from before that a statement takes."""
        match statement:
            case Applied():
                for operand in statement.operands:
                    if isinstance(operand, Applied):
                        yield from self.consumed(operand)
                    else:
                        yield operand
            case Choice():
                for region in statement.regions:
                    for inner in self.statements(region):
                        yield from self.consumed(inner)
                yield from (s for merge in self.needs.merges[id(statement)] for s in merge.sources if s is not None)
            case Loop():
                for inner in self.statements(statement.region):
                    yield from self.consumed(inner)
                yield from (carry.first for carry in self.needs.carries[id(statement)])

    def step(self, applied: Applied, place: Place, depth: int) -> None:
        gathered = self.gathered(applied.step)
        if isinstance(gathered, str) and gathered in self.totals.values():
            self.variables.share(applied.step.outputs[0], gathered)
            return
        expr = (
            gathered
            if gathered is not None
            else render(applied, self.variables.__getitem__, self.constructor.module, self.literal)
        )
        outputs = results(applied.step)
        names: list[str] = []
        for wire in outputs:
            names.append(self.define(wire, applied, place, names))
        for wire, name in zip(outputs, names, strict=True):
            if name != "_":
                self.variables.bind(wire, name)
        note = self.note(outputs) if self.design.shapes else ""
        target = ", ".join(names)
        if target == self.annotate and depth == 2:
            target, self.annotate = f"{target}: Tensor", ""
        self.text.extend(lines(f"{target} = ", expr, depth, comment=note))

    def literal(self, use: Use, name: str) -> str:
        torch_call = call_of(use)
        assert torch_call is not None
        return argument(torch_call.kwargs[name], self.constructor.inside)

    def gathered(self, use: Use) -> Expr | None:
        """A layer that takes what a loop has collected: a list, or a sum that has run along."""
        if not any(id(wire) in self.lists or id(wire) in self.totals for wire in use.inputs):
            return None
        torch_call = call_of(use)
        assert torch_call is not None
        if any(id(wire) in self.totals for wire in use.inputs):
            operator = " + " if isinstance(use.what, LayerUse) and use.what.layer.name == "add" else " * "
            return operator.join(self.totals.get(id(wire)) or self.variables[wire] for wire in use.inputs)
        parts = [f"*{self.lists[id(w)]}" if id(w) in self.lists else self.variables[w] for w in use.inputs]
        inner = self.lists[id(use.inputs[0])] if len(parts) == 1 else f"[{', '.join(parts)}]"
        if "[{inputs}]" not in torch_call.apply:
            return f"reduce(torch.mul, {inner})"
        return torch_call.apply.replace("[{inputs}]", inner)

    def define(self, wire: Wire, applied: Applied, place: Place, siblings: list[str]) -> str:
        """The variable for a value that a statement makes."""
        inputs = list(self.consumed(applied))
        preference = self.preferences.get(id(wire))
        if not place.is_live(wire):
            return "_"
        if (
            preference is not None
            and preference not in siblings
            and (preference in self.variables.fixed or self.variables.is_free(preference, place.is_live))
        ):
            return preference
        use = applied.step
        outputs = results(use)
        hint = self.hints.get(id(wire)) or self.hint(use, wire)
        joined = id(wire) in self.joined or id(wire) in self.hints or len(outputs) > 2
        joined = joined or (hint is not None and wire is not outputs[0])
        joined = joined or (hint is not None and len(self.design.outputs) > 1 and wire in self.design.outputs)
        is_used_again = self.is_used_later(wire, place)
        return self.variables.name(
            inputs, hint, place.is_live, stem=self.stem(use), is_kept=is_used_again, joined=joined, siblings=siblings
        )

    def is_used_later(self, wire: Wire, place: Place) -> bool:
        """Whether a value is used beyond the next statement."""
        return place.last.get(id(wire), -1) > place.at + 2 or self.uses.get(id(wire), 0) > 1

    def stem(self, use: Use) -> str:
        if isinstance(use.what, LayerUse) or use.label is None:
            return local(use.stem.rstrip("0123456789_") or "x").lower()
        words = "".join(part for part in use.label.parts if isinstance(part, str)).rstrip("0123456789_")
        return local(words or "x")

    def hint(self, use: Use, wire: Wire) -> str | None:
        if any(isinstance(other, PictureList) and other.values is wire for other in self.design.outputs):
            return None  # the name is that of the list
        label = ""
        if use.chosen and use.label is not None and wire is results(use)[0]:
            label = "".join(part for part in use.label.parts if isinstance(part, str))
            if len(use.label.parts) > 1:
                label = label.rstrip("_")
        name = hint_of(label) or hint_of(wire.name)
        if name is not None and self.constructor.loop_names:
            name = hint_of(name.rstrip("0123456789_")) or name
        return name

    def note(self, wires: Sequence[Wire]) -> str:
        shapes = []
        for wire in wires:
            if wire.shape is COUNT:
                continue
            dims = [str(plain(size)) for size in wire.shape.dims]
            first = "N" if wire.shape.each is None else prose(wire.shape.each.name or "R")
            text = f"({first}, {', '.join(dims)})" if dims else f"({first},)"
            shapes.append(f"N of {text}" if isinstance(wire, PictureList) else text)
        return ", ".join(shapes)

    # Conditions

    def choice(self, choice: Choice, place: Place, depth: int) -> None:
        merges = self.needs.merges[id(choice)]
        registers = {id(merge): self.register(merge, place, merges) for merge in merges}
        before_names = dict(self.variables.name_of)
        before_holds = {name: list(wires) for name, wires in self.variables.holds.items()}
        bodies: list[list[str]] = []
        for index, region in enumerate(choice.regions):
            self.variables.name_of = dict(before_names)
            self.variables.holds = {name: list(wires) for name, wires in before_holds.items()}
            self.branch(choice, index, region, merges, registers, place, depth, bodies)
        self.variables.name_of = before_names
        self.variables.holds = before_holds
        for merge in merges:
            self.variables.bind(merge.output, registers[id(merge)])
        self.write_choice(choice, bodies, depth)

    def register(self, merge: Merge, place: Place, merges: list[Merge]) -> str:
        """The variable that a value is in after a condition, whichever branch is taken."""
        for source in merge.sources:
            if source is not None and id(source) in self.variables.name_of and not place.is_live(source):
                name = self.variables[source]
                others = [m for m in merges if m is not merge and source in m.sources]
                if name not in self.variables.fixed and not others:
                    return name
        partial = any(source is None for source in merge.sources)
        hint = next((hint_of(source.name) for source in merge.sources if source is not None and source.name), None)
        sources = [source for other in merges if other is not merge for source in other.sources]
        siblings = [
            self.preferences[id(s)] for m in merges for s in m.sources if s is not None and id(s) in self.preferences
        ]
        name = self.variables.name(
            [],
            hint,
            lambda wire: place.is_live(wire) or any(wire is source for source in sources),
            stem=hint or "y",
            is_kept=hint is not None and partial,
            joined=False,
            siblings=siblings,
        )
        for source in merge.sources:
            if source is not None:
                self.preferences.setdefault(id(source), name)
        return name

    def branch(
        self,
        choice: Choice,
        index: int,
        region: Region,
        merges: list[Merge],
        registers: dict[int, str],
        place: Place,
        depth: int,
        bodies: list[list[str]],
    ) -> None:
        outer, self.text = self.text, []
        sources = [merge.sources[index] for merge in merges]
        for merge, source in zip(merges, sources, strict=True):
            if source is not None:
                self.preferences[id(source)] = registers[id(merge)]
        inner = Place(end={id(source) for source in sources if source is not None}, around=place)
        if index not in choice.refusals:
            self.stretch(region, inner, depth + 1)
            moves = [
                (registers[id(merge)], self.variables[source])
                for merge, source in zip(merges, sources, strict=True)
                if source is not None
            ]
            self.move(moves, depth + 1)
        bodies.append(self.text)
        self.text = outer

    def move(self, moves: list[tuple[str, str]], depth: int) -> None:
        """Assignments that all happen at once."""
        moves = [(target, source) for target, source in moves if target != source]
        if moves:
            targets, sources = zip(*moves, strict=True)
            self.text.append(f"{INDENT * depth}{', '.join(targets)} = {', '.join(sources)}")

    def write_choice(self, choice: Choice, bodies: list[list[str]], depth: int) -> None:
        tests = [self.test(choice, index) for index in range(len(choice.regions))]
        if len(bodies) == 2 and not bodies[0] and tests[1] is None:
            self.text.extend(lines("if ", self.opposite(choice), depth, ":"))
            self.text.extend(bodies[1])
            return
        while bodies and not bodies[-1]:
            bodies = bodies[:-1]
        for index, text in enumerate(bodies):
            test = tests[index]
            if test is None:
                self.text.append(f"{INDENT * depth}else:")
            else:
                self.text.extend(lines("if " if index == 0 else "elif ", test, depth, ":"))
            self.text.extend(text or [f"{INDENT * (depth + 1)}pass"])

    def test(self, choice: Choice, index: int) -> str | None:
        """The condition of a branch: that its module is there, or the spec's own."""
        condition = choice.conditions[index]
        if condition is None:
            return None
        label = self.present(choice, index)
        if label is not None and len(choice.regions) == 2:
            return f"self.{label} is not None"
        return python(condition, self.constructor.inside)

    def opposite(self, choice: Choice) -> str:
        label = self.present(choice, 1)
        if label is not None:
            return f"self.{label} is not None"
        label = self.present(choice, 0)
        if label is not None:
            return f"self.{label} is None"
        condition = choice.conditions[0]
        assert condition is not None
        return python(negated(condition), self.constructor.inside)

    def present(self, choice: Choice, index: int) -> str | None:
        """The label of a module that only this branch has."""
        labels = list(static_labels(choice.regions[index], self.constructor))
        others = {
            label
            for place, region in enumerate(choice.regions)
            if place != index
            for label in static_labels(region, self.constructor)
        }
        optional = optional_label(choice, self.constructor)
        return optional if optional in labels and optional not in others else None

    # Loops

    def loop(self, loop: Loop, place: Place, depth: int) -> None:
        carries = self.needs.carries[id(loop)]
        statements = self.statements(loop.region)
        outside = [wire for statement in statements for wire in self.consumed(statement)]
        own = {id(carry.inner) for carry in carries}
        incoming = {id(wire) for wire in outside if id(wire) in self.variables.name_of} - own
        names: list[str] = []
        for carry in carries:
            names.append(self.carried(carry, carries, place, incoming, names, depth))
        gathers = [gather for gather in loop.gathers if self.uses.get(id(gather.output))]
        self.open_gathers(gathers, place, depth)
        results_ = self.needs.merges[id(loop)]
        for carry, name in zip(carries, names, strict=True):
            self.variables.bind(carry.inner, name)
            self.preferences[id(carry.last)] = name
        outer, self.text = self.text, []
        end = incoming | {id(carry.last) for carry in carries} | {id(merge.sources[0]) for merge in results_}
        end |= {id(gather.inner) for gather in gathers}
        inner = Place(end=end, around=place)
        own_names = frozenset({*loop.names, loop.index})
        before, self.constructor.loop_names = self.constructor.loop_names, self.constructor.loop_names | own_names
        self.stretch(loop.region, inner, depth + 1)
        self.close_gathers(gathers, depth + 1)
        self.move([(n, self.variables[carry.last]) for n, carry in zip(names, carries, strict=True)], depth + 1)
        body, self.text = self.text, outer
        names_, _, sequence = self.header(loop, body, before).partition(" in ")
        self.text.extend(lines(f"for {names_} in ", sequence, depth, ":"))
        self.constructor.loop_names = before
        self.text.extend(body or [f"{INDENT * (depth + 1)}pass"])
        for carry, name in zip(carries, names, strict=True):
            self.variables.bind(carry.output, name)
        for merge in results_:
            source = merge.sources[0]
            assert source is not None
            self.variables.share(merge.output, self.variables[source])

    def header(self, loop: Loop, body: list[str], around: frozenset[str]) -> str:
        if self.is_whole(loop):
            pattern = re.compile(r'getattr\(self, f"[^"]*"\)')
            for index, line in enumerate(body):
                body[index] = pattern.sub("layer", line)
            return "layer in self.children()"
        words = set(re.findall(r"[A-Za-z_]\w*", "\n".join(body)))
        own = {*loop.names, loop.index}

        def naming(name: str) -> str:
            return self.plan.variable(name) if name in own or name in around else self.plan.attribute(name)

        if loop.index and self.plan.variable(loop.index) not in words:
            loop = replace(loop, index="")
        if not loop.index and loop.names and not any(self.plan.variable(name) in words for name in loop.names):
            count = loop.sequence
            match count:
                case tree.Call(tree.Name("enumerate"), arguments):
                    loop = replace(loop, names=("_",), sequence=arguments[0].value)
                case _:
                    loop = replace(loop, names=("_",))
            self.plan.local.setdefault("_", "_")
        return loop_header(loop, naming, words)

    def is_whole(self, loop: Loop) -> bool:
        """Whether the class has no modules but the loop's, one a round, so that `children()` goes through them."""
        modules = [item for item in loop.region.items if isinstance(item, Use) and is_module(item)]
        if len(modules) != 1 or any(isinstance(item, Choice | Loop) for item in loop.region.items):
            return False
        if modules[0].first is not None or id(modules[0]) in self.constructor.anonymous or is_bare(modules[0]):
            return False
        if modules[0].label is not None and is_nested(modules[0].label):
            return False
        own = {*loop.names, loop.index}
        rest = [item for item in loop.region.items if isinstance(item, Use) and item is not modules[0]]
        if any(name in own for item in rest for name in asked_names(item)):
            return False
        others = [item for item in self.design.region.items if item is not loop]
        if loop not in self.design.region.items:
            return False
        return not any(
            (isinstance(item, Use) and is_module(item)) or isinstance(item, Choice | Loop) for item in others
        )

    def carried(
        self, carry: Carry, carries: list[Carry], place: Place, outer: set[int], names: list[str], depth: int
    ) -> str:
        """The variable of a carried value; it holds what the first round takes."""
        first = self.variables[carry.first]
        ends = not place.is_live(carry.first) and id(carry.first) not in outer and first not in names
        if ends and first not in self.variables.fixed:
            return first
        hint = hint_of(carry.last.name)
        name = self.variables.name(
            [],
            hint,
            lambda wire: place.is_live(wire) or id(wire) in outer or any(wire is other.first for other in carries),
            stem=hint or "out",
            is_kept=hint is not None,
            joined=False,
            siblings=names,
        )
        self.text.append(f"{INDENT * depth}{name} = {first}")
        return name

    def open_gathers(self, gathers: list[Gather], place: Place, depth: int) -> None:
        for gather in gathers:
            user = self.user(gather.output)
            hint = hint_of(gather.inner.name) or "out"
            stem = hint.rstrip("0123456789_") or "out"
            summed = isinstance(user.what, LayerUse) and user.what.layer.name == "add"
            name = self.variables.fresh("total" if summed else f"{stem}s", place.is_live)
            self.variables.fixed.add(name)
            if summed:
                self.totals[id(gather.output)] = name
                self.text.append(f"{INDENT * depth}{name}: Tensor | int = 0")
            else:
                self.lists[id(gather.output)] = name
                self.text.append(f"{INDENT * depth}{name}: list[Tensor] = []")

    def close_gathers(self, gathers: list[Gather], depth: int) -> None:
        for gather in gathers:
            value = self.variables[gather.inner]
            total = self.totals.get(id(gather.output))
            if total is not None:
                self.text.append(f"{INDENT * depth}{total} = {total} + {value}")
                continue
            margin = INDENT * depth
            line = self.text[-1] if self.text else ""
            appended = f"{margin}{self.lists[id(gather.output)]}.append"
            if line.startswith(f"{margin}{value} = ") and "#" not in line and self.uses.get(id(gather.inner), 0) == 0:
                self.text[-1:] = lines("", call(appended.strip(), line.strip().partition(" = ")[2]), depth)
            else:
                self.text.append(f"{appended}({value})")

    def user(self, wire: Wire) -> Use:
        stack: list[Region] = [self.region]
        while stack:
            for item in stack.pop().items:
                match item:
                    case Use() if wire in item.inputs:
                        return item
                    case Choice():
                        stack.extend(item.regions)
                    case Loop():
                        stack.append(item.region)
        raise LookupError("nothing takes what a loop has collected")


def _loop_names(region: Region) -> Iterator[str]:
    """The variables of all loops in a region."""
    for item in region.items:
        match item:
            case Choice():
                for inner in item.regions:
                    yield from _loop_names(inner)
            case Loop():
                yield from (name for name in (*item.names, item.index) if name)
                yield from _loop_names(item.region)


def _broken(line: str) -> list[str]:
    """A `return` over as many lines as it needs; any other line as it is."""
    start, word, returned = line.partition("return ")
    return lines(word, returned, len(start) // len(INDENT)) if word else [line]
