"""What the names of a file stand for: where each is bound, and everywhere that it is used.

Names that are bound in one frame under one spelling are one symbol, so a `let` that is written twice is renamed as one.
A label belongs to the module around it, a `let` to its body; loops and conditions are unrolled in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from netspec.elaborate.values.environment import Template
from netspec.layers import REGISTRY
from netspec.syntax import tree
from netspec.syntax.printer import print_label
from netspec.syntax.source import Span
from netspec.syntax.walk import calls

SymbolKind: TypeAlias = Literal[
    "net", "block", "import", "parameter", "label", "value", "loop", "input", "output", "shared", "layer"
]


@dataclass(eq=False)
class Symbol:
    """One name of one frame. `definition` is where it was bound first, in another file where it is imported."""

    name: str
    kind: SymbolKind
    definition: Span | None
    inside: Frame | None = None
    statement: tree.Tree | None = None
    uses: list[Use] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One place where a symbol's name stands."""

    symbol: Symbol
    span: Span
    binds: bool = False


@dataclass(eq=False)
class Frame:
    """A frame of names with the frame around it; `module` is the frame that labels go to."""

    around: Frame | None = None
    module: Frame = None  # type: ignore[assignment]
    names: dict[str, Symbol] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.module = self.module or self

    def get(self, name: str) -> Symbol | None:
        frame: Frame | None = self
        while frame is not None:
            symbol = frame.names.get(name) or frame.module.names.get(name)
            if symbol is not None:
                return symbol
            frame = frame.around
        return None

    def body(self) -> Frame:
        """The frame of a wiring's body: lets are its own, labels go to the module around."""
        return Frame(self, self.module)

    def visible(self) -> dict[str, Symbol]:
        """Every name in sight, by its spelling."""
        frame: Frame | None = self
        symbols: dict[str, Symbol] = {}
        while frame is not None:
            symbols = {**frame.module.names, **frame.names, **symbols}
            frame = frame.around
        return symbols


@dataclass(frozen=True, eq=False)
class Names:
    """The symbols of a file, their uses in the order of the text, and the frames with the range that each holds in."""

    uses: tuple[Use, ...]
    frames: tuple[tuple[int, int, Frame], ...]

    def at(self, offset: int) -> Use | None:
        """The name at a place, or that ends there."""
        return next((use for use in self.uses if use.span.start <= offset <= use.span.end), None)

    def frame(self, offset: int) -> Frame | None:
        """The innermost frame around a place."""
        around = [(end - start, frame) for start, end, frame in self.frames if start <= offset <= end]
        return min(around, key=lambda pair: pair[0])[1] if around else None


def names_of(file: tree.File, templates: Mapping[str, Template]) -> Names:
    """The names of a file; `templates` are the blocks and nets that it knows, those it imports among them."""
    binder = _Binder(templates)
    binder.file(file)
    uses = {(use.span.start, use.span.end): use for use in reversed(binder.uses)}
    return Names(tuple(sorted(uses.values(), key=lambda use: use.span.start)), tuple(binder.frames))


