"""What a command is: a function whose mistakes in the input are printed, with exit status 1."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec

import typer
from typer.core import TyperCommand

from netspec.commands.printing import print_diagnostics
from netspec.commands.spared import spare

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
            spare(options)
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
