"""Data, net and losses brought together: how they fit, or what keeps them from it, before the first step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate.problems import Problem
from netspec.graph.graph import Graph, Output
from netspec.shapes.shape import Shape
from netspec.spelling import nearest
from netspec.syntax.source import Span
from netspec.train.augment import Chain
from netspec.train.augment.blends import Blend
from netspec.train.augment.crops import Frame
from netspec.train.batch import Reference
from netspec.train.data import Data, Dims, Split
from netspec.train.data.base import kind_of
from netspec.train.data.encoding import Encoding
from netspec.train.data.files import DataError
from netspec.train.losses import LOSSES, Form, Itself, PlannedTerm, Term, Weighing
from netspec.train.plan.compatibility import compatible_inputs, fitted_chain, origin, reshaped
from netspec.train.plan.endings import check_ending
from netspec.train.plan.inputs import InputPlan
from netspec.train.plan.objects import refuse_objects
from netspec.train.plan.outputs import OutputHead, OutputMetric
from netspec.train.section.parts.metrics import Accuracy, MeanAbsoluteError, MetricTerm, Task
from netspec.train.section.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

TASKS: dict[Form, Task] = {"classes": "multiclass", "one_hot": "multiclass", "binary": "binary", "values": "values"}


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPlan:
    """How a net is trained on data: the data as the net takes them, and which output each term of the loss is about.

    `encodings` are how samples enter the net, input by input, after which `augment` is done to them. `judged` is the
    output that metrics are about which name none: the first that the loss speaks of and that is always there.
    """

    data: Data
    encodings: tuple[Encoding, ...]
    terms: tuple[PlannedTerm, ...]
    judged: OutputHead
    metrics: tuple[OutputMetric, ...]
    augment: Chain
    losses: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The figures of the steps' own losses, and the numbers of the terms that each is the sum of."""

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of what a run measures after each epoch, beside the loss."""
        return (*self.losses, *(each.name for each in self.metrics if not each.metric.table))

    @property
    def falling(self) -> frozenset[str]:
        """Those of its figures that are better when they are less."""
        return frozenset({"loss", *self.losses, *(each.name for each in self.metrics if each.metric.falls)})


def training_plan(settings: Settings, graph: Graph, data: Data) -> TrainingPlan:
    """How data, net and losses fit; raises NetspecError with everything that keeps them from it (E0606 to E0608)."""
    if data.objects is not None:
        refuse_objects(settings, graph)
    wrong: list[Diagnostic] = []
    fed = met = data
    inputs: list[InputPlan] = []
    shapes: tuple[Dims, ...] = ()
    chain = settings.augment
    try:
        inputs = compatible_inputs(settings, graph, data)
        met = inputs[0].met(data)
        shapes = tuple(each.shape for each in inputs)
        fed = reshaped(settings, data, inputs)
        if fed.classes is not None and fed.target and settings.augment.steps:
            fed = replace(fed, ignores=True)  # what lies outside a sample that is moved does not count
        met, frame = _framed(settings, graph, met)
        chain = fitted_chain(settings, fed, inputs).then(*frame)
    except Problem as problem:
        wrong.append(problem.diagnostic)
    except NetspecError as error:
        wrong.extend(error.diagnostics)
    terms: list[PlannedTerm] = []
    for term in settings.loss:
        try:
            index = output_of(term, graph)
            reference = reference_of(term, graph, data.target_names, settings)
            term = _balanced(term, reference, graph.outputs[index], data, settings)
            about = said_about(reference, term, graph.outputs[index].value.shape, met, shapes)
            labels = data.train.targets[reference.index] if reference.kind == "target" else about.train.y
            form = _form(term, graph.outputs[index], settings, graph, about, labels)
            terms.append(PlannedTerm(term, index, form, reference))
        except Problem as problem:
            wrong.append(problem.diagnostic)
    if wrong:
        raise NetspecError(tuple(wrong))
    heads = _heads(graph, terms, met, shapes)
    if not heads:
        raise NetspecError((_only_in_training(settings, graph.outputs[terms[0].output]),))
    judged, *_ = heads.values()
    encodings = tuple(each.encoding for each in inputs)
    output_metrics = _output_metrics(settings, graph, heads, judged, data.label_names or data.names)
    losses = {step.figure: numbers for step, numbers in zip(settings.steps, step_terms(settings), strict=False)}
    return TrainingPlan(_weighed(settings, fed), encodings, tuple(terms), judged, output_metrics, chain, losses)


def step_terms(settings: Settings) -> list[tuple[int, ...]]:
    """The numbers of the terms, among all of the loss, that are each step's."""
    numbers = iter(range(len(settings.loss)))
    return [tuple(islice(numbers, len(step.loss))) for step, _, _ in settings.each_step]


