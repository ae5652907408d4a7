"""What is wrong is said once, where it is, with its mend; the rest of the file is read all the same."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_syntax_parser import LENET, RESNET, STATEMENTS

from netspec.diagnostics import Diagnostic, render
from netspec.format import print_tree
from netspec.syntax import Source, parse, tree

PAGE = f"net X {{\n{chr(10).join(STATEMENTS)}\n}}\n"


def mistakes(text: str) -> list[Diagnostic]:
    return parse(Source("t.net", text))[1]


def statements(text: str) -> int:
    """How many statements of the first definition are read."""
    return next(len(item.body.statements) for item in parse(Source("t", text))[0].items if hasattr(item, "body"))


def mended(text: str) -> str:
    (found,) = mistakes(text)
    assert found.mend is not None
    span, put = found.mend
    return text[: span.start] + put + text[span.end :]


IN_BODY = [
    ("if a = 3 { relu }", "E0101", "a condition compares with `==`, not `=`", "="),
    ("if (a = 3) { relu }", "E0101", "a condition compares with `==`, not `=`", "="),
    ("if a == 3: { relu }", "E0101", "no `:` stands before a body", ":"),
    ("if a { } else: { relu }", "E0101", "no `:` stands before a body", ":"),
    ("if a == 3:\n  relu", "E0101", "a body stands in braces, not after `:`", ":"),
    ("for i in x:\n  relu", "E0101", "a body stands in braces, not after `:`", ":"),
    ("repeat 3\n{ relu }", "E0101", "this `{` belongs on the line of what it opens", "{"),
    ("if x { } elif y { }", "E0101", "`elif` is written `else if` here", "elif"),
    ("let x = True", "E0101", "`True` is written `true` here", "True"),
    ("let x = None", "E0101", "`None` is written `none` here", "None"),
    ("let x = a && b", "E0101", "`&&` is written `and` here", "&&"),
    ("let x = a || b", "E0101", "`||` is written `or` here", "||"),
    ("let x = !b", "E0101", "`!` is written `not` here", "!"),
    ("a => b", "E0101", "`=>` is written `->` here", "=>"),
    ("let in = 3", "E0101", "`in` is a word of the language", "in"),
    ("let x 3", "E0101", "expected `=` or `,`, but found `3`", "3"),
    ("c1 = ;", "E0101", "expected an expression or a body in braces, but found `;`", ";"),
    ("f(a)b = ;", "E0101", "but found `;`", ";"),
    ("relu if x { a }", "E0101", "this `if` continues the expression before it", "if"),
    ("let y = a if b", "E0101", "this `if` has no `else`", "if"),
    ("{ -> relu }", "E0101", "nothing stands before this `->`", "->"),
    ("input image", "E0101", "an input needs its shape", ""),
    ("let x = (1, 2)", "E0101", "there are no tuples", ","),
    ("let x = {a: 1}", "E0101", "there are no dictionaries", ":"),
    ("f(x) = 3", "E0101", "only a label can stand before `=`", "f(x)"),
    ("a += 1", "E0101", "there is no `+=`", "+="),
    ("let x = a +", "E0101", "the line ends after `+`", "+"),
    ("conv(64, 3x3)", "E0101", "`3x3` is neither a number nor a name", "3x3"),
    ("conv(64 3)", "E0101", "a `,` is missing here", "3"),
    ("conv(64, stride: 2)", "E0101", "an argument is named with `=`, not `:`", ":"),
    ("conv(64, {relu})", "E0101", "a body cannot be an argument", "{"),
    ("f(a,, b)", "E0101", "a `,` stands here twice", ","),
    ("data digits", "E0101", "`data` is a setting, and this is the body of a net", "data"),
    ("optimizer adam(lr=0.1)", "E0101", "`optimizer` is a setting, and this is the body of a net", "optimizer"),
    ("epochs 4", "E0101", "`epochs` is a setting, and this is the body of a net", "epochs"),
    ("metrics [accuracy]", "E0101", "`metrics` is a setting, and this is the body of a net", "metrics"),
    ("f(a; b)", "E0101", "expected `)` or `,`, but found `;`", ";"),
    ("relu when training", "E0101", "only an output can be computed `when training`", "when training"),
    ("output a = b when testing", "E0101", "`when testing` is not known", "testing"),
    ("repeat 3 relu", "E0101", "expected `{`, but found `relu`", "relu"),
    ("concat { a } gate { b }", "E0101", "`gate` does not belong to `concat`", "gate"),
    ("residual { a } shortcut { b } shortcut { c }", "E0101", "this residual has `shortcut` twice", "shortcut"),
    ("relu $i", "E0101", "`$i` stands alone", "$i"),
    ("block Foo(x) { relu }", "E0101", "a block cannot be defined inside of a body", "block"),
    ("def foo(x):", "E0101", "`def` is not a word of the language", "def"),
    ("else { a }", "E0101", "this `else` has no `if` before it", "else"),
    ("for = 3", "E0101", "`for` is a word of the language", "for"),
    ("a → b", "E0102", "`→` is not in the language", "→"),
    ("a ? b", "E0102", "`?` is not in the language", "?"),
    ("let größe = 3", "E0102", "`ö` is not in the language", "öß"),
    ("let s = “x”", "E0102", "these are not ordinary quotes", "“x”"),
    ("conv(64, 3", "E0103", "this `(` is never closed", "("),
    ("x = f([1, 2)", "E0103", "this `[` is never closed", "["),
    ("x = [1, 2)", "E0103", "`[` is closed by `)`", ")"),
    ("conv(64, 3)) -> relu", "E0103", "this `)` closes nothing", ")"),
    ("layer${i = relu", "E0103", "this `${` is never closed", "${"),
    ("repeat (3 { relu }", "E0103", "this `(` is never closed", "("),
    ('let s = "abc', "E0104", "this string is never closed", '"abc'),
    ('f("abc, 3)', "E0104", "this string is never closed", '"abc'),
    (r'let s = "a\qb"', "E0104", "this escape is not one of the language's", r"\q"),
    (r'let s = "\ud800"', "E0104", "this escape is not one of the language's", r"\ud800"),
    ("let x = 9223372036854775809", "E0108", "this number is too large", "9223372036854775809"),
    ("let x = 1e999", "E0108", "this number is too large", "1e999"),
    ("conv(8, a=1, a=2)", "E0109", "conv has the argument `a` twice", "a"),
    ("conv(a=1, 2)", "E0110", "a positional argument follows one with a name", "2"),
]
AT_TOP = [
    ("conv(64)", "E0101", "stages belong in a net or a block", "conv"),
    ("let x = 3 relu", "E0101", "stages belong in a net or a block", "relu"),
    ("output x", "E0101", "`output` belongs in a net or a block", "output"),
    ("import x", "E0101", "an import says what it takes", "import"),
    ("from x", "E0101", "expected `import`, but the line ends", ""),
    ("class A(x) { relu }", "E0101", "`class` is not a word of the language", "class"),
    ("net { relu }", "E0101", "expected a name, but found `{`", "{"),
    ("block X(a = 1,, b = 2) { relu }", "E0101", "a `,` stands here twice", ","),
    ("net X(a, b, a) { }", "E0109", "net X has the parameter `a` twice", "a"),
    ("train { epochs = 3 }", "E0101", "a setting has no `=` after its key", "="),
    ("train { epochs: 3 }", "E0101", "a setting has no `:` after its key", ":"),
    ("train { input image [1, 8, 8] }", "E0101", "`input` belongs in the body of a net", "input"),
    ("train { conv(8, 3) }", "E0101", "`conv` belongs in the body of a net", "conv"),
    ("train { let a = 3 }", "E0101", "`let` belongs in the body of a net", "let"),
    ("train { epochs 3 4 }", "E0101", "expected a setting or the end of the line", "4"),
    ("}", "E0103", "this `}` closes nothing", "}"),
]


@pytest.mark.parametrize(("line", "code", "message", "at"), IN_BODY)
def test_a_mistake_in_a_body_is_said_once(line: str, code: str, message: str, at: str) -> None:
    text = f"net A {{\n  relu\n{line}\n  tanh\n}}\nnet B {{ relu }}\n"
    (found,) = mistakes(text)
    assert (found.code, found.span.text) == (code, at)
    assert message in found.message
    assert found.help or found.label
    assert found.span.line in (3, 4)
    assert message.split("`")[0] in render(found)
    file, _ = parse(Source("t", text))
    assert [item.name for item in file.items if isinstance(item, tree.Definition)] == ["A", "B"]
    assert {tree.Name("relu"), tree.Name("tanh")} <= {
        s.flow.elements[0]  # type: ignore[misc]
        for s in file.items[0].body.statements  # type: ignore[union-attr]
        if isinstance(s, tree.Stage)
    }


@pytest.mark.parametrize(("line", "code", "message", "at"), AT_TOP)
def test_a_mistake_in_a_file_is_said_once(line: str, code: str, message: str, at: str) -> None:
    text = f"let before = 1\n{line}\nlet after = 2\n"
    (found,) = mistakes(text)
    assert (found.code, found.span.text) == (code, at)
    assert message in found.message
    lets = [item.names for item in parse(Source("t", text))[0].items if isinstance(item, tree.Let)]
    assert lets[0] == ("before",)
    assert lets[-1] == ("after",)


@pytest.mark.parametrize("line", [line for line, *_ in IN_BODY])
def test_what_mends_a_mistake_mends_it(line: str) -> None:
    text = f"net A {{\n  relu\n{line}\n  tanh\n}}\n"
    (found,) = mistakes(text)
    if found.mend is not None and found.message != "this `if` has no `else`":
        assert not mistakes(mended(text)), mended(text)


def test_three_mistakes_are_three() -> None:
    text = "net A {\n  relu +\n  tanh\n  conv(64, 3\n  repeat { relu }\n}\nnet B {\n  let x = True\n  relu\n}\n"
    assert [found.span.line for found in mistakes(text)] == [2, 4, 5, 8]


def test_an_unclosed_body_ends_where_the_next_item_begins() -> None:
    text = "net A {\n  repeat 3 {\n    relu\n}\n\nnet B {\n  relu\n}\n"
    (found,) = mistakes(text)
    assert found.message == "this `{` is never closed"
    assert found.span.line == 2
    assert [span.line for span, _ in found.related] == [6, 4]
    assert [item.name for item in parse(Source("t", text))[0].items] == ["A", "B"]  # type: ignore[union-attr]
    assert not mistakes(mended(text))


def test_an_unclosed_parenthesis_costs_its_line_only() -> None:
    assert statements("net A {\n  conv(64, [3,\n    3]\n  relu\n  tanh\n}\n") == 3


def test_at_most_twenty_mistakes_in_the_order_of_the_text() -> None:
    found = mistakes("net A {\n" + "let x 3\n" * 50 + "}\n")
    assert len(found) == 20
    assert [d.span.start for d in found] == sorted(d.span.start for d in found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("let x = " + "(" * 10_000 + ")" * 10_000, "E0105"),
        ("let x = " + "[" * 65 + "]" * 65, "E0105"),
        ("net X " + "{" * 65 + "}" * 65, "E0105"),
        ("let x = " + "-" * 300 + "1", "E0106"),
        ("let x = 1" + " + 1" * 150, "E0106"),
        ("let x = a" + ".b" * 150, "E0106"),
        ("let x = " + "f(a + " * 60 + "1" + ")" * 60, "E0106"),
        ("# " + "x" * 2**20, "E0107"),
        ("let x = " + "9" * 100_000, "E0108"),
    ],
)
def test_what_is_too_much_is_refused_at_once(text: str, code: str) -> None:
    start = time.process_time()
    assert [found.code for found in mistakes(text)] == [code]
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "text",
    [
        "let x = " + "(" * 64 + "1" + ")" * 64,
        "let x = [" + "1 + 2, " * 5000 + "]",
        "net X { a" + " -> a" * 5000 + " }",
        "net X { if a { }" + " else if a { }" * 2000 + " }",
        "let x = 1" + " + 1" * 95,
        "let x = 9223372036854775808",
    ],
)
def test_what_is_long_but_shallow_is_read(text: str) -> None:
    file, found = parse(Source("t", text))
    assert not found
    assert parse(Source("t", print_tree(file)))[0] == file


def test_the_deepest_tree_is_printed_without_deep_recursion() -> None:
    text = "net X " + "{ " * 60 + "-" * 70 + "x" + " }" * 60
    file, found = parse(Source("t", text))
    assert not found
    assert print_tree(parse(Source("t", print_tree(file)))[0]) == print_tree(file)


def test_time_grows_with_length_and_no_faster() -> None:
    def seconds(lines: int) -> float:
        text = "net X {\n" + "  conv(64, 3) -> relu\n  let x 3\n" * (lines // 2) + "}\n"
        start = time.process_time()
        parse(Source("t", text))
        return time.process_time() - start

    seconds(100)
    assert seconds(20_000) < 10 * max(seconds(4_000), 0.05)


def _never_raises(text: str) -> None:
    file, found = parse(Source("t", text))
    assert len(found) <= 20
    for diagnostic in found:
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        render(diagnostic)
    if not found:
        assert parse(Source("t", print_tree(file))) == (file, [])


_pieces = [*"()[]{}a3\"'\\#\n;:,.=+-", "${", "$i", ".5", "1e5", "->", "==", "**", "\ud800", "é", "residual {", "gate {"]
_words = re.findall(
    r"\S+",
    "not in if else for elif let net train input output repeat return shared default block when training from import "
    "True a$i a${ b}",
)


@settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.text(), st.lists(st.sampled_from([*_pieces, *_words]), max_size=40).map(" ".join)))
def test_no_text_breaks_the_parser(text: str) -> None:
    _never_raises(text)
    _never_raises("net X {\n" + text + "\n}\n")


@pytest.mark.parametrize("page", [LENET, RESNET, PAGE], ids=["lenet", "resnet", "page"])
def test_no_change_of_a_good_page_breaks_the_parser(page: str) -> None:
    chance = random.Random(page)
    for _ in range(60):
        at, length = chance.randrange(len(page)), chance.choice((0, 1, 1, 3, 20))
        put = chance.choice((*_pieces, *_words, "", "", page[at : at + 30]))
        _never_raises(page[:at] + put + page[at + length :])
        _never_raises(page[:at])
