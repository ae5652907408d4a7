"""What a module does when it is run once: its operations in order, as torch's functions and whole layers.

A tape knows no torch: tensors are numbers of values, sizes that hang on the batch are `Batch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable


@dataclass(frozen=True, slots=True)
class Batch:
    """A size that is `times` the number of samples."""

    times: int = 1


Size: TypeAlias = int | Batch


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor among the arguments of an operation: the number of its value."""

    value: int


@dataclass(frozen=True, slots=True)
class TapeValue:
    """A tensor: where it comes from, its sizes with the batch among them, and its key if the state dict has it.

    `numbers` are a constant's, as a tensor with values: of what hangs on neither inputs nor weights.
    """

    origin: Literal["input", "parameter", "buffer", "made"]
    shape: tuple[Size, ...]
    dtype: str
    key: str = ""
    persistent: bool = True
    numbers: Any = None


@dataclass(frozen=True, slots=True)
class Place:
    """The line of the model's own source that an operation stands on."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@runtime_checkable
class Placed(Protocol):
    """A module that runs what stands in a file, and knows which line of it."""

    def place(self) -> Place | None:
        """The line that runs now."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: of a layer (`module` is that live module), or of a function of torch.

    `name` is the class of the layer or the bare name of the function; `path` is the module that it ran in, or is.
    Tensors in `args` and `kwargs` are `Ref`s. `outputs` are the values that it returned.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[int, ...]
    path: str
    place: Place | None
    module: Any = None
    function: Callable[..., Any] | None = None

    def tensors(self) -> Iterator[int]:
        """The numbers of the values that it takes."""
        return refs((self.args, self.kwargs))


@dataclass(frozen=True, slots=True)
class Tape:
    """All operations of one run. `outputs` has the names that the module gives its results."""

    values: dict[int, TapeValue]
    operations: tuple[Operation, ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    classes: dict[str, str] = field(default_factory=dict)
    """The class of the module at each path."""
    attributes: dict[str, dict[str, int | float | bool]] = field(default_factory=dict)
    """The numbers and truth values that the module at each path has, those of its constructor first."""


def refs(part: Any) -> Iterator[int]:
    """The values that an argument mentions, in order."""
    match part:
        case Ref(value):
            yield value
        case dict():
            for inner in part.values():
                yield from refs(inner)
        case list() | tuple():
            for inner in part:
                yield from refs(inner)
        case slice():
            yield from refs((part.start, part.stop, part.step))
