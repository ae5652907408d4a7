"""A keystroke in an editor: the text is sent, and the shapes beside its lines and what is wrong with it come back.

The aim is that one in ResNet-152's file takes the server less than 50 ms of computing; how long the answers take beyond
that hangs on what else the machine does.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, publish, table
from tests.lsp.editor import Editor, edit

AIM = 0.05
LOOK = 2.0
"""Seconds that somebody looks at a file before typing: all of it has been checked by then."""
PLACES = ("conv(64, 7, stride=2", "maxpool(3", "repeat n - 1 ", "linear(classes)", "sgd(lr=0.1")
"""Where somebody types, each character of these one by one."""


def keystrokes(text: str) -> list[str]:
    """The text as it is after each keystroke."""
    return [
        text[: at + typed] + text[at + len(place) :]
        for place in PLACES
        for at in [text.index(place)]
        for typed in range(len(place) + 1)
    ]


def main() -> None:
    resnet = (ROOT / "examples" / "resnet.net").read_text(encoding="utf-8")
    rows = []
    for depth in (18, 50, 152):
        text = resnet.replace("= 50,", f"= {depth},", 1)
        with tempfile.TemporaryDirectory() as folder:
            times = edit(Path(folder), lambda editor, text=text: _typed(editor, text))  # type: ignore[misc]
        wall, cpu = times
        rows.append([f"ResNet-{depth}", *(f"{1000 * figure:.1f} ms" for figure in (wall, cpu)), len(keystrokes(text))])
    head = ["file", "until shapes and mistakes are back, median", "CPU of the server, median", "keystrokes"]
    text = (
        f"{table(head, rows)}\n\nThe server is a process of its own; the keystrokes come 20 ms apart after each answer."
    )
    publish("editor", "A keystroke in an editor", text)
    if "--check" in sys.argv and cpu > AIM:
        sys.exit(f"a keystroke takes {1000 * cpu:.0f} ms of computing")


async def _typed(editor: Editor, text: str) -> tuple[float, float]:
    """The median time of an answer, and that of the server's CPU for it, in seconds."""
    editor.open(text)
    await editor.hints()
    await asyncio.sleep(LOOK)
    pid = editor.client._server.pid  # type: ignore[union-attr]
    waited, computed = [], []
    for typed in keystrokes(text):
        start, before = time.perf_counter(), _cpu(pid)
        editor.write(typed)
        await asyncio.gather(editor.hints(), editor.findings())
        waited.append(time.perf_counter() - start)
        computed.append(_cpu(pid) - before)
        await asyncio.sleep(0.02)
    return statistics.median(waited), statistics.median(computed)


def _cpu(pid: int) -> float:
    """Seconds that a process has computed, by its own clock, which Linux numbers so."""
    return time.clock_gettime((~pid << 3) | 2)


if __name__ == "__main__":
    main()
