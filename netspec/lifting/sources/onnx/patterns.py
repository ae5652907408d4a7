"""Several nodes that are one layer: what exporters write out because their operators have no such layer.

A pass takes a graph and gives one of fewer nodes; `Linear`, `Gelu` and `Silu` are operators that only these have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from netspec.lifting.sources.onnx.graph import Graph, Node, Stored


def simplified(graph: Graph) -> Graph:
    """The graph with weights where they are taken, and with layers whole."""
    for rewrite in (_copies, _linear, _linear_of_gemm, _layernorm, _gelu, _silu):
        graph = rewrite(graph)
    return graph


@dataclass
class _Edit:
    """A graph that is rewritten. A node that is replaced makes what its last node made."""

    graph: Graph
    makers: dict[str, Node] = field(init=False)
    takers: dict[str, list[Node]] = field(init=False)
    stored: dict[str, Stored] = field(init=False)
    _gone: set[int] = field(default_factory=set)
    _new: dict[int, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.makers, self.takers = self.graph.makers(), self.graph.takers()
        self.stored = dict(self.graph.stored)

    def alone(self, name: str) -> Node | None:
        """The only node that takes a value, which is no output."""
        takers = self.takers.get(name, [])
        one = len(takers) == 1 and name not in self.graph.outputs and list(takers[0].inputs).count(name) == 1
        return takers[0] if one else None

    def replaced(
        self, nodes: Sequence[Node], operator: str, inputs: Sequence[str], named: Node | None = None, **attributes: Any
    ) -> None:
        """One node in place of several, called as `named`; the last of them makes the result."""
        *others, last = nodes
        self._gone.update(map(id, others))
        self._new[id(last)] = replace(
            named or last, operator=operator, inputs=tuple(inputs), outputs=last.outputs[:1], attributes=attributes
        )

    def remove(self, node: Node) -> None:
        """Leaves a node out."""
        self._gone.add(id(node))

    def done(self) -> Graph:
        nodes = (self._new.get(id(node), node) for node in self.graph.nodes if id(node) not in self._gone)
        return replace(self.graph, nodes=tuple(nodes), stored=self.stored)

    def number(self, name: str) -> float | None:
        """The number that a value is, if it is stored and one."""
        stored = self.stored.get(name)
        return float(stored.read().reshape(-1)[0]) if stored is not None and stored.size == 1 else None

    def other(self, node: Node, name: str) -> str:
        """The input of a node of two that is not this one."""
        return next((other for other in node.inputs if other != name), name)


def _copies(graph: Graph) -> Graph:
    """An identity of a weight is that weight under another name, and a dtype that stays is nothing."""
    edit = _Edit(graph)
    for node in graph.nodes:
        if node.operator == "Identity" and node.input(0) in edit.stored and node.outputs[0] not in graph.outputs:
            edit.stored[node.outputs[0]] = edit.stored[node.input(0)].copied(node.outputs[0])
            edit.remove(node)
    return edit.done()


def _linear(graph: Graph) -> Graph:
    """A product with a stored matrix, and the bias that is added to it."""
    edit = _Edit(graph)
    for node in graph.nodes:
        if node.operator != "MatMul":
            continue
        matrix, turn = _matrix(edit, node.input(1))
        if matrix is None:
            continue
        add = edit.alone(node.outputs[0])
        bias = edit.stored.get(edit.other(add, node.outputs[0])) if add is not None and add.operator == "Add" else None
        rows = matrix.shape[0]
        if bias is not None and bias.shape == (rows,) and bias.is_weight:
            assert add is not None
            edit.replaced((*turn, node, add), "Linear", (node.input(0), matrix.name, bias.name), node)
        else:
            edit.replaced((*turn, node), "Linear", (node.input(0), matrix.name))
    return edit.done()


def _matrix(edit: _Edit, name: str) -> tuple[Stored | None, tuple[Node, ...]]:
    """A stored matrix as a linear layer has it, a row a feature, and the node that turned it before."""
    turn = edit.makers.get(name)
    if turn is not None and turn.operator == "Transpose" and tuple(turn.attributes.get("perm", (1, 0))) == (1, 0):
        stored = edit.stored.get(turn.input(0))
        if stored is not None and stored.is_weight and len(stored.shape) == 2:
            return stored, (turn,) if len(edit.takers.get(name, ())) == 1 else ()
    stored = edit.stored.get(name)
    if stored is None or not stored.is_weight or len(stored.shape) != 2:
        return None, ()
    return _turned(edit, stored), ()


def _turned(edit: _Edit, stored: Stored) -> Stored:
    """A stored matrix transposed: under its own name, where only one node takes it."""
    turned = stored.turned(stored.name if len(edit.takers[stored.name]) == 1 else f"{stored.name}.T")
    edit.stored[turned.name] = turned
    return turned


def _linear_of_gemm(graph: Graph) -> Graph:
    edit = _Edit(graph)
    for node in graph.nodes:
        if node.operator != "Gemm" or node.attributes.get("transA") or node.attributes.get("alpha", 1.0) != 1:
            continue
        matrix, bias = edit.stored.get(node.input(1)), edit.stored.get(node.input(2))
        if matrix is None or not matrix.is_weight or len(matrix.shape) != 2:
            continue
        if not node.attributes.get("transB"):
            matrix = _turned(edit, matrix)
        if node.input(2):
            fits = bias is not None and node.attributes.get("beta", 1.0) == 1 and bias.size == matrix.shape[0]
            if not fits:
                continue
            assert bias is not None
            if len(bias.shape) != 1:
                flat, rows = bias, matrix.shape[0]
                bias = Stored(bias.name, (rows,), bias.dtype, _flat(flat))
                edit.stored[bias.name] = bias
            edit.replaced((node,), "Linear", (node.input(0), matrix.name, bias.name))
        else:
            edit.replaced((node,), "Linear", (node.input(0), matrix.name))
    return edit.done()


def _flat(stored: Stored) -> Callable[[], Any]:
    return lambda: stored.read().reshape(-1)


def _layernorm(graph: Graph) -> Graph:
    """(x - mean) / sqrt(mean((x - mean)^2) + eps) * weight + bias, as it is written out before opset 17."""
    edit = _Edit(graph)
    for division in graph.nodes:
        row = _normalised(edit, division)
        if row is None:
            continue
        scale = edit.alone(division.outputs[0])
        shift = edit.alone(scale.outputs[0]) if scale is not None and scale.operator == "Mul" else None
        if scale is None or shift is None or shift.operator != "Add":
            continue
        weight = edit.stored.get(edit.other(scale, division.outputs[0]))
        bias = edit.stored.get(edit.other(shift, scale.outputs[0]))
        if weight is None or bias is None or weight.shape != bias.shape or len(weight.shape) != 1:
            continue
        inside, x, eps = row
        edit.replaced(
            (*inside, division, scale, shift),
            "LayerNormalization",
            (x, weight.name, bias.name),
            epsilon=eps,
            axis=-1,
        )
    return edit.done()


def _normalised(edit: _Edit, division: Node) -> tuple[list[Node], str, float] | None:
    """The nodes before the division, what is normalised, and the epsilon."""
    if division.operator != "Div":
        return None
    centred, root = edit.makers.get(division.input(0)), edit.makers.get(division.input(1))
    if centred is None or root is None or centred.operator != "Sub" or root.operator != "Sqrt":
        return None
    mean, added = edit.makers.get(centred.input(1)), edit.makers.get(root.input(0))
    if mean is None or added is None or mean.operator != "ReduceMean" or added.operator != "Add":
        return None
    variance, eps = edit.makers.get(added.input(0)), edit.number(added.input(1))
    if variance is None or eps is None or variance.operator != "ReduceMean" or mean.input(0) != centred.input(0):
        return None
    squared = edit.makers.get(variance.input(0))
    if squared is None or squared.input(0) not in edit.makers:
        return None
    again = edit.makers[squared.input(0)]
    is_square = (squared.operator == "Pow" and edit.number(squared.input(1)) == 2) or (
        squared.operator == "Mul" and squared.input(0) == squared.input(1)
    )
    same = again is centred or (again.operator == "Sub" and again.inputs == centred.inputs)
    if not is_square or not same or any(_axes(edit, node) != (-1,) for node in (mean, variance)):
        return None
    return [mean, centred, again, squared, variance, added, root], centred.input(0), eps


def _axes(edit: _Edit, node: Node) -> tuple[int, ...]:
    axes = node.attributes.get("axes")
    if axes is None and node.input(1) in edit.stored:
        axes = tuple(int(axis) for axis in edit.stored[node.input(1)].read().reshape(-1)[:8])
    return tuple(axes or ())


def _gelu(graph: Graph) -> Graph:
    """x / 2 * (1 + erf(x / sqrt(2))), in whichever order the factors stand."""
    edit = _Edit(graph)
    for erf in graph.nodes:
        scaled = edit.makers.get(erf.input(0)) if erf.operator == "Erf" else None
        factor = edit.number(scaled.input(1)) if scaled is not None else None
        if scaled is None or factor is None or scaled.operator not in ("Div", "Mul"):
            continue
        factor = 1 / factor if scaled.operator == "Mul" else factor
        x, added = scaled.input(0), edit.alone(erf.outputs[0])
        if added is None or added.operator != "Add" or edit.number(edit.other(added, erf.outputs[0])) != 1:
            continue
        first = edit.alone(added.outputs[0])
        if not math.isclose(factor, math.sqrt(2), rel_tol=1e-4) or first is None or first.operator != "Mul":
            continue
        other = edit.other(first, added.outputs[0])
        half = edit.makers.get(other)
        if half is not None and half.operator == "Mul" and x in half.inputs and edit.number(edit.other(half, x)) == 0.5:
            edit.replaced((scaled, erf, added, half, first), "Gelu", (x,))
            continue
        second = edit.alone(first.outputs[0])
        if second is None or second.operator != "Mul":
            continue
        rest = edit.other(second, first.outputs[0])
        if (other == x and edit.number(rest) == 0.5) or (rest == x and edit.number(other) == 0.5):
            edit.replaced((scaled, erf, added, first, second), "Gelu", (x,))
    return edit.done()


def _silu(graph: Graph) -> Graph:
    """x * sigmoid(x)."""
    edit = _Edit(graph)
    for gate in graph.nodes:
        product = edit.alone(gate.outputs[0]) if gate.operator == "Sigmoid" else None
        if product is not None and product.operator == "Mul" and gate.input(0) in product.inputs:
            edit.replaced((gate, product), "Silu", (gate.input(0),))
    return edit.done()
