"""What probably lies behind a mistake in a call, said in place of what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from netspec.diagnostics import Diagnostic
from netspec.elaborate.draft import Tensor
from netspec.elaborate.library import home
from netspec.elaborate.mistakes import slips
from netspec.elaborate.problems import Problem
from netspec.elaborate.values.environment import Environment
from netspec.elaborate.values.types import is_tensor, is_tensors
from netspec.elaborate.values.values import Result, Word
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import Layer, ShapeError
from netspec.layers.declaration.synonyms import DERIVED
from netspec.shapes.sizes import OpenSize
from netspec.spelling import nearest, synonym
from netspec.syntax import tree
from netspec.syntax.layout import WIRINGS
from netspec.syntax.source import Span

MOST_AXES = 5
"""Numbers below that are taken for axes, others for sizes."""


def foreign_argument(
    cls: type[Layer], arguments: Sequence[tree.Argument], tensors: int, slots: Sequence[str], span: Span
) -> Problem | None:
    """An argument by a name that PyTorch or Keras has for it."""
    for argument in () if cls.collects else arguments:
        name = argument.name
        if name is None or name in cls.model_fields or name in slots:
            continue
        if name in DERIVED:
            help = f"leave it out: it {DERIVED[name]}"
        elif name in slips.ACTIVATIONS:
            help = "an activation is a stage of its own"
        elif field := slips.argument_meant(cls, name):
            help = f"it is {field} here"
        else:
            continue
        text = slips.rewritten(cls, arguments, tensors)
        help = f"{help}: {text}" if text else help
        return Problem(
            "E0203",
            f"{cls.name} has no argument {name}",
            argument.span,
            notes=(cls.signature(),),
            help=help,
            mend=(span, text) if text else None,
        )
    return None


def likelier(
    problem: Problem,
    cls: type[Layer],
    arguments: Sequence[tree.Argument],
    values: Sequence[Any],
    entering: Any,
    call: Span,
) -> Problem:
    """The problem of a layer's call, with the mend of the mistake that has probably led to it.

    `values` are those of the arguments by position, tensors not among them; `entering` is what the layer works on.
    """
    diagnostic = problem.diagnostic
    for text, help in _mends(diagnostic, cls, arguments, values, entering, call):
        problem.diagnostic = replace(diagnostic, help=f"{help}: {text}", mend=(call, text))
        break
    return problem


def _mends(
    diagnostic: Diagnostic,
    cls: type[Layer],
    arguments: Sequence[tree.Argument],
    values: Sequence[Any],
    entering: Any,
    call: Span,
) -> Iterator[tuple[str, str]]:
    """The calls that are meant, likeliest first, each with why."""
    mended = diagnostic.mend is not None or diagnostic.code not in ("E0203", "E0305")
    if mended or not arguments or not isinstance(entering, Tensor):
        return
    tensors = sum(argument.name is None for argument in arguments) - len(values)
    shape = entering.shape
    if diagnostic.code == "E0203" and len(values) == len(arguments) and _is_flat(cls, values, shape.elements):
        yield "flatten", "all but the batch as one axis"
    if diagnostic.code == "E0203" and len(values) == len(arguments) and _is_list(cls, values):
        yield f"{cls.name}([{', '.join(map(str, _sizes(values, shape.elements)))}])", "the sizes are one list"
    channels = shape.channels if shape.rank else None
    by_place = len(arguments) > tensors and arguments[tensors].name is None
    own_order_fails = diagnostic.code == "E0203" and 0 < len(values) <= 2 and by_place and diagnostic.span != call
    if slips.order_of_pytorch(cls, values, channels) or (own_order_fails and cls.pytorch[:1] == ("",)):
        text = slips.rewritten(cls, arguments, tensors, foreign=True)
        if text is not None and _makes(cls, values):
            yield text, "what enters a layer is derived"
    if diagnostic.code == "E0305" and (text := _smaller(cls, arguments, tensors, shape.spatial, call)):
        yield text, "the kernel is larger than what it slides over"


def _smaller(
    cls: type[Layer], arguments: Sequence[tree.Argument], tensors: int, sizes: Sequence[Any], call: Span
) -> str | None:
    """The call with a kernel that is as large as the smallest axis; None where it has none to be made smaller."""
    fields = list(cls.model_fields)
    if "kernel" not in fields or any(argument.name == "dilation" for argument in arguments):
        return None
    place = tensors + fields.index("kernel")
    at_place = arguments[place] if place < len(arguments) and arguments[place].name is None else None
    kernel = next((argument for argument in arguments if argument.name == "kernel"), at_place)
    numbers = [size for size in sizes if isinstance(size, int)]
    if kernel is None or not numbers or not isinstance(kernel.value, tree.Number) or kernel.value.value <= min(numbers):
        return None
    number = kernel.value.span
    text = call.source.text
    return f"{text[call.start : number.start]}{min(numbers)}{text[number.end : call.end]}"


def _makes(cls: type[Layer], values: Sequence[Any]) -> bool:
    """Whether the layer can be made from values in the order of PyTorch's class."""
    keywords = {name: _plain(value) for name, value in zip(cls.pytorch, values, strict=False) if name}
    try:
        cls(**keywords)
    except (ValueError, ShapeError):
        return False
    return True


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Word) else tuple(value) if isinstance(value, list) else value


