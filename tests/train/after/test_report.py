"""The page of a run: it says what was measured, needs nothing from elsewhere, and runs nothing, whatever names say."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from netspec.train import restore, train
from netspec.train.after import report
from netspec.train.after.report import charts
from netspec.train.after.report.charts import chart, marks, number


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    def all(self, tag, **wanted):
        return [found for name, found in self.tags if name == tag and all(found.get(k) == v for k, v in wanted.items())]


ALLOWED = {"src", "srcset"}


def harmless(page: Page) -> None:
    """No program, no form, no frame, nothing from the network."""
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "form", "link", "base", "a"}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("href", "action", "formaction", "xlink:href"), (tag, name)
            if name in ALLOWED:
                assert re.match(r"data:image/(png|svg\+xml);base64,[A-Za-z0-9+/=]+$", value or ""), value
            if name == "style":
                assert "url" not in (value or "")
    (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def written(run, **options) -> Page:
    return Page(report.write(run, **options).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(gap, tmp_path_factory):
    return written(gap, path=tmp_path_factory.mktemp("page") / "page.html")


def test_it_shows_what_evaluation_measures(gap, page):
    found = gap.evaluate()
    assert f"{100 * (1 - found.figures['accuracy']):.2f} % test error" in page.text
    assert f"{found.figures['loss']:.4g} test loss" in page.text
    assert f"{gap.graph.parameters:,} parameters" in page.text
    cells = [td for td in page.all("td") if "background" in (td.get("style") or "")]
    assert len(cells) == 100
    titles = {cell["title"] for cell in cells}
    share = found.confusion[3, 3] / found.confusion[3].sum()
    assert f"3 called 3: {100 * share:.1f} %" in titles


def test_it_stands_alone(page):
    harmless(page)


def test_it_holds_the_diagram_and_what_the_run_was_made_with(gap, page):
    (diagram,) = page.all("img", alt="Diagram of Gap")
    svg = base64.b64decode(diagram["src"].partition(",")[2]).decode()
    assert svg.startswith("<?xml")
    assert "Gap" in svg
    assert page.all("source", media="(prefers-color-scheme: dark)")
    record = json.loads((gap.folder / "run.json").read_text())
    for value in (*record["settings"].values(), *record["environment"].values()):
        assert " ".join(value.split()) in page.text
    assert "global_avgpool -> flatten" in page.text


def test_samples_are_those_of_the_data(gap, page):
    found = gap.evaluate()
    pictures = [image for image in page.all("img") if image["alt"].startswith("input of sample")]
    assert len(pictures) > 12
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    _, aside = train_test_split(np.arange(1797), test_size=359, random_state=0, stratify=digits.target)
    for picture in pictures:
        index = int(picture["alt"].split()[-1])
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["src"].partition(",")[2]))))
        assert np.abs(pixels / 255 - digits.images[aside[index]] / 16).max() < 0.01
    wrong = (found.samples.predicted != found.samples.truth).sum()
    shown = len([figure for figure in page.all("figure") if "wrong" in (figure.get("class") or "")])
    assert 0 < shown <= wrong


def test_the_most_confident_mistakes_come_first(gap):
    shown = report.content(gap)["galleries"]
    assert [gallery.title for gallery in shown] == ["A look at the test data", "Most confident mistakes"]
    shares = [sample.share for sample in shown[1].samples]
    assert shares == sorted(shares, reverse=True)
    assert all(sample.truth != sample.answer and not sample.right for sample in shown[1].samples)
    assert all((sample.truth == sample.answer) == sample.right for sample in shown[0].samples)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\x1b[31m",
]

PETS = """\
net Pets {
  input image [1, 8, 8]
  flatten -> linear(4)
}

