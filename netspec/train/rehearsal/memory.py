"""How much memory a training step takes, and the largest batch that fits, found out before the first step.

The net goes through a forward and a backward pass on tensors that have shapes and no content, while all that would be
alive is counted: the inputs, what is kept for the backward pass, what each operation takes on the way. Weights,
gradients and what the optimizer remembers are known from the shapes of the parameters. What is not counted: the
workspaces of a library's kernels, the gaps between tensors, and what a GPU's driver takes for itself.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.shapes.shape import Shape
from netspec.spec import Spec
from netspec.train.batch import Batch
from netspec.train.data import Data, Split
from netspec.train.data.base import kind_of
from netspec.train.engine.criterion import Criterion
from netspec.train.engine.recompute import recompute
from netspec.train.losses import Form, PlannedTerm, Term, Weighing
from netspec.train.plan.job import Job, prepare, settings_of
from netspec.train.plan.signature import Returned
from netspec.train.plan.training_plan import output_of, reference_of, wanted_targets
from netspec.train.section.patterns import chosen, parameters, untrained
from netspec.train.section.settings import Settings
from netspec.train.setup import Setup

MOST = 2**20
"""No batch larger than this is looked for."""
ERROR = "counted are tensors, within 5 % of torch's own figures; what kernels and drivers take comes on top"
"""How good the figures are, as tests measure it."""
ELEMENTS = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}
"""The element types of a net's input."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes of memory that training takes with a batch, on each device.

    `activations` are alive between the forward and the backward pass, the input with them; `passes` is the most that
    the two passes have alive at once beside the weights, gradients included.
    """

    batch: int
    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int
    passes: int

    @property
    def total(self) -> int:
        """The most that is alive at once, in the passes or in the optimizer's step."""
        resident = self.weights + self.optimizer + self.average
        return resident + max(self.passes, self.gradients)


@dataclass(frozen=True, slots=True)
class Step:
    """What a training step is made of: `terms` are those of the loss, with the output and the form of each."""

    graph: Graph
    settings: Settings
    setup: Setup
    terms: tuple[PlannedTerm, ...]

    @property
    def parts(self) -> int:
        """In how many parts a batch goes through the net."""
        return self.settings.accumulate * self.setup.processes


def step_of(job: Job, spec: Spec) -> Step:
    """The training step of a job. Where the net's sizes are closed, no data have to be at hand. Raises NetspecError."""
    settings = settings_of(job, spec)
    graph = spec.graph(job.net, inputs=job.input, **job.arguments)
    if any(value.shape.is_open for value in graph.inputs):
        graph = prepare(job, spec, outlined=True).graph
    names = wanted_targets(settings, graph) or ("y",)
    return Step(
        graph, settings, job.setup, tuple(_planned_term(term, graph, names, settings) for term in settings.loss)
    )


def _planned_term(term: Term, graph: Graph, targets: Sequence[str], settings: Settings) -> PlannedTerm:
    """What a term is about, where the data are such that it can be."""
    index, reference = output_of(term, graph), reference_of(term, graph, targets, settings)
    output = _closed(graph.outputs[index].value.shape)
    itself = reference.kind != "target" and term.loss.takes == "values"
    return PlannedTerm(term, index, "values" if itself else _form(term, output), reference)


def _form(term: Term, output: tuple[int, ...]) -> Form:
    """What a term compares an output of that shape with."""
    sorts = [(output[1:], np.int64, classes) for classes in (*output[:1], 2)] + [(output, np.float32, None)]
    for target, kind, classes in sorts:
        split = Split(kind_of(output, np.float32), kind_of(target, kind))
        if form := term.loss.form(output, Data(split, split, classes)):
            return form
    return "values"


