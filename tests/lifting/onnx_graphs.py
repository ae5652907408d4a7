"""Graphs of ONNX made by hand, node by node, as no exporter of torch writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Drawing:
    """A graph that grows: `op` adds a node and gives the name of what it makes, `weight` a stored tensor."""

    def __init__(self, shape: Sequence[int | str] = ("N", 3, 16, 16), *, opset: int = 17, whole: bool = False) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.stored: list[Any] = []
        kind = TensorProto.INT64 if whole else TensorProto.FLOAT
        self.inputs = [helper.make_tensor_value_info("data", kind, list(shape))]
        self._draw = np.random.default_rng(0)

    def op(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"v{len(self.nodes)}_{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def weight(self, *shape: int, positive: bool = False) -> str:
        drawn = self._draw.standard_normal(shape) * (2 / max(1, np.prod(shape[1:]))) ** 0.5
        return self.store(np.abs(drawn) + 0.5 if positive else drawn)

    def store(self, array: Any) -> str:
        """Real numbers as floats, whole numbers as indices."""
        array = np.asarray(array)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.int64)
        self.stored.append(numpy_helper.from_array(array, f"w{len(self.stored)}"))
        return str(self.stored[-1].name)

    def conv(self, x: str, into: int, out: int, kernel: int = 3, **attributes: Any) -> str:
        weights = self.weight(out, into // attributes.get("group", 1), kernel, kernel), self.weight(out)
        return str(self.op("Conv", x, *weights, **attributes))

    def norm(self, x: str, width: int) -> str:
        weights = (self.weight(width, positive=True), self.weight(width), self.weight(width))
        return str(self.op("BatchNormalization", x, *weights, self.weight(width, positive=True)))

    def model(self, *outputs: str) -> Any:
        made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "graph", self.inputs, made, self.stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def save(self, path: Path, *outputs: str) -> Path:
        onnx.save(self.model(*outputs), path)
        return path
