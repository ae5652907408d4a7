"""A view as JSON, for those who draw with tools of their own: the boxes as a tree, and the edges between the leaves."""

from __future__ import annotations

import json
from typing import Any

from netspec.diagram.view.boxes import Box, View
from netspec.marks import signed_json
from netspec.shapes.shape import Shape


def write(view: View) -> str:
    """The JSON text of a view. Sizes that are open, and counts that depend on them, are strings."""
    document = {
        "netspec": 1,
        "net": view.graph.name,
        "focus": view.focus,
        "depth": view.depth,
        "deepest": view.deepest,
        "boxes": [_box(box) for box in view.boxes],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "role": edge.role,
                "value": edge.value,
                "shapes": [_shape(shape) for shape in edge.shapes],
            }
            for edge in view.edges
        ],
        "carries": [
            {"source": carry.source, "frame": carry.frame, "value": carry.value, "shape": _shape(carry.shape)}
            for carry in view.carries
        ],
    }
    return signed_json(json.dumps(document, indent=1, ensure_ascii=False))


def _box(box: Box) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": box.id,
        "kind": box.kind,
        "name": box.name,
        "label": box.label,
        "title": box.title,
        "before": list(box.before),
        "after": list(box.after),
        "signature": box.signature,
        "family": box.family,
        "times": box.times,
        "inputs": [_shape(shape) for shape in box.inputs],
        "outputs": [_shape(shape) for shape in box.outputs],
        "parameters": box.parameters,
        "macs": box.macs if isinstance(box.macs, int) else str(box.macs),
        "nodes": list(box.nodes),
        "shared": box.shared,
        "partly_shared": box.partly_shared,
        "terms": box.terms,
        "when_training": box.when_training,
    }
    if box.span is not None:
        told["line"] = box.span.line
    if box.children:
        told["boxes"] = [_box(child) for child in box.children]
    return told


def _shape(shape: Shape) -> list[int | str]:
    return [size if isinstance(size, int) else str(size) for size in shape.dims]
