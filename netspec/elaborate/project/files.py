"""Files and imports: what a file defines, read once, inside the project only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate.bodies.lets import default, define, let
from netspec.elaborate.draft import DraftScope
from netspec.elaborate.graph_elaborator import GraphElaborator
from netspec.elaborate.graphs import elaborate
from netspec.elaborate.library import STANDARD, blocks, home
from netspec.elaborate.problems import Problem, Spoilt, Stop, in_order
from netspec.elaborate.project import unreached
from netspec.elaborate.project.mends import Trial, followed
from netspec.elaborate.state import MOST_DIAGNOSTICS, MOST_MISTAKES, MOST_STEPS, Frame, State
from netspec.elaborate.values.environment import POISON, Environment, Template
from netspec.elaborate.values.types import known_types
from netspec.graph.graph import Graph
from netspec.layers import REGISTRY
from netspec.spelling import nearest
from netspec.syntax import tree
from netspec.syntax.mistakes.tokens import PYTHON
from netspec.syntax.parser import LARGEST_FILE, parse
from netspec.syntax.report import hides_the_rest
from netspec.syntax.source import Source, Span, place_outside

MOST_FILES = 100
MOST_TEXT = 2 * LARGEST_FILE
"""So many characters of files are read for one spec."""
MOST_TRIED = 30_000
CHARACTERS_OF_A_STEP = 10
"""How many steps may be made to try mends, together; so many characters are read in the time of one."""
ROOT_MARKS = (".git", "pyproject.toml")


@dataclass(slots=True, eq=False)
class Module:
    """What one file defines."""

    source: Source
    file: tree.File
    environment: Environment
    train: tree.Train | None = None
    unread: dict[str, Template] = field(default_factory=dict)
    """The nets of which a part cannot be read: an editor says of them what can be said all the same."""
    trial: Trial | None = None
    """What would be wrong with another text of this file."""

    @property
    def nets(self) -> tuple[str, ...]:
        """The file's own nets, in the order of the text."""
        return tuple(item.name for item in self.file.items if isinstance(item, tree.Definition) and item.kind == "net")

    def elaborated(self) -> tuple[list[Graph], list[Diagnostic]]:
        """The graphs of the nets that can be elaborated as they are, each parameter having a default; what is wrong."""
        graphs, diagnostics, _ = self.unrolled()
        if diagnostics and self.trial is not None:
            diagnostics = followed(diagnostics, self.source, self.trial)
        return graphs, diagnostics

    def unrolled(self, steps: int = 0) -> tuple[list[Graph], list[Diagnostic], int]:
        """The same with mends as they are proposed, where so many steps have been made already; and those made then."""
        graphs: list[Graph] = []
        diagnostics: list[Diagnostic] = []
        state = State(steps=steps)
        for name in self.nets:
            template = self.environment.templates.get(name)
            if template is None or any(parameter.default is None for parameter in template.definition.parameters):
                continue
            state = State(steps=state.steps)
            try:
                graphs.append(elaborate(template, state=state))
            except NetspecError as error:
                diagnostics.extend(error.diagnostics)
            if state.steps > MOST_STEPS or len(diagnostics) >= MOST_DIAGNOSTICS:
                break
        names = unreached.problems(self.file, self.environment, sound=not diagnostics and not self.unread)
        diagnostics.extend(problem.diagnostic for problem in names)
        return graphs, list(in_order(diagnostics[:MOST_DIAGNOSTICS], self.source)), state.steps


