"""The stored tables are those of the grammar, and the grammar is as it claims to be."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys

import pytest
from lark import logger

from netspec.syntax import tables
from netspec.syntax.builder import Builder


def test_the_stored_tables_are_current() -> None:
    made = tables.dump(tables.build(tables.grammar()))
    assert made == tables.STORED.read_text(encoding="utf-8"), "run: python -m netspec.syntax.tables"


def test_the_tables_come_out_the_same_every_time() -> None:
    program = "import sys; from netspec.syntax import tables as t; sys.stdout.write(t.dump(t.build(t.grammar())))"
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout == tables.STORED.read_text(encoding="utf-8")


def test_conflicts_are_only_that_an_expression_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(caplog.handler)
    try:
        tables.analyse(tables.grammar(), debug=True)
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(level)
    conflicts = re.findall(r"(\S+) conflict for terminal (\w+)", caplog.text)
    assert {kind for kind, _ in conflicts} == {"Shift/Reduce"}
    assert {terminal for _, terminal in conflicts} == {"LPAR", "LSQB", "SIGN", "IF", "IN", "NOT", "HOLE", "LHOLE"}


def test_every_production_has_its_method() -> None:
    for _, length, method in tables.load().rules:
        assert callable(getattr(Builder, method)) if method else length == 1
