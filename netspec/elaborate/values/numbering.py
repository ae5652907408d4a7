"""Which bodies number their stages, as `nn.Sequential` does: those that are chains as they are written.

In a chain no stage has a label, none is a wiring, and none mentions a value: each takes what the one before it leaves.
A `{ ... }` is one stage of it, whatever is inside. `_` is the current value, and the sizes of a value are numbers. Both
sides of an `if` count, whichever is taken: how a body is
numbered hangs on its text alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from netspec.elaborate.draft import Tensor
from netspec.elaborate.values.environment import Environment, Modules
from netspec.elaborate.values.operators import FUNCTIONS
from netspec.elaborate.values.values import Function, Result, SharedModule
from netspec.syntax import tree

SIZES = frozenset(("channels", "features", "length", "height", "width", "depth", "rank", "shape"))
"""What a value is asked for that is no value."""


def is_chain(elements: Sequence[tree.Element], environment: Environment, *, first: bool = True) -> bool:
    """Whether the stages of a flow are a chain; `first` says that the flow begins with them."""
    return all(_is_link(e, environment, first=first and place == 0) for place, e in enumerate(elements))


def is_chain_body(body: tree.Body, environment: Environment) -> bool:
    """Whether the stages of a body are a chain."""
    return all(_fits(statement, environment) for statement in body.statements)


def _is_link(element: tree.Element, environment: Environment, *, first: bool) -> bool:
    match element:
        case tree.Group(body):
            return is_chain_body(body, environment) or not mentions_value(body, environment)
        case tree.Wiring():
            return False
        case tree.Name(name) if not first:
            return not isinstance(environment.get(name), SharedModule)
        case tree.Number(value) | tree.String(value) if first:
            return not holds_value(environment.get(str(value)))
    return not mentions_value(element, environment)


def _fits(statement: tree.Statement, environment: Environment) -> bool:
    match statement:
        case tree.Stage(labels, flow):
            return not labels and is_chain(flow.elements, environment)
        case tree.Output(label, flow):
            return label is None and is_chain(flow.elements, environment)
        case tree.Let(_, flow):
            only = flow.elements[0]
            if len(flow.elements) > 1 or isinstance(only, tree.Group | tree.Wiring):
                return False
            return not mentions_value(only, environment) and not _makes_stage(only, environment)
        case tree.For(_, sequence, body) | tree.Repeat(sequence, body):
            return not mentions_value(sequence, environment) and is_chain_body(body, environment)
        case tree.If(branches, otherwise):
            bodies = [branch.body for branch in branches] + ([otherwise] if otherwise is not None else [])
            return all(is_chain_body(body, environment) for body in bodies)
        case tree.Return(values):
            return values == (tree.Name("_"),)
    return not isinstance(statement, tree.Shared)


def mentions_value(root: tree.Tree, environment: Environment) -> bool:
    """Whether an expression, or a body, takes a value by its name, `in` among them; asking for its sizes takes none."""
    pending: list[object] = [root]
    while pending:
        match pending.pop():
            case tree.Stage(_, flow) | tree.Shared(_, flow) | tree.Output(_, flow):  # its labels are its own
                pending.append(flow)
            case tree.Attribute(_, name) if name in SIZES:
                continue
            case tree.Label() | tree.Name("in"):
                return True
            case tree.Name(name) if holds_value(environment.get(name)):
                return True
            case tree.Call(tree.Name(name), arguments):
                if isinstance(environment.get(name), SharedModule):
                    return True
                pending.extend(argument.value for argument in arguments)
            case tree.Tree() as part:
                pending.extend(value for _, value in part.content())
            case tuple(items):
                pending.extend(items)
    return False


def holds_value(value: object) -> bool:
    """Whether something is a tensor, what leaves some, a shared module, or a list with one in it."""
    return isinstance(value, Tensor | Result | Modules | SharedModule) or (
        isinstance(value, list) and any(map(holds_value, value))
    )


def _makes_stage(expression: tree.Expr, environment: Environment) -> bool:
    """Whether an expression calls a layer or block, as far as its text says."""
    pending: list[object] = [expression]
    while pending:
        match pending.pop():
            case tree.Call(tree.Name(name)) if name not in FUNCTIONS and not isinstance(
                environment.get(name), Function
            ):
                return True
            case tree.Tree() as part:
                pending.extend(value for _, value in part.content())
            case tuple(items):
                pending.extend(items)
    return False
