"""Whole nets and blocks: parameters, inputs, outputs, and the graph at the end."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any

from netspec.diagnostics import NetspecError
from netspec.elaborate import budgets, hints, operators
from netspec.elaborate.bounds import ENORMOUS, heaviest
from netspec.elaborate.calls import MOST_DIMENSIONS, bound_elements
from netspec.elaborate.draft import DraftOutput, DraftScope, freeze
from netspec.elaborate.environment import Environment
from netspec.elaborate.fitting import with_sizes
from netspec.elaborate.numbering import is_chain_body
from netspec.elaborate.operators import FUNCTIONS
from netspec.elaborate.problems import Problem, Spoilt, Stop, in_order, nearest
from netspec.elaborate.state import MOST_STAGES, STEPS_OF_A_NET, STEPS_OF_A_STATEMENT, Frame, State
from netspec.elaborate.types import fits_type, is_layer, is_tensors, not_of_type
from netspec.elaborate.values import Function, Listed, Poison, Result, Template, Tensor, Word
from netspec.elaborate.wiring import Wirings
from netspec.graph.blueprint import Blueprint
from netspec.graph.graph import Fit, Graph
from netspec.layers import REGISTRY
from netspec.shapes.requirements import LARGEST, describe, satisfiable
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize, symbols
from netspec.syntax import tree
from netspec.syntax.inputs import HELP, open_sizes
from netspec.syntax.parser import parse
from netspec.syntax.source import Source, Span

MOST_OPEN_SIZES = 16
MOST_ENDS = 256
"""How many inputs a net may have, and how many outputs."""
MOST_TRIED = 64
"""Of requirements that exclude each other, how many are tried for whether they have a part in it."""
MOST_BUDGETS = 64
"""How many figures a net may assert."""


_INSTEAD: dict[type, tuple[str, str]] = {
    tree.Input: ("input", "a block takes tensor parameters: block Up(skip: tensor)"),
    tree.Output: ("output", "a block ends with its result, or with return"),
    tree.Assert: ("assert", "a net asserts what its stages may cost, by their names: assert macs(layer3) < 600M"),
}


class Elaborator(Wirings):
    """Elaborates one net; `inputs` are declared shapes to use in place of the spec's, by the input's name."""

    def __init__(self, state: State, inputs: Mapping[str, list[Any]] | None = None) -> None:
        super().__init__(state)
        self.shapes = dict(inputs or {})
        self.results: list[Tensor] = []

    def instantiate(
        self, template: Template, entering: Tensor, arguments: dict[str, Any], span: Span, frame: Frame
    ) -> Result:
        """A block, or a net used as one, at work on a value."""
        definition = template.definition
        self.not_inside_itself(definition, span)
        environment = template.environment.module()
        self.bind_parameters(definition, arguments, environment, span)
        scope = self.scope("block", definition.name, span, frame)
        scope.definition = definition.signature
        scope.arguments, scope.tensors = _split(definition, environment)
        local = Frame(
            environment,
            scope,
            entering,
            entering,
            depth=frame.depth + 1,
            inputs=0,
            outermost=definition.kind,
        )
        key = id(definition)
        if key not in self.state.chains:  # whatever its arguments are, what of them is a value is the same
            self.state.chains[key] = is_chain_body(definition.body, environment)
        scope.numbered = self.state.chains[key]
        self.state.open_blocks[id(definition)] = definition
        results, self.results = self.results, []
        self.run(definition.body, local, self.sequence)
        made, self.results = self.results, results
        del self.state.open_blocks[id(definition)]
        self.state.frame = frame
        scope.inputs = (entering,)
        scope.outputs = tuple(made) or local.returned or (self.current(local, span),)
        scope.inside = self.readable(scope, environment)
        return Result(scope.outputs, scope.inside, scope)

    def not_inside_itself(self, definition: tree.Definition, span: Span) -> None:
        opened = self.state.open_blocks
        if id(definition) in opened:
            names = [around.name for around in list(opened.values())[list(opened).index(id(definition)) :]]
            raise Stop(
                Problem(
                    "E0503",
                    f"{definition.name} is built from itself: {' -> '.join([*names, definition.name])}",
                    span,
                    related=((definition.signature, "defined here"),),
                    help="blocks cannot be recursive; use repeat or for",
                )
            )

    def bind_parameters(
        self, definition: tree.Definition, arguments: dict[str, Any], environment: Environment, span: Span
    ) -> None:
        """Every parameter's name with its argument, or else its default, evaluated where the block is defined."""
        self.state.work(span, STEPS_OF_A_STATEMENT * len(definition.parameters))
        environment.parameters = {parameter.name for parameter in definition.parameters}
        for parameter in definition.parameters:
            if parameter.name in arguments:
                environment.names[parameter.name] = arguments[parameter.name]
                continue
            if parameter.default is None:
                raise hints.missing(definition, parameter.name, span)
            nowhere = Frame(environment, DraftScope("group", "", span), None)
            value = self.default_of(parameter, nowhere)
            value = self.for_parameter(definition, parameter, value, parameter.default.span)
            environment.names[parameter.name] = value

    def with_layers(
        self, definition: tree.Definition, arguments: Mapping[str, Any], environment: Environment
    ) -> dict[str, Any]:
        """The arguments of a net, the texts among them that name layers read as such: `--set act=leaky_relu(0.2)`."""
        found = dict(arguments)
        for parameter in definition.parameters:
            text = found.get(parameter.name)
            by_default = isinstance(parameter.default, tree.Name | tree.Call) and parameter.type is None
            if not isinstance(text, str) or not (is_layer(parameter) or by_default):
                continue
            source = Source("<argument>", f"let value = {text}")
            file, mistakes = parse(source)
            self.state.diagnostics.extend(mistakes)
            for item in file.items if not mistakes else ():
                if isinstance(item, tree.Let) and len(item.flow.elements) == 1:
                    written = item.flow.elements[0]
                    assert not isinstance(written, tree.Group | tree.Wiring)
                    self.state.frame = Frame(environment, DraftScope("group", "", item.span), None)
                    value = self.layer_value(written, self.state.frame)
                    found[parameter.name] = self.for_parameter(definition, parameter, value, written.span)
        return found

    def default_of(self, parameter: tree.Parameter, frame: Frame) -> Any:
        """The value of a parameter's default; a call of a layer is the layer, as there is nothing to apply it to."""
        assert parameter.default is not None
        match parameter.default:
            case tree.Call(tree.Name(name)) if name not in FUNCTIONS and not isinstance(
                frame.environment.get(name), Function
            ):
                return self.layer_value(parameter.default, frame)
        return self.evaluate(parameter.default, frame)

    def net_statement(self, statement: tree.Input | tree.Output | tree.Assert, frame: Frame) -> None:
        if frame.outermost != "net":
            what, inside = _INSTEAD[type(statement)]
            raise Problem("E0215", f"{what} belongs in the body of a net", statement.span, help=inside)
        if isinstance(statement, tree.Input):
            self.input(statement, frame)
        elif isinstance(statement, tree.Output):
            self.output(statement, frame)
        elif frame.scope.module.kind == "net":  # a net that is used as a block is not held to its own budget
            if len(self.state.budgets) == MOST_BUDGETS:
                raise Stop(Problem("E0504", f"a net has at most {MOST_BUDGETS} budgets", statement.span))
            self.state.budgets.append(budgets.read(statement, lambda part: self.evaluate(part, frame)))

    def input(self, statement: tree.Input, frame: Frame) -> None:
        """Declares an input; in a net used as a block, names the value that has entered."""
        if len(self.state.inputs) == MOST_ENDS:
            raise Stop(Problem("E0504", f"a net has at most {MOST_ENDS} inputs", statement.span))
        shape = self.declared(statement, frame)
        frame.inputs += 1
        if frame.scope.module.kind == "block":
            self.enter(statement, shape, frame)
            return
        tensor = Tensor(shape, statement.span, None, 0, statement.name)
        for existing in self.state.inputs:
            if existing.name == statement.name:
                message, related = f"there is an input named {statement.name} already", ((existing.span, "the first"),)
                raise Problem("E0204", message, statement.span, "the second", related=related)
        self.state.inputs.append(tensor)
        frame.scope.module.inputs = tuple(self.state.inputs)
        frame.environment.names[statement.name] = tensor
        frame.current = frame.entered = tensor if frame.inputs == 1 else None

    def enter(self, statement: tree.Input, shape: Shape, frame: Frame) -> None:
        if frame.inputs > 1:
            scope = frame.scope.module
            raise Problem(
                "E0216",
                f"{scope.title} has several inputs, so it cannot be used as a block",
                scope.span,
                related=((statement.span, "its second input"),),
                help="a block takes more than one value as tensor parameters: block Pair(other: tensor)",
            )
        entering = self.sound(frame.entered)
        assert isinstance(entering, Tensor)
        if entering.shape.rank != shape.rank:
            raise Problem(
                "E0303",
                f"{frame.scope.module.title} takes {shape}, but it is given {entering.shape}",
                frame.scope.module.span,
                f"this value is {entering.shape}",
                related=((statement.span, "declared here"),),
            )
        frame.environment.names[statement.name] = entering

    def declared(self, statement: tree.Input, frame: Frame) -> Shape:
        """The shape that an input statement, or what overrides it, declares."""
        if statement.dtype not in {None, "int", "float", "bool"}:
            near = nearest(str(statement.dtype), ["int", "float", "bool"])
            raise Problem(
                "E0210",
                f"an input is of int, float or bool, not of {statement.dtype}",
                statement.span,
                help=f"did you mean {near}?" if near else "",
            )
        dims: list[Any] = []
        for part in statement.shape:
            dims.append(self.declared_size(part, frame))
        if statement.name in self.shapes and frame.scope.module.kind == "net":
            given = self.shapes[statement.name]
            dims = [self.dimension(OpenSize.symbol(s) if isinstance(s, str) else s, statement.span) for s in given]
        if len(dims) > MOST_DIMENSIONS:
            raise Problem("E0302", f"an input has at most {MOST_DIMENSIONS} dimensions", statement.span)
        shape = Shape(tuple(dims), statement.dtype or "float")  # type: ignore[arg-type]
        bound_elements([shape], [], statement.span)
        open_sizes = set().union(*(symbols(size) for known in (*self.state.inputs,) for size in known.shape.dims))
        if len(open_sizes.union(*map(symbols, dims))) > MOST_OPEN_SIZES:
            raise Problem("E0504", f"a net has at most {MOST_OPEN_SIZES} open sizes", statement.span)
        return shape

    def declared_size(self, part: tree.Expr, frame: Frame) -> Any:
        size = self.evaluate(part, frame)
        return self.dimension(OpenSize.symbol(size.text) if isinstance(size, Word) else size, part.span)

    def dimension(self, size: Any, span: Span) -> Any:
        if isinstance(size, OpenSize):
            return size
        if isinstance(size, bool) or not isinstance(size, int):
            raise self.mistaken(size, "a whole number or the name of an open size", span)
        if not 1 <= size <= 2**31 - 1:
            edit = open_sizes(span.source.text, span.start) if size < 0 else None
            mend = (Span(span.source, *edit[0]), edit[1]) if edit else None
            help = f"write [{edit[1]}]: {HELP}" if edit and size == -1 else f"write {-size}" if edit else ""
            code = "E0305" if size < 1 else "E0504"
            raise Problem(code, f"a dimension cannot be {size:,}", span, help=help, mend=mend)
        return size

    def output(self, statement: tree.Output, frame: Frame) -> None:
        """Names an output; the flow stays where it was."""
        if len(self.state.outputs) == MOST_ENDS:
            raise Stop(Problem("E0504", f"a net has at most {MOST_ENDS} outputs", statement.span))
        nested = frame.scope.module.kind == "block"
        if nested and statement.when_training:
            return
        name = None if statement.label is None else self.label(statement.label, frame)
        if name is not None:
            self.free_output(name, statement.span, nested=nested)
            self.free(name, statement.span, frame)
        result = self.list_given(statement.flow, frame)
        if result is None and name is None:
            result = self.flow(statement.flow, frame)
        elif result is None:
            result = self.named(str(name), statement.flow, statement.span, frame)
        if name is not None:
            frame.environment.give(name, result)
        is_list = isinstance(result.outputs, Listed)
        for place, tensor in enumerate(result.outputs if is_list else result.outputs[:1]):
            if nested:
                self.results.append(tensor)
                continue
            item = f"{name}{place}" if name is not None and is_list else name
            if item is not None:
                self.free_output(item, statement.span, nested=nested)
            self.state.outputs.append(DraftOutput(item, tensor, statement.when_training))

    def free_output(self, name: str, span: Span, *, nested: bool) -> None:
        """Raises Problem where the net has an output of this name."""
        if not nested and any(output.name == name for output in self.state.outputs):
            raise Problem("E0204", f"there is an output named {name} already", span)

    def list_given(self, flow: tree.Flow, frame: Frame) -> Result | None:
        """The values of a list that is written where an output's stages may stand; None where it is no list."""
        only = flow.elements[0]
        if len(flow.elements) > 1 or not isinstance(only, tree.Name | tree.List | tree.Comprehension | tree.Slice):
            return None
        if isinstance(only, tree.Name) and not isinstance(frame.environment.get(only.id), list):
            return None
        values = self.as_list(self.evaluate(only, frame))
        if not isinstance(values, list) or not values:
            found = "an empty list" if values == [] else operators.kind(values)
            raise Problem("E0205", f"an output is a value or a list of them, and this is {found}", only.span)
        spans = [part.span for part in only.items] if isinstance(only, tree.List) else [only.span] * len(values)
        for value, span in zip(values, spans, strict=True):
            if not isinstance(value, Tensor | Result):
                message = f"outputs are values, and this is {operators.kind(value)}"
                raise hints.label_as_text(value, span, frame.environment) or Problem(
                    "E0205", message, span, help="leave it out"
                )
        return Result(Listed(self.tensor(value, only.span) for value in values))


