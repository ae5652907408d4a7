"""Terminals to tree: an LALR machine that goes on after a mistake with the statement that follows.

The machine keeps stacks side by side: states, values, and the first and last token of each value. A mistake
takes the stacks back to the list of statements (settings, items) that it lies in, and the rest of the statement is
skipped. So the statements before and after it are read, and each wrong statement gives one diagnostic.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from netspec.diagnostics import Diagnostic
from netspec.syntax import tables, tree
from netspec.syntax.brackets import CLOSERS, DEEPEST, TooDeepError, balance
from netspec.syntax.builder import Builder
from netspec.syntax.layout import lay_out
from netspec.syntax.lexer import Token, scan
from netspec.syntax.mistakes.tokens import Place, explain
from netspec.syntax.report import Report
from netspec.syntax.source import Source, Span

LARGEST_FILE = 2**19
_NEAR = 400
"""How far after a mistake, on its line, what is wrong belongs to the same statement."""

_LISTS = ("statements", "settings", "items")
_CLOSING = frozenset(CLOSERS.values())
Callback = Callable[[list[Any], int, int], Any]


def parse(source: Source) -> tuple[tree.File, list[Diagnostic]]:
    """The tree of `source` and what is wrong with it; with mistakes, the tree holds what could be read."""
    report = Report(source)
    empty = tree.File((), span=Span(source, 0, len(source.text)))
    if len(source.text.encode(errors="surrogatepass")) > LARGEST_FILE:
        report.add(
            "E0107",
            "this file is too large",
            0,
            0,
            label=f"more than {LARGEST_FILE // 1024} KiB",
            help="a network of any size is a few pages with for and block",
        )
        return empty, report.diagnostics()
    raw = scan(source.text, report)
    try:
        tokens = lay_out(balance(raw, report), report)
    except TooDeepError as deep:
        token = raw[deep.args[0]]
        report.add(
            "E0105",
            f"more than {DEEPEST} brackets are open here",
            token.start,
            token.end,
            help="close some, or name the inner parts with let",
        )
        return empty, report.diagnostics()
    file = _Machine(tokens, Builder(source, report), report).run()
    return file, report.diagnostics()


@cache
def _anchors() -> dict[int, str]:
    """The states from which parsing can go on after a mistake.

    Those in which a list of statements has been read (""), and those in which one may begin (its symbol).
    """
    table = tables.load()
    begins = {state: symbol for state, gotos in enumerate(table.gotos) for symbol in _LISTS if symbol in gotos}
    return {**begins, **{table.gotos[state][symbol]: "" for state, symbol in begins.items()}}


class _Machine:
    def __init__(self, tokens: list[Token], builder: Builder, report: Report) -> None:
        self.tokens = tokens
        self.report = report
        self.table = tables.load()
        self.states = [self.table.start]
        self.values: list[Any] = []
        self.firsts: list[int] = []
        self.lasts: list[int] = []
        self.callbacks: list[Callback | None] = [
            getattr(builder, method) if method else None for _, _, method in self.table.rules
        ]

    def run(self) -> tree.File:
        tokens, states, values, firsts, lasts = self.tokens, self.states, self.values, self.firsts, self.lasts
        rows = [self.table.rows[row] for row in self.table.actions]
        index, kind = 0, tokens[0].kind
        while True:
            code = rows[states[-1]].get(kind)
            if code is None:
                index = self._recover(index)
                kind = tokens[index].kind
            elif code < 0:
                self._reduce(-code - 1, index)
                if states[-1] == self.table.end:
                    file: tree.File = values[0]
                    return file
            else:
                states.append(code)
                values.append(tokens[index])
                firsts.append(index)
                lasts.append(index)
                index += 1
                kind = tokens[index].kind

    def _reduce(self, number: int, index: int) -> None:
        """Replace the parts of a production on the stacks by what its callback makes of them."""
        states, values, firsts, lasts = self.states, self.values, self.firsts, self.lasts
        symbol, length, _ = self.table.rules[number]
        callback = self.callbacks[number]
        if callback is None:
            states[-1] = self.table.gotos[states[-2]][symbol]
            return
        if length == 1:
            values[-1] = callback(values[-1:], self.tokens[firsts[-1]].start, self.tokens[lasts[-1]].end)
            states[-1] = self.table.gotos[states[-2]][symbol]
            return
        if length:
            parts = values[-length:]
            first, last = firsts[-length], lasts[-1]
            del states[-length:], values[-length:], firsts[-length:], lasts[-length:]
            values.append(callback(parts, self.tokens[first].start, self.tokens[last].end))
            firsts.append(first)
            lasts.append(last)
        else:
            offset = self.tokens[index].start
            values.append(callback([], offset, offset))
            firsts.append(index)
            lasts.append(index - 1)
        states.append(self.table.gotos[states[-1]][symbol])

    def _accepts(self, kind: str) -> bool:
        """Whether a token of this kind could stand next: the reductions are played through on the states alone."""
        states = self.states.copy()
        while True:
            code = self.table.rows[self.table.actions[states[-1]]].get(kind)
            if code is None or code >= 0:
                return code is not None
            symbol, length, _ = self.table.rules[-code - 1]
            if length:
                del states[-length:]
            states.append(self.table.gotos[states[-1]][symbol])
            if states[-1] == self.table.end:
                return True

    def _recover(self, index: int) -> int:
        """Report the token at `index`, which nothing can be made of, and where to go on."""
        self._settle(index)
        depth = self._anchor()
        first = self.firsts[depth] if depth < len(self.firsts) else index
        token = self.tokens[index]
        text = self.report.source.text
        line_end = text.find("\n", token.start, token.start + _NEAR)
        is_covered = self.report.covers(self.tokens[first].start, line_end if line_end >= 0 else token.start + _NEAR)
        if is_covered or self.report.full:
            return self._restart(depth, first, index)
        mistake = explain(Place(text, self.tokens, index, first, self._in_file(depth), self._accepts))
        self.report.add("E0101", mistake.message, mistake.start, mistake.end, **mistake.details)
        if mistake.instead is not None and self._accepts(mistake.instead.kind):
            self.tokens[index] = mistake.instead
            return index
        if mistake.skip:
            return index + 1
        return self._restart(depth, first, index)

    def _settle(self, index: int) -> None:
        """Reduce what is complete whatever follows, so that a body that has been closed is not gone back to."""
        while len(codes := set(self.table.rows[self.table.actions[self.states[-1]]].values())) == 1:
            code = codes.pop()
            if code >= 0:
                return
            self._reduce(-code - 1, index)

    def _anchor(self) -> int:
        """How many values to keep: down to the innermost list of statements, or the brace that one begins after."""
        anchors = _anchors()
        return next(depth for depth in range(len(self.states) - 1, -1, -1) if self.states[depth] in anchors)

    def _in_file(self, depth: int) -> bool:
        return "items" in (_anchors()[self.states[depth]], *self.table.gotos[self.states[max(depth - 1, 0)]])

    def _restart(self, depth: int, first: int, index: int) -> int:
        """Drop the statement that began at `first`: from the stacks, and its tokens that are still to come."""
        self._drop(depth)
        symbol = _anchors()[self.states[-1]]
        if symbol:
            self.states.append(self.table.gotos[self.states[-1]][symbol])
            self.values.append([])
            self.firsts.append(index)
            self.lasts.append(index - 1)
        return self._skip(first, index)

    def _drop(self, depth: int) -> None:
        """Keep the first `depth` values, and the state after them."""
        del self.states[depth + 1 :], self.values[depth:], self.firsts[depth:], self.lasts[depth:]

    def _skip(self, first: int, index: int) -> int:
        """The separator, closing brace or end at which the statement that began at `first` ends."""
        open_ = 0
        for token in self.tokens[first:index]:
            open_ += (token.kind in CLOSERS) - (token.kind in _CLOSING)
        while True:
            kind = self.tokens[index].kind
            if kind == "END" or (open_ <= 0 and kind in ("SEP", "RBRACE")):
                return index
            open_ += (kind in CLOSERS) - (kind in _CLOSING)
            open_ = max(open_, 0)
            index += 1
