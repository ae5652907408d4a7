"""The command line as a user meets it: what it prints, how it ends, and that bad input is never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

GOOD = """net Good(width = 8) {
  input image [3, 32, 32]
  repeat 2 { conv(width, 3, pad=1) -> relu }
  global_avgpool -> flatten
  linear(10)
}
"""

BAD = """net Bad {
  input image [3, 32, 32]
  residual { conv(8, 3, pad=1) }
  rellu
}
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.net"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.net"
    path.write_text(BAD, encoding="utf-8")
    return path


def refused(result: subprocess.CompletedProcess[str], *told: str) -> None:
    """The input is refused: exit status 1, the reason, and no traceback."""
    assert result.returncode == 1, result.stderr
    for words in told:
        assert words in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


class TestCheck:
    def test_good_and_bad_together(self, cli: Cli, good: Path, bad: Path) -> None:
        result = cli("check", "good.net", "bad.net")
        assert result.returncode == 1
        assert "good.net: ok (Good)" in result.stdout
        assert "error[E0301]" in result.stdout
        assert "error[E0202]" in result.stdout
        assert "did you mean relu?" in result.stdout
        assert result.stderr == ""

    def test_good_alone(self, process: Cli, good: Path) -> None:
        result = process("check", "good.net")
        assert (result.returncode, result.stdout, result.stderr) == (0, "good.net: ok (Good)\n", "")

    def test_sizes_that_fit_are_told(self, cli: Cli, tmp_path: Path) -> None:
        text = "net Joined {\n  input x [3, H, 32]\n  maxpool(4) -> upsample(4)\n  _ + x\n}\n"
        (tmp_path / "open.net").write_text(text, encoding="utf-8")
        told = "open.net: ok (Joined)\n  Joined: H must be a multiple of 4, at least 4\n"
        assert cli("check", "open.net").stdout == told
        assert cli("check", "open.net", "--input", "x=[3,H,32]").stdout == told

    def test_json(self, cli: Cli, good: Path, bad: Path) -> None:
        result = cli("check", "--format", "json", "good.net", "bad.net", "none.net")
        document = json.loads(result.stdout)
        assert result.returncode == 1
        assert document["ok"] is False
        assert document["files"] == ["good.net", "bad.net", "none.net"]
        first, second, third = document["diagnostics"]
        assert (first["code"], first["file"], first["line"]) == ("E0301", "bad.net", 3)
        assert (second["code"], second["line"], second["column"], second["end_column"]) == ("E0202", 4, 3, 8)
        assert second["mend"]["text"] == "relu"
        assert third["code"] == "E0001"
        assert json.loads(cli("check", "--format", "json", "good.net").stdout)["ok"] is True

    def test_github(self, cli: Cli, bad: Path) -> None:
        result = cli("check", "--format", "github", "bad.net")
        assert result.returncode == 1
        for line in result.stdout.splitlines():
            assert line.startswith("::error file=bad.net,line=")
        assert "title=netspec E0301::" in result.stdout
        assert "%0A" in result.stdout

    def test_the_train_section_and_the_net_have_to_fit(self, cli: Cli, tmp_path: Path) -> None:
        section = "\ntrain {\n  data digits\n  loss cross_entropi\n}\n"
        path = tmp_path / "trained.net"
        path.write_text(GOOD + section)
        refused(
            cli("check", path),
            "error[E0602]: there is no loss named cross_entropi",
            "help: did you mean cross_entropy?",
        )
        path.write_text(GOOD + section.replace("entropi", "entropy"))
        refused(cli("check", path), "error[E0606]: digits gives [1, 8, 8], but Good takes [3, 32, 32]")
        assert cli("check", path, "--net", "Good").returncode == 0
        path.write_text(GOOD + "\ntrain {\n" + "".join(f"  key{n} 1\n" for n in range(1000)) + "}\n")
        refused(result := cli("check", path))
        assert result.stdout.count("error[") < 60

    def test_with_parameters(self, cli: Cli, good: Path) -> None:
        assert cli("check", "good.net", "--set", "width=16", "--input", "image=[3, H, W]").returncode == 0
        refused(cli("check", "good.net", "--set", "width=0"), "E0203")
        refused(cli("check", "good.net", "--net", "Goood"), "E0217", "did you mean Good?")

    def test_what_is_no_spec(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "folder.net").mkdir()
        (tmp_path / "latin.net").write_bytes("# café".encode("latin-1"))
        (tmp_path / "empty.net").write_bytes(b"")
        (tmp_path / "binary.net").write_bytes(bytes(range(128)) * 40)
        refused(cli("check", "folder.net"), "error[E0002]")
        refused(cli("check", "latin.net"), "error[E0003]")
        refused(cli("check", "good.nte"), "error[E0001]")
        refused(cli("check", "x" * 5000))
        refused(cli("check", "/dev/null/x.net"))
        refused(cli("check", "binary.net"))
        assert cli("check", "empty.net").returncode in (0, 1)

    def test_nothing_to_check_is_a_usage_error(self, cli: Cli) -> None:
        result = cli("check")
        assert result.returncode == 2
        assert "Traceback" not in result.stderr

    def test_control_characters_are_made_visible(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "x\x1b[31m.net").write_text("net N {\n  \x1b]0;owned\x07\u202e\n}\n", encoding="utf-8")
        result = cli("check", "x\x1b[31m.net")
        refused(result)
        assert "\x1b" not in result.stdout
        assert "\u202e" not in result.stdout

    def test_output_that_cannot_say_it_says_it_in_escapes(self, process: Cli, tmp_path: Path) -> None:
        (tmp_path / "n.net").write_text("net N {\n  input größe [3]\n  linear(größe2)\n}\n", encoding="utf-8")
        refused(process("check", "n.net", PYTHONIOENCODING="ascii"), "\\xf6")


