"""What a net asserts of itself: kept or not, how far off, and where it goes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import netspec
from netspec.analysis import budgets, counts
from netspec.diagnostics import Diagnostic, NetspecError

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
NET = """
net N(width: int = 8) {{
  input image [3, 32, 32]
  {asserted}
  stem = conv(width, 3, stride=2, pad=1) -> relu
  body = {{ repeat 2 {{ conv(width, 3, pad=1) }} }}
  flatten
  fc = linear(10)
}}
"""


def found(asserted: str) -> list[Diagnostic]:
    return netspec.parse(NET.format(asserted=asserted)).check()


STEM = 3 * 8 * 9 + 8
BODY = 2 * (8 * 8 * 9 + 8)
FC = 8 * 16 * 16 * 10 + 10
WEIGHTS = STEM + BODY + FC
MACS = 16 * 16 * (3 * 8 * 9 + 2 * 8 * 8 * 9) + 8 * 16 * 16 * 10
MADE = 5 * 8 * 16 * 16 + 10  # stem's two, body's two, flatten, fc
MEMORY = 4 * (2 * WEIGHTS + 7 * (3 * 32 * 32 + MADE))
NEURONS = 3 * 8 * 16 * 16 + 10
EXACT = {
    "parameters": WEIGHTS,
    "parameters(body)": BODY,
    "parameters(fc)": FC,
    "macs": MACS,
    "macs(body)": 2 * 16 * 16 * 8 * 8 * 9,
    "macs(stem.conv)": 16 * 16 * 3 * 8 * 9,
    "memory(batch=7)": MEMORY,
    "memory(body)": 4 * (2 * BODY + 2 * 8 * 16 * 16),
    "neurons": NEURONS,
    "field(stem)": 3,
    "field(body)": 3 + 2 * 2 + 2 * 2,
    "field(fc)": 32,
}


@pytest.mark.parametrize(("figure", "value"), [(k, v) for k, v in EXACT.items() if "." not in k])
def test_a_budget_is_kept_up_to_its_last_one(figure: str, value: int) -> None:
    for kept in (f"== {value}", f"< {value + 1}", f"<= {value}", f"> {value - 1}", f">= {value}", f"!= {value + 1}"):
        assert found(f"assert {figure} {kept}") == [], kept
    for broken in (f"== {value + 1}", f"< {value}", f"<= {value - 1}", f"> {value}", f">= {value + 1}", f"!= {value}"):
        (one,) = found(f"assert {figure} {broken}")
        assert one.code == "E0901", broken


def test_figures_are_those_of_torch() -> None:
    """Weights, their gradients, and what is made on the way, measured on the compiled net."""
    graph = netspec.parse(NET.format(asserted="")).graph()
    model = graph.compile(device="cpu")
    made: list[int] = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda _module, _inputs, output: made.append(output[0].numel()))
    model(torch.zeros(2, 3, 32, 32))
    figures = counts.of_all(map(counts.of_node, graph.nodes))
    assert figures.neurons == sum(made)
    assert figures.parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("limit", "amount"),
    [
        ("1k", 1_000), ("1K", 1_000), ("2M", 2_000_000), ("1.5G", 1_500_000_000), ("1T", 10**12),
        ("3B", 3), ("1kB", 1_000), ("1KiB", 1_024), ("2MiB", 2 * 2**20), ("8GB", 8 * 10**9), ("1TiB", 2**40),
    ],
)  # fmt: skip
def test_units(limit: str, amount: int) -> None:
    figure = "memory" if limit.endswith("B") else "macs"
    graph = netspec.parse(NET.format(asserted=f"assert {figure} < {limit}")).graph()
    assert [budget.limit for budget in graph.budgets] == [amount]


@pytest.mark.parametrize(
    "asserted",
    [
        "assert parameters < 5k", "assert parameters > 1M", "assert macs(body) <= 100k",
        "assert memory(batch=32) < 1kB",
        "assert memory > 7GiB", "assert neurons == 3", "assert field(body) >= 224", "assert field(body) < 3",
        "assert parameters < 3", "assert macs(bodi) < 1G", "assert parameter < 1G", "assert macs >= 0.002G",
    ],
)  # fmt: skip
def test_the_mend_keeps_the_budget(asserted: str) -> None:
    (one,) = found(asserted)
    assert one.mend is not None
    span, text = one.mend
    source = span.source.text
    assert netspec.parse(source[: span.start] + text + source[span.end :]).check() == []


def test_the_message_says_where_it_goes() -> None:
    (one,) = found("assert parameters < 1k")
    assert one.message == f"N has {WEIGHTS:,} parameters, which is not < 1k"
    assert one.label.startswith(f"{WEIGHTS - 1000:,} too much")
    assert one.notes == (f"most of it: fc {FC:,} (94%), body {BODY:,} (5%), stem {STEM:,} (1%)",)


@pytest.mark.parametrize(
    ("asserted", "code"),
    [
        ("assert size < 5", "E0902"),
        ("assert parameters(stem, body) < 5", "E0902"),
        ("assert parameters(batch=3) < 5", "E0902"),
        ("assert memory(batch=0) < 5GB", "E0902"),
        ("assert memory(batch=1.5) < 5GB", "E0902"),
        ("assert memory < 5G", "E0902"),
        ("assert macs < 5GB", "E0902"),
        ("assert field > 5", "E0902"),
        ("assert macs < same", "E0902"),
        ("assert macs(nowhere) < 5", "E0902"),
        ("assert macs < 5M + 3", "E0205"),
        ("assert macs", "E0101"),
        ("conv(5M, 3)", "E0101"),
        ("let x = 5M", "E0101"),
        ("assert macs < 5X", "E0101"),
        ("; ".join(["assert macs < 1G"] * 65), "E0504"),
    ],
)
def test_what_is_no_budget(asserted: str, code: str) -> None:
    try:
        wrong = found(asserted)
    except NetspecError as error:
        wrong = list(error.diagnostics)
    assert wrong[0].code == code


def test_parameters_and_conditions_make_a_limit() -> None:
    asserted = "if width == 8 { assert parameters < 3_000 * width } else { assert parameters < 1 }"
    spec = netspec.parse(NET.format(asserted=asserted))
    assert spec.check() == []
    (one,) = budgets.check(spec.graph(width=9))
    assert one.message.endswith("which is not < 1")


def test_a_block_has_no_budget_and_a_net_used_as_one_is_not_held_to_its_own() -> None:
    (one,) = netspec.parse("block B { assert macs < 1 }\nnet N { input x [3];  B }").check()
    assert one.code == "E0215"
    nets = "net A { input x [3];  assert parameters < 1;  linear(3) }\nnet N { input x [3];  A }"
    assert [one.message for one in netspec.parse(nets).check()] == ["A has 12 parameters, which is not < 1"]


def test_open_sizes_are_a_warning_and_given_ones_none(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "n.net").write_text("net N {\n  input x [3, H, W]\n  assert macs < 1k\n  conv(4, 1)\n}\n")
    result = cli("check", "n.net")
    assert result.returncode == 0
    assert "warning[E0903]" in result.stdout
    result = cli("check", "n.net", "--input", "x=[3,10,10]")
    assert result.returncode == 1
    assert "error[E0901]: N takes 1,200 MACs, which is not < 1k" in result.stdout
    assert "ok" in cli("check", "n.net", "--input", "x=[3,8,8]").stdout


def test_what_is_over_its_budget_can_be_drawn_and_emitted_all_the_same(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "n.net").write_text(NET.format(asserted="assert parameters < 1"))
    assert cli("check", "n.net").returncode == 1
    assert cli("emit", "n.net").returncode == 0


def test_a_figure_may_be_broken_over_lines() -> None:
    assert found("assert memory(\n    body,\n    batch=2,\n  ) < 1GB") == []


def test_assert_is_a_name_elsewhere() -> None:
    spec = netspec.parse("net N {\n  input x [3]\n  assert = linear(3)\n  assert -> relu\n}\n")
    assert spec.check() == []
    assert "assert.weight" in spec.graph().compile(device="cpu").state_dict()
