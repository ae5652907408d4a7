"""Data sets in tables: signals, series, texts; and those of the hub, from Python, and in their published files."""

from __future__ import annotations

import csv
import struct
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from netspec.train.data.encoding import Encoding
from netspec.train.data.files import DataError, Place
from netspec.train.data.python_data import PythonData
from netspec.train.data.tables import ALPHABET, characters, mu_law, text_of
from netspec.train.engine.batches.loader import BatchLoader

CPU = torch.device("cpu")


def write(path, rows, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def test_signals_with_their_class_first(data, place, tmp_path):
    """As in the UCR archive: no names, classes from 1 as reals."""
    x = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    write(tmp_path / "a.tsv", [[f"{1 + i % 2:.7e}", *map(str, row)] for i, row in enumerate(x)], "\t")
    loaded = data('csv("a.tsv")').load(place)
    assert (loaded.shape, loaded.classes, loaded.names, loaded.exact) == ((1, 6), 2, ("1", "2"), False)
    assert (len(loaded.train), len(loaded.test)) == (16, 4)
    rows = {row.tobytes(): i % 2 for i, row in enumerate(x)}
    assert [rows[sample.tobytes()] for sample in loaded.train.x[:, 0]] == loaded.train.y.tolist()


def test_signals_with_names_and_channels(data, place, tmp_path):
    write(
        tmp_path / "a.csv",
        [["x1", "x2", "y1", "y2", "kind"]] + [[i, i + 1, -i, -i - 1, "ab"[i % 2]] for i in range(10)],
    )
    loaded = data('csv("a.csv", target="kind", channels=2)').load(place)
    assert (loaded.shape, loaded.names) == ((2, 2), ("a", "b"))
    for x, y in zip(loaded.train.x, loaded.train.y, strict=True):
        i = x[0, 0]
        assert x.tolist() == [[i, i + 1], [-i, -i - 1]]
        assert y == i % 2
    assert data('csv("a.csv", target=-1, channels=4)').load(place).shape == (4, 1)
    with pytest.raises(DataError, match="4 values a row, which are not those of 3 channels"):
        data('csv("a.csv", target="kind", channels=3)').load(place)


def test_signals_with_a_real_target(data, place, tmp_path):
    write(tmp_path / "a.csv", [["a", "b", "t"], *([i, i, i / 2] for i in range(10))])
    loaded = data('csv("a.csv", target="t", real=true)').load(place)
    assert loaded.classes is None
    assert (loaded.train.y == loaded.train.x[:, 0, 0] / 2).all()


def test_a_table_to_test_with_has_the_same_classes(data, place, tmp_path):
    write(tmp_path / "a.csv", [[i % 3 + 5, i] for i in range(9)])
    write(tmp_path / "b.csv", [[7, 1], [5, 2]])
    loaded = data('csv("a.csv", test_file="b.csv")').load(place)
    assert (len(loaded.train), loaded.test.y.tolist(), loaded.test.x.ravel().tolist()) == (9, [2, 0], [1, 2])
    write(tmp_path / "b.csv", [[7, 1, 1]])
    with pytest.raises(DataError, match=r"a\.csv has 2 columns, and b\.csv 3"):
        data('csv("a.csv", test_file="b.csv")').load(place)


BAD_TABLES = {
    "none.csv": (None, "there is no file none.csv"),
    "empty.csv": ("", "empty.csv is empty"),
    "blank.csv": ("\n\n", "blank.csv is empty"),
    "short.csv": ("0,1,2\n1,2,3\n0,1\n", "short.csv has 2 cells in line 3, and 3 in the first"),
    "word.csv": ("0,1,2\n1,x,3\n", 'holds "x" in line 2, column 1, instead of a number'),
    "gap.csv": ("a,b,c\n0,1,2\n1,,3\n", "gap.csv holds nothing in line 3, column 1, instead of a number"),
    "nan.csv": ("0,1,2\n1,nan,3\n", 'nan.csv holds "nan" in line 2'),
    "bytes.csv": (b"0,1,\xff\xfe\n", "bytes.csv is no text in UTF-8"),
    "alone.csv": ("0\n1\n", "alone.csv has 0 values a row"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_tables_that_are_refused(data, place, tmp_path, name):
    content, message = BAD_TABLES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        data(f'csv("{name}")').load(place)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('csv("a.csv", target="c")', "a.csv has no column c"),
        ('csv("a.csv", target=2)', "a.csv has 2 columns, and no column 2"),
    ],
)
def test_columns_that_are_not_there(data, place, tmp_path, line, message):
    write(tmp_path / "a.csv", [["a", "b"], [0, 1], [1, 2]])
    with pytest.raises(DataError, match=message):
        data(line).load(place)


def test_a_series_in_windows(data, place, tmp_path):
    write(tmp_path / "a.csv", [["up", "down"], *([i, -i] for i in range(100))])
    loaded = data('series("a.csv", window=10, step=5, ahead=2, target="up", test=0.3)').load(place)
    assert (loaded.shape, loaded.target, loaded.classes) == ((2, 10), (1, 10), None)
    assert (len(loaded.train), len(loaded.test)) == (12, 4)
    for split, start in ((loaded.train, 0), (loaded.test, 70)):
        for index in range(len(split)):
            x, y = split.source[index]
            first = start + 5 * index
            assert x[0].tolist() == list(range(first, first + 10))
            assert y[0].tolist() == list(range(first + 2, first + 12))
            assert (x[1] == -x[0]).all()
    last = loaded.train.source[len(loaded.train) - 1][1]
    assert last.max() < 70, "nothing of the test part is trained on"
    with pytest.raises(DataError, match="too short: both of its parts need 42 moments at least"):
        data('series("a.csv", window=40, ahead=2)').load(place)


def test_the_mu_law():
    levels = mu_law(np.array([-1.0, 0.0, 1.0]), 256)
    assert levels.tolist() == [0, 128, 255]
    values = np.linspace(-1, 1, 10_001)
    coded = mu_law(values, 256)
    assert (np.diff(coded) >= 0).all()
    back = 2 * np.arange(256) / 255 - 1
    decoded = np.sign(back) * (256 ** np.abs(back) - 1) / 255
    assert mu_law(decoded, 256).tolist() == list(range(256))
    near = np.abs(decoded[:, None] - values).argmin(0)
    assert np.abs(near - coded).max() <= 1


def test_a_series_of_levels_enters_one_hot_or_as_indices(data, place, tmp_path):
    wave = np.sin(np.arange(400) / 7)
    write(tmp_path / "a.csv", [[f"{value:.6f}"] for value in wave])
    loaded = data('series("a.csv", window=50, levels=16)').load(place)
    assert (loaded.shape, loaded.target, loaded.classes, loaded.levels) == ((50,), (50,), 16, 16)
    expected = mu_law(np.round(wave, 6).astype(np.float32), 16)
    batch = BatchLoader(loaded.train, [Encoding(levels=16)], CPU).slice(0, 2)
    assert batch.x.shape == (2, 16, 50)
    assert batch.x.sum(1).eq(1).all()
    assert batch.x.argmax(1).flatten().tolist() == expected[:100].tolist()
    assert batch.y.flatten().tolist() == expected[1:101].tolist()
    write(tmp_path / "a.csv", [[i] for i in range(400)])
    with pytest.raises(DataError, match="no single series from -1 to 1"):
        data('series("a.csv", window=50, levels=16)').load(place)


def test_characters():
    assert len(ALPHABET) == 70
    read = characters(["Abz!", "é a", ""], ALPHABET, 5)
    assert read.tolist() == [[1, 2, 26, ALPHABET.index("!") + 1, 0], [0, 0, 1, 0, 0], [0] * 5]
    assert characters(["abc"], ALPHABET, 5, backward=True).tolist() == [[3, 2, 1, 0, 0]]
    assert characters(["aB"], "aB", 2).tolist() == [[1, 2]]
    assert characters(["abcdef"], ALPHABET, 3).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("backward", [False, True])
def test_characters_are_read_back(backward):
    (places,) = characters(["Good day, é!"], ALPHABET, 20, backward)
    hot = np.eye(71, dtype=np.float32)[places].T[1:]
    for form in (places, hot):
        assert text_of(form, ALPHABET, backward).strip() == "good day,  !"


def texts(path, count=20):
    write(path, [["text", "label"], *((f"{'good' if i % 2 else 'bad'}, {i}\nline", "np"[i % 2]) for i in range(count))])


def test_texts_enter_one_hot_or_as_indices(data, place, tmp_path):
    texts(tmp_path / "a.csv")
    loaded = data('text("a.csv", length=12)').load(place)
    assert (loaded.shape, loaded.classes, loaded.names) == ((12,), 2, ("n", "p"))
    assert (loaded.levels, loaded.blank) == (71, True)
    hot = BatchLoader(loaded.train, [Encoding(levels=71, blank=True)], CPU).slice(0, 4).x
    assert hot.shape == (4, 70, 12)
    for row, indices in zip(hot, loaded.train.x, strict=False):
        assert row.sum(0).tolist() == (indices > 0).astype(float).tolist()
        assert (row.argmax(0)[indices > 0] + 1).tolist() == indices[indices > 0].tolist()


def test_texts_by_number_without_names(data, place, tmp_path):
    write(tmp_path / "a.csv", [[i % 4 + 1, "title", f"words {i}"] for i in range(12)])
    loaded = data('text("a.csv", text=2, target=0, length=20)').load(place)
    assert (loaded.classes, len(loaded.train) + len(loaded.test)) == (4, 12)
    with pytest.raises(DataError, match="has no column label") as error:
        data('text("a.csv")').load(place)
    assert "title" in error.value.notes[0]


def parquet(folder, count=30):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"x": datasets.Sequence(datasets.Value("float32"), length=4), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    rows = {"x": [[float(i)] * 4 for i in range(count)], "label": [i % 2 for i in range(count)]}
    folder.mkdir()
    whole = datasets.Dataset.from_dict(rows, features=features)
    whole.to_parquet(folder / "train.parquet")
    whole.select(range(6)).to_parquet(folder / "test.parquet")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0)


