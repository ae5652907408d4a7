"""The highlight query of the tree-sitter grammar, which Neovim, Helix and Zed colour by.

No node is captured twice, so that it does not matter which of two patterns an editor prefers.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Literal, TypeAlias

from netspec.editors import words
from netspec.syntax.layout import IN_TRAIN

Dialect: TypeAlias = Literal["common", "helix"]

_HELIX = {
    "number": "constant.numeric",
    "string.escape": "constant.character.escape",
    "keyword.import": "keyword.control.import",
    "keyword.conditional": "keyword.control.conditional",
    "keyword.repeat": "keyword.control.repeat",
    "keyword.return": "keyword.control.return",
    "keyword.type": "keyword.storage.type",
    "function.call": "function",
    "variable.member": "variable.other.member",
    "module": "namespace",
}
"""What Helix calls what others have agreed on, where it differs."""


def query(dialect: Dialect) -> str:
    """The query as it is stored: `common` in the names that most editors have agreed on, or in those of Helix."""
    text = _QUERY
    for name, filling in _FILLINGS.items():
        text = text.replace(f"<{name}>", filling)
    if dialect == "helix":
        text = re.sub(r"@([a-z.]+)", lambda found: f"@{_HELIX.get(found[1], found[1])}", text)
    return f"; Made by python -m netspec.editors\n{text}"


def _words(known: Iterable[str], indent: str) -> str:
    """The words in quotes, in lines of their own."""
    return textwrap.fill(" ".join(f'"{word}"' for word in known), 110, initial_indent=indent, subsequent_indent=indent)


_FILLINGS = {
    "no_layers": "|".join(words.LAYERS),
    "layers": "\n" + _words(words.LAYERS, "    "),
    "definitions": _words((*words.DEFINITIONS, "train"), ""),
    "statements": _words((word for word in words.STATEMENTS if word not in ("return", "repeat")), ""),
    "wirings": _words((*words.WIRING, *words.CLAUSE), ""),
    "entries": _words(IN_TRAIN, ""),
    "control": _words((*(word for word in words.CONTROL if word != "for"), "when", "training"), ""),
    "operators": _words((word for word in words.OPERATOR_WORDS if word != "in"), ""),
    "symbols": _words(words.SYMBOLS, ""),
}
_QUERY = """
(comment) @comment
(string) @string
(escape) @string.escape
[(number) (quantity)] @number
(constant) @constant.builtin

[<definitions>] @keyword.type
[<statements>] @keyword
[<wirings>] @keyword
[<entries>] @keyword
(setting key: (identifier) @keyword)
["from" "import"] @keyword.import
[<control>] @keyword.conditional
["for" "repeat"] @keyword.repeat
"return" @keyword.return
[<operators>] @keyword.operator
(compare "in" @keyword.operator)
(for "in" @keyword.repeat)
(round "in" @keyword.repeat)
(in) @variable.builtin
((identifier) @variable.builtin
  (#eq? @variable.builtin "_"))

(definition name: (identifier) @type)
(import name: (identifier) @type)
(dotted) @module
(type_name (identifier) @type.builtin)
(input type: (type_name) @type.builtin)
(function name: (identifier) @function)
(parameter name: (identifier) @variable.parameter)
(argument name: (identifier) @variable.parameter)
(input name: (identifier) @variable.parameter)
(hole (identifier) @variable.parameter)
(label (identifier) @variable.member)
(label (attribute value: (identifier) @variable.member))
(attribute name: (identifier) @variable.member)
(template (text) @variable.member)
(step name: (identifier) @label)
(draw name: (identifier) @label)

([
  (call callee: (identifier) @function.builtin)
  (default layer: (identifier) @function.builtin)
  (flow (identifier) @function.builtin)
  (argument value: (identifier) @function.builtin)
  (parameter default: (identifier) @function.builtin)
 ]
  (#any-of? @function.builtin<layers>))
([
  (call callee: (identifier) @function.call)
  (default layer: (identifier) @function.call)
 ]
  (#not-match? @function.call
    "^(<no_layers>)$"))

[<symbols>] @operator
["(" ")" "[" "]" "{" "}" "${"] @punctuation.bracket
["," ":" ";" "."] @punctuation.delimiter
"$" @punctuation.special
"""
