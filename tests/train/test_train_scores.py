"""What figures are of: the outputs that metrics name, as many classes as the net tells apart, blends by their most."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from same_runs import equal
from sklearn.metrics import f1_score

from netspec import NetspecError
from netspec.train import restore, resume, train
from netspec.train.batch import Batch

QUIET = {"device": "cpu", "quiet": True}

EXITS = """\
net Exits {
  input image [1, 8, 8]
  body = conv(4, 3) -> relu
  output early = image -> flatten -> linear(10)
  output late = body -> flatten -> linear(10)
}

train {
  data      digits
  loss      cross_entropy(late) + 0.5 * cross_entropy(early)
  optimizer adam(lr=0.01)
  metrics   [accuracy, accuracy(early), accuracy(late)]
  stop      patience(5, metric="accuracy(early)")
  epochs    2
  batch     100
}
"""
"""Two outputs that say the same thing, both of them judged."""


def test_each_output_has_figures_of_its_own(spec, data, place, tmp_path):
    run = train(spec(EXITS), out=tmp_path / "run", **QUIET)
    test = data("digits").load(place).test
    with torch.no_grad():
        early, late = run.model.eval()(torch.from_numpy(test.x))
    shares = [float((scores.argmax(1).numpy() == test.y).mean()) for scores in (early, late)]
    figures = run.metrics[-1].test
    assert figures["accuracy(early)"] == pytest.approx(shares[0], abs=1e-6)
    assert figures["accuracy(late)"] == figures["accuracy"] == pytest.approx(shares[1], abs=1e-6)
    assert shares[0] != shares[1]
    head = (run.folder / "metrics.csv").read_text().partition("\n")[0]
    assert "test_accuracy(early),train_accuracy(late)" in head
    assert restore(run.folder).evaluate().figures == pytest.approx(dict(figures), abs=1e-6)


def test_figures_of_several_outputs_go_on_where_they_were(spec, tmp_path):
    whole = train(spec(EXITS), out=tmp_path / "whole", **QUIET)
    parted = train(spec(EXITS), out=tmp_path / "parted", steps=7, **QUIET)
    assert equal(resume(parted.folder, quiet=True), whole)


def test_a_net_may_tell_more_classes_apart_than_the_data_hold(spec, tmp_path):
    """Figures by scikit-learn, with classes of the net that occur nowhere in the data."""
    text = """\
net Wide {
  input x [4]
  linear(12)
}

train {
  data    npz("few.npz")
  loss    cross_entropy
  metrics [accuracy, f1(average=weighted), confusion_matrix]
  epochs  1
}
"""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 4)).astype("f")
    np.savez(tmp_path / "few.npz", x_train=x, y_train=np.arange(200) % 5, x_test=x, y_test=np.arange(200) % 5)
    run = train(spec(text), out=tmp_path / "run", **QUIET)
    with torch.no_grad():
        said = run.model.eval()(torch.from_numpy(x)).argmax(1).numpy()
    assert said.max() > 4, "it names classes that the data do not hold"
    expected = f1_score(np.arange(200) % 5, said, average="weighted", zero_division=0)
    assert run.metrics[-1].test["f1"] == pytest.approx(expected, abs=1e-6)


def test_the_larger_part_of_a_blend():
    y, other = torch.tensor([1, 2, 3]), torch.tensor([4, 5, 6])
    x = torch.zeros(3, 1)
    assert torch.equal(Batch(x, y).most.y, y)
    assert torch.equal(Batch(x, y, blend=Batch(x, other), share=0.7).most.y, y)
    assert torch.equal(Batch(x, y, blend=Batch(x, other), share=0.3).most.y, other)


@pytest.mark.parametrize("blend", ["mixup(1000)", "mixup(0.01)"])
def test_training_figures_of_blends_are_of_their_larger_part(spec, tmp_path, blend):
    """A net that knows the digits, at a rate of 0: it names what most of a blend is, in halves nobody can tell."""
    text = """\
