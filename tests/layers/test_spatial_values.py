"""What the spatial layers compute where torch alone does not say it: paddings of their own, starts, norms."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from live import build
from pydantic import ValidationError
from torch import Tensor

from netspec.layers.declaration.arguments import PADDINGS
from netspec.layers.declaration.base import Layer, ShapeError
from netspec.layers.normalization import GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from netspec.layers.spatial.convolution import Conv, DepthwiseConv, SeparableConv, UpConv
from netspec.layers.spatial.pooling import AdaptiveAvgPool, AvgPool, LPPool, MaxPool, Unpool
from netspec.layers.spatial.resampling import PixelShuffle, PixelUnshuffle, Upsample
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize

F_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def live(layer: Layer, *x: Tensor, open_sizes: bool = False) -> Any:
    """The emitted module, built for the shapes of x or for open ones of the same rank."""
    shapes = [Shape.of(*tensor.shape[1:]) for tensor in x]
    if open_sizes:
        shapes = [Shape.of(s.channels, *(OpenSize.symbol(f"S{i}") for i in range(s.rank - 1))) for s in shapes]
    return build(layer.torch(*shapes), len(x))


def target(layer: Layer, *dims: Any) -> str:
    return layer.torch(Shape.of(*dims)).target


def reference_pads(pad: str, size: int, extent: int, stride: int, axis: int) -> tuple[int, int]:
    """Left and right, by the definitions of TensorFlow's SAME and of the others."""
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    same = (total // 2, total - total // 2)
    return {
        "valid": (0, 0),
        "same": same,
        "same_lower": same[::-1],
        "full": (extent - 1, extent - 1),
        "causal": (extent - 1, 0) if axis == 0 else same,
    }[pad]


@pytest.mark.parametrize("mode", F_MODES)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("pad", PADDINGS)
@pytest.mark.parametrize("open_sizes", [False, True])
def test_convolution_pads_as_defined(pad: str, stride: int, mode: str, open_sizes: bool) -> None:
    for sizes, kernel, dilation in [((9,), (4,), (1,)), ((11,), (3,), (2,)), ((8, 11), (3, 4), (2, 1))]:
        x = torch.rand(2, 3, *sizes)
        layer = Conv(channels=5, kernel=kernel, stride=stride, pad=pad, dilation=dilation, pad_mode=mode)
        emitted = live(layer, x, open_sizes=open_sizes)
        pads: list[int] = []
        for axis in reversed(range(len(sizes))):
            extent = (kernel[axis] - 1) * dilation[axis] + 1
            pads += reference_pads(pad, sizes[axis], extent, stride, axis)
        padded = F.pad(x, pads, mode=F_MODES[mode])
        convolve = F.conv1d if len(sizes) == 1 else F.conv2d
        expected = convolve(padded, emitted.module.weight, emitted.module.bias, stride, 0, dilation)
        assert torch.allclose(emitted.call(x), expected, atol=1e-6), emitted.source


def test_causal_convolution_sees_no_later_position() -> None:
    x = torch.rand(1, 2, 12, requires_grad=True)
    emitted = live(Conv(channels=1, kernel=3, dilation=2, pad="causal"), x)
    (gradient,) = torch.autograd.grad(emitted.call(x)[0, 0, 6], x)
    assert gradient.abs().sum(dim=(0, 1)).nonzero().flatten().tolist() == [2, 4, 6]


def test_names_of_padded_convolutions() -> None:
    assert target(Conv(channels=4, kernel=3, pad="causal"), 2, 8) == "CausalConv1d"
    assert target(Conv(channels=4, kernel=3, pad="same"), 2, 8) == "nn.Conv1d"
    assert target(Conv(channels=4, kernel=3, stride=2, pad="same"), 2, 8, 8) == "PaddedConv2d"
    assert target(Conv(channels=4, kernel=3, stride=2, pad="same"), 2, 9, 9) == "nn.Conv2d"
    assert target(Conv(channels=4, kernel=3, stride=2, pad="same"), 2, OpenSize.symbol("H"), 9) == "SameConv2d"
    assert target(Conv(channels=4, kernel=1, stride=2, pad="same"), 2, OpenSize.symbol("H"), 9) == "nn.Conv2d"
    assert target(MaxPool(kernel=2, stride=1, pad="same"), 2, 8, 8) == "PaddedMaxPool2d"
    assert target(SeparableConv(channels=4, kernel=3, pad="causal"), 2, 8) == "CausalSeparableConv1d"
    assert target(DepthwiseConv(kernel=3, pad=1), 2, 8) == "nn.Conv1d"


@pytest.mark.parametrize("pad", ["same", "same_lower", "causal", [[1, 0], [0, 2]]])
@pytest.mark.parametrize("open_sizes", [False, True])
def test_pools_pad_as_defined(pad: Any, open_sizes: bool) -> None:
    x = torch.randn(2, 3, 8, 11) - 5
    for stride in (1, 2, 3):
        pads: list[int] = []
        for axis, size in ((1, 11), (0, 8)):
            pads += pad[axis] if isinstance(pad, list) else reference_pads(pad, size, 3, stride, axis)
        largest = live(MaxPool(kernel=3, stride=stride, pad=pad), x, open_sizes=open_sizes).call(x)
        assert torch.equal(largest, F.max_pool2d(F.pad(x, pads, value=float("-inf")), 3, stride))
        mean = live(AvgPool(kernel=3, stride=stride, pad=pad), x, open_sizes=open_sizes).call(x)
        assert torch.allclose(mean, F.avg_pool2d(F.pad(x, pads), 3, stride))
        inside = live(AvgPool(kernel=3, stride=stride, pad=pad, count_include_pad=False), x, open_sizes=open_sizes)
        share = F.avg_pool2d(F.pad(torch.ones_like(x), pads), 3, stride)
        assert torch.allclose(inside.call(x), F.avg_pool2d(F.pad(x, pads), 3, stride) / share, atol=1e-5)


def test_separable_convolution_is_depthwise_then_pointwise() -> None:
    x = torch.rand(2, 3, 7, 7)
    emitted = live(SeparableConv(channels=5, kernel=3, pad=1, multiplier=2), x)
    middle = F.conv2d(x, emitted.module.depthwise.weight, None, padding=1, groups=3)
    expected = F.conv2d(middle, emitted.module.pointwise.weight, emitted.module.pointwise.bias)
    assert torch.allclose(emitted.call(x), expected)


DEVIATIONS: dict[str, Callable[[int, int], float]] = {
    "he_normal": lambda inputs, outputs: (2 / inputs) ** 0.5,
    "he_uniform": lambda inputs, outputs: (2 / inputs) ** 0.5,
    "he_normal_out": lambda inputs, outputs: (2 / outputs) ** 0.5,
    "kaiming_normal": lambda inputs, outputs: (2 / inputs) ** 0.5,
    "kaiming_uniform(mode=fan_out, nonlinearity=sigmoid)": lambda inputs, outputs: (1 / outputs) ** 0.5,
    "kaiming_uniform(slope=2.0)": lambda inputs, outputs: (2 / 5 / inputs) ** 0.5,
    "xavier_normal": lambda inputs, outputs: (2 / (inputs + outputs)) ** 0.5,
    "xavier_uniform(gain=2.0)": lambda inputs, outputs: 2 * (2 / (inputs + outputs)) ** 0.5,
    "lecun_normal": lambda inputs, outputs: (1 / inputs) ** 0.5,
    "orthogonal": lambda inputs, outputs: 0.0,
    "normal": lambda inputs, outputs: 0.01,
    "normal(mean=2.0, std=0.1)": lambda inputs, outputs: 0.1,
    "trunc_normal": lambda inputs, outputs: 0.02,
    "trunc_normal(std=0.5, a=-100, b=100)": lambda inputs, outputs: 0.5,
    "uniform(a=-0.3, b=0.3)": lambda inputs, outputs: 0.3 / 3**0.5,
    "full(value=2)": lambda inputs, outputs: 0.0,
    "zeros": lambda inputs, outputs: 0.0,
    "ones": lambda inputs, outputs: 0.0,
}
"""The standard deviation that each initialisation is defined by, of fan-in and fan-out."""


@pytest.mark.parametrize("init", DEVIATIONS)
@pytest.mark.parametrize("layer", [Conv, UpConv])
def test_initialisations_start_weights_and_biases(layer: type[Conv] | type[UpConv], init: str) -> None:
    torch.manual_seed(0)
    weight_norm = init != "zeros"
    for normed in {False, weight_norm}:
        emitted = live(layer(channels=64, kernel=3, init=init, bias_init=-2, weight_norm=normed), torch.rand(1, 32, 8))
        weight, bias = emitted.module.weight, emitted.module.bias
        inputs = 32 * 3 if layer is Conv else 64 * 3
        outputs = 64 * 3 if layer is Conv else 32 * 3
        deviation = DEVIATIONS[init](inputs, outputs)
        if init == "orthogonal":
            deviation = max(weight.shape[0], weight[0].numel()) ** -0.5
        assert float(weight.detach().std()) == pytest.approx(deviation, rel=0.05, abs=1e-6)
        assert torch.equal(bias, torch.full_like(bias, -2))


def test_an_init_zeroes_the_bias_and_none_leaves_it() -> None:
    x = torch.rand(1, 3, 8)
    assert not live(Conv(channels=4, kernel=3, init="he_normal"), x).module.bias.any()
    assert not live(Conv(channels=4, kernel=3, bias_init=0), x).module.bias.any()
    assert live(Conv(channels=4, kernel=3), x).module.bias.any()
    spread = live(Conv(channels=64, kernel=9, init=0.5), torch.rand(1, 32, 12)).module.weight.std()
    assert float(spread.detach()) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
def test_norm_over_channels_is_that_of_channels_last(kind: type[LayerNorm] | type[RMSNorm]) -> None:
    x = torch.randn(2, 6, 4, 5)
    over_channels = live(kind(over="channels"), x).call(x)
    over_last = live(kind(), x.permute(0, 2, 3, 1)).call(x.permute(0, 2, 3, 1))
    assert torch.allclose(over_channels, over_last.permute(0, 3, 1, 2), atol=1e-6)
    assert over_channels.shape == x.shape


def test_unpool_undoes_a_pool_that_dropped_the_end() -> None:
    x = torch.rand(2, 3, 9, 9)
    pooled, places = live(MaxPool(kernel=2, indices=True), x).call(x)
    like = build(Unpool(kernel=2).torch(Shape.of(3, 4, 4), Shape.of(3, 4, 4, dtype="int"), Shape.of(1, 9, 9)), 3)
    restored = like.call(pooled, places, x)
    assert restored.shape == x.shape
    assert torch.equal(restored[restored != 0].sort().values, pooled.flatten().sort().values)
    asked = build(Unpool(kernel=2, size=9).torch(Shape.of(3, 4, 4), Shape.of(3, 4, 4, dtype="int")), 2)
    assert torch.equal(asked.call(pooled, places), restored)


def test_upsample_follows_another_value() -> None:
    x, like = torch.rand(1, 2, 3, 4), torch.rand(1, 5, 7, 9)
    emitted = live(Upsample(mode="linear"), x, like)
    assert torch.equal(emitted.call(x, like), F.interpolate(x, size=(7, 9), mode="bilinear"))


MISTAKES: list[tuple[Layer, tuple[Shape, ...], str]] = [
    (
        Conv(channels=32, kernel=3, groups=4),
        (Shape.of(30, 8, 8),),
        "does not divide the 30 channels of the input",
    ),
    (Conv(channels=30, kernel=3, groups=4), (Shape.of(32, 8, 8),), "groups=4 does not divide the 30 output channels"),
    (Conv(channels=8, kernel=(3, 3)), (Shape.of(3, 8),), "kernel has 2 entries, but the value has 1 spatial axis"),
    (Conv(channels=8, kernel=3, pad=(1, 2)), (Shape.of(3, 8),), "pad has 2 entries, but the value has 1 spatial axis"),
    (Conv(channels=8, kernel=3), (Shape.of(OpenSize.symbol("C"), 8),), "conv has weights for each input channel"),
    (Conv(channels=8, kernel=9), (Shape.of(3, 8),), "conv leaves nothing of [3, 8]: its output would be [8, 0]"),
    (Conv(channels=8, kernel=9, pad=8, pad_mode="reflect"), (Shape.of(3, 8),), "at least 9 positions"),
    (
        Conv(channels=8, kernel=3, bias=False, bias_init=1),
        (Shape.of(3, 8),),
        "bias_init is given, but there is no bias",
    ),
    (UpConv(channels=8, kernel=3, output_pad=1), (Shape.of(3, 8),), "output_pad must be less than the stride"),
    (MaxPool(kernel=2, pad=2), (Shape.of(3, 8, 8),), "maxpool can pad at most half of its kernel, 1 here, not 2"),
    (MaxPool(kernel=2, stride=1, pad=1, dilation=2), (Shape.of(3, 1),), "what it sees lies in the padding alone"),
    (MaxPool(kernel=2, stride=1, pad="same", indices=True), (Shape.of(3, 8, 8),), "maxpool can tell indices only"),
    (AvgPool(kernel=2, stride=1, pad="same", ceil=True), (Shape.of(3, 8, 8),), "avgpool takes ceil=true only where"),
    (LPPool(p=2, kernel=3), (Shape.of(3, 8, 8, 2),), "lppool over three axes needs an input as large as its kernel"),
    (AdaptiveAvgPool(size=(None,)), (Shape.of(3, 8),), "nothing is pooled"),
    (Unpool(kernel=2), (Shape.of(3, 4), Shape.of(3, 4)), "the indices of unpool are [3, 4], but must be int values"),
    (
        Unpool(kernel=2, size=11),
        (Shape.of(3, 4), Shape.of(3, 4, dtype="int")),
        "no pool with these arguments takes an axis of 11 to the [3, 4]",
    ),
    (Upsample(), (Shape.of(3, 4),), "upsample takes one of scale, size and like, but none is given"),
    (Upsample(scale=2, mode="bilinear"), (Shape.of(3, 4),), "bilinear works on 2 spatial axes"),
    (Upsample(scale=2, align_corners=True), (Shape.of(3, 4),), "align_corners has a meaning only where"),
    (
        Upsample(scale=0.3),
        (Shape.of(3, OpenSize.symbol("L")),),
        "upsample by 0.3 of the open size L depends",
    ),
    (PixelShuffle(factor=2), (Shape.of(6, 4, 4),), "pixel_shuffle(2) needs a multiple of 4 channels"),
    (PixelUnshuffle(factor=2), (Shape.of(6, 5, 4),), "pixel_unshuffle needs a height and width that 2 divides"),
    (InstanceNorm(), (Shape.of(6, 1, 1),), "instancenorm needs several positions"),
    (GroupNorm(groups=6), (Shape.of(6, 1, 1),), "groupnorm needs several values a group"),
    (LayerNorm(), (Shape.of(6, OpenSize.symbol("L")),), "layernorm over=last has a weight for each position"),
]


def test_a_window_of_maxpool_sees_a_position_of_the_input() -> None:
    """Where one sees none, torch tells an index outside of the input, and writes there in the backward pass."""
    refused = 0
    for size, kernel, dilation, stride, ceil in itertools.product(
        range(1, 6), range(2, 5), range(1, 5), range(1, 4), (False, True)
    ):
        for pad in range(((kernel - 1) * dilation + 1) // 2 + 1):
            pool = torch.nn.MaxPool1d(kernel, stride, pad, dilation, return_indices=True, ceil_mode=ceil)
            try:
                sound = bool((pool(torch.zeros(1, 1, size))[1] < size).all())
            except RuntimeError:
                continue  # nothing is left, or torch pads less
            layer = MaxPool(kernel=kernel, stride=stride, pad=pad, dilation=dilation, ceil=ceil)
            if sound:
                layer.outputs(Shape.of(1, size))
            else:
                refused += 1
                with pytest.raises(ShapeError, match="lies in the padding alone"):
                    layer.outputs(Shape.of(1, size))
    assert refused > 20


@pytest.mark.parametrize(("layer", "shapes", "message"), MISTAKES)
def test_mistakes_are_told_in_the_spec_s_terms(layer: Layer, shapes: tuple[Shape, ...], message: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        layer.outputs(*shapes)
    assert message in refusal.value.message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pad": "smae"}, "there is no padding smae; there are valid, same, same_lower, full, causal"),
        ({"pad": [1, [1, 2, 3]]}, "a padding is a number, a list of one number or pair"),
        ({"pad": -1}, "a padding is between 0 and"),
        ({"pad": True}, "a padding is a number"),
        ({"pad": []}, "a padding is a number"),
        ({"init": "he"}, "there is no initialisation he; there are none, he_normal"),
        ({"init": -1}, "there is no initialisation -1"),
        ({"kernel": 2**31}, "less than or equal to 2147483647"),
        ({"bias_init": 10**12}, "a start is between"),
        ({"colour": 1}, "Extra inputs are not permitted"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match="validation error") as refusal:
        Conv(**({"channels": 8, "kernel": 3} | arguments))
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("layer", "dims", "equation"),
    [
        (Conv(channels=8, kernel=7, stride=2, pad=3), (3, 224), "112 = floor((224 + 2*3 - 7)/2) + 1"),
        (Conv(channels=8, kernel=3), (3, 28), "26 = 28 - 3 + 1"),
        (
            Conv(channels=8, kernel=3, pad="causal", dilation=4),
            (3, 28),
            "28 = 28 + 8 + 0 - 9 + 1, with k_eff = 3 + 2*3 = 9",
        ),
        (UpConv(channels=8, kernel=3, stride=2, pad=1, output_pad=1), (3, 7), "14 = (7 - 1)*2 - 2*1 + 3 + 1"),
        (MaxPool(kernel=3, stride=2, ceil=True), (3, 112), "56 = ceil((112 - 3)/2) + 1"),
        (
            MaxPool(kernel=2, stride=2, pad=1, ceil=True),
            (3, 5),
            "3 = ceil((5 + 2*1 - 2)/2) + 1, less the window that would start right of the input",
        ),
        (Upsample(scale=1.5), (3, 7), "10 = floor(7 * 1.5)"),
    ],
)
def test_sizes_are_explained(layer: Layer, dims: tuple[int, ...], equation: str) -> None:
    assert layer.explain(1, Shape.of(*dims)) == equation


def test_open_sizes_read_well() -> None:
    height = OpenSize.symbol("H")
    conv = Conv(channels=8, kernel=3, stride=2, pad="same")
    assert conv.explain(1, Shape.of(3, height)) == f"{conv.infer(Shape.of(3, height)).dims[1]} = ceil(H/2)"
    (need,) = PixelUnshuffle(factor=4).requires(Shape.of(3, height, 8))
    assert str(need) == "H == 4*floor(H / 4)"
