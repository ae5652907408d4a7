"""Drafts of a block to the regions of its blueprint: names for stages, and what the class asks of its inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from netspec.elaborate.blueprint.reaching import Assumption
from netspec.elaborate.control import DraftCall, DraftChoice, DraftLet, DraftLoop, Key, loop_length
from netspec.elaborate.draft import DraftNode, DraftScope
from netspec.elaborate.expressions.sayings import Unsayable, folded
from netspec.elaborate.generic.generic import Generic
from netspec.graph.blueprint import (
    Blueprint,
    Carry,
    Choice,
    Container,
    Gather,
    Instance,
    Item,
    LayerUse,
    Let,
    Loop,
    Merge,
    Region,
    Running,
    Use,
)
from netspec.layers.declaration.base import TorchCall
from netspec.layers.declaration.symbols import (
    MARK,
    OPAQUE,
    Listed,
    Symbolic,
    Whole,
    binary,
    expression_at,
    expression_of,
    hanging,
    is_opaque,
    names,
    plain,
    symbolic,
)
from netspec.syntax import tree

Counts = dict[str, tree.Expr]
"""How many unlabelled stages of each kind there are so far."""


class Regions:
    """Writes the region of one module and of the containers in it."""

    def __init__(self, generic: Generic) -> None:
        self.generic = generic
        self.sizes: dict[str, tuple[int, frozenset[str]]] = {}
        self.refusals: list[tuple[Assumption, ...]] = []
        """What is assumed where each body stands that refuses."""
        self.is_net = False
        self.references: set[str] = set()
        self.behind: dict[str, list[tree.Expr]] = {}
        """What lets and running numbers ask for, where somebody asks for them."""
        self.entered: set[int] = set()
        self.conditional: dict[int, frozenset[str]] = {}
        """What the values inside of a condition's bodies hang on."""
        self.uses: dict[int, Use] = {}
        self.assumed: list[tuple[tree.Expr, bool]] = []
        """The conditions that hold, and do not hold, where the region stands."""

    def asks(self, name: str) -> bool:
        """Whether any expression of the block asks for this size of its inputs."""
        return name in self.references

    def tidy(self, region: Region) -> None:
        """Takes out the lets and running numbers that nothing asks for."""
        closed: set[str] = set()
        while closed != self.references:
            fresh, closed = self.references - closed, set(self.references)
            for expression in [part for name in fresh for part in self.behind.get(name, ())]:
                self.ask(expression)
        self._tidy(region)

    def _tidy(self, region: Region) -> None:
        region.items[:] = [item for item in region.items if not isinstance(item, Let) or item.name in self.references]
        for item in region.items:
            match item:
                case Use(what=Container(inner)):
                    self._tidy(inner)
                case Loop():
                    item.running = [running for running in item.running if running.name in self.references]
                    self._tidy(item.region)
                case Choice(regions=bodies):
                    for body in bodies:
                        self._tidy(body)

    def module(self, scope: DraftScope) -> tuple[Region, bool]:
        """The region of a module scope, its stages named; and whether they are counted."""
        region = self.region(scope)
        counted = scope.numbered and any(isinstance(item, Use | Choice | Loop) for item in region.items)
        if counted:
            _count(region)
        else:
            labels = set(_labels(region))
            self.perhaps = _conditional_labels(region, frozenset())
            self.kinds = _kinds(region)
            self.number(region, {}, labels)
        return region, counted

    def check(self, region: Region, root: DraftScope) -> set[int]:
        """The values that are there for all arguments, by identity; raises Unsayable where something takes another one:
        of a single round of a loop, or of a body that may not be taken.
        """
        in_scope = {id(wire) for wire in root.inputs} | set(self.generic.aliases)
        self.visible(region, in_scope, frozenset())
        self.need(root.outputs, in_scope, frozenset())
        return in_scope

    def need(self, wires: Any, in_scope: set[int], hanging: frozenset[str]) -> None:
        """Raises Unsayable where one of the values is not seen; `hanging` are the names of the conditions around."""
        hidden = [wire for wire in wires if wire is not None and id(wire) not in in_scope]
        if hidden:
            loops = {self.generic.rounds_of[id(wire)][0] for wire in hidden if id(wire) in self.generic.rounds_of}
            conditional = set().union(*(self.conditional.get(id(wire), frozenset()) for wire in hidden))
            raise Unsayable({*(f"loop at {loop.start}" for loop in loops), *conditional})

    def visible(self, region: Region, in_scope: set[int], hanging: frozenset[str]) -> None:
        """Adds the values that a region makes to those that are seen after it."""
        for item in region.items:
            match item:
                case Use():
                    self.visible_use(item, in_scope, hanging)
                case Choice():
                    self.visible_choice(item, in_scope, hanging)
                case Loop():
                    self.need((carry.first for carry in item.carries), in_scope, hanging)
                    inside = in_scope | {id(carry.inner) for carry in item.carries}
                    self.visible(item.region, inside, hanging)
                    ends = [carry.last for carry in item.carries] + [gather.inner for gather in item.gathers]
                    self.need([*ends, *(result.sources[0] for result in item.results)], inside, hanging)
                    in_scope.update(id(carry.output) for carry in item.carries)
                    in_scope.update(id(result.output) for result in item.results)
                    in_scope.update(id(gather.output) for gather in item.gathers)

    def visible_use(self, use: Use, in_scope: set[int], hanging: frozenset[str]) -> None:
        self.need(use.inputs, in_scope, hanging)
        if isinstance(use.what, Container):
            in_scope.update(map(id, use.what.inputs))
            self.visible(use.what.region, in_scope, hanging)
            self.need(use.what.outputs, in_scope, hanging)
        if isinstance(use.what, Instance):
            in_scope.update(id(wire) for wire, _, _ in use.what.taps)
        in_scope.update(map(id, use.outputs))

    def visible_choice(self, choice: Choice, in_scope: set[int], hanging: frozenset[str]) -> None:
        deciders = {name for condition in choice.conditions if condition is not None for name in names(condition)}
        for place, region in enumerate(choice.regions):
            if place in choice.refusals:
                continue
            inside = set(in_scope)
            self.visible(region, inside, hanging | deciders)
            self.need((merge.sources[place] for merge in choice.merges), inside, hanging | deciders)
            for wire in inside - in_scope:
                self.conditional.setdefault(wire, frozenset(hanging | deciders))
        in_scope.update(id(merge.output) for merge in choice.merges)

    again = 0
    """How many shared modules are around that stand here for another time: their weights are those of the first."""

    def region(self, scope: DraftScope) -> Region:
        """The region of a scope, its stages not named yet."""
        region = Region()
        for item in scope.items:
            shared = isinstance(item, DraftNode | DraftScope) and item.first is not None
            self.again += shared
            region.items.extend(self.items(item))
            self.again -= shared
        return region

    def items(self, item: Any) -> list[Item]:
        """What one item of a draft is in the region: transparent scopes are their items."""
        match item:
            case DraftLet(name, value):
                self.behind[name] = [value]
                return [Let(name, value)]
            case DraftNode():
                return [self.layer(item)]
            case DraftScope(control=DraftCall() as call):
                return [self.instance(item, call)]
            case DraftScope(control=DraftChoice() as choice):
                return [self.choice(item, choice)]
            case DraftScope(control=DraftLoop() as loop):
                return self.loop(loop)
            case DraftScope(kind="container"):
                return [self.container(item)]
        return self.region(item).items

    def use(self, item: DraftNode | DraftScope, what: Any, inputs: Any) -> Use:
        """A stage with the label that its draft has."""
        use = Use(what, tuple(map(self.real, inputs)), tuple(item.outputs), item.span)
        if item.label is not None:
            use.label, use.chosen = _label(item.label), True
            for part in use.label.parts:
                if not isinstance(part, str):
                    self.ask(part)
        elif item.suggestion is not None:
            use.label = tree.Label((item.suggestion,))
        if item.first is not None:
            use.first = self.uses[id(item.first)]
            use.label, use.chosen = use.first.label, use.first.chosen
        self.uses[id(item)] = use
        return use

    def real(self, wire: Any) -> Any:
        """What enters a shared module is a value of its own inside of it."""
        while id(wire) in self.generic.aliases and id(wire) not in self.entered:
            wire = self.generic.aliases[id(wire)][1]
        return wire

    def layer(self, node: DraftNode) -> Use:
        """A layer with its PyTorch form, each number in it an expression over the names of the class."""
        call = node.call
        assert call is not None
        kwargs = {name: self.argument(value, node, name) for name, value in call.kwargs.items()}
        call = TorchCall(
            call.target,
            tuple(self.argument(value, node, place) for place, value in enumerate(call.args)),
            kwargs,
            self.fields(call.apply, kwargs),
            self.text(call.parameter),
            tuple(map(self.text, call.init)),
            call.support,
            call.imports,
            call.inplace,
            call.wrap,
        )
        return self.use(node, LayerUse(node.layer, call), node.inputs)

    def argument(self, value: Any, node: DraftNode, place: int | str) -> Any:
        """An argument of a torch module; one that follows from heights and widths is an argument of the class."""
        if isinstance(value, Listed):
            self.ask(value.expression)
            return value
        if isinstance(value, tuple):
            return tuple(self.argument(part, node, place) for part in value)
        if isinstance(value, Symbolic):
            if is_opaque(value.expression):
                stem = node.label or node.suggestion or node.layer.name
                return symbolic(plain(value), self.size(stem, int(plain(value)), value.expression))
            expression = self.simple(value.expression)
            self.ask(expression)
            return symbolic(plain(value), expression)
        return value

    def simple(self, expression: tree.Expr) -> tree.Expr:
        """The expression where it stands: what a condition around has decided is decided."""
        return simplified(expression, self.assumed) if self.assumed else expression

    loops: tuple[str, ...] | list[str] = ()

    def size(self, stem: str, value: int, expression: tree.Expr) -> tree.Expr:
        """A name for a number that follows from heights and widths; in a loop each round would have its own."""
        if self.loops:
            raise Unsayable(self.loops)
        if self.is_net and hanging(expression):
            raise Unsayable(hanging(expression))
        if self.again:
            return OPAQUE
        stem = stem if stem.isidentifier() else "x"
        name, number = f"{stem}_features", 2
        while name in self.generic.variables:
            name, number = f"{stem}_features_{number}", number + 1
        self.generic.variables.add(name)
        self.sizes[name] = value, hanging(expression)
        return tree.Name(name)

    def text(self, text: str) -> str:
        """The text with its expressions asked for; raises Unsayable where one is opaque."""
        for mark in MARK.finditer(text):
            expression = expression_at(mark)
            if is_opaque(expression):
                raise Unsayable
            self.ask(expression)
        return text

    def fields(self, apply: str, kwargs: dict[str, Any]) -> str:
        """How a layer is applied, with a field for each number that stands in it."""

        def field(mark: re.Match[str]) -> str:
            expression = expression_at(mark)
            self.ask(expression)
            name = f"_{len(kwargs)}"
            kwargs[name] = Whole(0, expression)
            return f"{{{name}}}"

        return MARK.sub(field, apply)

    def ask(self, expression: tree.Expr) -> None:
        """Notes the names that an expression asks for; raises Unsayable where it is opaque."""
        if self.again:
            return
        if is_opaque(expression):
            raise Unsayable
        self.references |= names(expression)

    def instance(self, scope: DraftScope, call: DraftCall) -> Use:
        """A call of a block; arguments that follow from heights and widths are arguments of this class, too."""
        arguments = {}
        for name, expression in call.arguments.items():
            if is_opaque(expression):
                if name not in call.blueprint.sizes:
                    raise Unsayable
                expression = self.size(name.removesuffix("_features"), call.sizes[name], expression)
            expression = self.simple(expression)
            self.ask(expression)
            arguments[name] = expression
        return self.use(scope, Instance(call.blueprint, arguments, list(call.taps)), scope.entering)

    def container(self, scope: DraftScope) -> Use:
        """A labelled container with its own region."""
        around, self.entered = self.entered, self.entered | {id(wire) for wire in scope.inputs}
        region, counted = self.module(scope)
        self.entered = around
        return self.use(scope, Container(region, scope.inputs, scope.outputs, counted), scope.inputs)

    def choice(self, scope: DraftScope, choice: DraftChoice) -> Choice:
        """A condition with the regions of its bodies, each simplified by what holds there."""
        for condition in choice.conditions:
            if condition is not None:
                self.ask(condition)
        regions = []
        around = self.assumed
        for place, body in enumerate(choice.bodies):
            own = choice.conditions[place]
            self.assumed = [*around, *((c, False) for c in choice.conditions[:place] if c is not None)]
            if own is not None:
                self.assumed.append((own, True))
            if place in choice.refusals:
                regions.append(Region())
                self.refusals.append(tuple(self.assumed))
                continue
            if scope.label is not None:
                _name_last(body, scope.label)
            elif scope.suggestion is not None:
                _suggest_last(body, scope.suggestion)
            regions.append(self.region(body))
        self.assumed = around
        merges = [
            Merge(output, tuple(source and self.real(source) for source in sources))
            for output, sources in choice.merges
        ]
        return Choice(tuple(choice.conditions), tuple(regions), merges, dict(choice.refusals))

    def loop(self, loop: DraftLoop) -> list[Item]:
        """A loop as one item; nothing where its rounds make nothing."""
        around, self.loops = self.loops, [*self.loops, f"loop at {loop.start}"]
        region = self.region(loop.body)
        self.loops = around
        gathers = [Gather(output, inner) for output, inner in loop.gathers.values()]
        if not any(isinstance(item, Use | Choice | Loop) for item in region.items) and not gathers and not loop.carries:
            if loop.running:  # numbers alone run along: they are computed
                raise Unsayable({f"loop at {loop.start}", *names(loop.sequence)})
            return []
        self.ask(loop.sequence)
        running = []
        for name, first, update in loop.running:
            self.behind[name] = [first] if update is None else [first, update]
            running.append(Running(name, first, update))
        carries = [Carry(*map(self.real, parts)) for parts in loop.carries]
        results = [Merge(output, (inner,)) for output, inner in loop.results]
        item = Loop(loop.names, loop.sequence, region, carries, running, results, gathers, loop.rounds)
        item.has_rounds = loop.has_rounds
        return [item]

    # Names of unlabelled stages

    perhaps: Mapping[str, frozenset[str]] = MappingProxyType({})
    """The labels that only some arguments make, with the names that these hang on."""
    kinds: frozenset[str] = frozenset()
    """The kinds of stages without a label of which some keep weights."""

    def number(self, region: Region, counts: Counts, labels: set[str]) -> None:
        """Labels for what keeps weights and has none, numbered by kind in the order of the text."""
        for item in region.items:
            match item:
                case Use():
                    self.number_use(item, counts, labels)
                case Choice():
                    self.number_choice(item, counts, labels)
                case Loop():
                    self.number_loop(item, counts, labels)

    def number_use(self, use: Use, counts: Counts, labels: set[str]) -> None:
        """The label of one stage; raises Unsayable where its number cannot be said, or may be another's."""
        if use.chosen or use.first is not None:
            return
        if use.label is not None:
            (suggestion,) = use.label.parts
            if suggestion not in labels and not _is_numbered(str(suggestion), counts):
                labels.add(str(suggestion))
                return
        stem = _stem(use)
        while True:
            counts[stem] = folded(binary("+", counts.get(stem, tree.Number(0)), tree.Number(1)))
            number = counts[stem]
            if is_opaque(number):
                raise Unsayable(hanging(number))
            if not isinstance(number, tree.Number):
                if any(name.startswith(stem) and name[len(stem) :].isdigit() for name in labels):
                    raise Unsayable(names(number))
                use.label = tree.Label((stem, number))
                return
            label = f"{stem}{number.value}"
            if label in self.perhaps:
                raise Unsayable(self.perhaps[label])
            if label not in labels:
                use.label = tree.Label((label,))
                return

    def number_choice(self, choice: Choice, counts: Counts, labels: set[str]) -> None:
        """Numbers both bodies from where the condition begins; what comes after counts on from whichever is taken."""
        ends: list[Counts] = []
        around = self.perhaps
        bodies = [set(_labels(region)) for region in choice.regions]
        for place, region in enumerate(choice.regions):
            mine = dict(counts)
            elsewhere = set().union(*bodies[:place], *bodies[place + 1 :])
            own = _conditional_labels(region, frozenset())
            outside = {name: deciders for name, deciders in around.items() if name not in elsewhere | bodies[place]}
            self.perhaps = outside | own
            self.number(region, mine, (labels - elsewhere) | bodies[place])
            ends.append(mine)
        self.perhaps = around
        live = [place for place in range(len(ends)) if place not in choice.refusals]
        for stem in {stem for end in ends for stem in end}:
            numbers = [ends[place].get(stem, tree.Number(0)) for place in live]
            whole = numbers[-1]
            for place, number in zip(reversed(live[:-1]), reversed(numbers[:-1]), strict=True):
                condition = choice.conditions[place]
                assert condition is not None
                whole = whole if number == whole else tree.Conditional(number, condition, whole)
            counts[stem] = whole

    def number_loop(self, loop: Loop, counts: Counts, labels: set[str]) -> None:
        """Numbers a round's stages by the round; raises Unsayable where rounds do not make equally many."""
        kinds = _needs_number(loop.region) & self.kinds
        if not kinds:
            self.number(loop.region, {}, set(labels))
            return
        base = dict(counts)
        mine: Counts = {stem: tree.Number(0) for stem in kinds}
        self.number(loop.region, mine, set(labels))
        index = self.index(loop)
        rounds = self.length(loop)
        for stem, per_round in list(mine.items()):
            if not isinstance(per_round, tree.Number):
                raise Unsayable(names(per_round))
            start = base.get(stem, tree.Number(0))
            _shift(loop.region, stem, binary("+", start, binary("*", per_round, index)), labels)
            counts[stem] = folded(binary("+", start, binary("*", per_round, rounds)))

    def index(self, loop: Loop) -> tree.Expr:
        """The number of the round."""
        match loop.sequence:
            case tree.Call(tree.Name("range"), arguments) if len(arguments) == 1 and loop.names:
                return tree.Name(loop.names[0])
        if not loop.index:
            loop.index = self.generic.claim("i")
        return tree.Name(loop.index)

    def length(self, loop: Loop) -> tree.Expr:
        """How many rounds a loop has."""
        return loop_length(loop.names, loop.sequence)


