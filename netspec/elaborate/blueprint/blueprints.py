"""Blueprints of the blocks that a net uses: each elaborated for all arguments, once for each way that it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import islice, zip_longest
from typing import Any, TypeAlias

from netspec.diagnostics import NetspecError
from netspec.elaborate.blueprint.keys import Mismatch, keys
from netspec.elaborate.blueprint.reaching import Assumption, is_decidable, reaching
from netspec.elaborate.blueprint.regions import Regions, spelled
from netspec.elaborate.blueprint_elaborator import BlueprintElaborator
from netspec.elaborate.bodies.stages import sequence
from netspec.elaborate.bodies.statements import run_body
from netspec.elaborate.draft import DraftOutput, DraftScope, Tensor
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.expressions.sayings import Unsayable, computed, folded, is_constant, literal, written_out
from netspec.elaborate.generic.expressions import translation
from netspec.elaborate.generic.generic import Generic
from netspec.elaborate.generic.numbers import bare
from netspec.elaborate.graph_elaborator import GraphElaborator
from netspec.elaborate.nets.documentation import comment_on
from netspec.elaborate.nets.parameters import default_of
from netspec.elaborate.problems import Problem, Spoilt, Stop
from netspec.elaborate.state import Frame, Memory, State
from netspec.elaborate.values.environment import Environment, Modules, Poison, Template
from netspec.elaborate.values.numbering import is_chain_body
from netspec.elaborate.values.operators import OperandError, TooLarge
from netspec.elaborate.values.types import is_layer, is_tensor, is_tensors
from netspec.elaborate.values.values import Listed, Result, Word
from netspec.graph.blueprint import COUNTS, Blueprint, Let, Parameter
from netspec.graph.graph import Graph, ScopeKind
from netspec.layers.declaration.symbols import (
    OPAQUE,
    Whole,
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
from netspec.shapes.sets import Set
from netspec.shapes.shape import COUNT, Shape, sets_of
from netspec.shapes.sizes import Dimension, OpenSize
from netspec.syntax import tree
from netspec.syntax.source import Span

LOOKED_THROUGH = 500
"""So many blocks are kept in mind of which it is known what their bodies read."""
MOST_TRIES = 8
"""How many other calls of a block are tried for a body that its own call does not reach."""
TRIES_OF_A_BODY = 2
EVERYTHING = "*"
"""Stands among the fixed names for all of them."""


Inside: TypeAlias = dict[str, tuple[list[Any], Any]]
"""The labels in a block: the values under each, and what is inside of it in turn, or None."""


@dataclass(slots=True, eq=False)
class Called:
    """A call of a block, over the caller's names: its blueprint, the shapes of its outputs and of what can be read from
    it, and the numbers of its sizes.
    """

    blueprint: Blueprint
    shapes: list[Shape]
    sizes: dict[str, int]
    inside: Inside
    sets: list[Set]
    """The sets that are made in it."""


@dataclass(slots=True, eq=False)
class Run:
    """A block elaborated with the numbers of one call: its blueprint, the shapes of its outputs over the names of the
    blueprint, and the numbers of what follows from heights and widths.
    """

    blueprint: Blueprint
    shapes: list[Shape]
    sizes: dict[str, tuple[int, frozenset[str]]]
    refusals: list[tuple[Assumption, ...]]
    """What is assumed where each body stands that refuses."""
    inside: Inside
    lets: dict[str, tree.Expr]
    numbers: dict[str, Any]
    """The arguments of the call."""
    entered: tuple[Set, ...]
    made: tuple[Set, ...]
    """The sets of what enters it, and those that are made in it."""
    written_out: dict[int, Shape] = field(default_factory=dict)
    """Its shapes over the blueprint's parameters alone, by identity."""


