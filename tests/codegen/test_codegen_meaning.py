"""Emitted modules compute what the graph says: outputs and gradients against a run node by node."""

from __future__ import annotations

import random

import pytest
import torch
from agreement import check_net
from torch import Tensor, nn

import netspec
from netspec.codegen import compile_graph, emit
from netspec.graph.graph import Graph
from netspec.shapes.shape import Shape

SPECS = {
    "chain": "net N { input x [3, 8, 8]; conv(4, 3) -> batchnorm -> relu; maxpool(2); flatten -> linear(5) }",
    "residuals": """
        block B(width, stride = 1) {
          residual { c1 = conv(width, 3, stride, pad=1); b1 = batchnorm; relu; c2 = conv(width, 3, pad=1) }
          shortcut { if in.channels != width or stride != 1 { down = conv(width, 1, stride) -> batchnorm } }
          relu
        }
        net N { input x [3, 8, 8]; B(8); B(8); B(8, stride=2); B(16); s = { repeat 5 { B(16) } } }
    """,
    "structures": """
        block B(kind, width) {
          if kind == 1 { a = conv(width, 1); relu }
          else if kind == 2 { b = conv(width, 3, pad=1); tanh; c = conv(width, 1) }
          else { residual { d = conv(in.channels, 1) -> relu } }
        }
        net N { input x [3, 8, 8]; B(1, 4); B(2, 5); B(3, 6); B(2, 7) }
    """,
    "dense": """
        block Layer(growth) { n = batchnorm; relu; c = conv(growth, 3, pad=1) }
        net N {
          input x [4, 8, 8]
          for i, n in enumerate([4, 6, 5], 1) { stage$i = dense { for j in range(1, n + 1) { layer$j = Layer(3) } } }
          conv(2, 1)
        }
    """,
    "skips": """
        block Gated(dilation, out) {
          let z = mul {
            f = conv(4, 2, dilation=dilation, pad=causal) -> tanh
            g = conv(4, 2, dilation=dilation, pad=causal) -> sigmoid
          }
          skip = z -> conv(out, 1)
          dense = z -> conv(in.channels, 1)
          return in + dense, skip
        }
        net N {
          input x [4, 32]
          for i in range(6) { h$i, s$i = Gated(2 ** (i % 3), 5) }
          add { for i in range(6) { s$i } }
          relu
        }
    """,
    "shared": """
        net N {
          input x [3, 8, 8]
          shared head = { conv(4, 3, pad=1) -> relu -> conv(2, 1) }
          a = conv(3, 3, pad=1)
          b = conv(3, 3, stride=2, pad=1)
          output p = a -> head
          output q = b -> head
        }
    """,
    "captured": """
        net N {
          input x [3, 8, 8]
          a = conv(4, 3, pad=1)
          b = { conv(4, 1) -> relu; concat(_, a) -> conv(4, 1) }
          c = { b1 = conv(4, 1); b2 = conv(4, 1) -> relu }
          c.b1 * _ + a
        }
    """,
    "inputs": """
        net N {
          input image [3, 8, 8]
          input tokens: int [6]
          let t = tokens -> embedding(11, 4) -> mean(0)
          image -> conv(4, 3) -> global_avgpool -> flatten
          output joined = concat(_, t)
          output both = linear(joined, 3)
        }
    """,
    "expressions": """
        net N {
          input x [6, 8, 8]
          let a, b = split(2)
          let g = a -> conv(3, 1) -> sigmoid
          a * g + b * (1 - g) - 2 * a * (b - 1) / (a * a + 1)
          s = { conv(3, 1); abs; -_ ; 3 - _ }
          add { conv(3, 1)  conv(3, 1)  conv(3, 1)  conv(3, 1)  conv(3, 1)  conv(3, 1) }
        }
    """,
    "highway": """
        net N { input x [8]; repeat 3 { highway { linear(8) -> relu } gate { linear(8) -> sigmoid } } linear(2) }
    """,
    "deep": "net N { input x [8]; repeat 60 { linear(8) -> tanh } }",
    "loops": """
        net N {
          input x [3, 8, 8]
          for i in range(6) { conv$i = conv(3, 3, pad=1); residual { bn$i = batchnorm; relu } }
          for i in range(5) { wide$i = conv(3 + i, 1) }
          for i in range(4) { p$i = conv(4, 1); concat(_, p$i) }
        }
    """,
    "open": """
        net N {
          input x [3, H, W]
          conv(4, 3, pad=same, stride=2)
          a = relu
          conv(4, 3, pad=same)
          concat(_, a)
          upsample(2)
        }
    """,
    "shared sizes": """
        net N {
          input x [3, 16, 16]
          input y [3, 7, 9]
          shared head = { conv(4, 3, stride=2, pad=same) -> maxpool(3, stride=2, pad=same); reshape([2, 2, -1]) }
          output a = x -> head
          output b = y -> head
        }
    """,
    "shared captures": """
        net N {
          input x [3, 8]
          a = conv(3, 1) -> tanh
          b = sigmoid
          shared head = { c = abs(_ * a - b); _ + in }
          output p = a -> head
          output q = b -> head
          output r = x -> head
        }
    """,
    "chain of a parameter": "net N { input x [3, 8]; param([8]); tanh }",
    "parameters in bodies": """
        net N {
          input x [3, 8]
          for i in range(5) { q$i = param([1, 8], init=normal) }
          train = param([1, 8], init=normal)
          counted = { param([1, 8], init=normal) -> tanh }
          x + q3 + train + counted
        }
    """,
    "unused input": """
        net N { input x [3, 8]; input y [2]; x -> abs; tanh; neg; conv(2, 1); repeat 3 { abs -> tanh -> conv(2, 1) } }
    """,
    "unused block": """
        block Idle { let z = tanh -> neg }
        block Weights { let z = conv(4, 1) }
        net N { input x [3, 8]; Idle; Weights; let z = _ -> identity -> identity -> identity -> identity; conv(2, 1) }
    """,
    "unlabelled loops": "net N { input x [1, 10]; repeat 3 { tanh(_**2 * -_) }; abs; add { { } sin } }",
    "counted loops": """
        net N {
          input x [4, 8]
          input y [2]
          x -> relu -> transpose(0, 1)
          repeat 3 { mean(1) -> sin; leaky_relu(0.2); linear(32) -> reshape([8, 4]) }
          leaky_relu
          relu
        }
    """,
    "helper names": """
        net N {
          input swiglu [4, 6, 6]
          center_crop = center_crop(4) -> conv(4, 1)
          upsample(like=swiglu)
          center_crop(4) + center_crop + center_crop(swiglu, 4)
        }
    """,
    "norms that track": """
        net N {
          input x [3, 8, 8]
          instancenorm(affine=true, track=true); a = instancenorm(track=true); b = instancenorm
        }
    """,
    "dead": "net N { input x [3, 8, 8]; a = conv(3, 1); let unused = a -> conv(5, 1) -> relu; conv(2, 1) }",
    "parameters": "net N { input x [5, 4]; let p = param([5, 4], init=normal); _ + p; scale; linear(3) }",
    "fixed": "net N { input x [4]; let p = param([3, 4], init=signs, trainable=false); reshape([1, 4]) - p -> square }",
    "collected": """
        block Layer(d: int) { skip = conv(3, 1); dense = in -> conv(4, 3, pad=same, dilation=d); return in + dense }
        net N {
          input x [4, 9]
          for i in range(4) { layer$i = Layer(2 ** i) }
          add { for i in range(4) { layer$i.skip } } -> relu -> conv(2, 1)
        }
    """,
    "chosen": """
        net N { input x [6, 8, 8]; concat { for maps in [[0, 1, 2], [3, 5], [1]] { select(maps) -> conv(2, 3) } } }
    """,
}


