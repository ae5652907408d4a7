"""The graph on disk: a versioned JSON document that `load` turns into the same graph again.

Layers are held by name and arguments, open sizes as the expressions that messages show, spans with the texts that they
point into. `SCHEMA` is the JSON Schema of the document; `docs/graph.schema.json` is a copy of it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.consistency import check
from netspec.graph.graph import Fit, Graph, Node, Output, Scope, ScopeKind, ScopeRef, Value
from netspec.graph.views import given_arguments
from netspec.layers import REGISTRY
from netspec.marks import signed_json
from netspec.shapes.requirements import Relation, Requirement
from netspec.shapes.sets import Set
from netspec.shapes.shape import DType, Shape
from netspec.shapes.sizes import Dimension, OpenSize, TooComplexError, minimum
from netspec.syntax.source import Source, Span, place_outside

Size = Annotated[int | str, Field(description="a number, or an expression of open sizes: `floor((H + 1) / 2)`")]
Index = Annotated[int, Field(ge=0)]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceForm(_Form):
    """A text that spans point into."""

    name: str
    text: str


class SpanForm(_Form):
    """A range of characters; line and column (from 1) are those of its start."""

    file: Annotated[Index, Field(description="index into `sources`")]
    line: int
    column: int
    start: Index
    end: Index


class SetForm(_Form):
    """A set of which a sample has so many members as there happen to be, `most` at most."""

    name: str
    most: Size


class ShapeForm(_Form):
    """One sample of a value, channels first; of a set, one member of it."""

    dims: tuple[Size, ...]
    dtype: DType = "float"
    each: Annotated[Index | None, Field(description="index into `sets`")] = None


class ValueForm(_Form):
    """One tensor."""

    name: str
    shape: ShapeForm
    span: SpanForm | None = None


class InputRef(_Form):
    """An input of the net, by its index."""

    input: Index


class NodeRef(_Form):
    """An output of a node, by their indices."""

    node: Index
    output: Index = 0


Ref = InputRef | NodeRef


class LayerForm(_Form):
    """A layer by its name in specs and the arguments that are not its defaults."""

    name: str
    arguments: dict[str, Any] = {}


class NodeForm(_Form):
    """One layer at work; its index is its place in `nodes`, which are in topological order."""

    name: str
    key: str
    layer: LayerForm
    inputs: tuple[Ref, ...]
    outputs: tuple[ValueForm, ...]
    scope: Index
    span: SpanForm
    when_training: bool = False
    first_use: bool = True
    unused: bool = False


class ItemForm(_Form):
    """A node or a child scope among a scope's items; one of the two is present."""

    node: Index | None = None
    scope: Index | None = None


class ArgumentForm(_Form):
    """An argument of a block or net; `size` in place of `value` where it is an expression of open sizes."""

    name: str
    value: Any = None
    size: str | None = None


class ScopeForm(_Form):
    """A block instance, container, wiring or repeat; its index is its place in `scopes`, after the scope around it."""

    kind: ScopeKind
    name: str
    key: str
    title: str
    arguments: tuple[ArgumentForm, ...] = ()
    parent: Index | None = None
    items: tuple[ItemForm, ...] = ()
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    span: SpanForm
    definition: SpanForm | None = None
    count: int | None = None
    counted: bool = False
    first_use: bool = True


class OutputForm(_Form):
    """One output of the net."""

    name: str | None = None
    value: Ref
    when_training: bool = False


class FitForm(_Form):
    """A requirement on open sizes and the place that makes it."""

    left: Size
    relation: Relation
    right: Size
    span: SpanForm


class GraphForm(_Form):
    """A net with every block unrolled and every shape known, as `netspec` writes it."""

    netspec: Annotated[Literal[1], Field(description="the version of this form")]
    name: str
    documentation: str = ""
    arguments: tuple[ArgumentForm, ...] = ()
    inputs: tuple[ValueForm, ...]
    outputs: tuple[OutputForm, ...]
    nodes: tuple[NodeForm, ...]
    scopes: tuple[ScopeForm, ...]
    fits: tuple[FitForm, ...] = ()
    sets: tuple[SetForm, ...] = ()
    sources: tuple[SourceForm, ...]
    digest: Annotated[str, Field(description="of the text, which tells whether somebody has changed it")] = ""


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **GraphForm.model_json_schema(),
}


def dump(graph: Graph) -> str:
    """The graph as JSON text, ending in a line end."""
    return signed_json(_Writer(graph).form().model_dump_json(indent=1, exclude_defaults=True))


def load(text: str, name: str = "<json>") -> Graph:
    """The graph that `dump` wrote; raises NetspecError (E0006) for any other text."""
    try:
        graph = _Reader(GraphForm.model_validate_json(text)).graph()
        check(graph)
        return graph
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"{place}: {first['msg']}" if place else first["msg"]
    except (ValueError, LookupError, RecursionError, TooComplexError) as error:
        reason = str(error.args[0]) if error.args else type(error).__name__
    message = f"{name} is not a graph that this version of netspec wrote: {reason}"
    raise NetspecError((Diagnostic("E0006", message, place_outside(name)),))


