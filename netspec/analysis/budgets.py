"""Whether a net keeps the budgets that it asserts; where it does not, how far off it is and what takes most."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from netspec.analysis import counts
from netspec.analysis.counts import memory_text
from netspec.analysis.receptive_field import Field, Fields, receptive_fields
from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Budget, Graph, Node, Scope, ScopeRef
from netspec.layers.declaration.base import EVERYTHING
from netspec.shapes.sizes import Dimension

_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_NOUNS = {"parameters": "parameters", "macs": "MACs", "memory": "bytes", "neurons": "neurons", "field": "positions"}
_VERBS = {"parameters": "has", "neurons": "has", "field": "sees"}
MOST = 3
"""How many stages a message names."""


class Figures:
    """The figures of a graph's nodes, each worked out once however many budgets there are."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = [counts.of_node(node) for node in graph.nodes]

    @cached_property
    def fields(self) -> dict[str, Fields]:
        return receptive_fields(self.graph)


def check(graph: Graph) -> list[Diagnostic]:
    """A diagnostic for each budget that is not kept, or that nothing can be said of, in the order of the text."""
    if not graph.budgets:
        return []
    figures = Figures(graph)
    return [diagnostic for budget in graph.budgets if (diagnostic := _check(figures, budget)) is not None]


@dataclass(frozen=True, slots=True)
class Part:
    """What a budget is of: the net, or a stage by its name, with the indices of the nodes in it."""

    name: str
    of: Node | Scope
    nodes: tuple[int, ...]


def _check(figures: Figures, budget: Budget) -> Diagnostic | None:
    graph = figures.graph
    if budget.stage and budget.stage not in graph:
        return _no_stage(graph, budget)
    part = _part(graph, graph[budget.stage] if budget.stage else graph.scopes[0])
    values = _field(figures, part) if budget.figure == "field" else (_amount(figures, part, budget),)
    numbers = [value for value in values if isinstance(value, int)]
    if not values or len(numbers) < len(values):
        return _open(graph, budget, values)
    broken = [value for value in numbers if not _HOLDS[budget.operator](value, budget.limit)]
    return _broken(figures, part, budget, broken[0]) if broken else None


def _part(graph: Graph, of: Node | Scope) -> Part:
    nodes = (of.index,) if isinstance(of, Node) else tuple(_inside(graph, of))
    return Part(graph.name if of is graph.scopes[0] else of.name, of, nodes)


def _inside(graph: Graph, scope: Scope) -> Iterator[int]:
    """The indices of the nodes of a scope, in the order of the text."""
    stack: list[int | ScopeRef] = list(reversed(scope.items))
    while stack:
        item = stack.pop()
        if isinstance(item, ScopeRef):
            stack.extend(reversed(graph.scopes[item.index].items))
        else:
            yield item


def _amount(figures: Figures, part: Part, budget: Budget) -> Dimension:
    """The figure of a part, in ones or in bytes."""
    own = counts.of_all(figures.nodes[node] for node in part.nodes)
    match budget.figure:
        case "memory":
            whole = part.of is figures.graph.scopes[0]
            return counts.memory(own, budget.batch, [value.shape for value in figures.graph.inputs] if whole else ())
        case "neurons":
            return own.neurons
        case "macs":
            return own.macs
    return own.parameters


def _field(figures: Figures, part: Part) -> tuple[Dimension, ...]:
    """The receptive field of a stage along each axis; the whole of the input where all of it is seen."""
    graph, last = figures.graph, part.of.output
    field = figures.fields[graph.nodes[last.node].name if last.node is not None else last.name]
    if field is None:
        return ()
    if field == EVERYTHING:
        return graph.inputs[0].shape.spatial or graph.inputs[0].shape.dims
    return tuple(math.ceil(axis.size) for axis in field if isinstance(axis, Field))


def _no_stage(graph: Graph, budget: Budget) -> Diagnostic:
    from difflib import get_close_matches

    names = [*(scope.name for scope in graph.scopes if scope.is_module), *(node.name for node in graph.nodes)]
    near = get_close_matches(budget.stage, names, n=1)
    return Diagnostic(
        "E0902",
        f"{graph.name} has no stage {budget.stage}",
        budget.stage_span,
        help=f"did you mean {near[0]}?" if near else "netspec summary shows the names",
        mend=(budget.stage_span, near[0]) if near else None,
    )


