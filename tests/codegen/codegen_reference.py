"""The graph run node by node, in float64: what everything that is emitted is compared with.

Each module key has one module, constructed from what its layer says of itself and of nothing else; each node applies
the module of its key to the values that it takes. No class of the emitted source takes part. Only what the results
depend on is run: what nothing needs changes no statistics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import or_
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from netspec.graph.graph import Graph, Node, Value
from netspec.layers.declaration.base import Code, TorchCall
from netspec.shapes.sets import Set


@contextmanager
def doubles() -> Iterator[None]:
    """Numbers that layers make themselves are of float64, too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class Reference:
    """The modules of a graph by key, with the weights of `state`, whose keys are those of the net's `state_dict`."""

    def __init__(self, graph: Graph, state: Mapping[str, Tensor], *, training: bool) -> None:
        self.graph = graph
        self.space: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
        self.modules: dict[str, Any] = {}
        self.calls: dict[str, TorchCall] = {}
        applications: dict[str, list[Node]] = {}
        for node in graph.nodes:
            applications.setdefault(node.key, []).append(node)
        for key, nodes in applications.items():
            shapes = [reduce(or_, one) for one in zip(*(node.shapes for node in nodes), strict=True)]
            self.calls[key] = nodes[0].layer.torch(*shapes)
            with doubles():
                self.modules[key] = self._construct(nodes[0], state, training=training)

    def _construct(self, node: Node, state: Mapping[str, Tensor], *, training: bool) -> Any:
        call = self.calls[node.key]
        self._define(call)
        if call.parameter and node.key not in state:  # a constant that no state dict holds
            return eval(call.parameter, self.space)
        if call.parameter:
            kept = state[node.key].detach().clone()
            return nn.Parameter(kept) if node.layer.parameters(*node.shapes) else kept
        if not call.target:
            return None
        kwargs = {name: self._value(value) for name, value in call.kwargs.items()}
        module = eval(call.target, self.space)(*map(self._value, call.args), **kwargs)
        if call.wrap:
            module = self.space[call.wrap](module)
        own = {key[len(node.key) + 1 :]: value for key, value in state.items() if key.startswith(f"{node.key}.")}
        module.load_state_dict({key: value.detach().clone() for key, value in own.items()})
        return module.train(training)

    def _define(self, call: TorchCall) -> None:
        for line in call.imports:
            exec(line, self.space)
        for support in call.support:
            if support.name not in self.space:
                for line in support.imports:
                    exec(line, self.space)
                exec(support.source, self.space)

    def _value(self, value: Any) -> Any:
        return eval(value.text, self.space) if isinstance(value, Code) else value

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """The outputs of the net, those of training among them."""
        return self.values(inputs, [output.value for output in self.graph.outputs])

    def values(self, inputs: Sequence[Tensor], wanted: Sequence[Value]) -> list[Tensor]:
        """The values of the graph that are `wanted`, and nothing run beside what they depend on."""
        needed, batch = self.needed(wanted), inputs[0].shape[0]
        values: dict[Value, Tensor] = dict(zip(self.graph.inputs, inputs, strict=True))
        counts: dict[Set, Tensor] = {}
        with doubles():
            for node in self.graph.nodes:
                if node.index not in needed:
                    continue
                asked = [counts[each] for each in node.layer.counted(*node.shapes)]
                result = self._apply(node, [values[value] for value in node.inputs], asked)
                results = result if isinstance(result, (tuple, list)) else (result,)
                if node.layer.makes_set:
                    *results, count = results
                    counts[node.output.shape.each] = count
                if not node.inputs:  # a source is the same for each sample
                    results = [tensor.expand(batch, *tensor.shape[-node.output.shape.rank :]) for tensor in results]
                values.update(zip(node.outputs, results, strict=True))
        return [values[value] for value in wanted]

    def needed(self, wanted: Sequence[Value]) -> set[int]:
        """The indices of the nodes that the wanted values depend on."""
        pending = [value.node for value in wanted if value.node is not None]
        needed: set[int] = set()
        while pending:
            index = pending.pop()
            if index not in needed:
                needed.add(index)
                pending += [value.node for value in self.graph.nodes[index].inputs if value.node is not None]
        return needed

    def _apply(self, node: Node, inputs: list[Tensor], counts: list[Tensor]) -> Any:
        call = self.calls[node.key]
        names = {f"_{index}": tensor for index, tensor in enumerate([*inputs, *counts])}
        names |= {f"_{name}": self._value(value) for name, value in call.kwargs.items()}
        names["_module"] = self.modules[node.key]
        text = call.apply.replace("{inputs}", ", ".join(f"_{index}" for index in range(len(inputs))))
        return eval(re.sub(r"\{(\w+)\}", r"(_\1)", text), {**self.space, **names})

    def parameters(self) -> dict[str, nn.Parameter]:
        """What is trained, by key; weights that no gradient has come to have None for it."""
        parameters: dict[str, nn.Parameter] = {}
        for key, module in self.modules.items():
            if isinstance(module, nn.Parameter):
                parameters[key] = module
            elif isinstance(module, nn.Module):
                parameters.update((f"{key}.{name}", parameter) for name, parameter in module.named_parameters())
        return parameters

    def statistics(self, wanted: Sequence[Value]) -> dict[str, Tensor]:
        """What is kept and not trained, by key: the running statistics of norms, constants.

        Without the modules of which a use is not needed for the wanted values: whether that one is run is left open, as
        where a block has a result that its caller does not take.
        """
        needed = self.needed(wanted)
        idle = {node.key for node in self.graph.nodes if node.index not in needed}
        statistics: dict[str, Tensor] = {}
        for key, module in self.modules.items():
            if key in idle:
                continue
            if isinstance(module, nn.Module):
                own = {name for name, _ in module.named_parameters()}
                kept = module.state_dict()
                statistics.update((f"{key}.{name}", kept[name]) for name in kept if name not in own)
            elif isinstance(module, Tensor) and not isinstance(module, nn.Parameter):
                statistics[key] = module
        return statistics
