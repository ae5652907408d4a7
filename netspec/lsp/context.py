"""Where the cursor stands, told from the words before it, so that it is known while the text is half typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from netspec.lsp.document import Document
from netspec.syntax.lexer import Token, scan
from netspec.syntax.report import Report
from netspec.syntax.source import Source

Role: TypeAlias = Literal[
    "item",
    "statement",
    "stage",
    "value",
    "argument",
    "attribute",
    "module",
    "import",
    "key",
    "step key",
    "drawn",
    "setting",
    "text",
]
"""What may be written at the cursor.

An item of the file, a statement of a body, a stage after `->` or `=`, a value in an expression, an argument of a call,
what comes after a dot, a module after `from`, a name after `import`, a setting's key, one of a step, an input that is
drawn, a setting's value; nothing in comments.
"""


@dataclass(frozen=True, slots=True)
class Call:
    """The call that the cursor is in: which argument it stands in, and the names of those that are written."""

    name: str
    index: int
    keyword: str | None
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """`start` is where the word at the cursor begins; `setting` the key of the train section's line that it is on."""

    role: Role
    start: int
    call: Call | None = None
    setting: str | None = None
    subject: str = ""


_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_DOTTED = re.compile(r"[A-Za-z_][\w.]*\.\Z")
_STRING = re.compile(r"""\bfrom[ \t]+(["'])([^"'\n]*)\Z""")
_FROM = re.compile(r"(?:^|[\n;])[ \t]*from[ \t]+([\w.]*)\Z")
_IMPORT = re.compile(r"""(?:^|[\n;])[ \t]*from[ \t]+([\w.]+|"[^"\n]*"|'[^'\n]*')[ \t]+import[ \t]+[\w, \t]*\Z""")
_BRACKETS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE", "LHOLE": "RHOLE"}
_CLOSING = frozenset(_BRACKETS.values())


def context(document: Document, offset: int) -> Context:
    """What the cursor at `offset` is in."""
    before = document.source.text[:offset]
    word = _WORD.search(before)
    start = word.start() if word is not None else offset
    line = before[before.rfind("\n") + 1 :]
    if (quoted := _STRING.search(line)) is not None:
        return Context("module", offset - len(quoted[2]), subject=quoted[1])
    tokens = _tokens(before[:start])
    if _in_text(line):
        return Context("text", start)
    if (module := _FROM.search(before)) is not None:
        return Context("module", offset - len(module[1]))
    if (imported := _IMPORT.search(before)) is not None:
        return Context("import", start, subject=imported[1])
    opened, setting = _opened(tokens)
    call = _call(tokens, opened)
    if (dotted := _DOTTED.search(before[:start])) is not None:
        return Context("attribute", start, call, setting, dotted[0][:-1])
    return Context(_role(tokens, opened, call, setting), start, call, setting)


def _in_text(line: str) -> bool:
    """Whether the end of a line lies in a comment or a string."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'", "", line)
    return "#" in bare or '"' in bare or "'" in bare


def _tokens(text: str) -> list[Token]:
    source = Source("", text)
    return [token for token in scan(text, Report(source)) if token.kind != "END"]


def _opened(tokens: list[Token]) -> tuple[list[int], str | None]:
    """The places of the brackets that are open, and the setting of a train section whose line is not over."""
    opened: list[int] = []
    setting: str | None = None
    for index, token in enumerate(tokens):
        if token.kind in _BRACKETS:
            opened.append(index)
        elif token.kind in _CLOSING and opened:
            opened.pop()
        if opened and _is_train(tokens, opened[-1]):
            begins = tokens[index - 1].kind in ("NEWLINE", "SEP", "LBRACE") if index else False
            if token.kind == "NAME" and begins:
                setting = token.text
            elif token.kind in ("NEWLINE", "SEP", "LBRACE"):
                setting = None
        elif not any(_is_train(tokens, place) for place in opened):
            setting = None
    return opened, setting


def _is_train(tokens: list[Token], place: int) -> bool:
    """Whether a brace opens a train section, or a step in one."""
    return tokens[place].kind == "LBRACE" and (
        (place > 0 and tokens[place - 1].text == "train") or _is_step(tokens, place)
    )


def _is_step(tokens: list[Token], place: int) -> bool:
    """Whether a brace follows `step NAME` at the begin of a line."""
    if tokens[place].kind != "LBRACE" or place < 3:
        return False
    before, step, name = tokens[place - 3 : place]
    return before.kind in ("NEWLINE", "SEP", "LBRACE", "RBRACE") and step.text == "step" and name.kind == "NAME"


def _call(tokens: list[Token], opened: list[int]) -> Call | None:
    """The innermost call whose brackets are open, brackets of lists and of braces apart."""
    for place in reversed(opened):
        if tokens[place].kind == "LBRACE":
            return None
        if tokens[place].kind == "LPAR" and place > 0 and tokens[place - 1].kind == "NAME":
            return _arguments(tokens[place - 1].text, tokens[place + 1 :])
    return None


def _arguments(name: str, inside: list[Token]) -> Call:
    depth, index = 0, 0
    keywords: list[str] = []
    keyword: str | None = None
    for place, token in enumerate(inside):
        depth += (token.kind in _BRACKETS) - (token.kind in _CLOSING)
        if depth == 0 and token.kind == "COMMA":
            index, keyword = index + 1, None
        elif depth == 0 and token.kind == "EQUAL" and place and inside[place - 1].kind == "NAME":
            keyword = inside[place - 1].text
            keywords.append(keyword)
    return Call(name, index, keyword, tuple(keywords))


def _role(tokens: list[Token], opened: list[int], call: Call | None, setting: str | None) -> Role:
    last = tokens[-1].kind if tokens else "NEWLINE"
    inner = tokens[opened[-1]].kind if opened else ""
    if inner in ("LPAR", "LSQB", "LHOLE"):
        return "argument" if call is not None and last in ("LPAR", "COMMA") and inner == "LPAR" else "value"
    begins = last in ("NEWLINE", "SEP", "LBRACE", "RBRACE")
    if not opened:
        return "item" if begins else "value"
    if _is_train(tokens, opened[-1]):
        if begins:
            return "step key" if _is_step(tokens, opened[-1]) else "key"
        if setting == "draw" and tokens[-1].text == "draw":
            return "drawn"
        return "setting" if setting else "value"
    return "statement" if begins else "stage" if last in ("ARROW", "EQUAL") else "value"
