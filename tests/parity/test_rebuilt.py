"""Networks that no library has, against the same network written again by hand in plain torch, from the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import netspec

EXAMPLES = Path(__file__).parents[2] / "examples"
Weights = Callable[[], tuple[Tensor, ...]]


def compiled(
    example: str, net: str | None = None, inputs: dict[str, list[int]] | None = None, **arguments: Any
) -> nn.Module:
    """The example as a module with random weights, biases among them."""
    torch.manual_seed(0)
    model: nn.Module = netspec.load(EXAMPLES / f"{example}.net").graph(net, inputs=inputs, **arguments).compile("cpu")
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
            parameter.normal_(std=fan_in**-0.5 if parameter.dim() > 1 else 0.1)
    return model.eval()


def weights_in_order(model: nn.Module) -> Weights:
    """Weight and bias of one layer after the other, in the order of the state dict."""
    state: Iterator[tuple[str, Tensor]] = iter(model.state_dict().items())
    pending: list[tuple[str, Tensor]] = []

    def following() -> tuple[Tensor, ...]:
        key, value = pending.pop() if pending else next(state)
        layer, found = key.rpartition(".")[0], [value]
        for key, value in state:
            if key.rpartition(".")[0] != layer:
                pending.append((key, value))
                break
            found.append(value)
        return tuple(found)

    return following


def close(found: Tensor, expected: Tensor) -> bool:
    assert expected.abs().max() > 1e-3
    return torch.allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_highway_gates() -> None:
    """y = H(x) T(x) + x (1 - T(x)) in every layer after the first."""
    model = compiled("highway_mnist", depth=4)
    image, following = torch.randn(3, 1, 28, 28), weights_in_order(model)
    x = F.relu(F.linear(image.flatten(1), *following()))
    for _ in range(3):
        h, t = F.relu(F.linear(x, *following())), torch.sigmoid(F.linear(x, *following()))
        x = h * t + x * (1 - t)
    assert close(model(image), F.linear(x, *following()))


def test_highway_begins_by_carrying() -> None:
    model = netspec.load(EXAMPLES / "highway_mnist.net").graph(depth=3, gate_bias=-3).compile("cpu")
    biases = [value for key, value in model.state_dict().items() if "T" in key and key.endswith("bias")]
    assert len(biases) == 2
    assert all((bias == -3).all() for bias in biases)


def test_unet_crops() -> None:
    """Every encoder map is cropped in its middle and stands before the decoder's in the concatenation."""
    model = compiled("unet", inputs={"image": [1, 188, 188]}, width=4)
    tile, following = torch.randn(1, 1, 188, 188), weights_in_order(model)

    def double(x: Tensor) -> Tensor:
        return F.relu(F.conv2d(F.relu(F.conv2d(x, *following())), *following()))

    skips, x = [], tile
    for _ in range(4):
        skips.append(double(x))
        x = F.max_pool2d(skips[-1], 2)
    x = double(x)
    offsets = []
    for skip in reversed(skips):
        x = F.conv_transpose2d(x, *following(), stride=2)
        offset, size = (skip.shape[-1] - x.shape[-1]) // 2, x.shape[-1]
        offsets.append(offset)
        x = double(torch.cat([skip[..., offset : offset + size, offset : offset + size], x], 1))
    assert offsets == [4, 16, 40, 88]
    found = model(tile)
    assert found.shape == (1, 2, 4, 4)
    assert close(found, F.conv2d(x, *following()))


def test_wavenet_layers() -> None:
    """Gates, residuals and skips: a layer computes tanh(filter) * sigmoid(gate), the head sums what all layers skip."""
    model = compiled("wavenet", inputs={"audio": [8, 40]}, levels=8, residual=3, width=5, skips=7, stacks=2, depth=3)
    audio, following = torch.randn(2, 8, 40), weights_in_order(model)

    def causal(x: Tensor, dilation: int = 1) -> Tensor:
        return F.conv1d(F.pad(x, (dilation, 0)), *following(), dilation=dilation)

    x, total = causal(audio), torch.zeros(())
    for dilation in [1, 2, 4] * 2:
        z = torch.tanh(causal(x, dilation)) * torch.sigmoid(causal(x, dilation))
        total = total + F.conv1d(z, *following())
        x = x + F.conv1d(z, *following())
    head = F.relu(F.conv1d(F.relu(total), *following()))
    assert close(model(audio), F.conv1d(head, *following()))


@pytest.mark.parametrize(
    ("example", "inputs", "arguments"),
    [("wavenet", {"audio": [8, 48]}, {"levels": 8, "stacks": 2, "depth": 4, "skips": 8})],
)
def test_the_future_is_unseen(example: str, inputs: dict[str, list[int]], arguments: dict[str, Any]) -> None:
    """A change at one time changes the outputs from there on, and none before."""
    model = compiled(example, inputs=inputs, **arguments)
    (shape,) = inputs.values()
    x = torch.randn(1, *shape)
    later, time = x.clone(), 20
    later[..., time:] += 1
    before, after = model(x), model(later)
    changed = (before != after).any(dim=1)[0]
    assert not changed[:time].any()
    assert changed[time]