def needs(step: Step, batch: int) -> Needs:
    """What training takes with batches of that size; raises NetspecError (E0642, E0643)."""
    graph, settings = step.graph, step.settings
    frozen = chosen(settings.freeze, parameters(graph))
    with FakeTensorMode(), Alive() as alive:
        model = graph.compile()
        weights = alive.now
        recompute(model, graph, step.setup.checkpoint)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name not in frozen)
        free = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not free:
            raise NetspecError((untrained(graph, settings.span("freeze")),))
        gradients = sum(parameter.nbytes for parameter in free)
        activations, passes = _passes(model, step, -(-batch // step.parts), alive)
    return Needs(
        batch,
        weights,
        gradients,
        sum(4 * number for number in _remembered(model, step)),
        weights if settings.ema is not None else 0,
        activations,
        passes + (gradients if settings.accumulate > 1 else 0),
    )


def _remembered(model: nn.Module, step: Step) -> Iterator[int]:
    """How many numbers each optimizer remembers of the parameters that it trains."""
    for own, optimizer, _ in step.settings.each_step:
        names = own.parameters(step.graph)
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and (name in names or not own.name):
                yield optimizer.remembered(tuple(parameter.shape))


def largest(step: Step, limit: int) -> Needs:
    """What training takes with the largest batch that fits into so many bytes; raises NetspecError (E0649)."""
    good, bad = _bracket(step, limit)
    while bad.batch - good.batch > step.parts:
        slope = (bad.total - good.total) / (bad.batch - good.batch)
        more = int((limit - good.total) / max(slope, 1.0)) // step.parts * step.parts
        tried = needs(step, min(max(good.batch + more, good.batch + step.parts), bad.batch - step.parts))
        good, bad = (tried, bad) if tried.total <= limit else (good, tried)
    return good


def _bracket(step: Step, limit: int) -> tuple[Needs, Needs]:
    """A batch that fits and one that does not."""
    span = step.settings.span("batch")
    good = needs(step, step.parts)
    if good.total > limit:
        least = f"{step.graph.name} takes {amount_text(good.total)} for a batch of {good.batch}"
        help = "--checkpoint NAME keeps less, and --precision bf16 halves activations"
        raise NetspecError((Diagnostic("E0649", f"{least}, and there are {amount_text(limit)}", span, help=help),))
    while good.batch < MOST:
        tried = needs(step, 4 * good.batch)
        if tried.total > limit:
            return good, tried
        good = tried
    message = f"every batch fits that was tried, one of {good.batch:,} samples too"
    raise NetspecError((Diagnostic("E0649", message, span),))


def table(rows: Sequence[Needs], limit: int) -> str:
    """What training takes with several batches, as text; the last one is the largest that fits."""
    parts = ("batch", "weights", "gradients", "optimizer", "average", "activations", "total")
    lines = [parts, *([f"{row.batch:,}", *(amount_text(getattr(row, part)) for part in parts[1:])] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(parts))]
    text_lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines]
    best = rows[-1]
    return "\n".join([*text_lines, f"the largest batch for {amount_text(limit)} is {best.batch:,}: {ERROR}"])


def amount_text(amount: int) -> str:
    """An amount of memory as people write it: `23.9 GB`, in powers of 1000."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if amount >= size:
            return f"{amount / size:.1f} {unit}"
    return f"{amount} B"


def _passes(model: nn.Module, step: Step, part: int, alive: Alive) -> tuple[int, int]:
    """What is kept between the passes, and the most that both have alive at once, beside the weights."""
    before = alive.now
    criterion = Criterion(step.terms, torch.device("cpu"))
    half = {"bf16": torch.bfloat16, "fp16": torch.bfloat16}.get(step.setup.precision)
    alive.peak = alive.now
    batch = _batch(step, part)
    with torch.autocast("cpu", half) if half is not None else nullcontext():
        outputs = Returned(step.graph)(model(*batch.inputs))
    loss = criterion({index: output.float() for index, output in outputs.items()}, batch)
    activations = alive.now - before
    loss.backward()  # type: ignore[no-untyped-call]
    return activations, alive.peak - before


def _batch(step: Step, size: int) -> Batch:
    """A batch with no content, of the shapes that the net and its loss take."""
    x, *more = (
        torch.empty(size, *_closed(value.shape), dtype=ELEMENTS[value.shape.dtype]) for value in step.graph.inputs
    )
    if step.setup.channels_last:
        x, *more = (each.to(memory_format=torch.channels_last) if each.ndim == 4 else each for each in (x, *more))
    targets = {0: torch.empty(size)}
    weight = None
    for planned_term in step.terms:
        output = _closed(step.graph.outputs[planned_term.output].value.shape)
        dims = output[1:] if planned_term.form in ("classes", "one_hot") else output
        if planned_term.reference.kind == "target":
            dtype = torch.float32 if planned_term.form == "values" else torch.int64
            targets.setdefault(planned_term.reference.index, torch.empty(0))
            targets[planned_term.reference.index] = torch.empty(size, *dims, dtype=dtype)
        if isinstance(planned_term.term.loss, Weighing):
            weight = torch.empty(size, *dims)
    y, *further = (targets[index] for index in sorted(targets))
    return Batch(x, y, weight, more=tuple(more), further=tuple(further))


def _closed(shape: Shape) -> tuple[int, ...]:
    return tuple(size for size in shape.dims if isinstance(size, int))


class Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors that operations make, as long as each is alive, and the most there ever were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self.seen: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        result = function(*arguments, **(keywords or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._note(leaf.untyped_storage())
        return result

    def _note(self, storage: Any) -> None:
        """Counts a piece of memory once; it lets go of itself. Several tensors may be views of one."""
        key, size = id(storage), storage.nbytes()
        if key in self.seen:
            return
        self.now += size
        self.peak = max(self.peak, self.now)

        def release(reference: object) -> None:
            del self.seen[key]
            self.now -= size

        self.seen[key] = weakref.ref(storage, release)
