"""Balances the brackets of a token list, so that what comes after never meets an open end.

A bracket that is never closed is closed where its line ends, one that closes nothing is left out; both are reported.
"""

from __future__ import annotations

from netspec.syntax.lexer import Token
from netspec.syntax.report import Report

CLOSERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE", "LHOLE": "RHOLE"}
_OPENERS = {closer: opener for opener, closer in CLOSERS.items()}
_TEXT = {"RPAR": ")", "RSQB": "]", "RBRACE": "}", "RHOLE": "}"}
_BEFORE_VALUE = ("LPAR", "LSQB", "LHOLE", "COMMA", "EQUAL", "COLON")
DEEPEST = 64
FARTHEST = 200
"""Tokens after a closer that are looked at to tell whether it is too many."""


class TooDeepError(Exception):
    """More than DEEPEST brackets are open: nothing is read from such a file."""


def balance(tokens: list[Token], report: Report) -> list[Token]:
    """`tokens` with every bracket closed by its kind and in order."""
    matching = _Matching(tokens)
    if matching.open_at_end and any(_begins_item(tokens, index) for index in range(len(tokens))):
        matching = _Matching(tokens, items_close=True)
    matching.report(report)
    if not (matching.inserted or matching.replaced):
        return tokens
    balanced: list[Token] = []
    for index, token in enumerate(tokens):
        balanced.extend(matching.inserted.get(index, ()))
        mended = matching.replaced.get(index, token)
        if mended is not None:
            balanced.append(mended)
    return balanced


def _begins_item(tokens: list[Token], index: int) -> bool:
    """Whether a net, a block or the train section seems to begin here: at the very start of a line."""
    token = tokens[index]
    if token.text not in ("net", "block", "train") or token.kind != "NAME":
        return False
    if index and not (tokens[index - 1].kind == "NEWLINE" and tokens[index - 1].text.endswith("\n")):
        return False
    following = [token.kind for token in tokens[index + 1 : index + 3]]
    if token.text == "train":
        return following[:1] == ["LBRACE"]
    return following in (["NAME", "LPAR"], ["NAME", "LBRACE"])


