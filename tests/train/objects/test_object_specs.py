"""Specs whose data are pictures with objects: what preview shows, and what is said of what cannot be."""

from __future__ import annotations

import pytest

from netspec import NetspecError
from netspec.train import check, train
from netspec.train.plan.job import job_of, samples_of

SCENES = """
net Scenes {
  input image [3, 96, 96]
  conv(4, 3)
}

train {
  data    shapes(count=12)
  augment hflip -> normalize
}
"""


def pictured(opened):
    return samples_of(job_of(opened), opened)


def only(error):
    (found,) = error.value.diagnostics
    return found


def test_preview_shows_boxes_and_masks(spec, tmp_path, cli):
    spec(SCENES, ("[3, 96, 96]", "[3, H, W]"), ("count=12", "count=12, size=[64, 80]"), ("hflip", "iou_crop -> hflip"))
    done = cli("preview", "small.net", "-o", "sheet.svg", "--samples", 3, "--variants", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "sheet.svg").read_text().count("<image") == 9


def test_figures_to_normalise_by_are_those_of_all_pixels(spec):
    (flip, normalize) = pictured(spec(SCENES)).augment.steps
    assert flip.name == "hflip"
    data = pictured(spec(SCENES)).data.train.source
    pixels = [data[index][0].reshape(3, -1) / 255 for index in range(12)]
    assert normalize.mean == pytest.approx([sum(x[channel].mean() for x in pixels) / 12 for channel in range(3)])
    unlike = pictured(spec(SCENES, ("[3, 96, 96]", "[3, H, W]"), ("count=12", "count=12, size=[40, 90]")))
    assert all(0.2 < value < 0.8 for value in unlike.augment.steps[1].mean)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("[3, 96, 96]", "[3, 64, 64]"), "E0606", "shapes gives pictures 96 x 96, but Scenes takes [3, 64, 64]"),
        (("[3, 96, 96]", "[1, H, W]"), "E0606", "shapes gives pictures [3, height, width], but Scenes takes [1, H, W]"),
        (("count=12", "size=[64, 96]"), "E0606", "shapes gives pictures of unlike sizes, but Scenes takes [3, 96, 96]"),
        (("hflip", "scale_jitter(96)"), "E0606", "shapes gives pictures of unlike sizes, but Scenes takes [3, 96, 96]"),
        (("hflip", "mixup"), "E0620", "mixup blends samples, and objects cannot be blended"),
        (("hflip", "rotate"), "E0620", "rotate fills what lies outside of a picture with mirror images of its objects"),
        (("hflip", "random_crop(99)"), "E0620", "random_crop cannot take 99 x 99 out of 96 x 96"),
    ],
)
def test_pictures_that_do_not_come_to_the_net(spec, change, code, message):
    with pytest.raises(NetspecError) as error:
        pictured(spec(SCENES, change))
    assert only(error).code == code
    assert only(error).message.startswith(message)


def test_pictures_that_are_brought_to_the_size_of_the_net(spec):
    pictured(spec(SCENES, ("hflip", "scale_jitter(96) -> random_crop(96)")))
    pictured(spec(SCENES, ("count=12", "count=12, size=[64, 90]"), ("hflip", "zoom_out -> resize(96)")))


@pytest.mark.parametrize("loss", ["", "  loss    cross_entropy\n"])
def test_no_loss_of_a_section_is_about_objects(spec, tmp_path, loss):
    opened = spec(SCENES, ("  augment", f"{loss}  augment"))
    (wrong,) = check(opened.train, opened.graph())
    assert (wrong.code, wrong.span.text) == ("E0608", "data    shapes(count=12)")
    assert "Scenes has no loss that is about these" in wrong.message
    with pytest.raises(NetspecError) as error:
        train(opened, out=tmp_path / "run", quiet=True)
    assert only(error).message == wrong.message
    assert not (tmp_path / "run").exists()


def test_other_data_need_a_loss(spec):
    opened = spec(SCENES, ("shapes(count=12)", "digits"))
    with pytest.raises(NetspecError, match="says nothing about its loss"):
        pictured(opened)
