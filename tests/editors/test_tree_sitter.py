"""The grammar for tree-sitter reads specs as netspec does: the same nodes at the same places, around mistakes, too.

Its parser is C, which is compiled first; without a compiler the tests are skipped, or fail where `CI` is set;
`NETSPEC_WITHOUT=cc` skips them there, too.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grammar_trees import mistakes, own, theirs
from hypothesis import HealthCheck, Phase, assume, given, settings
from random_nets import random_net
from syntax_trees import files
from tree_sitter import Language, Node, Parser, Point, Query, QueryCursor, Tree

from netspec.diagram.page.highlight import pieces
from netspec.editors import highlights, words
from netspec.format import print_tree
from netspec.syntax import Source, parse, tree
from netspec.syntax.layout import AT_TOP, CLAUSES, IN_TRAIN, KEYWORDS, WIRINGS
from netspec.syntax.lexer import HARD, OPERATORS

ROOT = Path(__file__).resolve().parents[2]
EDITORS = ROOT / "editors"
GRAMMAR = EDITORS / "tree-sitter-netspec"
SPECS = sorted([*ROOT.glob("examples/*.net"), *ROOT.glob("netspec/std/*.net")])
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
WRONG = sorted([*ROOT.glob("tests/specs/bad/*.net"), *ROOT.glob("netspec/explain/E01*.md")])
STATEMENTS = {
    "stage",
    "let",
    "input",
    "output",
    "definition",
    "train",
    "setting",
    "for",
    "if",
    "repeat",
    "shared",
    "import",
}
HIGHLIGHTS: dict[Path, highlights.Dialect] = {
    GRAMMAR / "queries" / "highlights.scm": "common",
    EDITORS / "zed" / "languages" / "netspec" / "highlights.scm": "common",
    EDITORS / "helix" / "highlights.scm": "helix",
}
FENCE = re.compile(r"^```net.*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Language:
    """The grammar, compiled as editors compile it."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI") and "cc" not in os.environ.get("NETSPEC_WITHOUT", ""):
            pytest.fail("there is no C compiler, cc; or set NETSPEC_WITHOUT=cc")
        pytest.skip("there is no C compiler")
    library = tmp_path_factory.mktemp("grammar") / "netspec.so"
    sources = [GRAMMAR / "src" / name for name in ("parser.c", "scanner.c")]
    command = [
        compiler,
        "-std=c11",
        "-Wall",
        "-Werror",
        "-Wno-unused-parameter",
        "-shared",
        "-fPIC",
        "-I",
        GRAMMAR / "src",
    ]
    subprocess.run([*command, "-o", library, *sources], check=True, timeout=300)
    symbol = ctypes.CDLL(str(library)).tree_sitter_netspec
    symbol.restype = ctypes.c_void_p
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return Language(capsule(symbol(), b"tree_sitter.Language", None))


@pytest.fixture(scope="module")
def read(language: Language) -> Callable[[str], Tree]:
    """A text to its tree."""
    parser = Parser(language)
    return lambda text: parser.parse(text.encode())


def parse_or_none(text: str) -> tree.File | None:
    file, wrong = parse(Source("<text>", text))
    return None if wrong else file


def specs() -> Iterator[tuple[str, str]]:
    """All specs that there are, and what the pages show of some: a piece of a file stands in a net."""
    yield from ((path.name, path.read_text(encoding="utf-8")) for path in SPECS)
    for page in PAGES:
        for text in FENCE.findall(page.read_text(encoding="utf-8")):
            forms = (text, f"net Piece {{\n{text}\n}}\n")
            yield from ((page.name, form) for form in forms if parse_or_none(form))


def differences(text: str, root: Node) -> list[str]:
    """Where the two trees of a text are not the same; nothing where netspec refuses it."""
    file = parse_or_none(text)
    if file is None:
        return []
    ours, others = own(file), theirs(root)
    encoded = text.encode()
    return [
        *mistakes(root),
        *(f"{kind} only here: {encoded[start:end].decode()!r}" for kind, start, end in ours - others),
        *(f"{kind} only there: {encoded[start:end].decode()!r}" for kind, start, end in others - ours),
    ]


def test_specs_are_read_as_netspec_reads_them(read: Callable[[str], Tree]) -> None:
    texts = list(specs())
    assert len(texts) > 200
    wrong = [f"{name}: {found}" for name, text in texts for found in differences(text, read(text).root_node)]
    assert not wrong, "\n".join(wrong)


def test_nets_that_nobody_wrote_are_too(read: Callable[[str], Tree]) -> None:
    for seed in range(200):
        text = random_net(random.Random(seed))
        assert not differences(text, read(text).root_node), text


