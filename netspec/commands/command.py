"""What a command is: a function whose mistakes in the input are printed, with exit status 1."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

import typer
from typer.core import TyperCommand

from netspec.commands.printing import print_diagnostics

P = ParamSpec("P")


class Parsed(TyperCommand):
    """A command whose options are refused in our words, not in those of the library that checks them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            from pydantic import ValidationError

            if isinstance(error.__cause__, ValidationError):
                from netspec.elaborate.mistakes.demands import sentence

                error.message = sentence(error.__cause__.errors(include_url=False)[0])
            raise


COMMANDS: dict[str, Callable[..., None]] = {}
"""The commands by name, as far as their files have been read."""

STANDARD_OUTPUT = 1
EXTRAS = {
    "torch": "torch",
    "PIL": "train",
    "accelerate": "train",
    "datasets": "data",
    "jinja2": "train",
    "kornia": "train",
    "lsprotocol": "lsp",
    "matplotlib": "train",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "optuna": "sweep",
    "pygls": "lsp",
    "safetensors": "train",
    "scipy": "train",
    "sklearn": "train",
    "tensorboard": "tensorboard",
    "tokenizers": "data",
    "torchmetrics": "train",
    "watchfiles": "live",
}
"""The extra of the package that brings a module."""


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Registers a command; what is wrong with its input is printed and makes the exit status 1."""

    @functools.wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        from netspec.diagnostics import NetspecError
        from netspec.plugins import load_plugins

        try:
            load_plugins()
            _spare_inputs(options)
            function(*arguments, **options)
        except NetspecError as error:
            print_diagnostics(error.diagnostics, sys.stderr)
            raise typer.Exit(1) from None
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            print(f"error: this needs {error.name}: pip install 'netspec-nn[{extra}]'", file=sys.stderr)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(130) from None

    COMMANDS[function.__name__.strip("_").replace("_", "-")] = run
    return run


def _spare_inputs(options: Mapping[str, object]) -> None:
    """Raises NetspecError (E0004) where the output of a command is a file that should not be lost.

    That is a file that the command reads, a spec, and without `--force` one that netspec has not written.
    """
    output = options.get("output")
    if not isinstance(output, str | Path):
        return
    from netspec.files import unwritable

    if isinstance(output, Path) and str(output) == "-":
        raise unwritable(output, ValueError("this command writes files alone"), "name one")
    values = [value for name, value in options.items() if name != "output"]
    flat = [path for value in values for path in (value if isinstance(value, list) else [value])]
    try:
        if not Path(output).is_file():
            return
        target = Path(output).resolve(strict=True)
        read = any(isinstance(path, Path) and _is_read(path, target) for path in flat)
    except OSError:  # what is wrong with one of them is said where it is opened
        return
    spec = ".net" in (Path(output).suffix, target.suffix)
    if not (read or spec or (options.get("force") is False and not _is_own(Path(output)))):
        return
    reason = "it is what is read" if read else "it is a spec" if spec else "it is there, and netspec has not written it"
    help = "" if read or spec else "choose another name, or replace it with --force"
    raise unwritable(output, FileExistsError(0, reason), help)


def _is_read(path: Path, target: Path) -> bool:
    """Whether a command that is given this path reads that file: it is the file, or one in the folder.

    Of a run's folder only what is the run's own is read.
    """
    if not path.exists():
        return False
    place = path.resolve()
    if not place.is_dir():
        return place.samefile(target)
    if not target.is_relative_to(place):
        return False
    if not (place / "run.json").exists():
        return True
    from netspec.train.runs.folder import OWN

    return target.relative_to(place).parts[0] in OWN


_OWN = re.compile(
    rb"""\s*(?: \Z | \x89PNG | %PDF | \{\s*"netspec" | <\?xml[^>]*>\s*<svg | <svg | <!doctype\ html
    | digraph\b | ---\nconfig: | flowchart\b | (?:%\ [^\n]*\n)?%\ (?:pdflatex|In\ a\ paper:)
    | %!PS-Adobe[^\n]*(?:\n%%[^\n]*)*\n%%Creator:\ netspec | \"{3}\w+:\ [\d,]+\ parameters?\b )""",
    re.VERBOSE | re.IGNORECASE,
)
"""How the files begin that commands over nets write: pictures, graphs, sources; and one with nothing in it."""


def _is_own(path: Path) -> bool:
    """Whether a file is one that netspec may have written, or where the standard output goes: it may be written."""
    try:
        if os.path.samestat(path.stat(), os.fstat(STANDARD_OUTPUT)):
            return True
        with path.open("rb") as file:
            return _OWN.match(file.read(400)) is not None
    except OSError:
        return True
