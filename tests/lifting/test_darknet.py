"""Darknet's cfgs: the spec computes what the cfg says, by an interpreter of cfgs written for this test alone."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

import netspec
from netspec.diagnostics import NetspecError
from netspec.lifting.sources.darknet import Configuration, configuration, load
from netspec.syntax.source import Source

HEAD = "[net]\nwidth=32\nheight=32\nchannels=3\n"


def conv(filters: int, size: int = 3, stride: int = 1, more: str = "batch_normalize=1\nactivation=leaky\n") -> str:
    return f"[convolutional]\nfilters={filters}\nsize={size}\nstride={stride}\npad=1\n{more}"


CFGS = {
    "residuals": conv(8) + (conv(4, 1) + conv(8) + "[shortcut]\nfrom=-3\nactivation=leaky\n") * 3,
    "routes": conv(8, stride=2)
    + conv(16)
    + "[route]\nlayers=-2\n"
    + conv(4, 1)
    + "[route]\nlayers=-1,1\n"
    + conv(6, 1),
    "entry": conv(8) + conv(4) + conv(6, 1) + "[route]\nlayers=-1,0\n" + conv(3),
    "groups": conv(8) + "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n" + conv(4) + "[route]\nlayers=-1,-3\n",
    "pools": conv(8)
    + "[maxpool]\nsize=2\nstride=2\n"
    + conv(4)
    + "[maxpool]\nsize=2\nstride=1\n[maxpool]\nsize=5\nstride=1\n",
    "odd": conv(8, 5, 3) + "[maxpool]\nsize=2\nstride=2\n",
    "heads": conv(8)
    + conv(9, 1, more="activation=linear\n")
    + "[yolo]\n[route]\nlayers=-3\n[upsample]\nstride=2\n"
    + conv(6)
    + "[yolo]\n",
    "reorg": conv(8) + "[reorg]\nstride=2\n" + conv(6, 1),
    "classes": conv(8, stride=2)
    + "[avgpool]\n[connected]\noutput=5\nactivation=relu\n[dropout]\nprobability=.3\n[softmax]\n",
    "gates": conv(8)
    + conv(4)
    + "[avgpool]\n"
    + conv(8, 1, more="activation=logistic\n")
    + "[scale_channels]\nfrom=-4\n",
    "depthwise": conv(8) + conv(8, more="groups=8\nbatch_normalize=1\nactivation=mish\n"),
}


def weights_file(path: Path, cfg: Configuration, *, short: int = 0) -> list[np.ndarray[Any, Any]]:
    """Writes random weights in Darknet's order; the numbers as one array."""
    graph = netspec.parse(cfg.text).graph()
    count = graph.parameters + sum(
        int(np.prod(shape))
        for node in graph.nodes
        for key, shape in node.layer.buffers(*node.shapes).items()
        if key.startswith("running")
    )
    numbers = np.random.default_rng(0).uniform(0.1, 0.5, count - short).astype("<f4")
    path.write_bytes(struct.pack("<iiiq", 0, 2, 0, 0) + numbers.tobytes())
    return [numbers]