@dataclass(slots=True, eq=False)
class Blueprints:
    """All blueprints of one net, made as they are asked for."""

    runs: dict[Any, Run] = field(default_factory=dict)
    variants: dict[Any, list[Run]] = field(default_factory=dict)
    fixed: dict[Any, frozenset[str]] = field(default_factory=dict)
    distrusted: set[Span] = field(default_factory=set)
    memory: Memory = field(default_factory=Memory)

    def net(
        self, template: Template, arguments: Mapping[str, Any], inputs: Mapping[str, list[Any]], graph: Graph
    ) -> Blueprint | None:
        """The blueprint of a net whose parameters default to `arguments`; None where the net cannot be said.

        A block that would have other keys than the graph has is elaborated with its own arguments only: how its stages
        are named hangs on more than its text says.
        """
        while True:
            try:
                blueprint = self.run(template, [], dict(arguments), inputs).blueprint
            except (Problem, Spoilt, Stop, Unsayable):
                return None
            culprit = _culprit(blueprint, graph)
            if culprit is None:
                return blueprint
            if culprit in self.distrusted:
                return None
            self.distrusted.add(culprit)
            self.runs.clear()
            self.variants.clear()

    def call(
        self, template: Template, tensors: list[Tensor], numbers: dict[str, Any], formulas: dict[str, tree.Expr]
    ) -> Called:
        """A block at work on values with these arguments."""
        shapes = [tensor.shape for tensor in tensors]
        run = self.run(template, shapes, numbers, {})
        made = [Set(each.most, each.name) for each in run.made]
        sets = dict(zip((*run.entered, *run.made), (*sets_of(shapes), *made), strict=True))
        values: dict[str, tree.Expr] = dict(formulas)
        for parameter in run.blueprint.parameters:
            if parameter.name not in values and parameter.default is not None:
                values[parameter.name] = parameter.default
        axes = {
            n: (p, a)
            for p, tensor in enumerate(tensors)
            for n, a in _axis_names(template, p, tensor.shape, numbers).items()
        }
        for name, (place, axis) in axes.items():
            size = tensors[place].shape.dims[axis]
            values[name] = OPAQUE if isinstance(size, OpenSize) else expression_of(size)
        inner = [size for tensor in tensors for size in tensor.shape.dims]
        untold = opaque(*(s.expression for s in inner if isinstance(s, Whole) and is_opaque(s.expression)))
        plainly = all(isinstance(size, OpenSize) or not isinstance(size, Whole) for size in inner)

        def outside(shape: Shape) -> Shape:
            memo = run.written_out.get(id(shape))
            if memo is None:
                memo = run.written_out[id(shape)] = _without_lets(shape, run.lets)
            shape = memo
            dims = (_outside(size, values, untold, plainly=plainly) for size in shape.dims)
            return Shape(tuple(dims), shape.dtype, None if shape.each is None else sets.get(shape.each, shape.each))

        def from_outside(inside: Inside) -> Inside:
            return {
                name: ([partial(outside, wire.shape) for wire in wires], None if inner is None else from_outside(inner))
                for name, (wires, inner) in inside.items()
            }

        sizes = {
            name: value
            if plainly and all(is_constant(values[n]) for n in (hang if hang <= set(values) else values))
            else Whole(value, opaque(*values.values()))
            for name, (value, hang) in run.sizes.items()
        }
        return Called(run.blueprint, [outside(shape) for shape in run.shapes], sizes, from_outside(run.inside), made)

    def run(
        self, template: Template, shapes: list[Shape], numbers: dict[str, Any], inputs: Mapping[str, list[Any]]
    ) -> Run:
        """The run that stands for a block at work on such shapes with such numbers, made where there is none yet."""
        definition = template.definition
        lengths = tuple(numbers[p.name] for p in definition.parameters if is_tensors(p))
        kinds = tuple((shape.rank, shape.dtype) for shape in shapes)
        group = (id(definition), lengths, kinds, _pattern(shapes))
        samples = tuple(tuple(plain(size) for size in shape.dims) for shape in shapes)
        call = (group, samples, repr(sorted(numbers.items(), key=str)))
        if call in self.runs:
            return self.runs[call]
        fixed = self.fixed.get(group, frozenset())
        if definition.signature in self.distrusted:
            fixed = frozenset({EVERYTHING})
        run = self.again(group, template, shapes, numbers, fixed)
        if run is not None:
            self.runs[call] = run
            return run
        while True:
            try:
                run = self.elaborated(template, shapes, numbers, inputs, fixed)
                break
            except Unsayable as reason:
                fixed = self.more(template, shapes, numbers, fixed, reason)
        self.fixed[group] = fixed
        if run.refusals and EVERYTHING not in fixed:
            run = self.welcomed(template, shapes, numbers, inputs, fixed, run)
        twin = self.twin(group, run)
        if twin is not run:
            for mine, other in zip(twin.blueprint.parameters, run.blueprint.parameters, strict=True):
                mine.type = mine.type if mine.type == other.type else "Any"
            run = replace(run, blueprint=twin.blueprint)
        self.runs[call] = run
        return run

    def again(
        self, group: Any, template: Template, shapes: list[Shape], numbers: dict[str, Any], fixed: frozenset[str]
    ) -> Run | None:
        """The run of a block whose blueprint holds for this call as well: only the sizes are those of the call, found
        by elaborating it as for a graph. None where it may not hold, or the block refuses.
        """
        if EVERYTHING in fixed or any(map(is_tensors, template.definition.parameters)):
            return None
        for base in self.variants.get(group, ()):
            blueprint = base.blueprint
            if base.refusals or base.sizes or blueprint.sizes_fixed or blueprint.kind == "net":
                continue
            if any(repr(base.numbers.get(n, ...)) != repr(numbers.get(n, ...)) for n in blueprint.fixed):
                continue  # what is given as none is not what is left to its default
            if any(type(base.numbers.get(name)) is not type(value) for name, value in numbers.items()):
                continue
            result = _unrolled(template, shapes, numbers, State(memory=self.memory))
            if result is None:
                return None
            try:
                shapes = [_resized(a, b.shape) for a, b in zip(base.shapes, result.outputs, strict=True)]
                inside = _resized_inside(base.inside, result.inside or {})
            except ValueError:
                return None
            return replace(base, shapes=shapes, inside=inside, numbers=numbers, written_out={})
        return None

    def twin(self, group: Any, run: Run) -> Run:
        """The run that stands for a block: of two that differ in what they refuse, the one that refuses less."""
        blueprint = run.blueprint
        variants = self.variants.setdefault(group, [])
        for other in variants:
            if str(other.blueprint.fixed) != str(blueprint.fixed):
                continue
            if spelled(other.blueprint) == spelled(blueprint):
                return other
            if len(other.refusals) != len(run.refusals):
                if len(run.refusals) < len(other.refusals):
                    for name in Blueprint.__slots__:
                        setattr(other.blueprint, name, getattr(blueprint, name))
                    other.refusals = run.refusals
                return other
        variants.append(run)
        return run

    def welcomed(
        self,
        template: Template,
        shapes: list[Shape],
        numbers: dict[str, Any],
        inputs: Mapping[str, list[Any]],
        fixed: frozenset[str],
        run: Run,
    ) -> Run:
        """The run with the blueprint of one that refuses less: other numbers are tried for a body that these do not
        reach.
        """
        calls = _other_calls(template, shapes, numbers, run.refusals)
        for other_shapes, other_numbers in islice(calls, MOST_TRIES):
            try:
                other = self.elaborated(template, other_shapes, dict(other_numbers), inputs, fixed)
            except Unsayable:
                continue
            if len(other.refusals) < len(run.refusals):
                own = {parameter.name: parameter.default for parameter in run.blueprint.parameters}
                for parameter in other.blueprint.parameters:  # a net's defaults are the arguments of the call
                    parameter.default = own.get(parameter.name, parameter.default)
                other.blueprint.sizes |= run.blueprint.sizes
                run = replace(run, blueprint=other.blueprint, refusals=other.refusals)
            if not run.refusals:
                break
        return run

    def more(
        self,
        template: Template,
        shapes: list[Shape],
        numbers: dict[str, Any],
        fixed: frozenset[str],
        reason: Unsayable,
    ) -> frozenset[str]:
        """What to fix beside what is fixed already, so that the block can be said."""
        if EVERYTHING in fixed:
            message = f"{template.definition.name} refuses these arguments"
            raise Problem("E0206", message, template.definition.signature) from reason
        own = {parameter.name for parameter in template.definition.parameters}
        own |= set(_all_asked(template, shapes, numbers))
        more = {name for name in reason.names if name in own or name.startswith("loop at")} - fixed
        return fixed | more if more and len(fixed) < 6 else frozenset({EVERYTHING})

    def elaborated(
        self,
        template: Template,
        shapes: list[Shape],
        numbers: dict[str, Any],
        inputs: Mapping[str, list[Any]],
        fixed: frozenset[str],
    ) -> Run:
        """One run; raises Unsayable. Rounds of loops are left out at first; what is read of them may need them."""
        generic = BlueprintElaborator(State(memory=self.memory), self.call, inputs, concrete=EVERYTHING in fixed)
        generic.skips = not _reads_templates(template)
        try:
            with divisions():
                return self.once(generic, template, shapes, numbers, fixed)
        except Unsayable:
            if not generic.skipped:
                raise
        generic = BlueprintElaborator(State(memory=self.memory), self.call, inputs, concrete=EVERYTHING in fixed)
        generic.skips = False
        with divisions():
            return self.once(generic, template, shapes, numbers, fixed)

    def once(
        self,
        generic: Generic,
        template: Template,
        shapes: list[Shape],
        numbers: dict[str, Any],
        fixed: frozenset[str],
    ) -> Run:
        """The block run by this elaborator; raises Unsayable."""
        definition = template.definition
        concrete = EVERYTHING in fixed
        generic.unrolled_loops = fixed
        environment = template.environment.module()
        tensors, derived = _entering(template, shapes, numbers, fixed, generic)
        entered = sets_of(tensor.shape for tensor in tensors)
        counts = [Tensor(COUNT, definition.span, None, 0, "count") for _ in entered]
        generic.state.counts.update(zip(entered, counts, strict=True))
        parameters, lets = _parameters(generic, template, environment, numbers, tensors, fixed)
        kind: ScopeKind = "net" if definition.kind == "net" and not shapes else "block"
        root = DraftScope(kind, definition.name, definition.span)
        environment.parameters = {parameter.name for parameter in definition.parameters}
        root.numbered = is_chain_body(definition.body, environment)
        entering = tensors[0] if tensors else None
        frame = Frame(environment, root, entering, entering, outermost=definition.kind)
        generic.state.open_blocks = {id(definition): definition}
        try:
            run_body(generic, definition.body, frame, sequence)
            outputs = _results(generic, frame, shapes) if not generic.state.diagnostics else []
        except (Problem, Spoilt, Stop):
            raise Unsayable from None
        if generic.state.diagnostics:
            raise Unsayable from NetspecError(tuple(generic.state.diagnostics))
        root.inputs = (*tensors, *counts) if shapes else tuple(generic.state.inputs)
        root.outputs = tuple(outputs)
        regions = Regions(generic)
        regions.is_net = not shapes
        region, counted = regions.module(root)
        seen = regions.check(region, root)
        inside = _inside(generic.readable(root, environment))
        made = {each: wire for each, wire in generic.state.counts.items() if id(wire) in seen and each not in entered}
        regions.tidy(region)
        parameter_names = {parameter.name for parameter in parameters}
        blueprint = Blueprint(
            name=definition.name,
            kind="net" if not shapes else "block",
            parameters=tuple(parameters),
            derived={name: place for name, place in derived.items() if regions.asks(name)},
            fixed={
                p.name: numbers.get(p.name, p.default and p.default.span.text)
                for p in definition.parameters
                if p.name not in parameter_names and not is_tensor(p) and not is_tensors(p)
            },
            inputs=root.inputs,
            outputs=tuple(map(regions.real, root.outputs)),
            output_names=_output_names(generic, outputs, shapes),
            training_outputs=frozenset(
                place for place, output in enumerate(generic.state.outputs) if output.when_training and not shapes
            ),
            region=region,
            counted=counted,
            documentation=comment_on(definition),
            span=definition.span,
            sizes_fixed=concrete or any(name not in derived for name in _all_asked(template, shapes, numbers)),
            sizes={name: value for name, (value, _) in regions.sizes.items()},
            listed=isinstance(frame.returned, Listed),
            inside={**inside, COUNTS: (list(made.values()), None)} if made else inside,
            counts=tuple(_count_of(generic, output) for output in outputs),
        )
        region.items[:0] = [Let(let.name, let.value) for let in lets]
        shapes = [output.shape for output in outputs]
        refusals = [
            tuple((written_out(condition, generic.lets), holds) for condition, holds in assumptions)
            for assumptions in regions.refusals
        ]
        lets_behind = dict(generic.lets)
        return Run(blueprint, shapes, regions.sizes, refusals, inside, lets_behind, numbers, entered, tuple(made))


