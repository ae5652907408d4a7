"""rearrange against what it stands for: windows, heads, patches; its messages; and sizes that stay open."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from running import run

import netspec
from netspec.layers import REGISTRY
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize

rearrange = REGISTRY["rearrange"]


def test_windows_of_a_map_that_has_its_channels_last() -> None:
    x = torch.randn(2, 6, 9, 5)
    windows = run(rearrange(pattern="(h p) (w q) c -> (h w) (p q) c", p=2, q=3), x)
    expected = x.view(2, 3, 2, 3, 3, 5).permute(0, 1, 3, 2, 4, 5).reshape(2, 9, 6, 5)
    assert torch.equal(windows, expected)
    back = run(rearrange(pattern="(h w) (p q) c -> (h p) (w q) c", p=2, h=3), windows)
    assert torch.equal(back, x)


def test_heads_of_attention() -> None:
    x = torch.randn(2, 5, 24)
    heads = run(rearrange(pattern="l (t h d) -> t h l d", t=3, h=2), x)
    assert torch.equal(heads, x.view(2, 5, 3, 2, 4).permute(0, 2, 3, 1, 4))


def test_pixel_shuffle() -> None:
    x = torch.randn(2, 12, 3, 4)
    made = run(rearrange(pattern="(c p q) h w -> c (h p) (w q)", p=2, q=2), x)
    assert torch.equal(made, torch.pixel_shuffle(x, 2))


def test_axes_of_size_one_and_axes_in_between() -> None:
    x = torch.randn(2, 3, 1, 4, 5)
    assert torch.equal(run(rearrange(pattern="c 1 ... -> ... c 1"), x), x.squeeze(2).permute(0, 2, 3, 1).unsqueeze(4))
    assert run(rearrange(pattern="c ... -> (c ...)"), x).shape == (2, 60)


def test_sizes_stay_open() -> None:
    height, width = OpenSize.symbol("H"), OpenSize.symbol("W")
    layer = rearrange(pattern="(h p) (w q) c -> (h w) (p q) c", p=7, q=7)
    x = Shape.of(height, width, 96)
    assert str(layer.outputs(x)[0]) == "[floor(H / 7)*floor(W / 7), 49, 96]"
    assert [str(need) for need in layer.requires(x)] == ["-7*floor(H / 7) + H == 0", "-7*floor(W / 7) + W == 0"]


@pytest.mark.parametrize(
    ("pattern", "sizes", "message"),
    [
        ("h w c", {}, "two sides"),
        ("h w c -> h w", {}, "c stands on the left alone; mean"),
        ("h w -> h w c", {}, "c stands on the right alone; expand"),
        ("h h -> h", {}, "h stands twice"),
        ("(h w -> h w", {}, "brackets"),
        ("h, w -> w h", {}, r", w is no axis"),
        ("(h p) -> h p", {"q": 3}, "no axis q in the pattern"),
        ("(h p) -> h p", {"p": 0}, "at least 1, not 0"),
    ],
)
def test_patterns_that_say_nothing(pattern: str, sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        rearrange(pattern=pattern, **sizes)


@pytest.mark.parametrize(
    ("pattern", "sizes", "shape", "message"),
    [
        (
            "(h p) w c -> h p w c",
            {"p": 7},
            (10, 8, 4),
            r"the 10 of \(h p\) in \[10, 8, 4\], which do not divide by p=7",
        ),
        ("(h p) w c -> h p w c", {}, (10, 8, 4), "neither h nor p is known"),
        ("h w c -> c h w", {"c": 3}, (10, 8, 4), r"c of .* is 3 \(c=3\), but in \[10, 8, 4\] it is 4"),
        ("h w 1 -> h w", {}, (10, 8, 4), r"1 of .* is 1, but in \[10, 8, 4\] it is 4"),
        ("h w -> w h", {}, (10, 8, 4), r"has 2 axes, but this value is \[10, 8, 4\]"),
    ],
)
def test_what_does_not_fit(pattern: str, sizes: dict[str, int], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        rearrange(pattern=pattern, **sizes).outputs(Shape.of(*shape))


WINDOWS = """
block Windows(side: int = 7) {
  rearrange("(h p) (w q) c -> (h w) (p q) c", p=side, q=side)
  linear(8)
  rearrange("(h w) (p q) c -> (h p) (w q) c", p=side, h=in.shape[0] // side)
}
net N {
  input x [14, 14, 8]
  Windows
  Windows(2)
}
"""


def test_a_block_keeps_its_parameters_in_the_pattern() -> None:
    source = netspec.parse(WINDOWS).graph().emit()
    assert 'rearrange(x, "h*p w*q c -> h*w p*q c", p=self.side, q=self.side)' in source


def test_few_steps_are_written_as_they_are() -> None:
    call = rearrange(pattern="l (t h d) -> t h l d", t=3, h=12).torch(Shape.of(197, 2304))
    assert call.apply == "{0}.unflatten(2, (3, 12, -1)).permute(0, 2, 3, 1, 4)"
