"""The page that follows a file, in a real Chromium. Without one the test is skipped, or fails where `CI` is set."""

from __future__ import annotations

import os
import shutil

import pytest

from netspec.live.picture import picture
from netspec.live.web import Live
from netspec.spec import parse

pytestmark = pytest.mark.xdist_group("browser")

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
GOOD = "net N {\n  input x [3, 8, 8]\n  a = conv(4, 3)\n  relu\n}\n"


def test_the_picture_follows_and_selections_go_both_ways() -> None:
    if CHROMIUM is None:
        if os.environ.get("CI") and "chromium" not in os.environ.get("NETSPEC_WITHOUT", ""):
            pytest.fail("there is no Chromium")
        pytest.skip("there is no Chromium")
    from playwright.sync_api import sync_playwright

    told: list[str] = []
    live = Live(chosen=told.append)
    live.show(picture(lambda: parse(GOOD)))
    live.start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        mistakes: list[str] = []
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.goto(live.url)
        frame = page.frame_locator("iframe:not(.coming)")
        frame.locator('[data-box]:has-text("conv")').first.wait_for()
        live.show(picture(lambda: parse(GOOD.replace("relu", "rellu"))))
        page.locator("#wrong:has-text('E0202')").wait_for()
        assert frame.locator('[data-box]:has-text("conv")').count() > 0, "the last good picture is behind"
        live.show(picture(lambda: parse(GOOD.replace("relu", "relu -> maxpool(2)"))))
        frame.locator('[data-box]:has-text("maxpool")').first.wait_for()
        page.locator("#wrong").wait_for(state="hidden")
        live.select("a")
        frame.locator('[aria-selected="true"]:has-text("conv")').wait_for()
        frame.locator('[data-box]:has-text("maxpool")').first.click()
        for _ in range(100):
            if told and "maxpool" in told[-1]:
                break
            page.wait_for_timeout(100)
        browser.close()
    live.stop()
    assert told
    assert "maxpool" in told[-1]
    assert mistakes == []
