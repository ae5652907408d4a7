"""All measurements, or those named: `python -m benchmarks start size`."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("start", "size", "construct", "step", "render", "loop", "recompute")


def main() -> None:
    chosen = sys.argv[1:] or NAMES
    if unknown := [name for name in chosen if name not in NAMES]:
        sys.exit(f"there is no measurement {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in chosen:
        import_module(f"benchmarks.{name}").main()


main()
