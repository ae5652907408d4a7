"""Parameters of a net chosen by pattern: what is frozen, and what is trained in a way of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from netspec.diagnostics import Diagnostic
from netspec.graph.graph import Graph, Node
from netspec.spelling import nearest
from netspec.syntax.source import NOWHERE, Span
from netspec.train.parts import written

KINDS: dict[str, Callable[[str, Node], bool]] = {
    "biases": lambda name, node: name.rpartition(".")[2].startswith("bias"),
    "norms": lambda name, node: node.layer.family == "normalization",
}
"""Words that stand for parameters wherever they are, and which they stand for."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Names of parameters: `"layer1"` is all that is in a module, `"*.bias"` has wildcards, `biases` is a kind."""

    text: str
    kind: bool = False
    span: Span = field(default=NOWHERE, compare=False)

    def matches(self, name: str, node: Node) -> bool:
        """Whether it stands for the parameter of that name, which is a layer's."""
        if self.kind:
            return KINDS[self.text](name, node)
        return fnmatchcase(name, self.text) or fnmatchcase(name, f"{self.text}.*")

    def written(self) -> str:
        """The pattern as a spec would write it."""
        return self.text if self.kind else f'"{self.text}"'


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters for which some arguments of the optimizer are others: `group(biases, norms, weight_decay=0)`."""

    patterns: tuple[Pattern, ...]
    changes: tuple[tuple[str, Any], ...]
    span: Span = field(default=NOWHERE, compare=False)

    def written(self) -> str:
        """The group as a spec would write it."""
        changes = (f"{name}={written(value)}" for name, value in self.changes)
        return f"group({', '.join([*(pattern.written() for pattern in self.patterns), *changes])})"


def parameters(graph: Graph) -> dict[str, Node]:
    """The names of a net's parameters, as the state dict has them, and the layer that each belongs to."""
    return {
        f"{node.key}.{key}" if key else node.key: node
        for node in graph
        if node.first_use
        for key in node.layer.parameters(*node.shapes)
    }


def bare_norms(graph: Graph) -> dict[str, Node]:
    """The normalisation layers without parameters, by their path: what they have are statistics."""
    norms = {node.key: node for node in graph if node.first_use and node.layer.family == "normalization"}
    return {key: node for key, node in norms.items() if not node.layer.parameters(*node.shapes)}


def chosen(patterns: tuple[Pattern, ...], names: Mapping[str, Node]) -> set[str]:
    """The parameters that some of the patterns stand for."""
    return {name for name, node in names.items() if any(pattern.matches(name, node) for pattern in patterns)}


def untrained(graph: Graph, span: Span) -> Diagnostic:
    """That a net has no parameter that is trained (E0642); `span` is where the spec freezes them."""
    why = f"every parameter of {graph.name} is frozen" if parameters(graph) else f"{graph.name} has no parameters"
    return Diagnostic("E0642", f"{why}, so there is nothing to train", span)


def mistakes(patterns: Sequence[Pattern], graph: Graph) -> list[Diagnostic]:
    """Those of the patterns that stand for nothing in a net, which is a slip of the pen (E0640)."""
    if not patterns:
        return []
    names = parameters(graph) | bare_norms(graph)
    modules = {name.rsplit(".", depth)[0] for name in names for depth in range(1, name.count(".") + 1)}
    wrong: list[Diagnostic] = []
    for pattern in patterns:
        if not any(pattern.matches(name, node) for name, node in names.items()):
            near = nearest(pattern.text, [*modules, *names])
            message = f"no parameter of {graph.name} is named like {pattern.written()}"
            help = f'did you mean "{near}"?' if near else "netspec summary shows the names"
            mend = _mend(pattern, near) if near else None
            wrong.append(Diagnostic("E0640", message, pattern.span, "matches nothing", help=help, mend=mend))
    return wrong


def _mend(pattern: Pattern, near: str) -> tuple[Span, str] | None:
    """The name that was meant in place of a pattern: in quotes, or bare where it is the name of a step."""
    if pattern.span.text.startswith(("'", '"')):
        return pattern.span, f'"{near}"'
    return (pattern.span, near) if near.isidentifier() and not pattern.kind else None
