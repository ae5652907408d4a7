"""Three parts of the data: to train on, to choose the best epoch by, and to look at once, at the end."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from train_specs import DIGITS

from netspec import NetspecError
from netspec.train import restore, resume, train
from netspec.train.data.files import DataError
from netspec.train.data.python_data import PythonData
from netspec.train.runs.figures import curves

CPU = {"device": "cpu", "quiet": True}
THREE = ("data      digits", "data      digits(val=0.2)")


def three(spec):
    return spec(DIGITS.replace("digits", "digits(val=0.2)", 1))


def test_shares_of_each_class_and_the_test_data_are_those_without_val(data, place):
    whole, parts = data("digits").load(place), data("digits(val=0.1)").load(place)
    assert (parts.test.x == whole.test.x).all()
    assert [len(split) for split in parts.splits.values()] == [1258, 180, 359]
    for split in parts.splits.values():
        shares = np.bincount(split.y) / len(split)
        assert shares == pytest.approx(np.bincount(whole.train.y) / len(whole.train), abs=0.01)
    rows = [row.tobytes() for split in parts.splits.values() for row in split.x]
    assert len(rows) == len(whole.train) + len(whole.test)


def test_arrays_for_each_part(data, place, tmp_path):
    arrays = {
        f"{name}_{part}": np.full((count, 2), count)
        for part, count in (("train", 5), ("val", 3), ("test", 2))
        for name in "xy"
    }
    np.savez(
        tmp_path / "a.npz", **{key: value[:, 0] if key[0] == "y" else value / 1.0 for key, value in arrays.items()}
    )
    loaded = data('npz("a.npz")').load(place)
    assert {name: len(split) for name, split in loaded.splits.items()} == {"train": 5, "val": 3, "test": 2}


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("train", "val", "test"), {"train": 6, "val": 4, "test": 2}),
        (("train", "validation", "test"), {"train": 6, "val": 4, "test": 2}),
        (("train", "test"), {"train": 6, "test": 2}),
        (("train", "val"), {"train": 6, "test": 4}),
    ],
)
def test_folders_for_each_part(data, place, tmp_path, folders, expected):
    counts = {"train": 3, "val": 2, "validation": 2, "test": 1}
    for folder in folders:
        for name in ("ant", "bee"):
            (tmp_path / "a" / folder / name).mkdir(parents=True)
            for number in range(counts[folder]):
                Image.fromarray(np.full((4, 4), number, np.uint8)).save(
                    tmp_path / "a" / folder / name / f"{number}.png"
                )
    loaded = data('images("a")').load(place)
    assert {name: len(split) for name, split in loaded.splits.items()} == expected
    assert loaded.names == ("ant", "bee")


def test_a_folder_that_holds_only_train_is_no_class(data, place, tmp_path):
    for name in ("ant", "bee"):
        (tmp_path / "a/train" / name).mkdir(parents=True)
        for number in range(5):
            Image.fromarray(np.full((4, 4), number, np.uint8)).save(tmp_path / "a/train" / name / f"{number}.png")
    loaded = data('images("a")').load(place)
    assert (loaded.names, len(loaded.train), len(loaded.test)) == (("ant", "bee"), 8, 2)


class Labelled(torch.utils.data.Dataset):
    """Nine of ten samples are of class 0."""

    def __init__(self):
        self.targets = [int(index % 10 == 0) for index in range(100)]

    def __len__(self):
        return 100

    def __getitem__(self, index):
        return torch.full((2,), float(index)), self.targets[index]


def test_data_from_python_in_three_parts_and_of_each_class(place):
    loaded = PythonData.of((Labelled(), Labelled(), Labelled())).load(place)
    assert list(loaded.splits) == ["train", "val", "test"]
    alone = PythonData.of(Labelled()).load(place)
    assert sum(int(alone.test.source[index][1]) for index in range(20)) == 2


def test_shares_that_leave_nothing_are_refused(data, place):
    with pytest.raises(DataError, match="leave nothing to train on"):
        data("digits(test=0.5, val=0.5)").load(place)


def test_selection_looks_at_val_and_test_is_looked_at_once(spec, tmp_path, capsys):
    settings = {"train.stop": "patience(1, metric=accuracy)", "train.optimizer": "sgd(lr=0.5)", "train.epochs": 6}
    run = train(three(spec), out=tmp_path / "run", set=settings, device="cpu")
    assert {row.held for row in run.metrics} == {"val"}
    accuracy = [row.test["accuracy"] for row in run.metrics]
    assert run.kept == int(np.argmax(accuracy))
    restored = restore(run.folder)
    tested, chosen = restored.evaluate().figures, restored.evaluate(part="val").figures
    assert run.test_error == pytest.approx(1 - tested["accuracy"], abs=1e-6)
    assert chosen["accuracy"] == pytest.approx(max(accuracy), abs=1e-6)
    record = json.loads((run.folder / "run.json").read_text())
    assert record["test"]["accuracy"] == pytest.approx(tested["accuracy"], abs=1e-6)
    assert record["val"] == dict(run.metrics[run.kept].test)
    assert (
        (run.folder / "metrics.csv")
        .read_text()
        .startswith("epoch,step,lr,train_loss,val_loss,train_accuracy,val_accuracy")
    )
    lines = capsys.readouterr().out.splitlines()
    assert "val error" in lines[0]
    assert lines[-1].endswith(f": test error {100 * run.test_error:.1f} %, kept in {run.folder}")
    assert curves.read(run.folder).held == "val"


def test_a_run_of_three_parts_is_taken_up_exactly(spec, tmp_path):
    whole = train(three(spec), out=tmp_path / "whole", **CPU)
    parted = train(three(spec), out=tmp_path / "parted", steps=17, **CPU)
    assert parted.test_error is None, "the test data are not looked at before the end"
    again = resume(parted.folder, quiet=True)
    assert (again.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()
    assert again.tested == whole.tested


def test_with_two_parts_it_is_said_that_the_test_data_chose(spec, tmp_path, capsys):
    settings = {"train.stop": "patience(1)", "train.optimizer": "sgd(lr=2.0)", "train.epochs": 8}
    run = train(spec(), out=tmp_path / "run", set=settings, device="cpu")
    from netspec.train.after import report

    page = report.write(restore(run.folder)).read_text()
    assert "chosen by the test data, whose figures flatter it so" in page
    if run.kept != len(run.metrics) - 1:
        assert "by the test data: test error" in capsys.readouterr().out.splitlines()[-1]


def test_a_part_that_is_not_there_is_said(spec, tmp_path):
    run = train(spec(), out=tmp_path / "run", epochs=0, **CPU)
    with pytest.raises(NetspecError, match="sets no samples aside to choose by"):
        restore(run.folder).evaluate(part="val")


def test_a_process_without_test_samples_takes_part(spec, tmp_path):
    """One test sample, and two processes: areas are gathered of what there is."""
    x, y = np.random.default_rng(0).random((21, 1, 8, 8)).astype(np.float32), np.arange(21) % 10
    np.savez(tmp_path / "a.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    opened = spec(DIGITS.replace("digits", 'npz("a.npz", classes=10)', 1))
    settings = {"train.metrics": "[accuracy, auroc, f1]", "train.batch": 20, "train.epochs": 1}
    run = train(opened, out=tmp_path / "run", set=settings, devices=2, **CPU)
    assert run.status == "finished"
    assert run.metrics[0].test["accuracy"] in (0, 1)
    assert run.metrics[0].test["f1"] == run.metrics[0].test["accuracy"]
