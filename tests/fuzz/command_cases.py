"""Cases of command lines: any options, any files, and what is there stays as it was."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from netspec.cli import main
from tests.fuzz.case import Case
from tests.fuzz.texts import JUNK, NUMBERS, STAGES, WORDS, mutated, specs

TEXTS = (
    "", " ", "a\nb", "\udcff", "[]", "[1,2]", "[a,b]", "[3,H,W]", "[3,32,32]", "[[1,[2,a]]]", "range(3)",
    "conv(3)", "../none/x", "/none/hosts", "/dev/null", "-", "--", "good.net", "folder", "link.net", "none/none",
    "1;let x = 2", "{ relu }", *JUNK, *NUMBERS, *WORDS, *STAGES,
)  # fmt: skip
FILES = (
    "", "-", "good.net", "other.net", "changed.net", "link.net", "loop.net", "folder", "none.net", "pipe.net",
    "picture.svg",
)  # fmt: skip
OUTPUTS = (
    "", "-", "out.py", "out.svg", "out.json", "out.dot", "out.mmd", "out.html", "out.tex", "folder",
    "folder/new.py", "none/x.py", "link.net", "good.net", "loop.net", "dangling.dot", "/dev/null", "/dev/full",
    "./good.net",
)  # fmt: skip
LONG = "x" * 300
OPTIONS = {
    "check": ("--net", "--set", "--input", "--format"),
    "summary": ("--net", "--set", "--input", "--format", "--depth"),
    "emit": ("--net", "--set", "--input", "-o"),
    "graph": ("--net", "--set", "--input", "-o"),
    "render": ("--net", "--set", "--input", "-o", "--format", "--style", "--depth", "--focus", "--theme", "--timeout"),
    "new": ("--from",),
    "layers": ("--format",),
    "explain": ("--format",),
    "schema": (),
    "curves": ("-o",),
    "eval": ("--format", "--weights", "--device", "--set"),
    "predict": ("--format", "-o", "--weights", "--device"),
    "report": ("-o", "--weights"),
    "export": ("-o", "--format", "--weights"),
}
NAMES: dict[str, tuple[str, ...]] = {
    "new": ("mine", "good", "good.net", "folder", "folder/new", "none/new", "", "link", "loop", "out.py"),
    "layers": ("conv", "convv", "linear", "", "std"),
    "explain": ("E0301", "e0004", "E9", "", "../x"),
    "schema": (),
}
"""What the commands that read no file are called with."""
USUAL = {
    "--net": ("Good", "Other", "N"),
    "--set": ("width=16", "width=[a,b]", "n=2", "self=1", "net=2", "classes=10"),
    "--input": ("image=[3,32,32]", "image=[3,H,W]", "x=[8]", "image=[3,0,2]"),
    "--format": ("text", "json", "csv", "markdown", "github", "svg", "dot", "mmd"),
    "--depth": ("0", "1", "3", "-1", "99999999999999999999"),
    "--style": ("graph", "table", "volumes"),
    "--theme": ("light", "dark", "auto"),
    "--timeout": ("0", "1", "nan", "inf", "-1"),
    "--focus": ("block", "layer1.0", "x"),
    "--weights": FILES,
    "--device": ("cpu", "cuda:99", "abacus"),
    "--from": ("lenet5", "resnet", "resnet50", "alexnet"),
    "-o": OUTPUTS,
}
GOOD = """net Good(width = 8, depths: list[int] = [1]) {
  input image [3, 32, 32]
  block = { conv(width, 3, pad=1) -> relu }
  global_avgpool -> flatten -> linear(10)
}
"""


def command_case(random: Random) -> Case:
    """A command line, in a folder with specs, links, a pipe and a folder."""
    words = _command(random)
    changed = mutated(random.choice(specs()), random)
    return Case(shlex.join(words), functools.partial(run, words, changed))


def _command(random: Random) -> list[str]:
    command = random.choice(sorted(OPTIONS))
    names = NAMES.get(command, FILES)
    most = 2 if command in ("check", "curves", "predict") else 1
    words = [command, *(random.choice(names) for _ in range(random.randint(1, most) if names else 0))]
    if command == "render":
        words += ["-o", random.choice(("out.dot", "out.mmd", "out.json", "-"))]
    if command == "new":
        words += ["--from", random.choice(USUAL["--from"])]
    for option in random.choices(OPTIONS[command], k=random.randint(0, 2)) if OPTIONS[command] else ():
        value = random.choice(USUAL[option]) if random.random() < 0.6 else random.choice((*TEXTS, LONG))
        if option in ("--set", "--input") and random.random() < 0.4:
            value = f"{value.partition('=')[0]}={random.choice(TEXTS)}"
        words += [option, value]
    if random.random() < 0.1:
        words.insert(random.randint(0, len(words)), random.choice((*TEXTS, LONG)))
    return words


def run(words: list[str], changed: str) -> None:
    """Runs a command line where nothing that is there may change; it ends with status 0, 1 or 2."""
    with _folder(changed) as before:
        status, _, error = _printed(words)
        assert status in (0, 1, 2), f"exit status {status}"
        assert status == 0 or error or words[0] == "check", "it fails without a word"
        assert "Traceback" not in error, "it says Traceback"
        for path, content in before.items():
            assert path.read_bytes() == content, f"{path} is not what it was"
        assert not list(Path().rglob("*.partial")), "something half-written is left"
        assert Path("pipe.net").is_fifo(), "a pipe was replaced"
        assert all(Path(name).is_symlink() for name in ("link.net", "loop.net", "dangling.dot")), "a link was replaced"


@contextlib.contextmanager
def _folder(changed: str) -> Iterator[dict[Path, bytes]]:
    """A working directory with all sorts of files; the specs in it with their content."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        Path("good.net").write_text(GOOD, encoding="utf-8")
        Path("other.net").write_text('from "good.net" import Good\nnet Other { input image [3, 32, 32]; Good }\n')
        Path("changed.net").write_text(changed, encoding="utf-8", errors="surrogatepass")
        Path("picture.svg").write_text(GOOD, encoding="utf-8")
        Path("folder").mkdir()
        Path("link.net").symlink_to("good.net")
        Path("loop.net").symlink_to("loop.net")
        Path("dangling.dot").symlink_to("folder/new.dot")
        os.mkfifo("pipe.net")
        yield {Path(name): Path(name).read_bytes() for name in ("good.net", "other.net", "changed.net")}


def _printed(words: list[str]) -> tuple[int, str, str]:
    """The exit status of a command line, and what it prints."""
    output, error = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    entered = io.TextIOWrapper(io.BytesIO(GOOD.encode()), "utf-8")
    arguments, entering, sys.argv, sys.stdin = sys.argv, sys.stdin, ["netspec", *words], entered
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
            main()
        status: object = 0
    except SystemExit as ended:
        status = ended.code or 0
    finally:
        sys.argv, sys.stdin = arguments, entering
    texts = (
        stream.buffer.getvalue().decode("utf-8", "replace") for stream in (output, error) if stream.flush() is None
    )
    said, told = texts
    return status if isinstance(status, int) else 1, said, told
