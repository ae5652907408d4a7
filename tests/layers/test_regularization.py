"""Random layers: nothing happens in eval mode, and the mean stays while training."""

from __future__ import annotations

import pytest
import torch
from running import run

import netspec
from netspec.layers import REGISTRY
from netspec.shapes.shape import Shape

LAYERS = ["dropout", "channel_dropout", "alpha_dropout", "drop_path"]


@pytest.mark.parametrize("name", LAYERS)
def test_nothing_happens_in_eval_mode(name: str) -> None:
    x = torch.randn(4, 3, 5)
    assert torch.equal(run(REGISTRY[name](p=0.5), x), x)


def test_drop_path_drops_whole_samples() -> None:
    torch.manual_seed(0)
    y = run(REGISTRY["drop_path"](p=0.25), torch.ones(4000, 3, 2), train=True)
    per_sample = y.flatten(1)
    assert (per_sample == per_sample[:, :1]).all()
    assert torch.allclose(y[y != 0], torch.tensor(4 / 3))
    assert abs(y.mean() - 1) < 0.05


def test_drop_path_with_certainty() -> None:
    assert not run(REGISTRY["drop_path"](p=1), torch.ones(4, 3), train=True).any()


def test_channel_dropout_drops_whole_channels() -> None:
    y = run(REGISTRY["channel_dropout"](), torch.ones(50, 8, 3, 3), train=True).flatten(2)
    assert (y == y[..., :1]).all()
    assert len(y.unique()) == 2


@pytest.mark.parametrize(("rank", "target"), [(2, "nn.Dropout1d"), (3, "nn.Dropout2d"), (4, "nn.Dropout3d")])
def test_channel_dropout_goes_by_rank(rank: int, target: str) -> None:
    call = REGISTRY["channel_dropout"]().torch(Shape.of(*[4] * rank))
    assert (call.target, call.args) == (target, (0.5,))


def test_noise_is_normal_while_training_and_nothing_in_eval_mode() -> None:
    torch.manual_seed(0)
    x = torch.full((4000, 3), 7.0)
    drawn = run(REGISTRY["noise"](std=2.0), x, train=True)
    assert abs(float(drawn.mean())) < 0.1
    assert abs(float(drawn.std()) - 2) < 0.05
    assert not run(REGISTRY["noise"](), x).any()


def test_the_deviation_of_noise_may_be_a_parameter_of_a_block() -> None:
    graph = netspec.parse("""
block Draw(std: float = 1.0) { in + noise(_, std=std) }
net N { input x [6]; a = Draw; b = Draw(0.5) }
""").graph()
    source = graph.emit()
    assert "Noise(std=std)" in source
    torch.manual_seed(0)
    x = torch.randn(3, 6)
    model = graph.compile()
    assert torch.equal(model.eval()(x), x)
    torch.manual_seed(1)
    drawn = model.train()(x)
    torch.manual_seed(1)
    assert torch.allclose(drawn, x + torch.randn_like(x) + 0.5 * torch.randn_like(x))