class TestSummary:
    def test_text(self, cli: Cli, good: Path) -> None:
        result = cli("summary", "good.net")
        assert result.returncode == 0
        assert result.stdout.splitlines()[0].split() == ["name", "layer", "output", "parameters", "MACs"]
        assert "parameters  898" in result.stdout
        assert "\x1b" not in result.stdout

    def test_options(self, cli: Cli, good: Path) -> None:
        result = cli("summary", "good.net", "--set", "width=16", "--input", "image=[3,64,64]", "--net", "Good")
        assert "[16, 64, 64]" in result.stdout

    @pytest.mark.parametrize("form", ["json", "csv", "markdown"])
    def test_formats(self, cli: Cli, good: Path, form: str) -> None:
        result = cli("summary", "good.net", "--format", form)
        assert result.returncode == 0
        assert result.stdout.startswith({"json": "{", "csv": "depth,", "markdown": "| name"}[form])

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            (["--set", "width"], "E0005"),
            (["--set", "=3"], "E0005"),
            (["--set", "wdith=3"], "E0210"),
            (["--set", "width=[3"], "E0005"),
            (["--set", "width=true"], "E0"),
            (["--set", "width=1e999"], "E0"),
            (["--set", "width=10**10**10"], "E0005"),
            (["--set", "width=[a,b]"], "E0005"),
            (["--set", "width=[a,[b,2]]"], "E0005"),
            (["--set", "width=[same,[relu,2]]"], "E0203"),
            (["--set", "width=param([3])"], "E0"),
            (["--set", "width="], "E0005"),
            (["--set", "width=1;let x = 2"], "E0005"),
            (["--input", "image=[3,²,2]"], "E0005"),
            (["--input", "image=[3, floor(H), 2]"], "E0005"),
            (["--input", "image"], "E0005"),
            (["--input", "image=[3,-1,2]"], "E0005"),
            (["--input", "image=[3,0,2]"], "E0005"),
            (["--input", "image=3,32,32"], "E0005"),
            (["--input", "image=[10]"], "E0303"),
            (["--input", "imgae=[3,32,32]"], "E0210"),
            (["--input", "image=[3,99999999999999999999,2]"], "E0005"),
            (["--net", "Bad"], "E0217"),
        ],
        ids=str,
    )
    def test_bad_options(self, cli: Cli, good: Path, options: list[str], code: str) -> None:
        refused(cli("summary", "good.net", *options), f"error[{code}")


class TestEmit:
    def test_to_standard_output_and_to_a_file(self, cli: Cli, good: Path, tmp_path: Path) -> None:
        printed = cli("emit", "good.net")
        assert printed.returncode == 0
        assert "class Good(" in printed.stdout
        assert cli("emit", "good.net", "-o", "model.py").returncode == 0
        assert (tmp_path / "model.py").read_text(encoding="utf-8") == printed.stdout
        assert sorted(path.name for path in tmp_path.iterdir()) == ["good.net", "model.py"]

    def test_a_failed_write_leaves_everything_as_it_was(self, cli: Cli, good: Path, bad: Path, tmp_path: Path) -> None:
        (tmp_path / "model.py").write_text("kept", encoding="utf-8")
        (tmp_path / "folder").mkdir()
        before = sorted(path.name for path in tmp_path.iterdir())
        refused(cli("emit", "bad.net", "-o", "model.py", "--force"), "E0301")
        refused(cli("emit", "good.net", "-o", "none/model.py"), "E0004", "make the folder none first")
        refused(cli("emit", "good.net", "-o", "folder"), "E0004")
        refused(cli("emit", "good.net", "-o", "model.py/x.py"), "E0004")
        refused(cli("emit", "good.net", "-o", ""), "E0004")
        assert (tmp_path / "model.py").read_text(encoding="utf-8") == "kept"
        assert sorted(path.name for path in tmp_path.iterdir()) == before


