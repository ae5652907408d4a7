"""The wheel, as a user gets it: installed alone, without torch, it checks, summarises and emits from any folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, root)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a clean environment with the wheel and what it needs, nothing else."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    pip(programs, "install", "--quiet", "--no-compile", "--constraint", root / "constraints.txt", wheel)
    return programs


def pip(programs: Path, *arguments: object) -> str:
    """What pip says of the clean environment, which has none: this one's does it."""
    return run(sys.executable, "-m", "pip", "--python", programs / "python", *arguments)


def run(*command: object, cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    result = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=cwd, env=environment, timeout=600, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_what_the_wheel_holds(wheel: Path, root: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {"netspec/grammar/netspec.lark", "netspec/py.typed", "netspec/zoo.json", "netspec/explain/E0301.md"} <= held
    for folder in ("netspec", "examples"):
        for path in (root / folder).rglob("*.net"):
            name = path.relative_to(root).as_posix()
            assert (name if folder == "netspec" else f"netspec/{name}") in held
    for path in (root / "netspec").rglob("*.py"):
        assert path.relative_to(root).as_posix() in held
    for path in filter(Path.is_file, (root / "netspec" / "diagram" / "page" / "assets").rglob("*")):
        assert path.relative_to(root).as_posix() in held
    assert not any(name.startswith(("tests/", "benchmarks/", "docs/")) or "__pycache__" in name for name in held)


def test_torch_is_not_needed(installed: Path) -> None:
    listed = pip(installed, "list", "--format", "freeze")
    assert "netspec-nn==0.1.0" in listed
    assert not re.search(r"^(torch|reportlab|pillow)\b", listed, re.MULTILINE | re.IGNORECASE)


def test_commands_work_in_an_empty_folder(installed: Path, root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "examples" / "resnet.net", tmp_path)
    netspec = installed / "netspec"
    assert run(netspec, "check", "resnet.net", cwd=tmp_path) == "resnet.net: ok (ResNet)\n"
    assert "parameters  25,557,032" in run(netspec, "summary", "resnet.net", cwd=tmp_path)
    run(netspec, "emit", "resnet.net", "-o", "model.py", cwd=tmp_path)
    assert "class ResNet" in (tmp_path / "model.py").read_text(encoding="utf-8")
    assert run(netspec, "explain", "E0301", cwd=tmp_path).startswith("# E0301")
    assert "conv(channels, kernel" in run(netspec, "layers", "conv", cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"resnet.net", "model.py"}


def test_the_zoo_comes_along(installed: Path, tmp_path: Path) -> None:
    netspec = installed / "netspec"
    listed = run(netspec, "zoo", cwd=tmp_path)
    assert re.search(r"^resnet50 +ResNet +25,557,032 +Deep Residual Learning", listed, re.MULTILINE)
    assert run(netspec, "new", "mine", "--from", "resnet18", cwd=tmp_path) == "mine.net: ResNet as in resnet18\n"
    assert "parameters  11,689,512" in run(netspec, "summary", "mine.net", cwd=tmp_path)


@pytest.mark.parametrize("ending", ["svg", "png", "html"])
def test_pictures_are_drawn(installed: Path, tmp_path: Path, ending: str) -> None:
    run(installed / "netspec", "new", "mine", "--from", "lenet5", cwd=tmp_path)
    run(installed / "netspec", "render", "mine.net", "-o", f"mine.{ending}", cwd=tmp_path)
    assert (tmp_path / f"mine.{ending}").stat().st_size > 1000


def test_a_pdf_says_what_is_missing(installed: Path, tmp_path: Path) -> None:
    run(installed / "netspec", "new", "mine", "--from", "lenet5", cwd=tmp_path)
    result = subprocess.run(
        [installed / "netspec", "render", "mine.net", "-o", "mine.pdf"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error[E0613]: a picture as PDF needs reportlab, which is not installed")
    assert "help: pip install 'netspec-nn[pdf]'" in result.stderr
    assert not (tmp_path / "mine.pdf").exists()


def test_training_says_what_is_missing(installed: Path, root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "examples" / "mnist1d_conv.net", tmp_path)
    result = subprocess.run(
        [installed / "netspec", "train", "mnist1d_conv.net"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert result.returncode == 1
    assert "pip install 'netspec-nn[train]'" in result.stderr
    assert "Traceback" not in result.stderr