train {
  data csv("pets.csv")
  loss cross_entropy
  epochs 2
}
"""


def test_hostile_names_are_text(spec, tmp_path):
    text = PETS.replace("input image [1, 8, 8]\n  flatten", "input signal [1, 16]\n  flatten")
    opened = spec(text + f"# {HOSTILE[0]} {HOSTILE[1]} {{% endfor %}}\n", name="small.net")
    x = np.random.default_rng(0).normal(size=(80, 16))
    quoted = ['"' + name.replace('"', '""') + '"' for name in HOSTILE]
    lines = [f"{quoted[index % 4]},{','.join(f'{value:.4f}' for value in row)}" for index, row in enumerate(x)]
    (tmp_path / "pets.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = tmp_path / "run <script>alert(2)</script>"
    run = restore(train(opened, out=folder, quiet=True).folder)
    assert run.signature.names == tuple(sorted(HOSTILE))
    page = written(run)
    harmless(page)
    for name in HOSTILE[:3]:
        assert name in page.text
    assert "49" not in [figure for figure in page.text.split() if figure == "49"]
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text
    assert "\\u202egnp.exe\\u001b[31m" in page.text


def test_without_its_data_the_page_says_so(masks, tmp_path):
    shutil.copytree(masks.folder.parent, tmp_path / "copy")
    record = json.loads((tmp_path / "copy" / "run" / "run.json").read_text())
    record["job"]["path"] = str(tmp_path / "copy" / "small.net")
    (tmp_path / "copy" / "run" / "run.json").write_text(json.dumps(record))
    run = restore(tmp_path / "copy" / "run")
    assert "could not be looked at" not in written(run).text
    (tmp_path / "copy" / "masks.npz").unlink()
    page = written(run)
    assert "The test data could not be looked at: there is no file masks.npz" in page.text
    assert "Curves" in page.text
    assert page.all("img", alt="Diagram of Masks")


def test_masks_beside_what_is_so(masks, tmp_path):
    page = written(masks, path=tmp_path / "page.html")
    harmless(page)
    views = [image["alt"].split()[0] for image in page.all("img") if "of sample" in image["alt"]]
    assert set(views) == {"input", "truth", "net"}
    assert views.count("input") == views.count("truth") == views.count("net") == 8


def test_a_table_that_has_lost_a_column(line, tmp_path):
    """`metrics.csv` may have been edited: what is left of it is drawn."""
    folder = shutil.copytree(line.folder, tmp_path / "run")
    table = folder / "metrics.csv"
    table.write_text(table.read_text().replace("train_mae", "mae"))
    page = written(restore(folder), path=tmp_path / "page.html")
    assert "test mae" in page.text


def test_numbers_and_a_run_without_epochs(line, spec, tmp_path):
    page = written(line, path=tmp_path / "page.html")
    harmless(page)
    assert "test mae" in page.text
    np.savez(tmp_path / "line.npz", x=np.ones((20, 4), np.float32), y=np.ones(20, np.float32))
    opened = spec(line.spec.source.text)
    empty = written(restore(train(opened, out=tmp_path / "run", epochs=0, quiet=True).folder))
    assert "Curves" not in empty.text
    assert "0 epochs" in empty.text


TEXTS = """\
net Texts {
  input text: int [20]
  embedding(71, 4) -> flatten -> linear(2)
}