def _count_of(generic: Generic, output: Tensor) -> Tensor | None:
    """What says how many members the set has that an output is of; None for a value of a picture."""
    each = output.shape.each
    return None if each is None else generic.state.counts[each]


def _other_calls(
    template: Template, shapes: list[Shape], numbers: dict[str, Any], refusals: list[tuple[Assumption, ...]]
) -> Iterator[tuple[list[Shape], dict[str, Any]]]:
    """Calls that reach bodies which refuse this one. Where it is not known which would, what enters is as wide as an
    argument, an argument is 1 or 2, a truth value is turned, a fraction stands in place of none.
    """
    axes = {n: (p, a) for p, shape in enumerate(shapes) for n, a in _axis_names(template, p, shape, numbers).items()}
    sizes = {name: plain(shapes[place].dims[axis]) for name, (place, axis) in axes.items()}
    values = {**{name: size for name, size in sizes.items() if isinstance(size, int)}, **numbers}
    choices = {p.name: _choices(p) for p in template.definition.parameters if isinstance(p.type, tree.Choice)}
    for assumptions in refusals:
        for call in islice(reaching(assumptions, values, choices), TRIES_OF_A_BODY):
            entering = list(shapes)
            for name, (place, axis) in axes.items():
                if name in values and call[name] != values[name]:
                    entering[place] = entering[place].replace(axis=axis, size=call[name])
            yield entering, {name: call[name] for name in numbers}
    if all(is_decidable(assumptions, values) for assumptions in refusals):
        return
    whole = {name: value for name, value in numbers.items() if type(value) is int}
    for value in dict.fromkeys(whole.values()):
        if shapes and shapes[0].rank and value > 0:
            yield [shapes[0].replace(axis=0, size=value), *shapes[1:]], numbers
    for name, value in numbers.items():
        if isinstance(value, bool):
            yield shapes, {**numbers, name: not value}
        if isinstance(value, float) and value <= 0:
            yield shapes, {**numbers, name: 0.5}
    for name in whole:
        for value in (1, 2):
            yield shapes, {**numbers, name: value}


