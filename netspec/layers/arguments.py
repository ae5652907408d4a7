"""Argument types that several layers share: paddings, initialisations, and how arguments become PyTorch ones."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, PlainValidator, Strict

from netspec.layers.base import NonNegative, ShapeError
from netspec.layers.symbols import Listed, Symbolic
from netspec.shapes.shape import Shape

LARGEST = 2**31 - 1
"""No size, stride or padding may exceed this."""

Amount: TypeAlias = NonNegative | tuple[NonNegative, ...]
"""A number of at least 0 for all spatial axes, or a list of one an axis."""

Real: TypeAlias = Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST)]
"""Any number of reasonable size."""

PadName: TypeAlias = Literal["valid", "same", "same_lower", "full", "causal"]
"""Paddings by name; `netspec.layers.window` holds the rule of each."""

PADDINGS: tuple[str, ...] = get_args(PadName)


def _read_padding(value: Any) -> int | str | tuple[int | tuple[int, int], ...]:
    """A padding as the spec gives it; raises ValueError, which shows the forms that it can have."""
    if isinstance(value, str):
        if value in PADDINGS:
            return value
        raise ValueError(f"there is no padding {value}; there are {', '.join(PADDINGS)}, numbers and lists")
    if isinstance(value, (list, tuple)) and value:
        return tuple(_read_sides(entry) for entry in value)
    return _read_amount(value)


def _read_sides(value: Any) -> int | tuple[int, int]:
    """The padding of one axis: a number for both sides, or a pair."""
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return _read_amount(value[0]), _read_amount(value[1])
    return _read_amount(value)


def _read_amount(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(
            "a padding is a number, a list of one number or pair [left, right] an axis,"
            f" or one of {', '.join(PADDINGS)}"
        )
    if not 0 <= value <= LARGEST:
        raise ValueError(f"a padding is between 0 and {LARGEST}, not {value}")
    return value


Padding: TypeAlias = Annotated[
    int | PadName | tuple[int | tuple[int, int], ...],
    PlainValidator(_read_padding, json_schema_input_type=int | PadName | list[int | tuple[int, int]]),
]
"""`1`, `[1, 2]` (one an axis), `[[2, 0], [1, 1]]` (left and right of each axis), or a name of PADDINGS."""

InitName: TypeAlias = Literal[
    "he_normal",
    "he_uniform",
    "he_normal_out",
    "xavier_normal",
    "xavier_uniform",
    "lecun_normal",
    "orthogonal",
    "normal",
    "trunc_normal",
    "zeros",
    "ones",
]

INITS: dict[InitName, str] = {
    "he_normal": 'nn.init.kaiming_normal_({weight}, nonlinearity="relu")',
    "he_uniform": 'nn.init.kaiming_uniform_({weight}, nonlinearity="relu")',
    "he_normal_out": 'nn.init.kaiming_normal_({weight}, mode="fan_out", nonlinearity="relu")',
    "xavier_normal": "nn.init.xavier_normal_({weight})",
    "xavier_uniform": "nn.init.xavier_uniform_({weight})",
    "lecun_normal": 'nn.init.kaiming_normal_({weight}, nonlinearity="linear")',
    "orthogonal": "nn.init.orthogonal_({weight})",
    "normal": "nn.init.normal_({weight}, std=0.01)",
    "trunc_normal": "nn.init.trunc_normal_({weight}, std=0.02)",
    "zeros": "nn.init.zeros_({weight})",
    "ones": "nn.init.ones_({weight})",
}
"""Initialisations by name. `he_*`: He et al. 2015 (for ReLU; `_out` scales by the fan-out, as torchvision's ResNets);
`xavier_*`: Glorot & Bengio 2010; `lecun_normal`: LeCun et al. 1998, for SELU; `orthogonal`: Saxe et al. 2014; `normal`:
deviation 0.01 (Krizhevsky et al. 2012); `trunc_normal`: deviation 0.02 (ViT, ConvNeXt)."""


def _read_init(value: Any) -> Any:
    """An initialisation as the spec gives it; raises ValueError, which lists the names."""
    if value is None or (isinstance(value, str) and value in INITS):
        return value
    if type(value) in (int, float) and 0 < value < LARGEST:
        return value
    raise ValueError(
        f"there is no initialisation {value}; there are none, {', '.join(INITS)}, and a number above 0 for the standard"
        " deviation"
    )


Init: TypeAlias = Annotated[
    InitName | int | float | None, PlainValidator(_read_init, json_schema_input_type=InitName | float | None)
]
"""How the weights start: none for PyTorch's own way, a name of INITS, or a number, the standard deviation of a normal.
With an init the bias starts at `bias_init`, or 0."""


def init_statements(
    init: InitName | float | None,
    bias_init: float | None = None,
    *,
    weights: Sequence[str] = ("{module}.weight",),
    bias: str = "{module}.bias",
    reparametrized: bool = False,
) -> tuple[str, ...]:
    """The statements of `TorchCall.init` that start weights and bias as asked; `bias` is empty where there is none.

    A reparametrized weight (weight norm) is computed from others, so it is assigned instead of filled in place.
    """
    statements: list[str] = []
    if init is not None:
        pattern = INITS[init] if isinstance(init, str) else f"nn.init.normal_({{weight}}, std={init!r})"
        for weight in weights:
            target = f"torch.empty_like({weight})" if reparametrized else weight
            call = pattern.replace("{weight}", target)
            statements.append(f"{weight} = {call}" if reparametrized else call)
    if bias and bias_init is not None and bias_init != 0:
        statements.append(f"nn.init.constant_({bias}, {bias_init!r})")
    elif bias and (init is not None or bias_init is not None):
        statements.append(f"nn.init.zeros_({bias})")
    return tuple(statements)


def check_init(
    init: InitName | float | None, bias_init: float | None, *, bias: bool, weight_norm: bool = False
) -> None:
    """Raises ShapeError where the arguments about initialisation contradict each other."""
    if bias_init is not None and not bias:
        raise ShapeError("bias_init is given, but there is no bias", help="leave out bias_init, or set bias=true")
    if weight_norm and init == "zeros":
        raise ShapeError(
            "weight_norm divides by the norm of the weights, so they cannot start at zero", help="choose another init"
        )


def known_channels(name: str, x: Shape) -> int:
    """The channels of x, a number; raises ShapeError where they are open."""
    channels = x.channels
    if isinstance(channels, int):
        return channels
    raise ShapeError(
        f"{name} has weights for each input channel, so their number must be known, but this value is {x}",
        help="give the input's channels as a number; only spatial sizes can stay open",
        code="E0307",
    )


def compact(values: Iterable[Any]) -> Any:
    """One entry where all are the same, else the tuple of them: PyTorch's arguments as people write them."""
    entries = tuple(values)
    listed = Listed.of(entries)
    if isinstance(listed, Listed):
        return listed
    return entries[0] if all(entry == entries[0] for entry in entries[1:]) else entries


def options(**pairs: tuple[Any, Any]) -> dict[str, Any]:
    """Keyword arguments from `name=(value, default)`, those that differ from the default or may do so."""
    return {name: value for name, (value, default) in pairs.items() if _differs(value, default)}


def _differs(value: Any, default: Any) -> bool:
    if isinstance(value, Symbolic):
        return not isinstance(default, Symbolic) or value.expression != default.expression
    return bool(value != default)
