"""The law of emitted classes: with other arguments than those of its file, the class is still the block.

Of a spec that uses a block, the class is taken out of the emitted source. Its constructor is called with arguments
that the file never gave, and the module is compared with the graph that netspec elaborates for a net that calls the
block so:

    arguments B, entering shapes  ->  text of a net  ->  graph  ==  Class(in_channels, B)

The constructor takes what the block derives from its inputs (`in_channels`, `in_features`, `skip_channels`), then the
block's parameters by name, order and default, then sizes that come from height and width, each with a number as
default. A class that cannot be said for all arguments has a docstring that says so, and is an exception.
"""

from __future__ import annotations

import inspect
import itertools
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import torch
from agreement import (
    Disagreement,
    Run,
    Unclaimed,
    check_numbers,
    check_weights,
    graph_weights,
    net_results,
    sample,
    set_weights,
)
from codegen_reference import Reference
from torch import Tensor, nn

import netspec
from netspec.codegen.loader import load_source, net_class
from netspec.elaborate import elaborate
from netspec.elaborate.values.types import is_tensor, is_tensors
from netspec.graph.graph import Graph, Scope, Value
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import spec_literal
from netspec.shapes.shape import Shape
from netspec.syntax import tree

EXCEPTION = "for these arguments only"
"""What the docstring of a class says that is not the block for all arguments."""
CALLER = "LawOfTheBlock"
INSTANCE = "law_instance"
MOST_MACS = 20_000_000
"""How large a net is run on tensors; a larger one is constructed without memory, for its keys and shapes."""
MOST_WEIGHTS = 3_000_000
SIZES_TRIED = 24


class Unlawful(AssertionError):
    """The class is not the block, and for which arguments."""


@dataclass(frozen=True)
class Use:
    """One use of a block or net: its definition, the class that was emitted for it, and what it was given.

    `shapes` are those of the entering value and of the tensor parameters; of a net, of its inputs.
    """

    definition: tree.Definition
    emitted: type[nn.Module] | None
    arguments: tuple[tuple[str, Any], ...]
    shapes: tuple[Shape, ...]

    @property
    def name(self) -> str:
        return self.definition.name

    @cached_property
    def parameters(self) -> tuple[tree.Parameter, ...]:
        """The parameters that are no tensors."""
        return tuple(p for p in self.definition.parameters if not is_tensor(p) and not is_tensors(p))

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """The names of the tensors that parameters take; those of a list, of which there may be one, have places."""
        single = sum(map(is_tensor, self.definition.parameters))
        names: list[str] = []
        for parameter in self.definition.parameters:
            if is_tensor(parameter):
                names.append(parameter.name)
            elif is_tensors(parameter):
                names.extend(f"{parameter.name}_{place}" for place in range(len(self.shapes) - 1 - single))
        return tuple(names)

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """The names of the parameters that are lists of tensors."""
        return tuple(parameter.name for parameter in self.definition.parameters if is_tensors(parameter))

    @property
    def is_exception(self) -> bool:
        """Whether there is no class that is the block for all arguments."""
        return self.emitted is None or EXCEPTION in " ".join((self.emitted.__doc__ or "").split())


