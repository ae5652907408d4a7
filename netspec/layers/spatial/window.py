"""Windows that slide over an axis: the size arithmetic that convolutions and pools share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from netspec.layers.declaration.base import Reach, ShapeError, Support, per_axis
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import Dimension, OpenSize, as_factor, ceil_div, minimum

Sides: TypeAlias = tuple[int, int]
"""The padding before and after an axis."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window along one axis. `sides` is None where the padding depends on a size that is open: then the output has
    ceil(size / stride) positions, and the module computes its padding when it runs.
    """

    kernel: int
    stride: int
    dilation: int
    sides: Sides | None

    @property
    def extent(self) -> int:
        """k_eff = k + (k - 1)(d - 1), the positions from the first to the last that the window sees."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def left(self) -> int:
        """The padding before the axis; where it depends on the size, that of a multiple of the stride."""
        return self.sides[0] if self.sides is not None else max(self.extent - self.stride, 0) // 2

    def count(self, size: Dimension, *, ceil: bool = False) -> Dimension:
        """How many positions the window takes over `size`: floor((i + l + r - k_eff) / s) + 1.

        With `ceil` the quotient is rounded up and a window that would start right of the input is dropped, as PyTorch
        and Caffe do: min(ceil((i + l + r - k_eff) / s) + 1, ceil((i + l) / s)).
        """
        if self.sides is None:
            return ceil_div(size, self.stride)
        left, right = self.sides
        room = size + (left + right - self.extent)
        if not ceil:
            return room // self.stride + 1
        return minimum(ceil_div(room, self.stride) + 1, ceil_div(size + left, self.stride))

    def explain(self, size: Dimension, *, ceil: bool = False) -> str:
        """The count as an equation: `56 = floor((112 + 2*1 - 3)/2) + 1`."""
        count = self.count(size, ceil=ceil)
        if self.sides is None:
            return f"{count} = ceil({as_factor(size)}/{self.stride})"
        left, right = self.sides
        added = "" if left == right == 0 else f" + 2*{left}" if left == right else f" + {left} + {right}"
        room = f"{size}{added} - {self.extent}"
        rounding = "ceil" if ceil else "floor"
        quotient = room if self.stride == 1 else f"{rounding}(({room})/{self.stride})"
        notes: list[str] = []
        if ceil and count != ceil_div(size + (left + right - self.extent), self.stride) + 1:
            notes.append("less the window that would start right of the input")
        if self.dilation > 1:
            notes.append(f"with k_eff = {self.kernel} + {self.kernel - 1}*{self.dilation - 1} = {self.extent}")
        return ", ".join([f"{count} = {quotient} + 1", *notes])


def windows(
    x: Shape,
    kernel: int | tuple[int, ...],
    stride: int | tuple[int, ...],
    pad: int | str | tuple[int | tuple[int, int], ...],
    dilation: int | tuple[int, ...] = 1,
) -> tuple[Window, ...]:
    """The window along each spatial axis of x; raises ShapeError where a list has another length than x has axes."""
    axes = len(x.spatial)
    unpadded = [
        Window(k, s, d, None)
        for k, s, d in zip(
            per_axis(kernel, axes, "kernel"),
            per_axis(stride, axes, "stride"),
            per_axis(dilation, axes, "dilation"),
            strict=True,
        )
    ]
    sides: Sequence[Sides | None]
    if isinstance(pad, str):
        rules = _RULES[pad]
        sides = [rules[min(axis, 1)](w, size) for axis, (w, size) in enumerate(zip(unpadded, x.spatial, strict=True))]
    elif isinstance(pad, int):
        sides = [(pad, pad)] * axes
    else:
        if len(pad) != axes:
            raise ShapeError(
                f"pad has {len(pad)} entries, but the value has {axes} spatial {'axis' if axes == 1 else 'axes'}",
                help="a pair for one axis is written [[left, right]]" if axes == 1 and len(pad) == 2 else "",
                code="E0306",
            )
        sides = [entry if isinstance(entry, tuple) else (entry, entry) for entry in pad]
    return tuple(Window(w.kernel, w.stride, w.dilation, side) for w, side in zip(unpadded, sides, strict=True))


def symmetric(axes: Sequence[Window]) -> tuple[int, ...] | None:
    """The padding of each axis where both sides of each get the same, else None."""
    sides = [w.sides for w in axes]
    if any(side is None or side[0] != side[1] for side in sides):
        return None
    return tuple(side[0] for side in sides if side is not None)


def flat_pads(axes: Sequence[Window]) -> tuple[int, ...]:
    """The padding in the order of `F.pad`: last axis first. Only where no axis waits for the run-time size."""
    return tuple(amount for w in reversed(axes) for amount in w.sides or (0, 0))


def reach_of(axes: Sequence[Window]) -> Reach:
    """What one position of the windows sees of the input."""
    return Reach(
        kernel=tuple(w.extent for w in axes),
        stride=tuple(Fraction(w.stride) for w in axes),
        offset=tuple(Fraction(-w.left) for w in axes),
    )


def _same_total(window: Window, size: Dimension) -> int | None:
    """What `same` adds to an axis: max((ceil(i / s) - 1) s + k_eff - i, 0); None where that depends on an open size."""
    if window.stride == 1 or window.extent == 1:
        return window.extent - 1 if window.stride == 1 else 0
    if isinstance(size, OpenSize):
        return None
    return max((-(-size // window.stride) - 1) * window.stride + window.extent - size, 0)


def _same(window: Window, size: Dimension) -> Sides | None:
    total = _same_total(window, size)
    return None if total is None else (total // 2, total - total // 2)


def _same_lower(window: Window, size: Dimension) -> Sides | None:
    total = _same_total(window, size)
    return None if total is None else (total - total // 2, total // 2)


_Rule: TypeAlias = Callable[[Window, Dimension], Sides | None]

_RULES: dict[str, tuple[_Rule, _Rule]] = {
    "valid": (lambda w, i: (0, 0),) * 2,
    "same": (_same, _same),
    "same_lower": (_same_lower, _same_lower),
    "full": (lambda w, i: (w.extent - 1, w.extent - 1),) * 2,
    "causal": (lambda w, i: (w.extent - 1, 0), _same),
}
"""The rule of each padding by name: for the first spatial axis, and for the others. `same` is TensorFlow's SAME."""


SAME_PADDING = Support(
    name="same_padding",
    source='''\
def same_padding(x, kernel, stride, dilation=1, lower=False, causal=False) -> list[int]:
    """The padding of x, last axis first, that leaves ceil(size / stride) positions an axis.

    The odd one goes to the end, or to the beginning with `lower`; with `causal` the first
    axis is padded on the left.
    """
    axes = x.dim() - 2
    options = (kernel, stride, dilation)
    kernel, stride, dilation = (v if type(v) is tuple else (v,) * axes for v in options)
    pads = []
    for axis in reversed(range(axes)):
        size, extent = x.shape[2 + axis], (kernel[axis] - 1) * dilation[axis] + 1
        total = max((-(-size // stride[axis]) - 1) * stride[axis] + extent - size, 0)
        small, large = total // 2, total - total // 2
        if causal and axis == 0:
            pads += [extent - 1, 0]
        else:
            pads += [large, small] if lower else [small, large]
    return pads
''',
)
"""Emitted where `same` meets an open size."""
