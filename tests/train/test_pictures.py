"""Data sets of picture files: what is read is what was saved, damage is named, large sets are read when wanted."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from netspec import NetspecError
from netspec.train.data import IGNORED
from netspec.train.data.encoding import Encoding
from netspec.train.data.files import DataError, Place
from netspec.train.data.vision import pictures
from netspec.train.data.vision.masks import MaskValues
from netspec.train.data.vision.pictures import Damaged
from netspec.train.engine.batches.loader import BatchLoader

CPU = torch.device("cpu")


def save(path, seed=0, size=(10, 12), channels=3, **options):
    """A picture of noise, (height, width) = size; what it holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size if channels == 1 else (*size, channels)
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(array).save(path, **options)
    return array


def classes(folder, names=("ant", "bee", "cat"), each=5, **options):
    for label, name in enumerate(names):
        for number in range(each):
            save(folder / name / f"{number}.png", 100 * label + number, **options)


def masks(folder, count=6, values=(0, 255), size=(16, 16)):
    """Sections whose brightness is that of their masks, and the masks."""
    for number in range(count):
        index = np.random.default_rng(number).integers(0, len(values), size)
        (folder / "image").mkdir(parents=True, exist_ok=True)
        (folder / "label").mkdir(exist_ok=True)
        Image.fromarray((index * 10).astype(np.uint8)).save(folder / "image" / f"{number}.png")
        Image.fromarray(np.array(values, np.uint8)[index]).save(folder / "label" / f"{number}.png")


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_folder_for_each_class(data, place, tmp_path):
    classes(tmp_path / "pets")
    loaded = data('images("pets")').load(place)
    assert (loaded.shape, loaded.classes, loaded.names) == ((3, 10, 12), 3, ("ant", "bee", "cat"))
    assert (len(loaded.train), len(loaded.test)) == (12, 3)
    assert sorted(loaded.test.y.tolist()) == [0, 1, 2]
    saved = {}
    for label, name in enumerate(loaded.names):
        for number in range(5):
            array = np.asarray(Image.open(tmp_path / "pets" / name / f"{number}.png")).transpose(2, 0, 1)
            saved[array.tobytes()] = label
    for split in (loaded.train, loaded.test):
        assert [saved[x.tobytes()] for x in split.x] == split.y.tolist()


def test_folders_to_train_and_to_test_with(data, place, tmp_path):
    classes(tmp_path / "pets/train")
    classes(tmp_path / "pets/val", names=("ant", "cat"), each=2)
    loaded = data('images("pets")').load(place)
    assert (len(loaded.train), len(loaded.test)) == (15, 4)
    assert sorted(loaded.test.y.tolist()) == [0, 0, 2, 2]
    classes(tmp_path / "pets/val", names=("dog",), each=1)
    with pytest.raises(DataError, match="pets/val has the class dog, which pets/train lacks"):
        data('images("pets")').load(place)


def test_hidden_files_and_others_are_no_pictures(data, place, tmp_path):
    classes(tmp_path / "pets")
    (tmp_path / "pets/ant/notes.txt").write_text("mine")
    save(tmp_path / "pets/ant/.hidden.png")
    (tmp_path / "pets/.git").mkdir()
    loaded = data('images("pets")').load(place)
    assert len(loaded.train) + len(loaded.test) == 15


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif", "webp", "gif", "ppm"])
def test_formats(tmp_path, ending):
    array = save(tmp_path / f"a.{ending}", size=(20, 30))
    read = pictures.read(tmp_path / f"a.{ending}", "a", 3, None, "crop")
    assert read.shape == (3, 20, 30)
    if ending in ("png", "bmp", "tif", "ppm"):
        assert (read.transpose(1, 2, 0) == array).all()


