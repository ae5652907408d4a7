"""What a layer is: one frozen model that holds everything netspec has to know about it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict

from netspec.layers.declaration.initializers import Initializer
from netspec.shapes.requirements import Requirement
from netspec.shapes.sets import Set
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize

if TYPE_CHECKING:
    from netspec.layers.spatial.window import Window

Int: TypeAlias = Annotated[int, Strict(), Field(ge=-(2**63), le=2**63 - 1)]
Positive: TypeAlias = Annotated[int, Strict(), Field(gt=0, le=2**31 - 1)]
NonNegative: TypeAlias = Annotated[int, Strict(), Field(ge=0, le=2**31 - 1)]
Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Bool: TypeAlias = Annotated[bool, Strict()]
LARGEST_FLOAT = 2.0**128 - 2.0**104
"""The largest number of single precision, in which nets compute unless they are told otherwise."""
Number: TypeAlias = Int | Annotated[float, Strict(), Field(ge=-LARGEST_FLOAT, le=LARGEST_FLOAT)]
Size: TypeAlias = Positive | tuple[Positive, ...]
"""One number for all spatial axes, or a list of one an axis."""


class ShapeError(Exception):
    """A layer cannot take these shapes. The elaborator adds the place, the origins of the shapes and the chain."""

    def __init__(self, message: str, *, help: str = "", code: str = "E0302") -> None:
        super().__init__(message)
        self.message, self.help, self.code = message, help, code


class SetError(ShapeError):
    """Values meet that are not of one set; `places` are those of two inputs that differ."""

    def __init__(self, message: str, places: tuple[int, int]) -> None:
        super().__init__(message, code="E0308")
        self.places = places


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of Python among a torch call's arguments, written as it is instead of as a literal."""

    text: str


@dataclass(frozen=True, slots=True)
class Support:
    """A class or function that emitted source defines because torch has none; named as a reader would expect.

    `source` is its whole definition, formatted, with a docstring; it may use `torch`, `nn`, `F`, `Tensor` and what
    `imports` brings in.
    """

    name: str
    source: str
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TorchCall:
    """How a layer is written in PyTorch.

    With a `target`, the layer is a module: `target(*args, **kwargs)` constructs it and `apply` calls it. Without, it
    is an expression: `apply` alone, whose named fields are filled from `kwargs` as literals. In `apply`, `{0}`, `{1}`,
    ... are the input tensors, `{inputs}` all of them joined by commas, `{module}` the module. A module whose `apply`
    is the default can stand in an `nn.Sequential`; an expression is given a small class of its own there. Where a
    parametrised module needs more than its forward (asymmetric padding, say), write a `Support` subclass of the torch
    module instead of a longer `apply`, so that it stays a plain module.

    `parameter` is for layers that are a bare `nn.Parameter` or `nn.Buffer`: its constructor, an expression; `{module}`
    in `apply` is then the tensor itself. `init` are statements run after construction, with `{module}`:
    `nn.init.kaiming_normal_({module}.weight)`. `inplace` says that `target` takes `inplace=True`. `imports` are whole
    import statements that the source needs. `wrap` is a function that the constructed module passes through:
    `weight_norm` makes `weight_norm(nn.Conv1d(8, 8, 3))`.
    """

    target: str = ""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    apply: str = "{module}({0})"
    parameter: str = ""
    init: tuple[str, ...] = ()
    support: tuple[Support, ...] = ()
    imports: tuple[str, ...] = ()
    inplace: bool = False
    wrap: str = ""

    @property
    def is_module(self) -> bool:
        return bool(self.target)

    @property
    def is_plain(self) -> bool:
        """Whether it is a module of one tensor in and one out, as `nn.Sequential` wants it."""
        return self.is_module and self.apply == "{module}({0})"


