"""Data, net and losses brought together: how they fit, or what keeps them from it, before the first step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate.problems import Problem, nearest
from netspec.graph.graph import Graph, Output, Value
from netspec.syntax.source import Span
from netspec.train.augment import AugmentError, Chain
from netspec.train.augment.crops import Frame
from netspec.train.data import Data, Dims
from netspec.train.data.base import kind_of
from netspec.train.data.entry import Entry
from netspec.train.data.files import DataError
from netspec.train.losses import Form, Term, Weighing
from netspec.train.plan.arrival import Arrival, arrival
from netspec.train.section.metrics import Accuracy, MeanAbsoluteError, Metric, Task
from netspec.train.section.settings import Settings

TASKS: dict[Form, Task] = {"classes": "multiclass", "one_hot": "multiclass", "binary": "binary", "values": "values"}


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """How a net is trained on data: the data as the net takes them, and which output each term of the loss is about.

    `entry` is how samples enter the net, after which `augment` is done to them. `judged` is the output (its index among
    the graph's) that the metrics are about; with `logits` it is given before sigmoid or softmax.
    """

    data: Data
    entry: Entry
    terms: tuple[tuple[Term, int, Form], ...]
    judged: int
    task: Task
    metrics: tuple[Metric, ...]
    augment: Chain
    logits: bool = True


def match(settings: Settings, graph: Graph, data: Data) -> Match:
    """How data, net and losses fit; raises NetspecError with everything that keeps them from it (E0606 to E0608)."""
    wrong: list[Diagnostic] = []
    fed = met = data
    entry, chain = Entry(), settings.augment
    try:
        arrival = _arrival(settings, graph, data)
        entry, met = arrival.entry, arrival.met(data)
        fed = _fed(settings, graph, data, arrival)
        met, frame = _framed(settings, graph, met)
        chain = chain.fitted(fed.train).then(*frame)
    except Problem as problem:
        wrong.append(problem.diagnostic)
    terms: list[tuple[Term, int, Form]] = []
    for term in settings.loss:
        try:
            index = output_of(term, graph)
            terms.append((term, index, _form(term, graph.outputs[index], settings, graph, met)))
        except Problem as problem:
            wrong.append(problem.diagnostic)
    if wrong:
        raise NetspecError(tuple(wrong))
    term, judged, form = next((each for each in terms if not graph.outputs[each[1]].when_training), terms[0])
    if graph.outputs[judged].when_training:
        raise NetspecError((_only_in_training(settings, graph.outputs[judged]),))
    task = TASKS[form]
    fed = _weighed(settings, fed)
    return Match(fed, entry, tuple(terms), judged, task, _metrics(settings, task), chain, term.loss.squashes())


def _framed(settings: Settings, graph: Graph, met: Data) -> tuple[Data, tuple[Frame, ...]]:
    """The data with their targets' borders cut off, where the net's output is smaller than they are; and what cuts."""
    try:
        said = graph.outputs[output_of(settings.loss[0], graph)].value.shape
    except Problem:
        return met, ()
    axes = met.shape[1:]
    sizes = tuple(size for size in said.dims[said.rank - len(axes) :] if isinstance(size, int))
    fits = axes and met.target[-len(axes) :] == axes and said.rank > len(axes) == len(sizes)
    if not fits or sizes == axes or any(size > own for size, own in zip(sizes, axes, strict=True)):
        return met, ()
    y = kind_of((*met.target[: -len(axes)], *sizes), met.train.y.dtype)
    split = replace(met.train, y=y)
    return replace(met, train=split, test=split), (Frame(size=sizes),)


def _arrival(settings: Settings, graph: Graph, data: Data) -> Arrival:
    """How the data come to the net's input; raises Problem where they cannot."""
    if len(graph.inputs) != 1:
        names = ", ".join(value.name for value in graph.inputs)
        raise Problem(
            "E0606",
            f"{graph.name} has {len(graph.inputs)} inputs, and a data set feeds one",
            _span(graph.inputs[1], graph) if graph.inputs else graph.scopes[0].span,
            f"its inputs are {names}" if names else "it has none",
            related=((settings.span("data"), "the data"),),
        )
    entry = graph.inputs[0]
    for step in settings.augment.steps:
        if find_spec(step.package) is None:
            message = f"{step.name} needs the package {step.package}, which is not installed"
            raise Problem("E0613", message, settings.span("augment"), help="pip install 'netspec[train]'")
    try:
        found = arrival(entry.shape, data, settings.data, settings.augment)
    except AugmentError as error:
        raise Problem("E0620", error.message, settings.span("augment"), help=error.help) from None
    if found is None:
        raise _unfit(settings, graph, data)
    if entry.shape.dtype == "int" and not data.whole:
        raise Problem(
            "E0606",
            f"{graph.name} takes indices, but {settings.data.name} gives real numbers",
            _span(entry, graph),
            "takes whole numbers",
            related=((settings.span("data"), "gives real numbers"),),
        )
    if settings.augment.steps and (entry.shape.dtype != "float" or found.entry.levels is not None):
        message = f"{graph.name} takes indices, and only real numbers can be augmented"
        raise Problem("E0620", message, settings.span("augment"))
    return found


def _unfit(settings: Settings, graph: Graph, data: Data) -> Problem:
    """That samples come in another shape than the input has, and how they could be asked for in that one."""
    entry, name = graph.inputs[0], settings.data.name
    own = f"[{', '.join(map(str, data.shape))}]"
    fixed = tuple(size for size in entry.shape.dims if isinstance(size, int))
    mend = settings.data.mend(fixed if len(fixed) == entry.shape.rank else None)
    said = f"{name} gives {own}"
    if settings.augment.steps:
        with suppress(AugmentError):
            said += f", which augment makes [{', '.join(map(str, settings.augment.shape(data.shape)))}]"
    return Problem(
        "E0606",
        f"{said}, but {graph.name} takes {entry.shape}",
        _span(entry, graph),
        f"takes {entry.shape}",
        related=((settings.span("data"), f"gives {own}"),),
        help=mend or f"declare the input as the data are: input {entry.name} {own}",
    )


def _fed(settings: Settings, graph: Graph, data: Data, arrival: Arrival) -> Data:
    """The data in the shape in which they are sent."""
    splits = [split.adapted(settings.data, arrival.sent) for split in (data.train, data.test)]
    assert splits[0] is not None
    assert splits[1] is not None
    return replace(data, train=splits[0], test=splits[1])


def _weighed(settings: Settings, data: Data) -> Data:
    """The data with the weights of the places of their targets, where a loss has any."""
    weighing = {term.loss for term in settings.loss if isinstance(term.loss, Weighing)}
    if not weighing:
        return data
    if len(weighing) > 1:
        message = "the terms of this loss weigh the places of a mask differently, and there is one weight a place"
        raise NetspecError((Diagnostic("E0608", message, settings.span("loss")),))
    weigh = weighing.pop().weights
    try:
        return replace(data, train=data.train.weighed(weigh), test=data.test.weighed(weigh))
    except DataError as error:
        raise error.at(settings.span("data")) from None


def output_of(term: Term, graph: Graph) -> int:
    """The index of the output that a term is about."""
    named = {output.name: index for index, output in enumerate(graph.outputs) if output.name is not None}
    if term.output in named:
        return named[term.output]
    known = (
        f"{graph.name}'s outputs are {', '.join(named)}" if named else f"{graph.name} has one output, without a name"
    )
    if term.output is not None:
        near = nearest(term.output, named)
        raise Problem(
            "E0608",
            f"{graph.name} has no output named {term.output}",
            term.span,
            "not an output",
            notes=(known,),
            help=f"did you mean {near}?" if near else f"write {term.loss.name} alone" if not named else "",
        )
    always = [index for index, output in enumerate(graph.outputs) if not output.when_training]
    if len(always) == 1:
        return always[0]
    raise Problem(
        "E0608",
        f"{graph.name} has {len(always)} outputs, so a loss has to say which one it is about",
        term.span,
        notes=(known,),
        help=f"{term.loss.name}({next(iter(named), 'NAME')})",
    )


def _form(term: Term, output: Output, settings: Settings, graph: Graph, data: Data) -> Form:
    """What the term compares the output with; raises Problem where it cannot be compared."""
    shape = output.value.shape
    where = _span(output.value, graph)
    places = ((settings.span("data"), _contents(data)), (term.span, "compares the two"))
    sizes = tuple(size for size in shape.dims if isinstance(size, int))
    if len(sizes) == shape.rank:
        form = term.loss.form(sizes, data)
        if form == "classes" and sizes[0] != data.classes and (data.exact or sizes[0] < (data.classes or 0)):
            raise Problem(
                "E0607",
                f"{settings.data.name} has {data.classes} classes, but {graph.name} tells {sizes[0]} apart",
                _span(graph.inputs[0], graph) if where == graph.scopes[0].span else where,
                f"the output is {shape}",
                related=((_span(graph.inputs[0], graph), f"fed by {settings.data.name}"), places[0]),
                help=f"the last layer needs {data.classes} outputs",
            )
        _check_weight(term, sizes)
        if form is not None:
            _check_squashed(term, output, form, graph)
            return form
    raise Problem(
        "E0608",
        f"{term.loss.name} cannot compare an output {shape} with {_contents(data)}",
        where,
        f"the output is {shape}",
        related=places,
        help=_loss_help(term, data),
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


SQUASHING = {"sigmoid": ("binary", "one_hot"), "softmax": ("classes", "one_hot")}
"""Layers whose output is a probability, and the forms in which a loss cannot take it for a score."""


def _check_squashed(term: Term, output: Output, form: Form, graph: Graph) -> None:
    """Raises Problem where the net ends in what the loss does by itself, so that it would be done twice."""
    node = None if output.value.node is None else graph.nodes[output.value.node]
    if node is None or not term.loss.squashes() or form not in SQUASHING.get(node.layer.name, ()):
        return
    probabilities = "logits" in type(term.loss).model_fields
    raise Problem(
        "E0621",
        f"{graph.name} ends in {node.layer.name}, and {term.loss.name} does that by itself",
        node.span,
        f"{node.layer.name} here",
        related=((term.span, f"and inside {term.loss.name}"),),
        help=f"leave it out of the net, or write {term.loss.name}(logits=false)"
        if probabilities
        else f"leave {node.layer.name} out of the net",
    )


def _loss_help(term: Term, data: Data) -> str:
    if data.classes is None:
        return "the data hold real numbers: the output needs their shape, and the loss mse, l1 or the like"
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


def _metrics(settings: Settings, task: Task) -> tuple[Metric, ...]:
    """The metrics asked for, or those that go with the task."""
    if settings.metrics is None:
        return (MeanAbsoluteError(),) if task == "values" else (Accuracy(),)
    wrong = [metric for metric in settings.metrics if task not in metric.tasks]
    if wrong:
        judges = {"multiclass": "classes", "binary": "a single 0 or 1", "values": "real numbers"}
        raise NetspecError(
            tuple(
                Diagnostic(
                    "E0608",
                    f"{metric.name} does not judge {judges[task]}, which this loss is about",
                    settings.span("metrics"),
                )
                for metric in wrong
            )
        )
    return settings.metrics


def _span(value: Value, graph: Graph) -> Span:
    """Where the spec makes a value."""
    if value.span is not None:
        return value.span
    return graph.scopes[0].span if value.node is None else graph.nodes[value.node].span
