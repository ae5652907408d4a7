"""The summary: a net as a table by depth, with the names, layers, shapes and counts of its stages.

A row is an input, a layer, or a scope with the sums over what is in it. What a spec only groups (plain groups, loops,
branches) has no row of its own. In `text` and `markdown`, equal neighbours and equal rounds of a repeat are folded into
one row ("3 x Bottleneck(64)"), whose counts are those of all, while the rows below it are those of one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from netspec.analysis import counts
from netspec.analysis.counts import Counts
from netspec.graph.graph import Graph, Node, Scope, ScopeKind, ScopeRef, Value
from netspec.graph.views import layer_text, scope_text
from netspec.shapes.sizes import Dimension, OpenSize

Kind: TypeAlias = ScopeKind | Literal["input", "layer"]

SCREEN = 32
"""The rows that a table has at most when no depth is asked for."""

_TRANSPARENT = frozenset({"group", "for", "iteration", "body", "branch"})
_WIDEST = 48


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table and those below it.

    `name` is the full name, `label` its last part; wirings have neither. `times` is how many equal stages a folded row
    stands for. `counts` are of all of them.
    """

    kind: Kind
    name: str
    label: str
    layer: str
    shape: str
    counts: Counts
    rows: tuple[Row, ...] = ()
    times: int = 1
    note: str = ""


def rows(graph: Graph) -> Row:
    """The whole table as a tree whose root is the net, nothing folded."""
    root = _tree(graph)
    return _each(root, lambda row: replace(row, rows=_flat(row.rows, _TRANSPARENT | {"repeat"})))


def folded(graph: Graph) -> Row:
    """The table with equal neighbours and equal rounds folded."""
    return _Folder().fold(_tree(graph))


def text(graph: Graph, depth: int | None = None, screen: int = SCREEN) -> str:
    """The table for a terminal, with a line of totals; `depth` is chosen to fit `screen` rows if none is given."""
    return "\n".join(line for line, _ in lines(graph, depth, screen))


def lines(
    graph: Graph, depth: int | None = None, screen: int = SCREEN
) -> Iterator[tuple[str, Literal["head", "net", "scope", "row", "total"]]]:
    """The lines of the text form, each with what it is, so that a terminal can colour them."""
    root = folded(graph)
    depth = _fitting(root, screen) if depth is None else depth
    shown = list(_walk(root, depth))
    cells = [_cells(row, level) for level, row in shown]
    head = ("name", "layer", "output", "parameters", "MACs")
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(5)]
    rule = "─" * (sum(widths) + 8)

    def aligned(line: tuple[str, ...]) -> str:
        pairs = zip(line, widths, "<<<>>", strict=True)
        return "  ".join(f"{cell:{side}{width}}" for cell, width, side in pairs).rstrip()

    yield aligned(head), "head"
    yield rule, "head"
    for (level, row), line in zip(shown, cells, strict=True):
        yield aligned(line), "net" if level == 0 else "scope" if row.rows else "row"
    yield rule, "head"
    for total in _totals(graph, root, depth, shown):
        yield total, "total"


def markdown(graph: Graph, depth: int | None = None, screen: int = SCREEN) -> str:
    """The table in Markdown, with the totals below it."""
    root = folded(graph)
    depth = _fitting(root, screen) if depth is None else depth
    shown = list(_walk(root, depth))
    table = ["| name | layer | output | parameters | MACs |", "|:---|:---|:---|---:|---:|"]
    for level, row in shown:
        name, layer, shape, *figures = _cells(row, level, widest=None)
        indent = "&nbsp;&nbsp;" * level
        cells = [f"{indent}{_code(name.strip())}", _code(layer), _code(shape), *figures]
        table.append(f"| {' | '.join(cells)} |")
    return "\n".join([*table, "", *(f"{line}  " for line in _totals(graph, root, depth, shown))])