def _open(graph: Graph, budget: Budget, values: Iterable[Dimension]) -> Diagnostic:
    text = ", ".join(map(str, values))
    return Diagnostic(
        "E0903",
        f"{_title(budget)} depends on sizes that are open, so nothing can be said of it",
        budget.span,
        f"it is {text}" if text else "it sees nothing of the input",
        help=f"check it with sizes: {counts.closing(graph)}" if counts.closing(graph) else "",
        severity="warning",
    )


def _broken(figures: Figures, part: Part, budget: Budget, value: int) -> Diagnostic:
    limit = _nearest_limit(value, budget)
    takes = _VERBS.get(budget.figure, "takes")
    return Diagnostic(
        "E0901",
        f"{part.name} {takes} {_amount_text(value, budget)}, which is not {budget.operator} {budget.limit_span.text}",
        budget.span,
        _distance(value, budget),
        notes=_most(figures, part, budget, value),
        help=f"make it keep the budget, or the budget {budget.operator} {limit}" if limit else "",
        mend=(budget.limit_span, limit) if limit else None,
    )


def _title(budget: Budget) -> str:
    return f"{budget.figure}({budget.stage})" if budget.stage else budget.figure


def _amount_text(value: int, budget: Budget) -> str:
    if budget.figure == "memory":
        return f"{memory_text(value)} with a batch of {budget.batch:,}"
    return f"{value:,} {_NOUNS[budget.figure]}"


def _distance(value: int, budget: Budget) -> str:
    if budget.operator not in ("<", "<=", ">", ">="):
        return ""
    much = abs(value - budget.limit)
    share = f" ({much / budget.limit:.1%})" if budget.limit > 0 else ""
    amount = memory_text(math.ceil(much)) if budget.figure == "memory" else f"{math.ceil(much):,}"
    return f"{amount} too {'much' if budget.operator.startswith('<') else 'little'}{share}"


def _nearest_limit(value: int, budget: Budget) -> str:
    """A limit of three digits, in the unit of the one that is there, that the value keeps."""
    if budget.operator == "!=":
        return ""
    if budget.operator == "==" or not budget.unit:
        strict = {"<": 1, ">": -1}.get(budget.operator, 0)
        return str(value + strict)
    one = budget.limit / Fraction(budget.limit_span.text.rstrip("kKMGTiB")) if budget.limit else 1
    amount = Fraction(value) / Fraction(one)
    step = Fraction(10) ** (len(str(int(amount))) - 3)
    up = budget.operator.startswith("<")
    steps = math.floor(amount / step) + 1 if up else math.ceil(amount / step) - 1
    return f"{float(steps * step):.12g}{budget.unit}"


def _most(figures: Figures, part: Part, budget: Budget, value: int) -> tuple[str, ...]:
    """Where it goes: the stages in the part that take most, each with its share."""
    if budget.figure == "field" or isinstance(part.of, Node) or not value:
        return ()
    amounts = [(_amount(figures, inner, budget), inner.name) for inner in stages(figures.graph, part.of)]
    shares = sorted(((a, name) for a, name in amounts if isinstance(a, int) and a), key=lambda pair: -pair[0])
    listed = [f"{name} {_brief(amount, budget)} ({amount / value:.0%})" for amount, name in shares[:MOST]]
    return (f"most of it: {', '.join(listed)}",) if len(shares) > 1 else ()


def _brief(amount: int, budget: Budget) -> str:
    return memory_text(amount) if budget.figure == "memory" else f"{amount:,}"


def stages(graph: Graph, scope: Scope) -> Iterator[Part]:
    """The stages of a scope that have a name: what only groups is looked into."""
    stack: list[int | ScopeRef] = list(reversed(scope.items))
    while stack:
        item = stack.pop()
        if not isinstance(item, ScopeRef):
            yield _part(graph, graph.nodes[item])
        elif (inner := graph.scopes[item.index]).is_module:
            yield _part(graph, inner)
        else:
            stack.extend(reversed(inner.items))
