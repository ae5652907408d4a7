"""What a trained net says about files: the same, whatever form the samples come in."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from netspec import NetspecError
from netspec.train import restore, train
from netspec.train.after.inputs import read
from netspec.train.after.predict import csv_text, json_text, save_masks, text


@pytest.fixture(scope="module")
def images():
    """Six digits as bytes, which is what a picture holds."""
    return (load_digits().images[:6] / 16 * 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def expected(gap, images):
    """Their probabilities, without the code that is tested."""
    (step,) = gap.settings.augment.steps
    x = torch.from_numpy(images[:, None] / np.float32(255))
    with torch.no_grad():
        return gap.model((x - step.mean[0]) / step.std[0]).softmax(1).numpy()


def said(run, *paths):
    return np.stack([prediction.output for prediction in run.predict(*paths)])


def test_pictures_arrays_and_tables_say_the_same(gap, images, expected, tmp_path):
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    real = images / np.float32(255)
    np.save(tmp_path / "bytes.npy", images)
    np.save(tmp_path / "real.npy", real[:, None])
    np.savez(tmp_path / "named.npz", x=real)
    np.savez(tmp_path / "single.npz", anything=real)
    np.savetxt(tmp_path / "rows.csv", real.reshape(6, -1), delimiter=",", fmt="%.9g")
    pictures = said(gap, *(tmp_path / f"{index}.png" for index in range(6)))
    assert np.allclose(pictures, expected, atol=1e-6)
    for name in ("bytes.npy", "real.npy", "named.npz", "single.npz", "rows.csv"):
        assert np.allclose(said(gap, tmp_path / name), expected, atol=1e-6), name


def test_bytes_and_real_numbers_in_one_go(gap, images, expected, tmp_path):
    Image.fromarray(images[0]).save(tmp_path / "0.png")
    np.save(tmp_path / "1.npy", images[1] / np.float32(255))
    found = gap.predict(tmp_path / "0.png", tmp_path / "1.npy")
    assert [prediction.name for prediction in found] == [str(tmp_path / "0.png"), str(tmp_path / "1.npy")]
    assert np.allclose(np.stack([prediction.output for prediction in found]), expected[:2], atol=1e-6)


def test_a_folder_of_pictures(gap, images, expected, tmp_path):
    for name, image in (("b.png", images[1]), ("a.png", images[0]), (".hidden.png", images[2])):
        Image.fromarray(image).save(tmp_path / name)
    assert np.allclose(said(gap, tmp_path), expected[:2], atol=1e-6)


def test_colour_becomes_grey_and_sizes_are_brought_together(gap, images, tmp_path):
    large = Image.fromarray(images[0]).resize((64, 64), Image.Resampling.NEAREST)
    large.convert("RGB").save(tmp_path / "large.png")
    np.save(tmp_path / "small.npy", np.asarray(large.resize((8, 8), Image.Resampling.BILINEAR)))
    (sample,) = read([tmp_path / "large.png"], gap)
    assert sample.changed == "64 x 64 pixels brought to 8 x 8 (stretch)"
    assert sample.x.shape == (1, 8, 8)
    assert np.allclose(said(gap, tmp_path / "large.png"), said(gap, tmp_path / "small.npy"))


def test_more_samples_than_a_batch(gap, tmp_path):
    x = np.random.default_rng(0).random((150, 8, 8), np.float32)
    np.save(tmp_path / "many.npy", x)
    found = gap.predict(tmp_path / "many.npy")
    assert [prediction.name for prediction in found][::149] == [f"{tmp_path}/many.npy[0]", f"{tmp_path}/many.npy[149]"]
    np.save(tmp_path / "last.npy", x[-1])
    assert np.allclose(found[-1].output, said(gap, tmp_path / "last.npy")[0], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+1+cmd", "'+1+cmd"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "'\\u0009=1+1"),
        ("＝1+1", "'＝1+1"),
        ("＠SUM(1)", "'＠SUM(1)"),
        ("-x.png", "'-x.png"),
        ("-1", "-1"),
        ("+2.5e3", "+2.5e3"),
        ("a\tb\x1b[2J\n", "a\\u0009b\\u001b[2J\\u000a"),
        ("cat.png", "cat.png"),
    ],
)
def test_a_spreadsheet_runs_no_cell(gap, images, tmp_path, name, cell):
    """Names of files and of classes are from wherever: none is a formula, or moves a terminal's cursor."""
    np.save(tmp_path / "one.npy", images[0])
    (found,) = gap.predict(tmp_path / "one.npy")
    names = tuple(name if index == 3 else str(index) for index in range(10))
    renamed = replace(found, name=name, signature=found.signature.model_copy(update={"names": names}))
    head, row = csv.reader(io.StringIO(csv_text([renamed])))
    assert (head[2 + 3], row[0]) == (cell, cell)


