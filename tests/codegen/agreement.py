"""Whether a module is its graph: the same keys and shapes, and with equal weights the same numbers.

The numbers are outputs, gradients of every input and weight, and the statistics that a step of training leaves, in
float64. What is compared with is the graph run node by node.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F  # noqa: N812
from codegen_reference import Reference, doubles
from torch import Tensor, nn

from netspec.graph.graph import Graph, Output, Value
from netspec.layers.declaration.base import Layer
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import evaluate

BATCH = 3
RELATIVE = 1e-6
"""How far numbers may be apart, of the largest of their tensor: rounding is 1e-16, another net is another order."""
torch.set_num_threads(1)  # the tensors are tiny

DTYPES = {"float": torch.float64, "int": torch.int64, "bool": torch.bool}


class Disagreement(AssertionError):
    """What differs: `kind` is keys, outputs, gradients or statistics."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


Weights = dict[str, tuple[int, ...]]


def graph_weights(graph: Graph, below: str = "") -> tuple[Weights, Weights]:
    """The shapes of the graph's parameters and buffers by key; of what is in module `below`, keyed from there."""
    return _declared(graph, Layer.parameters.__name__, below), _declared(graph, Layer.buffers.__name__, below)


def _declared(graph: Graph, what: str, below: str) -> Weights:
    start = f"{below}." if below else ""
    weights: Weights = {}
    for node in graph:
        for name, shape in getattr(node.layer, what)(*node.shapes).items():
            key = f"{node.key}.{name}" if name else node.key
            if key.startswith(start):
                weights[key.removeprefix(start)] = tuple(shape)
    return weights


def check_weights(graph: Graph, module: nn.Module, below: str = "") -> None:
    """The module has the graph's keys with the graph's shapes, and trains what the graph trains."""
    parameters, buffers = graph_weights(graph, below)
    own = {name: tuple(parameter.shape) for name, parameter in module.named_parameters(remove_duplicate=False)}
    state = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    for what, mine, graphs in (("weights", state, parameters | buffers), ("parameters", own, parameters)):
        differing = sorted(key for key in mine.keys() | graphs.keys() if mine.get(key) != graphs.get(key))
        if differing:
            key = differing[0]
            sides = f"{mine.get(key, 'nothing')} in the module, {graphs.get(key, 'nothing')} in the graph"
            raise Disagreement("keys", f"{key} is {sides} ({len(differing)} {what} differ)")