def test_colour_grey_and_sixteen_bits(tmp_path):
    grey = save(tmp_path / "grey.png", channels=1)
    assert (pictures.read(tmp_path / "grey.png", "", 1, None, "crop")[0] == grey).all()
    assert (pictures.read(tmp_path / "grey.png", "", 3, None, "crop") == grey).all()
    assert pictures.header(tmp_path / "grey.png", "").grey
    deep = np.arange(120, dtype=np.uint16).reshape(10, 12) * 512
    Image.fromarray(deep).save(tmp_path / "deep.png")
    read = pictures.read(tmp_path / "deep.png", "", 3, None, "crop")
    assert read == pytest.approx(np.repeat(deep[None] / 65535, 3, 0), abs=1e-7)
    assert pictures.header(tmp_path / "deep.png", "").grey


def test_deep_pictures_are_scaled_by_what_the_file_says(tmp_path):
    """12 bits of a camera in a file of 16, as TIFF's MaxSampleValue and PGM's first line have them."""
    raw = np.arange(120, dtype=np.uint16).reshape(10, 12) * 34
    Image.fromarray(raw).save(tmp_path / "a.tif", tiffinfo={281: 4095})
    (tmp_path / "a.pgm").write_bytes(b"P5 12 10 4095\n" + raw.astype(">u2").tobytes())
    Image.fromarray(raw.astype(np.int32)).save(tmp_path / "b.tif", tiffinfo={281: 4095})
    for name in ("a.tif", "a.pgm", "b.tif"):
        assert pictures.read(tmp_path / name, "", 1, None, "crop")[0] == pytest.approx(raw / 4095, abs=1e-5), name
    Image.fromarray(raw.astype(np.float32)).save(tmp_path / "c.tif")
    assert (pictures.read(tmp_path / "c.tif", "", 1, None, "crop")[0] == raw).all(), "real numbers are as they are"
    Image.fromarray(raw.astype(np.int32)).save(tmp_path / "d.tif")
    with pytest.raises(DataError, match="holds whole numbers of 32 bits, and does not say which of them is white"):
        pictures.read(tmp_path / "d.tif", "d.tif", 1, None, "crop")


def test_a_folder_of_deep_pictures_is_real_numbers(data, place, tmp_path, monkeypatch):
    for name in ("ant", "bee"):
        (tmp_path / "deep" / name).mkdir(parents=True)
        for number in range(4):
            deep = np.random.default_rng(number).integers(0, 2**16, (8, 8)).astype(np.uint16)
            Image.fromarray(deep).save(tmp_path / "deep" / name / f"{number}.png")
    loaded = data('images("deep", size=8, channels=1)').load(place)
    assert (loaded.train.x.dtype, loaded.shape) == (np.float32, (1, 8, 8))
    monkeypatch.setattr("netspec.train.data.vision.images.IN_MEMORY", 0)
    lazy = data('images("deep")').load(place)
    assert (torch.cat([b.x for b in read_all(lazy)]).numpy() == np.concatenate([loaded.train.x, loaded.test.x])).all()
    shallow = save(tmp_path / "deep/ant/0.png", channels=1, size=(8, 8))
    mixed = torch.cat([batch.x for batch in read_all(data('images("deep")').load(place))])
    assert (mixed == torch.from_numpy(shallow / np.float32(255))).flatten(1).all(1).sum() == 1
    with pytest.raises(DataError, match=r"has more than 8 bits a pixel, and the first picture has 8"):
        pictures.read(tmp_path / "deep/ant/1.png", "", 1, None, "crop", deep=False)


@pytest.mark.parametrize("ending", ["tif", "gif", "webp", "png"])
def test_a_stack_of_pictures_is_refused(tmp_path, ending):
    pages = [Image.fromarray(np.full((6, 5), 40 * index, np.uint8)) for index in range(3)]
    pages[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=pages[1:])
    for read in (pictures.read_labels, lambda *a: pictures.read(*a[:2], 1, *a[2:])):
        with pytest.raises(DataError, match="holds 3 pictures, and which of them is meant is not said"):
            read(tmp_path / f"a.{ending}", "a", None, "crop")


