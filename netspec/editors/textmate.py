"""The TextMate grammar, which VS Code, GitHub and others colour by: what a line alone can tell of a word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from netspec.editors import words

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_LINE = r"(?:^|[{};])[ \t]*"
"""Before the first word of a statement."""


def grammar() -> dict[str, Any]:
    """The grammar as the files of VS Code have it."""
    from netspec.train.section.settings import KEYS, STEP_KEYS

    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "netspec",
        "scopeName": "source.netspec",
        "fileTypes": ["net"],
        "patterns": [{"include": f"#{name}"} for name in ("comment", "train", *_ORDER)],
        "repository": {
            "comment": {"name": "comment.line.number-sign.netspec", "match": r"#.*$"},
            "train": {
                "begin": rf"{_LINE}(train)[ \t]*(\{{)",
                "beginCaptures": {"1": {"name": "keyword.declaration.netspec"}},
                "end": r"\}",
                "patterns": [{"include": "#comment"}, {"include": "#step"}, {"include": "#settings"}],
            },
            "step": {
                "begin": rf"{_LINE}(step)[ \t]+({NAME})[ \t]*(\{{)",
                "beginCaptures": {
                    "1": {"name": "keyword.other.setting.netspec"},
                    "2": {"name": "entity.name.section.netspec"},
                },
                "end": r"\}",
                "patterns": [{"include": "#comment"}, {"include": "#settings"}],
            },
            "settings": {
                "patterns": [
                    {
                        "match": rf"(?:^|;|(?<=\{{))[ \t]*({_any((*KEYS, *STEP_KEYS))}|{NAME})(?=[ \t])",
                        "captures": {"1": {"name": "keyword.other.setting.netspec"}},
                    },
                    *({"include": f"#{name}"} for name in ("strings", "numbers", "words", "calls", "operators")),
                ],
            },
            **{name: {"patterns": patterns} for name, patterns in _rules().items()},
        },
    }


_ORDER = (
    *("strings", "definitions", "imports", "statements", "wirings", "templates", "labels", "numbers", "words"),
    *("calls", "operators"),
)


def _rules() -> dict[str, list[dict[str, Any]]]:
    """What is told apart, in the order in which it is looked for."""
    return {
        "strings": [
            _string('"', "double"),
            _string("'", "single"),
        ],
        "definitions": [
            {
                "match": rf"{_LINE}({_any(words.DEFINITIONS)})[ \t]+({NAME})",
                "captures": {"1": {"name": "keyword.declaration.netspec"}, "2": {"name": "entity.name.type.netspec"}},
            }
        ],
        "imports": [
            {
                "match": rf"{_LINE}(from)[ \t]+([\w.]+|\"[^\"]*\"|'[^']*')[ \t]+(import)\b",
                "captures": {
                    "1": {"name": "keyword.control.import.netspec"},
                    "2": {"patterns": [{"include": "#strings"}, {"name": "entity.name.namespace", "match": r"[\w.]+"}]},
                    "3": {"name": "keyword.control.import.netspec"},
                },
            }
        ],
        "statements": [
            {
                "match": rf"{_LINE}({_any(words.STATEMENTS)})(?=[ \t]+[\w\[(\"'{{+-])",
                "captures": {"1": {"name": "keyword.other.netspec"}},
            },
            {
                "match": r"\b(when)[ \t]+(training)\b",
                "captures": {"1": {"name": "keyword.control.netspec"}, "2": {"name": "keyword.control.netspec"}},
            },
        ],
        "wirings": [
            {
                "name": "keyword.control.wiring.netspec",
                "match": rf"\b({_any((*words.WIRING, *words.CLAUSE))})(?=[ \t]*\{{|[ \t]+if\b)",
            }
        ],
        "templates": [
            {
                "match": rf"\b({NAME})(?=\$)|\$({NAME})",
                "captures": {
                    "1": {"name": "variable.other.label.netspec"},
                    "2": {"name": "variable.parameter.template.netspec"},
                },
            }
        ],
        "labels": [
            {
                "match": rf"\b({NAME})(?=[ \t]*=(?!=))",
                "captures": {"1": {"name": "variable.other.label.netspec"}},
            },
            {
                "match": rf"{_LINE}((?:{NAME}[ \t]*,[ \t]*)+)(?={NAME}[ \t]*=(?!=))",
                "captures": {"1": {"name": "variable.other.label.netspec"}},
            },
        ],
        "numbers": [
            {
                "match": r"(?<=[\w\]})\"'])\.(\d+)(?!\w)",
                "captures": {"1": {"name": "constant.numeric.index.netspec"}},
            },
            {"name": "constant.numeric.quantity.netspec", "match": r"\b\d+(?:\.\d+)?(?:[kKMGT](?:i?B)?|B)\b"},
            {
                "name": "constant.numeric.netspec",
                "match": r"(?<![\w.])(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?(?!\w)",
            },
        ],
        "words": [
            {"name": "constant.language.netspec", "match": rf"\b({_any(words.CONSTANTS)})\b"},
            {"name": "keyword.operator.word.netspec", "match": rf"\b({_any(words.OPERATOR_WORDS)})\b"},
            {"name": "keyword.control.netspec", "match": rf"\b({_any(words.CONTROL)})\b"},
            {"name": "variable.language.netspec", "match": r"(?<![\w$])_(?!\w)"},
            {"name": "support.type.netspec", "match": rf"(?<=:)[ \t]*({_any(words.TYPES)})\b"},
        ],
        "calls": [
            {"name": "support.function.layer.netspec", "match": rf"\b({_any(words.LAYERS)})\b(?!\.)"},
            {"name": "entity.name.function.netspec", "match": rf"\b{NAME}(?=\()"},
        ],
        "operators": [
            {"name": "keyword.operator.netspec", "match": "|".join(map(re.escape, words.SYMBOLS))},
        ],
    }


def _string(quote: str, kind: str) -> dict[str, Any]:
    return {
        "name": f"string.quoted.{kind}.netspec",
        "begin": quote,
        "end": rf"{quote}|$",
        "patterns": [{"name": "constant.character.escape.netspec", "match": r"\\(?:u[0-9a-fA-F]{4}|.)"}],
    }


def _any(found: Iterable[str]) -> str:
    """A pattern of any of these words."""
    return "|".join(sorted(found, key=lambda word: (-len(word), word)))


def text() -> str:
    """The grammar as it is stored."""
    return json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n"
