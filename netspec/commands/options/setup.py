"""The options of a training's setup, made of the fields of `Setup`: a new way of training is one line there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from netspec.train.setup import Setup


def setup_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command an option for each of these fields of a Setup, for all of them where none is named.

    The command takes them as its argument `setup`: those that stand on the command line, by their names.
    """
    fields = names or tuple(Setup.model_fields)

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(context: typer.Context, **arguments: Any) -> None:
            values = {name: arguments.pop(name) for name in fields}
            typed = {name: _plain(value) for name, value in values.items() if _is_typed(context, name)}
            function(**arguments, setup=typed)

        signature = inspect.signature(function, eval_str=True)
        own = [each for name, each in signature.parameters.items() if name != "setup"]
        options = [_keyword(name, *_option(name)) for name in fields]
        context = _keyword("context", typer.Context, inspect.Parameter.empty)
        by_keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
        run.__signature__ = signature.replace(parameters=[*by_keyword, *options, context])  # type: ignore[attr-defined]
        return run

    return decorate


def _option(name: str) -> tuple[Any, Any]:
    """The type and default of a field's option. What is off has `--compile` alone, what is on `--no-...` as well."""
    field = Setup.model_fields[name]
    kind, least = _kind(field)
    extra: Any = field.json_schema_extra
    flags = () if field.default is True else (f"--{name.replace('_', '-')}",)
    option = typer.Option(*flags, metavar=extra["metavar"], help=field.description, min=least)
    if get_origin(kind) is tuple:
        return Annotated[list[str] | None, option], None
    return Annotated[kind if field.default is not None else kind | None, option], field.default


def _kind(field: FieldInfo) -> tuple[Any, int | None]:
    """The type of a field's values without none and bounds, and the least of these where there is one."""
    kind = next((each for each in get_args(field.annotation) if NoneType in get_args(field.annotation)), None)
    kind, bounds = field.annotation if kind is None else kind, list(field.metadata)
    if get_origin(kind) is Annotated:
        kind, *bounds = get_args(kind)
    return kind, next(_least(bounds), None)


def _least(bounds: list[Any]) -> Iterator[int]:
    for bound in bounds:
        if isinstance(bound, FieldInfo):
            yield from _least(bound.metadata)
        elif hasattr(bound, "ge"):
            yield bound.ge
        elif hasattr(bound, "gt"):
            yield bound.gt + 1


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
