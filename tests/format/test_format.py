"""Formatting: the same tree, all comments, nothing left to change; and the layout that a reader expects."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scrambled import comments, scrambled, tree_of
from syntax_trees import files

from netspec.diagnostics import NetspecError
from netspec.format import format_source, print_tree
from netspec.syntax import Source, parse, tree

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted([*(ROOT / "examples").glob("*.net"), *(ROOT / "netspec" / "std").glob("*.net")])
BAD = sorted((ROOT / "tests" / "specs" / "bad").glob("**/*.net"))
calm = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


def formatted(text: str) -> str:
    return format_source(Source("t.net", text))


def holds(text: str) -> None:
    """What has to hold of every text without mistakes."""
    result = formatted(text)
    assert tree_of(result) == tree_of(text), result
    assert formatted(result) == result, result
    assert comments(result) == comments(text), result
    assert not re.search(r"[ \t]$|\n\n\n|\{\n\n|\A\n|\n\n\Z", result, re.MULTILINE), result


@settings(calm, max_examples=150)
@given(st.data(), files.filter(lambda file: "#" not in print_tree(file)))
def test_any_text_keeps_its_meaning_and_comments(data: st.DataObject, file: tree.File) -> None:
    holds(data.draw(scrambled(print_tree(file))))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_what_ships_is_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


@settings(calm, max_examples=60)
@given(st.data(), st.sampled_from(SPECS))
def test_what_ships_in_other_hands(data: st.DataObject, path: Path) -> None:
    holds(data.draw(scrambled(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_spec_that_does_not_check_is_formatted_all_the_same(path: Path) -> None:
    raw = path.read_bytes()
    text = raw.decode("utf-8", "replace")
    if raw == text.encode() and not parse(Source("t", text))[1]:
        holds(text)


LONG = ", ".join(f"width_{number}" for number in range(12))
SHORT = LONG.removesuffix(", width_11")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        # statements keep their lines; lines with several are columns
        ("a=b;c\n\n\n\nlonger = d ; e;f", "a = b;  c\n\nlonger = d;  e;  f"),
        ("aa = b;  c;  d\na = bb;  c", "aa = b;  c;  d\na = bb;  c"),
        ("a = conv(1);  b;  c\nab = conv(12);  bb\nd", "a = conv(1);    b;  c\nab = conv(12);  bb\nd"),
        ("a { }  b", "a;  { };  b"),
        # bodies stand on one line or are broken, all of one condition alike
        ("if a { b } else {\nc }", "if a {\n  b\n} else {\n  c\n}"),
        ("residual { } shortcut {\n}", "residual { } shortcut { }"),
        ("concat {\n{ } }", "concat {\n  { }\n}"),
        # flows go on below
        ("x = a->\nb -> c\n->d", "x = a\n  -> b -> c\n  -> d"),
        # comments
        ("a #b\nccc    # d", "a      # b\nccc    # d"),
        ("a = b(1,  # one\n2)", "a = b(\n  1,      # one\n  2,\n)"),
        ("a = # why\n b", "a = b  # why"),
        ("a -> { # inner\n}", "a -> {  # inner\n}"),
        ("if a { b\n} # then\n# more\nelse { c }", "if a {\n  b\n  # more\n} else {  # then\n  c\n}"),
        # brackets
        ("a = b(\n  1,\n  2\n)", "a = b(1, 2)"),
        ("a = b(\n  1,\n  2,\n)", "a = b(\n  1,\n  2,\n)"),
        ("a = [\n  [1, 2], [3],\n  [4],\n]", "a = [\n  [1, 2], [3],\n  [4],\n]"),
        ("a = b(1, 2,)", "a = b(1, 2)"),
        (f"a = b({LONG}, last)", f"a = b(\n  {LONG}, last\n)"),
        (f"a = b({LONG}, {LONG})", "a = b(\n" + "".join(f"  {w},\n" for w in f"{LONG}, {LONG}".split(", ")) + ")"),
        (f"a = b([{SHORT}, last12]) -> cde", f"a = b([{SHORT}, last12])\n  -> cde"),
        (f"{LONG.replace(', ', ' -> ')} -> last", LONG.replace(", ", "\n  -> ") + "\n  -> last"),
        (f"let a = {LONG.replace(', ', ' * ')}", "let a = (\n  " + LONG.replace(", ", "\n  * ") + "\n)"),
        (f"for w in [{SHORT}, a1] {{ b }}", f"for w in [{SHORT}, a1] {{\n  b\n}}"),
        (f"for w in [{LONG}, aaaa] {{ b }}", f"for w in [\n  {LONG}, aaaa\n] {{\n  b\n}}"),
    ],
)
def test_the_layout_of_a_body(text: str, result: str) -> None:
    def indented(lines: str) -> str:
        return "".join(f"  {line}\n" if line else "\n" for line in lines.split("\n"))

    written = formatted(f"net N {{\n{indented(text)}}}\n")
    assert written == f"net N {{\n{indented(result)}}}\n"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("\n\n# head\nnet A{}\n", "# head\nnet A { }\n"),
        ("default a()\nlet b=1\nnet A{}\nblock B{}", "default a()\nlet b = 1\n\nnet A { }\n\nblock B { }\n"),
        ("let a = 1\n# of A\nnet A { }", "let a = 1\n\n# of A\nnet A { }\n"),
        ("let a = 1 # one\nnet A { }", "let a = 1 # one\n\nnet A { }\n".replace(" #", "  #")),
        ("from a import b\nfrom 'c.net' import d\nlet e=1", 'from a import b\nfrom "c.net" import d\n\nlet e = 1\n'),
        ("train { loss a; epochs 2 }", "train { loss a;  epochs 2 }\n"),
        ("train {\nloss a;epochs 2}", "train {\n  loss   a\n  epochs 2\n}\n"),
        ("", ""),
        ("# only this", "# only this\n"),
    ],
)
def test_the_layout_of_a_file(text: str, result: str) -> None:
    assert formatted(text) == result


def test_a_sum_of_as_many_terms_as_may_be_keeps_its_line() -> None:
    """Brackets around it would be a token too many for the parser."""
    text = f"let a = {' + '.join(['abc'] * 98)}\n"
    assert formatted(text) == text


def test_the_deepest_nest_is_formatted() -> None:
    text = "net A " + "{" * 60 + "relu" + "}" * 60
    holds(text.replace("{", "{\n"))


def test_a_file_that_would_be_too_large_is_refused() -> None:
    text = "net N {\n" + "a->b\n" * 100_000 + "}\n"
    with pytest.raises(NetspecError) as refused:
        formatted(text)
    assert [diagnostic.code for diagnostic in refused.value.diagnostics] == ["E0107"]