def _is_list(cls: type[Layer], values: Sequence[Any]) -> bool:
    """Whether numbers stand one by one where the layer's only argument is a list of them."""
    return len(cls.model_fields) == 1 and len(values) > 1 and all(type(value) is int for value in values)


def _is_flat(cls: type[Layer], values: Sequence[Any], elements: Any) -> bool:
    """Whether sizes that begin with -1, as of the batch, leave one axis, or do not divide the elements."""
    if len(cls.model_fields) != 1 or values[:1] != [-1] or not all(type(value) is int for value in values):
        return False
    rest = prod(values[1:])
    return len(values) == 1 or (isinstance(elements, int) and (rest <= 0 or elements % rest != 0))


def _sizes(values: Sequence[int], elements: Any) -> Sequence[int]:
    """The list that is meant; a batch of -1 is left out where the others hold every element."""
    if values[0] != -1 or isinstance(elements, OpenSize):
        return values
    return values[1:] if prod(values[1:]) == elements else values


def value_for_number(
    problem: Problem, arguments: Sequence[tree.Argument], environment: Environment, call: Span
) -> Problem | None:
    """A layer that lacks a number, told as that of a stage that is labelled as the number is called."""
    if problem.diagnostic.code != "E0203":
        return None
    for argument in arguments:
        name = argument.value.id if isinstance(argument.value, tree.Name) and argument.name is None else ""
        value = environment.labels.get(name) if name else None
        if not isinstance(value, Tensor | Result) or " needs " not in problem.diagnostic.message:
            continue
        origin = value.outputs[0].span if isinstance(value, Result) else value.span
        hides = environment.hides_parameter(name)
        return Problem(
            problem.diagnostic.code,
            f"{name} is a stage here, and {problem.diagnostic.message}",
            argument.value.span,
            "a tensor" if not hides else "the label hides the parameter",
            related=((origin, f"this stage is labelled {name}"),),
            notes=problem.diagnostic.notes,
            help=f"name the number before it: let {name}_given = {name}" if hides else "write the number",
            mend=_number_before(name, origin, argument.value.span) if hides else None,
        )
    return None


def _number_before(name: str, origin: Span, use: Span) -> tuple[Span, str] | None:
    """The text from the stage that has taken the name of a parameter to its use, with a name for the number before."""
    text = origin.source.text
    start = text.rfind("\n", 0, origin.start) + 1
    start += len(text[start : origin.start]) - len(text[start : origin.start].lstrip())
    if use.source is not origin.source or not text[start : origin.start].startswith(name) or origin.start > use.start:
        return None
    indent = text[text.rfind("\n", 0, start) + 1 : start]
    between = text[start : use.start]
    return Span(origin.source, start, use.end), f"let {name}_given = {name}\n{indent}{between}{name}_given"


def word_for_tensor(positional: Sequence[tuple[Any, Span]], fields: int, vocabulary: frozenset[str]) -> Word | None:
    """A name that stands for nothing where tensors stand: before one, or before more arguments than a layer has."""
    last = max((i for i, (value, _) in enumerate(positional) if _holds_tensor(value)), default=-1)
    leading = positional[: max(last, len(positional) - fields)]
    words = (value for value, _ in leading if isinstance(value, Word))
    return next((word for word in words if word.text not in vocabulary), None)


def _holds_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or hasattr(value, "outputs")


