"""Every kind of data in a training: what enters, what is learned; an augmented run that is taken up is exact."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from PIL import Image
from safetensors.torch import load_file
from test_pictures import classes, cut, masks
from test_tables import Squares

import netspec
from netspec import NetspecError
from netspec.train import resume, train
from netspec.train.plan.job import job_of, prepare, samples_of
from netspec.train.rehearsal.preview import clipped, preview, veiled

CHARACTERS = """\
net Characters(classes: int = 2) {
  input text [70, 24]
  conv(16, 5) -> relu
  maxpool(2)
  conv(16, 3) -> relu
  global_maxpool -> flatten -> linear(classes)
}

train {
  data      text("reviews.csv", length=24)
  loss      cross_entropy
  optimizer adam(lr=0.01)
  epochs    6
  batch     20
}
"""


def reviews(path, count=200):
    generator = np.random.default_rng(0)
    words = [["awful", "boring", "a mess"], ["lovely", "a joy", "great fun"]]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(count):
            filler = "".join(generator.choice(list("etaoin "), 8))
            writer.writerow([f"{filler} {generator.choice(words[number % 2])}", ["bad", "good"][number % 2]])


def test_a_net_of_characters_learns_texts(spec, tmp_path):
    reviews(tmp_path / "reviews.csv")
    run = train(spec(CHARACTERS), out=tmp_path / "run", quiet=True)
    assert run.test_error < 0.05


def test_the_same_texts_as_indices(spec, tmp_path):
    reviews(tmp_path / "reviews.csv")
    text = CHARACTERS.replace("input text [70, 24]", "input text: int [24]\n  embedding(71, 8) -> permute([1, 0])")
    assert train(spec(text), out=tmp_path / "run", quiet=True).test_error < 0.05


def test_texts_of_another_length_are_said_at_the_input(spec, tmp_path):
    reviews(tmp_path / "reviews.csv")
    opened = spec(CHARACTERS, ("[70, 24]", "[70, 30]"))
    with pytest.raises(NetspecError, match=r"text gives \[24\], but Characters takes \[70, 30\]") as error:
        train(opened, out=tmp_path / "run")
    (found,) = error.value.diagnostics
    assert (found.span.text, found.help) == ("input text [70, 30]", 'data text("reviews.csv", length=30)')


WAVE = """\
block Gated(dilation: int, width: int) {
  let z = mul {
    filter = conv(width, 2, dilation=dilation, pad=causal) -> tanh
    gate = conv(width, 2, dilation=dilation, pad=causal) -> sigmoid
  }
  skip = z -> conv(width, 1)
  dense = z -> conv(width, 1)
  return in + dense
}

net SmallWave(levels: int = 32, width: int = 16) {
  input audio [levels, 128]
  causal = conv(width, 2, pad=causal)
  for i in range(5) { layer$i = Gated(2 ** i, width) }
  add { for i in range(5) { layer$i.skip } } -> relu
  post = conv(levels, 1)
}

train {
  data      series("wave.csv", window=128, step=32, levels=32)
  loss      cross_entropy
  optimizer adam(lr=0.01)
  epochs    4
  batch     16
}
"""


def test_a_wavenet_predicts_the_next_sample(spec, tmp_path):
    time = np.arange(12_000)
    wave = 0.5 * np.sin(time / 9) + 0.3 * np.sin(time / 31 + 1)
    np.savetxt(tmp_path / "wave.csv", wave, fmt="%.6f")
    run = train(spec(WAVE), out=tmp_path / "run", quiet=True)
    from netspec.train.data.tables import mu_law

    levels = mu_law(wave[-2400:], 32)
    commonest = np.bincount(levels).max() / len(levels)
    assert 1 - run.test_error > 0.6 > 2 * commonest


UNET = """\
net Segmenter {
  input section [1, 16, 16]
  conv(8, 3, pad=same) -> batchnorm -> relu
  conv(8, 3, pad=same) -> relu
  dropout(0.1)
  conv(2, 1)
}

