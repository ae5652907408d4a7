"""Mends: pasted where they belong, they leave nothing of the mistake, for every use of a block."""

from __future__ import annotations

import pytest

import netspec
from netspec.diagnostics import Diagnostic

BLOCK = "block B({parameters}) {{ residual {{ {body} }} }}\nnet N {{ input x [16, 8, 8]; {uses} }}\n"


def pasted(text: str, diagnostic: Diagnostic) -> str:
    """The text with a diagnostic's mend in it."""
    assert diagnostic.mend is not None
    span, replacement = diagnostic.mend
    return text[: span.start] + replacement + text[span.end :]


@pytest.mark.parametrize(
    ("parameters", "body", "uses", "shortcut"),
    [
        ("w", "conv(w, 3, pad=1) -> batchnorm", "B(32); B(64)", "conv(w, 1)"),
        ("w", "conv(w, 3, pad=1) -> relu", "B(16); B(64)", "conv(w, 1)"),
        ("w, s = 1", "conv(w, 3, s, pad=1)", "B(32, 2); B(32)", "conv(w, 1, stride=s)"),
        ("w, s", "relu -> conv(_, 2 * w, 3, stride=s, pad=1)", "B(32, 1); B(32, 2)", "conv(2 * w, 1, stride=s)"),
        ("w", "conv(4, 1) -> conv(channels=w, kernel=1)", "repeat 2 { B(20); B(8) }", "conv(w, 1)"),
        ("w", "maxpool(2, stride=2) -> conv(w, 1)", "B(20); B(8)", "conv(w, 1, stride=2)"),
    ],
)
def test_the_shortcut_of_a_block_is_right_for_all_its_uses(
    parameters: str, body: str, uses: str, shortcut: str, mistakes_of
) -> None:
    text = BLOCK.format(parameters=parameters, body=body, uses=uses)
    mistake = mistakes_of(text)[0]
    assert shortcut in mistake.help
    assert mistakes_of(pasted(text, mistake)) == []


def test_defaults_that_a_shortcut_would_take_are_undone(mistakes_of) -> None:
    text = "default conv(pad=1, kernel=3)\n" + BLOCK.format(parameters="w", body="conv(w)", uses="B(32); B(8)")
    mistake = mistakes_of(text)[0]
    assert "conv(w, 1, pad=0)" in mistake.help
    assert mistakes_of(pasted(text, mistake)) == []


def test_what_is_right_for_one_use_alone_is_a_hint(mistakes_of) -> None:
    """The width of another block's last stage has no name here; the next use has another one."""
    text = """block Inner(w) { conv(w, 3, pad=1) }
    block Outer(n) { residual { Inner(n + 1) } }
    net N { input x [16, 8, 8]; Outer(31); Outer(63) }"""
    (mistake,) = mistakes_of(text)
    assert "shortcut { conv(32, 1)" in mistake.help
    assert mistake.mend is None
    (mistake,) = mistakes_of("net N { input x [16, 8, 8]; residual { conv(32, 3, pad=1) } }")
    assert mistake.mend is not None


def test_strides_that_a_shortcut_would_have_to_multiply_are_a_hint(mistakes_of) -> None:
    body = "conv(w, 3, s, pad=1) -> conv(w, 3, s, pad=1)"
    (mistake,) = mistakes_of(BLOCK.format(parameters="w, s", body=body, uses="B(32, 1); B(32, 2)"))
    assert mistake.mend is None


def test_words_of_a_stage_that_mean_something_else_outside_are_not_taken(mistakes_of) -> None:
    """`k` of the loop in the body is not known where the shortcut stands."""
    text = "net N { input x [16, 8, 8]; let k = 5; residual { for k in [8, 32] { conv(k, 1) } } }"
    (mistake,) = mistakes_of(text)
    assert "conv(32, 1)" in mistake.help
    assert netspec.parse(pasted(text, mistake)).check() == []


@pytest.mark.parametrize("uses", ["Bottlenek(64)", "repeat 2 { Bottlenek(64) }; x -> Bottlenek(16)", "Bottleneck(64)"])
def test_an_import_that_is_spelt_otherwise_is_so_wherever_it_is_used(uses: str, mistakes_of) -> None:
    text = f"from std.resnet import Bottlenek, BasicBlock\nnet N {{ input x [16, 8, 8]; {uses}; relu }}\n"
    mistake = mistakes_of(text)[0]
    assert mistake.code == "E0214"
    assert mistakes_of(pasted(text, mistake)) == []


def test_what_is_wrong_within_a_stage_is_not_mended_by_let(mistakes_of) -> None:
    (mistake,) = mistakes_of("net N { input x [3, 8, 8]; shared head = conv(3, 1); a = x - head; x -> head }")
    assert (mistake.mend, mistake.help) == (None, "apply it: x -> head")


@pytest.mark.parametrize("call", ["layernorm(over=max_pool)", "layernorm(max_pool)", "layernorm(eps=2)"])
def test_an_argument_that_has_a_name_is_not_taken_for_one_of_pytorch(call: str, mistakes_of) -> None:
    """`layernorm(64)` is nn.LayerNorm(64); what stands behind a name is no number of features."""
    text = f"default layernorm(eps=1e-6)\nnet N {{ input x [3, 8, 8]; {call} }}"
    (mistake,) = mistakes_of(text)
    assert mistake.mend is None or mistakes_of(pasted(text, mistake)) == []


def test_a_default_that_is_wrong_is_not_mended_at_a_call(mistakes_of) -> None:
    (mistake,) = mistakes_of("default layernorm(eps=2)\nnet N { input x [3, 8, 8]; layernorm(channels) }")
    assert mistake.mend is None


def test_a_label_whose_equals_sign_is_missing(mistakes_of) -> None:
    text = "net N { input x [3, 8, 8]; conv2  conv(16, 3); relu }"
    (mistake,) = mistakes_of(text)
    assert (mistake.code, mistake.help) == ("E0202", "if it is a label: conv2 = ...")
    assert mistakes_of(pasted(text, mistake)) == []