def test_text_json_and_csv(gap, images, expected, tmp_path):
    np.save(tmp_path / "two.npy", images[:2])
    found = gap.predict(tmp_path / "two.npy")
    first = text(found, 2).splitlines()[0].split()
    order = expected[0].argsort()[::-1]
    assert (first[1], first[4]) == (str(order[0]), str(order[1]))
    assert float(first[2]) == pytest.approx(100 * expected[0].max(), abs=0.06)
    plain = json.loads(json_text(found))
    assert [one["index"] for one in plain] == expected[:2].argmax(1).tolist()
    assert list(plain[0]["probabilities"].values()) == pytest.approx(expected[0].tolist(), abs=1e-6)
    rows = list(csv.DictReader(io.StringIO(csv_text(found))))
    assert [row["class"] for row in rows] == [str(index) for index in expected[:2].argmax(1)]
    assert float(rows[1]["3"]) == pytest.approx(expected[1, 3], abs=1e-6)
    assert text([], 3) == ""
    assert csv_text([]) == ""


PICTURES = """\
net Pets {
  input image [3, 8, 8]
  global_avgpool -> flatten -> linear(2)
}

train {
  data images("pets")
  loss cross_entropy
  optimizer adam(lr=0.1)
  epochs 20
}
"""


def test_classes_have_the_names_of_the_data(spec, tmp_path):
    opened = spec(PICTURES)
    for name, colour in (("cat", (200, 30, 30)), ("d\u202eog\x1b[31m", (30, 30, 200))):
        folder = tmp_path / "pets" / name
        folder.mkdir(parents=True)
        for index in range(6):
            Image.new("RGB", (8, 8), (colour[0] + index, colour[1], colour[2])).save(folder / f"{index}.png")
    run = restore(train(opened, out=tmp_path / "run", quiet=True).folder)
    Image.new("RGB", (20, 10), (210, 25, 25)).save(tmp_path / "red.png")
    Image.new("RGB", (8, 8), (20, 25, 210)).save(tmp_path / "blue.png")
    found = run.predict(tmp_path / "red.png", tmp_path / "blue.png")
    assert [prediction.ranked[0][0] for prediction in found] == ["cat", "d\u202eog\x1b[31m"]
    shown = text(found, 1)
    assert "\\u202e" in shown
    assert "\x1b" not in shown
    assert json.loads(json_text(found))[1]["class"] == "d\u202eog\x1b[31m"
    assert found[0].changed == ""


def test_masks(masks, tmp_path):
    x = np.random.default_rng(5).random((2, 1, 12, 12), np.float32)
    np.save(tmp_path / "x.npy", x)
    found = masks.predict(tmp_path / "x.npy")
    with torch.no_grad():
        classes = masks.model(torch.from_numpy(x)).argmax(1).numpy()
    written = save_masks(found, tmp_path / "masks")
    assert len(set(written)) == 2
    for path, expected in zip(written, classes, strict=True):
        picture = Image.open(path)
        assert picture.mode == "P"
        assert (np.asarray(picture) == expected).all()
    assert found[0].shares == pytest.approx([float((classes[0] == index).mean()) for index in range(3)])
    assert json.loads(json_text(found))[0]["shares"].keys() == {"0", "1", "2"}