train {
  data      segmentation("image", "label")
  augment   hflip -> rotate(10) -> elastic(alpha=0.2, sigma=4) -> brightness(0.05, 0.1) -> normalize
  loss      border_cross_entropy(w0=5, sigma=2) + 0.5 * dice
  optimizer adam(lr=0.02)
  epochs    3
  batch     2
  metrics   [iou, pixel_error, confusion_matrix]
}
"""


def blocks(folder, count=10):
    """Sections with bright blocks, and their masks."""
    for name in ("image", "label"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        generator = np.random.default_rng(number)
        mask = np.kron(generator.integers(0, 2, (4, 4)), np.ones((4, 4), int))
        image = (60 + 120 * mask + generator.normal(0, 15, mask.shape)).clip(0, 255)
        Image.fromarray(image.astype(np.uint8)).save(folder / "image" / f"{number}.png")
        Image.fromarray((255 * mask).astype(np.uint8)).save(folder / "label" / f"{number}.png")


def test_masks_are_learned_from_augmented_sections(spec, tmp_path):
    blocks(tmp_path)
    run = train(spec(UNET), epochs=8, out=tmp_path / "run", quiet=True)
    last = run.metrics[-1].test
    assert last["pixel_error"] < 0.1
    assert last["iou"] > 0.8
    record = json.loads((run.folder / "run.json").read_text())
    assert "normalize(mean=[" in record["settings"]["augment"]


def test_a_net_of_valid_convolutions_is_told_about_the_middle_of_its_masks(spec, tmp_path):
    blocks(tmp_path)
    text = UNET.replace(", pad=same", "")
    matched = prepare(job_of(opened := spec(text)), opened).plan
    assert matched.augment.steps[-1].written() == "frame([12, 12])"
    run = train(opened, epochs=8, out=tmp_path / "run", quiet=True)
    assert run.metrics[-1].test["pixel_error"] < 0.12


def same(one, other):
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("stopped", [1, 5, 9])
def test_an_augmented_run_that_is_taken_up_is_the_run_that_never_stopped(spec, tmp_path, stopped):
    blocks(tmp_path)
    opened = spec(UNET)
    whole = train(opened, out=tmp_path / "whole", quiet=True)
    part = train(opened, out=tmp_path / "part", quiet=True, steps=stopped)
    torch.manual_seed(stopped)
    again = resume(part.folder, quiet=True)
    assert again.status == whole.status == "finished"
    assert same(whole.folder, again.folder)
    figures = [[(row.train, row.test) for row in run.metrics] for run in (whole, again)]
    assert figures[0] == figures[1]
    assert not same(whole.folder, train(opened, out=tmp_path / "other", quiet=True, seed=5).folder)


LAZY = """\
net Small {
  input image [3, 8, 8]
  conv(8, 3, pad=same) -> batchnorm -> relu
  flatten -> linear(3)
}

train {
  data      images("pets", size=10)
  augment   random_crop(8) -> hflip -> mixup(0.4) -> normalize
  loss      cross_entropy(label_smoothing=0.1)
  optimizer sgd(lr=0.05, momentum=0.9)
  epochs    3
  batch     4
}
"""


def test_pictures_read_by_workers_train_the_same_net_as_those_in_memory(spec, tmp_path, monkeypatch):
    classes(tmp_path / "pets")
    opened = spec(LAZY)
    held = train(opened, out=tmp_path / "held", quiet=True)
    monkeypatch.setattr("netspec.train.data.vision.images.IN_MEMORY", 0)
    lazy = train(opened, out=tmp_path / "lazy", quiet=True)
    assert same(held.folder, lazy.folder)
    part = train(opened, out=tmp_path / "part", quiet=True, steps=4, workers=2)
    assert same(held.folder, resume(part.folder, quiet=True, workers=2).folder)


def test_damaged_pictures_end_a_training_or_are_left_out(spec, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("netspec.train.data.vision.images.IN_MEMORY", 0)
    classes(tmp_path / "pets")
    cut(tmp_path / "pets/bee/3.png")
    with pytest.raises(NetspecError, match=r"pets/bee/3\.png is damaged") as error:
        train(spec(LAZY), out=tmp_path / "run", quiet=True)
    (found,) = error.value.diagnostics
    assert (found.code, found.span.text.split()[0]) == ("E0609", "data")
    run = train(spec(LAZY), out=tmp_path / "good", skip_bad=True)
    assert "left out a damaged file: pets/bee/3.png" in capsys.readouterr().out
    assert json.loads((run.folder / "run.json").read_text())["left_out"] == ["pets/bee/3.png"]


def test_data_elsewhere(spec, tmp_path):
    blocks(tmp_path / "elsewhere")
    opened = spec(UNET)
    with pytest.raises(NetspecError, match="there is no folder image"):
        train(opened, out=tmp_path / "run")
    run = train(opened, out=tmp_path / "run", data=tmp_path / "elsewhere", epochs=1, quiet=True)
    assert run.status == "finished"


SQUARES = """\
net Line {
  input x [3]
  linear(2)
}

