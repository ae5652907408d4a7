"""A train section to begin with, for a net that has none: data of its input's shape, a loss for its output."""

from __future__ import annotations

from netspec.graph.graph import Graph

_PUBLISHED = {(1, 40): "mnist1d", (1, 28, 28): "mnist", (3, 32, 32): "cifar10"}
"""The data sets that can be had by name, by the shape of a sample."""
_CLASSES = 10


def section_for(graph: Graph) -> str:
    """The text of a train section that fits the net, with paths to be filled in where no published data do."""
    lines = [f"data {_data(graph)}", f"loss {_loss(graph)}", "optimizer adam", "epochs 20"]
    return "\n".join(["train {", *(f"  {line}" for line in lines), "}"])


def _data(graph: Graph) -> str:
    shape = graph.inputs[0].shape
    classes = graph.outputs[0].value.shape.dims == (_CLASSES,)
    if len(graph.inputs) > 1 or shape.dtype != "float":
        return 'npz("data.npz")'
    if classes and shape.dims in _PUBLISHED:
        return _PUBLISHED[shape.dims]  # type: ignore[index]
    if shape.rank != 3 or shape.channels not in (1, 3) or not _is_class(graph):
        return 'npz("data.npz")'
    height, width = shape.spatial
    channels = ", channels=1" if shape.channels == 1 else ""
    if not isinstance(height, int) or not isinstance(width, int):
        return f'images("photos"{channels})'
    return f'images("photos", size={height if height == width else f"[{height}, {width}]"}{channels})'


def _is_class(graph: Graph) -> bool:
    return graph.outputs[0].value.shape.rank == 1


def _loss(graph: Graph) -> str:
    """The loss of the first output that is always there: of scores where there are several, else of a value."""
    output = next((output for output in graph.outputs if not output.when_training), graph.outputs[0])
    suffix = f"({output.name})" if output.name is not None and len(graph.outputs) > 1 else ""
    if not _is_class(graph):
        return f"mse{suffix}"
    return f"cross_entropy{suffix}" if output.value.shape.channels != 1 else f"bce{suffix}"
