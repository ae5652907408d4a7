"""Calls: layers, blocks, nets, shared modules and functions, with their arguments bound and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import prod
from typing import Any

from pydantic import ValidationError

from netspec.elaborate import hints, operators, shapes
from netspec.elaborate.demands import choices, demand, takes_words, words
from netspec.elaborate.draft import DraftNode
from netspec.elaborate.environment import UNBOUND, Environment
from netspec.elaborate.expressions import Expressions
from netspec.elaborate.indices import index_requirements
from netspec.elaborate.numbering import mentions_value
from netspec.elaborate.operators import FUNCTIONS, OperandError, TooLarge
from netspec.elaborate.problems import Problem, Spoilt, Stop, counted, nearest, whole
from netspec.elaborate.state import DEEPEST, Frame
from netspec.elaborate.types import fits_type, is_layer, is_tensor, is_tensors, not_of_type, takes_text
from netspec.elaborate.values import (
    Function,
    LayerCall,
    Modules,
    Poison,
    Result,
    SharedModule,
    Template,
    Tensor,
    Word,
)
from netspec.graph.graph import Fit
from netspec.layers import REGISTRY
from netspec.layers.base import Layer, ShapeError
from netspec.layers.initializers import FORMS, Initializer
from netspec.layers.symbols import Spelled
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize, TooComplexError
from netspec.syntax import tree
from netspec.syntax.source import Span


@dataclass(slots=True)
class Arguments:
    """The evaluated arguments of a call: tensors that lead, the rest by position, and those by name, with spans."""

    tensors: list[Tensor]
    positional: list[tuple[Any, Span]]
    named: dict[str, tuple[Any, Span]]
    written: tuple[tree.Argument, ...] = ()
    trees: dict[int | str, tree.Expr] = field(default_factory=dict)
    """What is written for an argument, by its place among the positional ones or by its name."""


class Calls(Expressions):
    """Everything that is called by name. How a body is elaborated is the business of the class that builds on this."""

    def instantiate(
        self, template: Template, entering: Tensor, arguments: dict[str, Any], span: Span, frame: Frame
    ) -> Result:
        raise NotImplementedError

    def apply_shared(self, shared: SharedModule, entering: Tensor, span: Span, frame: Frame) -> Result:
        raise NotImplementedError

    def call(self, call: tree.Call, frame: Frame, *, stage: bool) -> Any:
        """The value of a call. As a stage it is a layer first; inside an expression, a function of numbers."""
        if not isinstance(call.callee, tree.Name):
            raise hints.call_of_another(call) or Problem(
                "E0205",
                f"{call.callee.span.text} cannot be called",
                call.callee.span,
                help="a call names a layer, a block, a net or a shared module",
            )
        return self.named_call(call.callee.id, call.arguments, call.span, call.callee.span, frame, stage=stage)

    def named_call(
        self, name: str, arguments: tuple[tree.Argument, ...], span: Span, name_span: Span, frame: Frame, *, stage: bool
    ) -> Any:
        bound = frame.environment.get(name)
        if bound is None:
            return self.nothing(name, self.evaluated(arguments, frame, span), span, frame)
        if isinstance(bound, LayerCall):
            return self.value_call(bound, self.evaluated(arguments, frame, span), span, name_span, frame)
        if isinstance(bound, Function):
            return self.function_call(bound, arguments, span, frame)
        if isinstance(bound, Word):
            name, bound = bound.text, None
        if isinstance(bound, SharedModule):
            return self.shared_call(bound, arguments, span, frame)
        label = isinstance(frame.environment.labels.get(name), Poison)  # labels and layers do not meet
        if isinstance(bound, Poison) and not (label and (name in REGISTRY or name in frame.environment.templates)):
            raise Spoilt
        template = frame.environment.templates.get(name)
        if template is not None:
            evaluated = self.evaluated(arguments, frame, span, template.definition)
            return self.block_call(template, evaluated, span, frame)
        if name in FUNCTIONS and not (stage and name in REGISTRY):
            evaluated = self.evaluated(arguments, frame, span) if name in REGISTRY else self.listed(arguments, frame)
            if not evaluated.tensors and (evaluated.positional or name not in REGISTRY):
                return self.function(name, evaluated, span)
            if name not in REGISTRY:
                raise Problem("E0206", f"{name} is a function of numbers and lists, not of tensors", span)
            return self.layer_call(name, evaluated, span, name_span, frame)
        if name in REGISTRY:
            return self.layer_call(name, self.evaluated(arguments, frame, span), span, name_span, frame)
        if name in FORMS and not stage:
            return self.initializer(name, self.evaluated(arguments, frame, span), span)
        raise self.unknown_callee(name, bound, arguments, (name_span, span), frame, stage=stage)

    def unknown_callee(
        self,
        name: str,
        bound: Any,
        arguments: tuple[tree.Argument, ...],
        spans: tuple[Span, Span],
        frame: Frame,
        *,
        stage: bool,
    ) -> Problem:
        """The problem of a name that cannot be called; `spans` are those of the name and of the whole call."""
        span, call = spans
        known = {*REGISTRY, *frame.environment.templates, *(() if stage else (*FUNCTIONS, *FORMS))}
        if bound is UNBOUND and (foreign := hints.unknown_callee(name, arguments, span, call, frame.environment)):
            return foreign
        values = set(frame.environment.visible()) if span == call else set()
        spoilt = {value for value in frame.environment.visible() if isinstance(frame.environment.get(value), Poison)}
        near = nearest(name, known | spoilt | values)
        if near in spoilt and near not in known:
            raise Spoilt
        if near is not None and near not in known:
            return self.unknown(name, span)
        if bound is not UNBOUND:
            return Problem(
                "E0205",
                f"{name} is a value, and this place needs a layer or a block",
                span,
                help=f"did you mean the layer {near}?"
                if near
                else "a stage that begins with a value stands first in its flow",
            )
        return Problem(
            "E0202",
            f"there is no layer or block named {name}",
            span,
            "not known",
            help=f"did you mean {near}?" if near else "netspec layers lists the layers",
            mend=(span, near) if near else None,
        )

    def listed(self, arguments: tuple[tree.Argument, ...], frame: Frame) -> Arguments:
        """The arguments of a function of numbers and lists, each evaluated; a list of tensors is a list like any."""
        values = [(self.as_list(self.evaluate(a.value, frame)), a.value.span, a.name) for a in arguments]
        tensors = [self.tensor(value, span) for value, span, _ in values if isinstance(value, Tensor | Result)]
        positional = [(value, span) for value, span, name in values if name is None]
        named = {name: (value, span) for value, span, name in values if name is not None}
        return Arguments(tensors, positional, named, arguments)

    def evaluated(
        self,
        arguments: tuple[tree.Argument, ...],
        frame: Frame,
        span: Span,
        definition: tree.Definition | None = None,
    ) -> Arguments:
        """The arguments, each evaluated; leading tensors apart, lists of tensors unrolled. A block's `definition` says
        which of them are layers or lists of tensors.
        """
        result = Arguments([], [], {}, arguments)
        named = {argument.name for argument in arguments}
        lists = [] if definition is None else [p.name for p in definition.parameters if is_tensors(p)]
        for argument in arguments:
            here = argument.value.span
            place = len(result.positional)
            if definition is not None and self.is_layer_value(definition, argument, place, named, frame):
                value = self.layer_value(argument.value, frame)
            else:
                value = self.evaluate(argument.value, frame)
            if argument.name in lists or (argument.name is None and lists and not result.positional):
                value = self.as_list(value)
            if argument.name is None and isinstance(value, list) and lists and self.are_tensors(value):
                free = next((name for name in lists if name not in result.named), None)
                if free is not None:
                    result.named[free] = (value, here)
                    continue
            if argument.name is not None:
                if argument.name in result.named:
                    raise Problem("E0203", f"{argument.name} is given twice", argument.span)
                result.named[argument.name] = (value, argument.span)
                result.trees[argument.name] = argument.value
            elif not result.positional and isinstance(value, Tensor | Result):
                result.tensors.append(self.tensor(value, here))
            elif not result.positional and isinstance(value, list) and value and self.are_tensors(value):
                result.tensors.extend(self.tensor(item, here) for item in value)
            else:
                result.trees[len(result.positional)] = argument.value
                result.positional.append((value, here))
        return result

    def is_layer_value(
        self, definition: tree.Definition, argument: tree.Argument, position: int, named: set[str | None], frame: Frame
    ) -> bool:
        """Whether an argument is a layer or block with all of its arguments but the tensors: `leaky_relu(0.2)`.

        `position` is its place among those that are no tensors, `named` are the parameters that are given by name.
        """
        if not isinstance(argument.value, tree.Call | tree.Conditional):
            return False
        if argument.name is not None:
            parameter = next((p for p in definition.parameters if p.name == argument.name), None)
        else:
            plain = [p for p in definition.parameters if not is_tensor(p) and not is_tensors(p) and p.name not in named]
            parameter = plain[position] if position < len(plain) else None
        if parameter is None or is_tensor(parameter) or is_tensors(parameter):
            return False
        if is_layer(parameter):
            return True
        if parameter.type is not None or not self.makes_layer(argument.value, frame):
            return False
        leads = argument.name is None and position == 0 and not _defaults_to_layer(parameter)
        return not leads and not mentions_value(argument.value, frame.environment)

    def makes_layer(self, written: tree.Expr, frame: Frame) -> bool:
        """Whether an argument reads as a layer with arguments, whichever side of a condition is taken."""
        match written:
            case tree.Conditional(then, _, otherwise):
                sides = (then, otherwise)
                bare = all(isinstance(s, tree.Name | tree.Constant) or self.makes_layer(s, frame) for s in sides)
                return bare and any(self.makes_layer(side, frame) for side in sides)
            case tree.Call(tree.Name(name)):
                return name not in FUNCTIONS and (name in REGISTRY or name in frame.environment.templates)
        return False

    def layer_value(self, written: tree.Expr, frame: Frame) -> Any:
        """The value of an argument that is a layer: a word, none, or a call that is not applied yet."""
        match written:
            case tree.Conditional(then, condition, otherwise):
                return self.layer_value(then if self.truth(condition, frame) else otherwise, frame)
            case tree.Call(tree.Name(name), arguments) if self.makes_layer(written, frame):
                template = frame.environment.templates.get(name)
                definition = template.definition if template is not None else None
                evaluated = self.evaluated(arguments, frame, written.span, definition)
                if evaluated.tensors:
                    message = f"{name} is given here with a value, and this place needs the layer alone"
                    raise Problem(
                        "E0205", message, written.span, help="leave the value out: it is applied in the block"
                    )
                positional = tuple(value for value, _ in evaluated.positional)
                named = tuple((key, value) for key, (value, _) in evaluated.named.items())
                return LayerCall(name, written.span, positional, named, template, arguments)
        return self.evaluate(written, frame)

    def value_call(self, value: LayerCall, arguments: Arguments, span: Span, name_span: Span, frame: Frame) -> Result:
        """A layer that is a value, applied: it has its arguments already."""
        if arguments.positional or arguments.named:
            message = f"{value} has its arguments already, and takes values alone"
            raise Problem("E0203", message, span)
        arguments.positional = [(item, value.span) for item in value.positional]
        arguments.named = {name: (item, value.span) for name, item in value.named}
        arguments.written = value.written
        if value.template is not None:
            return self.block_call(value.template, arguments, span, frame)
        return self.layer_call(value.text, arguments, span, name_span, frame)

    def nothing(self, name: str, arguments: Arguments, span: Span, frame: Frame) -> Result:
        """A layer that is none passes its value on."""
        if arguments.positional or arguments.named or len(arguments.tensors) > 1:
            raise Problem("E0205", f"{name} is none, which takes one value and nothing else", span)
        return Result((arguments.tensors[0] if arguments.tensors else self.current(frame, span),))

    def function_call(self, function: Function, arguments: tuple[tree.Argument, ...], span: Span, frame: Frame) -> Any:
        """A function of numbers: its expression, with its parameters in the place of the arguments."""
        values = self.function_arguments(function.definition, arguments, span, frame)
        environment = Environment({}, function.environment, {}, {}, function.environment.templates)
        local = Frame(environment, frame.scope, None)
        for parameter in function.definition.parameters:
            if parameter.name in values:
                environment.names[parameter.name] = values[parameter.name]
            elif parameter.default is not None:
                environment.names[parameter.name] = self.evaluate(parameter.default, local)
            else:
                message = f"{function.definition.name} needs {parameter.name}"
                raise Problem("E0203", message, span, related=((function.definition.span, "defined here"),))
        of_numbers = self.remembers and all(type(value) in (int, float) for value in environment.names.values())
        key = (id(function), repr(environment.names)) if of_numbers else None
        if key in self.state.results:
            return self.state.results[key][1]
        self.state.functions += 1
        if self.state.functions > DEEPEST:
            raise Stop(Problem("E0505", f"functions are nested more than {DEEPEST} deep here", span))
        before = self.state.nodes
        try:
            result = self.evaluate(function.definition.value, local)
        finally:
            self.state.functions -= 1
        if key is not None and self.state.nodes == before:
            self.state.results[key] = function, result
        return result

    def function_arguments(
        self, function: tree.Function, arguments: tuple[tree.Argument, ...], span: Span, frame: Frame
    ) -> dict[str, Any]:
        """The arguments of a function of numbers by its parameters' names."""
        names = [parameter.name for parameter in function.parameters]
        values: dict[str, Any] = {}
        related = ((function.span, "defined here"),)
        for place, argument in enumerate(arguments):
            value = self.evaluate(argument.value, frame)
            if isinstance(value, Word | SharedModule | Tensor | Result | Modules):
                raise self.mistaken(value, "a number, a text or a list", argument.value.span)
            name = argument.name if argument.name is not None else names[place] if place < len(names) else None
            if name not in names or name in values:
                what = f"no parameter {name}" if name is not None and name not in names else "fewer parameters"
                raise Problem("E0203", f"{function.name} has {what}", argument.span, related=related)
            values[name] = value
        return values

    @staticmethod
    def are_tensors(values: list[Any]) -> bool:
        return all(isinstance(value, Tensor | Result) for value in values)

    def function(self, name: str, arguments: Arguments, span: Span) -> Any:
        if arguments.named:
            raise Problem("E0203", f"{name} takes no arguments by name", span)
        values = []
        for value, where in arguments.positional:
            if isinstance(value, Word | SharedModule):
                raise self.mistaken(value, "a value", where)
            values.append(value if name == "len" else self.weighed(value, where))
        try:
            result = operators.bounded(FUNCTIONS[name](*values))
            return result if isinstance(result, range) else self.weighed(result, span)
        except (OperandError, TooLarge) as error:
            self.fail(error, span)
        except TypeError:
            raise Problem("E0203", f"{name} does not take {counted(len(values), 'argument')}", span) from None

    def initializer(self, name: str, arguments: Arguments, span: Span) -> Initializer:
        """How weights start, as an argument: `trunc_normal(std=0.01)`."""
        if arguments.tensors:
            raise self.mistaken(arguments.tensors[0], "a number", span)
        try:
            return Initializer.of(
                name,
                [str(value) if isinstance(value, Word) else value for value, _ in arguments.positional],
                {key: str(value) if isinstance(value, Word) else value for key, (value, _) in arguments.named.items()},
            )
        except ValueError as error:
            raise Problem("E0203", str(error), span) from None

    def layer_call(self, name: str, arguments: Arguments, span: Span, name_span: Span, frame: Frame) -> Result:
        """A layer applied to its leading tensors, or else to the current value."""
        cls = REGISTRY[name]
        slots, fields = _slots_and_fields(cls)
        tensors = sum(argument.name is None for argument in arguments.written) - len(arguments.positional)
        if foreign := hints.foreign_argument(cls, arguments.written, tensors, slots, span):
            raise foreign
        if stage := hints.label_for_tensor(arguments.positional, len(fields), frame.environment):
            raise stage
        if word := hints.word_for_tensor(arguments.positional, len(fields), words()):
            raise self.unknown(word.text, word.span)
        try:
            layer = self.make_layer(cls, arguments, span, name_span, frame)
            inputs = self.layer_inputs(cls, arguments, span, frame)
            return self.apply(layer, inputs, span, frame)
        except Problem as problem:
            entering = arguments.tensors[0] if arguments.tensors else frame.current
            values = [value for value, _ in arguments.positional]
            raise hints.likelier(problem, cls, arguments.written, values, entering, span) from None

    def apply_layer(
        self, name: str, inputs: tuple[Tensor, ...], arguments: dict[str, Any], span: Span, frame: Frame
    ) -> tuple[Tensor, ...]:
        named = {key: (value, span) for key, value in arguments.items()}
        layer = self.make_layer(REGISTRY[name], Arguments([], [], named), span, span, frame, lexical=False)
        return self.apply(layer, inputs, span, frame).outputs

    def layer_inputs(self, cls: type[Layer], arguments: Arguments, span: Span, frame: Frame) -> tuple[Tensor, ...]:
        """The tensors of a layer's slots; an absent one before a present one repeats the one before it."""
        slots, _ = _slots_and_fields(cls)
        if not slots:
            return ()
        given: dict[str, Tensor] = {}
        leading = list(arguments.tensors)
        if cls.tensors[-1].startswith("*"):
            fixed = len(slots) - 1
            rest = leading[fixed:] or ([] if fixed else [self.current(frame, span)])
            return (*leading[:fixed], *rest)
        if len(leading) > len(slots):
            raise self.wrong(cls, f"{cls.name} takes at most {counted(len(slots), 'tensor')}, not {len(leading)}", span)
        given.update(zip(slots, leading, strict=False))
        for slot in slots:
            if slot in arguments.named:
                value, where = arguments.named[slot]
                given[slot] = self.tensor(value, where)
        if slots[0] not in given:
            given[slots[0]] = self.current(frame, span)
        inputs: list[Tensor] = []
        last = max(index for index, slot in enumerate(slots) if slot in given)
        for index, slot in enumerate(slots):
            if slot in given:
                inputs.append(given[slot])
            elif not cls.tensors[index].endswith("?"):
                raise self.wrong(cls, f"{cls.name} needs the tensor {slot}", span)
            elif index < last:
                inputs.append(inputs[-1])
        return tuple(inputs)

    def make_layer(
        self, cls: type[Layer], arguments: Arguments, span: Span, name_span: Span, frame: Frame, *, lexical: bool = True
    ) -> Layer:
        """The layer with its arguments; equal calls share one object."""
        slots, fields = _slots_and_fields(cls)
        values: dict[str, Any] = dict(frame.environment.defaults.get(cls.name, {})) if lexical else {}
        where: dict[str, Span] = {}
        if len(arguments.positional) > len(fields):
            extra = arguments.positional[len(fields)][1]
            raise self.wrong(cls, f"{cls.name} takes at most {counted(len(fields), 'argument')} besides tensors", extra)
        pairs = [(name, *pair) for name, pair in zip(fields, arguments.positional, strict=False)]
        pairs += [(name, *pair) for name, pair in arguments.named.items() if name not in slots]
        for name, value, here in pairs:
            if name in where:
                raise self.wrong(cls, f"{cls.name} is given {name} twice", here)
            where[name] = here
            if name not in cls.model_fields and not cls.collects:
                raise self.no_argument(cls, name, here)
            values[name] = self.plain(value, name, cls.name, here)
        drop_idle(cls, values, where)
        key = (cls.name, repr(values))
        layer = self.state.layers.get(key)
        if layer is None:
            try:
                layer = cls(**{name: str(v) if isinstance(v, Word) else v for name, v in values.items()})
            except ValidationError as error:
                raise self.invalid(cls, error, values, where, span) from None
            self.state.layers[key] = layer
        assert isinstance(layer, Layer)
        return layer

    def plain(self, value: Any, argument: str, callee: str, span: Span) -> Any:
        """An argument as a layer takes it: numbers, words, texts and lists of these."""
        if isinstance(value, OpenSize):
            raise Problem(
                "E0402",
                f"{argument} of {callee} depends on the open size {value}",
                span,
                f"this is {value}",
                help="give the input a size (--input NAME=[...]), or use a layer that follows one: upsample(like=x)",
            )
        if isinstance(value, Tensor | Result):
            help, mend = hints.start(argument, span) or (f"tensors lead: {callee}(x, ...)", None)
            message = f"{argument} of {callee} takes a number or a word, not a tensor"
            raise Problem("E0206", message, span, help=help, mend=mend)
        if isinstance(value, SharedModule):
            raise self.mistaken(value, "a number or a word", span)
        if isinstance(value, Spelled):
            return self.weighed(value, span)
        if isinstance(value, list | range):
            return tuple(self.plain(item, argument, callee, span) for item in self.weighed(value, span))
        return value

    def invalid(
        self, cls: type[Layer], error: ValidationError, values: dict[str, Any], where: dict[str, Span], span: Span
    ) -> Problem:
        """What pydantic found, as a sentence in the spec's terms."""
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        here = where.get(name, span)
        value = values.get(name)
        if first["type"] == "missing":
            missing = [str(e["loc"][0]) for e in error.errors(include_url=False) if e["type"] == "missing"]
            return self.wrong(cls, f"{cls.name} needs {' and '.join(missing)}", span)
        if first["type"] == "extra_forbidden":
            return self.no_argument(cls, name, here)
        for word in value if isinstance(value, tuple) else (value,):
            if isinstance(word, Word) and not takes_words(cls, name):
                return self.unknown(word.text, word.span)
        if first["type"] == "value_error":
            message = str(first.get("ctx", {}).get("error", first["msg"]))
            message = message if message.startswith(cls.name) else f"{cls.name}: {message}"
            help, mend = hints.choice(here, value, choices(cls, name))
            return self.wrong(cls, message, here, help=help, mend=mend)
        message = f"{name} of {cls.name} {demand(error, name, value)}"
        help, mend = hints.choice(here, value, choices(cls, name))
        label = f"this is {operators.kind(value)}"
        return self.wrong(cls, message, here, label=label, help=help or whole(value, here), mend=mend)

    def no_argument(self, cls: type[Layer], name: str, here: Span) -> Problem:
        """An argument of a name that the layer does not know; `here` begins with the name."""
        near = nearest(name, (*cls.model_fields, *_slots_and_fields(cls)[0]))
        mend = (Span(here.source, here.start, here.start + len(name)), near) if near else None
        help = f"did you mean {near}?" if near else ""
        return self.wrong(cls, f"{cls.name} has no argument {name}", here, help=help, mend=mend)

    def wrong(
        self,
        cls: type[Layer],
        message: str,
        span: Span,
        *,
        label: str = "",
        help: str = "",
        mend: tuple[Span, str] | None = None,
    ) -> Problem:
        return Problem("E0203", message, span, label, notes=(cls.signature(),), help=help, mend=mend)

    def apply(self, layer: Layer, inputs: tuple[Tensor, ...], span: Span, frame: Frame) -> Result:
        """A node: the layer at work on its inputs."""
        state = self.state
        state.spend(span)
        indices = index_requirements(layer, inputs, span)
        taken = tuple(tensor.shape for tensor in inputs)
        key = (id(layer), taken)
        known = state.shapes.get(key)
        if known is None:
            try:
                made = layer.outputs(*taken)
                weights = layer.parameters(*taken).values()
                is_open = any(shape.is_open for shape in (*made, *taken))
                if is_open:
                    layer.macs(*taken)
            except ShapeError as error:
                raise shapes.layer_problem(layer, inputs, span, frame.scope, error) from None
            except TooComplexError as error:
                raise _beyond_reckoning(error, span) from None
            _bound_sizes(made, span)
            bound_elements(made, weights, span)
            known = state.shapes[key] = made, is_open
        made, is_open = known
        if is_open:
            self.require(layer, taken, made, inputs, span, frame, indices)
        node = DraftNode(layer, inputs, span)
        node.outputs = tuple(Tensor(shape, span, node, index) for index, shape in enumerate(made))
        state.add(node, frame.scope)
        return Result(node.outputs, None, node)

    def require(
        self,
        layer: Layer,
        taken: Any,
        made: Any,
        inputs: Any,
        span: Span,
        frame: Frame,
        indices: tuple[Requirement, ...],
    ) -> None:
        """Notes what open sizes have to satisfy here, those of its indices too; raises where none can."""
        try:
            needs = [*layer.requires(*taken), *indices]
        except TooComplexError as error:
            raise _beyond_reckoning(error, span) from None
        known = {size for shape in taken for size in shape.dims}
        needs += [
            Requirement(size, ">=", 1)
            for shape in made
            for size in shape.dims
            if isinstance(size, OpenSize) and size not in known
        ]
        for need in needs:
            holds = self.state.requirements.get(need)
            if holds is None:
                try:
                    holds = self.state.requirements[need] = need.status
                except TooComplexError as error:
                    raise _beyond_reckoning(error, span) from None
                if holds == "sometimes":
                    self.state.fits.append(Fit(need, span))
            if holds == "never":
                raise Problem(
                    "E0401",
                    f"{layer.name} fits for no size: {need.left} is never {_SAID[need.relation]} {need.right}",
                    span,
                    notes=(
                        *(f"{tensor.shape} is {shapes.origin(tensor, span)}" for tensor in inputs),
                        *shapes.way_here(frame.scope, span),
                    ),
                )

    def block_call(self, template: Template, arguments: Arguments, span: Span, frame: Frame) -> Result:
        """A block or net applied: leading tensors fill its tensor parameters, or enter it where there is one more."""
        definition = template.definition
        leads = [p for p in definition.parameters if is_tensor(p) and p.name not in arguments.named]
        tensors = list(arguments.tensors)
        entering = tensors.pop(0) if len(tensors) > len(leads) else None
        if len(tensors) > len(leads):
            message = f"{definition.name} takes {counted(len(leads), 'tensor')} besides the one that enters it"
            help, mend = hints.tensor_parameters(definition, arguments.named, len(arguments.tensors), arguments.written)
            raise self.misused(definition, message, span, help=help, mend=mend)
        bound = self.bound(definition, [(tensor, span) for tensor in tensors], arguments)
        lists = [bound[p.name] for p in definition.parameters if is_tensors(p) and p.name in bound]
        if entering is None and lists and frame.current is None and isinstance(lists[0][0], list) and lists[0][0]:
            entering = self.tensor(lists[0][0][0], span)
        values: dict[str, Any] = {p.name: [] for p in definition.parameters if is_tensors(p) and p.default is not None}
        values |= frame.environment.defaults.get(definition.name, {})
        values |= self.for_parameters(definition, bound)
        missing = [p.name for p in definition.parameters if p.default is None and p.name not in values]
        if missing and arguments.tensors and entering is not None:
            help, mend = hints.tensor_parameters(definition, arguments.named, len(arguments.tensors), arguments.written)
            message = f"{definition.name} needs {missing[0]}"
            raise self.misused(definition, message, span, help=help, code="E0210", mend=mend)
        if missing:
            raise hints.missing(definition, missing[0], span)
        return self.instantiate(template, entering or self.current(frame, span), values, span, frame)

    def bound(
        self, definition: tree.Definition, tensors: list[tuple[Any, Span]], arguments: Arguments
    ) -> dict[str, tuple[Any, Span]]:
        """The arguments by parameter: leading tensors go to the tensor parameters, what follows to the others."""
        free = [p for p in definition.parameters if p.name not in arguments.named]
        if any(isinstance(value, Tensor | Result) for value, _ in arguments.positional):
            ordered, given = free, [*tensors, *arguments.positional]
        else:
            leading, others = [p for p in free if is_tensor(p)], [p for p in free if not is_tensor(p)]
            ordered = [*leading[: len(tensors)], *others, *leading[len(tensors) :]]
            given = [*tensors, *arguments.positional]
        if len(given) > len(ordered):
            message = f"{definition.name} takes at most {counted(len(definition.parameters), 'argument')}"
            raise self.misused(definition, message, given[len(ordered)][1])
        bound = {parameter.name: pair for parameter, pair in zip(ordered, given, strict=False)}
        for name, pair in arguments.named.items():
            known = [parameter.name for parameter in definition.parameters]
            if name not in known:
                near = nearest(name, known)
                raise self.misused(
                    definition,
                    f"{definition.name} has no parameter {name}",
                    pair[1],
                    help=f"did you mean {near}?" if near else "",
                    mend=(Span(pair[1].source, pair[1].start, pair[1].start + len(name)), near) if near else None,
                )
            bound[name] = pair
        return bound

    def for_parameters(self, definition: tree.Definition, bound: Mapping[str, tuple[Any, Span]]) -> dict[str, Any]:
        """The values of parameters by name, each of its parameter's type; raises Problem where one is of another."""
        by_name = {parameter.name: parameter for parameter in definition.parameters}
        return {name: self.for_parameter(definition, by_name[name], *pair) for name, pair in bound.items()}

    def for_parameter(self, definition: tree.Definition, parameter: tree.Parameter, value: Any, span: Span) -> Any:
        """The value that a parameter is given, of the parameter's type; raises Problem where it is of another."""
        name = parameter.name
        if is_tensor(parameter):
            if not isinstance(value, Tensor | Result | Word | SharedModule):
                if self.state.frame and (problem := hints.label_as_text(value, span, self.state.frame.environment)):
                    raise problem
                message = f"{name} of {definition.name} is a tensor, but this is {operators.kind(value)}"
                raise self.misused(definition, message, span, code="E0210")
            return self.tensor(value, span)
        if is_tensors(parameter):
            items = self.as_list(value)
            if not isinstance(items, list) or not self.are_tensors(items):
                odd = hints.odd_one(items)
                if odd is not None and isinstance(items[odd], Word):
                    raise self.unknown(items[odd].text, items[odd].span)
                found = f"this is {operators.kind(value)}"
                found = found if odd is None else f"item {odd} of this is {operators.kind(items[odd])}"
                message = f"{name} of {definition.name} is a list of tensors, but {found}"
                help, mend = hints.one_in_list(value, span)
                raise self.misused(definition, message, span, code="E0210", help=help, mend=mend)
            return [self.tensor(item, span) for item in items]
        if isinstance(value, SharedModule | Function | Modules):
            raise self.mistaken(value, "a value", span)
        if isinstance(value, LayerCall) and (parameter.type is None or is_layer(parameter)):
            return value
        if isinstance(value, Word) and (parameter.type is None or is_layer(parameter)):
            frame = self.state.frame
            template = frame.environment.templates.get(value.text) if frame is not None else None
            if template is not None:
                return LayerCall(value.text, value.span, template=template)
            if value.text not in REGISTRY and is_layer(parameter) and frame is not None:
                raise self.unknown_callee(value.text, UNBOUND, (), (value.span, value.span), frame, stage=True)
            if value.text not in REGISTRY and value.text not in words():
                raise self.unknown(value.text, value.span)
            return value
        if isinstance(value, Word):
            if not takes_text(parameter.type):
                raise self.unknown(value.text, value.span)
            value = value.text
        if isinstance(value, range):
            value = list(self.weighed(value, span))
        if not fits_type(value, parameter.type):
            raise not_of_type(definition, parameter, value, span)
        if parameter.type == tree.TypeName("float") and isinstance(value, int):
            return float(value)
        return value

    def misused(
        self,
        definition: tree.Definition,
        message: str,
        span: Span,
        *,
        help: str = "",
        code: str = "E0203",
        mend: tuple[Span, str] | None = None,
    ) -> Problem:
        return Problem(code, message, span, related=((definition.signature, "defined here"),), help=help, mend=mend)

    def shared_call(
        self, shared: SharedModule, arguments: tuple[tree.Argument, ...], span: Span, frame: Frame
    ) -> Result:
        evaluated = self.evaluated(arguments, frame, span)
        for value, where in (*evaluated.positional, *evaluated.named.values()):
            if isinstance(value, Word):
                raise self.mistaken(value, "a tensor", where)
        if evaluated.positional or evaluated.named or len(evaluated.tensors) > 1:
            raise Problem(
                "E0218",
                f"{shared.name} is a shared module: it takes one tensor and nothing else",
                span,
                related=((shared.span, "declared here"),),
            )
        entering = evaluated.tensors[0] if evaluated.tensors else self.current(frame, span)
        return self.apply_shared(shared, entering, span, frame)


