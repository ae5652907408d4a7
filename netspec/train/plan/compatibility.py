"""How data come to the inputs of a net, or the diagnostics that say why they do not, at the line of each input."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate.problems import Problem
from netspec.graph.graph import Graph, Value
from netspec.syntax.source import Span
from netspec.train.augment import AugmentError, Chain
from netspec.train.augment.blends import Blend
from netspec.train.data import Data, Split
from netspec.train.plan.inputs import InputPlan, input_plans
from netspec.train.section.settings import Settings


def compatible_inputs(settings: Settings, graph: Graph, data: Data) -> list[InputPlan]:
    """How the data come to the net's inputs; raises Problem or NetspecError where they cannot (E0606, E0613, E0620), or
    where the net cannot be trained (E0608).
    """
    for output in graph.outputs:
        if output.value.shape.each is not None:
            message = f"nets are trained by what they make of a picture, but {graph.name} makes {output.value.shape}"
            raise Problem("E0608", message, settings.span("data"))
    if len(graph.inputs) != len(data.shapes):
        raise _miscounted(settings, graph, data)
    check_packages(settings)
    for step in settings.augment.steps:
        if step.varies:
            message = f"{step.name} gives each picture a size of its own, and only pictures with objects may have that"
            help = "random_crop, random_resized_crop and zoom leave all of one size"
            raise Problem("E0620", message, settings.span("augment"), help=help)
    try:
        plans = input_plans(graph, data, settings)
    except AugmentError as error:
        raise Problem("E0620", error.message, settings.span("augment"), help=error.help) from None
    wrong: list[Diagnostic] = []
    inputs: list[InputPlan] = []
    for index, (value, each) in enumerate(zip(graph.inputs, plans, strict=True)):
        try:
            inputs.append(_checked(settings, graph, value, data.of_input(index), each))
        except Problem as problem:
            wrong.append(problem.diagnostic)
    if wrong:
        raise NetspecError(tuple(wrong))
    if len(inputs) > 1:
        _check_augmentation(settings, graph, data, inputs)
    return inputs


def check_packages(settings: Settings) -> None:
    """Raises Problem (E0613) where what does an augmentation is not installed."""
    for step in settings.augment.steps:
        if find_spec(step.package) is None:
            message = f"{step.name} needs the package {step.package}, which is not installed"
            raise Problem("E0613", message, settings.span("augment"), help="pip install 'netspec-nn[train]'")


def _checked(settings: Settings, graph: Graph, value: Value, data: Data, plan: InputPlan | None) -> InputPlan:
    """How the data come to one input; raises Problem where they cannot."""
    if plan is None:
        raise _misshapen(settings, graph, value, data)
    if value.shape.dtype == "int" and not data.whole:
        raise Problem(
            "E0606",
            f"{_taker(graph, value)} takes indices, but {settings.data.name} gives real numbers",
            origin(value, graph),
            "takes whole numbers",
            related=((settings.span("data"), "gives real numbers"),),
        )
    if settings.augment.steps and plan.augmented and (value.shape.dtype != "float" or plan.encoding.levels is not None):
        message = f"{graph.name} takes indices, and only real numbers can be augmented"
        raise Problem("E0620", message, settings.span("augment"))
    return plan


def _taker(graph: Graph, value: Value) -> str:
    """What takes samples, in words: the net, or one of its inputs."""
    return graph.name if len(graph.inputs) == 1 else f"the input {value.name} of {graph.name}"


def _miscounted(settings: Settings, graph: Graph, data: Data) -> Problem:
    """That the net has another number of inputs than the data feed."""
    count, fed, name = len(graph.inputs), len(data.shapes), settings.data.name
    names = ", ".join(value.name for value in graph.inputs)
    alike = count == 2 and graph.inputs[0].shape == graph.inputs[1].shape
    pairs = alike and fed == 1 and data.classes is not None and not data.target
    return Problem(
        "E0606",
        f"{graph.name} has {count} input{'s' * (count != 1)}, and {name} feeds {'one' if fed == 1 else fed}",
        origin(graph.inputs[min(fed, count - 1)], graph) if graph.inputs else graph.scopes[0].span,
        f"its input{'s are' if count > 1 else ' is'} {names}" if names else "it has none",
        related=((settings.span("data"), "the data"),),
        help=f"two samples, and whether they are of one class: data pairs({settings.data.written()})" if pairs else "",
    )


def _check_augmentation(settings: Settings, graph: Graph, data: Data, inputs: Sequence[InputPlan]) -> None:
    """Raises Problem where several inputs cannot be augmented each by itself."""
    span = settings.span("augment")
    places = [each.encoding.shape(each.sent)[1:] for each in inputs]
    follows = any(axes and data.target[-len(axes) :] == axes for axes in places)
    for step in settings.augment.steps:
        if isinstance(step, Blend):
            raise Problem("E0620", f"{step.name} is for nets of one input, and {graph.name} has {len(inputs)}", span)
        if follows and step.moves:
            message = f"{step.name} would move each input of {graph.name} by itself, and a mask can go with one only"
            raise Problem("E0620", message, span, help="what changes values and not places can be done")
    if settings.augment.steps and not any(each.augmented for each in inputs):
        raise Problem("E0620", f"{graph.name} has no input of signals or images that could be augmented", span)


def fitted_chain(settings: Settings, data: Data, plans: Sequence[InputPlan]) -> Chain:
    """The augmentations with what they take from the training samples of the inputs that they are for."""
    inputs = [index for index, each in enumerate(plans) if each.augmented]
    try:
        return settings.augment.fitted(data.train, inputs)
    except AugmentError as error:
        raise Problem("E0620", error.message, settings.span("augment"), help=error.help) from None


def _misshapen(settings: Settings, graph: Graph, value: Value, data: Data) -> Problem:
    """That samples come in another shape than an input has, and how they could be asked for in that one."""
    name = settings.data.name
    own = f"[{', '.join(map(str, data.shape))}]"
    try:
        shape = settings.augment.shape(data.shape)
    except AugmentError as error:
        return Problem("E0620", error.message, settings.span("augment"), help=error.help)
    fixed = tuple(size for size in value.shape.dims if isinstance(size, int))
    if shape != data.shape:
        mend = f"declare the input as they enter: input {value.name} [{', '.join(map(str, shape))}]"
    else:
        mend = settings.data.mend(fixed if len(fixed) == value.shape.rank else None)
    if len(data.shape) > 1 and (data.shape[-1], *data.shape[:-1]) == fixed:
        axes = ", ".join(map(str, (0, len(data.shape), *range(1, len(data.shape)))))
        mend = f"the channels come last in these data: save x.transpose({axes})"
    clause = f"{name} gives {own}"
    if settings.augment.steps:
        clause += f", which augment makes [{', '.join(map(str, shape))}]"
    return Problem(
        "E0606",
        f"{clause}, but {_taker(graph, value)} takes {value.shape}",
        origin(value, graph),
        f"takes {value.shape}",
        related=((settings.span("data"), f"gives {own}"),),
        help=mend or f"declare the input as the data are: input {value.name} {own}",
        mend=(settings.span("data"), mend) if mend.startswith("data ") else None,
    )


def reshaped(settings: Settings, data: Data, inputs: Sequence[InputPlan]) -> Data:
    """The data in the shapes in which they are sent."""
    sent = tuple(each.sent for each in inputs)

    def adapted(split: Split) -> Split:
        result = split.adapted(settings.data, sent)
        assert result is not None
        return result

    return data.with_splits(adapted)


def origin(value: Value, graph: Graph) -> Span:
    """Where the spec makes a value."""
    if value.span is not None:
        return value.span
    return graph.scopes[0].span if value.node is None else graph.nodes[value.node].span
