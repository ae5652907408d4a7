"""The summary: a net as a table by depth, with the names, layers, shapes and counts of its stages.

A row is an input, a layer, or a scope with the sums over what is in it. What a spec only groups (plain groups, loops,
branches) has no row of its own. In `text` and `markdown`, equal neighbours and equal rounds of a repeat are folded into
one row ("3 x Bottleneck(64)"), whose counts are those of all, while the rows below it are those of one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from netspec.analysis import counts
from netspec.analysis.columns import COLUMNS, USUAL, Column, Stage
from netspec.analysis.counts import Counts
from netspec.analysis.receptive_field import receptive_fields
from netspec.graph.graph import Graph, Node, Scope, ScopeKind, ScopeRef, Value
from netspec.graph.views import layer_text, scope_text
from netspec.shapes.sizes import Dimension

Kind: TypeAlias = ScopeKind | Literal["input", "layer"]

SCREEN = 32
"""The rows that a table has at most when no depth is asked for."""

_TRANSPARENT = frozenset({"group", "for", "iteration", "body", "branch"})
_WIDEST = 48
_NARROWEST = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table and those below it.

    `name` is the full name, `label` its last part; wirings have neither. `times` is how many equal stages a folded row
    stands for. `counts` are of all of them. `last` names what makes its last output: the last of all of them.
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
    kernel: str = ""
    last: str = ""


def rows(graph: Graph) -> Row:
    """The whole table as a tree whose root is the net, nothing folded."""
    root = _tree(graph)
    return _each(root, lambda row: replace(row, rows=_flat(row.rows, _TRANSPARENT | {"repeat"})))


def folded(graph: Graph) -> Row:
    """The table with equal neighbours and equal rounds folded."""
    return _Folder().fold(_tree(graph))


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is laid out: `depth` is chosen to fit `screen` rows if none is given, `width` is that of a terminal.

    `batch` is what the memory is of; `kinds` adds the totals by kind of layer.
    """

    depth: int | None = None
    columns: tuple[str, ...] = USUAL
    batch: int = 1
    kinds: bool = False
    screen: int = SCREEN
    width: int | None = None


def text(graph: Graph, depth: int | None = None, screen: int = SCREEN) -> str:
    """The table for a terminal, with a line of totals."""
    return "\n".join(line for line, _ in lines(graph, Table(depth, screen=screen)))


LineKind: TypeAlias = Literal["head", "net", "scope", "row", "total"]


def lines(graph: Graph, table: Table) -> Iterator[tuple[str, LineKind]]:
    """The lines of the text form, each with what it is, so that a terminal can colour them."""
    root = folded(graph)
    depth = _fitting(root, table.screen) if table.depth is None else table.depth
    levels = list(_walk(root, depth))
    cells = [[_cut(cell, _WIDEST) for cell in line] for line in _cells(graph, table, levels, root)]
    columns = [COLUMNS[name] for name in table.columns]
    kinds: list[LineKind] = ["net" if level == 0 else "scope" if row.rows else "row" for level, row in levels]
    yield from _grid(columns, cells, kinds, table.width)
    for total in _totals(graph, root, depth, levels, table.batch):
        yield total, "total"
    if table.kinds:
        yield "", "total"
        yield from _grid(_KIND_COLUMNS, _by_kind(graph, table.batch), None, table.width)


def _grid(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], kinds: Sequence[LineKind] | None, width: int | None
) -> Iterator[tuple[str, LineKind]]:
    """Cells below their heads, with rules above and below; the widest texts are cut where a terminal is narrow."""
    heads = [column.head for column in columns]
    widths = [max(len(line[index]) for line in (heads, *cells)) for index in range(len(columns))]
    while width is not None and sum(widths) + 2 * len(widths) - 2 > width:
        texts = [index for index, column in enumerate(columns) if column.side == "<" and widths[index] > _NARROWEST]
        if not texts:
            break
        widths[max(texts, key=widths.__getitem__)] -= 1

    def aligned(line: Sequence[str]) -> str:
        pairs = zip(line, widths, columns, strict=True)
        return "  ".join(f"{_cut(cell, width):{column.side}{width}}" for cell, width, column in pairs).rstrip()

    rule = "─" * (sum(widths) + 2 * len(widths) - 2)
    yield aligned(heads), "head"
    yield rule, "head"
    for index, line in enumerate(cells):
        yield aligned(line), kinds[index] if kinds is not None else "row"
    yield rule, "head"


