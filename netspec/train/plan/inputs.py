"""How samples come to the inputs of a net: adapted, entered, augmented, in a shape that each declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netspec.graph.graph import Graph
from netspec.shapes.shape import Shape
from netspec.train.augment import AugmentError, Chain
from netspec.train.data import Data, DataSet, Dims, Split
from netspec.train.data.base import kind_of
from netspec.train.data.encoding import Encoding
from netspec.train.section.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class InputPlan:
    """How samples come to an input: in the shape `sent` out of the data, in `shape` once entered and augmented.

    `augmented` says that the augmentations are for it.
    """

    sent: Dims
    shape: Dims
    encoding: Encoding
    augmented: bool = True

    def met(self, data: Data) -> Data:
        """No samples, of the sort that the net meets: a target with the axes of its sample is cut as the sample is."""
        axes = self.encoding.shape(self.sent)[1:]

        def cut(target: NDArray[Any]) -> NDArray[Any]:
            own = target.shape[1:]
            follows = axes and own[-len(axes) :] == axes
            return kind_of((*own[: -len(axes)], *self.shape[1:]) if follows else own, target.dtype)

        y, *further = map(cut, data.train.targets)
        split = Split(kind_of(self.shape, data.train.x.dtype), y, further=tuple(further))
        return replace(data, train=split, test=split, val=None)


def input_plans(graph: Graph, data: Data, settings: Settings) -> list[InputPlan | None]:
    """How samples come to each input of a net that has as many as the data; None for one to which they cannot come.

    Of several inputs, those that are drawn or no signals or images of real numbers are not augmented. Raises
    AugmentError.
    """
    several = len(graph.inputs) > 1
    return [
        InputPlan(data.shapes[index], data.shapes[index], Encoding(value.shape.dtype), augmented=False)
        if value.name in settings.draws
        else input_plan(value.shape, data.of_input(index), settings.data, settings.augment, several=several)
        for index, value in enumerate(graph.inputs)
    ]


def input_plan(
    declared: Shape, data: Data, dataset: DataSet, chain: Chain, *, several: bool = False
) -> InputPlan | None:
    """How samples of a data set come to an input that declares that shape; None where they cannot.

    It may be one of several. Raises AugmentError where the augmentations cannot be done to them in any way.
    """
    if several and (declared.dtype != "float" or declared.rank < 2):
        plain = input_plan(declared, data, dataset, Chain())
        return None if plain is None else replace(plain, augmented=False)
    refused: AugmentError | None = None
    is_possible = False
    for sent, encoding in _ways(declared, data):
        if dataset.adapt(data.train.x[:0], sent) is None:
            continue
        entered = encoding.shape(sent)
        try:
            shape = chain.shape(entered)
            tested = chain.tested().shape(entered)
        except AugmentError as error:
            refused = refused or (None if is_possible else error)
            continue
        is_possible = True
        if shape == tested and _unifies(declared, shape):
            return InputPlan(sent, shape, encoding)
    if refused is not None:
        raise refused
    return None


def _ways(declared: Shape, data: Data) -> Iterator[tuple[Dims, Encoding]]:
    """The shapes in which samples can be sent, the likeliest first: as declared, as they are, with a channel or not."""
    own, plain = data.shape, Encoding(declared.dtype)
    sizes = tuple(size for size in declared.dims if isinstance(size, int))
    shapes = [own, (1, *own), *([own[1:]] if own[:1] == (1,) else [])]
    for shape in dict.fromkeys(([sizes] if len(sizes) == declared.rank else []) + shapes):
        yield shape, plain
    if data.levels is not None and data.whole and declared.dtype == "float":
        for shape in shapes:
            yield shape, Encoding(levels=data.levels, blank=data.blank)


def _unifies(declared: Shape, shape: Dims) -> bool:
    """Whether open sizes can be given numbers so that the declared shape is this one."""
    if declared.rank != len(shape):
        return False
    numbers: dict[str, int] = {}
    for size, number in zip(declared.dims, shape, strict=True):
        if numbers.setdefault(str(size), number) != number or (isinstance(size, int) and size != number):
            return False
    return True


def sample_shapes(settings: Settings, graph: Graph, data: Data) -> dict[str, Dims]:
    """The shapes in which samples meet the inputs of a net, by name; nothing where they do not fit all of them."""
    if len(graph.inputs) != len(data.shapes):
        return {}
    try:
        plans = input_plans(graph, data, settings)
    except AugmentError:
        return {}
    shapes = {value.name: each.shape for value, each in zip(graph.inputs, plans, strict=True) if each is not None}
    return shapes if len(shapes) == len(plans) else {}
