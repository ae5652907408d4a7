"""What a GPU asks of a training, seen without one.

On the meta device nothing can be read: a step that reads anything back, which a GPU would have to be waited for, fails
there, as does one that mixes devices.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from train_specs import EVERYTHING, PLAIN

from netspec.train.batch import Batch
from netspec.train.engine import assembly, devices
from netspec.train.engine.averaging import Average
from netspec.train.engine.devices import environment
from netspec.train.engine.loop import LOOK_EVERY, Trainer
from netspec.train.engine.synchronised import SyncBatchNorm, synchronised
from netspec.train.plan.job import job_of, prepare
from netspec.train.randomness import reseed
from netspec.train.setup import Setup
from netspec.train.start import trainer_of

META = SimpleNamespace(
    device=torch.device("meta"), num_processes=1, process_index=0, scaler=None, no_sync=lambda model: nullcontext()
)
"""What a trainer knows of accelerate, at work on a device where there are shapes and no numbers."""
UNET = """\
net Mask {
  input image [1, 16, 16]
  conv(4, 3, pad=1) -> batchnorm -> relu -> upsample(2) -> maxpool(2)
  conv(1, 1)
}

train {
  data      npz("masks.npz")
  loss      bce
  optimizer rmsprop(lr=0.01)
  epochs    1
  batch     4
}
"""
SEVERAL = """\
net Several {
  input image [1, 8, 8]
  stem = { conv(4, 3, pad=1) -> batchnorm -> relu }
  output aux = { flatten -> linear(10) } when training
  stem -> flatten
  output main = linear(10)
}

