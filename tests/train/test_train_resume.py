"""Exact resume: a run that is killed and taken up ends in the bits of the run that was left alone."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
from pathlib import Path

import pytest
import torch
from train_specs import DIGITS, EVERYTHING

from netspec import NetspecError
from netspec.train import resume, start, train
from netspec.train.engine.devices import environment
from netspec.train.engine.loop import Wish
from netspec.train.plan.job import job_of, prepare
from netspec.train.runs.checkpoint import Checkpoints, read, write
from netspec.train.section.parts.optimizers import OPTIMIZERS
from netspec.train.setup import Setup

HERE = Path(__file__).parent
CPU = {"device": "cpu", "quiet": True}


def bits(run):
    """What a run ended in: its weights and its figures, without the seconds."""
    figures = (run / "metrics.csv").read_text().splitlines()
    return (run / "model.safetensors").read_bytes(), [line.rpartition(",")[0] for line in figures]


@pytest.fixture
def whole(spec, tmp_path):
    """The outcome of a run of EVERYTHING that was left alone."""
    return bits(train(spec(EVERYTHING), out=tmp_path / "whole", **CPU).folder)


@pytest.fixture
def parted(spec, tmp_path):
    """A run of EVERYTHING that was stopped in the middle of its second epoch."""
    run = train(spec(EVERYTHING), out=tmp_path / "parted", steps=22, save_every=0, **CPU)
    assert (run.status, len(run.metrics)) == ("stopped", 1)
    return run.folder


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(whole, parted, capsys):
    run = resume(parted, device="cpu")
    assert capsys.readouterr().out.startswith(f"{parted} goes on after step 7 of epoch 2\n")
    assert (run.status, len(run.metrics)) == ("finished", 3)
    assert bits(parted) == whole


def test_a_run_taken_up_in_many_pieces(spec, tmp_path, whole):
    run = train(spec(EVERYTHING), out=tmp_path / "pieces", steps=1, **CPU)
    for steps in (3, 10, 1, 15):
        run = resume(run.folder, steps=steps, quiet=True)
        assert run.status == "stopped"
    resume(run.folder, quiet=True)
    assert bits(run.folder) == whole


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_keep_the_last_step(spec, tmp_path, whole, monkeypatch, number):
    from netspec.train.runs.progress import Watch

    def step(watch, epoch, step):
        if (epoch, step) == (1, 9):
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patched:
        patched.setattr(Watch, "step", step)
        run = train(spec(EVERYTHING), out=tmp_path / "signalled", **CPU)
    assert (run.status, run.signal) == ("stopped", number)
    assert Checkpoints(run.folder).files()[0].stem == f"{15 + 10:09d}"
    resume(run.folder, quiet=True)
    assert bits(run.folder) == whole


@pytest.mark.parametrize("damage", ["truncated", "emptied", "bit", "header", "replaced"])
def test_a_damaged_checkpoint_is_passed_over(whole, parted, capsys, damage):
    newest, before = Checkpoints(parted).files()
    content = bytearray(newest.read_bytes())
    match damage:
        case "truncated":
            content = content[: len(content) // 2]
        case "emptied":
            content = bytearray()
        case "bit":
            content[-100] ^= 1
        case "header":
            at = content.index(rb"\"done\": 7")
            content[at : at + 11] = rb"\"done\": 8"
        case "replaced":
            content = bytearray(b"not a checkpoint")
    newest.write_bytes(content)
    resume(parted, device="cpu")
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{newest} is passed over: ")
    assert second == f"{parted} goes on after step {int(before.stem) - 15} of epoch 2"
    assert bits(parted) == whole


def test_where_no_checkpoint_is_whole_the_run_begins_again(whole, parted, capsys):
    for path in Checkpoints(parted).files():
        path.write_bytes(b"")
    resume(parted, device="cpu")
    told = capsys.readouterr().out.splitlines()
    assert [line.endswith("begins at the first step") for line in told[:3]] == [False, False, True]
    assert bits(parted) == whole


def forge(run, place, value):
    """Puts a value into every checkpoint of a run, whose digests are right again."""
    for path in Checkpoints(run).files():
        state = holder = read(path)
        *above, last = place
        for key in above:
            holder = holder[key]
        if value is None:
            del holder[last]
        else:
            holder[last] = value
        write(path, state)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["identity", "layers"], None, "it is the state of no training: identity.layers: field required"),
        (["identity", "samples"], [1], "it is the state of no training: identity.samples: list should have"),
        (["threads"], 10**9, "it is the state of no training: threads: input should be less"),
        (["rows", 0, "train", "loss"], "x", "it is the state of no training: rows.0.train.loss"),
        (["rows", 0, "epoch"], 7, "it is the state of no training: rows: they are not those of the epochs"),
        (["scores"], [], "it is the state of no training: scores: there is not one for each process"),
        (["model", "fc.weight"], 3, "it is the state of no training: model: not all of it are tensors"),
        (["epoch"], True, "it is the state of no training: epoch: input should be a valid integer"),
    ],
)
def test_a_forged_state_is_passed_over_though_its_digest_is_right(whole, parted, capsys, place, value, message):
    forge(parted, place, value)
    resume(parted, device="cpu")
    assert message in capsys.readouterr().out
    assert bits(parted) == whole


@pytest.mark.parametrize(
    ("place", "value", "where"),
    [
        (["model", "fc.weight"], torch.zeros(3), "model.fc.weight"),
        (["model", "fc.weight"], torch.zeros(10, 256, dtype=torch.bool), "model.fc.weight"),
        (["model", "fc.weight"], None, "model"),
        (["average"], {}, "average"),
        (["best"], {"x": torch.zeros(1)}, "best"),
        (["optimizer", "fc.weight", "exp_avg"], torch.zeros(1), "optimizer.fc.weight.exp_avg"),
        (["optimizer", "fc.weight", "exp_avg"], None, "optimizer.fc.weight"),
        (["optimizer", "fc.weight", "step"], 3, "optimizer.fc.weight.step"),
        (["optimizer", "other"], {}, "optimizer.other"),
        (["scores", 0, "loss"], {"0": [1.0, 2.0]}, "scores.loss"),
        (["scores", 0, "metrics"], {}, "scores.metrics"),
        (["scores", 0, "targets"], torch.zeros(()), "scores.outputs"),
        (["scores", 0, "count"], None, "scores"),
        (["done"], 10**6, "done"),
    ],
)
def test_a_state_of_another_kind_is_refused(parted, place, value, where):
    forge(parted, place, value)
    with pytest.raises(NetspecError) as error:
        resume(parted, quiet=True)
    (found,) = error.value.diagnostics
    assert found.code == "E0650"
    assert found.message.endswith(f"is of no such training: {where} is not that of such a training")


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("way", ["pickle", "torch"])
def test_a_pickle_with_code_is_not_run(parted, tmp_path, capsys, way):
    newest = Checkpoints(parted).files()[0]
    if way == "pickle":
        newest.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    else:
        torch.save({"model": Trap(tmp_path / "sprung")}, newest)
    resume(parted, device="cpu")
    assert f"{newest} is passed over" in capsys.readouterr().out
    assert not (tmp_path / "sprung").exists()


def test_what_a_killed_process_had_begun_to_write_is_taken_away(parted):
    half = parted / "checkpoints" / ".000000023.safetensors.4242.partial"
    half.write_bytes(b"half")
    resume(parted, quiet=True)
    assert not half.exists()


def test_checkpoints_of_another_net_are_refused(spec, parted):
    other = spec(EVERYTHING, ("conv(4, 3, pad=1)", "conv(4, 5, pad=2)"), ("dropout(0.3)", "dropout(0.4)"))
    before = bits(parted)
    with pytest.raises(NetspecError, match="is of another net than Small") as error:
        resume(parted, other, quiet=True)
    (found,) = error.value.diagnostics
    assert found.code == "E0644"
    assert found.notes == (
        "conv1.0 was conv(4, 3, pad=1) of [1, 8, 8] at conv1.0, and is conv(4, 5, pad=2) of [1, 8, 8] at conv1.0",
        "dropout1 was dropout(p=0.3) of [256] at dropout1, and is dropout(p=0.4) of [256] at dropout1",
    )
    assert bits(parted) == before


def test_layers_that_are_not_there_are_named(spec, parted):
    with pytest.raises(NetspecError) as error:
        resume(parted, spec(EVERYTHING, ("  dropout(0.3)\n", ""), ("fc = ", "head = ")), quiet=True)
    assert error.value.diagnostics[0].notes == (
        "dropout1 is not in Small: dropout(p=0.3) of [256] at dropout1",
        "fc is not in Small: linear(10) of [256] at fc",
        "head is not in the checkpoint: linear(10) of [256] at head",
    )


@pytest.mark.parametrize(
    ("overrides", "note"),
    [
        ({"train.batch": 50}, "batch was 100, and is 50"),
        ({"train.optimizer": "sgd"}, "optimizer was adamw(lr=0.01), and is sgd"),
        ({"train.ema": 0.9}, "ema was 0.99, and is 0.9"),
        ({"train.seed": 3}, "seed was 0, and is 3"),
        ({"train.accumulate": 2}, "accumulate was not set, and is 2"),
        (
            {"train.data": "digits(test=0.5)"},
            "the data had 1,438 training and 359 test samples, and have 899 training and 898 test samples",
        ),
    ],
)
def test_what_would_be_another_run_is_refused(parted, overrides, note):
    with pytest.raises(NetspecError, match="it would be another run") as error:
        resume(parted, set=overrides, quiet=True)
    assert error.value.diagnostics[0].code == "E0645"
    assert note in error.value.diagnostics[0].notes


def test_epochs_may_be_added(spec, tmp_path):
    text = DIGITS
    short = train(spec(text), out=tmp_path / "short", **CPU)
    long = train(spec(text), out=tmp_path / "long", epochs=4, **CPU)
    run = resume(short.folder, epochs=4, quiet=True)
    assert [row.epoch for row in run.metrics] == [1, 2, 3, 4]
    assert bits(short.folder) == bits(long.folder)


def test_a_run_that_is_finished_stays_as_it_is(spec, tmp_path, capsys):
    run = train(spec(), out=tmp_path / "run", **CPU)
    before = bits(run.folder)
    again = resume(run.folder, quiet=True)
    assert (again.status, len(again.metrics), again.test_error) == ("finished", 2, run.test_error)
    assert bits(run.folder) == before


def test_imports_are_those_of_the_run(spec, tmp_path, whole):
    block = "block Stem(width) {\n  conv(width, 3, pad=1) -> batchnorm -> relu\n}\n"
    (tmp_path / "blocks.net").write_text(block)
    text = 'from "blocks.net" import Stem\n\n' + EVERYTHING.replace("conv(4, 3, pad=1) -> batchnorm -> relu", "Stem(4)")
    run = train(spec(text), out=tmp_path / "run", steps=20, **CPU)
    (tmp_path / "blocks.net").write_text(block.replace("3, pad=1", "5, pad=2"))
    assert resume(run.folder, quiet=True).status == "finished"


def test_folders_without_a_run(tmp_path, parted):
    with pytest.raises(NetspecError) as error:
        resume(tmp_path / "none")
    assert error.value.diagnostics[0].code == "E0614"
    record = json.loads((parted / "run.json").read_text())
    without = {key: value for key, value in record.items() if key != "job"}
    for other in (without, record | {"job": 3}, record | {"job": {"seed": []}}):
        (parted / "run.json").write_text(json.dumps(other))
        with pytest.raises(NetspecError, match=r"does not say how it was started|run\.json is damaged: job"):
            resume(parted)


def test_a_disk_that_is_full_ends_the_run_with_its_last_checkpoint(spec, tmp_path, whole, monkeypatch):
    from netspec.train.runs import checkpoint

    def full(tensors, path, metadata):
        if '"done": 9' in metadata["netspec"] and '"epoch": 1' in metadata["netspec"]:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        real(tensors, path, metadata)

    real = checkpoint.save_tensors
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save_tensors", full)
        with pytest.raises(NetspecError, match="cannot be written: no space left on device") as error:
            train(spec(EVERYTHING), out=tmp_path / "run", save_every=0, **CPU)
    assert error.value.diagnostics[0].code == "E0610"
    assert error.value.diagnostics[0].help.startswith("make room there")
    run = tmp_path / "run"
    assert json.loads((run / "run.json").read_text())["status"] == "failed"
    assert [path.stem for path in Checkpoints(run).files()] == [f"{24 - 1 - back:09d}" for back in range(2)]
    assert not list(run.rglob("*.partial"))
    resume(run, quiet=True, save_every=30)
    assert bits(run) == whole


def test_a_file_in_the_place_of_the_checkpoints(parted):
    shutil.rmtree(parted / "checkpoints")
    (parted / "checkpoints").write_text("mine")
    with pytest.raises(NetspecError) as error:
        resume(parted, quiet=True)
    assert error.value.diagnostics[0].code == "E0610"
    assert (parted / "checkpoints").read_text() == "mine"


@pytest.fixture
def trainer(spec):
    """`trainer(precision="bf16", optimizer="sgd")`: all that trains EVERYTHING, as `train` sets it up."""

    def make(*, text=EVERYTHING, precision="fp32", **changes):
        opened = spec(text)
        given = {f"train.{key}": value for key, value in changes.items()}
        job = job_of(opened, set=given, setup=Setup(device="cpu", precision=precision))
        prepared = prepare(job, opened)
        with environment(prepared.graph, prepared.settings.batch, job.setup) as accelerator:
            return start.trainer_of(prepared, accelerator, [])

    return make


def steps(trainer, count):
    """Trains that many steps."""
    last = trainer.steps_done + count
    for _ in trainer.epochs(pause=lambda epoch, step: Wish(2 * (epoch * trainer.steps + step + 1 == last))):
        pass
    return trainer


ARGUMENTS = {"lbfgs": "lbfgs(max_iter=3)", "sgd": "sgd(lr=0.1, momentum=0.9)", "rmsprop": "rmsprop(momentum=0.9)"}


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_every_optimizer_is_taken_up_exactly(trainer, tmp_path, optimizer):
    changes = {"optimizer": ARGUMENTS.get(optimizer, optimizer)}
    begun = steps(trainer(**changes), 4)
    write(tmp_path / "state.safetensors", begun.state())
    whole = steps(begun, 3)
    other = trainer(**changes)
    other.restore(read(tmp_path / "state.safetensors"))
    assert other.steps_done == 4
    same(steps(other, 3).state(), whole.state())


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bf16"},
        {"accumulate": 3},
        {"metrics": "[accuracy, f1, auroc]"},
        {"freeze": '"conv1"'},
        {"groups": "group(biases, norms, weight_decay=0)"},
        {"augment": "mixup -> cutmix -> elastic(alpha=1, sigma=2)"},
    ],
    ids=str,
)
def test_every_setting_is_taken_up_exactly(trainer, tmp_path, changes):
    begun = steps(trainer(**changes), 17)
    write(tmp_path / "state.safetensors", begun.state())
    whole = steps(begun, 16)
    other = trainer(**changes)
    other.restore(read(tmp_path / "state.safetensors"))
    same(steps(other, 16).state(), whole.state())


def same(one, other):
    """Two states are equal to the last bit, but for the seconds that they took."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one.keys() - {"seconds"}:
            same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    else:
        assert one == other
