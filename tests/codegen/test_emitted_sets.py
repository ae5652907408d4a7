"""What is emitted of sets: how many members they have goes where it is asked for, and comes out as lists."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from agreement import check_net

import netspec
from netspec.codegen import compile_graph
from netspec.graph.graph import Graph
from netspec.graph.json_form import dump, load

TWO_STAGES = """
from std.detection import RPNHead

net TwoStages(classes = 5) {
  input image [3, H, W]
  c3 = conv(16, 3, stride=8, pad=1) -> relu
  c4 = conv(16, 3, stride=2, pad=1) -> relu
  shared rpn.head = RPNHead(3)
  let scores = []
  let offsets = []
  for p in [c3, c4] {
    let score, offset = p -> rpn.head
    let scores = scores + [score]
    let offsets = offsets + [offset]
  }
  let grid, level = anchors([c3, c4], of=image, sizes=[32, 64], ratios=[0.5, 1, 2])
  rois = proposals(box_decode(concat(offsets), grid), concat(scores), level, of=image, after=30)
  roi_heads = {
    box_head = { roi_align([c3, c4], boxes=rois, of=image, size=7);  flatten;  fc6 = linear(32);  relu }
    box_predictor.cls_score = linear(classes)
    box_predictor.bbox_pred = box_head -> linear(4 * classes)
    let boxes = box_decode(reshape(_, [classes, 4]), rois, weights=[10, 10, 5, 5])
    let found, sure, label = detections(softmax(box_predictor.cls_score), boxes, of=image, background=true, most=20)
    mask_head = { roi_align([c3, c4], boxes=found, of=image, size=14);  conv(8, 3, pad=1);  relu }
    logits = conv(classes, 1)
    let mask = pick(logits, label)
  }
  output boxes = roi_heads.found
  output labels = roi_heads.label
  output masks = paste_masks(sigmoid(roi_heads.mask), roi_heads.found, of=image)
}
"""
BLOCKS = """
from std.detection import RPNHead

block Propose(of: tensor, boxes = 3) {
  head, offsets = RPNHead(boxes)
  let grid, level = anchors([in], of=of, sizes=[[32, 64]], ratios=[0.5, 1])
  rois = proposals(box_decode(offsets, grid), head, level, of=of, after=20)
}

block Head(rois: tensor, of: tensor, width = 8, pooled: bool = false) {
  if pooled { roi_pool(in, boxes=rois, of=of, size=7) } else { roi_align(in, boxes=rois, of=of, size=7) }
  conv(width, 3)
  relu
}

block Plain(width = 8) {
  residual { conv(in.channels, 3, pad=1) -> relu }
  flatten
  linear(width) -> relu
}

block Find(rois: tensor, of: tensor, classes) {
  scores = linear(classes)
  offsets = in -> linear(4)
  let found, sure, label = detections(softmax(scores), box_decode(offsets, rois), of=of, most=10, least=0.01)
  return found, label
}

net Blocks(classes = 5) {
  input image [3, H, W]
  c3 = conv(16, 3, stride=8, pad=1) -> relu
  p = Propose(image, 4)
  c3 -> Head(p, image)
  repeat 2 { residual { conv(8, 1) } }
  Plain(12)
  f, l = Find(p, image, classes)
  output maps = c3 -> Head(f, image, 6, pooled=true)
  output labels = l
  output pooled = c3 -> global_avgpool
}
"""
ONE = """
net One {
  input image [3, 32, 32]
  boxes = conv(4, 3, stride=4, pad=1) -> per_anchor(4) -> _ * 9
  output found = detections(sigmoid(boxes), boxes, of=image, least=0.6)
}
"""
SIZES = {"H": 64, "W": 96}


def graph_of(spec: str) -> Graph:
    return netspec.parse(spec).graph()


@pytest.mark.parametrize("spec", [TWO_STAGES, BLOCKS, ONE], ids=["containers", "blocks", "one"])
@pytest.mark.parametrize("by_text", [True, False])
def test_sets_are_emitted_as_the_graph_has_them(spec: str, by_text: bool) -> None:
    """In training and evaluation, with gradients; also of a graph that has no text any more."""
    graph = graph_of(spec)
    graph = graph if by_text else replace(graph, origin=None)
    assert not check_net(graph, compile_graph(graph), sizes=SIZES)


def test_who_does_not_ask_is_not_told() -> None:
    """Of the blocks that take values of a set only those that cut regions are given the number of its members."""
    source = graph_of(BLOCKS).emit()
    assert "self.plain1(out)" in source or "self.plain1(x)" in source
    assert source.count("count: Tensor) -> Tensor:") >= 1
    assert graph_of(BLOCKS).blueprint is not None


def test_a_picture_may_have_none() -> None:
    """Outputs of a set are lists with a tensor for each picture, of those that there are."""
    model = graph_of(TWO_STAGES).compile().eval()
    with torch.no_grad():
        model.roi_heads.box_predictor["cls_score"].bias[0] = 100.0  # all is background
        found = model(torch.randn(2, 3, 64, 96))
    assert [tuple(x.shape) for x in found.boxes] == [(0, 4)] * 2
    assert [tuple(x.shape) for x in found.labels] == [(0,)] * 2
    assert [tuple(x.shape) for x in found.masks] == [(0, 64, 96)] * 2


def test_sets_in_json() -> None:
    """A graph that was written and read has the same sets, which its values share, and the same figures."""
    graph = graph_of(TWO_STAGES)
    again = load(dump(graph))
    assert [each.limit for each in again.sets] == ["rois <= 30", "found <= 20"]
    assert again["roi_heads.box_head.fc6"].output.shape.each is again["rois"].output.shape.each
    assert (again.macs, dump(again)) == (graph.macs, dump(graph))


def test_figures_are_of_as_many_as_there_can_be() -> None:
    graph = graph_of(TWO_STAGES)
    assert graph["roi_heads.box_head.fc6"].times == 30
    head = 30 * (16 * 49 * 32 + 32 * 5 + 32 * 20)
    masks = 20 * (14 * 14 * (16 * 8 * 9 + 8 * 5) + 64 * 16 * (16 + 96))
    dense = netspec.parse(TWO_STAGES).graph(inputs={"image": [3, 64, 96]}).macs
    backbone = 8 * 12 * (3 * 9 * 16) + 4 * 6 * (16 * 9 * 16)
    rpn = (8 * 12 + 4 * 6) * (16 * 9 * 16 + 16 * 15)
    assert dense == head + masks + backbone + rpn
