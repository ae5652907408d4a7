"""Sets: what of a spec is of which set, what they are called, and what the papers' nets make of regions."""

from __future__ import annotations

from conftest import GraphOf, MistakesOf

import netspec
from netspec import zoo

STAGES = """
  c4 = conv(16, 3, stride=16, pad=1)
  let grid, level = anchors(c4, of=image, sizes=[32])
  let moves = per_anchor(conv(c4, 4, 1), 4)
  let logits = per_anchor(conv(c4, 1, 1))
"""
PROPOSED = "proposals(box_decode(moves, grid), logits, level, of=image, after=20)"


def shapes(graph: netspec.Graph) -> list[str]:
    return [str(output.value.shape) for output in graph.outputs]


def test_a_set_is_called_as_its_first_name(graph_of: GraphOf) -> None:
    """By a label, a let, the first of several names, an output; else after its layer."""
    for stage in (f"rois = {PROPOSED}", f"let rois = {PROPOSED}", f"output rois = {PROPOSED}"):
        assert [each.limit for each in graph_of(f"{STAGES}{stage}").sets] == ["rois <= 20"]
    found = "detections(stack([logits, logits], axis=1), box_decode(moves, grid), of=image, most=9)"
    assert [each.limit for each in graph_of(f"{STAGES}boxes, sure, label = {found}").sets] == ["boxes <= 9"]
    assert [each.limit for each in graph_of(f"{STAGES}{PROPOSED}").sets] == ["proposals1 <= 20"]


def test_what_is_made_of_a_set_is_of_it(graph_of: GraphOf) -> None:
    graph = graph_of(f"{STAGES}rois = {PROPOSED}\nroi_align(c4, boxes=_, of=image, size=7) -> conv(8, 3) -> flatten")
    assert shapes(graph) == ["[200] each rois (<= 20)"]
    assert graph["conv3"].times == 20
    assert graph["c4"].times == 1


def test_two_sets_of_one_layer_are_two(graph_of: GraphOf, mistakes_of: MistakesOf) -> None:
    """Equal calls share their layer, and not their set; the message says where both are made."""
    body = f"{STAGES}one = {PROPOSED}\nother = {PROPOSED}"
    assert len(graph_of(body).sets) == 2
    (mistake,) = mistakes_of(f"{body}\none + other")
    assert mistake.code == "E0308"
    assert [text for _, text in mistake.related] == ["the set one is made here", "the set other is made here"]


def test_mask_rcnn_on_one_map() -> None:
    """W x H x 15 boxes, a score and 4 offsets of each; 7 x 7 x 1024 -> 7 x 7 x 2048; K masks of 14 x 14."""
    graph = netspec.load(zoo.find("mask_rcnn_c4").path).graph(inputs={"image": [3, 800, 1024]})
    assert str(graph["backbone.layer3"].output.shape) == "[1024, 50, 64]"
    assert [str(value.shape) for value in graph["rpn"].outputs] == ["[48000]", "[48000, 4]"]
    assert 50 * 64 * 15 == 48000
    regions, *_ = (node for node in graph if node.layer.name == "roi_align")
    assert str(regions.output.shape) == "[1024, 7, 7] each rois (<= 1,000)"
    assert str(graph["res5"].output.shape) == "[2048, 7, 7] each rois (<= 1,000)"
    assert str(graph["cls_score"].output.shape) == "[81] each rois (<= 1,000)"
    assert str(graph["bbox_pred"].output.shape) == "[324] each rois (<= 1,000)"
    assert str(graph["mask_fcn_logits"].output.shape) == "[81, 14, 14] each found (<= 100)"
    assert shapes(graph)[-1] == "[800, 1024] each found (<= 100)"


def test_mask_rcnn_on_a_pyramid() -> None:
    graph = netspec.load(zoo.find("mask_rcnn").path).graph(inputs={"image": [3, 800, 1024]})
    assert str(graph["roi_heads.box_head"].output.shape) == "[1024] each rois (<= 1,000)"
    assert str(graph["roi_heads.mask_head"].output.shape) == "[256, 14, 14] each found (<= 100)"
    assert str(graph["roi_heads.mask_predictor.conv5_mask"].output.shape) == "[256, 28, 28] each found (<= 100)"
    assert shapes(graph) == [
        "[4] each found (<= 100)",
        "int [] each found (<= 100)",
        "[] each found (<= 100)",
        "[800, 1024] each found (<= 100)",
    ]