def _choices(parameter: tree.Parameter) -> list[Any]:
    assert isinstance(parameter.type, tree.Choice)
    return [computed(value, {}) for value in parameter.type.values]


def _unrolled(template: Template, shapes: list[Shape], numbers: dict[str, Any], state: State) -> Result | None:
    """What a block leaves of plain values, elaborated as for a graph; None where it refuses."""
    definition = template.definition
    state = State()
    tensors = [Tensor(shape.with_dims(*map(plain, shape.dims)), definition.span, None, 0) for shape in shapes]
    slots = [parameter.name for parameter in definition.parameters if is_tensor(parameter)]
    arguments = {**numbers, **dict(zip(slots, tensors[1:], strict=True))}
    frame = Frame(template.environment, DraftScope("net", "", definition.span), tensors[0])
    try:
        result = GraphElaborator(state, {}).instantiate(template, tensors[0], arguments, definition.span, frame)
    except (Problem, Spoilt, Stop):
        return None
    if state.diagnostics or any(isinstance(output, Poison) for output in result.outputs):
        return None
    return result


def _resized(shape: Shape, numbers: Shape) -> Shape:
    """The shape with the same expressions for other numbers; raises ValueError where these are not its own."""
    if (shape.rank, shape.dtype) != (numbers.rank, numbers.dtype):
        raise ValueError
    dims: list[Dimension] = []
    for size, number in zip(shape.dims, numbers.dims, strict=True):
        if isinstance(number, OpenSize) or not isinstance(size, Whole):
            if isinstance(size, Whole) or (isinstance(size, int) and size != number):
                raise ValueError
            dims.append(number)
        else:
            dims.append(Whole(number, size.expression))
    return shape.with_dims(*dims)


