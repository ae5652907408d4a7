"""COCO, VOC, YOLO: boxes, labels and masks are those of the files, and what is wrong with one is named."""

from __future__ import annotations

import json
import pickle
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from annotated_files import coco, picture, voc, yolo
from PIL import Image

from netspec.train.data.files import DataError, Place
from netspec.train.data.objects.coco import Coco
from netspec.train.data.objects.voc import Voc
from netspec.train.data.objects.yolo import Yolo

COCO = Coco(images="photos", annotations="instances.json")


def everything(data):
    """The samples of all parts, by the number of their picture."""
    samples = [split.source[index] for split in data.splits.values() for index in range(len(split))]
    return {objects.image: (x, objects) for x, objects in samples}


def refused(dataset, place):
    with pytest.raises(DataError) as caught:
        dataset.load(place)
    return caught.value.message


def test_objects_of_coco(place, tmp_path):
    coco(tmp_path)
    data = COCO.load(place)
    assert (data.classes, data.names, data.called) == (3, ("background", "cat", "dog"), "boxes")
    samples = everything(data)
    assert {image: x.shape for image, (x, _) in samples.items()} == {9: (3, 20, 30), 4: (3, 24, 16), 5: (3, 8, 8)}
    x, objects = samples[9]
    assert (x == np.asarray(Image.open(tmp_path / "photos/b.png")).transpose(2, 0, 1)).all()
    assert objects.boxes.dtype == np.float32
    assert objects.boxes.tolist() == [[2, 3, 12.5, 11], [0, 0, 2, 20]]
    assert objects.labels.tolist() == [2, 1]
    assert objects.area.tolist() == [60.5, 40]
    assert (objects.crowd.tolist(), objects.difficult.any(), objects.size) == ([False, True], False, (20, 30))
    assert objects.masks.shape == (2, 20, 30)
    assert objects.masks[1].sum() == 40
    assert objects.masks[1, :, :2].all()
    assert objects.masks[0, 5, 3] == 1
    assert (samples[4][1].masks[0].nonzero()[0].min(), samples[4][1].masks.sum()) == (1, 6)
    assert len(objects.trained()) == 1
    assert objects.trained().labels.tolist() == [2]
    nothing = samples[5][1]
    assert (nothing.boxes.shape, nothing.labels.shape, nothing.masks.shape) == ((0, 4), (0,), (0, 8, 8))


def test_labels_are_ids_where_weights_have_these(place, tmp_path):
    coco(tmp_path)
    data = Coco(images="photos", annotations="instances.json", ids=True).load(place)
    assert data.classes == 8
    assert data.names[:4] == ("background", "N/A", "cat", "N/A")
    assert everything(data)[9][1].labels.tolist() == [7, 2]


def test_masks_are_read_for_nets_that_are_trained_on_them(place, tmp_path):
    def bare(said):
        del said["annotations"][1]["segmentation"]

    coco(tmp_path, bare)
    assert everything(COCO.load(place))[4][1].masks is None
    assert everything(COCO.load_for(place, ["image", "boxes", "labels"]))[4][1].masks is None
    with pytest.raises(DataError, match=r"annotation 2 of instances.json: it has no segmentation"):
        COCO.load_for(place, ["image", "boxes", "labels", "masks"])


def test_pictures_of_coco_to_test_with(place, tmp_path):
    coco(tmp_path)
    coco(tmp_path, lambda said: said["images"].pop(1) and said["annotations"].pop(), "val.json")
    chosen = {"test_images": "photos", "test_annotations": "val.json"}
    data = Coco(images="photos", annotations="instances.json", **chosen).load(place)
    assert (len(data.train), len(data.test)) == (3, 2)


def change(place, **values):
    def apply(said):
        said["annotations"][place] |= values

    return apply


