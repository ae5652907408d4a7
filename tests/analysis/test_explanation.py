"""`netspec explain FILE STAGE`: every number is the one that torch finds."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import netspec
from netspec.analysis.explanation import explanation
from netspec.diagnostics import NetspecError

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.net"))
small = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), max_examples=60
)


@st.composite
def convolutions(draw: st.DrawFn) -> netspec.Graph:
    """A convolution without bias of a map with one channel of up to 5 x 5."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=2))
    number = st.integers(1, 3)
    pad = draw(st.sampled_from(["0", "1", "2", "same", "full"]))
    how = f"{draw(number)}, stride={draw(number)}, pad={pad}, dilation={draw(st.integers(1, 2))}"
    text = f"net N {{\n  input x {[1, *sizes]}\n  c = conv(1, {how}, bias=false)\n}}"
    try:
        return netspec.parse(text).graph()
    except NetspecError:
        assume(False)
        raise


def section(text: str, head: str) -> list[str]:
    """The lines below a head."""
    lines = text.split("\n")
    start = next((index for index, line in enumerate(lines) if line.startswith(head)), len(lines))
    rest = lines[start + 1 :]
    return rest[: next((index for index, line in enumerate(rest) if line[:1] != " "), len(rest))]


@st.composite
def transposed(draw: st.DrawFn) -> netspec.Graph:
    """A transposed convolution without bias of a map with one channel of up to 4 x 4."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
    number = st.integers(1, 3)
    bit = st.integers(0, 1)
    how = f"{draw(number)}, stride={draw(number)}, pad={draw(bit)}, output_pad={draw(bit)}, dilation={1 + draw(bit)}"
    text = f"net N {{\n  input x {[1, *sizes]}\n  c = upconv(1, {how}, bias=false)\n}}"
    try:
        graph = netspec.parse(text).graph()
    except NetspecError:
        assume(False)
        raise
    return graph


@small
@given(transposed())
def test_a_transposed_convolution_is_the_convolution_that_it_is_said_to_be(graph: netspec.Graph) -> None:
    model = graph.compile(device="cpu")
    entering = torch.rand(1, *(int(str(size)) for size in graph.inputs[0].shape.dims))
    x = entering
    said = [line.split(": ")[1] for line in explanation(graph, "c").split("\n") if line.startswith("as a conv")]
    assert len(said) == x.dim() - 2
    for axis, line in enumerate(said, 2):
        words = line.split()
        step = int(words[0]) + 1 if words[0].isdigit() else 1
        stretched = torch.zeros(*x.shape[:axis], (x.shape[axis] - 1) * step + 1, *x.shape[axis + 1 :])
        stretched[(slice(None),) * axis + (slice(None, None, step),)] = x
        sides = [int(words[words.index(word) - 1]) for word in ("before", "after,")]
        pads = [0, 0] * (x.dim() - axis - 1)
        x = torch.nn.functional.pad(stretched, [*pads, *sides])  # what is negative is cut off
    kernel = model.c.weight.flip(list(range(2, x.dim())))
    conv = torch.nn.functional.conv1d if x.dim() == 3 else torch.nn.functional.conv2d
    layer = graph["c"].layer  # type: ignore[union-attr]
    assert torch.allclose(conv(x, kernel, dilation=layer.dilation), model(entering), atol=1e-5)


@small
@given(st.one_of(convolutions(), transposed()), st.data())
def test_the_matrix_makes_what_the_convolution_makes(graph: netspec.Graph, data: st.DataObject) -> None:
    model = graph.compile(device="cpu")
    kernel = [float(data.draw(st.integers(-9, 9))) for _ in model.c.weight.flatten()]
    shape = [int(str(size)) for size in graph.inputs[0].shape.dims]
    values = [float(data.draw(st.integers(-9, 9))) for _ in range(torch.Size(shape).numel())]
    with torch.no_grad():
        model.c.weight.copy_(torch.tensor(kernel).reshape(model.c.weight.shape))
        expected = model(torch.tensor(values).reshape(1, *shape)).flatten()
    text = explanation(graph, "c", kernel, values)
    assume("matrix      " in text)  # which is written out where it is small
    matrix = torch.tensor([[float(cell) for cell in line.split()] for line in section(text, "matrix")])
    assert torch.equal(matrix @ torch.tensor(values), expected)
    (said,) = [line for line in text.split("\n") if line.startswith("output      [") and " from " not in line][1:]
    assert [float(number) for number in said[len("output") :].strip(" []").split(",")] == expected.tolist()


@small
@given(convolutions())
def test_what_is_never_seen_has_no_gradient(graph: netspec.Graph) -> None:
    model = graph.compile(device="cpu")
    torch.nn.init.ones_(model.c.weight)
    x = torch.zeros(1, *(int(str(size)) for size in graph.inputs[0].shape.dims), requires_grad=True)
    model(x).sum().backward()
    assert x.grad is not None
    names = ("length",) if x.dim() == 3 else ("height", "width")
    text = explanation(graph, "c")
    for axis, name in enumerate(names, 2):
        seen = x.grad.abs().sum([other for other in range(x.dim()) if other != axis])
        blind = {index for index, amount in enumerate(seen.tolist()) if amount == 0}
        said = [line.partition(name)[2] for line in text.split("\n") if line.startswith(f"never seen  {name}")]
        missed = {int(word) for word in "".join(said).split(",") if word.strip() and "padding" not in word}
        others_seen = x.grad.abs().sum().item() > 0
        assert missed == blind if others_seen else missed <= blind


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_stage_of_the_zoo_has_an_explanation_that_adds_up(path: Path) -> None:
    graph = netspec.load(path).graph()
    for node in graph.nodes[:: len(graph.nodes) // 12 + 1]:
        lines = explanation(graph, node.name).split("\n")
        said = [
            line.rpartition("= ")[2] if "=" in line else line.split()[-1] for line in lines if line[:7] == "weights"
        ]
        own = sum(torch.Size(shape).numel() for shape in node.layer.parameters(*node.shapes).values())
        assert [int(number.replace(",", "")) for number in said] == ([own] if own else [])
    for scope in graph.scopes[:6]:
        if scope.is_module and scope.name:
            assert explanation(graph, scope.name).startswith("stage")


def test_open_sizes_are_explained_as_expressions() -> None:
    graph = netspec.parse("net N {\n  input x [1, H, W]\n  c = conv(4, 3, stride=2)\n}").graph()
    text = explanation(graph, "c")
    assert "floor((H - 3)/2) + 1" in text
    assert "never seen" not in text


def test_what_cannot_be_explained_is_said(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "n.net").write_text("net N {\n  input x [1, 6]\n  body = { conv(1, 3) -> relu }\n}\n")
    assert "did you mean body" in cli("explain", "n.net", "bodi").stderr
    assert cli("explain", "n.net").stdout == "body.0  [1, 4]  4 = 6 - 3 + 1\n"
    assert "declared    n.net:2: input x [1, 6]" in cli("explain", "n.net", "x").stdout
    assert cli("explain", "n.net", "body", "--kernel", "same").returncode == 2
    assert "there is no file m.net" in cli("explain", "m.net", "c").stderr
    assert "changed by  kernel=3, stride=1, pad=0, dilation=1; x" in cli("explain", "n.net", "body.0").stdout
    assert "inside      body.0, body.1" in cli("explain", "n.net", "body").stdout