class TestOthers:
    def test_version(self, cli: Cli) -> None:
        result = cli("--version")
        assert (result.returncode, result.stdout) == (0, "netspec 0.1.0\n")

    def test_help_names_every_command(self, cli: Cli) -> None:
        result = cli("--help")
        for name in ("check", "summary", "emit", "graph", "train", "curves", "layers", "explain", "schema"):
            assert f"  {name}" in result.stdout
            assert cli(name, "--help").returncode == 0

    def test_unknown_command(self, cli: Cli) -> None:
        result = cli("chekc", "x.net")
        assert result.returncode == 2
        assert "Traceback" not in result.stderr

    def test_layers(self, cli: Cli) -> None:
        assert "conv" in cli("layers").stdout
        page = cli("layers", "conv").stdout
        assert page.startswith("conv(channels, kernel, stride=1")
        assert "pad" in page
        assert json.loads(cli("layers", "conv", "--format", "json").stdout)[0]["name"] == "conv"
        refused(cli("layers", "convv"), "there is no layer or block convv; did you mean conv?")

    def test_explain(self, cli: Cli) -> None:
        assert cli("explain", "e0301").stdout.startswith("# E0301: ")
        assert "E0301  " in cli("explain").stdout
        refused(cli("explain", "E0391"), "there is no error code E0391; did you mean E0")
        refused(cli("explain", "../../etc/passwd"), "there is no error code", "netspec explain lists them")

    def test_what_is_not_there_has_a_way_on(self, cli: Cli, good: Path, tmp_path: Path) -> None:
        refused(cli("explain", "good.net", "nope"), "Good has no stage nope; netspec summary lists them")
        refused(cli("zoo", "nope"), "no network of the zoo is about nope; netspec zoo lists them")
        (tmp_path / "folder").mkdir()
        refused(cli("summary", "folder"), "error[E0002]: folder is a folder", "help: a spec is a file, NAME.net")
        (tmp_path / "folder" / "one.net").write_text(GOOD)
        refused(cli("summary", "folder"), "error[E0002]", f"help: name a file in it: {Path('folder') / 'one.net'}")
        refused(cli("serve", "goood.net"), "error[E0001]: there is no file goood.net", "did you mean good.net?")
        refused(cli("migrate", "folder", "good.net"), "error[E0614]: folder is no run: it has no run.json")

    def test_options_are_refused_in_our_words(self, cli: Cli, good: Path) -> None:
        result = cli("train", "good.net", "--folds", "1")
        assert result.returncode == 2
        assert "'--folds': must be at least 2" in result.stderr
        assert "'--epochs': must be a whole number" in cli("train", "good.net", "--epochs", "x").stderr

    def test_graph(self, cli: Cli, good: Path, tmp_path: Path) -> None:
        assert cli("graph", "good.net", "-o", "graph.json").returncode == 0
        assert json.loads((tmp_path / "graph.json").read_text(encoding="utf-8"))["name"] == "Good"

    def test_who_stops_reading_sees_no_traceback(self, good: Path, root: Path) -> None:
        program = f"{sys.executable} -m netspec layers --format markdown | head -n 1"
        environment = {**os.environ, "PYTHONPATH": str(root)}
        result = subprocess.run(["bash", "-c", program], capture_output=True, text=True, env=environment, check=False)
        assert result.stdout == "# Layers\n"
        assert result.stderr == ""

    @pytest.mark.skipif(os.name == "nt", reason="signals")
    def test_interruption_is_quiet(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "slow.net").write_text(
            "net N {\n input x [8]\n repeat 12000 { linear(8) -> relu }\n}", encoding="utf-8"
        )
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "netspec", "summary", "slow.net", "--format", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(root)},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's job may ignore it
        )
        assert process.stderr is not None
        for line in process.stderr:  # what comes after the last import is the work
            if line.endswith("netspec.analysis.summary\n"):
                break
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in stderr


@pytest.mark.parametrize("command", ["check", "summary", "emit"])
def test_torch_is_never_imported(command: str, good: Path, root: Path) -> None:
    good.write_text(GOOD + "\ntrain {\n  data cifar10\n  augment hflip -> normalize\n  loss cross_entropy\n}\n")
    program = (
        "import sys\nfrom netspec import cli\n"
        f"sys.argv = ['netspec', '{command}', 'good.net']\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'networkx', 'rich', 'matplotlib', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=good.parent,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert result.returncode == 0, result.stderr
