"""The zoo against the same networks written again by hand in plain torch, and what the papers say about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from randomness import randomise
from rebuilds import REBUILDS, Rebuild, weights_in_order
from torch import Tensor, nn

import netspec
from netspec import zoo
from netspec.graph.graph import Graph


def graph_of(name: str, inputs: Mapping[str, list[int]] | None = None, **arguments: Any) -> Graph:
    network = zoo.find(name)
    spec = netspec.load(network.path)
    return spec.graph(network.net, inputs=inputs or None, **{**network.arguments, **arguments})


def compiled(graph: Graph) -> nn.Module:
    """The graph as a module with random weights and statistics, in double precision."""
    model: nn.Module = graph.compile("meta").double().to_empty(device="cpu")
    randomise(model)
    torch.manual_seed(0)
    return model.eval()


def samples(graph: Graph, count: int = 2) -> list[Tensor]:
    """Random values for every input; whole numbers are below 5."""
    sizes = [(count, *(int(size) for size in value.shape.dims)) for value in graph.inputs]
    whole = [value.shape.dtype == "int" for value in graph.inputs]
    double = torch.float64
    return [torch.randint(5, s) if w else torch.randn(s, dtype=double) for s, w in zip(sizes, whole, strict=True)]


@pytest.mark.parametrize("rebuild", REBUILDS, ids=str)
def test_rebuilt(rebuild: Rebuild) -> None:
    """The same outputs and the same gradients of the inputs; every weight is used, once."""
    graph = graph_of(rebuild.network, rebuild.inputs, **rebuild.arguments)
    model = compiled(graph)
    given = [x.requires_grad_(x.is_floating_point()) for x in samples(graph)]
    following = weights_in_order(model)
    found, expected = model(*given), rebuild.forward(*given, following)
    with pytest.raises(StopIteration):
        following()
    assert_close(found, expected)
    real = [x for x in given if x.requires_grad]
    if real:
        weighting = torch.randn_like(expected)
        ours = torch.autograd.grad((found * weighting).sum(), real)
        theirs = torch.autograd.grad((expected * weighting).sum(), real)
        for one, other in zip(ours, theirs, strict=True):
            assert_close(one, other)


def assert_close(found: Tensor, expected: Tensor) -> None:
    """Equal but for the order of summation."""
    size = float(expected.detach().abs().max())
    assert 1e-6 < size < 1e30, "infinite or next to nothing, as in a hundred layers it might be"
    assert expected.std() > 1e-3 * size, "values that are all alike prove nothing"
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11 * size)


def test_highway_begins_by_carrying() -> None:
    model = graph_of("highway_mnist10", gate_bias=-3).compile("cpu")
    biases = [value for key, value in model.state_dict().items() if "T" in key and key.endswith("bias")]
    assert len(biases) == 9
    assert all((bias == -3).all() for bias in biases)


def test_the_towers_are_the_groups() -> None:
    """AlexNet as two towers and as groups, with the same weights: the second tower's follow the first's.

    But for the response normalisation, which ends at a tower's last map in the one and goes on in the other.
    """
    size = {"image": [3, 99, 99]}
    towers, groups = (compiled(graph_of(name, size)) for name in ("alexnet_towers", "alexnet"))
    state = towers.state_dict()
    named = {"conv1": "1.conv1.0", "conv2": "1.conv2.0", **{f"conv{n}": f"3.conv{n}.0" for n in (3, 4, 5)}}
    named |= {"fc6": "6.0", "fc7": "7.0"}
    ours = {}
    for key in groups.state_dict():
        layer, kind = key.split(".")[0], key.rpartition(".")[2]
        ends = [f"{tower}{named[layer]}.{kind}" for tower in "ab"] if layer in named else [f"f8.{kind}"]
        ours[key] = torch.cat([state[end] for end in ends])
    groups.load_state_dict(ours)
    for model in (towers, groups):
        for name, layer in list(model.named_modules()):
            if isinstance(layer, nn.LocalResponseNorm):
                model.set_submodule(name, nn.Identity())
    image = torch.randn(2, 3, 99, 99, dtype=torch.float64)
    assert_close(towers(image), groups(image))


CAUSAL = {
    "wavenet": ({"audio": [8, 48]}, {"levels": 8, "stacks": 2, "depth": 4, "skips": 8}),
    "bytenet_lm": ({"characters": [48]}, {"vocabulary": 9, "d": 8, "sets": 1}),
}


@pytest.mark.parametrize("name", CAUSAL)
def test_the_future_is_unseen(name: str) -> None:
    """A change at one time changes the outputs from there on, and none before."""
    inputs, arguments = CAUSAL[name]
    graph = graph_of(name, inputs, **arguments)
    assert_causal(compiled(graph), *samples(graph, 1))


def test_tcn_does_not_see_the_future() -> None:
    """Its answer is read off the last step, so the causality is that of the blocks before it."""
    graph = graph_of("tcn", {"pixels": [1, 48]}, channels=6, levels=3, kernel=3)
    model = compiled(graph)
    blocks: Any = model.net
    assert_causal(blocks, *samples(graph, 1))


def test_bytenets_decoder_does_not_see_the_future() -> None:
    """Of the target; it sees the whole source, as the encoder does."""
    graph = graph_of("bytenet", source_vocabulary=11, target_vocabulary=9, d=8, sets=1)
    model, (source, target) = compiled(graph), samples(graph, 1)
    assert_causal(lambda changed: model(source, changed), target)
    assert not unchanged(lambda changed: model(changed, target), source)[: 20 - 1].all()


def assert_causal(network: Any, x: Tensor) -> None:
    same = unchanged(network, x)
    assert same[:20].all()
    assert not same[20]


def unchanged(network: Any, x: Tensor, time: int = 20) -> Tensor:
    """At which times the output stays the same to the last bit when the input changes from `time` on."""
    later = x.clone()
    later[..., time:] += 1
    with torch.no_grad():
        before, after = network(x), network(later)
    return (before == after).all(dim=1)[0]
