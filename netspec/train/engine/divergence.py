"""Why a loss is no longer a number: the step is done again from the last checkpoint, and every layer is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from netspec.graph.graph import Graph
from netspec.syntax.source import Span

if TYPE_CHECKING:
    from netspec.diagnostics import NetspecError
    from netspec.train.engine.loop import Diverged, Trainer
    from netspec.train.runs.checkpoint import Checkpoints


def explained(trainer: Trainer, checkpoints: Checkpoints, error: Diverged) -> NetspecError:
    """The error with what can be found out: the first layer whose output is not finite, and what is kept.

    Every process does the same, so that they do not wait for each other. The trainer is spent afterwards.
    """
    from netspec.diagnostics import NetspecError

    (diagnostic,) = error.diagnostics
    if trainer.setup.nodes > 1:  # the other machines need not have the checkpoint
        return error
    state, _ = checkpoints.newest()
    if state is None:
        return error
    trainer.restore(state)
    checkpoint_note = f"the checkpoint of step {trainer.done} of epoch {trainer.epoch + 1} is kept"
    trainer.advance(error.epoch, error.step)
    cause, place = _first_bad(trainer)
    related = ((place, "here"),) if place is not None else ()
    return NetspecError((replace(diagnostic, notes=(*diagnostic.notes, cause, checkpoint_note), related=related),))


def _first_bad(trainer: Trainer) -> tuple[str, Span | None]:
    """What goes wrong first in the step that comes next, in words, and its place in the spec."""
    for name, parameter in trainer.bare.named_parameters():
        if not _finite(parameter):
            key = name.rpartition(".")[0] or name
            return f"{name} is not finite before that step: its gradient in the step before was not", _place(
                trainer, key
            )
    if (index := trainer.odd_sample()) is not None:
        return f"training sample {index} holds a number that is not finite", trainer.settings.span("data")
    bad: list[tuple[str, str]] = []
    hooks = [module.register_forward_hook(_watch(name, bad)) for name, module in trainer.bare.named_modules() if name]
    try:
        trainer.probe()
    finally:
        for hook in hooks:
            hook.remove()
    if not bad:
        return "no layer's output is to blame when the step is done again: look at the loss itself", None
    key, what = bad[0]
    return f"{key} is the first layer where something is not finite: {what}", _place(trainer, key)


def _watch(name: str, bad: list[tuple[str, str]]) -> Any:
    def hook(module: nn.Module, arguments: tuple[Any, ...], result: Any) -> None:
        kind = type(module).__name__
        if not all(map(_finite, _tensors(arguments))):
            bad.append((name, f"what enters this {kind} is not, though no layer before it made it so"))
        elif not all(map(_finite, _tensors(result))):
            bad.append((name, f"the output of this {kind}"))

    return hook


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _place(trainer: Trainer, key: str) -> Span | None:
    """Where the spec makes the layer of that key."""
    graph: Graph = trainer.graph
    return next((node.span for node in graph if node.key == key), None)
