"""The examples against torchvision's models: the same keys and shapes, and with the same weights the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netspec

torchvision = import_module("torchvision.models")

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Twin:
    """An example and the torchvision model that it must equal.

    `size` is the side of the images that both are run on.
    """

    example: str
    peer: str
    size: int = 64
    arguments: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.peer, *map(str, self.options.values())])


KEYS_ONLY = [
    Twin("resnet", "resnet34", arguments={"depth": 34}),
    Twin("resnet", "resnet101", arguments={"depth": 101}),
    *(Twin("vgg", f"vgg{depth}", arguments={"depth": depth}) for depth in (11, 13, 16, 19)),
    *(Twin("vgg", f"vgg{depth}_bn", arguments={"depth": depth, "normalised": True}) for depth in (11, 13, 16, 19)),
    *(Twin("densenet", f"densenet{depth}", arguments={"depth": depth}) for depth in (121, 161, 169, 201)),
    Twin("inception_v3", "inception_v3", options={"init_weights": False}),
]
TWINS = [
    Twin("resnet", "resnet18", arguments={"depth": 18}),
    Twin("resnet", "resnet50"),
    Twin("resnet", "resnet152", size=32, arguments={"depth": 152}),
    Twin("vgg16", "vgg16"),
    Twin("alexnet_torchvision", "alexnet"),
    Twin(
        "googlenet_torchvision",
        "googlenet",
        options={"aux_logits": True, "init_weights": False},
    ),
    Twin(
        "googlenet_torchvision",
        "googlenet",
        arguments={"aux": False},
        options={"aux_logits": False, "init_weights": False},
    ),
    Twin("densenet121", "densenet121"),
]


@cache
def spec(example: str) -> Any:
    return netspec.load(EXAMPLES / f"{example}.net")


def ours(twin: Twin, device: str, **inputs: list[int]) -> nn.Module:
    model: nn.Module = spec(twin.example).graph(inputs=inputs or None, **twin.arguments).compile(device=device)
    return model


def theirs(twin: Twin, device: str) -> nn.Module:
    with torch.device(device):
        model: nn.Module = getattr(torchvision, twin.peer)(**twin.options)
    return model


def layout(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


@pytest.mark.parametrize("twin", TWINS + KEYS_ONLY, ids=str)
def test_state_dict_has_the_same_keys_and_shapes(twin: Twin) -> None:
    assert layout(ours(twin, "meta")) == layout(theirs(twin, "meta"))


@pytest.fixture(scope="module", params=TWINS, ids=str)
def twins(request: pytest.FixtureRequest) -> tuple[Twin, nn.Module, nn.Module]:
    """The example and its twin with the same random weights and statistics."""
    twin: Twin = request.param
    torch.manual_seed(0)
    peer = theirs(twin, "meta").to_empty(device="cpu")
    with torch.no_grad():
        for key, value in peer.state_dict().items():
            if value.dtype.is_floating_point:
                fan_in = max(1, value[0].numel()) if value.dim() > 1 else 1
                if value.dim() > 1:
                    value.uniform_(-((6 / fan_in) ** 0.5), (6 / fan_in) ** 0.5)
                elif "running_var" in key or key.endswith("weight"):
                    value.uniform_(0.5, 1.5)
                else:
                    value.uniform_(-0.1, 0.1)
            else:
                value.zero_()
    model = ours(twin, "meta", image=[3, twin.size, twin.size]).to_empty(device="cpu")
    model.load_state_dict(peer.state_dict(), strict=True)
    return twin, model, peer


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_equal_to_the_last_bit(twins: tuple[Twin, nn.Module, nn.Module], training: bool) -> None:
    """Outputs, gradients of the input and of the weights, and after a training step BatchNorm's statistics."""
    twin, model, peer = twins
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(2, 3, twin.size, twin.size, generator=generator)
    results = []
    for network in (model, peer):
        network.train(training)
        x = image.clone().requires_grad_()
        torch.manual_seed(2)
        outputs = by_name(network(x))
        torch.manual_seed(3)
        # A random weighting of the outputs, so that no gradient cancels.
        loss = sum(((torch.rand_like(outputs[name]) - 0.3) * outputs[name]).sum() for name in sorted(outputs))
        watched = {name: p for name, p in network.named_parameters() if p.numel() < 2**20}
        gradients = torch.autograd.grad(loss, [x, *watched.values()], allow_unused=True)
        statistics = {name: buffer.clone() for name, buffer in network.named_buffers()}
        results.append((outputs, dict(zip(["input", *watched], gradients, strict=True)), statistics))
    for what, found, expected in zip(("output", "gradient of", "statistic"), *results, strict=True):
        assert found.keys() == expected.keys()
        assert what != "output" or list(found) == list(expected)
        for name in expected:
            if expected[name] is None or found[name] is None:
                assert found[name] is expected[name], f"{what} {name}"
            else:
                assert torch.equal(found[name], expected[name]), f"{what} {name}: {gap(found[name], expected[name])}"


def by_name(output: Any) -> dict[str, Tensor]:
    """The outputs by name, in the order of the tuple; a single one has none."""
    return {"": output} if isinstance(output, Tensor) else dict(output._asdict())


def gap(a: Tensor, b: Tensor) -> str:
    return f"{tuple(a.shape)} and {tuple(b.shape)}" if a.shape != b.shape else f"max |a - b| = {(a - b).abs().max()}"
