"""Activations computed again: the same gradients, the same statistics, fewer activations kept."""

from __future__ import annotations

import copy

import pytest
import torch

import netspec
from netspec import NetspecError
from netspec.train import train
from netspec.train.engine.recompute import places, recompute

TEXT = """\
block Cell(width) {
  conv(width, 3, pad=1) -> batchnorm -> relu -> dropout(0.2)
}

net Deep {
  input image [3, 8, 8]
  stem = conv(8, 3, pad=1)
  layer1 = { Cell(8);  Cell(8) }
  layer2 = { Cell(8);  residual { Cell(8) } }
  grown = dense { Cell(4);  Cell(4) }
  head = { global_avgpool -> flatten -> linear(10) }
}

train {
  data      digits
  loss      cross_entropy
}
"""


@pytest.fixture
def graph():
    return netspec.parse(TEXT).graph()


def kept(net, x):
    """The gradients of a step with its dropout, and how many numbers its backward pass had to be kept."""
    sizes = {}

    def pack(tensor):
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = net(x).square().sum()
        between = sum(sizes.values())
    loss.backward()
    return [parameter.grad for parameter in net.parameters()], between


@pytest.mark.parametrize("names", [["layer1"], ["layer*"], ["Cell"], ["dense"], ["residual", "stem"]], ids=str)
def test_gradients_and_statistics_are_the_same(graph, names):
    plain = graph.compile()
    again = copy.deepcopy(plain)
    recompute(again, graph, names)
    x = torch.randn(4, 3, 8, 8)
    gradients, most = kept(plain, x)
    same, less = kept(again, x)
    assert all(torch.equal(one, other) for one, other in zip(gradients, same, strict=True))
    assert plain.state_dict().keys() == again.state_dict().keys()
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in plain.state_dict().items())
    assert less < most


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("layer1", ["layer1"]),
        ("layer?", ["layer1", "layer2"]),
        ("Cell", ["layer1.0", "layer1.1", "layer2.cell1", "layer2.cell2", "grown.cell1", "grown.cell2"]),
        ("stem", ["stem"]),
        ("dense", ["grown"]),
        ("residual", ["layer2"]),
    ],
)
def test_what_a_name_stands_for(graph, name, found):
    assert places(graph, [name]) == found
    modules = dict(graph.compile("meta").named_modules())
    assert modules.keys() >= set(found)


def test_a_module_inside_another_is_left_to_it(graph):
    assert places(graph, ["layer*"]) == ["layer1", "layer2"]
    assert places(graph, ["Cell", "layer1"])[-1] == "layer1"
    assert not any(key.startswith("layer1.") for key in places(graph, ["Cell", "layer1"]))


def test_a_name_that_stands_for_nothing(graph, spec, tmp_path):
    with pytest.raises(NetspecError, match="Deep has no module, block or wiring named layer3") as error:
        places(graph, ["layer3"])
    assert error.value.diagnostics[0].code == "E0643"
    with pytest.raises(NetspecError, match="named layer3"):
        train(spec(), checkpoint=("layer3",), device="cpu", out=tmp_path / "run")


def test_a_training_is_the_same(spec, tmp_path):
    text = TEXT.replace("[3, 8, 8]", "[1, 8, 8]")
    runs = [
        train(spec(text), epochs=1, checkpoint=names, out=tmp_path / "run", device="cpu", quiet=True)
        for names in ((), ("Cell",))
    ]
    assert runs[0].metrics[0].test == runs[1].metrics[0].test
    assert all(
        torch.equal(tensor, runs[1].model.state_dict()[name]) for name, tensor in runs[0].model.state_dict().items()
    )