class _Binder:
    """One walk over a file in the order of its text."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self.templates = templates
        self.uses: list[Use] = []
        self.frames: list[tuple[int, int, Frame]] = []
        self.top = Frame()
        self.layers: dict[str, Symbol] = {}
        self.outputs: dict[str, Symbol] = {}
        self.stages: dict[str, Symbol] = {}

    def bind(
        self, name: str, kind: SymbolKind, part: tree.Tree, frame: Frame, *, keyword: bool = False
    ) -> Symbol | None:
        """Binds a name that stands in a part of the file, after its keyword where it has one."""
        span = name_in(part.span, name, skip=keyword)
        if span is None:
            return None
        symbol = frame.names.get(name)
        if symbol is None:
            symbol = frame.names[name] = Symbol(name, kind, span, statement=part)
        self.use(symbol, span, binds=True)
        return symbol

    def use(self, symbol: Symbol, span: Span, *, binds: bool = False) -> None:
        use = Use(symbol, span, binds)
        symbol.uses.append(use)
        self.uses.append(use)

    def file(self, file: tree.File) -> None:
        self.frames.append((file.span.start, file.span.end, self.top))
        definitions = [item for item in file.items if isinstance(item, tree.Definition)]
        for item in file.items:
            if isinstance(item, tree.Import):
                self.imports(item)
        for definition in definitions:
            symbol = self.bind(definition.name, definition.kind, definition, self.top, keyword=True)
            inside = Frame(self.top)
            if symbol is not None and symbol.inside is None:
                symbol.inside = inside
            for parameter in definition.parameters:
                self.bind(parameter.name, "parameter", parameter, inside)
        for item in file.items:
            if isinstance(item, tree.Definition):
                self.definition(item)
            elif isinstance(item, tree.Train):
                self.train(item)
            elif not isinstance(item, tree.Import):
                self.statement(item, self.top)

    def imports(self, item: tree.Import) -> None:
        for name in item.names:
            template = self.templates.get(name.id)
            where = template.definition.signature if template is not None else name.span
            inside = _parameters(template.definition) if template is not None else None
            symbol = self.top.names.setdefault(name.id, Symbol(name.id, "import", where, inside, item))
            self.use(symbol, name.span, binds=True)

    def definition(self, item: tree.Definition) -> None:
        symbol = self.top.names.get(item.name)
        inside = symbol.inside if symbol is not None and symbol.statement is item else None
        frame = inside or Frame(self.top)
        self.frames.append((item.span.start, item.span.end, frame))
        for parameter in item.parameters:
            if parameter.default is not None:
                self.expression(parameter.default, self.top)
        self.body(item.body, frame)
        names = (plain_name(s.label) for s in item.body.statements if isinstance(s, tree.Output))
        self.outputs.update({name: frame.names[name] for name in names if name in frame.names})
        if item.kind == "net":
            self.stages.update(frame.names)

    def train(self, train: tree.Train) -> None:
        """Names of outputs may stand in losses and metrics, those of stages in steps, those of inputs in draws."""
        for setting in train.settings:
            own = setting.key.partition(" ")[2]
            span = name_in(setting.span, own, skip=True) if own in self.stages else None
            if span is not None:
                self.use(self.stages[own], span)
        for name in _bare_names(train):
            if name.id in self.outputs:
                self.use(self.outputs[name.id], name.span)

    def body(self, body: tree.Body, frame: Frame) -> None:
        for statement in body.statements:
            self.statement(statement, frame)

    def statement(self, statement: tree.Tree, frame: Frame) -> None:
        match statement:
            case tree.Stage(labels, flow):
                inside = self.flow(flow, frame, labelled=bool(labels))
                for label in labels:
                    self.label(label, "label", frame, inside)
            case tree.Let(names, flow):
                inside = self.flow(flow, frame)
                for name in names:
                    symbol = self.bind(name, "value", statement, frame, keyword=True)
                    if symbol is not None and symbol.inside is None:
                        symbol.inside = inside
            case tree.Shared(label, flow):
                inside = self.flow(flow, frame, labelled=True)
                self.label(label, "shared", frame, inside)
            case tree.Output(label, flow):
                inside = self.flow(flow, frame, labelled=True)
                if plain_name(label):
                    symbol = self.bind(plain_name(label), "output", statement, frame.module, keyword=True)
                    if symbol is not None:
                        symbol.inside = inside
            case tree.Input(name=name):
                self.bind(name, "input", statement, frame, keyword=True)
                self.parts(statement, frame)
            case tree.For(_, sequence, body):
                self.expression(sequence, frame)
                for name in statement.names:
                    self.bind(name, "loop", statement, frame, keyword=True)
                self.body(body, frame)
            case tree.Default(layer, arguments):
                span = name_in(statement.span, layer, skip=True)
                symbol = self.callee(layer, frame)
                if span is not None and symbol is not None:
                    self.use(symbol, span)
                self.arguments(arguments, symbol, frame)
            case _:
                self.parts(statement, frame)

    def label(self, label: tree.Label, kind: SymbolKind, frame: Frame, inside: Frame | None) -> None:
        for part in label.parts:
            if isinstance(part, tree.Tree):
                self.expression(part, frame)
        name = print_label(label)
        symbol = frame.module.names.get(name)
        if symbol is None:
            symbol = frame.module.names[name] = Symbol(name, kind, label.span, inside, label)
        self.use(symbol, label.span, binds=True)

    def flow(self, flow: tree.Flow, frame: Frame, *, labelled: bool = False) -> Frame | None:
        """Walks a flow; gives the frame of what a label on it lets read from outside."""
        stages = [element for element in flow.elements if not _is_start(element, frame)]
        inside: Frame | None = None
        if labelled and (len(stages) > 1 or (stages and isinstance(stages[0], tree.Group | tree.Wiring))):
            inside = frame = Frame(frame)
            self.frames.append((flow.span.start, flow.span.end, frame))
        for index, element in enumerate(flow.elements):
            if isinstance(element, tree.Group) and inside is not None and len(stages) == 1:
                self.body(element.body, frame)
            else:
                callee = self.element(element, frame, first=index == 0)
                inside = inside or (callee if len(stages) <= 1 else None)
        return inside

    def element(self, element: tree.Tree, frame: Frame, *, first: bool) -> Frame | None:
        match element:
            case tree.Group(body) | tree.Wiring(body=body):
                local = frame.body()
                self.frames.append((body.span.start, body.span.end, local))
                self.body(body, local)
                for clause in element.clauses if isinstance(element, tree.Wiring) else ():
                    self.element(tree.Group(clause.body, span=clause.body.span), frame, first=False)
                return None
            case tree.Name(name):
                symbol = frame.get(name) if first else None
                symbol = symbol or self.callee(name, frame)
                if symbol is not None:
                    self.use(symbol, element.span)
                return symbol.inside if symbol is not None and symbol.kind != "layer" else None
            case _:
                return self.expression(element, frame)

    def parts(self, part: tree.Tree, frame: Frame) -> None:
        """Whatever is in a part of the file: bodies in place, flows and expressions."""
        for _, value in part.content():
            for inner in value if isinstance(value, tuple) else (value,):
                match inner:
                    case tree.Body():
                        self.body(inner, frame)
                    case tree.Flow():
                        self.flow(inner, frame)
                    case tree.Branch():
                        self.parts(inner, frame)
                    case tree.Tree():
                        self.expression(inner, frame)

    def expression(self, part: tree.Tree, frame: Frame) -> Frame | None:
        """Walks an expression; gives the frame of what can be read inside of its value."""
        match part:
            case tree.Name(name):
                symbol = frame.get(name)
                if symbol is None:
                    return None
                self.use(symbol, part.span)
                return symbol.inside
            case tree.Label():
                symbol = frame.get(print_label(part))
                if symbol is not None:
                    self.use(symbol, part.span)
                for inner in part.parts:
                    if isinstance(inner, tree.Tree):
                        self.expression(inner, frame)
                return symbol.inside if symbol is not None else None
            case tree.Call(tree.Name(name) as callee, arguments):
                symbol = self.callee(name, frame)
                if symbol is not None:
                    self.use(symbol, callee.span)
                self.arguments(arguments, symbol, frame)
                return symbol.inside if symbol is not None else None
            case tree.Attribute(value, name):
                inside = self.expression(value, frame)
                symbol = inside.names.get(name) if inside is not None else None
                span = Span(part.span.source, part.span.end - len(name), part.span.end)
                if symbol is not None and span.text == name:
                    self.use(symbol, span)
                    return symbol.inside
                return None
            case tree.Group() | tree.Wiring():
                return self.element(part, frame, first=False)
            case _:
                self.parts(part, frame)
                return None

    def callee(self, name: str, frame: Frame) -> Symbol | None:
        """What a call of that name calls: a block, net or shared module, a name for one, or else a layer."""
        symbol = frame.get(name)
        if symbol is not None and not (name in REGISTRY and symbol.kind in ("label", "input", "output", "loop")):
            return symbol
        if name in REGISTRY:
            return self.layers.setdefault(name, Symbol(name, "layer", None))
        return symbol

    def arguments(self, arguments: Iterable[tree.Argument], callee: Symbol | None, frame: Frame) -> None:
        """The arguments of a call; those by name are uses of the block's parameters."""
        for argument in arguments:
            if argument.name is not None and callee is not None:
                self.keyword(argument, argument.name, callee)
            self.expression(argument.value, frame)

    def keyword(self, argument: tree.Argument, name: str, callee: Symbol) -> None:
        span = Span(argument.span.source, argument.span.start, argument.span.start + len(name))
        parameter = callee.inside.names.get(name) if callee.inside is not None else None
        if parameter is not None and parameter.kind == "parameter":
            self.use(parameter, span)


