"""The shortcut that makes the two sides of a residual agree, in the words of the body that it goes around."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from netspec.elaborate.draft import DraftNode, Tensor
from netspec.elaborate.mistakes.misfits import Mend, padded
from netspec.elaborate.values.environment import Poison
from netspec.layers.declaration.base import Layer
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize
from netspec.syntax import tree
from netspec.syntax.parser import parse
from netspec.syntax.source import Source, Span

LONGEST_WAY = 200
"""How many stages of a body are looked through for the one that sets its channels."""
UNDONE = {"pad": 0, "groups": 1, "dilation": 1}
"""What a shortcut's conv has, whatever the defaults in force say."""

Evaluate: TypeAlias = Callable[[tree.Expr], Any]
"""The value of an expression where the residual stands, None where it has none."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The numbers of a shortcut as its body has them, and `others` that undo the defaults of conv that are in force.

    `general` says whether they hold for every use of the residual.
    """

    channels: str
    stride: str
    general: bool
    others: str = ""


def residual_mend(
    through: Tensor | Poison | None,
    entering: Tensor | Poison | None,
    wiring: tree.Wiring,
    shortcut: tree.Body | None,
    evaluate: Evaluate,
    defaults: Mapping[str, Any],
    *,
    alone: bool,
) -> Mend:
    """What makes the two sides of a residual agree: padding where it lacks, else a shortcut.

    Where the residual is not `alone`, as in a block or a loop, the shortcut has to be right for its other uses, too: if
    it cannot be said in the words of its body, it is a hint for this use and nothing to paste.
    """
    if not isinstance(through, Tensor) or not isinstance(entering, Tensor):
        return "", None
    if (
        shortcut is None
        and through.shape.dims[:1] == entering.shape.dims[:1]
        and (mend := padded(through, entering))[0]
    ):
        return mend
    wording = replace(_wording(through, entering, wiring.body.span, evaluate), others=_undone(defaults))
    stages = shortcut_for(entering.shape, through.shape, wording)
    if stages is None:
        return "", None
    certain = alone or (wording.general and "crop" not in stages)
    if shortcut is not None:
        mended = (shortcut.span, f"{{ {stages} }}")
        return f"a shortcut that fits: shortcut {{ {stages} }}", mended if certain else None
    end = wiring.body.span.end
    insertion = Span(wiring.span.source, end, end), f" shortcut {{ {stages} }}"
    return f"give the residual a shortcut: shortcut {{ {stages} }}", insertion if certain else None


def shortcut_for(x: Shape, y: Shape, wording: Wording) -> str | None:
    """The stages that take x to the shape of y, as a residual's shortcut would have them; None where none do."""
    if x.rank != y.rank or x.rank == 0 or (x.dims[1:] != y.dims[1:] and (x.is_open or y.is_open)):
        return None
    if isinstance(y.channels, OpenSize):
        return None
    channels = wording.channels or str(y.channels)
    if x.rank == 1:
        return f"linear({channels})"
    if x.spatial == y.spatial:
        stride = f", stride={wording.stride}" if wording.stride else ""
        return f"conv({channels}, 1{stride}{wording.others}) -> batchnorm"
    sizes = [(int(a), int(b)) for a, b in zip(x.spatial, y.spatial, strict=True)]  # type: ignore[arg-type]
    for step in range(2, 65):
        if all((a - 1) // step + 1 == b for a, b in sizes):
            return f"conv({channels}, 1, stride={wording.stride or step}{wording.others}) -> batchnorm"
    if all(a >= b for a, b in sizes):
        crop = f"center_crop([{', '.join(str(b) for _, b in sizes)}])"
        return crop if x.channels == y.channels else f"{crop} -> conv({channels}, 1{wording.others})"
    return None


def _undone(defaults: Mapping[str, Any]) -> str:
    """Arguments that undo what the defaults in force say of conv, where a shortcut would differ by it."""
    return "".join(f", {name}={usual}" for name, usual in UNDONE.items() if defaults.get(name, usual) != usual)


def _wording(through: Tensor, entering: Tensor, body: Span, evaluate: Evaluate) -> Wording:
    """How a body says the channels that it ends with and the stride that it has, as far as it does."""
    channels: str | None = None
    strides: list[str] = []
    general = True
    for node in _way(through, entering):
        if not (node.span.source is body.source and body.start <= node.span.start and node.span.end <= body.end):
            general = False  # in another block, whose words are not ours
            continue
        if channels is None and (name := _sets_channels(node, through)):
            channels = _argument_text(node, name, evaluate)
        if hasattr(node.layer, "stride"):
            stride = _argument_text(node, "stride", evaluate)
            general &= stride is not None
            strides += [stride] if stride not in (None, "1") else []
    is_complete = general and channels is not None and len(strides) < 2
    return Wording(channels or "", strides[0] if strides else "", is_complete)


def _way(through: Tensor, entering: Tensor) -> Iterator[DraftNode]:
    """The stages from the end of a body back to where it is entered, along their first inputs."""
    tensor = through
    for _ in range(LONGEST_WAY):
        if tensor is entering or tensor.node is None or not tensor.node.inputs:
            return
        yield tensor.node
        tensor = tensor.node.inputs[0]


def _sets_channels(node: DraftNode, through: Tensor) -> str:
    """The argument of a stage that is the number of channels which a body ends with; empty where none is."""
    names = (name for name in ("channels", "features") if getattr(node.layer, name, None) == through.shape.channels)
    return next(names, "")


def _argument_text(node: DraftNode, argument: str, evaluate: Evaluate) -> str | None:
    """The words of a stage's argument, if they mean where the residual stands what they mean in the stage."""
    value = getattr(node.layer, argument)
    call = _call(node.span.text)
    if call is None:
        return None
    expression = _argument(call, argument, node.layer, evaluate)
    if expression is None:
        return str(value) if isinstance(value, int) else None
    same = not _calls(expression) and evaluate(expression) == value
    return expression.span.text if same else None


def _call(text: str) -> tree.Call | None:
    """The call that the text of a stage is."""
    items = parse(Source("<stage>", f"let stage = {text}"))[0].items
    if len(items) != 1 or not isinstance(items[0], tree.Let) or len(items[0].flow.elements) != 1:
        return None
    element = items[0].flow.elements[0]
    return element if isinstance(element, tree.Call) else None


def _argument(call: tree.Call, name: str, layer: Layer, evaluate: Evaluate) -> tree.Expr | None:
    """The expression of an argument, by its name or its place behind the tensors that lead."""
    keywords = [argument.value for argument in call.arguments if argument.name == name]
    if keywords:
        return keywords[0]
    places = [argument.value for argument in call.arguments if argument.name is None]
    plain = [value for value in places if not _calls(value) and evaluate(value) is not None]
    place = list(type(layer).model_fields).index(name)
    return plain[place] if place < len(plain) else None


def _calls(expression: Any) -> bool:
    """Whether an expression calls something, which makes it more than a number."""
    match expression:
        case tree.Call():
            return True
        case tree.Tree():
            return any(_calls(part) for _, part in expression.content())
        case tuple():
            return any(map(_calls, expression))
    return False