def keys(settings: tuple[tree.Setting | tree.Step, ...]) -> set[str]:
    return {setting.key for setting in settings if isinstance(setting, tree.Setting)}.union(
        *(keys(step.settings) for step in settings if isinstance(step, tree.Step))
    )


@settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(files)
def test_so_is_all_that_can_be_said(read: Callable[[str], Tree], file: tree.File) -> None:
    sections = (item.settings for item in file.items if isinstance(item, tree.Train))
    assume(not any(keys(section) & CLAUSES for section in sections))  # no setting is called as a clause of a wiring
    text = print_tree(file)
    assert not differences(text, read(text).root_node), text


def lost(text: str, root: Node) -> tuple[int, int]:
    """How many statements netspec reads in a text with mistakes, and how many of them are not in the tree."""
    file, _ = parse(Source("<text>", text))
    statements = Counter({place: count for place, count in own(file).items() if place[0] in STATEMENTS})
    return statements.total(), (statements - theirs(root)).total()


def test_what_is_wrong_leaves_the_rest_in_place(read: Callable[[str], Tree]) -> None:
    examples = [found for path in WRONG if path.suffix == ".md" for found in FENCE.findall(path.read_text())]
    texts = [path.read_text(encoding="utf-8") for path in WRONG if path.suffix == ".net"] + examples
    texts = [text for text in texts if parse_or_none(text) is None]
    assert len(texts) > 10
    for text in texts:
        assert lost(text, read(text).root_node)[1] <= 1, text


def test_half_typed_lines_leave_the_rest_in_place(read: Callable[[str], Tree]) -> None:
    """A word, a number or a sign is taken out of each example, three times."""
    chance = random.Random(0)
    counts = []
    for path in SPECS:
        text = path.read_text(encoding="utf-8")
        pieces_ = [found for found in re.finditer(r"#.*|\w+|[^\s\w]", text) if not found[0].startswith("#")]
        for piece in chance.sample(pieces_, min(3, len(pieces_))):
            cut = text[: piece.start()] + text[piece.end() :]
            counts.append(lost(cut, read(cut).root_node))
    assert sum(gone for _, gone in counts) < 0.05 * sum(all_ for all_, _ in counts)


def test_what_is_typed_is_read_as_the_whole_text_is(language: Language) -> None:
    """What an edit does not touch is kept, which a scanner that looks at the wrong things would break."""
    parser = Parser(language)
    text = (ROOT / "examples" / "resnet.net").read_bytes()
    whole_tree = parser.parse(text)
    for place in range(0, len(text), 61):
        for typed in (b"\n", b"{", b" if", b" -> relu"):
            after = text[:place] + typed + text[place:]
            tree_ = whole_tree.copy()
            tree_.edit(
                place,
                place,
                place + len(typed),
                point(text, place),
                point(text, place),
                point(after, place + len(typed)),
            )
            edited = parser.parse(after, tree_)
            if not edited.root_node.has_error:
                assert str(edited.root_node) == str(parser.parse(after).root_node), after.decode()
            edited.edit(
                place,
                place + len(typed),
                place,
                point(after, place),
                point(after, place + len(typed)),
                point(text, place),
            )
            assert str(parser.parse(text, edited).root_node) == str(whole_tree.root_node), after.decode()


def point(text: bytes, place: int) -> Point:
    """The row and column, in bytes, of a place in a text."""
    return Point(text.count(b"\n", 0, place), place - text.rfind(b"\n", 0, place) - 1)


FOLLOWING = {
    **{name: name for name in ("NAME", "NUMBER", "STRING", "SIGN")},
    **dict.fromkeys(("PART", "HOLE", "LHOLE"), "TEMPLATE"),
    **dict.fromkeys(("IN", "NOT", "CONSTANT"), "OPERAND"),
    "LPAR": "PARENTHESIS",
    "LSQB": "BRACKET",
    "LBRACE": "BRACE",
}
"""What the scanner calls the terminals that decide of the word before them."""


def test_the_words_are_the_parser_s() -> None:
    grammar = json.loads((GRAMMAR / "src" / "grammar.json").read_text())
    contextual = {found["value"] for found in parts(grammar, "ALIAS") if not found["named"]} - {"$", "${", "."}
    assert contextual == {*KEYWORDS, *AT_TOP, *WIRINGS, *CLAUSES, *IN_TRAIN, "when"}
    written = {found["value"] for found in parts(grammar, "STRING")}
    assert {text for text in written if text.isalpha()} == {*HARD, "import", "training"} - {"elif"}
    assert {text for text in written if not text.isalpha()} == {*OPERATORS, "$", '"', "'"}


def parts(rule: Any, kind: str) -> Iterator[dict[str, Any]]:
    """The parts of a grammar that are of this type."""
    if isinstance(rule, dict):
        if rule.get("type") == kind:
            yield rule
        rule = list(rule.values())
    if isinstance(rule, list):
        for inner in rule:
            yield from parts(inner, kind)