COCO_FAULTS = {
    r"annotation 1 of instances.json: its box has no area: 0 x 8": change(0, bbox=[2, 3, 0, 8]),
    r"annotation 1 .*: its box reaches from 2, 3 to 33, 8, and the picture is 30 wide": change(0, bbox=[2, 3, 31, 5]),
    r"annotation 1 .*: its box is outside of the picture": change(0, bbox=[30, 3, 0.5, 5]),
    r"annotation 1 .*: its bbox is not four numbers": change(0, bbox=[1, 2, float("nan"), 3]),
    r"annotation 2 .*: its bbox is not": change(1, bbox=[1, 2, 10**400, 3]),
    r"annotation 2 .*: it is of the category 3, which": change(1, category_id=3),
    r"annotation 3 .*: it is of the picture \[9\], which": change(2, image_id=[9]),
    r"annotation 3 .*: its area is -1": change(2, area=-1),
    r"annotation 3 .*: its iscrowd is 2": change(2, iscrowd=2),
    r"annotation 1 .*: one of its polygons is no list": change(0, segmentation=[[1, 2, 3, 4]]),
    r"annotation 1 .*: one of its polygons is far outside": change(0, segmentation=[[1, 2, 3, 4, 1e6, 6]]),
    r"annotation 2 .*: the runs of its mask are 599 pixels, and the picture has 600": change(
        1, segmentation={"size": [20, 30], "counts": [0, 40, 559]}
    ),
    r"annotation 2 .*: its mask is 30 x 20, and the picture 20 x 30": change(
        1, segmentation={"size": [30, 20], "counts": [0, 40, 560]}
    ),
    r"annotation 3 .*: the packed runs of its mask are cut off": change(
        2, segmentation={"size": [24, 16], "counts": "i02f0000o"}
    ),
    r"annotation 3 .*: the packed runs of its mask are damaged": change(
        2, segmentation={"size": [24, 16], "counts": "i0 2f"}
    ),
    r"annotation 3 .*: the runs of its mask are damaged": change(
        2, segmentation={"size": [24, 16], "counts": "i02f0000oZZZZZ8"}
    ),
    r"picture 4 .*: there is no file photos/none.png": lambda said: said["images"][1].update(file_name="none.png"),
    r"picture 4 .*: its file is no path in photos": lambda said: said["images"][1].update(file_name="../a.png"),
    r"picture 4 .*: it has no height and width": lambda said: said["images"][1].pop("height"),
}


@pytest.mark.parametrize("fault", COCO_FAULTS)
def test_what_is_wrong_with_an_annotation_is_named_or_left_out(place, tmp_path, fault):
    coco(tmp_path, COCO_FAULTS[fault])
    with pytest.raises(DataError, match=fault):
        COCO.load(place)
    data = COCO.load(replace(place, skip_bad=True))
    assert len(data.skipped) == 1
    assert data.skipped[0].endswith("of instances.json")
    found = sum(len(objects) for _, objects in everything(data).values())
    assert found == 2


def test_a_coco_file_that_is_none(place, tmp_path):
    coco(tmp_path)
    path = tmp_path / "instances.json"
    whole = path.read_text()
    path.write_text(whole[:-200])
    assert refused(COCO, place) == "instances.json is cut off"
    path.write_text(whole.replace(":", "=", 1))
    assert refused(COCO, place) == "instances.json is no JSON: line 1, column 10"
    path.write_text("[" * 100_000)
    assert refused(COCO, place).startswith("instances.json is ")
    path.write_bytes(b"\xff\xfe{")
    assert refused(COCO, place) == "instances.json is no JSON"
    path.write_text('{"images": []}')
    assert refused(COCO, place).startswith("instances.json has no list annotations")
    path.unlink()
    assert refused(COCO, place) == "there is no file instances.json"


def test_two_of_one_id(place, tmp_path):
    coco(tmp_path, lambda said: said["categories"][0].update(id=2))
    assert refused(COCO, place) == "instances.json has two categories of the id 2: dog and cat"
    coco(tmp_path, lambda said: said["images"][0].update(id=4))
    assert refused(COCO, place) == "instances.json has two pictures of the id 4"


