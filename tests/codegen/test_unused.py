"""What no output needs does not run: the counts, the summary and the emitted class say the same of it."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import netspec
from netspec.graph import json_form

SPLIT = """block Split(width) {
  a = conv(width, 1)
  b = in -> conv(width, 1)
  dead = in -> conv(2 * width, 1)
  return a, b
}
"""
NET = "net N {{\n  input x [8, 4, 4]\n  {}\n}}\n"

BODIES = [
    ("let gate = conv(32, 3)\n  conv(4, 1)", "gate", 512),
    ("a = conv(32, 3)\n  x -> conv(4, 1)", "a", 512),
    ("let a = conv(8, 1)\n  let b = conv(a, 8, 1)\n  conv(4, 1)", "a, b", 512),
    ("l, r = Split(4)\n  m, s = l -> Split(4)\n  m + s", "l.dead, m.dead", 1536),
    ("l, r = Split(4)\n  l", "l.dead", 1024),  # a class makes all of its results, whatever is taken of them
    ("let gone = Split(4)\n  conv(4, 1)", "gone.a, gone.b, gone.dead", 512),
    ("body = { a = conv(4, 1); b = in -> conv(5, 1); a }\n  body.b -> conv(2, 1)", "", 1312),
    ("body = { a = conv(4, 1); b = in -> conv(5, 1); a }\n  body.a -> conv(2, 1)", "body.b", 640),
]


@pytest.mark.parametrize(("body", "unused", "macs"), BODIES)
def test_what_nothing_uses_is_in_the_module_and_does_not_run(body: str, unused: str, macs: int) -> None:
    graph = netspec.parse(SPLIT + NET.format(body)).graph("N")
    model = graph.compile().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 8, 4, 4))
    assert counter.get_total_flops() == 2 * macs
    assert graph.macs == macs
    assert ", ".join(node.name for node in graph if node.unused) == unused
    assert sum(weight.numel() for weight in model.parameters()) == graph.parameters
    assert (f"Nothing uses {unused}." in graph.emit()) == bool(unused)
    assert ("of stages that nothing uses" in str(graph)) == bool(unused)
    assert [node.unused for node in json_form.load(graph.json())] == [node.unused for node in graph]
