"""A graph as a live module that runs its nodes one by one, so that it lifts as any other does.

Weights are parameters under the names that layers of torch give them; what is made of shapes and stored numbers alone
is computed at once and is no operation of the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netspec.diagnostics import NetspecError
from netspec.lifting.capture.tape import Place
from netspec.lifting.refusal import refusal
from netspec.lifting.sources.onnx.call import Call, Unsupported, Value
from netspec.lifting.sources.onnx.folding import folded
from netspec.lifting.sources.onnx.graph import Graph, Node, Stored
from netspec.lifting.sources.onnx.names import Naming
from netspec.lifting.sources.onnx.operators import OPERATORS

LARGEST = 2**28
"""So many numbers a value of one sample has at most: a gigabyte."""


class Scope(nn.Module):
    """A module that a node ran in, or that holds weights: what it does is done by the graph."""

    def forward(self, run: Any) -> Any:
        return run()


class OnnxModule(nn.Module):
    """The graph as a module. `keys` renames its weights where a spec has other names for them."""

    def __init__(self, graph: Graph, naming: Naming, keys: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.graph = graph
        self.naming = naming
        self._named = dict(keys or {})
        self._at: Node | None = None
        self._places: dict[str, int | None] = {}
        self._last = self._uses()
        self.samples = graph.inputs[0].sizes[0]
        for path in sorted(set(naming.paths.values()) | set(naming.classes)):
            self._scope(path)
        for node in graph.nodes:
            for place, key in self._roles(node):
                self._hold(key, graph.stored[node.input(place)])
            if node.operator == "BatchNormalization" and (id(node), 1) in naming.roles:
                key = f"{naming.roles[id(node), 1].rpartition('.')[0]}.num_batches_tracked"
                owner, leaf = self._owner(key)
                owner.register_buffer(leaf, torch.zeros((), dtype=torch.int64))
        for name, key in naming.keys.items():
            self._hold(key, graph.stored[name])

    def renamed(self, keys: Mapping[str, str]) -> OnnxModule:
        """The same with other names for its weights, by the keys that they have now."""
        other = OnnxModule(self.graph, self.naming, keys)
        other._places = self._places
        return other

    def place(self) -> Place | None:
        """The node that runs."""
        return self._at.place if self._at is not None else None

    def _roles(self, node: Node) -> Iterator[tuple[int, str]]:
        for place in range(len(node.inputs)):
            if (id(node), place) in self.naming.roles:
                yield place, self.naming.roles[id(node), place]

    def _scope(self, path: str) -> nn.Module:
        """The module at a path, made where it is not there."""
        module: nn.Module = self
        parts = path.split(".") if path else []
        for length, part in enumerate(parts, 1):
            if part not in module._modules:
                kind = self.naming.classes.get(".".join(parts[:length]), "")
                module.add_module(part, type(kind, (Scope,), {})() if kind else Scope())
            module = getattr(module, part)
        return module

    def _owner(self, key: str) -> tuple[nn.Module, str]:
        """The module that holds a weight, and what that calls it."""
        path, _, leaf = key.rpartition(".")
        if key in self._named:
            path, _, leaf = self._named[key].rpartition(".")
        return self._scope(self._named.get(path, path)), leaf

    def _hold(self, key: str, stored: Stored) -> None:
        owner, leaf = self._owner(key)
        array = stored.read().astype(np.float32, copy=False)
        if key in self._flat:
            array = array.reshape(-1)
        tensor = torch.from_numpy(np.array(array))
        if key.endswith((".running_mean", ".running_var")):
            owner.register_buffer(leaf, tensor)
        else:
            owner.register_parameter(leaf, nn.Parameter(tensor))

    @cached_property
    def _flat(self) -> frozenset[str]:
        """Weights that torch has in one row: the slopes of a prelu."""
        return frozenset(
            self.naming.roles[id(node), 1]
            for node in self.graph.nodes
            if node.operator == "PRelu" and (id(node), 1) in self.naming.roles
        )

    def _uses(self) -> dict[str, int]:
        """The last node that takes each value."""
        last = {name: place for place, node in enumerate(self.graph.nodes) for name in node.inputs}
        return last | dict.fromkeys(self.graph.outputs, len(self.graph.nodes))

    def _weight(self, key: str) -> Tensor:
        owner, leaf = self._owner(key)
        tensor = getattr(owner, leaf)
        assert isinstance(tensor, Tensor)
        return tensor

    def _stored(self, name: str) -> Value:
        if name in self.naming.keys:
            return self._weight(self.naming.keys[name])
        stored = self.graph.stored[name]
        if stored.size > 1 << 20:
            raise Unsupported(f"it takes {name}, {stored.size:,} numbers that are no weights")
        return stored.read()

    def forward(self, *inputs: Tensor) -> Any:
        values: dict[str, Value] = {entrance.name: x for entrance, x in zip(self.graph.inputs, inputs, strict=True)}
        batch = inputs[0].shape[0]
        for index, node in enumerate(self.graph.nodes):
            self._at = node
            made = self._run(node, values, batch)
            values.update((name, value) for name, value in zip(node.outputs, made, strict=False) if name)
            for name in (*node.inputs, *node.outputs):
                if name in values and self._last.get(name, index) <= index:
                    del values[name]
        results = {name: self._result(name, values) for name in self.graph.outputs}
        return results if len(results) > 1 else next(iter(results.values()))

    def _result(self, name: str, values: dict[str, Value]) -> Tensor:
        value = values.get(name)
        if not isinstance(value, Tensor):
            raise refusal(f"the output {name} hangs on no input")
        return value

    def _run(self, node: Node, values: dict[str, Value], batch: int) -> tuple[Value, ...]:
        """What a node makes; raises NetspecError (E1001) with its line."""
        taken: list[Value | None] = []
        try:
            for place, name in enumerate(node.inputs):
                key = self.naming.roles.get((id(node), place))
                given = None if not name else self._weight(key) if key else values.get(name)
                taken.append(self._stored(name) if given is None and name else given)
            known = folded(node, taken, self.graph.opset)
            if known is not None:
                return known
            if node.operator not in OPERATORS:
                raise Unsupported("there is no layer for it")
            call = Call(node, self.graph.opset, self.training, self.samples, batch, self._places)
            made = self._within(node, lambda: OPERATORS[node.operator](call, *taken))
        except NetspecError:
            raise
        except Unsupported as reason:
            raise self._refused(node, str(reason)) from None
        except (TypeError, IndexError, RuntimeError, ValueError, OverflowError) as error:
            said = str(error).strip().split("\n")[0][:200] or type(error).__name__
            raise self._refused(node, said) from error
        results = made if isinstance(made, tuple) else (made,)
        for value in results:
            if value.numel() > LARGEST * max(1, batch) if isinstance(value, Tensor) else value.size > LARGEST:
                raise self._refused(node, f"it makes {tuple(value.shape)}, more than a gigabyte a sample")
        return results

    def _refused(self, node: Node, reason: str) -> NetspecError:
        module = self.naming.paths.get(id(node), "")
        return refusal(f"{node.operator} does not lift: {reason}", node.place, module=module)

    def _within(self, node: Node, run: Any) -> Any:
        """Runs a node in the modules that it ran in."""
        path = self.naming.paths.get(id(node), "")
        return self._scope(path)(run) if path else run()
