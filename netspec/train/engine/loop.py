"""The loop. Order and randomness are a function of (seed, epoch, step, part), never of what ran before.

So a run can be taken up at any step: with the weights and the optimizer's state of that step, what follows is the same.

A batch is what the optimizer sees in a step. It is divided into parts of nearly equal size, one for each process and
each round of accumulation: what a part counts is its share of the batch, so that the parts together are the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from enum import IntEnum
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.train.augment import Augmentation
from netspec.train.batch import Batch
from netspec.train.engine import states
from netspec.train.engine.assembly import Update, assembled, resting, updates_of
from netspec.train.engine.averaging import Average
from netspec.train.engine.batches.loader import BatchLoader
from netspec.train.engine.batches.plan import batches, shares
from netspec.train.engine.criterion import Criterion, TermSums, Totals, added, detached, flat, unflat, whole
from netspec.train.engine.rows import Row
from netspec.train.engine.scores import Scores
from netspec.train.plan.drawn import columns_of
from netspec.train.plan.training_plan import TrainingPlan
from netspec.train.randomness import AUGMENT, DRAW, STEP, reseed, stream
from netspec.train.runs.checkpoint import Damaged
from netspec.train.section.settings import Settings
from netspec.train.setup import Setup

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch.optim import Optimizer

    from netspec.train.runs.checkpoint import State

LOOK_EVERY = 25
"""On other devices than the CPU the loss is looked at every so many steps, since each look waits for the device."""


class Wish(IntEnum):
    """What whoever watches a training wants after a step; of several processes the strongest wish counts."""

    GO_ON = 0
    KEEP = 1
    LEAVE = 2


class Diverged(NetspecError):
    """The loss is no longer finite at a step, counted from 0."""

    def __init__(self, diagnostic: Diagnostic, epoch: int, step: int) -> None:
        super().__init__((diagnostic,))
        self.epoch, self.step = epoch, step


class Trainer:
    """A net in training: model, optimizer, data, and how far it is.

    `epoch` epochs are done, and `done` steps of the one in progress; `rows` are those of the epochs.
    """

    def __init__(
        self,
        model: nn.Module,
        graph: Graph,
        plan: TrainingPlan,
        settings: Settings,
        accelerator: Accelerator,
        setup: Setup | None = None,
    ) -> None:
        self.graph, self.plan, self.settings, self.accelerator = graph, plan, settings, accelerator
        self.setup = setup or Setup()
        self.device: torch.device = accelerator.device
        self.processes, self.rank = accelerator.num_processes, accelerator.process_index
        self.bare, self.model, self.eval_model = assembled(model, graph, plan, settings, self.setup, accelerator)
        self.resting = resting(self.bare, graph, settings)
        self.updates = updates_of(self.bare, graph, settings, fused=not self.setup.shard)
        self.trained = [parameter for update in self.updates for parameter in update.trained]
        self.draws = columns_of(settings, graph)
        self.average = None if settings.ema is None else Average(self.bare, settings.ema)
        self.best: dict[str, Tensor] | None = None
        splits = (plan.data.train, plan.data.held)
        self.train, self.test = (
            BatchLoader(split, plan.encodings, self.device, self.setup.readers) for split in splits
        )
        self.augment = Augmentation(plan.augment)
        self.criterion = Criterion(plan.terms, self.device)
        self.criteria = [self.criterion.part(update.terms) for update in self.updates]
        self.shapes = {
            index: tuple(size for size in output.value.shape.dims if isinstance(size, int))
            for index, output in enumerate(graph.outputs)
            if not output.value.shape.is_open
        }
        training = [output.when_training for output in graph.outputs]
        self.returned = sorted(range(len(training)), key=training.__getitem__)
        self.train_scores, self.test_scores = (Scores(plan, self.device) for _ in range(2))
        half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.setup.precision)
        self.precision = torch.autocast(self.device.type, half) if half else nullcontext()
        self.parts = self.processes * settings.accumulate
        self._check_parts()
        self.bounds = batches(len(self.train), settings.batch, self.parts)
        self.look_every = 1 if self.device.type == "cpu" else LOOK_EVERY
        self.epoch = self.done = 0
        self.rows: list[Row] = []
        self.seconds = 0.0

    def _check_parts(self) -> None:
        """Raises NetspecError (E0608, E0615) where steps cannot be taken in this way."""
        size = min(self.settings.batch, len(self.train))
        if size < self.parts:
            message = f"a batch of {size} cannot be divided into {self.parts} parts"
            help = "each process and each round of accumulation takes a part: make the batch larger"
            raise NetspecError((Diagnostic("E0615", message, self.settings.span("batch"), help=help),))
        least = min(stop - start for start, stop in batches(len(self.train), self.settings.batch, self.parts))
        if least // self.parts < 2 and (name := self._norm_of_one()):
            message = f"a part of a batch holds a single sample, over which {name} has no variance"
            help = "make the batch larger, or its parts fewer: each process and each round of accumulation takes one"
            raise NetspecError((Diagnostic("E0615", message, self.settings.span("batch"), help=help),))
        if self.setup.shard and self.settings.steps:
            message = "a training of several steps does not share its weights out over devices"
            place = self.settings.steps[0].span
            raise NetspecError((Diagnostic("E0608", message, place, help="leave --shard out"),))
        closed = next((update.kind.name for update in self.updates if update.kind.closure), None)
        if closed is not None and self.accelerator.scaler is not None:
            message = f"{closed} evaluates a step several times, which scaled gradients do not allow"
            place = self.settings.span("optimizer")
            raise NetspecError((Diagnostic("E0608", message, place, help="take --precision bf16 or fp32"),))

    def _norm_of_one(self) -> str:
        """The first batch normalisation whose channels have one place a sample, and that is trained; else nothing."""
        resting = set(self.resting)
        for node in self.graph:
            alone = node.layer.name == "batchnorm" and all(size == 1 for size in node.inputs[0].shape.dims[1:])
            if alone and not self.setup.sync_batchnorm and self.bare.get_submodule(node.key) not in resting:
                return f"{node.layer.name} {node.key}"
        return ""

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the first step."""
        return self.updates[0].optimizer

    @property
    def steps(self) -> int:
        """Steps in an epoch: batches, whatever is done with each."""
        return len(self.bounds)

    @property
    def steps_done(self) -> int:
        """Steps since the first."""
        return self.epoch * self.steps + self.done

    @property
    def over(self) -> bool:
        """Whether nothing is left to be done."""
        stop = self.settings.stop
        return self.epoch >= self.settings.epochs or (stop is not None and stop.over(self.rows, self.plan.falling))

    @property
    def kept(self) -> int:
        """The index of the epoch whose weights the run ends with: the best where that is asked for, else the last.

        It is -1 before the first.
        """
        for rule in self.settings.keep if self.rows else ():
            if rule.chooses:
                return rule.kept(self.rows, self.plan.falling)[0]
        stop = self.settings.stop
        return len(self.rows) - 1 if stop is None else stop.best(self.rows, self.plan.falling)

    @property
    def copied(self) -> list[int]:
        """The numbers of the epochs whose weights are to be there in files of their own."""
        rules = self.settings.keep
        indices = {index for rule in rules for index in rule.copies(self.rows, self.plan.falling)}
        return sorted(self.rows[index].epoch for index in indices)

    def epochs(
        self,
        pause: Callable[[int, int], Wish | None] | None = None,
        keep: Callable[[], None] | None = None,
        most: int | None = None,
    ) -> Iterator[Row]:
        """Trains from where it is on, a row an epoch, and ends after `most` steps where that is given.

        After a step, on devices other than the CPU after every so many, `pause(epoch, step)` may wish that the state
        is kept, which `keep` does, or that training ends there.
        """
        last = None if most is None else self.steps_done + most
        if self.processes > 1 and not self.over:
            self._settle_exchange()
        while not self.over:
            begun = perf_counter() - self.seconds
            for wish in self._epoch(self.steps, pause, last):
                self.seconds = perf_counter() - begun
                if wish == Wish.KEEP and keep is not None:
                    keep()
                elif wish == Wish.LEAVE:
                    return
            train, test = self.train_scores.results(), self.evaluate()
            lr = self.updates[0].rates[0] * self._factor(self.epoch, self.steps - 1)
            row = Row(self.epoch + 1, (self.epoch + 1) * self.steps, lr, train, test, perf_counter() - begun, self.held)
            self._next(row)
            yield row

    def _settle_exchange(self) -> None:
        """A backward pass that changes nothing: torch settles on how gradients are exchanged in its first one.

        It adds them up in another order afterwards. A run that is taken up has to be past that where it begins.
        """
        if self.model is self.bare:
            return
        buffers = {name: buffer.clone() for name, buffer in self.bare.named_buffers()}
        self.model.train()
        for parts in self._batches(self.epoch, 0, 1):
            self._gradients(0, self.epoch, 0, parts)
        self.optimizer.zero_grad()
        states.into(dict(self.bare.named_buffers()), buffers)

    @property
    def held(self) -> str:
        """What a training is looked at with after each epoch."""
        return "test" if self.plan.data.val is None else "val"

    def examined(self) -> dict[str, float] | None:
        """Loss and metrics of the test data with the weights that are kept; None where they were looked at before.

        It comes after `settle`, once, at the end.
        """
        if self.plan.data.val is None:
            return None
        self.average = None
        self.test = BatchLoader(self.plan.data.test, self.plan.encodings, self.device, self.setup.readers)
        return self.evaluate()

    def advance(self, epoch: int, step: int) -> None:
        """Trains from where it is on, epochs without a test, until so many steps of that epoch are done."""
        if self.processes > 1:
            self._settle_exchange()
        while self.epoch < epoch:
            list(self._epoch(self.steps))
            self.epoch, self.done = self.epoch + 1, 0
        list(self._epoch(step))

    def _epoch(
        self, until: int, pause: Callable[[int, int], Wish | None] | None = None, last: int | None = None
    ) -> Iterator[Wish]:
        """The rest of an epoch, to a number of steps; wishes on the way. The step `last` of all is to be the last."""
        self.model.train()
        for module in self.resting:
            module.eval()
        if self.done == 0:
            self.train_scores.reset()
        unseen: list[tuple[int, TermSums]] = []
        for step, parts in enumerate(self._batches(self.epoch, self.done, until), self.done):
            unseen.append((step, self.step(self.epoch, step, parts)))
            over = self.epoch * self.steps + step + 1 == last
            if len(unseen) == self.look_every or step == until - 1 or over:
                pause_wish = (pause(self.epoch, step) if pause is not None else None) or Wish.GO_ON
                wish = self._look(self.epoch, unseen, Wish.LEAVE if over else pause_wish)
                unseen, self.done = [], step + 1
                if wish:
                    yield wish

    def _batches(self, epoch: int, first: int, until: int) -> Iterator[list[Batch]]:
        """This process's parts of the batches of an epoch, step by step."""
        own = self.settings.accumulate
        fed = self.train.batches(self._plan(epoch, first, until), seed=self.settings.seed, epoch=epoch)
        while parts := list(islice(fed, own)):
            yield parts

    def _plan(self, epoch: int, first: int, until: int) -> list[Tensor]:
        """The indices of the samples of these parts, of steps `first` to before `until`."""
        places = self.train.order(self.settings.seed, epoch)
        own = self.settings.accumulate
        return [
            places[start:stop]
            for bound in self.bounds[first:until]
            for start, stop in shares(*bound, self.parts)[self.rank * own : (self.rank + 1) * own]
        ]

    def step(self, epoch: int, step: int, parts: Sequence[Batch]) -> TermSums:
        """All that is done with this process's parts of a batch; the sums of the loss before, those of these parts."""
        if self.setup.shard or self.settings.steps:
            states.share(self.bare.buffers(), self.processes)
        parts = [self._met(epoch, step, number, part) for number, part in enumerate(parts)]
        total: TermSums = {}
        for place, update in enumerate(self.updates):
            if (epoch * self.steps + step) % update.step.every == 0:
                sums, judged = self._update(place, epoch, step, parts)
                if not total:
                    for outputs, part in zip(judged, parts, strict=True):
                        self.train_scores.add(outputs, part.most)
                total |= sums
        if self.average is not None:
            self.average.update(epoch * self.steps + step + 1)
        return total

    def _met(self, epoch: int, step: int, number: int, part: Batch) -> Batch:
        """A part of a batch as the net meets it in training: augmented, and with what is drawn for it."""
        if self.plan.augment.steps:
            part = self.augment.train(part, self._seed(AUGMENT, epoch, step, number))
        if not self.draws:
            return part
        fed = part.more[: len(part.more) - len(self.draws)]
        random_inputs = (
            torch.from_numpy(column.of(len(part), stream(self._seed(DRAW, epoch, step, number), place)))
            for place, column in enumerate(self.draws)
        )
        return replace(part, more=(*fed, *(each.to(self.device) for each in random_inputs)))

    def _update(
        self, place: int, epoch: int, step: int, parts: Sequence[Batch]
    ) -> tuple[TermSums, list[dict[int, Tensor]]]:
        """One step of those that there are; the sums of its loss before it, and what the net said of each part."""
        update = self.updates[place]
        self._set_apart(update)
        factor = self._factor(epoch, step)
        for group, rate in zip(update.optimizer.param_groups, update.rates, strict=True):
            group["lr"] = rate * factor
        judged: list[dict[int, Tensor]] = []
        before: list[TermSums] = []

        def gradients() -> TermSums:
            update.optimizer.zero_grad()
            sums, judged[:] = self._gradients(place, epoch, step, parts)
            before.append(sums)
            if self.accelerator.scaler is not None:
                self.accelerator.scaler.unscale_(update.optimizer)
            if update.clip is not None:
                update.clip.apply(update.trained)
            return sums

        if update.kind.closure:
            update.optimizer.step(lambda: float(self.criterion.value(self._reduced(gradients()))))
        elif self.accelerator.scaler is not None:
            gradients()
            self.accelerator.scaler.step(update.optimizer)
            self.accelerator.scaler.update()
        else:
            gradients()
            update.optimizer.step()
        return before[0], judged

    def _set_apart(self, update: Update) -> None:
        """Sees to it that a step's loss has a gradient for what the step trains, and for nothing else."""
        if len(self.updates) > 1:
            for other in self.updates:
                for parameter in other.trained:
                    parameter.requires_grad_(other is update)

    def _gradients(
        self, place: int, epoch: int, step: int, parts: Sequence[Batch]
    ) -> tuple[TermSums, list[dict[int, Tensor]]]:
        """Adds up a step's gradients of parts of a batch; the sums of its loss, and what the net said about each."""
        scaler, criterion = self.accelerator.scaler, self.criteria[place]
        totals = self._totals(place, epoch, step, parts) if self.parts > 1 else None
        total: TermSums = {}
        judged: list[dict[int, Tensor]] = []
        for number, part in enumerate(parts):
            self._reseed(place, epoch, step, number)
            last = number == len(parts) - 1
            with _AT_ONCE if last else self.accelerator.no_sync(self.model):
                outputs = self._outputs(self.model, part)
                sums = criterion.sums(outputs, part)
                loss = criterion.value(sums) if totals is None else criterion.share(sums, totals)
                if self.processes > 1 and not self.settings.steps:
                    loss = loss * self.processes  # torch takes the mean over processes
                (loss if scaler is None else scaler.scale(loss)).backward()
            total = added(total, detached(sums)) if total else detached(sums)
            judged.append(self.train_scores.judged(outputs))
        if self.processes > 1 and self.settings.steps:
            self._add_up(self.updates[place].trained)
        return total, judged

    def _add_up(self, trained: Sequence[nn.Parameter]) -> None:
        """Makes the gradients of a step those of all processes together.

        A step trains some of the net's parameters, and the next one others: DistributedDataParallel, which waits for
        the gradients of the same ones each time, is for trainings of a single step.
        """
        gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
        table = self._sum(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        for gradient, whole_ in zip(
            gradients, torch.split(table, [gradient.numel() for gradient in gradients]), strict=True
        ):
            gradient.copy_(whole_.view(gradient.shape))

    def _reseed(self, place: int, epoch: int, step: int, number: int) -> None:
        """Sets torch's generators to where a step begins on a part of a batch."""
        seed = self._seed(STEP, epoch, step, number)
        reseed(stream(seed, place) if place else seed, self.device)

    def _totals(self, place: int, epoch: int, step: int, parts: Sequence[Batch]) -> Totals:
        """What has to be known of a whole batch before the gradient of a part of it: what it counts in each term.

        Where that is not enough, since a term is no mean, the parts go through the net once more, before.
        """
        criterion = self.criteria[place]
        totals = criterion.counts(parts, self.shapes)
        if self.processes > 1 and totals:
            counts = torch.tensor([float(total) for total in totals.values()], dtype=torch.float64, device=self.device)  # type: ignore[arg-type]
            totals = dict(zip(totals, self._sum(counts).tolist(), strict=True))
        if len(totals) == len(criterion.terms):
            return totals
        buffers = {name: buffer.clone() for name, buffer in self.bare.named_buffers()}
        total: TermSums = {}
        with torch.no_grad():
            for number, part in enumerate(parts):
                self._reseed(place, epoch, step, number)
                sums = criterion.sums(self._outputs(self.bare, part), part)
                total = added(total, sums) if total else sums
        states.into(dict(self.bare.named_buffers()), buffers)
        total = self._reduced(total)
        return {number: totals.get(number, own) for number, own in total.items()}

    def _reduced(self, sums: TermSums) -> TermSums:
        """The sums of all processes together."""
        return sums if self.processes == 1 else unflat(self._sum(flat(sums, self.device)), sums)

    def _factor(self, epoch: int, step: int) -> float:
        """The factor on the learning rate in a step."""
        schedule = self.settings.schedule
        factor = schedule.factor(epoch + step / self.steps, self.settings.epochs, 1 / self.steps)
        return factor * schedule.reduction(self.rows[:epoch], self.plan.falling)

    def _seed(self, purpose: int, epoch: int, step: int, number: int) -> int:
        """Where the randomness of one of this process's parts of a batch comes from."""
        return stream(self.settings.seed, purpose, epoch, step, self.rank * self.settings.accumulate + number)

    def evaluate(self) -> dict[str, float]:
        """Loss and metrics of the test data in evaluation mode, with the average of the weights where there is one."""
        self.bare.eval()
        self.test_scores.reset()
        states.share(self.bare.buffers(), self.processes)
        if self.average is not None:
            states.share(self.average.buffers, self.processes)
        with torch.no_grad(), self.average.in_place() if self.average is not None else nullcontext():
            for batch in self._tests():
                batch = self.augment.test(batch)
                outputs = self._outputs(self.eval_model, batch)
                self.test_scores.add_loss(self.criterion.sums(outputs, batch), len(batch))
                self.test_scores.add(outputs, batch)
        if self.processes > 1:
            self.test_scores.take_together(states.gathered(self.test_scores.loss.state(), self.processes))
        return self.test_scores.results()

    def _tests(self) -> Iterator[Batch]:
        """This process's share of each batch of the test data."""
        if self.processes == 1:
            return self.test.in_turn(self.settings.batch)
        places = torch.arange(len(self.test), device=self.test.home)
        parts = [part.tensor_split(self.processes)[self.rank] for part in torch.split(places, self.settings.batch)]
        return self.test.batches([part for part in parts if len(part)])

    def _outputs(self, model: nn.Module, batch: Batch) -> dict[int, Tensor]:
        """What the net says about a batch, in 32 bits."""
        with self.precision:
            return self._by_output(model(*map(self._laid_out, batch.inputs)))

    def _laid_out(self, x: Tensor) -> Tensor:
        """The samples of an input in the layout of memory that the net is in."""
        return x.to(memory_format=torch.channels_last) if self.setup.channels_lie_last and x.ndim == 4 else x

    def _by_output(self, result: Any) -> dict[int, Tensor]:
        """What a net returned, by the index of the output. Those of training alone come last, or not at all."""
        values = (result,) if isinstance(result, Tensor) else result
        return {index: value.float() for index, value in zip(self.returned, values, strict=False) if value is not None}

    def _look(self, epoch: int, unseen: Sequence[tuple[int, TermSums]], wish: Wish) -> Wish:
        """Takes note of the losses of the last steps; the strongest wish. Raises Diverged where one is not finite."""
        if len(unseen) == 1 and self.processes == 1:
            losses = [whole(unseen[0][1])]
        else:
            table = [flat(sums, self.device) for _, sums in unseen]
            wishes = table[0].new_tensor([wish == Wish.KEEP, wish == Wish.LEAVE])
            row = self._sum(torch.cat([*table, wishes])).cpu()
            each = torch.split(row[:-2], [len(sums) for sums in table])
            losses = [whole(unflat(own, like)) for own, (_, like) in zip(each, unseen, strict=True)]
            wish = Wish.LEAVE if row[-1] else Wish.KEEP if row[-2] else Wish.GO_ON
        for (step, _), sums in zip(unseen, losses, strict=True):
            value = float(self.criterion.value(sums))
            if not math.isfinite(value):
                kind = "not a number" if math.isnan(value) else "infinite"
                raise self._diverged(f"the loss is {kind} at step {step + 1} of epoch {epoch + 1}", epoch, step)
            start, stop = self.bounds[step]
            self.train_scores.add_loss(sums, stop - start)
        return wish

    def _sum(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over the processes."""
        if self.processes > 1:
            torch.distributed.all_reduce(tensor)
        return tensor

    def _next(self, row: Row) -> None:
        """Goes over to the next epoch; keeps the weights where they are the best so far and that is asked for."""
        self.rows.append(row)
        self.epoch, self.done, self.seconds = self.epoch + 1, 0, 0.0
        self.train_scores.reset()
        if self.settings.chooses and self.kept == len(self.rows) - 1:
            self.best = self.weights()

    def weights(self) -> dict[str, Tensor]:
        """The weights that the last epoch was looked at with, whole on every process."""
        with self.average.in_place() if self.average is not None else nullcontext():
            return {name: tensor.clone() for name, tensor in states.of_model(self.bare).items()}

    def check_weights(self) -> None:
        """Raises Diverged where the weights are not finite, though the loss was: the next one will not be."""
        if not all(bool(torch.isfinite(parameter).all()) for parameter in self.trained):
            raise self._diverged(f"the weights are not finite after step {self.steps_done:,}", self.epoch, self.done)

    def probe(self) -> None:
        """The forward pass of the step that comes next, with nothing made of it."""
        with torch.no_grad():
            for parts in self._batches(self.epoch, self.done, self.done + 1):
                for number, part in enumerate(parts):
                    batch = self._met(self.epoch, self.done, number, part)
                    reseed(self._seed(STEP, self.epoch, self.done, number), self.device)
                    self._outputs(self.bare, batch)

    def odd_sample(self) -> int | None:
        """The index of the first training sample of the step that comes next that holds what is no number."""
        plan = self._plan(self.epoch, self.done, self.done + 1)
        for indices, part in zip(plan, next(self._batches(self.epoch, self.done, self.done + 1), []), strict=True):
            for values in (*part.inputs, *part.targets):
                if values.is_floating_point() and not (finite := torch.isfinite(values.reshape(len(values), -1))).all():
                    return int(indices[~finite.all(1).to(indices.device)][0])
        return None

    def state(self) -> State:
        """All that the rest of the training is a function of, whole on every process."""
        scaler = self.accelerator.scaler
        return {
            "epoch": self.epoch,
            "done": self.done,
            "seconds": self.seconds,
            "threads": torch.get_num_threads(),
            "rows": [asdict(row) for row in self.rows],
            "scores": states.gathered(states.each_tensor(self.train_scores.state(), Tensor.cpu), self.processes),
            "model": states.of_model(self.bare),
            "optimizer": self._memory(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "average": states.whole(self.average.mean) if self.average is not None else None,
            "best": self.best,
        }

    def _memory(self) -> dict[str, Any]:
        """What the optimizers remember of each parameter, which is one's alone."""
        memory: dict[str, Any] = {}
        for update in self.updates:
            memory |= states.of_optimizer(self.bare, update.optimizer)
        return memory

    def restore(self, state: State) -> None:
        """Goes back to a state, on as many processes and with as many threads as it was taken from.

        Raises Damaged, and changes nothing, where it is the state of no such training.
        """
        if where := self._difference(state):
            raise Damaged(f"{where} is not that of such a training")
        torch.set_num_threads(state["threads"])
        self.epoch, self.done, self.seconds = state["epoch"], state["done"], state["seconds"]
        self.rows[:] = [Row(**row) for row in state["rows"]]
        self.train_scores.restore(state["scores"][self.rank])
        states.into(self.bare.state_dict(), state["model"])
        for update in self.updates:
            states.into_optimizer(self.bare, update.optimizer, state["optimizer"])
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            states.into(self.average.mean, state["average"])
        self.best = state["best"]

    def _difference(self, state: State) -> str:
        """Where a state is of another kind than those of this training, whoever wrote it; empty where nowhere."""
        own = self.state()
        if not state["done"] <= self.steps:
            return "done"
        for name in ("model", "average", "best"):
            kinds = own["model"] if name == "best" and state["best"] is not None else own[name]
            if where := states.difference(state[name], kinds, name):
                return where
        memories: dict[str, Any] = {}
        for update in self.updates:
            memories |= states.memory_kinds(self.bare, update.optimizer, update.kind.build)
        for name, memory in state["optimizer"].items():
            if where := states.memory_difference(memory, memories.get(name), f"optimizer.{name}"):
                return where
        if state["scaler"] is None and own["scaler"] is not None:
            return "scaler"
        return self.train_scores.difference(state["scores"][self.rank])

    def settle(self) -> nn.Module:
        """The net by itself, with the weights that are to be kept: the best, else their average, else the last."""
        weights = self.best or (states.whole(self.average.mean) if self.average is not None else None)
        if weights is not None:
            states.into(self.bare.state_dict(), weights)
        return self.bare

    def _diverged(self, reason: str, epoch: int, step: int) -> Diverged:
        lr = self.optimizer.param_groups[0]["lr"]
        diagnostic = Diagnostic(
            "E0611",
            f"{reason}, so training stopped",
            self.settings.span("optimizer"),
            f"the learning rate is {lr:g} there",
            help="a smaller lr, a warm-up (cosine(warmup=1)) or another init can keep it finite",
        )
        return Diverged(diagnostic, epoch, step)


_AT_ONCE = nullcontext()
"""Gradients are exchanged with the backward pass."""
