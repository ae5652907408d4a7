"""How large a value and a weight may be."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from netspec.elaborate.problems import Problem
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import TooComplexError
from netspec.syntax.source import Span

LARGEST_SIZE = 2**31 - 1
MOST_DIMENSIONS = 8
"""The batch not counted."""
MOST_ELEMENTS = 2**48
"""Of one sample of a value, or of a weight: a petabyte."""


def beyond_reckoning(error: TooComplexError, span: Span) -> Problem:
    return Problem("E0504", f"{error} is beyond what can be reckoned with", span)


def bound_sizes(shapes: tuple[Shape, ...], span: Span) -> None:
    """Raises Problem where a size, or the number of sizes, is beyond what a tensor can have."""
    for shape in shapes:
        if shape.rank > MOST_DIMENSIONS:
            message = f"a value of {shape.rank} dimensions is beyond what a net may have, {MOST_DIMENSIONS}"
            raise Problem("E0504", message, span)
    for size in (size for shape in shapes for size in shape.dims):
        if isinstance(size, int) and size > LARGEST_SIZE:
            message = f"a size of {size:,} is beyond what a tensor can have, {LARGEST_SIZE:,}"
            raise Problem("E0504", message, span)


def bound_elements(shapes: Iterable[Shape], weights: Iterable[tuple[int, ...]], span: Span) -> None:
    """Raises Problem where a value or a weight has more numbers than any memory holds."""
    for what, sizes in (*(("value", shape.dims) for shape in shapes), *(("weight", sizes) for sizes in weights)):
        numbers = [size for size in sizes if isinstance(size, int)]
        if prod(numbers) > MOST_ELEMENTS:
            text = " x ".join(f"{size:,}" for size in numbers)
            message = f"a {what} of {text} numbers is beyond what a memory can hold, {MOST_ELEMENTS:,}"
            raise Problem("E0504", message, span)