def set_weights(module: nn.Module, seed: int) -> None:
    """Weights and statistics of which none is like another, of a size at which nothing vanishes."""
    generator = torch.Generator().manual_seed(seed)

    def normal(shape: Iterable[int]) -> Tensor:
        return torch.randn(tuple(shape), generator=generator, dtype=torch.float64)

    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() > 1:
                parameter.copy_(normal(parameter.shape) / math.sqrt(max(1, parameter.numel() // parameter.shape[0])))
            else:
                parameter.copy_(0.3 * normal(parameter.shape) + name.endswith("weight"))
        for name, buffer in module.named_buffers():
            if name.endswith("running_var"):
                buffer.copy_(normal(buffer.shape).abs() + 0.5)
            elif name.endswith("running_mean"):
                buffer.copy_(normal(buffer.shape))


def sample(shape: Shape, seed: int, sizes: Mapping[str, int] | None = None) -> Tensor:
    """A batch of a value; `sizes` are numbers for its open sizes. Indices are 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    dims = (BATCH, *(int(evaluate(size, sizes or {})) for size in shape.dims))
    if shape.dtype == "float":
        return torch.randn(dims, generator=generator, dtype=torch.float64)
    return torch.randint(0, 2, dims, generator=generator).to(DTYPES[shape.dtype])


@contextmanager
def settled_chance() -> Iterator[None]:
    """Chance that is the same for every tensor of a size, in whatever order layers are run."""

    def kept(shape: Sequence[int], p: float) -> Tensor:
        places = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64)
        return ((places * 0.618033988749895) % 1 >= p).reshape(tuple(shape))

    def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        return input * kept(input.shape, p) / max(1 - p, 0.01) if training and p else input

    def bernoulli(self: Tensor, p: float = 0.5, **options: Any) -> Tensor:
        return self.copy_(kept(self.shape, 1 - p))

    def rrelu(
        input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
    ) -> Tensor:
        return F.leaky_relu(input, lower if training else (lower + upper) / 2)

    def drawn(like: Tensor, **options: Any) -> Tensor:
        places = torch.arange(1, like.numel() + 1, dtype=torch.float64)
        return ((places * 0.618033988749895) % 1).reshape(like.shape).to(like)

    attention = F.scaled_dot_product_attention

    def attend(
        query: Tensor, key: Tensor, value: Tensor, mask: Any = None, p: float = 0, *more: Any, **named: Any
    ) -> Tensor:
        named.pop("dropout_p", p)
        return attention(query, key, value, named.pop("attn_mask", mask), 0.0, *more, **named)

    with ExitStack() as stack:
        for name in ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"):
            stack.enter_context(patch.object(F, name, dropout))
        stack.enter_context(patch.object(Tensor, "bernoulli_", bernoulli))
        stack.enter_context(patch.object(F, "rrelu", rrelu))
        for name in ("rand_like", "randn_like"):
            stack.enter_context(patch.object(torch, name, drawn))
        stack.enter_context(patch.object(F, "scaled_dot_product_attention", attend))
        yield


Run = Callable[[nn.Module, list[Tensor]], list[Tensor]]
"""Calls a module with inputs, and takes what is compared out of what it returns."""


def check_numbers(
    reference: Reference,
    module: nn.Module,
    inputs: Sequence[Tensor],
    wanted: Sequence[Value],
    run: Run,
    below: str = "",
) -> None:
    """What `run` makes of module and inputs are the `wanted` values of the reference, with all that follows from them.

    Raises Disagreement, and what the module raises; Unclaimed where the reference cannot run, either.
    """
    mine, graphs = _leaves(inputs), _leaves(inputs)
    with settled_chance(), doubles():
        _without_chance([module, *reference.modules.values()])
        try:
            expected = reference.values(graphs, wanted)
        except (RuntimeError, ValueError, IndexError) as error:
            raise Unclaimed(str(error)) from error
        actual = run(module, mine)
    if len(actual) != len(expected):
        raise Disagreement("outputs", f"{len(actual)} from the module, {len(expected)} from the graph")
    for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
        _alike("outputs", f"output {index}", one, other)
    _backward(actual)
    _backward(expected)
    for index, (one, other) in enumerate(zip(mine, graphs, strict=True)):
        _alike("gradients", f"input {index}", *_gradients(one, other))
    _check_kept(reference, module, wanted, below)


class Unclaimed(Exception):
    """Nothing can be said: the graph itself cannot be run on these tensors."""


def _check_kept(reference: Reference, module: nn.Module, wanted: Sequence[Value], below: str) -> None:
    start = f"{below}." if below else ""
    parameters = dict(module.named_parameters(remove_duplicate=False))
    for key, parameter in reference.parameters().items():
        _alike("gradients", key, *_gradients(parameters[key.removeprefix(start)], parameter))
    state = {**module.state_dict(), **dict(module.named_buffers(remove_duplicate=False))}
    for key, statistic in reference.statistics(wanted).items():
        _alike("statistics", key, state[key.removeprefix(start)], statistic)


def _leaves(inputs: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.clone().requires_grad_(tensor.is_floating_point()) for tensor in inputs]


def _backward(results: Sequence[Tensor]) -> None:
    """Gradients of a sum in which each element of each result has a weight of its own."""
    total = torch.zeros((), dtype=torch.float64)
    for index, tensor in enumerate(results):
        if tensor.requires_grad:
            places = torch.arange(tensor.numel(), dtype=torch.float64).reshape(tensor.shape)
            total = total + (tensor * torch.cos(places + 7 * index)).sum()
    if total.requires_grad:
        total.backward()


def _gradients(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Both gradients; no gradient is one of zeros."""
    return tuple(torch.zeros_like(t) if t.grad is None else t.grad for t in (one, other))  # type: ignore[return-value]


def _alike(kind: str, what: str, one: Tensor, other: Tensor) -> None:
    if one.shape != other.shape or one.dtype != other.dtype:
        sides = f"{tuple(one.shape)} {one.dtype} in the module, {tuple(other.shape)} {other.dtype} in the graph"
        raise Disagreement(kind, f"{what} is {sides}")
    one, other = one.detach().double(), other.detach().double()
    finite = other[other.isfinite()]
    bound = RELATIVE * max(1.0, float(finite.abs().max()) if finite.numel() else 0.0)
    if not torch.allclose(one, other, rtol=RELATIVE, atol=bound, equal_nan=True):
        apart = float((one - other).abs().max())
        raise Disagreement(kind, f"{what} differs by {apart:.3g}")


def _without_chance(modules: Iterable[Any]) -> None:
    """Dropout inside torch's own recurrent layers, which nothing outside of them can settle."""
    for module in modules:
        for inner in module.modules() if isinstance(module, nn.Module) else ():
            if isinstance(inner, nn.RNNBase):
                inner.dropout = 0.0


def net_results(outputs: Sequence[Output], *, training: bool) -> tuple[list[Value], Run]:
    """The values that a net returns in a mode, and how they come from its module."""
    returned = [output for output in outputs if training or not output.when_training]

    def run(module: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
        result = module(*inputs)
        if isinstance(result, Tensor | list):
            return [_joined(result)]
        fields = {name: _joined(value) for name, value in result._asdict().items() if value is not None}
        names = [output.name or "output" for output in returned]
        if len(fields) != len(names):
            raise Disagreement("outputs", f"{', '.join(fields)} from the module, {', '.join(names)} from the graph")
        if set(fields) == set(names):
            return [fields[name] for name in names]
        by_order = dict(zip(sorted(returned, key=lambda output: output.when_training), fields.values(), strict=True))
        return [by_order[output] for output in returned]  # a name that a named tuple cannot have

    return [output.value for output in returned], run


def _joined(value: Tensor | list[Tensor]) -> Tensor:
    """The values of a set, which a net returns apart for each picture, one after another."""
    return torch.cat(value) if isinstance(value, list) else value


def check_net(
    graph: Graph, module: nn.Module, *, seed: int = 0, sizes: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """The module is the graph, in training and evaluation. Gives the modes in which nothing could be said.

    `sizes` are numbers for the open sizes.
    """
    check_weights(graph, module)
    module.double()
    set_weights(module, seed)
    inputs = [sample(value.shape, seed + index, sizes) for index, value in enumerate(graph.inputs)]
    unclaimed: list[str] = []
    for training in (True, False):
        module.train(training).zero_grad()
        reference = Reference(graph, module.state_dict(), training=training)
        wanted, run = net_results(graph.outputs, training=training)
        try:
            check_numbers(reference, module, inputs, wanted, run)
        except Unclaimed:
            unclaimed.append("training" if training else "evaluation")
    return tuple(unclaimed)