def _resized_inside(inside: Inside, labels: Mapping[str, Any]) -> Inside:
    """What can be read from a module, with the numbers that it has under these labels."""
    resized: Inside = {}
    for name, (wires, inner) in inside.items():
        value = labels.get(name)
        outputs = value.outputs if isinstance(value, Result) else (value,) if isinstance(value, Tensor) else ()
        if len(outputs) != len(wires):
            resized[name] = wires, inner
            continue
        shapes = [_resized(wire.shape, output.shape) for wire, output in zip(wires, outputs, strict=True)]
        deeper = value.inside if isinstance(value, Result) else None
        resized[name] = (
            [Tensor(shape, wire.span, None, 0) for shape, wire in zip(shapes, wires, strict=True)],
            inner if inner is None else _resized_inside(inner, deeper or {}),
        )
    return resized


@lru_cache(maxsize=LOOKED_THROUGH)
def _reads_templates(template: Template) -> bool:
    """Whether a body reads a stage by a label that is completed by an expression: `layer$i.skip`."""
    pending: list[Any] = [template.definition.body]
    while pending:
        match pending.pop():
            case tree.Stage(_, flow):
                pending.append(flow)
            case tree.Label():
                return True
            case tree.Tree() as part:
                pending.extend(value for _, value in part.content())
            case tuple(items):
                pending.extend(items)
    return False


