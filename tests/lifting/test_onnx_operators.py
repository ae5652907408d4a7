"""ONNX's operators, one small graph each: the spec computes what onnxruntime makes of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from netspec.diagnostics import NetspecError
from netspec.lifting.sources.onnx import load
from tests.lifting.onnx_graphs import Drawing

Case = tuple[str, Callable[[Drawing], str]]


def case(said: str, **settings: object) -> Callable[[Callable[[Drawing], str]], Callable[[Drawing], str]]:
    """Registers a graph: what its spec says somewhere, and how the drawing begins."""

    def register(draw: Callable[[Drawing], str]) -> Callable[[Drawing], str]:
        CASES.append((draw.__name__.strip("_"), said, settings, draw))
        return draw

    return register


CASES: list[tuple[str, str, dict[str, object], Callable[[Drawing], str]]] = []
for _name, _said, _attributes in (
    ("Relu", "relu", {}),
    ("LeakyRelu", "leaky_relu(0.2)", {"alpha": 0.2}),
    ("Elu", "elu", {}),
    ("Celu", "celu", {"alpha": 2.0}),
    ("Selu", "selu", {}),
    ("HardSigmoid", "clamp", {}),
    ("HardSwish", "hardswish", {}),
    ("Softplus", "softplus", {}),
    ("Softsign", "softsign", {}),
    ("Neg", "neg", {}),
    ("Exp", "exp", {}),
    ("GlobalAveragePool", "global_avgpool", {}),
    ("GlobalMaxPool", "global_maxpool", {}),
    ("LRN", "lrn(5, alpha=0.001)", {"size": 5, "alpha": 0.001}),
    ("SpaceToDepth", "reshape", {"blocksize": 2}),
    ("ReduceL2", "norm", {"axes": [1], "keepdims": 0}),
    ("ReduceMax", "max", {"axes": [2, 3], "keepdims": 1}),
    ("Flatten", "flatten", {}),
):
    CASES.append((_name, _said, {}, lambda d, name=_name, given=_attributes: d.op(name, "data", **given)))  # type: ignore[misc]


@case("pad([[0, 1], [0, 1]])")
def _same_upper(d: Drawing) -> str:
    return str(d.op("Conv", "data", d.weight(4, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]))


@case("conv(4, 3, dilation=2)")
def _dilated(d: Drawing) -> str:
    return d.conv("data", 3, 4, dilations=[2, 2])


@case("depthwise_conv(3, multiplier=2)")
def _depthwise(d: Drawing) -> str:
    return d.conv("data", 3, 6, group=3)


@case("upconv(4, 3, stride=2, pad=1, output_pad=1)")
def _upconv(d: Drawing) -> str:
    weights = d.weight(3, 4, 3, 3), d.weight(4)
    return str(d.op("ConvTranspose", "data", *weights, strides=[2, 2], pads=[1] * 4, output_padding=[1, 1]))


@case("instancenorm(affine=true)")
def _instance_norm(d: Drawing) -> str:
    return str(d.op("InstanceNormalization", "data", d.weight(3), d.weight(3)))


@case("prelu(shared=false)")
def _prelu(d: Drawing) -> str:
    return str(d.op("PRelu", "data", d.weight(3, 1, 1)))


@case("maxpool(3, stride=2, ceil=true)")
def _ceil(d: Drawing) -> str:
    return str(d.op("MaxPool", "data", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1))


@case("pad=[[1, 2], [1, 2]]")
def _pool_with_more_at_the_end(d: Drawing) -> str:
    return str(d.op("MaxPool", "data", kernel_shape=[4, 4], auto_pad="SAME_UPPER"))


@case("count_include_pad=false")
def _average(d: Drawing) -> str:
    return str(d.op("AveragePool", "data", kernel_shape=[3, 3], pads=[1] * 4))


@case("upsample(2)", opset=13)
def _resized_by_factors(d: Drawing) -> str:
    return str(d.op("Resize", "data", "", d.store([1.0, 1.0, 2.0, 2.0]), nearest_mode="floor",
                    coordinate_transformation_mode="asymmetric"))  # fmt: skip


@case("mode=bilinear", opset=11)
def _resized_to_sizes(d: Drawing) -> str:
    empty = d.store(np.zeros(0))
    whole = d.op("Concat", d.op("Slice", d.op("Shape", "data"), d.store([0]), d.store([2])), d.store([20, 24]), axis=0)
    return str(d.op("Resize", "data", empty, empty, whole, mode="linear"))


@case("upsample(2)", opset=9)
def _upsample(d: Drawing) -> str:
    return str(d.op("Upsample", "data", d.store([1.0, 1.0, 2.0, 2.0])))


@case("split, split2 = split([1, 2])", opset=11)
def _split(d: Drawing) -> str:
    one, other = d.op("Split", "data", outputs=2, axis=1, split=[1, 2])
    return str(d.op("Concat", other, d.op("Sigmoid", one), axis=1))


@case("slice(start=1, stop=7, axis=2)")
def _slice(d: Drawing) -> str:
    x = d.op("Slice", "data", d.store([2, 0]), d.store([14, 99]), d.store([2, 3]), d.store([1, 2]))
    return str(d.op("Slice", x, d.store([1]), d.store([-1]), d.store([3])))


@case("softmax", opset=11)
def _softmax_over_all_behind(d: Drawing) -> str:
    return str(d.op("Softmax", d.op("Mul", "data", d.store([0.5]))))


@case("softmax(axis=-1)")
def _softmax(d: Drawing) -> str:
    return str(d.op("Softmax", "data"))


@case("relu6", opset=10)
def _clip(d: Drawing) -> str:
    return str(d.op("Clip", "data", min=0.0, max=6.0))


@case("gelu", shape=("N", 6, 8))
def _gelu_in_pieces(d: Drawing) -> str:
    erf = d.op("Add", d.op("Erf", d.op("Div", "data", d.store(np.float32(2**0.5)))), d.store(np.float32(1)))
    return str(d.op("Mul", d.op("Mul", "data", erf), d.store(np.float32(0.5))))


@case("layernorm(eps=0.001)", shape=("N", 6, 8), opset=13)
def _layernorm_in_pieces(d: Drawing) -> str:
    centred = d.op("Sub", "data", d.op("ReduceMean", "data", axes=[-1]))
    spread = d.op("ReduceMean", d.op("Pow", centred, d.store(np.float32(2))), axes=[-1])
    scaled = d.op("Div", centred, d.op("Sqrt", d.op("Add", spread, d.store(np.float32(0.001)))))
    return str(d.op("Add", d.op("Mul", scaled, d.weight(8)), d.weight(8)))


@case("linear(5)", shape=("N", 6, 8))
def _product_and_bias(d: Drawing) -> str:
    return str(d.op("Add", d.op("MatMul", "data", d.weight(8, 5)), d.weight(5)))


@case("linear(5)", shape=("N", 8), opset=9)
def _gemm(d: Drawing) -> str:
    return str(d.op("Gemm", "data", d.weight(5, 8), d.weight(5), transB=1))


@case("* 0.5", shape=("N", 8))
def _gemm_with_factors(d: Drawing) -> str:
    return str(d.op("Gemm", "data", d.weight(8, 5), d.weight(5), alpha=0.5, beta=2.0))


@case("embedding(9, 4)", shape=("N", 7), whole=True)
def _embedding(d: Drawing) -> str:
    return str(d.op("Gather", d.weight(9, 4), "data"))


@case("rms", shape=("N", 6, 8), opset=23)
def _rms(d: Drawing) -> str:
    return str(d.op("RMSNormalization", "data", d.weight(8)))


@case("groupnorm(3)", shape=("N", 6, 8, 8), opset=21)
def _groups(d: Drawing) -> str:
    return str(d.op("GroupNormalization", "data", d.weight(6), d.weight(6), num_groups=3))


@case("flatten(start=1)")
def _shape_that_is_computed(d: Drawing) -> str:
    batch = d.op("Unsqueeze", d.op("Gather", d.op("Shape", "data"), d.store(np.int64(0))), d.store([0]))
    return str(d.op("Reshape", "data", d.op("Concat", batch, d.store([3, -1]), axis=0)))


@case("global_avgpool -> flatten", shape=(1, 3, 16, 16))
def _batch_in_the_file(d: Drawing) -> str:
    return str(d.op("Reshape", d.op("GlobalAveragePool", "data"), d.store([1, 3])))


@case("matmul", shape=(1, 6, 8))
def _attention(d: Drawing) -> str:
    """Heads as an exporter with a batch of 1 writes them, the samples in the middle."""
    turned = d.op("Transpose", "data", perm=[1, 0, 2])
    q, k, v = (
        d.op("Transpose", d.op("Reshape", d.op("MatMul", turned, d.weight(8, 8)), d.store([6, 2, 4])), perm=[1, 0, 2])
        for _ in range(3)
    )
    weights = d.op("Softmax", d.op("MatMul", q, d.op("Transpose", k, perm=[0, 2, 1])), axis=-1)
    joined = d.op("Reshape", d.op("Transpose", d.op("MatMul", weights, v), perm=[1, 0, 2]), d.store([6, 8]))
    made = d.op("Reshape", d.op("MatMul", joined, d.weight(8, 8)), d.store([6, 1, 8]))
    return str(d.op("Add", "data", d.op("Transpose", made, perm=[1, 0, 2])))


@pytest.mark.parametrize(("name", "said", "settings", "draw"), CASES, ids=[case[0] for case in CASES])
def test_operator(
    name: str, said: str, settings: dict[str, object], draw: Callable[[Drawing], str], tmp_path: Path
) -> None:
    drawing = Drawing(**settings)  # type: ignore[arg-type]
    done = load(drawing.save(tmp_path / "net.onnx", draw(drawing)))
    assert said in done.text
    assert done.proof is not None
    assert done.proof.exact
    assert done.runtime is not None
    assert done.runtime[0] < 1e-5


def test_what_does_not_lift_is_shown_with_its_node(tmp_path: Path) -> None:
    d = Drawing()
    with pytest.raises(NetspecError) as caught:
        load(d.save(tmp_path / "net.onnx", d.op("NonZero", d.op("Relu", "data"))))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.message == "NonZero does not lift: there is no layer for it"
    assert diagnostic.span.line == 2
