"""The wirings: residual, highway, concat, add, mul and dense."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.elaborate import shapes
from netspec.elaborate.bodies import Bodies
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values import POISON, Poison, Result, Tensor
from netspec.graph.graph import ScopeKind
from netspec.layers import REGISTRY
from netspec.layers.base import ShapeError
from netspec.syntax import tree
from netspec.syntax.source import Span

CLAUSES = {"residual": ("shortcut",), "highway": ("gate", "carry")}


class Wirings(Bodies):
    """Elaborates wirings; whole nets are the business of the class that builds on this one."""

    def wiring(self, wiring: tree.Wiring, frame: Frame) -> Result:
        """One wiring: its bodies, each fed the current value, and the layers that join what they leave."""
        keyword = Span(wiring.span.source, wiring.span.start, wiring.span.start + len(wiring.keyword))
        entering = frame.current
        if entering is None:
            self.current(frame, keyword)
        with self.scope(wiring.keyword, "", wiring.span, frame) as scope:
            local = frame.inside(frame.environment.body(), scope)
            clauses = self.clauses(wiring)
            match wiring.keyword:
                case "residual":
                    joined = self.residual(wiring, clauses, keyword, local)
                case "highway":
                    joined = self.highway(wiring, clauses, keyword, local)
                case "dense":
                    joined = self.dense(wiring, keyword, local)
                case _:
                    joined = self.branches(wiring, keyword, local)
            local.current = joined
            return self.close(scope, entering, local, None)

    def clauses(self, wiring: tree.Wiring) -> dict[str, tree.Body]:
        allowed = CLAUSES.get(wiring.keyword, ())
        found: dict[str, tree.Body] = {}
        for clause in wiring.clauses:
            if clause.keyword not in allowed:
                raise Problem(
                    "E0215",
                    f"{wiring.keyword} has no {clause.keyword}",
                    clause.span,
                    help=f"{clause.keyword} goes with {'residual' if clause.keyword == 'shortcut' else 'highway'}",
                )
            if clause.keyword in found:
                raise Problem("E0215", f"a second {clause.keyword}", clause.span)
            found[clause.keyword] = clause.body
        return found

    def part(self, body: tree.Body, kind: ScopeKind, frame: Frame) -> Tensor | Poison:
        """One body of a wiring, fed the value that entered the wiring."""
        entering = frame.current
        with self.scope(kind, "", body.span, frame) as scope:
            local = frame.inside(frame.environment.body(), scope)
            self.run(body, local, self.sequence)
            self.rejoin(scope, local, Frame(frame.environment, scope, entering))
            return local.current if local.current is not None else POISON

    def residual(
        self, wiring: tree.Wiring, clauses: dict[str, tree.Body], keyword: Span, frame: Frame
    ) -> Tensor | Poison:
        """y = S(x) + F(x) (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, eq. 1 and 2)."""
        entering = frame.current
        through = self.part(wiring.body, "body", frame)
        around = self.part(clauses["shortcut"], "shortcut", frame) if "shortcut" in clauses else entering
        name = "S(x)" if "shortcut" in clauses else "x"
        help, mend = "", None
        if isinstance(through, Tensor) and isinstance(entering, Tensor):
            stages = shapes.shortcut_for(entering.shape, through.shape)
            if stages is not None and "shortcut" not in clauses:
                help = f"give the residual a shortcut: shortcut {{ {stages} }}"
                end = wiring.body.span.end
                mend = (Span(keyword.source, end, end), f" shortcut {{ {stages} }}")
            elif stages is not None:
                help = f"a shortcut that fits: shortcut {{ {stages} }}"
                body = clauses["shortcut"].span
                mend = (body, f"{{ {stages} }}")
        return self.join("residual", "add", [("F(x)", through), (name, around)], keyword, frame, help, mend)

    def highway(
        self, wiring: tree.Wiring, clauses: dict[str, tree.Body], keyword: Span, frame: Frame
    ) -> Tensor | Poison:
        """y = H(x) T(x) + x C(x), C = 1 - T (Srivastava, Greff, Schmidhuber, "Highway Networks", 2015, eq. 2 and 3)."""
        entering = frame.current
        through = self.part(wiring.body, "body", frame)
        gate = self.part(clauses["gate"], "gate", frame) if "gate" in clauses else self.learned_gate(keyword, frame)
        carry: Tensor | Poison
        if "carry" in clauses:
            carry = self.part(clauses["carry"], "carry", frame)
        elif isinstance(gate, Tensor):
            carry = self.apply_layer("sub", (gate,), {"value": 1, "reverse": True}, keyword, frame)[0]
        else:
            carry = POISON
        gated = self.join("highway", "mul", [("H(x)", through), ("T(x)", gate)], keyword, frame)
        carried = self.join("highway", "mul", [("x", entering), ("C(x)", carry)], keyword, frame)
        return self.join("highway", "add", [("H(x) * T(x)", gated), ("x * C(x)", carried)], keyword, frame)

    def learned_gate(self, keyword: Span, frame: Frame) -> Tensor | Poison:
        """The gate where the spec writes none: a sigmoid of x's width, 1 x 1 where x is a map."""
        entering = frame.current
        if not isinstance(entering, Tensor):
            return POISON
        with self.scope("gate", "", keyword, frame) as scope:
            local = frame.inside(frame.environment.body(), scope)
            width = entering.shape.dims[0]
            if entering.shape.rank == 1:
                local.current = self.apply_layer("linear", (entering,), {"features": width}, keyword, local)[0]
            else:
                local.current = self.apply_layer("conv", (entering,), {"channels": width, "kernel": 1}, keyword, local)[
                    0
                ]
            local.current = self.apply_layer("sigmoid", (local.current,), {}, keyword, local)[0]
            scope.inputs, scope.outputs = (entering,), (local.current,)
            return local.current

    def branches(self, wiring: tree.Wiring, keyword: Span, frame: Frame) -> Tensor | Poison:
        """Every stage of the body is a branch fed the same value; their results are joined."""
        entering = frame.current
        results: list[tuple[str, Tensor | Poison]] = []

        def branch(stage: tree.Stage, here: Frame) -> None:
            results.append((f"branch {len(results) + 1}", POISON))
            with self.scope("branch", "", stage.span, here) as scope:
                local = here.inside(here.environment, scope)
                local.current = entering
                self.sequence(stage, local)
                self.rejoin(scope, local, Frame(here.environment, scope, entering))
            results[-1] = (results[-1][0], local.current if local.current is not None else POISON)

        self.run(wiring.body, frame, branch)
        if isinstance(frame.current, Poison):
            return POISON
        frame.current = entering
        if not results:
            raise Problem(
                "E0208",
                f"{wiring.keyword} joins branches, and this one has none",
                keyword,
                help="every line is a branch; {} is the one that passes the value on",
            )
        return self.join(wiring.keyword, wiring.keyword, results, keyword, frame)

    def dense(self, wiring: tree.Wiring, keyword: Span, frame: Frame) -> Tensor | Poison:
        """Every stage sees the concatenation of the input and all stages before it (Huang et al., "Densely Connected
        Convolutional Networks", CVPR 2017, eq. 2). A chain: each concat joins the last one with one more stage.
        """

        def stage(statement: tree.Stage, here: Frame) -> None:
            seen = here.current
            with self.scope("branch", "", statement.span, here) as scope:
                local = here.inside(here.environment, scope)
                self.sequence(statement, local)
                self.rejoin(scope, local, Frame(here.environment, scope, seen))
            made = local.current if local.current is not None else POISON
            here.current = self.join("dense", "concat", [("all before", seen), ("this stage", made)], keyword, here)

        self.run(wiring.body, frame, stage)
        return frame.current if frame.current is not None else POISON

    def join(
        self,
        what: str,
        layer: str,
        sides: Sequence[tuple[str, Tensor | Poison | None]],
        keyword: Span,
        frame: Frame,
        help: str = "",
        mend: tuple[Span, str] | None = None,
    ) -> Tensor | Poison:
        """The layer that joins the branches of a wiring; a mistake is told at its keyword, with both sides."""
        tensors = [(name, side) for name, side in sides if isinstance(side, Tensor)]
        if len(tensors) != len(sides):
            return POISON
        if layer != "concat" and len({tensor.shape for _, tensor in tensors}) > 1 and not _broadcasts(what, tensors):
            raise shapes.join_problem(what, tensors, keyword, frame.scope, help, mend)
        if len(tensors) == 1:
            return tensors[0][1]
        try:
            REGISTRY[layer]().outputs(*(tensor.shape for _, tensor in tensors))
        except ShapeError:
            raise shapes.join_problem(what, tensors, keyword, frame.scope, help, mend) from None
        return self.apply_layer(layer, tuple(tensor for _, tensor in tensors), {}, keyword, frame)[0]


def _broadcasts(what: str, tensors: Sequence[tuple[str, Tensor]]) -> bool:
    """Whether differing shapes may still go together: gates and products broadcast; open sizes may turn out equal."""
    return what in {"mul", "highway"} or any(tensor.shape.is_open for _, tensor in tensors)
