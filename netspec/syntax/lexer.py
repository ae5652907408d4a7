"""Text to raw tokens: characters, words, numbers and strings, each checked on its own. Layout comes after."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from netspec.syntax.mistakes.comments import foreign_comment
from netspec.syntax.mistakes.inputs import HELP, open_sizes
from netspec.syntax.report import Report


class Token(NamedTuple):
    """A terminal of the grammar, or NEWLINE, END and ERROR, with the text that it stands for and its place."""

    kind: str
    text: str
    start: int
    end: int


LARGEST = 2**63
HARD = {
    "in": "IN",
    "and": "AND",
    "or": "OR",
    "not": "NOT",
    "true": "CONSTANT",
    "false": "CONSTANT",
    "none": "CONSTANT",
    "if": "IF",
    "else": "ELSE",
    "for": "FOR",
    "elif": "ELIF",
}
"""The words that are never names. `elif` is one so that it can be told from a stage of that name."""

OPERATORS = {
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "{": "LBRACE",
    "}": "RBRACE",
    "${": "LHOLE",
    ",": "COMMA",
    ":": "COLON",
    ";": "SEP",
    ".": "DOT",
    "=": "EQUAL",
    "->": "ARROW",
    "|": "BAR",
    "**": "POWER",
    **dict.fromkeys(("+", "-"), "SIGN"),
    **dict.fromkeys(("*", "/", "//", "%"), "TIMES"),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), "COMPARE"),
}
_PYTHON = {
    "True": ("CONSTANT", "true"),
    "False": ("CONSTANT", "false"),
    "None": ("CONSTANT", "none"),
    "&&": ("AND", "and"),
    "||": ("OR", "or"),
    "!": ("NOT", "not "),
    "=>": ("ARROW", "->"),
    "|>": ("ARROW", "->"),
}
"""What other languages write, and the word for it here."""

_LOOKALIKE = {
    "\u2192": ("ARROW", "->"),
    "\u2212": ("SIGN", "-"),
    "\u2013": ("SIGN", "-"),
    "\u00d7": ("TIMES", "*"),
    "\u00b7": ("TIMES", "*"),
    "\u00f7": ("TIMES", "/"),
    "\u2264": ("COMPARE", "<="),
    "\u2265": ("COMPARE", ">="),
    "\u2260": ("COMPARE", "!="),
}
_SPACES = "\u00a0\u2002\u2003\u2007\u2009\u200b\u202f\u3000\ufeff"
_QUOTES = "\u2018\u2019\u201c\u201d\u00ab\u00bb\u201e"

_TOKEN = re.compile(
    r"""
      (?P<space>   [ \t\r\f]+ )
    | (?P<NAME>    [A-Za-z_][A-Za-z0-9_]* (?![A-Za-z0-9_$]) )
    | (?P<NEWLINE> \n (?: [ \t\r\f\n]++ | \#[^\n]*+ )*+ )
    | (?P<foreign> && | \|\| | !(?!=) | => | \|> )
    | (?P<op>      -> | \*\* | // | [=!<>]= | \$\{ | [-+*/%<>=(){}\[\],;:.|] (?<!\.(?=\d)) )
    | (?P<NUMBER>  (?: \d+(?:_\d+)* (?: \.(?:\d+(?:_\d+)*)? )? | \.\d+(?:_\d+)* ) (?: [eE][+-]?\d+ )?
                   (?! [A-Za-z0-9_] | \.\d ) )
    | (?P<PART>    [A-Za-z_][A-Za-z0-9_]* (?=\$) )
    | (?P<HOLE>    \$ [A-Za-z_][A-Za-z0-9_]* )
    | (?P<STRING>  "(?:[^"\\\n]++|\\[^\n])*+" | '(?:[^'\\\n]++|\\[^\n])*+' )
    | (?P<comment> \#[^\n]* )
    | (?P<open>    ["'][^\n]* )
    | (?P<digits>  \.?\d[A-Za-z0-9_.]* )
    | (?P<quoted>  [\u2018-\u201f] [^\n"'\\\u2018-\u201f]* [\u2018-\u201f] )
    | (?P<other>   [^\x00-\x7f]+ | [\x00-\x7f] )
    """,
    re.VERBOSE,
)
_TAIL = re.compile(r"[A-Za-z0-9_]+")
_STEP = re.compile(r"\.(\d+)(?![A-Za-z0-9_])")
_INSIDE = frozenset(("NAME", "HOLE", "RHOLE", "TAIL", "RSQB", "RPAR", "STRING", "CONSTANT", "IN"))
"""What a number after a dot is a stage inside of: `features.0.1`."""


def scan(text: str, report: Report) -> list[Token]:
    """The raw tokens of `text`, an END at the end. What is wrong is reported and stands in the list as mended."""
    tokens: list[Token] = []
    braces: list[str] = []
    depth = 0
    position = 1 if text.startswith("\ufeff") else 0
    match = _TOKEN.match
    while lexeme := match(text, position):
        kind, start, position = lexeme.lastgroup, position, lexeme.end()
        if kind == "NAME":
            word = lexeme.group()
            if word in HARD:
                tokens.append(Token(HARD[word], word, start, position))
            elif word in _PYTHON:
                tokens.append(_foreign(word, start, position, report))
            else:
                tokens.append(Token("NAME", word, start, position))
        elif kind == "space" or kind == "comment":
            continue
        elif text[start] == "." and (step := _step(text, start, tokens)):
            tokens.extend(step)
            position = step[1].end
        elif (
            text[start] in "/\"'" and (end := foreign_comment(text, start, _in_brackets(tokens, depth), report)) > start
        ):
            position = end
        elif kind == "op":
            word = lexeme.group()
            token = Token(OPERATORS[word], word, start, position)
            if word in "${":
                braces.append(word)
            elif word == "}" and braces and braces.pop() == "${":
                token = Token("RHOLE", word, start, position)
            tokens.append(token)
            depth = _depth(depth, token.kind)
            if token.kind == "RHOLE" and (tail := _TAIL.match(text, position)):
                position = tail.end()
                tokens.append(Token("TAIL", tail.group(), tail.start(), position))
        else:
            if kind == "NEWLINE":
                while braces and braces[-1] == "${":
                    braces.pop()
            tokens.append(_rare(str(kind), lexeme.group(), start, position, tokens, report))
            depth = _depth(depth, tokens[-1].kind)
            position = tokens[-1].end
            if report.full:
                break
    tokens.append(Token("END", "", len(text), len(text)))
    return tokens


def _step(text: str, start: int, before: list[Token]) -> list[Token]:
    """`.16` of `features.16`: a dot and a number, where what stands before it has stages inside; else nothing."""
    step = _STEP.match(text, start)
    if not step or not before or before[-1].end != start:
        return []
    last = before[-1]
    if last.kind not in _INSIDE and not (last.kind == "NUMBER" and len(before) > 1 and before[-2].kind == "DOT"):
        return []
    return [Token("DOT", ".", start, start + 1), Token("NUMBER", step[1], start + 1, step.end())]


def _rare(kind: str, text: str, start: int, end: int, before: list[Token], report: Report) -> Token:
    """The tokens that have something to check."""
    if kind == "NUMBER":
        text = _number(text, start, end, report)
    elif kind == "STRING":
        text = _string(text, start, report)
    elif kind == "HOLE":
        return _hole(text, start, end, report)
    elif kind == "open":
        return _open_string(text, start, end, report)
    elif kind == "digits":
        return _quantity(text, start, end, before, report) or _digits(text, start, end, report)
    elif kind == "foreign":
        return _foreign(text, start, end, report)
    elif kind == "quoted":
        return _quoted(text, start, end, report)
    elif kind == "other":
        return _stranger(text, start, end, report)
    return Token(kind, text, start, end)


def number(text: str) -> int | float:
    """The value of a number as written."""
    return int(text) if text.replace("_", "").isdigit() else float(text)


def _number(text: str, start: int, end: int, report: Report) -> str:
    if text.replace("_", "").isdigit():
        fits = len(text.replace("_", "").lstrip("0")) < 20 and number(text) <= LARGEST
    else:
        fits = math.isfinite(float(text))
    if fits:
        return text
    report.add(
        "E0108",
        "this number is too large",
        start,
        end,
        label="past 2**63" if text.replace("_", "").isdigit() else "past the largest float",
        help="no size, count or rate in a network is this large; write a smaller one",
    )
    return "0"


_ESCAPE = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|(.)|$)""", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


def string(text: str) -> str:
    """The value of a string as written, quotes included; its escapes have been checked."""
    if "\\" not in text:
        return text[1:-1]
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else ESCAPES[escape[2]], text[1:-1])


def _string(text: str, start: int, report: Report) -> str:
    """`text`, or an empty string in its place where an escape is wrong."""
    if "\\" not in text and text.isascii():
        return text
    for escape in _ESCAPE.finditer(text):
        if escape[1] and not 0xD800 <= int(escape[1], 16) < 0xE000:
            continue
        if escape[2] in ESCAPES and not escape[1]:
            continue
        report.add(
            "E0104",
            "this escape is not one of the language's",
            start + escape.start(),
            start + escape.end(),
            label="half of a surrogate pair is no character" if escape[1] else "",
            help=r"a string may hold \n, \t, \\, \", \' and \uXXXX; a backslash itself is written \\",
        )
        return '""'
    if any("\ud800" <= character < "\ue000" for character in text):
        report.add(
            "E0102",
            "this string holds half of a surrogate pair, which is no character",
            start,
            start + len(text),
            help="save the file as UTF-8",
        )
        return '""'
    return text


def _open_string(text: str, start: int, end: int, report: Report) -> Token:
    """A string that its line does not close. It ends where a bracket or comma suggests that the rest goes on."""
    end = start + len(re.split(r"[,;(){}\[\]#]", text)[0].rstrip())
    report.add(
        "E0104",
        "this string is never closed",
        start,
        end,
        label=f"a string ends on its line, with another {text[0]}",
        help=f"write {text[0]} where it ends",
        mend=((end, end), text[0]),
    )
    return Token("STRING", '""', start, end)


_LONGEST_FIGURE = 200
"""How many tokens before a quantity its `assert` is looked for."""
_QUANTITY = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)([kKMGT](?:i?B)?|B)")


def quantity(text: str) -> tuple[int | float, str]:
    """The number and the unit of a quantity as written."""
    match = _QUANTITY.fullmatch(text)
    assert match is not None
    return number(match[1]), match[2]


def _quantity(text: str, start: int, end: int, before: list[Token], report: Report) -> Token | None:
    """`5M` or `8GB` in a statement that begins with `assert`."""
    if not _QUANTITY.fullmatch(text):
        return None
    brackets = 0
    for token in reversed(before[-_LONGEST_FIGURE:]):
        brackets += (token.kind in ("RPAR", "RSQB")) - (token.kind in ("LPAR", "LSQB"))
        if token.text == "assert" and not brackets:
            return Token("QUANTITY", text, start, end)
        if token.kind in ("SEP", "LBRACE", "RBRACE") or (token.kind == "NEWLINE" and not brackets):
            break
    return None


def _digits(text: str, start: int, end: int, report: Report) -> Token:
    """`3x3`, `0x10`, `2nd`, `1__0`: a digit begins a number and nothing else."""
    sizes = re.split("[xX]", text) if re.fullmatch(r"\d{1,9}([xX]\d{1,9})+", text) else []
    if sizes and int(sizes[0]):
        size_list = ", ".join(sizes) if report.source.text[:start].endswith("[") else f"[{', '.join(sizes)}]"
        report.add(
            "E0101",
            f"`{text}` is neither a number nor a name",
            start,
            end,
            label="",
            help=f"several sizes are a list: {size_list}; one number serves all sides",
            mend=((start, end), size_list),
        )
    else:
        excerpt = text if len(text) < 40 else text[:37] + "..."
        report.add(
            "E0101",
            f"`{excerpt}` is neither a number nor a name",
            start,
            end,
            label="",
            help="a name begins with a letter or `_`; a number is written 64, 10_000, 0.5 or 1e-3",
        )
    return Token("NUMBER", "0", start, end)


def _hole(text: str, start: int, end: int, report: Report) -> Token:
    if text[1:] in HARD and text != "$in":
        report.add(
            "E0101",
            f"`{text}` completes a label with a word that is no name",
            start,
            end,
            label="",
            help="`$name` puts the value of a name into a label, ${...} that of an expression",
        )
    return Token("HOLE", text, start, end)


_BRACKETS = {"LPAR": 1, "LSQB": 1, "RPAR": -1, "RSQB": -1}


def _depth(depth: int, kind: str) -> int:
    """How many brackets are open after a token, of those since the last brace or `;`."""
    return 0 if kind in ("LBRACE", "RBRACE", "SEP") else depth + _BRACKETS.get(kind, 0)


def _in_brackets(tokens: list[Token], depth: int) -> bool:
    """Whether a bracket is open, and what stands in it so far may be followed by an operator."""
    return depth > 0 and tokens[-1].kind in _AFTER_OPERAND


_AFTER_OPERAND = _INSIDE | {"NUMBER", "QUANTITY", "NEWLINE"}


def _foreign(text: str, start: int, end: int, report: Report) -> Token:
    kind, spelling = _PYTHON[text]
    if text == "None" and (size := _open_size(text, start, end, report)):
        return size
    report.add(
        "E0101",
        f"`{text}` is written `{spelling.strip()}` here",
        start,
        end,
        label="",
        help=f"write {spelling.strip()}",
        mend=((start, end), spelling),
    )
    return Token(kind, spelling.strip(), start, end)


def _open_size(text: str, start: int, end: int, report: Report) -> Token | None:
    """`None` or `?` for a size of an input, reported once a shape; None where it is none of one."""
    mend = open_sizes(report.source.text, start)
    if mend is None:
        return None
    if not report.covers(*mend[0]):
        report.add("E0101", f"`{text}` is no size of an input", start, end, help=HELP, mend=mend)
    return Token("NUMBER", "1", start, end)


def _quoted(text: str, start: int, end: int, report: Report) -> Token:
    literal = f'"{text[1:-1]}"'
    report.add(
        "E0102",
        "these are not ordinary quotes",
        start,
        end,
        label=f"U+{ord(text[0]):04X}",
        help='strings stand in plain quotes: "same"',
        mend=((start, end), literal),
    )
    return Token("STRING", literal, start, end)


def _stranger(text: str, start: int, end: int, report: Report) -> Token:
    """Characters that nothing in the language is written with."""
    first = text[0]
    if text == "?" and (size := _open_size(text, start, end, report)):
        return size
    if first in _LOOKALIKE and len(text) == 1:
        kind, spelling = _LOOKALIKE[first]
        report.add(
            "E0102",
            f"`{first}` is not in the language",
            start,
            end,
            label=f"U+{ord(first):04X}",
            help=f"write {spelling}",
            mend=((start, end), spelling),
        )
        return Token(kind, spelling, start, end)
    if first in _SPACES:
        message, help_ = "this is not an ordinary space", "write a plain space"
    elif first in _QUOTES:
        message, help_ = "this is not an ordinary quote", 'strings stand in plain quotes: "same"'
    elif first == "$":
        message, help_ = "`$` needs a name", "a label is completed by $name or ${expression}: layer$i = ..."
    elif first == "\\":
        message, help_ = (
            "`\\` does not join lines",
            "a line that begins with -> continues the one before",
        )
    elif first.isalpha():
        message, help_ = f"`{first}` is not in the language", "names are written with a-z, A-Z, 0-9 and _"
    else:
        message, help_ = f"`{first}` is not in the language", ""
    mend = ((start, end), " " * len(text)) if all(character in _SPACES for character in text) else None
    report.add("E0102", message, start, end, label=f"U+{ord(first):04X}", help=help_, mend=mend)
    return Token("ERROR", text, start, end)
