"""A block elaborated once for all arguments, into a blueprint.

The elaborator runs as for a graph, with the numbers of one call, and keeps with each the expression behind it. Both
sides of a condition are run, the one that is not taken on trial; a loop's rounds are run with the expressions that
hold in every round. Where something is decided by a number and not by what is said, the names that it hangs on are
fixed at the values of this call, and the block is elaborated again: the blueprint then holds for these arguments only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from netspec.elaborate.bodies import Each
from netspec.elaborate.calls import Arguments, drop_idle
from netspec.elaborate.control import DraftCall, DraftChoice, DraftLet, DraftLoop, Key
from netspec.elaborate.deciding import Deciding
from netspec.elaborate.draft import DraftNode, DraftScope
from netspec.elaborate.environment import UNBOUND, Environment
from netspec.elaborate.nets import Elaborator
from netspec.elaborate.operators import FUNCTIONS
from netspec.elaborate.problems import Problem, Spoilt, Stop
from netspec.elaborate.rounds import Rounds, joined_sides
from netspec.elaborate.sayings import (
    NO_NUMBER,
    Unsayable,
    computed,
    elements,
    folded,
    holds_tensors,
    is_constant,
    lifted,
    literal,
)
from netspec.elaborate.shapes import Side
from netspec.elaborate.state import Frame, State
from netspec.elaborate.types import is_tensor, is_tensors
from netspec.elaborate.values import (
    POISON,
    Function,
    LayerCall,
    Listed,
    Modules,
    Poison,
    Result,
    SharedModule,
    Tap,
    Template,
    Tensor,
    Word,
)
from netspec.graph.blueprint import Blueprint
from netspec.layers.base import Layer, ShapeError
from netspec.layers.initializers import Initializer
from netspec.layers.symbols import (
    MARK,
    Symbolic,
    Whole,
    constant,
    divisions,
    expression_of,
    guarded,
    is_opaque,
    names,
    note_divisor,
    opaque,
    plain,
    size_of,
    substituted,
    symbolic,
)
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize, TooComplexError
from netspec.syntax import tree
from netspec.syntax.source import Span

SETTLED = 6
"""A size whose expression has more parts is given a name."""
FEW_ROUNDS = 4
"""A loop of so many rounds or fewer, over a list of known length, is written out where its stages have labels."""


@dataclass(slots=True, eq=False)
class _Snapshot:
    """A frame with the names in force, as they were."""

    frame: tuple[Any, ...]
    names: dict[str, Any]
    expressions: dict[str, tree.Expr]
    labels: dict[str, Any]
    defaults: Mapping[str, Mapping[str, Any]]
    collected: list[int]


Calls: TypeAlias = Callable[[Template, list[Tensor], dict[str, Any], dict[str, tree.Expr]], Any]
"""What tells of a block at work on such values: its blueprint and the shapes of what it leaves."""


class Generic(Elaborator):
    """The elaborator of a blueprint. `concrete` fixes everything: every number is that of the call."""

    remembers = False  # what decides by a number is to be noticed each time

    def __init__(self, state: State, blueprints: Calls, inputs: Mapping[str, list[Any]], *, concrete: bool) -> None:
        super().__init__(state, inputs)
        self.blueprints, self.concrete = blueprints, concrete
        self.variables: set[str] = set()
        self.lets: dict[str, tree.Expr] = {}
        self.steady: set[str] = set()
        self.numbers: dict[str, Any] = {}
        """What parameters, sizes that are asked for and the variables of the loops around are in this call."""
        self.skips = True
        """Whether rounds of loops are left out of which all is known beforehand."""
        self.skipped = False
        self.items_of: dict[str, list[tree.Expr]] = {}
        """What the variables of loops are in turn."""
        self.collected: list[list[Side]] = []
        self.rounds_of: dict[int, tuple[DraftLoop, Tensor, int]] = {}
        self.symbolic_depth = 0
        self.aliases: dict[int, tuple[Tensor, Tensor]] = {}
        """What enters a shared module, as it is seen there, with what it is outside: it may be captured as well."""
        self.taken_by: dict[int, tuple[Shape, ...]] = {}
        """The shapes that a shared layer is given, all of them as one."""
        self.unrolled_loops: frozenset[str] = frozenset()
        self.everywhere: set[str] = set()
        """Parameters and lets that can be asked for anywhere in the module."""
        self.open_names: set[str] = set()
        """Variables of the loops around, and the numbers that run along in them."""
        self.kept: list[tuple[DraftLoop, list[Tensor]]] = []

    # What is said

    @property
    def deciding(self) -> Deciding:
        """What is known of the names so far."""
        return Deciding(self.lets, self.items_of)

    def said(self, expression: tree.Expr, frame: Frame) -> tree.Expr:
        """The expression over the names of the class; raises Unsayable."""
        if self.concrete:
            return literal(plain(self.evaluate(expression, frame)))
        said = folded(self._said(expression, frame))
        if is_opaque(said):
            raise Unsayable
        return said

    def _said(self, expression: tree.Expr, frame: Frame) -> tree.Expr:
        def say(part: tree.Expr) -> tree.Expr:
            return folded(self._said(part, frame))

        match expression:
            case tree.Number() | tree.String() | tree.Constant():
                return expression
            case tree.Name(name):
                return self._said_name(name, frame)
            case tree.List(parts):
                return tree.List(tuple(map(say, parts)))
            case tree.Unary(operator, operand):
                return tree.Unary(operator, say(operand))
            case tree.Binary(operator, left, right):
                return tree.Binary(operator, say(left), say(right))
            case tree.Compare(operators, operands):
                return tree.Compare(operators, tuple(map(say, operands)))
            case tree.Conditional(then, condition, otherwise):
                return self._said_conditional(say(condition), then, otherwise, frame)
            case tree.Call(tree.Name(name), arguments) if isinstance(frame.environment.get(name), Function):
                return self._said_function(frame.environment.get(name), arguments, expression.span, frame)
            case tree.Comprehension():
                return self._said_comprehension(expression, frame)
            case tree.Call(tree.Name(name), arguments) if self.is_function(name, frame):
                return tree.Call(tree.Name(name), tuple(tree.Argument(None, say(a.value)) for a in arguments))
            case tree.Index(value, index):
                return self._said_index(say(value), say(index))
            case tree.Slice(value, start, stop, step):
                ends = [None if part is None else say(part) for part in (start, stop, step)]
                return tree.Slice(say(value), *ends)
            case tree.Attribute(value, _):
                if not isinstance(value, tree.Name | tree.Attribute | tree.Label):
                    raise Unsayable
                size = self.attribute(expression, frame)
                if holds_tensors(size):
                    raise Unsayable
                return literal(size)
        raise Unsayable

    def _said_function(
        self, function: Function, arguments: tuple[tree.Argument, ...], span: Span, frame: Frame
    ) -> tree.Expr:
        """A function of numbers with what is said of its arguments in the place of its parameters."""
        definition = function.definition
        values = self.function_arguments(definition, arguments, span, frame)
        names_ = [parameter.name for parameter in definition.parameters]
        local = Frame(Environment({}, function.environment, {}, {}, function.environment.templates), frame.scope, None)
        for place, argument in enumerate(arguments):
            name = argument.name or names_[place]
            local.environment.names[name] = values[name]
            local.environment.expressions[name] = folded(self._said(argument.value, frame))
        for parameter in definition.parameters:
            if parameter.name not in values and parameter.default is not None:
                local.environment.names[parameter.name] = self.evaluate(parameter.default, local)
                local.environment.expressions[parameter.name] = folded(self._said(parameter.default, local))
        return self._said(definition.value, local)

    def _said_comprehension(self, expression: tree.Comprehension, frame: Frame) -> tree.Expr:
        """The list that a comprehension makes, item by item: of lists whose length is the same for all arguments."""
        local = frame.copy()
        local.environment = frame.environment.body()
        items: list[tree.Expr] = []
        self._say_rounds(expression, 0, local, items)
        return tree.List(tuple(items))

    def _say_rounds(self, expression: tree.Comprehension, depth: int, frame: Frame, items: list[tree.Expr]) -> None:
        if depth == len(expression.rounds):
            items.append(folded(self._said(expression.item, frame)))
            return
        for _ in self.said_rounds(expression.rounds[depth], frame):
            self._say_rounds(expression, depth + 1, frame, items)

    def said_rounds(self, round_: tree.Round, frame: Frame) -> Iterator[Any]:
        """The items of a comprehension's list that its condition lets through, each under its names, with what is said
        of it; raises Unsayable where the arguments decide which these are.
        """
        values = self.as_list(self.evaluate(round_.sequence, frame))
        if not isinstance(values, list | range):
            raise self.mistaken(values, "a list", round_.sequence.span)
        values = list(self.weighed(values, round_.sequence.span))
        known: list[tree.Expr] | None = None
        if not self.concrete and all(map(_is_data, values)):
            said = self.said(round_.sequence, frame)
            known = elements(said, self.lets)
            if known is None or len(known) != len(values):
                raise Unsayable(names(said))
        for place, value in enumerate(values):
            bound = self.matched(round_.targets, value, round_.sequence.span)
            frame.environment.names.update(bound)
            for name in bound:
                frame.environment.expressions.pop(name, None)
            if known is not None:
                self._bind_expressions(round_.targets, value, known[place], frame)
            if round_.condition is not None:
                if not self.concrete:
                    self.demand(round_.condition, frame)
                if not self.truth(round_.condition, frame):
                    continue
            yield value

    def _bind_expressions(self, targets: tuple[tree.Target, ...], value: Any, said: tree.Expr, frame: Frame) -> None:
        if len(targets) == 1 and isinstance(targets[0], str):
            frame.environment.expressions[targets[0]] = said
            return
        for place, target in enumerate(targets):
            part = said.items[place] if isinstance(said, tree.List) else tree.Index(said, tree.Number(place))
            self._bind_expressions((target,) if isinstance(target, str) else target, value[place], part, frame)

    def go_round(self, expression: tree.Comprehension, depth: int, frame: Frame, items: list[Any]) -> None:
        if depth == len(expression.rounds):
            items.append(self.evaluate(expression.item, frame))
            return
        for _ in self.said_rounds(expression.rounds[depth], frame):
            self.go_round(expression, depth + 1, frame, items)

    def readable(self, scope: DraftScope, environment: Environment) -> dict[str, Any]:
        """The stages of a chain have numbers where no loop and no condition stands among them."""
        if not _decided(scope):
            return super().readable(scope, environment)
        numbered, scope.numbered = scope.numbered, False
        inside = super().readable(scope, environment)
        scope.numbered = numbered
        return inside

    def stage_inside(self, value: Any, label: str, expression: tree.Member | tree.Index, frame: Frame) -> Any:
        inside = value.inside if isinstance(value, Result | Modules) else None
        if label.isdigit() and label not in (inside or {}) and isinstance(value, Result) and not self.concrete:
            raise Unsayable(_decided(value.made) if isinstance(value.made, DraftScope) else ())
        if isinstance(expression, tree.Index) and not self.concrete:
            self.demand(expression.index, frame)
        return super().stage_inside(value, label, expression, frame)

    def nothing(self, name: str, arguments: Arguments, span: Span, frame: Frame) -> Result:
        if not self.concrete:
            self.demand(tree.Name(name), frame)
        return super().nothing(name, arguments, span, frame)

    def layer_value(self, written: tree.Expr, frame: Frame) -> Any:
        value = super().layer_value(written, frame)
        if isinstance(written, tree.Conditional) and not self.concrete:
            self.demand(written.condition, frame)
        if isinstance(value, LayerCall):
            given = (*value.positional, *(item for _, item in value.named))
            asked = [item for item in given if _has_expression(item)]
            if asked:
                raise Unsayable(set().union(*(names(_expression(item)) for item in asked)))
        return value

    def residual_if(self, wiring: tree.Wiring, condition: tree.Expr, keyword: Span, frame: Frame) -> Result:
        said = None if self.concrete else self.said(condition, frame)
        if said is None or is_constant(said):
            return super().residual_if(wiring, condition, keyword, frame)
        entering = frame.current
        scope = self.scope("residual", "", wiring.span, frame)
        local = frame.inside(frame.environment.body(), scope)
        through = self.part(wiring.body, "body", local)
        shortcut = self.clauses(wiring).get("shortcut")

        def added(here: Frame) -> None:
            here.current = entering
            around = entering if shortcut is None else self.part(shortcut, "shortcut", here)
            here.current = self.join("residual", "add", [Side("F(x)", through), Side("x", around)], keyword, here)

        local.current = through
        taken = 0 if self.truth(condition, frame) else 1
        self.choose([(said, added), (None, lambda here: None)], taken, local, wiring.span)
        return self.close(scope, entering, local, None)

    def is_function(self, name: str, frame: Frame) -> bool:
        """Whether a call of that name is one of numbers and lists."""
        bound = frame.environment.get(name)
        return name in FUNCTIONS and name not in frame.environment.templates and not isinstance(bound, SharedModule)

    def _said_name(self, name: str, frame: Frame) -> tree.Expr:
        if name in ("_", "in"):
            raise Unsayable
        known = frame.environment.expression(name)
        if known is not None:
            return known
        value = frame.environment.get(name)
        return tree.String(name) if value is UNBOUND else literal(value)

    def _said_conditional(self, condition: tree.Expr, then: tree.Expr, otherwise: tree.Expr, frame: Frame) -> tree.Expr:
        if is_constant(condition):
            return self._said(then if computed(condition, {}) else otherwise, frame)
        return tree.Conditional(folded(self._said(then, frame)), condition, folded(self._said(otherwise, frame)))

    def _said_index(self, value: tree.Expr, index: tree.Expr) -> tree.Expr:
        known = elements(value, self.lets)
        place = constant(index)
        if known is None or not isinstance(place, int) or not -len(known) <= place < len(known):
            return tree.Index(value, index)
        return known[place]

    def claim(self, name: str) -> str:
        """A variable of that name; `name#2` where the class has one already, which may be named alike in the end."""
        free, number = name, 2
        while free in self.variables:
            free, number = f"{name}#{number}", number + 1
        self.variables.add(free)
        return free

    # Evaluation, where it decides by a number

    def evaluate(self, expression: tree.Expr, frame: Frame) -> Any:
        value = super().evaluate(expression, frame)
        if isinstance(expression, tree.Conditional) and holds_tensors(value) and not self.concrete:
            self.demand(expression.condition, frame)
        return value

    def demand(self, expression: tree.Expr, frame: Frame) -> None:
        """Raises Unsayable where an expression is not the same for all arguments."""
        said = self.said(expression, frame)
        if not is_constant(said):
            raise Unsayable(names(said))

    def item(self, value: Any, index: Any, expression: tree.Index, frame: Frame) -> Any:
        item = super().item(value, index, expression, frame)
        if holds_tensors(item):
            self.demand(expression.index, frame)
        return item

    def slice(self, expression: tree.Slice, frame: Frame) -> Any:
        value = super().slice(expression, frame)
        if holds_tensors(value):
            for part in (expression.start, expression.stop, expression.step):
                if part is not None:
                    self.demand(part, frame)
        return value

    def label(self, label: tree.Label, frame: Frame) -> str:
        name = super().label(label, frame)
        parts = tuple(part if isinstance(part, str) else self.said(part, frame) for part in label.parts)
        if all(isinstance(part, str) or is_constant(part) for part in parts):
            return name
        key = Key(name)
        key.label = tree.Label(parts)
        return key

    def name(self, name: tree.Name, frame: Frame) -> Any:
        value = super().name(name, frame)
        if isinstance(name.id, Key) and not self.concrete and holds_tensors(value):
            tensor = value.outputs[0] if isinstance(value, Result) else value
            if not (isinstance(tensor, Tensor) and self.collected and self._gathered(value)):
                raise Unsayable(set().union(*(names(p) for p in name.id.label.parts if not isinstance(p, str))))
        return value

    def _gathered(self, value: Any) -> bool:
        """Whether a value is one that a loop leaves in every round."""
        tensors = value.outputs if isinstance(value, Result) else (value,)
        return all(id(tensor) in self.rounds_of for tensor in tensors)

    def evaluated(
        self,
        arguments: tuple[tree.Argument, ...],
        frame: Frame,
        span: Span,
        definition: tree.Definition | None = None,
    ) -> Arguments:
        evaluated = super().evaluated(arguments, frame, span, definition)
        if not self.concrete:
            for place, (value, where) in enumerate(evaluated.positional):
                evaluated.positional[place] = self.with_expression(value, evaluated.trees[place], frame), where
            for name, (value, where) in evaluated.named.items():
                if name not in evaluated.trees:  # a list of tensors
                    continue
                evaluated.named[name] = self.with_expression(value, evaluated.trees[name], frame), where
        return evaluated

    def with_expression(self, value: Any, written: tree.Expr, frame: Frame) -> Any:
        """An argument's value with the expression behind it; raises Unsayable where it can have none."""
        if holds_tensors(value) or isinstance(value, Poison):
            return value
        if isinstance(value, LayerCall):
            return value
        if isinstance(value, Word):
            said = self.said(written, frame)
            if not isinstance(said, tree.String):
                raise Unsayable(names(said))
            return value
        if isinstance(value, OpenSize) or (isinstance(value, Initializer) and isinstance(written, tree.Call)):
            return value
        said = self.said(written, frame)
        if value is None or isinstance(value, str):
            if not is_constant(said):
                return _Said(value, said)
            return value
        return lifted(value, said)

    # Numbers beside tensors

    def operand(self, value: Any, written: tree.Expr, frame: Frame) -> Any:
        """A side of an operator on tensors, where it is a number with the expression behind it."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return lifted(value, self.said(written, frame)) if number and not self.concrete else value

    def combine(self, expression: tree.Binary, left: Any, right: Any, frame: Frame) -> Tensor:
        sides = self.operand(left, expression.left, frame), self.operand(right, expression.right, frame)
        return super().combine(expression, *sides, frame)

    def compare_tensors(self, expression: tree.Compare, values: list[Any], frame: Frame) -> Tensor:
        pairs = zip(values, expression.operands, strict=True)
        return super().compare_tensors(expression, [self.operand(*pair, frame) for pair in pairs], frame)

    # Layers

    def function(self, name: str, arguments: Arguments, span: Span) -> Any:
        arguments.positional = [(bare(value), where) for value, where in arguments.positional]
        return super().function(name, arguments, span)

    def make_layer(
        self, cls: type[Layer], arguments: Arguments, span: Span, name_span: Span, frame: Frame, *, lexical: bool = True
    ) -> Layer:
        """The layer with the numbers of this call, each with its expression."""
        defaults = frame.environment.defaults
        lifted_values = dict(defaults.get(cls.name, {})) if lexical else {}
        fields = list(cls.model_fields)
        lifted_values |= dict(zip(fields, (value for value, _ in arguments.positional), strict=False))
        others = {name: value for name, (value, _) in arguments.named.items() if name not in cls.tensors}
        lifted_values |= {name: value for name, value in others.items() if name in fields}
        drop_idle(cls, lifted_values, {*fields[: len(arguments.positional)], *others})
        lifted_values |= {cls.collects: {n: v for n, v in others.items() if n not in fields}} if cls.collects else {}
        numbers = Arguments(
            arguments.tensors,
            [(bare(value), where) for value, where in arguments.positional],
            {name: (bare(value), where) for name, (value, where) in arguments.named.items()},
        )
        here = frame.environment.defaults
        frame.environment.defaults = {**here, cls.name: {k: bare(v) for k, v in here.get(cls.name, {}).items()}}
        try:
            layer = super().make_layer(cls, numbers, span, name_span, frame, lexical=lexical)
        finally:
            frame.environment.defaults = here
        asked = {name: value for name, value in lifted_values.items() if _has_expression(value)}
        if not asked:
            return layer
        if cls.ranks is None or min(cls.ranks) < 2:
            for value in asked.values():
                self.known_length(value)
        values = {name: getattr(layer, name) for name in fields}
        values |= {name: _as_field(values[name], value) for name, value in asked.items()}
        return cls.model_construct(**values)

    def known_length(self, value: Any) -> None:
        """Raises Unsayable for a list of any length; one with an entry for each axis is as long as there are axes."""
        if not isinstance(value, list | tuple) or not value or not isinstance(value[0], Symbolic):
            return
        match value[0].expression:
            case tree.Index(base, tree.Number(0)) if (elements(base, self.lets) or []) == []:
                raise Unsayable(names(base))

    def apply(self, layer: Layer, inputs: tuple[Tensor, ...], span: Span, frame: Frame) -> Result:
        self.state.spend(span)
        taken = tuple(tensor.shape for tensor in inputs)
        with guarded() as held:
            try:
                made = layer.outputs(*taken)
            except ShapeError as error:
                raise Problem(error.code, error.message, span) from None
            except TooComplexError:
                raise Unsayable from None
        for question, answer in held:
            note_divisor(question, answer)
        node = DraftNode(layer, inputs, span)
        node.outputs = tuple(Tensor(shape, span, node, index) for index, shape in enumerate(made))
        with guarded() as asked:
            node.call = layer.torch(*taken)
        hanging = set().union(*(names(question) for question, _ in asked))
        if hanging:
            raise Unsayable(hanging)
        self.state.add(node, frame.scope)
        return Result(node.outputs, None, node)

    def same_weights(self, shared: SharedModule, first: Any, again: Any, span: Span) -> None:
        """The graph has been elaborated: a shared module fits all that it is applied to."""

    def apply_shared(self, shared: SharedModule, entering: Tensor, span: Span, frame: Frame) -> Result:
        if self.symbolic_depth:
            raise Unsayable
        alias = Tensor(entering.shape, entering.span, None, 0, entering.name)
        self.aliases[id(alias)] = alias, entering
        result = super().apply_shared(shared, alias, span, frame)
        made = result.made
        if made is not None and made.first is not None:
            for one, other in zip(_nodes(made.first), _nodes(made), strict=True):
                self.for_both(one, other)
        kind = type(result.outputs)
        return replace(result, outputs=kind(entering if output is alias else output for output in result.outputs))

    def for_both(self, one: DraftNode, other: DraftNode) -> None:
        """The PyTorch form of a shared layer, which is one for all that it is applied to."""
        taken = self.taken_by.setdefault(id(one), tuple(tensor.shape for tensor in one.inputs))
        taken = tuple(a | b.shape for a, b in zip(taken, other.inputs, strict=True))
        self.taken_by[id(one)] = taken
        with guarded():
            one.call = one.layer.torch(*taken)

    # Blocks

    def named_call(
        self, name: str, arguments: tuple[tree.Argument, ...], span: Span, name_span: Span, frame: Frame, *, stage: bool
    ) -> Any:
        bound = frame.environment.get(name)
        if isinstance(bound, Word) and not self.concrete:
            said = self.said(tree.Name(name), frame)
            if isinstance(said, tree.Conditional):
                return self.either(said, arguments, span, name_span, frame, stage=stage)
        return super().named_call(name, arguments, span, name_span, frame, stage=stage)

    def either(
        self,
        said: tree.Expr,
        arguments: tuple[tree.Argument, ...],
        span: Span,
        name_span: Span,
        frame: Frame,
        *,
        stage: bool,
    ) -> Any:
        """A call of whichever block the arguments choose."""
        bound = self.evaluate(tree.Name(name_span.text, span=name_span), frame)
        options: list[tuple[tree.Expr | None, str]] = []
        while isinstance(said, tree.Conditional):
            if not isinstance(said.then, tree.String):
                raise Unsayable(names(said))
            options.append((said.condition, said.then.value))
            said = said.otherwise
        if not isinstance(said, tree.String):
            raise Unsayable(names(said))
        options.append((None, said.value))
        results: list[Any] = []

        def call(name: str) -> Callable[[Frame], None]:
            def run(local: Frame) -> None:
                result = self.named_call(name, arguments, span, name_span, local, stage=stage)
                results.append(result)
                local.current = result.outputs[0]

            return run

        taken = next(place for place, (_, name) in enumerate(options) if name == bound.text)
        choice = self.choose([(condition, call(name)) for condition, name in options], taken, frame, span)
        scope = frame.scope.items[-1]
        assert isinstance(scope, DraftScope)
        if len({len(result.outputs) for result in results}) > 1 or len(results[0].outputs) > 1:
            raise Unsayable(set().union(*(names(c) for c in choice.conditions if c is not None)))
        current = frame.current
        assert isinstance(current, Tensor)
        return Result((current,), None, scope)

    def instantiate(
        self, template: Template, entering: Tensor, arguments: dict[str, Any], span: Span, frame: Frame
    ) -> Result:
        """A block is called, not unrolled: its outputs have the shapes that its blueprint gives them."""
        definition = template.definition
        self.not_inside_itself(definition, span)
        tensors = [entering]
        taken = [p for p in definition.parameters if is_tensor(p) or is_tensors(p)]
        if any(p.name not in arguments for p in taken):
            raise Unsayable
        for parameter in taken:
            value = arguments[parameter.name]
            tensors.extend(value if isinstance(value, list) else [value])
        plain_arguments = {name: v for name, v in arguments.items() if name not in {p.name for p in taken}}
        numbers = {name: bare(value) for name, value in plain_arguments.items()}
        numbers |= {p.name: len(arguments[p.name]) for p in taken if is_tensors(p)}
        said = {name: _expression(value) for name, value in plain_arguments.items()}
        call = self.blueprints(template, tensors, numbers, said)
        blueprint = call.blueprint
        self.same_for_all(blueprint, said, tensors)
        scope = self.scope("block", definition.name, span, frame)
        scope.inputs, scope.tensors = (entering,), tuple(tensors[1:])
        bound = {parameter.name: said[parameter.name] for parameter in blueprint.parameters if parameter.name in said}
        for name, (place, axis) in blueprint.derived.items():
            size = tensors[place].shape.dims[axis]
            if isinstance(size, OpenSize):
                raise Unsayable
            bound[name] = expression_of(size)
        bound |= {name: expression_of(size) for name, size in call.sizes.items()}
        sizes = {name: int(plain(size)) for name, size in call.sizes.items()}
        scope.control = control = DraftCall(blueprint, bound, sizes)
        outputs = (Tensor(self.decided(shape), span, None, place) for place, shape in enumerate(call.shapes))
        scope.outputs = Listed(outputs) if blueprint.listed else tuple(outputs)

        def readable(inside: Any, path: tuple[str, ...]) -> dict[str, Any]:
            labels: dict[str, Any] = {}
            for name, (shapes, inner) in inside.items():
                outputs = tuple(Tap(shape, span, name) for shape in shapes)
                control.taps.extend((tensor, (*path, name), place) for place, tensor in enumerate(outputs))
                below = None if inner is None else readable(inner, (*path, name))
                labels[name] = Result(outputs, below) if outputs else Modules(below or {})
            return labels

        result = Result(scope.outputs, readable(call.inside, ()), scope)
        for tensor in result.outputs:
            self.settle(tensor, frame)
        return result

    def decided(self, shape: Shape) -> Shape:
        """The shape without the sides of conditions that are never taken."""
        if not any(isinstance(size, Whole) and isinstance(size.expression, tree.Conditional) for size in shape.dims):
            return shape
        deciding = self.deciding
        sizes = (
            (size, deciding.decided(expression_of(size)) if isinstance(size, Whole) else None) for size in shape.dims
        )
        return Shape(tuple(s if said is None else symbolic(int(plain(s)), said) for s, said in sizes), shape.dtype)

    def same_for_all(self, blueprint: Blueprint, said: dict[str, tree.Expr], tensors: list[Tensor]) -> None:
        """Raises Unsayable where a block that holds for some arguments only is given others by other arguments here."""
        asked: set[str] = set()
        for name in blueprint.fixed:
            asked |= names(said[name]) if name in said else set()
        if blueprint.sizes_fixed:
            for size in (size for tensor in tensors for size in tensor.shape.dims if isinstance(size, Whole)):
                if not is_opaque(size.expression):
                    asked |= names(size.expression)
                elif blueprint.fixed and not any(name in said and not is_constant(said[name]) for name in said):
                    raise Unsayable
        if asked:
            raise Unsayable(asked)

    def for_parameter(self, definition: tree.Definition, parameter: tree.Parameter, value: Any, span: Span) -> Any:
        checked = super().for_parameter(definition, parameter, bare(value), span)
        if not _has_expression(value) or holds_tensors(checked):
            return checked
        return _Said(checked, _expression(value))

    def plain(self, value: Any, argument: str, callee: str, span: Span) -> Any:
        if _has_expression(value):
            super().plain(bare(value), argument, callee, span)
            return tuple(value) if isinstance(value, list) else value
        return super().plain(value, argument, callee, span)

    def container(
        self, name: str, flow: tree.Flow, stages: tuple[tree.Element, ...], starts: int, span: Span, frame: Frame
    ) -> Result:
        before = set(self.lets)
        if len(stages) == 1 and isinstance(stages[0], tree.Wiring) and isinstance(frame.current, Tensor) and not starts:
            self.settle(frame.current, frame, parts_left=1)
        steady, written_out, self.written_out = set(self.steady), self.written_out, 0
        result = super().container(name, flow, stages, starts, span, frame)
        self.written_out = written_out
        self.steady = {name for name in self.steady if name in steady or name in self.everywhere}
        inside = {
            variable: said
            for variable, said in self.lets.items()
            if variable not in before and variable not in self.everywhere
        }
        for tensor in result.outputs:
            self.settle(tensor, frame, inside)
        return result

    def settle(
        self,
        tensor: Tensor,
        frame: Frame,
        inside: Mapping[str, tree.Expr] = MappingProxyType({}),
        parts_left: int = SETTLED,
    ) -> None:
        """Gives sizes that have become long expressions a name of their own: `channels`; lets that are not seen from
        here are written out.
        """
        if self.concrete:
            return
        dims = list(tensor.shape.dims)
        for axis, size in enumerate(dims):
            if not isinstance(size, Whole) or is_opaque(size.expression):
                continue
            expression = size.expression
            while names(expression) & set(inside):
                expression = substituted(expression, inside)
            if is_opaque(expression) or names(expression) - self.steady - self.open_names:
                dims[axis] = Whole(int(plain(size)), opaque(expression))
                continue
            if size_of(expression) > parts_left:
                expression = self.new_let("channels" if axis == 0 else "features", expression, frame)
            dims[axis] = symbolic(int(plain(size)), expression)
        tensor.shape = Shape(tuple(dims), tensor.shape.dtype)

    # Statements

    def let(self, let: tree.Let, frame: Frame) -> None:
        environment = frame.environment
        if self.concrete:
            super().let(let, frame)
            return
        only = let.flow.elements[0]
        said: tree.Expr | Unsayable = Unsayable()
        if len(let.flow.elements) == 1 and not isinstance(only, tree.Group | tree.Wiring):
            try:
                said = self.said(only, frame)
            except (Unsayable, Problem, Spoilt) as reason:
                said = reason if isinstance(reason, Unsayable) else Unsayable()
        super().let(let, frame)
        values = [environment.names[name] for name in let.names]
        if any(holds_tensors(value) or isinstance(value, Poison) for value in values):
            for name in let.names:
                environment.expressions.pop(name, None)
            return
        if isinstance(said, Unsayable):
            raise said
        if len(let.names) == 1:
            self.keep(let.names[0], values[0], said, frame)
            return
        parts = elements(said, self.lets) or [tree.Index(said, tree.Number(index)) for index in range(len(let.names))]
        for name, value, part in zip(let.names, values, parts, strict=True):
            self.keep(name, value, part, frame)

    def keep(self, name: str, value: Any, said: tree.Expr, frame: Frame) -> None:
        """A number under a name: a variable of the class, where it is more than another name or a literal."""
        environment = frame.environment
        if isinstance(value, Word) or is_constant(said) or (isinstance(said, tree.Name) and said.id in self.steady):
            environment.expressions[name] = said
            return
        environment.expressions[name] = self.new_let(name, said, frame)
        environment.names[name] = plain(value)

    def new_let(self, name: str, said: tree.Expr, frame: Frame) -> tree.Expr:
        """A variable for a number. What the whole module may ask for stands in its own body, before the container that
        it is made in.
        """
        variable = self.claim(name)
        self.lets[variable] = said
        with suppress(*NO_NUMBER):
            self.numbers[variable] = computed(said, self.numbers)
        self.steady.add(variable)
        let: Any = DraftLet(variable, said)
        inner, scope = None, frame.scope
        while scope.parent is not None and scope.kind != "iteration" and scope.parent.control is None:
            inner, scope = scope, scope.parent
        if scope.parent is None and names(said) <= self.everywhere:
            self.everywhere.add(variable)
            place = len(scope.items) if inner is None else next(i for i, it in enumerate(scope.items) if it is inner)
            scope.items.insert(place, let)
        else:
            frame.scope.items.append(let)
        return tree.Name(variable)

    def snapshot(self, frame: Frame) -> _Snapshot:
        """What is in force now, to come back to."""
        environment = frame.environment
        return _Snapshot(
            (frame.current, frame.entered, frame.returned, frame.inputs),
            dict(environment.names),
            dict(environment.expressions),
            dict(environment.labels),
            environment.defaults,
            [len(sides) for sides in self.collected],
        )

    def restore(self, frame: Frame, before: _Snapshot) -> None:
        """Comes back to what was in force."""
        environment = frame.environment
        frame.current, frame.entered, frame.returned, frame.inputs = before.frame
        for there, then in (
            (environment.names, before.names),
            (environment.expressions, before.expressions),
            (environment.labels, before.labels),
        ):
            there.clear()
            there.update(then)
        environment.defaults = before.defaults
        for sides, count in zip(self.collected, before.collected, strict=True):
            del sides[count:]

    def condition(self, condition: tree.If, frame: Frame, each: Each) -> None:
        if self.concrete:
            super().condition(condition, frame, each)
            return
        options: list[tuple[tree.Expr | None, Callable[[Frame], None]]] = []
        taken: int | None = None
        for branch in condition.branches:
            said = self.said(branch.condition, frame)
            if taken is None and self.truth(branch.condition, frame):
                taken = len(options)
            if is_constant(said):
                if computed(said, {}):
                    options.append((None, self._body(branch.body, each)))
                    break
                continue
            options.append((said, self._body(branch.body, each)))
        else:
            options.append((None, self._body(condition.otherwise or tree.Body(()), each)))
        if len(options) == 1:
            self._in_place(options[0][1], frame)
            return
        self.choose(options, len(options) - 1 if taken is None else taken, frame, condition.span)

    def _body(self, body: tree.Body, each: Each) -> Callable[[Frame], None]:
        return lambda local: self.run(body, local, each)

    def _in_place(self, run: Callable[[Frame], None], frame: Frame) -> None:
        local = frame.copy()
        local.environment, local.depth = frame.environment.in_place(), frame.depth + 1
        run(local)
        frame.current, frame.returned = local.current, local.returned
        frame.entered, frame.inputs = local.entered, local.inputs

    def choose(
        self, options: list[tuple[tree.Expr | None, Callable[[Frame], None]]], taken: int, frame: Frame, span: Span
    ) -> DraftChoice:
        """Runs all bodies of a condition, each from where the flow is now; goes on with what they leave, with the
        numbers of the one that is taken.
        """
        hanging = set().union(*(names(condition) for condition, _ in options if condition is not None))
        scope = self.scope("group", "", span, frame)
        scope.inputs = (frame.current,) if isinstance(frame.current, Tensor) else ()
        choice = scope.control = DraftChoice([condition for condition, _ in options], [])
        before = self.snapshot(frame)
        ends: list[_Snapshot | None] = []
        for place, (_, run) in enumerate(options):
            self.restore(frame, before)
            body = DraftScope("group", "", span, parent=scope)
            scope.items.append(body)
            choice.bodies.append(body)
            ends_before = len(self.state.outputs), len(self.state.inputs), len(self.results)
            refusal = self.attempt(run, body, frame)
            if (len(self.state.outputs), len(self.state.inputs), len(self.results)) != ends_before:
                raise Unsayable(hanging)
            if refusal:
                choice.refusals[place] = refusal
            ends.append(None if refusal else self.snapshot(frame))
        live = [end for end in ends if end is not None]
        certain = ends[taken]
        if certain is None:
            raise Unsayable(hanging)
        if len({end.frame[2] for end in live}) > 1 or any(end.collected != before.collected for end in live):
            raise Unsayable(hanging)
        self.restore(frame, certain)
        self.taken, self.came_in = taken, before.frame[0]
        frame.current = self.merged(choice, [end and end.frame[0] for end in ends], hanging)
        self.merge_names(choice, taken, before, ends, frame, hanging)
        if isinstance(frame.current, Tensor) and any(frame.current is output for output, _ in choice.merges):
            self.settle(frame.current, frame)
        return choice

    taken = 0
    came_in: Any = None

    def attempt(self, run: Callable[[Frame], None], body: DraftScope, frame: Frame) -> str:
        """Runs a body; what is wrong with it where it is not for these numbers."""
        state = self.state
        reported, seen, mistakes = len(state.diagnostics), set(state._seen), state.mistakes
        spoilt = len(state.spoilt_labels)
        state.mistakes = 0
        local = frame.copy()
        local.environment, local.scope, local.depth = frame.environment.in_place(), body, frame.depth + 1
        self.symbolic_depth += 1
        message = ""
        try:
            with divisions(within=True):
                run(local)
            if len(state.diagnostics) > reported:
                message = _message(Problem("", state.diagnostics[reported].message, frame.scope.span))
        except (Problem, Spoilt, Stop) as problem:
            message = _message(problem)
        finally:
            self.symbolic_depth -= 1
            del state.diagnostics[reported:], state.spoilt_labels[spoilt:]
            state._seen, state.mistakes = seen, mistakes
        if isinstance(local.current, Poison) and not message:
            message = "netspec refuses these arguments"
        frame.current, frame.returned = local.current, local.returned
        frame.entered, frame.inputs = local.entered, local.inputs
        return message

    def merged(self, choice: DraftChoice, sources: list[Any], hanging: set[str]) -> Any:
        """The value that comes from whichever body is taken."""
        live = [source for source in sources if source is not None]
        if not live:
            return None
        unchanged = all(source is live[0] for source in live)
        if unchanged and (live[0] is self.came_in or len(live) == len(sources)):
            return live[0]
        if len(live) == 1 and isinstance(live[0], Tensor):
            return self._only(choice, sources)
        if not all(isinstance(source, Tensor) for source in live):
            raise Unsayable(hanging)
        for output, known in choice.merges:
            if all(a is b for a, b in zip(known, sources, strict=True)):
                return output
        shapes = [source.shape for source in live]
        if len({(shape.rank, shape.dtype) for shape in shapes}) > 1:
            raise Unsayable(hanging)
        conditions = [c for c, source in zip(choice.conditions, sources, strict=True) if source is not None]
        certain = sources[self.taken] if sources[self.taken] is not None else live[0]
        dims = tuple(
            _either(conditions, sizes, certain.shape.dims[axis])
            for axis, sizes in enumerate(zip(*(shape.dims for shape in shapes), strict=True))
        )
        output = Tensor(Shape(dims, shapes[0].dtype), live[0].span)
        choice.merges.append((output, [source if isinstance(source, Tensor) else None for source in sources]))
        return output

    def merge_names(
        self,
        choice: DraftChoice,
        taken: int,
        before: _Snapshot,
        ends: list[_Snapshot | None],
        frame: Frame,
        hanging: set[str],
    ) -> None:
        """Names and labels that some of the bodies have given a meaning."""
        live = [end for end in ends if end is not None]
        environment = frame.environment
        for table, pick in ((environment.names, "names"), (environment.labels, "labels")):
            for name in dict.fromkeys(key for end in live for key in getattr(end, pick)):
                if any(end is not None and isinstance(getattr(end, pick).get(name), Modules) for end in ends):
                    continue
                values = [None if end is None else getattr(end, pick).get(name) for end in ends]
                present = [value for value in values if value is not None]
                if not present:  # a parameter that is none
                    continue
                sample = values[taken] if values[taken] is not None else present[0]
                same = all(value is present[0] for value in present) and len(present) == len(live)
                made = holds_tensors(present[0]) and present[0] is not getattr(before, pick).get(name)
                if same and not made:
                    table[name] = present[0]
                    if pick == "names":
                        self._merge_expressions(name, ends, choice, environment, hanging)
                    continue
                if all(isinstance(value, Tensor | Result) for value in present):
                    table[name] = self._merged_result(choice, values, hanging)
                    continue
                if any(holds_tensors(value) for value in present):
                    raise Unsayable(hanging)
                table[name] = sample
                if pick == "names":
                    self._merge_expressions(name, ends, choice, environment, hanging)

        for label in [label for label in environment.labels if "." in label]:
            environment.give(label, environment.labels[label])

    def _merged_result(self, choice: DraftChoice, values: list[Any], hanging: set[str]) -> Any:
        """A label or side value that bodies have made; what is inside of it is that of the first."""
        outputs = [None if v is None else v.outputs if isinstance(v, Result) else (v,) for v in values]
        counts = {len(output) for output in outputs if output is not None}
        if len(counts) > 1:
            raise Unsayable(hanging)
        tensors = []
        for place in range(counts.pop()):
            sources = [None if output is None else output[place] for output in outputs]
            present = [source for source in sources if source is not None]
            if all(source is present[0] for source in present) and all(s is present[0] for s in sources):
                tensors.append(present[0])
                continue
            shapes = {(source.shape.rank, source.shape.dtype) for source in present}
            if len(shapes) > 1:
                raise Unsayable(hanging)
            tensors.append(self.merged(choice, sources, hanging) if len(present) > 1 else self._only(choice, sources))
        first = next(value for value in values if value is not None)
        if not isinstance(first, Result):
            return tensors[0]
        return Result(tuple(tensors), first.inside if len([v for v in values if v is not None]) == 1 else None, None)

    def _only(self, choice: DraftChoice, sources: list[Tensor | None]) -> Tensor:
        """A value that one body alone makes, as it is seen after the condition."""
        source = next(source for source in sources if source is not None)
        for output, known in choice.merges:
            if all(a is b for a, b in zip(known, sources, strict=True)):
                return output
        output = Tensor(source.shape, source.span, None, 0, source.name)
        choice.merges.append((output, list(sources)))
        return output

    def _merge_expressions(
        self,
        name: str,
        ends: list[_Snapshot | None],
        choice: DraftChoice,
        environment: Environment,
        hanging: set[str],
    ) -> None:
        """What a number's name stands for after a condition: the one expression, or whichever is taken."""
        live = [(condition, end) for condition, end in zip(choice.conditions, ends, strict=True) if end is not None]
        said: list[tree.Expr | None] = []
        for _, end in live:
            if name in end.expressions:
                said.append(end.expressions[name])
            elif name in end.names and not holds_tensors(end.names[name]) and not isinstance(end.names[name], Poison):
                said.append(literal(end.names[name]))
            else:
                said.append(None)
        present = [expression for expression in said if expression is not None]
        if not present:
            environment.expressions.pop(name, None)
            return
        if all(expression == present[0] for expression in present):
            environment.expressions[name] = present[0]
            return
        if len(present) != len(live):
            raise Unsayable(hanging)
        whole = present[-1]
        for (condition, _), expression in zip(reversed(live[:-1]), reversed(present[:-1]), strict=True):
            assert condition is not None
            whole = tree.Conditional(expression, condition, whole)
        environment.expressions[name] = whole

    # Loops

    def in_loop(self, frame: Frame) -> bool:
        return self.written_out > 0 or super().in_loop(frame)

    written_out = 0

    def one_round(self, body: tree.Body, frame: Frame, each: Each) -> None:
        """A round of a loop that is written out."""
        self.written_out += 1
        try:
            self._in_place(self._body(body, each), frame)
        finally:
            self.written_out -= 1

    def loop_over(self, loop: tree.For, frame: Frame, each: Each) -> None:
        if self.concrete:
            super().loop_over(loop, frame, each)
            return
        sequence_value = self.as_list(self.evaluate(loop.sequence, frame))
        if not isinstance(sequence_value, list | range):
            super().loop_over(loop, frame, each)
            return
        values = list(sequence_value)
        structural = any(not _is_data(value) for value in values)
        if structural:
            self.unrolled_values(loop, values, frame, each)
            return
        sequence = self.said(loop.sequence, frame)
        known = elements(sequence, self.lets)
        if known is not None and len(known) == len(values) and self.is_written_out(loop.body, len(known)):
            self.unrolled(loop, values, known, frame, each)
            return
        try:
            if loop_key(loop) in self.unrolled_loops:
                raise Unsayable
            self.rolled(loop.targets, sequence, values, loop.body, loop.span, frame, each)
        except Unsayable:
            if known is None or len(known) != len(values):
                raise
            self.unrolled(loop, values, known, frame, each)

    def is_written_out(self, body: tree.Body, rounds: int) -> bool:
        """Whether a loop of few rounds has labels that hang on the round, which read better one by one."""
        return rounds <= FEW_ROUNDS and any(
            isinstance(s, tree.Stage)
            and any(len(label.parts) > 1 or not isinstance(label.parts[0], str) for label in s.labels)
            for s in body.statements
        )

    def unrolled_values(self, loop: tree.For, values: list[Any], frame: Frame, each: Each) -> None:
        """A loop over values, layers or blocks, each round for itself; the list is the same for all arguments."""
        for item in values:
            self.bind(loop, item, frame)
            for name in loop.names:
                value = frame.environment.names[name]
                frame.environment.expressions.pop(name, None)
                if not holds_tensors(value):
                    frame.environment.expressions[name] = literal(value)
            self.one_round(loop.body, frame, each)
            self.still_sound()

    def unrolled(self, loop: tree.For, values: list[Any], known: list[tree.Expr], frame: Frame, each: Each) -> None:
        """A loop written out, each round with the expression of its item."""
        for item, expression in zip(values, known, strict=True):
            self.bind(loop, item, frame)
            self._say_variables(loop.targets, item, expression, frame)
            self.one_round(loop.body, frame, each)
            self.still_sound()

    def _say_variables(self, targets: tuple[tree.Target, ...], item: Any, expression: tree.Expr, frame: Frame) -> None:
        if len(targets) == 1 and isinstance(targets[0], str):
            self.keep(targets[0], item, expression, frame)
            return
        for place, target in enumerate(targets):
            parts = expression.items if isinstance(expression, tree.List) else None
            part = parts[place] if parts else tree.Index(expression, tree.Number(place))
            inner = (target,) if isinstance(target, str) else target
            self._say_variables(inner, item[place], part, frame)

    def repeat(self, repeat: tree.Repeat, frame: Frame, each: Each) -> None:
        if self.concrete:
            super().repeat(repeat, frame, each)
            return
        count = self.evaluate(repeat.count, frame)
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            super().repeat(repeat, frame, each)
            return
        said = self.said(repeat.count, frame)
        try:
            if is_constant(said) and (count < 2 or loop_key(repeat) in self.unrolled_loops):
                raise Unsayable
            self.rolled((), said, [None] * int(count), repeat.body, repeat.span, frame, each)
        except Unsayable:
            if not is_constant(said):
                raise
            for _ in range(int(count)):
                self.one_round(repeat.body, frame, each)
                self.still_sound()

    def rolled(
        self,
        targets: tuple[tree.Target, ...],
        sequence: tree.Expr,
        values: list[Any],
        body: tree.Body,
        span: Span,
        frame: Frame,
        each: Each,
    ) -> None:
        """A loop that stays one: a round that holds for all of them."""
        items = len(frame.scope.items)
        before = self.snapshot(frame)
        claimed, lets = set(self.variables), dict(self.lets)
        try:
            Rounds(self, targets, sequence, values, body, span, each).run(frame)
        except BaseException:
            del frame.scope.items[items:]
            self.restore(frame, before)
            self.variables, self.lets = claimed, lets
            raise

    # Wirings

    def branches(self, wiring: tree.Wiring, keyword: Span, frame: Frame) -> Tensor | Poison:
        if self.concrete:
            return super().branches(wiring, keyword, frame)
        entering = frame.current
        sides: list[Side] = []
        self.collected.append(sides)

        def branch(stage: tree.Stage, here: Frame) -> None:
            scope = self.scope("branch", "", stage.span, here)
            local = here.inside(here.environment, scope)
            local.current = entering
            self.sequence(stage, local)
            sides.append(Side("", local.current, stage.span))

        try:
            self.run(wiring.body, frame, branch)
        finally:
            self.collected.pop()
        if isinstance(frame.current, Poison) or any(isinstance(side.value, Poison) for side in sides):
            return POISON
        frame.current = entering
        if not sides:
            raise Problem("E0208", f"{wiring.keyword} joins branches, and this one has none", keyword)
        return joined_sides(self, wiring.keyword, sides, keyword, frame)

    def declared_size(self, part: tree.Expr, frame: Frame) -> Any:
        size = super().declared_size(part, frame)
        if isinstance(size, OpenSize) or self.concrete:
            return size
        return symbolic(plain(size), self.said(part, frame))


