"""Activation checkpointing: activations that are computed again in the backward pass instead of being kept.

Source: Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory cost", 2016.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph, Scope
from netspec.spelling import nearest
from netspec.syntax.source import place_outside

if TYPE_CHECKING:
    from torch import nn


def recompute(model: nn.Module, graph: Graph, names: Sequence[str]) -> None:
    """Has the modules of these names computed again in the backward pass; raises NetspecError (E0643)."""
    for key in places(graph, names):
        _wrap(model.get_submodule(key))


def places(graph: Graph, names: Sequence[str]) -> list[str]:
    """The modules that names stand for: `layer3`, `layer*` by their path, `Bottleneck` by block, `dense` by wiring.

    A module inside another one that is chosen is left out. Raises NetspecError (E0643) where a name stands for none.
    """
    modules = [scope.key for scope in graph.scopes if scope.is_module and scope.key]
    modules += [node.key for node in graph if node.layer.torch(*node.shapes).is_module]
    chosen: dict[str, None] = {}
    for name in names:
        keys = [scope.key for scope in graph.scopes if scope.key and name in (scope.kind, _block(scope))]
        keys = keys or [key for key in modules if fnmatchcase(key, name)]
        if not keys:
            near = nearest(name, modules)
            message = f"{graph.name} has no module, block or wiring named {name}"
            help = f"did you mean {near}?" if near else f"it has {', '.join(modules[:8]) or 'no modules'}"
            span = place_outside(f"--checkpoint {name}")
            raise NetspecError((Diagnostic("E0643", message, span, help=help),))
        chosen.update(dict.fromkeys(keys))
    return [key for key in chosen if not any(key.startswith(f"{other}.") for other in chosen)]


def _block(scope: Scope) -> str:
    """The name of the block that a scope is an instance of."""
    return scope.title.partition("(")[0] if scope.kind == "block" else ""


def _wrap(module: nn.Module) -> None:
    """Has a module computed again. The compiler, which changes buffers once by itself, has no word for our contexts."""
    from torch.compiler import is_compiling
    from torch.utils.checkpoint import checkpoint

    forward = module.forward

    def recomputed(*arguments: Any) -> Any:
        if not module.training:
            return forward(*arguments)
        if is_compiling():
            return checkpoint(forward, *arguments, use_reentrant=False)
        return checkpoint(forward, *arguments, use_reentrant=False, context_fn=lambda: _contexts(module))

    module.forward = recomputed


def _contexts(module: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """What surrounds the first forward pass, and the second: running statistics take a batch in once, not twice."""
    return nullcontext(), _with_other_buffers(module)


@contextmanager
def _with_other_buffers(module: nn.Module) -> Iterator[None]:
    """Has a module change copies of its buffers instead of them."""
    own = [(each, name, buffer) for each in module.modules() for name, buffer in each.named_buffers(recurse=False)]
    for each, name, buffer in own:
        setattr(each, name, buffer.clone())
    try:
        yield
    finally:
        for each, name, buffer in own:
            setattr(each, name, buffer)
