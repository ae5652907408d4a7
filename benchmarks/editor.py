"""A keystroke in an editor: the text is sent, and the shapes beside its lines and what is wrong with it come back.

Against ourselves: a check of the same text by a process of its own. The aim is 50 ms for ResNet-152.
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
    head = ["file", "until shapes and mistakes are back, median", "CPU of the server a keystroke", "keystrokes"]
    text = (
        f"{table(head, rows)}\n\nThe server is a process of its own; the keystrokes come 20 ms apart after each answer."
    )
    publish("editor", "A keystroke in an editor", text)
    if "--check" in sys.argv and wall > AIM:
        sys.exit(f"a keystroke takes {1000 * wall:.0f} ms")


async def _typed(editor: Editor, text: str) -> tuple[float, float]:
    """The median time of an answer, and the CPU time of the server a keystroke, in seconds."""
    editor.open(text)
    await editor.hints()
    await editor.findings()
    pid = editor.client._server.pid  # type: ignore[union-attr]
    before, spent = _cpu(pid), []
    typed = keystrokes(text)
    for one in typed:
        start = time.perf_counter()
        editor.write(one)
        await asyncio.gather(editor.hints(), editor.findings())
        spent.append(time.perf_counter() - start)
        await asyncio.sleep(0.02)
    return statistics.median(spent), (_cpu(pid) - before) / len(typed)


def _cpu(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