@pytest.mark.parametrize("ending", ["tif", "png", "jpg"])
def test_a_picture_is_turned_once(tmp_path, ending):
    array = np.zeros((6, 10), np.uint8)
    array[0, 0] = 255
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(array).save(tmp_path / f"a.{ending}", exif=exif)
    head = pictures.header(tmp_path / f"a.{ending}", "a")
    read = pictures.read(tmp_path / f"a.{ending}", "a", 1, None, "crop")[0]
    assert (head.height, head.width) == read.shape == (10, 6)
    assert np.unravel_index(read.argmax(), read.shape) == (0, 5)


@pytest.mark.parametrize("kind", ["png", "tif", "int32", "float", "pgm", "small.pgm"])
def test_the_classes_of_a_mask_are_its_numbers_whatever_their_bits(tmp_path, kind):
    values = np.random.default_rng(0).integers(0, 21 if "pgm" in kind else 300, (9, 7))
    match kind:
        case "png" | "tif":
            Image.fromarray(values.astype(np.uint16)).save(path := tmp_path / f"a.{kind}")
        case "int32":
            Image.fromarray(values.astype(np.int32)).save(path := tmp_path / "a.tif")
        case "float":
            Image.fromarray(values.astype(np.float32)).save(path := tmp_path / "a.tif")
        case "pgm":
            (path := tmp_path / "a.pgm").write_bytes(b"P5 7 9 4095\n" + values.astype(">u2").tobytes())
        case _:
            (path := tmp_path / "a.pgm").write_bytes(b"P5 7 9 20\n" + values.astype(np.uint8).tobytes())
    assert (pictures.read_labels(path, "a", None, "crop") == values).all()
    larger = pictures.read_labels(path, "a", (18, 14), "stretch")
    assert (larger == values.repeat(2, 0).repeat(2, 1)).all()


def test_masks_that_hold_no_classes_are_refused(tmp_path):
    Image.fromarray(np.float32([[0.5, 1]])).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="holds real numbers, and a mask holds the number of a class a pixel"):
        pictures.read_labels(tmp_path / "a.tif", "a.tif", None, "crop")
    save(tmp_path / "a.jpg", channels=1)
    with pytest.raises(DataError, match="is a JPEG, which blurs the numbers that stand for classes"):
        pictures.read_labels(tmp_path / "a.jpg", "a.jpg", None, "crop")


@pytest.mark.parametrize(
    ("values", "classes", "expected", "count"),
    [
        ((0, 255), None, (0, 1), 2),
        ((0, 255), 2, (0, 1), 2),
        ((0, 1, 255), None, (0, 1, IGNORED), 2),
        ((0, 1, 255), 2, (0, 1, IGNORED), 2),
        ((1, 255), None, (1, IGNORED), 2),
        ((0, 1), 2, (0, 1), 2),
        ((3, 7), None, (0, 1), 2),
        ((0, 1, 2, 255), 3, (0, 1, 2, IGNORED), 3),
        ((0, 254, 255, 300), None, (0, 254, 255, 300), 301),
        ((0, 300, 65535), None, (0, 300, IGNORED), 301),
        ((0, 65535), None, (0, 1), 2),
        ((0, 255), 256, (0, 255), 256),
    ],
    ids=str,
)
def test_one_meaning_a_value(values, classes, expected, count):
    """255 is white where there is nothing but black beside it, a class where there are so many, else void."""
    meaning = MaskValues.of(set(values), classes) if classes is None or classes <= 2 else MaskValues.counted(classes)
    assert meaning.classes(np.array(values)).tolist() == list(expected)
    assert len(meaning) == count


