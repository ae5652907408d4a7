"""Layers that belong together on one line, as a table has them: a convolution, its norm and its activation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from netspec.layers import REGISTRY
from netspec.syntax import tree

WIDEST = 96
_STAGE = re.compile(r"(?P<indent> *)(?P<label>[\w.$\"{}]+ = )?(?P<layer>[A-Za-z_]\w*)(?P<rest>\([^{}]*\))?$", re.ASCII)


def in_rows(text: str) -> str:
    """The text with light stages on the line of the one before them: `conv1 = conv(64, 3);  bn1 = batchnorm;  relu`."""
    return "\n".join(_closed(_joined(text.split("\n"))))


def _closed(rows: list[str]) -> list[str]:
    """The rows, where a body of one row stands between its braces."""
    made: list[str] = []
    for row in rows:
        indent = row[: len(row) - len(row.lstrip())]
        if row.strip() == "}" and len(made) > 1 and made[-2].endswith("{") and made[-2].startswith(indent):
            inner = made[-1].strip()
            whole = f"{made[-2]} {inner} }}"
            short = inner and len(whole) <= WIDEST and "{" not in inner and not made[-2].lstrip().startswith(_LONG)
            if short and len(made[-2]) - len(made[-2].lstrip()) == len(indent):
                made[-2:] = [whole]
                continue
        made.append(row)
    return made


_LONG = ("net ", "block ")
"""What keeps its body on lines of its own."""


def _joined(lines: list[str]) -> list[str]:
    rows: list[str] = []
    joins: str | None = None
    for line in lines:
        found = _STAGE.fullmatch(line)
        if found and joins == found["indent"] and _is_light(found["layer"]) and "->" not in line:
            sign = " -> " if not found["label"] and " = " not in rows[-1] else ";  "
            if len(rows[-1]) + len(sign) + len(line.strip()) <= WIDEST:
                rows[-1] += sign + line.strip()
                continue
        rows.append(line)
        joins = found["indent"] if found and (found["layer"] in REGISTRY or found["layer"][0].isupper()) else None
    return rows


def _is_light(layer: str) -> bool:
    """Whether a layer goes with the one before it in a figure, too."""
    return layer in REGISTRY and REGISTRY[layer].figure_weight in ("light", "wrap")


def in_flows(part: Any) -> Any:
    """A tree whose labelled containers of a few layers are flows: `downsample = conv(64, 1) -> batchnorm`."""
    match part:
        case tree.Stage((label,), tree.Flow((tree.Group(tree.Body(stages)),))) if _is_row(stages):
            elements = (e for stage in stages if isinstance(stage, tree.Stage) for e in stage.flow.elements)
            return tree.Stage((label,), tree.Flow(tuple(elements)))
        case tree.Tree():
            return type(part)(*(in_flows(value) for _, value in part.content()))
        case tuple():
            return tuple(map(in_flows, part))
    return part


def _is_row(statements: Sequence[tree.Statement]) -> bool:
    """Whether stages can be written in a row behind a label: two or three layers without names."""
    return 1 < len(statements) < 4 and all(
        isinstance(stage, tree.Stage)
        and not stage.labels
        and all(isinstance(element, tree.Call | tree.Name) for element in stage.flow.elements)
        for stage in statements
    )
