"""Bodies: statements and flows in sequence, with labels, loops, conditions and side values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, TypeAlias

from netspec.elaborate import habits, operators, shapes
from netspec.elaborate.calls import Calls
from netspec.elaborate.draft import DraftNode, DraftScope, members
from netspec.elaborate.environment import UNBOUND, Environment, Unbound
from netspec.elaborate.numbering import holds_value, is_chain, is_chain_body
from netspec.elaborate.problems import Problem, Spoilt, Stop, counted, nearest
from netspec.elaborate.state import DEEPEST, MOST_MISTAKES, MOST_STAGES, STEPS_OF_A_STATEMENT, Frame
from netspec.elaborate.values import POISON, Function, Listed, Modules, Poison, Result, SharedModule, Tensor, Word
from netspec.graph.graph import ScopeKind
from netspec.layers import REGISTRY
from netspec.layers.base import Layer, ShapeError
from netspec.syntax import tree
from netspec.syntax.source import Span

KEPT = "training"
"""The one name that a module of PyTorch cannot give to a module in it: it is set by `train()` and `eval()`."""

Each: TypeAlias = Callable[[tree.Stage, Frame], None]
"""What a body does with each of its stages: sequence, branch or dense stage."""


_LABEL = re.compile(r"[A-Za-z0-9_+:/@-]+(?:\.[A-Za-z0-9_+:/@-]+)*", re.ASCII)


class Bodies(Calls):
    """Elaborates bodies; wirings and whole nets are the business of the classes that build on this one."""

    def wiring(self, wiring: tree.Wiring, frame: Frame) -> Result:
        raise NotImplementedError

    def net_statement(self, statement: tree.Input | tree.Output | tree.Assert, frame: Frame) -> None:
        raise NotImplementedError

    def run(self, body: tree.Body, frame: Frame, each: Each) -> None:
        """Every statement in turn; a mistake poisons what flows on, and the rest is still looked at."""
        after_return = False
        for statement in body.statements:
            self.state.frame = frame
            if frame.returned is not None:
                if after_return:
                    self.state.report(Problem("E0215", "nothing can follow the return of a block", statement.span))
                return
            self.still_sound()
            self.state.work(statement.span, STEPS_OF_A_STATEMENT)
            try:
                self.statement(statement, frame, each)
            except Problem as problem:
                self.state.report(habits.likelier(problem, statement, body))
                self.poison(statement, frame)
            except Spoilt:
                self.poison(statement, frame)
            after_return = isinstance(statement, tree.Return)

    def poison(self, statement: tree.Statement, frame: Frame) -> None:
        """What a failed statement would have made is there, and spoilt."""
        frame.current = (
            frame.current if isinstance(statement, tree.Let | tree.Shared | tree.Default | tree.Assert) else POISON
        )
        if isinstance(statement, tree.Input):
            frame.inputs += 1
            frame.entered = POISON
        for label, lets in _made_by(statement):
            frame.environment.names.update(dict.fromkeys(lets, POISON))
            if label is None:
                continue
            if label.is_plain:
                frame.environment.labels.setdefault(label.text.partition(".")[0], POISON)
                continue
            pattern = "".join(re.escape(part) if isinstance(part, str) else "[A-Za-z0-9_]+" for part in label.path)
            self.state.spoilt_labels.append(re.compile(pattern))

    def statement(self, statement: tree.Statement, frame: Frame, each: Each) -> None:
        match statement:
            case tree.Stage():
                each(statement, frame)
            case tree.Let():
                self.let(statement, frame)
            case tree.Function():
                self.define(statement, frame)
            case tree.Shared(label, flow):
                self.share(label, flow, statement.span, frame)
            case tree.Default():
                self.default(statement, frame)
            case tree.For():
                self.loop_over(statement, frame, each)
            case tree.Repeat():
                self.repeat(statement, frame, each)
            case tree.If():
                self.condition(statement, frame, each)
            case tree.Return():
                self.leave(statement, frame)
            case tree.Input() | tree.Output() | tree.Assert():
                self.net_statement(statement, frame)

    def sequence(self, stage: tree.Stage, frame: Frame) -> None:
        """A stage takes the current value and makes the next one."""
        frame.current = self.labelled(stage.labels, stage.flow, stage.span, frame).outputs[0]

    def labelled(self, labels: tuple[tree.Label, ...], flow: tree.Flow, span: Span, frame: Frame) -> Result:
        """A flow under its labels: one stage is named itself, several are put into a container of that name."""
        if not labels:
            return self.flow(flow, frame)
        names = [self.label(label, frame) for label in labels]
        for index, (name, label) in enumerate(zip(names, labels, strict=True)):
            self.free(name, label.span, frame)
            if name in names[:index]:
                raise Problem("E0204", f"the label {name} is given twice", label.span, "the second one")
        result = self.named(names[0], flow, span, frame)
        outputs = result.outputs
        if len(names) > 1 and len(names) != len(outputs):
            raise Problem(
                "E0208",
                f"{len(names)} labels, but the stage has {counted(len(outputs), 'output')}",
                labels[0].span.to(labels[-1].span),
            )
        environment = frame.environment
        environment.give(names[0], Result(outputs[:1], result.inside) if len(names) > 1 else result)
        for name, tensor in zip(names[1:], outputs[1:], strict=False):
            environment.give(name, tensor)
        for name, tensor in zip(names, outputs, strict=False):
            if tensor.name is None:
                tensor.name = name
        return result

    def named(self, name: str, flow: tree.Flow, span: Span, frame: Frame) -> Result:
        """The flow as one module called `name`."""
        first = flow.elements[0]
        starts = int(not isinstance(first, tree.Group | tree.Wiring) and self.is_reference(first, frame))
        while starts and len(flow.elements) > starts + 1 and self.is_shared(flow.elements[starts], frame):
            starts += 1  # a shared module has its name, and what follows it the label
        stages = flow.elements[starts:]
        if not stages:
            return self.flow(flow, frame)
        if len(stages) == 1 and not isinstance(stages[0], tree.Group | tree.Wiring):
            before = self.state.nodes
            result = self.flow(flow, frame)
            made = result.made
            if isinstance(made, DraftNode) and made.index < before:
                made = None
            if made is not None and made.label is None and made.first is None:
                made.label = name
            return result
        return self.container(name, flow, stages, starts, span, frame)

    def container(
        self, name: str, flow: tree.Flow, stages: tuple[tree.Element, ...], starts: int, span: Span, frame: Frame
    ) -> Result:
        begin = tree.Flow(flow.elements[:starts], span=flow.span)
        current = self.flow(begin, frame).outputs[0] if starts else frame.current
        scope = self.scope("container", name, span, frame)
        scope.label = name
        local = frame.inside(frame.environment.module(), scope)
        local.current = current
        if len(stages) == 1 and isinstance(stages[0], tree.Group):
            scope.numbered = is_chain_body(stages[0].body, frame.environment)
            self.run(stages[0].body, local, self.sequence)
        else:
            scope.numbered = is_chain(stages, frame.environment, first=not starts)
            local.current = self.flow(tree.Flow(stages, span=flow.span), local).outputs[0]
        return self.close(scope, current, local, local.environment)

    def is_shared(self, element: tree.Element, frame: Frame) -> bool:
        """Whether an element applies a shared module."""
        return isinstance(element, tree.Name) and isinstance(frame.environment.get(element.id), SharedModule)

    def close(
        self, scope: DraftScope, entering: Tensor | Poison | None, local: Frame, environment: Environment | None
    ) -> Result:
        """The result of a scope that is complete."""
        outputs = (self.current(local, scope.span),)
        scope.inputs = (entering,) if isinstance(entering, Tensor) else ()
        scope.outputs = outputs
        if environment is not None:
            scope.inside = self.readable(scope, environment)
        return Result(outputs, scope.inside, scope)

    def readable(self, scope: DraftScope, environment: Environment) -> dict[str, Any]:
        """What can be read from a module: its labels and side values, and its stages by number where they have one."""
        sides = {n: v for n, v in environment.names.items() if n not in environment.parameters and holds_value(v)}
        stages = {} if not scope.numbered else dict(enumerate(members(scope)))
        numbered = {str(n): Result(stage.outputs, _inside(stage), stage) for n, stage in stages.items()}
        return {**sides, **numbered, **environment.labels}

    def scope(self, kind: ScopeKind, title: str, span: Span, frame: Frame) -> DraftScope:
        """A new scope inside the frame's."""
        if frame.depth > DEEPEST:
            raise Stop(
                Problem(
                    "E0505",
                    f"blocks and wirings are nested more than {DEEPEST} deep here",
                    span,
                    notes=shapes.way_here(frame.scope, span),
                    help="the limit counts what is inside what once every block is unrolled",
                )
            )
        self.state.spend(span)
        scope = DraftScope(kind, title, span, parent=frame.scope)
        frame.scope.items.append(scope)
        return scope

    def free(self, name: str, span: Span, frame: Frame) -> None:
        """Labels are unique in their scope, and no parameter or let of the scope is called the same."""
        if KEPT in name.split("."):
            message = f"no stage can be called {KEPT}: every PyTorch module keeps under that name whether it is trained"
            raise Problem("E0204", message, span, help="give the stage another label")
        there = frame.environment.own(name)
        if there is UNBOUND or frame.environment.is_parameter(name):
            return self.free_around(name, span, frame)
        made = there.made if isinstance(there, Result) else there
        where = made.span if isinstance(made, DraftNode | DraftScope | Tensor | SharedModule) else None
        related = ((where, "the first one"),) if where is not None else ()
        message, help = f"{name} is the name of a value in this scope already", "give the stage another label"
        if name in frame.environment.labels:
            message, help = f"there is a stage labelled {name} in this scope already", "give it another label"
            if where is not None and where.source is span.source and span.end <= where.start < span.end + 4:
                related, help = (), f"in a loop, complete the label by the loop's variable: {name}$i"
        raise Problem("E0204", message, span, "the second one" if related else "", related=related, help=help)

    def free_around(self, name: str, span: Span, frame: Frame) -> None:
        """The containers on the way to a label are no stages of their own."""
        steps = name.split(".")
        for count in range(1, len(steps)):
            around = ".".join(steps[:count])
            there = frame.environment.own(around)
            taken = there is not UNBOUND and not isinstance(there, Modules | Poison)
            if taken and not frame.environment.is_parameter(around):
                message = f"{around} is a stage or value by itself, so {name} cannot be put into it"
                help = f"put the stage into its braces, or label all of its stages: {around}.NAME = ..."
                raise Problem("E0204", message, span, help=help)

    def label(self, label: tree.Label, frame: Frame) -> str:
        """The label's text, its templates filled in; dots stand between the containers on its way."""
        parts: list[str] = []
        for part in label.path:
            if isinstance(part, str):
                parts.append(part)
                continue
            value = self.evaluate(part, frame)
            if isinstance(value, Word):
                raise self.unknown(value.text, value.span)
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise self.mistaken(value, "a whole number or a text", part.span)
            parts.append(str(value))
        name = "".join(parts)
        if not _LABEL.fullmatch(name) or len(name) > 100:
            message = f"{name[:100]!r} is no label: letters, digits and _ - + : / @ only, and dots between containers"
            raise Problem("E0206", message, label.span)
        return name

    def flow(self, flow: tree.Flow, frame: Frame) -> Result:
        """The elements in turn, each fed what the one before leaves; the frame's own flow stays where it was."""
        local = frame.copy()
        result: Result | None = None
        for position, element in enumerate(flow.elements):
            try:
                result = self.element(element, local, first=position == 0)
                local.current = result.outputs[0]
            except (Problem, Spoilt) as problem:
                if position == len(flow.elements) - 1:
                    raise
                if isinstance(problem, Problem):
                    self.state.report(problem)
                result, local.current = None, POISON
        if result is None:
            raise Spoilt
        return result

    def element(self, element: tree.Element, frame: Frame, *, first: bool) -> Result:
        match element:
            case tree.Group(body):
                return self.group(body, element.span, frame)
            case tree.Wiring():
                return self.wiring(element, frame)
            case tree.Name():
                return self.bare(element, frame, first=first)
            case tree.String() | tree.Number() if first and self.is_reference(element, frame):
                return self.as_result(frame.environment.get(str(element.value)), element, frame)
            case tree.Call():
                return self.as_result(self.call(element, frame, stage=True), element, frame)
            case _:
                return self.as_result(self.evaluate(element, frame), element, frame)

    def group(self, body: tree.Body, span: Span, frame: Frame) -> Result:
        """A group is a stage by itself in a chain, and else no more than its stages."""
        entering = frame.current
        if frame.scope.module.numbered:
            scope, environment = self.scope("container", "", span, frame), frame.environment.module()
            scope.numbered = is_chain_body(body, frame.environment)
            local = frame.inside(environment, scope)
            self.run(body, local, self.sequence)
            return self.close(scope, entering, local, environment)
        scope = self.scope("group", "", span, frame)
        local = frame.inside(frame.environment.body(), scope)
        self.run(body, local, self.sequence)
        return self.close(scope, entering, local, None)

    def bare(self, name: tree.Name, frame: Frame, *, first: bool) -> Result:
        """A name alone: a value where the flow begins with it, else a layer, block or shared module."""
        if first and self.is_reference(name, frame):
            return self.as_result(self.evaluate(name, frame), name, frame)
        bound = frame.environment.get(name.id)
        callable_here = (
            bound is None or isinstance(bound, SharedModule | Word) or name.id in frame.environment.templates
        )
        if not callable_here and name.id not in REGISTRY and not isinstance(bound, Poison | Unbound):
            raise Problem(
                "E0205",
                f"{name.id} is a value, and what follows -> has to be a layer or a block",
                name.span,
                help=f"to start from the value, begin a stage with it: {name.id} -> ...",
            )
        if not callable_here and name.id in ("_", "in"):
            raise Problem("E0205", f"{name.id} is a value, and what follows -> has to be a layer or a block", name.span)
        return self.as_result(self.named_call(name.id, (), name.span, name.span, frame, stage=True), name, frame)

    def is_reference(self, element: tree.Element, frame: Frame) -> bool:
        """Whether an element names a value that is there already (and so is where a flow starts, not a stage)."""
        match element:
            case tree.Name("_") | tree.Name("in"):
                return True
            case tree.Name(name):
                value = frame.environment.get(name)
                return value is not UNBOUND and value is not None and not isinstance(value, SharedModule | Word)
            case tree.Label() | tree.Attribute() | tree.Member() | tree.Index():
                return True
            case tree.String() | tree.Number():
                return isinstance(frame.environment.get(str(element.value)), Tensor | Result)
        return False

    def as_result(self, value: Any, element: tree.Expr, frame: Frame) -> Result:
        """What a stage made; raises where it is no tensor."""
        if isinstance(value, Result):
            return value
        if isinstance(value, Word):
            named = self.named_call(value.text, (), value.span, value.span, frame, stage=True)
            return self.as_result(named, element, frame)
        if isinstance(value, Tensor):
            return Result((value,), None, value.node)
        self.sound(value)
        raise Problem(
            "E0205",
            f"a stage makes a tensor, and this is {operators.kind(value)}",
            element.span,
            help=f"for a side value write: let name = {element.span.text}" if len(element.span.text) < 40 else "",
        )

    def let(self, let: tree.Let, frame: Frame) -> None:
        """A side value: the flow stays where it was."""
        value: Any
        only = let.flow.elements[0]
        if len(let.flow.elements) == 1 and not isinstance(only, tree.Group | tree.Wiring):
            value = self.evaluate(only, frame)
        else:
            value = self.flow(let.flow, frame)
        if len(let.names) == 1:
            named = let.names[0] != KEPT and isinstance(value, Result) and value.made is not None
            named = named and not self.in_loop(frame)
            if isinstance(only, tree.Call) and named:
                value.made.suggestion = let.names[0]
            self.bind_names(let, [value], frame)
            return
        parts = list(value.outputs) if isinstance(value, Result) else value
        if not isinstance(parts, list) or len(parts) != len(let.names):
            found = counted(len(parts), "value") if isinstance(parts, list) else operators.kind(value)
            raise Problem("E0208", f"{len(let.names)} names, but this is {found}", let.flow.span)
        self.bind_names(let, parts, frame)

    def in_loop(self, frame: Frame) -> bool:
        """Whether a statement stands in a loop of its module: what it makes there is one of several."""
        scopes = takewhile(lambda scope: not scope.is_module, frame.scope.chain())
        return any(scope.kind == "iteration" for scope in scopes)

    def bind_names(self, let: tree.Let, values: list[Any], frame: Frame) -> None:
        """The names of a let; a label keeps its meaning, another let or a parameter may be given a new one."""
        for name, value in zip(let.names, values, strict=True):
            there = frame.environment.labels.get(name)
            if there is not None and not isinstance(there, Poison):
                raise Problem("E0204", f"there is a stage labelled {name} in this scope already", let.span)
            frame.environment.parameters.discard(name)
            frame.environment.names[name] = value

    def define(self, function: tree.Function, frame: Frame) -> None:
        """A function of numbers: it knows the names that are in force here, and not itself."""
        there = frame.environment.own(function.name)
        if there is not UNBOUND and not isinstance(there, Function | Poison):
            message = f"{function.name} is the name of a value in this scope already"
            raise Problem("E0204", message, function.span, help="give the function another name")
        frame.environment.names[function.name] = Function(function, frame.environment.snapshot())

    def share(self, label: tree.Label, flow: tree.Flow, span: Span, frame: Frame) -> None:
        name = self.label(label, frame)
        self.free(name, label.span, frame)
        environment = frame.environment.snapshot()
        frame.environment.give(name, SharedModule(name, flow, span, environment, frame.scope.module))

    def apply_shared(self, shared: SharedModule, entering: Tensor, span: Span, frame: Frame) -> Result:
        """The shared module on one more value, with the weights that its first application made."""
        if frame.scope.module is not shared.scope:
            raise Problem(
                "E0218",
                f"{shared.name} is shared in another module than this one",
                span,
                related=((shared.span, "declared here"),),
                help="apply it in the body that declares it, outside labelled containers and blocks",
            )
        local = frame.copy()
        local.environment, local.current, local.entered = shared.environment, entering, entering
        before = self.state.nodes
        result = self.named(shared.name, shared.flow, span, local)
        made = result.made
        if made is None or (isinstance(made, DraftNode) and made.index < before):
            return result
        if shared.applications:
            self.same_weights(shared, shared.applications[0], made, span)
            made.first, made.label = shared.applications[0], None
            made.application = len(shared.applications) + 1
        shared.applications.append(made)
        return result

    def same_weights(
        self, shared: SharedModule, first: DraftNode | DraftScope, again: DraftNode | DraftScope, span: Span
    ) -> None:
        """The same weights must serve every value that a shared module is applied to."""
        if _stages(first) != _stages(again):
            raise Problem(
                "E0218",
                f"{shared.name} is made of other layers for this value than for the first",
                span,
                f"this value is {again.entering[0].shape}",
                related=((first.span, f"applied to {first.entering[0].shape} first"),),
                help="a shared module is one module, so what it is made of cannot depend on what it is given",
            )
        if _weights(first) != _weights(again):
            raise Problem(
                "E0218",
                f"{shared.name} cannot take this value with the weights that it has",
                span,
                f"this value is {again.entering[0].shape}",
                related=((first.span, f"applied to {first.entering[0].shape} first"),),
                help="bring both values to the same channels before it",
            )
        for one, other in zip(_nodes(first), _nodes(again), strict=True):
            reason = _not_for_both(one, other)
            if reason:
                raise Problem(
                    "E0218",
                    f"{shared.name} cannot take values of several sizes: {reason}",
                    span,
                    f"this value is {again.entering[0].shape}",
                    related=((first.span, f"applied to {first.entering[0].shape} first"),),
                )

    def default(self, default: tree.Default, frame: Frame) -> None:
        """Keyword arguments for the calls of a layer or block below, checked by its own argument names."""
        template = frame.environment.templates.get(default.layer)
        if template is not None:
            self.default_of_block(template.definition, default, frame)
            return
        cls = REGISTRY.get(default.layer)
        if cls is None:
            start = default.span.start + default.span.text.index(default.layer, len("default"))
            place = Span(default.span.source, start, start + len(default.layer))
            near = nearest(default.layer, [*REGISTRY, *frame.environment.templates])
            help = f"did you mean {near}?" if near else "netspec layers lists the layers"
            mend = (place, near) if near else None
            raise Problem(
                "E0202", f"there is no layer or block named {default.layer}", place, "not known", help=help, mend=mend
            )
        evaluated = self.evaluated(default.arguments, frame, default.span)
        if evaluated.positional or evaluated.tensors:
            raise self.wrong(cls, "default takes arguments by name only", default.span)
        for name, (_, span) in evaluated.named.items():
            if name not in cls.model_fields:
                raise self.no_argument(cls, name, span)
        values = {name: self.plain(value, name, cls.name, span) for name, (value, span) in evaluated.named.items()}
        frame.environment.default(cls.name, values)

    def default_of_block(self, definition: tree.Definition, default: tree.Default, frame: Frame) -> None:
        evaluated = self.evaluated(default.arguments, frame, default.span)
        if evaluated.positional or evaluated.tensors:
            raise self.misused(definition, "default takes arguments by name only", default.span)
        values = self.for_parameters(definition, self.bound(definition, [], evaluated))
        frame.environment.default(definition.name, values)

    def loop_over(self, loop: tree.For, frame: Frame, each: Each) -> None:
        items = self.as_list(self.evaluate(loop.sequence, frame))
        if isinstance(items, Word):
            raise self.unknown(items.text, items.span)
        if not isinstance(items, list | range):
            raise Problem(
                "E0219",
                f"for goes through a list, and this is {operators.kind(items)}",
                loop.sequence.span,
                help="for i in range(n) { ... } counts from 0 to n - 1",
            )
        with self.rounds(len(items), loop.sequence.span):
            scope = self.scope("for", "", loop.span, frame)
            scope.count = len(items)
            local = frame.copy()
            local.scope = scope
            for item in items:
                self.bind(loop, item, frame)
                self.round(loop.body, local, each)
                self.still_sound()
            self.rejoin(scope, local, frame)

    def bind(self, loop: tree.For, item: Any, frame: Frame) -> None:
        """The loop's variables for one round."""
        frame.environment.names.update(self.matched(loop.targets, item, loop.sequence.span))

    def repeat(self, repeat: tree.Repeat, frame: Frame, each: Each) -> None:
        count = self.evaluate(repeat.count, frame)
        if isinstance(count, bool) or not isinstance(count, int):
            if isinstance(count, Word):
                raise self.unknown(count.text, count.span)
            raise Problem(
                "E0219", f"repeat needs a whole number, and this is {operators.kind(count)}", repeat.count.span
            )
        if count < 0:
            raise Problem("E0219", f"nothing can be repeated {count} times", repeat.count.span)
        with self.rounds(count, repeat.count.span):
            scope = self.scope("repeat", "", repeat.span, frame)
            scope.count = count
            local = frame.copy()
            local.scope = scope
            for _ in range(count):
                self.round(repeat.body, local, each)
                self.still_sound()
            self.rejoin(scope, local, frame)

    def still_sound(self) -> None:
        """Leaves a body or a loop that goes on finding mistakes: the first of them have been told."""
        if self.state.mistakes > MOST_MISTAKES:
            raise Spoilt

    def round(self, body: tree.Body, frame: Frame, each: Each) -> None:
        """One round of a loop, unrolled in place."""
        entering = frame.current
        scope = self.scope("iteration", "", body.span, frame)
        local = frame.copy()
        local.environment, local.scope, local.depth = frame.environment.in_place(), scope, frame.depth + 1
        self.run(body, local, each)
        self.rejoin(scope, local, frame, entering)

    def rejoin(self, scope: DraftScope, local: Frame, frame: Frame, entering: Tensor | Poison | None = None) -> None:
        """The flow goes on after an in-place body where the body left it."""
        entering = frame.current if entering is None else entering
        scope.inputs = (entering,) if isinstance(entering, Tensor) else ()
        scope.outputs = (local.current,) if isinstance(local.current, Tensor) else ()
        frame.current, frame.returned = local.current, local.returned
        frame.entered, frame.inputs = local.entered, local.inputs

    @contextmanager
    def rounds(self, count: int, span: Span) -> Iterator[None]:
        """Refuses loops, alone or in one another, of more rounds than a net may have stages."""
        before = self.state.rounds
        self.state.rounds = before * max(1, count)
        if self.state.rounds > MOST_STAGES:
            raise Stop(
                Problem(
                    "E0501",
                    f"this loop unrolls to {self.state.rounds:,} rounds; the limit is {MOST_STAGES:,}",
                    span,
                    help="a net of so many stages could not be built; make the count smaller",
                )
            )
        try:
            yield
        finally:
            self.state.rounds = before

    def condition(self, condition: tree.If, frame: Frame, each: Each) -> None:
        """The body whose condition holds, in place."""
        chosen = condition.otherwise
        for branch in condition.branches:
            if self.truth(branch.condition, frame):
                chosen = branch.body
                break
        if chosen is None:
            return
        local = frame.copy()
        local.environment, local.depth = frame.environment.in_place(), frame.depth + 1
        self.run(chosen, local, each)
        frame.current, frame.returned = local.current, local.returned
        frame.entered, frame.inputs = local.entered, local.inputs

    def leave(self, statement: tree.Return, frame: Frame) -> None:
        if frame.outermost != "block":
            raise _misplaced_return(statement, frame)
        values = [self.evaluate(value, frame) for value in statement.values]
        results = self.as_list(values[0]) if len(values) == 1 else None
        if isinstance(results, list):
            if not results:
                raise Problem("E0215", "this list is empty, and a block results in something", statement.span)
            frame.returned = Listed(self.tensor(value, statement.values[0].span) for value in results)
            return
        pairs = zip(values, statement.values, strict=True)
        frame.returned = tuple(self.tensor(value, written.span) for value, written in pairs)


