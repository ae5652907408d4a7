"""Specs written for a test, and how they are read and trained."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from train_specs import DIGITS

import netspec
from netspec.train import launch
from netspec.train.data import DataSet
from netspec.train.data.files import Place
from netspec.train.section.settings import Settings, settings

RANKS = Path(__file__).parent / "ranks.py"
Write = Callable[..., netspec.Spec]


@pytest.fixture
def spec(tmp_path: Path) -> Write:
    """`spec(text)`: the text as a file, opened; pairs `(old, new)` after it are replaced in it first."""

    def write(text: str = DIGITS, *changes: tuple[str, str], name: str = "small.net") -> netspec.Spec:
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text)
        return netspec.load(path)

    return write


@pytest.fixture
def said(spec: Write) -> Callable[[str], Settings]:
    """`said("epochs 3")`: the settings of a train section with these lines, beside data and loss where they lack."""

    def read(lines: str) -> Settings:
        missing = [line for line in ("data digits", "loss cross_entropy") if line.split()[0] not in lines.split()]
        section = spec("train {\n" + "\n".join([*missing, lines]) + "\n}\n").train
        assert section is not None
        return settings(section)

    return read


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where the paths of a test's data begin and end."""
    return Place(tmp_path, tmp_path)


@pytest.fixture
def data(said: Callable[[str], Settings]) -> Callable[[str], DataSet]:
    """`data("digits(size=16)")`: the data set that a spec names so."""
    return lambda text: said(f"data {text}").data


@pytest.fixture(scope="session")
def _rank_server(root: Path) -> Iterator[str]:
    """The socket of a process that forks ranks."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    with tempfile.TemporaryDirectory(prefix="ranks-") as folder, socket.socket(socket.AF_UNIX) as listener:
        address = str(Path(folder) / "socket")
        listener.bind(address)
        listener.listen()
        number = listener.fileno()
        command = [sys.executable, RANKS, "serve", str(number)]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, pass_fds=[number])
        listener.close()  # where the server is gone, nobody waits for it
        yield address
        server.communicate()


@pytest.fixture
def ranks(_rank_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that train together are forks of one that has loaded torch."""
    monkeypatch.setattr(launch, "WORKER", (sys.executable, "-ISE", str(RANKS), _rank_server))
