"""Constants of a run: tensors that hang on neither inputs nor weights are computed beside it, with their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

MOST = 1 << 20
"""Of so many numbers a constant is at most."""
READS = frozenset({"item", "tolist", "__bool__", "__int__", "__float__", "__index__", "equal", "numpy"})
"""What asks a tensor for its values."""
_LIKE = frozenset(
    {f"new_{name}" for name in ("zeros", "ones", "full", "tensor")}
    | {f"{name}_like" for name in ("zeros", "ones", "full")}
    | {"zero_", "fill_"}
)
"""What takes of a tensor its shape and type alone."""
_DRAWN = ("rand", "bernoulli", "normal", "multinomial", "uniform", "empty", "dropout", "exponential", "poisson")


class Constants:
    """The values of tensors, by the tensors without values that stand for them."""

    def __init__(self) -> None:
        self._values: dict[int, Tensor] = {}

    def hold(self, tensor: Tensor, value: Tensor) -> None:
        """Knows the values of a tensor from now on."""
        if value.numel() <= MOST and not value.is_meta:
            self._values[id(tensor)] = value

    def of(self, tensor: Tensor) -> Tensor | None:
        """A copy of the values, if they are known."""
        value = self._values.get(id(tensor))
        return None if value is None else value.detach().clone()

    def knows(self, *parts: Any) -> bool:
        """Whether the values of all tensors in these arguments are known."""
        return all(id(tensor) in self._values for tensor in tensors_in(parts))

    def called(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What a function makes of the values."""
        with torch.device("cpu"):
            return function(*self._valued(args), **self._valued(kwargs))

    def follow(self, function: Callable[..., Any], name: str, args: Any, kwargs: Any, outputs: list[Tensor]) -> None:
        """Computes what a function has made of constants, or of nothing."""
        if name.startswith(_DRAWN) or sum(tensor.numel() for tensor in outputs) > MOST:
            return
        if name in _LIKE and args and isinstance(args[0], Tensor):
            shape = () if name.startswith("new_") else args[0].shape
            args = (torch.empty(shape, dtype=args[0].dtype, device="cpu"), *args[1:])
            if not self.knows(args[1:], kwargs):
                return
        elif not self.knows(args, kwargs):
            return
        try:
            values = tensors_in([self.called(function, args, kwargs)])
        except Exception:  # what cannot be computed is no constant
            return
        for tensor, value in zip(outputs, values, strict=False):
            self.hold(tensor, value)

    def written(self, tensor: Tensor, index: Any, value: Any) -> None:
        """A part of a constant is overwritten; with what is no constant it is none any more."""
        if self.knows(index, value):
            self._values[id(tensor)][self._valued(index)] = self._valued(value)
        else:
            del self._values[id(tensor)]

    def _valued(self, part: Any) -> Any:
        match part:
            case Tensor():
                return self._values.get(id(part), part)
            case torch.device():
                return torch.device("cpu")
            case dict():
                return {key: self._valued(inner) for key, inner in part.items()}
            case tuple() if hasattr(part, "_fields"):
                return type(part)(*map(self._valued, part))
            case tuple() | list():
                return type(part)(map(self._valued, part))
            case slice():
                return slice(*map(self._valued, (part.start, part.stop, part.step)))
        return part


def tensors_in(part: Any) -> Iterator[Tensor]:
    """The tensors among arguments, in order."""
    match part:
        case Tensor():
            yield part
        case dict():
            yield from tensors_in(tuple(part.values()))
        case tuple() | list():
            for inner in part:
                yield from tensors_in(inner)
        case slice():
            yield from tensors_in((part.start, part.stop, part.step))
