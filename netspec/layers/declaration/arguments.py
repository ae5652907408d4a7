"""Argument types that several layers share, statements that start weights, and how arguments become PyTorch ones."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, PlainValidator, Strict

from netspec.layers.declaration.base import NonNegative, ShapeError
from netspec.layers.declaration.initializers import Initializer
from netspec.layers.declaration.symbols import Listed, Symbolic, is_number, is_opaque
from netspec.shapes.shape import Shape

LARGEST = 2**31 - 1
"""No size, stride or padding may exceed this."""

Amount: TypeAlias = NonNegative | tuple[NonNegative, ...]
"""A number of at least 0 for all spatial axes, or a list of one an axis."""

Real: TypeAlias = Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST)]
"""Any number of reasonable size."""

PadName: TypeAlias = Literal["valid", "same", "same_lower", "full", "causal"]
"""Paddings by name; `netspec.layers.spatial.window` holds the rule of each."""

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


def init_statements(
    init: Initializer | float | None,
    bias_init: Initializer | float | None = None,
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
        for weight in weights:
            target = f"torch.empty_like({weight})" if reparametrized else weight
            call = init.statement(target) if isinstance(init, str) else f"nn.init.normal_({target}, std={init!r})"
            statements.append(f"{weight} = {call}" if reparametrized else call)
    if bias and isinstance(bias_init, str):
        statements.append(bias_init.statement(bias))
    elif bias and bias_init is not None and not is_number(bias_init, 0):
        statements.append(f"nn.init.constant_({bias}, {bias_init!r})")
    elif bias and (init is not None or bias_init is not None):
        statements.append(f"nn.init.zeros_({bias})")
    return tuple(statements)


def check_init(
    init: Initializer | float | None,
    bias_init: Initializer | float | None,
    *,
    bias: bool,
    weight_norm: bool = False,
) -> None:
    """Raises ShapeError where the arguments about initialisation contradict each other."""
    if bias_init is not None and not bias:
        raise ShapeError("bias_init is given, but there is no bias", help="leave out bias_init, or set bias=true")
    if weight_norm and init == "zeros":
        raise ShapeError(
            "weight_norm divides by the norm of the weights, so they cannot start at zero", help="choose another init"
        )


def known_channels(name: str, x: Shape, why: str = "has weights for each input channel") -> int:
    """The channels of x, a number; raises ShapeError where they are open. `why` says what the layer needs them for."""
    channels = x.channels
    if isinstance(channels, int):
        return channels
    raise ShapeError(
        f"{name} {why}, so their number must be known, but this value is {x}",
        help="give the input's channels as a number; only spatial sizes can stay open",
        code="E0307",
    )


def compact(values: Iterable[Any]) -> Any:
    """One entry where all are the same, else the tuple of them: PyTorch's arguments as people write them."""
    entries = tuple(values)
    listed = Listed.of(entries)
    if isinstance(listed, Listed):
        return listed
    return entries[0] if all(_is_same(entry, entries[0]) for entry in entries[1:]) else entries


def _is_same(one: Any, other: Any) -> bool:
    """Whether two numbers are the same for all arguments, as far as their expressions tell."""
    expressions = [entry.expression for entry in (one, other) if isinstance(entry, Symbolic)]
    if not expressions or any(map(is_opaque, expressions)):
        return bool(one == other)
    return len(expressions) == 2 and expressions[0] == expressions[1]


def options(**pairs: tuple[Any, Any]) -> dict[str, Any]:
    """Keyword arguments from `name=(value, default)`, those that differ from the default or may do so."""
    return {name: value for name, (value, default) in pairs.items() if _differs(value, default)}


def _differs(value: Any, default: Any) -> bool:
    if isinstance(value, Symbolic):
        return not isinstance(default, Symbolic) or value.expression != default.expression
    return bool(value != default)