def graphs() -> list[str]:
    return list(SPECS)


def sample(shape: Shape, batch: int = 2) -> Tensor:
    dims = [size if isinstance(size, int) else 8 for size in shape.dims]
    if shape.dtype == "int":
        return torch.randint(0, 3, (batch, *dims))
    return torch.randn(batch, *dims, requires_grad=True)


def tensors(result: object) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else [item for item in result if item is not None]  # type: ignore[attr-defined]


def check(graph: Graph) -> None:
    """The same state dict, outputs, gradients and statistics as the graph run node by node."""
    assert not check_net(graph, compile_graph(graph), sizes=dict.fromkeys(("H", "W"), 8))


def check_keys(graph: Graph, model: nn.Module) -> None:
    wanted: dict[str, tuple[int, ...]] = {}
    for node in graph.nodes:
        for key, shape in {**node.layer.parameters(*node.shapes), **node.layer.buffers(*node.shapes)}.items():
            wanted[f"{node.key}.{key}" if key else node.key] = tuple(shape)
    assert {key: tuple(value.shape) for key, value in model.state_dict().items()} == wanted


@pytest.mark.parametrize("name", graphs())
def test_computes_what_the_graph_says(name: str) -> None:
    check(netspec.parse(SPECS[name]).graph())


def random_body(random_: random.Random, depth: int) -> str:
    """A few stages that keep the shape [4, 6, 6]."""
    plain = [
        "conv(4, 3, pad=1)",
        "batchnorm",
        "relu",
        "relu",
        "tanh",
        "conv(4, 1)",
        "maxpool(3, stride=1, pad=1)",
        "relu6",
    ]
    lines = []
    for _ in range(random_.randint(1, 4)):
        kind = random_.random()
        if depth == 0 or kind < 0.55:
            lines.append(random_.choice(plain))
        else:
            inner = [random_body(random_, depth - 1) for _ in range(2)]
            forms = [
                f"residual {{ {inner[0]} }}",
                f"residual {{ {inner[0]} }} shortcut {{ {inner[1]} }}",
                f"add {{ {{ {inner[0]} }} {{ {inner[1]} }} }}",
                f"mul {{ {{ {inner[0]} }} {{ {inner[1]} }} }}",
                f"concat {{ {{ {inner[0]} }} {{ {inner[1]} }} }} -> conv(4, 1)",
                f"l{random_.randrange(10**9)} = {{ {inner[0]} }}",
                f"repeat 4 {{ {inner[0]} }}" if " = " not in inner[0] else inner[0],
            ]
            lines.append(random_.choice(forms))
    return "; ".join(lines)


@pytest.mark.parametrize("seed", range(25))
def test_random_nets(seed: int) -> None:
    random_ = random.Random(seed)
    check(netspec.parse(f"net N {{ input x [4, 6, 6]; {random_body(random_, 3)} }}").graph())


@pytest.mark.parametrize("seed", range(5))
def test_blocks_of_random_bodies_share_classes(seed: int) -> None:
    random_ = random.Random(seed)
    block = f"block B {{ {random_body(random_, 2)} }}"
    text = f"{block} net N {{ input x [4, 6, 6]; a = B; b = B; conv(4, 1); repeat 4 {{ B }} }}"
    graph = netspec.parse(text).graph()
    assert emit(graph).count("class B(") == 1
    check(graph)