net Known {
  input image [1, 8, 8]
  flatten -> linear(10)
}

train {
  data      digits
  loss      cross_entropy
  optimizer adam(lr=0.01)
  epochs    10
}
"""
    known = train(spec(text), out=tmp_path / "known", **QUIET)
    changes = [("epochs    10", "epochs 1"), ("lr=0.01", "lr=0"), ("  loss", f"  augment {blend}\n  loss")]
    opened = spec(text, *changes, ("  data", '  init "known/model.safetensors"\n  data'))
    figure = train(opened, out=tmp_path / "blended", **QUIET).metrics[0].train["accuracy"]
    assert known.metrics[-1].train["accuracy"] > 0.95
    low, high = (0.93, 1) if blend == "mixup(0.01)" else (0.3, 0.7)
    assert low < figure < high


CROPS = """\
net Crops {
  input image [1, H, W]
  conv(4, 3, pad=1) -> relu
  conv(3, 1)
}

train {
  data      npz("masks.npz")
  augment   random_crop(8) -> normalize
  loss      cross_entropy
  optimizer adam(lr=0.02)
  epochs    2
  batch     10
}
"""
"""Trained on crops, of a size that its spec leaves open."""


def masks(tmp_path):
    x = np.random.default_rng(0).random((40, 1, 20, 20), np.float32)
    arrays = {"x_train": x[:30], "x_test": x[30:]}
    arrays |= {f"y{key[1:]}": (array[:, 0] * 3).astype(int) for key, array in arrays.items()}
    np.savez(tmp_path / "masks.npz", **arrays)
    return arrays


def by_hand(run, x, y):
    (_, step) = restore(run.folder).settings.augment.steps
    with torch.no_grad():
        scores = run.model.eval()(torch.from_numpy((x - step.mean[0]) / step.std[0]).float())
    return float((scores.argmax(1).numpy() == y).mean())


def test_tests_are_of_the_middle_and_afterwards_of_whole_pictures(spec, tmp_path):
    arrays = masks(tmp_path)
    run = train(spec(CROPS), out=tmp_path / "run", **QUIET)
    x, y = arrays["x_test"], arrays["y_test"]
    middle = by_hand(run, x[..., 6:14, 6:14], y[:, 6:14, 6:14])
    assert run.metrics[-1].test["accuracy"] == pytest.approx(middle, abs=1e-6)
    assert json.loads((run.folder / "run.json").read_text())["input"] == {"image": [1, 8, 8]}
    restored = restore(run.folder, device="cpu")
    assert restored.evaluate().figures["accuracy"] == pytest.approx(middle, abs=1e-6)
    whole = restored.evaluate(set={"train.augment": "normalize"}).figures["accuracy"]
    assert whole == pytest.approx(by_hand(run, x, y), abs=1e-6)
    assert whole != middle


def test_a_net_of_one_size_takes_no_other(spec, tmp_path):
    masks(tmp_path)
    text = CROPS.replace("[1, H, W]", "[1, 8, 8]")
    run = train(spec(text), out=tmp_path / "run", **QUIET)
    with pytest.raises(NetspecError, match=r"npz gives \[1, 20, 20\]"):
        restore(run.folder, device="cpu").evaluate(set={"train.augment": "normalize"})


def test_sizes_of_other_data(spec, tmp_path, monkeypatch):
    masks(tmp_path)
    run = train(spec(CROPS, ("random_crop(8) -> ", "")), out=tmp_path / "run", **QUIET)
    x = np.random.default_rng(1).random((6, 1, 11, 13), np.float32)
    np.savez(tmp_path / "other.npz", x=x, y=(x[:, 0] * 3).astype(int))
    monkeypatch.chdir(tmp_path)
    found = restore(run.folder, device="cpu").evaluate(data='npz("other.npz")', part="all")
    assert found.count == 6
    assert found.confusion.sum() == 6 * 11 * 13
