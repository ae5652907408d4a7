"""Specs as they were: `HEAD~1:net.net` is the file in a revision that git keeps, with what it imported then."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate import Project, project_root
from netspec.elaborate.library import STANDARD
from netspec.elaborate.project.files import source_in
from netspec.spec import Spec, load
from netspec.syntax.source import Source, place_outside

SECONDS = 20
"""How long git may take."""


def open_spec(place: str) -> Spec:
    """The spec in a file, or in a revision of it: `REVISION:PATH`; raises NetspecError where it cannot be read."""
    revision, colon, path = place.partition(":")
    if not colon or Path(place).exists() or not revision or revision.startswith("-"):
        return load(place)
    target = Path(path).resolve()
    project = _Past(project_root(target), opening=[target])
    project.revision = revision
    return Spec(project.read(project.source(target), target), target)


class _Past(Project):
    """The files of a project in a revision."""

    revision: str = "HEAD"

    def source(self, target: Path) -> Source:
        if target.is_relative_to(STANDARD):
            return super().source(target)
        return source_in(BytesIO(self.content(target)), f"{self.revision}:{_display_path(target)}")

    def has(self, target: Path) -> bool:
        if target.is_relative_to(STANDARD):
            return super().has(target)
        try:
            self.content(target)
        except NetspecError:
            return False
        return True

    def content(self, target: Path) -> bytes:
        """What a file held; raises NetspecError (E0007) where git has no such file or revision."""
        command = ["git", "show", f"{self.revision}:./{target.name}"]
        folder = target.parent
        name = f"{self.revision}:{_display_path(target)}"
        try:
            process = subprocess.run(command, cwd=folder, capture_output=True, timeout=SECONDS, check=False)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            missing = isinstance(error, FileNotFoundError) and folder.is_dir()
            raise _unread(name, "there is no program git" if missing else "git does not answer") from None
        if process.returncode:
            reason = process.stderr.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("fatal: ")
            raise _unread(name, reason or "git has no such file")
        return process.stdout


def _display_path(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _unread(name: str, reason: str) -> NetspecError:
    help = "a revision is a commit, a branch or a tag: HEAD~1:net.net; git log shows them"
    message = f"{name} cannot be read: {reason}"
    return NetspecError((Diagnostic("E0007", message, place_outside(name), help=help),))
