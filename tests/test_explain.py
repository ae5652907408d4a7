"""The error pages: one for every code, and what they show is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import netspec
from netspec import explain, train
from netspec.diagnostics import Diagnostic, render

PACKAGE = Path(netspec.__file__).parent
PAGES = PACKAGE / "explain"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [
    code for code in explain.codes() if {"net", "text"} <= {kind for kind, _ in FENCE.findall(explain.page(code) or "")}
]


def used_codes() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    return {code for text in texts for code in re.findall(r'"([EW]\d{4})"', text)}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert used_codes() == set(explain.codes())


@pytest.mark.parametrize("code", explain.codes())
def test_page_begins_with_its_code_and_title(code: str) -> None:
    page = explain.page(code)
    assert page is not None
    assert page.startswith(f"# {code}: ")
    assert explain.title(code)
    assert page.endswith("\n")


@pytest.mark.parametrize("code", SHOWN)
def test_wrong_example_gets_the_message_and_mended_one_checks(
    code: str, update_golden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = explain.page(code)
    assert page is not None
    blocks = FENCE.findall(page)
    assert [kind for kind, _ in blocks] == ["net", "text", "net"]
    (_, wrong), (_, message), (_, mended) = blocks
    found = diagnostics(wrong, code)
    assert found, "the wrong example is accepted"
    assert found[0].code == code
    told = "\n\n".join(map(render, found)) + "\n"
    if update_golden and told != message:
        (PAGES / f"{code}.md").write_text(
            page.replace(f"```text\n{message}```", f"```text\n{told}```"), encoding="utf-8"
        )
    else:
        assert message == told
    assert diagnostics(mended, code) == []


@pytest.mark.parametrize("written", ["e0301", " E0301 ", "E0301"])
def test_codes_are_found_however_they_are_written(written: str) -> None:
    assert explain.page(written) == explain.page("E0301")


@pytest.mark.parametrize("written", ["", "../E0301", "E9999", "nonsense", "E0301.md", "E0301\x00"])
def test_what_is_no_code_has_no_page(written: str) -> None:
    assert explain.page(written) is None


def diagnostics(text: str, code: str) -> list[Diagnostic]:
    """What is wrong with a spec that lies alone in the working folder: its nets, the default one, its training.

    For the page of a warning, where nothing is, what the warnings say.
    """
    Path("example.net").write_text(text, encoding="utf-8")
    try:
        spec = netspec.load("example.net")
        if found := spec.check():
            return found
        graph = spec.graph() if spec.nets or not code.startswith("W") else None
        found = train.check(spec.train, graph) if spec.train is not None and graph is not None else []
        return found or (spec.warnings() if code.startswith("W") else [])
    except netspec.NetspecError as error:
        return list(error.diagnostics)
    return []
