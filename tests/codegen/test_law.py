"""The law of emitted classes, over the library, the zoo, and classes of which it is known whether they keep it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from agreement import Disagreement, check_net, check_weights
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from law import Emitted, Unlawful, Use, check_block, omissions, others
from law import check_net as check_net_law

import netspec
from netspec.codegen import compile_graph
from netspec.codegen.loader import load_source
from netspec.graph.graph import Graph
from netspec.syntax import tree

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = {path.stem: path for path in sorted((ROOT / "examples").glob("*.net"))}
NETS = [(name, net) for name, path in EXAMPLES.items() for net in netspec.load(path).nets]
STD = {
    "densenet": "DenseLayer(4); DenseLayer(4); Transition; DenseLayer(6, 2); Transition(0.25)",
    "inception": "Inception(2, 3, 4, 1, 2, 5); Inception(3, 2, 6, 2, 4, 5); "
    "BasicConv(6, 3, 2); BasicConv(4, [1, 3], pad=[0, 1])",
    "resnet": "BasicBlock(8); BasicBlock(8); BasicBlock(12, stride=2); "
    "Bottleneck(3); Bottleneck(4, stride=2, v1=true); Bottleneck(4, wide=2)",
    "se": "SE(4); conv(32, 1); SE; SqueezeExcitation(4); SqueezeExcitation(3, act=silu)",
    "unet": "DoubleConv(8, pad=same); DoubleConv(12)",
}
"""A use or more of each block of the library."""
MOST_MACS, MOST_WEIGHTS = 100_000_000, 12_000_000
"""How large a net of the zoo is run on tensors."""

fixed = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def std_text(name: str) -> str:
    blocks = [item.name for item in _std_file(name).items if isinstance(item, tree.Definition)]
    return f"from std.{name} import {', '.join(blocks)}\nnet N {{ input x [16, 16, 16]; {STD[name]} }}\n"


def _std_file(name: str) -> tree.File:
    return netspec.load(ROOT / "netspec" / "std" / f"{name}.net").tree


def check_family(emitted: Emitted, uses: list[Use], examples: int) -> None:
    """One class, with the arguments of the file and then with others."""
    for use in uses[:2]:
        check_block(emitted.text, use)

    @settings(fixed, max_examples=examples)
    @given(st.randoms(use_true_random=False), st.integers(0, 99))
    def check(chance: random.Random, seed: int) -> None:
        use = others(uses, chance)
        assume(check_block(emitted.text, use, seed=seed, omitted=omissions(use, chance)).claim != "refused")

    check()


def check_families(emitted: Emitted, examples: int) -> None:
    wrong = []
    for uses in emitted.families():
        if not uses[0].is_exception:
            try:
                check_family(emitted, uses, examples)
            except Unlawful as unlawful:
                wrong.append(f"{uses[0].name}: {unlawful}")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("name", STD)
def test_blocks_of_the_library(name: str) -> None:
    emitted = Emitted(std_text(name))
    defined = {item.name for item in _std_file(name).items if isinstance(item, tree.Definition)}
    assert {use.name for use in emitted.uses()} == defined
    check_families(emitted, examples=30)


@cache
def emitted_of(name: str, net: str) -> Emitted:
    """A network of the zoo, emitted."""
    return Emitted(EXAMPLES[name].read_text(), net)


@pytest.mark.parametrize(("name", "net"), NETS)
def test_blocks_of_the_zoo(name: str, net: str) -> None:
    check_families(emitted_of(name, net), examples=10)


@pytest.mark.parametrize(("name", "net"), NETS)
def test_nets_of_the_zoo(name: str, net: str) -> None:
    """A net is a class with the net's parameters: with other values of them it is the graph with those values."""
    emitted = emitted_of(name, net)
    use = emitted.net_use()
    if use.is_exception:
        pytest.skip("an exception")
    if not use.parameters:
        return
    if any(shape.is_open for shape in use.shapes):
        pytest.skip("its sizes stay open")

    @settings(fixed, max_examples=6)
    @given(st.randoms(use_true_random=False))
    def check(chance: random.Random) -> None:
        other = replace(others([use], chance), shapes=use.shapes)
        try:
            graph = emitted.graph_with(other.arguments)
        except netspec.NetspecError:
            assume(False)
        check_net_law(other, graph)

    check()