def is_layer_call(flow: tree.Flow) -> bool:
    """Whether a flow is a call of a layer, and nothing else."""
    match flow.elements:
        case (tree.Call(tree.Name(name)),):
            return name in REGISTRY and name not in FUNCTIONS
    return False


def elaborate(
    template: Template,
    arguments: Mapping[str, Any] | None = None,
    inputs: Mapping[str, list[Any]] | None = None,
    state: State | None = None,
) -> Graph:
    """The graph of a net with the given arguments for its parameters and shapes for its inputs.

    `state` is one in which nothing has grown yet, where some of the work has been spent already.
    Raises NetspecError with everything that was found wrong.
    """
    state = state or State()
    values, shapes = dict(arguments or {}), dict(inputs or {})
    graph = _attempt(template, values, shapes, state)
    if graph is None:
        found = in_order(state.diagnostics, template.definition.span.source)
        raise NetspecError(
            with_sizes(
                found,
                state.inputs,
                lambda others, trial: _attempt(template, values, {**shapes, **others}, trial),
                state,
            )
        )
    return replace(graph, origin=partial(blueprint_of, template, values, shapes))


@contextmanager
def reporting(state: State, definition: tree.Definition) -> Iterator[None]:
    """Has what goes wrong in the elaboration of a net among the state's diagnostics, in place of raising it."""
    try:
        yield
    except Problem as problem:
        state.report(problem)
    except Stop as stop:
        state.report(stop.problem)
    except Spoilt:
        pass
    except RecursionError:
        message = f"{definition.name} is nested too deep to be unrolled"
        state.report(Problem("E0505", message, definition.signature))


