"""The reference of the language, made from where its parts are defined: `python -m netspec.reference.language`.

The tour is docs/language.md. This page is complete: every word, production, function, type and limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.elaborate.expressions.access import ATTRIBUTES
from netspec.elaborate.state import DEEPEST, MOST_ITEMS, MOST_STAGES, MOST_STEPS
from netspec.elaborate.values.operators import (
    DEEPEST_LIST,
    FUNCTIONS,
    LARGEST_NUMBER,
    LONGEST_LIST,
    LONGEST_TEXT,
    SIGNATURES,
)
from netspec.elaborate.values.types import MEANINGS, known_types
from netspec.syntax import brackets, layout, lexer, parser, tables

INTRODUCTION = """\
# The reference of the language

All of the language, for looking things up; [the tour](language.md) is for reading. `make reference` writes this
page from the code, and its examples are checked. [The layers](layers.md) and [the errors](errors.md) have pages of
their own.
"""

LOOK_UP = """\
## Names

A bare name is looked up from the inside out, and the first that has it decides:

1. names that a `for`, a comprehension or a `let` gives, and parameters, of the body that it stands in;
2. labels of that body: a label may be called as a parameter is, and the name is the stage's from there on;
3. the same of the bodies around it, up to the block or net;
4. what the file defines: its `let`s and functions; then its blocks and nets, and those that it imports;
5. layers; the functions of numbers and lists below, inside of expressions;
6. where an argument or a parameter takes one, a word: `same`, `he_normal`.

Where a call stands (`conv(...)`, and a name after `->`), values are skipped: it is a shared module, a layer that is a
value, a block or net, a function, a layer. A name that begins a stage is a value first. `_` is the current value, and
`in` is what has entered the block.

```net
net Names(act: layer = relu, width = 8) {
  input image [3, 32, 32]
  conv = conv(width, 3, pad=1)             # a label: calls of conv are the layer all the same
  act = conv -> act                        # the parameter is the layer; from here on act is the stage
  let width = 2 * width                    # a name may be given again by let
  for width in [4, 8] { conv(_, width, 1) }
  concat(act, _)
}
```
"""

TEXT = """\
## Text

Names are letters, digits and `_`, and begin with no digit. Labels are names, whole numbers, texts in quotes and
templates of these; dots and brackets lead through containers:

```net
  c1 = conv(8, 1)
  0 = relu
  "block-0" = conv(8, 1)
  for i in range(2) {
    layer$i = conv(8, 1)                   # the value of a name
    part${i + 1}_b = relu                  # the value of an expression
    "block-$i-b" = conv(8, 1)              # in quotes: $i, ${i}, ${i + 1}
    convs[i].bn = batchnorm                # convs.0.bn, convs.1.bn
  }
```

In a flow and after a dot a label is written as it is: `0 -> relu`, `"block-0" -> relu`, `f."a-b"`. Inside of an
expression, where these would be numbers and texts, a template reads them: `concat(${0}, ${"block-0"})`.