def test_the_scanner_knows_what_follows_a_keyword() -> None:
    source = (GRAMMAR / "src" / "scanner.c").read_text()
    sets = {
        name: set(said.split(" | ")) for name, said in re.findall(r"^  ([A-Z]+) = ([A-Z |]+),$", source, re.MULTILINE)
    }
    sets["FLOW"] |= sets["LABEL"]
    rows = re.findall(r'^  \{"(\w+)", \w+, ([A-Z |]+)\},$', source, re.MULTILINE)
    known: dict[str, set[str]] = {}
    for word, said in rows:
        known.setdefault(word, set().union(*(sets.get(name, {name}) for name in said.split(" | "))) - {"LABEL"})
    for word, (_, following) in {**KEYWORDS, **AT_TOP}.items():
        assert known[word] == {FOLLOWING[terminal] for terminal in following}, word
    assert {word for word, said in known.items() if "BRACE" in said} >= {*WIRINGS, *CLAUSES}


@pytest.mark.parametrize(("file", "dialect"), HIGHLIGHTS.items())
def test_the_highlights_are_current(file: Path, dialect: highlights.Dialect) -> None:
    assert file.read_text() == highlights.query(dialect), "run python -m netspec.editors"


def test_the_queries_are_of_this_grammar(language: Language) -> None:
    queries = sorted(EDITORS.rglob("*.scm"))
    assert len(queries) > 10
    for path in queries:
        if "node_modules" not in path.parts:
            Query(language, path.read_text(encoding="utf-8"))


CLASSES = {"comment": "comment", "string": "string", "number": "number", "constant": "number", "keyword": "keyword"}
"""What the names of captures begin with, and what the parser calls that."""


def test_words_are_coloured_as_the_parser_tells_them_apart(language: Language, read: Callable[[str], Tree]) -> None:
    cursor = QueryCursor(Query(language, highlights.query("common")))
    wrong = []
    for name, text in specs():
        captured = colours(cursor, read(text).root_node)
        offset = 0
        for kind, piece in pieces(Source(name, text)):
            start, offset = offset, offset + len(piece.encode())
            colour = captured.get(start, "")
            told = "keyword" if piece == "in" else CLASSES.get(colour.partition(".")[0], "")
            called = kind == "call" and colour.partition(".")[0] not in ("function", "type")
            if told != (kind if kind in CLASSES.values() else "") or called:
                wrong.append(f"{name}: {piece!r} is {kind or 'plain'}, not {colour or 'plain'}, in {text[:40]!r}")
            if piece in words.LAYERS and kind == "call" and colour != "function.builtin":
                wrong.append(f"{name}: the layer {piece} is {colour}")
    assert not wrong, "\n".join(wrong)


def colours(cursor: QueryCursor, root: Node) -> dict[int, str]:
    """The capture of the node that begins at each byte, the outermost one; no node has two."""
    found: dict[int, tuple[int, str]] = {}
    for capture, nodes in cursor.captures(root).items():
        for node in nodes:
            end, other = found.get(node.start_byte, (0, ""))
            assert end != node.end_byte or other == capture, f"{node.text!r} is {other} and {capture}"
            if node.end_byte > end:
                found[node.start_byte] = node.end_byte, capture
    return {start: capture for start, (_, capture) in found.items()}


CASE = re.compile(r"^={3,}\n([^\n]+)\n={3,}\n(.*?)\n---\n(.*?)(?=^={3,}$|\Z)", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", sorted((GRAMMAR / "test" / "corpus").glob("*.txt")), ids=lambda path: path.stem)
def test_the_corpus(path: Path, read: Callable[[str], Tree], update_golden: bool) -> None:
    """What `tree-sitter test` runs: a text, and its tree."""
    cases = CASE.findall(path.read_text(encoding="utf-8"))
    assert cases
    if update_golden:
        line = "=" * 80
        texts = (f"{line}\n{name}\n{line}\n{text}\n---\n\n{outline(read(text).root_node)}\n" for name, text, _ in cases)
        path.write_text("\n".join(texts), encoding="utf-8")
        return
    for name, text, expected in cases:
        assert outline(read(text).root_node) == expected.strip(), name


def outline(root: Node) -> str:
    """A tree in lines, as `tree-sitter test` prints it."""
    lines: list[str] = []
    depth = 0
    for piece in re.findall(r'(?:\w+: )?\((?:MISSING ?)?(?:"[^"]+"|\w*)|\)', str(root)):
        if piece == ")":
            lines[-1] += piece
            depth -= 1
        else:
            lines.append("  " * depth + piece)
            depth += 1
    return "\n".join(lines)
