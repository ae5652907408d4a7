"""What the tests of elaboration share: a graph, its keys, or the mistakes of a spec given as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import netspec
from netspec.diagnostics import Diagnostic, NetspecError

GraphOf: TypeAlias = Callable[..., netspec.Graph]
KeysOf: TypeAlias = Callable[..., list[str]]
MistakesOf: TypeAlias = Callable[..., list[Diagnostic]]


def _text(written: str) -> str:
    """A whole file as it is; the body of a net otherwise."""
    return written if "net " in written else f"net N {{\n  input image [3, 32, 32]\n{written}\n}}"


@pytest.fixture
def graph_of() -> GraphOf:
    """`graph_of("conv(8, 3)")`: the graph of a spec, or of a net with that body for 3 x 32 x 32 images."""

    def graph(written: str, net: str | None = None, **arguments: Any) -> netspec.Graph:
        return netspec.parse(_text(written)).graph(net, **arguments)

    return graph


@pytest.fixture
def keys_of(graph_of: GraphOf) -> KeysOf:
    """The keys of the graph's nodes in order, each once."""

    def keys(written: str, **arguments: Any) -> list[str]:
        return list(dict.fromkeys(node.key for node in graph_of(written, **arguments)))

    return keys


@pytest.fixture
def mistakes_of() -> MistakesOf:
    """Everything that is wrong with a spec."""

    def mistakes(written: str) -> list[Diagnostic]:
        try:
            return netspec.parse(_text(written)).check()
        except NetspecError as error:
            return list(error.diagnostics)

    return mistakes
