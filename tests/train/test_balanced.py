"""Weights that make all classes count alike: scikit-learn's, in losses of classes and of labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from netspec import NetspecError
from netspec.train import resume, train
from netspec.train.plan.job import job_of, prepare

SPEC = """\
net Few(classes: int = 3) {
  input x [4]
  linear(classes)
}

train {
  data  npz("few.npz")
  loss  cross_entropy(weight=balanced)
  epochs 2
}
"""


def few(folder, labels):
    x = np.random.default_rng(0).normal(size=(len(labels), 4)).astype(np.float32)
    np.savez(folder / "few.npz", x_train=x, y_train=labels, x_test=x, y_test=labels)


def weights_of(opened, name="weight"):
    (planned,) = prepare(job_of(opened), opened).plan.terms
    return planned.term.loss, getattr(planned.term.loss, name)


@pytest.mark.parametrize("loss", ["cross_entropy", "multi_margin", "focal"])
def test_weights_are_those_of_scikit_learn(spec, tmp_path, loss):
    labels = np.repeat([0, 1, 2], [60, 25, 5])
    few(tmp_path, labels)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    opened = spec(SPEC, ("cross_entropy", loss))
    built, weights = weights_of(opened)
    assert weights == pytest.approx(expected, rel=1e-6)
    if loss == "cross_entropy":
        scores = torch.randn(90, 3)
        own = built.build(torch.device("cpu"))(scores, torch.from_numpy(labels))
        weight = torch.tensor(expected, dtype=torch.float32)
        assert torch.allclose(own, functional.cross_entropy(scores, torch.from_numpy(labels), weight))


def test_each_label_has_a_weight(spec, tmp_path):
    labels = np.zeros((90, 3), np.int64)
    labels[:30, 0] = labels[:9, 1] = 1
    few(tmp_path, labels)
    opened = spec(SPEC, ("cross_entropy(weight=balanced)", "bce(pos_weight=balanced)"))
    assert weights_of(opened, "pos_weight")[1] == pytest.approx([2.0, 9.0, 1.0])


def test_a_balanced_run_is_taken_up(spec, tmp_path):
    few(tmp_path, np.repeat([0, 1, 2], [60, 25, 5]))
    run = train(spec(SPEC), out=tmp_path / "run", steps=1, device="cpu", quiet=True)
    assert resume(run.folder, quiet=True).status == "finished"


def test_numbers_have_no_classes_to_balance(spec, tmp_path):
    few(tmp_path, np.zeros((9, 3), np.float32))
    with pytest.raises(NetspecError, match="is to be balanced"):
        train(
            spec(SPEC, ("cross_entropy(weight=balanced)", "bce(pos_weight=balanced)")), out=tmp_path / "r", quiet=True
        )