def parse_size(text: str) -> Dimension:
    """The size that an expression such as `2*floor((H + 1) / 2) - 1` means; raises ValueError."""
    return _SizeText(text).size()


class _Writer:
    """Graph to form: values become references, texts are collected."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._sources: dict[Source, int] = {}
        self._inputs = {id(value): index for index, value in enumerate(graph.inputs)}

    def form(self) -> GraphForm:
        graph = self._graph
        return GraphForm(
            netspec=1,
            name=graph.name,
            documentation=graph.documentation,
            arguments=_arguments(graph.arguments),
            inputs=tuple(map(self._value, graph.inputs)),
            outputs=tuple(
                OutputForm(name=output.name, value=self._ref(output.value), when_training=output.when_training)
                for output in graph.outputs
            ),
            nodes=tuple(map(self._node, graph.nodes)),
            scopes=tuple(map(self._scope, graph.scopes)),
            fits=tuple(
                FitForm(
                    left=_size(fit.requirement.left),
                    relation=fit.requirement.relation,
                    right=_size(fit.requirement.right),
                    span=self._span(fit.span),
                )
                for fit in graph.fits
            ),
            sets=tuple(SetForm(name=each.name, most=_size(each.most)) for each in graph.sets),
            sources=tuple(SourceForm(name=source.name, text=source.text) for source in self._sources),
        )

    def _node(self, node: Node) -> NodeForm:
        return NodeForm(
            name=node.name,
            key=node.key,
            layer=LayerForm(name=node.layer.name, arguments=given_arguments(node.layer)),
            inputs=tuple(map(self._ref, node.inputs)),
            outputs=tuple(map(self._value, node.outputs)),
            scope=node.scope,
            span=self._span(node.span),
            when_training=node.when_training,
            first_use=node.first_use,
            unused=node.unused,
        )

    def _scope(self, scope: Scope) -> ScopeForm:
        return ScopeForm(
            kind=scope.kind,
            name=scope.name,
            key=scope.key,
            title=scope.title,
            arguments=_arguments(scope.arguments),
            parent=scope.parent,
            items=tuple(
                ItemForm(scope=item.index) if isinstance(item, ScopeRef) else ItemForm(node=item)
                for item in scope.items
            ),
            inputs=tuple(map(self._ref, scope.inputs)),
            outputs=tuple(map(self._ref, scope.outputs)),
            span=self._span(scope.span),
            definition=self._span(scope.definition) if scope.definition is not None else None,
            count=scope.count,
            counted=scope.counted,
            first_use=scope.first_use,
        )

    def _value(self, value: Value) -> ValueForm:
        each = value.shape.each
        place = None if each is None else self._graph.sets.index(each)
        shape = ShapeForm(dims=tuple(map(_size, value.shape.dims)), dtype=value.shape.dtype, each=place)
        span = self._span(value.span) if value.span is not None else None
        return ValueForm(name=value.name, shape=shape, span=span)

    def _ref(self, value: Value) -> Ref:
        if value.node is None:
            return InputRef(input=self._inputs[id(value)])
        return NodeRef(node=value.node, output=value.index)

    def _span(self, span: Span) -> SpanForm:
        file = self._sources.setdefault(span.source, len(self._sources))
        return SpanForm(file=file, line=span.line, column=span.column, start=span.start, end=span.end)


class _Reader:
    """Form to graph: nodes in order, each fed by values that are there already."""

    def __init__(self, form: GraphForm) -> None:
        self._form = form
        self._sources = [Source(source.name, source.text) for source in form.sources]
        self._sets = [Set(_dimension(each.most), each.name) for each in form.sets]
        self._inputs = [self._value(value, None, 0) for value in form.inputs]
        self._nodes: list[Node] = []

    def graph(self) -> Graph:
        form = self._form
        for index, node in enumerate(form.nodes):
            self._nodes.append(self._node(index, node))
        return Graph(
            name=form.name,
            arguments=_pairs(form.arguments),
            inputs=tuple(self._inputs),
            outputs=tuple(
                Output(output.name, self._deref(output.value), output.when_training) for output in form.outputs
            ),
            nodes=tuple(self._nodes),
            scopes=tuple(self._scope(index, scope) for index, scope in enumerate(form.scopes)),
            fits=tuple(
                Fit(Requirement(_dimension(fit.left), fit.relation, _dimension(fit.right)), self._span(fit.span))
                for fit in form.fits
            ),
            documentation=form.documentation,
        )

    def _node(self, index: int, node: NodeForm) -> Node:
        if node.layer.name not in REGISTRY:
            raise LookupError(f"nodes.{index}: there is no layer {node.layer.name}")
        if node.scope >= len(self._form.scopes):
            raise LookupError(f"nodes.{index}: there is no scope {node.scope}")
        return Node(
            index=index,
            name=node.name,
            key=node.key,
            layer=REGISTRY[node.layer.name].model_validate(node.layer.arguments),
            inputs=tuple(map(self._deref, node.inputs)),
            outputs=tuple(self._value(value, index, place) for place, value in enumerate(node.outputs)),
            scope=node.scope,
            span=self._span(node.span),
            when_training=node.when_training,
            first_use=node.first_use,
            unused=node.unused,
        )

    def _scope(self, index: int, scope: ScopeForm) -> Scope:
        if (scope.parent is None) != (index == 0) or (scope.parent is not None and scope.parent >= index):
            raise LookupError(f"scopes.{index}: its parent must come before it")
        return Scope(
            index=index,
            kind=scope.kind,
            name=scope.name,
            key=scope.key,
            title=scope.title,
            arguments=_pairs(scope.arguments),
            parent=scope.parent,
            items=tuple(self._item(index, item) for item in scope.items),
            inputs=tuple(map(self._deref, scope.inputs)),
            outputs=tuple(map(self._deref, scope.outputs)),
            span=self._span(scope.span),
            definition=self._span(scope.definition) if scope.definition is not None else None,
            count=scope.count,
            counted=scope.counted,
            first_use=scope.first_use,
        )

    def _item(self, scope: int, item: ItemForm) -> int | ScopeRef:
        if item.scope is not None and item.node is None and scope < item.scope < len(self._form.scopes):
            return ScopeRef(item.scope)
        if item.node is not None and item.scope is None and item.node < len(self._nodes):
            return item.node
        raise LookupError(f"scopes.{scope}: an item must be one node or one scope that is there")

    def _value(self, value: ValueForm, node: int | None, index: int) -> Value:
        place = value.shape.each
        if place is not None and place >= len(self._sets):
            raise LookupError(f"there is no set {place}")
        each = None if place is None else self._sets[place]
        shape = Shape(tuple(map(_dimension, value.shape.dims)), value.shape.dtype, each)
        return Value(value.name, shape, node, index, self._span(value.span) if value.span is not None else None)

    def _deref(self, ref: Ref) -> Value:
        if isinstance(ref, InputRef):
            if ref.input < len(self._inputs):
                return self._inputs[ref.input]
        elif ref.node < len(self._nodes) and ref.output < len(self._nodes[ref.node].outputs):
            return self._nodes[ref.node].outputs[ref.output]
        raise LookupError(f"a reference points to nothing before it: {ref.model_dump_json()}")

    def _span(self, span: SpanForm) -> Span:
        if span.file >= len(self._sources):
            raise LookupError(f"there is no source {span.file}")
        return Span(self._sources[span.file], span.start, span.end)


def _size(size: Dimension) -> int | str:
    return str(size) if isinstance(size, OpenSize) else size


def _dimension(size: int | str) -> Dimension:
    return parse_size(size) if isinstance(size, str) else size


def _arguments(arguments: tuple[tuple[str, Any], ...]) -> tuple[ArgumentForm, ...]:
    return tuple(
        ArgumentForm(name=name, **({"size": str(value)} if isinstance(value, OpenSize) else {"value": _plain(value)}))
        for name, value in arguments
    )


def _plain(value: Any) -> Any:
    """An argument as JSON has it; an open size within a list is the text of its expression."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, OpenSize) else value


