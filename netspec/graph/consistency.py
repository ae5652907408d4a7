"""What holds of every graph that elaboration makes, checked of one that comes from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from netspec.graph.graph import Graph, Node, ScopeRef, Value
from netspec.layers.declaration.base import Layer, ShapeError
from netspec.shapes.sizes import TooComplexError

DEEPEST = 200
"""How many scopes may be around one another: more than elaboration nests."""
LARGEST_SIZE = 2**31 - 1
PART = re.compile(r"[\w+:/@-]+")
"""One part of a key: an attribute, or a place in a sequence."""
LONGEST_PART = 1_000


def check(graph: Graph) -> None:
    """Raises ValueError with the first thing that cannot be so."""
    _check_ends(graph)
    _check_scopes(graph)
    for node in graph.nodes:
        _check_node(node, graph)
    _check_sets(graph)
    _check_uses(graph)
    _check_fits(graph)


def _check_ends(graph: Graph) -> None:
    """The net's name, inputs and outputs."""
    _ensure(_is_name(graph.name), "name: a net is called by a name")
    _ensure(bool(graph.inputs), "inputs: a net has one at least")
    _ensure(bool(graph.outputs), "outputs: a net has one at least")
    _ensure(not all(output.when_training for output in graph.outputs), "outputs: one is there when not training, too")
    names = [value.name for value in graph.inputs]
    _ensure(all(map(_is_name, names)) and len(set(names)) == len(names), "inputs: each has a name of its own")
    output_names = [output.name for output in graph.outputs if output.name is not None]
    _ensure(
        all(map(_is_label, output_names)) and len(set(output_names)) == len(output_names),
        "outputs: each has a name of its own",
    )
    for value in graph.inputs:
        _check_value(value, f"inputs.{value.name}")
        are_sizes = all(isinstance(size, int) or _is_name(str(size)) for size in value.shape.dims)
        _ensure(are_sizes, f"inputs.{value.name}: a size of an input is a number or a name")


def _check_scopes(graph: Graph) -> None:
    """Scopes are a tree, and each stage stands in it once, where it says."""
    _ensure(bool(graph.scopes) and graph.scopes[0].kind == "net", "scopes: the first is the net")
    depths: list[int] = []
    for scope in graph.scopes:
        where = f"scopes.{scope.index}"
        depths.append(0 if scope.parent is None else depths[scope.parent] + 1)
        _ensure(depths[-1] <= DEEPEST, f"{where}: more than {DEEPEST} scopes around one another")
        _ensure(scope.index == 0 or scope.kind != "net", f"{where}: a net within a net is a block")
        _ensure(scope.is_module or not scope.title, f"{where}: only modules have a title")
        nameless = not scope.is_module or (scope.kind == "container" and not scope.title)  # a group in a chain
        _ensure(nameless or _is_label(scope.title), f"{where}: a module is called by a label")
        _ensure(bool(scope.outputs), f"{where}: it has no output")
        _ensure(all(_is_plain(value) for _, value in scope.arguments), f"{where}: an argument is no plain value")
        _ensure(all(_is_name(name) for name, _ in scope.arguments), f"{where}: an argument has no name")
        around = "" if scope.parent is None else graph.scopes[scope.parent].key
        _ensure(
            _is_key(scope.key, around, scope.is_module and scope.index > 0), f"{where}: {scope.key!r} is no key here"
        )
        rounds = sum(graph.scopes[item.index].kind == "iteration" for item in scope.items if isinstance(item, ScopeRef))
        _ensure((scope.count is None) == (scope.kind not in ("repeat", "for")), f"{where}: only loops have a count")
        _ensure(scope.count is None or scope.count == rounds, f"{where}: its count is not the number of its rounds")
        if scope.counted and scope.items:
            last = scope.items[-1]
            stage = graph.scopes[last.index] if isinstance(last, ScopeRef) else graph.nodes[last]
            _ensure(scope.outputs[0] in stage.outputs, f"{where}: a sequence gives what its last stage does")
    standing = [(item, scope.index) for scope in graph.scopes for item in scope.items]
    expected: list[tuple[int | ScopeRef, int | None]] = [(node.index, node.scope) for node in graph.nodes]
    expected += [(ScopeRef(scope.index), scope.parent) for scope in graph.scopes[1:]]
    _ensure(
        len(standing) == len(expected) and set(standing) == set(expected),
        "scopes: each node and scope is an item of the one that it is in, once",
    )