def _attempt(template: Template, arguments: dict[str, Any], inputs: dict[str, list[Any]], state: State) -> Graph | None:
    """The graph of a net; None where something is wrong, which is then among the state's diagnostics."""
    graph: Graph | None = None
    with reporting(state, template.definition):
        graph = _net(Elaborator(state, inputs), template, arguments)
    return None if state.diagnostics else graph


def blueprint_of(
    template: Template, arguments: dict[str, Any], inputs: dict[str, list[Any]], graph: Graph
) -> Blueprint | None:
    """The blueprint of a net that has been elaborated to `graph` with these arguments; None where it cannot be said."""
    from netspec.elaborate.blueprints import Blueprints

    return Blueprints().net(template, arguments, inputs, graph)


def _net(elaborator: Elaborator, template: Template, arguments: dict[str, Any]) -> Graph | None:
    state, definition = elaborator.state, template.definition
    root = DraftScope("net", definition.name, definition.signature)
    grow(elaborator, template, arguments, root)
    if state.diagnostics:
        return None
    graph = freeze(root, tuple(state.inputs), state.outputs, state.fits, comment_on(definition))
    return replace(graph, budgets=tuple(state.budgets)) if state.budgets else graph


def grow(elaborator: Elaborator, template: Template, arguments: dict[str, Any], root: DraftScope) -> None:
    """Fills `root`, the scope of a net, with its stages.

    Raises Problem, Stop or Spoilt, and leaves what else is wrong with the elaborator's state; the stages before are
    in the scope in every case.
    """
    state, definition = elaborator.state, template.definition
    environment = template.environment.module()
    arguments = elaborator.with_layers(definition, arguments, environment)
    _check_arguments(definition, arguments)
    state.work(definition.signature, STEPS_OF_A_NET)
    elaborator.bind_parameters(definition, arguments, environment, definition.signature)
    _check_inputs(definition, elaborator.shapes)
    _check_size(template)
    root.definition = definition.signature
    root.arguments, _ = _split(definition, environment)
    frame = Frame(environment, root, None, outermost="net")
    state.open_blocks = {id(definition): definition}
    root.numbered = is_chain_body(definition.body, environment)
    elaborator.run(definition.body, frame, elaborator.sequence)
    if state.diagnostics:
        return
    if not state.inputs:
        raise Problem(
            "E0216",
            f"the net {definition.name} has no input",
            definition.signature,
            help="declare one first: input image [3, 224, 224]",
        )
    if all(output.when_training for output in state.outputs):
        last = elaborator.current(frame, definition.signature)
        state.outputs.insert(0, DraftOutput(None, last, False))
    root.outputs = tuple(output.tensor for output in state.outputs)
    if state.fits and not _together(state.fits):
        raise _never_fits(state, definition)