def test_a_border_around_a_mask_does_not_count(data, place, tmp_path):
    masks(tmp_path, values=(0, 1, 2))
    loaded = data('segmentation("image", "label", size=[16, 24], fit=pad)').load(place)
    assert loaded.ignores
    assert (loaded.train.y[:, :, :4] == IGNORED).all()
    assert (loaded.train.y[:, :, 4:20] >= 0).all()
    clear = save(tmp_path / "clear.png", channels=4)
    assert (pictures.read(tmp_path / "clear.png", "", 3, None, "crop").transpose(1, 2, 0) == clear[..., :3]).all()


def test_a_picture_is_the_right_way_up(tmp_path):
    array = save(tmp_path / "a.png")
    turned = Image.fromarray(np.rot90(array))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "b.png", exif=exif)
    assert (pictures.read(tmp_path / "b.png", "", 3, None, "crop").transpose(1, 2, 0) == array).all()
    head = pictures.header(tmp_path / "b.png", "")
    assert (head.height, head.width) == (10, 12)


@pytest.mark.parametrize(("fit", "middle"), [("crop", True), ("pad", False), ("stretch", False)])
def test_another_size(tmp_path, fit, middle):
    array = np.zeros((10, 30), np.uint8)
    array[:, 10:20] = 200
    Image.fromarray(array).save(tmp_path / "a.png")
    read = pictures.read(tmp_path / "a.png", "", 1, (10, 10), fit)
    assert read.shape == (1, 10, 10)
    assert (read == 200).all() == middle


def test_parts_are_taken_of_the_file_as_it_is(data, place, tmp_path):
    for name in ("ant", "bee"):
        for number in range(5):
            path = tmp_path / "pets" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.arange(96, dtype=np.uint8)[None].repeat(64, 0)).save(path)  # a ramp from left to right
    loaded = data('images("pets", size=16, part=[0.1, 0.5])').load(place)
    assert loaded.test.x.shape == (2, 1, 16, 16)
    loader = BatchLoader(loaded.train, [Encoding()], CPU)
    plan = [torch.arange(8)]
    epochs = [next(loader.batches(plan, seed=0, epoch=epoch)).x for epoch in (0, 1, 0)]
    assert torch.equal(epochs[0], epochs[2])
    assert not torch.equal(epochs[0], epochs[1])
    widths = [float(x[0, 0, -1] - x[0, 0, 0]) * 255 * 16 / 15 for x in torch.cat(epochs[:2])]
    area, ratio = 64 * 96, 4 / 3
    assert min(widths) > (0.1 * area / ratio) ** 0.5 - 3
    assert max(widths) < (0.5 * area * ratio) ** 0.5 + 3
    assert max(widths) - min(widths) > 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('images("pets", part=[0.1, 0.5])', "the size has to be said"),
        ('images("pets", size=8, part=[0.5, 0.1])', r"part is \[low, high\]"),
        ('images("pets", size=8, part=[0.5, 2])', r"part is \[low, high\]"),
    ],
)
def test_parts_that_are_none(data, text, message):
    with pytest.raises(NetspecError, match=message):
        data(text)


def test_pictures_that_differ_in_size_need_one(data, place, tmp_path):
    classes(tmp_path / "pets")
    save(tmp_path / "pets/bee/9.png", size=(20, 25))
    with pytest.raises(DataError, match=r"pets/ant/\d.png is 10 x 12, pets/bee/9.png is 20 x 25") as error:
        data('images("pets")').load(place)
    assert error.value.help == "say a size that all are brought to: images(..., size=10)"
    assert data('images("pets", size=8)').load(place).shape == (3, 8, 8)
    assert data('images("pets", size=[8, 9], channels=1)').load(place).shape == (1, 8, 9)


def test_a_folder_of_nearly_that_name_is_proposed(data, place, tmp_path):
    classes(tmp_path / "pets")
    with pytest.raises(DataError, match="there is no folder pest") as error:
        data('images("pest")').load(place)
    assert error.value.help == "did you mean pets?"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "there is no folder pets"),
        (lambda folder: folder.mkdir(), "pets holds no folders"),
        (lambda folder: (folder / "ant").mkdir(parents=True), "the folder pets/ant holds no pictures"),
        (lambda folder: classes(folder, names=("ant",), each=1), "two samples at least"),
    ],
)
def test_folders_that_are_refused(data, place, tmp_path, make, message):
    make(tmp_path / "pets")
    with pytest.raises(DataError, match=message):
        data('images("pets")').load(place)


