"""What takes nothing, a learned tensor, comes in from the side: the flow stays the straight way through the picture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import netspec
from netspec.diagram.layout.dot_layout import Graphviz
from netspec.diagram.layout.layout import layout
from netspec.diagram.styles.volumes import volumes
from netspec.diagram.view.feature_maps import feature_maps
from netspec.diagram.view.view import view
from netspec.graph.graph import Graph
from netspec.layers.declaration.base import REGISTRY, Layer, Positive, TorchCall, layer
from netspec.shapes.shape import Shape


@pytest.fixture
def graph() -> Iterator[Graph]:
    """A net that adds positions to its patches."""
    before = dict(REGISTRY)

    @layer("table")
    class Table(Layer):
        tensors = ()
        family = "parameter"

        shape: tuple[Positive, ...]

        def infer(self, *x: Shape) -> Shape:
            return Shape.of(*self.shape)

        def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
            return {"": self.shape}

        def torch(self, *x: Shape) -> TorchCall:
            return TorchCall(parameter="nn.Parameter(torch.zeros())", apply="{module}")

    yield netspec.parse("""
net N {
  input image [3, 32, 32]
  patches = conv(64, 4, stride=4)
  flatten(1) -> transpose(0, 1)
  let positions = table([64, 64])
  _ + positions
  residual { layernorm -> attention(4) }
}""").graph()
    REGISTRY.clear()
    REGISTRY.update(before)


def test_the_flow_is_straight_past_it(graph: Graph) -> None:
    with Graphviz() as graphviz:
        laid = layout(view(graph), graphviz)
    middles = {placed.box.title: placed.x + placed.width / 2 for placed in laid.boxes}
    assert middles["conv 4×4, 64, /4"] == middles["transpose 0, 1"] == middles["+"] == middles["output"]
    assert abs(middles["table 64×64"] - middles["+"]) > 40


def test_it_stands_below_the_maps_right_before_its_reader(graph: Graph) -> None:
    shown = feature_maps(view(graph, unfold=True))
    (source,) = (index for index, one in enumerate(shown.maps) if one.is_source)
    assert shown.maps[source].name == "positions"
    assert not shown.maps[source].is_input
    written = [mark.text for mark in volumes(graph).marks() if hasattr(mark, "text")]
    assert "positions:" in written
    assert "skip connection" not in written


@pytest.mark.parametrize("form", ["svg", "html", "json", "mmd", "dot", "tex"])
@pytest.mark.parametrize("style", ["graph", "table", "volumes"])
def test_every_form_and_style_draws_it(graph: Graph, form: str, style: str) -> None:
    assert "64" in str(graph.render(format=form, style=style))