def _decided(scope: DraftScope) -> set[str]:
    """What decides how many stages stand in a module's body: its loops, and the names that its conditions ask for."""
    asked: set[str] = set()
    stack: list[Any] = list(scope.items)
    while stack:
        item = stack.pop()
        if not isinstance(item, DraftScope) or item.is_module:
            continue
        match item.control:
            case DraftLoop(start=start):
                asked.add(f"loop at {start}")
            case DraftChoice(conditions):
                asked |= set().union(*(names(condition) for condition in conditions if condition is not None))
        stack.extend(item.items)
    return asked


@dataclass(slots=True, eq=False)
class _Said:
    """A value that knows its expression and is no number: a text, none, or a parameter's checked value."""

    value: Any
    expression: tree.Expr


def loop_key(loop: tree.For | tree.Repeat) -> str:
    """Stands for a loop among the names that something hangs on: it can be written out instead."""
    return f"loop at {loop.span.start}"


def _nodes(made: DraftNode | DraftScope) -> list[DraftNode]:
    if isinstance(made, DraftNode):
        return [made]
    return [node for item in made.items if isinstance(item, DraftNode | DraftScope) for node in _nodes(item)]


def bare(value: Any) -> Any:
    """The value without its expression, a text or a checked parameter too."""
    return plain(value.value) if isinstance(value, _Said) else plain(value)