def exceptions() -> Iterator[str]:
    """Each class of library and zoo that is not its block or net for all arguments."""
    library = [(f"std.{name}", None, Emitted(std_text(name))) for name in STD]
    for name, net, emitted in (*library, *((name, net, emitted_of(name, net)) for name, net in NETS)):
        lines = set()
        for use in (*emitted.uses(), *([emitted.net_use()] if net else [])):
            if use.is_exception:
                lines.add(f"{name} {use.name}: {use.emitted.__name__ if use.emitted else 'no class'}")
        yield from sorted(lines)


def test_exceptions_are_the_known_ones(update_golden: bool) -> None:
    path = GOLDEN / "exceptions.txt"
    text = "".join(f"{line}\n" for line in exceptions())
    if update_golden:
        path.write_text(text)
    assert path.read_text() == text, "run pytest --update-golden and review the difference: fewer is better"


# The zoo as it is


def chosen(name: str, net: str) -> Iterator[dict[str, Any]]:
    """The net's defaults, and every value of each of its parameters that has choices or is true or false."""
    definition = netspec.load(EXAMPLES[name]).module.environment.templates[net].definition
    yield {}
    for parameter in definition.parameters:
        if isinstance(parameter.type, tree.Choice):
            yield from ({parameter.name: choice.value} for choice in parameter.type.values)
        elif isinstance(parameter.type, tree.TypeName) and parameter.type.name == "bool":
            yield from ({parameter.name: value} for value in (True, False))


@pytest.mark.parametrize(("name", "net"), NETS)
def test_every_choice_of_the_zoo_has_the_weights_of_its_graph(name: str, net: str) -> None:
    for arguments in chosen(name, net):
        try:
            graph = netspec.load(EXAMPLES[name]).graph(net, **arguments)
        except netspec.NetspecError:
            continue
        try:
            check_weights(graph, compile_graph(graph, device="meta"))
        except Exception as error:
            error.add_note(f"{net}({arguments})")
            raise


def small_graph(name: str, net: str) -> Graph:
    """The net on the smallest maps that it takes, of a few sizes."""
    spec = netspec.load(EXAMPLES[name])
    graph = spec.graph(net)
    for size in (32, 64, 96):
        shapes = {
            value.name: [value.shape.dims[0], *(min(int(dim), size) for dim in value.shape.dims[1:])]
            for value in graph.inputs
            if not value.shape.is_open
        }
        try:
            return spec.graph(net, inputs=shapes)
        except netspec.NetspecError:
            continue
    return graph


@pytest.mark.parametrize(("name", "net"), NETS)
def test_nets_of_the_zoo_compute_what_their_graphs_say(name: str, net: str) -> None:
    graph = small_graph(name, net)
    if any(value.shape.is_open for value in graph.inputs):
        pytest.skip("its sizes stay open")
    if graph.macs > MOST_MACS or graph.parameters > MOST_WEIGHTS:
        pytest.skip("too large to be run here")
    assert not check_net(graph, compile_graph(graph))


# Whether the law can be broken without being seen

