"""The fuzzers at work for a moment, on the same cases every time; `make fuzz` goes on with others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import MAKERS, made
from tests.fuzz.case import Case, tried

CASES = 60


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_nothing_is_found(kind: str) -> None:
    for number in range(CASES):
        find = tried(made(kind, 0, number))
        assert find is None, f"{kind}/{number}\n{find.report}\n{find.text}"


def test_a_find_is_a_find() -> None:
    """Whatever is no answer in words is found, with its place; an endless loop would be, too."""

    def broken() -> None:
        raise KeyError("x")

    find = tried(Case("the input", broken))
    assert find is not None
    assert (find.text, "KeyError" in find.place) == ("the input", True)
    assert tried(Case("", lambda: sys.exit(3))) is not None
    assert tried(Case("", lambda: None)) is None


def test_a_case_is_made_again(root: Path) -> None:
    """The seed is printed, and with it and the number a case is the same in another process."""
    command = [sys.executable, "-m", "tests.fuzz", "--seed", "7", "--case", "specs/3"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    printed = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False).stdout
    assert printed.startswith("seed 7\n")
    assert made("specs", 7, 3).text in printed


def test_what_has_no_end_is_a_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.case.SECONDS", 0.2)

    def endless() -> None:
        while True:
            pass

    find = tried(Case("", endless))
    assert find is not None
    assert find.place.startswith("Overtime")
