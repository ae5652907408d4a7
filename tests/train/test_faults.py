"""Slips that torch would report in the first step, or never: said beforehand, with the mend where it belongs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from train_specs import DIGITS

from netspec import NetspecError
from netspec.train import check, restore, resume, train
from netspec.train.plan.job import job_of, prepare

CPU = {"device": "cpu", "quiet": True}

NET = """
net Small {
  input image [%s]
  flatten
  linear(%d)
}

train {
  data  npz("a.npz")
  loss  %s
  epochs 1
}
"""


def refused(opened):
    with pytest.raises(NetspecError) as error:
        prepare(job_of(opened), opened)
    return error.value.diagnostics[0]


def samples(folder, shape, y):
    np.savez(folder / "a.npz", x=np.random.default_rng(0).random((len(y), *shape)).astype(np.float32), y=y)


def test_classes_that_count_from_one(spec, tmp_path):
    samples(tmp_path, (1, 4, 4), np.arange(60) % 10 + 1)
    found = refused(spec(NET % ("1, 4, 4", 10, "cross_entropy")))
    assert (found.code, found.help) == ("E0607", "these classes count from 1: save them from 0 to 9, y - 1")


def test_more_classes_than_outputs_are_still_the_nets(spec, tmp_path):
    samples(tmp_path, (1, 4, 4), np.arange(66) % 11)
    assert refused(spec(NET % ("1, 4, 4", 10, "cross_entropy"))).help == "the last layer needs 11 outputs"


def test_one_hot_targets(spec, tmp_path):
    samples(tmp_path, (1, 4, 4), np.eye(10, dtype=int)[np.arange(60) % 10])
    found = refused(spec(NET % ("1, 4, 4", 10, "cross_entropy")))
    assert found.help == "these are rows of 0s with a 1: save the number of the class instead, numpy.argmax(y, 1)"


def test_channels_that_come_last(spec, tmp_path):
    samples(tmp_path, (8, 6, 3), np.arange(60) % 10)
    found = refused(spec(NET % ("3, 8, 6", 10, "cross_entropy")))
    assert found.help == "the channels come last in these data: save x.transpose(0, 3, 1, 2)"
    assert np.zeros((2, 8, 6, 3)).transpose(0, 3, 1, 2).shape == (2, 3, 8, 6)


@pytest.mark.parametrize(
    ("end", "loss", "message"),
    [
        ("linear(10)", "nll", "nll takes logarithms of probabilities, and Small ends in linear"),
        ("linear(10) -> softmax", "nll", "nll takes logarithms of probabilities, and Small ends in softmax"),
        ("linear(10)", "bce(logits=false)", "bce(logits=false) takes probabilities, and Small ends in linear"),
        ("linear(10)", "dice(logits=false)", "dice(logits=false) takes probabilities, and Small ends in linear"),
    ],
)
def test_endings_that_a_loss_cannot_take_are_found_by_the_check(spec, end, loss, message):
    opened = spec(DIGITS.replace("linear(classes)", end).replace("cross_entropy", loss))
    (found,) = check(opened.train, opened.graph())
    assert (found.code, found.message) == ("E0608", message)


@pytest.mark.parametrize(
    ("end", "loss"), [("linear(10) -> log_softmax", "nll"), ("linear(10) -> sigmoid", "bce(logits=false)")]
)
def test_endings_that_it_can(spec, end, loss):
    opened = spec(DIGITS.replace("linear(classes)", end).replace("cross_entropy", loss))
    assert check(opened.train, opened.graph()) == []


def test_a_norm_over_a_part_of_one_sample(spec, tmp_path):
    text = DIGITS.replace("linear(classes)", "linear(8) -> batchnorm -> linear(classes)")
    with pytest.raises(NetspecError, match=r"a part of a batch holds a single sample, over which .* has no variance"):
        train(spec(text), out=tmp_path / "run", set={"train.batch": 4, "train.accumulate": 4}, **CPU)


def test_targets_of_one_class_are_said(spec, tmp_path, capsys):
    samples(tmp_path, (1, 4, 4), np.full(20, 3))
    train(spec(NET % ("1, 4, 4", 4, "cross_entropy")), out=tmp_path / "run", device="cpu")
    assert capsys.readouterr().out.startswith("note: all that is said of the training samples is class 3")


def test_classes_that_the_test_data_lack_are_said(spec, tmp_path, capsys):
    x, y = np.random.default_rng(0).random((20, 1, 4, 4)).astype(np.float32), np.arange(20) % 4
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:8], y_test=y[:8] % 3)
    run = train(spec(NET % ("1, 4, 4", 4, "cross_entropy")), out=tmp_path / "run", device="cpu")
    assert (
        "note: the test samples hold nothing of class 3; means over classes leave that out" in capsys.readouterr().out
    )
    from netspec.train.after.evaluate import text

    assert "no sample is of 3; means over classes leave that out" in text(restore(run.folder).evaluate())


def test_a_folder_that_lacks_a_class_is_matched_by_name(spec, tmp_path, monkeypatch):
    for part, names in (("a", ("ant", "bee", "cat")), ("b", ("bee", "cat"))):
        for name in names:
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(5):
                shade = 80 * ("ant", "bee", "cat").index(name)
                Image.fromarray(np.full((4, 4), shade + number, np.uint8)).save(
                    tmp_path / part / name / f"{number}.png"
                )
    text = (
        (NET % ("1, 4, 4", 3, "cross_entropy")).replace('npz("a.npz")', 'images("a")').replace("epochs 1", "epochs 60")
    )
    run = train(spec(text), out=tmp_path / "run", set={"train.optimizer": "adam(lr=0.05)"}, **CPU)
    monkeypatch.chdir(tmp_path)
    found = restore(run.folder).evaluate(data='images("b")', part="all")
    assert found.count == 10
    assert found.absent == ("ant",)
    assert found.figures["accuracy"] > 0.85


def test_data_that_changed_under_a_run_are_noticed(spec, tmp_path):
    x, y = np.random.default_rng(0).random((40, 1, 4, 4)).astype(np.float32), np.arange(40) % 4
    np.savez(tmp_path / "a.npz", x=x, y=y)
    run = train(spec(NET % ("1, 4, 4", 4, "cross_entropy")), out=tmp_path / "run", **CPU)
    x[7, 0, 1, 2] += 0.5
    np.savez(tmp_path / "a.npz", x=x, y=y)
    with pytest.raises(NetspecError, match="it would be another run") as error:
        resume(run.folder, epochs=2, quiet=True)
    assert error.value.diagnostics[0].notes == ("the samples are as many as they were, and others",)


def test_a_sample_that_is_no_number_is_named(spec, tmp_path):
    x = [np.full((1, 4, 4), index / 40, np.float32) for index in range(40)]
    x[23][0, 2, 1] = np.nan
    pairs = [(each, index % 4) for index, each in enumerate(x)]
    opened = spec((NET % ("1, 4, 4", 4, "cross_entropy")).replace('npz("a.npz")', "given"))
    with pytest.raises(NetspecError) as error:
        train(opened, data=(pairs, pairs[:20]), out=tmp_path / "run", **CPU)
    assert "training sample 23 holds a number that is not finite" in error.value.diagnostics[0].notes
