"""PyTorch source from a graph: the module that a good engineer would have written by hand.

A block is a class and a net is a class, each written from its blueprint: the callers first, so that it is known what
each class has to hand out, then the classes, those that others use before these.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from netspec.codegen.classes.classes import container_design, types_of, write_class
from netspec.codegen.classes.initialization import Starts, starts
from netspec.codegen.classes.labels import CONTAINER, is_nested
from netspec.codegen.classes.plan import Design, Return
from netspec.codegen.regions.chains import is_sequential
from netspec.codegen.regions.ports import connect, every_use, tapped
from netspec.codegen.regions.sets import per_picture, type_of_value
from netspec.codegen.straight import straight
from netspec.codegen.text.layout import INDENT, WIDTH
from netspec.codegen.text.naming import Names, camel, class_names, local, prose
from netspec.codegen.text.preamble import Preamble
from netspec.graph.blueprint import Blueprint, Choice, Container, LayerUse, Loop, Parameter, Region, Use
from netspec.graph.graph import Graph
from netspec.layers.declaration.base import Support, TorchCall
from netspec.marks import signed
from netspec.syntax import tree


def emit(graph: Graph) -> str:
    """The source of a module whose last class is the net; it needs only torch. The same graph gives the same text."""
    root = per_picture(graph.blueprint or straight(graph))
    blueprints = connect(root)
    names = class_names()
    preamble = Preamble(names)
    for torch_call in _calls(blueprints):
        for support in torch_call.support:
            if support.name not in preamble.support:
                preamble.support[names.claim(support.name)] = support
    container = names.claim(CONTAINER.name) if any(map(is_nested, _labels(blueprints))) else ""
    begun = starts(blueprints)
    class_of: dict[int, str] = {}
    for blueprint in blueprints:
        class_of[id(blueprint)] = names.claim(camel(blueprint.name))
    classes: list[list[str]] = []
    name_by_text: dict[str, str] = {}
    for blueprint in reversed(blueprints):
        design = _design(blueprint, class_of[id(blueprint)], begun)
        classes.extend(_containers(design.region, design, preamble, class_of, names, name_by_text))
        ending = _ending(graph, root, names) if blueprint is root and len(root.outputs) > 1 else None
        if blueprint is root and ending is not None:
            classes.append(_tuple(root, ending[1]))
        outer_names = {*class_of.values(), *names.all}
        classes.append(write_class(design, preamble, class_of, outer_names, ending[0] if ending else None))
    if container and any(f"{container}(self" in line for lines in classes for line in lines):
        preamble.support[container] = CONTAINER
    definitions = [*_support_code(preamble), *_initializers(preamble), *_stages(preamble), *classes]
    body = "\n\n\n".join("\n".join(definition) for definition in definitions)
    return signed(f'"""{_title(graph)}"""\n\n{_imports(body, preamble)}\n\n\n{body}\n\n\n', "# {}")


def _design(blueprint: Blueprint, name: str, begun: Starts) -> Design:
    parameters = [
        *(Parameter(derived, "int") for derived in blueprint.derived),
        *blueprint.parameters,
        *(Parameter(name, "int", tree.Number(size)) for name, size in blueprint.sizes.items()),
    ]
    is_net = blueprint.kind == "net"
    documentation = blueprint.documentation
    if blueprint.fixed or (blueprint.sizes_fixed and not is_net):
        values = ", ".join(f"{key}={value}" for key, value in blueprint.fixed.items()) or "inputs of these sizes"
        documentation = f"{documentation}\n\nWritten for these arguments only: {values}.".strip()
    types = {parameter.name: parameter.type for parameter in parameters}
    return Design(
        name,
        blueprint.region,
        blueprint.inputs,
        (*blueprint.outputs, *tapped(blueprint)),
        parameters,
        documentation,
        is_net=is_net,
        counted=blueprint.counted,
        shapes=is_net,
        training=blueprint.training_outputs,
        types=types_of(blueprint.region, types),
        passes=begun.passes[id(blueprint)],
        covered=begun.covered[id(blueprint)],
    )


def _containers(
    region: Region,
    around: Design,
    preamble: Preamble,
    class_of: dict[int, str],
    names: Names,
    name_by_text: dict[str, str],
) -> Iterator[list[str]]:
    """The classes of containers that are no chains, those inside of others first; alike ones are one."""
    for item in region.items:
        match item:
            case Use(what=Container() as container):
                inner = Design(
                    "",
                    container.region,
                    container.inputs,
                    (),
                    [],
                    types=types_of(container.region, around.types),
                    covered=around.covered,
                )
                yield from _containers(container.region, inner, preamble, class_of, names, name_by_text)
                if is_sequential(item):
                    continue
                design = container_design(item, "Stage", around)
                text = "\n".join(write_class(design, preamble, class_of, {*names.all}))
                if text not in name_by_text:
                    label = "".join(part for part in item.label.parts if isinstance(part, str)) if item.label else ""
                    name_by_text[text] = names.claim(camel(label.rstrip("0123456789_")) if label else "Stage")
                    design.name = name_by_text[text]
                    yield write_class(design, preamble, class_of, {*names.all})
                class_of[id(container)] = name_by_text[text]
            case Choice():
                for part in item.regions:
                    yield from _containers(part, around, preamble, class_of, names, name_by_text)
            case Loop():
                yield from _containers(item.region, around, preamble, class_of, names, name_by_text)


def _labels(blueprints: Sequence[Blueprint]) -> Iterator[tree.Label]:
    """The labels of all stages."""
    return (use.label for blueprint in blueprints for use in every_use(blueprint.region) if use.label is not None)


def _calls(blueprints: Sequence[Blueprint]) -> list[TorchCall]:
    calls: list[TorchCall] = []
    stack = [blueprint.region for blueprint in reversed(blueprints)]
    while stack:
        for item in stack.pop().items:
            match item:
                case Use(what=LayerUse(_, torch_call)):
                    calls.append(torch_call)
                case Use(what=Container(region)):
                    stack.append(region)
                case Choice():
                    stack.extend(item.regions)
                case Loop():
                    stack.append(item.region)
    return calls


def _ending(graph: Graph, root: Blueprint, names: Names) -> tuple[Return, str]:
    """How the forward of a net of several outputs ends: a named tuple, or one tensor where training alone has more."""
    name = names.claim(f"{camel(graph.name)}Output")
    fields = _field_names(root)
    places = range(len(root.outputs))
    always = [place for place in places if place not in root.training_outputs]

    def return_of(values: Sequence[str], chosen: Sequence[int]) -> str:
        return f"return {name}({', '.join(f'{fields[place]}={values[place]}' for place in chosen)})"

    def lines(values: Sequence[str]) -> list[str]:
        if not root.training_outputs:
            return [return_of(values, places)]
        last = f"return {values[always[0]]}" if len(always) == 1 else return_of(values, always)
        return ["if self.training:", f"{INDENT}{return_of(values, places)}", last]

    hints = {
        id(root.outputs[place]): fields[place]
        for place in places
        if root.output_names[place] and (len(always) > 1 or place not in always)
    }
    kind = f"{type_of_value(root.outputs[always[0]])} | {name}" if len(always) == 1 else name
    return Return(kind, lines, hints), name


def _field_names(root: Blueprint) -> list[str]:
    names = Names({"count", "index"})
    words = [local(name or "output").lstrip("_") for name in root.output_names]
    return [names.claim(word, f"{word}_") for word in words]


def _tuple(root: Blueprint, name: str) -> list[str]:
    fields = _field_names(root)
    ordered = sorted(range(len(fields)), key=lambda place: place in root.training_outputs)
    return [
        f"class {name}(NamedTuple):",
        *(
            f"{INDENT}{fields[place]}: {type_of_value(root.outputs[place])}"
            + (" | None = None" if place in root.training_outputs else "")
            for place in ordered
        ),
    ]


MOST_NAMES = 8
"""So many stages that nothing uses are named."""


def _title(graph: Graph) -> str:
    inputs = ", ".join(f"{value.name} {value.shape}" for value in graph.inputs)
    outputs = ", ".join(
        (f"{output.name} " if output.name else "")
        + str(output.value.shape)
        + (" in training" if output.when_training else "")
        for output in graph.outputs
    )
    shapes = "\n".join(_wrapped(f"{prose(inputs)} -> {prose(outputs)}"))
    idle = dict.fromkeys(node.key for node in graph.nodes if node.unused and node.layer.parameters(*node.shapes))
    more = f" and {len(idle) - MOST_NAMES:,} more" if len(idle) > MOST_NAMES else ""
    sentences = _wrapped(f"Nothing uses {prose(', '.join(list(idle)[:MOST_NAMES]))}{more}.") if idle else []
    unused = "".join(f"\n{line}" for line in sentences) + "\n" * bool(sentences)
    return f"{prose(graph.name)}: {graph.parameters:,} parameters.\n\n{shapes}\n{unused}"


def _wrapped(text: str) -> list[str]:
    """Lines no longer than a page is wide, where words allow it; a shape stays whole."""
    whole = text.replace(", ", ",\0").replace("],\0", "], ")
    broken = textwrap.wrap(whole, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in broken]


_STANDARD = {
    "from typing import NamedTuple": r"\(NamedTuple\)",
    "from typing import cast": r"(?<![\w.])cast\(",
    "from typing import Any": r"\bAny\b",
    "from functools import reduce": r"(?<![\w.])reduce\(",
    "from collections import OrderedDict": r"\bOrderedDict\(",
    "from collections.abc import Sequence": r"\bSequence\b",
    "import math": r"\bmath\.",
}
"""What of the standard library is imported where a pattern occurs."""


def _imports(text: str, preamble: Preamble) -> str:
    body = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
    standard = {line for line in preamble.imports if not line.startswith(("import torch", "from torch"))}
    standard |= {line for line, pattern in _STANDARD.items() if re.search(pattern, body)}
    torch = {line for line in preamble.imports if line not in standard}
    if re.search(r"(?<![\w.])torch\.", body):
        torch.add("import torch")
    if re.search(r"(?<![\w.])F\.[a-z_]", body):
        torch.add("import torch.nn.functional as F")
    torch.add("from torch import Tensor, nn" if "Tensor" in body else "from torch import nn")
    blocks = [_sorted_imports(standard), _sorted_imports(torch)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _sorted_imports(imports: set[str]) -> list[str]:
    """As isort has them: plain imports first, those from one module on one line."""
    plain = sorted(line for line in imports if line.startswith("import "))
    by_module: dict[str, set[str]] = {}
    for line in imports - set(plain):
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
    functions = []
    for statements, name in preamble.initializers.items():
        count = len(set(re.findall(r"\{(\d+)\}", "".join(statements))))
        numbers = ["number"] if count == 1 else [f"number{place + 1}" for place in range(count)]
        parameters = "".join(f", {number}: float" for number in numbers)
        lines = [statement.format(*numbers, module="module") for statement in statements]
        functions.append(
            [
                f"def {name}(module: Any{parameters}) -> Any:",
                *(f"{INDENT}{line}" for line in lines),
                f"{INDENT}return module",
            ]
        )
    return functions


def _stages(preamble: Preamble) -> list[list[str]]:
    """Modules of expressions that stand in chains, each with the numbers that it needs."""
    classes = []
    for (text, parameters), name in preamble.stages.items():
        own = [f"{parameter}: int" for parameter in parameters]
        constructor = [
            f"{INDENT}def __init__(self, {', '.join(own)}) -> None:",
            f"{INDENT * 2}super().__init__()",
            *(f"{INDENT * 2}self.{parameter} = {parameter}" for parameter in parameters),
            "",
        ]
        forward = [f"{INDENT}def forward(self, x: Tensor) -> Tensor:", f"{INDENT * 2}return {text}"]
        classes.append([f"class {name}(nn.Module):", *(constructor if parameters else []), *forward])
    return classes
