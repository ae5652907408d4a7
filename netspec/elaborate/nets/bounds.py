"""How large a net becomes at least, found without unrolling it.

Blocks that use blocks double with every level, so a page of text can stand for more stages than any machine holds. The
least number of stages is a sum over each block's body, taken once a block: what certainly grows too large is refused
before the work begins, and the count of stages while unrolling (`State.spend`) refuses the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netspec.elaborate.state import DEEPEST
from netspec.elaborate.values.environment import Template
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.layers import REGISTRY
from netspec.syntax import tree

ENORMOUS = 10**18
"""Counts are cut here: the sums stay small numbers."""


def heaviest(template: Template) -> tuple[int, tree.Statement | None]:
    """The least number of stages that a net unrolls to, and the statement of its body that has the most of them."""
    counter = _Counter()
    body = template.definition.body.statements
    bound = frozenset(_bound(template.definition))
    counts = [counter.statement(statement, template, bound, 1) for statement in body]
    total = min(sum(counts), ENORMOUS)
    return total, body[counts.index(max(counts))] if counts else None


class _Counter:
    """Counts stages from below: what depends on a condition or on a value counts as little as it can."""

    def __init__(self) -> None:
        self._costs: dict[int, int] = {}

    def template(self, template: Template, depth: int) -> int:
        key = id(template.definition)
        if key not in self._costs:
            self._costs[key] = 0  # a block inside itself is refused elsewhere
            if depth <= DEEPEST:
                bound = frozenset(_bound(template.definition))
                self._costs[key] = self.body(template.definition.body, template, bound, depth)
        return self._costs[key]

    def body(self, body: tree.Body, template: Template, bound: frozenset[str], depth: int) -> int:
        return min(sum(self.statement(part, template, bound, depth) for part in body.statements), ENORMOUS)

    def statement(self, statement: tree.Statement, template: Template, bound: frozenset[str], depth: int) -> int:
        match statement:
            case tree.Stage(_, flow) | tree.Output(_, flow):
                return sum(self.element(part, template, bound, depth) for part in flow.elements)
            case tree.Let(_, flow):
                first, *rest = flow.elements
                count = 0 if isinstance(first, tree.Name) else self.element(first, template, bound, depth)
                return count + sum(self.element(part, template, bound, depth) for part in rest)
            case tree.Repeat(tree.Number(int() as count), body):
                return max(count, 0) * self.body(body, template, bound, depth)
            case tree.For(_, tree.List(items), body):
                return len(items) * self.body(body, template, bound, depth)
            case tree.If(branches, otherwise):
                bodies = [*(branch.body for branch in branches), otherwise or tree.Body(())]
                return min(self.body(body, template, bound, depth) for body in bodies)
        return 0

    def element(self, element: tree.Element, template: Template, bound: frozenset[str], depth: int) -> int:
        match element:
            case tree.Group(body):
                return self.body(body, template, bound, depth)
            case tree.Wiring(_, body, clauses):
                bodies = (body, *(clause.body for clause in clauses))
                return int(element.condition is None) + sum(self.body(part, template, bound, depth) for part in bodies)
            case tree.Name(name):
                return self.cost(name, template, bound, depth)
        return self.expression(element, template, bound, depth)

    def expression(self, expression: tree.Tree, template: Template, bound: frozenset[str], depth: int) -> int:
        """What certainly is evaluated: all operands, but one side of a choice."""

        def inner(part: Any) -> int:
            if isinstance(part, tuple):
                return sum(map(inner, part))
            return self.expression(part, template, bound, depth) if isinstance(part, tree.Tree) else 0

        match expression:
            case tree.Call(tree.Name(name), arguments):
                own = 0 if name in FUNCTIONS else self.cost(name, template, bound, depth)
                return min(own + inner(arguments), ENORMOUS)
            case tree.Conditional(then, condition, otherwise):
                return inner(condition) + min(inner(then), inner(otherwise))
            case tree.Comprehension(_, rounds):
                return inner(rounds[0].sequence)
            case tree.Binary("and" | "or", left, _):
                return inner(left)
            case tree.Compare(_, operands):
                return inner(operands[:2])
        return min(sum(inner(part) for _, part in expression.content()), ENORMOUS)

    def cost(self, name: str, template: Template, bound: frozenset[str], depth: int) -> int:
        """A layer, or a block with all that is in it; 0 where the name may stand for something else."""
        block = template.environment.templates.get(name) if name not in bound else None
        if block is not None:
            return 1 + self.template(block, depth + 1)
        return int(name in REGISTRY and name not in bound)


def _bound(definition: tree.Definition) -> Iterator[str]:
    """Every name that something in a definition is called: such a name is perhaps no block where it stands."""
    yield from (parameter.name for parameter in definition.parameters)
    bodies = [definition.body]
    while bodies:
        for statement in bodies.pop().statements:
            yield from _names(statement)
            bodies.extend(_bodies(statement))


def _names(statement: tree.Statement) -> Iterator[str]:
    match statement:
        case tree.Stage(labels, _):
            yield from (label.text for label in labels)
        case tree.Let(names, _):
            yield from names
        case tree.For():
            yield from statement.names
        case tree.Function(name):
            yield name
        case tree.Shared(label, _):
            yield label.text
        case tree.Input(name, _, _):
            yield name
        case tree.Output(label, _) if label is not None:
            yield label.text


def _bodies(statement: tree.Statement) -> Iterator[tree.Body]:
    match statement:
        case tree.Stage(_, flow) | tree.Output(_, flow) | tree.Let(_, flow) | tree.Shared(_, flow):
            for element in flow.elements:
                if isinstance(element, tree.Group | tree.Wiring):
                    yield element.body
                if isinstance(element, tree.Wiring):
                    yield from (clause.body for clause in element.clauses)
        case tree.For(_, _, body) | tree.Repeat(_, body):
            yield body
        case tree.If(branches, otherwise):
            yield from (branch.body for branch in branches)
            if otherwise is not None:
                yield otherwise
