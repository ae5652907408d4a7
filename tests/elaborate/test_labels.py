"""Labels are any key of a checkpoint, and what they name can be read."""

from __future__ import annotations

import pytest

import netspec
from netspec.diagnostics import NetspecError


def net(body: str, before: str = "", parameters: str = "") -> str:
    return f"{before}\nnet N{parameters} {{\n  input x [8, 16, 16]\n{body}\n}}\n"


def weights(body: str, before: str = "", parameters: str = "", **arguments: object) -> list[str]:
    """The keys of the convolutions, in order."""
    graph = netspec.parse(net(body, before, parameters)).graph(**arguments)
    return [node.key for node in graph.nodes if node.layer.name == "conv"]


def mistake(body: str, before: str = "") -> str:
    with pytest.raises(NetspecError) as caught:
        netspec.parse(net(body, before)).graph()
    first = caught.value.diagnostics[0]
    return f"{first.code} {first.message} {first.help}"


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ("0 = conv(8, 1)", ["0"]),
        ('"block1-0" = conv(8, 1)', ["block1-0"]),
        ('for i in range(2) { "b${i + 1}-$i" = conv(8, 1) }', ["b1-0", "b2-1"]),
        ("for i in range(2) { $i = conv(8, 1) }", ["0", "1"]),
        ("for i in range(2) { ${2 * i} = conv(8, 1) }", ["0", "2"]),
        ("convs = concat { for i in range(2) { $i = { conv(4, 1) -> relu } } }", ["convs.0.0", "convs.1.0"]),
        ("stem.proj = conv(8, 1); stem.out.0 = conv(8, 1)", ["stem.proj", "stem.out.0"]),
        (
            "for i in range(2) { inner[i].0 = conv(8, 1) }; inner[1].1 = conv(8, 1)",
            ["inner.0.0", "inner.1.0", "inner.1.1"],
        ),
        ('head["a-b"] = conv(8, 1)', ["head.a-b"]),
        ("for i in range(2) { output p$i = conv(4, 1) }", ["p0", "p1"]),
        ("f = { { conv(8, 1) -> relu }; { conv(8, 1) } }", ["f.0.0", "f.1.0"]),
        ("f = repeat 2 { conv(8, 1) -> relu }", ["f.0", "f.2"]),
    ],
)
def test_a_label_is_the_key(body: str, keys: list[str]) -> None:
    assert weights(body) == keys


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ("s = { x; conv(8, 1) }", ["s.conv1"]),
        ("a = relu; s = { a; conv(8, 1) }", ["s.conv1"]),
        ("s = x -> conv(8, 1) -> relu", ["s.0"]),
        ("s = { relu; conv(8, 1); upsample(like=in) }", ["s.conv1"]),
        ("s = { conv(_, 8, 1); _ * 2 }", ["s.0"]),
        ("s = { conv(in.channels, 1) -> relu }", ["s.0"]),
        ("s = { if x.channels == 8 { conv(8, 1) } else { a = conv(8, 1) } }", ["s.conv1"]),
        # a group in a chain is one stage, whatever is inside of it
        ("f = { { conv(4, 1) }; { c = conv(4, 1); relu } }", ["f.0.0", "f.1.c"]),
        ("f = { { residual { conv(8, 1) }; relu }; conv(4, 1) }", ["f.0.conv1", "f.1"]),
        ("f = { { in -> conv(4, 1) }; conv(4, 1) }", ["f.conv1", "f.conv2"]),
    ],
)
def test_names_hang_on_how_a_body_is_written(body: str, keys: list[str]) -> None:
    assert weights(body) == keys


@pytest.mark.parametrize(
    ("read", "shape"),
    [
        ("f.0", "[4, 16, 16]"),
        ("f[1]", "[4, 16, 16]"),
        ("f[-1]", "[5, 16, 16]"),
        ("f.2.0", "[5, 16, 16]"),
        ('named."a-b"', "[6, 16, 16]"),
        ("named.layer${1 + 1}", "[7, 16, 16]"),
        ("named.side", "[3, 16, 16]"),
        ("inner[0].1", "[2, 16, 16]"),
        ('"b-1"', "[9, 16, 16]"),
    ],
)
def test_what_is_inside_can_be_read(read: str, shape: str) -> None:
    body = f"""
      f = {{ conv(4, 1); relu; {{ conv(5, 1) }} }}
      named = {{ "a-b" = conv(6, 1); layer2 = conv(7, 1); let side = conv(_, 3, 1) }}
      inner[0].1 = conv(2, 1)
      "b-1" = conv(9, 1)
      output y = {read} -> relu
    """
    graph = netspec.parse(net(body)).graph()
    assert str(graph.outputs[0].value.shape) == shape


def test_a_label_takes_the_name_of_a_parameter_after_its_own_stage() -> None:
    graph = netspec.parse(
        net("width = conv(width, 1) -> relu; width -> conv(2, 1)", parameters="(width: int = 4)")
    ).graph()
    assert [node.key for node in graph.nodes] == ["width.0", "width.1", "conv1"]
    assert str(graph.outputs[0].value.shape) == "[2, 16, 16]"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('"a.b" = relu; a = relu', "E0204"),
        ("a = relu; a.b = relu", "E0204 a is a stage or value by itself"),
        ("a.b = relu; a.b = relu", "E0204 there is a stage labelled a.b"),
        ('"a b" = relu', "E0206"),
        ('"" = relu', "E0206"),
        ("f = { conv(4, 1); relu }; f[7] -> relu", "its stages are 0 to 1"),
        ("f = { conv1 = conv(4, 1) }; f.conv2 -> relu", "did you mean conv1"),
    ],
)
def test_what_is_wrong_with_a_label_is_said(body: str, said: str) -> None:
    assert said in mistake(body)


def test_a_budget_names_a_stage_by_any_label() -> None:
    body = """
      assert macs(f.0) < 1M; assert macs(convs[0]) < 1M; assert macs("b-1") < 1M; assert macs(0) < 1M
      f = { conv(8, 1) -> relu }; convs[0] = conv(8, 1); "b-1" = conv(8, 1); 0 = conv(8, 1)
    """
    assert not [found for found in netspec.parse(net(body)).check() if found.severity == "error"]
