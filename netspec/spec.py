"""A spec: one `.net` file, read, whose nets can be made into graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from netspec.analysis import budgets
from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate import Module, Project, elaborate, project_root, source_in, source_of
from netspec.elaborate.bodies.lets import let
from netspec.elaborate.calls.callees import is_layer_call
from netspec.elaborate.draft import DraftScope
from netspec.elaborate.graph_elaborator import GraphElaborator
from netspec.elaborate.problems import Problem, Spoilt, Stop
from netspec.elaborate.state import Frame, State
from netspec.elaborate.values.environment import Environment, Template
from netspec.elaborate.values.values import Word
from netspec.graph.graph import Graph
from netspec.spelling import nearest
from netspec.syntax.parser import parse as parse_tree
from netspec.syntax.source import Source, Span
from netspec.syntax.tree import File, Let, Train

_LET = "let value = "
"""The statement that an argument is read in."""


@dataclass(frozen=True, eq=False)
class Spec:
    """A file's definitions. `graph` elaborates one of its nets; `check` all of them."""

    module: Module
    path: Path | None = None

    @property
    def source(self) -> Source:
        return self.module.source

    @property
    def tree(self) -> File:
        return self.module.file

    @property
    def nets(self) -> tuple[str, ...]:
        """The nets of the file, in the order of the text; the last one is the default."""
        return self.module.nets

    @property
    def train(self) -> Train | None:
        """The train section, where the file has one."""
        return self.module.train

    def graph(
        self, net: str | None = None, inputs: Mapping[str, Sequence[int | str]] | None = None, **arguments: Any
    ) -> Graph:
        """The checked graph of a net: every value has its shape.

        `arguments` are for the net's parameters; `inputs` gives declared shapes to use in place of the spec's.
        Raises NetspecError with everything that is wrong.
        """
        shapes = {name: list(shape) for name, shape in (inputs or {}).items()}
        values = {name: _spec_value(value) for name, value in arguments.items()}
        return elaborate(self._template(net), values, shapes)

    def check(self) -> list[Diagnostic]:
        """What is wrong with the nets of the file, each with its parameters' defaults; empty where nothing is.

        Budgets that a net asserts and does not keep are among it.
        """
        graphs, wrong = self.module.elaborated()
        return [*wrong, *(diagnostic for graph in graphs for diagnostic in budgets.check(graph))]

    def warnings(self, graphs: Sequence[Graph] | None = None, *, object: int | None = None) -> list[Diagnostic]:  # noqa: A002
        """What is worth a second look, where nothing is wrong: diagnostics whose codes begin with W.

        `graphs` are those to look at, of all nets where none are given. `object` is the size of what a net has to see,
        in positions of its input.
        """
        from netspec.warnings import warnings

        if graphs is None:
            graphs, wrong = self.module.elaborated()
            return warnings(self.source, self.tree, graphs, sound=not wrong, least=object)
        return warnings(self.source, self.tree, graphs, least=object)

    def graphs(self) -> tuple[list[Graph], list[Diagnostic]]:
        """The graphs of the nets of the file, each with its parameters' defaults, and what is wrong with the others."""
        return self.module.elaborated()

    def _repr_html_(self) -> str:
        from netspec.diagram.page.notebook import spec_html

        return spec_html(self.source)

    def _template(self, net: str | None) -> Template:
        nets = self.nets
        if not nets:
            raise NetspecError(
                (
                    Diagnostic(
                        "E0217",
                        f"{self.source.name} defines no net",
                        self.source.beginning,
                        help="a net starts like this: net Name { input image [3, 224, 224] ... }",
                    ),
                )
            )
        name = nets[-1] if net is None else net
        if name not in nets:
            near = nearest(name, nets)
            raise NetspecError(
                (
                    Diagnostic(
                        "E0217",
                        f"{self.source.name} has no net {name}",
                        self.source.beginning,
                        help=f"did you mean {near}?" if near else f"its nets are {', '.join(nets)}",
                    ),
                )
            )
        return self.module.environment.templates[name]


def load(path: str | Path) -> Spec:
    """Reads a `.net` file and what it imports. Raises NetspecError where it cannot be read or parsed."""
    path = Path(path)
    name = str(path)
    source = source_of(path, name)
    resolved = path.resolve()
    project = Project(project_root(resolved), opening=[resolved])
    return Spec(project.read(source, resolved), resolved)


def read(stream: BinaryIO, name: str = "<stdin>") -> Spec:
    """Reads a spec from an open file or pipe, as if it were a file in the working directory: it imports from there.

    Raises NetspecError where it cannot be read or parsed.
    """
    source, path = source_in(stream, name), Path.cwd() / "stdin.net"
    return Spec(Project(project_root(path), opening=[path]).read(source, path), path)


def parse(text: str, name: str = "<text>") -> Spec:
    """Reads a spec from text; it can import from `std` only. Raises NetspecError where it cannot be parsed."""
    return Spec(Project(None).read(Source(name, text), None), None)


def parse_argument(text: str, name: str = "<argument>") -> Any:
    """The value of an argument written as in a spec: `[3, 8, 36, 3]`, `0.5`, `true`, `same`.

    Raises NetspecError where the text is no expression of plain values.
    """
    source = Source(name, f"{_LET}{text}")
    file, mistakes = parse_tree(source)
    if not mistakes and len(file.items) == 1 and isinstance(item := file.items[0], Let):
        if is_layer_call(item.flow):
            return text.strip()
        environment = Environment()
        state = State()
        here = Span(source, len(_LET), len(source.text))
        try:
            let(GraphElaborator(state), item, Frame(environment, DraftScope("net", "", here), None))
            value = environment.names["value"]
            return _plain(value)
        except (Problem, Stop) as problem:
            mistakes = [(problem.problem if isinstance(problem, Stop) else problem).diagnostic]
        except (Spoilt, TypeError):
            pass
    argument = Source(name, text)
    if not mistakes:
        mistakes = [Diagnostic("E0206", f"{text!r} is no value", Span(argument, 0, len(text)))]
    raise NetspecError(tuple(_of_argument(mistake, argument) for mistake in mistakes))


def _of_argument(mistake: Diagnostic, argument: Source) -> Diagnostic:
    """What is wrong with an argument, at its place in the argument and not in the statement that it was put into."""
    if mistake.span.source is argument:
        return mistake
    start, end = (
        min(max(0, place - len(_LET)), len(argument.text)) for place in (mistake.span.start, mistake.span.end)
    )
    return replace(mistake, span=Span(argument, start, end), related=(), mend=None)


def _plain(value: Any) -> Any:
    """An elaborator's value as Python has it; raises TypeError where it is more than numbers, texts and lists."""
    match value:
        case Word():
            return value.text
        case list() | tuple() | range():
            return [_plain(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"no plain value: {type(value).__name__}")


def _spec_value(value: Any) -> Any:
    """A Python value as the elaborator has it."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_spec_value(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"a net's argument is a number, a text, a truth value or a list of these, not {type(value).__name__}"
    )
