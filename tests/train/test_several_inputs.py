"""Nets of several inputs: what each is given, how it is augmented, and what does not fit said at its line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from same_runs import close, equal
from torch.utils.data import Dataset
from train_specs import SIAMESE

from netspec import NetspecError
from netspec.train import check, resume, train
from netspec.train.augment import AUGMENTS, Augmentation, Chain
from netspec.train.batch import Batch
from netspec.train.data import Data, Split
from netspec.train.data.encoding import Encoding
from netspec.train.data.python_data import PythonData
from netspec.train.engine.batches.loader import BatchLoader
from netspec.train.plan.job import job_of, prepare
from netspec.train.plan.training_plan import training_plan
from netspec.train.rehearsal.verify import verify
from netspec.train.section.settings import settings
from netspec.train.setup import Setup

CPU = torch.device("cpu")
QUIET = {"device": "cpu", "quiet": True}

BOTH = """\
net Both {
  input image [1, 8, 8]
  input facts [3]
  let a = image -> conv(4, 3) -> relu -> flatten
  output kind = concat(a, facts) -> linear(4)
}

train {
  data      npz("both.npz")
  loss      cross_entropy
  optimizer adam(lr=0.01)
  epochs    2
  batch     16
}
"""
"""A picture and three numbers, and the class of both together."""


def both(count=48):
    random = np.random.default_rng(0)
    image = random.normal(size=(count, 1, 8, 8)).astype(np.float32)
    facts = random.normal(size=(count, 3)).astype(np.float32)
    return {"image": image, "facts": facts, "y": np.arange(count) % 4}


def prepared(spec, text=BOTH, *changes, data=None, **arrays):
    opened = spec(text, *changes)
    np.savez(opened.path.parent / "both.npz", **(arrays or both()))
    return prepare(job_of(opened, data=data), opened)


def only(error):
    (found,) = error.value.diagnostics
    return found


def test_arrays_named_after_the_inputs(spec):
    arrays = both()
    found = prepared(spec, **arrays).plan.data
    assert (found.shapes, len(found.train), len(found.test)) == (((1, 8, 8), (3,)), 38, 10)
    known = {image.tobytes(): place for place, image in enumerate(arrays["image"])}
    for split in (found.train, found.test):
        places = [known[image.tobytes()] for image in split.x]
        assert (split.more[0] == arrays["facts"][places]).all()
        assert (split.y == arrays["y"][places]).all()


def test_arrays_that_are_divided_already(spec):
    arrays = {f"{name}_{part}": array for part in ("train", "test") for name, array in both().items()}
    arrays["facts_test"] = arrays["facts_test"] + 1
    found = prepared(spec, **arrays).plan.data
    assert (len(found.train), len(found.test)) == (48, 48)
    assert (found.test.more[0] == found.train.more[0] + 1).all()


def test_a_batch_holds_what_belongs_together(spec):
    matched = prepared(spec).plan
    feed = BatchLoader(matched.data.train, matched.encodings, CPU)
    batch = feed.batch(torch.tensor([5, 2]))
    for tensor, array in zip((*batch.inputs, batch.y), (*matched.data.train.inputs, matched.data.train.y), strict=True):
        assert torch.equal(tensor, torch.from_numpy(array[[5, 2]]))
    assert torch.equal(feed.y, torch.from_numpy(matched.data.train.y))


def test_an_input_without_an_array(spec):
    arrays = both()
    arrays["fact"] = arrays.pop("facts")
    with pytest.raises(NetspecError, match="the file holds no array facts_train or facts") as error:
        prepared(spec, **arrays)
    found = only(error)
    assert (found.code, found.span.text) == ("E0606", "input facts [3]")
    assert found.notes == ("it holds image, y, fact",)
    assert [span.text.split()[0] for span, _ in found.related] == ["data"]


def test_an_input_of_another_shape(spec):
    arrays = both()
    arrays["facts"] = arrays["facts"][:, :2]
    with pytest.raises(NetspecError) as error:
        prepared(spec, **arrays)
    found = only(error)
    assert (found.code, found.span.text) == ("E0606", "input facts [3]")
    assert found.message == "npz gives [2], but the input facts of Both takes [3]"
    assert found.help == "declare the input as the data are: input facts [2]"


def test_every_input_that_does_not_fit_is_named(spec):
    arrays = both()
    arrays |= {"facts": arrays["facts"][:, :2], "image": arrays["image"][:, :, :5]}
    with pytest.raises(NetspecError) as error:
        prepared(spec, **arrays)
    assert [found.span.text for found in error.value.diagnostics] == ["input image [1, 8, 8]", "input facts [3]"]


def test_arrays_of_different_lengths(spec):
    arrays = both()
    arrays["facts"] = arrays["facts"][:-1]
    with pytest.raises(NetspecError, match=r"facts and y of both.npz do not go together: \[47, 3\] and \[48\]"):
        prepared(spec, **arrays)


def test_an_input_called_as_the_target_is(spec):
    with pytest.raises(NetspecError, match="cannot be what an input named y is given") as error:
        prepared(spec, BOTH.replace("facts", "y"))
    assert only(error).span.text == "input y [3]"


def test_indices_for_one_input_and_numbers_for_the_other(spec):
    text = BOTH.replace("input facts [3]", "input facts: int [3]").replace("concat(a, facts)", "concat(a, b)")
    text = text.replace("  output kind", "  let b = facts -> embedding(7, 2) -> flatten\n  output kind")
    arrays = both()
    with pytest.raises(NetspecError, match="the input facts of Both takes indices, but npz gives real numbers"):
        prepared(spec, text, **arrays)
    arrays["facts"] = np.arange(144).reshape(48, 3) % 7
    found = prepared(spec, text, **arrays).plan
    assert [entry.dtype for entry in found.encodings] == ["float", "int"]


def test_open_sizes_are_those_of_the_data(spec):
    text = BOTH.replace("[1, 8, 8]", "[1, H, W]").replace("-> flatten", "-> global_avgpool -> flatten")
    graph = prepared(spec, text).graph
    assert [value.shape.dims for value in graph.inputs] == [(1, 8, 8), (3,)]


class Samples(Dataset):
    def __init__(self, make, count=40):
        self.make, self.count = make, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index >= self.count:
            raise IndexError
        return self.make(torch.full((1, 8, 8), float(index)), torch.full((3,), -float(index))), index % 4


@pytest.mark.parametrize(
    "make",
    [
        lambda image, facts: (image, facts),
        lambda image, facts: [image.numpy(), facts.tolist()],
        lambda image, facts: {"facts": facts, "image": image, "other": 1},
    ],
    ids=["in order", "a list", "by name"],
)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_set_from_python(spec, make, workers):
    matched = prepared(spec, BOTH.replace('npz("both.npz")', "given"), data=Samples(make)).plan
    assert (matched.data.shapes, matched.data.classes) == (((1, 8, 8), (3,)), 4)
    feed = BatchLoader(matched.data.train, matched.encodings, CPU, workers)
    batch = next(feed.batches([torch.tensor([3, 1, 7])]))
    image, facts = batch.inputs
    assert torch.equal(image[:, 0, 0, 0], -facts[:, 0])
    assert torch.equal(image[:, 0, 0, 0] % 4, batch.y.float())


@pytest.mark.parametrize(
    ("make", "message", "place"),
    [
        (lambda image, facts: {"image": image}, "sample 0 of the data set has nothing for the input facts", "facts"),
        (lambda image, facts: image, "is for 1 input, and the net has image, facts", "facts"),
        (lambda image, facts: (image, facts, facts), "is for 3 inputs, and the net has image, facts", "facts"),
        (lambda image, facts: (facts, image), r"given gives \[3\], but the input image of Both takes", "image"),
    ],
)
def test_a_data_set_from_python_that_does_not_fit(spec, make, message, place):
    text = BOTH.replace('npz("both.npz")', "given")
    opened = spec(text)
    with pytest.raises(NetspecError, match=message) as error:
        prepare(job_of(opened, data=(Samples(make), Samples(make))), opened)
    assert error.value.diagnostics[0].code == "E0606"
    assert error.value.diagnostics[0].span.text.startswith(f"input {place}")


def test_a_mapping_for_a_net_of_one_input(data, place):
    samples = [({"image": np.full((1, 2), index, np.float32)}, index % 2) for index in range(10)]
    loaded = PythonData.of((samples, samples)).load_for(place, ["image"])
    assert loaded.train.some(10)[3][0].tolist() == [[3, 3]]


def test_another_number_of_inputs(spec):
    text = SIAMESE.replace("pairs(digits)", "digits")
    opened = spec(text)
    (found,) = [each for each in check(opened.train, opened.graph()) if each.code == "E0606"]
    assert found.message == "Siamese has 2 inputs, and digits feeds one"
    assert found.span.text == "input right [1, 8, 8]"
    assert found.help == "two samples, and whether they are of one class: data pairs(digits)"
    text = (
        "net One {\n  input image [1, 8, 8]\n  flatten -> linear(1)\n}\ntrain {\n  data pairs(digits)\n  loss bce\n}\n"
    )
    opened = spec(text)
    (found,) = check(opened.train, opened.graph())
    assert found.message == "One has 1 input, and pairs feeds 2"


def test_pairs_of_another_size(spec):
    opened = spec(SIAMESE.replace("[1, 8, 8]", "[1, 28, 28]"), ("augment   random_crop(8, pad=1) -> normalize\n", ""))
    found = check(opened.train, opened.graph())
    assert [each.span.text for each in found] == ["input left [1, 28, 28]", "input right [1, 28, 28]"]
    assert {each.help for each in found} == {"data pairs(digits(size=28))"}


def at_work(*steps):
    return Augmentation(Chain(steps))


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def test_every_input_is_augmented_by_itself():
    x = noise(32, 1, 8, 8)
    y = torch.arange(32)
    work = at_work(AUGMENTS["random_crop"](size=8, pad=2))
    found = work.train(Batch(x, y, more=(x, x[:, :, :6])), 3)
    assert torch.equal(found.x, work.train(Batch(x, y), 3).x), "the first as if it was alone"
    assert not torch.equal(found.x, found.more[0])
    assert [each.shape for each in found.inputs] == [(32, 1, 8, 8)] * 3
    again = work.train(Batch(x, y, more=(x, x[:, :, :6])), 3)
    assert all(torch.equal(*each) for each in zip(found.inputs, again.inputs, strict=True))
    assert torch.equal(found.y, y)


def test_what_is_no_signal_or_image_stays_as_it_is():
    image, facts, tokens = noise(4, 2, 8, 8), noise(4, 3), torch.arange(24).reshape(4, 2, 3)
    work = at_work(AUGMENTS["noise"](std=1.0), AUGMENTS["normalize"](mean=(1.0,), std=(2.0,)))
    for order in ((image, facts, tokens), (facts, tokens, image)):
        x, *more = order
        found = dict(zip(map(id, order), work.train(Batch(x, torch.zeros(4), more=tuple(more)), 1).inputs, strict=True))
        assert torch.equal(found[id(facts)], facts)
        assert torch.equal(found[id(tokens)], tokens)
        assert not torch.equal(found[id(image)], image)
        tested = dict(zip(map(id, order), work.test(Batch(x, torch.zeros(4), more=tuple(more))).inputs, strict=True))
        assert torch.allclose(tested[id(image)], (image - 1) / 2)


def test_normalize_takes_its_figures_from_all_inputs():
    random = np.random.default_rng(0)
    one, other = random.normal(3, 1, (300, 2, 5)).astype("f"), random.normal(7, 2, (300, 2, 9)).astype("f")
    (step,) = Chain((AUGMENTS["normalize"](),)).fitted(Split(one, np.zeros(300), more=(other,)), [0, 1]).steps
    values = np.concatenate([one.transpose(1, 0, 2).reshape(2, -1), other.transpose(1, 0, 2).reshape(2, -1)], 1)
    assert step.mean == pytest.approx(tuple(values.mean(1)), abs=1e-4)
    assert step.std == pytest.approx(tuple(values.std(1)), abs=1e-4)
    half = np.full((10, 1, 4), 102, np.uint8), np.full((10, 1, 4), 0.8, np.float32)
    (step,) = Chain((AUGMENTS["normalize"](),)).fitted(Split(half[0], np.zeros(10), more=half[1:]), [0, 1]).steps
    assert (step.mean, step.std) == (pytest.approx((0.6,)), pytest.approx((0.2,)))


def matched(spec, data, augment, inputs=("image [1, 8, 8]", "depth [1, 8, 8]"), body="concat(image, depth)"):
    text = (
        "net Two {\n" + "".join(f"  input {each}\n" for each in inputs) + f"  output said = {body} -> conv(3, 1)\n}}\n"
    )
    opened = spec(f"{text}\ntrain {{\n  data digits\n  loss cross_entropy\n  augment {augment}\n}}\n")
    return training_plan(settings(opened.train), opened.graph(), data)


def depth(channels=1, target=(8, 8)):
    x, other = np.zeros((4, 1, 8, 8), np.float32), np.ones((4, channels, 8, 8), np.float32)
    split = Split(x, np.zeros((4, *target), np.int64), more=(other,))
    return Data(split, split, 3)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ("hflip", "hflip would move each input of Two by itself, and a mask can go with one only"),
        ("elastic", "elastic would move each input"),
        ("mixup", "mixup is for nets of one input, and Two has 2"),
        ("cutmix", "cutmix is for nets of one input"),
        ("shift(2)", "shift works on signals"),
    ],
)
def test_what_several_inputs_cannot_be_augmented_by(spec, augment, message):
    with pytest.raises(NetspecError, match=message) as error:
        matched(spec, depth(), augment)
    assert (only(error).code, only(error).span.text) == ("E0620", f"augment {augment}")


def test_what_changes_values_goes_with_masks(spec):
    found = matched(spec, depth(), "noise(0.1) -> normalize")
    assert found.augment.steps[1].mean == (0.5,)
    with pytest.raises(NetspecError, match="normalize has one number a channel for all inputs, and these have 1 and 3"):
        matched(spec, depth(3), "normalize", ("image [1, 8, 8]", "depth [3, 8, 8]"))


def test_nothing_to_augment(spec):
    text = BOTH.replace("image [1, 8, 8]", "image [64]").replace("conv(4, 3) -> relu -> flatten", "relu")
    arrays = both()
    arrays["image"] = arrays["image"].reshape(48, 64)
    with pytest.raises(NetspecError, match="Both has no input of signals or images that could be augmented"):
        prepared(spec, text, ("  epochs    2", "  augment   noise\n  epochs 2"), **arrays)


def test_two_inputs_are_learned_from(spec, tmp_path):
    """The class is made of a bit in one input and a bit in the other, so that both are needed."""
    random = np.random.default_rng(0)
    one, other = random.integers(0, 2, (2, 400))
    image = random.normal(size=(400, 1, 8, 8)) + (2 * one - 1)[:, None, None, None]
    facts = random.normal(size=(400, 3)) + 5 * (2 * other - 1)[:, None]
    for name, given, low, high in (("both", facts, 0, 0.1), ("blind", 0 * facts, 0.3, 1)):
        opened = spec(BOTH, ("epochs    2", "epochs    20\n  augment   normalize"))
        np.savez(tmp_path / "both.npz", image=image, facts=given, y=2 * one + other)
        run = train(opened, out=tmp_path / name, **QUIET)
        assert low <= run.test_error <= high


def test_sequences_of_two_inputs(spec, tmp_path):
    """A decoder with indices for both inputs and a class at every step."""
    text = """\
