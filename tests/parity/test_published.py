"""Weights that the libraries have published: read from their caches, and put into a net under their own names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

import netspec
from netspec import NetspecError
from netspec.train import train

BEGINNING = """\
net Beginning {
  input image [1, 8, 8]
  concat { { }  { }  { } }
  features = { conv(64, 3, stride=2);  relu }
  head = { flatten;  linear(10) }
}

train {
  data   digits
  loss   cross_entropy
  epochs 0
  init   "SOURCE"
}
"""
"""The first layer of SqueezeNet 1.1."""


def started(tmp_path, source):
    """The weights that a training starts from."""
    path = tmp_path / "beginning.net"
    path.write_text(BEGINNING.replace("SOURCE", source))
    run = train(netspec.load(path), out=tmp_path / "run", device="cpu", quiet=True)
    return run.model.state_dict()


def test_weights_of_torchvision(tmp_path, monkeypatch):
    """Its own loader reads a file of the name that the weights have in its cache."""
    weights = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    model = torchvision.models.squeezenet1_1(weights=None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(model.state_dict(), tmp_path / "hub" / "checkpoints" / Path(weights.url).name)
    for source in ("torchvision:squeezenet1_1", "torchvision:squeezenet1_1.IMAGENET1K_V1"):
        tensors = started(tmp_path, source)
        assert tensors["features.0.weight"].equal(model.features[0].weight)
        assert tensors["features.0.bias"].equal(model.features[0].bias)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("torchvision:squeezenet1_2", "torchvision has no weights of squeezenet1_2"),
        ("torchvision:squeezenet1_1.V7", "torchvision:squeezenet1_1 has no weights of V7"),
        ("timm:resnet_50", "timm has no weights of resnet_50"),
        ("timm:resnet10t", "the weights of timm:resnet10t cannot be had"),
    ],
)
def test_weights_that_cannot_be_had(tmp_path, monkeypatch, source, said):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(NetspecError, match=said) as error:
        started(tmp_path, source)
    assert error.value.diagnostics[0].code == "E0609"
    assert error.value.diagnostics[0].span.text == f'init   "{source}"'
