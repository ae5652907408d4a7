"""Tables of numbers as arguments: what they hold, and how they are written in PyTorch."""

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

from pydantic import PlainValidator

from netspec.layers.declaration.base import LARGEST_FLOAT
from netspec.layers.declaration.symbols import Spelled, Symbolic, marked, plain
from netspec.shapes.shape import DType
from netspec.syntax import tree

MOST_AXES = 8


def read_table(value: Any) -> Any:
    """Nested lists as nested tuples, all rows alike; raises ValueError where they are no table."""
    table = _tuples(value, 0)
    if isinstance(value, Spelled):
        return SpelledTable.of(table, value.expression)
    if isinstance(table, tuple):
        table_shape(table)
        kinds = {type(entry) is bool for entry in _entries(table)}
        if len(kinds) > 1:
            raise ValueError("a table holds numbers or truth values, not both")
    return table


class SpelledTable(tuple[Any, ...]):
    """The entries of a long list with the comprehension that makes them."""

    expression: tree.Expr

    @staticmethod
    def of(entries: tuple[Any, ...], expression: tree.Expr) -> "SpelledTable":
        table = SpelledTable(entries)
        table.expression = expression
        return table


def _tuples(value: Any, depth: int) -> Any:
    if isinstance(value, list | tuple | range):
        if depth == MOST_AXES:
            raise ValueError(f"a table has at most {MOST_AXES} axes")
        return tuple(_tuples(entry, depth + 1) for entry in value)
    if type(value) is bool or (type(value) is int and abs(value) < 2**63):
        return value
    if type(value) is float and abs(value) <= LARGEST_FLOAT:
        return value
    raise ValueError(f"a table holds numbers or truth values, not {value}")


Table: TypeAlias = Annotated[
    tuple[Any, ...] | int | float | bool,
    PlainValidator(read_table, json_schema_input_type=list[Any] | int | float | bool),
]
"""A number, or lists of numbers in one another, all as long: `[[0, 1], [1, 0]]`."""


def table_shape(table: Any) -> tuple[int, ...]:
    """The size of each axis; raises ValueError where rows differ in length, or hold nothing."""
    if not isinstance(table, tuple):
        return ()
    if not table:
        raise ValueError("a table has an entry in every row")
    shapes = {table_shape(row) for row in table}
    if len(shapes) > 1:
        first, second = sorted(shapes, key=lambda shape: (len(shape), shape))[:2]
        raise ValueError(f"the rows of a table are alike, but some are {list(first)} and some {list(second)}")
    return (len(table), *shapes.pop())


def table_dtype(table: Any) -> DType:
    """What the entries are: numbers that are all whole are int."""
    kinds = {type(plain(entry)) for entry in _entries(table)}
    return "bool" if kinds == {bool} else "float" if float in kinds else "int"


def table_text(table: Any, dtype: DType) -> str:
    """The table as a tensor: `torch.tensor([[0, 1], [1, 0]])`, `torch.arange(49)`."""
    counts = isinstance(table, tuple) and len(table) > 2 and not any(isinstance(e, Symbolic) for e in _entries(table))
    if counts and dtype != "bool" and tuple(table) == tuple(range(len(table))):
        return f"torch.arange({len(table)})" if dtype == "int" else f"torch.arange({len(table)}.0)"
    if isinstance(table, SpelledTable):
        return f"torch.tensor({marked(table.expression)})"
    return f"torch.tensor({_literal(table, dtype)})"


def _literal(table: Any, dtype: DType) -> str:
    if isinstance(table, tuple):
        return f"[{', '.join(_literal(row, dtype) for row in table)}]"
    return repr(float(table)) if dtype == "float" and not isinstance(table, Symbolic) else repr(table)


def _entries(table: Any) -> Iterator[Any]:
    if not isinstance(table, tuple):
        yield table
        return
    for row in table:
        yield from _entries(row)
