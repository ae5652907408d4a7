"""All measurements, or those named: `python -m benchmarks start size`.

The trainings and the lift of whole libraries, which take long, and the gate, which measures against bounds, have to be
named.
"""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("start", "size", "construct", "step", "render", "loop", "recompute", "editor", "gpu")


def main() -> None:
    chosen = sys.argv[1:] or NAMES
    known = (*NAMES, "trainings", "gate", "lift")
    if unknown := [name for name in chosen if name not in known]:
        sys.exit(f"there is no measurement {', '.join(unknown)}; there are {', '.join(known)}")
    for name in chosen:
        import_module(f"benchmarks.{name}").main()


main()
