"""Sections to the items of a network: a table of what each section is.

The rules are those of Darknet's own source (J. Redmon, "Darknet: Open Source Neural Networks in C", 2013-2016, and the
fork of A. Bochkovskiy): sizes round down, pools pad more at the end, a route names layers by their distance or number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.layers.declaration.base import ShapeError
from netspec.lifting.items import Box, Item, Leaf
from netspec.lifting.sources.darknet.sections import Section, wrong
from netspec.lifting.steps import Network, Step, outputs_of
from netspec.shapes.shape import Shape
from netspec.spelling import nearest

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]] | None] = {
    "linear": None,
    "leaky": ("leaky_relu", {"slope": 0.1}),
    "relu": ("relu", {}),
    "relu6": ("relu6", {}),
    "logistic": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "mish": ("mish", {}),
    "swish": ("silu", {}),
    "elu": ("elu", {}),
    "selu": ("selu", {}),
    "gelu": ("gelu", {"approximate": "tanh"}),
    "hardtan": ("hardtanh", {}),
}
HEADS = frozenset({"yolo", "region", "detection", "gaussian_yolo"})
"""Sections that read boxes off a map: what enters them is an output."""
IDLE = frozenset({"cost", "contrastive"})
"""Sections of training alone."""


@dataclass(frozen=True)
class Weighted:
    """A layer with weights, in the order of the file; `norm` is what the batchnorm behind it makes, if there is one."""

    value: int
    norm: int | None
    kind: str


@dataclass(frozen=True)
class Reading:
    """A cfg as items. `weighted` has each value that a layer with weights makes; `order` is that of a weights file."""

    network: Network
    items: tuple[Item, ...]
    order: tuple[Weighted, ...]
    weighted: frozenset[int]
    notes: tuple[str, ...]


@dataclass
class Builder:
    """The network so far. `layers` has the value that each section leaves, the input not counted."""

    current: int
    shapes: dict[int, Shape]
    items: list[Item] = field(default_factory=list)
    layers: list[int] = field(default_factory=list)
    order: list[Weighted] = field(default_factory=list)
    weighted: set[int] = field(default_factory=set)
    outputs: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def shape(self) -> Shape:
        return self.shapes[self.current]

    def step(self, section: Section, layer: str, inputs: Sequence[int], arguments: dict[str, Any]) -> Step:
        """A call of a layer, whose result flows on; raises NetspecError (E1004) where it does not fit."""
        try:
            (shape,) = outputs_of(layer, arguments, tuple(self.shapes[value] for value in inputs))
        except ShapeError as error:
            raise wrong(error.message, section.span, help=error.help) from None
        except ValueError:
            raise wrong(f"[{section.name}] has numbers that no {layer} may have", section.span) from None
        value = len(self.shapes)
        self.shapes[value] = shape
        self.current = value
        return Step(layer, arguments, tuple(inputs), (value,), hint=section.name)

    def add(self, steps: Sequence[Step], kind: str = "") -> None:
        """Appends steps, as one container where they are several of a kind."""
        leaves = tuple(Leaf(step) for step in steps)
        if len(leaves) > 1 and kind:
            self.items.append(Box("", kind, leaves, steps[-1].outputs[0]))
        else:
            self.items.extend(leaves)

    def value(self, section: Section, option: str, number: int) -> int:
        """The value that a layer leaves, by its number, or by its distance where that is negative."""
        place = len(self.layers) + number if number < 0 else number
        if not 0 <= place < len(self.layers):
            message = f"there is no layer {number} before this one, which is number {len(self.layers)}"
            raise wrong(message, section.at(option))
        return self.layers[place]


def read(sections: Sequence[Section], name: str) -> Reading:
    """The network of a cfg. Raises NetspecError (E1004) with the line of what is wrong."""
    first, *rest = sections
    sizes = [
        first.number(size, default, least=1) for size, default in (("channels", 3), ("height", None), ("width", None))
    ]
    builder = Builder(0, {0: Shape.of(*sizes)})
    for section in rest:
        if section.name == "crop":
            _crop(builder, section)
        elif section.name in HEADS:
            builder.outputs.append((f"{section.name}{len(builder.outputs) + 1}", builder.current))
        elif section.name in SECTIONS:
            SECTIONS[section.name](builder, section)
        elif section.name not in IDLE:
            near = nearest(section.name, SECTIONS)
            raise wrong(
                f"there is no layer for [{section.name}]", section.span, help=f"did you mean [{near}]?" if near else ""
            )
        builder.layers.append(builder.current)
    if not builder.items:
        raise wrong("this cfg has no layers", first.span, help="[convolutional]\nfilters=32\nsize=3\nstride=1\npad=1")
    outputs = builder.outputs or [("output", builder.current)]
    label = "".join(c if c.isascii() and c.isalnum() else "_" for c in name) or "net"
    label = label if not label[0].isdigit() else f"n{label}"
    network = Network(label, (), (("image", 0),), tuple(outputs), builder.shapes)
    return Reading(
        network, tuple(builder.items), tuple(builder.order), frozenset(builder.weighted), tuple(builder.notes)
    )


def _crop(b: Builder, section: Section) -> None:
    """A crop of the pictures, which is for the data: the network begins with what it leaves."""
    if b.items:
        raise wrong("[crop] stands behind other layers", section.span)
    sizes = [section.number("crop_height", least=1), section.number("crop_width", least=1)]
    b.shapes[0] = Shape.of(b.shape.dims[0], *sizes)
    b.notes.append(
        "[crop] is left to the data: it cuts pictures"
        + (", and scales them to -1 ... 1" if not section.number("noadjust", 0) else "")
    )


def _activation(b: Builder, section: Section, default: str) -> list[Step]:
    word = section.word("activation", default)
    if word not in ACTIVATIONS:
        near = nearest(word, ACTIVATIONS)
        raise wrong(
            f"there is no layer for the activation {word}",
            section.at("activation"),
            help=f"did you mean {near}?" if near else "",
        )
    form = ACTIVATIONS[word]
    return [] if form is None else [b.step(section, form[0], [b.current], dict(form[1]))]


def _normed(b: Builder, section: Section, layer: str, arguments: dict[str, Any], kind: str, default: str) -> None:
    """A layer with weights, batch normalisation where it is asked for, and an activation."""
    norm = section.number("batch_normalize", 0) != 0
    if norm:
        arguments["bias"] = False
    steps = [b.step(section, layer, [b.current], arguments)]
    b.weighted.add(b.current)
    value = b.current
    if norm:
        steps.append(b.step(section, "batchnorm", [b.current], {"momentum": 0.01}))
        b.weighted.add(b.current)
    b.order.append(Weighted(value, b.current if norm else None, section.name))
    b.add([*steps, *_activation(b, section, default)], kind)


def _convolutional(b: Builder, section: Section) -> None:
    size = section.number("size", 1, least=1)
    pad = size // 2 if section.number("pad", 0) else section.number("padding", 0)
    groups = section.number("groups", 1, least=1)
    channels = section.number("filters", 1, least=1)
    optional = {
        "stride": (section.number("stride", 1, least=1), 1),
        "pad": (pad, 0),
        "dilation": (section.number("dilation", 1, least=1), 1),
    }
    arguments = {name: value for name, (value, usual) in optional.items() if value != usual}
    if groups == b.shape.dims[0] == channels and groups > 1:
        _normed(b, section, "depthwise_conv", {"kernel": size} | arguments, "Depthwise", "logistic")
        return
    arguments |= {"groups": groups} if groups > 1 else {}
    _normed(b, section, "conv", {"channels": channels, "kernel": size} | arguments, "Convolutional", "logistic")


def _deconvolutional(b: Builder, section: Section) -> None:
    size = section.number("size", 1, least=1)
    pad = size // 2 if section.number("pad", 0) else section.number("padding", 0)
    arguments = {"channels": section.number("filters", 1, least=1), "kernel": size}
    arguments |= {"stride": stride} if (stride := section.number("stride", 1, least=1)) > 1 else {}
    _normed(b, section, "upconv", arguments | ({"pad": pad} if pad else {}), "Deconvolutional", "logistic")


def _connected(b: Builder, section: Section) -> None:
    if b.shape.rank > 1:
        b.add([b.step(section, "flatten", [b.current], {})])
    _normed(b, section, "linear", {"features": section.number("output", 1, least=1)}, "Connected", "logistic")


def _local(b: Builder, section: Section) -> None:
    size = section.number("size", 1, least=1)
    arguments: dict[str, Any] = {"channels": section.number("filters", 1, least=1), "kernel": size}
    arguments |= {"stride": stride} if (stride := section.number("stride", 1, least=1)) > 1 else {}
    arguments |= {"pad": size // 2} if section.number("pad", 0) else {}
    steps = [b.step(section, "local_conv", [b.current], arguments)]
    b.weighted.add(b.current)
    b.order.append(Weighted(b.current, None, "local"))
    b.add([*steps, *_activation(b, section, "logistic")], "Local")


def _maxpool(b: Builder, section: Section) -> None:
    stride = section.number("stride", 1, least=1)
    size = section.number("size", stride, least=1)
    whole = section.number("padding", size - 1)
    before, after = whole // 2, whole - whole // 2
    if before != after and not _reaches(b.shape, whole, size, stride):
        after = 0
    arguments: dict[str, Any] = {"kernel": size} | ({"stride": stride} if stride != size else {})
    if before or after:
        arguments["pad"] = before if before == after else ((before, after), (before, after))
    b.add([b.step(section, "maxpool", [b.current], arguments)])


def _reaches(shape: Shape, whole: int, size: int, stride: int) -> bool:
    """Whether a window of a pool ends in the padding at the end."""
    extents = [extent for extent in shape.dims[1:] if isinstance(extent, int)]
    return any((extent + whole - size) // stride > (extent + whole // 2 - size) // stride for extent in extents)


def _avgpool(b: Builder, section: Section) -> None:
    b.add([b.step(section, "global_avgpool", [b.current], {})])


def _route(b: Builder, section: Section) -> None:
    values = [b.value(section, "layers", number) for number in section.numbers("layers")]
    groups = section.number("groups", 1, least=1)
    if groups > 1:
        values = [_group(b, section, value, groups) for value in values]
    b.current = values[0]
    if len(values) > 1:
        b.add([b.step(section, "concat", values, {})])


def _group(b: Builder, section: Section, value: int, groups: int) -> int:
    """One of several equal parts of the channels."""
    channels, group = b.shapes[value].dims[0], section.number("group_id", 0)
    if not isinstance(channels, int) or channels % groups or group >= groups:
        raise wrong(f"{channels} channels have no group {group} of {groups}", section.at("groups"))
    size = channels // groups
    ends = {"start": group * size or None, "stop": (group + 1) * size if group < groups - 1 else None}
    b.add([b.step(section, "slice", [value], {name: end for name, end in ends.items() if end is not None})])
    return b.current


def _shortcut(b: Builder, section: Section) -> None:
    for number in section.numbers("from"):
        other = b.value(section, "from", number)
        if b.shapes[other] != b.shape:
            message = f"a shortcut adds {b.shapes[other]} to {b.shape}, of which Darknet reads a part only"
            raise wrong(message, section.at("from"), help="give both the same shape: a convolution in the shortcut")
        if other == b.current:
            raise wrong("a shortcut adds a value to itself", section.at("from"), help="from=-3")
        b.add([b.step(section, "add", [b.current, other], {})])
    b.add(_activation(b, section, "linear"))


def _product(b: Builder, section: Section) -> None:
    """[sam] and [scale_channels]: a map times another one, or times a factor a channel."""
    (number, *_) = section.numbers("from")
    b.add([b.step(section, "mul", [b.value(section, "from", number), b.current], {})])
    b.add(_activation(b, section, "linear"))


def _upsample(b: Builder, section: Section) -> None:
    b.add([b.step(section, "upsample", [b.current], {"scale": section.number("stride", 2, least=1)})])
    scale = section.real("scale", 1.0)
    if scale != 1:
        b.add([b.step(section, "mul", [b.current], {"value": scale})])


def _reorg(b: Builder, section: Section) -> None:
    """Darknet's reorg, which reads the map as if it had fewer channels and more positions."""
    step = section.number("stride", 1, least=1)
    if b.shape.rank != 3 or section.number("reverse", 0):
        raise wrong("[reorg] takes a map, and not in reverse", section.span)
    channels, high, wide = (size if isinstance(size, int) else 0 for size in b.shape.dims)
    if channels % step**2 or high % step or wide % step:
        raise wrong(f"[reorg] divides {b.shape} by a stride of {step}", section.at("stride"))
    pattern = "c (h y) (w x) -> (y x c) h w"
    steps = [b.step(section, "reshape", [b.current], {"shape": (channels // step**2, high * step, wide * step)})]
    steps.append(b.step(section, "rearrange", [b.current], {"pattern": pattern, "sizes": {"y": step, "x": step}}))
    steps.append(b.step(section, "reshape", [b.current], {"shape": (channels * step**2, high // step, wide // step)}))
    b.add(steps)


def _softmax(b: Builder, section: Section) -> None:
    if section.number("groups", 1, least=1) > 1:
        raise wrong("there is no softmax over groups", section.at("groups"))
    if b.shape.rank > 1:
        b.add([b.step(section, "flatten", [b.current], {})])
    b.add([b.step(section, "softmax", [b.current], {})])


def _dropout(b: Builder, section: Section) -> None:
    b.add([b.step(section, "dropout", [b.current], {"p": section.real("probability", 0.5)})])


def _active(b: Builder, section: Section) -> None:
    b.add(_activation(b, section, "linear"))


SECTIONS: dict[str, Callable[[Builder, Section], None]] = {
    "convolutional": _convolutional,
    "conv": _convolutional,
    "deconvolutional": _deconvolutional,
    "connected": _connected,
    "conn": _connected,
    "local": _local,
    "maxpool": _maxpool,
    "max": _maxpool,
    "avgpool": _avgpool,
    "avg": _avgpool,
    "route": _route,
    "shortcut": _shortcut,
    "sam": _product,
    "scale_channels": _product,
    "upsample": _upsample,
    "reorg": _reorg,
    "softmax": _softmax,
    "soft": _softmax,
    "dropout": _dropout,
    "activation": _active,
}
"""What each section is."""