def choice(argument: Span, value: Any, choices: Sequence[str]) -> tuple[str, tuple[Span, str] | None]:
    """The help for a word that an argument does not take, and the mend: the one of its own words that is meant."""
    text = str(value) if isinstance(value, str | Word) else ""
    near = nearest(text, choices) if text else None
    if near is None:
        return "", None
    if text not in argument.text:
        return f"did you mean {near}?", None
    at = argument.text.rindex(text)
    quoted = argument.text[:at].endswith(("'", '"'))
    start = argument.start + at - quoted
    return f"did you mean {near}?", (Span(argument.source, start, argument.end), near)


def axis_as_word(cls: type[Layer], argument: str, value: Any, span: Span) -> tuple[str, tuple[Span, str] | None] | None:
    """`over=[0]` for `over=channels`: axes where the layer has a word for them."""
    spoken_words = cls.spoken.get(argument, {})
    axes = value if isinstance(value, tuple) else (value,)
    if not spoken_words or not axes or not all(type(axis) is int and -MOST_AXES <= axis < MOST_AXES for axis in axes):
        return None  # sizes, as nn.LayerNorm is told
    word = spoken_words.get(axes[0] if len(axes) == 1 else None)
    if word is None:
        return None
    text = f"{argument}={word}" if span.text.startswith(argument) else word
    return f"write {text}", (span, text)


def label_for_tensor(positional: Sequence[tuple[Any, Span]], fields: int, environment: Environment) -> Problem | None:
    """A label that is no name, where a value is needed: `concat("a-b", _)`."""
    values = positional[: max(len(positional) - fields, 0)]
    return next((problem for pair in values if (problem := label_as_text(*pair, environment))), None)


def label_as_text(value: Any, span: Span, environment: Environment) -> Problem | None:
    """The problem of a text or number in place of the stage that is labelled so; None where none is."""
    if not isinstance(value, int | str) or not isinstance(environment.get(str(value)), Tensor | Result):
        return None
    name, equal, expression = span.text.rpartition("=")  # an argument's span begins with its name
    text = f"{name}{equal}${{{expression}}}"
    message = f"inside of an expression the stage {value} is read by a template"
    return Problem("E0205", message, span, help=f"write {text}", mend=(span, text))


def start(argument: str, span: Span) -> tuple[str, tuple[Span, str]] | None:
    """How a weight starts at a number, where a `constant` is given that is a source of a net; None elsewhere."""
    name, equal, value = span.text.partition("=") if "=" in span.text.partition("(")[0] else ("", "", span.text)
    initializer = slips.start_meant(value.strip())
    if not argument.endswith("init") or initializer is None:
        return None
    text = f"{name}{equal}{initializer}"
    return f"weights that start at a number: {text}", (span, text)


def odd_one(values: Any) -> int | None:
    """The place of the first item of a list that is no tensor; None where there is none, or no list."""
    items = values if isinstance(values, list) else []
    return next((place for place, item in enumerate(items) if not isinstance(item, Tensor | Result)), None)


def one_in_list(value: Any, span: Span) -> tuple[str, tuple[Span, str] | None]:
    """How a tensor is given where a list of tensors is needed."""
    if odd_one(value) is not None:
        return "leave it out, or give it to a parameter of its own", None
    if not isinstance(value, Tensor | Result):
        return "", None
    return f"a list of one tensor is [{span.text}]", (span, f"[{span.text}]")


def tensor_parameters(
    definition: tree.Definition, keywords: Mapping[str, object], tensors: int, arguments: Sequence[tree.Argument]
) -> tuple[str, tuple[Span, str] | None]:
    """The help and the mend where a block is given tensors that it does not declare: its first parameters are meant."""
    free = [p for p in definition.parameters if p.name not in keywords]
    values = [argument.value for argument in arguments if argument.name is None]
    if any(map(is_tensors, free)) and len(values) >= tensors > 0:
        together = values[0].span.to(values[tensors - 1].span)
        name = next(p.name for p in free if is_tensors(p))
        return f"{name} is a list: [{together.text}]", (together, f"[{together.text}]")
    if free and len(values) == 1 and isinstance(values[0], tree.List | tree.Comprehension) and free[0].type is None:
        text = f"{free[0].name}: list[tensor]"
        return f"a parameter that is a list of tensors is declared so: {text}", (free[0].span, text)
    first = free[:tensors]
    if len(first) < tensors or any(p.type is not None or p.default is not None for p in first):
        return "the first tensor enters the block; for one more, declare a parameter: name: tensor", None
    text = ", ".join(f"{p.name}: tensor" for p in first)
    together = first[0].span.to(first[-1].span)
    side_by_side = definition.parameters[: len(first)] == tuple(first)
    return f"a parameter that is a tensor is declared so: {text}", (together, text) if side_by_side else None