def _parameters(definition: tree.Definition) -> Frame:
    """The parameters of a block of another file, by name."""
    symbols = (Symbol(p.name, "parameter", p.span, statement=p) for p in definition.parameters)
    return Frame(names={symbol.name: symbol for symbol in symbols})


def _is_start(element: tree.Tree, frame: Frame) -> bool:
    """Whether a flow's element names a value that is there already."""
    match element:
        case tree.Name("_") | tree.Name("in") | tree.Label() | tree.Attribute() | tree.Index():
            return True
        case tree.Name(name):
            symbol = frame.get(name)
            return symbol is not None and symbol.kind in ("label", "value", "input", "output", "parameter")
    return False


def _bare_names(part: tree.Tree) -> Iterator[tree.Name]:
    """The names in a train section that stand as arguments of a call, where outputs are named."""
    for call in calls(part):
        yield from (a.value for a in call.arguments if a.name is None and isinstance(a.value, tree.Name))


def name_in(span: Span, name: str, *, skip: bool = False) -> Span | None:
    """Where a name stands in a part of the file for the first time, after the part's first word with `skip`."""
    text = span.source.text
    start = span.start
    if skip:
        first = re.compile(r"\w+").match(text, start)
        start = first.end() if first is not None else start
    match = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)").search(text, start, span.end)
    return Span(span.source, match.start(), match.end()) if match is not None else None


def plain_name(label: tree.Label | None) -> str:
    """A label that is one name; empty where it is none, or has expressions in it."""
    return label.parts[0] if label is not None and len(label.parts) == 1 and isinstance(label.parts[0], str) else ""
