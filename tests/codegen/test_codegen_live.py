"""Emitted modules as people use modules: compiled, exported, copied, pickled, on other devices and layouts."""

from __future__ import annotations

import copy
import inspect
import pickle
import traceback
from pathlib import Path

import pytest
import torch
from test_codegen_meaning import SPECS, check_keys, sample, tensors

import netspec
from netspec.codegen import compile_graph, emit
from netspec.codegen.loader import load_source, net_class
from netspec.graph.graph import Graph

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.net"))
SMALL = ["residuals", "dense", "skips", "captured", "loops", "shared"]
TRAINING = """
    block Head(classes) { global_avgpool -> flatten; fc = linear(classes) }
    net N {
      input x [3, 8, 8]
      conv(4, 3) -> relu
      output aux = Head(3) when training
      conv(4, 3) -> relu
      output main = Head(3)
    }
"""

READ_IN_TRAINING = {
    "inside a container": "c = { a = conv(4, 1); conv(3, 1) }; output aux = c.a when training; output main = tanh",
    "beside what nothing needs": """
        s = conv(3, 1); c = { let idle = s -> relu6; tanh; conv(2, 1) }
        output main = x; output aux = c when training
    """,
    "in a module of both": """
        s = tanh; c = { a = s -> conv(2, 1); x -> conv(3, 1) }
        output main = relu; output aux = c.a when training
    """,
    "in a row": """
        s = tanh -> tanh -> tanh -> tanh -> tanh
        output main = x; output aux = s -> tanh -> tanh when training
    """,
}


@pytest.mark.parametrize("name", READ_IN_TRAINING)
def test_what_is_read_in_training_only(name: str) -> None:
    graph = netspec.parse(f"net N {{ input x [3, 8]; {READ_IN_TRAINING[name]} }}").graph()
    model = compile_graph(graph)
    check_keys(graph, model)
    run_both_modes(graph, model.to("meta"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_construct_and_run_on_meta(path: Path) -> None:
    graph = netspec.load(path).graph()
    model = compile_graph(graph, device="meta")
    check_keys(graph, model)
    if not graph.sets:  # how many members they have follows from numbers, of which there are none on meta
        run_both_modes(graph, model)


def run_both_modes(graph: Graph, model: torch.nn.Module) -> None:
    inputs = [sample(value.shape).to("meta") for value in graph.inputs]
    for training in (True, False):
        found = tensors(model.train(training)(*inputs))
        expected = [output for output in graph.outputs if training or not output.when_training]
        assert len(found) == len(expected)
        by_size = sorted(tuple(tensor.shape[1:]) for tensor in found)
        if not any(output.value.shape.is_open for output in expected):
            assert by_size == sorted(output.value.shape.dims for output in expected)


@pytest.mark.parametrize("name", SMALL)
def test_dynamo_and_export(name: str) -> None:
    graph = netspec.parse(SPECS[name]).graph()
    model = compile_graph(graph).eval()
    inputs = tuple(sample(value.shape).detach() for value in graph.inputs)
    expected = tensors(model(*inputs))
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    exported = torch.export.export(model, inputs).module()
    for other in (compiled, exported):
        for mine, theirs in zip(tensors(other(*inputs)), expected, strict=True):
            torch.testing.assert_close(mine, theirs)


def test_aot_autograd_agrees_in_training() -> None:
    model = compile_graph(netspec.parse(SPECS["residuals"]).graph()).train()
    other = copy.deepcopy(model)
    x = torch.randn(2, 3, 8, 8)
    model(x).sum().backward()
    torch.compile(other, backend="aot_eager", fullgraph=True)(x).sum().backward()
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


@pytest.mark.parametrize("name", SMALL)
def test_pickle_and_deepcopy(name: str) -> None:
    graph = netspec.parse(SPECS[name]).graph()
    model = compile_graph(graph).eval()
    inputs = [sample(value.shape).detach() for value in graph.inputs]
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        for mine, theirs in zip(tensors(other(*inputs)), tensors(model(*inputs)), strict=True):
            assert torch.equal(mine, theirs)


def test_channels_last() -> None:
    model = compile_graph(netspec.parse(SPECS["residuals"]).graph()).eval()
    x = torch.randn(2, 3, 8, 8)
    expected = model(x)
    found = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected)


def test_open_sizes_serve_any_size() -> None:
    model = compile_graph(netspec.parse(SPECS["open"]).graph()).eval()
    assert model(torch.randn(1, 3, 10, 14)).shape[2:] == (10, 14)
    assert model(torch.randn(1, 3, 20, 6)).shape[2:] == (20, 6)


def test_outputs_of_training_only() -> None:
    model = compile_graph(netspec.parse(TRAINING).graph())
    x = torch.randn(2, 3, 8, 8)
    trained = model.train()(x)
    assert type(trained).__name__ == "NOutput"
    assert trained.aux.shape == trained.main.shape == (2, 3)
    assert isinstance(model.eval()(x), torch.Tensor)
    torch.export.export(model.eval(), (x,))


def test_source_is_shown_in_tracebacks() -> None:
    graph = netspec.parse(SPECS["chain"]).graph()
    model = compile_graph(graph)
    assert "def forward" in inspect.getsource(type(model)) or "nn.Sequential" in inspect.getsource(type(model))
    with pytest.raises(RuntimeError) as caught:
        compile_graph(netspec.parse(SPECS["captured"]).graph())(torch.randn(1, 5, 8, 8))
    assert "self.a(x)" in "".join(traceback.format_tb(caught.value.__traceback__))


def test_the_same_source_is_one_module() -> None:
    graph = netspec.parse(SPECS["chain"]).graph()
    assert load_source(emit(graph)) is load_source(emit(graph))
    assert net_class(load_source(emit(graph))) is type(compile_graph(graph))