def test_folders_outside_the_project(data, tmp_path):
    classes(tmp_path / "pets")
    inside = Place(tmp_path / "project", tmp_path / "project")
    with pytest.raises(DataError, match="outside the project") as error:
        data('images("../pets")').load(inside)
    assert "--data FOLDER" in error.value.help
    assert data('images(".")').load(Place(tmp_path / "pets", tmp_path / "pets", named=True)).classes == 3
    with pytest.raises(DataError, match="outside the folder of --data"):
        data('images("..")').load(Place(tmp_path / "pets", tmp_path / "pets", named=True))


DAMAGE = {
    "cut": cut,
    "text": lambda path: path.write_text("no picture"),
    "empty": lambda path: path.write_bytes(b""),
    "head": lambda path: path.write_bytes(path.read_bytes()[:20]),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("lazy", [False, True])
def test_a_damaged_picture_is_named_or_left_out(data, tmp_path, monkeypatch, kind, lazy):
    if lazy:
        monkeypatch.setattr("netspec.train.data.vision.images.IN_MEMORY", 0)
    classes(tmp_path / "pets")
    DAMAGE[kind](tmp_path / "pets/bee/3.png")
    with pytest.raises(Damaged, match=r"pets/bee/3\.png is (damaged|no picture)") as error:
        read_all(data('images("pets")').load(Place(tmp_path, tmp_path)))
    assert "--skip-bad" in error.value.help
    loaded = data('images("pets")').load(Place(tmp_path, tmp_path, skip_bad=True))
    assert loaded.skipped == ("pets/bee/3.png",)
    assert sum(len(batch) for batch in read_all(loaded)) == 14


def read_all(loaded, workers=0):
    return [
        batch
        for split in (loaded.train, loaded.test)
        for batch in BatchLoader(split, [Encoding()], CPU, workers).in_turn(4)
    ]


def test_a_set_of_nothing_but_damage(data, tmp_path):
    classes(tmp_path / "pets", each=1)
    for path in (tmp_path / "pets").rglob("*.png"):
        cut(path)
    with pytest.raises(DataError, match="not one of the pictures can be read"):
        data('images("pets", size=8, channels=3)').load(Place(tmp_path, tmp_path, skip_bad=True))


def bomb(path, side=60_000):
    """A PNG of a few bytes that claims to be so large, as its header says and its checksum agrees."""
    head = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (head, rows)
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


@pytest.mark.parametrize("line", ['images("pets", size=8)', 'images("pets")', 'images("pets", size=8, channels=3)'])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_picture_that_claims_to_be_huge_is_named_or_left_out(data, tmp_path, monkeypatch, line, lazy):
    if lazy:
        monkeypatch.setattr("netspec.train.data.vision.images.IN_MEMORY", 0)
    classes(tmp_path / "pets")
    bomb(tmp_path / "pets/bee/3.png")
    with pytest.raises(Damaged, match=r"pets/bee/3\.png claims to hold more pixels") as error:
        read_all(data(line).load(Place(tmp_path, tmp_path)))
    assert "--skip-bad" in error.value.help
    assert data(line).load(Place(tmp_path, tmp_path, skip_bad=True)).skipped == ("pets/bee/3.png",)


def test_a_mask_that_claims_to_be_huge_is_left_out_with_its_picture(data, tmp_path):
    masks(tmp_path, 8)
    bomb(tmp_path / "label/3.png")
    line = 'segmentation("image", "label", size=8)'
    with pytest.raises(Damaged, match=r"label/3\.png claims to hold more pixels"):
        data(line).load(Place(tmp_path, tmp_path))
    loaded = data(line).load(Place(tmp_path, tmp_path, skip_bad=True))
    assert (loaded.skipped, len(loaded.train) + len(loaded.test)) == (("label/3.png",), 7)


@pytest.mark.parametrize("what", ["picture", "class", "part"])
def test_links_do_not_leave_the_project(data, tmp_path, what):
    """What a link leads to outside is refused by its name; links inside are followed."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    classes(project / "pets/train", each=2)
    classes(project / "pets/test", each=2)
    save(elsewhere / "0.png")
    inside = project / "pets/train/ant/inside.png"
    inside.symlink_to(project / "pets/train/bee/0.png")
    place = Place(project, project)
    assert len(data('images("pets")').load(place).train) == 7
    match what:
        case "picture":
            link, names = project / "pets/train/bee/9.png", "pets/train/bee/9.png"
            link.symlink_to(elsewhere / "0.png")
        case "class":
            link, names = project / "pets/train/dog", "pets/train/dog/0.png"
            link.symlink_to(elsewhere, target_is_directory=True)
        case "part":
            classes(elsewhere / "val", each=2)
            link, names = project / "pets/val", "pets/val/ant/0.png"
            link.symlink_to(elsewhere / "val", target_is_directory=True)
    with pytest.raises(DataError) as error:
        data('images("pets")').load(place)
    assert error.value.message == f'"{names}" leads by a link outside the project'
    assert "--data FOLDER" in error.value.help


def test_links_to_masks_do_not_leave_the_project(data, tmp_path):
    masks(tmp_path / "project")
    mask = tmp_path / "project/label/3.png"
    mask.rename(tmp_path / "3.png")
    mask.symlink_to(tmp_path / "3.png")
    with pytest.raises(DataError, match=r'"label/3\.png" leads by a link outside the project'):
        data('segmentation("image", "label")').load(Place(tmp_path / "project", tmp_path / "project"))
    named = Place(tmp_path, tmp_path, named=True)
    assert data('segmentation("project/image", "project/label")').load(named).classes == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_read_when_wanted_is_what_is_read_at_once(data, place, tmp_path, monkeypatch, workers):
    classes(tmp_path / "pets")
    held = data('images("pets", size=8)').load(place)
    monkeypatch.setattr("netspec.train.data.vision.images.IN_MEMORY", 0)
    lazy = data('images("pets", size=8)').load(place)
    assert (lazy.train.source is not None, held.train.source) == (True, None)
    assert (lazy.shape, lazy.target, len(lazy.train)) == (held.shape, held.target, len(held.train))
    feeds = [BatchLoader(split.train, [Encoding()], CPU, workers) for split in (held, lazy)]
    places = feeds[0].order(3, 1)
    assert torch.equal(feeds[1].order(3, 1), places)
    plan = list(places.split(5))
    for _ in range(2):
        for one, other in zip(*(feed.batches(plan) for feed in feeds), strict=True):
            assert torch.equal(one.x, other.x)
            assert torch.equal(one.y, other.y)
    rest = list(feeds[1].batches(plan[1:]))
    assert torch.equal(rest[0].x, feeds[0].batch(plan[1]).x)
    assert torch.equal(feeds[1].slice(2, 5).x, feeds[0].slice(2, 5).x)
    assert torch.equal(feeds[1].batch(places[:3]).x, feeds[0].batch(places[:3]).x)


@pytest.mark.parametrize("workers", [0, 2])
def test_damage_is_named_by_whoever_reads(data, place, tmp_path, monkeypatch, workers):
    monkeypatch.setattr("netspec.train.data.vision.images.IN_MEMORY", 0)
    classes(tmp_path / "pets")
    loaded = data('images("pets", size=8, channels=3)').load(place)
    cut(tmp_path / "pets/cat/2.png")
    with pytest.raises(DataError, match=r"pets/cat/2\.png is damaged") as error:
        read_all(loaded, workers)
    assert "Traceback" not in error.value.message


def test_masks_beside_pictures(data, place, tmp_path):
    masks(tmp_path)
    loaded = data('segmentation("image", "label")').load(place)
    assert (loaded.shape, loaded.target, loaded.classes, loaded.exact) == ((1, 16, 16), (16, 16), 2, False)
    assert (len(loaded.train), len(loaded.test), loaded.ignores) == (5, 1, False)
    assert (loaded.train.x[:, 0] == loaded.train.y * 10).all()


def test_masks_of_several_classes_and_pixels_that_do_not_count(data, place, tmp_path):
    masks(tmp_path, values=(0, 1, 2, 3, 255))
    loaded = data('segmentation("image", "label")').load(place)
    assert (loaded.classes, loaded.ignores) == (4, True)
    assert (np.where(loaded.train.y == IGNORED, 40, loaded.train.y * 10) == loaded.train.x[:, 0]).all()
    assert data('segmentation("image", "label", classes=7)').load(place).classes == 7
    with pytest.raises(DataError, match=r"label/\d.png holds the value 3, and there are 3 classes"):
        data('segmentation("image", "label", classes=3)').load(place)


def test_masks_with_a_palette(data, place, tmp_path):
    masks(tmp_path, values=(0, 1, 2))
    for path in (tmp_path / "label").iterdir():
        painted = Image.fromarray(np.asarray(Image.open(path)), mode=None).convert("P")
        painted.putdata(list(np.asarray(Image.open(path)).ravel().tolist()))
        painted.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
        painted.save(path)
    loaded = data('segmentation("image", "label")').load(place)
    assert loaded.classes == 3
    assert (loaded.train.x[:, 0] == loaded.train.y * 10).all()


def test_masks_are_never_interpolated(data, place, tmp_path):
    masks(tmp_path, values=(0, 1, 2, 3))
    loaded = data('segmentation("image", "label", size=[24, 20])').load(place)
    assert (loaded.shape, loaded.target) == ((1, 24, 20), (24, 20))
    assert set(np.unique(loaded.train.y).tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("lazy", [False, True])
def test_folders_of_masks_to_test_with(data, place, tmp_path, monkeypatch, lazy):
    if lazy:
        monkeypatch.setattr("netspec.train.data.vision.images.IN_MEMORY", 0)
    masks(tmp_path / "a")
    masks(tmp_path / "b", count=2)
    line = 'segmentation("a/image", "a/label", test_images="b/image", test_masks="b/label")'
    loaded = data(line).load(place)
    assert (len(loaded.train), len(loaded.test)) == (6, 2)
    batch = BatchLoader(loaded.test, [Encoding()], CPU).slice(0, 2)
    assert torch.equal((batch.x[:, 0] * 255).round().long(), batch.y * 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "label/3.png").unlink(), "image/3.png has no mask in label"),
        (lambda folder: save(folder / "label/3.png", size=(16, 16)), "the mask label/3.png is in colour"),
        (lambda folder: cut(folder / "label/3.png"), "label/3.png is damaged"),
        (lambda folder: save(folder / "label/3.png", size=(16, 18), channels=1), "label/3.png is 16 x 18"),
    ],
)
def test_masks_that_are_refused(data, place, tmp_path, change, message):
    masks(tmp_path)
    change(tmp_path)
    with pytest.raises(DataError, match=message):
        data('segmentation("image", "label")').load(place)


def test_damaged_masks_are_left_out_with_their_pictures(data, tmp_path):
    masks(tmp_path)
    cut(tmp_path / "label/3.png")
    cut(tmp_path / "image/4.png")
    loaded = data('segmentation("image", "label")').load(Place(tmp_path, tmp_path, skip_bad=True))
    assert set(loaded.skipped) == {"image/4.png", "label/3.png"}
    assert len(loaded.train) + len(loaded.test) == 4
