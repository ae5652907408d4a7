"""Figures of a trained net: those that training measured, and those that others compute from what the net says."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score, log_loss
from sklearn.model_selection import train_test_split

from netspec import NetspecError
from netspec.train import restore, train
from netspec.train.after.evaluate import confusion_lines, json_text, text


@pytest.fixture(scope="module")
def digits():
    """The test samples as the data set splits them: images and classes."""
    x, y = load_digits(return_X_y=True)
    parts = train_test_split(np.arange(len(y)), test_size=round(0.2 * len(y)), random_state=0, stratify=y)
    x = (x / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    return (x[parts[0]], y[parts[0]]), (x[parts[1]], y[parts[1]])


@pytest.fixture(scope="module")
def chances(gap, digits):
    """The probabilities of the test samples, without the code that is tested."""
    (train_x, _), (x, _) = digits
    mean, std = train_x.mean(dtype=np.float64), train_x.std(dtype=np.float64)
    with torch.no_grad():
        return gap.model(torch.from_numpy((x - np.float32(mean)) / np.float32(std))).softmax(1).numpy()


def test_figures_are_those_that_training_measured(gap):
    found = gap.evaluate()
    with (gap.folder / "metrics.csv").open() as file:
        *_, last = csv.DictReader(file)
    for name, value in found.figures.items():
        assert value == pytest.approx(float(last[f"test_{name}"]), rel=1e-5)
    assert (found.part, found.data, found.count) == ("test", "digits", 359)


def test_figures_are_those_of_scikit_learn(gap, digits, chances):
    y = digits[1][1]
    found = gap.evaluate()
    assert found.figures["accuracy"] == pytest.approx((chances.argmax(1) == y).mean())
    assert found.figures["loss"] == pytest.approx(log_loss(y, chances), rel=1e-4)
    assert found.figures["f1"] == pytest.approx(f1_score(y, chances.argmax(1), average="macro"), rel=1e-5)
    assert (found.confusion == confusion_matrix(y, chances.argmax(1))).all()
    assert (found.samples.truth == y).all()
    assert (found.samples.predicted == chances.argmax(1)).all()
    assert np.allclose(found.samples.share, chances.max(1), atol=1e-5)


@pytest.mark.parametrize(("part", "count"), [("test", 359), ("train", 1438), ("all", 1797)])
def test_parts(gap, part, count):
    found = gap.evaluate(part=part)
    assert found.count == count
    assert found.confusion.sum() == count


def test_other_data_are_met_as_the_training_data_were(gap, digits, tmp_path, monkeypatch):
    """Normalised by the figures of the training data, not by their own."""
    x, y = digits[1]
    np.savez(tmp_path / "new.npz", x_train=x * 0, y_train=y, x_test=x, y_test=y)
    monkeypatch.chdir(tmp_path)
    expected = gap.evaluate().figures
    assert gap.evaluate(data='npz("new.npz")').figures == pytest.approx(expected, abs=1e-6)


def test_a_folder_for_the_data(masks, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    arrays = np.load(masks.folder.parent / "masks.npz")
    np.savez(tmp_path / "elsewhere" / "masks.npz", x=arrays["x"], y=arrays["y"] * 0)
    own, other = masks.evaluate(), masks.evaluate(data=tmp_path / "elsewhere")
    assert own.confusion.sum() == other.confusion.sum() == 8 * 144
    assert other.confusion[1:].sum() == 0


def test_data_sets_by_name(gap):
    y = load_digits().target
    _, aside = train_test_split(np.arange(len(y)), test_size=359, random_state=3, stratify=y)
    assert (gap.evaluate(data="digits(split=3)").samples.truth == y[aside]).all()
    assert gap.evaluate(data="digits").count == 359
    with pytest.raises(NetspecError, match="mnist1d gives"):
        gap.evaluate(data="mnist1d")
    with pytest.raises(NetspecError, match="there is no data set named"):
        gap.evaluate(data="digitz()")


def test_other_metrics(gap):
    found = gap.evaluate(set={"train.metrics": "[top5, recall]"})
    assert list(found.figures) == ["loss", "top5", "recall"]


def test_classes_of_pixels(masks):
    found = masks.evaluate()
    arrays = np.load(masks.folder.parent / "masks.npz")
    parts = train_test_split(np.arange(40), test_size=8, random_state=0)
    x, y = arrays["x"][parts[1]], arrays["y"][parts[1]]
    with torch.no_grad():
        said = masks.model(torch.from_numpy(x)).argmax(1).numpy()
    assert (found.confusion == confusion_matrix(y.ravel(), said.ravel(), labels=[0, 1, 2])).all()
    assert found.figures["iou"] == pytest.approx(jaccard_score(y.ravel(), said.ravel(), average="macro"), rel=1e-5)
    assert found.samples.predicted is None
    assert np.allclose(found.samples.share, (said == y).reshape(8, -1).mean(1))


def test_numbers(line):
    found = line.evaluate()
    assert found.confusion is None
    assert found.figures["mae"] == pytest.approx(np.abs(found.samples.predicted - found.samples.truth).mean(), rel=1e-5)
    assert "mae" in text(found)
    assert "confusion" not in json.loads(json_text(found))


def test_two_sides_of_a_logit(spec, tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    np.savez(tmp_path / "two.npz", x=x, y=(x.sum(1) > 0).astype(int))
    opened = spec(
        'net Two {\n  input x [4]\n  linear(1)\n}\ntrain {\n  data npz("two.npz")\n  loss bce\n  epochs 1\n}\n'
    )
    found = restore(train(opened, out=tmp_path / "run", quiet=True).folder).evaluate()
    assert found.confusion.sum() == 20
    assert found.confusion.diagonal().sum() / 20 == pytest.approx(found.figures["accuracy"])
    assert (found.samples.share >= 0.5).all()


TEXTS = """\
net Texts {
  input text [70, 20]
  conv(4, 3) -> relu
  global_maxpool -> flatten -> linear(3)
}

