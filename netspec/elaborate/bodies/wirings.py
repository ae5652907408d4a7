"""The wirings: residual, highway, concat, add, mul and dense."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from netspec.elaborate.bodies.scopes import close_scope, open_scope, rejoin
from netspec.elaborate.bodies.stages import sequence
from netspec.elaborate.bodies.statements import run_body
from netspec.elaborate.calls.application import note
from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import truth
from netspec.elaborate.expressions.names import current_value
from netspec.elaborate.mistakes import misfits
from netspec.elaborate.mistakes.misfits import Side
from netspec.elaborate.mistakes.shortcuts import residual_mend
from netspec.elaborate.problems import Problem, Spoilt
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import POISON, Poison
from netspec.elaborate.values.values import Result
from netspec.graph.graph import ScopeKind
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.syntax import tree
from netspec.syntax.source import Span

REPEATED = frozenset({"block", "repeat", "for", "iteration"})
"""Scopes whose text may be elaborated more than once."""
SUMS = frozenset({"residual", "add"})
"""Wirings whose branches are of one size, which operators between values need not be."""
CLAUSES = {"residual": ("shortcut",), "highway": ("gate", "carry")}


def wiring(elaborator: Elaborator, wiring: tree.Wiring, frame: Frame) -> Result:
    """One wiring: its bodies, each fed the current value, and the layers that join what they leave."""
    keyword = Span(wiring.span.source, wiring.span.start, wiring.span.start + len(wiring.keyword))
    entering = frame.current
    if entering is None:
        current_value(frame, keyword)
    if wiring.condition is not None:
        return elaborator.residual_if(wiring, wiring.condition, keyword, frame)
    scope = open_scope(elaborator, wiring.keyword, "", wiring.span, frame)
    local = frame.inside(frame.environment.body(), scope)
    clauses = clauses_of(wiring)
    local.current = elaborator.wirings[wiring.keyword](elaborator, wiring, clauses, keyword, local)
    return close_scope(elaborator, scope, entering, local, None)


def residual_if(
    elaborator: Elaborator, wiring: tree.Wiring, condition: tree.Expr, keyword: Span, frame: Frame
) -> Result:
    """`residual if c { F }`: x + F(x) where c holds, and F(x) alone where not."""
    holds = truth(elaborator, condition, frame)
    scope = open_scope(elaborator, "residual" if holds else "group", "", wiring.span, frame)
    local = frame.inside(frame.environment.body(), scope)
    if holds:
        local.current = residual(elaborator, wiring, clauses_of(wiring), keyword, local)
    else:
        run_body(elaborator, wiring.body, local, sequence)
    return close_scope(elaborator, scope, frame.current, local, None)


def clauses_of(wiring: tree.Wiring) -> dict[str, tree.Body]:
    allowed = CLAUSES.get(wiring.keyword, ())
    clauses: dict[str, tree.Body] = {}
    for clause in wiring.clauses:
        if clause.keyword not in allowed:
            raise Problem(
                "E0215",
                f"{wiring.keyword} has no {clause.keyword}",
                clause.span,
                help=f"{clause.keyword} goes with {'residual' if clause.keyword == 'shortcut' else 'highway'}",
            )
        if clause.keyword in clauses:
            raise Problem("E0215", f"a second {clause.keyword}", clause.span)
        clauses[clause.keyword] = clause.body
    return clauses


def part(elaborator: Elaborator, body: tree.Body, kind: ScopeKind, frame: Frame) -> Tensor | Poison:
    """One body of a wiring, fed the value that entered the wiring."""
    entering = frame.current
    scope = open_scope(elaborator, kind, "", body.span, frame)
    local = frame.inside(frame.environment.body(), scope)
    run_body(elaborator, body, local, sequence)
    rejoin(scope, local, Frame(frame.environment, scope, entering))
    return local.current if local.current is not None else POISON


def residual(
    elaborator: Elaborator, wiring: tree.Wiring, clauses: dict[str, tree.Body], keyword: Span, frame: Frame
) -> Tensor | Poison:
    """y = S(x) + F(x) (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, eq. 1 and 2)."""
    entering = frame.current
    through = part(elaborator, wiring.body, "body", frame)
    around = part(elaborator, clauses["shortcut"], "shortcut", frame) if "shortcut" in clauses else entering
    name = "S(x)" if "shortcut" in clauses else "x"
    sides = [Side("F(x)", through), Side(name, around)]
    alone = not any(scope.kind in REPEATED for scope in frame.scope.chain())
    evaluate = partial(plain_value, elaborator, frame)
    defaults = frame.environment.defaults.get("conv", {})
    mends = partial(residual_mend, through, entering, wiring, clauses.get("shortcut"), evaluate, defaults, alone=alone)
    return join(elaborator, "residual", "add", sides, keyword, frame, mends)


def plain_value(elaborator: Elaborator, frame: Frame, expression: tree.Expr) -> Any:
    """The value of an expression that is no tensor's; None where it has none."""
    try:
        value = elaborator.evaluate(expression, frame)
    except (Problem, Spoilt):
        return None
    return value if isinstance(value, int | float | str | list) else None


