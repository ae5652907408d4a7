"""Options that several commands have, and what their texts mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from netspec.commands.options.assignments import read_inputs, read_settings
from netspec.commands.options.refusals import bad_option, refusal

if TYPE_CHECKING:
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
        raise refusal("E0002", "-", "the standard input is closed")
    return sys.stdin.buffer


def read_memory(text: str) -> int:
    """An amount of memory in bytes."""
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?:([kKMGT])(i?)B?|B)\s*", text)
    if match is None:
        alone = re.fullmatch(r"\s*([0-9.]{1,9})\s*", text)
        example = f"{alone[1]}GB" if alone else "24GB"
        raise bad_option("--memory", text, example, "--memory takes an amount of memory with its unit")
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index((unit or " ").upper()))


def followed(file: Path) -> None:
    """Raises NetspecError (E0005) where a file that is to be followed is the standard input, which is read once."""
    if str(file) == "-":
        raise bad_option(
            "-", "-", "", "a file is followed while it is written, and the standard input is read once", "name a file"
        )