def interpreted(text: str, numbers: Any, x: Tensor) -> list[Tensor]:
    """What a cfg computes, section by section."""
    values, outputs, place = [], [], 0

    def drawn(*shape: int) -> Tensor:
        nonlocal place
        count = int(np.prod(shape))
        place += count
        return torch.from_numpy(numbers[place - count : place].copy()).reshape(shape)

    def active(x: Tensor, name: str) -> Tensor:
        functions = {"leaky": lambda v: F.leaky_relu(v, 0.1), "logistic": torch.sigmoid, "relu": F.relu, "mish": F.mish}
        return functions[name](x) if name in functions else x

    for part in text.split("[")[2:]:
        name, _, body = part.partition("]")
        o = dict(line.split("=") for line in body.split("\n") if "=" in line)
        match name:
            case "convolutional":
                n, k, g = int(o["filters"]), int(o["size"]), int(o.get("groups", 1))
                bias = drawn(n)
                norm = (drawn(n), drawn(n), drawn(n)) if "batch_normalize" in o else None
                weight = drawn(n, x.shape[1] // g, k, k)
                x = F.conv2d(x, weight, None if norm else bias, int(o["stride"]), k // 2, 1, g)
                x = F.batch_norm(x, norm[1], norm[2], norm[0], bias) if norm else x
                x = active(x, o["activation"])
            case "connected":
                bias = drawn(int(o["output"]))
                x = active(
                    F.linear(x.flatten(1), drawn(int(o["output"]), x.flatten(1).shape[1]), bias), o["activation"]
                )
            case "shortcut":
                x = active(x + values[int(o["from"])], o["activation"])
            case "scale_channels":
                x = values[int(o["from"])] * x
            case "route":
                x = torch.cat([values[int(number)] for number in o["layers"].split(",")], 1)
                x = x.chunk(int(o.get("groups", 1)), 1)[int(o.get("group_id", 0))]
            case "maxpool":
                size, stride = int(o["size"]), int(o["stride"])
                left = (size - 1) // 2
                padded = F.pad(x, (left, size - 1 - left) * 2, value=float("-inf"))
                x = F.max_pool2d(padded, size, stride)
            case "avgpool":
                x = x.mean((2, 3), keepdim=True)
            case "upsample":
                x = F.interpolate(x, scale_factor=2)
            case "reorg":
                x = reorg(x, int(o["stride"]))
            case "softmax":
                x = x.softmax(1)
            case "yolo":
                outputs.append(x)
        values.append(x)
    assert place == len(numbers)
    return outputs or [x]


def reorg(x: Tensor, s: int) -> Tensor:
    """The loops of Darknet's reorg_cpu."""
    _, c, h, w = x.shape
    flat, out = x.flatten(1), torch.empty_like(x).flatten(1)
    small = c // (s * s)
    for k in range(c):
        for j in range(h):
            for i in range(w):
                offset = k // small
                there = i * s + offset % s + w * s * (j * s + offset // s + h * s * (k % small))
                out[:, i + w * (j + h * k)] = flat[:, there]
    return out.reshape(-1, c * s * s, h // s, w // s)


@pytest.mark.parametrize("name", CFGS)
def test_spec_computes_what_the_cfg_says(name: str, tmp_path: Path) -> None:
    text = HEAD + CFGS[name]
    cfg = configuration(Source("net.cfg", text), name)
    (numbers,) = weights_file(tmp_path / "net.weights", cfg)
    spec = netspec.parse(cfg.text)
    assert spec.check() == []
    model = spec.graph().compile().eval()
    state = {key: torch.from_numpy(value) for key, value in cfg.weights(tmp_path / "net.weights").items()}
    model.load_state_dict(state)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = model(x)
        theirs = interpreted(text, numbers, x)
    ours = list(ours) if isinstance(ours, tuple) else [ours]
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_rounds_of_a_cfg_are_repeats_of_residuals() -> None:
    text = configuration(Source("net.cfg", HEAD + CFGS["residuals"]), "small").text
    assert "repeat 3 {\n    residual {\n      Convolutional(4, kernel=1)\n      Convolutional(8)\n    }\n" in text


WRONG = [
    ("width=3\n", "an option stands before any section"),
    ("[convolutional]\n", "begins with the section"),
    ("", "begins with the section"),
    (HEAD, "has no layers"),
    (HEAD + "[convolutionnal]\n", "no layer for [convolutionnal]"),
    (HEAD + "[lstm]\n", "no layer for [lstm]"),
    (HEAD + conv(8, more="activation=lhtan\n"), "activation lhtan"),
    (HEAD + "[convolutional]\nfilters=8e9\n", "filters is a whole number"),
    (HEAD + "[convolutional]\nfilters=9999999999\n", "filters is between"),
    (HEAD + "[convolutional]\nfilters=8\nsize=99\n", "leaves nothing"),
    (HEAD + conv(8) + "[route]\nlayers=-3\n", "there is no layer -3"),
    (HEAD + conv(8) + "[route]\nlayers=7\n", "there is no layer 7"),
    (HEAD + conv(8) + "[route]\nlayers=\n", "layers is a list"),
    (HEAD + conv(8) + conv(4) + "[shortcut]\nfrom=-2\n", "of which Darknet reads a part only"),
    (HEAD + conv(8) + "what\n", "a line is a section or an option"),
    (HEAD + "[convolutional]\nfilters=__import__('os')\n", "filters is a whole number"),
    (HEAD + conv(8) + "[reorg]\nstride=3\n", "divides"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_is_wrong_with_a_cfg_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(NetspecError) as error:
        configuration(Source("net.cfg", text), "net")
    first = error.value.diagnostics[0]
    assert first.code == "E1004"
    assert message in first.message


@pytest.mark.parametrize("damage", ["short", "long", "header", "version", "missing"])
def test_weights_of_another_network_are_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text(HEAD + CFGS["residuals"], encoding="utf-8")
    cfg = load(tmp_path / "net.cfg")
    path = tmp_path / "net.weights"
    weights_file(path, cfg)
    whole = path.read_bytes()
    damaged = {
        "short": whole[:-4],
        "long": whole + b"0000",
        "header": b"\0" * 8,
        "version": b"\xff" * 40,
        "missing": b"",
    }
    path.write_bytes(damaged[damage])
    if damage == "missing":
        path.unlink()
    with pytest.raises(NetspecError) as error:
        cfg.weights(path)
    assert error.value.diagnostics[0].code == "E1005"


def test_command_writes_spec_and_weights(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "net.cfg").write_text(
        HEAD + "[crop]\ncrop_height=24\ncrop_width=24\n" + CFGS["routes"], encoding="utf-8"
    )
    cfg = load(tmp_path / "net.cfg")
    weights_file(tmp_path / "net.weights", cfg)
    done = cli("lift", "net.cfg", "net.weights", "-o", "net.net")
    assert done.returncode == 0, done.stderr
    assert "[crop] is left to the data" in done.stderr
    assert "input image [3, 24, 24]" in (tmp_path / "net.net").read_text(encoding="utf-8")
    assert (tmp_path / "net.safetensors").is_file()
    assert cli("check", "net.net").returncode == 0