def csv_text(graph: Graph, depth: int | None = None) -> str:
    """One line a row, nothing folded; full names, plain figures."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["depth", "name", "kind", "layer", "output", "parameters", "buffers", "macs"])
    for level, row in _walk(rows(graph), depth):
        figures = row.counts
        start = [level, row.name, row.kind, row.layer, row.shape]
        writer.writerow([*start, figures.parameters, figures.buffers, figures.macs])
    return out.getvalue()


def json_text(graph: Graph, depth: int | None = None) -> str:
    """The table as a JSON tree, nothing folded; open sizes are strings."""
    root = rows(graph)
    document = {
        "netspec": 1,
        "net": graph.name,
        "arguments": dict(graph.arguments),
        "parameters": root.counts.parameters,
        "buffers": root.counts.buffers,
        "macs": _plain(root.counts.macs),
        "requirements": list(graph.requirements),
        "table": _json_row(root, depth),
    }
    return json.dumps(document, indent=1, default=str, ensure_ascii=False) + "\n"


def _tree(graph: Graph) -> Row:
    """Every scope and node as a row, in one pass from the innermost scopes outwards."""
    of_nodes = [counts.of_node(node) for node in graph.nodes]
    of_scopes = counts.of_scopes(graph, of_nodes)
    layers = {id(node.layer): node.layer for node in graph.nodes}
    texts = {number: layer_text(layer) for number, layer in layers.items()}
    built: list[Row | None] = [None] * len(graph.scopes)
    for scope in reversed(graph.scopes):
        inside: list[Row] = [_input_row(value) for value in graph.inputs] if scope.index == 0 else []
        for item in scope.items:
            if isinstance(item, ScopeRef):
                child = built[item.index]
                assert child is not None
                inside.append(child)
            else:
                node = graph.nodes[item]
                inside.append(_node_row(node, texts[id(node.layer)], of_nodes[item]))
        built[scope.index] = _scope_row(scope, of_scopes[scope.index], tuple(inside), graph)
    root = built[0]
    assert root is not None
    return root


def _input_row(value: Value) -> Row:
    return Row("input", value.name, value.name, "input", str(value.shape), Counts())


def _node_row(node: Node, layer: str, figures: Counts) -> Row:
    shape = ", ".join(str(value.shape) for value in node.outputs)
    note = "when training" if node.when_training else "" if node.first_use else f"same weights as {node.key}"
    return Row("layer", node.name, node.name.rpartition(".")[2], layer, shape, figures, note=note)


def _scope_row(scope: Scope, figures: Counts, inside: tuple[Row, ...], graph: Graph) -> Row:
    shape = ", ".join(str(value.shape) for value in scope.outputs)
    if scope.kind == "net":
        shape = ", ".join(str(output.value.shape) for output in graph.outputs)
        return Row("net", graph.name, graph.name, scope_text(scope), shape, figures, inside)
    note = "" if scope.first_use or not scope.is_module else f"same weights as {scope.key}"
    name = scope.name if scope.is_module else ""
    return Row(scope.kind, name, name.rpartition(".")[2], scope_text(scope), shape, figures, inside, note=note)


def _each(row: Row, change: Callable[[Row], Row]) -> Row:
    """The tree with every row changed, innermost first; without recursion, for nets of any depth."""
    done: list[list[Row]] = [[]]
    stack: list[tuple[Row, bool]] = [(row, False)]
    while stack:
        here, leaving = stack.pop()
        if leaving:
            inside = tuple(done.pop())
            done[-1].append(change(replace(here, rows=inside) if inside else here))
        else:
            done.append([])
            stack.append((here, True))
            stack.extend((inner, False) for inner in reversed(here.rows))
    return done[0][0]


def _flat(inside: Iterable[Row], kinds: frozenset[str]) -> tuple[Row, ...]:
    """The rows with those of the given kinds replaced by what is in them (which is flat already)."""
    return tuple(inner for row in inside for inner in (row.rows if row.kind in kinds else (row,)))


class _Folder:
    """Folding, bottom up. Rows that look alike, names apart, have the same number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._known: dict[int, tuple[int, Row]] = {}

    def fold(self, root: Row) -> Row:
        return _each(root, self._row)

    def _row(self, row: Row) -> Row:
        """The row with what is in it folded; a repeat whose rounds cannot be folded becomes a plain group."""
        if not row.rows and row.kind != "repeat":
            self._number(row)
            return row
        inside = _flat(row.rows, _TRANSPARENT)
        if row.kind == "repeat" and self._alike(row.rows):
            inside = self._neighbours(row.rows[0].rows)
            row = replace(row, name="", label="", layer=f"repeat {len(row.rows)}", rows=inside, times=len(row.rows))
        elif row.kind == "repeat":
            row = replace(row, kind="group", rows=inside)
        elif row.kind in _TRANSPARENT:
            row = replace(row, rows=inside)
        else:
            row = replace(row, rows=self._neighbours(inside))
        self._number(row)
        return row

    def _alike(self, rounds: tuple[Row, ...]) -> bool:
        """Whether these are several rounds that look the same and have several stages each."""
        return (
            len(rounds) > 1
            and all(one.kind == "iteration" and len(one.rows) > 1 for one in rounds)
            and len({self._number(one) for one in rounds}) == 1
        )

    def _neighbours(self, inside: tuple[Row, ...]) -> tuple[Row, ...]:
        runs: list[list[Row]] = []
        for row in inside:
            if runs and row.kind != "input" and self._number(runs[-1][0]) == self._number(row):
                runs[-1].append(row)
            else:
                runs.append([row])
        return tuple(self._folded(run) if len(run) > 1 else run[0] for run in runs)

    def _folded(self, run: list[Row]) -> Row:
        first, last = run[0], run[-1]
        figures = first.counts
        times = len(run)
        together = Counts(figures.parameters * times, figures.buffers * times, figures.macs * times)
        return replace(
            first,
            label=_range(first.label, last.label, times),
            layer=f"{times} x {first.layer}",
            counts=together,
            times=times,
        )

    def _number(self, row: Row) -> int:
        """The number of all rows that look like this one."""
        if id(row) not in self._known:
            inside = tuple(map(self._number, row.rows))
            look = (row.kind, row.layer, row.shape, row.counts, row.note, inside)
            number = self._numbers.setdefault(look, len(self._numbers))
            self._known[id(row)] = (number, row)  # the row stays alive, so that no other one takes its id
        return self._known[id(row)][0]


