"""Every bad spec gets the message beside it: `pytest --update-golden` rewrites them, and the diff is reviewed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

import netspec
from netspec import explain
from netspec.diagnostics import Diagnostic, NetspecError, render

BAD = Path(__file__).parent / "bad"
NAMES = sorted(path.stem for path in BAD.glob("*.net"))


def diagnostics(path: Path) -> Sequence[Diagnostic]:
    """Everything that is found wrong with a file."""
    try:
        return netspec.load(path).check()
    except NetspecError as error:
        return error.diagnostics


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)


@pytest.mark.parametrize("name", NAMES)
def test_message(name: str, update_golden: bool) -> None:
    found = diagnostics(Path(f"{name}.net"))
    text = "\n\n".join(map(render, found)) + "\n"
    golden = BAD / f"{name}.txt"
    if update_golden:
        golden.write_text(text, encoding="utf-8")
    assert found, "a bad spec must get a diagnostic"
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_order_and_repetition(name: str) -> None:
    found = [d for d in diagnostics(Path(f"{name}.net")) if d.span.source.name == f"{name}.net"]
    assert [d.span.start for d in found] == sorted(d.span.start for d in found), "in the order of the text"
    places = Counter((d.span.start, d.span.end) for d in found)
    assert max(places.values(), default=1) == 1, "one mistake, one diagnostic"


@pytest.mark.parametrize("name", NAMES)
def test_mends(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mend, put in its place, makes its diagnostic go away and no other appear."""
    path = BAD / f"{name}.net"
    found = diagnostics(Path(f"{name}.net"))
    for diagnostic in found:
        if diagnostic.mend is None or diagnostic.mend[0].source.name != path.name:
            continue
        span, text = diagnostic.mend
        mended = tmp_path / path.name
        source = path.read_text(encoding="utf-8")
        mended.write_text(source[: span.start] + text + source[span.end :], encoding="utf-8")
        (tmp_path / "parts").mkdir(exist_ok=True)
        for part in (BAD / "parts").iterdir():
            (tmp_path / "parts" / part.name).write_bytes(part.read_bytes())
        monkeypatch.chdir(tmp_path)
        left = diagnostics(Path(path.name))
        monkeypatch.chdir(BAD)
        assert render(diagnostic) not in map(render, left)
        if not any(note.startswith("in ") for note in diagnostic.notes):  # one instance is mended, not each of a block
            assert len(left) < len(found), "\n\n".join(map(render, left))


def test_every_code_of_elaboration_has_a_bad_spec() -> None:
    told = {
        code
        for path in BAD.glob("*.txt")
        for code in re.findall(r"^error\[(E\d{4})\]", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    wanted = {code for code in explain.codes() if "E0200" < code < "E0600"} - {"E0217"}  # of the caller, not the spec
    assert wanted - told == set()


def test_every_golden_message_has_its_spec() -> None:
    assert {path.stem for path in BAD.glob("*.txt")} == set(NAMES)
