"""What was found in pictures: in their own pixels, drawn where it is, written as COCO and others read it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from netspec.train.data.objects.objects import Objects
from netspec.train.data.objects.segmentation import segmentation
from netspec.train.detection.detections import Detections
from netspec.train.detection.drawing import colour, drawn, outlined, shaded
from netspec.train.detection.precision import Scoring
from netspec.train.detection.results import results, save, table, text

NAMES = ("background", "cat", "dog")


def found(masks=True):
    boxes = np.array([[10, 40, 30, 60], [50, 42, 90, 82]], np.float32)
    shapes = np.zeros((2, 100, 120), bool)
    shapes[0, 40:60, 10:30], shapes[1, 42:82, 50:90] = True, True
    return Detections(boxes, np.array([1, 2]), np.array([0.6, 0.9], np.float32), shapes if masks else None)


def grey():
    return np.full((3, 100, 120), 128, np.uint8)


def test_detections_come_back_to_the_size_of_the_picture():
    """The net has met a picture of 50 x 80 as one of 25 x 40, with a border up to 32 x 64."""
    masks = torch.zeros(2, 32, 64)
    masks[0, 5:20, 10:30] = 1
    boxes = torch.tensor([[10.0, 5.0, 30.0, 20.0], [0.0, 0.0, 40.0, 25.0]])
    own = Detections.of(boxes, torch.tensor([1, 2]), torch.tensor([0.5, 0.75]), masks, (25, 40), (50, 80))
    assert own.boxes.tolist() == [[20, 10, 60, 40], [0, 0, 80, 50]]
    assert own.masks.shape == (2, 50, 80)
    assert own.masks[0].sum() == 30 * 40
    assert not own.masks[1].any()
    none = Detections.of(boxes[:0], torch.zeros(0), torch.zeros(0), masks[:0], (25, 40), (50, 80))
    assert (len(none), none.masks.shape) == (0, (0, 50, 80))


def test_the_surest_come_first():
    sure = found().at_least(0.5)
    assert sure.labels.tolist() == [2, 1]
    assert sure.masks[0].sum() == 1600
    assert found().at_least(0.7).labels.tolist() == [2]


def test_masks_are_veils_in_the_colours_of_their_labels():
    picture = np.full((100, 120, 3), 0.5)
    result = shaded(picture, found().masks, [1, 2])
    assert (result[0, 0] == 0.5).all()
    assert not (result[50, 20] == result[60, 70]).all()
    assert (result[50, 20] != 0.5).any()
    assert (shaded(picture, None, [1, 2]) == picture).all()


def test_frames_are_around_the_boxes():
    axes = Figure().subplots()
    outlined(axes, np.zeros((100, 120, 3)), found().boxes, [1, 2], None)
    frames = [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in axes.patches]
    assert frames == [(10, 40, 20, 20), (50, 42, 40, 40)]


def test_a_picture_shows_what_was_found():
    plain = np.asarray(drawn(grey(), Detections(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0)), NAMES))
    assert (plain == 128).all()
    shown = np.asarray(drawn(grey(), found(masks=False), NAMES))
    tint = tuple(int(colour(2)[place : place + 2], 16) for place in (1, 3, 5))
    assert [tuple(shown[81, x]) for x in (50, 70, 89)] == [tint] * 3
    assert (shown[60:80, 52:88] == 128).all()
    veiled = np.asarray(drawn(grey(), found(), NAMES))
    assert (veiled[60:80, 52:88] != 128).any()


def test_results_are_those_of_coco():
    rows = results(7, found(), (18, 44))
    assert [(row["image_id"], row["category_id"], row["score"]) for row in rows] == [(7, 18, 0.6), (7, 44, 0.9)]
    assert rows[0]["bbox"] == [10, 40, 20, 20]
    assert (segmentation(rows[0]["segmentation"], (100, 120)).mask((100, 120)) == found().masks[0]).all()
    assert "segmentation" not in results(7, found(masks=False), (18, 44))[0]


def test_files_of_what_was_found(tmp_path):
    pictures = {"a/photo.jpg": (grey(), found()), "b/photo.png": (grey(), found(masks=False))}
    paths = save(pictures, NAMES, (1, 2), tmp_path / "out")
    names = [path.relative_to(tmp_path / "out").as_posix() for path in paths]
    assert names == ["photo.png", "masks/photo-1.png", "masks/photo-2.png", "photo-1.png", "detections.json"]
    assert all(path.is_file() for path in paths)
    rows = json.loads((tmp_path / "out/detections.json").read_text())
    assert [(row["image_id"], row["file_name"]) for row in rows] == [(1, "a/photo.jpg")] * 2 + [(2, "b/photo.png")] * 2
    mask = np.asarray(Image.open(tmp_path / "out/masks/photo-1.png"))
    assert (mask == found().masks[0] * np.uint8(255)).all()


def test_a_line_an_object():
    assert text(found(), NAMES).splitlines() == ["cat 60.0%  10 40 30 60", "dog 90.0%  50 42 90 82"]
    assert text(Detections(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0)), NAMES) == "nothing"


def test_a_table_of_figures():
    flags, boxes = np.zeros(2, bool), found().boxes
    said = Objects(
        boxes, np.array([1, 2]), found().masks, np.array([400, 1600], "float32"), flags, flags, 1, (100, 120)
    )
    scores = {}
    for kind in ("boxes", "masks"):
        scoring = Scoring((1, 2, 3), kind)
        scoring.add(said, found())
        scores[kind] = scoring.result()
    shown = table(scores, (*NAMES, "bird")).splitlines()
    assert shown[0].split() == ["boxes", "masks"]
    assert shown[1].split() == ["AP", "100.0", "100.0"]
    assert [line.split()[:2] for line in shown[-3:]] == [["cat", "100.0"], ["dog", "100.0"], ["bird", "-"]]
    assert "AP large" in shown[6]
    assert len({len(line) for line in shown[:13]}) == 1
    assert table({"boxes": scores["boxes"]}, NAMES).splitlines()[-4].split() == ["class", "AP", "AP50", "AP75"]


@pytest.mark.parametrize("label", [0, 7])
def test_a_label_without_a_name_is_its_number(label):
    odd = Detections(found().boxes[:1], np.array([label]), np.array([0.5]))
    assert text(odd, NAMES[:0]).startswith(f"{label} 50.0%")
    assert results(1, odd, (5,))[0]["category_id"] == label
    drawn(grey(), odd, NAMES)
