"""Every bad spec gets the message beside it, at the lines that say so: `# error: E0301`, several codes in a row.

`pytest --update-golden` writes both, and the diff is reviewed. The marks are taken off before a spec is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import netspec
from netspec import explain
from netspec.diagnostics import Diagnostic, NetspecError, render

BAD = Path(__file__).parent / "bad"
NAMES = sorted(path.stem for path in BAD.glob("*.net"))
MARK = re.compile(r" *# (error|warning):((?: [EW]\d{4})+)$", re.MULTILINE)


def diagnostics(path: Path) -> Sequence[Diagnostic]:
    """Everything that is found wrong with a file."""
    try:
        return netspec.load(path).check()
    except NetspecError as error:
        return error.diagnostics


def marks(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, severity and code of what a spec says is wrong with it."""
    for mark in MARK.finditer(text):
        for code in mark[2].split():
            yield text.count("\n", 0, mark.start()) + 1, mark[1], code


def marked(text: str, wrong: Sequence[tuple[int, str, str]]) -> str:
    """The text with marks of these at the ends of their lines."""
    lines = MARK.sub("", text).split("\n")
    for line, severity in dict.fromkeys((line, severity) for line, severity, _ in wrong):
        codes = " ".join(code for *place, code in wrong if place == [line, severity])
        lines[line - 1] += f"  # {severity}: {codes}"
    return "\n".join(lines)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bad specs as they are without their marks."""
    folder = tmp_path_factory.mktemp("bad")
    for path in BAD.rglob("*"):
        copy = folder / path.relative_to(BAD)
        if path.suffix == ".net":
            copy.write_text(MARK.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
        elif path.is_dir():
            copy.mkdir()
        elif path.parent != BAD:
            copy.write_bytes(path.read_bytes())
    return folder


@pytest.fixture(autouse=True)
def _here(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(plain)


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
def test_lines(name: str, update_golden: bool) -> None:
    """What is wrong in an imported file has no mark: that file may be right for others."""
    path = BAD / f"{name}.net"
    wrong = [
        (diagnostic.span.line, diagnostic.severity, diagnostic.code)
        for diagnostic in diagnostics(Path(path.name))
        if diagnostic.span.source.name == path.name
    ]
    text = path.read_text(encoding="utf-8")
    if update_golden:
        text = marked(text, wrong)
        path.write_text(text, encoding="utf-8")
    assert list(marks(text)) == wrong


@pytest.mark.parametrize("name", NAMES)
def test_order_and_repetition(name: str) -> None:
    found = [d for d in diagnostics(Path(f"{name}.net")) if d.span.source.name == f"{name}.net"]
    assert [d.span.start for d in found] == sorted(d.span.start for d in found), "in the order of the text"
    places = Counter((d.span.start, d.span.end) for d in found)
    assert max(places.values(), default=1) == 1, "one mistake, one diagnostic"


@pytest.mark.parametrize("name", NAMES)
def test_mends(name: str, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mend, put in its place, makes its diagnostic go away and no other appear."""
    path = plain / f"{name}.net"
    found = diagnostics(Path(f"{name}.net"))
    for diagnostic in found:
        if diagnostic.mend is None or diagnostic.mend[0].source.name != path.name:
            continue
        span, text = diagnostic.mend
        mended = tmp_path / path.name
        source = path.read_text(encoding="utf-8")
        mended.write_text(source[: span.start] + text + source[span.end :], encoding="utf-8")
        (tmp_path / "parts").mkdir(exist_ok=True)
        for part in (plain / "parts").iterdir():
            (tmp_path / "parts" / part.name).write_bytes(part.read_bytes())
        monkeypatch.chdir(tmp_path)
        left = diagnostics(Path(path.name))
        monkeypatch.chdir(plain)
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
