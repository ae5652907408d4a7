"""Specs that are right by construction, all the way from tree to tensors; and those next to them.

What torch makes of a net is compared with what was predicted of it. A spec in which one number is changed is either
refused, and then torch cannot run it either, or it runs as predicted, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, product

import pytest
import torch
from agreement import check_net
from hypothesis import HealthCheck, Phase, given, settings
from made_nets import NOT_DRAWN, changed, specs
from test_against_torch import check_refusal
from torch import Tensor, nn

import netspec
from netspec.codegen import compile_graph
from netspec.format import print_tree
from netspec.graph.graph import Graph
from netspec.layers import REGISTRY, Layer
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import evaluate, symbols
from netspec.syntax import tree
from netspec.syntax.parser import parse
from netspec.syntax.source import Source

BATCH = 2
DTYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}
torch.set_num_threads(1)  # the tensors are tiny

# Nothing is shrunk: that takes minutes a net, and the net is told as it is.
PHASES = (Phase.explicit, Phase.generate)
fixed = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), phases=PHASES)


def read_again(file: tree.File) -> str:
    """The text of a tree, from which the same tree is read."""
    text = print_tree(file)
    again, mistakes = parse(Source("made.net", text))
    assert not mistakes, f"{mistakes[0]}\n{text}"
    assert again == file, text
    assert print_tree(again) == text
    return text


def sizes_that_fit(graph: Graph) -> dict[str, int]:
    """A number for each open size, of which all requirements hold."""
    names = sorted(frozenset().union(*(symbols(size) for value in graph.inputs for size in value.shape.dims)))
    alike = ((number,) * len(names) for number in range(24, 64))
    for numbers in chain(alike, product(range(24, 0, -1), repeat=len(names))):
        values = dict(zip(names, numbers, strict=True))
        needs = [fit.requirement for fit in graph.fits]
        if all(need.at(values) for need in needs):
            return values
    raise AssertionError(f"no sizes are found that fit: {graph.requirements}")


def sizes(shape: Shape, values: dict[str, int]) -> tuple[int, ...]:
    return tuple(int(evaluate(size, values)) for size in shape.dims)


def sample(shape: Shape, values: dict[str, int]) -> Tensor:
    dims = (BATCH, *sizes(shape, values))
    return torch.randn(dims) if shape.dtype == "float" else torch.zeros(dims, dtype=DTYPES[shape.dtype])


def tensors(result: object) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else [t for t in result if t is not None]  # type: ignore[attr-defined]


def run(graph: Graph) -> None:
    """The compiled net has the graph's weights, and is the graph run node by node."""
    torch.manual_seed(0)
    model: nn.Module = compile_graph(graph)
    assert graph.parameters == sum(p.numel() for p in model.parameters())
    values = sizes_that_fit(graph)
    inputs = [sample(value.shape, values) for value in graph.inputs]
    with torch.no_grad():
        for training in (True, False):
            results = tensors(model.train(training)(*(tensor.clone() for tensor in inputs)))
            outputs = [output.value.shape for output in graph.outputs if training or not output.when_training]
            expected = sorted(((BATCH, *sizes(shape, values)), str(DTYPES[shape.dtype])) for shape in outputs)
            assert sorted((tuple(tensor.shape), str(tensor.dtype)) for tensor in results) == expected
    check_net(graph, model, sizes=values)


@contextmanager
def about(text: str) -> Iterator[None]:
    """Says which spec it was that something went wrong with."""
    try:
        yield
    except Exception as error:
        error.add_note(text)
        raise


@pytest.mark.parametrize("name", sorted(REGISTRY.keys() - NOT_DRAWN))
def test_made_nets_run_as_predicted(name: str) -> None:
    used: set[str] = set()

    @settings(fixed, max_examples=6)
    @given(specs(name))
    def check(made: tuple[tree.File, frozenset[str]]) -> None:
        file, layers = made
        text = read_again(file)
        with about(text):
            run(netspec.parse(text, "made.net").graph())
        used.update(layers)

    check()
    assert name in used


SPEC_MISTAKES = ("E01", "E02", "E05")
"""Codes of what is wrong with a text whatever torch thinks of it: syntax, names and arguments, limits."""


def test_what_is_refused_fails_in_torch_and_the_rest_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[tuple[Layer, tuple[Shape, ...], ShapeError]] = []
    outputs = Layer.outputs

    def observed(layer: Layer, *shapes: Shape) -> tuple[Shape, ...]:
        try:
            return outputs(layer, *shapes)
        except ShapeError as error:
            refused.append((layer, shapes, error))
            raise

    kinds = {"accepted": 0, "refused": 0, "a mistake of the spec": 0}

    @settings(fixed, max_examples=400)
    @given(changed())
    def check(file: tree.File) -> None:
        text = print_tree(file)
        refused.clear()
        with about(text):
            with monkeypatch.context() as patched:
                patched.setattr(Layer, "outputs", observed)
                try:
                    graph = netspec.parse(text, "made.net").graph()
                except netspec.NetspecError as error:
                    codes = {diagnostic.code for diagnostic in error.diagnostics}
                    graph = None
            if graph is not None:
                kinds["accepted"] += 1
                run(graph)
            elif all(code.startswith(SPEC_MISTAKES) for code in codes):
                kinds["a mistake of the spec"] += 1
            else:
                kinds["refused"] += 1
                for layer, shapes, why in refused:
                    if not any(shape.is_open for shape in shapes):
                        check_refusal(layer, shapes, why)

    check()
    assert min(kinds.values()) >= 10, kinds