def _culprit(blueprint: Blueprint, graph: Graph) -> Span | None:
    """The signature of the block whose keys are not those of the graph; None where all keys are."""
    defaults = {p.name: computed(p.default, {}) for p in blueprint.parameters if p.default is not None}
    checked = sorted(
        (node.key, node.layer.name)
        for node in graph.nodes
        if node.first_use and (node.layer.parameters(*node.shapes) or node.layer.buffers(*node.shapes))
    )
    try:
        blueprint_keys = sorted(keys(blueprint, defaults))
    except (Mismatch, ArithmeticError, LookupError, OperandError, TooLarge, TypeError, StopIteration, RuntimeError):
        blueprint_keys = []
    if blueprint_keys == checked:
        return None
    key = next((a[0] for a, b in zip_longest(checked, blueprint_keys, fillvalue=("", "")) if a != b), "")
    blocks = [scope for scope in graph.scopes if scope.kind == "block" and f"{key}.".startswith(f"{scope.key}.")]
    inner = max(blocks, key=lambda scope: len(scope.key), default=graph.scopes[0])
    return inner.definition or inner.span


def _inside(labels: Mapping[str, Any]) -> Inside:
    """What can be read from a module by the labels in it."""
    contents: Inside = {}
    for name, value in labels.items():
        match value:
            case Tensor():
                contents[str(name)] = [value], None
            case Result(outputs, inside):
                contents[str(name)] = list(outputs), _inside(inside) if inside else None
            case Modules(inside):
                contents[str(name)] = [], _inside(inside)
    return contents


def _input_names(template: Template, numbers: dict[str, Any]) -> list[str]:
    """The names of what enters a block: `in`, its tensors, and those of a list with their places."""
    input_names = ["in"]
    for parameter in template.definition.parameters:
        if is_tensor(parameter):
            input_names.append(parameter.name)
        elif is_tensors(parameter):
            input_names.extend(f"{parameter.name}_{place}" for place in range(numbers.get(parameter.name) or 0))
    return input_names


def _axis_names(template: Template, place: int, shape: Shape, numbers: dict[str, Any]) -> dict[str, int]:
    """The names of what a class asks of one of its inputs, with the axes."""
    prefix = _input_names(template, numbers)[place]
    parameter_names = {parameter.name for parameter in template.definition.parameters}
    axes: dict[str, int] = {}
    for what, axis in _axes(template, shape.rank).items():
        name = f"{prefix}_{what}"
        while name in parameter_names:
            name += "_"
        axes[name] = axis
    return axes