train {
  data text("texts.csv", length=20)
  loss cross_entropy
  optimizer adam(lr=0.05)
  epochs 30
}
"""


def test_classes_are_those_of_their_names(spec, tmp_path, monkeypatch):
    """Data in which a class does not occur number the others otherwise."""
    opened = spec(TEXTS)
    rows = [f"bad,that went wrong {index}\ngood,this is fine {index}\nmixed,so so {index}" for index in range(20)]
    (tmp_path / "texts.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    run = restore(train(opened, out=tmp_path / "run", quiet=True).folder)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.csv").write_text("label,text\n" + "good,this is fine 1\nmixed,so so 2\n" * 10)
    found = run.evaluate(data='text("some.csv", length=20)', part="all")
    assert found.confusion.tolist() == [[0, 0, 0], [0, 10, 0], [0, 0, 10]]
    assert found.signature.names == ("bad", "good", "mixed")
    (tmp_path / "more.csv").write_text("label,text\n" + "good,this is fine 1\nawful,oh no\n" * 10)
    with pytest.raises(NetspecError, match="holds the class awful, which Texts does not know"):
        run.evaluate(data='text("more.csv", length=20)')


def test_data_that_are_gone(spec, tmp_path):
    np.savez(tmp_path / "line.npz", x=np.ones((9, 4), np.float32), y=np.ones(9, np.float32))
    text = 'net Line {\n  input x [4]\n  linear(1)\n}\ntrain {\n  data npz("line.npz")\n  loss mse\n  epochs 1\n}\n'
    run = train(spec(text), out=tmp_path / "run", quiet=True)
    (tmp_path / "line.npz").unlink()
    with pytest.raises(NetspecError, match=r"there is no file line\.npz"):
        restore(run.folder).evaluate()


def test_the_table_lines_up(gap):
    lines = list(confusion_lines(gap.evaluate()))
    assert len(lines) == 11
    assert len({len(line) for line in lines}) == 1
    assert [int(cell) for row, line in enumerate(lines[1:]) for cell in [line.split()[1 + row]]] == [
        int(count) for count in gap.evaluate().confusion.diagonal()
    ]


def test_json(gap):
    found = json.loads(json_text(gap.evaluate()))
    assert (found["samples"], found["part"], found["data"]) == (359, "test", "digits")
    assert found["classes"] == [str(digit) for digit in range(10)]
    assert sum(map(sum, found["confusion"])) == 359


def test_command(cli, gap, tmp_path):
    result = cli("eval", gap.folder)
    assert result.returncode == 0, result.stderr
    assert "359 samples of digits (test)" in result.stdout
    assert "accuracy" in result.stdout
    assert json.loads(cli("eval", gap.folder, "--format", "json", "--part", "all").stdout)["samples"] == 1797
    assert "f1" not in cli("eval", gap.folder, "--set", "train.metrics=[accuracy]").stdout
    for wrong in (["none"], [gap.folder, "--data", "nowhere()"], [gap.folder, "--device", "tpu"]):
        refused = cli("eval", *wrong)
        assert refused.returncode == 1
        assert "error[E" in refused.stderr
