"""What the interactive page tells about a net: its boxes, layers, shapes and figures, and the text that it came from.

Whatever many stages have in common, a layer with its arguments, say, is in a table once, and the stages say which row.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import takewhile
from math import prod
from typing import Any, Generic, TypeAlias, TypeVar

from netspec.analysis.counts import total
from netspec.analysis.receptive_field import Fields, receptive_fields
from netspec.diagram.drawing.theme import FAMILIES, family_role
from netspec.diagram.page.highlight import highlighted
from netspec.diagram.view.boxes import Box, View
from netspec.diagram.view.captions.words import shape_words
from netspec.graph.graph import Graph, Node, Scope
from netspec.graph.views import given_arguments, layer_text, scope_text
from netspec.layers.declaration.base import Layer, TorchCall, spec_literal
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension
from netspec.syntax.source import Source, Span

Json: TypeAlias = Any
Row = TypeVar("Row", bound=Hashable)
_EXACT = 2**53
"""From here on, a number of JavaScript is not exact any more: the page gets the digits as text."""


def facts(view: View) -> dict[str, Json]:
    """All that the page knows but for the pictures. `view` is open to the last box."""
    return _Facts(view).json()


class _Table(Generic[Row]):
    """Rows without repetition."""

    def __init__(self) -> None:
        self.places: dict[Row, int] = {}

    def place(self, row: Row) -> int:
        return self.places.setdefault(row, len(self.places))


class _Facts:
    def __init__(self, view: View) -> None:
        self.view, self.graph = view, view.graph
        self._boxes = list(view.walk())
        self._numbers = {box.id: number for number, box in enumerate(self._boxes)}
        self._parents = {child.id: box for box in self._boxes for child in box.children}
        self._sources: _Table[Source] = _Table()
        self._layers: _Table[Layer] = _Table()
        self._shapes: _Table[tuple[Layer, tuple[Any, ...], tuple[Any, ...]]] = _Table()
        self._fields: _Table[tuple[tuple[str, str], ...]] = _Table()
        self._modules = {scope.index: number for number, scope in enumerate(filter(_is_told, self.graph.scopes))}
        self._seen = _reception(self.graph)

    def json(self) -> dict[str, Json]:
        net = self._net()
        boxes = [self._box(box) for box in self._boxes]
        nodes = [self._node(node) for node in self.graph.nodes]
        scopes = [self._scope(scope) for scope in self.graph.scopes if scope.index in self._modules]
        return {
            "net": net,
            "boxes": _rows(boxes),
            "edges": _rows([self._edge(edge) for edge in self.view.edges]),
            "nodes": _rows(nodes),
            "places": self._places(),
            "scopes": _rows(scopes),
            "layers": _rows([_layer(layer) for layer in self._layers.places]),
            "facts": _rows([_shape_facts(*row) for row in self._shapes.places]),
            "fields": [list(map(list, row)) for row in self._fields.places],
            "legend": [{"role": role, "name": name} for role, name in _LEGEND],
            "sources": [
                {"name": name, "lines": [list(map(list, line)) for line in highlighted(source)]}
                for source, name in zip(self._sources.places, _names(self._sources.places), strict=True)
            ],
        }

    def _net(self) -> Json:
        graph = self.graph
        return {
            "name": graph.name,
            "at": self._at(graph.scopes[0].span),
            "arguments": [[name, spec_literal(value)] for name, value in graph.arguments],
            "documentation": graph.documentation,
            "parameters": _plain(graph.parameters),
            "macs": _plain(graph.macs),
            "layers": len(graph.nodes),
            "inputs": [f"{value.name} {_shape(value.shape)}" for value in graph.inputs],
            "outputs": [
                " ".join(filter(None, (output.name, _shape(output.value.shape))))
                + (" in training only" if output.when_training else "")
                for output in graph.outputs
            ],
            "requirements": list(graph.requirements),
        }

    def _box(self, box: Box) -> Json:
        parent = self._parents.get(box.id)
        rounds = self._rounds(box)
        first = [self.graph.nodes[index] for index in box.nodes[: len(box.nodes) // rounds]]
        lines = {node.span.line for node in first if box.span and node.span.source is box.span.source}
        scope = self.graph.scopes[box.scope] if box.scope is not None and box.id.startswith("s") else None
        return {
            "parent": self._numbers[parent.id] if parent else -1,
            "kind": box.kind,
            "family": box.family,
            "role": _role(box),
            "name": box.name,
            "label": box.label,
            "title": box.title,
            "signature": box.signature,
            "merged": [*box.before, *box.after],
            "times": box.times,
            "rounds": rounds,
            "nodes": _stretches(box.nodes),
            "layers": len(box.nodes),
            "in": _words(box.inputs),
            "out": _words(box.outputs),
            "parameters": _plain(box.parameters),
            "macs": _plain(box.macs),
            "elements": _plain(
                total(out.shape.elements for node in box.nodes for out in self.graph.nodes[node].outputs)
            ),
            "arguments": [[name, spec_literal(value)] for name, value in scope.arguments] if scope else [],
            "at": self._at(box.span) if box.span else None,
            "lines": sorted(lines - {box.span.line}) if box.span and not box.children else [],
            "from": self._at(box.definition) if box.definition else None,
            "scope": self._module(scope.parent if scope else box.scope) if box.scope is not None else -1,
            "training": int(box.when_training),
        }

    def _rounds(self, box: Box) -> int:
        """How many alike stages a box stands for: its own times those of the boxes around it."""
        path = [box]
        while (parent := self._parents.get(path[-1].id)) is not None:
            path.append(parent)
        rounds = prod(each.times for each in path)
        return rounds if rounds and len(box.nodes) % rounds == 0 else 1

    def _edge(self, edge: Any) -> Json:
        return {
            "source": self._numbers[edge.source],
            "target": self._numbers[edge.target],
            "shape": shape_words(edge.shapes),
            "role": edge.role,
            "value": edge.value,
        }

    def _node(self, node: Node) -> Json:
        outputs = tuple(value.shape for value in node.outputs)
        return {
            "name": node.name,
            "layer": self._layers.place(node.layer),
            "fact": self._shapes.place((node.layer, node.shapes, outputs)),
            "field": self._fields.place(self._field(node)),
            "weightsOf": "" if node.first_use else node.key,
            "training": int(node.when_training),
        }

    def _field(self, node: Node) -> tuple[tuple[str, str], ...]:
        rows = [(name, _field_words(fields[node.name])) for name, fields in self._seen.items()]
        several = len(rows) > 1
        return tuple((f"{what} of {name}" if several else what, words) for name, told in rows for what, words in told)

    def _module(self, scope: int | None) -> int:
        """The row of the innermost named scope around, -1 where that is the net."""
        while scope is not None and scope not in self._modules:
            scope = self.graph.scopes[scope].parent
        return -1 if scope is None else self._modules[scope]

    def _scope(self, scope: Scope) -> Json:
        return {
            "name": scope.name,
            "text": scope_text(scope),
            "at": self._at(scope.span),
            "parent": self._module(scope.parent),
        }

    def _places(self) -> Json:
        """What the search finds beyond the boxes' own names: layers in merged boxes, stages in folded rounds."""
        known = {box.name for box in self._boxes}
        leaf_of = {node: box for box in self._boxes if box.is_leaf for node in box.nodes}
        found = []
        starts = _first_nodes(self.graph)
        for scope in self.graph.scopes:
            if scope.index in self._modules and scope.name not in known and scope.index in starts:
                first, size = starts[scope.index]
                box: Box | None = leaf_of.get(first)
                while box is not None and not (box.id.startswith("s") and len(box.nodes) // self._rounds(box) == size):
                    box = self._parents.get(box.id)
                if box is not None:
                    found.append([scope.name, self._numbers[box.id], -1])
                    known.add(scope.name)
        for node in self.graph.nodes:
            if node.index in leaf_of and node.name not in known:
                found.append([node.name, self._numbers[leaf_of[node.index].id], node.index])
        return found

    def _at(self, span: Span) -> list[int]:
        return [self._sources.place(span.source), span.line]


def _rows(objects: Sequence[dict[str, Json]]) -> Json:
    """Objects of the same make, their names written once."""
    return {"columns": list(objects[0]) if objects else [], "rows": [list(each.values()) for each in objects]}


def _is_told(scope: Scope) -> bool:
    return scope.is_module and bool(scope.name)


def _first_nodes(graph: Graph) -> dict[int, tuple[int, int]]:
    """For each scope with layers: the index of its first layer, and how many it has with all that is inside it."""
    found: dict[int, tuple[int, int]] = {}
    for node in graph.nodes:
        scope: int | None = node.scope
        while scope is not None:
            first, size = found.get(scope, (node.index, 0))
            found[scope] = first, size + 1
            scope = graph.scopes[scope].parent
    return found


def _reception(graph: Graph) -> dict[str, dict[str, Fields]]:
    """The receptive fields with respect to each input that has positions."""
    return {value.name: receptive_fields(graph, value.name) for value in graph.inputs if value.shape.spatial}


def _field_words(fields: Fields) -> list[tuple[str, str]]:
    if fields is None:
        return []
    if fields == "everything":
        return [("sees", "everything")]
    if not fields or all(axis.size == axis.jump == 1 for axis in fields):
        return [("sees", "its own position")] if fields else []
    return [
        ("sees", " × ".join(str(axis.size) for axis in fields)),
        ("step", " × ".join(str(axis.jump) for axis in fields)),
        ("first from", ", ".join(str(axis.start) for axis in fields)),
    ]


def _layer(layer: Layer) -> Json:
    given = given_arguments(layer)
    return {
        "text": layer_text(layer),
        "about": _first_sentence(type(layer).__doc__ or ""),
        "arguments": [[name, spec_literal(getattr(layer, name)), name in given] for name in type(layer).model_fields],
    }


def _first_sentence(text: str) -> str:
    """The first paragraph of a docstring as one line."""
    return " ".join(takewhile(bool, (line.strip() for line in text.strip().split("\n"))))


def _shape_facts(layer: Layer, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Json:
    lines = (layer.explain(axis, *inputs) for axis in range(outputs[0].rank))
    return {
        "in": _words(inputs),
        "out": _words(outputs),
        "how": list(dict.fromkeys(filter(None, lines))),
        "torch": _pytorch(layer.torch(*inputs), len(inputs) + len(layer.counted(*inputs))),
        "macs": _plain(layer.macs(*inputs)),
        "elements": _plain(total(shape.elements for shape in outputs)),
        "weights": _weights(layer.parameters(*inputs)),
        "buffers": _weights(layer.buffers(*inputs)),
    }


def _pytorch(call: TorchCall, count: int) -> str:
    """The line of PyTorch that makes a module, or that computes what is none from as many inputs."""
    if call.target:
        written = [*map(repr, call.args), *(f"{name}={value!r}" for name, value in call.kwargs.items())]
        return f"{call.target}({', '.join(written)})"
    if call.parameter:
        return call.parameter
    names = ["x"] if count == 1 else [f"x{place}" for place in range(count)]
    given = {name: repr(value) for name, value in call.kwargs.items()}
    return call.apply.format(*names, inputs=", ".join(names), **given)


def _weights(shapes: dict[str, tuple[int, ...]]) -> Json:
    return [[name, " × ".join(map(str, shape)) or "1"] for name, shape in shapes.items()]


def _words(shapes: Iterable[Shape]) -> list[str]:
    return list(dict.fromkeys(map(_shape, shapes)))


def _shape(shape: Shape) -> str:
    """A whole shape, however long: `64 × 56 × 56`, `1014, int`."""
    sizes = " × ".join(map(str, shape.dims)) or "scalar"
    sizes = sizes if shape.dtype == "float" else f"{sizes}, {shape.dtype}"
    return sizes if shape.each is None else f"{sizes}, {shape.each}"


def _role(box: Box) -> str:
    """What paints the box's family in lists and in the legend."""
    if box.kind in ("net", "block", "container", "rounds"):
        return "block"
    return box.kind if box.kind in ("input", "output") else family_role(box.family)


_LEGEND = tuple({role: name for name, role in reversed(list(FAMILIES.items()))}.items())[::-1]
"""A role for each colour of a family, and the family that it is named after."""


def _stretches(numbers: Sequence[int]) -> list[list[int]]:
    """Ascending numbers as [first, how many] of those that follow each other."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == sum(found[-1]):
            found[-1][1] += 1
        else:
            found.append([number, 1])
    return found


def _plain(size: Dimension) -> int | str:
    if isinstance(size, int):
        return size if size < _EXACT else f"{size:,}"
    return str(size)


def _names(sources: Iterable[Source]) -> list[str]:
    """The files' names with as many of the folders around them as tell them apart."""
    paths = [source.name.replace("\\", "/").split("/") for source in sources]
    names = []
    for path in paths:
        length = 1
        while length < len(path) and sum(other[-length:] == path[-length:] for other in paths) > 1:
            length += 1
        names.append("/".join(path[-length:]))
    return names
