"""What all tests share: the golden files' switch, and the command line as a function."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).resolve().parent.parent
Cli: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of examples."""
    return ROOT / "examples"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("check", file)`: the command line, in an empty folder; what it prints and its exit status."""
    from netspec.cli import main

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = ["netspec", *map(str, arguments)]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", command)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(command, code if isinstance(code, int) else 0, printed.out, printed.err)

    return run


@pytest.fixture
def own_parts() -> Iterator[None]:
    """Layers, losses, metrics and other parts that a test registers from Python are forgotten after it."""
    from netspec.layers.declaration.base import REGISTRY
    from netspec.train.augment import AUGMENTS
    from netspec.train.data import DATA
    from netspec.train.losses import LOSSES
    from netspec.train.section.callbacks import CALLBACKS
    from netspec.train.section.parts.metrics import METRICS
    from netspec.train.section.parts.optimizers import OPTIMIZERS
    from netspec.train.section.parts.schedules import SCHEDULES

    kinds = (LOSSES, METRICS, OPTIMIZERS, SCHEDULES, AUGMENTS, DATA, CALLBACKS)
    registries: list[dict[str, object]] = [REGISTRY, *(kind._parts for kind in kinds)]  # type: ignore[list-item]
    before = [dict(registry) for registry in registries]
    yield
    for registry, parts in zip(registries, before, strict=True):
        registry.clear()
        registry.update(parts)


@pytest.fixture
def process(tmp_path: Path) -> Cli:
    """The same in a process of its own; keyword arguments are its environment."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "netspec", *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=120,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            check=False,
        )

    return run
