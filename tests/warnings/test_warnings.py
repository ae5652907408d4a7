"""What is warned of, where, and what is not; a mend, put in its place, silences its warning."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import netspec
from netspec import zoo
from netspec.diagnostics import Diagnostic

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def spec(written: str) -> str:
    """A whole file as it is; the body of a net for pictures otherwise."""
    whole = written.lstrip().startswith(("net ", "block ", "from ", "train "))
    return written if whole else f"net N {{\n  input x [3, 32, 32]\n{written}\n}}\n"


def warnings(written: str, least: int | None = None) -> list[Diagnostic]:
    parsed = netspec.parse(spec(written))
    assert parsed.check() == []
    return parsed.warnings(object=least)


WARNED = [
    ("W0001", "train {\n  epochs 3\n}\n", "train"),
    ("W0101", "e1 = conv(8, 3)\nx -> conv(8, 3)", "e1"),
    ("W0101", "let gate = conv(8, 3)\nrelu", "gate"),
    ("W0101", "x -> conv(8, 3)\nx -> conv(8, 3)", "conv(8, 3)"),
    ("W0101", "a = { conv(8, 3) -> relu }\nx -> conv(8, 3)", "a"),
    ("W0101", "block B { side = relu; in -> conv(8, 3) }\nnet N { input x [3, 8, 8]; B; B }", "side"),
    ("W0102", "block B { relu }\nnet N { input x [8]; linear(4) }", "block B"),
    ("W0102", "from std.se import SE\nnet N { input x [8]; linear(4) }", "SE"),
    ("W0103", "net N(classes = 10) { input x [8]; linear(4) }", "classes = 10"),
    ("W0103", "block B(w, n) { linear(w) }\nnet N { input x [8]; B(4, 2) }", "n"),
    ("W0103", "let n = 3\nrelu", "n"),
    ("W0104", "net N { input x [8]; linear(1) -> softmax }", "softmax"),
    ("W0104", "let t = param([4])\nrelu\noutput a = conv(8, 1)\noutput b = t -> linear(2)", "param([4])"),
    ("W0201", "conv(3, 32, 3)", "conv(3, 32, 3)"),
    ("W0202", "batchnorm(1)", "1"),
    ("W0203", "net N { input x [32, 3, 224, 224]; conv(8, 3) }", "[32, 3, 224, 224]"),
    ("W0204", "net N { input x [224, 224, 3]; conv(8, 3) }", "[224, 224, 3]"),
    ("W0205", "concat(x, _, axis=1)", "axis=1"),
    ("W0205", "softmax(1)", "1"),
    ("W0205", "global_avgpool -> flatten(1) -> linear(10)", "1"),
    ("W0206", "conv(8, 3) -> relu -> linear(10)", "linear(10)"),
    ("W0206", "linear(10)", "linear(10)"),
    ("W0301", "conv(8, 3) -> batchnorm", "conv(8, 3)"),
    ("W0301", "c = conv(8, 3, pad=1);  bn = batchnorm;  relu", "conv(8, 3, pad=1)"),
    ("W0302", "upconv(8, 3, stride=2)", "upconv(8, 3, stride=2)"),
    ("W0303", "maxpool(16) -> conv(8, 3, pad=1)", "conv(8, 3, pad=1)"),
    ("W0304", "conv(8, 2) -> maxpool(2)", "maxpool(2)"),
    ("W0304", "conv(8, 1, stride=2)", "conv(8, 1, stride=2)"),
    ("W0305", "conv(8, 4, pad=same)", "conv(8, 4, pad=same)"),
    ("W0307", "conv(8, 3, pad=2, dilation=2)", "conv(8, 3, pad=2, dilation=2)"),
    ("W0307", "conv(8, 3) -> conv(8, 3, dilation=2) -> conv(8, 3, dilation=9)", "conv(8, 3, dilation=9)"),
    (
        "W0601",
        'net N { input x [8]; linear(4) -> softmax }\ntrain { data npz("a.npz"); loss cross_entropy }',
        "softmax",
    ),
]


@pytest.mark.parametrize(("code", "written", "at"), WARNED)
def test_what_is_seldom_meant_is_warned_of_in_its_place(code: str, written: str, at: str) -> None:
    (found,) = [warning for warning in warnings(written) if warning.code == code]
    assert found.severity == "warning"
    assert found.span.text == at


@pytest.mark.parametrize(("code", "written"), [(code, written) for code, written, _ in WARNED])
def test_a_mend_silences_its_warning_and_leaves_a_net_that_fits(code: str, written: str) -> None:
    text = spec(written)
    for found in warnings(text):
        if found.code != code or found.mend is None:
            continue
        span, put = found.mend
        mended = text[: span.start] + put + text[span.end :]
        assert code not in [left.code for left in warnings(mended)]


@pytest.mark.parametrize(("code", "written"), [(code, written) for code, written, _ in WARNED if code != "W0104"])
def test_a_comment_on_its_line_allows_a_warning(code: str, written: str) -> None:
    allowed = "\n".join(f"{line}  # as published; allow W9999, {code}" for line in spec(written).splitlines())
    assert code not in [found.code for found in warnings(allowed)]


QUIET = [
    "e1 = conv(8, 3, pad=1)\nx -> conv(8, 3, pad=1)\nconcat(e1, _)",
    "e1 = conv(8, 3)\noutput a = e1\noutput b = e1 -> conv(4, 1)",
    "output aux = conv(8, 3) when training\nconv(4, 1)",
    # the last round of a block leaves a value that the rounds before it use
    "block B { s = conv(3, 1); return s, relu(in) }\nnet N { input x [3, 8, 8]\n"
    "  for i in range(2) { s$i, h$i = B }\n  s0 + h1\n}",
    "block A { relu }\nblock B { A }\nnet N { input x [8]; B -> linear(4) }",
    "block B { relu }\n",  # a file of blocks is for others
    "net N(n = 2, w = n) { input x [8]; linear(w) }",
    "net N { input x [8]; linear(2) -> softmax }",
    "net N { input x [64, 33, 33]; conv(64, 7, 2) }",
    "conv(8, 3, pad=1) -> conv(8, 3, 2, 1)",
    "batchnorm(0.001)",
    "batchnorm(eps=1)",
    "net N { input clip [3, 16, 112, 112]; conv(8, 3) }",
    "net N { input x [3, 224, 224]; conv(8, 4) }",
    "net N { input tokens [10, 64]; attention(8) -> concat(_, tokens, axis=1) }",
    "flatten(1)",  # a map as a sequence of positions
    "flatten -> linear(4)",
    "conv(8, 3) -> permute([1, 2, 0]) -> layernorm -> linear(4)",
    "net N { input x [7, 7, 64]; linear(4) }",  # the channels are last
    "conv(8, 3, bias=false) -> batchnorm",
    "conv(8, 3, bias=true) -> batchnorm",
    "default conv(bias=true)\nconv(8, 3) -> batchnorm",
    "c = conv(8, 3, pad=1)\nbatchnorm\n_ + c",  # the bias has another use
    "conv(8, 3) -> layernorm(over=channels)",
    "upconv(8, 4, stride=2, pad=1)",
    "upconv(8, 3)",
    "conv(8, 32)",
    "conv(8, 3, stride=2, pad=1)",  # what is left out is padding: i = 32, k = 3, s = 2, p = 1
    "a = conv(8, 3, stride=2, pad=1)\nb = x -> conv(8, 1, stride=2)\na + b",
    "conv(8, 3, pad=same)",
    "conv(8, 2, stride=2, pad=same)",
    "conv(8, 3) -> conv(8, 3, dilation=2) -> conv(8, 3, dilation=4)",
    "conv(8, 1, dilation=4)",
]


@pytest.mark.parametrize("written", QUIET)
def test_what_is_meant_is_not_warned_of(written: str) -> None:
    assert warnings(written) == []


@pytest.mark.parametrize("network", zoo.networks(), ids=lambda network: network.name)
def test_the_published_networks_are_quiet(network: zoo.Network) -> None:
    read = netspec.load(EXAMPLES / f"{network.spec}.net")
    assert read.warnings([read.graph(network.net, **network.arguments)]) == []


def test_a_receptive_field_is_compared_with_the_object_that_is_named() -> None:
    three = "conv(8, 3) -> conv(8, 3) -> conv(8, 3)\nglobal_avgpool -> flatten -> linear(4)"
    (found,) = warnings(three, least=8)
    assert (found.code, found.span.text) == ("W0306", "conv(8, 3)")
    assert "sees 7 positions" in found.message
    assert warnings(three, least=7) == []
    assert warnings(three.replace("global_avgpool -> ", ""), least=64) == [], "a linear layer sees the whole map"


def test_a_stage_of_another_file_is_warned_of_at_the_call_that_leads_there(tmp_path: Path) -> None:
    (tmp_path / "parts.net").write_text("block Down(w) {\n  conv(w, 3, pad=1) -> batchnorm\n}\n")
    main = tmp_path / "main.net"
    main.write_text('from "parts.net" import Down\nnet N {\n  input x [3, 8, 8]\n  Down(4)\n}\n')
    (found,) = netspec.load(main).warnings()
    assert (found.code, found.span.text) == ("W0301", "Down(4)")
    assert found.related[0][0].text == "conv(w, 3, pad=1)"


def test_what_the_text_alone_shows_is_said_beside_errors(
    tmp_path: Path, cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    path = tmp_path / "last.net"
    path.write_text("net N {\n  input x [224, 224, 3]\n  conv(8, 5)\n}\n")
    result = cli("check", str(path))
    assert result.returncode == 1
    assert "error[E0305]" in result.stdout
    assert "warning[W0204]" in result.stdout


def test_a_net_that_needs_values_is_said_to_be_checked_for_names_alone(
    tmp_path: Path, cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    path = tmp_path / "n.net"
    path.write_text("net N(classes) {\n  input x [8]\n  linear(classes)\n}\n")
    assert "N: only its names are checked" in cli("check", str(path)).stdout
    assert "only its names" not in cli("check", str(path), "--set", "classes=3").stdout


DOUBTFUL = "net N {\n  input x [3, 32, 32]\n  conv(8, 3) -> batchnorm\n}\n"


def test_warnings_leave_the_exit_status_unless_they_are_taken_for_errors(
    tmp_path: Path, cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    path = tmp_path / "n.net"
    path.write_text(DOUBTFUL)
    result = cli("check", str(path))
    assert result.returncode == 0
    assert "warning[W0301]" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("ok (N), 1 warning")
    strict = cli("check", str(path), "--strict")
    assert strict.returncode == 1
    assert "error[W0301]" in strict.stdout
    assert "ok (N)" not in strict.stdout


def test_machines_read_warnings_as_warnings(
    tmp_path: Path, cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    path = tmp_path / "n.net"
    path.write_text(DOUBTFUL)
    document = json.loads(cli("check", str(path), "--format", "json").stdout)
    assert document["ok"] is True
    assert [(d["code"], d["severity"]) for d in document["diagnostics"]] == [("W0301", "warning")]
    assert cli("check", str(path), "--format", "github").stdout.startswith("::warning file=")


def test_explain_knows_warnings(cli: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert cli("explain", "w0102").stdout.startswith("# W0102: ")