BLOCK = """
block Gate(width: int, stride: int = 1, wide: bool = false) {
  let inner = 2 * width if wide else width
  residual {
    c1 = conv(inner, 3, stride, pad=1, bias=false) -> batchnorm -> relu
    c2 = conv(width, 1)
  } shortcut { if stride != 1 or in.channels != width { down = conv(width, 1, stride) } }
  dropout(0.25)
}
net N { input x [6, 8, 8]; Gate(6); Gate(8, 2); Gate(8, wide=true) }
"""
CLASS = """
from torch import Tensor, nn


class Gate(nn.Module):
    def __init__(self, in_channels: int, width: int, stride: int = 1, wide: bool = False) -> None:
        super().__init__()
        inner = 2 * width if wide else width
        self.c1 = nn.Sequential(
            nn.Conv2d(in_channels, inner, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
        )
        self.c2 = nn.Conv2d(inner, width, 1)
        self.down: nn.Module = nn.Identity()
        if stride != 1 or in_channels != width:
            self.down = nn.Conv2d(in_channels, width, 1, stride=stride)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.down(x) + self.c2(self.c1(x)))
"""
BREACHES = {
    "a formula that fits the file": ("2 * width if wide else width", "2 * width if wide else (width + 1) // 2 * 2"),
    "a stride that does not follow": ("width, 1, stride=stride)", "width, 1, stride=2 if stride == 2 else 1)"),
    "a shortcut that is forgotten": ("stride != 1 or in_channels != width", "in_channels != width"),
    "a parameter under another name": ("stride: int = 1", "step: int = 1"),
    "no default": ("stride: int = 1, wide: bool = False", "stride: int, wide: bool"),
    "another default": ("wide: bool = False", "wide: bool = True"),
    "what nobody derives": ("in_channels: int", "channels_in: int"),
    "another constant": ("nn.BatchNorm2d(inner)", "nn.BatchNorm2d(inner, momentum=0.2)"),
    "no dropout": ("return self.dropout(", "return ("),
    "another dropout": ("Dropout(0.25)", "Dropout(0.5)"),
    "a gradient that stops": ("self.c2(self.c1(x))", "self.c2(self.c1(x.detach()))"),
    "a value that is thrown away": ("self.c2(self.c1(x))", "self.c2(self.c1(x)) * 0"),
    "a key of another name": ("self.c2", "self.c3"),
    "one more weight": ("self.dropout = ", "self.more = nn.Linear(1, 1)\n        self.dropout = "),
    "a fixed weight": ("self.dropout = ", "self.c2.weight.requires_grad_(False)\n        self.dropout = "),
}


def hand_written(old: str = "", new: str = "") -> list[Use]:
    assert not old or old in CLASS
    emitted = load_source(CLASS.replace(old, new) if old else CLASS).Gate
    return [replace(use, emitted=emitted) for use in Emitted(BLOCK).uses()]


def test_a_class_that_keeps_the_law_is_found_to_keep_it() -> None:
    chance = random.Random(0)
    verdicts = [check_block(BLOCK, others(hand_written(), chance)).claim for _ in range(60)]
    assert verdicts.count("numbers") > 40


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_seen(breach: str) -> None:
    uses, chance = hand_written(*BREACHES[breach]), random.Random(0)

    def keep_on() -> None:
        for seed in range(60):
            use = others(uses, chance)
            check_block(BLOCK, use, seed=seed, omitted=omissions(use, chance))

    with pytest.raises(Unlawful):
        keep_on()


def test_a_size_of_height_and_width_is_found() -> None:
    """A constructor's last keyword takes what the entering map makes of it; its default is the file's."""
    text = "block Head(n) { conv(4, 3) -> flatten -> linear(n) }\nnet N { input x [3, 8, 8]; Head(5) }\n"
    source = """
from torch import nn


class Head(nn.Sequential):
    def __init__(self, in_channels: int, n: int, features: int = 144) -> None:
        super().__init__(nn.Conv2d(in_channels, 4, 3), nn.Flatten(), nn.Linear(features, n))
"""
    uses = [replace(use, emitted=load_source(source).Head) for use in Emitted(text).uses()]
    chance = random.Random(0)
    assert {check_block(text, others(uses, chance)).claim for _ in range(20)} >= {"numbers"}


def test_statistics_are_compared() -> None:
    graph, other = (netspec.parse(f"net N {{ input x [4]; batchnorm(momentum={m}) }}").graph() for m in (0.1, 0.2))
    with pytest.raises(Disagreement, match="statistics"):
        check_net(graph, compile_graph(other))