def _axes(template: Template, rank: int) -> dict[str, int]:
    """Which sizes of a value of this rank a class may ask for, with their axes: of a map its channels, which come
    first, or last where the body reads the last size of a shape.
    """
    if rank > 2 and _axes_read(template) & {-1, rank - 1}:
        return {what: axis for axis, what in enumerate(("depth", "height", "width", "features")[-rank:])}
    return {1: {"features": 0}, 2: {"channels": 0, "features": 1}}.get(rank, {"channels": 0} if rank else {})


@lru_cache(maxsize=LOOKED_THROUGH)
def _axes_read(template: Template) -> frozenset[int]:
    """The numbers by which a body reads sizes: 2 and -1 of `in.shape[2]` and `x.shape[-1]`."""
    read: set[int] = set()
    pending: list[Any] = [template.definition.body]
    while pending:
        match pending.pop():
            case tree.Index(tree.Attribute(_, "shape"), tree.Number(int(axis))):
                read.add(axis)
            case tree.Index(tree.Attribute(_, "shape"), tree.Unary("-", tree.Number(int(axis)))):
                read.add(-axis)
            case tree.Tree() as part:
                pending.extend(value for _, value in part.content())
            case tuple(items):
                pending.extend(items)
    return frozenset(read)


def _pattern(shapes: list[Shape]) -> tuple[int, ...]:
    """Which of these values are of one set: -1 for those of a picture."""
    sets = sets_of(shapes)
    return tuple(-1 if shape.each is None else sets.index(shape.each) for shape in shapes)


def _all_asked(template: Template, shapes: list[Shape], numbers: dict[str, Any]) -> list[str]:
    return [name for place, shape in enumerate(shapes) for name in _axis_names(template, place, shape, numbers)]


def _entering(
    template: Template, shapes: list[Shape], numbers: dict[str, Any], fixed: frozenset[str], generic: Generic
) -> tuple[list[Tensor], dict[str, tuple[int, int]]]:
    """The block's inputs, their sizes as names; every other size is opaque."""
    tensors: list[Tensor] = []
    derived: dict[str, tuple[int, int]] = {}
    tensor_names = [None, *_input_names(template, numbers)[1:]]
    sets = {each: Set(each.most, each.name) for each in sets_of(shapes)}
    for place, shape in enumerate(shapes):
        axis_names = _axis_names(template, place, shape, numbers)
        axes = {axis: name for name, axis in axis_names.items() if name not in fixed}
        dims: list[Dimension] = []
        for axis, size in enumerate(shape.dims):
            if isinstance(size, OpenSize) or EVERYTHING in fixed:
                dims.append(plain(size))
                continue
            name = axes.get(axis)
            if name is None and any(n in fixed and a == axis for n, a in axis_names.items()):
                dims.append(int(plain(size)))
                continue
            dims.append(Whole(int(plain(size)), tree.Name(name) if name else OPAQUE))
            if name:
                derived[name] = (place, axis)
        label = tensor_names[place] if place < len(tensor_names) else None
        entering = Shape(tuple(dims), shape.dtype, None if shape.each is None else sets[shape.each])
        tensors.append(Tensor(entering, template.definition.span, None, 0, label))
    generic.variables.update(derived)
    generic.numbers |= {name: int(plain(shapes[place].dims[axis])) for name, (place, axis) in derived.items()}
    generic.steady.update(derived)
    generic.everywhere.update(derived)
    return tensors, derived