def test_a_class_has_no_mask(gap, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((8, 8), np.float32))
    with pytest.raises(NetspecError, match="has no class for each pixel"):
        save_masks(gap.predict(tmp_path / "x.npy"), tmp_path / "masks")


def test_numbers(line, tmp_path):
    x = np.random.default_rng(5).normal(size=(3, 4)).astype(np.float32)
    np.savetxt(tmp_path / "x.csv", x, delimiter=";", header="a;b;c;d", comments="")
    with torch.no_grad():
        expected = line.model(torch.from_numpy(x)).numpy()[:, 0]
    found = line.predict(tmp_path / "x.csv")
    assert [prediction.output.item() for prediction in found] == pytest.approx(expected.tolist(), rel=1e-5)
    assert json.loads(json_text(found))[2]["values"] == pytest.approx([expected[2]], rel=1e-5)
    assert csv_text(found).splitlines()[0] == "input,value 0"
    assert text(found, 3).splitlines()[0].endswith(f"{expected[0]:.6g}")


SIGNALS = """\
net Signals {
  input signal [2, 16]
  conv(4, 3) -> relu
  global_avgpool -> flatten -> linear(2)
}

train {
  data csv("signals.csv", channels=2)
  loss cross_entropy
  epochs 1
}
"""


def test_signals(spec, tmp_path):
    opened = spec(SIGNALS)
    x = np.random.default_rng(0).normal(size=(12, 2, 16)).astype(np.float32)
    labelled = np.concatenate([np.arange(12)[:, None] % 2, x.reshape(12, -1)], 1)
    np.savetxt(tmp_path / "signals.csv", labelled, delimiter=",", fmt="%.9g")
    run = restore(train(opened, out=tmp_path / "run", quiet=True).folder)
    with torch.no_grad():
        expected = run.model(torch.from_numpy(x)).softmax(1).numpy()
    np.savetxt(tmp_path / "bare.csv", x.reshape(12, -1), delimiter="\t", fmt="%.9g")
    np.savetxt(tmp_path / "one.csv", x[3].T, delimiter=",", fmt="%.9g")
    assert np.allclose(said(run, tmp_path / "signals.csv"), expected, atol=1e-6)
    assert np.allclose(said(run, tmp_path / "bare.csv"), expected, atol=1e-6)
    assert np.allclose(said(run, tmp_path / "one.csv")[0], expected[3], atol=1e-6)


TEXTS = """\
net Texts {
  input text [70, 20]
  conv(4, 3) -> relu
  global_maxpool -> flatten -> linear(2)
}

train {
  data text("texts.csv", length=20)
  loss cross_entropy
  optimizer adam(lr=0.05)
  epochs 30
}
"""