def _check_node(node: Node, graph: Graph) -> None:
    """A layer takes these inputs, and makes these outputs of them."""
    where = f"nodes.{node.index}"
    required = [slot for slot in node.layer.tensors if not slot.endswith("?")]
    several = any(slot.startswith("*") for slot in node.layer.tensors)
    _ensure(
        len(node.inputs) >= len(required) and (several or len(node.inputs) <= len(node.layer.tensors)),
        f"{where}: {node.layer.name} does not take {len(node.inputs)} inputs",
    )
    for value in node.outputs:
        _check_value(value, where)
    try:
        outputs = node.layer.outputs(*node.shapes)
    except (ShapeError, TooComplexError) as error:
        raise ValueError(f"{where}: {error}") from None
    stored_shapes = tuple(value.shape for value in node.outputs)
    if node.layer.makes_set:
        each, new = stored_shapes[0].each if stored_shapes else None, outputs[0].each
        _ensure(each is not None and new is not None and each.most == new.most, f"{where}: it makes a set of {new}")
        outputs = tuple(shape.of_each(each) for shape in outputs)
    _ensure(
        outputs == stored_shapes, f"{where}: {node.layer.name} makes {_listed(outputs)}, not {_listed(stored_shapes)}"
    )
    module = graph.scopes[node.scope]
    _ensure(_is_key(node.key, module.key, True), f"{where}: {node.key!r} is no key here")


def _check_sets(graph: Graph) -> None:
    """A set is made once, and has a name."""
    made = [node.output.shape.each for node in graph.nodes if node.layer.makes_set]
    _ensure(len(set(map(id, made))) == len(made), "sets: one of them is made twice")
    _ensure(all(_is_label(each.name) for each in graph.sets), "sets: each is called by a label")


def _check_uses(graph: Graph) -> None:
    """Names are unique; a module is made once, at its first use, and is the same at all others."""
    names = [node.name for node in graph.nodes]
    _ensure(len(set(names)) == len(names), "nodes: two of them have one name")
    layers: dict[str, Layer] = {}
    for node in graph.nodes:
        first = layers.setdefault(node.key, node.layer)
        _ensure(node.first_use == (first is node.layer), f"nodes.{node.index}: its key is that of another first use")
        _ensure(first == node.layer, f"nodes.{node.index}: {node.key} is another layer elsewhere")
    modules = {scope.key for scope in graph.scopes if scope.is_module}
    _ensure(modules.isdisjoint(layers), "scopes: a node and a module have one key")
    _ensure(not _when_training(graph), "nodes: one runs only when training, and is needed when not")
    _ensure(not _unused(graph), "nodes: one is said to be unused, and is needed")


def _when_training(graph: Graph) -> bool:
    """Whether something that runs always needs something that runs only when training."""
    always = [*(value for node in graph.nodes if not node.when_training for value in node.inputs)]
    always += [output.value for output in graph.outputs if not output.when_training]
    return any(value.node is not None and graph.nodes[value.node].when_training for value in always)


def _unused(graph: Graph) -> bool:
    """Whether something that runs needs something that is said not to."""
    running = [*(value for node in graph.nodes if not node.unused for value in node.inputs)]
    running += [output.value for output in graph.outputs]
    return any(value.node is not None and graph.nodes[value.node].unused for value in running)


def _check_fits(graph: Graph) -> None:
    """Requirements are on sizes of the inputs, and can be reckoned with."""
    input_symbols = frozenset().union(*_symbols(graph.inputs))
    for node in graph.nodes:
        _ensure(
            frozenset().union(*_symbols(node.outputs)) <= input_symbols, f"nodes.{node.index}: a size that no input has"
        )
    for index, fit in enumerate(graph.fits):
        _ensure(fit.requirement.symbols <= input_symbols, f"fits.{index}: a size that no input has")
        try:
            _ensure(fit.requirement.status != "never", f"fits.{index}: it holds for no size")
        except TooComplexError as error:
            raise ValueError(f"fits.{index}: {error}") from None


def _check_value(value: Value, where: str) -> None:
    for size in value.shape.dims:
        _ensure(not isinstance(size, int) or 1 <= size <= LARGEST_SIZE, f"{where}: {size} is no size")


def _symbols(values: Iterable[Value]) -> Iterator[frozenset[str]]:
    return (frozenset() if isinstance(size, int) else size.symbols for value in values for size in value.shape.dims)


def _is_key(key: str, around: str, deeper: bool) -> bool:
    """Whether a key is that of the module around, or, where it is `deeper`, goes on from there."""
    if not deeper:
        return key == around
    prefix = f"{around}." if around else ""
    return key.startswith(prefix) and _is_label(key.removeprefix(prefix))


def _is_label(text: str) -> bool:
    """Whether a stage may be called so: parts of letters, digits and some signs, with dots between them."""
    return all(len(part) <= LONGEST_PART and PART.fullmatch(part) for part in text.split("."))


def _is_name(text: str) -> bool:
    return text.isidentifier() and len(text) <= LONGEST_PART


def _is_plain(value: Any) -> bool:
    """Whether an argument is what a spec can say: a number, a text, a truth value, nothing, or a list of these."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str) or hasattr(value, "symbols")


def _listed(shapes: Iterable[Any]) -> str:
    return " and ".join(map(str, shapes)) or "nothing"


def _ensure(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
