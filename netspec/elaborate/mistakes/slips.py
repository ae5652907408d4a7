"""What people write who come from PyTorch or Keras, and the same in the words of the language.

All of it works on the tree: what is proposed is text, and the text is checked like any other once it is pasted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from pydantic_core import PydanticUndefined

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import Layer
from netspec.layers.declaration.synonyms import BATCHED, DERIVED, SYNONYMS
from netspec.spelling import bare, synonym
from netspec.syntax import tree

Pieces = list[tuple[str, str]]
"""The arguments of a call in order: the name of each, empty for a tensor, and its text."""

ACTIVATIONS = ("activation", "act", "nonlinearity")
"""What Keras calls the argument that applies an activation after the layer."""
_DIMENSIONS = re.compile(r"[123][dD](?=$|[A-Z_])")
_CONSTANT = re.compile(r"(?:[a-z]+\.)*const(?:ant)?_?\(\s*([^=,()]+?)\s*\)", re.IGNORECASE)
MODULES = ("nn", "layers", "keras", "modules")
FUNCTIONS = ("F", "functional", "torch", "tf")
"""What the classes and the functions of PyTorch and Keras are called by."""


def layer_meant(name: str) -> str | None:
    """The layer that PyTorch, Keras or a paper calls so: `Conv2d` is conv, `swish` is silu, `Dense` is linear."""
    aliases = {layer: cls.aliases for layer, cls in REGISTRY.items()}
    return synonym(name, aliases) or synonym(_DIMENSIONS.sub("", name), aliases)


@cache
def example(cls: type[Layer]) -> str:
    """The layer's first call in the example of its page, where it needs arguments; else its name."""
    if not cls.one_of and all(info.default is not PydanticUndefined for info in cls.model_fields.values()):
        return cls.name
    match = re.search(rf"\b{cls.name}\([^`\n]*?\)(?=[ `,])", (cls.__doc__ or "").partition("Example:")[2])
    return match[0] if match else cls.name


def argument_meant(cls: type[Layer], name: str) -> str | None:
    """The layer's own name of an argument that is called so elsewhere."""
    candidates = (*SYNONYMS.get(name, ()), *cls.model_fields)
    return next((field for field in candidates if field in cls.model_fields and _same(field, name)), None)


def _same(field: str, name: str) -> bool:
    return field in SYNONYMS.get(name, ()) or bare(field) == bare(name)


def rewritten(
    cls: type[Layer],
    arguments: Sequence[tree.Argument],
    tensors: int = 0,
    *,
    foreign: bool = False,
    batched: bool = False,
) -> str | None:
    """A layer's call as the language has it; None where it cannot be told.

    The first `tensors` arguments are values. With `foreign`, those by position are tried in the order of PyTorch's
    class first; with `batched`, axes count the batch. An `activation` becomes a stage of its own.
    """
    fields = tuple(cls.model_fields)
    orders = (cls.pytorch, fields) if foreign and cls.pytorch else (fields, cls.pytorch)
    for order in orders:
        pieces = _pieces(cls, arguments, tensors, order, batched=batched)
        if pieces is not None:
            return f"{_call(cls, pieces)}{_activation(arguments)}"
    return None


def _pieces(
    cls: type[Layer], arguments: Sequence[tree.Argument], tensors: int, order: tuple[str, ...], *, batched: bool
) -> Pieces | None:
    """The arguments by the layer's own names; None where one has none, or where a required one is missing."""
    pieces: Pieces = []
    position = 0
    for argument in arguments:
        name, text = argument.name, argument.value.span.text
        if name is None and position < tensors:
            pieces.append(("", text))
            position += 1
            continue
        if name is None:
            if position - tensors >= len(order):
                return None
            field: str | None = order[position - tensors]
            position += 1
        elif name in DERIVED or (name in ACTIVATIONS and name not in cls.model_fields):
            field = ""
        else:
            field = name if name in cls.model_fields else argument_meant(cls, name)
        if field is None or (field and any(field == other for other, _ in pieces)):
            return None
        if not field:
            continue
        if field in cls.axis_arguments and (batched or name in BATCHED):
            axes_text = axes_without_batch(argument.value)
            if axes_text is None:
                return None
            if axes_text == str(cls.model_fields[field].default):
                continue
            pieces.append((field, axes_text))
        else:
            pieces.append((field, _value(name or "", argument.value)))
    fields = {field for field, _ in pieces}
    complete = all(name in fields or info.default is not PydanticUndefined for name, info in cls.model_fields.items())
    return pieces if complete and fields - {""} <= set(cls.model_fields) else None


def axes_without_batch(value: tree.Expr) -> str | None:
    """An axis, or a list of them, that counts the batch, as the language has it; None where the batch is among them."""
    match value:
        case tree.Number(int(axis)):
            return str(axis - 1) if axis > 0 else None
        case tree.List((tree.Number(0), *others)) if _is_order(value.items):
            return f"[{', '.join(str(item.value - 1) for item in others if isinstance(item, tree.Number))}]"
        case tree.List(items):
            texts = [axes_without_batch(item) for item in items]
            return f"[{', '.join(axis for axis in texts if axis)}]" if all(texts) else None
    return value.span.text


