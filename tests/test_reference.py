"""The layer reference and the pages made from the code: complete, well-formed, current."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from netspec import explain
from netspec.elaborate.values.operators import FUNCTIONS, SIGNATURES
from netspec.elaborate.values.types import MEANINGS, known_types
from netspec.layers import REGISTRY
from netspec.reference import language
from netspec.reference import layers as reference
from netspec.reference import std as standard

PAGES = {page.name: page for page in reference.pages()}


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_layer_has_a_page(name: str) -> None:
    page = PAGES[name]
    assert page.text, "a docstring is the layer's page"
    assert page.first_line.endswith((".", ":"))
    assert "Shape:" in page.text
    assert page.signature.startswith(name)
    for argument in page.arguments:
        assert argument.type
        assert "<" not in argument.type, f"{argument.name} has no type in words: {argument.type}"
    assert reference.text(page).startswith(page.signature)
    assert f"`{name}`" in reference.markdown_page(page)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_what_must_be_given_comes_first(name: str) -> None:
    required = [argument.default is None for argument in PAGES[name].arguments]
    assert required == sorted(required, reverse=True)


def test_layers_page_is_current(root: Path) -> None:
    shown = (root / "docs" / "layers.md").read_text(encoding="utf-8")
    assert shown == reference.markdown(reference.pages()), "make reference"


def test_language_page_is_current(root: Path) -> None:
    assert (root / "docs" / "reference.md").read_text(encoding="utf-8") == language.markdown(), "make reference"


def test_language_page_has_every_function_and_type() -> None:
    assert set(SIGNATURES) == set(FUNCTIONS)
    assert tuple(MEANINGS) == known_types()


@pytest.mark.parametrize("page", standard.pages(), ids=lambda page: page.name)
def test_every_block_of_the_library_has_a_page(page: standard.BlockPage) -> None:
    """With what it is for, and a spec that uses it, which fits; it is found by its name."""
    assert page.text
    assert page.call, f"{page.name} wants an example in its comment: # Example: [64, 8, 8] -> {page.name}"
    assert netspec.parse(page.example).check() == []
    assert standard.find(page.name) == page
    assert page.signature in standard.text(page)


def test_library_page_is_current(root: Path) -> None:
    shown = (root / "docs" / "std.md").read_text(encoding="utf-8")
    assert shown == standard.markdown(standard.pages()), "make reference"


def test_errors_page_is_current(root: Path) -> None:
    assert (root / "docs" / "errors.md").read_text(encoding="utf-8") == explain.markdown(), "make reference"