def simplified(expression: tree.Expr, assumed: list[tuple[tree.Expr, bool]]) -> tree.Expr:
    """The expression where these conditions hold, or do not."""
    match expression:
        case tree.Conditional(then, condition, otherwise):
            for assumption, answer in assumed:
                if assumption == condition:
                    return simplified(then if answer else otherwise, assumed)
            return tree.Conditional(simplified(then, assumed), condition, simplified(otherwise, assumed))
        case tree.Binary(operator, left, right) if operator not in ("and", "or"):
            return folded(binary(operator, simplified(left, assumed), simplified(right, assumed)))
    return expression


def _is_numbered(label: str, counts: Counts) -> bool:
    """Whether a stage before has been numbered so; raises Unsayable where that hangs on a number that is not known."""
    for stem, number in counts.items():
        digits = label.removeprefix(stem)
        if digits != label and digits.isdecimal() and digits[0] != "0":
            if not isinstance(number, tree.Number):
                raise Unsayable(hanging(number))
            return int(digits) <= number.value
    return False


def _shift(region: Region, stem: str, start: tree.Expr, labels: set[str]) -> None:
    """Numbers of a loop's stages counted on from where the loop begins."""
    for item in region.items:
        match item:
            case Use() if not item.chosen and item.label is not None and item.first is None and _stem(item) == stem:
                text = "".join(map(str, item.label.parts))
                if not text[len(stem) :].isdigit():
                    raise Unsayable
                if any(name.startswith(stem) and name[len(stem) :].isdigit() for name in labels):
                    raise Unsayable
                number = folded(binary("+", start, tree.Number(int(text[len(stem) :]))))
                item.label = tree.Label((stem, number))
            case Choice():
                for inner in item.regions:
                    _shift(inner, stem, start, labels)
            case Loop():
                raise Unsayable


