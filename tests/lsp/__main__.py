"""Cuts files at every place: `python -m tests.lsp examples/lenet5.net --step 7`."""

from __future__ import annotations

import argparse
from pathlib import Path

from netspec.lsp.shelf import Shelf
from tests.lsp.test_half_typed import cut

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--step", type=int, default=1)
    chosen = parser.parse_args()
    for path in chosen.files:
        text, kept = path.read_text(), Shelf(path.resolve(), lambda other: None)
        for offset in range(0, len(text), chosen.step):
            try:
                cut(text, offset, kept)
            except Exception as error:
                print(f"{path}:{offset}: {type(error).__name__}: {error}")
        print(f"{path}: {len(range(0, len(text), chosen.step))} places")
