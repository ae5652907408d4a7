"""Learned tensors: free ones, and factors for a value's channels."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, PlainValidator

from netspec.layers.declaration.axes import axis_name, fixed, position
from netspec.layers.declaration.base import Bool, Int, Layer, Number, Positive, ShapeError, Support, TorchCall, layer
from netspec.layers.declaration.initializers import Initializer
from netspec.layers.declaration.tables import read_table, table_shape, table_text
from netspec.shapes.shape import Shape


def _read_start(value: Any) -> Any:
    """How a learned tensor starts: signs, an initialisation, a number, a table; raises ValueError."""
    if value == "signs":
        return value
    if isinstance(value, str):
        return Initializer.read(value)
    if isinstance(value, list | tuple) or type(value) in (int, float):
        return read_table(value)
    raise ValueError(f"a param starts at an initialisation, a number or a table, not {value}")


Start: TypeAlias = Annotated[Initializer | Literal["signs"] | float | tuple[Any, ...], PlainValidator(_read_start)]


@layer("param", "Parameter")
class Param(Layer):
    """A learned tensor, the same for every sample: a class token, positions, a constant input.

    Shape: -> shape. It is a source: it takes nothing from the value that flows.
    Example: `let positions = param([197, 768], init=normal, std=0.02)`; `param([10, 84], init=signs, trainable=false)`;
    `param([64], init=trunc_normal(std=0.02))`; `param([3], init=[0.5, 0.3, 0.2])`
    """

    tensors: ClassVar[tuple[str, ...]] = ()

    shape: tuple[Positive, ...]
    init: Start = Field(
        default=Initializer("zeros"),
        description="an initialisation, as for weights; signs (1 or -1, each as likely); a number that all elements "
        "start at; or a table of them",
    )
    std: Number = Field(default=1.0, description="the standard deviation of normal", gt=0)
    trainable: Bool = Field(default=True, description="false keeps the tensor as it starts: a buffer, no parameter")

    def infer(self) -> Shape:
        if self.std != 1 and self.init != "normal":
            raise ShapeError(
                f"param starts at {self.init}, which has no standard deviation", help="init=normal", code="E0306"
            )
        if isinstance(self.init, tuple) and table_shape(self.init) != self.shape:
            raise ShapeError(
                f"param is {list(self.shape)}, but the table that it starts at is {list(table_shape(self.init))}",
                code="E0306",
            )
        return Shape.of(*self.shape)

    def parameters(self) -> dict[str, tuple[int, ...]]:
        return {"": self.shape} if self.trainable else {}

    def buffers(self) -> dict[str, tuple[int, ...]]:
        return {} if self.trainable else {"": self.shape}

    def torch(self) -> TorchCall:
        sizes = ", ".join(map(str, self.shape)) or "()"
        shape = f"({', '.join(map(str, self.shape))}{',' if len(self.shape) == 1 else ''})"
        tensors = {
            "zeros": f"torch.zeros({sizes})",
            "ones": f"torch.ones({sizes})",
            "normal": f"torch.randn({sizes})" if self.std == 1 else f"{self.std!r} * torch.randn({sizes})",
            "signs": f"torch.randn({sizes}).sign()",
        }
        if isinstance(self.init, tuple):
            tensor = table_text(self.init, "float")
        elif isinstance(self.init, str):
            tensor = tensors.get(self.init) or Initializer.read(self.init).statement(f"torch.empty({sizes})")
        else:
            tensor = f"torch.full({shape}, {float(self.init)!r})"
        return TorchCall(parameter=f"nn.{'Parameter' if self.trainable else 'Buffer'}({tensor})", apply="{module}")


SCALE = Support(
    "Scale",
    '''\
class Scale(nn.Module):
    """Multiplies by a learned factor of the given shape, and adds a learned shift where asked."""

    def __init__(self, *shape: int, init: float = 1.0, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, float(init)))
        self.bias = nn.Parameter(torch.zeros(shape)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.weight
        return x if self.bias is None else x + self.bias

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, bias={self.bias is not None}"
''',
)


@layer("scale", "LayerScale")
class Scale(Layer):
    """A learned factor for each channel, or one for all, and where asked a learned shift beside it.

    Shape: (C, *S) -> the same. The weights are [C, 1, ..., 1], as they are multiplied.
    Source: LeCun et al. 1998 (the coefficients of LeNet-5's sub-sampling); Touvron et al., "Going deeper with image
    transformers", ICCV 2021 (LayerScale).
    Example: `avgpool(2) -> scale(4, bias=true)`; `scale(1e-6)`; `scale(per=scalar)`
    """

    overwritable: ClassVar[bool] = True

    init: Number = Field(default=1.0, description="where the factors start")
    per: Literal["channel", "scalar"] = Field(default="channel", description="a factor a channel, or one for all")
    bias: Bool = Field(default=False, description="adds a learned shift of the same shape, which starts at 0")
    axis: Int = Field(default=0, description="the axis of the channels; -1 for the features of a sequence [L, E]")

    def infer(self, x: Shape) -> Shape:
        self._shape(x)
        return x

    def parameters(self, x: Shape) -> dict[str, tuple[int, ...]]:
        weight = self._shape(x)
        return {"weight": weight, "bias": weight} if self.bias else {"weight": weight}

    def torch(self, x: Shape) -> TorchCall:
        kwargs: dict[str, object] = {} if self.init == 1 else {"init": self.init}
        if self.bias:
            kwargs["bias"] = True
        return TorchCall("Scale", self._shape(x), kwargs, support=(SCALE,))

    def _shape(self, x: Shape) -> tuple[int, ...]:
        if self.per == "scalar":
            return ()
        axis = position(self.axis, x)
        size = fixed(x.dims[axis], x, f"scale learns a factor for each of the {axis_name(axis, x.rank)}")
        return (size, *(1 for _ in x.dims[axis + 1 :]))
