"""Options that several commands have, and what their texts mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

if TYPE_CHECKING:
    from netspec.diagnostics import NetspecError
    from netspec.graph.graph import Graph
    from netspec.spec import Spec

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A .net file; - for the standard input.", show_default=False)
]
Net = Annotated[
    str | None, typer.Option("--net", metavar="NAME", help="The net in the file; the last one if not given.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the net: --set depths=[3,8,36,3]."),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME=SHAPE", help="The shape of an input: --input image=[3,512,512]."),
]
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - for the standard output.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is not as netspec has written it, too.")]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
Device = Annotated[
    str | None, typer.Option("--device", metavar="DEVICE", help="cpu, cuda, mps; the best there is if not given.")
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="DATA", help="A folder that paths of data begin at, or other data: 'npz(\"new.npz\")'."
    ),
]
Weights = Annotated[
    Path | None, typer.Option("--weights", metavar="FILE", help="Other weights than the run's: a safetensors file.")
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Where paths of data begin; the file's folder if not given."),
]


def graph_of(file: Path, net: str | None, set: Sequence[str] | None, input: Sequence[str] | None) -> Graph:
    """The net of a file that options describe."""
    return spec_of(file).graph(net, inputs=read_inputs(input), **read_settings(set))


def spec_of(file: Path) -> Spec:
    """The spec in a file, or in the standard input where that is `-`."""
    from netspec.spec import load, read

    if str(file) != "-":
        return load(file)
    return read(standard_input())


def standard_input() -> BinaryIO:
    """The bytes that are piped into a command."""
    if sys.stdin is None:
        raise _error("E0002", "-", "the standard input is closed")
    return sys.stdin.buffer


def read_settings(options: Sequence[str] | None, *, train: bool = False) -> dict[str, Any]:
    """The values of `--set NAME=VALUE`, read as a spec reads them; with `train`, those of `train.KEY` as text."""
    from netspec.spec import parse_argument

    settings: dict[str, Any] = {}
    example = "depths=[3,8,36,3]"
    for option in options or ():
        if train and re.match(r"\s*train\.\w+\s*=", option):
            name, _, value = option.partition("=")
            settings[name.strip()] = value.strip()
            continue
        name, value = _pair("--set", option, example)
        if name in ("self", "net", "inputs"):
            raise bad_option("--set", option, example, f"a parameter named {name} cannot be set from outside")
        settings[name] = parse_argument(value)
    return settings


def read_variants(option: str) -> list[str]:
    """The settings that `--vary NAME=A,B` stands for, `NAME=A` and `NAME=B`; none where there is no option."""
    if not option:
        return []
    name, value = _pair("--vary", option, "depth=18,34,50")
    return [f"{name}={one.strip()}" for one in re.split(r",(?![^\[]*\])", value)]


def read_inputs(options: Sequence[str] | None) -> dict[str, list[int | str]] | None:
    """The shapes of `--input NAME=[SIZE, ...]`; a size is a number, or a name where it stays open."""
    inputs: dict[str, list[int | str]] = {}
    for option in options or ():
        name, value = _pair("--input", option, "image=[3,512,512]")
        sizes = [size.strip() for size in value.strip()[1:-1].split(",")]
        bracketed = value.strip().startswith("[") and value.strip().endswith("]")
        if not bracketed or not all(re.fullmatch(r"[0-9]{1,20}", size) or size.isidentifier() for size in sizes):
            raise bad_option("--input", option, "image=[3,512,512]")
        inputs[name] = [int(size) if size.isdecimal() else size for size in sizes]
    return inputs or None


def read_memory(text: str) -> int:
    """An amount of memory in bytes."""
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?:([kKMGT])(i?)B?|B)\s*", text)
    if match is None:
        alone = re.fullmatch(r"\s*([0-9.]{1,9})\s*", text)
        example = f"{alone[1]}GB" if alone else "24GB"
        raise bad_option("--memory", text, example, "--memory takes an amount of memory with its unit")
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index((unit or " ").upper()))


def _pair(flag: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals or not name.strip().isidentifier():
        raise bad_option(flag, option, example)
    return name.strip(), value


def bad_option(flag: str, option: str, example: str, message: str = "", help: str = "") -> NetspecError:
    """What is raised for the text of an option that cannot be read; `help` is said in place of an example."""
    advice = help or f"{flag} '{example}'"
    return _error("E0005", flag, message or f"{flag} takes a name and a value", option, help=advice)


def followed(file: Path) -> None:
    """Raises NetspecError (E0005) where a file that is to be followed is the standard input, which is read once."""
    if str(file) == "-":
        raise bad_option(
            "-", "-", "", "a file is followed while it is written, and the standard input is read once", "name a file"
        )


def _error(code: str, name: str, message: str, text: str = "", help: str = "") -> NetspecError:
    from netspec.diagnostics import Diagnostic, NetspecError
    from netspec.syntax.source import Source, Span

    return NetspecError((Diagnostic(code, message, Span(Source(name, text), 0, len(text)), help=help),))
