"""Pairs: which samples come together, and the loss of the distance that a net puts between them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from train_specs import SIAMESE

from netspec import NetspecError
from netspec.train import check, train
from netspec.train.batch import Batch
from netspec.train.data import Data, Split
from netspec.train.data.encoding import Encoding
from netspec.train.data.files import DataError
from netspec.train.data.pairs import Pairing
from netspec.train.engine.batches.loader import BatchLoader
from netspec.train.engine.scores import Scores
from netspec.train.losses import LOSSES
from netspec.train.plan.outputs import OutputHead, positive_share
from netspec.train.plan.training_plan import training_plan
from netspec.train.section.settings import settings

CPU = torch.device("cpu")
LABELS = np.array([0] * 5 + [1] * 3 + [2] * 12)


def shuffled(labels):
    return np.random.default_rng(0).permutation(labels)


@pytest.mark.parametrize("same", [0.0, 0.25, 0.5, 1.0])
def test_a_pair_is_what_is_said_of_it(same):
    labels = shuffled(LABELS)
    pairing = Pairing(labels, same)
    for seed in range(50):
        (first, second), y = pairing.drawn(seed)
        assert first.tolist() == list(range(20)), "each sample is the first of one pair"
        assert (first != second).all()
        assert ((labels[first] == labels[second]) == y).all()
        assert y.sum() == round(20 * same)


def test_every_partner_is_as_likely():
    labels = shuffled(LABELS)
    drawn = [Pairing(labels, 0.5).drawn(seed) for seed in range(4000)]
    for anchor in (0, 7, 19):
        for said in (0, 1):
            found = Counter(int(second[anchor]) for (_, second), y in drawn if y[anchor] == said)
            others = [place for place in range(20) if place != anchor]
            possible = [place for place in others if (labels[place] == labels[anchor]) == said]
            assert sorted(found) == possible
            expected = sum(found.values()) / len(possible)
            chi2 = sum((count - expected) ** 2 / expected for count in found.values())
            assert chi2 < len(possible) + 5 * (2 * len(possible)) ** 0.5, "five deviations of chi squared"


def test_a_sample_that_is_alone_of_its_class_is_in_no_pair_of_one_class():
    labels = np.array([0, 1, 1, 1, 2, 2, 2])
    for seed in range(20):
        (_, second), y = Pairing(labels, 0.8).drawn(seed)
        assert y[0] == 0
        assert labels[second[0]] != 0
        assert y.sum() == 6


@pytest.fixture
def digits(data, place):
    return data("pairs(digits)").load(place)


def test_pairs_of_an_epoch_are_a_function_of_seed_and_epoch(digits):
    feed = BatchLoader(digits.train, [Encoding(), Encoding()], CPU)

    def epoch(seed, number, size):
        found = list(feed.batches(torch.split(torch.arange(len(feed)), size), seed=seed, epoch=number))
        return [torch.cat([part.inputs[index] for part in found]) for index in range(2)] + [
            torch.cat([part.y for part in found])
        ]

    one = epoch(3, 1, 100)
    assert all(torch.equal(*both) for both in zip(one, epoch(3, 1, 77), strict=True))
    assert torch.equal(one[0], epoch(3, 2, 100)[0])
    assert not torch.equal(one[1], epoch(3, 2, 100)[1])
    assert not torch.equal(one[1], epoch(4, 1, 100)[1])


def test_pairs_to_test_with_are_made_of_test_samples(digits, data, place):
    alone = data("digits").load(place)
    batches = list(BatchLoader(digits.test, [Encoding(), Encoding()], CPU).in_turn(64))
    again = list(BatchLoader(digits.test, [Encoding(), Encoding()], CPU).in_turn(64))
    for batch, same in zip(batches, again, strict=True):
        assert torch.equal(batch.more[0], same.more[0])
    left, right = (torch.cat([batch.inputs[index] for batch in batches]) for index in range(2))
    assert torch.equal(left, torch.from_numpy(alone.test.x))
    known = {image.tobytes(): label for image, label in zip(alone.test.x, alone.test.y, strict=True)}
    labels = [[known[image.tobytes()] for image in side.numpy()] for side in (left, right)]
    assert torch.cat([batch.y for batch in batches]).tolist() == [int(a == b) for a, b in zip(*labels, strict=True)]


def test_what_pairs_are(digits, data):
    assert (digits.shapes, digits.classes, digits.names) == (((1, 8, 8), (1, 8, 8)), 2, ("different", "same"))
    assert (len(digits.train), len(digits.test)) == (1438, 359)
    outline = data("pairs(digits)").outline()
    assert (outline.shapes, outline.classes, outline.target) == (digits.shapes, 2, ())
    assert data("pairs(mnist1d)").outline().shapes == ((1, 40), (1, 40))
    assert data("pairs(npz('f.npz'))".replace("'", '"')).outline() is None
    assert [x.shape for x in digits.train.some(3)[0]] == [(1, 8, 8), (1, 8, 8), ()]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("pairs(digits(size=28), same=0.25)", "pairs(digits(size=28), same=0.25)"),
        ("pairs(of=digits)", "pairs(digits)"),
        ("pairs(mnist1d, 0.5)", "pairs(mnist1d)"),
    ],
)
def test_pairs_are_written_as_they_are_read(data, text, written):
    found = data(text)
    assert found.written() == written
    assert data(written) == found


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("pairs(digitz)", "E0602", "digitz"),
        ("pairs(digits(size=0))", "E0603", "size=0"),
        ("pairs", "E0603", "pairs"),
        ("pairs(28)", "E0604", "28"),
        ("pairs(digits, same=2)", "E0603", "same=2"),
        ("pairs(digits, different=0.5)", "E0603", "different=0.5"),
    ],
)
def test_pairs_that_are_not_right(data, text, code, place):
    with pytest.raises(NetspecError) as error:
        data(text)
    (found,) = error.value.diagnostics
    assert (found.code, found.span.text) == (code, place)


def save(folder, **arrays):
    np.savez(folder / "f.npz", **arrays)


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (np.linspace(0, 1, 40), "", "pairs are made of single samples that have a class"),
        (np.zeros((40, 4), int), "", "pairs are made of single samples that have a class"),
        (np.zeros(40, int), "", "the training samples are all of one class"),
        (np.arange(40), "", "16 of the training pairs are to be of one class, and 0 samples have another one"),
    ],
)
def test_data_that_cannot_be_paired(data, place, tmp_path, y, options, message):
    save(tmp_path, x=np.zeros((40, 1, 4), np.float32), y=y)
    with pytest.raises(DataError, match=message):
        data(f'pairs(npz("f.npz"){options})').load(place)


def test_pairs_of_one_kind_alone(data, place, tmp_path):
    save(tmp_path, x=np.zeros((40, 1, 4), np.float32), y=np.zeros(40, int))
    same = data('pairs(npz("f.npz"), same=1)').load(place)
    assert same.train.source.drawn(0)[1].all()
    save(tmp_path, x=np.zeros((40, 1, 4), np.float32), y=np.arange(40))
    assert not data('pairs(npz("f.npz"), same=0)').load(place).train.source.drawn(0)[1].any()


def test_pairs_of_pairs(data, place, spec):
    with pytest.raises(DataError, match="those of pairs are others"):
        data("pairs(pairs(digits))").load(place)
    opened = spec(SIAMESE, ("pairs(digits)", "pairs(pairs(digits))"))
    assert check(opened.train, opened.graph()) == []


def test_pairs_of_data_that_are_not_in_memory(data, place, tmp_path, monkeypatch):
    from PIL import Image

    from netspec.train.data.vision import images

    for kind in "ab":
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (6, 6), number).save(tmp_path / "photos" / kind / f"{number}.png")
    assert len(data('pairs(images("photos", test=0.5))').load(place).train) == 4
    monkeypatch.setattr(images, "IN_MEMORY", 1)
    with pytest.raises(DataError, match="those of images are read in the course of training"):
        data('pairs(images("photos"))').load(place)


def test_the_loss_is_that_of_the_paper():
    """Each pair by itself, in numpy, in the notation of the paper: Y is 0 for what is alike."""
    random = np.random.default_rng(0)
    for margin in (0.5, 1.0, 2.5):
        distance, alike = random.uniform(0, 2 * margin, 50), random.integers(0, 2, 50)
        losses = []
        for d, similar in zip(distance, alike, strict=True):
            big_y = 1 - similar
            losses.append((1 - big_y) * 0.5 * d**2 + big_y * 0.5 * max(0.0, margin - d) ** 2)
        loss = LOSSES["contrastive"](margin=margin).build(CPU)
        found = loss(torch.from_numpy(distance), torch.from_numpy(alike).double(), None)
        assert float(found) == pytest.approx(np.mean(losses), rel=1e-12)


def test_what_is_far_enough_apart_is_left_alone():
    distance = torch.tensor([0.2, 0.9, 1.1, 1.1], requires_grad=True)
    LOSSES["contrastive"]().build(CPU)(distance, torch.tensor([0.0, 1.0, 0.0, 1.0]), None).backward()
    assert distance.grad.tolist() == pytest.approx([-0.8 / 4, 0.9 / 4, 0, 1.1 / 4])


def matched(spec, text=SIAMESE, *changes, data=None):
    opened = spec(text, *changes)
    chosen = settings(opened.train)
    return training_plan(chosen, opened.graph(), data or chosen.data.outline())


def test_a_contrastive_loss_takes_two_classes(spec):
    assert matched(spec).judged == OutputHead(0, "binary", 2, logits=False, margin=1.0)
    assert matched(spec, SIAMESE, ("contrastive", "contrastive(margin=2)")).judged.margin == 2
    split = Split(np.zeros((4, 1, 8, 8), np.float32), np.zeros(4, np.int64), more=(np.zeros((4, 1, 8, 8), np.float32),))
    with pytest.raises(NetspecError, match=r"contrastive cannot compare an output \[\] with one of 3 classes"):
        matched(spec, data=Data(split, split, 3))
    with pytest.raises(NetspecError, match=r"contrastive cannot compare an output \[\] with a real number"):
        matched(spec, data=Data(split, split, None))


def test_metrics_ask_whether_a_distance_is_below_half_the_margin(spec):
    """Accuracy counted by hand; the area under the curve as the share of couples in the right order."""
    found = matched(
        spec, SIAMESE, ("contrastive", "contrastive(margin=2)"), ("batch     100", "metrics [accuracy, auroc]")
    )
    scores = Scores(found, CPU)
    random = np.random.default_rng(1)
    alike = random.integers(0, 2, 300)
    distance = random.uniform(0, 6, 300) - 2 * alike * random.uniform(0, 1, 300)
    distance = distance.clip(0).astype(np.float32)
    for part in np.array_split(np.arange(300), 7):
        far = torch.from_numpy(distance[part])
        scores.add({0: far}, Batch(far, torch.from_numpy(alike[part])))
    right = np.mean([(d < 1) == (y == 1) for d, y in zip(distance, alike, strict=True)])
    couples = [(near < far) + 0.5 * (near == far) for near in distance[alike == 1] for far in distance[alike == 0]]
    figures = scores.results()
    assert figures["accuracy"] == pytest.approx(right, abs=1e-6)
    assert figures["auroc"] == pytest.approx(np.mean(couples), abs=1e-5)


def test_how_far_a_distance_stands_for_class_1():
    distance = torch.tensor([0.0, 0.5, 1.0, 2.0])
    assert positive_share(distance, logits=False, margin=1.0).tolist() == [1, 0.5, 0.25, 0.0625]


def test_pairs_are_learned(spec, tmp_path):
    changes = [("epochs    2", "epochs    12"), ("random_crop(8, pad=1) -> ", ""), ("dropout(0.1) -> ", "")]
    run = train(spec(SIAMESE, *changes, ("batchnorm -> ", "")), out=tmp_path / "run", quiet=True, device="cpu")
    assert run.metrics[0].test["accuracy"] < 0.9
    assert run.test_error < 0.09