def highway(
    elaborator: Elaborator, wiring: tree.Wiring, clauses: dict[str, tree.Body], keyword: Span, frame: Frame
) -> Tensor | Poison:
    """y = H(x) T(x) + x C(x), C = 1 - T (Srivastava, Greff, Schmidhuber, "Highway Networks", 2015, eq. 2 and 3)."""
    entering = frame.current
    through = part(elaborator, wiring.body, "body", frame)
    gate = (
        part(elaborator, clauses["gate"], "gate", frame)
        if "gate" in clauses
        else learned_gate(elaborator, keyword, frame)
    )
    carry: Tensor | Poison
    if "carry" in clauses:
        carry = part(elaborator, clauses["carry"], "carry", frame)
    elif isinstance(gate, Tensor):
        carry = elaborator.apply_layer("sub", (gate,), {"value": 1, "reverse": True}, keyword, frame)[0]
    else:
        carry = POISON
    mends = partial(misfits.highway_mend, entering)
    gated = join(elaborator, "highway", "mul", [Side("H(x)", through), Side("T(x)", gate)], keyword, frame, mends)
    carried = join(elaborator, "highway", "mul", [Side("x", entering), Side("C(x)", carry)], keyword, frame, mends)
    both = [Side("H(x) * T(x)", gated), Side("x * C(x)", carried)]
    return join(elaborator, "highway", "add", both, keyword, frame, mends)


def learned_gate(elaborator: Elaborator, keyword: Span, frame: Frame) -> Tensor | Poison:
    """The gate where the spec writes none: a sigmoid of x's width, 1 x 1 where x is a map."""
    entering = frame.current
    if not isinstance(entering, Tensor):
        return POISON
    if entering.shape.rank == 0:
        message = f"a gate is learned from the channels of x, and {entering.shape} has none"
        raise Problem("E0303", message, keyword, help="say what opens it: gate { param([]) -> sigmoid }")
    scope = open_scope(elaborator, "gate", "", keyword, frame)
    local = frame.inside(frame.environment.body(), scope)
    width = entering.shape.dims[0]
    if entering.shape.rank == 1:
        local.current = elaborator.apply_layer("linear", (entering,), {"features": width}, keyword, local)[0]
    else:
        arguments = {"channels": width, "kernel": 1}
        local.current = elaborator.apply_layer("conv", (entering,), arguments, keyword, local)[0]
    local.current = elaborator.apply_layer("sigmoid", (local.current,), {}, keyword, local)[0]
    scope.inputs, scope.outputs = (entering,), (local.current,)
    return local.current


