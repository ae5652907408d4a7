"""Outputs of a net that are of a set: a list with a tensor for each picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from netspec.graph.blueprint import Blueprint, LayerUse, Region, Use, Wire
from netspec.layers.declaration.base import Layer, Support, TorchCall
from netspec.shapes.shape import Shape

PER_PICTURE = Support(
    "per_picture",
    '''\
def per_picture(values: Tensor, count: Tensor) -> list[Tensor]:
    """The values of a set, those of all pictures one after another, as a tensor for each picture."""
    return list(values.split(count.tolist()))
''',
)


class _PerPicture(Layer):
    """Where the values of a set leave the net."""

    name: ClassVar[str] = "per_picture"
    tensors: ClassVar[tuple[str, ...]] = ("values", "count")


@dataclass(eq=False, frozen=True, slots=True)
class PictureList:
    """A value of the emitted code that is no tensor, but a list with one for each picture: of these `values`."""

    values: Wire

    @property
    def name(self) -> str | None:
        return self.values.name

    @property
    def shape(self) -> Shape:
        return self.values.shape


def type_of_value(wire: Wire) -> str:
    """The annotation of a value."""
    return "list[Tensor]" if isinstance(wire, PictureList) else "Tensor"


def per_picture(net: Blueprint) -> Blueprint:
    """The net with its outputs that are of a set divided into those of each picture."""
    if all(count is None for count in net.counts):
        return net
    items, outputs = list(net.region.items), list[Wire]()
    call = TorchCall(apply="per_picture({0}, {1})", support=(PER_PICTURE,))
    for wire, count in zip(net.outputs, net.counts, strict=True):
        if count is None:
            outputs.append(wire)
            continue
        outputs.append(PictureList(wire))
        items.append(Use(LayerUse(_PerPicture(), call), (wire, count), (outputs[-1],), net.span))
    return replace(net, region=Region(items), outputs=tuple(outputs))