def _kinds(region: Region) -> frozenset[str]:
    """The kinds of stages without a label of which some keep weights."""
    kinds: set[str] = set()
    for item in region.items:
        match item:
            case Use() if not item.chosen and item.first is None and item.keeps_state:
                kinds.add(_stem(item))
            case Choice():
                kinds.update(*map(_kinds, item.regions))
            case Loop():
                kinds |= _kinds(item.region)
    return frozenset(kinds)


def _needs_number(region: Region) -> set[str]:
    """The kinds of a loop's stages that have no label."""
    kinds: set[str] = set()
    for item in region.items:
        match item:
            case Use() if not item.chosen and item.first is None:
                if item.label is not None and item.keeps_state:
                    raise Unsayable
                kinds.add(_stem(item))
                item.label = None
            case Choice():
                for inner in item.regions:
                    kinds |= _needs_number(inner)
            case Loop():
                kinds |= _needs_number(item.region)
    return kinds


def _stem(use: Use) -> str:
    if isinstance(use.what, Instance):
        draft = DraftScope("block", use.what.blueprint.name, use.span)
        return draft.stem
    return use.stem


def _label(label: str) -> tree.Label:
    return label.label if isinstance(label, Key) else tree.Label((label,))


def _labels(region: Region) -> list[str]:
    """The labels that stand in a region, of those in containers the container's."""
    labels: list[str] = []
    for item in region.items:
        match item:
            case Use() if item.chosen and item.label is not None:
                if (step := _first_step(item.label)) is not None:
                    labels.append(step)
            case Choice():
                for inner in item.regions:
                    labels += _labels(inner)
            case Loop():
                labels += _labels(item.region)
    return labels


