"""Single layers: how their construction is written."""

from __future__ import annotations

from netspec.codegen.text.layout import Bracket, Expr
from netspec.codegen.text.layout import call as bracket
from netspec.codegen.text.naming import is_plain_word
from netspec.codegen.text.python import Naming, argument, python, unmarked
from netspec.layers.declaration.base import TorchCall
from netspec.syntax import tree

KEYWORDS = (
    "stride",
    "padding",
    "output_padding",
    "dilation",
    "groups",
    "bias",
    "padding_mode",
    "eps",
    "momentum",
    "affine",
    "track_running_stats",
    "ceil_mode",
    "count_include_pad",
)
"""Keyword arguments of PyTorch in the order that they are written in."""


def construction(
    call: TorchCall, naming: Naming, in_place: bool, initializer: tuple[str, tuple[tree.Expr, ...]]
) -> Expr:
    """The constructor call, wrapped as the layer asks for; `initializer` starts its weights from these numbers."""
    if call.parameter:
        return unmarked(call.parameter, naming)
    names = [name for name in call.kwargs if is_plain_word(name)]
    names.sort(key=lambda name: KEYWORDS.index(name) if name in KEYWORDS else -1)
    items: list[tuple[str, Expr]] = [("", argument(value, naming)) for value in call.args]
    items.extend((f"{name}=", argument(call.kwargs[name], naming)) for name in names)
    if in_place:
        items.append(("inplace=", "True"))
    result: Expr = Bracket(call.target, tuple(items))
    start, numbers = initializer
    if call.wrap:
        result = bracket(call.wrap, result)
    if start:
        result = bracket(start, result, *(python(number, naming) for number in numbers))
    return result
