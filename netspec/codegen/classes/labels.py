"""Modules under labels that are no attributes: containers on the way, and what registers and gets them."""

from __future__ import annotations

from netspec.codegen.text.applied import call_of
from netspec.codegen.text.naming import local
from netspec.graph.blueprint import Use
from netspec.layers.declaration.base import Support
from netspec.syntax import tree


def stem(label: tree.Label | None) -> str:
    text = "".join(part for part in label.parts if isinstance(part, str)) if label is not None else ""
    return local(text.rstrip("0123456789_") or "stage")


CONTAINER = Support(
    "container",
    '''def container(module: nn.Module, path: str) -> nn.Module:
    """The module under a dotted name in another, made where there is none yet."""
    for name in path.split("."):
        inner = module._modules.get(name)
        if inner is None:
            inner = module._modules[name] = nn.Module()
        module = inner
    return module''',
)
"""What registers stages whose labels have containers on their way: `backbone.fpn = ...`."""


def parted(label: tree.Label) -> tuple[tree.Label | None, tree.Label]:
    """A label's containers, and its last step."""
    for place in range(len(label.parts) - 1, -1, -1):
        part = label.parts[place]
        if isinstance(part, str) and "." in part:
            around, _, own = part.rpartition(".")
            before = (*label.parts[:place], *([around] if around else []))
            return tree.Label(before), tree.Label((*([own] if own else []), *label.parts[place + 1 :]))
    return None, label


def is_nested(label: tree.Label) -> bool:
    """Whether a label has containers on its way."""
    return any(isinstance(part, str) and "." in part for part in label.parts)


def register_method(use: Use) -> str:
    torch_call = call_of(use)
    if torch_call is None or not torch_call.parameter:
        return "add_module"
    return "register_parameter" if torch_call.parameter.startswith("nn.Parameter(") else "register_buffer"


def is_transient(use: Use) -> bool:
    """Whether it is a buffer that the state_dict leaves out, which registering it has to say once more."""
    torch_call = call_of(use)
    return torch_call is not None and torch_call.parameter.endswith("persistent=False)")


def getter(use: Use) -> str:
    return register_method(use).replace("add_", "get_sub").replace("register_", "get_")


def store(use: Use) -> str:
    stores = {"add_module": "_modules", "register_parameter": "_parameters", "register_buffer": "_buffers"}
    return stores[register_method(use)]