def _is_order(items: Sequence[tree.Expr]) -> bool:
    """Whether a list has each axis once, as `permute` takes them."""
    axes = [item.value for item in items if isinstance(item, tree.Number)]
    return len(items) > 1 and sorted(axes) == list(range(len(items)))


def _value(name: str, value: tree.Expr) -> str:
    """The text of an argument."""
    match value:
        case tree.String(text) if text.lower().isidentifier():
            return text.lower()
        case tree.Call() if (start := start_meant(value.span.text)) and name.endswith(("init", "initializer")):
            return start
    return value.span.text


def start_meant(text: str) -> str | None:
    """How weights start at a number that a text of PyTorch says: `full(0.5)` of `constant(0.5)`; None for others."""
    match = _CONSTANT.fullmatch(text)
    return f"full({match[1]})" if match else None


def _call(cls: type[Layer], pieces: Pieces) -> str:
    """The call in one line: arguments in the layer's own order stand without their names."""
    fields = list(cls.model_fields)
    texts: list[str] = []
    for position, (field, text) in enumerate(sorted(pieces, key=lambda piece: bool(piece[0]))):
        own = position - sum(not name for name, _ in pieces)
        plain = not field or (own < 2 and own < len(fields) and fields[own] == field)
        texts.append(text if plain else f"{field}={text}")
    return f"{cls.name}({', '.join(texts)})" if texts else cls.name


def _activation(arguments: Sequence[tree.Argument]) -> str:
    """The stage after the call that its argument `activation` asks for."""
    value = next((argument.value for argument in arguments if argument.name in ACTIVATIONS), None)
    name = value.value if isinstance(value, tree.String) else value.id if isinstance(value, tree.Name) else ""
    stage = layer_meant(name) if name else None
    return f" -> {stage}" if stage else ""


def translated(expression: tree.Expr) -> str | None:
    """A call of PyTorch as the language has it: `nn.Conv2d(3, 64, 3)`, `F.relu(x)`, `x.view(-1)`; None for another."""
    if isinstance(expression, tree.Call) and isinstance(expression.callee, tree.Call):
        module = translated(expression.callee)
        return _applied(module, ", ".join(a.span.text for a in expression.arguments)) if module else None
    if not isinstance(expression, tree.Call) or not isinstance(expression.callee, tree.Attribute | tree.Name):
        return None
    owner, name = _owner(expression.callee)
    arguments = expression.arguments
    if name == "Sequential":
        return _sequence([argument.value for argument in arguments])
    if (not owner and expression.callee.span.text == name) or owner.split(".")[-1] in MODULES:
        layer = layer_meant(name)
        return rewritten(REGISTRY[layer], arguments, foreign=True, batched=True) if layer else None
    if owner.split(".")[-1] in FUNCTIONS:
        layer = layer_meant(name)
        leading = _leading(arguments)
        return rewritten(REGISTRY[layer], arguments, leading, foreign=True, batched=True) if layer else None
    return _method(owner, name, arguments)


def _method(owner: str, name: str, arguments: Sequence[tree.Argument]) -> str | None:
    """`x.view(-1, 64)`, `x.permute(0, 2, 1)`, `x.mean(1)`: methods of a tensor."""
    sizes = [argument.value.span.text for argument in arguments if argument.name is None]
    if name in ("view", "reshape"):
        return f"flatten({owner})" if len(sizes) <= 2 else f"reshape({owner}, [{', '.join(sizes[1:])}])"
    layer = layer_meant(name)
    if layer is None:
        return None
    cls = REGISTRY[layer]
    if len(sizes) > 1 and len(cls.model_fields) == 1:
        axes = axes_without_batch(tree.List(tuple(argument.value for argument in arguments)))
        return f"{layer}({owner}, {axes})" if axes else None
    text = rewritten(cls, arguments, batched=True)
    return None if text is None else _applied(text, owner)


def _owner(callee: tree.Attribute | tree.Name) -> tuple[str, str]:
    """What stands before the last dot of a callee, and the name after it."""
    return ("", callee.id) if isinstance(callee, tree.Name) else (callee.value.span.text, callee.name)


def _leading(arguments: Sequence[tree.Argument]) -> int:
    """How many arguments of a function seem to be tensors: names that come first."""
    positional = [argument.value for argument in arguments if argument.name is None]
    return next((i for i, value in enumerate(positional) if isinstance(value, tree.Number)), len(positional))


def _applied(call: str, value: str) -> str:
    name, bracket, rest = call.partition("(")
    return f"{name}({value}, {rest}" if bracket else f"{name}({value})"


def _sequence(stages: Sequence[tree.Expr]) -> str | None:
    """The stages of an `nn.Sequential` as a group, from a list or one by one."""
    if len(stages) == 1 and isinstance(stages[0], tree.List):
        stages = stages[0].items
    texts = [translated(stage) for stage in stages]
    return f"{{ {' -> '.join(stage for stage in texts if stage)} }}" if texts and all(texts) else None


def order_of_pytorch(cls: type[Layer], positional: Sequence[object], channels: object) -> bool:
    """Whether the numbers of a call seem to begin with the channels that enter, which PyTorch's class is told."""
    derived = cls.pytorch[:1] == ("",)
    return derived and len(positional) > 0 and type(positional[0]) is int and positional[0] == channels
