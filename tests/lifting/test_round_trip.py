"""From a spec to PyTorch and back: networks of the zoo, compiled and lifted, are the same networks."""

from __future__ import annotations

import pytest

import netspec
from netspec import zoo

NETWORKS = {
    "lenet5": [1, 32, 32],
    "mnist1d_conv": [1, 40],
    "resnet_cifar20": [3, 32, 32],
    "squeezenet1_1": [3, 64, 64],
    "unet_same": [1, 32, 32],
}
"""Networks, and the shapes of what they are run on."""


@pytest.mark.parametrize("name", NETWORKS)
def test_network_is_the_same_after_a_round_trip(name: str) -> None:
    network, shape = zoo.find(name), NETWORKS[name]
    read = netspec.load(network.path)
    (entering,) = read.graph(network.net, **network.arguments).inputs
    graph = read.graph(network.net, inputs={entering.name: shape}, **network.arguments)
    spec = netspec.lift(graph.compile(), input={entering.name: shape})
    assert spec.proof is not None
    assert spec.proof.exact
    again = spec.graph()
    assert (again.parameters, again.macs) == (graph.parameters, graph.macs)
    assert [str(output.value.shape) for output in again.outputs] == [
        str(output.value.shape) for output in graph.outputs
    ]