A label has at most 100 characters: letters, digits, `_`, `-`, `+`, `:`, `/` and `@`, with dots between its containers.
"""


def markdown() -> str:
    """The page."""
    return "\n".join(
        (INTRODUCTION, TEXT, _escapes(), _words(), LOOK_UP, _functions(), _values(), _types(), _limits(), _grammar())
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(':---' for _ in head)}|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _escapes() -> str:
    escapes = ", ".join(f"`\\{escape}`" for escape in lexer.ESCAPES)
    return (
        "## Strings\n\nA string stands in double or single quotes and ends on its line. Its escapes are "
        f"{escapes}\nand `\\uXXXX`, the character of that hexadecimal number.\n"
    )


def _words() -> str:
    rows = [
        ("never a name", ", ".join(f"`{word}`" for word in sorted(lexer.HARD) if word != "elif")),
        ("at the top of a file", ", ".join(f"`{word}`" for word in layout.AT_TOP)),
        ("where a statement begins", ", ".join(f"`{word}`" for word in layout.KEYWORDS)),
        ("before `{`", ", ".join(f"`{word}`" for word in sorted(layout.WIRINGS))),
        ("after the `}` of a wiring", ", ".join(f"`{word}`" for word in sorted(layout.CLAUSES))),
        ("where a setting begins, before a name", ", ".join(f"`{word}`" for word in layout.IN_TRAIN)),
        ("after what it belongs to", "`import`, `when training`"),
    ]
    table = _table(("place", "words"), rows)
    return f"## Words\n\nOutside of their place, all but the first are names like any other.\n\n{table}"


def _functions() -> str:
    rows = ((f"`{SIGNATURES[name][0]}`", SIGNATURES[name][1]) for name in FUNCTIONS)
    return (
        "## Functions of numbers and lists\n\n"
        f"{_table(('call', 'is'), rows)}\n"
        "Of tensors, `sum`, `max`, `min` and `abs` are layers. `let name(parameters) = expression` defines more; it\n"
        "knows what is in force where it is defined, and not itself.\n\n"
        "```net\n"
        "  let divisible(v, by = 8) = max(by, (v + by // 2) // by * by)\n"
        "  let widths = [divisible(width * i) for i in range(1, 4) if i != n]\n"
        "  concat { for i, (w, k) in enumerate(zip(widths, [1, 3])) { conv(w, k, pad=k // 2) } }\n"
        "```\n"
    )


def _values() -> str:
    rows = []
    for name, (ranks, _) in ATTRIBUTES.items():
        rows.append((f"`x.{name}`", "any" if ranks is None else " or ".join(map(str, ranks))))
    return (
        "## What values are asked for\n\n"
        f"{_table(('written', 'rank of x'), rows)}\n"
        '`x.label`, `x.label$i`, `x.0`, `x[0]`, `x[-1]` and `x["a-b"]` read a stage inside of the stage x, by its\n'
        "label or its number; of a stage with several results, `x[0]` is the first result.\n"
    )


def _types() -> str:
    rows = ((f"`{name}`", MEANINGS[name]) for name in known_types())
    return (
        "## Types of parameters\n\n"
        f"{_table(('type', 'takes'), rows)}\n"
        "`list[int]` says what the items are; `18 | 34 | 50` lists the values. A parameter without a type takes any\n"
        "of them but tensors.\n"
    )


def _limits() -> str:
    rows = [
        ("a file", f"{parser.LARGEST_FILE // 1024} KiB"),
        ("brackets in one another", str(brackets.DEEPEST)),
        ("tokens of an expression", str(layout.LONGEST)),
        ("a whole number", f"2**{LARGEST_NUMBER.bit_length() - 1}"),
        ("items of a list", f"{LONGEST_LIST:,}"),
        ("lists in one another", str(DEEPEST_LIST)),
        ("characters of a text", f"{LONGEST_TEXT:,}"),
        ("items that the expressions of a net handle", f"{MOST_ITEMS:,}"),
        ("stages of a net, once unrolled", f"{MOST_STAGES:,}"),
        ("blocks and wirings, functions, in one another", str(DEEPEST)),
        ("steps of a file's nets", f"{MOST_STEPS:,}"),
    ]
    return f"## Limits\n\n{_table(('of', 'at most'), rows)}"


def _grammar() -> str:
    text = re.sub(r"^//.*\n", "", tables.grammar(), flags=re.MULTILINE)
    text = re.sub(r"[ ]*-> \w+$", "", text, flags=re.MULTILINE)
    text = "\n".join(line.rstrip() for line in text.split("%declare")[0].splitlines()).strip()
    text = re.sub(r"\n{3,}", "\n\n", text)
    return (
        "## Grammar\n\n"
        "LALR(1), in the notation of [Lark](https://lark-parser.readthedocs.io). `SEP` is the end of a line, or `;`;\n"
        "`PART`, `HOLE` and `TAIL` are the pieces of a template: `layer`, `$i` and what follows without a space. An\n"
        "expression goes on as far as it can.\n\n"
        f"```text\n{text}\n```\n"
    )


if __name__ == "__main__":
    print(markdown(), end="")
