"""The zoo against torchvision and timm: the same keys and shapes, and with the same weights the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from randomness import randomise
from torch import Tensor, nn
from twins import TWINS, Twin

WATCHED = 2**19
"""Gradients of weights with more elements than this are not compared: they cost more than they say."""


@pytest.mark.parametrize("twin", TWINS, ids=str)
def test_state_dict_has_the_same_keys_and_shapes(twin: Twin) -> None:
    ours, theirs = twin.ours("meta").state_dict(), twin.theirs("meta").state_dict()
    assert {twin.keys(key): value.shape for key, value in theirs.items()} == {k: v.shape for k, v in ours.items()}


@pytest.mark.parametrize("twin", [twin for twin in TWINS if twin.starts_alike], ids=str)
def test_the_same_seed_starts_the_same_weights(twin: Twin) -> None:
    torch.manual_seed(0)
    peer = twin.theirs("cpu")
    expected = {twin.keys(key): value for key, value in peer.state_dict().items()}
    torch.manual_seed(0)
    found = twin.ours("cpu").state_dict()
    assert [key for key, value in expected.items() if not torch.equal(found[key], value)] == []


# A twin's tests share its model, so one process runs them.
SHARED = [pytest.param(twin, id=str(twin), marks=pytest.mark.xdist_group(str(twin))) for twin in TWINS]


@pytest.fixture(scope="module", params=SHARED)
def twins(request: pytest.FixtureRequest) -> tuple[Twin, nn.Module, nn.Module]:
    """A twin, its net, and its library's model with random weights and statistics."""
    peer = request.param.theirs("meta").to_empty(device="cpu")
    randomise(peer)
    return request.param, request.param.ours("meta", request.param.shape).to_empty(device="cpu"), peer


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_equal_to_the_last_bit(twins: tuple[Twin, nn.Module, nn.Module], training: bool) -> None:
    """Outputs, gradients of the input and of the weights, and after a training step BatchNorm's statistics."""
    twin, model, peer = twins
    # Weights are shared with the peer, statistics copied: each updates its own.
    state = {twin.keys(key): value for key, value in peer.state_dict().items()}
    kept = {key: state[key].clone() for key, _ in model.named_buffers()}
    model.load_state_dict({**state, **kept}, assign=True)
    image = torch.randn(2, *twin.shape, generator=torch.Generator().manual_seed(1))
    found, expected = run(model, image, training), run(peer, image, training)
    assert list(found[0]) == list(expected[0])
    for name, value in expected[0].items():
        assert same(found[0][name], value), f"output {name}: {gap(found[0][name], value)}"
    for what, ours, theirs in zip(("gradient of", "statistic"), found[1:], expected[1:], strict=True):
        by_our_keys = {twin.keys(key): value for key, value in theirs.items()}
        assert ours.keys() == by_our_keys.keys()
        for key, value in by_our_keys.items():
            assert same(ours[key], value), f"{what} {key}: {gap(ours[key], value)}"


Run = tuple[dict[str, Tensor], dict[str, Tensor | None], dict[str, Tensor]]


def run(network: nn.Module, image: Tensor, training: bool) -> Run:
    """Outputs by name, gradients of the input and of the weights that are watched, and the statistics afterwards."""
    network.train(training)
    x = image.clone().requires_grad_()
    torch.manual_seed(2)
    outputs = by_name(network(x))
    torch.manual_seed(3)
    # A random weighting of the outputs, so that no gradient cancels.
    loss = sum(((torch.rand_like(outputs[name]) - 0.3) * outputs[name]).sum() for name in sorted(outputs))
    watched = {name: p for name, p in network.named_parameters() if p.numel() <= WATCHED}
    gradients = torch.autograd.grad(loss, [x, *watched.values()], allow_unused=True)
    statistics = {name: buffer.clone() for name, buffer in network.named_buffers()}
    return outputs, dict(zip(["input", *watched], gradients, strict=True)), statistics


def by_name(output: Any) -> dict[str, Tensor]:
    """The outputs by name, in the order of the tuple; a single one has none, be it a dict in the library."""
    if isinstance(output, Tensor):
        return {"": output}
    named = dict(output if isinstance(output, Mapping) else output._asdict())
    return named if len(named) > 1 else dict(zip([""], named.values(), strict=True))


def same(found: Tensor | None, expected: Tensor | None) -> bool:
    if found is None or expected is None:
        return found is expected
    assert expected.isfinite().all()
    return torch.equal(found, expected)


def gap(found: Tensor | None, expected: Tensor | None) -> str:
    if found is None or expected is None:
        return "one has none"
    return f"max |a - b| = {(found - expected).abs().max()} of {expected.abs().max()}"
