"""What most calls of a layer say, said once: `default conv(bias=false)`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from netspec.layers import REGISTRY
from netspec.lifting.writing.writer import literal
from netspec.syntax import tree

FEWEST = 3
SHARE = 0.75


def with_defaults(file: tree.File) -> tree.File:
    """The file with a `default` for each argument that most calls of its layer give alike."""
    calls: dict[str, list[tree.Call]] = {}
    for call in _calls(file):
        assert isinstance(call.callee, tree.Name)
        calls.setdefault(call.callee.id, []).append(call)
    usual = {layer: given for layer, found in sorted(calls.items()) if (given := _usual(layer, found))}
    if not usual:
        return file
    defaults = tuple(
        tree.Default(layer, tuple(tree.Argument(name, value) for name, value in given.items()))
        for layer, given in usual.items()
    )
    return tree.File((*defaults, *_shortened(file.items, usual)))


def _calls(part: Any) -> Iterator[tree.Call]:
    """Every call of a layer; one that is a bare name is a call without arguments."""
    match part:
        case tree.Call(tree.Name(name)) if name in REGISTRY:
            yield part
            for argument in part.arguments:
                yield from _calls(argument.value)
        case tree.Flow(elements):
            for element in elements:
                if isinstance(element, tree.Name) and element.id in REGISTRY:
                    yield tree.Call(element, ())
                else:
                    yield from _calls(element)
        case tree.Tree():
            for _, value in part.content():
                yield from _calls(value)
        case tuple():
            for item in part:
                yield from _calls(item)


def _usual(layer: str, calls: list[tree.Call]) -> dict[str, tree.Expr]:
    counts = Counter((a.name, a.value) for call in calls for a in call.arguments if a.name and _is_plain(a.value))
    enough = max(FEWEST, SHARE * len(calls))
    return {
        name: value
        for (name, value), count in counts.items()
        if name and count >= enough and not REGISTRY[layer].model_fields[name].is_required()
    }


def _is_plain(value: tree.Expr) -> bool:
    """Whether it is how a layer computes and no size: a truth value, or a number that is not whole."""
    return isinstance(value, tree.Constant) or (isinstance(value, tree.Number) and isinstance(value.value, float))


def _shortened(part: Any, usual: dict[str, dict[str, tree.Expr]]) -> Any:
    match part:
        case tree.Call(tree.Name(layer), arguments) if layer in usual:
            inner = tuple(tree.Argument(a.name, _shortened(a.value, usual)) for a in arguments)
            return _call(layer, inner, usual[layer])
        case tree.Flow(elements):
            return tree.Flow(
                tuple(
                    _call(element.id, (), usual[element.id])
                    if isinstance(element, tree.Name) and element.id in usual
                    else _shortened(element, usual)
                    for element in elements
                )
            )
        case tree.Tree():
            return type(part)(*(_shortened(value, usual) for _, value in part.content()))
        case tuple():
            return tuple(_shortened(item, usual) for item in part)
    return part


def _call(layer: str, arguments: tuple[tree.Argument, ...], usual: dict[str, tree.Expr]) -> tree.Expr:
    """A call without what the default says, and with what it says otherwise."""
    given = {argument.name for argument in arguments}
    kept = [a for a in arguments if a.name not in usual or usual[a.name] != a.value]
    for name in usual:
        if name not in given:
            kept.append(tree.Argument(name, literal(REGISTRY[layer].model_fields[name].default)))
    return tree.Call(tree.Name(layer), tuple(kept)) if kept else tree.Name(layer)
