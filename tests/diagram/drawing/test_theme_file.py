"""Themes of one's own: what a file says is painted, the rest is as in its base, mistakes have their line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netspec.diagnostics import NetspecError
from netspec.diagram.drawing.theme import DARK, LIGHT, contrast
from netspec.diagram.drawing.theme_file import own_theme

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
NET = "net N {\n input image [3, 32, 32]\n c1 = conv(8, 3) -> relu\n linear_in = flatten\n linear(10)\n}\n"


def written(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_what_is_said_is_painted_and_the_rest_is_as_in_the_base(tmp_path: Path) -> None:
    theme = own_theme(written(tmp_path, 'base = "dark"\n[colours]\nconvolution = "#FFEE00"\n'))
    assert theme.paint("convolution") == "#ffee00"
    assert theme.paint("convolution:ink") == DARK.paint("paper"), "dark letters on yellow"
    assert theme.paint("linear:line") == DARK.paint("linear:line")
    assert own_theme(written(tmp_path, "")).colours == LIGHT.colours


@pytest.mark.parametrize("colour", ["#000000", "#777777", "#808080", "#ffffff", "#ff0000"])
def test_letters_read_on_any_colour(colour: str, tmp_path: Path) -> None:
    theme = own_theme(written(tmp_path, f'[colours]\nlinear = "{colour}"\n'))
    assert contrast(theme.paint("linear:ink"), theme.paint("linear")) > 4


@pytest.mark.parametrize(
    ("text", "message", "help", "place"),
    [
        (
            '[colours]\nconvolutoin = "#111111"',
            "a theme has no colour convolutoin",
            "did you mean convolution?",
            (10, 11),
        ),
        ('[colours]\nlinear = "red"', "red is no colour", 'linear = "', (10, 6)),
        ("[colours]\nlinear = 7", "7 is no colour", 'linear = "', (10, 6)),
        ("colours = 7", "colours is a table", "write [colours] on a line of its own", (0, 7)),
        ('base = "blue"', "there is no theme blue", 'base = "light" or "dark"', (0, 4)),
        ("[colors]\n", "a theme has no key colors", "did you mean colours?", (1, 6)),
        ('[fonts]\ntext = "x\';}</style><script>"', "is no font", "letters, digits", (8, 4)),
        ('[fonts]\nhead = "Arial"', "a theme has no font head", "text or code", (8, 4)),
        ('[colours]\nink = "#eeeeee"', "ink cannot be read on paper", "make ink darker", (10, 3)),
        ('[colours]\npaper = "#16191d"', "ink cannot be read on paper", "make ink lighter", (10, 5)),
        ("[colours\n", "is no TOML", "write convolution", (0, 0)),
    ],
)
def test_mistakes_have_their_place_and_mend(
    text: str, message: str, help: str, place: tuple[int, int], tmp_path: Path
) -> None:
    with pytest.raises(NetspecError) as caught:
        own_theme(written(tmp_path, text))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0805"
    assert message in diagnostic.message
    assert help in diagnostic.help
    assert (diagnostic.span.start, diagnostic.span.end - diagnostic.span.start) == place


def test_what_is_no_file_or_too_long_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "long.toml").write_text("#" * 100_000)
    for name in ("none", "pipe", "bytes", "long", ""):
        with pytest.raises(NetspecError, match="E0805"):
            own_theme(str(tmp_path / f"{name}.toml"))


@pytest.mark.parametrize("ending", ["svg", "html", "dot", "mmd", "tex", "pdf"])
def test_every_form_has_the_colour(ending: str, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "n.net").write_text(NET)
    theme = written(tmp_path, '[colours]\nconvolution = "#123456"\n[fonts]\ntext = "Charter"\n')
    done = cli("render", tmp_path / "n.net", "-o", tmp_path / f"n.{ending}", "--theme", theme)
    assert done.returncode == 0, done.stderr
    assert ("fonts are for svg" in done.stderr) == (ending == "pdf")
    if ending != "pdf":
        assert "123456" in (tmp_path / f"n.{ending}").read_text()
    if ending == "svg":
        assert "'Charter', Helvetica" in (tmp_path / "n.svg").read_text()