def call_of_another(call: tree.Call) -> Problem | None:
    """A call of PyTorch or Keras by its full name: `nn.Conv2d(3, 64, 3)`, `x.view(-1)`."""
    text = slips.translated(call)
    if text is None:
        return None
    name = call.callee.span.text
    return Problem(
        "E0205", f"{name} is not called so here", call.callee.span, help=f"write {text}", mend=(call.span, text)
    )


def name_of_another(expression: tree.Attribute) -> Problem | None:
    """A layer of PyTorch or Keras by its full name, not called: `nn.ReLU`, `F.relu`."""
    owner, layer = expression.value.span.text.rpartition(".")[2], slips.layer_meant(expression.name)
    if owner not in (*slips.MODULES, *slips.FUNCTIONS) or layer is None:
        return None
    return Problem(
        "E0205",
        f"{expression.span.text} is not called so here",
        expression.span,
        help=f"write {layer}",
        mend=(expression.span, layer),
    )


def layer_as_text(definition: tree.Definition, parameter: tree.Parameter, value: str, span: Span) -> Problem | None:
    """`act="relu"`: a layer in quotes, where a layer is needed."""
    layer = slips.layer_meant(value)
    if layer is None:
        return None
    text = span.text.replace(f'"{value}"', layer).replace(f"'{value}'", layer)
    message = f"{parameter.name} of {definition.name} is a layer, which is named without quotes"
    return Problem("E0210", message, span, help=f"write {text}", mend=(span, text))


def unknown_callee(
    name: str, arguments: Sequence[tree.Argument], span: Span, call: Span, environment: Environment
) -> Problem | None:
    """A layer by another name, a wiring with parentheses, a block of the library that is not imported."""
    message = f"there is no layer or block named {name}"
    if name in WIRINGS and name not in REGISTRY and (arguments and isinstance(arguments[0].value, tree.Call)):
        inside = " -> ".join(argument.value.span.text for argument in arguments)
        text = f"{name} {{ {inside} }}"
        return Problem("E0202", f"the body of {name} stands in braces", span, help=f"write {text}", mend=(call, text))
    group = slips.translated(tree.Call(tree.Name(name, span=span), tuple(arguments))) if name == "Sequential" else None
    if group is not None:
        return Problem("E0202", message, span, help=f"stages in sequence are a group: {group}", mend=(call, group))
    if synonym(name, dict.fromkeys(environment.templates, ())):
        return None  # a block of this file in another spelling
    layer = slips.layer_meant(name)
    if layer is not None:
        foreign = name[:1].isupper()
        torch = foreign and not name.endswith("D")
        call_text = slips.rewritten(REGISTRY[layer], arguments, foreign=torch, batched=foreign)
        text = call_text if call_text and arguments else slips.example(REGISTRY[layer]) if span == call else layer
        place = call if call_text and arguments else span
        return Problem(
            "E0202",
            message,
            span,
            "not known",
            help=f"it is {layer} here: {text}" if text != layer else f"it is {layer} here",
            mend=(place, text),
        )
    return _of_library(name, span)


def _of_library(name: str, span: Span) -> Problem | None:
    """A block that ships with netspec: the import that brings it."""
    there = home(name)
    if there is None:
        return None
    module, block = there
    line = f"from {module} import {block}"
    before = span.source.text[: span.start]
    return Problem(
        "E0202",
        f"there is no layer or block named {name}",
        span,
        "not known",
        help=f"{block} is in the library; write at the top of the file: {line}",
        mend=(Span(span.source, 0, span.end), f"{line}\n{before}{block}"),
    )


def missing(definition: tree.Definition, name: str, span: Span) -> Problem:
    """A parameter without a default that is given no value, by a call or, for a net, from outside."""
    parameter = next(p for p in definition.parameters if p.name == name)
    what = f"the tensor {name}" if is_tensor(parameter) else name
    outside = span == definition.signature
    return Problem(
        "E0210",
        f"{definition.name} needs {what}",
        parameter.span if outside else span,
        related=() if outside else ((definition.signature, "defined here"),),
        help=f"give it a value: --set {name}=10, or write a default: {name} = 10" if outside else "",
    )
