"""Options that give values to names: what is wrong is shown in the option, and what is proposed is read."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.commands.options.assignments import read_inputs, read_settings, read_variants
from netspec.diagnostics import Diagnostic, NetspecError

NET = """net N(classes: int = 10, depths: list[int] = [1, 2]) {
  input image [3, 8, 8]
  for d in depths { conv(4 * d, 3, pad=1) -> relu }
  global_avgpool -> flatten -> linear(classes)
}
"""
READERS: dict[str, Callable[[str], Any]] = {
    "--set": lambda text: read_settings([text]),
    "--vary": read_variants,
    "--input": lambda text: read_inputs([text]),
}


def mistake(flag: str, text: str) -> Diagnostic:
    with pytest.raises(NetspecError) as caught:
        READERS[flag](text)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.span.source.name, diagnostic.span.source.text) == ("E0005", flag, text)
    return diagnostic


@pytest.mark.parametrize(
    ("flag", "text", "message", "shown", "meant"),
    [
        ("--set", "classes=", "classes has no value", "", "classes=10"),
        ("--set", "classes=1\n2", "1 2 is no value for classes", "2", "classes=1"),
        ("--set", "classes=3=4", "3=4 is no value for classes", "=", "classes=3"),
        ("--set", "classes==3", "=3 is no value", "=", "classes=3"),
        ("--set", "classes=3)", "3) is no value", ")", "classes=3"),
        ("--set", "classes=[1,", "[1, is no value", "[", "classes=[1]"),
        ("--set", "depths=1,2", "1,2 is no value for depths", ",", "depths=[1,2]"),
        ("--set", "depths=(1 2)", "(1 2) is no value", "2", "depths=[1,2]"),
        ("--set", 'act="relu', "is no value", '"relu', 'act="relu"'),
        ("--set", "classes=_", "_ is no value", "_", "classes=10"),
        ("--set", "classes=1/0", "classes has no value: division by zero", "1/0", "classes=10"),
        ("--set", "classes=9**9**9", "classes has no value", "9**9**9", "classes=10"),
        ("--set", "classes", "takes a name and a value", "classes", "classes=10"),
        ("--vary", "classes=,", "classes has no value here", "", "classes=10,20"),
        ("--vary", "classes=1,,2", "no value between these commas", "", "classes=1,2"),
        ("--vary", "classes=1,x=3", "x=3 is no value for classes", "=", "classes=1,10"),
        ("--vary", "depths=[[1],[2]],[1", "[1 is no value for depths", "[", "depths=[[1],[2]],[1]"),
        ("--vary", "classes=1", "2 to 12 nets, and this is 1", "1", "classes=1,10"),
        ("--input", "image=[]", "the shape of image has no sizes", "[]", "image=[3,512,512]"),
        ("--input", "image=3x8x8", "a list of sizes in brackets", "3x8x8", "image=[3,8,8]"),
        ("--input", "image=[3,8,8]x", "a list of sizes in brackets", "[3,8,8]x", "image=[3,8,8]"),
        ("--input", "image=[3,]", "a size is missing", "]", "image=[3]"),
        ("--input", "image=[3,-8,8]", "-8 is no size", "-8", "image=[3,8,8]"),
        ("--input", "image=[None,3,8,8]", "None is no size", "None", "image=[3,8,8]"),
        ("--input", "image=[3,?,?]", "? is no size", "?", "image=[3,H,W]"),
        ("--input", "image=[3,_,in]", "_ is no size", "_", "image=[3,H,W]"),
        ("--input", "image=[0,8,8]", "a number from 1 to 2,147,483,647, and this is 0", "0", "image=[3,8,8]"),
        ("--input", "image=[" + "8," * 8 + "8]", "at most 8 dimensions", "[" + "8," * 8 + "8]", "image=[8,8,8]"),
    ],
)
def test_the_place_is_in_the_option_and_the_mend_is_read(
    flag: str, text: str, message: str, shown: str, meant: str
) -> None:
    diagnostic = mistake(flag, text)
    assert message in diagnostic.message
    assert diagnostic.span.text.strip() == shown
    assert shlex.split(diagnostic.help) == [flag, meant]
    READERS[flag](meant)


@pytest.mark.parametrize(
    "text", ["classes=[" * 99, "classes='", "classes=\0", "classes=#3", "classes=$x", "=", "", "net=3"]
)
def test_whatever_is_given_is_read_or_refused(text: str) -> None:
    for flag in READERS:
        if text or flag != "--vary":
            mistake(flag, text)


@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        ({"classes": 2.5}, "for example classes=10"),
        ({"depths": [1, "a"]}, "for example depths=[1,2]"),
        ({"depths": 3}, "a list of one number is [3]"),
        ({"zzz": 3}, "its parameters are classes, depths"),
    ],
)
def test_values_of_another_type_are_told_what_would_do(arguments: dict[str, Any], help: str) -> None:
    with pytest.raises(NetspecError, match="E0210") as caught:
        netspec.parse(NET).graph(**arguments)
    assert caught.value.diagnostics[0].help == help


def test_settings_of_training_want_a_train_section(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "n.net").write_text(NET, encoding="utf-8")
    for options in (["--set", "train.epochs=3"], ["--set", "train.x=1", "--set", "classes=3"]):
        result = cli("check", "n.net", *options)
        assert result.returncode == 1
        assert "error[E0605]: n.net has no train section" in result.stdout
    assert "does not train" in cli("summary", "n.net", "--set", "train.epochs=3").stderr
