"""Layers that mix features: linear maps, and tables that turn indices into features."""

from collections.abc import Mapping
from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from netspec.layers.declaration.arguments import check_init, init_statements, options
from netspec.layers.declaration.axes import differ, equal
from netspec.layers.declaration.base import (
    EVERYTHING,
    Bool,
    FigureWeight,
    Int,
    Layer,
    Positive,
    Reach,
    ShapeError,
    Support,
    TorchCall,
    layer,
)
from netspec.layers.declaration.initializers import BiasInit, Init
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize

WEIGHT_NORM = "from torch.nn.utils.parametrizations import weight_norm"


@layer("linear", "Dense", "fc", "fully_connected", "InnerProduct", pytorch=("", "features", "bias"))
class Linear(Layer):
    """y = W x + b over the last axis: of features, of every step of a sequence, of every position of [H, W, C].

    Shape: (*S, F) -> (*S, features).
    A map has its channels first: flatten or global_avgpool -> flatten comes before it. An `init` other than none starts
    the bias at `bias_init`, or 0. With `weight_norm` each row of W is a direction and a length (Salimans & Kingma
    2016), and the weights are stored as those.
    Example: `flatten -> linear(84) -> tanh`
    """

    figure_weight: ClassVar[FigureWeight] = "heavy"
    mixes_positions: ClassVar[bool] = True
    overwritable: ClassVar[bool] = True
    along_features: ClassVar[bool] = True
    speaks_of: ClassVar[Mapping[str, str]] = {"bias_init": "bias"}

    features: Positive = Field(description="output features")
    bias: Bool = True
    init: Init = Field(default=None, description="how the weights start; none is PyTorch's own way")
    bias_init: BiasInit = Field(default=None, description="how the bias starts: a number, or as for init")
    weight_norm: Bool = False

    def infer(self, x: Shape) -> Shape:
        check_init(self.init, self.bias_init, bias=self.bias, weight_norm=self.weight_norm)
        self._inputs(x)
        return x.replace(axis=-1, size=self.features)

    def parameters(self, x: Shape) -> dict[str, tuple[int, ...]]:
        weight = (self.features, self._inputs(x))
        bias: dict[str, tuple[int, ...]] = {"bias": (self.features,)} if self.bias else {}
        if not self.weight_norm:
            return {"weight": weight} | bias
        name = "parametrizations.weight.original"
        return bias | {f"{name}0": (self.features, 1), f"{name}1": weight}

    def macs(self, x: Shape) -> Dimension:
        return prod(x.dims[:-1]) * self._inputs(x) * self.features

    def is_linear_map(self, x: Shape) -> bool:
        return x.rank == 1

    def reach(self, x: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def explain(self, axis: int, x: Shape) -> str | None:
        return f"{self.features} = features of this linear" if axis == x.rank - 1 else None

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(
            "nn.Linear",
            (self._inputs(x), self.features),
            options(bias=(self.bias, True)),
            init=init_statements(
                self.init,
                self.bias_init,
                bias="{module}.bias" if self.bias else "",
                reparametrized=self.weight_norm,
            ),
            imports=(WEIGHT_NORM,) if self.weight_norm else (),
            wrap="weight_norm" if self.weight_norm else "",
        )

    def _inputs(self, x: Shape) -> int:
        """The features that come in; raises ShapeError where there are none, or where they depend on open sizes."""
        if x.rank == 0:
            raise ShapeError(
                f"linear takes features, but this value is {x}, a single number",
                help="unsqueeze(0) makes one feature of a number",
                code="E0303",
            )
        features = x.dims[-1]
        if isinstance(features, OpenSize):
            names = sorted(features.symbols)
            raise ShapeError(
                f"linear has a weight for each input feature, but their number, {features}, "
                f"depends on {' and '.join(names)}",
                help="put global_avgpool -> flatten before it, which leaves the channels alone",
                code="E0307",
            )
        return features


@layer("embedding", "embed", pytorch=("count", "features", "padding"))
class Embedding(Layer):
    """A learned vector for each index.

    Shape: int (*S) -> (*S, features).
    Example: `input tokens: int [128]`, `embedding(30000, 512)`
    """

    figure_weight: ClassVar[FigureWeight] = "heavy"
    dtypes: ClassVar[tuple[str, ...]] = ("int",)

    count: Positive = Field(description="the number of indices: they are 0 to count - 1")
    features: Positive = Field(description="the length of the vectors")
    padding: Int | None = Field(default=None, description="the index whose vector stays 0")
    init: Init = Field(default=None, description="how the vectors start; none is PyTorch's own way, a standard normal")

    def infer(self, x: Shape) -> Shape:
        if self.padding is not None and not -self.count <= self.padding < self.count:
            raise ShapeError(
                f"the padding index {self.padding} is not among the {self.count} indices", help=f"0 to {self.count - 1}"
            )
        return Shape.of(*x.dims, self.features)

    def parameters(self, x: Shape) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.count, self.features)}

    def torch(self, x: Shape) -> TorchCall:
        statements = init_statements(self.init, bias="")
        if statements and self.padding is not None:
            statements += (f"nn.init.zeros_({{module}}.weight[{self.padding}])",)
        return TorchCall(
            "nn.Embedding",
            (self.count, self.features),
            options(padding_idx=(self.padding, None)),
            init=statements,
        )

    @classmethod
    def figure_arguments(cls, texts: Mapping[str, str]) -> Mapping[str, str]:
        others = {name: text for name, text in texts.items() if name not in ("count", "features")}
        return {"count": f"{texts['count']} → {texts['features']}", **others}