def test_texts(spec, tmp_path):
    opened = spec(TEXTS)
    rows = [f"good,this is fine {index}\nbad,that went wrong {index}" for index in range(20)]
    (tmp_path / "texts.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    run = restore(train(opened, out=tmp_path / "run", quiet=True).folder)
    (tmp_path / "new.txt").write_text("that went wrong 50\nthis is fine 99\n")
    assert [prediction.ranked[0][0] for prediction in run.predict(tmp_path / "new.txt")] == ["bad", "good"]
    (tmp_path / "new.csv").write_text("text,number\nthis is fine 77,3\n")
    assert [prediction.ranked[0][0] for prediction in run.predict(tmp_path / "new.csv")] == ["good"]


SERIES = """\
net Next {
  input series [2, 8]
  conv(2, 1)
}

train {
  data series("series.csv", window=8)
  loss mse
  epochs 1
}
"""


def test_the_end_of_a_series(spec, tmp_path):
    opened = spec(SERIES)
    values = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    np.savetxt(tmp_path / "series.csv", values, delimiter=",", fmt="%.9g")
    run = restore(train(opened, out=tmp_path / "run", quiet=True).folder)
    with torch.no_grad():
        expected = run.model(torch.from_numpy(values[-8:].T.copy())[None]).numpy()
    assert np.allclose(said(run, tmp_path / "series.csv"), expected, atol=1e-6)


def wrong_files(folder):
    """Files that cannot be read, or hold something else; each with the code and words of its message."""
    np.save(folder / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(folder / "words.npy", np.array(["a", "b"]))
    np.save(folder / "nan.npy", np.full((8, 8), np.nan, np.float32))
    np.save(folder / "wide.npy", np.zeros((1, 9, 8), np.float32))
    np.save(folder / "nothing.npy", np.zeros((0, 8, 8), np.float32))
    np.savez(folder / "others.npz", a=np.zeros(3), b=np.zeros(3))
    (folder / "half.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "words.csv").write_text("1,2\nx,y\n")
    (folder / "narrow.csv").write_text("1,2,3\n4,5,6\n")
    (folder / "ragged.csv").write_text("1,2\n3\n")
    (folder / "binary.csv").write_bytes(b"\xff\xfe\0\x01")
    (folder / "empty.csv").write_text("")
    (folder / "net.pkl").write_bytes(b"\x80\x04.")
    (folder / "folder").mkdir()
    return {
        "none.png": ("E0653", "there is no file"),
        "half.png": ("E0653", "half.png"),
        "objects.npy": ("E0653", "Python objects, which could run anything"),
        "words.npy": ("E0653", "training takes numbers"),
        "nan.npy": ("E0653", "not finite"),
        "empty.npy": ("E0653", "cannot be read"),
        "wide.npy": ("E0654", "holds [1, 9, 8], and Gap takes [1, 8, 8]"),
        "nothing.npy": ("E0654", "holds no samples"),
        "others.npz": ("E0653", "holds no array x or x_test"),
        "words.csv": ("E0653", "instead of a number"),
        "narrow.csv": ("E0654", "has 3 columns, and a sample of Gap is [1, 8, 8]"),
        "ragged.csv": ("E0653", "in line 2"),
        "binary.csv": ("E0653", "no text"),
        "empty.csv": ("E0653", "is empty"),
        "net.pkl": ("E0653", "none of the files that can be read"),
        "folder": ("E0653", "there are no pictures in"),
    }


def test_what_cannot_be_read_is_refused_in_words(gap, tmp_path):
    for name, (code, words) in wrong_files(tmp_path).items():
        with pytest.raises(NetspecError) as error:
            gap.predict(tmp_path / name)
        (found,) = error.value.diagnostics
        assert found.code == code, name
        assert words in found.message, (name, found.message)
        assert "--skip-bad" not in found.help


def test_a_picture_for_a_net_that_takes_none(line, tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(NetspecError, match=r"a picture, and Line takes \[4\]"):
        line.predict(tmp_path / "a.png")


def test_command(cli, gap, masks, images, tmp_path):
    np.save(tmp_path / "two.npy", images[:2])
    Image.fromarray(images[0]).resize((20, 30)).save(tmp_path / "large.png")
    result = cli("predict", gap.folder, "two.npy", "large.png", "--top", 1)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 3
    assert "note: 20 x 30 pixels brought to 8 x 8 (stretch)" in result.stderr
    assert len(json.loads(cli("predict", gap.folder, "two.npy", "--format", "json").stdout)) == 2
    assert cli("predict", gap.folder, "two.npy", "--format", "csv", "-o", "said.csv").stdout == ""
    assert (tmp_path / "said.csv").read_text().startswith("input,class,0,1,")
    np.save(tmp_path / "x.npy", np.zeros((1, 12, 12), np.float32))
    assert cli("predict", masks.folder, "x.npy", "--masks", "out").returncode == 0
    assert (tmp_path / "out" / "x.png").exists()
    refused = cli("predict", gap.folder, "none.png")
    assert refused.returncode == 1
    assert "error[E0653]: there is no file none.png" in refused.stderr
