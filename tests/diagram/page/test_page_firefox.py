"""The interactive page in a real Firefox: it opens without an error, and what a reader does works there, too.

Without Firefox the tests are skipped; `.ci/run` need not have it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.diagram.page.page import page as page_of
from netspec.diagram.view.view import view
from tests.diagram.page.marionette import Firefox, firefox

pytestmark = pytest.mark.xdist_group("browser")

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    if PROGRAM is None:
        pytest.skip("there is no Firefox: install Debian's `firefox-esr`")
    with firefox(PROGRAM, tmp_path_factory.mktemp("firefox")) as started:
        yield started


@pytest.fixture
def resnet(browser: Firefox, tmp_path: Path) -> Firefox:
    return opened(browser, tmp_path, "resnet")


def opened(browser: Firefox, folder: Path, name: str, mark: str = "") -> Firefox:
    path = folder / "net.html"
    path.write_text(page_of(netspec.load(EXAMPLES / f"{name}.net").graph()), encoding="utf-8")
    browser.open(path.as_uri() + mark)
    assert browser.script("return document.documentElement.dataset.ready") == ""
    return browser


@pytest.mark.parametrize("name", ["lenet5", "wavenet"])
def test_every_box_is_drawn(name: str, browser: Firefox, tmp_path: Path) -> None:
    opened(browser, tmp_path, name)
    boxes = list(view(netspec.load(EXAMPLES / f"{name}.net").graph(), 99).walk())
    browser.script("document.getElementById('open-all').click()")
    shown = browser.script("return [...document.querySelectorAll('[data-box]')].map((item) => +item.dataset.box)")
    assert sorted(shown) == list(range(len(boxes)))
    sizes: list[Any] = browser.script(
        "return [...document.querySelectorAll('[data-box]')].map((item) => item.getBoundingClientRect().width)"
    )
    assert min(sizes) > 0


def test_a_stage_is_found_and_shown(resnet: Firefox) -> None:
    resnet.script(
        "const field = document.getElementById('search'); field.value = 'layer3.2.conv2';"
        "field.dispatchEvent(new Event('input')); document.querySelector('#found li').click();"
    )
    told = resnet.script("return document.getElementById('details-content').innerText")
    assert "conv 3×3, 256" in told
    assert "590,336 parameters" in told


def test_boxes_are_coloured_by_what_they_cost_and_saved(resnet: Firefox) -> None:
    fill = "return getComputedStyle(document.querySelector('.closed > rect')).fill"
    before = resnet.script(fill)
    resnet.script(
        "const heat = document.getElementById('heat'); heat.value = 'macs'; heat.dispatchEvent(new Event('change'));"
    )
    assert resnet.script(fill) != before
    saved = resnet.script(
        "const made = []; const real = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => { made.push(blob.type + ' ' + blob.size); return real.call(URL, blob); };"
        "document.getElementById('save-svg').click(); URL.createObjectURL = real; return made;"
    )
    assert saved
    kind, size = saved[0].split()
    assert kind == "image/svg+xml"
    assert int(size) > 5000
