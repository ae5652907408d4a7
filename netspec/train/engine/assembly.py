"""A net made ready for training: frozen in part, laid out for its device, shared between processes, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import nn
from torch.optim import Optimizer

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.train.engine.recompute import recompute
from netspec.train.plan.training_plan import TrainingPlan, step_terms
from netspec.train.section.parts import optimizers
from netspec.train.section.parts.clipping import Clip
from netspec.train.section.patterns import bare_norms, chosen, parameters, untrained
from netspec.train.section.settings import Settings
from netspec.train.section.steps import Step
from netspec.train.setup import Setup

if TYPE_CHECKING:
    from accelerate import Accelerator


class Assembled(NamedTuple):
    """A net in three forms: by itself, as it is trained, and as it is tested. All have the same weights."""

    bare: nn.Module
    model: nn.Module
    eval_model: nn.Module


def assembled(
    model: nn.Module, graph: Graph, plan: TrainingPlan, settings: Settings, setup: Setup, accelerator: Accelerator
) -> Assembled:
    """The net ready for training; the module itself is changed. Raises NetspecError (E0643, E0644)."""
    frozen = chosen(settings.freeze, parameters(graph))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    if setup.sync_batchnorm and accelerator.num_processes > 1:
        from netspec.train.engine.synchronised import synchronised

        model = synchronised(model, accelerator.device)
    recompute(model, graph, setup.checkpoint)
    model.to(accelerator.device)
    if setup.channels_lie_last and any(value.shape.rank == 3 for value in graph.inputs):
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained, tested = (model, model) if settings.steps else _shared(model, graph, plan, setup, accelerator)
    if setup.compile:
        compiled = _compiled(trained)
        return Assembled(model, compiled, compiled if tested is trained else _compiled(tested))
    return Assembled(model, trained, tested)


def _shared(
    model: nn.Module, graph: Graph, plan: TrainingPlan, setup: Setup, accelerator: Accelerator
) -> tuple[nn.Module, nn.Module]:
    """The net shared between processes: as it is trained, and as it is tested."""
    if accelerator.num_processes == 1:
        return model, model
    if setup.shard:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
        for module in [*(child for child in model.children() if list(child.parameters())), model]:
            fully_shard(module, mesh=mesh)
        return model, model
    from torch.nn.parallel import DistributedDataParallel

    judged = {planned_term.output for planned_term in plan.terms}
    return DistributedDataParallel(model, find_unused_parameters=len(judged) < len(graph.outputs)), model


def _compiled(model: nn.Module) -> nn.Module:
    return cast(nn.Module, torch.compile(model))


def resting(model: nn.Module, graph: Graph, settings: Settings) -> list[nn.Module]:
    """The normalisation layers that are frozen as a whole: they keep their statistics, as in evaluation mode.

    One without parameters is frozen where a pattern stands for its path.
    """
    frozen = chosen(settings.freeze, parameters(graph))
    norms = (node for node in graph if node.first_use and node.layer.family == "normalization")
    names = {node.key: {f"{node.key}.{key}" for key in node.layer.parameters(*node.shapes)} for node in norms}
    whole = {key for key, own in names.items() if own and own <= frozen} | chosen(settings.freeze, bare_norms(graph))
    return [module for key, module in model.named_modules() if key in whole]


class Update(NamedTuple):
    """A step at work: the numbers of the terms that are its own, its optimizer, and the rates that this begins at."""

    step: Step
    terms: tuple[int, ...]
    kind: optimizers.Optimizer
    clip: Clip | None
    optimizer: Optimizer
    rates: list[float]

    @property
    def trained(self) -> list[nn.Parameter]:
        """The parameters that it trains."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]


def updates_of(model: nn.Module, graph: Graph, settings: Settings, *, fused: bool = True) -> list[Update]:
    """The steps of a training at work; raises NetspecError (E0608, E0642)."""
    updates: list[Update] = []
    for (step, kind, clip), terms in zip(settings.each_step, step_terms(settings), strict=True):
        optimizer = _optimizer_of(model, graph, settings, step, kind, fused=fused)
        updates.append(Update(step, terms, kind, clip, optimizer, [group["lr"] for group in optimizer.param_groups]))
    return updates


def _optimizer_of(
    model: nn.Module, graph: Graph, settings: Settings, step: Step, kind: optimizers.Optimizer, *, fused: bool
) -> Optimizer:
    """The optimizer over the parameters of a step that are not frozen, in their groups.

    It is torch's own, without accelerate's wrapper, whose step takes longer than that of a small net. Kernels that are
    `fused` cannot take parameters that are shared out over devices.
    """
    names = parameters(graph)
    free = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if step.name:
        own = step.parameters(graph)
        free = {name: parameter for name, parameter in free.items() if name in own}
    if not free:
        raise NetspecError((untrained(graph, settings.span("freeze")),))
    groups: list[dict[str, Any]] = []
    for group in settings.groups:
        grouped = chosen(group.patterns, names) & free.keys()
        groups.append({"params": [free.pop(name) for name in list(free) if name in grouped], **dict(group.changes)})
    groups.append({"params": list(free.values())})
    try:
        return kind.build([group for group in groups if group["params"]], fused=fused)
    except (ValueError, AttributeError, RuntimeError) as error:
        message = f"{kind.name} cannot train {graph.name}: {error}"
        place = settings.span("optimizer") if step.optimizer is None else step.span
        raise NetspecError((Diagnostic("E0608", message, place),)) from error
