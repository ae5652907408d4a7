"""Everything that the README and the docs show is run: specs check, Python runs, commands print what they say.

A ```net block with a file name after it is written to that file for the blocks below it. A ```console block's commands
run in that folder; each line below a command must be among what it prints.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

import netspec
from netspec.cli import application

COMMANDS = typer.main.get_group(application()).commands
ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in ("layers.md", "errors.md")]
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.usefixtures("own_parts")
@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_what_is_shown_works(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for kind, file, text in FENCE.findall(page.read_text(encoding="utf-8")):
        match kind:
            case "net":
                if file:
                    (tmp_path / file).write_text(text, encoding="utf-8")
                if not file.startswith("wrong"):
                    check(text)
            case "toml" if file:
                (tmp_path / file).write_text(text, encoding="utf-8")
            case "python":
                exec(compile(text, f"{page.name}: {text[:40]!r}", "exec", dont_inherit=True), names)
            case "console":
                run(text, cli)


def check(text: str) -> None:
    """A whole file checks; a piece of one does, in a net with a map to work on."""
    if not re.search(r"^\s*(net|block|from) ", text, re.MULTILINE):
        text = f"net Piece(n = 2, width = 8) {{\n  input image [8, 32, 32]\n{text}\n}}"
    spec = netspec.parse(text, name="shown.net")
    assert spec.check() == []


def run(text: str, cli: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    printed = ""
    for line in text.splitlines():
        if line.startswith("$ netspec "):
            result = cli(*shlex.split(line)[2:])
            printed = result.stdout + result.stderr
            assert "Traceback" not in printed
        else:
            assert line in printed.splitlines()


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    named = set(re.findall(r"`netspec ([a-z][a-z-]*)", text))
    assert named <= COMMANDS.keys(), named - COMMANDS.keys()
    for command, options in re.findall(r"`netspec ([a-z][a-z-]*)([^`\n]*)`", text):
        known = {
            word for parameter in COMMANDS[command].params for word in (*parameter.opts, *parameter.secondary_opts)
        }
        assert set(re.findall(r"(?<!\S)--[a-z-]+", options)) <= known, (command, options)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", FENCE.sub("", page.read_text(encoding="utf-8"))):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
