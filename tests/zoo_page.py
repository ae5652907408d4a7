"""Writes docs/zoo.md: `python tests/zoo_page.py > docs/zoo.md`, as `make reference` does.

What the page claims of a network is what the tests do: `parity/twins.py` is the table of what is compared bit by bit,
`known.py` that of what is compared with facts, `parity/rebuilds.py` that of what is written a second time.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "parity")]

from known import CASES  # noqa: E402
from rebuilds import REBUILDS  # noqa: E402
from twins import DETECTORS, LIBRARIES, TWINS, TWO_STAGES  # noqa: E402

import netspec  # noqa: E402
from netspec import zoo  # noqa: E402
from netspec.analysis.receptive_field import receptive_fields  # noqa: E402
from netspec.graph.graph import Graph  # noqa: E402
from netspec.syntax import tree  # noqa: E402

PEERS = ROOT / ".parity"
STANDARD = Path(netspec.__file__).parent / "std"
HEAD = """\
# The zoo

The published networks that ship with netspec. Each links to its spec, to check, draw and train, and to start from:

```console
$ netspec zoo
$ netspec new mine --from resnet50
```

- **Lines**: those of the spec and of the library that it imports, against those of the **PyTorch** that torchvision or
  timm needs for the same network: the classes and functions of its module that the model is built from. Comments,
  docstrings, blank lines, train sections, imports and tables of weights do not count. A spec is that of a whole family.
- **Parameters** are those that are trained; **MACs** are multiply-accumulates of one sample in evaluation mode.
- **Field**: the receptive field of the last value that has positions and does not see everything, in positions of the
  input.
- **Parity** is what the tests prove. *Bit-equal*: with the weights of the library's model under the same names (for
  timm's `resnetv2` under a stated mapping), outputs, gradients and statistics are equal to the last bit, in evaluation
  and in training mode. *Heads and boxes bit-equal*: with a detector's weights, what its heads make in evaluation mode,
  and the boxes of that before any are left out. *What is found equal*: with the weights of a detector of two
  stages, boxes, scores, labels and masks in float64, to rounding. *Rebuilt*: a second form, by hand in plain torch,
  gives the same outputs and gradients. *Facts*: parameters, MACs, outputs and the shapes of the stages are those that
  were published, or measured elsewhere.

| network | paper | lines | PyTorch | parameters | MACs | field | parity |
|:---|:---|---:|---:|---:|---:|---:|:---|
"""


def page() -> str:
    """The page, a row a network."""
    return HEAD + "".join(f"| {' | '.join(row(network))} |\n" for network in zoo.networks())


def row(network: zoo.Network) -> list[str]:
    """The cells of one network."""
    graph = network.graph()
    peers = [(twin.library, twin.model) for twin in TWINS if twin.network == network.name]
    detectors = {**DETECTORS, **TWO_STAGES}
    peers += [("torchvision.detection", detectors[network.name])] if network.name in detectors else []
    return [
        f"[`{network.name}`](../examples/{network.path.name})",
        paper(network.paper()),
        str(spec_lines(network.path)),
        str(peer_lines(*peers[0])) if peers else "",
        f"{graph.parameters:,}",
        rounded(int(graph.macs)) if isinstance(graph.macs, int) else str(graph.macs),
        field(graph),
        ", ".join(parity(network.name)),
    ]


def paper(cited: zoo.Paper) -> str:
    """Authors, venue and year; the title behind the link, where there is one."""
    shown = f"{cited.short_authors}, {cited.where}"
    return f'[{shown}](https://arxiv.org/abs/{cited.arxiv} "{cited.title}")' if cited.arxiv else shown


def parity(name: str) -> Iterator[str]:
    """What the tests prove about a network."""
    libraries = dict.fromkeys(twin.library for twin in TWINS if twin.network == name)
    if libraries:
        yield f"bit-equal ({', '.join(libraries)})"
    if name in DETECTORS:
        yield "heads and boxes bit-equal (torchvision.detection)"
    if name in TWO_STAGES:
        yield "what is found equal (torchvision.detection)"
    if any(rebuild.network == name for rebuild in REBUILDS):
        yield "rebuilt"
    if any(case.network == name for case in CASES):
        yield "facts"


def rounded(number: int) -> str:
    """Three digits: `4.09 G`."""
    for power, letter in ((9, " G"), (6, " M"), (3, " k")):
        if number >= 10**power:
            shown = number / 10**power
            return f"{shown:.{max(0, 2 - (shown >= 10) - (shown >= 100))}f}{letter}"
    return str(number)


def field(graph: Graph) -> str:
    """The receptive field of the last value that has one; empty where positions are made instead of taken in."""
    fields = [found for found in receptive_fields(graph).values() if isinstance(found, tuple) and found]
    sizes = [axis.size for axis in fields[-1]] if fields else []
    if len(fields) < 2 or any(axis.jump < 1 for axis in fields[-1]):
        return ""
    assert all(size.denominator == 1 for size in sizes)
    return str(sizes[0]) if len(set(sizes)) == 1 else " x ".join(map(str, sizes))


@cache
def spec_lines(path: Path) -> int:
    """The lines of a spec that say something, train section aside, and of the library files that it imports from."""
    spec = netspec.load(path)
    text = spec.source.text
    if spec.train is not None:
        text = text[: spec.train.span.start] + text[spec.train.span.end :]
    own = sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())
    modules = [item.module for item in spec.tree.items if isinstance(item, tree.Import)]
    library = {module.id.removeprefix("std.") for module in modules if isinstance(module, tree.Name)}
    return own + sum(spec_lines(STANDARD / f"{name}.net") for name in library)


@cache
def peer_lines(library: str, model: str) -> int:
    """The lines of code of what a library's model is built from, as far as its own module defines it."""
    folder = PEERS / LIBRARIES[library].replace(".", "/")
    paths = (path for path in folder.glob("*.py") if re.search(rf"^def {model}\(", path.read_text(), re.MULTILINE))
    text = next(paths).read_text(encoding="utf-8")
    defined = {
        node.name: node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.endswith("_Weights")
    }
    needed, waiting = set(), [model]
    while waiting:
        name = waiting.pop()
        if name in defined and name not in needed:
            needed.add(name)
            inside = [part for child in undecorated(defined[name]) for part in ast.walk(child)]
            waiting += [part.id for part in inside if isinstance(part, ast.Name)]
    lines = code_lines(text)
    return sum(len(lines & own_lines(defined[name])) for name in needed)


def undecorated(node: ast.ClassDef | ast.FunctionDef) -> list[ast.AST]:
    """What a definition uses: the decorators register models and weights."""
    return [child for child in ast.iter_child_nodes(node) if child not in node.decorator_list]


def own_lines(node: ast.ClassDef | ast.FunctionDef) -> set[int]:
    """The lines of a definition, without its docstrings."""
    lines = set(range(node.lineno, (node.end_lineno or 0) + 1))
    for part in ast.walk(node):
        if isinstance(part, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(part) is not None:
            lines -= set(range(part.body[0].lineno, (part.body[0].end_lineno or 0) + 1))
    return lines


def code_lines(text: str) -> set[int]:
    """The lines on which there is more than a comment."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {line for t in tokens if t.type not in silent for line in range(t.start[0], t.end[0] + 1)}


if __name__ == "__main__":
    print(page(), end="")
