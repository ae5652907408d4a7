"""The layers of boxes against torchvision's, in float64 on generated values: what they make, gradients, borders."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxCoder, BoxLinearCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.boxes import clip_boxes_to_image

import netspec

torch.set_num_threads(1)  # the tensors are tiny

some = settings(max_examples=15, deadline=None, derandomize=True, database=None)
counts = st.integers(1, 9)
seeds = st.integers(0, 2**16)


@cache
def net(inputs: str, body: str) -> nn.Module:
    """A net of this body in float64; its inputs are open in their sizes, so that it serves all examples."""
    declared = "".join(f"input {one}\n" for one in inputs.split("; "))
    model: nn.Module = netspec.parse(f"net N {{\n{declared}{body}\n}}").graph().compile()
    return model.double()


def boxes_of(count: int, seed: int, *, least: float = 0.5) -> Tensor:
    """Boxes of some area, a few pixels beyond an image of 40 x 30 pixels on each side."""
    drawn = torch.rand(count, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    corner = drawn[:, :2] * torch.tensor([44.0, 34.0]) - 4
    return torch.cat([corner, corner + least + 9 * drawn[:, 2:]], 1)


def offsets_of(count: int, seed: int) -> Tensor:
    """Offsets to boxes, some of which are beyond what box_decode lets sides grow."""
    return 2 * torch.randn(count, 4, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)


def same_with_gradients(ours: nn.Module, theirs: Callable[..., Tensor], *values: Tensor) -> None:
    """Both make the same, and have the same gradients with respect to what they are given."""
    for value in values:
        value.requires_grad_()
    found, expected = ours(*(value[None] for value in values))[0], theirs(*values)
    torch.testing.assert_close(found, expected.view_as(found), rtol=1e-12, atol=1e-12)
    direction = torch.randn_like(found)
    pairs = [torch.autograd.grad((out.view_as(found) * direction).sum(), values) for out in (found, expected)]
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


WEIGHTS = ([1, 1, 1, 1], [10, 10, 5, 5])


@pytest.mark.parametrize("weights", WEIGHTS)
@some
@given(counts, seeds)
def test_box_decode(weights: list[float], count: int, seed: int) -> None:
    ours = net("offsets [A, 4]; boxes [A, 4]", f"box_decode(offsets, boxes, weights={weights})")
    coder = BoxCoder(tuple(weights))
    same_with_gradients(ours, coder.decode_single, offsets_of(count, seed), boxes_of(count, seed))


@pytest.mark.parametrize("weights", WEIGHTS)
@some
@given(counts, seeds)
def test_box_encode(weights: list[float], count: int, seed: int) -> None:
    ours = net("boxes [A, 4]; others [A, 4]", f"box_encode(boxes, others, weights={weights})")
    coder = BoxCoder(tuple(weights))
    same_with_gradients(ours, coder.encode_single, boxes_of(count, seed), boxes_of(count, seed + 1))


def test_several_fours_of_each_box_are_decoded_from_it() -> None:
    """[A, K, 4] and [A, 4], as the heads of Fast R-CNN have a box for each class."""
    ours = net("offsets [A, 3, 4]; boxes [A, 4]", "box_decode(offsets, boxes)")
    offsets, boxes = offsets_of(15, 0).view(5, 3, 4), boxes_of(5, 0)
    expected = BoxCoder((1, 1, 1, 1)).decode_single(offsets.flatten(1), boxes).view(5, 3, 4)
    torch.testing.assert_close(ours(offsets[None], boxes[None])[0], expected)


@pytest.mark.parametrize("relative", [True, False])
@some
@given(counts, seeds)
def test_distances(relative: bool, count: int, seed: int) -> None:
    word = str(relative).lower()
    coder = BoxLinearCoder(normalize_by_size=relative)
    decode = net("distances [A, 4]; boxes [A, 4]", f"distance_decode(distances, boxes, relative={word})")
    encode = net("boxes [A, 4]; others [A, 4]", f"distance_encode(boxes, others, relative={word})")
    same_with_gradients(decode, coder.decode, offsets_of(count, seed), boxes_of(count, seed))
    boxes, others = boxes_of(count, seed), boxes_of(count, seed + 1)
    same_with_gradients(encode, lambda boxes, others: coder.encode(others, boxes), boxes, others)


@some
@given(counts, seeds)
def test_clip_boxes(count: int, seed: int) -> None:
    """Boxes across each border, and boxes wholly outside."""
    ours = net("boxes [A, 4]; image [3, H, W]", "clip_boxes(boxes, of=image)")
    image = torch.empty(1, 3, 30, 40)
    clipped = lambda boxes: clip_boxes_to_image(boxes, (30, 40))  # noqa: E731
    same_with_gradients(lambda boxes: ours(boxes, image), clipped, boxes_of(count, seed))  # type: ignore[arg-type]


maps_of_an_image = st.tuples(st.lists(st.tuples(counts, counts), min_size=2, max_size=2), counts, counts)
TWO_MAPS = "p [5, H, W]; q [5, I, J]; image [3, K, L]"


def laid_out(drawn: Any) -> tuple[list[Tensor], Tensor]:
    """Two maps and an image of a batch of two, the image no smaller than either of them and mostly no multiple."""
    sizes, down, across = drawn
    height, width = (max(size[axis] for size in sizes) * 3 + more for axis, more in ((0, down), (1, across)))
    return [torch.empty(2, 5, *size).double() for size in sizes], torch.empty(2, 3, height, width).double()


@some
@given(maps_of_an_image)
def test_anchors(drawn: Any) -> None:
    """Boxes and their order, of maps of any sizes, with one size or several a map."""
    maps, image = laid_out(drawn)
    ours = net(TWO_MAPS, "let a, level = anchors([p, q], of=image, sizes=[[7, 12.5], [33, 40]], ratios=[0.5, 1, 3])\n"
                         "output boxes = a\noutput levels = level")  # fmt: skip
    generator = AnchorGenerator(((7, 12.5), (33, 40)), ((0.5, 1.0, 3.0),) * 2)
    expected = generator(ImageList(image, [(1, 1)] * 2), maps)
    found = ours(*maps, image)
    assert torch.equal(found.boxes, torch.stack(expected))
    counted = [6 * x.shape[2] * x.shape[3] for x in maps]
    assert found.levels[1].tolist() == [0] * counted[0] + [1] * counted[1]


@pytest.mark.parametrize("steps", [None, [4, 9]])
@some
@given(maps_of_an_image)
def test_default_boxes(steps: list[int] | None, drawn: Any) -> None:
    maps, image = laid_out(drawn)
    given_steps = f", steps={steps}" if steps else ""
    ours = net(TWO_MAPS, f"default_boxes([p, q], of=image, scales=[0.2, 0.6, 1.1], ratios=[[2], [2, 3]]{given_steps})")
    generator = DefaultBoxGenerator([[2], [2, 3]], scales=[0.2, 0.6, 1.1], steps=steps)
    assert torch.equal(ours(*maps, image), torch.stack(generator(ImageList(image, [(1, 1)] * 2), maps)))


def test_frozen_batchnorm() -> None:
    """The same keys, and the same bits as torchvision's in training, too, where nothing of it changes."""
    ours = net("x [4, H, W]", "bn = batchnorm(frozen=true)")
    theirs = FrozenBatchNorm2d(4).double()
    state = {key: torch.rand(4).double() + 0.5 for key in theirs.state_dict()}
    ours.load_state_dict({f"bn.{key}": value for key, value in state.items()})
    theirs.load_state_dict(state)
    x = torch.randn(2, 4, 3, 5).double()
    assert torch.equal(ours.train()(x), theirs(x))
    assert not list(ours.parameters())
    assert all(torch.equal(ours.state_dict()[f"bn.{key}"], value) for key, value in state.items())
