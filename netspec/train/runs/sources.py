"""The spec of a run, kept in its folder with the files that it imports, so that the run can be taken up anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate import Project, source_of
from netspec.spec import Spec
from netspec.syntax import tree
from netspec.syntax.parser import parse
from netspec.syntax.source import place_outside
from netspec.train.runs.folder import SPEC, replacing, unwritable

IMPORTS = "imports"
"""The folder, in that of a run, that holds the spec and the files that it imports, laid out as they were."""
MAIN = "main.txt"
"""Which of those files is the spec."""


def keep(spec: Spec, folder: Path) -> None:
    """Writes a spec into a run's folder, and what it imports beside it; raises NetspecError (E0610)."""
    _write(folder / SPEC, spec.source.text)
    files = dict(_files(spec.path, spec.source.text, spec.tree)) if spec.path is not None else {}
    if spec.path is None or len(files) == 1:
        return
    above = Path(os.path.commonpath([path.parent for path in files]))
    for path, text in files.items():
        _write(folder / IMPORTS / path.relative_to(above), text)
    _write(folder / IMPORTS / MAIN, spec.path.relative_to(above).as_posix())


def reopen(folder: Path) -> Spec:
    """The spec of a run; raises NetspecError where it is not there any more, or no spec (E0001 to E0107)."""
    path, root = folder / SPEC, folder.resolve()
    if (folder / IMPORTS / MAIN).is_file():
        root /= IMPORTS
        path = root / source_of(folder / IMPORTS / MAIN, str(folder / IMPORTS / MAIN)).text
    resolved = path.resolve()
    if not resolved.is_relative_to(root):
        here = place_outside(folder / IMPORTS / MAIN)
        raise NetspecError((Diagnostic("E0650", f"the spec of {folder} lies outside of it", here),))
    return Spec(Project(root, opening=[resolved]).read(source_of(resolved, str(path)), resolved), resolved)


def _files(path: Path, text: str, file: tree.File) -> Iterator[tuple[Path, str]]:
    """A file and all that it imports, each with its text; what ships with netspec left out."""
    waiting, seen = [(path, text, file)], {path}
    while waiting:
        path, text, file = waiting.pop()
        yield path, text
        for target in _imported(path, file):
            if target not in seen:
                seen.add(target)
                source = source_of(target, str(target))
                waiting.append((target, source.text, parse(source)[0]))


def _imported(path: Path, file: tree.File) -> Iterator[Path]:
    for item in file.items:
        if isinstance(item, tree.Import) and isinstance(item.module, tree.String):
            yield (path.parent / item.module.value).resolve()


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    replacing(path, lambda beside: beside.write_text(text, encoding="utf-8", newline="\n"))
