"""The files that a document imports, read again where they have changed: as an editor holds them, or from the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate import Module, Project, project_root
from netspec.elaborate.library import STANDARD
from netspec.elaborate.project.files import display_path
from netspec.syntax import tree
from netspec.syntax.source import Source


class Shelf(Project):
    """The project around one document. `opened` gives the text of a file that an editor holds, else None."""

    def __init__(self, path: Path | None, opened: Callable[[Path], str | None]) -> None:
        super().__init__(project_root(path) if path is not None else None)
        self.path = path
        self.opened = opened

    def module_of(self, source: Source, file: tree.File, mistakes: list[Diagnostic]) -> tuple[Module, list[Diagnostic]]:
        """What a text defines as far as it could be read, and what is wrong with it."""
        self.refresh()
        self.text = sum(len(module.source.text) for module in self.modules.values())
        self.opening = [self.path] if self.path is not None else []
        return self.module(source, file, mistakes, self.path)

    def source(self, target: Path) -> Source:
        text = self.opened(target)
        return super().source(target) if text is None else Source(display_path(target), text)

    def refresh(self) -> None:
        """Forgets the files that have changed, and all that may import them; the library stays."""
        if not self.is_current():
            self.modules = {path: module for path, module in self.modules.items() if path.is_relative_to(STANDARD)}

    def is_current(self) -> bool:
        """Whether every file says what it said when it was read."""
        return all(self._is_current(path, module) for path, module in self.modules.items())

    def _is_current(self, path: Path, module: Module) -> bool:
        if path.is_relative_to(STANDARD):
            return True
        try:
            return self.source(path).text == module.source.text
        except NetspecError:
            return False