def _range(first: str, last: str, times: int) -> str:
    """`1-2`, `conv2-5`; `a, b` or `a ... d` where the labels do not count up."""
    stem = first.rstrip("0123456789")
    start, end = first[len(stem) :], last[len(stem) :]
    if last.startswith(stem) and start and end.isdecimal() and int(end) - int(start) == times - 1:
        return f"{stem}{start}-{end}"
    return f"{first}, {last}" if times == 2 and first else f"{first} ... {last}" if first else ""


def _walk(root: Row, depth: int | None) -> Iterator[tuple[int, Row]]:
    """The rows down to `depth` (the root is at 0) in the order of the table."""
    stack = [(0, root)]
    while stack:
        level, row = stack.pop()
        yield level, row
        if depth is None or level < depth:
            stack.extend((level + 1, inner) for inner in reversed(row.rows))


def _fitting(root: Row, screen: int) -> int:
    """The largest depth whose table fits; 1 where none does."""
    sizes: dict[int, int] = {}
    for level, _ in _walk(root, None):
        sizes[level] = sizes.get(level, 0) + 1
    depth, fitted = 0, sizes[0]
    while depth + 1 in sizes and fitted + sizes[depth + 1] <= screen:
        depth += 1
        fitted += sizes[depth]
    return max(1, depth)


def _cells(row: Row, level: int, widest: int | None = _WIDEST) -> tuple[str, str, str, str, str]:
    layer = f"{row.layer}  ({row.note})" if row.note else row.layer
    cut = (lambda cell: cell) if widest is None else _cut
    figures = (_figure(row.counts.parameters), cut(_figure(row.counts.macs)))
    return (f"{'  ' * level}{row.label}", cut(layer), cut(row.shape), *figures)


def _cut(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else f"{cell[: _WIDEST - 3]}..."


def _figure(size: Dimension) -> str:
    return (f"{size:,}" if size else "-") if isinstance(size, int) else str(size)


def _totals(graph: Graph, root: Row, depth: int, shown: list[tuple[int, Row]]) -> Iterator[str]:
    yield f"parameters  {root.counts.parameters:,}"
    if root.counts.buffers:
        yield f"buffers     {root.counts.buffers:,}"
    figure = root.counts.macs
    yield f"MACs        {figure:,}" if isinstance(figure, int) else f"MACs        {figure}"
    for requirement in graph.requirements:
        yield f"sizes       {requirement}"
    if any(isinstance(size, OpenSize) for value in graph.inputs for size in value.shape.dims):
        value = next(value for value in graph.inputs if value.shape.is_open)
        example = ", ".join("224" if isinstance(size, OpenSize) else str(size) for size in value.shape.dims)
        yield f"            give sizes for figures: --input '{value.name}=[{example}]'"
    if any(row.times > 1 and row.rows and level < depth for level, row in shown):
        yield "a row of several counts them all; the rows below it are one of them"
    hidden = sum(1 for _ in _walk(root, None)) - len(shown)
    if hidden:
        yield f"{hidden:,} more {'row' if hidden == 1 else 'rows'} below: --depth {depth + 1}"


def _json_row(root: Row, depth: int | None) -> dict[str, Any]:
    def plain(row: Row) -> dict[str, Any]:
        return {
            "name": row.name,
            "kind": row.kind,
            "layer": row.layer,
            "output": row.shape,
            "parameters": row.counts.parameters,
            "buffers": row.counts.buffers,
            "macs": _plain(row.counts.macs),
            **({"note": row.note} if row.note else {}),
        }

    result = plain(root)
    stack = [(root, result, 0)]
    while stack:
        row, made, level = stack.pop()
        if row.rows and (depth is None or level < depth):
            made["rows"] = [plain(inner) for inner in row.rows]
            stack.extend((inner, there, level + 1) for inner, there in zip(row.rows, made["rows"], strict=True))
    return result


def _plain(size: Dimension) -> int | str:
    return size if isinstance(size, int) else str(size)


def _code(cell: str) -> str:
    return f"`{cell.replace('|', '&#124;')}`" if cell else ""
