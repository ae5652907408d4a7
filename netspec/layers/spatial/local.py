"""Convolutions that do not share their weights: each position has filters of its own."""

from math import prod
from typing import Any, ClassVar

from pydantic import Field

from netspec.layers.declaration.arguments import Padding, check_init, init_statements, known_channels, options
from netspec.layers.declaration.axes import fixed
from netspec.layers.declaration.base import Bool, Positive, ShapeError, Size, Support, TorchCall, layer, per_axis
from netspec.layers.declaration.initializers import BiasInit, Init
from netspec.layers.spatial.convolution import Correlation
from netspec.layers.spatial.window import Window, flat_pads, windows
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension

LOCAL = Support(
    "LocalConv",
    '''\
class LocalConv(nn.Module):
    """A convolution with filters of its own at each position.

    `pad` is in the order of F.pad: last axis first.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: Sequence[int],
        positions: Sequence[int],
        stride: Sequence[int],
        pad: Sequence[int] = (),
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.pad = tuple(kernel), tuple(stride), tuple(pad)
        weight = torch.empty(*positions, channels, in_channels, *kernel)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.empty(channels, *positions)) if bias else None
        taps = weight[(0,) * len(self.kernel)][0, 0].numel()
        bound = (in_channels * taps) ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.pad) if self.pad else x
        axes = len(self.kernel)
        for axis in range(axes):
            x = x.unfold(axis + 2, self.kernel[axis], self.stride[axis])
        x = x.movedim(1, axes + 1).flatten(axes + 1).unsqueeze(-1)
        weight = self.weight.flatten(axes + 1)
        y = (weight @ x).squeeze(-1).movedim(-1, 1)
        return y if self.bias is None else y + self.bias

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, stride={self.stride}, pad={self.pad}"
''',
    imports=("from collections.abc import Sequence",),
)


@layer("local_conv", "local", "LocallyConnected", "unshared_conv")
class LocalConv(Correlation):
    """A convolution whose weights are not shared: each position of its output has filters of its own.

    Shape: (C, *S) -> (channels, *floor((S + 2p - k) / stride) + 1). The weight is [*positions, channels, C, *kernel].
    Source: Taigman et al., "DeepFace: Closing the gap to human-level performance in face verification", CVPR 2014,
    section 3 (layers L4 to L6).
    Example: `local_conv(16, 9)`
    """

    family: ClassVar[str] = "convolution"
    figure_name: ClassVar[str] = "local conv"

    channels: Positive = Field(description="output channels, the filters of a position")
    kernel: Size
    stride: Size = 1
    pad: Padding = 0
    bias: Bool = True
    init: Init = Field(default=None, description="how the weights start; none is uniform, as PyTorch's convolutions")
    bias_init: BiasInit = Field(default=None, description="how the bias starts: a number, or as for init")

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x, self.kernel, self.stride, self.pad)

    def infer(self, *x: Shape) -> Shape:
        known_channels(self.name, x[0])
        check_init(self.init, self.bias_init, bias=self.bias)
        if isinstance(self.init, str) and self.init.startswith(("he_", "kaiming", "xavier", "lecun", "orthogonal")):
            raise ShapeError(
                f"{self.init} follows from the inputs of a filter that all positions share; local_conv has none",
                help="init=normal(std=0.01), or none",
                code="E0306",
            )
        for size in x[0].spatial:
            fixed(size, x[0], "local_conv has weights for each position")
        return self._slide(x[0], self.channels, "zeros")

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        positions = self._positions(x[0])
        kernel = per_axis(self.kernel, len(positions), "kernel")
        weight = (*positions, self.channels, known_channels(self.name, x[0]), *kernel)
        return {"weight": weight} | ({"bias": (self.channels, *positions)} if self.bias else {})

    def macs(self, *x: Shape) -> Dimension:
        return prod(self.parameters(*x)["weight"])

    def explain(self, axis: int, *x: Shape) -> str | None:
        return self._explain_window(axis, x[0]) if axis else f"{self.channels} = channels of this local_conv"

    def torch(self, *x: Shape) -> TorchCall:
        axes = self._windows(x[0])
        pads = flat_pads(axes)
        kwargs: dict[str, Any] = {"stride": tuple(w.stride for w in axes)}
        kwargs |= {"pad": pads} if any(pads) else {}
        arguments = (
            known_channels(self.name, x[0]),
            self.channels,
            tuple(w.kernel for w in axes),
            self._positions(x[0]),
        )
        return TorchCall(
            "LocalConv",
            arguments,
            kwargs | options(bias=(self.bias, True)),
            init=init_statements(self.init, self.bias_init, bias="{module}.bias" if self.bias else ""),
            support=(LOCAL,),
        )

    def _positions(self, x: Shape) -> tuple[int, ...]:
        sizes = zip(self._windows(x), x.spatial, strict=True)
        return tuple(fixed(w.count(size), x, "local_conv has weights for each position") for w, size in sizes)
