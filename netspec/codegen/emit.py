"""PyTorch source from a graph: the module that a good engineer would have written by hand."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from netspec.codegen.classes import ClassWriter
from netspec.codegen.designs import Designer
from netspec.codegen.initialization import common_initializations
from netspec.codegen.layout import INDENT, WIDTH, Bracket, lines
from netspec.codegen.naming import Names, camel, class_names, local, prose
from netspec.codegen.plan import parts, plan
from netspec.codegen.preamble import Preamble
from netspec.graph.graph import Graph, Output, Value
from netspec.layers.base import Support


def emit(graph: Graph) -> str:
    """The source of a module whose last class is the net; it needs only torch. The same graph gives the same text."""
    root = plan(graph)
    names = class_names()
    preamble = Preamble(names)
    for part in parts(root):
        if part.call is not None:
            for support in part.call.support:
                if support.name not in preamble.support:
                    preamble.support[names.claim(support.name)] = support
    preamble.passes = common_initializations(part.call for part in parts(root) if part.call is not None)
    designer = Designer(root, names)
    designer.run()
    returns = _Returns(graph, names)
    classes: list[list[str]] = []
    for design in designer.order:
        writer = ClassWriter(design, designer, preamble, is_net=design.sample is root)
        if design.sample is root:
            classes.append(writer.write(returns.lines, returns.type, returns.hints, returns.single))
        else:
            classes.append(writer.write())
    definitions = [
        *_support_code(preamble),
        *_initializers(preamble),
        *_stages(preamble),
        *returns.definition,
        *classes,
    ]
    body = "\n\n\n".join("\n".join(definition) for definition in definitions)
    return f'"""{_title(graph)}"""\n\n{_imports(body, preamble)}\n\n\n{body}\n'


class _Returns:
    """What the net returns: a tensor, or a named tuple of several."""

    def __init__(self, graph: Graph, names: Names) -> None:
        self.outputs = graph.outputs
        self.definition: list[list[str]] = []
        self.type = "Tensor"
        self.positions = {value: index for index, value in enumerate(dict.fromkeys(o.value for o in graph.outputs))}
        always = [output for output in graph.outputs if not output.when_training]
        self.hints: dict[Value, str] = {}
        self.single: Value | None = graph.outputs[0].value
        if len(graph.outputs) == 1:
            self.lines = [f"return {self._place(graph.outputs[0].value)}"]
            return
        self.name = names.claim(f"{camel(graph.name)}Output")
        self.fields = _field_names(graph.outputs)
        self.single = always[0].value if len(always) == 1 else None
        named = [output for output in graph.outputs if output.name and output.value is not self.single]
        self.hints = {output.value: self.fields[output] for output in named}
        self.definition = [self._tuple()]
        self.type = self.name
        self.lines = [self._made(graph.outputs)]
        if len(always) < len(graph.outputs):
            self.lines = ["if self.training:", f"{INDENT}{self._made(graph.outputs)}"]
            single = len(always) == 1
            self.lines.append(f"return {self._place(always[0].value)}" if single else self._made(always))
            self.type = f"Tensor | {self.name}" if single else self.name

    def _place(self, value: Value) -> str:
        return f"{{{self.positions[value]}}}"

    def _made(self, outputs: Sequence[Output]) -> str:
        inner = ", ".join(f"{self.fields[o]}={self._place(o.value)}" for o in outputs)
        return f"return {self.name}({inner})"

    def _tuple(self) -> list[str]:
        ordered = sorted(self.outputs, key=lambda output: output.when_training)
        return [
            f"class {self.name}(NamedTuple):",
            *(f"{INDENT}{self.fields[o]}: Tensor" + (" | None = None" if o.when_training else "") for o in ordered),
        ]


def _field_names(outputs: Sequence[Output]) -> dict[Output, str]:
    names = Names({"count", "index"})
    return {output: names.claim(local(output.name or "output").lstrip("_")) for output in outputs}


def _title(graph: Graph) -> str:
    inputs = ", ".join(f"{value.name} {value.shape}" for value in graph.inputs)
    outputs = ", ".join(
        (f"{output.name} " if output.name else "")
        + str(output.value.shape)
        + (" in training" if output.when_training else "")
        for output in graph.outputs
    )
    shapes = "\n".join(_wrapped(f"{prose(inputs)} -> {prose(outputs)}"))
    return f"{prose(graph.name)}: {graph.parameters:,} parameters.\n\n{shapes}\n"


def _wrapped(text: str) -> list[str]:
    """Lines no longer than a page is wide, where words allow it; a shape stays whole."""
    whole = text.replace(", ", ",\0").replace("],\0", "], ")
    broken = textwrap.wrap(whole, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in broken]


def _imports(body: str, preamble: Preamble) -> str:
    standard = {line for line in preamble.imports if not line.startswith(("import torch", "from torch"))}
    if "NamedTuple" in body:
        standard.add("from typing import NamedTuple")
    if re.search(r"(?<![\w.])cast\(", body):
        standard.add("from typing import cast")
    if ": Any" in body:
        standard.add("from typing import Any")
    if re.search(r"(?<![\w.])reduce\(", body):
        standard.add("from functools import reduce")
    torch = {line for line in preamble.imports if line not in standard}
    if "torch." in body.replace("import torch", ""):
        torch.add("import torch")
    if "F." in body:
        torch.add("import torch.nn.functional as F")
    torch.add("from torch import Tensor, nn" if "Tensor" in body else "from torch import nn")
    blocks = [_sorted_imports(standard), _sorted_imports(torch)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _sorted_imports(found: set[str]) -> list[str]:
    """As isort has them: plain imports first, those from one module on one line."""
    plain = sorted(line for line in found if line.startswith("import "))
    by_module: dict[str, set[str]] = {}
    for line in found - set(plain):
        module, _, names = line.removeprefix("from ").partition(" import ")
        by_module.setdefault(module, set()).update(name.strip() for name in names.split(","))
    return [
        *plain,
        *(f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(by_module.items())),
    ]


def _support_code(preamble: Preamble) -> list[list[str]]:
    return [_clean(support) for support in preamble.support.values()]


def _clean(support: Support) -> list[str]:
    return support.source.strip("\n").split("\n")


def _initializers(preamble: Preamble) -> list[list[str]]:
    return [
        [
            f"def {name}(module: Any) -> Any:",
            *(f"{INDENT}{statement.replace('{module}', 'module')}" for statement in statements),
            f"{INDENT}return module",
        ]
        for statements, name in preamble.initializers.items()
    ]


def _stages(preamble: Preamble) -> list[list[str]]:
    return [
        [f"class {name}(nn.Module):", f"{INDENT}def forward(self, x: Tensor) -> Tensor:", f"{INDENT * 2}return {text}"]
        for text, (name, _) in preamble.stages.items()
    ]


__all__ = ["Bracket", "emit", "lines"]
