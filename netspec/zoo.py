"""The zoo: the published networks that ship with netspec, to look at and to start from.

Every file of `examples/` is a network, or a family of them whose members differ in the values of parameters. `FAMILIES`
names the members; what a file is about and which paper it follows stands in its own header.

`python -m netspec.zoo` writes `zoo.json` anew, the name of each net and its parameters, so that they are listed without
any being elaborated; a test fails while it lags behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spelling import CUTOFF
from netspec.syntax.source import place_outside

if TYPE_CHECKING:
    from netspec.graph.graph import Graph
    from netspec.syntax import tree


@dataclass(frozen=True, slots=True)
class Paper:
    """What a spec cites: `where` is venue and year, `arxiv` the number there or empty."""

    authors: str
    title: str
    where: str
    arxiv: str

    @property
    def short_authors(self) -> str:
        """`He et al.`; `Prince`; `Zagoruyko and Komodakis`."""
        surnames = [re.sub(r"^([A-Z]\.[- ])+", "", name) for name in self.authors.removesuffix(" et al.").split(", ")]
        more = len(surnames) > 2 or self.authors.endswith(" et al.")
        return f"{surnames[0]} et al." if more else " and ".join(surnames)


@dataclass(frozen=True, slots=True)
class Network:
    """One network of the zoo: a net of a spec with values for its parameters; the last net where `net` is None.

    `follows` is the paper, counted from 0 among those that the header of the spec cites.
    """

    name: str
    spec: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    net: str | None = None
    follows: int = 0

    @property
    def path(self) -> Path:
        """The file that holds it."""
        return folder() / f"{self.spec}.net"

    @property
    def figures(self) -> tuple[str, int]:
        """The name of its net, and how many parameters this has."""
        net, parameters = _figures()[self.name]
        return net, parameters

    def graph(self) -> Graph:
        """The network, checked, with every shape known."""
        import netspec

        return netspec.load(self.path).graph(self.net, **self.arguments)

    def paper(self) -> Paper:
        """The paper that the network follows."""
        return cited(self.path.read_text(encoding="utf-8"))[self.follows]

    def text(self) -> str:
        """The spec with this network as its last net and these values as the defaults of its parameters."""
        import netspec
        from netspec.syntax import tree

        spec = netspec.load(self.path)
        nets = [item for item in spec.tree.items if isinstance(item, tree.Definition) and item.kind == "net"]
        chosen = next(net for net in nets if net.name == (self.net or nets[-1].name))
        text = spec.source.text
        for parameter in reversed(chosen.parameters):
            if parameter.name in self.arguments:
                assert parameter.default is not None, f"{parameter.name} of {chosen.name} has a default"
                place, value = parameter.default.span, json.dumps(self.arguments[parameter.name])
                text = text[: place.start] + value + text[place.end :]
        return text if chosen is nets[-1] else _with_last(text, chosen, len(text) - len(spec.source.text))


FAMILIES = (
    *(Network(f"vgg{depth}", "vgg", {"depth": depth}) for depth in (11, 13, 16, 19)),
    *(Network(f"vgg{depth}_bn", "vgg", {"depth": depth, "normalised": True}) for depth in (11, 13, 16, 19)),
    *(Network(f"squeezenet1_{version[-1]}", "squeezenet", {"version": version}) for version in ("1.0", "1.1")),
    *(Network(f"mobilenet_v3_{size}", "mobilenet_v3", {"size": size}) for size in ("large", "small")),
    *(
        Network(f"shufflenet_v2_x{str(float(width)).replace('.', '_')}", "shufflenet_v2", {"width": width})
        for width in (0.5, 1, 1.5, 2)
    ),
    *(Network(f"efficientnet_b{b}", "efficientnet", {"b": b}) for b in range(8)),
    *(Network(f"convnext_{size}", "convnext", {"size": size}) for size in ("tiny", "small", "base", "large")),
    Network("resnext50_32x4d", "resnext"),
    Network("resnext101_32x8d", "resnext", {"depth": 101, "wide": 4}),
    Network("resnext101_64x4d", "resnext", {"depth": 101, "wide": 4, "groups": 64}),
    *(Network(f"swin_{size[0]}", "swin", {"size": size}) for size in ("tiny", "small", "base")),
    *(Network(f"vit_b_{patch}", "vit", {"patch": patch}) for patch in (16, 32)),
    *(Network(f"fcn_resnet{depth}", "fcn_resnet", {"depth": depth}) for depth in (50, 101)),
    *(Network(f"deeplabv3_resnet{depth}", "deeplabv3", {"depth": depth}) for depth in (50, 101)),
    Network("lraspp_mobilenet_v3_large", "lraspp"),
    Network("retinanet", "retinanet"),
    Network("retinanet_v2", "retinanet", {"frozen": False, "top": "c5", "normalised": True}),
    Network("ssdlite320_mobilenet_v3_large", "ssdlite"),
    Network("faster_rcnn", "faster_rcnn"),
    Network("faster_rcnn_v2", "faster_rcnn", {"frozen": False, "second": True}),
    Network("faster_rcnn_c4", "mask_rcnn_c4", {"masks": False, "pooled": True}, follows=1),
    Network("mask_rcnn", "mask_rcnn"),
    Network("mask_rcnn_v2", "mask_rcnn", {"frozen": False, "second": True}),
    Network("mask_rcnn_c4", "mask_rcnn_c4"),
    Network("yolov1", "yolov1"),
    Network("yolov1_detector", "yolov1", net="Detector"),
    Network("yolov3", "yolov3"),
    Network("yolov3_tiny", "yolov3", net="YOLOv3Tiny"),
    *(
        Network(f"regnet_{name}", "regnet", {"depths": n, "widths": w, "group": group, "gated": name.startswith("y")})
        for name, group, n, w in (
            ("x_400mf", 16, [1, 2, 7, 12], [32, 64, 160, 400]),
            ("x_800mf", 16, [1, 3, 7, 5], [64, 128, 288, 672]),
            ("x_1_6gf", 24, [2, 4, 10, 2], [72, 168, 408, 912]),
            ("x_3_2gf", 48, [2, 6, 15, 2], [96, 192, 432, 1008]),
            ("x_8gf", 120, [2, 5, 15, 1], [80, 240, 720, 1920]),
            ("y_400mf", 8, [1, 3, 6, 6], [48, 104, 208, 440]),
            ("y_800mf", 16, [1, 3, 8, 2], [64, 144, 320, 784]),
            ("y_1_6gf", 24, [2, 6, 17, 2], [48, 120, 336, 888]),
            ("y_3_2gf", 24, [2, 5, 13, 1], [72, 216, 576, 1512]),
            ("y_8gf", 56, [2, 4, 10, 1], [224, 448, 896, 2016]),
        )
    ),
    *(Network(f"hrnet_w{width}", "hrnet", {"width": width}) for width in (18, 32, 48)),
    Network("nin", "nin"),
    Network("nin_imagenet", "nin", net="ImageNet"),
    Network("maxout_mnist", "maxout_mnist"),
    Network("maxout_mnist_permuted", "maxout_mnist", net="Permuted"),
    *(Network(f"resnet{depth}", "resnet", {"depth": depth}) for depth in (18, 34, 50, 101, 152, 200)),
    *(Network(f"resnet{depth}_v1", "resnet", {"depth": depth, "v1": True}) for depth in (50, 101, 152)),
    *(Network(f"wide_resnet{depth}_2", "resnet", {"depth": depth, "wide": 2}, follows=1) for depth in (50, 101)),
    *(Network(f"resnet_cifar{depth}", "resnet_cifar", {"depth": depth}) for depth in (20, 32, 44, 56, 110)),
    *(
        Network(f"plain_cifar{depth}", "resnet_cifar", {"depth": depth, "shortcuts": False})
        for depth in (20, 32, 44, 56)
    ),
    *(Network(f"preact_resnet{depth}", "preact_resnet", {"depth": depth}) for depth in (50, 101, 152, 200)),
    *(Network(f"se_resnet{depth}", "se_resnet", {"depth": depth}) for depth in (50, 101, 152)),
    *(Network(f"densenet{depth}", "densenet", {"depth": depth}) for depth in (121, 161, 169, 201)),
    *(Network(f"highway_mnist{depth}", "highway_mnist", {"depth": depth}) for depth in (10, 20, 50, 100)),
    *(Network(f"plain_mnist{depth}", "highway_mnist", {"depth": depth}, net="Plain") for depth in (10, 20, 50, 100)),
    *(Network(f"highway_conv{width}", "highway_conv", {"width": width}) for width in (16, 32)),
    Network("tcn", "tcn"),
    Network("tcn_adding", "tcn", net="Adding"),
    Network("tcn_words", "tcn", net="Words"),
    Network("unet_same", "unet_same"),
    Network("unet_repeated", "unet_same", net="Repeated"),
    Network("bytenet", "bytenet", net="ByteNet"),
    Network("bytenet_lm", "bytenet"),
    Network("charcnn_large", "charcnn", {"size": "large"}),
    Network("charcnn_small", "charcnn", {"size": "small"}),
    Network("dcgan", "dcgan"),
    Network("dcgan_paper", "dcgan", net="PaperGenerator"),
    *(Network(f"inception_{net.lower()}", "inception_modules", net=net) for net in ("Naive", "Reduced")),
    *(
        Network(f"inception_{net.lower()}", "inception_modules", net=net, follows=1)
        for net in ("Stacked", "Factorised", "Expanded", "Row")
    ),
)
"""The networks of the specs that hold several; a spec that is not mentioned here is one network of its own name."""


@cache
def folder() -> Path:
    """Where the examples are: inside the package where it is installed, beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    shipped = package / "examples"
    return shipped if shipped.is_dir() else package.parent / "examples"


