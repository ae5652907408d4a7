"""The specs that are meant by files, folders and patterns, and what a project says of them in its pyproject.toml.

[tool.netspec]
exclude = ["drafts/", "*.old.net"]     # as .gitignore has it, from the folder of the pyproject.toml
strict = true                          # netspec check --strict
object = 64                            # netspec check --object 64
plugins = ["mylab.parts"]              # see netspec.plugins, which reads and loads them
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spelling import nearest
from netspec.syntax.source import Source, Span, place_outside

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".ignore")
STDIN = Path("-")


@dataclass(frozen=True, eq=False)
class Project:
    """What the table `tool.netspec` says, and the folder that it is of."""

    root: Path
    exclude: tuple[str, ...] = ()
    strict: bool = False
    object: int | None = None
    plugins: tuple[str, ...] = ()

    @cached_property
    def excluded(self) -> GitIgnoreSpec:
        return _patterns(self.exclude)


def project_of(folder: Path) -> Project:
    """The table of the nearest pyproject.toml at or above a folder; raises NetspecError (E0008) where it is wrong."""
    here = Path(os.path.realpath(folder))
    for around in (here, *here.parents):
        path = around / "pyproject.toml"
        if path.is_file():
            return _read(path, around)
    return Project(here)


def _read(path: Path, root: Path) -> Project:
    text = path.read_text(encoding="utf-8", errors="replace")
    if "netspec" not in text:
        return Project(root)
    try:
        table = tomllib.loads(text).get("tool", {}).get("netspec", {})
    except (tomllib.TOMLDecodeError, AttributeError) as error:
        raise _wrong(path, text, "", f"it is no TOML: {error}") from None
    kinds = {"exclude": list, "strict": bool, "object": int, "plugins": list}
    for key, value in table.items():
        if key not in kinds:
            near = nearest(key, kinds)
            raise _wrong(path, text, key, f"tool.netspec has no setting {key}", f"did you mean {near}?" if near else "")
        listed = isinstance(value, list) and all(isinstance(item, str) for item in value)
        positive = isinstance(value, int) and value > 0
        fits = {"exclude": listed, "strict": True, "object": positive, "plugins": listed}[key]
        if type(value) is not kinds[key] or not fits:
            raise _wrong(path, text, key, f"{key} is {_WORDS[key]}")
    lists = {key: tuple(table.get(key, ())) for key in ("exclude", "plugins")}
    values: dict[str, Any] = {**table, **lists}
    return Project(root, **values)


_WORDS = {
    "exclude": 'a list of patterns: exclude = ["drafts/"]',
    "strict": "true or false",
    "object": "a positive whole number",
    "plugins": 'a list of names of Python modules: plugins = ["mylab.parts"]',
}


def _wrong(path: Path, text: str, key: str, message: str, help: str = "") -> NetspecError:
    start = text.find(key, max(text.find("tool.netspec"), 0)) if key else 0
    span = Span(Source(str(path), text), max(start, 0), max(start, 0) + len(key))
    return NetspecError((Diagnostic("E0008", message, span, help=help),))


def specs(places: Sequence[Path]) -> list[Path]:
    """The files that are named, those that patterns match, and the `.net` files in folders and below; each once.

    In folders, hidden files are left out, and what ignore files and the project exclude. What is named is taken,
    whatever excludes it, and where there is none of that name. Raises NetspecError (E0002) where nothing is found.
    """
    paths = list(dict.fromkeys(path for place in places for path in _paths(place)))
    if not paths:
        name = ", ".join(map(str, places))
        what = f"{name} is a folder without .net files" if len(places) == 1 and places[0].is_dir() else None
        message = what or f"there are no .net files in {name}"
        raise NetspecError((Diagnostic("E0002", message, place_outside(name)),))
    return paths


def _paths(place: Path) -> Iterator[Path]:
    if place != STDIN and os.path.isdir(place):  # noqa: PTH112 - says no to names that are too long
        yield from inside(place)
    elif has_magic(str(place)) and not os.path.exists(place):  # noqa: PTH110
        matched = sorted(Path(path) for path in glob(str(place), recursive=True) if Path(path).is_file())  # noqa: PTH207 - absolute patterns, too
        yield from (path for path in matched if path.suffix == ".net")
    else:
        yield place


def inside(folder: Path) -> list[Path]:
    """The specs in a folder and below, in order."""
    return sorted(_walked(folder, project_of(folder)))


def _walked(folder: Path, project: Project) -> Iterator[Path]:
    ignored: list[tuple[Path, GitIgnoreSpec]] = []
    for around, folders, files in os.walk(folder):
        here = Path(around)
        lines = [line for name in IGNORE_FILES if name in files for line in _lines(here / name)]
        ignored = [(path, rules) for path, rules in ignored if here.is_relative_to(path)]
        ignored += [(here, _patterns(lines))] if lines else []
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in folders if not _is_left_out(here / name, True, ignored, project)]
        for name in files:
            path = here / name
            if name.endswith(".net") and not name.startswith(".") and not _is_left_out(path, False, ignored, project):
                yield path


def _is_left_out(path: Path, folder: bool, ignored: Sequence[tuple[Path, GitIgnoreSpec]], project: Project) -> bool:
    ending = "/" if folder else ""
    if any(rules.match_file(f"{path.relative_to(around).as_posix()}{ending}") for around, rules in ignored):
        return True
    real = Path(os.path.realpath(path))
    inside = project.exclude and real.is_relative_to(project.root)
    return bool(inside) and project.excluded.match_file(f"{real.relative_to(project.root).as_posix()}{ending}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _patterns(lines: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)