def _inside(stage: DraftNode | DraftScope) -> dict[str, Any] | None:
    return stage.inside if isinstance(stage, DraftScope) else None


def _nodes(made: DraftNode | DraftScope) -> list[DraftNode]:
    """A node, or all in a scope, in order."""
    return [made] if isinstance(made, DraftNode) else [node for item in made.items for node in _nodes(item)]


def _stages(made: DraftNode | DraftScope) -> list[tuple[Layer, list[tuple[int, int] | None]]]:
    """The layers of a node or scope in order, each with where its inputs come from: None for what enters it."""
    nodes = _nodes(made)
    position = {id(node): index for index, node in enumerate(nodes)}
    return [
        (node.layer, [(position[id(t.node)], t.index) if id(t.node) in position else None for t in node.inputs])
        for node in nodes
    ]


def _not_for_both(one: DraftNode, other: DraftNode) -> str:
    """Why a layer cannot be one module for what two applications give it; empty where it can."""
    pairs = list(zip(one.inputs, other.inputs, strict=True))
    if all(a.shape == b.shape for a, b in pairs):
        return ""
    if any(a.shape.rank != b.shape.rank for a, b in pairs):
        return f"{one.layer.name} is given values of different ranks"
    shapes = [a.shape | b.shape for a, b in pairs]
    try:
        one.layer.torch(*shapes)
        made = one.layer.outputs(*shapes)
    except ShapeError as error:
        return error.message
    ranks = ([tensor.shape.rank for tensor in node.outputs] for node in (one, other))
    return (
        "" if all(each == [shape.rank for shape in made] for each in ranks) else f"{one.layer.name} leaves other axes"
    )


