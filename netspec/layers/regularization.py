"""Layers that are random while training, and not in eval mode."""

from typing import ClassVar

from netspec.layers.declaration.base import FigureWeight, Layer, Probability, Support, TorchCall, layer
from netspec.shapes.shape import Shape


class Drop(Layer):
    """Drops with probability p while training: the shape stays."""

    figure_weight: ClassVar[FigureWeight] = "light"
    idle_in_eval: ClassVar[bool] = True
    may_vary: ClassVar[frozenset[str]] = frozenset({"p"})

    p: Probability = 0.5

    def infer(self, x: Shape) -> Shape:
        return x

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(f"nn.{self._module(x)}", (self.p,))

    def _module(self, x: Shape) -> str:
        """The class in torch.nn."""
        raise NotImplementedError


@layer("dropout", pytorch=("p",))
class Dropout(Drop):
    """Sets elements to 0 with probability p while training, and scales the others by 1 / (1 - p).

    Shape: any -> the same.
    Source: Srivastava et al., "Dropout", JMLR 2014.
    Example: `linear(4096) -> relu -> dropout`
    """

    def _module(self, x: Shape) -> str:
        return "Dropout"


@layer("channel_dropout", "Dropout1d", "Dropout2d", "Dropout3d", "SpatialDropout", "feature_dropout", pytorch=("p",))
class ChannelDropout(Drop):
    """Sets whole channels to 0 with probability p while training, and scales the others by 1 / (1 - p).

    Shape: (C, *S) -> the same.
    Source: Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.
    Example: `conv(64, 3) -> channel_dropout(0.2)`
    """

    figure_name: ClassVar[str] = "channel dropout"
    ranks: ClassVar[tuple[int, ...] | None] = (2, 3, 4)

    def _module(self, x: Shape) -> str:
        return f"Dropout{x.rank - 1}d"


@layer("alpha_dropout")
class AlphaDropout(Drop):
    """Dropout that keeps the mean and variance of what selu makes.

    Shape: any -> the same.
    Source: Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.
    Example: `linear(512) -> selu -> alpha_dropout(0.05)`
    """

    def _module(self, x: Shape) -> str:
        return "AlphaDropout"


DROP_PATH = Support(
    "DropPath",
    '''\
class DropPath(nn.Module):
    """Drops a sample with probability p while training; those that stay are scaled."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if self.p == 1:
            return torch.zeros_like(x)
        kept = x.new_empty(x.shape[0], *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept.div_(1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"
''',
)


@layer("drop_path", "stochastic_depth")
class DropPath(Layer):
    """Drops the value of a whole sample with probability p while training: stochastic depth, at the end of a residual.

    Shape: any -> the same.
    Source: Huang et al., "Deep networks with stochastic depth", ECCV 2016.
    Example: `residual { conv(64, 3, pad=1) -> batchnorm -> drop_path(0.1) }`
    """

    figure_weight: ClassVar[FigureWeight] = "light"
    idle_in_eval: ClassVar[bool] = True
    may_vary: ClassVar[frozenset[str]] = frozenset({"p"})
    figure_name: ClassVar[str] = "drop path"

    p: Probability

    def infer(self, x: Shape) -> Shape:
        return x

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall("DropPath", (self.p,), support=(DROP_PATH,))