def _heads(graph: Graph, terms: Sequence[PlannedTerm], met: Data, shapes: Sequence[Dims]) -> dict[int, OutputHead]:
    """How the outputs are read that are always there, by their index: those that are compared with something first."""
    heads: dict[int, OutputHead] = {}
    for planned_term in sorted(terms, key=lambda planned_term: planned_term.reference.kind == "number"):
        term, index, form, reference = planned_term
        if not graph.outputs[index].when_training and index not in heads:
            about = said_about(reference, term, graph.outputs[index].value.shape, met, shapes)
            heads[index] = replace(_head_of(graph, term, index, form, about), reference=reference)
    return heads


def _balanced(term: Term, reference: Reference, output: Output, data: Data, settings: Settings) -> Term:
    """The term with the weights that the training data give it, where it asks for these; raises Problem (E0608)."""
    if not term.loss.is_balanced:
        return term
    if not len(data.train):
        plain = {key: None for key in ("weight", "pos_weight") if getattr(term.loss, key, None) == "balanced"}
        return replace(term, loss=term.loss.model_copy(update=plain))
    labels = data.train.every_target(reference.index) if reference.kind == "target" else None
    if labels is None or labels.dtype.kind == "f":
        message = (
            f"{term.loss.name} is to be balanced, and {settings.data.name} does not say how often each class is there"
        )
        raise Problem("E0608", message, term.span)
    classes = output.value.shape.dims[0] if output.value.shape.dims else 1
    return replace(term, loss=term.loss.balanced(labels, classes if isinstance(classes, int) else 1))


def wanted_targets(settings: Settings, graph: Graph) -> tuple[str, ...]:
    """The names of the targets that the data have to hold, in the order in which the loss speaks of them.

    `y` is that of a term that names none.
    """
    inputs = {value.name for value in graph.inputs}
    compared = (term for term in settings.loss if not isinstance(term.loss, Itself))
    targets = ("y" if term.target is None else term.target for term in compared)
    return tuple(dict.fromkeys(name for name in targets if isinstance(name, str) and name not in inputs))