def test_a_picture_that_is_damaged_or_of_another_size(place, tmp_path):
    coco(tmp_path)
    picture(tmp_path / "photos/a.png", (20, 16))
    (tmp_path / "photos/b.png").write_bytes((tmp_path / "photos/b.png").read_bytes()[:600])
    data = COCO.load(place)
    said = r"a.png is 20 x 16, and its annotations are of 24 x 16|b.png is damaged"
    for split in data.splits.values():
        for index, one in enumerate(split.source.pictures):
            if one.name != "photos/empty.png":
                with pytest.raises(DataError, match=said):
                    split.source[index]


def test_what_a_link_leads_out_of_the_project_to_is_refused(tmp_path):
    coco(tmp_path / "inside")
    picture(tmp_path / "b.png", (20, 30))
    (tmp_path / "inside/photos/b.png").unlink()
    (tmp_path / "inside/photos/b.png").symlink_to(tmp_path / "b.png")
    assert "leads by a link outside" in refused(COCO, Place(tmp_path / "inside", tmp_path / "inside"))


def test_samples_cross_processes(place, tmp_path):
    coco(tmp_path)
    source = COCO.load(place).train.source
    assert pickle.loads(pickle.dumps(source))[0][1].boxes.tolist() == source[0][1].boxes.tolist()


def test_objects_of_voc(place, tmp_path):
    home = tmp_path / "VOC"
    voc(home, [("dog", 0, 1, 1, 50, 40), ("cat", 1, 11, 6, 20, 15)], stem="000007")
    voc(home, [], stem="000012", lists={"trainval": ["000007"], "test": ["000012"]})
    data = Voc(folder="VOC").load(place)
    assert (data.names, len(data.train), len(data.test)) == (("background", "cat", "dog"), 1, 1)
    _, objects = data.train.source[0]
    assert objects.boxes.tolist() == [[0, 0, 50, 40], [10, 5, 20, 15]]
    assert (objects.labels.tolist(), objects.difficult.tolist(), objects.image) == ([2, 1], [False, True], 7)
    assert (objects.masks, objects.area.tolist()) == (None, [2000, 100])
    assert len(data.test.source[0][1]) == 0


def test_masks_of_voc(place, tmp_path):
    for stem in ("1", "2"):
        voc(tmp_path / "VOC", [("dog", 0, 1, 1, 4, 4), ("cat", 0, 11, 6, 20, 15)], stem=stem)
        numbers = np.zeros((40, 50), np.uint8)
        numbers[:4, :4], numbers[5:15, 10:20], numbers[20, 20] = 1, 2, 255
        (tmp_path / "VOC/SegmentationObject").mkdir(exist_ok=True)
        Image.fromarray(numbers).save(tmp_path / f"VOC/SegmentationObject/{stem}.png")
    _, objects = Voc(folder="VOC", masks=True).load(place).train.source[0]
    assert objects.masks.sum((1, 2)).tolist() == [16, 100]


@pytest.mark.parametrize(
    ("objects", "fault"),
    [
        ([("dog", 0, 5, 5, 4, 9)], "object 1 of VOC/Annotations/1.xml: its box has no area: 0 x 5"),
        ([("dog", 0, 1, 1, 2, 2), ("", 0, 1, 1, 2, 2)], "object 2 of VOC/Annotations/1.xml: it has no name"),
        ([("dog", 0, 1, "x", 2, 2)], "object 1 of VOC/Annotations/1.xml: its ymin is no number"),
        ([("dog", 0, 1, 1, 52, 2)], "object 1 of VOC/Annotations/1.xml: its box reaches from 0, 0 to 52, 2, and the"),
    ],
)
def test_what_is_wrong_with_an_object_of_voc(place, tmp_path, objects, fault):
    voc(tmp_path / "VOC", objects, stem="1")
    voc(tmp_path / "VOC", [("cat", 0, 1, 1, 2, 2)], stem="2")
    assert refused(Voc(folder="VOC"), place).startswith(fault)
    assert Voc(folder="VOC").load(replace(place, skip_bad=True)).skipped == (fault.partition(":")[0],)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<annotation>", "VOC/Annotations/1.xml: it is cut off or no XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a/>', "VOC/Annotations/1.xml: it is no annotation of VOC"),
        ("<annotation/>", "VOC/Annotations/1.xml: its size/height is no number from 1"),
    ],
)
def test_an_xml_that_is_none(place, tmp_path, text, fault):
    voc(tmp_path / "VOC", [], stem="1")
    (tmp_path / "VOC/Annotations/1.xml").write_text(text)
    assert refused(Voc(folder="VOC"), place).startswith(fault)


