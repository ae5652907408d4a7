"""What the classes of an emitted file have in common, and what stands before them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from netspec.codegen.text.naming import Names
from netspec.layers.declaration.base import Support, TorchCall
from netspec.layers.declaration.symbols import MARK, expression_at
from netspec.syntax import tree


@dataclass(eq=False, slots=True)
class Preamble:
    """Support code, imports, initialisers, stateless stages as modules."""

    names: Names
    imports: dict[str, None] = field(default_factory=dict)
    support: dict[str, Support] = field(default_factory=dict)
    initializers: dict[tuple[str, ...], str] = field(default_factory=dict)
    stages: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def note(self, torch_call: TorchCall) -> None:
        """Remembers what a layer needs besides torch."""
        self.imports.update(dict.fromkeys(torch_call.imports))
        for support in torch_call.support:
            self.support[support.name] = support
            self.imports.update(dict.fromkeys(support.imports))

    def initializer(self, torch_call: TorchCall) -> tuple[str, tuple[tree.Expr, ...]]:
        """The function that starts a module's weights, with the numbers that it is given: `{0}`, `{1}`, ... in its
        statements. Layers with the same statements share it.
        """
        if not torch_call.init:
            return "", ()
        numbers: list[tree.Expr] = []

        def place(mark: re.Match[str]) -> str:
            numbers.append(expression_at(mark))
            return f"{{{len(numbers) - 1}}}"

        statements = tuple(MARK.sub(place, statement) for statement in torch_call.init)
        if statements not in self.initializers:
            word = statements[0].partition("nn.init.")[2].partition("(")[0].strip("_") or "initialized"
            self.initializers[statements] = self.names.claim(word)
        return self.initializers[statements], tuple(numbers)

    def stage(self, text: str, name: str, parameters: list[str]) -> str:
        """The class that makes a module of a stateless expression in x, for an nn.Sequential."""
        key = text, tuple(parameters)
        if key not in self.stages:
            self.stages[key] = self.names.claim(name)
        return self.stages[key]