def test_a_data_set_in_the_formats_of_the_hub(data, place, tmp_path, own_cache):
    parquet(tmp_path / "rows")
    loaded = data('huggingface("rows")').load(place)
    assert (loaded.shape, loaded.classes, loaded.names, len(loaded.train), len(loaded.test)) == (
        (4,), 2, ("no", "yes"), 30, 6,
    )  # fmt: skip
    assert (loaded.train.x[:, 0] % 2 == loaded.train.y).all()


def test_a_stream_shuffles_as_a_function_of_seed_and_epoch(data, place, tmp_path, own_cache):
    parquet(tmp_path / "rows", 100)
    loaded = data('huggingface("rows", streaming=true, samples=90, test_samples=6)').load(place)
    assert (len(loaded.train), len(loaded.test), loaded.shape) == (90, 6, (4,))

    def epoch(seed, number, first=0, workers=0):
        feed = BatchLoader(loaded.train, [Encoding()], CPU, workers)
        plan = list(feed.order(seed, number).split(20))[first:]
        return torch.cat([batch.x[:, 0] for batch in feed.batches(plan, seed=seed, epoch=number)]).tolist()

    whole = epoch(1, 2)
    assert len(set(whole)) == 90
    assert whole != sorted(whole)
    assert epoch(1, 2) == epoch(1, 2, workers=1) == whole
    assert epoch(1, 2, first=3) == whole[60:]
    assert epoch(1, 3) != whole
    assert epoch(2, 2) != whole
    tested = torch.cat([batch.x[:, 0] for batch in BatchLoader(loaded.test, [Encoding()], CPU).in_turn(4)])
    assert tested.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_stream_that_ends_early(data, place, tmp_path, own_cache):
    parquet(tmp_path / "rows")
    loaded = data('huggingface("rows", streaming=true, samples=50, test_samples=6)').load(place)
    with pytest.raises(DataError, match="ended before the 50 samples"):
        list(BatchLoader(loaded.train, [Encoding()], CPU).in_turn(20))


