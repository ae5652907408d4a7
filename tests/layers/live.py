"""Runs a TorchCall as emitted source would: support classes, constructor, initialisation, application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from netspec.layers.declaration.base import Code, TorchCall


@dataclass(frozen=True)
class Live:
    """A layer that runs: `call` takes the input tensors; `module` holds its weights where it has any."""

    call: Callable[..., Any]
    module: nn.Module | Tensor | None
    source: str

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the trainable weights by key; a bare parameter has the empty key."""
        if isinstance(self.module, nn.Parameter):
            return {"": tuple(self.module.shape)}
        if self.module is None or isinstance(self.module, Tensor):
            return {}
        return {name: tuple(p.shape) for name, p in self.module.named_parameters()}

    def buffers(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the persistent buffers by key; a bare one has the empty key."""
        if isinstance(self.module, Tensor):
            return {} if isinstance(self.module, nn.Parameter) else {"": tuple(self.module.shape)}
        if self.module is None:
            return {}
        persistent = self.module.state_dict().keys()
        return {name: tuple(b.shape) for name, b in self.module.named_buffers() if name in persistent}


def literal(value: object) -> str:
    """A value as Python source."""
    match value:
        case Code(text):
            return text
        case float() if value in (inf, -inf):
            return f'float("{value}")'
        case tuple():
            return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case _:
            return repr(value)


def build(call: TorchCall, inputs: int) -> Live:
    """The layer on torch's current default device, applied to `inputs` tensors."""
    support = [(support.source, support.imports) for support in call.support]
    imports = [statement for _, needed in support for statement in needed] + list(call.imports)
    lines = [*imports, *(source for source, _ in support)]
    made = ""
    if call.is_module:
        pieces = [literal(value) for value in call.args]
        pieces += [f"{name}={literal(value)}" for name, value in call.kwargs.items()]
        made = f"{call.target}({', '.join(pieces)})"
        made = f"{call.wrap}({made})" if call.wrap else made
    elif call.parameter:
        made = call.parameter
    if made:
        lines.append(f"module = {made}")
    lines += [f"with torch.no_grad():\n    {statement.format(module='module')}" for statement in call.init]
    names = [f"x{i}" for i in range(inputs)]
    fills = {} if call.is_module else {name: literal(value) for name, value in call.kwargs.items()}
    applied = call.apply.format(*names, inputs=", ".join(names), module="module", **fills)
    lines.append(f"def run({', '.join(names)}):\n    return {applied}")
    source = "\n".join(lines)
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
    exec(compile(source, "<emitted>", "exec", dont_inherit=True), namespace)
    return Live(namespace["run"], namespace.get("module"), source)
