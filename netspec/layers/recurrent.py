"""Recurrent layers over sequences."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from netspec.layers.declaration.arguments import options
from netspec.layers.declaration.axes import fixed
from netspec.layers.declaration.base import (
    EVERYTHING,
    Bool,
    FigureWeight,
    Layer,
    Positive,
    Probability,
    Reach,
    ShapeError,
    Support,
    TorchCall,
    layer,
)
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension


def _sequence(name: str) -> Support:
    return Support(
        name,
        f'''\
class {name}(nn.{name}):
    """nn.{name} that returns its outputs alone, (N, L, H)."""

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = super().forward(x)
        return outputs
''',
    )


def _final(name: str) -> Support:
    state = "_, (state, _)" if name == "LSTM" else "_, state"
    return Support(
        f"Final{name}",
        f'''\
class Final{name}(nn.{name}):
    """nn.{name} that returns the last state of its last layer alone, (N, H); both directions side by side."""

    def forward(self, x: Tensor) -> Tensor:
        {state} = super().forward(x)
        return torch.cat([state[-2], state[-1]], 1) if self.bidirectional else state[-1]
''',
    )


def _stateful(name: str) -> Support:
    states = "(states[0], states[1])" if name == "LSTM" else "states[0]"
    return Support(
        f"Stateful{name}",
        f'''\
class Stateful{name}(nn.{name}):
    """nn.{name} that begins in a state, (N, H) or (N, layers, H); returns its outputs (N, L, H) and its last state."""

    def forward(self, x: Tensor, *before: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        states = [part.reshape(len(x), -1, self.hidden_size).transpose(0, 1).contiguous() for part in before]
        outputs, after = super().forward(x, {states} if states else None)
        parts = after if isinstance(after, tuple) else (after,)
        return outputs, *(part.transpose(0, 1).squeeze(1) for part in parts)
''',
    )


class Recurrent(Layer):
    """Runs along the first axis of a sequence and carries a state."""

    figure_weight: ClassVar[FigureWeight] = "heavy"
    mixes_positions: ClassVar[bool] = True
    tensors: ClassVar[tuple[str, ...]] = ("x", "state?")
    ranks: ClassVar[tuple[int, ...] | None] = (2,)

    hidden: Positive = Field(description="the width of the state")
    layers: Annotated[Positive, Field(le=1024)] = Field(
        default=1, description="stacked, each over the outputs of the one before"
    )
    bidirectional: Bool = Field(default=False, description="a second one from the end, its outputs beside the first's")
    dropout: Probability = Field(default=0.0, description="between the layers, while training")
    bias: Bool = True
    final: Bool = Field(default=False, description="only the last state instead of the outputs of all steps")
    states: Bool = Field(default=False, description="returns the last state of each layer, too, to go on from")

    module: ClassVar[str]
    gates: ClassVar[int]

    def infer(self, x: Shape, *before: Shape) -> Shape | tuple[Shape, ...]:
        self._features(x)
        if self.dropout and self.layers == 1:
            raise ShapeError(
                f"the dropout of {self.name} acts between its layers, but there is only one",
                help="layers=2, or a dropout layer after it",
            )
        if self.final and (self.states or before):
            raise ShapeError(
                f"{self.name} returns its last state with states=true, or alone with final=true",
                help="leave out final, and take the state that states=true returns",
                code="E0306",
            )
        parts = len(self.tensors) - 1
        if len(before) not in (0, parts):
            raise ShapeError(f"{self.name} begins in a hidden state and a cell state, not in one of them", code="E0306")
        for state in before:
            if state.dims != self._state or state.dtype != "float":
                raise ShapeError(f"the state of this {self.name} is {list(self._state)}, not {state}", code="E0301")
        width = self.hidden * self._directions
        if self.final:
            return x.with_dims(width)
        outputs = x.with_dims(x.dims[0], width)
        return (outputs, *[x.with_dims(*self._state)] * parts) if self.states else outputs

    def parameters(self, x: Shape, *before: Shape) -> dict[str, tuple[int, ...]]:
        rows = self.gates * self.hidden
        weights: dict[str, tuple[int, ...]] = {}
        for index, width in enumerate(self._widths(x)):
            for direction in ("", "_reverse")[: self._directions]:
                weights[f"weight_ih_l{index}{direction}"] = (rows, width)
                weights[f"weight_hh_l{index}{direction}"] = (rows, self.hidden)
                if self.bias:
                    weights[f"bias_ih_l{index}{direction}"] = (rows,)
                    weights[f"bias_hh_l{index}{direction}"] = (rows,)
        return weights

    def macs(self, x: Shape, *before: Shape) -> Dimension:
        """gates * (F H + H H) a step, layer and direction."""
        columns = sum(width + self.hidden for width in self._widths(x))
        return x.dims[0] * (self.gates * self.hidden * self._directions * columns)

    def reach(self, x: Shape, *before: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def torch(self, x: Shape, *before: Shape) -> TorchCall:
        stateful = self.states or bool(before)
        support = _stateful(self.module) if stateful else (_final if self.final else _sequence)(self.module)
        kwargs = options(num_layers=(self.layers, 1)) | self._options() | options(bias=(self.bias, True))
        kwargs["batch_first"] = True
        kwargs |= options(dropout=(self.dropout, 0), bidirectional=(self.bidirectional, False))
        apply = "{module}({inputs})" if before else "{module}({0})"
        apply = f"{apply}[0]" if stateful and not self.states else apply
        return TorchCall(support.name, (self._features(x), self.hidden), kwargs, apply=apply, support=(support,))

    @property
    def _state(self) -> tuple[int, ...]:
        """The shape of a state: a row for each layer and direction, where there are several."""
        count = self.layers * self._directions
        return (count, self.hidden) if count > 1 else (self.hidden,)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _options(self) -> dict[str, Any]:
        return {}

    def _features(self, x: Shape) -> int:
        return fixed(x.dims[1], x, f"{self.name} has weights for each input feature")

    def _widths(self, x: Shape) -> list[int]:
        """The input width of each layer."""
        return [self._features(x), *[self.hidden * self._directions] * (self.layers - 1)]


@layer("lstm", pytorch=("", "hidden", "layers", "bias", "", "dropout", "bidirectional"))
class LSTM(Recurrent):
    """Long short-term memory over a sequence.

    Shape: (L, F) -> (L, hidden), twice as wide where bidirectional; with `final`, (hidden). With `states` it returns
    its hidden and its cell state as well, each (hidden), or (n, hidden) for n layers and directions; it may begin in
    such.
    Source: Hochreiter, Schmidhuber, "Long short-term memory", 1997, with the forget gate of Gers et al. 2000.
    Example: `embedding(10000, 128) -> lstm(256, final=true) -> linear(2)`; `let y, h, c = lstm(256, states=true)`, and
    then `lstm(target, h, c, 256)`
    """

    tensors = ("x", "state?", "cell?")
    figure_name = "LSTM"
    module = "LSTM"
    gates = 4


@layer("gru", pytorch=("", "hidden", "layers", "bias", "", "dropout", "bidirectional"))
class GRU(Recurrent):
    """Gated recurrent units over a sequence.

    Shape: (L, F) -> (L, hidden), twice as wide where bidirectional; with `final`, (hidden). With `states` it returns
    its state as well, (hidden), or (n, hidden) for n layers and directions; it may begin in one.
    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.
    Example: `gru(128, layers=2, bidirectional=true)`
    """

    figure_name = "GRU"
    module = "GRU"
    gates = 3


@layer("rnn", "SimpleRNN", pytorch=("", "hidden", "layers", "activation", "bias"))
class RNN(Recurrent):
    """h = activation(W x + b + U h' + c) over a sequence, where h' is the state before.

    Shape: (L, F) -> (L, hidden), twice as wide where bidirectional; with `final`, (hidden). With `states` it returns
    its state as well, (hidden), or (n, hidden) for n layers and directions; it may begin in one.
    Source: Elman, "Finding structure in time", 1990.
    Example: `rnn(64)`
    """

    figure_name: ClassVar[str] = "RNN"

    activation: Literal["tanh", "relu"] = "tanh"

    module = "RNN"
    gates = 1

    def _options(self) -> dict[str, Any]:
        return options(nonlinearity=(self.activation, "tanh"))
