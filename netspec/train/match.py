"""Data, net and losses brought together: how they fit, or what keeps them from it, before the first step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate.problems import Problem, nearest
from netspec.graph.graph import Graph, Output, Value
from netspec.graph.shape import Shape
from netspec.syntax.source import Span
from netspec.train.data import Data, Dims, Split
from netspec.train.losses import Form, Term
from netspec.train.metrics import Accuracy, MeanAbsoluteError, Metric, Task
from netspec.train.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

TASKS: dict[Form, Task] = {"classes": "multiclass", "one_hot": "multiclass", "binary": "binary", "values": "values"}


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """How a net is trained on data: the data as the net takes them, and which output each term of the loss is about.

    `judged` is the output (its index among the graph's) that the metrics are about.
    """

    data: Data
    terms: tuple[tuple[Term, int, Form], ...]
    judged: int
    task: Task
    metrics: tuple[Metric, ...]


def match(settings: Settings, graph: Graph, data: Data) -> Match:
    """How data, net and losses fit; raises NetspecError with everything that keeps them from it (E0606 to E0608)."""
    wrong: list[Diagnostic] = []
    fed = data
    try:
        fed = _fed(settings, graph, data)
    except Problem as problem:
        wrong.append(problem.diagnostic)
    terms: list[tuple[Term, int, Form]] = []
    for term in settings.loss:
        try:
            index = _output(term, graph)
            terms.append((term, index, _form(term, graph.outputs[index], settings, graph, data)))
        except Problem as problem:
            wrong.append(problem.diagnostic)
    if wrong:
        raise NetspecError(tuple(wrong))
    judged, form = next(
        ((index, form) for _, index, form in terms if not graph.outputs[index].when_training), terms[0][1:]
    )
    if graph.outputs[judged].when_training:
        raise NetspecError((_only_in_training(settings, graph.outputs[judged]),))
    task = TASKS[form]
    return Match(fed, tuple(terms), judged, task, _metrics(settings, task))


def sample_shape(declared: Shape, data: Data) -> Dims | None:
    """The shape in which samples enter a net that declares `declared`; None where they cannot."""
    if not declared.is_open:
        return tuple(size for size in declared.dims if isinstance(size, int))
    own = data.shape
    candidates = [own, (1, *own)] + ([own[1:]] if own[:1] == (1,) else [])
    return next((shape for shape in candidates if _unifies(declared, shape)), None)


def _unifies(declared: Shape, shape: Dims) -> bool:
    """Whether open sizes can be given numbers so that the declared shape is this one."""
    if declared.rank != len(shape):
        return False
    given: dict[str, int] = {}
    for size, number in zip(declared.dims, shape, strict=True):
        if given.setdefault(str(size), number) != number or (isinstance(size, int) and size != number):
            return False
    return True


def _fed(settings: Settings, graph: Graph, data: Data) -> Data:
    """The data as the net's input takes them."""
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
    splits = [_fed_split(split, entry, settings, graph, data) for split in (data.train, data.test)]
    return replace(data, train=splits[0], test=splits[1])


def _fed_split(split: Split, entry: Value, settings: Settings, graph: Graph, data: Data) -> Split:
    wanted = sample_shape(entry.shape, data)
    x = None if wanted is None else settings.data.adapt(split.x, wanted)
    if x is None:
        own = f"[{', '.join(map(str, data.shape))}]"
        raise Problem(
            "E0606",
            f"{settings.data.name} gives {own}, but {graph.name} takes {entry.shape}",
            _span(entry, graph),
            f"takes {entry.shape}",
            related=((settings.span("data"), f"gives {own}"),),
            help=settings.data.mend(wanted) or f"declare the input as the data are: input {entry.name} {own}",
        )
    if entry.shape.dtype == "int" and not data.whole:
        raise Problem(
            "E0606",
            f"{graph.name} takes indices, but {settings.data.name} gives real numbers",
            _span(entry, graph),
            "takes whole numbers",
            related=((settings.span("data"), "gives real numbers"),),
        )
    return Split(_cast(x, entry.shape.dtype), split.y)


def _cast(x: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The samples in the element type of the input; bytes that become real numbers are brightness, from 0 to 1."""
    import numpy as np

    if dtype == "int":
        return x.astype(np.int64)
    if dtype == "bool":
        return x.astype(np.bool_)
    return (x / np.float32(255)).astype(np.float32) if x.dtype == np.uint8 else x.astype(np.float32, copy=False)


def _output(term: Term, graph: Graph) -> int:
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