GATHER = Support(
    "gather",
    '''\
def gather(table: Tensor, index: Tensor) -> Tensor:
    """The rows of (N, V, ...) that indices (N, ...) name; (1, V, ...) serves all samples."""
    if len(table) == 1:
        return table[0][index]
    samples = torch.arange(len(index), device=index.device)
    return table[samples.view(-1, *[1] * (index.dim() - 1)), index]
''',
)


@layer("gather", "lookup", "index_select", "take")
class Gather(Layer):
    """The rows of a table that indices name: a value that is computed, or learned with `param`, in place of weights.

    Shape: table (V, *R), index int (*S) -> (*S, *R). In an expression it is `table[index]`.
    Source: Press, Wolf, "Using the output embedding to improve language models", EACL 2017 (a table with two uses).
    Example: `gather(param([169, 3], init=trunc_normal), constant(range(49)))`; `wte[tokens]`
    """

    figure_weight: ClassVar[FigureWeight] = "slight"
    tensors: ClassVar[tuple[str, ...]] = ("table", "index")
    serves_all: ClassVar[tuple[str, ...]] = ("table",)
    dtypes: ClassVar[tuple[str, ...]] = ("float", "int", "bool")

    def infer(self, table: Shape, index: Shape) -> Shape:
        if index.dtype != "int":
            raise ShapeError(f"gather takes whole numbers for indices, but these are {index}", code="E0304")
        if table.rank == 0:
            raise ShapeError(f"gather takes rows of a table, but this value is {table}", code="E0303")
        return table.with_dims(*index.dims, *table.dims[1:])

    def reach(self, table: Shape, index: Shape) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def torch(self, table: Shape, index: Shape) -> TorchCall:
        return TorchCall(apply="gather({0}, {1})", support=(GATHER,))


UNEMBED = Support(
    "unembed",
    '''\
def unembed(x: Tensor, table: Tensor, bias: Tensor | None = None) -> Tensor:
    """The products of features (N, ..., E) with each row of a table (N or 1, V, E), and a bias (N or 1, V) added."""
    if len(table) == 1 and (bias is None or len(bias) == 1):
        return F.linear(x, table[0], None if bias is None else bias[0])
    if x.dim() == 2:
        products = (table @ x[..., None])[..., 0]
    else:
        products = (x.flatten(1, -2) @ table.mT).unflatten(1, x.shape[1:-1])
    return products if bias is None else products + bias.view(len(bias), *[1] * (x.dim() - 2), -1)
''',
)


@layer("unembed", "tied_linear")
class Unembed(Layer):
    """A linear layer whose weight is a value: a score of the features for each row of a table.

    Shape: (*S, E), table (V, E), bias (V) -> (*S, V). With the table of the embedding, its weights are tied; a bias is
    a value, too.
    Source: Press, Wolf, "Using the output embedding to improve language models", EACL 2017, section 3.
    Example: `wte = param([50257, 768], init=normal(std=0.02))`, `wte[tokens]`, and at the end `unembed(_, wte)`
    """

    figure_weight: ClassVar[FigureWeight] = "heavy"
    mixes_positions: ClassVar[bool] = True
    tensors: ClassVar[tuple[str, ...]] = ("x", "table", "bias?")
    serves_all: ClassVar[tuple[str, ...]] = ("table", "bias")

    def infer(self, x: Shape, table: Shape, bias: Shape | None = None) -> Shape:
        if table.rank != 2 or table.dtype != "float" or x.rank == 0:
            raise ShapeError(f"unembed takes features and a table [V, E], but these are {x} and {table}", code="E0303")
        if differ(x.dims[-1], table.dims[1]):
            raise ShapeError(
                f"unembed compares features with the rows of a table, but {x} has {x.dims[-1]} features "
                f"and a row of {table} has {table.dims[1]}",
                code="E0301",
            )
        if bias is not None and (bias.rank != 1 or bias.dtype != "float" or differ(bias.dims[0], table.dims[0])):
            raise ShapeError(
                f"unembed adds a number to each of {table.dims[0]} scores, but the bias is {bias}",
                code="E0303",
            )
        return x.replace(axis=-1, size=table.dims[0])

    def requires(self, x: Shape, table: Shape, bias: Shape | None = None) -> tuple[Requirement, ...]:
        return (*equal(x.dims[-1], table.dims[1]), *(equal(bias.dims[0], table.dims[0]) if bias is not None else ()))

    def macs(self, x: Shape, table: Shape, bias: Shape | None = None) -> Dimension:
        return prod(x.dims) * table.dims[0]

    def reach(self, x: Shape, table: Shape, bias: Shape | None = None) -> Reach | Literal["everything"] | None:
        return EVERYTHING

    def torch(self, x: Shape, table: Shape, bias: Shape | None = None) -> TorchCall:
        return TorchCall(apply="unembed({0}, {1})" if bias is None else "unembed({0}, {1}, {2})", support=(UNEMBED,))


@layer("one_hot")
class OneHot(Layer):
    """A channel for each class: 1 where the index is that class, 0 elsewhere.

    Shape: int (*S) -> (classes, *S).
    Source: Zhang, Zhao, LeCun, "Character-level convolutional networks for text classification", NeurIPS 2015.
    Example: `input text: int [1014]`, `one_hot(70)`
    """

    figure_weight: ClassVar[FigureWeight] = "heavy"
    dtypes: ClassVar[tuple[str, ...]] = ("int",)

    classes: Positive = Field(description="the number of indices: they are 0 to classes - 1")

    def infer(self, x: Shape) -> Shape:
        return Shape.of(self.classes, *x.dims)

    def torch(self, x: Shape) -> TorchCall:
        if x.rank == 0:
            return TorchCall(apply="F.one_hot({0}, {classes}).float()", kwargs={"classes": self.classes})
        return TorchCall(apply="F.one_hot({0}, {classes}).movedim(-1, 1).float()", kwargs={"classes": self.classes})
