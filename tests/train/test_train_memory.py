"""Memory predicted against memory that torch's own profiler sees a real step take."""

from __future__ import annotations

import gc

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import netspec
from netspec import NetspecError
from netspec.train.batch import Batch
from netspec.train.engine.criterion import Criterion
from netspec.train.engine.recompute import recompute
from netspec.train.plan.job import job_of
from netspec.train.plan.signature import Returned
from netspec.train.rehearsal.memory import _batch, amount_text, largest, needs, step_of, table
from netspec.train.section.parts.optimizers import OPTIMIZERS
from netspec.train.setup import Setup

ERROR = 0.05
"""What `netspec fit` says of itself."""


@pytest.fixture(autouse=True)
def one_thread():
    """Each thread of a convolution has a workspace of its own, which is not predicted."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def step(path, *, setup=None, **settings):
    opened = netspec.load(path)
    given = {f"train.{key}": value for key, value in settings.items() if key not in {"input", "net"}}
    return step_of(job_of(opened, set=given, input=settings.get("input"), setup=setup), opened)


def taken(step, batch):
    """The most memory that a real training step has at once, as the profiler sees it allocated and freed."""
    model = step.graph.compile()
    recompute(model, step.graph, step.setup.checkpoint)
    optimizer = step.settings.optimizer.build(list(model.parameters()))
    criterion = Criterion(step.terms, torch.device("cpu"))
    given = _batch(step, batch)
    given.x.zero_(), given.y.zero_()

    def once():
        fresh = Batch(given.x.clone(memory_format=torch.preserve_format), given.y.clone())
        optimizer.zero_grad()
        criterion(Returned(step.graph)(model(fresh.x)), fresh).backward()
        optimizer.step()

    once()
    optimizer.zero_grad()
    gc.collect()
    held = [*model.parameters(), *model.buffers()]
    held += [tensor for state in optimizer.state.values() for tensor in state.values() if torch.is_tensor(tensor)]
    now = most = sum(tensor.nbytes for tensor in held)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        once()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


CASES = [
    ("lenet5", 128, {}),
    ("highway_mnist", 64, {}),
    ("resnet", 4, {"input": {"image": [3, 64, 64]}}),
    ("resnet", 4, {"input": {"image": [3, 64, 64]}, "setup": Setup(checkpoint=("Bottleneck",))}),
    ("densenet", 2, {"input": {"image": [3, 64, 64]}, "setup": Setup(checkpoint=("dense",))}),
    ("googlenet", 2, {}),
    ("unet_same", 1, {"input": {"image": [1, 64, 64]}}),
]


@pytest.mark.parametrize(("name", "batch", "options"), CASES, ids=[f"{case[0]} {case[2]}" for case in CASES])
def test_the_prediction_is_what_a_step_takes(examples, name, batch, options):
    found = step(examples / f"{name}.net", **options)
    assert needs(found, batch).total == pytest.approx(taken(found, batch), rel=ERROR)


@pytest.mark.parametrize("name", ["lenet5", "mnist1d_conv", "highway_mnist", "charcnn"])
def test_activations_are_what_autograd_keeps(examples, name):
    """Torch's own hooks see every tensor that is kept for the backward pass."""
    found = step(examples / f"{name}.net")
    model = found.graph.compile()
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    sizes = {}

    def pack(tensor):
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    batch = _batch(found, 64)
    batch.x.zero_(), batch.y.zero_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = Criterion(found.terms, torch.device("cpu"))({0: model(batch.x)}, batch)
    sizes |= {tensor.data_ptr(): tensor.nbytes for tensor in (batch.x, batch.y)}
    kept = sum(size for pointer, size in sizes.items() if pointer not in own)
    assert bool(torch.isfinite(loss))
    assert needs(found, 64).activations == pytest.approx(kept, rel=ERROR)


ARGUMENTS = {
    "sgd": ["sgd", "sgd(momentum=0.9)"],
    "adam": ["adam", "adam(amsgrad=true)"],
    "rmsprop": ["rmsprop", "rmsprop(momentum=0.9)", "rmsprop(centered=true)"],
    "lbfgs": ["lbfgs(history_size=3, max_iter=6)"],
}


@pytest.mark.parametrize("text", [text for name in sorted(OPTIMIZERS) for text in ARGUMENTS.get(name, [name])])
def test_what_an_optimizer_remembers(said, text):
    optimizer = said(f"optimizer {text}").optimizer
    parameters = [torch.nn.Parameter(torch.randn(size)) for size in [(7, 5, 3, 3), (40, 30), (1000,)]]
    made = optimizer.build(parameters)

    def loss():
        made.zero_grad()
        value = sum((parameter**4).sum() for parameter in parameters)
        value.backward()
        return float(value)

    for _ in range(3):
        made.step(loss)
    tensors = []

    def gather(value):
        if torch.is_tensor(value):
            tensors.append(value)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            gather(item)

    for state in made.state.values():
        gather(state)
    kept = sum(tensor.numel() for tensor in tensors)
    assert sum(optimizer.remembered(tuple(parameter.shape)) for parameter in parameters) == pytest.approx(
        kept, rel=0.01
    )


def test_the_largest_batch_fits_and_the_next_does_not(examples):
    found = step(examples / "lenet5.net")
    best = largest(found, 10**8)
    assert best.total <= 10**8 < needs(found, best.batch + 1).total


def test_parts_of_a_batch_take_less(examples):
    whole, parted = (step(examples / "lenet5.net", accumulate=rounds) for rounds in (1, 4))
    assert needs(parted, 128).activations < needs(whole, 128).activations / 3
    assert largest(parted, 10**8).batch % 4 == 0


def test_what_does_not_fit_at_all(examples):
    with pytest.raises(NetspecError, match="for a batch of 1, and there are 1") as error:
        largest(step(examples / "alexnet.net"), 10**6)
    assert error.value.diagnostics[0].code == "E0649"


def test_the_table(examples):
    text = table([needs(step(examples / "lenet5.net"), 128)], 10**9)
    assert text.splitlines()[0].split() == [
        "batch", "weights", "gradients", "optimizer", "average", "activations", "total",
    ]  # fmt: skip
    assert text.splitlines()[-1].startswith("the largest batch for 1.0 GB is 128: ")
    assert [amount_text(size) for size in (12, 1234, 5_600_000, 24 * 10**9)] == ["12 B", "1.2 kB", "5.6 MB", "24.0 GB"]


def test_a_net_with_nothing_to_train():
    text = "net P {\n  input a [1, 8, 8]\n  flatten -> sum(0)\n}\n\ntrain {\n  data digits\n  loss mse\n}\n"
    opened = netspec.parse(text)
    with pytest.raises(NetspecError, match="P has no parameters, so there is nothing to train") as error:
        needs(step_of(job_of(opened), opened), 4)
    assert error.value.diagnostics[0].code == "E0642"