train {
  data      digits
  loss      cross_entropy(main) + 0.3 * cross_entropy(aux)
  optimizer sgd(lr=0.1, momentum=0.9)
  epochs    1
  batch     300
}
"""


def prepared(spec, setup=None):
    return prepare(job_of(spec, setup=setup or Setup(device="cpu")), spec)


def on_meta(spec):
    return trainer_of(prepared(spec), META, [], initial=False)


def a_step(trainer):
    ((parts),) = islice(trainer._batches(0, 0, 1), 1)
    trainer.model.train()
    (loss, *_), *_ = trainer.step(0, 0, parts).values()
    return loss


@pytest.mark.parametrize(
    "lines",
    [
        "loss cross_entropy(weight=[1, 2, 1, 1, 1, 1, 1, 1, 1, 1])",
        "loss focal(weight=[1, 2, 1, 1, 1, 1, 1, 1, 1, 1])",
        "loss mse",
        "accumulate 3\n  clip norm(1.0)\n  ema 0.9",
        "clip value(1.0)\n  stop patience(2)",
        "augment mixup(0.2)",
        "augment cutmix",
        "augment random_crop(8, pad=1) -> hflip",
        "augment deform(std=1) -> rot90 -> noise(0.1) -> normalize",
    ],
)
def test_a_step_waits_for_nothing(spec, lines):
    text = EVERYTHING.replace("  augment   random_crop(8, pad=1) -> hflip\n", "").replace("  clip      1.0\n", "")
    text = text.replace("  ema       0.99\n", "").replace("  stop      patience(5)\n", "")
    text = text.replace("adamw", "adamax")  # what is fused is not for the meta device
    if lines.startswith("loss"):
        text = text.replace("  loss      cross_entropy\n", "")
    trainer = on_meta(spec(text.replace("  batch     100", f"  batch     100\n  {lines}")))
    assert a_step(trainer).device.type == "meta"
    assert all(parameter.grad.device.type == "meta" for parameter in trainer.trained)
    with pytest.raises(RuntimeError, match="meta"):
        trainer.train_scores.results()  # what reads anything does fail there


@pytest.mark.parametrize("loss", ["bce(pos_weight=[2])", "dice", "focal(alpha=0.25)", "border_cross_entropy", "l1"])
def test_a_step_of_masks_waits_for_nothing(spec, tmp_path, loss):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(12, 1, 16, 16)).astype(np.float32), random.integers(0, 2, (12, 16, 16))
    np.savez(tmp_path / "masks.npz", x_train=x[:8], y_train=y[:8], x_test=x[8:], y_test=y[8:])
    assert a_step(on_meta(spec(UNET, ("bce", loss)))).device.type == "meta"


def test_a_step_with_outputs_of_training_alone_waits_for_nothing(spec):
    assert a_step(on_meta(spec(SEVERAL, ("sgd(lr=0.1, momentum=0.9)", "nadam")))).device.type == "meta"


def test_the_share_of_a_cut_is_that_of_its_places():
    from netspec.train.augment.blends import Cutmix

    cut = Cutmix().build()
    for seed in range(30):
        reseed(seed, torch.device("cpu"))
        x = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 7, 5)
        batch = cut(Batch(x, torch.arange(4)))
        others = batch.blend.x[:, :, :1, :1]
        if (moved := others[:, 0, 0, 0] != x[:, 0, 0, 0]).any():
            kept = (batch.x == x).float().mean((1, 2, 3))[moved]
            assert kept.tolist() == pytest.approx([batch.share] * len(kept))


def test_losses_are_looked_at_seldom_and_the_last_step_is_the_last(spec):
    """So on a GPU: after the steps that were asked for it ends, wherever looks fall, with the same weights and rows."""
    found = prepared(spec(PLAIN))
    weights, losses = [], []
    for look_every in (1, LOOK_EVERY):
        with environment(found.graph, found.settings.batch, found.job.setup) as accelerator:
            trainer = trainer_of(found, accelerator, [])
            trainer.look_every = look_every
            looks = []
            rows = list(trainer.epochs(pause=lambda epoch, step, looks=looks: looks.append((epoch, step)), most=19))
            assert (trainer.steps, trainer.epoch, trainer.done, len(rows)) == (15, 1, 4, 1)
            assert len(looks) == (19 if look_every == 1 else 2)
            weights.append([parameter.detach().clone() for parameter in trainer.trained])
            losses.append((rows[0].train, rows[0].test, trainer.train_scores.loss.value()))
    assert all(map(torch.equal, *weights))
    assert losses[0] == losses[1]


def test_a_run_of_so_many_steps_stops_where_a_gpu_looks_later(spec, tmp_path, monkeypatch):
    from netspec.train import resume, train

    begun = Trainer.__init__

    def looking_later(self, *arguments):
        begun(self, *arguments)
        self.look_every = LOOK_EVERY

    monkeypatch.setattr(Trainer, "__init__", looking_later)
    run = train(spec(PLAIN), out=tmp_path / "run", device="cpu", quiet=True, steps=4)
    assert [path.name for path in (run.folder / "checkpoints").iterdir()].count("000000004.safetensors") == 1
    run = resume(run.folder, quiet=True, steps=13)
    assert (run.folder / "checkpoints" / "000000017.safetensors").exists()


def test_each_process_takes_the_gpu_of_its_number(monkeypatch):
    taken = [0]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: taken[-1])
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert devices._own_gpu() == 0
    assert taken == [0]
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert devices._own_gpu() == 1
    monkeypatch.setenv("LOCAL_RANK", "2")  # several processes to a GPU
    assert devices._own_gpu() == 0


def test_batch_statistics_are_synchronised_by_what_the_device_has():
    """The net is still on the CPU when it is converted."""

    def kinds(device):
        return [type(module) for module in synchronised(nn.Sequential(nn.BatchNorm2d(3)), torch.device(device))]

    assert kinds("cuda") == [nn.SyncBatchNorm]
    assert kinds("cpu") == [SyncBatchNorm]


def test_synchronised_statistics_are_summed_in_32_bits(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        torch.manual_seed(0)
        x = (torch.randn(32, 4, 16, 16) + 20).bfloat16()
        plain, shared = nn.BatchNorm2d(4), synchronised(nn.Sequential(nn.BatchNorm2d(4)), torch.device("cpu"))
        expected, found = plain(x), shared(x)
        assert found.dtype == expected.dtype
        assert torch.allclose(found.float(), expected.float(), atol=0.02)
        assert torch.allclose(shared[0].running_mean, plain.running_mean, rtol=1e-5)
        assert torch.allclose(shared[0].running_var, plain.running_var, rtol=1e-5)
    finally:
        torch.distributed.destroy_process_group()


def test_an_average_follows_the_layout_of_its_net():
    model = nn.Sequential(nn.Conv2d(3, 8, 3)).to(memory_format=torch.channels_last)
    average = Average(model, 0.9)
    assert average.mean["0.weight"].stride() == model[0].weight.stride()


@pytest.mark.parametrize("names", [(), ("stem",)], ids=["kept", "computed again"])
def test_a_compiled_net_is_trained_alike(spec, monkeypatch, names):
    """With outputs of training alone, a smaller last batch, activations computed again; traced, not translated."""
    monkeypatch.setattr(assembly, "_compiled", partial(torch.compile, backend="aot_eager"))
    rows, buffers = [], []
    for is_compiled in (False, True):
        found = prepared(spec(SEVERAL), Setup(device="cpu", compile=is_compiled, checkpoint=names))
        with environment(found.graph, found.settings.batch, found.job.setup) as accelerator:
            trainer = trainer_of(found, accelerator, [])
            (row,) = trainer.epochs()
            rows.append([row.train["loss"], row.test["loss"], row.test["accuracy"]])
            buffers.append(torch.cat([buffer.flatten().float() for buffer in trainer.bare.buffers()]))
    assert rows[1] == pytest.approx(rows[0], rel=1e-3)
    assert torch.allclose(buffers[1], buffers[0], rtol=1e-2, atol=1e-4)
