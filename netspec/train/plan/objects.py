"""How pictures with objects come to a net: the picture to its input, in the size that is left of augmentation."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate.problems import Problem
from netspec.graph.graph import Graph, Value
from netspec.train.augment import AugmentError, Chain
from netspec.train.data import Data, Dims
from netspec.train.plan.compatibility import check_packages, origin
from netspec.train.section.settings import Settings


def fitted_to_objects(settings: Settings, graph: Graph, data: Data) -> Chain:
    """The augmentations with what they take from the training pictures; raises Problem (E0606, E0613, E0620).

    The net takes a picture [3, height, width]; where pictures are left of unlike sizes, these are open.
    """
    assert data.objects is not None
    check_packages(settings)
    try:
        for step in settings.augment.steps:
            step.check_objects(masks=data.objects.masked)
        shapes = settings.augment.shape(data.shape), settings.augment.tested().shape(data.shape)
        chain = settings.augment.fitted(data.train)
    except AugmentError as error:
        raise Problem("E0620", error.message, settings.span("augment"), help=error.help) from None
    for shape in dict.fromkeys(shapes):
        _check_picture(settings, graph, graph.inputs[0], shape)
    return chain


def _check_picture(settings: Settings, graph: Graph, value: Value, shape: Dims) -> None:
    """Raises Problem where an input does not take pictures of that shape, whose unlike sides are 0."""
    declared = value.shape
    given = settings.span("data")
    if declared.dtype != "float" or declared.rank != 3 or declared.dims[0] not in (shape[0],):
        message = f"{settings.data.name} gives pictures [{shape[0]}, height, width], but {graph.name} takes {declared}"
        raise Problem("E0606", message, origin(value, graph), f"takes {declared}", related=((given, "gives pictures"),))
    sides = zip(declared.dims[1:], shape[1:], strict=True)
    if all(not isinstance(wanted, int) or wanted == side for wanted, side in sides):
        return
    size = ", ".join(map(str, declared.dims[1:]))
    own = "of unlike sizes" if not all(shape[1:]) else f"{shape[1]} x {shape[2]}"
    message = f"{settings.data.name} gives pictures {own}, but {graph.name} takes {declared}"
    help = f"end augment with resize([{size}]), or leave the size open: input {value.name} [3, H, W]"
    raise Problem("E0606", message, origin(value, graph), f"takes {declared}", related=((given, own),), help=help)


def refuse_objects(settings: Settings, graph: Graph) -> None:
    """Raises NetspecError (E0608): that no loss of a train section is about a set of objects."""
    name = settings.data.name
    message = f"{name} says which objects are in each picture, and {graph.name} has no loss that is about these"
    help = "a loss of a train section compares an output with one target a sample; netspec preview shows these data"
    raise NetspecError((Diagnostic("E0608", message, settings.span("data"), help=help),))
