"""A blueprint of a graph whose text is not at hand, one that was read from JSON: every call is a class by itself."""

from __future__ import annotations

from functools import reduce
from operator import or_

from netspec.graph.blueprint import Blueprint, Container, LayerUse, Region, Use
from netspec.graph.graph import Graph, Node, Scope, ScopeRef, Value
from netspec.shapes.sets import Set
from netspec.shapes.shape import COUNT
from netspec.syntax import tree


def straight(graph: Graph) -> Blueprint:
    """The net as it is unrolled, with these numbers only."""
    return _Straight(graph).net()


class _Straight:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.first: dict[str, Use] = {}
        self.counts: dict[Set | None, Value] = {}
        """Where the net says how many members each set has."""

    def net(self) -> Blueprint:
        graph = self.graph
        root = graph.scopes[0]
        outputs = tuple(output.value for output in graph.outputs)
        region = self.region(root)
        return Blueprint(
            name=graph.name,
            kind="net",
            parameters=(),
            derived={},
            fixed=dict(graph.arguments),
            inputs=graph.inputs,
            outputs=outputs,
            output_names=tuple(output.name for output in graph.outputs),
            training_outputs=frozenset(i for i, output in enumerate(graph.outputs) if output.when_training),
            region=region,
            counts=tuple(self.counts.get(value.shape.each) for value in outputs),
            counted=root.counted,
            documentation=graph.documentation,
            span=root.span,
        )

    def region(self, scope: Scope) -> Region:
        region = Region()
        for item in scope.items:
            if not isinstance(item, ScopeRef):
                region.items.append(self.layer(self.graph.nodes[item], scope))
                continue
            inner = self.graph.scopes[item.index]
            if inner.is_module:
                region.items.append(self.module(inner))
            else:
                region.items.extend(self.region(inner).items)
        return region

    def layer(self, node: Node, around: Scope) -> Use:
        applications = (
            [other.shapes for other in self.graph.nodes if other.key == node.key]
            if not node.first_use
            else [node.shapes]
        )
        shapes = [reduce(or_, one) for one in zip(*applications, strict=True)]
        inputs = (*node.inputs, *(self.counts[each] for each in node.layer.counted(*node.shapes)))
        outputs = node.outputs
        if node.layer.makes_set and (made := node.output.shape.each) is not None:
            self.counts[made] = Value("count", COUNT, node.index, len(outputs), node.span)
            outputs = (*outputs, self.counts[made])
        use = Use(LayerUse(node.layer, node.layer.torch(*shapes)), inputs, outputs, node.span)
        return self.placed(use, node.key, around)

    def module(self, scope: Scope) -> Use:
        inputs, outputs = scope.inputs, scope.outputs
        region = self.region(scope)
        what = Container(region, inputs, outputs, scope.counted)
        use = Use(what, inputs, outputs, scope.span)
        assert scope.parent is not None
        return self.placed(use, scope.key, self.graph.scopes[scope.parent])

    def placed(self, use: Use, key: str, around: Scope) -> Use:
        use.label = tree.Label((key.removeprefix(f"{around.key}."),))
        use.chosen = True
        use.first = self.first.get(key)
        self.first.setdefault(key, use)
        return use
