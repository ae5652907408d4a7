"""Small sets of annotated pictures on disk, as COCO, VOC and YOLO have them."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image


def picture(path, size, seed=0):
    """A picture of noise, of that height and width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)).save(path)


INSTANCES = {
    "images": [
        {"id": 9, "file_name": "b.png", "height": 20, "width": 30},
        {"id": 4, "file_name": "a.png", "height": 24, "width": 16},
        {"id": 5, "file_name": "empty.png", "height": 8, "width": 8},
    ],
    "categories": [{"id": 7, "name": "dog"}, {"id": 2, "name": "cat"}],
    "annotations": [
        {
            "id": 1,
            "image_id": 9,
            "category_id": 7,
            "bbox": [2, 3, 10.5, 8],
            "area": 60.5,
            "iscrowd": 0,
            "segmentation": [[2, 3, 12.5, 3, 12.5, 11], [2, 3, 5, 3, 5, 9, 2, 9]],
        },
        {
            "id": 2,
            "image_id": 9,
            "category_id": 2,
            "bbox": [0, 0, 2, 20],
            "area": 40,
            "iscrowd": 1,
            "segmentation": {"size": [20, 30], "counts": [0, 40, 560]},
        },
        {
            "id": 3,
            "image_id": 4,
            "category_id": 2,
            "bbox": [1, 1, 3, 2],
            "area": 6,
            "iscrowd": 0,
            "segmentation": {"size": [24, 16], "counts": "i02f0000o8"},
        },
    ],
}
"""Two categories with holes between their ids, a crowd, a picture without objects, masks of all three kinds."""


def coco(folder, change=lambda said: None, name="instances.json"):
    """Writes those instances, with a change in them, and their pictures."""
    said = json.loads(json.dumps(INSTANCES))
    for row in said["images"]:
        picture(folder / "photos" / row["file_name"], (row["height"], row["width"]), row["id"])
    change(said)
    (folder / name).write_text(json.dumps(said))


def voc(folder, objects, size=(40, 50), stem="000007", lists=None):
    """Adds a picture to a folder of VOC; objects are (class, difficult, xmin, ymin, xmax, ymax)."""
    picture(folder / "JPEGImages" / f"{stem}.jpg", size)
    (folder / "Annotations").mkdir(parents=True, exist_ok=True)
    rows = "".join(
        f"<object><name>{kind}</name><difficult>{difficult}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for kind, difficult, x1, y1, x2, y2 in objects
    )
    height, width = size
    shape = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    (folder / "Annotations" / f"{stem}.xml").write_text(f"<annotation>{shape}{rows}</annotation>")
    for name, stems in (lists or {}).items():
        path = folder / "ImageSets" / "Main" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(stems) + "\n")


def yolo(folder, text, size=(40, 80), stem="1"):
    """Adds a picture and its text of labels."""
    picture(folder / "images" / f"{stem}.png", size)
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    (folder / "labels" / f"{stem}.txt").write_text(text)