def _first_step(label: tree.Label) -> str | None:
    """The name under which a stage or the container that it lies in is registered; None where it is computed."""
    step = ""
    for part in label.parts:
        if not isinstance(part, str):
            return None
        own, dot, _ = part.partition(".")
        step += own
        if dot:
            break
    return step


def _conditional_labels(region: Region, deciders: frozenset[str]) -> dict[str, frozenset[str]]:
    """The labels of a region that stand in the bodies of conditions, with what these hang on."""
    labels: dict[str, frozenset[str]] = {}
    for item in region.items:
        match item:
            case Choice():
                own = deciders.union(*(names(c) for c in item.conditions if c is not None))
                for inner in item.regions:
                    labels |= dict.fromkeys(_labels(inner), own)
                    labels |= _conditional_labels(inner, own)
            case Loop():
                labels |= _conditional_labels(item.region, deciders)
    return labels


def _count(region: Region) -> None:
    """Nothing to name: the stages of a chain are numbered by their container."""
    for item in region.items:
        match item:
            case Use():
                item.label = None
            case Choice():
                for inner in item.regions:
                    _count(inner)
            case Loop():
                _count(item.region)


def _name_last(body: DraftScope, label: str) -> None:
    for item in reversed(body.items):
        if isinstance(item, DraftNode | DraftScope):
            item.label = label
            return


