"""The size, count and value cases of facts.json: each was checked by running the torch operation."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from live import build

from netspec.layers.declaration.base import Layer, Reach
from netspec.layers.layout.joining import Concat
from netspec.layers.layout.padding import CenterCrop
from netspec.layers.normalization import BatchNorm, LocalResponseNorm
from netspec.layers.spatial.convolution import Conv, SeparableConv, UpConv
from netspec.layers.spatial.pooling import AvgPool, MaxPool, Unpool
from netspec.layers.spatial.window import windows
from netspec.shapes.shape import Shape

ARITHMETIC = json.loads((Path(__file__).parents[1] / "facts.json").read_text())["arithmetic"]

Inputs = dict[str, Any]


def size(layer: Layer, i: int) -> Any:
    """What the layer makes of an axis of i positions."""
    return layer.outputs(Shape.of(1, i))[0].dims[1]


def count(layer: Layer, *dims: int) -> int:
    """The trainable weights of the layer on such an input."""
    return sum(prod(shape) for shape in layer.parameters(Shape.of(*dims)).values())


def macs(layer: Layer, *dims: int) -> Any:
    return layer.macs(Shape.of(*dims))


def joined(*channels: int) -> Any:
    """The channels of maps that are concatenated."""
    return Concat().outputs(*(Shape.of(c, 28, 28) for c in channels))[0].channels


def apply(layer: Layer, *x: torch.Tensor, weight: torch.Tensor | None = None) -> Any:
    """The values that the emitted layer computes for a batch."""
    live = build(layer.torch(*(Shape.of(*tensor.shape[1:]) for tensor in x)), len(x))
    if weight is not None:
        live.module.weight.data = weight.reshape(live.module.weight.shape)  # type: ignore[union-attr]
    return live.call(*x)


def close(actual: torch.Tensor, expected: list[float]) -> bool:
    return torch.allclose(actual.flatten(), torch.tensor(expected), atol=1e-6)


def compose(layers: list[Layer]) -> tuple[int, int]:
    """Receptive field and jump of layers in a row: r += (k - 1) j; j *= s."""
    field, jump = 1, Fraction(1)
    for layer in layers:
        reach = layer.reach(Shape.of(1, 10_000))
        assert isinstance(reach, Reach)
        field += int((reach.kernel[0] - 1) * jump)
        jump *= reach.stride[0]
    return field, int(jump)


# One function a kind of case: what netspec says for the inputs.


def conv_out(n: Inputs) -> Any:
    return size(Conv(channels=1, kernel=n["k"], stride=n["s"], pad=n["p"], dilation=n["d"]), n["i"])


def pool_out(n: Inputs) -> Any:
    sizes = {
        size(pool(kernel=n["k"], stride=n["s"], pad=n["p"], ceil=n["ceil_mode"]), n["i"]) for pool in (MaxPool, AvgPool)
    }
    assert len(sizes) == 1
    return sizes.pop()


def conv_transpose_out(n: Inputs) -> Any:
    output_pad = n["output_padding"]
    layer = UpConv(channels=1, kernel=n["k"], stride=n["s"], pad=n["p"], output_pad=output_pad, dilation=n["d"])
    return size(layer, n["i"])


def effective_kernel(n: Inputs) -> Any:
    return windows(Shape.of(1, 9), n["k"], 1, 0, n["d"])[0].extent


def tf_same_padding(n: Inputs) -> Any:
    layer = Conv(channels=1, kernel=n["k"], stride=n["s"], pad="same", dilation=n["d"])
    (window,) = windows(Shape.of(1, n["i"]), n["k"], n["s"], "same", n["d"])
    assert window.sides is not None
    return {"out": size(layer, n["i"]), "pad_left": window.sides[0], "pad_right": window.sides[1]}


def torch_padding_same(n: Inputs) -> Any:
    """With a stride torch raises; netspec pads by itself, so that the output has ceil(i / s) positions."""
    layer = Conv(channels=1, kernel=n["k"], stride=n.get("s", 1), pad="same")
    if "s" in n:
        assert size(layer, 151) == 76 == apply(layer, torch.rand(1, 1, 151)).shape[2]
        with pytest.raises(RuntimeError) as refusal:
            torch.conv1d(torch.rand(1, 1, 151), torch.rand(1, 1, n["k"]), stride=n["s"], padding="same")
        return refusal.type.__name__
    assert layer.torch(Shape.of(1, 150)).kwargs == {"padding": "same"}
    (window,) = windows(Shape.of(1, 150), n["k"], 1, "same")
    assert window.sides is not None
    return {"pad_left": window.sides[0], "pad_right": window.sides[1]}


def receptive_field(n: Inputs) -> Any:
    if "layers_k_s" in n:
        field, jump = compose([Conv(channels=1, kernel=k, stride=s) for k, s in n["layers_k_s"]])
        return {"rf": field, "jump": jump}
    pairs = LAYERS_IN_WORDS.get(n["layers_k_d"]) if isinstance(n["layers_k_d"], str) else n["layers_k_d"]
    assert pairs is not None
    return compose([Conv(channels=1, kernel=k, dilation=d, pad="causal") for k, d in pairs])[0]


LAYERS_IN_WORDS = {
    "30 layers": [(3, d) for _ in range(6) for d in (1, 2, 4, 8, 16)],  # ByteNet's decoder
    "16 layers": [(7, 2**level) for level in range(8) for _ in range(2)],  # the TCN of Bai et al.
}


def gap_vs_fc(n: Inputs) -> Any:
    h, w, c, classes = n["H"], n["W"], n["C"], n["classes"]
    head = Conv(channels=classes, kernel=(h, w), bias=False)
    return {"flatten_fc": count(head, c, h, w), "gap_fc": count(Conv(channels=classes, kernel=1, bias=False), c, 1, 1)}


def two_sizes(n: Inputs, small: int, times: int, large: int) -> str:
    """Weights of a stack of small kernels against a large one, in C squares."""
    c = 6
    stack = times * count(Conv(channels=c, kernel=small, bias=False), c, 9, 9)
    return f"{stack // c**2}C^2 vs {count(Conv(channels=c, kernel=large, bias=False), c, 9, 9) // c**2}C^2"


def convolution(n: Inputs) -> Any:
    layer = Conv(channels=n["cout"], kernel=n["k"], groups=n.get("groups", 1), pad="same")
    return count(layer, n["cin"], 9, 9)


def bn_params(n: Inputs) -> Any:
    layer = BatchNorm()
    buffers = layer.buffers(Shape.of(n["C"], 4, 4))
    return {
        "trainable": count(layer, n["C"], 4, 4),
        "buffers_float": sum(prod(s) for key, s in buffers.items() if key.startswith("running")),
        "buffers_int": sum(1 for key in buffers if key == "num_batches_tracked"),
    }


def squeeze_excitation(n: Inputs) -> Any:
    stages = {256: 3, 512: 4, 1024: 6, 2048: 3}
    return sum(
        blocks
        * (count(Conv(channels=c // n["r"], kernel=1), c, 1, 1) + count(Conv(channels=c, kernel=1), c // n["r"], 1, 1))
        for c, blocks in stages.items()
    )


def rpn_params(n: Inputs) -> Any:
    d, k = n["d"], n["k"]
    shared = count(Conv(channels=d, kernel=3, pad=1, bias=False), d, 9, 9)
    heads = sum(count(Conv(channels=outputs * k, kernel=1, bias=False), d, 9, 9) for outputs in (2, 4))
    return {"output_layers": heads, "conv3x3": shared, "total": shared + heads}


def rpn_anchors(n: Inputs) -> Any:
    return Conv(channels=n["k"], kernel=3, pad=1).outputs(Shape.of(512, n["H"], n["W"]))[0].elements


def yolo_head(n: Inputs) -> Any:
    per_cell = n["B"] * 5 + n["C"]
    y = Conv(channels=per_cell, kernel=1).outputs(Shape.of(1024, n["S"], n["S"]))[0]
    return {"per_cell": y.channels, "total": y.elements}


def bottleneck(n: Inputs) -> Any:
    """A 5x5 convolution, by itself or behind a 1x1."""
    h, w, middle = n["H"], n["W"], n.get("mid")
    before = macs(Conv(channels=middle, kernel=1), n["cin"], h, w) if middle else 0
    return before + macs(Conv(channels=n["cout"], kernel=5, pad=2), middle or n["cin"], h, w)


def inception(n: Inputs) -> Any:
    """The branches of an Inception module on 28 x 28, each an output width, a kernel, an input width."""
    c = n["cin"]
    if "red3" in n:
        convs = [
            (n["red3"], 1, c),
            (n["red5"], 1, c),
            (n["b1"], 1, c),
            (n["b3"], 3, n["red3"]),
            (n["b5"], 5, n["red5"]),
        ]
        convs.append((n["pool_proj"], 1, c))
    else:
        convs = [(n["b1x1"], 1, c), (n["b3x3"], 3, c), (n["b5x5"], 5, c)]
    return sum(macs(Conv(channels=out, kernel=k, pad="same"), width, 28, 28) for out, k, width in convs)


def separable(n: Inputs) -> Any:
    m, out, side = n["M"], n["N"], n["DF"]
    standard = macs(Conv(channels=out, kernel=n["k"], pad="same"), m, side, side)
    split = macs(SeparableConv(channels=out, kernel=n["k"], pad="same"), m, side, side)
    return {"standard": standard, "separable": split, "ratio": split / standard}


def densenet(n: Inputs) -> Any:
    """Channels after each dense block and each halving transition."""
    channels, found = n["init"], []
    for i, layers in enumerate(n["blocks"]):
        channels = joined(channels, *[n["k"]] * layers)
        found.append(channels)
        if i + 1 < len(n["blocks"]):
            channels //= 2
            found.append(channels)
    return found


def charcnn(n: Inputs) -> Any:
    length = n["l0"]
    for kernel, pooled in ((7, True), (7, True), (3, False), (3, False), (3, False), (3, True)):
        length = size(Conv(channels=1, kernel=kernel), length)
        length = size(MaxPool(kernel=3), length) if pooled else length
    return length


def unet(n: Inputs) -> Any:
    length = n["tile"]
    twice = Conv(channels=1, kernel=3)
    for _ in range(4):
        length = size(twice, size(twice, length))
        assert length % 2 == 0
        length = size(MaxPool(kernel=2), length)
    for _ in range(4):
        length = size(UpConv(channels=1, kernel=2, stride=2), size(twice, size(twice, length)))
    return size(twice, size(twice, length))


def unet_crop(n: Inputs) -> Any:
    """What the four crops take off before each position that they keep."""
    offsets = []
    for encoder, decoder in n["pairs"]:
        ramp = torch.arange(float(encoder)).reshape(1, 1, -1)
        offsets.append(int(apply(CenterCrop(size=decoder), ramp)[0, 0, 0]))
    return offsets


# Cases of values run the emitted layer.


def avgpool_pad_divisor(n: Inputs) -> Any:
    ones = torch.ones(1, 1, 4, 4)
    included = apply(AvgPool(kernel=n["k"], stride=n["s"], pad=n["p"]), ones)[0, 0]
    excluded = apply(AvgPool(kernel=n["k"], stride=n["s"], pad=n["p"], count_include_pad=False), ones)[0, 0]
    return {
        "corner_include_pad": pytest.approx(float(included[0, 0]), abs=1e-6),
        "edge_include_pad": pytest.approx(float(included[0, 1]), abs=1e-6),
        "corner_exclude_pad": pytest.approx(float(excluded[0, 0]), abs=1e-6),
    }


def avgpool_ceil_divisor(n: Inputs) -> Any:
    y = apply(AvgPool(kernel=n["k"], stride=n["s"], ceil=n["ceil"]), torch.ones(1, 1, 16, 16))
    return {"out": y.shape[-1], "last": pytest.approx(float(y[0, 0, -1, -1]))}


def lrn_alpha_over_n(n: Inputs) -> Any:
    layer = LocalResponseNorm(size=n["size"], alpha=n["torch_alpha"], beta=n["beta"], k=n["k"])
    return pytest.approx(apply(layer, torch.ones(1, 5, 1, 1)).flatten().tolist(), abs=1e-6)


def c3d_pool5_values(n: Inputs) -> Any:
    x = torch.tensor(n["x"], dtype=torch.float32).reshape(1, 1, -1)
    ceil, padded = MaxPool(kernel=2, ceil=True), MaxPool(kernel=2, pad=1)
    return {"ceil": apply(ceil, x).flatten().tolist(), "pad1": apply(padded, x).flatten().tolist()}


def same_stride2_shift(n: Inputs) -> Any:
    x, weight = torch.tensor(n["x"], dtype=torch.float32).reshape(1, 1, -1), torch.tensor(n["w"], dtype=torch.float32)
    results = (
        apply(Conv(channels=1, kernel=n["k"], stride=n["s"], pad=pad, bias=False), x, weight=weight)
        for pad in ("same", 1)
    )
    return dict(zip(("tf_same", "torch_p1"), (y.flatten().tolist() for y in results), strict=True))


def max_unpool(n: Inputs) -> Any:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    pooled, indices = apply(MaxPool(kernel=2, indices=True), x)
    restored = apply(Unpool(kernel=2), pooled, indices)
    assert restored.shape == x.shape
    return {
        "pooled": pooled.flatten().tolist(),
        "indices": indices.flatten().tolist(),
        "unpooled_nonzero": int((restored != 0).sum()),
    }


def convT_is_adjoint(n: Inputs) -> Any:  # noqa: N802
    torch.manual_seed(0)
    k, s, p, more = n["k"], n["s"], n["p"], n["op"]
    weight, x = torch.randn(k, dtype=torch.float32), torch.randn(1, 1, 6)
    down = apply(Conv(channels=1, kernel=k, stride=s, pad=p, bias=False), x, weight=weight)
    y = torch.randn_like(down)
    up = apply(UpConv(channels=1, kernel=k, stride=s, pad=p, output_pad=more, bias=False), y, weight=weight)
    assert torch.allclose((down * y).sum(), (x * up).sum(), atol=1e-5)
    return "<conv(x),y> == <x,convT(y)> with shared weight"


BY_KIND: dict[str, Callable[[Inputs], Any]] = {
    "conv_out": conv_out,
    "pool_out": pool_out,
    "conv_transpose_out": conv_transpose_out,
    "effective_kernel": effective_kernel,
    "tf_same_padding": tf_same_padding,
    "torch_padding_same": torch_padding_same,
    "receptive_field": receptive_field,
}

BY_ID: dict[str, Callable[[Inputs], Any]] = {
    "bottleneck_naive_5x5": bottleneck,
    "bottleneck_1x1_then_5x5": bottleneck,
    "inception_naive_concat": lambda n: joined(*n["branches"]),
    "inception_bottleneck_concat": lambda n: joined(*n["branches"]),
    "inception_naive_ops": inception,
    "inception_bottleneck_ops": inception,
    "gap_vs_fc": gap_vs_fc,
    "two_3x3_vs_5x5_params": lambda n: two_sizes(n, 3, 2, 5),
    "three_3x3_vs_7x7_params": lambda n: two_sizes(n, 3, 3, 7),
    "cs231n_760": convolution,
    "conv_1x1_as_fc": convolution,
    "group_conv_params": convolution,
    "group_conv_params_g1": convolution,
    "dw_separable_macs": separable,
    "se_extra_params_resnet50": squeeze_excitation,
    "bn_params": bn_params,
    "yolo_head": yolo_head,
    "rpn_outputs_vgg": rpn_params,
    "rpn_anchors": rpn_anchors,
    "charcnn_frames": charcnn,
    "unet_crop": unet_crop,
    "unet_valid_sizes": unet,
    "densenet121_channels": densenet,
    "densenet161_channels": densenet,
    "avgpool_pad_divisor": avgpool_pad_divisor,
    "avgpool_ceil_divisor": avgpool_ceil_divisor,
    "lrn_alpha_over_n": lrn_alpha_over_n,
    "c3d_pool5_values": c3d_pool5_values,
    "same_stride2_shift": same_stride2_shift,
    "max_unpool": max_unpool,
    "convT_is_adjoint": convT_is_adjoint,
}


def test_every_case_is_here() -> None:
    assert len(ARITHMETIC) == 147


@pytest.mark.parametrize("case", ARITHMETIC, ids=lambda case: case["id"])
def test_arithmetic(case: dict[str, Any]) -> None:
    ask = BY_ID.get(case["id"]) or BY_KIND[case["case_kind"]]
    expected, found = case["expected"], ask(case["inputs"])
    if case["case_kind"] == "receptive_field" and isinstance(found, int) and isinstance(expected, dict):
        expected = expected["rf"]
    assert found == expected