train {
  loss cross_entropy
  epochs 2
  batch 5
}
"""


def test_a_data_set_from_python_trains_and_is_taken_up(spec, tmp_path):
    given = (Squares(40, noise=0.3), Squares(10))
    opened = spec(SQUARES)
    whole = train(opened, data=given, out=tmp_path / "whole", quiet=True)
    part = train(opened, data=given, out=tmp_path / "part", quiet=True, steps=3)
    torch.rand(7)
    assert same(whole.folder, resume(part.folder, data=given, quiet=True).folder)
    with pytest.raises(NetspecError, match="given from Python, and none were"):
        resume(part.folder, quiet=True)
    with pytest.raises(NetspecError, match=r"given gives \[3\], but Line takes \[4\]") as error:
        train(spec(SQUARES, ("x [3]", "x [4]")), data=given, out=tmp_path / "bad")
    assert error.value.diagnostics[0].span.text == "input x [4]"


def test_a_sample_too_large_is_cropped_to_the_input(spec, tmp_path):
    classes(tmp_path / "pets")
    matched = prepare(job_of(opened := spec(LAZY)), opened).plan
    assert matched.data.shape == (3, 10, 10)
    wrong = spec(LAZY, ("random_crop(8)", "random_crop(9)"))
    with pytest.raises(NetspecError, match=r"images gives \[3, 10, 10\], which augment makes \[3, 9, 9\], but Small"):
        prepare(job_of(wrong), wrong)
    wrong = spec(LAZY, ("random_crop(8)", "random_crop(80)"))
    with pytest.raises(NetspecError, match="random_crop cannot take 80 x 80 out of 10 x 10") as error:
        prepare(job_of(wrong), wrong)
    assert error.value.diagnostics[0].code == "E0620"


def test_open_sizes_are_those_after_augmentation(spec, tmp_path):
    classes(tmp_path / "pets")
    opened = spec(LAZY, ("[3, 8, 8]", "[3, H, W]"), ("flatten ->", "global_avgpool -> flatten ->"))
    assert str(prepare(job_of(opened), opened).graph.inputs[0].shape) == "[3, 8, 8]"


SQUASHED = [
    ("linear(3) -> softmax", "cross_entropy", True),
    ("linear(3) -> log_softmax", "nll", False),
    ("linear(3) -> softmax", "mse", False),
    ("linear(3) -> sigmoid", "bce", True),
    ("linear(3) -> sigmoid", "bce(logits=false)", False),
]


@pytest.mark.parametrize(("end", "loss", "wrong"), SQUASHED, ids=[f"{row[0]} {row[1]}" for row in SQUASHED])
def test_probabilities_are_not_made_twice(spec, tmp_path, end, loss, wrong):
    classes(tmp_path / "pets")
    opened = spec(LAZY, ("linear(3)", end), ("cross_entropy(label_smoothing=0.1)", loss))
    if not wrong:
        assert prepare(job_of(opened), opened)
        return
    with pytest.raises(NetspecError, match=r"Small ends in \w+, and \w+ does that by itself") as error:
        prepare(job_of(opened), opened)
    assert error.value.diagnostics[0].code == "E0621"


def test_a_net_that_ends_in_a_sigmoid_is_judged_by_its_probabilities(spec, tmp_path):
    blocks(tmp_path)
    opened = spec(
        UNET,
        ("conv(2, 1)", "conv(1, 1) -> sigmoid"),
        ("border_cross_entropy(w0=5, sigma=2) + 0.5 * dice", "bce(logits=false) + dice(logits=false)"),
    )
    run = train(opened, epochs=8, out=tmp_path / "run", quiet=True)
    assert run.metrics[-1].test["pixel_error"] < 0.1


def drawn(spec, tmp_path, text, *changes):
    opened = spec(text, *changes)
    preview(samples_of(job_of(opened), opened), tmp_path / "sheet.png", samples=3, variants=2)
    return np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).astype(int)


def test_a_sheet_shows_masks_in_colour(spec, tmp_path):
    blocks(tmp_path)
    sheet = drawn(spec, tmp_path, UNET)
    coloured = (sheet.max(2) - sheet.min(2) > 60).mean()
    assert 0.1 < coloured < 0.9
    again = drawn(spec, tmp_path, UNET)
    assert (again == sheet).all()
    assert (drawn(spec, tmp_path, UNET, ("batch     2", "batch 2\n  seed 4")) != sheet).any()


def test_a_sheet_of_signals_and_of_blends(spec, tmp_path):
    classes(tmp_path / "pets")
    assert drawn(spec, tmp_path, LAZY).std() > 10
    signals = "net S {\n  input x [1, 40]\n  flatten -> linear(10)\n}\n\n"
    section = "train {\n  data mnist1d\n  augment shift(3) -> noise(0.1)\n  loss cross_entropy\n}\n"
    assert drawn(spec, tmp_path, signals + section).std() > 5


@pytest.mark.parametrize("name", ["cat", "W" * 60, "$a$ of " * 9, "two\nlines and a great many words after them"])
def test_names_are_cut_to_the_width_of_a_sample(name):
    (text,) = clipped(name, 7, 1.5).splitlines()
    wide, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=7), ismath=False)
    assert wide <= 1.5 * 72
    assert text == name or (text.endswith("…") and wide > 0.8 * 1.5 * 72)


def test_texts_cannot_be_shown(spec, tmp_path):
    reviews(tmp_path / "reviews.csv")
    with pytest.raises(NetspecError) as error:
        drawn(spec, tmp_path, CHARACTERS)
    assert error.value.diagnostics[0].code == "E0622"
    assert not (tmp_path / "sheet.png").exists()


def test_a_veil_over_an_image():
    image, mask = np.full((1, 3, 3), 0.5), np.array([[0, 1, -100]])
    seen = veiled(image, mask)
    assert seen[0, 0].tolist() == [0.5, 0.5, 0.5]
    assert len({tuple(colour) for colour in seen[0]}) == 3
    assert seen[0, 2].max() - seen[0, 2].min() < 1e-9


def test_masks_of_several_classes_are_compared_with_as_many_channels(spec, tmp_path):
    masks(tmp_path, values=(0, 1, 2))
    with pytest.raises(NetspecError, match="segmentation has 3 classes, but Segmenter tells 2 apart"):
        prepare(job_of(opened := spec(UNET, ("border_cross_entropy(w0=5, sigma=2) + ", ""))), opened)


def test_every_kind_is_in_the_docs(root):
    from netspec.train.augment import AUGMENTS
    from netspec.train.data import DATA
    from netspec.train.losses import LOSSES
    from netspec.train.section.parts.metrics import METRICS

    page = (root / "docs" / "data.md").read_text(encoding="utf-8")
    missing = [name for table in (DATA, AUGMENTS, LOSSES, METRICS) for name in table if f"`{name}" not in page]
    assert missing == []


def test_the_spec_is_the_only_thing_that_is_opened(spec, tmp_path):
    """A data set that is wrong in itself is said with its line, and no folder of a run is made."""
    for line in ('images("none")', 'csv("none.csv")', 'text("none.csv")', 'series("none.csv", window=3)', "cifar10"):
        opened = spec(LAZY, ('images("pets", size=10)', line))
        with pytest.raises(NetspecError) as error:
            train(opened, out=tmp_path / "run")
        assert [found.code for found in error.value.diagnostics] == ["E0609"], line
    assert not (tmp_path / "run").exists()
    assert isinstance(opened, netspec.Spec)