def _check_arguments(definition: tree.Definition, arguments: dict[str, Any]) -> None:
    known = {parameter.name: parameter for parameter in definition.parameters}
    for name, value in arguments.items():
        if name not in known:
            near = nearest(name, known)
            raise Problem(
                "E0210",
                f"the net {definition.name} has no parameter {name}",
                definition.signature,
                help=f"did you mean {near}?" if near else "",
            )
        if not fits_type(value, known[name].type):
            raise not_of_type(definition, known[name], value, known[name].span)


def _check_size(template: Template) -> None:
    """Raises Stop where the net certainly has more stages than it may have."""
    least, heaviest_part = heaviest(template)
    if least > MOST_STAGES and heaviest_part is not None:
        many = f"at least {least:,} stages" if least < ENORMOUS else "far too many stages"
        raise Stop(
            Problem(
                "E0502",
                f"{template.definition.name} unrolls to {many}; the limit is {MOST_STAGES:,}",
                heaviest_part.span,
                "most of them are in here",
                help="make the repeats or the blocks that use blocks smaller",
            )
        )


def _check_inputs(definition: tree.Definition, shapes: Mapping[str, list[Any]]) -> None:
    declared = [s.name for s in definition.body.statements if isinstance(s, tree.Input)]
    for name in shapes:
        if name not in declared:
            near = nearest(name, declared)
            raise Problem(
                "E0210",
                f"the net {definition.name} has no input {name}",
                definition.signature,
                help=f"did you mean {near}?" if near else f"its inputs are {', '.join(declared)}",
            )


