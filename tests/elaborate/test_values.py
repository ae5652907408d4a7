"""Lists of tensors, comprehensions, functions of numbers and layers as values."""

from __future__ import annotations

import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.graph.graph import Graph
from netspec.spec import parse_argument


def graph(text: str, **arguments: object) -> Graph:
    return netspec.parse(text).graph(**arguments)


def net(body: str, before: str = "") -> str:
    return f"{before}\nnet N(n: int = 3) {{\n  input x [8, 16, 16]\n{body}\n}}\n"


def shape(body: str, before: str = "") -> str:
    return str(graph(net(body, before)).outputs[0].value.shape)


def mistake(body: str, before: str = "") -> tuple[str, str]:
    with pytest.raises(NetspecError) as caught:
        graph(net(body, before))
    first = caught.value.diagnostics[0]
    return f"{first.code} {first.message}", first.help


@pytest.mark.parametrize(
    ("value", "channels"),
    [
        ("sum([w for w in [1, 2, 3]])", 6),
        ("sum([w * i for i, w in enumerate([1, 2, 3])])", 8),
        ("len([w for w in range(10) if w % 2 == 0 and w > 2])", 3),
        ("sum([a * b for a in [1, 2] for b in [3, 4]])", 21),
        ("sum([a + b + c for a, (b, c) in enumerate(zip([1, 2], [3, 4]))])", 11),
        ("[[i * j for j in range(3)] for i in range(3)][2][2]", 4),
        ("half(9)", 5),
        ("half(9, 4)", 3),
        ("half(d=4, v=8) + twice(3)", 8),
    ],
)
def test_an_expression_has_its_value(value: str, channels: int) -> None:
    functions = "let half(v, d=2) = (v + d - 1) // d\nlet twice(v) = 2 * half(2 * v)"
    assert shape(f"conv({value}, 1)", functions) == f"[{channels}, 16, 16]"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("let f(v) = f(v - 1); conv(f(3), 1)", "E0503"),
        ("let f(v) = v; conv(f(x), 1)", "E0206 this needs a number, a text or a list"),
        ("let f(v) = v; conv(f(1, 2), 1)", "E0203 f has fewer parameters"),
        ("let f(v) = v; conv(f(w=2), 1)", "E0203 f has no parameter w"),
        ("let f(v) = v; conv(f(), 1)", "E0203 f needs v"),
        ("conv([w for w in 3][0], 1)", "E0206 this needs a list"),
        ("conv([w for w in [1]][0] + w, 1)", "E0201 there is no value named w"),
        ("for a, (b, c) in [[1, 2]] { relu }", "E0219"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said(body: str, said: str) -> None:
    assert mistake(body)[0].startswith(said)


PYRAMID = """
block Pyramid(levels: list[tensor], width: int) {
  let lateral = [conv(level, width, 1) for level in levels if level.rank == 3]
  return [lateral[0] + upsample(lateral[1], like=lateral[0]), lateral[1]]
}
block Last(levels: list[tensor]) { levels[-1] }
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("let low = maxpool(2); let ps = Pyramid([x, low], 5); ps[1]", "[5, 8, 8]"),
        ("let low = maxpool(2); let a, b = Pyramid([x, low], 5); a", "[5, 16, 16]"),
        ("let low = maxpool(2); Last(Pyramid([x, low], 5))", "[5, 8, 8]"),
        ("let low = maxpool(2); ps = Pyramid([x, low], 5); Last(levels=ps)", "[5, 8, 8]"),
        ("let low = maxpool(2); let ps = [relu(p) for p in Pyramid([x, low], 5)]; Last(ps[:1])", "[5, 16, 16]"),
        ("let low = maxpool(2); let ps = Pyramid([x, low], 5); conv(len(ps), 1)", "[2, 16, 16]"),
        ("let low = maxpool(2); ps = Pyramid([x, low], 5); Last(ps + [x])", "[8, 16, 16]"),
        ("let ps = Pyramid([x, relu(x)], 5); concat(ps)", "[10, 16, 16]"),
        ("let ps = Pyramid([x, relu(x)], 5); concat(x, ps)", "[18, 16, 16]"),
        ("ps = Pyramid([x, relu(x)], 5); add(ps)", "[5, 16, 16]"),
        ("let low = maxpool(2); ps = Pyramid([x, low], 5); qs = Pyramid([x, low], 4); Last(qs + ps)", "[5, 8, 8]"),
    ],
)
def test_lists_of_tensors_go_in_and_out(body: str, expected: str) -> None:
    assert shape(body, PYRAMID) == expected


@pytest.mark.parametrize(
    ("output", "shapes"),
    [
        ("output p = Pyramid([x, low], 5)", {"p0": "[5, 16, 16]", "p1": "[5, 8, 8]"}),
        ("output p = [x, low]", {"p0": "[8, 16, 16]", "p1": "[8, 8, 8]"}),
        ("let ps = [x, low, x]; output p = ps[1:]", {"p0": "[8, 8, 8]", "p1": "[8, 16, 16]"}),
        ("ps = Pyramid([x, low], 5); output p = ps[:1]", {"p0": "[5, 16, 16]"}),
        ("let ps = [x, low]; output p = ps", {"p0": "[8, 16, 16]", "p1": "[8, 8, 8]"}),
        ("output p = [conv(v, 1, 1) for v in [x, low]]", {"p0": "[1, 16, 16]", "p1": "[1, 8, 8]"}),
        ("output [x, low]; output q = low", {None: "[8, 8, 8]", "q": "[8, 8, 8]"}),
    ],
)
def test_a_list_as_an_output_is_as_many(output: str, shapes: dict[str | None, str]) -> None:
    outputs = graph(net(f"let low = maxpool(2); {output}", PYRAMID)).outputs
    assert {output.name: str(output.value.shape) for output in outputs} == shapes


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("output p = [x, 3]", "E0205 outputs are values, and this is the number 3"),
        ("output p = []", "E0205 an output is a value or a list of them, and this is an empty list"),
        ("output p1 = x; output p = [x, x]", "E0204 there is an output named p1 already"),
    ],
)
def test_a_list_that_is_no_output_is_said(output: str, said: str) -> None:
    assert mistake(output, PYRAMID)[0] == said


@pytest.mark.parametrize(
    ("body", "said", "help"),
    [
        ("Last(x)", "E0210 Last needs levels", "levels is a list: [x]"),
        ("Last(x, x)", "E0203", "levels is a list: [x, x]"),
        (
            "Last([x, 3])",
            "E0210 levels of Last is a list of tensors, but item 1 of this is the number 3",
            "leave it out, or give it to a parameter of its own",
        ),
        ("Last([x, y])", "E0201 there is no value named y here", ""),
        ("Last([])", "E0207 there is no item -1 in a list of 0", ""),
        ("Fuse([x, x])", "E0203", "a parameter that is a list of tensors is declared so: xs: list[tensor]"),
    ],
)
def test_a_list_that_is_none_is_said(body: str, said: str, help: str) -> None:
    message = mistake(body, PYRAMID + "block Fuse(xs) { xs[0] + xs[1] }")
    assert message[0].startswith(said)
    assert message[1] == help


LAYERS = """
block CNA(channels: int, act: layer = relu) { conv(channels, 1) -> act }
block Wide(factor: int = 2) { conv(factor * in.channels, 1) }
"""


@pytest.mark.parametrize(
    ("call", "layers"),
    [
        ("CNA(8)", ["conv", "relu"]),
        ("CNA(8, gelu)", ["conv", "gelu"]),
        ("CNA(8, act=leaky_relu(0.2))", ["conv", "leaky_relu"]),
        ("CNA(8, leaky_relu(0.2))", ["conv", "leaky_relu"]),
        ("CNA(8, act=none)", ["conv"]),
        ("CNA(8, act=Wide)", ["conv", "conv"]),
        ("CNA(8, act=Wide(factor=3))", ["conv", "conv"]),
        ("CNA(8, act=gelu if n == 3 else leaky_relu(0.1))", ["conv", "gelu"]),
    ],
)
def test_a_layer_is_an_argument(call: str, layers: list[str]) -> None:
    assert [node.layer.name for node in graph(net(call, LAYERS)).nodes] == layers


@pytest.mark.parametrize(
    ("act", "layers"),
    [("gelu", ["conv", "gelu"]), ("leaky_relu(0.3)", ["conv", "leaky_relu"]), (None, ["conv"])],
)
def test_a_layer_of_a_net_is_set_from_outside(act: str | None, layers: list[str]) -> None:
    text = f"{LAYERS}\nnet N(act: layer = relu) {{ input x [8, 4, 4]; CNA(2, act) }}"
    assert [node.layer.name for node in graph(text, act=act).nodes] == layers


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("CNA(8, act=3)", "E0210"),
        ("CNA(8, act=swish)", "E0202"),
        ("CNA(8, act=leaky_relu(x, 0.1))", "E0205 leaky_relu is given here with a value"),
    ],
)
def test_what_is_no_layer_is_said(call: str, said: str) -> None:
    assert mistake(call, LAYERS)[0].startswith(said)


@pytest.mark.parametrize(("stride", "joined"), [(1, True), (2, False)])
def test_a_residual_may_hang_on_a_condition(stride: int, joined: bool) -> None:
    made = graph(net(f"residual if {stride} == 1 {{ conv1 = conv(8, 3, {stride}, pad=1) }}"))
    assert [node.key for node in made.nodes] == ["conv1", "add1"][: 1 + joined]


def test_lists_that_grow_are_counted_once() -> None:
    body = "let xs = []; for i in range(49) { for j in range(49) { let xs = xs + [i + j] } }; conv(len(xs) // 49, 1)"
    assert shape(body) == "[49, 16, 16]"


def test_a_function_of_the_same_numbers_is_gone_through_once() -> None:
    """The table of a window of 7 x 7 has 2,401 entries, and each of 24 blocks has one."""
    ways = "let ways(n) = [y - v + x - u for y in range(n) for x in range(n) for v in range(n) for u in range(n)]"
    assert shape("repeat 80 { conv(len(ways(7)) // 2401, 1) }", ways) == "[1, 16, 16]"


def test_a_misspelled_layer_on_one_side_of_a_condition_is_named() -> None:
    text = "block C(act: layer) { act }\nnet T(b: bool = true) { input x [8]; C(llu(0.2) if b else relu) }"
    with pytest.raises(NetspecError, match="there is no layer or block named llu"):
        netspec.parse(text, "t.net").graph()


@pytest.mark.parametrize("text", ["{}", "{ relu }", "{ 3 }"])
def test_an_argument_that_is_a_body(text: str) -> None:
    with pytest.raises(NetspecError):
        parse_argument(text)