@dataclass(slots=True, eq=False)
class Project:
    """The files read so far. `root` is the folder that no import leaves; None where there is none to read from."""

    root: Path | None
    modules: dict[Path, Module] = field(default_factory=dict)
    opening: list[Path] = field(default_factory=list)
    text: int = 0

    def read(self, source: Source, path: Path | None) -> Module:
        """The module that a source defines; raises NetspecError with all mistakes of its outermost level."""
        alone = len(self.opening) <= 1
        file, mistakes = parse(source)
        diagnostics: Sequence[Diagnostic] = mistakes
        if not mistakes or (alone and _apart(mistakes, file)):
            module, diagnostics = self.module(source, file, mistakes, path)
            if not diagnostics:
                module.trial = Trials(self, path) if alone else None
                return module
            if alone:
                diagnostics = [*diagnostics, *module.unrolled()[1]]
        diagnostics = in_order(diagnostics, source)
        raise NetspecError(followed(diagnostics, source, Trials(self, path)) if alone else diagnostics)

    def module(
        self, source: Source, file: tree.File, mistakes: Sequence[Diagnostic], path: Path | None
    ) -> tuple[Module, list[Diagnostic]]:
        """What a file defines as far as it could be read, and what is wrong with it: those mistakes and more."""
        state = State()
        module = Module(source, file, Environment())
        elaborator = GraphElaborator(state)
        diagnostics: list[Diagnostic] = list(mistakes)
        for item in _imports_first(file):
            if _holds(item, mistakes):
                module.environment.names[getattr(item, "name", "")] = POISON
                if isinstance(item, tree.Definition) and item.kind == "net":
                    module.unread[item.name] = Template(item, module.environment.in_place())
                continue
            try:
                self.item(item, module, elaborator, path)
                continue
            except Problem as problem:
                state.report(problem)
            except Stop as stop:
                state.report(stop.problem)
            except NetspecError as error:
                diagnostics.extend(error.diagnostics)
            except Spoilt:
                pass
            _spoil(item, module.environment)
            if state.mistakes > MOST_MISTAKES or len(diagnostics) > MOST_MISTAKES:
                break
        diagnostics.extend(state.diagnostics)
        return module, diagnostics

    def item(self, item: tree.Item, module: Module, elaborator: GraphElaborator, path: Path | None) -> None:
        environment = module.environment
        match item:
            case tree.Import():
                self.bring(item, module, path)
            case tree.Let():
                let(elaborator, item, _file_frame(environment, item.span))
            case tree.Function():
                define(elaborator, item, _file_frame(environment, item.span))
            case tree.Default():
                default(elaborator, item, _file_frame(environment, item.span))
            case tree.Definition():
                _define(item, environment)
            case tree.Train():
                if module.train is not None:
                    raise Problem(
                        "E0204", "a second train section", item.span, related=((module.train.span, "the first one"),)
                    )
                module.train = item

    def bring(self, item: tree.Import, module: Module, path: Path | None) -> None:
        """The names that an import statement asks for."""
        target = self.locate(item, path)
        other = self.open(target, item)
        for name in item.names:
            template = other.environment.templates.get(name.id)
            if template is not None:
                if name.id in module.environment.templates:
                    raise Problem("E0214", f"{name.id} is imported already", name.span)
                module.environment.templates[name.id] = template
            elif name.id in other.environment.names:
                module.environment.names[name.id] = other.environment.names[name.id]
            else:
                raise _not_there(item, name, [*other.environment.templates, *other.environment.names])

    def locate(self, item: tree.Import, path: Path | None) -> Path:
        """The file that an import names; raises Problem where it is none that may be read."""
        if isinstance(item.module, tree.Name):
            return _standard(item)
        span, location = item.module.span, item.module.value
        if path is None or self.root is None:
            raise Problem(
                "E0211",
                "a spec that was given as text cannot import files",
                span,
                help="save it to a file, or import from std",
            )
        if not location.endswith(".net"):
            raise Problem("E0211", "an import names a .net file", span)
        if Path(location).is_absolute() or "\\" in location or "\0" in location or ":" in location:
            raise Problem("E0212", "an import names a file by a relative path, with /", span)
        target = Path(os.path.realpath(path.parent / location))
        if not target.is_relative_to(self.root):
            raise Problem(
                "E0212",
                f'"{location}" lies outside the project',
                span,
                help="imports stay in the folder of the project, the nearest one around with .git or pyproject.toml",
            )
        if not self.has(target):
            raise Problem(
                "E0211", f'there is no file "{location}" next to this one', span, help=_near_file(target, location)
            )
        return target

    def source(self, target: Path) -> Source:
        """The text of a file of the project."""
        return source_of(target, display_path(target))

    def has(self, target: Path) -> bool:
        """Whether there is a file of the project at a path."""
        return _is_file(target)

    def open(self, target: Path, item: tree.Import) -> Module:
        """The module of a file, read the first time that it is asked for."""
        if target in self.opening:
            names = [p.name for p in self.opening[self.opening.index(target) :]]
            raise Problem(
                "E0213", f"these files import each other: {' -> '.join([*names, target.name])}", item.module.span
            )
        if target not in self.modules:
            if len(self.modules) + len(self.opening) >= MOST_FILES:
                raise Problem("E0213", f"more than {MOST_FILES} files are imported", item.module.span)
            self.opening.append(target)
            try:
                source = self.source(target)
                self.text += len(source.text)
                if self.text > MOST_TEXT:
                    message = f"the files that are imported have more than {MOST_TEXT:,} characters together"
                    raise Stop(Problem("E0213", message, item.module.span))
                self.modules[target] = self.read(source, target)
            finally:
                self.opening.pop()
        return self.modules[target]


@dataclass(slots=True, eq=False)
class Trials:
    """Tries other texts of a file, as long as that takes few steps: the mends of what is wrong with it."""

    project: Project
    path: Path | None
    left: int = MOST_TRIED

    def __call__(self, source: Source) -> Sequence[Diagnostic] | None:
        self.left -= len(source.text) // CHARACTERS_OF_A_STEP
        if self.left <= 0:
            return None
        project = replace(self.project, modules=dict(self.project.modules), opening=list(self.project.opening))
        file, mistakes = parse(source)
        if mistakes and not _apart(mistakes, file):
            return mistakes
        module, diagnostics = project.module(source, file, mistakes, self.path)
        _, wrong, steps = module.unrolled(MOST_STEPS - self.left)
        self.left = MOST_STEPS - steps
        return in_order([*diagnostics, *wrong], source) if self.left > 0 else None


