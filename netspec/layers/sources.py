"""Values that are made of nothing: constants, random numbers, positions. Learned ones are in `parameter`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from netspec.layers.declaration.arguments import options
from netspec.layers.declaration.axes import position, torch_dim
from netspec.layers.declaration.base import Bool, FigureWeight, Int, Layer, Support, TorchCall, layer
from netspec.layers.declaration.tables import Table, table_dtype, table_shape, table_text
from netspec.shapes.shape import Shape


@layer("constant", "buffer", "register_buffer", "tensor")
class Constant(Layer):
    """Numbers that are not trained, the same for every sample: a filter, an index, the frequencies of a code.

    Shape: -> that of the table; whole numbers are int, truth values bool. It is a source: it takes nothing from the
    value that flows, and is a buffer of the module, under its label.
    Example: `let sobel = constant([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])`;
    `index = constant(range(49), persistent=false)`
    """

    family: ClassVar[str] = "parameter"
    tensors: ClassVar[tuple[str, ...]] = ()

    values: Table = Field(description="a number, or lists of numbers or truth values in one another")
    persistent: Bool = Field(default=True, description="false keeps it out of the state_dict")

    def infer(self) -> Shape:
        return Shape(table_shape(self.values), table_dtype(self.values))

    def buffers(self) -> dict[str, tuple[int, ...]]:
        return {"": table_shape(self.values)} if self.persistent else {}

    def torch(self) -> TorchCall:
        tensor = table_text(self.values, table_dtype(self.values))
        return TorchCall(
            parameter=f"nn.Buffer({tensor}{'' if self.persistent else ', persistent=False'})", apply="{module}"
        )


NOISE = Support(
    "Noise",
    '''\
class Noise(nn.Module):
    """Random numbers like x, drawn each time anew; in eval mode their mean, unless `always`."""

    def __init__(
        self,
        std: float = 1.0,
        *,
        uniform: bool = False,
        always: bool = False,
    ) -> None:
        super().__init__()
        self.std, self.uniform, self.always = std, uniform, always

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training or self.always):
            return torch.full_like(x, 0.5 if self.uniform else 0.0)
        return torch.rand_like(x) if self.uniform else self.std * torch.randn_like(x)

    def extra_repr(self) -> str:
        return f"std={self.std}, uniform={self.uniform}, always={self.always}"
''',
)


@layer("noise", "GaussianNoise", "randn_like", "rand_like", "randn")
class Noise(Layer):
    """Random numbers in the shape of a value: normal about 0, or uniform from 0 to 1.

    Shape: any -> the same. They are drawn anew for each batch in training; in evaluation they are their mean, 0 or 0.5,
    or with `always` drawn as well.
    Source: Kingma, Welling, "Auto-encoding variational Bayes", ICLR 2014, section 2.4.
    Example: `mean + exp(0.5 * log_variance) * noise(like=mean)`
    """

    figure_weight: ClassVar[FigureWeight] = "slight"
    family: ClassVar[str] = "parameter"
    tensors: ClassVar[tuple[str, ...]] = ("like",)
    shape_only: ClassVar[tuple[str, ...]] = ("like",)

    may_vary: ClassVar[frozenset[str]] = frozenset({"std"})

    std: Annotated[float, Strict(), Field(ge=0)] = Field(
        default=1.0, description="the standard deviation of the normal distribution"
    )
    distribution: Literal["normal", "uniform"] = "normal"
    always: Bool = Field(default=False, description="draws in evaluation, too")

    def infer(self, like: Shape) -> Shape:
        return like

    def torch(self, like: Shape) -> TorchCall:
        chosen = options(
            std=(self.std, 1.0), uniform=(self.distribution == "uniform", False), always=(self.always, False)
        )
        return TorchCall("Noise", kwargs=chosen, support=(NOISE,))


@layer("position", "arange", "positions")
class Position(Layer):
    """The positions along an axis of a value, 0, 1, 2, ..., as indices.

    Shape: any -> int (S), where S is the size of that axis.
    Source: Gehring et al., "Convolutional sequence to sequence learning", ICML 2017, section 3.1.
    Example: `embedding(50257, 768) + embedding(position(like=tokens), 1024, 768)` of `tokens: int [L]`
    """

    figure_weight: ClassVar[FigureWeight] = "slight"
    family: ClassVar[str] = "parameter"
    tensors: ClassVar[tuple[str, ...]] = ("like",)
    shape_only: ClassVar[tuple[str, ...]] = ("like",)
    dtypes: ClassVar[tuple[str, ...]] = ("float", "int", "bool")

    axis: Int = Field(default=0, description="0 for the first, the length of a sequence; -1 for the last")

    def infer(self, like: Shape) -> Shape:
        return Shape.of(like.dims[position(self.axis, like)], dtype="int")

    def torch(self, like: Shape) -> TorchCall:
        dim = torch_dim(self.axis)
        return TorchCall(apply=f"torch.arange({{0}}.shape[{dim}], device={{0}}.device).expand({{0}}.shape[0], -1)")
