"""The tensors of a training by name: gathered whole from wherever they lie, and put back as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

if TYPE_CHECKING:
    from netspec.train.runs.checkpoint import State


LBFGS_MEMORY: dict[str, Any] = {
    **dict.fromkeys(("func_evals", "n_iter"), int),
    **dict.fromkeys(("d", "prev_flat_grad"), Tensor),
    **dict.fromkeys(("t", "prev_loss"), int | float),
    **dict.fromkeys(("al", "old_dirs", "old_stps", "ro"), list),
    "H_diag": Tensor | int,
}
"""What LBFGS remembers, for all parameters together, after its first step; `al` after the second."""


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


def difference(value: Any, own: Any, where: str) -> str:
    """Where data are of another kind than others: by names, and by types and shapes of tensors; empty where nowhere.

    Lists may be of any length.
    """
    match own:
        case Tensor():
            alike = isinstance(value, Tensor) and (value.dtype, value.shape) == (own.dtype, own.shape)
            return "" if alike else where
        case Mapping():
            if not isinstance(value, Mapping) or value.keys() != own.keys():
                return where
            return next(filter(None, (difference(value[key], own[key], f"{where}.{key}") for key in own)), "")
        case list():
            kind = type(own[0]) if own else Tensor
            return "" if isinstance(value, list) and all(isinstance(item, kind) for item in value) else where
    return "" if type(value) is type(own) else where


def memory_difference(memory: Mapping[str, Any], kinds: Mapping[str, Any] | None, where: str) -> str:
    """Where what an optimizer remembers of a parameter is of another kind than that; empty where nowhere."""
    if kinds is not LBFGS_MEMORY:
        return difference(memory, kinds, where)
    for key, kind in LBFGS_MEMORY.items():
        if not isinstance(memory.get(key, [] if key == "al" else None), kind):
            return f"{where}.{key}"
    parts = [part for value in memory.values() for part in (value if isinstance(value, list) else [value])]
    alike = all(isinstance(part, Tensor | int | float | None) for part in parts)
    return "" if alike and memory.keys() <= LBFGS_MEMORY.keys() else where


def memory_kinds(
    model: nn.Module, optimizer: Optimizer, build: Callable[..., Optimizer]
) -> dict[str, Mapping[str, Any]]:
    """What such an optimizer comes to remember of each parameter, by the parameter's name: by types and shapes.

    `build` makes another one, of groups of parameters, which takes a step with shapes alone. Some cannot, since they
    look at numbers, but have made what they remember by then.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    if isinstance(optimizer, torch.optim.LBFGS):
        return dict.fromkeys(names.values(), LBFGS_MEMORY)
    twins: dict[str, Tensor] = {}
    groups = []
    for group in optimizer.param_groups:
        own = {names[each]: _outline(each) for each in group["params"]}
        groups.append({**group, "fused": False, "params": list(own.values())})
        twins |= own
    other = build(groups, fused=False)
    for twin in twins.values():
        twin.grad = torch.zeros_like(twin)
    with suppress(RuntimeError):
        other.step()
    return {name: other.state.get(twin, {}) for name, twin in twins.items()}


def _outline(tensor: Tensor) -> Tensor:
    """A parameter of that type and whole shape, without numbers."""
    return torch.zeros(tensor.shape, dtype=tensor.dtype, device="meta", requires_grad=True)


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
    values: list[Any] = [None] * processes
    torch.distributed.all_gather_object(values, value)
    return values


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