LARGEST_SIZE = 2**31 - 1
MOST_DIMENSIONS = 8
"""The batch not counted."""
MOST_ELEMENTS = 2**48
"""Of one sample of a value, or of a weight: a petabyte."""
_SAID = {"==": "equal to", ">=": "at least"}


def _beyond_reckoning(error: TooComplexError, span: Span) -> Problem:
    return Problem("E0504", f"{error} is beyond what can be reckoned with", span)


def _bound_sizes(made: tuple[Shape, ...], span: Span) -> None:
    """Raises Problem where a size, or the number of sizes, is beyond what a tensor can have."""
    for shape in made:
        if shape.rank > MOST_DIMENSIONS:
            message = f"a value of {shape.rank} dimensions is beyond what a net may have, {MOST_DIMENSIONS}"
            raise Problem("E0504", message, span)
    for size in (size for shape in made for size in shape.dims):
        if isinstance(size, int) and size > LARGEST_SIZE:
            message = f"a size of {size:,} is beyond what a tensor can have, {LARGEST_SIZE:,}"
            raise Problem("E0504", message, span)


def bound_elements(made: Iterable[Shape], weights: Iterable[tuple[int, ...]], span: Span) -> None:
    """Raises Problem where a value or a weight has more numbers than any memory holds."""
    for what, sizes in (*(("value", shape.dims) for shape in made), *(("weight", sizes) for sizes in weights)):
        known = [size for size in sizes if isinstance(size, int)]
        if prod(known) > MOST_ELEMENTS:
            text = " x ".join(f"{size:,}" for size in known)
            message = f"a {what} of {text} numbers is beyond what a memory can hold, {MOST_ELEMENTS:,}"
            raise Problem("E0504", message, span)


def drop_idle(cls: type[Layer], values: dict[str, Any], given: Collection[str]) -> None:
    """Takes out of a layer's arguments the defaults that speak of what others switch off; what is `given` stays."""
    for name, switch in cls.speaks_of.items():
        if name in values and name not in given and values.get(switch) is False:
            del values[name]


def _defaults_to_layer(parameter: tree.Parameter) -> bool:
    """Whether a parameter that says no type is none or a layer where nothing is given."""
    match parameter.default:
        case tree.Constant(None):
            return True
        case tree.Name(name):
            return name in REGISTRY
    return False


@cache
def _slots_and_fields(cls: type[Layer]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a layer's tensors and of its other arguments, in order."""
    return tuple(slot.strip("*?") for slot in cls.tensors), tuple(cls.model_fields)