def display_path(path: Path) -> str:
    """A path as messages show it: relative to the working directory where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        if path.is_relative_to(STANDARD):
            return f"std/{path.relative_to(STANDARD)}"
        return str(path)


def source_of(path: Path, name: str) -> Source:
    """The text of a file; raises NetspecError where it cannot be read as one."""
    if _is_named_pipe(path):
        help = f"netspec reads what comes out of it from the standard input: - < {name}"
        raise _unreadable("E0002", f"{name} is a pipe, not a file", name, help)
    try:
        with path.open("rb") as file:
            return source_in(file, name)
    except IsADirectoryError:
        raise _unreadable("E0002", f"{name} is a folder, not a file", name, _file_in(path, name)) from None
    except FileNotFoundError:
        raise _unreadable("E0001", f"there is no file {name}", name, _near_file(path, name)) from None
    except (OSError, ValueError) as error:
        raise _unreadable("E0002", f"{name} cannot be read: {_reason(error)}", name) from None


def source_in(stream: BinaryIO, name: str) -> Source:
    """The text of an open file; raises NetspecError where it cannot be read as one."""
    try:
        data = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise _unreadable("E0002", f"{name} cannot be read: {_reason(error)}", name) from None
    if len(data) > LARGEST_FILE:
        raise _unreadable("E0107", f"{name} is larger than a spec may be ({LARGEST_FILE // 1024:,} KiB)", name)
    try:
        return Source(name, data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        raise _unreadable("E0003", f"{name} is not UTF-8 text (byte {error.start})", name) from None


def _is_named_pipe(path: Path) -> bool:
    """Whether opening a file would wait for somebody to write into it; the pipes that a shell makes have no place."""
    real = Path(os.path.realpath(path))
    try:
        return real.is_fifo() and not real.is_relative_to("/dev")
    except (OSError, ValueError):
        return False


def _reason(error: OSError | ValueError) -> str:
    text: str = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]


def project_root(path: Path) -> Path:
    """The folder that imports stay in: the nearest one around with a mark of a project, else the file's own."""
    for folder in path.parents:
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
    return path.parent


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False


def _others(path: Path) -> list[str]:
    """The specs in the folder where a file would be, but for itself."""
    try:
        return [other.name for other in path.parent.glob("*.net") if other.name != path.name]
    except OSError:
        return []


def _file_in(folder: Path, location: str) -> str:
    """The first spec of a folder that was named in place of a file."""
    first = min(_others(folder / "NAME"), default="")
    return f"name a file in it: {Path(location) / first}" if first else "a spec is a file, NAME.net"


def _near_file(path: Path, location: str) -> str:
    """A question for the file next to `path` that may have been meant, spelt as the wrong name was."""
    stems = {Path(other).stem: other for other in _others(path)}
    near = stems.get(nearest(path.stem, stems) or "")
    folder = location[: -len(path.name)] if location.endswith(path.name) else ""
    return f"did you mean {folder}{near}?" if near else ""


def _unreadable(code: str, message: str, name: str, help: str = "") -> NetspecError:
    return NetspecError((Diagnostic(code, message, place_outside(name), help=help),))


def _imports_first(file: tree.File) -> Iterator[tree.Item]:
    """Definitions may be used above where they stand; lets and defaults hold from where they stand."""
    yield from (item for item in file.items if isinstance(item, tree.Import))
    yield from (item for item in file.items if not isinstance(item, tree.Import))


def _apart(mistakes: Sequence[Diagnostic], file: tree.File) -> bool:
    """Whether what cannot be read lies inside of nets, blocks and train sections, so that the others can be checked."""
    definitions = [item for item in file.items if isinstance(item, tree.Definition | tree.Train)]
    inside = (any(_holds(item, [mistake]) for item in definitions) for mistake in mistakes)
    return all(inside) and not any(map(hides_the_rest, mistakes))


def _holds(item: tree.Item, mistakes: Sequence[Diagnostic]) -> bool:
    return any(item.span.start <= mistake.span.start < item.span.end for mistake in mistakes)


def _renamed(name: tree.Name, other: str) -> tuple[Span, str]:
    """The mend that gives a name another spelling, where it is imported and wherever the file uses it."""
    pattern, span = re.compile(rf"\b{re.escape(name.id)}\b"), name.span
    end = max(match.end() for match in pattern.finditer(span.source.text, span.start))
    region = Span(span.source, span.start, end)
    return region, pattern.sub(other, region.text)


