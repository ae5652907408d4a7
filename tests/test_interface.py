"""What `import netspec` offers: names, signatures and what they do in a line, as people's programs rely on them.

`pytest tests/test_interface.py --update-golden` writes interface.txt; a change there wants a line in CHANGELOG.md.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from textwrap import dedent
from typing import Any

import netspec

GOLDEN = Path(__file__).with_name("interface.txt")


def interface() -> Iterator[str]:
    """The interface in lines: each public name of netspec, and below a class its own public members."""
    for name in netspec.__all__:
        offer = getattr(netspec, name)
        if inspect.isclass(offer):
            yield f"class netspec.{name}  # {summary(offer)}"
            yield from (f"    {line}" for line in members(offer))
        else:
            yield described(f"netspec.{name}", offer)


def members(kind: type) -> Iterator[str]:
    """The fields of a data class, and the public methods and properties that it has of netspec's classes."""
    if is_dataclass(kind):
        yield from (f"{field.name}: {field.type}{default(field)}" for field in fields(kind))
    own = [each for each in reversed(kind.__mro__) if each.__module__.startswith("netspec")]
    for name, member in sorted({name: member for each in own for name, member in vars(each).items()}.items()):
        if (name in OPERATORS or not name.startswith("_")) and (
            inspect.isfunction(member) or isinstance(member, WRAPPED)
        ):
            yield described(name, member)


def default(field: Field[Any]) -> str:
    """How the constructor's argument is written, where it may be left out."""
    return "" if field.default is MISSING and field.default_factory is MISSING else " = ..."


OPERATORS = ("__getitem__", "__iter__", "__len__")
WRAPPED = property | cached_property | classmethod


def described(name: str, offer: Any) -> str:
    """A name with its signature as it is written, or its type, and the first line of its documentation."""
    function = getattr(offer, "fget", None) or getattr(offer, "func", None) or getattr(offer, "__func__", offer)
    (written,) = ast.parse(dedent(inspect.getsource(function))).body
    assert isinstance(written, ast.FunctionDef)
    assert written.returns is not None
    result = ast.unparse(written.returns)
    if isinstance(offer, property | cached_property):
        return f"{name}: {result}  # {summary(function)}".removesuffix("  # ")
    return f"{name}({ast.unparse(written.args)}) -> {result}  # {summary(function)}".removesuffix("  # ")


def summary(offer: Any) -> str:
    """The first line of its documentation."""
    return (inspect.getdoc(offer) or "").partition("\n")[0]


def test_the_interface_is_the_golden_one(update_golden: bool) -> None:
    text = "".join(f"{line}\n" for line in interface())
    if update_golden:
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), "--update-golden, and a line in CHANGELOG.md"