_FIGURES = Path(__file__).resolve().with_suffix(".json")


@cache
def _figures() -> dict[str, tuple[str, int]]:
    figures: dict[str, tuple[str, int]] = json.loads(_FIGURES.read_text(encoding="utf-8"))
    return figures


def figures_text() -> str:
    """What `zoo.json` has to say."""
    graphs = {network.name: network.graph() for network in networks()}
    rows = (f"{json.dumps(name)}: {json.dumps([graph.name, graph.parameters])}" for name, graph in graphs.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


@cache
def networks() -> tuple[Network, ...]:
    """All networks, in the order of their specs' names, those of a family in their own order."""
    families: dict[str, list[Network]] = {}
    for network in FAMILIES:
        families.setdefault(network.spec, []).append(network)
    specs = sorted(path.stem for path in folder().glob("*.net"))
    return tuple(network for spec in specs for network in families.get(spec, [Network(spec, spec)]))


def find(name: str) -> Network:
    """The network of that name; raises NetspecError (E0701) with the names that are near."""
    by_name = {network.name: network for network in networks()}
    if name in by_name:
        return by_name[name]
    near = [other for other in by_name if other.startswith(name.lower())][:5]
    near = near or get_close_matches(name.lower(), by_name, cutoff=CUTOFF)
    help = f"did you mean {_either(near)}?" if near else "netspec zoo lists the networks"
    span = place_outside(f"--from {name}")
    raise NetspecError((Diagnostic("E0701", f"the zoo has no network named {name}", span, help=help),))


def matching(words: str) -> list[Network]:
    """The networks whose name, spec or paper has all of these words in it."""
    terms = words.lower().split()
    return [network for network in networks() if all(word in _said_of(network) for word in terms)]


def _said_of(network: Network) -> str:
    paper = network.paper()
    return f"{network.name} {network.spec} {paper.authors} {paper.title} {paper.where} {paper.arxiv}".lower()


def small(name: str) -> str:
    """A small net that explains itself, to start from; its name is that of its file."""
    text = _SMALL.read_text(encoding="utf-8")
    words = re.sub(r"\W+", " ", name).split()
    title = "".join(word[:1].upper() + word[1:] for word in words)
    return text.replace("Small", title if title.isidentifier() and title.isascii() else "Small")


_SMALL = Path(__file__).resolve().parent / "std" / "small.txt"


def listing(chosen: Iterable[Network] | None = None) -> str:
    """Networks as a table for a terminal, all if none are given."""
    rows = [("name", "net", "parameters", "paper")]
    for network in chosen if chosen is not None else networks():
        (net, parameters), paper = network.figures, network.paper()
        rows.append((network.name, net, f"{parameters:,}", f"{paper.title}, {paper.where}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}" for row in rows)


def json_text(chosen: Iterable[Network] | None = None) -> str:
    """Networks as JSON, all if none are given: what the table shows, and which spec, net and values make them."""
    return json.dumps(
        [_entry(network) for network in (chosen if chosen is not None else networks())], indent=1, ensure_ascii=False
    )


def _entry(network: Network) -> dict[str, Any]:
    (net, parameters), paper = network.figures, network.paper()
    return {
        "name": network.name,
        "spec": str(network.path),
        "net": net,
        "arguments": dict(network.arguments),
        "parameters": parameters,
        "paper": {"authors": paper.authors, "title": paper.title, "where": paper.where, "arxiv": paper.arxiv},
    }


def cited(text: str) -> tuple[Paper, ...]:
    """The papers that the header of a spec cites, as `A. Author, B. Author, "Title", VENUE 2016, arXiv:1234.56789`."""
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = " ".join(line.lstrip("# ") for line in lines[:end])
    return tuple(
        Paper(citation["authors"], citation["title"], citation["where"], citation["arxiv"] or "")
        for citation in _CITATION.finditer(header)
    )


_AUTHOR = r"[A-Z]\.(?:[- ][A-Z]\.)* (?:[a-z]+ )*[A-Z][\w\-]+"
_CITATION = re.compile(
    rf'(?P<authors>{_AUTHOR}(?:, {_AUTHOR})*(?: et al\.)?), "(?P<title>[^"]+)", (?P<where>[^".;]*?\b\d{{4}})\b'
    r"(?:, arXiv:(?P<arxiv>\d{4}\.\d+))?"
)


def _with_last(text: str, net: tree.Definition, shift: int) -> str:
    """The text with a net, and the comment directly above it, moved behind the other definitions."""
    source = net.span.source
    first = net.span.line
    while first > 1 and source.line(first - 1).startswith("#"):
        first -= 1
    start = sum(len(source.line(number)) + 1 for number in range(1, first))
    end = net.span.end + shift
    rest = text[:start] + text[end:].lstrip("\n")
    before, mark, train = rest.partition("\ntrain {")
    return f"{before.rstrip()}\n\n{text[start:end]}\n" + (f"{mark}{train}" if mark else "")


def _either(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


if __name__ == "__main__":
    _FIGURES.write_text(figures_text(), encoding="utf-8")
