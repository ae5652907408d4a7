"""Data sets: what is loaded is what was published, and what cannot be loaded is refused in words."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from netspec.train.data import DATA
from netspec.train.data.files import DataError, Place


def arrays(count=12, shape=(1, 8), classes=3):
    x = np.arange(count * int(np.prod(shape)), dtype=np.float32).reshape(count, *shape)
    return {"x": x, "y": np.arange(count) % classes}


def test_mnist1d_is_the_published_set(data, place):
    loaded = data("mnist1d").load(place)
    assert loaded.train.x.shape == (4000, 1, 40)
    assert loaded.test.x.shape == (1000, 1, 40)
    assert loaded.train.y[:10].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1]
    assert np.bincount(np.concatenate([loaded.train.y, loaded.test.y])).tolist() == [500] * 10
    np.testing.assert_allclose(loaded.train.x[0, 0, :3], [-0.33200567, -0.47191037, -0.77869708], rtol=1e-6)


def test_mnist1d_is_what_its_authors_program_makes(data, place):
    from mnist1d.data import get_dataset_args, make_dataset

    loaded, made = data("mnist1d").load(place), make_dataset(get_dataset_args())
    for split, end in ((loaded.train, ""), (loaded.test, "_test")):
        assert (split.x[:, 0] == made[f"x{end}"].astype("float32")).all()
        assert (split.y == made[f"y{end}"]).all()


def test_digits_are_split_alike_each_time(data, place):
    first, again, other = (data(text).load(place) for text in ("digits", "digits", "digits(split=1)"))
    assert len(first.train) + len(first.test) == 1797
    assert len(first.test) == 359
    assert np.bincount(first.test.y).min() >= 34
    assert (first.train.x == again.train.x).all()
    assert (first.train.y != other.train.y).any()
    assert (first.train.x.min(), first.train.x.max()) == (0, 1)


def test_digits_of_another_size(data, place):
    loaded = data("digits(size=32)").load(place)
    assert loaded.shape == (1, 32, 32)
    small = data("digits").load(place)
    np.testing.assert_allclose(loaded.train.x.mean(), small.train.x.mean(), rtol=0.02)


@pytest.mark.parametrize("name", ["digits", "mnist1d"])
def test_the_outline_is_that_of_the_data(data, place, name):
    loaded, outline = data(name).load(place), data(name).outline()
    assert (loaded.shape, loaded.classes, loaded.target) == (outline.shape, outline.classes, outline.target)


def test_adapting(data):
    x = np.zeros((5, 1, 40), np.float32)
    assert data("mnist1d").adapt(x, (40,)).shape == (5, 40)
    assert data("mnist1d").adapt(x, (1, 40)).shape == (5, 1, 40)
    assert data("mnist1d").adapt(x, (1, 20)) is None
    assert data("mnist1d").adapt(x, (2, 20)) is None
    assert data("mnist1d").adapt(x[:, 0], (1, 40)).shape == (5, 1, 40)


def test_npz_with_four_arrays(data, place, tmp_path):
    given = arrays()
    np.savez(tmp_path / "a.npz", x_train=given["x"], y_train=given["y"], x_test=given["x"][:3], y_test=given["y"][:3])
    loaded = data('npz("a.npz")').load(place)
    assert (len(loaded.train), len(loaded.test), loaded.classes, loaded.exact) == (12, 3, 3, False)
    assert (loaded.train.x == given["x"]).all()


def test_npz_with_two_arrays_is_split(data, place, tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **arrays())
    loaded = data('npz("a.npz", test=0.25, classes=5)').load(place)
    assert (len(loaded.train), len(loaded.test), loaded.classes, loaded.exact) == (9, 3, 5, True)
    assert sorted(loaded.test.y.tolist()) == [0, 1, 2]


def test_npz_of_real_numbers_and_of_bytes(data, place, tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((10, 4), np.uint8), y=np.linspace(0, 1, 10))
    loaded = data('npz("a.npz")').load(place)
    assert loaded.classes is None
    assert loaded.train.y.dtype == np.float32
    assert loaded.train.x.dtype == np.uint8


def test_npz_in_a_folder_beside_the_spec(data, tmp_path):
    (tmp_path / "specs").mkdir()
    np.savez(tmp_path / "a.npz", **arrays())
    assert len(data('npz("../a.npz")').load(Place(tmp_path / "specs", tmp_path)).train) == 10


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../a.npz", "outside the project"),
        ("/etc/passwd", "relative to the spec"),
        ("a\\\\b.npz", "relative to the spec"),
        ("", "relative to the spec"),
        ("none.npz", "there is no file none.npz"),
        (".", "is a folder"),
        ("link.npz", "outside the project"),
    ],
)
def test_paths_that_are_refused(data, place, tmp_path, path, message):
    (tmp_path / "link.npz").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match=message):
        data(f'npz("{path}")').load(place)


def packed(path, *, shape, count, compression=zipfile.ZIP_DEFLATED):
    """An archive with an array of that shape in its header, and `count` zeros after it."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", compression) as archive, archive.open("x.npy", "w", force_zip64=True) as file:
        file.write(head.getvalue())
        for start in range(0, count, 2**24):
            file.write(bytes(min(2**24, count - start)))