class _Matching:
    """Which bracket closes which. With `items_close`, the beginning of a net closes the bodies open before it."""

    def __init__(self, tokens: list[Token], *, items_close: bool = False) -> None:
        self.tokens = tokens
        self.inserted: dict[int, list[Token]] = {}
        self.replaced: dict[int, Token | None] = {}
        self.open_at_end = False
        self._open: list[int] = []
        self._close: dict[int, int] = {}
        self._never: list[tuple[int, int]] = []
        self._stray: list[int] = []
        self._swapped: list[tuple[int, int]] = []
        for index, token in enumerate(tokens):
            if token.kind in CLOSERS:
                self._opener(index)
            elif token.kind in _OPENERS:
                self._closer(index)
            elif items_close and self._open and _begins_item(tokens, index):
                self._give_up(0, index)
        self.open_at_end = bool(self._open)
        self._give_up(0, len(tokens) - 1)

    def _opener(self, index: int) -> None:
        tokens = self.tokens
        inside = bool(self._open) and tokens[self._open[-1]].kind != "LBRACE"
        if tokens[index].kind == "LBRACE" and inside and tokens[index - 1].kind not in _BEFORE_VALUE:
            self._give_up(self._above_brace(), index)
        self._open.append(index)
        if len(self._open) > DEEPEST:
            raise TooDeepError(index)

    def _closer(self, index: int) -> None:
        kind = self.tokens[index].kind
        lowest = 0 if kind == "RBRACE" else self._above_brace()
        for depth in range(len(self._open) - 1, lowest - 1, -1):
            if self.tokens[self._open[depth]].kind == _OPENERS[kind]:
                self._give_up(depth + 1, index)
                self._close[self._open.pop()] = index
                return
        if len(self._open) > lowest and kind != "RBRACE" and not self._is_closed_after(index):
            opener = self._open.pop()
            closer_kind = CLOSERS[self.tokens[opener].kind]
            self.replaced[index] = self.tokens[index]._replace(kind=closer_kind, text=_TEXT[closer_kind])
            self._close[opener] = index
            self._swapped.append((opener, index))
        else:
            self.replaced[index] = None
            self._stray.append(index)

    def _is_closed_after(self, index: int) -> bool:
        """Whether the innermost bracket is closed by its own kind soon after: then a closer at `index` is too many."""
        inside = [CLOSERS[self.tokens[self._open[-1]].kind]]
        for token in self.tokens[index + 1 : index + FARTHEST]:
            if token.kind in CLOSERS and token.kind != "LBRACE":
                inside.append(CLOSERS[token.kind])
            elif token.kind in _OPENERS:
                if inside.pop() != token.kind:
                    return False
                if not inside:
                    return True
            elif token.kind == "LBRACE":
                return False
        return False

    def _above_brace(self) -> int:
        """The depth from which on only ( [ ${ are open."""
        depth = len(self._open)
        while depth and self.tokens[self._open[depth - 1]].kind != "LBRACE":
            depth -= 1
        return depth

    def _give_up(self, depth: int, index: int) -> None:
        """Close the brackets above `depth`, which the token at `index` shows to be open still."""
        while len(self._open) > depth:
            opener = self._open.pop()
            self._never.append((opener, index))
            place = index if self.tokens[opener].kind == "LBRACE" else self._line_end(opener, index)
            kind = CLOSERS[self.tokens[opener].kind]
            offset = self.tokens[place - 1].end
            self.inserted.setdefault(place, []).append(Token(kind, "", offset, offset))
            self._close[opener] = place

    def _line_end(self, opener: int, last: int) -> int:
        """Where the line of `opener` ends, outside of the brackets that are closed, or `last` if that is before."""
        stops = ("NEWLINE", "END", "RBRACE", "EQUAL" if self.tokens[opener].kind == "LHOLE" else "END")
        index = opener + 1
        open_inside = {inner for inner, _ in self._never}
        while index < last and self.tokens[index].kind not in stops:
            if index in open_inside:  # it ends before a token that is none of its own
                index = max(index + 1, self._close[index])
            else:
                index = max(index, self._close.get(index, index)) + 1
        return min(index, last)

    def report(self, report: Report) -> None:
        """Tell what was found."""
        braces = [(o, i) for o, i in self._never if self.tokens[o].kind == "LBRACE"]
        for opener, index in self._never:
            if self.tokens[opener].kind != "LBRACE":
                self._report_open(opener, index, report)
        seen = set()
        for opener, index in braces:
            if index not in seen and not report.full:
                self._report_open_body(opener, index, report)
            else:
                report.mark(self.tokens[opener].start)
            seen.add(index)
        for opener, index in self._swapped:
            self._report_swapped(opener, index, report)
        for index in self._stray:
            self._report_stray(index, report)

    def _report_open(self, opener: int, index: int, report: Report) -> None:
        token, witness = self.tokens[opener], self.tokens[index]
        closer = _TEXT[CLOSERS[token.kind]]
        place = self._place(opener)
        inside = [other for other, _ in self._never if other > opener and self._place(other) == place]
        closers = [_TEXT[CLOSERS[self.tokens[other].kind]] for other in (*sorted(inside, reverse=True), opener)]
        related = (((witness.start, witness.end), f"still open at this `{witness.text}`"),) if witness.text else ()
        report.add(
            "E0103",
            f"this `{token.text}` is never closed",
            token.start,
            token.end,
            label=f"no `{closer}` for it",
            related=related,
            help=f"write `{closer}` where it ends",
            mend=((place, place), "".join(closers)),
        )
        report.mark(place)

    def _place(self, opener: int) -> int:
        """Where the closer of a bracket that is never closed would stand."""
        kind = CLOSERS[self.tokens[opener].kind]
        return next(token.end for token in self.inserted[self._close[opener]] if token.kind == kind)

    def _report_open_body(self, opener: int, index: int, report: Report) -> None:
        """Tell that a body is open: the one that the indentation says, where it says so, else the outermost."""
        witness = self.tokens[index]
        inner, dedented = self._suspect(opener) or (opener, index)
        token, after = self.tokens[inner], self.tokens[dedented]
        where = f"before this `{after.text}`" if after.text else "before the file ends"
        related = [((witness.start, witness.end), f"still open at this `{witness.text}`")] if witness.text else []
        place, closer = after.start, "}\n"
        if inner != opener:
            column = after.start - report.source.text.rfind("\n", 0, after.start) - 1
            place, closer = after.start - column, f"{' ' * self._indents()[inner]}}}\n"
            related.append(((after.start, after.end), "indented as if the body had ended"))
            report.mark(self.tokens[opener].start)
        report.add(
            "E0103",
            "this `{` is never closed",
            token.start,
            token.end,
            label="no `}` for it",
            related=tuple(related),
            help=f"close the body with `}}` {where}",
            mend=((place, place), closer),
        )

    def _suspect(self, opener: int) -> tuple[int, int] | None:
        """A body inside of this one, or it itself, that the indentation shows to end before its `}`: the token that
        opens it, and the one before which its own `}` is missing.
        """
        indents = self._indents()
        for inner, closer in sorted(self._close.items()):
            token, last = self.tokens[inner], self.tokens[closer]
            if inner <= opener or token.kind != "LBRACE" or last.text != "}":
                continue
            if self.tokens[closer - 1].kind != "NEWLINE" or indents[closer] == indents[inner]:
                continue
            for index in range(inner + 1, closer + 1):
                begins = self.tokens[index - 1].kind == "NEWLINE"
                if begins and indents[index] <= indents[inner]:
                    return inner, index
        return None

    def _indents(self) -> list[int]:
        """For each token the indentation of its line."""
        indents, current = [], 0
        for token in self.tokens:
            indents.append(current)
            if token.kind == "NEWLINE":
                current = len(token.text) - token.text.rfind("\n") - 1
        return indents

    def _report_swapped(self, opener: int, index: int, report: Report) -> None:
        token, closer = self.tokens[opener], self.tokens[index]
        bracket = _TEXT[CLOSERS[token.kind]]
        report.add(
            "E0103",
            f"`{token.text}` is closed by `{closer.text}`",
            closer.start,
            closer.end,
            label=f"this should be `{bracket}`",
            related=(((token.start, token.end), "opened here"),),
            help=f"write `{bracket}`",
            mend=((closer.start, closer.end), bracket),
        )

    def _report_stray(self, index: int, report: Report) -> None:
        token = self.tokens[index]
        report.add(
            "E0103",
            f"this `{token.text}` closes nothing",
            token.start,
            token.end,
            label="no bracket for it is open",
            help="leave it out, or open the bracket that it closes",
            mend=((token.start, token.end), ""),
        )