def _weights(made: DraftNode | DraftScope) -> list[Any]:
    """The shapes of all weights in a node or scope, in order."""
    shapes = ((node.layer, tuple(tensor.shape for tensor in node.inputs)) for node in _nodes(made))
    return [(layer.parameters(*taken), layer.buffers(*taken)) for layer, taken in shapes]


def _misplaced_return(statement: tree.Return, frame: Frame) -> Problem:
    if frame.outermost == "net" or frame.scope.module.kind == "net":
        help = "a net names its results: output logits = ..."
        return Problem("E0215", "only a block returns", statement.span, help=help)
    help = "label what is to be returned, and return it at the end of the block"
    return Problem("E0215", "return belongs in the outermost body of a block", statement.span, help=help)


def _made_by(statement: tree.Statement) -> Iterator[tuple[tree.Label | None, tuple[str, ...]]]:
    """The labels and side values that a statement gives to the scope around it, those of its bodies included."""
    match statement:
        case tree.Stage(labels, flow):
            yield from ((label, ()) for label in labels)
            if not labels:
                for element in flow.elements:
                    yield from _made_in(element)
        case tree.Let(names, _):
            yield None, names
        case tree.Shared(label, _):
            yield label, ()
        case tree.Input(name, _, _):
            yield None, (name,)
        case tree.Output(label, _) if label is not None:
            yield label, ()
        case tree.Function(name):
            yield None, (name,)
        case tree.For(_, _, body) | tree.Repeat(_, body):
            yield from _made_in(tree.Group(body))
        case tree.If(branches, otherwise):
            for branch in branches:
                yield from _made_in(tree.Group(branch.body))
            if otherwise is not None:
                yield from _made_in(tree.Group(otherwise))


def _made_in(element: tree.Element) -> Iterator[tuple[tree.Label | None, tuple[str, ...]]]:
    """The same for the bodies of an unlabelled group or wiring."""
    if isinstance(element, tree.Group | tree.Wiring):
        clauses = element.clauses if isinstance(element, tree.Wiring) else ()
        for body in (element.body, *(clause.body for clause in clauses)):
            for statement in body.statements:
                yield from _made_by(statement)
