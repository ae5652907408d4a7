"""What a net declares: its inputs, its outputs, and what it asserts."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.bodies.labels import require_free
from netspec.elaborate.bodies.stages import flow_result, name_set, named_stage
from netspec.elaborate.calls.limits import MOST_DIMENSIONS, bound_elements
from netspec.elaborate.draft import DraftOutput, Tensor
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.expressions.kinds import as_list, as_tensor, mistaken, sound
from netspec.elaborate.mistakes import hints
from netspec.elaborate.nets import budgets
from netspec.elaborate.problems import Problem, Stop
from netspec.elaborate.state import Frame
from netspec.elaborate.values import operators
from netspec.elaborate.values.values import Listed, Result, Word
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize, symbols
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.mistakes.inputs import HELP, open_sizes
from netspec.syntax.source import Span

MOST_OPEN_SIZES = 16
MOST_ENDS = 256
"""How many inputs a net may have, and how many outputs."""
MOST_BUDGETS = 64
"""How many figures a net may assert."""
_INSTEAD: dict[type, tuple[str, str]] = {
    tree.Input: ("input", "a block takes tensor parameters: block Up(skip: tensor)"),
    tree.Output: ("output", "a block ends with its result, or with return"),
    tree.Assert: ("assert", "a net asserts what its stages may cost, by their names: assert macs(layer3) < 600M"),
}


def net_statement(elaborator: Elaborator, statement: tree.Input | tree.Output | tree.Assert, frame: Frame) -> None:
    if frame.outermost != "net":
        what, inside = _INSTEAD[type(statement)]
        raise Problem("E0215", f"{what} belongs in the body of a net", statement.span, help=inside)
    if isinstance(statement, tree.Input):
        declare_input(elaborator, statement, frame)
    elif isinstance(statement, tree.Output):
        declare_output(elaborator, statement, frame)
    elif frame.scope.module.kind == "net":  # a net that is used as a block is not held to its own budget
        if len(elaborator.state.budgets) == MOST_BUDGETS:
            raise Stop(Problem("E0504", f"a net has at most {MOST_BUDGETS} budgets", statement.span))
        elaborator.state.budgets.append(budgets.read(statement, lambda part: elaborator.evaluate(part, frame)))


def declare_input(elaborator: Elaborator, statement: tree.Input, frame: Frame) -> None:
    """Declares an input; in a net used as a block, names the value that has entered."""
    if len(elaborator.state.inputs) == MOST_ENDS:
        raise Stop(Problem("E0504", f"a net has at most {MOST_ENDS} inputs", statement.span))
    shape = declared_shape(elaborator, statement, frame)
    frame.inputs += 1
    if frame.scope.module.kind == "block":
        enter_input(statement, shape, frame)
        return
    tensor = Tensor(shape, statement.span, None, 0, statement.name)
    for existing in elaborator.state.inputs:
        if existing.name == statement.name:
            message, related = f"there is an input named {statement.name} already", ((existing.span, "the first"),)
            raise Problem("E0204", message, statement.span, "the second", related=related)
    elaborator.state.inputs.append(tensor)
    frame.scope.module.inputs = tuple(elaborator.state.inputs)
    frame.environment.names[statement.name] = tensor
    frame.current = frame.entered = tensor if frame.inputs == 1 else None


def enter_input(statement: tree.Input, shape: Shape, frame: Frame) -> None:
    if frame.inputs > 1:
        scope = frame.scope.module
        raise Problem(
            "E0216",
            f"{scope.title} has several inputs, so it cannot be used as a block",
            scope.span,
            related=((statement.span, "its second input"),),
            help="a block takes more than one value as tensor parameters: block Pair(other: tensor)",
        )
    entering = sound(frame.entered)
    assert isinstance(entering, Tensor)
    if entering.shape.rank != shape.rank:
        raise Problem(
            "E0303",
            f"{frame.scope.module.title} takes {shape}, but it is given {entering.shape}",
            frame.scope.module.span,
            f"this value is {entering.shape}",
            related=((statement.span, "declared here"),),
        )
    frame.environment.names[statement.name] = entering


def _no_dtype(statement: tree.Input) -> Problem:
    """An input of a type that is none of the three: `uint8`, `float32`, `image`."""
    kind = str(statement.dtype)
    near = nearest(kind.rstrip("0123456789").removeprefix("u"), ["int", "float", "bool"])
    near = {"long": "int", "byte": "int", "index": "int", "mask": "bool"}.get(kind, near)
    declaration = f"input {statement.name}: {near}" if near else f"input {statement.name}"
    start = statement.span.start
    end = start + statement.span.text.index(kind, len("input")) + len(kind)
    return Problem(
        "E0210",
        f"an input is of int, float or bool, not of {kind}",
        statement.span,
        help=f"write {declaration} [...]",
        mend=(Span(statement.span.source, start, end), declaration),
    )


def declared_shape(elaborator: Elaborator, statement: tree.Input, frame: Frame) -> Shape:
    """The shape that an input statement, or what overrides it, declares."""
    if statement.dtype not in {None, "int", "float", "bool"}:
        raise _no_dtype(statement)
    dims: list[Any] = []
    for part in statement.shape:
        dims.append(elaborator.declared_size(part, frame))
    if statement.name in elaborator.shapes and frame.scope.module.kind == "net":
        sizes = elaborator.shapes[statement.name]
        dims = [dimension(elaborator, OpenSize.symbol(s) if isinstance(s, str) else s, statement.span) for s in sizes]
    if len(dims) > MOST_DIMENSIONS:
        raise Problem("E0302", f"an input has at most {MOST_DIMENSIONS} dimensions", statement.span)
    shape = Shape(tuple(dims), statement.dtype or "float")  # type: ignore[arg-type]
    bound_elements([shape], [], statement.span)
    open_sizes = set().union(*(symbols(size) for tensor in (*elaborator.state.inputs,) for size in tensor.shape.dims))
    if len(open_sizes.union(*map(symbols, dims))) > MOST_OPEN_SIZES:
        raise Problem("E0504", f"a net has at most {MOST_OPEN_SIZES} open sizes", statement.span)
    return shape


def declared_size(elaborator: Elaborator, part: tree.Expr, frame: Frame) -> Any:
    size = elaborator.evaluate(part, frame)
    return dimension(elaborator, OpenSize.symbol(size.text) if isinstance(size, Word) else size, part.span)


def dimension(elaborator: Elaborator, size: Any, span: Span) -> Any:
    if isinstance(size, OpenSize):
        return size
    if isinstance(size, bool) or not isinstance(size, int):
        raise mistaken(elaborator, size, "a whole number or the name of an open size", span)
    if not 1 <= size <= 2**31 - 1:
        edit = open_sizes(span.source.text, span.start) if size < 0 else None
        mend = (Span(span.source, *edit[0]), edit[1]) if edit else None
        help = f"write [{edit[1]}]: {HELP}" if edit and size == -1 else f"write {-size}" if edit else ""
        code = "E0305" if size < 1 else "E0504"
        raise Problem(code, f"a dimension cannot be {size:,}", span, help=help, mend=mend)
    return size


def declare_output(elaborator: Elaborator, statement: tree.Output, frame: Frame) -> None:
    """Names an output; the flow stays where it was."""
    if len(elaborator.state.outputs) == MOST_ENDS:
        raise Stop(Problem("E0504", f"a net has at most {MOST_ENDS} outputs", statement.span))
    nested = frame.scope.module.kind == "block"
    if nested and statement.when_training:
        return
    name = None if statement.label is None else elaborator.label(statement.label, frame)
    if name is not None:
        require_free_output(elaborator, name, statement.span, nested=nested)
        require_free(name, statement.span, frame)
    result = output_list(elaborator, statement.flow, frame)
    if result is None and name is None:
        result = flow_result(elaborator, statement.flow, frame)
    elif result is None:
        result = named_stage(elaborator, str(name), statement.flow, statement.span, frame)
    if name is not None:
        frame.environment.give(name, result)
        name_set(result, name)
    is_list = isinstance(result.outputs, Listed)
    for place, tensor in enumerate(result.outputs if is_list else result.outputs[:1]):
        if nested:
            elaborator.results.append(tensor)
            continue
        item = f"{name}{place}" if name is not None and is_list else name
        if item is not None:
            require_free_output(elaborator, item, statement.span, nested=nested)
        elaborator.state.outputs.append(DraftOutput(item, tensor, statement.when_training))


def require_free_output(elaborator: Elaborator, name: str, span: Span, *, nested: bool) -> None:
    """Raises Problem where the net has an output of this name."""
    if not nested and any(output.name == name for output in elaborator.state.outputs):
        raise Problem("E0204", f"there is an output named {name} already", span)


def output_list(elaborator: Elaborator, flow: tree.Flow, frame: Frame) -> Result | None:
    """The values of a list that is written where an output's stages may stand; None where it is no list."""
    only = flow.elements[0]
    if len(flow.elements) > 1 or not isinstance(only, tree.Name | tree.List | tree.Comprehension | tree.Slice):
        return None
    if isinstance(only, tree.Name) and not isinstance(frame.environment.get(only.id), list):
        return None
    values = as_list(elaborator.evaluate(only, frame))
    if not isinstance(values, list) or not values:
        description = "an empty list" if values == [] else operators.kind(values)
        raise Problem("E0205", f"an output is a value or a list of them, and this is {description}", only.span)
    spans = [part.span for part in only.items] if isinstance(only, tree.List) else [only.span] * len(values)
    for value, span in zip(values, spans, strict=True):
        if not isinstance(value, Tensor | Result):
            message = f"outputs are values, and this is {operators.kind(value)}"
            raise hints.label_as_text(value, span, frame.environment) or Problem(
                "E0205", message, span, help="leave it out"
            )
    return Result(Listed(as_tensor(elaborator, value, only.span) for value in values))
