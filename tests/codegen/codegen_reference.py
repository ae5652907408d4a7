"""A graph run node by node: what emitted modules are compared with."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from netspec.graph.graph import Graph, Node
from netspec.layers.base import Code, TorchCall


class Reference:
    """The modules of a graph by key, constructed from the layers alone, with the weights of an emitted net."""

    def __init__(self, graph: Graph, state: dict[str, Tensor], *, training: bool) -> None:
        self.graph = graph
        self.space: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
        self.modules: dict[str, Any] = {}
        self.calls: dict[str, TorchCall] = {}
        for node in graph.nodes:
            if node.key not in self.modules:
                applications = (other.shapes for other in graph.nodes if other.key == node.key)
                shapes = [reduce(or_, one) for one in zip(*applications, strict=True)]
                self.calls[node.key] = node.layer.torch(*shapes)
                self.modules[node.key] = self._construct(node, state, training=training)

    def _construct(self, node: Node, state: dict[str, Tensor], *, training: bool) -> Any:
        call = self.calls[node.key]
        self._define(call)
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
        values: dict[Any, Tensor] = dict(zip(self.graph.inputs, inputs, strict=True))
        batch = len(inputs[0])
        for node in self.graph.nodes:
            result = self._apply(node, [values[value] for value in node.inputs])
            if not node.inputs:  # a source is the same for every sample
                result = result.expand(batch, *result.shape)
            results = result if isinstance(result, (tuple, list)) else (result,)
            for value, tensor in zip(node.outputs, results, strict=True):
                values[value] = tensor
        return [values[output.value] for output in self.graph.outputs]

    def _apply(self, node: Node, inputs: list[Tensor]) -> Any:
        call = self.calls[node.key]
        names = {f"_{index}": tensor for index, tensor in enumerate(inputs)}
        names |= {f"_{name}": self._value(value) for name, value in call.kwargs.items()}
        names["_module"] = self.modules[node.key]
        text = call.apply.replace("{inputs}", ", ".join(f"_{index}" for index in range(len(inputs))))
        return eval(re.sub(r"\{(\w+)\}", r"(_\1)", text), {**self.space, **names})

    def gradients(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for key, module in self.modules.items():
            if isinstance(module, nn.Parameter):
                found[key] = module.grad
            elif isinstance(module, nn.Module):
                found.update((f"{key}.{name}", p.grad) for name, p in module.named_parameters() if p.grad is not None)
        return {key: gradient for key, gradient in found.items() if gradient is not None}
