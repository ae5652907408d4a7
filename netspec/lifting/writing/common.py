"""Long tables of numbers are said once, at the top of the file: `let table = [...]`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from netspec.syntax import tree


def with_common_tables(file: tree.File) -> tree.File:
    """The file in which long tables of constants are names: a block would make its table anew in every call."""
    counts = Counter(_tables(file))
    taken = set(_words(file)) if counts else set()
    names: dict[tree.Expr, str] = {}
    for table, count in counts.items():
        if count > 1 or _has_loop(table):
            name, number = "table", 2
            while name in taken:
                name, number = f"table{number}", number + 1
            taken.add(name)
            names[table] = name
    if not names:
        return file
    lets = tuple(tree.Let((name,), tree.Flow((table,))) for table, name in names.items())
    return tree.File((*lets, *_named(file.items, names)))


def _tables(part: Any) -> Iterator[tree.Expr]:
    """The long tables of constants, each as often as it comes."""
    match part:
        case tree.Call(tree.Name("constant"), (tree.Argument(None, table), *_)) if _is_long(table):
            yield table
        case tree.Tree():
            for _, value in part.content():
                yield from _tables(value)
        case tuple():
            for item in part:
                yield from _tables(item)


def _is_long(table: tree.Expr) -> bool:
    match table:
        case tree.Comprehension() | tree.Binary():
            return True
        case tree.List(items):
            return len(items) > 16
    return False


def _has_loop(part: Any) -> bool:
    match part:
        case tree.Comprehension():
            return True
        case tree.Binary(_, left, right):
            return _has_loop(left) or _has_loop(right)
        case tree.List(items):
            return any(map(_has_loop, items))
    return False


def _words(part: Any) -> Iterator[str]:
    """Every text in a tree, names among them."""
    match part:
        case str():
            yield part
        case tree.Tree():
            for _, value in part.content():
                yield from _words(value)
        case tuple():
            for item in part:
                yield from _words(item)


def _named(part: Any, names: dict[tree.Expr, str]) -> Any:
    match part:
        case tree.Call(tree.Name("constant") as callee, (tree.Argument(None, table), *rest)) if table in names:
            return tree.Call(callee, (tree.Argument(None, tree.Name(names[table])), *rest))
        case tree.Tree():
            return type(part)(*(_named(value, names) for _, value in part.content()))
        case tuple():
            return tuple(_named(item, names) for item in part)
    return part
