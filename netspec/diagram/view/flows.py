"""The edges of a view: which values go from box to box, and as what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable

from netspec.diagnostics import printable
from netspec.diagram.view.boxes import Carry, Edge, Role
from netspec.diagram.view.graph_facts import node_spans, users
from netspec.graph.graph import Graph, Node, Scope, ScopeRef, Value
from netspec.shapes.shape import Shape


class Edges:
    """Collects the edges of a view: one for each value from box to box, with its shapes in all rounds."""

    def __init__(
        self,
        graph: Graph,
        leaf_of: dict[int, str],
        place: Callable[[int], tuple[int, tuple[tuple[int, int], ...]]],
    ) -> None:
        self.graph, self.leaf_of, self.place = graph, leaf_of, place
        self.roles = Roles(graph)
        self._inputs: dict[int, str] = {}
        self._carried: dict[tuple[str, str, int], Shape] = {}
        self._found: dict[tuple[str, str, Hashable], tuple[list[Shape], list[Role], str]] = {}

    def add_input(self, value: Value, id_: str) -> None:
        self._inputs[id(value)] = id_

    def add_node(self, node: Node) -> None:
        _, rounds = self.place(node.index)
        for value in node.inputs:
            if value.node is not None and id(value) not in self._inputs:
                source, made = self.place(value.node)
                later = dict(rounds)
                between = [run for run, round_ in made if later.get(run, round_) != round_]
                if between:
                    self._carried.setdefault((self.leaf_of[source], printable(value.name), between[0]), value.shape)
                    continue
            self.add(value, self.leaf_of[node.index], self.roles.of(value, node))

    def add(self, value: Value, target: str, role: Role) -> None:
        if id(value) in self._inputs:
            source, key = self._inputs[id(value)], (0, 0)
        else:
            assert value.node is not None
            source, key = self.leaf_of[value.node], (self.place(value.node)[0] + 1, value.index)
        if source == target:
            return
        shapes, roles, _ = self._found.setdefault((source, target, key), ([], [], printable(value.name)))
        roles.append(role)
        if not shapes or shapes[-1] != value.shape:
            shapes.append(value.shape)

    def edges(self) -> tuple[Edge, ...]:
        detours = Detours(
            (source, target)
            for (source, target, _), (_, roles, _) in self._found.items()
            if any(role != "size" for role in roles)
        )
        return tuple(
            Edge(source, target, tuple(shapes), detours.role(source, target, roles, roles[0]), name)
            for (source, target, _), (shapes, roles, name) in self._found.items()
        )

    def carries(self, frames: dict[int, str]) -> tuple[Carry, ...]:
        """What goes from round to round, each place once; `frames` are the ids of the boxes by run."""
        places: dict[tuple[str, str], Carry] = {}
        for (source, name, run), shape in self._carried.items():
            places.setdefault((source, frames[run]), Carry(source, name, frames[run], shape))
        return tuple(places.values())


class Detours:
    """Tells detours by what enters a box: `ways` go from what makes a value to what reads it."""

    def __init__(self, ways: Iterable[tuple[str, str]]) -> None:
        self._makers: dict[str, list[str]] = {}
        for tail, head in ways:
            self._makers.setdefault(head, []).append(tail)

    def role(self, tail: str, head: str, roles: Collection[Role], otherwise: Role) -> Role:
        """The role of a value that is read at several places of one box.

        As the flow and as a skip (a decoder's block that makes a gate of the skip and multiplies it) it is a skip where
        another value that enters the box is made from it.
        """
        if not {"flow", "skip"} <= set(roles):
            return otherwise
        return "skip" if self._goes_around(tail, head) else "flow"

    def _goes_around(self, tail: str, head: str) -> bool:
        waiting = [maker for maker in self._makers[head] if maker != tail]
        seen = set(waiting)
        while waiting:
            makers = self._makers.get(waiting.pop(), ())
            if tail in makers:
                return True
            waiting.extend(fresh := set(makers) - seen)
            seen |= fresh
        return False


class Roles:
    """What a value is to the node that reads it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._spans = node_spans(graph)
        self._users = users(graph)

    def of(self, value: Value, node: Node) -> Role:
        maker = self.graph.nodes[value.node] if value.node is not None else None
        if node.when_training and not (maker and maker.when_training):
            return "auxiliary"
        wiring = self._wiring(node)
        if wiring.kind == "dense" and len(node.inputs) > 1 and value is node.inputs[0]:
            return "dense"
        if wiring.kind in ("residual", "highway"):
            bypass: Role = "skip" if wiring.kind == "residual" else "carry"
            parts: dict[str, Role] = {"body": "flow", "gate": "gate"}
            return parts.get(self._part(value, wiring), bypass)
        entered = self._entered(value, node)
        if entered is not None:
            return entered
        if is_for_size(value, node):
            return "size"
        if node.layer.crops and len(readers := self._readers(node)) == 1:
            return self.of(node.output, readers[0])
        return "skip" if 1 < len(node.inputs) <= 4 and self._goes_around(value, node) else "flow"

    def _readers(self, node: Node) -> list[Node]:
        return [self.graph.nodes[user] for user in self._users[node.index][0] if user < len(self.graph.nodes)]

    def _wiring(self, node: Node) -> Scope:
        """The innermost scope around the node that says how it is wired."""
        scope = self.graph.scopes[node.scope]
        while scope.parent is not None and scope.kind in ("group", "repeat", "for", "iteration"):
            scope = self.graph.scopes[scope.parent]
        return scope

    def _part(self, value: Value, wiring: Scope) -> str:
        """The kind of the wiring's part that made the value."""
        for item in wiring.items:
            if isinstance(item, ScopeRef) and value.node is not None and self._contains(item.index, value.node):
                return self.graph.scopes[item.index].kind
        return ""

    def _entered(self, value: Value, node: Node) -> Role | None:
        """The role of the bypass that the value enters at this node."""
        index: int | None = node.scope
        while index is not None:
            scope = self.graph.scopes[index]
            role = _BYPASSES.get(scope.kind)
            if role is not None:
                outside = value.node is None or not self._contains(index, value.node)
                return role if outside else None
            index = scope.parent
        return None

    def _goes_around(self, value: Value, node: Node) -> bool:
        """Whether another input of the node was made from this value, or from what this one was cut from."""
        start = self._uncut(value)
        lowest = start.node if start.node is not None else -1
        stack = [other for other in node.inputs if other is not value and not is_for_size(other, node)]
        seen = set(map(id, stack))
        while stack:
            value_before = stack.pop()
            if value_before is start or self._is_told_by(value_before, start):
                return True
            if value_before.node is None or value_before.node <= lowest:
                continue
            reader = self.graph.nodes[value_before.node]
            for before in reader.inputs:
                if id(before) not in seen and not is_for_size(before, reader):
                    seen.add(id(before))
                    stack.append(before)
        return False

    def _is_told_by(self, value_before: Value, start: Value) -> bool:
        """Whether both come from one node that makes the one to tell of the other, as a pool its indices."""
        if value_before.node is None or value_before.node != start.node:
            return False
        return not self.graph.nodes[value_before.node].layer.rearranges

    def _uncut(self, value: Value) -> Value:
        """The value before crops."""
        while value.node is not None and self.graph.nodes[value.node].layer.crops:
            value = self.graph.nodes[value.node].inputs[0]
        return value

    def _contains(self, scope: int, node: int) -> bool:
        first, end = self._spans[scope]
        return first <= node < end


_BYPASSES: dict[str, Role] = {"shortcut": "skip", "gate": "gate", "carry": "carry"}


def is_for_size(value: Value, node: Node) -> bool:
    """Whether the node reads nothing of the value but its size: `center_crop(x, like=_)`."""
    return node.layer.reads_shape_only(len(node.inputs) - 1, len(node.inputs)) and value is node.inputs[-1]