def _never_fits(state: State, definition: tree.Definition) -> Problem:
    """The first requirement that cannot be met together with those before it, and one that it contradicts, if one."""
    last = bisect(range(len(state.fits)), False, key=lambda i: not _together(state.fits[: i + 1]))
    against = state.fits[last]
    alone = (fit for fit in state.fits[:last] if not _together([fit, against]))
    others = [fit for fit in [next(alone, None)] if fit is not None] or state.fits[:last]
    for fit in others[:MOST_TRIED]:
        rest = [other for other in others if other is not fit]
        others = others if _together([*rest, against]) else rest
    return Problem(
        "E0401",
        f"no sizes of the open dimensions up to {LARGEST:,} fit all of {definition.name}",
        against.span,
        f"here {_told(against)}",
        related=tuple((fit.span, _told(fit)) for fit in others[-3:]),
    )


def _together(fits: Sequence[Fit]) -> bool:
    return satisfiable([fit.requirement for fit in fits])


def _told(fit: Fit) -> str:
    return " and ".join(describe([fit.requirement]))


def _split(
    definition: tree.Definition, environment: Environment
) -> tuple[tuple[tuple[str, Any], ...], tuple[Tensor, ...]]:
    """A definition's arguments as data for the graph, and the tensors among them."""
    plain: list[tuple[str, Any]] = []
    tensors: list[Tensor] = []
    for parameter in definition.parameters:
        value = environment.names.get(parameter.name)
        if isinstance(value, Tensor):
            tensors.append(value)
        elif is_tensors(parameter):
            tensors.extend(value if isinstance(value, list) else ())
        elif not isinstance(value, Result | Poison):
            plain.append((parameter.name, str(value) if isinstance(value, Word) else value))
    return tuple(plain), tuple(tensors)


def comment_on(definition: tree.Definition) -> str:
    """What the author says of a definition: the comment lines directly above it; of a net without any, those that the
    file begins with.
    """
    source, number = definition.span.source, definition.span.line - 1
    while number >= 1 and source.line(number).strip().startswith("#"):
        number -= 1
    lines = [source.line(line) for line in range(number + 1, definition.span.line)]
    if not lines and definition.kind == "net":
        numbers = range(1, definition.span.line)
        lines = list(takewhile(lambda line: line.strip().startswith("#"), map(source.line, numbers)))
    return "\n".join(line.strip().lstrip("#").strip() for line in lines)