def branches(
    elaborator: Elaborator, wiring: tree.Wiring, clauses: dict[str, tree.Body], keyword: Span, frame: Frame
) -> Tensor | Poison:
    """Every stage of the body is a branch fed the same value; their results are joined."""
    entering = frame.current
    results: list[Side] = []

    def branch(elaborator: Elaborator, stage: tree.Stage, here: Frame) -> None:
        name, position = f"branch {len(results) + 1}", len(results)
        results.append(Side(name, POISON, stage.span))
        scope = open_scope(elaborator, "branch", "", stage.span, here)
        local = here.inside(here.environment, scope)
        local.current = entering
        sequence(elaborator, stage, local)
        rejoin(scope, local, Frame(here.environment, scope, entering))
        results[position] = Side(name, local.current, stage.span)

    run_body(elaborator, wiring.body, frame, branch)
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
    mends = partial(misfits.branch_mend, results, entering)
    return join(elaborator, wiring.keyword, wiring.keyword, results, keyword, frame, mends)


def dense(
    elaborator: Elaborator, wiring: tree.Wiring, clauses: dict[str, tree.Body], keyword: Span, frame: Frame
) -> Tensor | Poison:
    """Every stage sees the concatenation of the input and all stages before it (Huang et al., "Densely Connected
    Convolutional Networks", CVPR 2017, eq. 2). A chain: each concat joins the last one with one more stage.
    """

    def stage(elaborator: Elaborator, statement: tree.Stage, here: Frame) -> None:
        before = here.current
        scope = open_scope(elaborator, "branch", "", statement.span, here)
        local = here.inside(here.environment, scope)
        sequence(elaborator, statement, local)
        rejoin(scope, local, Frame(here.environment, scope, before))
        sides = [Side("what came before", before), Side("this stage", local.current, statement.span)]
        mends = partial(misfits.branch_mend, sides[1:], before)
        here.current = join(elaborator, "dense", "concat", sides, keyword, here, mends)

    run_body(elaborator, wiring.body, frame, stage)
    return frame.current if frame.current is not None else POISON


def join(
    elaborator: Elaborator,
    what: str,
    layer: str,
    sides: Sequence[Side],
    keyword: Span,
    frame: Frame,
    mends: Callable[[], misfits.Mend] = misfits.no_mend,
) -> Tensor | Poison:
    """The layer that joins the branches of a wiring; a mistake is told at its keyword, with both sides."""
    tensors = [side.value for side in sides if isinstance(side.value, Tensor)]
    if len(tensors) != len(sides):
        return POISON
    if len(tensors) == 1:
        return tensors[0]
    if not _may_agree(what, [tensor.shape for tensor in tensors]):
        raise misfits.join_problem(what, sides, keyword, frame.scope, *mends())
    try:
        joined = elaborator.apply_layer(layer, tuple(tensors), {}, keyword, frame)[0]
    except Problem as problem:
        if problem.diagnostic.code in {"E0301", "E0303"}:
            raise misfits.join_problem(what, sides, keyword, frame.scope, *mends()) from None
        raise
    if what in SUMS and isinstance(joined, Tensor):
        note(elaborator, [need for tensor in tensors for need in _equal(tensor.shape, joined.shape)], keyword)
    return joined


def _equal(one: Shape, other: Shape) -> Iterator[Requirement]:
    """What makes open sizes of branches those of their sum: a size of 1 that is known is stretched, others are not."""
    for a, b in zip(one.dims, other.dims, strict=True):
        if a != b and not (isinstance(a, int) and isinstance(b, int)) and a != 1:
            yield Requirement(a, "==", b)


def _may_agree(what: str, joined: Sequence[Shape]) -> bool:
    """Whether the shapes may be joined: a sum needs them equal, as far as they are known; products broadcast."""
    if what not in SUMS or len(set(joined)) == 1:
        return True
    if len({shape.rank for shape in joined}) > 1:
        return False
    return all(
        len({size for size in axis if isinstance(size, int)}) <= 1
        for axis in zip(*(s.dims for s in joined), strict=True)
    )
