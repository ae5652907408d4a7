"""Cross-validation: folds are shared out as scikit-learn does, each is tested with once, and runs are taken up."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from train_specs import DIGITS

from netspec import NetspecError
from netspec.train.data.files import DataError
from netspec.train.folds import cross_validate

CPU = {"device": "cpu", "quiet": True}


def test_folds_are_all_samples_without_overlap(data, place):
    labels = load_digits().target
    expected = StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels)
    tested = []
    for fold, (train, test) in enumerate(expected):
        loaded = data(f"digits(folds=5, fold={fold})").load(place)
        assert (len(loaded.train), len(loaded.test)) == (len(train), len(test))
        assert loaded.test.y.tolist() == labels[test].tolist()
        tested += test.tolist()
    assert sorted(tested) == list(range(len(labels)))
    loaded = data("digits(folds=5, fold=1, val=0.1)").load(place)
    assert len(loaded.train) + len(loaded.val) + len(loaded.test) == len(labels)


@pytest.mark.parametrize(
    ("text", "message"), [("digits(folds=1)", "must be at least 2"), ("digits(folds=3, fold=3)", "fold is a")]
)
def test_folds_that_are_none(data, text, message):
    with pytest.raises(NetspecError, match=message):
        data(text)


def test_data_with_parts_of_their_own_have_no_folds(data, place, spec, tmp_path):
    x, y = np.zeros((8, 2), np.float32), np.arange(8) % 2
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(DataError, match=r"a\.npz says by itself what is tested with"):
        data('npz("a.npz", folds=2)').load(place)
    with pytest.raises(NetspecError, match="mnist1d has test data of its own"):
        cross_validate(spec(DIGITS, ("digits", "mnist1d")), 3, **CPU)


def test_a_run_for_each_fold(cli, spec, tmp_path):
    opened = spec(DIGITS, ("epochs    2", "epochs    1"))
    made = cross_validate(opened, 3, out=tmp_path / "cv", **CPU)
    accuracies = [run.metrics[-1].test["accuracy"] for run in made.runs]
    assert made.figures["accuracy"] == (pytest.approx(np.mean(accuracies)), pytest.approx(np.std(accuracies, ddof=1)))
    again = cli("train", "small.net", "--folds", 3, "--out", "cv", "--quiet")
    assert again.stdout.splitlines()[-2].startswith("mean"), again.stderr
    assert sorted(path.name for path in (tmp_path / "cv").iterdir()) == ["fold1", "fold2", "fold3"]