def test_pictures_and_texts_of_the_hub(data, place, tmp_path, own_cache):
    import datasets
    from PIL import Image

    pictures = [Image.fromarray(np.full((8, 8), 10 * i, np.uint8)) for i in range(10)]
    whole = datasets.Dataset.from_dict({"image": pictures, "label": list(range(10))})
    datasets.DatasetDict({"train": whole.cast_column("image", datasets.Image())}).save_to_disk(tmp_path / "rows")
    loaded = data('huggingface("rows", size=6, channels=1)').load(place)
    assert (loaded.shape, len(loaded.train), len(loaded.test), loaded.classes) == ((1, 6, 6), 8, 2, 10)
    assert (loaded.train.x[:, 0, 0, 0] == loaded.train.y * 10).all()
    words = datasets.Dataset.from_dict({"text": ["one", "two", "three"], "label": [0, 1, 0]})
    datasets.DatasetDict({"train": words, "test": words}).save_to_disk(tmp_path / "words")
    loaded = data('huggingface("words", length=5)').load(place)
    assert (loaded.shape, loaded.levels, loaded.blank) == ((5,), 71, True)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ({"bytes": b"no picture", "path": None}, "the picture of row 3 of rows is no picture"),
        ({"bytes": None, "path": "/etc/passwd"}, "a row names the picture /etc/passwd, which lies outside the project"),
    ],
)
def test_a_picture_of_the_hub_that_is_none(data, tmp_path, own_cache, picture, message):
    """A row holds a picture, or says where one is: never outside of the project."""
    import datasets
    from PIL import Image

    file = BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(file, "PNG")
    rows = [{"bytes": file.getvalue(), "path": None}] * 10
    rows[3] = picture
    features = datasets.Features({"image": datasets.Image(decode=False), "label": datasets.Value("int64")})
    whole = datasets.Dataset.from_dict({"image": rows, "label": [0, 1] * 5}, features=features)
    (tmp_path / "rows").mkdir()
    whole.cast_column("image", datasets.Image()).to_parquet(tmp_path / "rows" / "train.parquet")
    with pytest.raises(DataError, match=message):
        data('huggingface("rows", split=train, test_split=train, size=8, channels=1)').load(Place(tmp_path, tmp_path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('huggingface("rows", split=none_such)', "rows has no split none_such"),
        ('huggingface("rows", x="z")', "rows has no column z"),
        ('huggingface("rows", y="z")', "rows has no column z"),
        ('huggingface("nobody/nothing")', "huggingface cannot get nobody/nothing"),
        ('huggingface("rows", streaming=true, test_split=other)', "no split other to test with"),
    ],
)
def test_what_the_hub_has_not(data, place, tmp_path, own_cache, line, message):
    parquet(tmp_path / "rows")
    with pytest.raises(DataError, match=message):
        data(line).load(place)