@dataclass(frozen=True, slots=True)
class Reach:
    """What one output position sees of the input, an entry an axis (receptive-field arithmetic of Araujo, Norris, Sim,
    "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019).

    `kernel` is the extent seen (dilation included), `stride` the step between neighbours (a fraction for transposed
    layers), `offset` the input coordinate of the start of the first position's view (minus the padding on the left).
    """

    kernel: tuple[int, ...]
    stride: tuple[Fraction, ...]
    offset: tuple[Fraction, ...]


EVERYTHING: Literal["everything"] = "everything"
"""The reach of a layer whose every output sees the whole input (global pooling, a linear layer after flatten)."""


FigureWeight: TypeAlias = Literal["heavy", "medium", "light", "wrap", "slight", "own"]
"""What a layer is to a figure that puts layers into one box.

`heavy`: names the box, as a convolution does; `medium`: names it where nothing heavy is in it, as a pool; `light`: goes
with the heavier one beside it, as an activation; `wrap`: goes with either neighbour, as flatten; `slight`: a small box
of its own, as arithmetic; `own`: a box of its own.
"""


class Layer(BaseModel):
    """Base of all layers. Fields are the arguments in the spec: their order, types, defaults and bounds.

    Subclasses write `infer`, and whichever of the other methods are not the default. All shapes are of one sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)

    name: ClassVar[str]
    """The layer's name in a spec."""
    family: ClassVar[str]
    """What kind of layer it is: `convolution`, `pooling`, ... Unless declared, the module of its first base below this
    class. Figures have a colour for each of netspec's own."""
    tensors: ClassVar[tuple[str, ...]] = ("x",)
    """The tensor arguments by name; `"*xs"` for one or more, `"mask?"` for one that may be absent.

    What comes after one or more is given by its name."""
    ranks: ClassVar[tuple[int, ...] | None] = None
    """The ranks (batch not counted) that the first input may have; None for any."""
    dtypes: ClassVar[tuple[str, ...]] = ("float",)
    """The element types that the first input may have."""
    collects: ClassVar[str] = ""
    """The field that holds the arguments of any other name by their names, where a layer takes such."""
    shape_only: ClassVar[tuple[str, ...]] = ()
    """Those of `tensors` of which nothing is read but the shape: `("like?",)`."""

    makes_set: ClassVar[bool] = False
    """Whether its outputs are of a set that it makes, of at most `capacity` members; its PyTorch form leaves the number
    of members of each picture, an int (N,), after the outputs."""
    of_pictures: ClassVar[tuple[str, ...]] = ()
    """Those of `tensors` that are of a picture, also where others are of a set: the maps that regions are cut of."""
    counts: ClassVar[tuple[str, ...]] = ()
    """Those of `tensors` of whose set it has to know how many members each picture has: an int (N,) for each that is of
    a set, which its PyTorch form takes after the inputs."""

    in_place: ClassVar[bool] = False
    """Whether it may write its output over its input: its backward reads the output, as a ReLU's, or torch keeps what
    it reads, as a SiLU's.

    Its `torch` must give a call with `inplace`."""
    broadcasts: ClassVar[bool] = False
    """Its values may lack the batch axis where another one has it: element by element, torch aligns them at the end."""
    serves_all: ClassVar[tuple[str, ...]] = ()
    """Those of `tensors` of which one sample may serve the whole batch: torch aligns a batch of one by itself."""
    overwritable: ClassVar[bool] = False
    """Whether the next layer may write over its output: a tensor of its own, which its own backward does not read.

    Convolutions and products keep their inputs, max pooling keeps indices, batch norm its statistics. Dropout is not
    overwritable: in eval mode its output is its input."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """What else PyTorch, Keras and papers call it; case, `_` and `2d` at the end do not count."""
    pytorch: ClassVar[tuple[str, ...]] = ()
    """The positional arguments of PyTorch's class by the names that they have here; empty for what is derived."""

    one_of: ClassVar[tuple[str, ...]] = ()
    """Arguments of which one must be given, though each may be left out."""
    spoken: ClassVar[Mapping[str, Mapping[int | None, str]]] = {}
    """The words of its arguments that others say by an axis; None stands for several axes."""
    axis_arguments: ClassVar[tuple[str, ...]] = ("axis", "axes")
    """Those of its arguments that number axes: PyTorch and Keras count the batch there, too."""

    centres: ClassVar[bool] = False
    """Whether it subtracts the mean of each channel, and with it any bias of the layer before it."""
    transposed: ClassVar[bool] = False
    """Whether its stride is that of the output: it spreads each position of its input."""
    along_features: ClassVar[bool] = False
    """Whether it mixes the last axis, whatever stands before it."""
    along_channels: ClassVar[bool] = False
    """Whether its `axis` is mostly that of the channels."""

    idle_in_eval: ClassVar[bool] = False
    """Whether its output is its input in eval mode, as dropout's."""
    keeps_elements: ClassVar[bool] = False
    """Whether the elements stay what they are, in their order: only the shape changes, as by flatten."""
    keeps_the_largest: ClassVar[bool] = False
    """Whether it makes probabilities of scores, the largest of the largest, as softmax does."""
    rearranges: ClassVar[bool] = False
    """Whether it only moves, picks, repeats or joins elements: what it makes is no feature map of its own."""
    crops: ClassVar[bool] = False
    """Whether it only cuts off borders, so that a skip through it is still that skip."""
    mixes_positions: ClassVar[bool] = False
    """Whether what it makes at a position comes from several positions, as a convolution's or a pool's output does.

    Norms, which scale by statistics of other positions, are not meant."""
    may_vary: ClassVar[frozenset[str]] = frozenset()
    """Arguments in which alike rounds of a net may differ while their shapes do not: `dilation`, the `p` of dropout."""

    figure_name: ClassVar[str] = ""
    """Its name as papers write it, where that is not the spec's name: `BN`, `ReLU`, `global avgpool`."""
    figure_weight: ClassVar[FigureWeight] = "own"
    """What it is to a figure that merges layers: see FigureWeight."""
    join_sign: ClassVar[str] = ""
    """What a figure writes where it joins several values and is drawn as that alone: `+` in a circle, `concat`."""
    speaks_of: ClassVar[Mapping[str, str]] = {}
    """Arguments that speak of what another one switches off: `{"bias_init": "bias"}`. A `default` of the one does not
    hold where the other is false."""
    sizes_per_axis: ClassVar[tuple[str, ...]] = ()
    """Arguments that are one size for all spatial axes or one for each, which a figure writes out: `3×3`."""
    enlarges: ClassVar[bool] = False
    """Whether a stride makes the map larger instead of smaller."""

    def infer(self, *x: Shape) -> Shape | tuple[Shape, ...]:
        """The shape (or shapes) of the output; raises ShapeError. May assume that `ranks` and `dtypes` hold."""
        raise NotImplementedError

    def capacity(self, *x: Shape) -> Dimension:
        """How many members the set that it makes has at most for a picture."""
        raise NotImplementedError

    def requires(self, *x: Shape) -> tuple[Requirement, ...]:
        """What open sizes must satisfy for the layer to fit, beyond outputs of at least one element an axis."""
        return ()

    def parameters(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        """Trainable weights by their key below the layer's own: `{"weight": (64, 3, 7, 7), "bias": (64,)}`."""
        return {}

    def buffers(self, *x: Shape) -> dict[str, tuple[int, ...]]:
        """Persistent state that is not trained, by key: BatchNorm's running statistics."""
        return {}

    def macs(self, *x: Shape) -> Dimension:
        """Multiply-accumulates for one sample in eval mode; 0 for what only adds, compares or scales."""
        return 0

    def reach(self, *x: Shape) -> Reach | Literal["everything"] | None:
        """The receptive field per spatial axis; None where each position sees only itself."""
        return None

    def constant(self, *x: Shape) -> bool:
        """Whether the output is the same whatever the input holds: a softmax over an axis of one."""
        return False

    def sliding(self, *x: Shape) -> "tuple[Window, ...]":
        """The window along each spatial axis; none where the layer does not slide any."""
        return ()

    def spreading(self, *x: Shape) -> "tuple[Window, ...]":
        """The windows of the convolution that the layer is the transpose of; none where it is of none."""
        return ()

    def explain(self, axis: int, *x: Shape) -> str | None:
        """How the size at `axis` (0 is the channels) came about: `56 = floor((112 + 2*1 - 3)/2) + 1`."""
        return None

    def torch(self, *x: Shape) -> TorchCall:
        """How the layer is written in PyTorch for inputs of these shapes."""
        raise NotImplementedError

    def is_global_mean(self, *x: Shape) -> bool:
        """Whether its output is the mean of each channel over all positions, and nothing else."""
        return False

    def is_linear_map(self, *x: Shape) -> bool:
        """Whether it applies one matrix, its `weight`, to the channels of a map of a single position."""
        return False

    def formula(self) -> str:
        """The layer as a formula, its arguments in braces: `x + {value}`. Empty where a figure names it instead."""
        return ""

    @classmethod
    def figure_arguments(cls, texts: Mapping[str, str]) -> Mapping[str, str]:
        """The arguments as a figure tells them, from the texts of those that are not as usual."""
        return texts

    def slot(self, place: int, count: int) -> str:
        """Which of `tensors` the input at this place is, of as many as there are."""
        several = next((at for at, slot in enumerate(self.tensors) if slot.startswith("*")), len(self.tensors))
        if place <= several:
            return self.tensors[place]
        return self.tensors[max(several, place - count + len(self.tensors))]

    def takes_one_for_all(self, place: int, count: int) -> bool:
        """Whether of the input at this place, one of `count`, one sample may serve the whole batch."""
        return self.slot(place, count) in self.serves_all

    def reads_shape_only(self, place: int, count: int) -> bool:
        """Whether of the input at this place, one of `count`, nothing is read but its shape."""
        return self.slot(place, count) in self.shape_only

    def members(self, *x: Shape) -> Set | None:
        """The set that its inputs are of, None for pictures; raises SetError where they are of several."""
        if all(shape.each is None for shape in x):
            return None
        places = [place for place in range(len(x)) if self.slot(place, len(x)) not in self.of_pictures]
        for place in set(range(len(x))) - set(places):
            if x[place].each is not None:
                raise SetError(
                    f"{self.slot(place, len(x)).strip('*?')} of {self.name} is a picture's, "
                    f"but this value is {x[place].each}",
                    (place, place),
                )
        for place in places:
            if x[place].each is not x[places[0]].each:
                one, other = x[places[0]].each or "a picture's", x[place].each or "a picture's"
                raise SetError(
                    f"{self.name} takes values of one set, but one is {one} and one is {other}", (places[0], place)
                )
        return x[places[0]].each if places else None

    def counted(self, *x: Shape) -> tuple[Set, ...]:
        """The sets of whose members it has to know the number, in the order in which its PyTorch form takes them."""
        sets = (shape.each for place, shape in enumerate(x) if self.slot(place, len(x)) in self.counts)
        return tuple(each for each in sets if each is not None)

    def outputs(self, *x: Shape) -> tuple[Shape, ...]:
        """The output shapes after all checks; raises ShapeError. This is what the elaborator calls.

        They are of the set of the inputs, or of a new one where the layer makes a set.
        """
        each = self.members(*x)
        if x and self.ranks is not None and x[0].rank not in self.ranks:
            raise ShapeError(
                f"{self.name} takes {_ranks(self.ranks)}, but this value is {x[0]}",
                code="E0303",
                help=_rank_help(x[0], self.ranks),
            )
        if x and x[0].dtype not in self.dtypes:
            raise ShapeError(
                f"{self.name} takes {' or '.join(self.dtypes)} values, but this value is {x[0]}",
                code="E0304",
                help="turn indices into features with embedding(count, features)" if x[0].dtype == "int" else "",
            )
        result = self.infer(*x)
        shapes = result if isinstance(result, tuple) else (result,)
        for shape in shapes:
            for size in shape.dims:
                if not isinstance(size, OpenSize) and size < 1:
                    raise ShapeError(
                        f"{self.name} leaves nothing of {x[0] if x else 'its input'}: its output would be {shape}",
                        code="E0305",
                    )
        each = Set(self.capacity(*x)) if self.makes_set else each
        return tuple(shape.of_each(each) for shape in shapes)

    @classmethod
    def signature(cls) -> str:
        """`conv(channels, kernel, stride=1, ...)`, as messages and the reference show it."""
        parts = [tensor for tensor in cls.tensors if tensor.endswith("?") or tensor != cls.tensors[0]]
        for field_name, info in cls.model_fields.items():
            if field_name == cls.collects:
                parts.append("...")
            else:
                parts.append(field_name if info.is_required() else f"{field_name}={spec_literal(info.default)}")
        return f"{cls.name}({', '.join(parts)})" if parts else cls.name


# pydantic knows these for class variables now, and would read their annotations again for each of a hundred layers
Layer.__annotations__.clear()

L = TypeVar("L", bound=type[Layer])
REGISTRY: dict[str, type[Layer]] = {}


def layer(name: str, *aliases: str, pytorch: tuple[str, ...] = ()) -> Callable[[L], L]:
    """Registers a layer under its name in specs. Users' own layers use the same decorator.

    `aliases` and `pytorch` are for messages: see `Layer`. Raises ValueError where the name is taken.
    """

    def register(cls: L) -> L:
        if name in REGISTRY and REGISTRY[name].__qualname__ != cls.__qualname__:
            raise ValueError(f"there is a layer {name!r} already: {REGISTRY[name].__qualname__}")
        cls.name, cls.aliases, cls.pytorch = name, aliases, pytorch
        if not hasattr(cls, "family"):
            first = [base for base in cls.__mro__ if issubclass(base, Layer) and base is not Layer][-1]
            cls.family = first.__module__.rpartition(".")[2]
        REGISTRY[name] = cls
        return cls

    return register


_CALL = re.compile(r"[A-Za-z_]\w*\(.*\)")
"""A layer as a value: `leaky_relu(0.2)`."""


def spec_literal(value: object) -> str:
    """A Python value as a spec writes it."""
    match value:
        case True | False:
            return str(value).lower()
        case None:
            return "none"
        case list() | tuple():
            return f"[{', '.join(map(spec_literal, value))}]"
        case Initializer():
            return str(value)
        case str() if not value.isidentifier() and not _CALL.fullmatch(value):
            return f'"{value}"'
        case dict():
            return ", ".join(f"{name}={spec_literal(part)}" for name, part in value.items())
        case _:
            return str(value)


def per_axis(size: int | tuple[int, ...], axes: int, what: str) -> tuple[int, ...]:
    """One size an axis; raises ShapeError where a list has another length than there are axes."""
    if isinstance(size, int):
        return (size,) * axes
    if len(size) != axes:
        raise ShapeError(
            f"{what} has {len(size)} entries, but the value has {axes} spatial {'axis' if axes == 1 else 'axes'}",
            code="E0306",
        )
    return tuple(size)


_KINDS = {1: "features [F]", 2: "a 1-d map [C, L]", 3: "a 2-d map [C, H, W]", 4: "a 3-d map [C, D, H, W]"}


def _ranks(ranks: tuple[int, ...]) -> str:
    return " or ".join(_KINDS.get(rank, f"a value of rank {rank}") for rank in ranks)


def _rank_help(x: Shape, ranks: tuple[int, ...]) -> str:
    if ranks == (1,) and x.rank > 1:
        return "put flatten, or global_avgpool -> flatten, before it"
    return ""
