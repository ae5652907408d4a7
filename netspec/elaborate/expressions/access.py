"""What is asked of a value: its sizes, the stages inside it, the items of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netspec.elaborate.draft import Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import as_list, as_tensor, mistaken, sound, unknown_name, weighed
from netspec.elaborate.mistakes import hints
from netspec.elaborate.mistakes.demands import words
from netspec.elaborate.problems import Problem
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import UNBOUND, Modules
from netspec.elaborate.values.values import Result, Word
from netspec.layers import REGISTRY
from netspec.shapes.shape import Shape
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.source import Span

ATTRIBUTES: dict[str, tuple[tuple[int, ...] | None, Callable[[Shape], Any]]] = {
    "channels": (None, lambda shape: shape.dims[0]),
    "features": ((1, 2), lambda shape: shape.dims[-1]),
    "length": ((2,), lambda shape: shape.dims[1]),
    "height": ((3, 4), lambda shape: shape.dims[-2]),
    "width": ((3, 4), lambda shape: shape.dims[-1]),
    "depth": ((4,), lambda shape: shape.dims[1]),
    "rank": (None, lambda shape: shape.rank),
    "shape": (None, lambda shape: list(shape.dims)),
}


def unbound(expression: tree.Attribute, frame: Frame) -> bool:
    """Whether the name before the first dot stands for nothing."""
    root: tree.Expr = expression
    while isinstance(root, tree.Attribute):
        root = root.value
    return isinstance(root, tree.Name) and frame.environment.get(root.id) is UNBOUND


def attribute(elaborator: Elaborator, expression: tree.Attribute, frame: Frame) -> Any:
    """`x.channels`, or a labelled stage inside a labelled instance: `backbone.layer3`."""
    if (foreign := hints.name_of_another(expression)) and unbound(expression, frame):
        raise foreign
    value = elaborator.evaluate(expression.value, frame)
    name = expression.name
    if isinstance(value, Result | Modules) and value.inside is not None and name in value.inside:
        return sound(value.inside[name])
    tensor = as_tensor(elaborator, value, expression.value.span)
    inside = list(value.inside) if isinstance(value, Result) and value.inside else []
    if name not in ATTRIBUTES:
        near = nearest(name, [*ATTRIBUTES, *inside])
        end = expression.span.end
        raise Problem(
            "E0207",
            f"{expression.value.span.text} has no {name}",
            expression.span,
            help=f"did you mean {near}?" if near else f"values have .{', .'.join(ATTRIBUTES)}",
            mend=(Span(expression.span.source, end - len(name), end), near) if near else None,
        )
    ranks, read = ATTRIBUTES[name]
    if (ranks is not None and tensor.shape.rank not in ranks) or (tensor.shape.rank == 0 and name != "rank"):
        raise Problem(
            "E0207",
            f"{expression.value.span.text} is {tensor.shape}, which has no {name}",
            expression.span,
            help="its sizes are .shape[0], .shape[1], ...",
        )
    return read(tensor.shape)


def member(elaborator: Elaborator, expression: tree.Member, frame: Frame) -> Any:
    """`features.16`, `body.layer$i`: a stage inside of another."""
    value = elaborator.evaluate(expression.value, frame)
    return elaborator.stage_inside(value, elaborator.label(expression.label, frame), expression, frame)


def stage_inside(
    elaborator: Elaborator, value: Any, label: str, expression: tree.Member | tree.Index, frame: Frame
) -> Any:
    """A stage inside of another by its label or number; raises Problem where there is none."""
    inside = value.inside if isinstance(value, Result | Modules) and value.inside is not None else {}
    if label in inside:
        return sound(inside[label])
    if not isinstance(value, Modules):
        as_tensor(elaborator, value, expression.value.span)
    counted = sum(name.isdigit() for name in inside)
    near = nearest(label, inside) if inside else None
    numbers = f"its stages are 0 to {counted - 1}" if counted and label.isdigit() else ""
    help = f"did you mean {near}?" if near and not label.isdigit() else numbers
    mend = None
    if not inside and label.lstrip("-").isdigit():
        text = f"select({expression.value.span.text}, {label})"
        help, mend = f"one entry of its first axis is {text}", (expression.span, text)
    message = f"{expression.value.span.text} has no stage {label}"
    raise Problem("E0207", message, expression.span, help=help, mend=mend)


def index(elaborator: Elaborator, expression: tree.Index, frame: Frame) -> Any:
    value, index = elaborator.evaluate(expression.value, frame), elaborator.evaluate(expression.index, frame)
    value = as_list(value)
    if isinstance(value, Tensor | Result) and isinstance(index, Tensor | Result):
        both = (
            as_tensor(elaborator, value, expression.value.span),
            as_tensor(elaborator, index, expression.index.span),
        )
        return elaborator.apply_layer("gather", both, {}, expression.span, frame)[0]
    return elaborator.item(value, index, expression, frame)


def item_at(elaborator: Elaborator, value: Any, index: Any, expression: tree.Index, frame: Frame) -> Any:
    """What stands at a number: an item of a list, a stage inside a value."""
    if isinstance(value, Result | Modules) and isinstance(index, int | str) and not isinstance(index, bool):
        stages = sum(name.isdigit() for name in value.inside or ())
        place = index + stages if isinstance(index, int) and index < 0 else index
        return elaborator.stage_inside(value, str(place), expression, frame)
    if not isinstance(value, list | range | str):
        raise mistaken(elaborator, value, "a list", expression.value.span)
    if isinstance(index, bool) or not isinstance(index, int):
        raise mistaken(elaborator, index, "a whole number", expression.index.span)
    if not -len(value) <= index < len(value):
        raise Problem(
            "E0207",
            f"there is no item {index} in a list of {len(value)}",
            expression.span,
            f"counts from 0 to {len(value) - 1}" if value else "the list is empty",
        )
    return sound(value[index])


def list_of(elaborator: Elaborator, expression: tree.List, frame: Frame) -> Any:
    """A list; a name among its items that stands for nothing is a mistake, unless some layer is or takes it."""
    items = [elaborator.evaluate(item, frame) for item in expression.items]
    for item in items:
        has_meaning = not isinstance(item, Word) or item.text in REGISTRY or item.text in words()
        if isinstance(item, Word) and not has_meaning and item.text not in frame.environment.templates:
            raise unknown_name(elaborator, item.text, item.span)
    return weighed(elaborator, items, expression.span)


def slice_of(elaborator: Elaborator, expression: tree.Slice, frame: Frame) -> Any:
    value = as_list(elaborator.evaluate(expression.value, frame))
    if not isinstance(value, list | range):
        raise mistaken(elaborator, value, "a list", expression.value.span)
    bounds = []
    for part in (expression.start, expression.stop, expression.step):
        bound = None if part is None else elaborator.evaluate(part, frame)
        if part is not None and (isinstance(bound, bool) or not isinstance(bound, int)):
            raise mistaken(elaborator, bound, "a whole number", part.span)
        bounds.append(bound)
    if bounds[2] == 0:
        raise Problem("E0206", "a step of 0 goes nowhere", expression.span)
    return list(weighed(elaborator, value[bounds[0] : bounds[1] : bounds[2]], expression.span))
