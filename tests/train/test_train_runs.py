"""The folder of a run: never another's, every file whole or not there."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from torch import nn

from netspec import NetspecError
from netspec.train.engine.rows import Row
from netspec.train.runs.figures.curves import compare, draw, read, read_all
from netspec.train.runs.folder import OUTDATED, claimed, occupied, replacing
from netspec.train.runs.record import read_record
from netspec.train.runs.run import Recorder, table


def row(epoch, error=0.5):
    return Row(epoch, 10 * epoch, 0.1, {"loss": 1 / epoch, "accuracy": 0.9}, {"loss": 2.0, "accuracy": 1 - error}, 0.25)


def claim(wanted, write=lambda folder: (folder / "a").write_text("whole")):
    with claimed(wanted, write) as folder:
        return folder


def test_the_next_free_number(tmp_path):
    names = [claim(tmp_path / "runs" / "net").name for _ in range(3)]
    assert names == ["net", "net-2", "net-3"]
    (tmp_path / "runs" / "file").write_text("mine")
    assert claim(tmp_path / "runs" / "file").name == "file-2"
    assert (tmp_path / "runs" / "file").read_text() == "mine"
    (tmp_path / "runs" / "link").symlink_to("nowhere")
    assert claim(tmp_path / "runs" / "link").name == "link-2"
    assert (tmp_path / "runs" / "net" / "a").read_text() == "whole"


def test_a_folder_is_there_with_its_files_or_not_at_all(tmp_path):
    def write(folder):
        assert not (tmp_path / "net").exists()
        replacing(folder / "a", half_written)

    with pytest.raises(NetspecError, match=r"/net cannot be written: no space left on device"):
        claim(tmp_path / "net", write)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_goes_through_a_link_and_into_a_pipe(tmp_path):
    link, target, pipe = tmp_path / "link.png", tmp_path / "picture.png", tmp_path / "pipe.png"
    target.write_text("old")
    link.symlink_to(target)
    replacing(link, lambda beside: beside.write_text("new"))
    assert link.is_symlink()
    assert target.read_text() == "new"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replacing(pipe, lambda beside: beside.write_text("new"))
    assert os.read(reader, 10) == b"new"
    os.close(reader)
    assert pipe.is_fifo()


def test_what_was_left_by_a_process_that_was_killed_is_swept_away_later(tmp_path):
    for name in ("old", "new"):
        (tmp_path / f".netspec-{name}.partial").mkdir()
    then = time.time() - OUTDATED - 1
    os.utime(tmp_path / ".netspec-old.partial", (then, then))
    claim(tmp_path / "net")
    assert {path.name for path in tmp_path.iterdir()} == {"net", ".netspec-new.partial"}


@pytest.mark.parametrize("name", ["run.json", "metrics.csv"])
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(NetspecError, match="it is a pipe, not a file") as error:
        read_record(tmp_path) if name == "run.json" else read(tmp_path)
    assert error.value.diagnostics[0].code == "E0614"


def test_a_claimed_folder_belongs_to_one_process(tmp_path):
    with (
        claimed(tmp_path / "net", lambda folder: None) as folder,
        pytest.raises(NetspecError, match="a training is at work"),
        occupied(folder),
    ):
        pass


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(NetspecError) as error:
        claim(tmp_path / "runs" / "net")
    (found,) = error.value.diagnostics
    assert found.code == "E0610"
    assert found.help == f"{tmp_path / 'runs'} is a file, and a folder is needed there"
    assert (tmp_path / "runs").read_text() == "mine"


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(NetspecError, match="cannot be written: permission denied"):
        claim(tmp_path / "runs" / "net")


def test_a_name_that_is_none(tmp_path):
    with pytest.raises(NetspecError, match="cannot be written"):
        claim(tmp_path / ("x" * 400))
    with pytest.raises(NetspecError, match="cannot be written"):
        claim(tmp_path / "a\0b")


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.txt"
    replacing(path, lambda beside: beside.write_text("one"))
    replacing(path, lambda beside: beside.write_text("two"))
    assert path.read_text() == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def fail_to_rename(self, target):
    raise OSError(28, "No space left on device")


def half_written(beside):
    beside.write_text("hal")
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("way", ["rename", "write"])
def test_what_fails_leaves_nothing_half_written(tmp_path, monkeypatch, before, way):
    path = tmp_path / "a.txt"
    if before:
        path.write_text(before)
    if way == "rename":
        monkeypatch.setattr(Path, "replace", fail_to_rename)
    with pytest.raises(NetspecError, match="no space left on device") as error:
        replacing(path, half_written if way == "write" else lambda beside: beside.write_text("new"))
    assert error.value.diagnostics[0].code == "E0610"
    assert [entry.name for entry in tmp_path.iterdir()] == (["a.txt"] if before else [])
    assert not before or path.read_text() == before


def test_an_interruption_leaves_nothing_half_written(tmp_path):
    def interrupted(beside):
        beside.write_text("hal")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replacing(tmp_path / "a.txt", interrupted)
    assert not list(tmp_path.iterdir())


def test_weights_that_cannot_be_written(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path, {})
    recorder.weights(nn.Linear(2, 2).state_dict())
    before = (tmp_path / "model.safetensors").read_bytes()
    monkeypatch.setattr(Path, "replace", fail_to_rename)
    with pytest.raises(NetspecError, match=r"model\.safetensors cannot be written"):
        recorder.weights(nn.Linear(2, 2).state_dict())
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_what_others_may_read(tmp_path):
    Recorder(tmp_path, {}).weights(nn.Linear(2, 2).state_dict())
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o777 == tmp_path.stat().st_mode & 0o666


def test_the_table():
    rows = list(csv.DictReader(table([row(1), row(2)]).splitlines()))
    assert list(rows[0]) == [
        "epoch", "step", "lr", "train_loss", "test_loss", "train_accuracy", "test_accuracy", "seconds",
    ]  # fmt: skip
    assert [float(rows[1][key]) for key in ("epoch", "step", "train_loss", "test_accuracy")] == [2, 20, 0.5, 0.5]
    assert table([]) == "epoch,step,lr,train_loss,test_loss,seconds\n"


def test_the_record_follows_the_run(tmp_path):
    recorder = Recorder(tmp_path, {"net": "Small"})
    recorder.begin("class Small: ...")
    assert json.loads((tmp_path / "run.json").read_text()) == {
        "net": "Small",
        "status": "running",
        "signal": None,
        "epochs": 0,
        "steps": 0,
    }
    recorder.add(row(1))
    recorder.save("stopped")
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["status"], record["epochs"], record["test"]["accuracy"]) == ("stopped", 1, 0.5)
    assert (tmp_path / "model.py").read_text() == "class Small: ..."


def test_metrics_are_on_disk_while_a_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("netspec.train.runs.run.SAVE_EVERY", -1)
    recorder = Recorder(tmp_path, {})
    recorder.add(row(1))
    assert (tmp_path / "metrics.csv").read_text() == table([row(1)])


def recorded(folder, *errors, title=None):
    folder.mkdir()
    recorder = Recorder(folder, {"net": title, "parameters": 2050} if title else {})
    recorder.rows = [row(epoch, error) for epoch, error in enumerate(errors, 1)]
    recorder.save("finished")
    return folder


def test_curves_are_those_of_the_table(tmp_path):
    curve = read(recorded(tmp_path / "a", 0.4, 0.2, title="Small"))
    assert curve.title == "Small, 2,050 parameters"
    assert curve.figure("test") == pytest.approx([40, 20])
    assert curve.epochs == [1, 2]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_curves_of_several_runs_in_one_picture(tmp_path, count):
    folders = [recorded(tmp_path / f"run{index}", 0.4, 0.2) for index in range(count)]
    compare(folders, tmp_path / "pictures" / "all.png")
    assert (tmp_path / "pictures" / "all.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "pictures").iterdir())) == 1


def test_runs_of_one_net_are_told_apart_by_their_folders(tmp_path):
    folders = [recorded(tmp_path / name, 0.4, title=net) for name, net in [("a", "Net"), ("b", "Net"), ("c", "Other")]]
    assert [curve.title for curve in read_all(folders)] == ["a", "b", "Other, 2,050 parameters"]
    assert [curve.title for curve in read_all(folders[1:])] == ["Net, 2,050 parameters", "Other, 2,050 parameters"]


@pytest.mark.parametrize("error", [0.9, 0.1])
def test_the_legend_lies_beside_the_curves(tmp_path, monkeypatch, error):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **how: drawn.append(figure) or path.touch())
    draw(recorded(tmp_path / "run", *[error] * 5))
    drawn[0].draw_without_rendering()
    for axes in drawn[0].axes:
        legend = axes.get_legend().get_window_extent()
        paths = [line.get_transform().transform_path(line.get_path()) for line in axes.get_lines()]
        assert not any(path.intersects_bbox(legend) for path in paths)


def test_a_run_of_one_epoch_and_of_losses_alone(tmp_path):
    folder = recorded(tmp_path / "one", 0.4)
    draw(folder)
    (folder / "metrics.csv").write_text("epoch,step,lr,train_loss,test_loss,seconds\n1,2,0.1,3,4,5\n2,2,0.1,3,nan,5\n")
    draw(folder)
    assert read(folder).judged == "loss"
    assert (folder / "curves.png").exists()


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "a,b\n1,2\n",
        "epoch,step,lr,train_loss,test_loss,seconds\n",
        "epoch,train_loss,test_loss\n1,x,2\n",
        "epoch,train_loss,test_loss\n1\n",
    ],
)
def test_folders_that_hold_no_run(tmp_path, content):
    if content is not None:
        (tmp_path / "metrics.csv").write_text(content)
    with pytest.raises(NetspecError) as error:
        compare([tmp_path], tmp_path / "all.png")
    assert error.value.diagnostics[0].code == "E0614"
    assert not (tmp_path / "all.png").exists()


def test_pictures_that_cannot_be_written(tmp_path):
    folder = recorded(tmp_path / "run", 0.4)
    with pytest.raises(NetspecError, match=r"all\.xyz does not end like a picture"):
        compare([folder], tmp_path / "all.xyz")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NetspecError, match="is a file, and a folder is needed there"):
        compare([folder], tmp_path / "file" / "all.png")