def _expression(value: Any) -> tree.Expr:
    match value:
        case _Said():
            return value.expression
        case Word():
            return tree.String(value.text)
        case list() | tuple() | range():
            return tree.List(tuple(map(_expression, value)))
    return expression_of(value)


def _has_expression(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_expression, value))
    if isinstance(value, dict):
        return any(map(_has_expression, value.values()))
    return isinstance(value, Symbolic | _Said)


def _as_field(checked: Any, value: Any) -> Any:
    """A field of a layer as pydantic has it, with its expression; raises Unsayable for what is no number."""
    if isinstance(value, _Said):
        return lifted(checked, value.expression)
    if isinstance(value, list | tuple):
        return tuple(_as_field(a, b) for a, b in zip(checked, value, strict=True))
    if isinstance(value, dict):
        return {name: _as_field(checked[name], part) for name, part in value.items()}
    return symbolic(checked, value.expression) if isinstance(value, Symbolic) else checked


def _either(conditions: list[tree.Expr | None], sizes: tuple[Dimension, ...], certain: Dimension) -> Dimension:
    """A size that depends on which body is taken."""
    if any(isinstance(size, OpenSize) for size in sizes):
        if all(size == sizes[0] for size in sizes):
            return sizes[0]
        raise Unsayable
    expressions = [expression_of(size) for size in sizes]
    if all(expression == expressions[0] for expression in expressions):
        return sizes[0]
    if any(map(is_opaque, expressions)):
        asked = [condition for condition in conditions if condition is not None]
        return Whole(int(plain(certain)), opaque(*expressions, *asked))
    whole = expressions[-1]
    for condition, expression in zip(reversed(conditions[:-1]), reversed(expressions[:-1]), strict=True):
        assert condition is not None
        whole = tree.Conditional(expression, condition, whole)
    return Whole(int(plain(certain)), whole)


def _is_data(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_data, value))
    return isinstance(value, bool | int | float)


def _message(problem: Exception) -> str:
    if isinstance(problem, Stop):
        return problem.problem.diagnostic.message
    message = problem.diagnostic.message if isinstance(problem, Problem) else ""
    return message if message and not MARK.search(message) else "netspec refuses these arguments"
