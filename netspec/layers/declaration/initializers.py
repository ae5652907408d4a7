"""How weights start: the initialisations of `torch.nn.init`, by the names that papers give them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import PlainValidator

from netspec.layers.declaration.symbols import MARK, Symbolic

LARGEST = 2**31 - 1

Gain: TypeAlias = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
"""What follows a weight; the gain of torch.nn.init.calculate_gain."""
Fan: TypeAlias = Literal["fan_in", "fan_out"]

MODES: tuple[str, ...] = get_args(Fan)
NONLINEARITIES: tuple[str, ...] = get_args(Gain)


@dataclass(frozen=True, slots=True)
class Form:
    """An initialisation by name: torch's function, the arguments with their defaults here, and those of torch."""

    function: str
    defaults: Mapping[str, Any]
    torch: Mapping[str, Any]
    names: Mapping[str, str]

    @staticmethod
    def of(function: str, torch: Mapping[str, Any], **defaults: Any) -> "Form":
        return Form(function, {**torch, **defaults}, torch, {"slope": "a"})


_KAIMING = {"mode": "fan_in", "nonlinearity": "leaky_relu", "slope": 0}
_NORMAL = {"mean": 0, "std": 1}

FORMS: dict[str, Form] = {
    "he_normal": Form.of("kaiming_normal_", _KAIMING, nonlinearity="relu"),
    "he_uniform": Form.of("kaiming_uniform_", _KAIMING, nonlinearity="relu"),
    "he_normal_out": Form.of("kaiming_normal_", _KAIMING, mode="fan_out", nonlinearity="relu"),
    "kaiming_normal": Form.of("kaiming_normal_", _KAIMING),
    "kaiming_uniform": Form.of("kaiming_uniform_", _KAIMING),
    "xavier_normal": Form.of("xavier_normal_", {"gain": 1}),
    "xavier_uniform": Form.of("xavier_uniform_", {"gain": 1}),
    "lecun_normal": Form.of("kaiming_normal_", _KAIMING, nonlinearity="linear"),
    "orthogonal": Form.of("orthogonal_", {"gain": 1}),
    "normal": Form.of("normal_", _NORMAL, std=0.01),
    "trunc_normal": Form.of("trunc_normal_", {**_NORMAL, "a": -2, "b": 2}, std=0.02),
    "uniform": Form.of("uniform_", {"a": 0, "b": 1}),
    "full": Form.of("constant_", {}, value=0),
    "zeros": Form.of("zeros_", {}),
    "ones": Form.of("ones_", {}),
}
"""Initialisations by name. `he_*` and `kaiming_*`: He et al. 2015 (for ReLU; `_out` scales by the fan-out, as
torchvision's ResNets); `xavier_*`: Glorot & Bengio 2010; `lecun_normal`: LeCun et al. 1998, for SELU; `orthogonal`:
Saxe et al. 2014; `normal`: deviation 0.01 unless given (Krizhevsky et al. 2012); `trunc_normal`: deviation 0.02 (ViT,
ConvNeXt); `uniform`: from a to b."""

_POSITIVE = frozenset({"std", "gain"})
_CHOICES = {"mode": MODES, "nonlinearity": NONLINEARITIES}
_TEXT = re.compile(r"([a-z_]\w*)(?:\((.*)\))?\Z", re.DOTALL)


