"""Augmentation: masks go where images go, one seed gives the same bits, nothing is random outside training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import netspec
from netspec import NetspecError
from netspec.train.augment import AUGMENTS, Augmentation, AugmentError, Chain
from netspec.train.batch import Batch
from netspec.train.data import IGNORED, Split
from netspec.train.section.settings import settings

COUNT, SIZE = 6, 24
REQUIRED = {
    "random_crop": {"size": 16},
    "center_crop": {"size": 16},
    "resize": {"size": 12},
    "random_resized_crop": {"size": 12},
    "shift": {"most": 5},
    "frame": {"size": 8},
}
SIGNALS = [name for name in AUGMENTS if AUGMENTS[name].ranks == (1,)]
OF_ONE_SIZE = [name for name in AUGMENTS if not AUGMENTS[name].varies]
GEOMETRIC = [
    "random_crop", "center_crop", "hflip", "vflip", "rot90", "rotate", "zoom", "translate", "shear", "affine",
    "perspective", "elastic", "deform", "resize", "random_resized_crop",
]  # fmt: skip


def made(name, **arguments):
    """The augmentation, certain to do something where it has a choice."""
    part = AUGMENTS[name]
    sure = {"p": 1.0} if "p" in part.model_fields and name not in ("hflip", "vflip") else {}
    return part(**{**REQUIRED.get(name, {}), **sure, **arguments})


def blobs(count=COUNT, size=SIZE, channels=3):
    """Images of which a smooth blob is brighter than a half, and their masks: 1 where it is."""
    torch.manual_seed(4)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    middle = size / 3 + size / 3 * torch.rand(count, 2, 1, 1)
    away = ((y - middle[:, :1]) ** 2 + (x - middle[:, 1:]) ** 2) / (size / 4) ** 2
    images = torch.exp(-0.7 * away).expand(count, channels, size, size).contiguous()
    return Batch(images, (images[:, 0] > 0.5).long())


def photographs():
    torch.manual_seed(5)
    return Batch(torch.rand(COUNT, 3, SIZE, SIZE), torch.arange(COUNT))


def signals():
    torch.manual_seed(6)
    return Batch(torch.randn(COUNT, 2, 40), torch.arange(COUNT))


def at_work(*steps):
    return Augmentation(Chain(tuple(steps)).fitted(Split(photographs().x.numpy(), np.arange(COUNT))))


def fields(batch):
    while batch is not None:
        yield from (batch.x, batch.y, torch.tensor(batch.share))
        batch = batch.blend


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(fields(one), fields(other), strict=True))


@pytest.mark.parametrize("name", OF_ONE_SIZE)
def test_a_batch_is_a_function_of_itself_and_the_seed(name):
    batch = signals() if name in SIGNALS else photographs()
    work = at_work(made(name))
    torch.manual_seed(1)
    first = work.train(batch, 7)
    torch.randn(5)
    assert same(work.train(batch, 7), first)
    assert same(at_work(made(name)).train(batch, 7), first)
    random = made(name).tested() is None or name.startswith("random")
    others = [work.train(batch, seed) for seed in range(8, 14)]
    assert any(not same(other, first) for other in others) == (random and name not in ("invert", "grayscale"))


@pytest.mark.parametrize("name", OF_ONE_SIZE)
def test_the_batch_that_is_given_stays_as_it_is(name):
    batch = signals() if name in SIGNALS else photographs()
    x, y = batch.x.clone(), batch.y.clone()
    at_work(made(name)).train(batch, 7)
    assert torch.equal(batch.x, x)
    assert torch.equal(batch.y, y)


@pytest.mark.parametrize("name", OF_ONE_SIZE)
def test_shapes_are_as_said_and_outside_training_the_same(name):
    batch = signals() if name in SIGNALS else photographs()
    part = made(name)
    work = at_work(part)
    said = part.shape(tuple(batch.x.shape[1:]))
    assert tuple(work.train(batch, 3).x.shape[1:]) == said
    assert tuple(work.test(batch).x.shape[1:]) == said
    torch.manual_seed(1)
    first = work.test(batch)
    torch.manual_seed(2)
    assert same(work.test(batch), first)


@pytest.mark.parametrize("name", GEOMETRIC)
def test_masks_go_where_their_images_go(name):
    batch = blobs()
    result = at_work(made(name)).train(batch, 11)
    assert result.y.dtype == torch.int64
    assert result.y.shape[1:] == result.x.shape[2:]
    assert set(result.y.unique().tolist()) <= {0, 1, *([IGNORED] if name == "perspective" else [])}
    agree = ((result.x[:, 0] > 0.5) == (result.y == 1)).float().mean()
    assert agree > 0.97
    moved = result.x.shape != batch.x.shape or not torch.equal(result.y, batch.y)
    assert moved == (name not in ("center_crop",) or result.x.shape != batch.x.shape)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("random_crop", {"size": 24, "pad": 6}),
        ("center_crop", {"size": 24}),
        ("perspective", {"p": 1.0, "distortion": 0.8}),
        ("elastic", {"fill": "zeros", "alpha": 20.0}),
        ("zoom", {"fill": "zeros", "low": 0.5, "high": 0.6}),
        *((name, {"fill": "zeros"}) for name in ("rotate", "translate", "deform", "affine", "shear")),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_places_outside_of_a_mask_do_not_count(name, arguments, training):
    """Samples are 1 everywhere, so that a 0 was not there: what a mask says there is void, not class 0."""
    batch = Batch(torch.ones(6, 1, 16, 16), torch.ones(6, 16, 16, dtype=torch.int64))
    work = at_work(made(name, **arguments))
    result = work.train(batch, 3) if training else work.test(batch)
    assert set(result.y.unique().tolist()) <= {1, IGNORED}
    outside = result.x[:, 0] == 0
    assert (result.y[outside] == IGNORED).all()
    assert (result.y[result.x[:, 0] > 0.999] == 1).all()
    if training or name == "center_crop":
        assert outside.any()


@pytest.mark.parametrize("name", GEOMETRIC)
def test_weights_and_ignored_places_go_along(name):
    batch = blobs()
    y = batch.y.masked_fill(batch.y == 1, -100)
    result = at_work(made(name)).train(Batch(batch.x, y, weight=batch.y.float() * 3 + 1), 11)
    assert set(result.y.unique().tolist()) <= {0, -100}
    outside = name == "perspective"
    there = result.weight > 0.99
    agree = ((result.weight > 2.5) == (result.y == -100))[there].float().mean()
    assert agree > 0.93
    assert result.weight.shape == result.y.shape
    assert outside or result.weight.min() >= 0.99


def test_a_frame_leaves_samples_and_cuts_masks():
    batch = Batch(blobs().x, blobs().y, weight=blobs().y.float())
    for result in (at_work(made("frame")).train(batch, 3), at_work(made("frame")).test(batch)):
        assert torch.equal(result.x, batch.x)
        assert torch.equal(result.y, batch.y[:, 8:16, 8:16])
        assert torch.equal(result.weight, batch.weight[:, 8:16, 8:16])


def test_crops_are_parts_of_the_sample():
    x = torch.arange(SIZE * SIZE, dtype=torch.float32).view(1, 1, SIZE, SIZE).expand(COUNT, 1, SIZE, SIZE)
    y = x[:, 0].long()
    result = at_work(made("random_crop", size=8)).train(Batch(x.contiguous(), y), 5)
    assert torch.equal(result.x[:, 0].long(), result.y)
    starts = result.y[:, 0, 0]
    expected = starts[:, None, None] + torch.arange(8)[:, None] * SIZE + torch.arange(8)
    assert torch.equal(result.y, expected)
    assert len(starts.unique()) > 1


@pytest.mark.parametrize(("fill", "mode"), [("zeros", "constant"), ("edge", "edge"), ("reflect", "reflect")])
def test_a_border_is_that_of_numpy(fill, mode):
    x = torch.arange(1, 26, dtype=torch.float32).view(1, 1, 5, 5)
    padded = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (3, 3), (3, 3)), mode=mode))
    result = at_work(made("random_crop", size=11, pad=3, fill=fill)).train(Batch(x, torch.zeros(1)), 5)
    assert torch.equal(result.x, padded)


def test_a_border_of_four_moves_by_at_most_four():
    x = torch.zeros(500, 1, 32, 32)
    x[:, :, 16, 16] = 1
    result = at_work(made("random_crop", size=32, pad=4)).train(Batch(x, torch.zeros(500)), 5)
    places = result.x.flatten(1).argmax(1)
    rows, columns = places // 32, places % 32
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (12, 20, 12, 20)


def test_flips_flip_half():
    batch = blobs(400)
    result = at_work(AUGMENTS["hflip"]()).train(batch, 3)
    flipped = torch.tensor([torch.equal(a, b.flip(-1)) for a, b in zip(result.x, batch.x, strict=True)])
    kept = torch.tensor([torch.equal(a, b) for a, b in zip(result.x, batch.x, strict=True)])
    assert (flipped | kept).all()
    assert 150 < flipped.sum() < 250


def test_a_turn_by_ninety_degrees_is_that_of_torch():
    batch = photographs()
    result = at_work(made("rot90")).train(batch, 3)
    for before, after in zip(batch.x, result.x, strict=True):
        assert any(torch.equal(after, before.rot90(number, (-2, -1))) for number in range(4))


def test_a_rotation_by_nothing_leaves_everything():
    batch = photographs()
    for name, arguments in {
        "rotate": {"degrees": 0.0},
        "translate": {"x": 0.0},
        "zoom": {"low": 1.0, "high": 1.0},
        "elastic": {"alpha": 0.0},
        "deform": {"std": 0.0},
    }.items():
        result = at_work(made(name, **arguments)).train(batch, 3)
        torch.testing.assert_close(result.x, batch.x, atol=2e-4, rtol=0, msg=name)


def test_a_deformation_moves_as_far_as_it_says():
    columns = torch.arange(200.0).expand(64, 1, 200, 200).contiguous()
    result = at_work(made("deform", std=4.0)).train(Batch(columns, torch.zeros(64)), 3)
    moved = (result.x - columns)[:, :, 100, 100]
    assert 3 < moved.std() < 5


def test_shifts_go_around():
    x = torch.arange(40.0).expand(COUNT, 2, 40).contiguous()
    result = at_work(made("shift", most=5)).train(Batch(x, x[:, 0].long()), 2)
    for after, label in zip(result.x, result.y, strict=True):
        by = int(after[0, 0])
        assert torch.equal(after[0], torch.arange(40.0).roll(-by))
        assert min(by, 40 - by) <= 5
        assert torch.equal(label, after[0].long())


def test_scaling_is_one_number_a_sample():
    batch = signals()
    ratio = at_work(made("scale", low=0.5, high=2.0)).train(batch, 2).x / batch.x
    assert torch.allclose(ratio, ratio[:, :1, :1].expand_as(ratio), rtol=1e-4)
    assert 0.5 <= ratio.min() < ratio.max() <= 2.0


def test_normalize_takes_mean_and_deviation_from_the_training_data():
    x = np.random.default_rng(0).normal(3, 2, (500, 2, 30)).astype(np.float32)
    x[:, 1] += 5
    chain = Chain((AUGMENTS["normalize"](),)).fitted(Split(x, np.zeros(500)))
    assert chain.steps[0].mean == pytest.approx((3, 8), abs=0.1)
    result = Augmentation(chain).test(Batch(torch.from_numpy(x), torch.zeros(500)))
    assert result.x.mean((0, 2)).tolist() == pytest.approx([0, 0], abs=1e-4)
    assert result.x.std((0, 2)).tolist() == pytest.approx([1, 1], abs=1e-2)
    assert chain.written() == f"normalize(mean={list(chain.steps[0].mean)}, std={list(chain.steps[0].std)})"


def test_normalize_of_bytes_is_of_brightness():
    x = np.full((10, 1, 4, 4), 51, np.uint8)
    x[:5] = 153
    step = AUGMENTS["normalize"]().fitted(Split(x, np.zeros(10)))
    assert (step.mean, step.std) == ((0.4,), (0.2,))


@pytest.mark.parametrize("unit", [1e-9, 1e-6, 1.0, 1e6])
def test_normalize_does_not_depend_on_the_unit(unit):
    """Signals in volts or in nanovolts become the same numbers, of mean 0 and deviation 1."""
    x = np.random.default_rng(0).normal(3, 0.5, (200, 2, 50)) * unit
    chain = Chain((AUGMENTS["normalize"](),)).fitted(Split(x.astype(np.float32), np.zeros(200)))
    met = Augmentation(chain).test(Batch(torch.from_numpy(x.astype(np.float32)), torch.zeros(200))).x
    assert float(met.std()) == pytest.approx(1, abs=1e-3)
    assert float(met.mean()) == pytest.approx(0, abs=1e-3)
    assert evaluated(chain.steps[0].written()) == chain.steps[0], "a run that is restored computes with the same"


def test_normalize_leaves_a_constant_channel_at_zero():
    x = np.full((20, 1, 5), 0.1, np.float32)
    chain = Chain((AUGMENTS["normalize"](),)).fitted(Split(x, np.zeros(20)))
    assert Augmentation(chain).test(Batch(torch.from_numpy(x), torch.zeros(20))).x.abs().max() < 1e-6


def evaluated(text):
    """The augmentation that a spec would write so."""
    section = netspec.parse(f"train {{\n  data digits\n  loss mse\n  augment {text}\n}}\n").train
    return settings(section).augment.steps[0]


def test_mixup_adds_in_shares():
    batch = photographs()
    result = at_work(made("mixup", alpha=1.0)).train(batch, 4)
    assert 0 < result.share < 1
    expected = result.share * batch.x + (1 - result.share) * result.blend.x
    assert torch.allclose(result.x, expected)
    assert torch.equal(batch.x[result.blend.y], result.blend.x)
    assert torch.equal(result.y, batch.y)


def test_cutmix_shares_are_areas():
    batch = photographs()
    for seed in range(20):
        result = at_work(made("cutmix")).train(batch, seed)
        own = (result.x == batch.x).float().mean()
        assert torch.equal(torch.where(result.x == batch.x, batch.x, result.blend.x), result.x)
        mixed = result.blend.y != batch.y
        if mixed.all():
            assert float(own) == pytest.approx(result.share, abs=1e-5)


def test_cutmix_cuts_masks_with_their_images():
    batch = blobs()
    result = at_work(made("cutmix")).train(batch, 3)
    assert result.blend is None
    assert torch.equal(result.y == 1, result.x[:, 0] > 0.5)


def test_nothing_to_do_costs_no_randomness():
    batch = photographs()
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    assert Augmentation(Chain()).train(batch, 3) is batch
    assert torch.equal(torch.rand(1), expected)


UNFIT = [
    ("random_crop", {"size": 40}, (3, 32, 32), "cannot take 40 x 40 out of 32 x 32"),
    ("random_crop", {"size": (8, 8, 8)}, (3, 32, 32), "3 sizes for 2 axes"),
    ("random_crop", {"size": 8, "pad": 40, "fill": "reflect"}, (3, 32, 32), "no mirror image"),
    ("hflip", {}, (40,), "works on signals"),
    ("rotate", {}, (1, 40), "works on images"),
    ("rot90", {}, (1, 30, 40), "as high as wide"),
    ("color_jitter", {}, (1, 32, 32), "red, green and blue"),
    ("grayscale", {}, (4, 32, 32), "red, green and blue"),
    ("shift", {"most": 50}, (1, 40), "up to 50 places"),
    ("blur", {"high": 20.0}, (3, 32, 32), "blur reaches"),
    ("normalize", {"mean": (0.5, 0.5), "std": (1.0, 1.0)}, (3, 32, 32), "2 numbers for 3 channels"),
]


@pytest.mark.parametrize(("name", "arguments", "shape", "message"), UNFIT, ids=[f"{row[0]} {row[3]}" for row in UNFIT])
def test_what_cannot_be_augmented(name, arguments, shape, message):
    with pytest.raises(AugmentError, match=message):
        AUGMENTS[name](**arguments).shape(shape)


WRONG = [
    ("augment hflib", "E0602", "no augmentation named hflib"),
    ("augment hflip(q=1)", "E0603", "hflip has no argument q"),
    ("augment hflip -> random_crop(32, pad=-1)", "E0603", "pad of random_crop must be at least 0"),
    ("augment zoom(2.0, 1.0)", "E0603", "low is at most high"),
    ("augment normalize(mean=[0.5])", "E0603", "mean and std are given together"),
    ("augment hflip -> { relu }", "E0604", "holds no body"),
    ("augment 3", "E0604", "needs the name of an augmentation"),
]


@pytest.mark.parametrize(("line", "code", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong(said, line, code, message):
    with pytest.raises(NetspecError, match=message) as error:
        said(line)
    (found,) = error.value.diagnostics
    assert found.code == code


def test_a_chain_is_read_in_turn(said):
    read = said("augment random_crop(32, pad=4) -> hflip -> elastic(alpha=2, sigma=4) -> normalize")
    assert [step.name for step in read.augment.steps] == ["random_crop", "hflip", "elastic", "normalize"]
    assert read.written()["augment"] == "random_crop(32, pad=4) -> hflip -> elastic(alpha=2.0) -> normalize"
    assert [span.text for span in read.augment.spans][1] == "hflip"
    assert said(f"augment {read.written()['augment']}").augment.steps == read.augment.steps


def test_every_augmentation_says_what_it_is():
    for name in AUGMENTS:
        assert AUGMENTS[name].__doc__
        assert AUGMENTS[name].signature().startswith(name)


def test_a_part_that_shrinks_is_smoothed_as_in_testing():
    batch = photographs()
    whole = made("random_resized_crop", size=7, scale=(1.0, 1.0), ratio=(1.0, 1.0))
    expected = torch.nn.functional.interpolate(batch.x, (7, 7), mode="bilinear", antialias=True)
    assert torch.allclose(at_work(whole).train(batch, 3).x, expected, atol=1e-6)