class Emitted:
    """A net of a file, emitted and loaded; its module is on the meta device."""

    def __init__(self, text: str, net: str | None = None) -> None:
        self.text = text
        self.spec = netspec.parse(text, "law.net")
        self.graph = self.spec.graph(net)
        self.module = load_source(self.graph.emit())
        with torch.device("meta"):
            self.net = net_class(self.module)()

    @cached_property
    def definitions(self) -> dict[str, tree.Definition]:
        """The blocks and nets that the file can call by name."""
        templates = self.spec.module.environment.templates
        return {name: template.definition for name, template in templates.items()}

    def graph_with(self, arguments: Sequence[tuple[str, Any]]) -> Graph:
        """The net's graph with other arguments, whatever their names. Raises NetspecError where it refuses them."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in arguments}
        return elaborate(self.spec.module.environment.templates[self.graph.name], values)

    def uses(self) -> Iterator[Use]:
        """Every use of a block that the file can call by name, with its class."""
        modules = dict(self.net.named_modules(remove_duplicate=False))
        for scope in self.graph.scopes:
            if scope.kind != "block" or not scope.first_use:
                continue
            definition = self._definition(scope)
            if definition is not None and not any(value.shape.is_open for value in scope.inputs):
                emitted = type(modules.get(scope.key))
                own = emitted if emitted.__module__ == self.module.__name__ else None
                yield Use(definition, own, scope.arguments, tuple(value.shape for value in scope.inputs))

    def families(self) -> list[list[Use]]:
        """The uses of each block by class and ranks: what one class has to serve."""
        families: dict[object, list[Use]] = {}
        for use in self.uses():
            ranks = tuple((shape.rank, shape.dtype) for shape in use.shapes)
            families.setdefault((use.name, use.emitted, ranks), []).append(use)
        return list(families.values())

    def _definition(self, scope: Scope) -> tree.Definition | None:
        definitions = self.definitions.values()
        return next((item for item in definitions if item.signature == scope.definition), None)

    def net_use(self) -> Use:
        """The net itself, with its parameters."""
        definition = self.definitions[self.graph.name]
        shapes = tuple(value.shape for value in self.graph.inputs)
        return Use(definition, type(self.net), self.graph.arguments, shapes)


# Arguments that the file never gave


class Draw:
    """Arguments and shapes for one use: numbers near those that were given, each alone or all of them by one factor."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.factor = chance.choice([None, None, None, (1, 2), (1, 4), (1, 8), (3, 2), (1, 16), (1, 1)])

    def another(self, value: Any, parameter: tree.Parameter, pool: Sequence[Any]) -> Any:
        """A value like those of `pool`, which the file gives to the parameter."""
        if isinstance(parameter.type, tree.Choice):
            return self.chance.choice([choice.value for choice in parameter.type.values])
        match value:
            case bool():
                return self.chance.random() < 0.5
            case int():
                return self.whole(value)
            case float():
                return self.chance.choice([value, value / 2, 0.5, 0.25, 0.1])
            case list() | tuple() if value:
                items = [self.another(item, replace(parameter, type=None), [item]) for item in value]
                return items[: self.chance.randint(1, len(items))] if self.chance.random() < 0.2 else items
            case _:
                return self.chance.choice(list(pool))

    def whole(self, value: int) -> int:
        """A number near one that was given; a large one gives way to a small one, so that nets stay small."""
        if value <= 4:
            return self.chance.choice([1, 2, 3, 4, value, value, value + 1, max(0, value - 1)])
        if self.factor is not None:
            times, part = self.factor
            return value * times // part or 1
        small = [value // part for part in (2, 4, 8, 16) if value % part == 0 and value // part <= 64]
        near = [value, value + 1] if value < 64 else [32, 48]
        return self.chance.choice([*small, *small, 4, 6, 8, 12, 16, 24, *near])

    def entering(self, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Other channels; maps mostly as small as a common divisor of their sizes allows."""
        largest = max((int(size) for shape in shapes for size in shape.dims[1:]), default=1)
        parts = [part for part in (1, 2, 4, 8, 16, 32) if largest // part >= 4] or [1]
        part = self.chance.choice([1, *parts[-2:], *parts[-2:]])
        entering = [self._shape(shape, part) for shape in shapes]
        if len({shape.dims[:1] for shape in shapes}) == 1 and self.chance.random() < 0.5:  # alike before, alike after
            entering = [Shape((*entering[0].dims[:1], *shape.dims[1:]), shape.dtype) for shape in entering]
        return tuple(entering)

    def _shape(self, shape: Shape, part: int) -> Shape:
        if not shape.dims:
            return shape
        channels, *sizes = (int(size) for size in shape.dims)
        if shape.dtype == "float":
            keep = self.factor is None and channels <= 96 and self.chance.random() < 0.2
            channels = channels if keep else self.whole(channels) or 1
        return Shape((channels, *(max(1, size // part) for size in sizes)), shape.dtype)


def others(uses: Sequence[Use], chance: random.Random) -> Use:
    """A use with other arguments and entering channels than any of `uses`, which are of one definition."""
    use, draw = chance.choice(list(uses)), Draw(chance)
    arguments = []
    for parameter in use.parameters:
        pool = [dict(other.arguments)[parameter.name] for other in uses]
        value = dict(use.arguments)[parameter.name]
        keep = draw.factor is None and chance.random() < 0.25
        arguments.append((parameter.name, value if keep else draw.another(value, parameter, pool)))
    return replace(use, arguments=tuple(arguments), shapes=draw.entering(use.shapes))


def omissions(use: Use, chance: random.Random) -> frozenset[str]:
    """Parameters that are left to their defaults, now and then."""
    optional = [parameter.name for parameter in use.parameters if parameter.default is not None]
    return frozenset(name for name in optional if chance.random() < 0.3)


def call_text(use: Use, omitted: frozenset[str] = frozenset()) -> str:
    """A net that calls the block as `use` says; parameters in `omitted` are left to their defaults."""
    inputs = [f"law_input{index}" for index in range(len(use.shapes))]
    kinds = {"float": "", "int": ": int", "bool": ": bool"}
    lines = [
        f"  input {name}{kinds[shape.dtype]} [{', '.join(map(str, shape.dims))}]"
        for name, shape in zip(inputs, use.shapes, strict=True)
    ]
    given = dict(zip(use.tensors, inputs[1:], strict=True))
    items = {name: [given[each] for each in given if each.rpartition("_")[0] == name] for name in use.lists}
    single = {p.name: given[p.name] for p in use.definition.parameters if is_tensor(p)}
    tensors = [f"{name}={value}" for name, value in single.items()]
    tensors += [f"{name}=[{', '.join(values)}]" for name, values in items.items()]
    plain = [f"{name}={_literal(value)}" for name, value in use.arguments if name not in omitted]
    call = f"  {INSTANCE} = {inputs[0]} -> {use.name}({', '.join([*tensors, *plain])})"
    return "\n".join([f"net {CALLER} {{", *lines, call, "}"])


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return value if value in REGISTRY else f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return spec_literal(value)


# What a constructor is called with

DERIVED = re.compile(r"(?P<tensor>\w+?)_(?P<size>channels|features|height|width|length|depth|rank)_*")
SIZES = {
    "channels": lambda shape: shape.dims[0],
    "features": lambda shape: shape.dims[-1],
    "height": lambda shape: shape.dims[-2],
    "width": lambda shape: shape.dims[-1],
    "length": lambda shape: shape.dims[1],
    "depth": lambda shape: shape.dims[1],
    "rank": lambda shape: shape.rank,
}


@dataclass(frozen=True)
class Constructor:
    """The signature of an emitted class, in its three parts."""

    derived: tuple[inspect.Parameter, ...]
    own: tuple[inspect.Parameter, ...]
    sizes: tuple[inspect.Parameter, ...]


def constructor(use: Use) -> Constructor:
    """The parts of the class's signature. Raises Unlawful where the block's own parameters are not among them."""
    assert use.emitted is not None
    signature = inspect.signature(use.emitted)
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)  # those of torch's own classes
    parameters = [parameter for parameter in signature.parameters.values() if parameter.kind not in variadic]
    names = [parameter.name.strip("_") for parameter in parameters]  # a class mangles `__x`
    wanted = [parameter.name.strip("_") for parameter in use.parameters]
    starts = range(len(names) - len(wanted), -1, -1)
    start = next((start for start in starts if names[start : start + len(wanted)] == wanted), None)
    if start is None:
        raise Unlawful(f"{use.emitted.__name__}{signature} has not the parameters {', '.join(wanted)} of the block")
    end = start + len(wanted)
    if not wanted:  # what is derived has no default, a size has
        start = end = next((i for i, p in enumerate(parameters) if p.default is not p.empty), len(parameters))
    for own, parameter in zip(parameters[start:end], use.parameters, strict=True):
        if (own.default is own.empty) != (parameter.default is None):
            raise Unlawful(
                f"{use.emitted.__name__}{signature}: {own.name} has not the default of the block's parameter"
            )
    return Constructor(tuple(parameters[:start]), tuple(parameters[start:end]), tuple(parameters[end:]))


def constructed(use: Use, omitted: frozenset[str], sizes: Mapping[str, int]) -> nn.Module:
    """The class built with the arguments of `use`."""
    assert use.emitted is not None
    parts = constructor(use)
    given = dict(use.arguments)
    derived = [_derived(parameter, use) for parameter in parts.derived]
    own = {
        mine.name: given[parameter.name]
        for mine, parameter in zip(parts.own, use.parameters, strict=True)
        if parameter.name not in omitted
    }
    return use.emitted(*derived, **own, **_known_sizes(parts, use), **sizes)


def _derived(parameter: inspect.Parameter, use: Use) -> int:
    size = _measured(parameter.name, use)
    if size is None:
        raise Unlawful(f"nobody can say what {parameter.name} of {use.name} is derived from")
    return size


def _measured(name: str, use: Use) -> int | None:
    match = DERIVED.fullmatch(name)
    tensors = (tensor.strip("_") for tensor in use.tensors)  # a class mangles `__x`
    values = dict(zip(("in", *tensors), use.shapes, strict=False))
    if match is None or match["tensor"].strip("_") not in values:
        return None
    return int(SIZES[match["size"]](values[match["tensor"].strip("_")]))


def _known_sizes(parts: Constructor, use: Use) -> dict[str, int]:
    measured = {parameter.name: _measured(parameter.name, use) for parameter in parts.sizes}
    return {name: size for name, size in measured.items() if size is not None}


def _size_choices(graph: Graph, use: Use) -> Iterator[dict[str, int]]:
    """Numbers for the sizes that come from height and width: the defaults, then any that the graph has."""
    yield {}
    parts = constructor(use)
    names = [parameter.name for parameter in parts.sizes if parameter.name not in _known_sizes(parts, use)]
    if not names:
        return
    known = {size for weights in graph_weights(graph) for shape in weights.values() for size in shape}
    for value in (*graph.inputs, *(value for node in graph for value in node.outputs)):
        known |= {int(size) for size in value.shape.dims} | {int(value.shape.elements)}
    for sizes in itertools.islice(itertools.product(sorted(known), repeat=len(names)), SIZES_TRIED**2):
        yield dict(zip(names, sizes, strict=True))


# The law itself

Ready = Callable[[bool], tuple[list[Value], Run]]
"""What is compared in training or evaluation: values of the graph, and how they come from the module."""


@dataclass(frozen=True)
class Verdict:
    """What came of one use: `claim` is refused, keys, numbers, or unclaimed where the graph itself cannot be run."""

    claim: str
    text: str


def check_block(spec_text: str, use: Use, *, seed: int = 0, omitted: frozenset[str] = frozenset()) -> Verdict:
    """The class of `use`, built with its arguments, is the graph of a net that calls the block with them.

    `spec_text` is the file in which the block can be called; parameters in `omitted` are left to their defaults. Raises
    Unlawful where the class is another net, with the call.
    """
    text = call_text(use, omitted)
    try:
        graph = netspec.parse(f"{spec_text}\n{text}\n", "law.net").graph(CALLER)
    except netspec.NetspecError:
        return Verdict("refused", text)
    scope = next(scope for scope in graph.scopes if scope.key == INSTANCE and scope.kind == "block")

    def run(module: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
        taken = list(inspect.signature(module.forward).parameters)
        result = module(
            *inputs[len(inputs) - len(taken) :]
        )  # a block that never asks for what enters takes tensors only
        tensors = [result] if isinstance(result, Tensor) else [tensor for tensor in result if tensor is not None]
        return tensors[: len(scope.outputs)]  # what the file reads from inside the block comes after its results

    with unlawful(text):
        return Verdict(_check(graph, use, omitted, INSTANCE, lambda training: (list(scope.outputs), run), seed), text)


def check_net(use: Use, graph: Graph, *, seed: int = 0) -> Verdict:
    """The net's class, built with the arguments of `use`, is `graph`, which netspec elaborates with them."""
    text = f"{use.name}({', '.join(f'{name}={_literal(value)}' for name, value in use.arguments)})"
    with unlawful(text):
        ready = partial(_net_ready, graph)
        return Verdict(_check(graph, use, frozenset(), "", ready, seed), text)


def _net_ready(graph: Graph, training: bool) -> tuple[list[Value], Run]:
    return net_results(graph.outputs, training=training)


@contextmanager
def unlawful(text: str) -> Iterator[None]:
    """Whatever goes wrong, goes wrong with the class."""
    try:
        yield
    except Exception as error:
        kind = "" if isinstance(error, Unlawful | Disagreement) else f"{type(error).__name__}: "
        raise Unlawful(f"{kind}{error}\n{text}") from error


def _check(graph: Graph, use: Use, omitted: frozenset[str], below: str, ready: Ready, seed: int) -> str:
    """The claim that holds. Raises what is wrong where no sizes make the class the graph."""
    wrong: Exception | None = None
    for sizes in _size_choices(graph, use):
        try:
            return _check_with(graph, use, omitted, below, ready, seed, sizes)
        except (Disagreement, RuntimeError) as error:
            wrong = wrong or error
    assert wrong is not None
    raise wrong


def _check_with(
    graph: Graph, use: Use, omitted: frozenset[str], below: str, ready: Ready, seed: int, sizes: Mapping[str, int]
) -> str:
    with torch.device("meta"):
        check_weights(graph, constructed(use, omitted, sizes), below)
    if graph.macs > MOST_MACS or graph.parameters > MOST_WEIGHTS:
        return "keys"
    module = constructed(use, omitted, sizes).double()
    set_weights(module, seed)
    inputs = [sample(value.shape, seed + index) for index, value in enumerate(graph.inputs)]
    start = f"{below}." if below else ""
    claims = []
    for training in (True, False):
        module.train(training).zero_grad()
        state = {f"{start}{key}": tensor for key, tensor in module.state_dict().items()}
        wanted, run = ready(training)
        try:
            check_numbers(Reference(graph, state, training=training), module, inputs, wanted, run, below)
        except Unclaimed:
            continue
        claims.append("numbers")
    return claims[0] if claims else "unclaimed"