train {
  data text("texts.csv", length=20)
  loss cross_entropy
  epochs 1
}
"""


@pytest.mark.parametrize("entry", ["indices", "one-hot"])
def test_texts_are_shown_as_texts(spec, tmp_path, entry):
    rows = [f"good,<b>fine</b> {index}\nbad,went wrong {index}" for index in range(20)]
    (tmp_path / "texts.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    hot = ("text: int [20]", "text [70, 20]"), ("embedding(71, 4) -> flatten", "flatten")
    opened = spec(TEXTS, *(hot if entry == "one-hot" else ()))
    page = written(restore(train(opened, out=tmp_path / "run", quiet=True).folder), path=tmp_path / "page.html")
    harmless(page)
    assert len(re.findall(r"<b>fine</b> \d|went wrong \d", page.text)) == 8
    assert not page.all("svg", **{"aria-label": "sample 0"})


@pytest.mark.parametrize("last", [0.0009211, -0.0009211, 1.234e-12, 1234567.0])
def test_the_last_value_has_room_beside_its_curve(last):
    (line,) = chart("loss", [1, 2], {"test": [1.0, last]}).lines
    digit = 6.9
    assert line.end[0] + 8 + digit * len(line.last) <= charts.WIDTH


def test_many_classes_are_shown_by_their_commonest_mistakes(gap, monkeypatch):
    monkeypatch.setattr(report, "MOST_CLASSES", 5)
    found = report.confusion(gap.evaluate())
    table = gap.evaluate().confusion.copy()
    np.fill_diagonal(table, 0)
    assert found.rows == ()
    assert found.mistakes[0][2] == table.max()
    assert [count for _, _, count in found.mistakes] == sorted((int(n) for n in table.ravel() if n), reverse=True)[:25]


def test_recall_and_precision(gap):
    from sklearn.metrics import precision_recall_fscore_support

    evaluation = gap.evaluate()
    said = evaluation.samples
    precision, recall, _, count = precision_recall_fscore_support(said.truth, said.predicted, zero_division=0)
    for index, (name, total, own_recall, own_precision) in enumerate(report.confusion(evaluation).classes):
        assert (name, total) == (str(index), count[index])
        assert own_recall == pytest.approx(recall[index])
        assert (own_precision or 0) == pytest.approx(precision[index])


def test_a_curve_is_drawn_where_its_values_are():
    values = [2.0, 1.0, 0.5, 0.25]
    made = chart("loss", [1, 2, 3, 4], {"test": values})
    heights = {mark.word: mark.place for mark in made.up}
    (piece,) = made.lines[0].pieces
    points = [tuple(map(float, pair.split(","))) for pair in piece.split()]
    unit = heights["0"] - heights["1"]
    assert [(heights["0"] - y) / unit for _, y in points] == pytest.approx(values, abs=0.01)
    places = {mark.word: mark.place for mark in made.across}
    assert [x for x, _ in points] == pytest.approx([places[str(epoch)] for epoch in range(1, 5)])
    assert made.lines[0].last == "0.25"


def test_gaps_and_single_points():
    made = chart("loss", [1, 2, 3, 4], {"test": [1.0, math.nan, 0.5, math.inf]})
    assert len(made.lines[0].pieces) == 2
    assert (made.lines[0].end, made.lines[0].last) == (None, "")
    assert chart("loss", [1], {"test": [0.0]}).lines[0].end is not None
    assert chart("loss", [1, 2], {"test": [-1.0, -2.0]}).up[0].word == "-2"


def test_long_curves_are_thinned_to_their_ends():
    count = 20_000
    made = chart("loss", list(range(1, count + 1)), {"test": [1 / epoch for epoch in range(1, count + 1)]})
    (piece,) = made.lines[0].pieces
    points = piece.split()
    assert len(points) == charts.MOST_POINTS
    assert float(points[-1].partition(",")[0]) == charts.WIDTH - charts.RIGHT


@pytest.mark.parametrize("scale", [1e-9, 0.003, 0.7, 1, 12, 99.9, 3e7])
def test_marks_are_round_and_cover(scale):
    made = marks(0, scale, 4)
    assert made[0] == 0
    assert made[-1] >= scale * 0.998
    steps = np.diff(made)
    assert np.allclose(steps, steps[0])
    assert 3 <= len(made) <= 7
    mantissa = steps[0] / 10 ** math.floor(math.log10(steps[0]) + 1e-9)
    assert min(abs(mantissa - good) for good in (1, 2, 5)) < 1e-6


def test_numbers_as_people_write_them():
    assert [number(value) for value in (0.0, 3.0, 1200.0, 0.12345, 1e-8, -0.5)] == [
        "0", "3", "1,200", "0.123", "1e-08", "-0.5",
    ]  # fmt: skip


def test_a_page_that_cannot_be_written(gap, tmp_path):
    from netspec import NetspecError

    (tmp_path / "file").write_text("mine")
    with pytest.raises(NetspecError, match="a folder is needed there"):
        report.write(gap, tmp_path / "file" / "page.html")


def test_commands(cli, spec, tmp_path):
    from after_specs import GAP

    spec(GAP)
    assert cli("train", "small.net", "--epochs", 1, "--out", "with").returncode == 0
    assert (tmp_path / "with" / "report.html").exists()
    assert cli("train", "small.net", "--epochs", 1, "--out", "without", "--no-report").returncode == 0
    assert not (tmp_path / "without" / "report.html").exists()
    result = cli("report", "without", "-o", "page.html")
    assert (result.returncode, result.stdout) == (0, "written to page.html\n")
    assert cli("report", "nothing").returncode == 1
