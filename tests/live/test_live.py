"""A picture that follows its file: who sees it, what it shows while the text is wrong, and what follows what."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.live.picture import picture
from netspec.live.web import ADDRESS, Live
from netspec.spec import parse

GOOD = "net N {\n  input x [3, 8, 8]\n  a = conv(4, 3)\n  relu\n}\n"
WRONG = GOOD.replace("relu", "rellu")


@pytest.fixture
def live() -> Iterator[Live]:
    made = Live()
    made.show(picture(lambda: parse(GOOD)))
    made.start()
    yield made
    made.stop()


def ask(live: Live, place: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, str]:
    port = int(re.search(r":(\d+)/", live.url)[1])  # type: ignore[index]
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=20)
    connection.request(method, place, body, {"Host": f"{ADDRESS}:{port}", **headers})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_only_who_knows_the_token_sees_it(live: Live) -> None:
    root = f"/{live.token}"
    assert ask(live, f"{root}/")[0] == 200
    assert ask(live, f"{root}/page")[1] == live.page
    for place in (
        "/",
        "/page",
        "/wrong/page",
        f"{root}x/page",
        f"{root}/../page",
        f"{root}/none",
        f"/{live.token[:-1]}/",
    ):
        assert ask(live, place)[0] == 404, place
    assert ask(live, f"{root}/", Host="example.org")[0] == 404
    assert live.url.startswith("http://127.0.0.1:")


def test_the_last_good_picture_stays_while_the_text_is_wrong(live: Live) -> None:
    good, version = live.page, live.version
    live.show(picture(lambda: parse(WRONG)))
    assert (live.page, live.version) == (good, version)
    assert "rellu" in live.picture.wrong
    news = news_of(live)
    assert "error[E0202]" in news["wrong"]
    live.show(picture(lambda: parse(GOOD.replace("4, 3", "5, 3"))))
    assert live.version == version + 1
    assert news_of(live) == {"version": version + 1, "wrong": ""}


def news_of(live: Live) -> dict[str, Any]:
    """The first news that somebody gets who begins to listen."""
    port = int(re.search(r":(\d+)/", live.url)[1])  # type: ignore[index]
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=20)
    connection.request("GET", f"/{live.token}/news", headers={"Host": f"{ADDRESS}:{port}"})
    line = connection.getresponse().readline().decode()
    connection.close()
    told: dict[str, Any] = json.loads(line.removeprefix("data: "))
    return told


def test_what_is_selected_is_told_and_strangers_tell_nothing(live: Live) -> None:
    told: list[str] = []
    live.chosen = told.append
    assert ask(live, f"/{live.token}/select", "POST", "a")[0] == 204
    assert ask(live, f"/{live.token}/select", "POST", "b", Origin="http://example.org")[0] == 404
    assert ask(live, f"/{live.token}/select", "POST", "c" * 5000)[0] == 404
    assert told == ["a"]
    assert live.picture.line_of("a") == 3
    assert live.picture.stage_at(3) == "a"
    assert live.picture.stage_at(1) is None


@contextmanager
def at_work(folder: Path, root: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, which Ctrl-C ends; it is gone in the end, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "netspec", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's job may ignore it
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def written_again(path: Path, text: str) -> Iterator[None]:
    """Writes the file every second: at the first time its folder may not be watched yet."""
    done = threading.Event()

    def write() -> None:
        while not done.wait(1):
            path.write_text(text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


def test_serve_follows_the_file(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "n.net"
    path.write_text(GOOD)
    with at_work(tmp_path, root, "serve", "n.net", "--no-open") as process:
        assert process.stdout is not None
        assert "http://127.0.0.1:" in process.stdout.readline()
        with written_again(path, WRONG):
            assert "error[E0202]" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130


def test_check_watches(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "n.net"
    path.write_text(GOOD)
    with at_work(tmp_path, root, "check", "--watch", "n.net") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "n.net: ok (N)\n"
        process.stdout.readline()
        with written_again(path, WRONG):
            assert "error[E0202]" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


class Notebook:
    """As much of IPython as the magic asks for."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.magics: dict[tuple[str, str], Any] = {}

    def register_magic_function(self, func: Any, magic_kind: str, magic_name: str) -> None:
        self.magics[magic_kind, magic_name] = func


def test_a_cell_of_a_notebook_is_a_spec() -> None:
    notebook = Notebook()
    netspec.load_ipython_extension(notebook)
    net = notebook.magics["cell", "net"]
    shown = net("small --set n=5", GOOD.replace("net N", "net N(n = 4)").replace("conv(4", "conv(n"))
    assert str(notebook.user_ns["small"].outputs[0].value.shape) == "[5, 6, 6]"
    assert shown._repr_html_().startswith('<iframe srcdoc="&lt;!')
    assert "E0202" in net("", WRONG)._repr_html_()
    assert "net" not in notebook.user_ns
    with pytest.raises(ValueError, match="--depth"):
        net("--depth 3", GOOD)