class Initializer(str):
    """An initialisation with its arguments, as a spec writes it: `trunc_normal(std=0.01)`. It is read from its text."""

    __slots__ = ()

    @staticmethod
    def of(name: str, positional: Iterable[Any], keywords: Mapping[str, Any]) -> "Initializer":
        """The initialisation of these arguments; raises ValueError, which says what is wrong with them."""
        form = FORMS[name]
        values, arguments = list(positional), dict[str, Any]()
        if len(values) > len(form.defaults):
            raise ValueError(f"{signature(name)} takes at most {len(form.defaults)} arguments")
        for key, value in (*zip(form.defaults, values, strict=False), *keywords.items()):
            if key not in form.defaults:
                raise ValueError(f"{name} has no argument {key}; it is {signature(name)}")
            if key in arguments:
                raise ValueError(f"{name} is given {key} twice")
            arguments[key] = _checked(name, key, value)
        ends = arguments.get("a", 0), arguments.get("b", arguments.get("a", 0))
        if not any(isinstance(end, str | Symbolic) for end in ends) and ends[0] > ends[1]:
            raise ValueError(
                f"{name} draws from {arguments['a']} to {arguments['b']}: the first must not exceed the second"
            )
        inner = ", ".join(f"{key}={value}" for key, value in arguments.items())
        return Initializer(f"{name}({inner})" if inner else name)

    @staticmethod
    def read(text: str) -> "Initializer":
        """The initialisation that a text writes; raises ValueError where it is none."""
        match = _TEXT.match(text)
        if match is None or match[1] not in FORMS:
            raise ValueError(_unknown(text))
        pairs = [part.partition("=") for part in (match[2] or "").split(",") if part.strip()]
        return Initializer.of(match[1], (), {key.strip(): _value(text.strip()) for key, _, text in pairs})

    def statement(self, weight: str) -> str:
        """The call that starts a weight so: `nn.init.trunc_normal_(module.weight, std=0.01)`."""
        name, _, inner = self.partition("(")
        form = FORMS[name]
        pairs = (part.partition("=") for part in inner.rstrip(")").split(", ") if part)
        values = {**form.defaults, **{key: _value(text) for key, _, text in pairs}}
        required = [key for key in values if key not in form.torch]
        overrides = [key for key in values if key in form.torch and values[key] != form.torch[key]]
        arguments = [_literal(values[key]) for key in required]
        arguments += [f"{form.names.get(key, key)}={_literal(values[key])}" for key in overrides]
        return f"nn.init.{form.function}({', '.join([weight, *arguments])})"


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and not MARK.fullmatch(value) else str(value)


def signature(name: str) -> str:
    """An initialisation with its arguments: `uniform(a=0, b=1)`."""
    inner = ", ".join(f"{key}={value}" for key, value in FORMS[name].defaults.items())
    return f"{name}({inner})" if inner else name


def _value(text: str) -> Any:
    """A number or a word."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _checked(name: str, key: str, value: Any) -> Any:
    """An argument of an initialisation; raises ValueError where it is none."""
    if isinstance(value, Symbolic) or (isinstance(value, str) and MARK.fullmatch(value)):
        return value
    if key in _CHOICES:
        if str(value) not in _CHOICES[key]:
            raise ValueError(f"{key} of {name} is one of {', '.join(_CHOICES[key])}, not {value}")
        return str(value)
    if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
        raise ValueError(f"{key} of {name} is a number, not {value}")
    if key in _POSITIVE and value <= 0:
        raise ValueError(f"{key} of {name} is a number above 0, not {value}")
    return value


def _unknown(value: Any) -> str:
    return (
        f"there is no initialisation {value}; there are none, {', '.join(FORMS)}, and a number above 0 for the standard"
        " deviation"
    )


def _reader(*, numbers: Callable[[float], bool], otherwise: str) -> Callable[[Any], Any]:
    """What reads an initialisation: a name, one with arguments, a number, or none."""

    def read(value: Any) -> Any:
        if isinstance(value, str):
            return Initializer.read(value)
        if value is None or (type(value) in (int, float) and -LARGEST < value < LARGEST and numbers(value)):
            return value
        if type(value) in (int, float) and numbers(value):
            raise ValueError(f"a start is between -{LARGEST:,} and {LARGEST:,}, not {value:,}")
        raise ValueError(otherwise or _unknown(value))

    return read


Init: TypeAlias = Annotated[
    Initializer | int | float | None, PlainValidator(_reader(numbers=lambda value: value > 0, otherwise=""))
]
"""How the weights start: none for PyTorch's own way, an initialisation by its name, with arguments where wanted, or a
number, the standard deviation of a normal. With an init the bias starts at `bias_init`, or 0."""
BiasInit: TypeAlias = Annotated[
    Initializer | int | float | None,
    PlainValidator(
        _reader(numbers=lambda value: True, otherwise="a bias starts at a number, or as an initialisation says")
    ),
]
"""How the bias starts: a number, or an initialisation."""
