"""The surroundings of a training: device, precision, threads and generators, given back afterwards as they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph
from netspec.syntax.source import place_outside
from netspec.train.setup import Setup

if TYPE_CHECKING:
    from accelerate import Accelerator

SMALL = 2 * 10**7
"""Multiply-accumulates of a batch below which one thread is faster than several."""
GROUPS: list[object] = []
"""The process groups of trainings that have ended, kept until this process ends.

Where the last reference to a group of Gloo goes, its threads are joined. The destructor of DDP's reducer does so with
the interpreter's lock held, and a thread that still drops a tensor waits for this lock: for ever. The group itself lets
go of the lock when it is destroyed, so the last reference has to be one from Python.
"""
MIXED = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
"""The precisions as accelerate calls them."""


@contextmanager
def environment(graph: Graph, batch: int, setup: Setup) -> Iterator[Accelerator]:
    """Accelerate at work for a net trained by batches of that size; raises NetspecError (E0612)."""
    import torch

    kind = device_kind(setup.device)
    work = graph.macs
    small = isinstance(work, int) and work * batch < SMALL
    gpus = [_own_gpu()] if kind != "cpu" and torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=gpus), _threads(1 if small else None), _determinism(on=setup.deterministic):
        accelerator = _accelerator(kind, setup)
        try:
            yield accelerator
        finally:
            if accelerator.num_processes > 1:
                GROUPS.append(torch.distributed.group.WORLD)
                accelerator.end_training()


def device_kind(name: str | None) -> str | None:
    """The kind of device by name, None for the best there is; raises NetspecError where it is not there."""
    import torch

    if name is None or name == "auto":
        return None
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device is None or (device.index or 0) < torch.cuda.device_count()),
        "mps": torch.backends.mps.is_available(),
    }
    if device is not None and there.get(device.type):
        if device.type == "cuda" and device.index is not None:
            torch.cuda.set_device(device.index)
        return device.type
    kinds = ", ".join(kind for kind in there if there[kind])
    raise unavailable(f"--device {name}", f"there is no device {name} here", f"there is {kinds}")


def _own_gpu() -> int:
    """The GPU of this process, made the current one: among several processes of a machine, that of its number."""
    import torch

    number = int(os.environ.get("LOCAL_RANK", -1))
    if number >= 0:
        torch.cuda.set_device(number % torch.cuda.device_count())
    return torch.cuda.current_device()


def _accelerator(kind: str | None, setup: Setup) -> Accelerator:
    """Accelerate for that device. It keeps the device of a process for good, so that it has to forget it first.

    Of several processes it makes one training only where they have GPUs, or where it is told that they have none.
    """
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        AcceleratorState._reset_state(reset_partial_state=True)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    alone = torch.backends.mps.is_available() or not torch.accelerator.is_available()
    cpu = kind == "cpu" or (kind is None and processes > 1 and alone)
    try:
        accelerator = Accelerator(cpu=cpu, mixed_precision=MIXED[setup.precision])
    except ValueError as error:
        raise unavailable(f"--precision {setup.precision}", f"{setup.precision} is not to be had: {error}") from None
    if accelerator.num_processes != processes:
        message = f"{processes} processes cannot train together on {accelerator.device.type}"
        raise unavailable(f"--device {accelerator.device.type}", message, "--device cpu")
    if setup.precision == "fp16" and accelerator.device.type == "cpu":
        message = "fp16 scales its gradients, which needs a GPU"
        raise unavailable("--precision fp16", message, "on the CPU take --precision bf16")
    return accelerator


def unavailable(option: str, message: str, help: str = "") -> NetspecError:
    return NetspecError((Diagnostic("E0612", message, place_outside(option), help=help),))


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Torch at work with that many threads; with as many as it has where that is None."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _determinism(*, on: bool) -> Iterator[None]:
    """Torch takes kernels that give the same bits every time, and warns where it has none.

    `torch.use_deterministic_algorithms` does the same, and imports the compiler, which takes a second and a half.
    """
    import torch

    before = torch.get_deterministic_debug_mode()
    filling: Any = torch.utils.deterministic
    benchmark, fill = torch.backends.cudnn.benchmark, filling.fill_uninitialized_memory
    if on:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.set_deterministic_debug_mode("warn")
        filling.fill_uninitialized_memory = False  # costs time, and nothing reads such memory
    torch.backends.cudnn.benchmark = not on
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        torch.backends.cudnn.benchmark = benchmark
        filling.fill_uninitialized_memory = fill