net Pairwise {
  input source: int [6]
  input before: int [6]
  shared embed = { embedding(5, 8) }
  let a = source -> embed
  let b = before -> embed
  output scores = (a + b) -> linear(5) -> permute([1, 0])
}

train {
  data      npz("text.npz")
  loss      cross_entropy
  optimizer adam(lr=0.05)
  epochs    20
  batch     20
}
"""
    random = np.random.default_rng(0)
    source, before = random.integers(0, 5, (200, 6)), random.integers(0, 5, (200, 6))
    opened = spec(text)
    np.savez(tmp_path / "text.npz", source=source, before=before, y=np.maximum(source, before))
    run = train(opened, out=tmp_path / "run", **QUIET)
    assert run.test_error < 0.2


def test_a_run_on_pairs_is_taken_up_to_the_last_bit(spec):
    """Killed by SIGKILL in the middle of its second epoch."""
    opened = spec(SIAMESE)
    job = job_of(opened, set={"train.seed": 1, "train.ema": 0.9}, setup=Setup(device="cpu"))
    verdict = verify(job, opened, steps=24, kill_after=17)
    assert (verdict.steps, verdict.differing) == (24, ())
    assert 17 <= verdict.killed_after < 24
    assert verdict.tensors > 20


def test_pairs_over_an_epoch_that_is_taken_up(spec, tmp_path):
    whole = train(spec(SIAMESE), out=tmp_path / "whole", **QUIET)
    for steps in (4, 15, 20):
        parted = train(spec(SIAMESE), out=tmp_path / f"parted{steps}", steps=steps, **QUIET)
        assert parted.status == "stopped"
        assert equal(resume(parted.folder, quiet=True), whole)


@pytest.mark.usefixtures("ranks")
@pytest.mark.xdist_group("ranks")
def test_two_processes_train_on_the_pairs_of_one_and_are_taken_up_exactly(spec, tmp_path):
    opened = spec(SIAMESE.replace("batchnorm -> ", ""))
    two = train(opened, out=tmp_path / "two", devices=2, **QUIET)
    one = train(opened, out=tmp_path / "one", set={"train.accumulate": 2}, **QUIET)
    assert close(one, two)
    parted = train(opened, out=tmp_path / "parted", devices=2, steps=19, **QUIET)
    assert parted.status == "stopped"
    assert equal(resume(parted.folder, quiet=True), two)


def test_what_samples_of_two_inputs_enter_as():
    split = Split(np.full((4, 1, 2), 51, np.uint8), np.zeros(4, np.int64), more=(np.arange(8).reshape(4, 2),))
    batch = BatchLoader(split, [Encoding(), Encoding("int")], CPU).slice(1, 3)
    assert torch.equal(batch.x, torch.full((2, 1, 2), 0.2))
    assert batch.more[0].tolist() == [[2, 3], [4, 5]]


def test_the_first_layer_that_goes_wrong_is_named_for_two_inputs(spec, tmp_path):
    changes = [("adam(lr=0.01)", "sgd(lr=1e30)"), ("-> batchnorm ", "")]
    with pytest.raises(NetspecError, match=r"not a number|infinite|not finite") as error:
        train(spec(SIAMESE, *changes), out=tmp_path / "run", **QUIET)
    assert error.value.diagnostics[0].code == "E0611"
