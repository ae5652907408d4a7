"""The table of docs/lift.md: what stands on the left is lifted, and is what stands on the right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import netspec

PAGE = Path(__file__).parents[2] / "docs" / "lift.md"
ROW = re.compile(r"^\| `(.+)` \| `(.+)` \|$", re.MULTILINE)
MAPS, SEQUENCES = PAGE.read_text(encoding="utf-8").partition("On a map `x`")[2].split("On a sequence `x`")
ROWS = [(64, 16, 16, *row) for row in ROW.findall(MAPS)] + [(10, 64, None, *row) for row in ROW.findall(SEQUENCES)]


class Row(nn.Module):
    """The expression of a row: a module, or one of `x`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.call = ""
        if text.startswith("nn."):
            text, _, self.call = text.partition(")(x") if ")(x" in text else (text, "", "")
            self.layer = eval(text + (")" if self.call else ""), {"nn": nn})
        self.text = text

    def forward(self, x: Tensor) -> Any:
        if hasattr(self, "layer"):
            return self.layer(x, x, x)[0] if self.call else self.layer(x)
        return eval(self.text, {"x": x, "torch": torch, "F": F})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[3])
def test_row_is_what_is_lifted(row: tuple[Any, ...]) -> None:
    *shape, pytorch, spec = row
    lifted = netspec.lift(Row(pytorch), input={"x": [size for size in shape if size is not None]}, name="Net")
    assert said(lifted.source.text) == said_row(spec)


def said(text: str) -> str:
    """The stages of a net without labels of modules, line ends and braces of layout."""
    body = text.partition("{")[2].partition("]\n")[2].rpartition("}")[0]
    body = re.sub(r"\blayer = ", "", body).strip()
    body = re.sub(r"^\{(.*)\}$", r"\1", body, flags=re.DOTALL) if body.startswith("{") else body
    return spaced(body)


def said_row(text: str) -> str:
    return spaced(text)


def spaced(text: str) -> str:
    return re.sub(r"\s*(->|;|\n)\s*", " ", text.strip()).replace("  ", " ")