def _parameters(
    generic: Generic,
    template: Template,
    environment: Environment,
    numbers: dict[str, Any],
    tensors: list[Tensor],
    fixed: frozenset[str],
) -> tuple[list[Parameter], list[Let]]:
    """The class's parameters; those that are fixed, and layers, stand for their values."""
    parameters: list[Parameter] = []
    lets: list[Let] = []
    inputs = iter(tensors[1:])
    for parameter in template.definition.parameters:
        name = parameter.name
        if is_tensor(parameter):
            environment.names[name] = next(inputs)
            continue
        if is_tensors(parameter):
            environment.names[name] = [next(inputs) for _ in range(numbers[name])]
            continue
        default: tree.Expr | None = None
        nowhere = Frame(environment, DraftScope("group", "", parameter.span), None)
        if template.definition.kind == "net" and not tensors and name in numbers:
            default = literal(numbers[name])
        elif parameter.default is not None:
            value = default_of(generic, parameter, nowhere)
            value = generic.for_parameter(template.definition, parameter, value, parameter.default.span)
            value = bare(value)
            if not isinstance(value, Word):
                default = translation(generic, parameter.default, nowhere)
            if name not in numbers:
                numbers[name] = value
        value = numbers[name]
        environment.names[name] = value
        if isinstance(value, Word) or is_layer(parameter) or name in fixed or EVERYTHING in fixed:
            environment.expressions[name] = literal(value)
            continue
        environment.expressions[name] = tree.Name(name)
        generic.numbers[name] = value
        generic.variables.add(name)
        generic.steady.add(name)
        generic.everywhere.add(name)
        kind = _python_type(parameter, value)
        if default is not None and not is_constant(default):
            lets.append(
                Let(
                    name,
                    tree.Conditional(
                        default, tree.Compare(("==",), (tree.Name(name), tree.Constant(None))), tree.Name(name)
                    ),
                )
            )
            parameters.append(Parameter(name, f"{kind} | None", tree.Constant(None)))
            continue
        parameters.append(Parameter(name, kind, default))
    return parameters, lets


def _python_type(parameter: tree.Parameter, value: Any) -> str:
    match parameter.type:
        case tree.TypeName(name, item):
            return f"list[{item}]" if name == "list" and item else {"list": "list[Any]"}.get(name, name)
        case tree.Choice(values):
            if isinstance(values[0], tree.String):
                return "str"
            return "float" if any(isinstance(v, tree.Number) and isinstance(v.value, float) for v in values) else "int"
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "str"
        case list() if value and all(type(item) is int for item in value):
            return "list[int]"
        case list():
            return "list[Any]"
    return "Any"


def _results(generic: Generic, frame: Frame, shapes: list[Shape]) -> list[Tensor]:
    if generic.state.outputs and not shapes:
        if all(output.when_training for output in generic.state.outputs):
            last = current_value(frame, frame.scope.span)
            generic.state.outputs.insert(0, DraftOutput(None, last, False))
        return [output.tensor for output in generic.state.outputs]
    outputs = list(generic.results) or list(frame.returned or ())
    if outputs:
        return outputs
    current = frame.current
    if current is None or isinstance(current, Poison | Result):
        raise Unsayable
    return [current]


def _output_names(generic: Generic, outputs: list[Tensor], shapes: list[Shape]) -> tuple[str | None, ...]:
    if generic.state.outputs and not shapes:
        return tuple(output.name for output in generic.state.outputs)
    return tuple(output.name for output in outputs)


def _without_lets(shape: Shape, lets: dict[str, tree.Expr]) -> Shape:
    """The shape over the block's parameters alone: what a let stands for in its place."""
    dims: list[Dimension] = []
    for size in shape.dims:
        if isinstance(size, Whole) and hanging(size.expression) & lets.keys():
            size = Whole(int(plain(size)), written_out(size.expression, lets))
        dims.append(size)
    return shape.with_dims(*dims)


def _outside(size: Dimension, values: dict[str, tree.Expr], untold: tree.Expr, *, plainly: bool) -> Dimension:
    """A size of a block's output over the names of its caller; `untold` is what the sizes hang on that enter it and are
    not told.
    """
    if isinstance(size, OpenSize) or not isinstance(size, Whole):
        return size
    deciders = hanging(size.expression)
    if deciders - set(values):  # what only the block knows follows from all that it is given
        deciders = frozenset(values)
    if plainly and all(name in values and is_constant(values[name]) for name in deciders):
        return int(plain(size))
    if names(size.expression) - set(values):
        return Whole(int(plain(size)), opaque(*values.values(), untold))
    inside = substituted(size.expression, values)
    if is_opaque(inside):
        return Whole(int(plain(size)), opaque(inside, untold))
    whole = symbolic(int(plain(size)), folded(inside))
    assert isinstance(whole, int)
    return whole
