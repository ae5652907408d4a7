"""Networks of torchvision lifted: proven equal to the bit, and as short as somebody would write them."""

from __future__ import annotations

import pytest
import torch
import torchvision

import netspec

LINES = {
    "resnet50": 40,
    "densenet121": 45,
    "mobilenet_v3_small": 65,
    "shufflenet_v2_x0_5": 55,
    "googlenet": 60,
    "convnext_tiny": 70,
}
"""The most lines that the spec of each may have: about those of the zoo's, which was written by hand."""


@pytest.mark.xdist_group("peers")
@pytest.mark.parametrize("name", LINES)
def test_spec_is_the_network_and_short(name: str) -> None:
    torch.manual_seed(0)
    options = {"init_weights": False} if name == "googlenet" else {}
    spec = netspec.lift(torchvision.models.get_model(name, weights=None, **options), input=[3, 64, 64], name=name)
    assert spec.proof is not None
    assert spec.proof.exact
    assert spec.check() == []
    assert len(spec.source.text.splitlines()) <= LINES[name]
