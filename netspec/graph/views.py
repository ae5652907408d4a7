"""The graph as others see it: a layer in the words of a spec, and the whole as networkx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.graph.graph import Graph, Scope, Value
from netspec.layers.declaration.base import Layer, spec_literal

if TYPE_CHECKING:
    import networkx as nx


def given_arguments(layer: Layer) -> dict[str, Any]:
    """The arguments of a layer that must be given or are not their defaults, in order."""
    arguments = {
        name: value
        for name, field in type(layer).model_fields.items()
        if (value := getattr(layer, name)) != field.default or field.is_required()
    }
    return {**arguments, **arguments.pop(layer.collects, {})}


def layer_text(layer: Layer) -> str:
    """The layer as a spec writes it, defaults left out: `conv(64, 7, stride=2, pad=3)`."""
    parts = []
    fields = type(layer).model_fields
    for name, value in given_arguments(layer).items():
        required = name in fields and fields[name].is_required()
        parts.append(spec_literal(value) if required else f"{name}={spec_literal(value)}")
    return f"{layer.name}({', '.join(parts)})" if parts else layer.name


def scope_text(scope: Scope) -> str:
    """The scope as a spec writes it: `Bottleneck(64, stride=2)` for a block, `{ ... }` for a labelled container."""
    if scope.kind == "container":
        return "{ ... }"
    if scope.kind not in ("block", "net") or "(" in scope.title or not scope.arguments:
        return scope.title or scope.kind
    (_, first), *rest = scope.arguments
    return (
        f"{scope.title}({', '.join([spec_literal(first), *(f'{name}={spec_literal(value)}' for name, value in rest)])})"
    )


def networkx_view(graph: Graph) -> nx.MultiDiGraph[str]:
    """Inputs and layers as nodes by name, tensors as edges from what makes them to what reads them.

    A node has `kind` (`input` or `layer`), `layer` (as the spec writes it), `key` and `shape`; an edge has `shape`,
    `output` (which output of its source it is) and `argument` (which argument of its target).
    """
    import networkx as nx

    view: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=graph.name)
    names: dict[int, str] = {}
    node_names = {node.name for node in graph.nodes}
    for value in graph.inputs:
        names[id(value)] = value.name if value.name not in node_names else f"input {value.name}"
        view.add_node(names[id(value)], kind="input", layer="input", key="", shape=value.shape)

    def source(value: Value) -> str:
        return graph.nodes[value.node].name if value.node is not None else names[id(value)]

    for node in graph.nodes:
        view.add_node(node.name, kind="layer", layer=layer_text(node.layer), key=node.key, shape=node.output.shape)
        for argument, value in enumerate(node.inputs):
            view.add_edge(source(value), node.name, shape=value.shape, output=value.index, argument=argument)
    view.graph["outputs"] = [source(output.value) for output in graph.outputs]
    return view
