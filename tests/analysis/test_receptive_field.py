"""Receptive fields: by formula, and against the gradients of live networks."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netspec
from netspec.analysis.receptive_field import Field, receptive_fields

torch = pytest.importorskip("torch")


def last(text: str, input: str | None = None) -> object:
    graph = netspec.parse(text).graph()
    return receptive_fields(graph, input)[graph.nodes[-1].name]


def chain(*stages: str, shape: str = "[1, 200]") -> str:
    return f"net N {{\n  input x {shape}\n  " + "\n  ".join(stages) + "\n}"


def field(start: int, size: int, jump: int) -> tuple[Field, ...]:
    return (Field(Fraction(start), Fraction(size), Fraction(jump)),)


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ((), None),
        (("conv(1, 3)", "conv(1, 3)"), field(0, 5, 1)),
        (("conv(1, 3, stride=2)", "conv(1, 3)"), field(0, 7, 2)),
        (("conv(1, 3, pad=1)", "conv(1, 3, pad=1)", "conv(1, 3, pad=1)"), field(-3, 7, 1)),
        (("conv(1, 3)", "conv(1, 3, dilation=2)", "conv(1, 3, dilation=4)"), field(0, 15, 1)),
        (("conv(1, 2, pad=causal)", "conv(1, 2, dilation=2, pad=causal)"), field(-3, 4, 1)),
        (("maxpool(2)", "maxpool(2)", "conv(1, 3)"), field(0, 12, 4)),
        (("relu", "batchnorm", "dropout"), field(0, 1, 1)),
        (("conv(1, 4, stride=2)", "upconv(1, 2, stride=2)"), field(0, 4, 1)),
        (("residual { conv(1, 5, pad=2) }",), field(-2, 5, 1)),
        (("add { conv(1, 3, pad=causal)\n  conv(1, 3, pad=[[0, 2]]) }",), field(-2, 5, 1)),
    ],
)
def test_by_formula(stages: tuple[str, ...], expected: object) -> None:
    if expected is None:
        graph = netspec.parse(chain("relu")).graph()
        assert receptive_fields(graph)["x"] == field(0, 1, 1)
    else:
        found = last(chain(*stages))
        assert isinstance(found, tuple)
        assert [axis.size for axis in found] == [axis.size for axis in expected]  # type: ignore[attr-defined]
        if "upconv" not in str(stages):
            assert found == expected


@pytest.mark.parametrize("stages", [("global_avgpool",), ("flatten", "linear(3)"), ("flatten",)])
def test_everything_is_seen_once_the_axes_are_gone(stages: tuple[str, ...]) -> None:
    assert last(chain(*stages)) == "everything"


def test_axes_are_apart() -> None:
    found = last(chain("conv(1, [3, 5], stride=[1, 2])", shape="[1, 32, 32]"))
    assert found == (*field(0, 3, 1), *field(0, 5, 2))


TWO = """
net N {
  input a [1, 32]
  input b [1, 32]
  l = a -> conv(1, 3, pad=1)
  r = b -> conv(1, 5, pad=2)
  l + r
}
"""


def test_fields_are_of_one_input() -> None:
    assert last(TWO) == field(-1, 3, 1)
    assert last(TWO, "b") == field(-2, 5, 1)
    graph = netspec.parse(TWO).graph()
    assert receptive_fields(graph, "b")["a"] is None
    with pytest.raises(KeyError, match="no input 'c'"):
        receptive_fields(graph, "c")


STAGES = st.one_of(
    st.builds(
        lambda kernel, stride, dilation, pad: (
            f"conv(1, {kernel}, {stride}, dilation={dilation}, pad={min(pad, kernel // 2)})"
        ),
        st.integers(1, 5),
        st.integers(1, 3),
        st.integers(1, 3),
        st.integers(0, 2),
    ),
    st.builds(lambda kernel, stride: f"avgpool({kernel}, {stride})", st.integers(1, 4), st.integers(1, 3)),
    st.sampled_from(["residual { conv(1, 3, pad=1) }", "add { conv(1, 3, pad=same)\n  avgpool(1) }", "identity"]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(STAGES, min_size=1, max_size=4))
def test_against_gradients(stages: list[str]) -> None:
    """Where the weights are positive, a position's gradient is not 0 exactly on what it sees (but for strided gaps)."""
    graph = netspec.parse(chain(*stages, shape="[1, 301]")).graph()
    (found,) = receptive_fields(graph)[graph.nodes[-1].name]  # type: ignore[misc]
    model = graph.compile()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    x = torch.zeros(1, 1, 301, dtype=torch.float64, requires_grad=True)
    y = model.double()(x)
    position = y.shape[-1] // 2
    y[0, 0, position].backward()
    assert x.grad is not None
    seen = x.grad[0, 0].nonzero().flatten().tolist()
    start = found.start + position * found.jump
    assert seen[0] == max(0, start)
    assert seen[-1] == min(300, start + found.size - 1)


def test_a_tensor_of_parameters_sees_nothing_of_the_input() -> None:
    graph = netspec.parse("net N {\n  input x [3, 8]\n  let p = param([3, 8])\n  conv(3, 3, pad=1) + p\n}").graph()
    fields = receptive_fields(graph)
    assert fields["p"] is None
    assert fields[graph.nodes[-1].name] == fields["conv1"]