def _suggest_last(body: DraftScope, suggestion: str) -> None:
    for item in reversed(body.items):
        if isinstance(item, DraftNode | DraftScope):
            item.suggestion = suggestion
            return


def spelled(blueprint: Blueprint) -> str:
    """A text that two blueprints have in common if they are the same class."""
    numbers: dict[int, int] = {}

    def wire(value: Any) -> str:
        return f"v{numbers.setdefault(id(value), len(numbers))}"

    lines: list[str] = [
        blueprint.name,
        str([(p.name, str(p.default)) for p in blueprint.parameters]),
        str(sorted(blueprint.derived)),
        str(sorted(blueprint.fixed.items(), key=str)),
        str(len(blueprint.sizes)),
        " ".join(map(wire, blueprint.inputs)),
    ]

    def region(part: Region) -> None:
        for item in part.items:
            match item:
                case Let(name, value):
                    lines.append(f"let {name} {value}")
                case Use():
                    lines.append(f"{_spelled(item)} {[wire(v) for v in item.inputs]} {[wire(v) for v in item.outputs]}")
                    if isinstance(item.what, Container):
                        lines.append(str([wire(v) for v in (*item.what.inputs, *item.what.outputs)]))
                        region(item.what.region)
                case Choice():
                    lines.append(f"choice {item.conditions}")
                    for place, inner in enumerate(item.regions):
                        lines.append(item.refusals.get(place, "")[:0] or f"branch {place}")
                        region(inner)
                    lines.append(str([(wire(m.output), [s and wire(s) for s in m.sources]) for m in item.merges]))
                case Loop():
                    lines.append(f"loop {item.names} {item.sequence} {item.running}")
                    lines.append(str([(wire(c.inner), wire(c.first)) for c in item.carries]))
                    region(item.region)
                    lines.append(str([(wire(c.last), wire(c.output)) for c in item.carries]))
                    lines.append(str([(wire(g.output), wire(g.inner)) for g in item.gathers]))

    region(blueprint.region)
    lines.append(" ".join(map(wire, blueprint.outputs)))
    return "\n".join(lines)


def _spelled(use: Use) -> str:
    match use.what:
        case LayerUse(layer, call):
            what = f"{layer.name} {_plainly(call)}"
        case Instance(blueprint, arguments):
            what = f"{id(blueprint)} {arguments}"
        case Container(_, _, _, counted):
            what = f"container {counted}"
    first = "again" if use.first is not None else ""
    return f"{what} {use.label} {use.chosen} {first}"


def _plainly(call: TorchCall) -> str:
    def text(value: str) -> str:
        return MARK.sub(lambda mark: str(expression_at(mark)), value)

    values = [*call.args, *sorted(call.kwargs.items())]
    arguments = [str(_expressions(value)) for value in values]
    texts = f"{text(call.apply)} {text(call.parameter)} {[text(t) for t in call.init]}"
    return f"{call.target} {arguments} {texts} {call.wrap}"


def _expressions(value: Any) -> Any:
    if isinstance(value, Symbolic):
        return expression_of(value)
    if isinstance(value, tuple):
        return tuple(map(_expressions, value))
    return value