def test_a_picture_of_voc_that_is_missing(place, tmp_path):
    voc(tmp_path / "VOC", [], stem="1", lists={"train": ["1"], "val": ["2"]})
    assert refused(Voc(folder="VOC"), place) == "VOC/Annotations/2.xml: there is no picture JPEGImages/2.jpg"


def test_objects_of_yolo(place, tmp_path):
    yolo(tmp_path, "1 0.5 0.5 0.25 0.5\n\n0 0.1 0.1 0.5 0.1 0.5 0.6\n", stem="1")
    yolo(tmp_path, "", stem="2")
    picture(tmp_path / "images/3.png", (8, 8))
    (tmp_path / "kinds.txt").write_text("cat\ndog\n")
    data = Yolo(images="images", labels="labels", names="kinds.txt").load(place)
    samples = everything(data)
    assert (data.names, len(samples)) == (("background", "cat", "dog"), 3)
    objects = samples[1][1]
    assert objects.boxes[0].tolist() == [30, 10, 50, 30]
    assert objects.boxes[1].tolist() == pytest.approx([8, 4, 40, 24])
    assert (objects.labels.tolist(), objects.masks) == ([2, 1], None)
    assert len(samples[3][1]) == 0


def test_polygons_of_yolo_become_masks(place, tmp_path):
    yolo(tmp_path, "0 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6", stem="1")
    yolo(tmp_path, "", stem="2")
    masks = everything(Yolo(images="images", labels="labels").load(place))[1][1].masks
    assert (masks.shape, masks.sum()) == ((1, 40, 80), 20 * 32)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("2 0.5 0.5 0.1 0.1", "line 2 of labels/1.txt: it is of class 2, and there are 2"),
        ("-1 0.5 0.5 0.1 0.1", "line 2 of labels/1.txt: it begins with '-1', and a class is a number from 0"),
        ("0 0.5 0.5 0.1", "line 2 of labels/1.txt: it holds 3 numbers after its class"),
        ("0 0.5 0.5 a 1", "line 2 of labels/1.txt: it holds a word that is no number"),
        ("0 0.5 0.5 nan 1", "line 2 of labels/1.txt: its box is not four numbers"),
        ("0 0.5 0.5 0 0.5", "line 2 of labels/1.txt: its box has no area"),
        ("0 40 20 10 10", "line 2 of labels/1.txt: its box reaches from"),
    ],
)
def test_what_is_wrong_with_a_line_of_yolo(place, tmp_path, line, fault):
    yolo(tmp_path, f"0 0.5 0.5 0.1 0.1\n{line}\n", stem="1")
    yolo(tmp_path, "", stem="2")
    dataset = Yolo(images="images", labels="labels", classes=2)
    assert refused(dataset, place).startswith(fault)
    data = dataset.load(replace(place, skip_bad=True))
    assert data.skipped == ("line 2 of labels/1.txt",)


def test_files_of_strangers_end_in_a_sentence(place, tmp_path):
    """Every leaf of the file is replaced by odd values: each is read, or refused as bad data."""
    coco(tmp_path)
    path = tmp_path / "instances.json"
    said = json.loads(path.read_text())

    def leaves(value, way=()):
        if isinstance(value, dict | list):
            for key in value if isinstance(value, dict) else range(len(value)):
                yield (*way, key)
                yield from leaves(value[key], (*way, key))

    for way in list(leaves(said)):
        for odd in (None, -1, 2**70, "x", []):
            changed = json.loads(json.dumps(said))
            inside = changed
            for key in way[:-1]:
                inside = inside[key]
            inside[way[-1]] = odd
            path.write_text(json.dumps(changed))
            with suppress(DataError):
                everything(COCO.load(place))
