"""`netspec fmt`: what it writes, prints and exits with; what it leaves alone."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
UNTIDY = "net A { input x [3]\nrelu->tanh }\n"
TIDY = "net A {\n  input x [3]\n  relu -> tanh\n}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two specs to format, one of them in a folder below, one that is as it should be, and two that are no one's."""
    (tmp_path / "below").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("a.net", "below/b.net", ".hidden/c.net", "d.txt"):
        (tmp_path / name).write_text(UNTIDY, encoding="utf-8")
    (tmp_path / "e.net").write_text(TIDY, encoding="utf-8")
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*") if path.is_file()}


def test_a_folder_is_formatted_with_what_is_below_it(cli: Cli, folder: Path) -> None:
    before = contents(folder)
    result = cli("fmt")
    assert (result.returncode, result.stdout, result.stderr) == (0, "2 files changed, 1 file as it should be\n", "")
    assert contents(folder) == {**before, "a.net": TIDY, "below/b.net": TIDY}
    assert cli("fmt", ".", "a.net").stdout == "3 files as it should be\n"


def test_check_names_what_would_change_and_writes_nothing(cli: Cli, folder: Path) -> None:
    before = contents(folder)
    result = cli("fmt", "--check", "below", "e.net")
    assert result.returncode == 1
    assert result.stdout == "would change: below/b.net\n1 file would be changed, 1 file as it should be\n"
    assert contents(folder) == before
    assert cli("fmt", "--check", "e.net").returncode == 0


def test_diff_can_be_applied(cli: Cli, folder: Path) -> None:
    (folder / "a.net").write_text(UNTIDY.rstrip("\n"))
    result = cli("fmt", "--diff", "a.net", "e.net")
    assert result.returncode == 1
    subprocess.run(["git", "apply", "-p0", "-"], input=result.stdout, text=True, cwd=folder, check=True)
    assert (folder / "a.net").read_text() == TIDY


def test_a_file_with_mistakes_stays_and_the_others_are_formatted(cli: Cli, folder: Path) -> None:
    (folder / "a.net").write_text("net A { input x [3] -> }\n")
    result = cli("fmt", "a.net", "nowhere.net", "below")
    assert result.returncode == 2
    assert "error[E0101]" in result.stderr
    assert "there is no file nowhere.net" in result.stderr
    assert result.stdout == "1 file changed\n"
    assert (folder / "a.net").read_text() == "net A { input x [3] -> }\n"
    assert (folder / "below/b.net").read_text() == TIDY


def test_line_ends_and_permissions_stay(cli: Cli, folder: Path) -> None:
    file = folder / "a.net"
    file.write_bytes(UNTIDY.replace("\n", "\r\n").encode())
    file.chmod(0o640)
    assert cli("fmt", "a.net").returncode == 0
    assert file.read_bytes() == TIDY.replace("\n", "\r\n").encode()
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("options", "text", "code", "printed"),
    [
        ((), UNTIDY, 0, TIDY),
        ((), TIDY, 0, TIDY),
        (("--check",), UNTIDY, 1, "would change: <stdin>\n1 file would be changed\n"),
        ((), "net {", 2, ""),
    ],
)
def test_standard_input_goes_to_standard_output(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], text: str, code: int, printed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    result = cli("fmt", *options, "-")
    assert (result.returncode, result.stdout) == (code, printed)
    assert bool(result.stderr) == (code == 2)


def test_torch_is_not_needed(process: Cli, folder: Path) -> None:
    (folder / "torch.py").write_text("raise RuntimeError('torch is imported')\n")
    assert process("fmt", "a.net").returncode == 0