def _spoil(item: tree.Item, environment: Environment) -> None:
    """What an item with a mistake would have defined is there, and spoilt."""
    match item:
        case tree.Import(_, names):
            missing = [name.id for name in names if name.id not in environment.templates]
            environment.names.update(dict.fromkeys(missing, POISON))
        case tree.Let(names):
            environment.names.update(dict.fromkeys(names, POISON))
        case tree.Function(name):
            environment.names[name] = POISON
        case tree.Definition() if item.name not in environment.templates:
            environment.names[item.name] = POISON


def _define(item: tree.Definition, environment: Environment) -> None:
    if item.name in environment.templates:
        first = environment.templates[item.name].definition
        if first.span.source is not item.span.source:
            message = f"{item.name} is imported; a {item.kind} of this file needs another name"
            raise Problem("E0214", message, item.signature)
        message, related = f"{item.name} is defined twice in this file", ((first.signature, "the first one"),)
        raise Problem("E0214", message, item.signature, "the second one", related=related)
    if item.name in REGISTRY:
        raise Problem("E0214", f"{item.name} is a layer; a {item.kind} needs another name", item.signature)
    _check_parameters(item)
    environment.templates[item.name] = Template(item, environment.in_place())


def _check_parameters(item: tree.Definition) -> None:
    for parameter in item.parameters:
        if not isinstance(parameter.type, tree.TypeName):
            continue
        if parameter.type.name not in known_types() or (parameter.type.item or "int") not in known_types():
            near = nearest(parameter.type.name, known_types())
            raise Problem(
                "E0210",
                f"there is no type {parameter.type.name}",
                parameter.type.span,
                help=f"did you mean {near}?" if near else f"types are {', '.join(known_types())}",
            )
        if parameter.type.name == "tensor" and (item.kind == "net" or parameter.default is not None):
            raise Problem(
                "E0210",
                "a net's tensors are its inputs" if item.kind == "net" else "a tensor has no default",
                parameter.span,
                help=f"input {parameter.name} [...]" if item.kind == "net" else "",
            )


def _file_frame(environment: Environment, span: Span) -> Frame:
    return Frame(environment, DraftScope("group", "", span), None)


def _standard(item: tree.Import) -> Path:
    """The file of a library that ships with netspec; raises Problem where there is none of that name."""
    assert isinstance(item.module, tree.Name)
    module = item.module
    parts = module.id.split(".")
    target = STANDARD.joinpath(*parts[1:]).with_suffix(".net")
    if parts[0] != "std" or len(parts) < 2 or not target.is_file():
        raise _no_library(item, module)
    return target


def _no_library(item: tree.Import, module: tree.Name) -> Problem:
    message = f"there is no library {module.id}"
    if module.id.partition(".")[0] in PYTHON:
        help = "leave it out: a spec needs nothing of Python"
        return Problem("E0211", message, module.span, help=help, mend=(item.span, ""))
    homes = {block[0] for name in item.names if (block := home(name.id)) and block[1] == name.id}
    if len(homes) > 1 and (text := _by_home(item)):
        return Problem(
            "E0211", message, module.span, help=f"write {text.replace(chr(10), '; ')}", mend=(item.span, text)
        )
    if len(homes) == 1:
        near: str | None = homes.pop()
    else:
        modules = sorted({module for module, _ in blocks().values()})
        near = nearest(module.id, modules) if module.id != "std" else None
    return Problem(
        "E0211",
        message,
        module.span,
        help=f"did you mean {near}?" if near else f"the library has {', '.join(modules)}",
        mend=(module.span, near) if near else None,
    )


def _not_there(item: tree.Import, name: tree.Name, names: Sequence[str]) -> Problem:
    """A name that a module does not define: it is misspelt, or another module of the library has it."""
    near = nearest(name.id, names)
    help, mend = f"it defines {', '.join(sorted(names)) or 'nothing'}", None
    if isinstance(item.module, tree.Name) and (text := _by_home(item)):
        help, mend = f"write {text.replace(chr(10), '; ')}", (item.span, text)
    elif near:
        help, mend = f"did you mean {near}?", _renamed(name, near)
    message = f"{_spelling(item)} defines no {name.id}"
    return Problem("E0214", message, name.span, "not defined there", help=help, mend=mend)


def _by_home(item: tree.Import) -> str:
    """An import for each module of the library that has some of the names; empty where one is in none."""
    modules: dict[str, list[str]] = {}
    for name in item.names:
        there = home(name.id)
        if there is None or there[1] != name.id:
            return ""
        modules.setdefault(there[0], []).append(name.id)
    return "\n".join(f"from {module} import {', '.join(names)}" for module, names in modules.items())


def _spelling(item: tree.Import) -> str:
    return item.module.id if isinstance(item.module, tree.Name) else f'"{item.module.value}"'
