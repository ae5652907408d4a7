"""Blocks of the library against those of torchvision, with the same weights."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.segmentation.deeplabv3 import ASPP
from torchvision.models.swin_transformer import ShiftedWindowAttention

import netspec

WINDOWS = """
from std.transformer import WindowAttention
net N(shift = 0) {{ input x [{height}, {width}, 24]; attn = WindowAttention(3, window=4, shift=shift) }}
"""


@pytest.mark.parametrize(("height", "width", "shift"), [(8, 12, 0), (8, 12, 2), (4, 8, 0)])
def test_window_attention(height: int, width: int, shift: int) -> None:
    torch.manual_seed(0)
    theirs = ShiftedWindowAttention(24, [4, 4], [shift, shift], 3)
    ours = netspec.parse(WINDOWS.format(height=height, width=width)).graph(shift=shift).compile()
    ours.load_state_dict({f"attn.{key}": value for key, value in theirs.state_dict().items()})
    x = torch.randn(2, height, width, 24)
    torch.testing.assert_close(ours(x), theirs(x))


def test_atrous_pooling() -> None:
    theirs = ASPP(8, [2, 3], 4)
    text = "from std.segmentation import ASPP\nnet N { input x [8, 9, 9]; a = ASPP(4, [2, 3]) }"
    ours = netspec.parse(text).graph().compile()
    ours.load_state_dict({f"a.{key}": value for key, value in theirs.state_dict().items()})
    x = torch.randn(2, 8, 9, 9)
    assert torch.equal(ours.eval()(x), theirs.eval()(x))