def claim(path, size):
    """Has the directory of an archive say of its first file that it unpacks to so many bytes."""
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(content)


def test_an_archive_that_unpacks_to_too_much_is_refused_by_what_it_says(data, place, tmp_path):
    """8 GB never come to be: what the archive says of itself is enough; and what says too little is read no further."""
    packed(tmp_path / "a.npz", shape=(2**30 + 1,), count=2**30 + 1)
    with pytest.raises(DataError, match=r"a\.npz unpacks to 1\.1 GB, 1,0\d\d times its own size") as error:
        data('npz("a.npz")').load(place)
    assert "without compression" in error.value.help
    packed(tmp_path / "b.npz", shape=(8,), count=8)
    claim(tmp_path / "b.npz", 4_000_000_000)
    with pytest.raises(DataError, match=r"b\.npz unpacks to 4\.0 GB, .* times its own size"):
        data('npz("b.npz")').load(place)
    packed(tmp_path / "c.npz", shape=(2**33,), count=8)
    with pytest.raises(DataError, match=r"c\.npz is cut off: x is to have 8,589,934,592 bytes, and 136 are there"):
        data('npz("c.npz")').load(place)


def test_an_archive_larger_than_memory_allows_is_refused(data, place, tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", **arrays())
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PAGE_SIZE": 1024, "SC_PHYS_PAGES": 2}[name])
    with pytest.raises(DataError, match=r"unpacks to 0\.0 GB, and this machine has 0 GB of memory"):
        data('npz("a.npz")').load(place)


@pytest.mark.parametrize("line", ['npz("a")', 'csv("a", target=b)', 'series("a", window=4)', 'text("a")', 'mnist("a")'])
def test_a_pipe_is_not_waited_for(data, place, tmp_path, line):
    os.mkfifo(tmp_path / "a")
    with pytest.raises(DataError, match=r"it is a pipe, not a file"):
        data(line).load(place)


def test_published_files_do_not_leave_the_project(data, tmp_path):
    write_mnist(tmp_path / "elsewhere")
    (tmp_path / "project/data").mkdir(parents=True)
    (tmp_path / "project/data/mnist").mkdir()
    for path in (tmp_path / "elsewhere").iterdir():
        (tmp_path / "project/data/mnist" / path.name).symlink_to(path)
    with pytest.raises(DataError, match=r'"data/mnist/train-images-idx3-ubyte" leads by a link outside the project'):
        data("mnist").load(Place(tmp_path / "project", tmp_path / "project"))
    assert len(data("mnist").load(Place(tmp_path / "elsewhere", tmp_path / "elsewhere", named=True)).train) == 20


def test_a_near_file_is_proposed(data, place, tmp_path):
    np.savez(tmp_path / "signals.npz", **arrays())
    with pytest.raises(DataError) as error:
        data('npz("signal.npz")').load(place)
    assert error.value.help == "did you mean signals.npz?"


class Harmful:
    """A pickle that would say so if it were ever run."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


def damaged(path):
    np.savez_compressed(path, x=np.random.default_rng(0).random((50, 4)), y=np.zeros(50, int))
    content = bytearray(path.read_bytes())
    content[100:140] = b"\xff" * 40
    path.write_bytes(content)


def cut(path):
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[:200])


def huge(path):
    np.savez(path, **arrays())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("z.npy", b"")
    content = path.read_bytes()
    entry = content.rindex(b"PK\x01\x02")
    path.write_bytes(content[: entry + 24] + struct.pack("<I", 0xFFFFFFF0) + content[entry + 28 :])


def headed(header):
    """An archive whose array says this of itself."""

    def make(path):
        text = header.encode() + b"\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(64))

    return make


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
UNREADABLE = {
    "header not closed": (headed(HEADER % "(4,1,8,8"), "the header of an array is damaged"),
    "header of a long number": (headed(HEADER % f"({'9' * 20},)"), "the header of an array is damaged"),
    "header of a call": (headed(HEADER % "f()"), "the header of an array is damaged"),
    "header of a word": (headed(HEADER % "'x'"), "the header of an array is damaged"),
    "header of less than nothing": (headed(HEADER % "(4, -64)"), "the header of an array is damaged"),
    "header of another dictionary": (headed("{'descr': '<f4'}"), "the header of an array is damaged"),
    "header of brackets": (headed("(" * 5000), "the header of an array is damaged"),
    "pickle": (lambda path: path.write_bytes(pickle.dumps(Harmful())), "no NumPy archive"),
    "objects": (lambda path: np.savez(path, x=np.array([Harmful()], object), y=np.zeros(1)), "Python objects"),
    "text": (lambda path: path.write_text("x,y\n1,2\n"), "no NumPy archive"),
    "empty": (lambda path: path.write_bytes(b""), "no NumPy archive"),
    "damaged": (damaged, "cannot be read"),
    "cut": (cut, "no NumPy archive, or is damaged"),
    "no y": (lambda path: np.savez(path, x=np.zeros((3, 2))), "holds no array y_train or y"),
    "no test": (lambda path: np.savez(path, x_train=np.zeros((3, 2)), y_train=np.zeros(3, int)), "no array x_test"),
    "lengths": (lambda path: np.savez(path, x=np.zeros((3, 2)), y=np.zeros(4)), "do not go together"),
    "flat": (lambda path: np.savez(path, x=np.zeros(3), y=np.zeros(3)), "do not go together"),
    "nothing": (lambda path: np.savez(path, x=np.zeros((0, 2)), y=np.zeros(0)), "holds no samples"),
    "one": (lambda path: np.savez(path, x=np.zeros((1, 2)), y=np.zeros(1)), "two samples at least"),
    "words": (lambda path: np.savez(path, x=np.array([["a"]]), y=np.zeros(1)), "training takes numbers"),
    "complex": (lambda path: np.savez(path, x=np.zeros((3, 2), complex), y=np.zeros(3)), "training takes numbers"),
    "nan": (lambda path: np.savez(path, x=np.array([[0, np.nan], [1, 1]]), y=np.zeros(2)), r"1 entry .* at \[0, 1\]"),
    "negative": (lambda path: np.savez(path, x=np.zeros((2, 2)), y=np.array([0, -1])), "count from 0"),
    "shapes": (
        lambda path: np.savez(
            path, x_train=np.zeros((2, 2)), y_train=np.zeros(2), x_test=np.zeros((2, 3)), y_test=np.zeros(2)
        ),
        "differ in shape",
    ),
    "kinds": (
        lambda path: np.savez(
            path, x_train=np.zeros((2, 2)), y_train=np.zeros(2), x_test=np.zeros((2, 2)), y_test=np.zeros(2, int)
        ),
        "different kinds",
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_npz_files_that_are_refused(data, place, tmp_path, kind):
    make, message = UNREADABLE[kind]
    make(tmp_path / "a.npz")
    with pytest.raises(DataError, match=message):
        data('npz("a.npz")').load(place)


def test_an_archive_that_would_fill_the_memory_is_refused(data, place, tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((1000, 1000)), y=np.zeros(1000))
    monkeypatch.setattr("os.sysconf", lambda name: 1000)
    with pytest.raises(DataError, match="and this machine has"):
        data('npz("a.npz")').load(place)


def test_more_classes_than_said(data, place, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays())
    with pytest.raises(DataError, match="said to hold 2 classes, and there is a class 2"):
        data('npz("a.npz", classes=2)').load(place)


def write_mnist(folder, *, packed=False, train=20, test=10, cut=0):
    """Files in MNIST's format; their digest is that of nothing published."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for name, count in (("train", train), ("t10k", test)):
        images = generator.integers(0, 256, (count, 28, 28), np.uint8).tobytes()
        labels = (np.arange(count) % 10).astype(np.uint8).tobytes()
        pieces = {
            f"{name}-images-idx3-ubyte": struct.pack(">IIII", 0x803, count, 28, 28) + images[: len(images) - cut],
            f"{name}-labels-idx1-ubyte": struct.pack(">II", 0x801, count) + labels,
        }
        for file, content in pieces.items():
            path = folder / (f"{file}.gz" if packed else file)
            path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_from_its_published_files(data, place, tmp_path, packed):
    write_mnist(tmp_path / "data/mnist", packed=packed)
    loaded = data("mnist").load(place)
    assert (loaded.shape, loaded.classes, len(loaded.train), len(loaded.test)) == ((1, 28, 28), 10, 20, 10)
    digest = hashlib.sha256(loaded.train.x.tobytes()).hexdigest()
    expected = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    assert digest == hashlib.sha256(expected.tobytes()).hexdigest()


def test_mnist_with_the_border_of_lenet(data):
    x = np.ones((2, 1, 28, 28), np.uint8)
    bordered = data("mnist").adapt(x, (1, 32, 32))
    assert bordered.shape == (2, 1, 32, 32)
    assert bordered.sum() == x.sum()
    assert (bordered[:, :, 2:-2, 2:-2] == 1).all()


def test_mnist_that_is_not_there_says_how_to_get_it(data, place, tmp_path):
    with pytest.raises(DataError) as error:
        data('mnist("digits")').load(place)
    assert error.value.message == "the files of MNIST are not in digits"
    assert "missing: t10k-labels-idx1-ubyte, or t10k-labels-idx1-ubyte.gz" in error.value.notes
    assert "https://" in error.value.help
    assert str(tmp_path / "digits") in error.value.help


def test_mnist_that_is_damaged(data, place, tmp_path):
    write_mnist(tmp_path / "data/mnist", cut=5)
    with pytest.raises(
        DataError, match="train-images-idx3-ubyte is damaged: it should hold 15,680 bytes and holds 15,675"
    ):
        data("mnist").load(place)
    (tmp_path / "data/mnist/train-images-idx3-ubyte").write_bytes(b"<html>")
    with pytest.raises(DataError, match="no IDX file"):
        data("mnist").load(place)
    (tmp_path / "data/mnist/train-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, 2**31, 2**20, 2**20))
    with pytest.raises(DataError, match="claims to hold"):
        data("mnist").load(place)


def test_every_data_set_says_what_it_is():
    for name in DATA:
        assert "Shape:" in (DATA[name].__doc__ or "")
