"""Containers that the library has a block for: they call it, and need no block of their own.

Which block may be meant, the name of the class says. Its arguments are looked for among the numbers of the module and
of its layers; they are right where every layer with weights is the same, and every other one that does more than to
move and to reckon. Whether the rest computes the same, the proof of the whole says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, product
from typing import Any

from netspec.diagnostics import NetspecError
from netspec.elaborate.library import STANDARD, home
from netspec.layers import REGISTRY, Layer
from netspec.lifting.items import Box, leaves
from netspec.lifting.steps import Network
from netspec.lifting.writing.writer import literal
from netspec.shapes.shape import Shape
from netspec.spec import load, parse
from netspec.syntax import tree

MOST_TRIES = 16
_STARTS = ("init", "bias_init", "std")
_MOVING = ("shape", "arithmetic", "parameter", "linear")
"""Families of layers that, without weights, only move numbers or reckon with them."""


def call_of(box: Box, network: Network) -> tuple[str, tree.Call] | None:
    """The module of the library and the call of its block that a container is; None where it has none for it."""
    place = home(box.kind.lstrip("_")) if box.kind else None
    if place is None or len(box.reads) != 1 or box.entry is None:
        return None
    module, name = place
    entering, leaving = network.shapes[box.entry], network.shapes[box.result]
    if not all(isinstance(size, int) for size in entering.dims) or entering.dtype != "float":
        return None
    goal = _signature_of(box)
    for arguments in islice(_tries(box, network, module, name), MOST_TRIES):
        text = ", ".join(f"{key}={value!r}" for key, value in arguments)
        if _signature(module, name, text, entering.dims) == (goal, leaving):
            return module, tree.Call(tree.Name(name), tuple(_arguments(module, name, arguments)))
    return None


def _tries(box: Box, network: Network, module: str, name: str) -> Iterator[tuple[tuple[str, Any], ...]]:
    """Arguments that the block may have been called with, the likeliest first."""
    attributes = network.attributes.get(box.key, {})
    columns: list[list[tuple[str, Any] | None]] = []
    for parameter in parameters_of(module, name):
        own = [value for key, value in attributes.items() if parameter.name in (key, *key.split("_"))]
        inside = list(dict.fromkeys(_numbers(box, parameter)))
        required = parameter.default is None
        candidates = [*own, *inside][: 4 if required else 1]
        columns.append([(parameter.name, value) for value in dict.fromkeys(candidates)] + ([] if required else [None]))
    for chosen in product(*columns):
        yield tuple(pair for pair in chosen if pair is not None)


def _numbers(box: Box, parameter: tree.Parameter) -> Iterator[Any]:
    """What layers inside are given that a parameter may be: arguments of its name; for one that is needed, sizes."""
    for leaf in leaves(box.items):
        for key, value in leaf.step.arguments.items():
            size = parameter.default is None and key in ("channels", "features", "heads") and type(value) is int
            drops = key == "p" and parameter.name == "drop" and value
            if (key == parameter.name and isinstance(value, int | float)) or size or drops:
                yield value


def _arguments(module: str, name: str, given: Sequence[tuple[str, Any]]) -> Iterator[tree.Argument]:
    values = dict(given)
    for parameter in parameters_of(module, name):
        if parameter.name in values and literal(values[parameter.name]) != parameter.default:
            keyword = None if parameter.default is None else parameter.name
            yield tree.Argument(keyword, literal(values[parameter.name]))


@lru_cache(64)
def parameters_of(module: str, name: str) -> tuple[tree.Parameter, ...]:
    """What a block of the library takes."""
    path = STANDARD.joinpath(*module.removeprefix("std.").split(".")).with_suffix(".net")
    for item in load(path).tree.items:
        if isinstance(item, tree.Definition) and item.name == name:
            return item.parameters
    return ()


def _signature_of(box: Box) -> Counter[Any]:
    """The layers of a container, with their keys where they have weights."""
    layers: Counter[Any] = Counter()
    for leaf in leaves(box.items):
        layer = REGISTRY[leaf.step.layer](**leaf.step.arguments)
        key = leaf.key[len(box.key) + 1 :]
        if leaf.key or _counts(layer):
            layers[key, _layer_form(layer)] += 1
    return layers


@lru_cache(1024)
def _signature(module: str, name: str, arguments: str, dims: tuple[int, ...]) -> tuple[Counter[Any], Shape] | None:
    """The same of a block of the library that is called so, and the shape that it makes."""
    text = f"from {module} import {name}\n\nnet N {{\n  input x {list(dims)}\n  b = {name}({arguments})\n}}\n"
    try:
        graph = parse(text, "<lifted>").graph()
    except NetspecError:
        return None
    layers: Counter[Any] = Counter()
    for node in graph:
        weighted = bool(node.layer.parameters(*node.shapes) or node.layer.buffers(*node.shapes))
        if weighted or _counts(node.layer):
            layers[node.key.removeprefix("b").removeprefix(".") if weighted else "", _layer_form(node.layer)] += 1
    return layers, graph.outputs[0].value.shape


def _counts(layer: Layer) -> bool:
    """Whether a layer without weights has to be the same: what only moves or reckons is left to the proof.

    What drops nothing is nothing; what rolls by a shift is no matter of writing.
    """
    if layer.idle_in_eval and not getattr(layer, "p", 1):
        return False
    return layer.family not in _MOVING or hasattr(layer, "shift")


def _layer_form(layer: Layer) -> tuple[str, tuple[Any, ...]]:
    """A layer by its arguments, but for how its weights start."""
    fields = type(layer).model_fields
    return layer.name, tuple(_plain(getattr(layer, field)) for field in fields if field not in _STARTS)


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value