def reference_of(term: Term, graph: Graph, targets: Sequence[str], settings: Settings) -> Reference:
    """What a term compares its output with; raises Problem (E0608) where there is nothing of that name."""
    inputs = [value.name for value in graph.inputs]
    if isinstance(term.loss, Itself):
        return Reference("number")
    if isinstance(term.target, int | float):
        return Reference("number", number=term.target)
    name = targets[0] if term.target is None else term.target
    if name in inputs:
        _check_unblended(term, settings)
        return Reference("input", inputs.index(name))
    if name in targets:
        return Reference("target", targets.index(name))
    near = nearest(name, [*targets, *inputs])
    raise Problem(
        "E0608",
        f"there is nothing named {name} that {term.loss.name} could compare {term.output} with",
        term.span,
        "neither a target nor an input",
        notes=(f"{settings.data.name} says {_listed(targets)}; the inputs of {graph.name} are {_listed(inputs)}",),
        help=f"did you mean {near}?" if near else "",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _check_unblended(term: Term, settings: Settings) -> None:
    """Raises Problem where an input is a target and samples are blended: what they are blended of is not kept."""
    for step in settings.augment.steps:
        if isinstance(step, Blend):
            message = f"{step.name} blends the samples, and {term.loss.name} compares {term.output} with one of them"
            raise Problem("E0620", message, settings.span("augment"))


def said_about(reference: Reference, term: Term, output: Shape, met: Data, shapes: Sequence[Dims]) -> Data:
    """No samples, of the sort about which is said what a term compares its output with."""
    if reference.kind == "target":
        return met.of_target(reference.index)
    whole = False
    dims = tuple(size for size in output.dims if isinstance(size, int))
    if reference.kind == "number":
        whole = term.loss.takes == "classes"
        dims = dims[1:] if whole else dims
    elif reference.index < len(shapes):
        dims = shapes[reference.index]
        whole = term.loss.takes == "classes" and met.levels is not None
    classes = (met.levels if reference.kind == "input" else output.dims[0]) if whole else None
    split = Split(met.train.x[:0], kind_of(dims, "int64" if whole else "float32"), more=met.train.more)
    count = classes if isinstance(classes, int) else None
    return replace(met, train=split, test=split, val=None, classes=count, exact=False, names=(), further=())


def _framed(settings: Settings, graph: Graph, met: Data) -> tuple[Data, tuple[Frame, ...]]:
    """The data with their targets' borders cut off, where the net's output is smaller than they are; and what cuts."""
    first = settings.loss[0]
    try:
        output_shape = graph.outputs[output_of(first, graph)].value.shape
    except Problem:
        return met, ()
    if isinstance(first.loss, Itself) or not (first.target is None or first.target in met.target_names):
        return met, ()
    axes = met.shape[1:]
    sizes = tuple(size for size in output_shape.dims[output_shape.rank - len(axes) :] if isinstance(size, int))
    fits = axes and met.target[-len(axes) :] == axes and output_shape.rank > len(axes) == len(sizes)
    if not fits or sizes == axes or any(size > own for size, own in zip(sizes, axes, strict=True)):
        return met, ()
    y = kind_of((*met.target[: -len(axes)], *sizes), met.train.y.dtype)
    split = replace(met.train, y=y)
    return replace(met, train=split, test=split), (Frame(size=sizes),)


def _weighed(settings: Settings, data: Data) -> Data:
    """The data with the weights of the places of their targets, where a loss has any."""
    weighing = {term.loss for term in settings.loss if isinstance(term.loss, Weighing)}
    if not weighing:
        return data
    if data.further:
        message = "places are weighed where one thing alone is to be said about a sample"
        raise NetspecError((Diagnostic("E0608", message, settings.span("loss")),))
    if len(weighing) > 1:
        message = "the terms of this loss weigh the places of a mask differently, and there is one weight a place"
        raise NetspecError((Diagnostic("E0608", message, settings.span("loss")),))
    weigh = weighing.pop().weights
    try:
        return data.with_splits(lambda split: split.weighed(weigh))
    except DataError as error:
        raise error.at(settings.span("data")) from None


def _head_of(graph: Graph, term: Term, index: int, form: Form, data: Data) -> OutputHead:
    """How the output is read that a term is about."""
    task = TASKS[form]
    dims = graph.outputs[index].value.shape.dims
    classes = dims[0] if task == "multiclass" else 2 if task == "binary" else 0
    columns = dims[0] if task == "values" and dims else 1
    assert isinstance(classes, int)
    assert isinstance(columns, int)
    labels = data.target[0] if task == "binary" and len(data.target) == 1 and data.target[0] > 1 else 0
    return OutputHead(index, task, classes, term.loss.squashes(), term.loss.distance(), labels=labels, columns=columns)


def unknown_outputs(settings: Settings, graph: Graph) -> list[Diagnostic]:
    """The outputs that losses and metrics name and the net does not have: known without the data."""
    wrong: list[Diagnostic] = []
    judged = [
        (metric_term.output, metric_term.metric.name, metric_term.span)
        for metric_term in settings.metrics or ()
        if metric_term.output
    ]
    for term in settings.loss:
        try:
            output_of(term, graph)
        except Problem as problem:
            wrong.append(problem.diagnostic)
    for name, judge, span in judged:
        try:
            _output(name, judge, span, graph)
        except Problem as problem:
            wrong.append(problem.diagnostic)
    return wrong


def output_of(term: Term, graph: Graph) -> int:
    """The index of the output that a term is about; raises Problem where there is none (E0602, E0608)."""
    output_names = [output.name for output in graph.outputs if output.name is not None]
    if isinstance(term.loss, Itself) and term.output not in output_names:
        raise _neither(term, graph, output_names)
    return _output(term.output, term.loss.name, term.span, graph)


def _neither(term: Term, graph: Graph, outputs: Sequence[str]) -> Problem:
    """That a name alone in a loss is neither a loss nor an output of the net."""
    name = term.output or ""
    near = nearest(name, [*outputs, *LOSSES])
    listed = f"the outputs of {graph.name} are {', '.join(outputs)}" if outputs else ""
    return Problem(
        "E0602",
        f"there is no loss named {name}",
        term.span,
        "not known",
        notes=(f"known: {', '.join(sorted(LOSSES))}", *([listed] if listed else [])),
        help=f"did you mean {near}?" if near else "",
        mend=(term.span, near) if near else None,
    )


def _output(output_name: str | None, name: str, span: Span, graph: Graph) -> int:
    """The index of the output that a loss or a metric names, or of the only one."""
    index_by_name = {output.name: index for index, output in enumerate(graph.outputs) if output.name is not None}
    if output_name in index_by_name:
        return index_by_name[output_name]
    listed = (
        f"{graph.name}'s outputs are {', '.join(index_by_name)}"
        if index_by_name
        else f"{graph.name} has one output, without a name"
    )
    if output_name is not None:
        near = nearest(output_name, index_by_name)
        raise Problem(
            "E0608",
            f"{graph.name} has no output named {output_name}",
            span,
            "not an output",
            notes=(listed,),
            help=f"did you mean {near}?" if near else f"write {name} alone" if not index_by_name else "",
        )
    always = [index for index, output in enumerate(graph.outputs) if not output.when_training]
    if len(always) == 1:
        return always[0]
    raise Problem(
        "E0608",
        f"{graph.name} has {len(always)} outputs, so a loss has to say which one it is about",
        span,
        notes=(listed,),
        help=f"{name}({next(iter(index_by_name), 'NAME')})",
    )


def _form(term: Term, output: Output, settings: Settings, graph: Graph, data: Data, labels: NDArray[Any]) -> Form:
    """What the term compares the output with; raises Problem where it cannot be compared.

    `labels` are the training targets, as far as these are held.
    """
    shape = output.value.shape
    where = origin(output.value, graph)
    places = ((settings.span("data"), _contents(data)), (term.span, "compares the two"))
    sizes = tuple(size for size in shape.dims if isinstance(size, int))
    if len(sizes) == shape.rank:
        form = term.loss.form(sizes, data)
        if form == "classes" and sizes[0] != data.classes and (data.exact or sizes[0] < (data.classes or 0)):
            raise Problem(
                "E0607",
                f"{settings.data.name} has {data.classes} classes, but {graph.name} tells {sizes[0]} apart",
                origin(graph.inputs[0], graph) if where == graph.scopes[0].span else where,
                f"the output is {shape}",
                related=((origin(graph.inputs[0], graph), f"fed by {settings.data.name}"), places[0]),
                help=_count_help(sizes[0], data, labels),
            )
        _check_weight(term, sizes)
        if form is not None:
            check_ending(term, output, form, graph)
            if wrong := term.loss.misuse(form):
                raise Problem("E0608", wrong, term.span)
            return form
    raise Problem(
        "E0608",
        f"{term.loss.name} cannot compare an output {shape} with {_contents(data)}",
        where,
        f"the output is {shape}",
        related=places,
        help=_unflattened(output, graph, sizes, data) or _loss_help(term, data, sizes, labels),
    )


def _check_weight(term: Term, sizes: Dims) -> None:
    """Raises Problem where the loss weighs another number of classes than the output has."""
    weight = getattr(term.loss, "weight", None)
    if weight is not None and sizes and len(weight) != sizes[0]:
        raise Problem(
            "E0608",
            f"{term.loss.name} has {len(weight)} weights for an output of {sizes[0]}",
            term.span,
            "weight is one number each",
        )


def _count_help(outputs: int, data: Data, labels: NDArray[Any]) -> str:
    """What mends another number of classes than outputs: of the data, where these count from 1, else of the net."""
    if not data.exact and data.classes == outputs + 1 and len(labels) and labels[labels >= 0].min(initial=1) == 1:
        return f"these classes count from 1: save them from 0 to {outputs - 1}, y - 1"
    return f"the last layer needs {data.classes} outputs"


def _unflattened(output: Output, graph: Graph, sizes: Dims, data: Data) -> str:
    """That the last layer is along the last axis of a map, where it is; else nothing."""
    node = None if output.value.node is None else graph.nodes[output.value.node]
    if node is None or not type(node.layer).along_features or data.target or len(sizes) < 2:
        return ""
    return f"{node.layer.name} works along the last axis: write flatten before it" if sizes[-1] == data.classes else ""


def _loss_help(term: Term, data: Data, sizes: Dims, labels: NDArray[Any]) -> str:
    one_hot = data.classes == 2 and len(data.target) == 1 and data.target == sizes
    if one_hot and term.loss.takes == "classes" and len(labels) and (labels.sum(1) == 1).all():
        return "these are rows of 0s with a 1: save the number of the class instead, numpy.argmax(y, 1)"
    if data.classes is None:
        return "the data hold real numbers: the output needs their shape, and the loss mse, l1 or the like"
    if term.loss.takes == "classes" and sizes[:-1] == data.target and sizes[-1:] == (data.classes,):
        return f"classes come first: end the net in transpose(0, {len(sizes) - 1})"
    if term.loss.takes == "classes":
        target = "".join(f", {size}" for size in data.target)
        return f"for {data.classes} classes the output is [{data.classes}{target}]"
    return "for classes take cross_entropy, or for two of them bce on a single output"


def _contents(data: Data) -> str:
    """What the data say about a sample."""
    target = f" [{', '.join(map(str, data.target))}]" if data.target else ""
    if data.classes is not None:
        return f"one of {data.classes} classes" + (f" at each of{target}" if target else "")
    return f"real numbers{target}" if target else "a real number"


def _only_in_training(settings: Settings, output: Output) -> Diagnostic:
    return Diagnostic(
        "E0608",
        f"the loss speaks of {output.name} only, which is an output in training alone, so nothing could be tested",
        settings.span("loss"),
        help="add a term for an output that is always there",
    )


JUDGED = {"multiclass": "classes", "binary": "a single 0 or 1", "values": "real numbers"}
"""What an output says, in words."""


def _output_metrics(
    settings: Settings, graph: Graph, heads: Mapping[int, OutputHead], judged: OutputHead, names: Sequence[str]
) -> tuple[OutputMetric, ...]:
    """The metrics asked for, or the one that goes with the task; raises NetspecError (E0608).

    `names` are those of the classes, or labels, that the targets are of, where they have any.
    """
    if settings.metrics is None and judged.reference.kind == "number":
        return ()
    if settings.metrics is None:
        metric = MeanAbsoluteError() if judged.task == "values" else Accuracy()
        return (OutputMetric(metric.name, metric, judged),)
    output_metrics: list[OutputMetric] = []
    wrong: list[Diagnostic] = []
    for metric_term in settings.metrics:
        try:
            head = _judged_head(metric_term, graph, heads, judged)
            output_metrics.extend(_by_class(metric_term, head, names))
        except Problem as problem:
            wrong.append(problem.diagnostic)
    if wrong:
        raise NetspecError(tuple(wrong))
    return tuple(output_metrics)


def _judged_head(
    metric_term: MetricTerm, graph: Graph, heads: Mapping[int, OutputHead], judged: OutputHead
) -> OutputHead:
    """The output that a metric names; raises Problem where it cannot judge it."""
    metric, head = metric_term.metric, judged
    if metric_term.output is not None:
        index = _output(metric_term.output, metric.name, metric_term.span, graph)
        if index not in heads:
            output = graph.outputs[index]
            why = "which is an output in training alone" if output.when_training else "of which no loss speaks"
            raise Problem("E0608", f"{metric.name} is to judge {output.name}, {why}", metric_term.span)
        head = heads[index]
    if head.task not in metric.tasks:
        message = f"{metric.name} does not judge {JUDGED[head.task]}, which this loss is about"
        raise Problem("E0608", message, metric_term.span)
    if metric.of_labels and not head.labels:
        message = f"{metric.name} is of samples with several labels, and these have one"
        raise Problem("E0608", message, metric_term.span, help="accuracy is the same of a single one")
    if head.task == "binary" and not head.labels and metric.model_fields_set & {"average", "class_"}:
        message = f"{metric.name} of a single 0 or 1 is that of class 1, and there is nothing to average"
        raise Problem("E0608", message, metric_term.span, help=f"write {metric.name} alone")
    return head


MOST_FIGURES = 100
"""Of more classes no figure of each is made."""


def _by_class(metric_term: MetricTerm, head: OutputHead, names: Sequence[str]) -> Iterator[OutputMetric]:
    """The metric at work on an output, or those of single classes that it stands for; raises Problem (E0608)."""
    metric = metric_term.metric
    count = head.labels or head.classes
    class_names = [names[place] if place < len(names) else str(place) for place in range(count)]
    try:
        each = metric.each_class(class_names)
    except KeyError as error:
        message = f"{metric.name} is asked for of the class {error.args[0]}, which there is not"
        near = nearest(error.args[0], class_names)
        help = f"did you mean {near}?" if near else f"there are {', '.join(class_names[:10])}{', ...' * (count > 10)}"
        raise Problem("E0608", message, metric_term.span, help=help) from None
    if len(each) > MOST_FIGURES:
        message = f"{metric.name} of each of {count:,} classes would be as many figures"
        raise Problem("E0608", message, metric_term.span, help=f"name the class: {metric.name}(class={class_names[0]})")
    for own in each:
        yield OutputMetric(replace(metric_term, metric=own).name, own, head)