def test_without_the_package_the_message_says_so(tmp_path):
    code = (
        "import sys; sys.modules['datasets'] = None\n"
        "from netspec.train.data import DATA\nfrom netspec.train.data.files import DataError, Place\n"
        "from pathlib import Path\n"
        "try: DATA['huggingface'](dataset='x').load(Place(Path('.'), Path('.')))\n"
        "except DataError as error: print(error.message, error.help)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "needs the package datasets, which is not installed pip install 'netspec-nn[data]'" in printed.stdout


class Squares(Dataset):
    """Samples with randomness of their own."""

    classes = ("even", "odd")

    def __init__(self, count=20, noise=0.0):
        self.count, self.noise = count, noise

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError
        noise = self.noise * (torch.rand(3) + float(np.random.rand()))
        return torch.full((3,), float(index)) + noise, index % 2


def test_a_data_set_from_python(place):
    loaded = PythonData.of((Squares(), Squares(8))).load(place)
    assert (loaded.shape, loaded.classes, loaded.names, len(loaded.train), len(loaded.test)) == (
        (3,), 2, ("even", "odd"), 20, 8,
    )  # fmt: skip
    alone = PythonData.of(Squares()).load(place)
    assert (len(alone.train), len(alone.test)) == (16, 4)
    seen = [
        batch.x[:, 0]
        for split in (alone.train, alone.test)
        for batch in BatchLoader(split, [Encoding()], CPU).in_turn(3)
    ]
    assert sorted(torch.cat(seen).tolist()) == list(range(20))


@pytest.mark.parametrize("workers", [0, 2])
def test_its_randomness_is_a_function_of_seed_epoch_and_sample(place, workers):
    loaded = PythonData.of((Squares(noise=1.0), Squares())).load(place)
    plan = list(torch.arange(20).split(6))

    def epoch(seed, number, first=0):
        feed = BatchLoader(loaded.train, [Encoding()], CPU, workers)
        return torch.cat([batch.x for batch in feed.batches(plan[first:], seed=seed, epoch=number)])

    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    whole = epoch(1, 2)
    assert torch.equal(torch.rand(1), expected), "the program's own generators are left as they were"
    np.random.rand(3)
    assert torch.equal(epoch(1, 2), whole)
    assert torch.equal(epoch(1, 2, first=2), whole[12:])
    assert not torch.equal(epoch(1, 3), whole)
    assert not torch.equal(epoch(2, 2), whole)


class Bad(Squares):
    classes = None

    def __getitem__(self, index):
        return {"a": 1} if index else (torch.zeros(2), 0)


def test_data_sets_from_python_that_are_refused(place):
    with pytest.raises(DataError, match="is no pair"):
        PythonData.of((Bad(), Bad())).load(place)
    with pytest.raises(TypeError, match="Dataset with a length"):
        PythonData.of(iter([]))
    with pytest.raises(DataError, match="differ in shape"):
        PythonData.of(([(np.zeros(2), 0)], [(np.zeros(3), 0)])).load(place)
    with pytest.raises(DataError, match="holds no samples"):
        PythonData.of(([], [])).load(place)
    with pytest.raises(DataError, match="training takes numbers"):
        PythonData.of(([("word", 0)], [("word", 0)])).load(place)


def cifar(folder, count=10, top=9):
    folder.mkdir(parents=True, exist_ok=True)
    held = []
    for number in range(6):
        rows = np.random.default_rng(number).integers(0, 256, (count, 3073), np.uint8)
        rows[:, 0] = np.arange(count) % (top + 1)
        name = f"data_batch_{number + 1}.bin" if number < 5 else "test_batch.bin"
        (folder / name).write_bytes(rows.tobytes())
        held.append(rows)
    return held


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-bin"])
def test_cifar_from_its_published_files(data, place, tmp_path, inside):
    held = cifar(tmp_path / "data/cifar10" / inside)
    loaded = data("cifar10").load(place)
    assert (loaded.shape, loaded.classes, len(loaded.train), len(loaded.test)) == ((3, 32, 32), 10, 50, 10)
    assert (loaded.test.x.reshape(10, -1) == held[5][:, 1:]).all()
    assert loaded.test.y.tolist() == list(range(10))
    assert loaded.names[3] == "cat"


def test_cifar_that_is_not_there_or_damaged(data, place, tmp_path):
    with pytest.raises(DataError, match="the files of CIFAR-10 are not in data/cifar10") as error:
        data("cifar10").load(place)
    assert "cifar-10-binary.tar.gz" in error.value.help
    assert len(error.value.notes) == 6
    (tmp_path / "data/cifar10/cifar-10-batches-py").mkdir(parents=True)
    (tmp_path / "data/cifar10/cifar-10-batches-py/data_batch_1").write_bytes(b"\x80\x04.")
    with pytest.raises(DataError, match="pickles could run anything"):
        data("cifar10").load(place)
    cifar(tmp_path / "data/cifar10")
    (tmp_path / "data/cifar10/data_batch_2.bin").write_bytes(b"\0" * 3000)
    with pytest.raises(DataError, match=r"data_batch_2\.bin is damaged"):
        data("cifar10").load(place)
    cifar(tmp_path / "data/cifar10", count=20, top=15)
    with pytest.raises(DataError, match=r"data_batch_1\.bin is damaged"):
        data("cifar10").load(place)


def test_fashion_mnist_is_where_the_user_says(data, tmp_path):
    from netspec.train.data.files import Place

    for name, count in (("train", 4), ("t10k", 2)):
        images = struct.pack(">IIII", 0x803, count, 28, 28) + bytes(count * 784)
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(images)
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + bytes(count))
    loaded = data("fashion_mnist").load(Place(tmp_path, tmp_path, named=True))
    assert (loaded.shape, len(loaded.train), len(loaded.test)) == ((1, 28, 28), 4, 2)
    with pytest.raises(DataError, match="the files of Fashion-MNIST are not in data/fashion_mnist") as error:
        data("fashion_mnist").load(Place(tmp_path, tmp_path))
    assert "github.com/zalandoresearch/fashion-mnist" in error.value.help
