"""What an editor offers in a train section with steps, and what a rename carries into it."""

from __future__ import annotations

from netspec.lsp.answers import colours, completion, navigation, outline
from tests.lsp.documents import EXAMPLES, document

TEXT = (EXAMPLES / "training" / "dcgan_digits.net").read_text(encoding="utf-8")


def offered(before: str, typed: str) -> set[str]:
    """What is offered behind `typed`, where it is put in after a text of the file."""
    offset = TEXT.index(before) + len(before)
    text = TEXT[:offset] + typed + TEXT[offset:]
    return {item.label for item in completion.completions(document(text), offset + len(typed))}


def test_keys_of_the_section_and_of_a_step() -> None:
    assert {"step", "draw", "data", "epochs"} <= offered("draw z normal\n", "  ")
    assert offered("step generator {\n", "    ") == {"loss", "trains", "optimizer", "clip", "every"}


def test_what_is_drawn_and_how() -> None:
    assert offered("data   digits\n", "  draw ") == {"image", "z"}
    assert offered("data   digits\n", "  draw z ") == {"normal", "uniform"}
    assert "adam" in offered("step generator {\n", "    optimizer ")


def test_a_rename_of_what_is_drawn_and_of_what_is_trained() -> None:
    for old, new in (("z", "code"), ("discriminator", "critic")):
        one = document(TEXT)
        offset = TEXT.index(f"{old} [") if old == "z" else TEXT.index(f"{old} = ")
        edits = navigation.rename(one, "file:///net.net", offset, new, document).edits["file:///net.net"]
        lines = {TEXT.splitlines()[edit.range.start.line].split("{")[0].strip() for edit in edits}
        assert ("draw z normal" if old == "z" else "step discriminator") in lines


def test_the_outline_names_steps() -> None:
    train = outline.symbols(document(TEXT))[-1]
    assert {"data", "draw z", "step generator"} <= {symbol.name for symbol in train.children or ()}
    assert colours.colours(document(TEXT))
