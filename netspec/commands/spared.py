"""What no command writes over: what it reads, specs, runs, and without --force what somebody else has written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

STANDARD_OUTPUT = 1


def spare(options: Mapping[str, object], output: str | Path | None = None, *, spec: bool = False) -> None:
    """Raises NetspecError (E0004) where the output of a command is a file that should not be lost.

    `options` are those of the command, by their names; `output` is where it writes if they do not say that. What is no
    `spec` is not written under the name of one, either.
    """
    target = output or options.get("output")
    if not isinstance(target, str | Path):
        return
    from netspec.files import unwritable

    if isinstance(target, Path) and str(target) == "-":
        raise unwritable(target, ValueError("this command writes files alone"), "name one")
    read = [path for name, value in options.items() if name != "output" for path in _paths(value)]
    try:
        reason, help = _reason(Path(target), read, force=options.get("force") is True, spec=spec)
    except OSError:  # what is wrong with one of them is said where it is opened
        return
    if reason:
        raise unwritable(target, FileExistsError(0, reason), help)


def _paths(value: object) -> Iterator[Path]:
    values = value if isinstance(value, list) else [value]
    yield from (path for path in values if isinstance(path, Path))


def _reason(output: Path, read: list[Path], *, force: bool, spec: bool) -> tuple[str, str]:
    """Why a file is not written over, and what helps; both empty where it may be."""
    target = Path(os.path.realpath(output))
    is_spec = ".net" in (output.suffix.lower(), target.suffix.lower())
    if is_spec and not spec and not os.path.lexists(target):
        return "it would be taken for a spec, and is none", "choose another ending"
    if not output.is_file() or _is_standard_output(output):
        return "", ""
    if any(_is_read(path, target) for path in read):
        return "it is what is read", ""
    if is_spec:
        return "it is a spec", ""
    if _is_of_a_run(target):
        return "a run is taken up from it", ""
    from netspec.marks import is_own

    if force or is_own(output):
        return "", ""
    return "it is there, and not as netspec has written it", "choose another name, or replace it with --force"


def _is_read(path: Path, target: Path) -> bool:
    """Whether a command that is given this path reads that file: it is the file, or one in the folder.

    Of a run's folder only what is the run's own is read.
    """
    if not path.exists():
        return False
    place = Path(os.path.realpath(path))
    if not place.is_dir():
        return place.samefile(target)
    return target.is_relative_to(place) and not (place / "run.json").exists()


def _is_of_a_run(target: Path) -> bool:
    """Whether a file is what some run is taken up from and read from."""
    from netspec.train.runs.folder import OWN

    folders = (folder for folder in list(target.parents)[:3] if (folder / "run.json").exists())
    return any(target.relative_to(folder).parts[0] in OWN for folder in folders)


def _is_standard_output(output: Path) -> bool:
    try:
        return os.path.samestat(output.stat(), os.fstat(STANDARD_OUTPUT))
    except OSError:
        return False
