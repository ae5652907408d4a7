"""The parse tables: lark turns the grammar into them once, `tables.json` ships them, a run only reads them.

A check of a small file must not pay for lark's import and for the construction of the tables, which together cost more
than the check. `python -m netspec.syntax.tables` writes the file anew; a test fails while it lags behind the grammar.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark

STORED = Path(__file__).with_name("tables.json")


@dataclass(frozen=True, slots=True)
class Tables:
    """An LALR(1) automaton.

    `rows[actions[state]]` maps a terminal to what to do: n >= 0 shifts to state n, n < 0 reduces by rule -n - 1.
    `gotos[state]` maps a reduced symbol to the next state. A rule is (symbol, length, method of the builder or "").
    `end` is the state in which the whole file has been read.
    """

    start: int
    end: int
    rules: list[tuple[str, int, str]]
    rows: list[dict[str, int]]
    actions: list[int]
    gotos: list[dict[str, int]]


@cache
def load() -> Tables:
    """The tables that ship with the package."""
    return Tables(**json.loads(STORED.read_text(encoding="utf-8")))


def grammar() -> str:
    """The text of the grammar: inside the package where it is installed, beside the package in a checkout."""
    from importlib.resources import files

    shipped = files("netspec") / "grammar" / "netspec.lark"
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "grammar" / "netspec.lark").read_text(encoding="utf-8")


def build(text: str) -> Tables:
    """The tables for the grammar `text`, by lark. States and rules come out in the same order every time."""
    from lark.parsers.lalr_parser import LALR_Parser

    lark = analyse(text)
    parser = lark.parser.parser
    assert isinstance(parser, LALR_Parser)
    rules = [(str(r.origin.name), len(r.expansion), r.alias or "") for r in lark.rules]
    number = {rule: -index - 1 for index, rule in enumerate(lark.rules)}
    return _pack(parser._parse_table, rules, number)


def analyse(text: str, *, debug: bool = False) -> Lark:
    """The grammar `text` as lark sees it, with the tokens coming from elsewhere. `debug` logs its conflicts."""
    from lark import Lark
    from lark.lexer import Lexer

    class NoLexer(Lexer):
        def __init__(self, conf: object) -> None: ...

        def lex(self, lexer_state: object, parser_state: object) -> object:  # type: ignore[override]
            raise NotImplementedError

    return Lark(text, parser="lalr", lexer=NoLexer, start="file", debug=debug)


def _pack(table: Any, rules: list[tuple[str, int, str]], number: dict[Any, int]) -> Tables:
    """lark's table with states numbered from the start state in breadth-first order and equal rows stored once."""
    states, first, last = table.states, table.start_states["file"], table.end_states["file"]
    order = {first: 0}
    queue = [first]
    for state in queue:
        for symbol in sorted(states[state]):
            action, target = states[state][symbol]
            if action.name == "Shift" and target not in order:
                order[target] = len(order)
                queue.append(target)
    rows: list[dict[str, int]] = []
    actions: list[int] = []
    gotos: list[dict[str, int]] = []
    for state in queue:
        codes = {
            symbol: order[target] if action.name == "Shift" else number[target]
            for symbol, (action, target) in sorted(states[state].items())
        }
        row = {symbol.removeprefix("$"): code for symbol, code in codes.items() if symbol.isupper()}
        if row not in rows:
            rows.append(row)
        actions.append(rows.index(row))
        gotos.append({symbol: code for symbol, code in codes.items() if not symbol.isupper()})
    return Tables(order[first], order[last], rules, rows, actions, gotos)


def dump(tables: Tables) -> str:
    """The tables as they are stored: one row a line, so that a change of the grammar has a readable diff."""
    fields = asdict(tables)
    parts = []
    for key, value in fields.items():
        if isinstance(value, list) and value and not isinstance(value[0], int):
            lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in value)
            parts.append(f'"{key}": [\n{lines}\n]')
        else:
            parts.append(f'"{key}": {json.dumps(value, separators=(",", ":"))}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    STORED.write_text(dump(build(grammar())), encoding="utf-8")