def _pairs(arguments: tuple[ArgumentForm, ...]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (argument.name, parse_size(argument.size) if argument.size is not None else argument.value)
        for argument in arguments
    )


_TOKEN = re.compile(r"\s*(?:(\d+)|([^\W\d]\w*)|(.))", re.DOTALL)


class _SizeText:
    """Recursive descent over `sum := product (± product)*`, as `str(OpenSize)` writes it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [match.group(1) or match.group(2) or match.group(3) for match in _TOKEN.finditer(text.strip())]
        self._next = 0

    def size(self) -> Dimension:
        result = self._sum()
        if self._next != len(self._tokens):
            raise self._unexpected()
        return result

    def _sum(self) -> Dimension:
        result: Dimension = -self._product() if self._take("-") else self._product()
        while True:
            if self._take("+"):
                result = result + self._product()
            elif self._take("-"):
                result = result - self._product()
            else:
                return result

    def _product(self) -> Dimension:
        result = self._factor()
        while self._take("*"):
            result = result * self._factor()
        return result

    def _factor(self) -> Dimension:
        if self._take("("):
            inner = self._sum()
            self._expect(")")
            return inner
        token = self._tokens[self._next] if self._next < len(self._tokens) else ""
        self._next += 1
        if token.isdecimal():
            return int(token)
        if not token.isidentifier():
            self._next -= 1
            raise self._unexpected()
        if token in ("floor", "min") and self._take("("):
            first = self._sum()
            if token == "floor":
                self._expect("/")
                second = self._factor()
                if not isinstance(second, int) or second < 1:
                    raise ValueError(f"{self._text!r}: a size is divided by a number")
                result = first // second
            else:
                self._expect(",")
                result = minimum(first, self._sum())
            self._expect(")")
            return result
        return OpenSize.symbol(token)

    def _take(self, token: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next] == token:
            self._next += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._unexpected()

    def _unexpected(self) -> ValueError:
        token = self._tokens[self._next] if self._next < len(self._tokens) else "its end"
        return ValueError(f"{self._text!r} is not a size: {token!r} is unexpected")