def markdown(graph: Graph, table: Table | None = None) -> str:
    """The table in Markdown, with the totals below it."""
    table = table or Table()
    root = folded(graph)
    depth = _fitting(root, table.screen) if table.depth is None else table.depth
    levels = list(_walk(root, depth))
    columns = [COLUMNS[name] for name in table.columns]
    markdown_lines = _markdown_grid(columns, _cells(graph, table, levels, root))
    markdown_lines += ["", *(f"{line}  " for line in _totals(graph, root, depth, levels, table.batch))]
    if table.kinds:
        markdown_lines += ["", *_markdown_grid(_KIND_COLUMNS, _by_kind(graph, table.batch))]
    return "\n".join(markdown_lines)


def _markdown_grid(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> list[str]:
    sides = {"<": ":---", ">": "---:"}
    heads = (f"| {' | '.join(column.head for column in columns)} |", f"|{'|'.join(sides[c.side] for c in columns)}|")
    rows = [[_code(cell) if c.side == "<" else cell for cell, c in zip(line, columns, strict=True)] for line in cells]
    return [*heads, *(f"| {' | '.join(row)} |" for row in rows)]


def csv_text(graph: Graph, depth: int | None = None) -> str:
    """One line a row, nothing folded; full names, plain figures, the memory in bytes of one sample."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["depth", "name", "kind", "layer", "output", "kernel", "parameters", "buffers", "macs", "neurons", "memory"]
    )
    for level, row in _walk(rows(graph), depth):
        figures = row.counts
        start = [level, row.name, row.kind, row.layer, row.shape, row.kernel]
        writer.writerow(
            [*start, figures.parameters, figures.buffers, figures.macs, figures.neurons, figures.activations]
        )
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
        "neurons": _plain(root.counts.neurons),
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
                inside.append(_node_row(node, scope.name, texts[id(node.layer)], of_nodes[item]))
        built[scope.index] = _scope_row(scope, of_scopes[scope.index], tuple(inside), graph)
    root = built[0]
    assert root is not None
    return root


def _input_row(value: Value) -> Row:
    return Row("input", value.name, value.name, "input", str(value.shape), Counts(), last=value.name)


def _node_row(node: Node, around: str, layer: str, figures: Counts) -> Row:
    shape = ", ".join(str(value.shape) for value in node.outputs)
    note = "" if node.first_use else f"same weights as {node.key}"
    note = "unused" if node.unused else "when training" if node.when_training else note
    label = node.name.removeprefix(f"{around}.")
    return Row("layer", node.name, label, layer, shape, figures, note=note, kernel=_kernel(node), last=node.name)


def _kernel(node: Node) -> str:
    """`3 x 3`; empty where a layer has none."""
    kernel = getattr(node.layer, "kernel", None)
    sizes = (kernel,) * len(node.shapes[0].spatial) if isinstance(kernel, int) else kernel or ()
    return " x ".join(map(str, sizes))


def _scope_row(scope: Scope, figures: Counts, inside: tuple[Row, ...], graph: Graph) -> Row:
    shape = ", ".join(str(value.shape) for value in scope.outputs)
    end = scope.outputs[0] if scope.outputs else None
    last = "" if end is None else end.name if end.node is None else graph.nodes[end.node].name
    if scope.kind == "net":
        shape = ", ".join(str(output.value.shape) for output in graph.outputs)
        return Row("net", graph.name, graph.name, scope_text(scope), shape, figures, inside, last=last)
    note = "" if scope.first_use or not scope.is_module else f"same weights as {scope.key}"
    name = scope.name if scope.is_module else ""
    label = name if scope.parent is None else name.removeprefix(f"{graph.scopes[scope.parent].name}.")
    return Row(scope.kind, name, label, scope_text(scope), shape, figures, inside, note=note, last=last)


def _each(row: Row, change: Callable[[Row], Row]) -> Row:
    """The tree with every row changed, innermost first; without recursion, for nets of any depth."""
    results: list[list[Row]] = [[]]
    stack: list[tuple[Row, bool]] = [(row, False)]
    while stack:
        here, leaving = stack.pop()
        if leaving:
            inside = tuple(results.pop())
            results[-1].append(change(replace(here, rows=inside) if inside else here))
        else:
            results.append([])
            stack.append((here, True))
            stack.extend((inner, False) for inner in reversed(here.rows))
    return results[0][0]


def _flat(inside: Iterable[Row], kinds: frozenset[str]) -> tuple[Row, ...]:
    """The rows with those of the given kinds replaced by what is in them (which is flat already)."""
    return tuple(inner for row in inside for inner in (row.rows if row.kind in kinds else (row,)))


class _Folder:
    """Folding, bottom up. Rows that look alike, names apart, have the same number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._row_numbers: dict[int, tuple[int, Row]] = {}

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
        times = len(run)
        return replace(
            first,
            label=_range(first.label, last.label, times),
            layer=f"{times} x {first.layer}",
            counts=first.counts * times,
            times=times,
            last=last.last,
        )

    def _number(self, row: Row) -> int:
        """The number of all rows that look like this one."""
        if id(row) not in self._row_numbers:
            inside = tuple(map(self._number, row.rows))
            look = (row.kind, row.layer, row.shape, row.counts, row.note, inside)
            number = self._numbers.setdefault(look, len(self._numbers))
            self._row_numbers[id(row)] = (number, row)  # the row stays alive, so that no other one takes its id
        return self._row_numbers[id(row)][0]


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


def _cells(graph: Graph, table: Table, levels: Sequence[tuple[int, Row]], root: Row) -> list[list[str]]:
    """What the table's columns say of each row; the label is indented by its level."""
    fields = receptive_fields(graph) if "field" in table.columns else {}
    columns = [COLUMNS[name] for name in table.columns]
    cells = []
    for level, row in levels:
        layer = f"{row.layer}  ({row.note})" if row.note else row.layer
        label = f"{'  ' * level}{row.label}"
        field = fields.get(row.last)
        stage = Stage(
            label, layer, row.shape, row.kernel, row.counts, field, table.batch, max(root.counts.parameters, 1)
        )
        cells.append([column.cell(stage) for column in columns])
    return cells


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 3]}..."


