"""A network as a list of layer calls: what every source is translated to, and what specs are written from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netspec.layers import REGISTRY
from netspec.lifting.capture.tape import Place
from netspec.shapes.shape import Shape


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a layer, in the order of execution.

    `arguments` are those that are not as usual, by name. `inputs` and `outputs` are numbers of values. `key` is what
    its weights have before their own names in the state dict, empty where it has none; `path` is the module that it
    ran in, and `hint` what it may be called where it needs a name.
    """

    layer: str
    arguments: dict[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    key: str = ""
    path: str = ""
    hint: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """The steps of a whole network. `inputs` and `outputs` are pairs of a name and a value.

    `classes` has the class of the module at each path, `attributes` its numbers by their names. `training` are the
    outputs that are there in training alone. `shapes` are those of one sample.
    """

    name: str
    steps: tuple[Step, ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    shapes: dict[int, Shape]
    classes: dict[str, str] = field(default_factory=dict)
    training: frozenset[str] = frozenset()
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)


def outputs_of(layer: str, arguments: dict[str, Any], shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """The shapes that a layer makes of these; raises ShapeError, or ValueError where it has no such arguments."""
    return REGISTRY[layer](**arguments).outputs(*shapes)
