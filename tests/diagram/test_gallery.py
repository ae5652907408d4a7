"""The gallery is what the renderer draws of the examples today."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


gallery = loaded()


def test_page_is_current() -> None:
    assert (DOCS / "gallery.md").read_text(encoding="utf-8") == gallery.page(), "make gallery"
    assert sorted(path.stem for path in (DOCS / "gallery").iterdir()) == gallery.names(), "make gallery"


@pytest.mark.parametrize("name", gallery.names())
def test_pictures_are_current(name: str) -> None:
    shown = (DOCS / "gallery" / f"{name}.svg").read_text(encoding="utf-8")
    assert shown == gallery.picture(name), "make gallery"