_KIND_COLUMNS = (
    replace(COLUMNS["name"], head="kind"),
    replace(COLUMNS["layer"], head="stages", side=">"),
    *(COLUMNS[name] for name in ("params", "percent", "macs", "memory")),
)


def _by_kind(graph: Graph, batch: int) -> list[list[str]]:
    """The totals of each kind of layer, those with most parameters first, then those with most MACs."""
    kinds: dict[str, list[Counts]] = {}
    for node in graph.nodes:
        kinds.setdefault(node.layer.name, []).append(counts.of_node(node))
    whole = max(graph.parameters, 1)
    sums = {kind: counts.of_all(parts) for kind, parts in kinds.items()}
    order = sorted(kinds, key=lambda kind: (-sums[kind].parameters, -_rough(sums[kind].macs), -len(kinds[kind])))
    stages = [Stage(kind, f"{len(kinds[kind]):,}", "", "", sums[kind], None, batch, whole) for kind in order]
    return [[column.cell(stage) for column in _KIND_COLUMNS] for stage in stages]


def _rough(size: Dimension) -> float:
    return size if isinstance(size, int) else float("inf")


def _totals(graph: Graph, root: Row, depth: int, levels: Sequence[tuple[int, Row]], batch: int) -> Iterator[str]:
    idle = sum(counts.of_node(node).parameters for node in graph.nodes if node.unused)
    unused = f", {idle:,} of them of stages that nothing uses" if idle else ""
    yield f"parameters  {root.counts.parameters:,}{unused}"
    if root.counts.buffers:
        yield f"buffers     {root.counts.buffers:,}"
    figure = root.counts.macs
    yield f"MACs        {figure:,}" if isinstance(figure, int) else f"MACs        {figure}"
    fired = root.counts.neurons
    yield f"neurons     {fired:,}" if isinstance(fired, int) else f"neurons     {fired}"
    memory = counts.memory(root.counts, batch, [value.shape for value in graph.inputs])
    yield f"memory      {counts.memory_text(memory)} in a training step with a batch of {batch:,}"
    if graph.sets:
        yield f"sets        {', '.join(each.limit for each in graph.sets)}; figures are of as many"
    for requirement in graph.requirements:
        yield f"sizes       {requirement}"
    if option := counts.closing(graph):
        yield f"            give sizes for figures: {option}"
    if any(row.times > 1 and row.rows and level < depth for level, row in levels):
        yield "a row of several counts them all; the rows below it are one of them"
    hidden = sum(1 for _ in _walk(root, None)) - len(levels)
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
            "memory": _plain(row.counts.activations),
            **({"note": row.note} if row.note else {}),
        }

    result = plain(root)
    stack = [(root, result, 0)]
    while stack:
        row, entry, level = stack.pop()
        if row.rows and (depth is None or level < depth):
            entry["rows"] = [plain(inner) for inner in row.rows]
            stack.extend((inner, there, level + 1) for inner, there in zip(row.rows, entry["rows"], strict=True))
    return result


def _plain(size: Dimension) -> int | str:
    return size if isinstance(size, int) else str(size)


def _code(cell: str) -> str:
    """A cell in code, its indent before it."""
    text = cell.lstrip()
    return "&nbsp;" * (len(cell) - len(text)) + (f"`{text.replace('|', '&#124;')}`" if text else "")
