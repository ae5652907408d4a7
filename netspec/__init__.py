"""netspec: a language and compiler for neural-network architectures.

    import netspec

    spec = netspec.load("resnet.net")                 # or netspec.parse(text)
    graph = spec.graph("ResNet", classes=10)          # checked: every value has its shape
    model = graph.compile(device="cpu")               # an ordinary nn.Module

The language is in docs/language.md, this interface in docs/python.md.
"""

from typing import TYPE_CHECKING

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph, Node, Scope, Value
from netspec.layers import Layer, layer
from netspec.lifting import lift
from netspec.spec import Spec, load, parse

if TYPE_CHECKING:
    from netspec.live.magic import Shell


def load_ipython_extension(shell: "Shell") -> None:
    """What `%load_ext netspec` calls in a notebook: cells that begin with `%%net` are specs from then on."""
    from netspec.live.magic import register

    register(shell)


__version__ = "0.1.0"
__all__ = [
    "Diagnostic",
    "Graph",
    "Layer",
    "NetspecError",
    "Node",
    "Scope",
    "Spec",
    "Value",
    "layer",
    "lift",
    "load",
    "parse",
]
