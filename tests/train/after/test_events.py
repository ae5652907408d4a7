"""Event files, read by TensorBoard itself."""

from __future__ import annotations

import csv
import errno
import os
import time

import pytest
from after_specs import GAP
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import record_writer

from netspec import NetspecError
from netspec.train import resume, train
from netspec.train.engine.rows import Row
from netspec.train.runs.figures.events import events


def scalars(folder):
    """What TensorBoard reads in a run's folder: (step, value) by tag."""
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def rows(folder):
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def same(folder):
    """TensorBoard shows what the run's metrics say, for every column."""
    found = scalars(folder)
    assert found.keys() == {
        *(f"{name}/{split}" for name in ("loss", "accuracy", "f1") for split in ("train", "test")), "lr", "seconds",
    }  # fmt: skip
    for tag, points in found.items():
        name, _, split = tag.partition("/")
        column = f"{split}_{name}" if split else name
        for (step, value), row in zip(points, rows(folder), strict=True):
            assert step == int(row["step"])
            assert value == pytest.approx(float(row[column]), rel=1e-3, abs=1e-4)


def test_tensorboard_shows_the_metrics(spec, tmp_path):
    run = train(spec(GAP), out=tmp_path / "run", quiet=True, tensorboard=True)
    same(run.folder)


def test_a_run_that_is_taken_up_shows_each_epoch_once(spec, tmp_path):
    opened = spec(GAP)
    run = train(opened, out=tmp_path / "run", quiet=True, tensorboard=True, steps=20)
    assert run.status == "stopped"
    resume(run.folder, quiet=True)
    assert len(rows(run.folder)) == 3
    same(run.folder)


def test_nothing_is_written_unless_asked(gap_run):
    assert not (gap_run.folder / "tensorboard").exists()


def test_a_package_that_is_missing(spec, tmp_path, monkeypatch):
    monkeypatch.setattr("netspec.train.plan.job.find_spec", lambda name: None if name == "tensorboard" else object())
    with pytest.raises(NetspecError, match="training needs tensorboard, which is not installed") as error:
        train(spec(GAP), out=tmp_path / "run", tensorboard=True)
    assert error.value.diagnostics[0].help == "pip install 'netspec-nn[train,tensorboard]'"
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_said_once_and_no_more(tmp_path, monkeypatch, capfd):
    """What TensorBoard's thread cannot write is an error of the run, without a traceback of that thread's own."""

    def full(writer, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def log_epochs():
        with events(tmp_path, [], on=True) as log:
            monkeypatch.setattr(record_writer.RecordWriter, "write", full)
            for epoch in range(1, 100):
                log(Row(epoch, 10 * epoch, 0.1, {"loss": 1.0}, {"loss": 2.0}, 0.25))
                time.sleep(0.01)

    with pytest.raises(NetspecError, match="tensorboard cannot be written: no space left on device") as error:
        log_epochs()
    assert error.value.diagnostics[0].code == "E0610"
    assert capfd.readouterr().err == ""
