"""Emitted source as a live module: the only part of code generation that needs torch."""

from __future__ import annotations

import hashlib
import linecache
import sys
from contextlib import nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any

from netspec.graph.graph import Graph

if TYPE_CHECKING:
    from torch import nn


def compile_graph(graph: Graph, device: str | None = None) -> nn.Module:
    """The net as an `nn.Module`, constructed on `device`; "meta" constructs it without memory for its weights.

    Raises RuntimeError where the module's weights are not those of the graph, which would be a mistake in netspec.
    """
    import torch

    module = load_source(graph.emit())
    with torch.device(device) if device is not None else nullcontext():
        model = net_class(module)()
    _compare(graph, model)
    return model


def _compare(graph: Graph, model: nn.Module) -> None:
    """What was checked is what runs: the module has the graph's weights and buffers, by name and shape."""
    checked: dict[str, tuple[int, ...]] = {}
    for node in graph.nodes:
        if node.first_use:
            for key, shape in (node.layer.parameters(*node.shapes) | node.layer.buffers(*node.shapes)).items():
                checked[f"{node.key}.{key}" if key else node.key] = tuple(shape)
    keys = model.state_dict().keys()
    buffers = ((name, buffer) for name, buffer in model.named_buffers() if name in keys)
    emitted = {name: tuple(tensor.shape) for name, tensor in (*model.named_parameters(), *buffers)}
    if emitted != checked:
        wrong = sorted(emitted.items() ^ checked.items())[:3]
        raise RuntimeError(
            f"the module compiled from {graph.name} is not the net that was checked: {wrong}; this is a mistake in "
            "netspec, please report it with the spec"
        )


def net_class(module: ModuleType) -> type[nn.Module]:
    """The class of the net: the last one that the source defines."""
    from torch import nn

    classes = (item for item in reversed(list(vars(module).values())) if isinstance(item, type))
    return next(item for item in classes if issubclass(item, nn.Module) and item.__module__ == module.__name__)


def load_source(source: str) -> ModuleType:
    """Runs emitted source as a module named after its content; the same source gives the same module.

    The module stays in `sys.modules` and its text in `linecache`, so that tracebacks and `inspect.getsource` show it.
    A pickle of a net carries its source: it loads in another process that has netspec.
    """
    name = f"netspec_emitted_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    path = f"<{name}>"
    module = ModuleType(name)
    module.__file__ = path
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    sys.modules[name] = module
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    module.__dict__["__source__"] = source
    for item in list(vars(module).values()):
        if isinstance(item, type) and item.__module__ == name and hasattr(item, "state_dict"):
            item.__reduce_ex__ = _reduced  # type: ignore[method-assign, assignment]
    return module


def _reduced(model: nn.Module, protocol: int) -> tuple[Any, ...]:
    """A module as a pickle has it: the source that its class is in, the class, and what the module holds."""
    cls = type(model)
    return _blank, (sys.modules[cls.__module__].__dict__["__source__"], cls.__qualname__), model.__getstate__()  # type: ignore[no-untyped-call]


def _blank(source: str, name: str) -> nn.Module:
    """An instance of a class of emitted source that holds nothing yet."""
    cls = load_source(source).__dict__[name]
    blank: nn.Module = cls.__new__(cls)
    return blank
