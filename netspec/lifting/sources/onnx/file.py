"""An ONNX file to its graph. Nothing is believed: what a tensor claims to hold has to be there before it is read.

The format: https://github.com/onnx/onnx/blob/main/docs/IR.md, tensors in files of their own:
https://github.com/onnx/onnx/blob/main/docs/ExternalData.md.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.files import regular
from netspec.lifting.capture.tape import Place
from netspec.lifting.sources.onnx.graph import Array, Entrance, Graph, Node, Stored
from netspec.syntax.source import Source, Span, place_outside

MOST_NODES = 100_000
MOST_BYTES = 2**31
"""A file of protobuf is smaller than this."""
OPSETS = range(7, 25)
_OWN = frozenset({"", "ai.onnx"})
_SCOPES, _CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"


def wrong(file: str, message: str, place: Place | None = None, help: str = "") -> NetspecError:
    """The error (E1006) of a file that cannot be read."""
    if place is None:
        return NetspecError((Diagnostic("E1006", message, place_outside(file), help=help),))
    source = Source(file, "\n" * (place.line - 1) + place.text)
    return NetspecError((Diagnostic("E1006", message, Span(source, place.line - 1, len(source.text)), help=help),))


def read(path: Path) -> Graph:
    """The graph of a file. Raises NetspecError (E1006) for what is damaged, claims more than is there, or points away.

    A diagnostic shows a node as a line: its operator, what it takes and what it makes.
    """
    return _Reader(path, _model(path)).graph()


def _model(path: Path) -> Any:
    file = str(path)
    try:
        import onnx
    except ImportError:
        raise wrong(file, "reading ONNX takes the package onnx", help='pip install "netspec-nn[onnx]"') from None
    try:
        if regular(path).stat().st_size >= MOST_BYTES:
            raise wrong(file, "a file of ONNX is smaller than 2 GB; larger weights lie in files beside it")
        content = path.read_bytes()
    except FileNotFoundError:
        raise NetspecError((Diagnostic("E0001", f"there is no file {file}", place_outside(file)),)) from None
    except OSError as error:
        raise wrong(file, f"this file cannot be read: {(error.strerror or '').lower()}") from None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:  # protobuf's own errors have no common class
        raise wrong(file, "this is no file of ONNX, or it is damaged") from None
    if not model.graph.node:
        raise wrong(file, "this file has no graph with nodes, or it is damaged")
    return model


class _Reader:
    """One file. `_inside` is the folder that tensors in files of their own have to lie in."""

    def __init__(self, path: Path, model: Any) -> None:
        self.file = str(path)
        self.model = model
        self._inside = path.resolve().parent
        self._claimed = 0
        self._beside: dict[Path, int] = {}

    def graph(self) -> Graph:
        model = self.model
        versions = {imported.domain: imported.version for imported in model.opset_import}
        opset = next((versions[domain] for domain in _OWN if domain in versions), 0)
        if opset not in OPSETS:
            raise wrong(
                self.file, f"operators of version {opset} are not known, but those of {OPSETS[0]} to {OPSETS[-1]}"
            )
        if len(model.graph.node) > MOST_NODES:
            raise wrong(self.file, f"a graph has at most {MOST_NODES:,} nodes")
        if model.functions:
            raise wrong(self.file, "it has functions of its own", help="onnx.inliner.inline_local_functions(model)")
        stored = {proto.name: self._stored(proto) for proto in model.graph.initializer}
        nodes: list[Node] = []
        for index, proto in enumerate(model.graph.node):
            node = self._node(proto, index)
            if node.operator == "Constant":
                stored[node.outputs[0]] = self._constant(proto, node)
            else:
                nodes.append(node)
        if sum(self._beside.values()) < self._claimed:
            raise wrong(self.file, f"its tensors claim {self._claimed:,} bytes, more than the files beside it hold")
        inputs = tuple(self._entrance(value) for value in model.graph.input if value.name not in stored)
        outputs = tuple(value.name for value in model.graph.output)
        self._check(nodes, {entrance.name for entrance in inputs} | set(stored), outputs)
        if not inputs or not outputs:
            raise wrong(self.file, "it has no input or no output")
        return Graph(self.file, opset, tuple(nodes), inputs, outputs, stored)

    def _node(self, proto: Any, index: int) -> Node:
        name, inputs, outputs = str(proto.name), tuple(proto.input), tuple(proto.output)
        text = f"{proto.op_type}({', '.join(inputs)}) -> {', '.join(outputs)}"
        place = Place(self.file, index + 1, f"{name}: {text}"[:300] if name else text[:300])
        if proto.domain not in _OWN:
            message = f"{proto.op_type} is an operator of {proto.domain}, which is no standard"
            raise wrong(self.file, message, place, help="export the network without fused operators")
        if not outputs:
            raise wrong(self.file, f"{proto.op_type} makes nothing", place)
        attributes = {part.name: self._attribute(part, place) for part in proto.attribute}
        properties = {entry.key: entry.value for entry in proto.metadata_props}
        scopes, classes = (_listed(properties.get(key, "")) for key in (_SCOPES, _CLASSES))
        return Node(proto.op_type, name, inputs, outputs, attributes, place, scopes[:-1], classes[:-1])

    def _attribute(self, part: Any, place: Place) -> Any:
        """A number, a text, a tensor, or a tuple of these; None of what a network without branches does not have."""
        import onnx

        kinds: dict[int, Callable[[], Any]] = {
            onnx.AttributeProto.FLOAT: lambda: float(part.f),
            onnx.AttributeProto.INT: lambda: int(part.i),
            onnx.AttributeProto.STRING: lambda: part.s.decode("utf-8", "replace"),
            onnx.AttributeProto.TENSOR: lambda: self._stored(part.t, place),
            onnx.AttributeProto.FLOATS: lambda: tuple(part.floats),
            onnx.AttributeProto.INTS: lambda: tuple(part.ints),
            onnx.AttributeProto.STRINGS: lambda: tuple(text.decode("utf-8", "replace") for text in part.strings),
        }
        return kinds[part.type]() if part.type in kinds else None

    def _constant(self, proto: Any, node: Node) -> Stored:
        name = node.outputs[0]
        key = next((key for key in node.attributes if key.startswith("value_") and key != "value_string"), None)
        if key is not None:
            dtype = np.int64 if "int" in key else np.float32
            array = np.asarray(node.attributes[key], dtype=dtype)
            return Stored(name, array.shape, array.dtype, lambda: array)
        value = node.attributes.get("value")
        if not isinstance(value, Stored):
            raise wrong(self.file, "a constant without numbers", node.place)
        return value.copied(name)

    def _stored(self, proto: Any, place: Place | None = None) -> Stored:
        """A tensor, which is not read yet; its numbers are as many as its sizes say."""
        import onnx

        name = str(proto.name)
        shape = tuple(int(extent) for extent in proto.dims)
        try:
            dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(proto.data_type))
        except (KeyError, ValueError):
            raise wrong(self.file, f"the tensor {name} is of a type that is not known", place) from None
        if any(extent < 0 for extent in shape) or len(shape) > 8 or dtype.kind not in "fiub":
            raise wrong(self.file, f"the tensor {name} cannot have the sizes {list(shape)} of {dtype}", place)
        count = math.prod(shape)
        size = count * dtype.itemsize
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            file, offset = self._external(proto, name, size)
            self._claimed += size
            return Stored(name, shape, dtype, lambda: _from_file(file, offset, dtype, shape))
        length = len(proto.raw_data) if proto.HasField("raw_data") else _typed(proto) * dtype.itemsize
        if length != size:
            message = f"the tensor {name} claims {size:,} bytes, {list(shape)} of {dtype}, and holds {length:,}"
            raise wrong(self.file, message, place)
        return Stored(name, shape, dtype, lambda: np.asarray(onnx.numpy_helper.to_array(proto)))

    def _external(self, proto: Any, name: str, size: int) -> tuple[Path, int]:
        """The file and the place in it of a tensor that lies beside; never outside of the folder."""
        entries = {entry.key: entry.value for entry in proto.external_data}
        location = entries.get("location", "")
        pure = PurePosixPath(location)
        if not location or "\\" in location or "\0" in location or pure.is_absolute() or ".." in pure.parts:
            raise wrong(self.file, f"the tensor {name} lies in {location!r}, which is not beside this file")
        try:
            offset, length = int(entries.get("offset", "0")), int(entries.get("length", str(size)))
        except ValueError:
            raise wrong(self.file, f"the tensor {name} has a place that is no number") from None
        path = self._inside / location
        try:
            there = path.resolve(strict=True)
            if not there.is_relative_to(self._inside):
                raise wrong(self.file, f"the tensor {name} lies in {location!r}, which leads out of the folder")
            whole = regular(there).stat().st_size
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise wrong(self.file, f"the tensor {name} lies in {location!r}: {reason}") from None
        self._beside[there] = whole
        if length != size or offset < 0 or offset + length > whole:
            message = f"the tensor {name} claims {size:,} bytes from {offset:,} on in {location!r}, which has {whole:,}"
            raise wrong(self.file, message)
        return there, offset

    def _entrance(self, value: Any) -> Entrance:
        import onnx

        kind = value.type.tensor_type
        floats = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.BFLOAT16}
        whole = {onnx.TensorProto.INT64, onnx.TensorProto.INT32}
        dtypes = {onnx.TensorProto.BOOL: "bool"} | dict.fromkeys(floats, "float") | dict.fromkeys(whole, "int")
        if kind.elem_type not in dtypes or not kind.HasField("shape"):
            raise wrong(self.file, f"the input {value.name} has no sizes, or is of a type that a network does not take")
        sizes = tuple(size.dim_value if size.dim_value > 0 else None for size in kind.shape.dim)
        if not sizes:
            raise wrong(self.file, f"the input {value.name} has no axis for the samples of a batch")
        return Entrance(value.name, sizes, dtypes[kind.elem_type])

    def _check(self, nodes: Iterable[Node], names: set[str], outputs: Iterable[str]) -> None:
        """Every value is made once, before it is taken."""
        later = {name for node in nodes for name in node.outputs}
        for node in nodes:
            missing = next((name for name in node.inputs if name and name not in names), None)
            if missing is not None:
                how = "is made after it: the nodes go in a circle" if missing in later else "is made by nothing"
                raise wrong(self.file, f"a node takes {missing}, which {how}", node.place)
            twice = next((name for name in node.outputs if name and name in names), None)
            if twice is not None:
                raise wrong(self.file, f"the value {twice} is made twice", node.place)
            names |= set(node.outputs)
        missing = next((name for name in outputs if name not in names), None)
        if missing is not None:
            raise wrong(self.file, f"the output {missing} is made by nothing")


def _typed(proto: Any) -> int:
    """How many numbers stand in the fields by type."""
    fields = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
    return max(len(getattr(proto, field)) for field in fields)


def _from_file(path: Path, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    return np.fromfile(path, dtype=dtype, count=math.prod(shape), offset=offset).reshape(shape)


def _listed(text: str) -> tuple[str, ...]:
    """The list of texts that torch writes as Python does; empty where it is none."""
    if not text.startswith("[") or len(text) > 10_000:
        return ()
    try:
        parts = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ()
    return tuple(parts) if isinstance(parts, list) and all(isinstance(part, str) for part in parts) else ()
