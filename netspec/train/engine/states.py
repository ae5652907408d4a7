"""The tensors of a training by name: gathered whole from wherever they lie, and put back as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

if TYPE_CHECKING:
    from netspec.train.runs.checkpoint import State


def whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of these names, each whole on every process."""
    return {name: _whole(tensor) for name, tensor in tensors.items()}


def of_model(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, whole on every process."""
    return whole(model.state_dict())


@torch.no_grad()
def into(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Copies tensors into those of the same names, all of which have to be there."""
    for name, tensor in own.items():
        if name in tensors:
            tensor.copy_(_like(tensors[name], tensor))


def of_optimizer(model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """What an optimizer remembers of each parameter, by the parameter's name."""
    return {
        name: each_tensor(optimizer.state[parameter], _whole)
        for name, parameter in model.named_parameters()
        if parameter in optimizer.state
    }


def into_optimizer(model: nn.Module, optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Gives an optimizer its memory back; the arguments of its groups stay as they are."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    by_index = {index: state[names[each]] for index, each in enumerate(parameters) if names[each] in state}
    optimizer.load_state_dict({"state": by_index, "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, memory in optimizer.state.items():
        optimizer.state[parameter] = each_tensor(memory, partial(_like, own=parameter))


def share(tensors: Iterable[Tensor], processes: int) -> None:
    """Makes every process's tensors those of the first."""
    if processes > 1:
        for tensor in tensors:
            torch.distributed.broadcast(tensor, 0)


def gathered(value: State, processes: int) -> list[State]:
    """What each process has, in their order."""
    if processes == 1:
        return [value]
    all: list[Any] = [None] * processes
    torch.distributed.all_gather_object(all, value)
    return all


def _whole(tensor: Tensor) -> Tensor:
    """All of a tensor that is shared out over devices. Its class is not imported, which takes half a second."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def _like(tensor: Tensor, own: Any) -> Tensor:
    """The tensor laid out in memory and over the devices as `own`, where it has the same shape.

    Fused optimizers walk through parameter, gradient and state as they lie in memory, so that all have to lie alike.
    A single number, such as a count of steps, stays where the optimizer wants it.
    """
    if tensor.shape != own.shape:
        return tensor
    if hasattr(own, "full_tensor"):
        from torch.distributed.tensor import distribute_tensor

        return distribute_tensor(tensor.to(own.device), own.device_mesh, own.placements)
    if not tensor.ndim:
        return tensor
    return torch.empty_like(own, dtype=tensor.dtype, requires_grad=False).copy_(tensor)


def each_tensor(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Plain data with every tensor in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: each_tensor(item, change) for key, item in value.items()}
    return [each_tensor(item, change) for item in value] if isinstance(value, list | tuple) else value
