"""Every metric against scikit-learn: classes that are absent, one logit, several labels, several numbers, places."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from netspec import NetspecError
from netspec.train.batch import Batch
from netspec.train.data import IGNORED
from netspec.train.engine.scores import Scores
from netspec.train.plan.job import job_of, prepare
from netspec.train.plan.outputs import OutputHead, OutputMetric
from netspec.train.section.parts.metrics import METRICS

CPU = torch.device("cpu")
COUNT = 120


def figure(name, head, output, target, *, parts=3, ignores=False, **arguments):
    """What is told of a metric by its name."""
    return figure_of(METRICS[name](**arguments), head, output, target, parts=parts, ignores=ignores)


def figure_of(metric, head, output, target, *, parts=3, ignores=False):
    """What is told of a metric, the samples in several batches."""
    judge = OutputMetric("it", metric, head)
    plan = SimpleNamespace(data=SimpleNamespace(ignores=ignores), metrics=(judge,), terms=(), losses={})
    scores = Scores(plan, CPU)
    for part in torch.arange(len(output)).tensor_split(parts):
        scores.add({0: output[part]}, Batch(output[part], target[part]))
        scores._flush()
    return scores.results()["it"]


@pytest.fixture
def classes():
    """Scores of six classes, of which 1 and 4 are never so; the net says 1 now and then."""
    generator = torch.Generator().manual_seed(0)
    y = torch.tensor([0, 2, 3, 5])[torch.randint(4, (COUNT,), generator=generator)]
    x = torch.randn(COUNT, 6, generator=generator)
    x[range(COUNT), y] += 1.5
    return x, y


HEAD = OutputHead(0, "multiclass", 6)
THERE = [0, 2, 3, 5]
OF_CLASSES = {
    "accuracy": (lambda y, p: sk.accuracy_score(y, p), {}),
    "accuracy(macro)": (lambda y, p: sk.balanced_accuracy_score(y, p), {"average": "macro"}),
    "error": (lambda y, p: 1 - sk.accuracy_score(y, p), {}),
    "pixel_error": (lambda y, p: 1 - sk.accuracy_score(y, p), {}),
    "f1": (lambda y, p: sk.f1_score(y, p, average="macro", labels=THERE), {}),
    "f1(weighted)": (lambda y, p: sk.f1_score(y, p, average="weighted"), {"average": "weighted"}),
    "f1(micro)": (lambda y, p: sk.f1_score(y, p, average="micro"), {"average": "micro"}),
    "precision": (lambda y, p: sk.precision_score(y, p, average="macro", labels=THERE, zero_division=0), {}),
    "recall": (lambda y, p: sk.recall_score(y, p, average="macro", labels=THERE), {}),
    "iou": (lambda y, p: sk.jaccard_score(y, p, average="macro", labels=THERE), {}),
    "specificity": (lambda y, p: np.mean([sk.recall_score(y != c, p != c) for c in THERE]), {}),
    "kappa": (lambda y, p: sk.cohen_kappa_score(y, p), {}),
    "mcc": (lambda y, p: sk.matthews_corrcoef(y, p), {}),
}


@pytest.mark.parametrize("name", OF_CLASSES)
def test_classes_of_which_two_are_absent(classes, name):
    x, y = classes
    expected, arguments = OF_CLASSES[name]
    found = figure(name.partition("(")[0], HEAD, x, y, **arguments)
    assert found == pytest.approx(expected(y.numpy(), x.argmax(1).numpy()), abs=1e-5)


@pytest.mark.parametrize("name", ["f1", "precision", "recall", "iou"])
def test_the_figure_of_each_class(classes, name):
    """By name and by number, and all of them; of a class that is absent the figure is 0."""
    x, y = classes
    own = {"iou": sk.jaccard_score}.get(name) or getattr(sk, f"{name}_score")
    expected = own(y.numpy(), x.argmax(1).numpy(), average=None, labels=range(6), zero_division=0)
    names = [*"abcdef"]
    every = METRICS[name](average=None).each_class(names)
    assert [each.distinction() for each in every] == [[f"class={letter}"] for letter in names]
    single = [METRICS[name](**{"class": key}).each_class(names)[0] for key in (*names, *range(6))]
    for place, metric in [*enumerate(every), *((index % 6, each) for index, each in enumerate(single))]:
        assert figure_of(metric, HEAD, x, y) == pytest.approx(expected[place], abs=1e-5)


def test_an_area_of_one_class(classes):
    x, y = classes
    (metric,) = METRICS["average_precision"](**{"class": 2}).each_class(range(6))
    expected = sk.average_precision_score(y.numpy() == 2, x.softmax(1)[:, 2].numpy())
    assert figure_of(metric, HEAD, x, y) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"), [("auroc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)]
)
def test_areas_leave_absent_classes_out(classes, name, expected):
    x, y = classes
    shares = x.softmax(1).numpy()
    own = np.mean([expected(y.numpy() == c, shares[:, c]) for c in THERE])
    assert figure(name, HEAD, x, y) == pytest.approx(own, abs=1e-5)


@pytest.mark.parametrize("name", ["accuracy", "f1", "iou", "recall", "kappa"])
def test_places_that_do_not_count(classes, name):
    x, y = classes
    maps = x.reshape(20, 6, 6).movedim(1, 2).unsqueeze(-1), y.reshape(20, 6).clone().unsqueeze(-1)
    maps[1][:, :2] = IGNORED
    kept = maps[1].flatten() >= 0
    rows = maps[0].movedim(1, -1).reshape(-1, 6)[kept]
    expected, _ = OF_CLASSES[name]
    found = figure(name, HEAD, *maps, ignores=True)
    assert found == pytest.approx(expected(maps[1].flatten()[kept].numpy(), rows.argmax(1).numpy()), abs=1e-5)


OF_ONE = {
    "accuracy": sk.accuracy_score,
    "error": lambda y, p: 1 - sk.accuracy_score(y, p),
    "f1": sk.f1_score,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "iou": sk.jaccard_score,
    "specificity": lambda y, p: sk.recall_score(1 - y, 1 - p),
    "kappa": sk.cohen_kappa_score,
    "mcc": sk.matthews_corrcoef,
}


@pytest.mark.parametrize("name", OF_ONE)
@pytest.mark.parametrize("shape", [(COUNT,), (COUNT, 1), (12, 1, 5, 2)])
def test_one_logit_is_about_class_one(name, shape):
    torch.manual_seed(1)
    y = torch.randint(2, (COUNT,))
    x = torch.randn(COUNT) + 1.2 * (2 * y - 1)
    target = y.view(shape) if len(shape) < 4 else y.view(12, 5, 2)
    found = figure(name, OutputHead(0, "binary", 2), x.view(shape), target.view(len(x.view(shape)), -1).squeeze(-1))
    assert found == pytest.approx(OF_ONE[name](y.numpy(), (x > 0).long().numpy()), abs=1e-5)


@pytest.mark.parametrize("name", ["f1", "precision", "recall", "iou"])
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_several_labels(name, average):
    torch.manual_seed(2)
    y = (torch.rand(COUNT, 4) < torch.tensor([0.5, 0.2, 0.7, 0.4])).long()
    x = torch.randn(COUNT, 4) + 1.2 * (2 * y - 1)
    head = OutputHead(0, "binary", 2, labels=4)
    theirs = {"f1": sk.f1_score, "precision": sk.precision_score, "recall": sk.recall_score, "iou": sk.jaccard_score}
    expected = theirs[name](y.numpy(), (x > 0).numpy(), average=average)
    assert figure(name, head, x, y, average=average) == pytest.approx(expected, abs=1e-5)
    if average == "macro":
        y[:, 1] = 0
        others = [0, 2, 3]
        expected = theirs[name](y.numpy()[:, others], (x > 0).numpy()[:, others], average="macro")
        assert figure(name, head, x, y) == pytest.approx(expected, abs=1e-5), "a label that is never so is left out"


@pytest.mark.parametrize(
    ("name", "expected"), [("auroc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)]
)
def test_areas_of_several_labels(name, expected):
    torch.manual_seed(2)
    y = (torch.rand(COUNT, 4) < torch.tensor([0.5, 0.2, 0.7, 0.4])).long()
    x = torch.randn(COUNT, 4) + (2 * y - 1)
    found = figure(name, OutputHead(0, "binary", 2, labels=4), x, y)
    assert found == pytest.approx(expected(y.numpy(), x.sigmoid().numpy(), average="macro"), abs=1e-5)


OF_NUMBERS = {
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
}


@pytest.mark.parametrize("name", OF_NUMBERS)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_several_numbers_of_unlike_scale(name, offset):
    """Each by itself; far from 0 the share of the variance still has its digits."""
    torch.manual_seed(3)
    y = torch.randn(COUNT, 3) * torch.tensor([1.0, 100.0, 0.01]) + offset * torch.tensor([1.0, 1.0, 0.0])
    x = y + torch.randn(COUNT, 3) * torch.tensor([0.3, 10.0, 0.005])
    found = figure(name, OutputHead(0, "values", logits=False, columns=3), x, y)
    assert found == pytest.approx(OF_NUMBERS[name](y.double().numpy(), x.double().numpy()), rel=1e-5)


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_numbers_of_a_map_are_those_of_its_channels(name):
    torch.manual_seed(4)
    y = torch.randn(10, 2, 4, 3) * torch.tensor([1.0, 50.0]).view(2, 1, 1)
    x = y + torch.randn_like(y)
    rows = [each.movedim(1, -1).reshape(-1, 2).double().numpy() for each in (y, x)]
    found = figure(name, OutputHead(0, "values", logits=False, columns=2), x, y)
    assert found == pytest.approx(OF_NUMBERS[name](*rows), rel=1e-5)


def test_small_figures_keep_their_digits():
    x, y = torch.tensor([3e-9, 5e-9]), torch.tensor([1e-9, 1e-9])
    assert figure("mae", OutputHead(0, "values", logits=False), x, y, parts=1) == pytest.approx(3e-9, rel=1e-5)


def test_an_average_over_one_class_is_refused(spec):
    text = """
net Yes {
  input image [1, 8, 8]
  flatten
  linear(1)
}

train {
  data    pairs(digits)
  loss    bce
  metrics f1(average=macro)
}
"""
    opened = spec(text.replace("pairs(digits)", 'npz("yes.npz")'))
    np.savez(opened.path.parent / "yes.npz", x=np.zeros((8, 1, 8, 8), np.float32), y=np.arange(8) % 2)
    with pytest.raises(NetspecError, match="f1 of a single 0 or 1 is that of class 1, and there is nothing to average"):
        prepare(job_of(opened), opened)
