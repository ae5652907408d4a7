"""`# draw:` comments: captions, hidden stages and groups are drawn, the net stays the same, nothing is markup."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.diagram.view.boxes import View
from netspec.diagram.view.view import figure, view

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
HEAD = "net N {\n input image [3, 32, 32]\n"


def shown(body: str, depth: int | None = None) -> View:
    return figure(netspec.parse(f"{HEAD}{body}}}\n").graph(), depth)


def titles(one: View) -> list[str]:
    return [box.title for box in one.leaves() if box.kind == "layer"]


def ways(one: View) -> set[tuple[str, str]]:
    def said(key: str) -> str:
        box = one.by_id[key]
        return box.title or box.label

    return {(said(edge.source), said(edge.target)) for edge in one.edges}


def test_a_caption_stands_in_place_of_the_layer_of_its_line() -> None:
    one = shown(" c = conv(8, 3) -> relu  # draw: \"the # stem\"\n conv(8, 3); conv(9, 3)   # draw: 'two'\n")
    assert titles(one) == ["the # stem", "two", "conv 3×3, 9"]
    assert next(box for box in one.leaves() if box.title == "the # stem").after == ("ReLU",)


def test_what_is_hidden_is_passed_by() -> None:
    one = shown(
        " conv(8, 3, pad=1)\n residual {\n"
        "  dropout(0.1)  # draw: hide\n  batchnorm  # draw: hide\n  conv(8, 3, pad=1)\n }\n"
    )
    assert ways(one) == {
        ("image", "conv 3×3, 8"),
        ("conv 3×3, 8", "conv 3×3, 8"),
        ("conv 3×3, 8", "+"),
        ("+", "output"),
    }


def test_all_but_the_input_can_be_hidden() -> None:
    one = shown(" conv(8, 3)   # draw: hide\n")
    assert ways(one) == {("image", "output")}
    assert netspec.parse(f"{HEAD} conv(8, 3)   # draw: hide\n}}\n").graph().render(format="svg")


def test_groups_are_frames_one_in_the_other() -> None:
    one = shown(
        ' # draw: group "all"\n conv(8, 3)\n # draw: group "pool"\n maxpool(2)\n # draw: end\n'
        " conv(9, 3)\n # draw: end\n flatten\n"
    )
    assert [box.label for box in one.walk() if box.children] == ["all", "pool"]
    assert {box.title for box in one.walk() if box.is_leaf} >= {"conv 3×3, 8", "maxpool 2×2", "conv 3×3, 9"}


def test_in_a_block_they_count_for_every_call() -> None:
    spec = 'block B {\n conv(8, 3)  # draw: "mine"\n relu\n}\n' + HEAD + " a = B\n b = B\n}\n"
    assert set(titles(figure(netspec.parse(spec).graph(), 2))) == {"mine"}


def test_rounds_are_hidden_together() -> None:
    one = shown(" repeat 3 {\n  conv(3, 3, pad=1)\n  dropout(0.1)   # draw: hide\n }\n")
    assert set(titles(one)) == {"conv 3×3, 3"}
    assert not any(box.after for box in one.leaves()), "dropout goes from the boxes that it is a line of"
    assert netspec.parse(f"{HEAD} repeat 3 {{\n conv(3, 3, pad=1)\n relu # draw: hide\n }}\n}}\n").graph().render()


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# draw: hidden", "hidden is nothing that a picture can do"),
        ("# draw:", "nothing is said of the picture"),
        ("# draw: group", "group is nothing that a picture can do"),
        ('# draw: hide "it"', "is nothing that a picture can do"),
        ('# draw: ""', "is nothing that a picture can do"),
        ("# draw: end", "no group is begun above this end"),
        ('# draw: group "a"', "this group has no end"),
    ],
)
def test_what_is_none_is_refused_with_its_place(comment: str, message: str) -> None:
    spec = netspec.parse(f"{HEAD} conv(8, 3)  {comment}\n}}\n")
    with pytest.raises(NetspecError) as caught:
        spec.graph().render(format="svg")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.span.line) == ("E0806", 3)
    assert message in diagnostic.message
    assert spec.check() == [], "the net is none the worse"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (r'group "a\"b"', "group 'a\"b'"),
        ("group 'it's'", 'group "it\'s"'),
        ('group"a"', 'group "a"'),
        ("grp words", 'group "words"'),
        ("hide it", "hide"),
        ("END", "end"),
        ("“a b”", '"a b"'),
        ('"a" "b"', '"a"'),
        ('"', '"words"'),
    ],
)
def test_what_was_meant_is_proposed_and_drawn(said: str, meant: str) -> None:
    begin, end = ("", "\n # draw: end") if meant != "end" else ('# draw: group "g"\n', "")
    text = f"{HEAD} {begin} conv(8, 3)  # draw: {said}{end if 'group' in meant else ''}\n}}\n"
    with pytest.raises(NetspecError) as caught:
        netspec.parse(text).graph().render(format="mmd")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.mend is not None
    span, words = diagnostic.mend
    assert (span.text, words, diagnostic.help) == (said, meant, f"write {meant}")
    netspec.parse(text[: span.start] + words + text[span.end :]).graph().render(format="mmd")


@pytest.mark.parametrize("form", ["svg", "html", "dot", "mmd", "tex", "json"])
@pytest.mark.parametrize("words", ["</text><script>alert(1)</script>", "\\input{x}$%&_^", "]`<b>`|", "a\u202eb"])
def test_evil_words_are_inert(form: str, words: str) -> None:
    spec = f"{HEAD} # draw: group '{words}'\n conv(8, 3)  # draw: '{words}'\n # draw: end\n}}\n"
    written = str(netspec.parse(spec).graph().render(format=form))
    assert "\u202e" not in written
    if form in ("svg", "html", "mmd"):
        assert "<script>alert" not in written
        assert "<b>" not in written
    if form == "tex":
        assert "\\input{x}" not in written


def test_texts_in_the_spec_are_no_comments() -> None:
    one = shown(' rearrange("c h w -> c h w")   # is no: draw: hide\n conv(8, 3)\n')
    assert titles(one)[-1] == "conv 3×3, 8"


@pytest.mark.parametrize("name", ["resnet", "googlenet", "unet"])
def test_without_comments_a_figure_is_the_view(name: str) -> None:
    graph = netspec.load(EXAMPLES / f"{name}.net").graph()
    assert len(list(figure(graph).walk())) == len(list(view(graph).walk()))
    assert figure(graph).edges == view(graph).edges
