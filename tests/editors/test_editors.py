"""What colours specs elsewhere: the TextMate grammar and the Pygments lexer tell words apart as the parser does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pygments.token import Comment, Keyword, Name, Number, String

from netspec.cli import SUBJECTS
from netspec.diagram.page.highlight import highlighted
from netspec.editors import textmate
from netspec.editors.pygments_lexer import NetspecLexer
from netspec.lsp.answers.hints import FIGURES
from netspec.lsp.answers.preview import COMMAND, CURSOR
from netspec.syntax.source import Source

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent / "textmate"
SPECS = sorted([*ROOT.glob("examples/*.net"), *ROOT.glob("netspec/std/*.net")])
CLASSES = {"comment": "comment", "string": "string", "constant": "number", "keyword": "keyword"}
"""What scopes of TextMate begin with, and what the parser calls that."""


def test_the_grammar_is_current() -> None:
    stored = ROOT / "editors" / "vscode" / "syntaxes" / "netspec.tmLanguage.json"
    assert stored.read_text() == textmate.text(), "run python -m netspec.editors"


def kinds(text: str) -> list[list[str]]:
    """The kind of every character of every line, as the parser has it."""
    return [[kind for kind, piece in line for _ in piece] for line in highlighted(Source("<text>", text))]


def scoped(lines: Any) -> list[list[str]]:
    """The same of TextMate's scopes; operators are no keywords here."""
    found = []
    for line in lines:
        classes = []
        for piece, scope in line:
            name = scope.removeprefix("punctuation.definition.")
            kind = "" if name.startswith("keyword.operator.netspec") else CLASSES.get(name.partition(".")[0], "")
            classes += [kind] * len(piece)
        found.append(classes)
    return found


def differing(line: str, ours: list[str], theirs: list[str]) -> list[str]:
    """The first place of a line that the two see otherwise, spaces apart; only what both could tell counts."""
    told = set(CLASSES.values())
    for place, (letter, kind, other) in enumerate(zip(line, ours, theirs, strict=False)):
        if letter != " " and (kind if kind in told else "") != other:
            return [f"{line[place:][:20]} is {kind or 'plain'}, not {other or 'plain'}, in {line}"]
    return []


def test_textmate_tells_words_apart_as_the_parser_does() -> None:
    if shutil.which("node") is None or not (HERE / "node_modules" / "vscode-textmate").is_dir():
        if os.environ.get("CI") and "textmate" not in os.environ.get("NETSPEC_WITHOUT", ""):
            pytest.fail("there is no vscode-textmate: npm ci --prefix tests/editors/textmate")
        pytest.skip("there is no vscode-textmate")
    texts = [path.read_text() for path in SPECS]
    asked = json.dumps({"grammar": textmate.grammar(), "texts": texts})
    done = subprocess.run(["node", HERE / "scopes.js"], input=asked, capture_output=True, text=True, timeout=120)
    wrong = []
    for path, text, coloured in zip(SPECS, texts, json.loads(done.stdout), strict=True):
        lines = zip(text.split("\n"), kinds(text), scoped(coloured), strict=True)
        for number, (line, ours, theirs) in enumerate(lines, 1):
            wrong += [f"{path.name}:{number}: {found}" for found in differing(line, ours, theirs)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_pygments_loses_nothing(path: Path) -> None:
    text = path.read_text()
    tokens = list(NetspecLexer().get_tokens_unprocessed(text))
    assert "".join(piece for _, _, piece in tokens) == text
    assert all(text[start : start + len(piece)] == piece for start, _, piece in tokens)


def test_pygments_names_what_it_sees() -> None:
    text = 'net N {\n  input x [3, H]  # open\n  c = conv(64, 3, pad="same") -> relu\n}\n'
    told = {piece: kind for _, kind, piece in NetspecLexer().get_tokens_unprocessed(text)}
    assert told["net"] is told["input"] is Keyword
    assert told["64"] is Number
    assert told['"same"'] is String
    assert told["# open"] is Comment.Single
    assert told["conv"] is Name.Function
    assert told["relu"] is Name.Builtin


def test_the_extension_asks_for_what_there_is() -> None:
    folder = ROOT / "editors" / "vscode"
    package = json.loads((folder / "package.json").read_text())
    script = (folder / "extension.js").read_text()
    properties = package["contributes"]["configuration"]["properties"]
    assert tuple(properties["netspec.hints"]["items"]["enum"]) == FIGURES
    assert properties["netspec.command"]["default"][1] in SUBJECTS["editing"]
    assert f'"{COMMAND}"' in script
    assert f'"{CURSOR}"' in script
    for contributed in (*package["contributes"]["grammars"], *package["contributes"]["languages"]):
        assert (folder / contributed.get("path", contributed.get("configuration"))).is_file()
