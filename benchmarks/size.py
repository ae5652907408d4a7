"""Generated nets of 100, 1,000 and 10,000 layers: whether `netspec check` and `summary` stay linear."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import processes, publish, table

SIZES = (100, 1_000, 10_000)
STAGES = ("conv(8, 3, pad=1)", "batchnorm", "relu", "residual { conv(8, 1) }")


def written_out(layers: int) -> str:
    """A net of so many layers, each on a line of its own."""
    lines: list[str] = []
    made = 0
    while made < layers:
        stage = STAGES[len(lines) % len(STAGES)]
        made += 2 if "residual" in stage else 1
        lines.append(f"  {stage}")
    return "net Long {\n  input image [8, 32, 32]\n" + "\n".join(lines) + "\n}\n"


def repeated(layers: int) -> str:
    """A net of so many layers, by a loop over a block."""
    return (
        "block Unit { conv(8, 3, pad=1) -> batchnorm -> relu\n  residual { conv(8, 1) } }\n"
        f"net Long {{\n  input image [8, 32, 32]\n  repeat {layers // 5} {{ Unit }}\n}}\n"
    )


def main(rounds: int = 3) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("written out", written_out), ("by repeat", repeated)):
            for layers in SIZES:
                path = Path(folder) / f"{text.__name__}{layers}.net"
                path.write_text(text(layers), encoding="utf-8")
                commands = {
                    command: [sys.executable, "-m", "netspec", command, path]
                    for command in ("check", "summary", "emit")
                }
                costs = processes(commands, rounds)
                rows.append([f"{layers:,} layers, {name}", *(f"{cost.cpu:.2f} s" for cost in costs.values())])
    text = table(["net", "check", "summary", "emit"], rows)
    publish("size", "Long nets", f"CPU seconds of whole processes, medians of {rounds}.\n\n{text}")


if __name__ == "__main__":
    main()
