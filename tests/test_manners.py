"""How the command line behaves towards its users: places, colours, encodings, files that are there, other tools."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netspec import discovery
from netspec.diagnostics import NetspecError

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
GOOD = "net N {\n  input x [3, 8, 8]\n  conv(4, 3) -> relu\n}\n"
BAD = GOOD.replace("relu", "rellu")


def put(folder: Path, *names: str, text: str = GOOD) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


class TestPlaces:
    @pytest.fixture(autouse=True)
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        put(tmp_path, "a.net", "b/c.net", "b/d/e.net", ".hidden/f.net", "build/g.net", "b/old.net", "drafts/h.net")
        (tmp_path / ".gitignore").write_text("build/\n")
        (tmp_path / "b" / ".gitignore").write_text("old*\n")
        (tmp_path / "pyproject.toml").write_text('[tool.netspec]\nexclude = ["drafts/"]\n')

    def names(self, *places: str) -> list[str]:
        return [path.as_posix() for path in discovery.specs([Path(place) for place in places])]

    def test_folders_are_gone_through_but_for_what_is_ignored(self) -> None:
        assert self.names(".") == ["a.net", "b/c.net", "b/d/e.net"]
        assert self.names("b/d", "b") == ["b/d/e.net", "b/c.net"]

    def test_what_is_named_is_taken(self) -> None:
        assert self.names("build/g.net", "-", "none.net") == ["build/g.net", "-", "none.net"]

    def test_patterns(self) -> None:
        assert self.names("b/**/*.net") == ["b/c.net", "b/d/e.net", "b/old.net"]

    def test_check_goes_through_a_folder(self, cli: Cli, tmp_path: Path) -> None:
        put(tmp_path, "b/wrong.net", text=BAD)
        result = cli("check", ".")
        assert result.returncode == 1
        assert result.stdout.count(": ok") == 3
        assert "b/wrong.net" in result.stdout
        quiet = cli("check", "--quiet", ".")
        assert ": ok" not in quiet.stdout
        assert "E0202" in quiet.stdout

    def test_nothing_to_check(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        result = cli("check", "empty")
        assert (result.returncode, result.stdout) == (1, "")
        assert "error[E0002]: empty is a folder without .net files" in result.stderr

    def test_settings_of_the_project(self, cli: Cli, tmp_path: Path) -> None:
        put(tmp_path, "doubt.net", text=GOOD.replace("relu", "batchnorm"))
        assert cli("check", "doubt.net").returncode == 0
        (tmp_path / "pyproject.toml").write_text("[tool.netspec]\nstrict = true\n")
        assert cli("check", "doubt.net").returncode == 1

    @pytest.mark.parametrize(
        "line", ["strikt = true", 'strict = "yes"', "object = 0", "exclude = [1]", 'exclude = "a"', "object = true"]
    )
    def test_wrong_settings(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "pyproject.toml").write_text(f"[tool.netspec]\n{line}\n")
        with pytest.raises(NetspecError, match="E0008"):
            discovery.project_of(tmp_path)


class TestColour:
    def test_variables(self, process: Cli, tmp_path: Path) -> None:
        put(tmp_path, "bad.net", text=BAD)
        plain = {"NO_COLOR": "", "FORCE_COLOR": ""}
        assert "\x1b[" not in process("check", "bad.net", **plain).stdout
        assert "\x1b[" in process("check", "bad.net", NO_COLOR="", FORCE_COLOR="1").stdout
        assert "\x1b[" not in process("check", "bad.net", NO_COLOR="1", FORCE_COLOR="1").stdout


def test_an_encoding_without_the_characters(process: Cli, tmp_path: Path) -> None:
    put(tmp_path, "deep.net", text="net N {\n  input x [4, 8, 8]\n  repeat 3 { conv(4, 3, pad=1) }\n}\n")
    result = process("summary", "deep.net", PYTHONIOENCODING="ascii")
    assert result.stdout.isascii()
    assert "\\u" not in result.stdout


class TestFilesThatAreThere:
    def test_what_netspec_wrote_is_written_again_and_what_it_did_not_stays(self, cli: Cli, tmp_path: Path) -> None:
        put(tmp_path, "n.net")
        outputs = {"m.py": "emit", "m.svg": "render", "m.json": "graph", "m.png": "render", "m.dot": "render"}
        for name, command in outputs.items():
            assert cli(command, "n.net", "-o", name).returncode == 0
            assert cli(command, "n.net", "-o", name).returncode == 0, name
            (tmp_path / name).write_text("import mine\n")
            refused = cli(command, "n.net", "-o", name)
            assert refused.returncode == 1
            assert "--force" in refused.stderr
            assert (tmp_path / name).read_text() == "import mine\n"
            assert cli(command, "n.net", "-o", name, "--force").returncode == 0

    def test_a_spec_is_never_an_output(self, cli: Cli, tmp_path: Path) -> None:
        put(tmp_path, "n.net", "other.net")
        assert cli("emit", "n.net", "-o", "other.net", "--force").returncode == 1
        assert (tmp_path / "other.net").read_text() == GOOD


class TestOtherTools:
    def test_sarif(self, cli: Cli, tmp_path: Path) -> None:
        put(tmp_path, "bad.net", text=BAD)
        log = json.loads(cli("check", "--format", "sarif", "bad.net").stdout)
        assert log["version"] == "2.1.0"
        (run,) = log["runs"]
        (result,) = run["results"]
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] == "E0202"
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region == {"startLine": 3, "startColumn": 17, "endLine": 3, "endColumn": 22}
        assert result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] == "relu"

    def test_hooks_and_the_action_call_commands_that_there_are(self, cli: Cli, root: Path) -> None:
        hooks = (root / ".pre-commit-hooks.yaml").read_text()
        entries = [line.partition("entry: netspec ")[2].split() for line in hooks.splitlines() if "entry:" in line]
        assert [entry[0] for entry in entries] == ["check", "fmt"]
        assert "netspec check --format github" in (root / "action.yml").read_text()
        for entry in entries:
            assert cli(*entry, "--help").returncode == 0

    def test_completion_of_the_shell(self, process: Cli) -> None:
        told = process(_NETSPEC_COMPLETE="complete_bash", COMP_WORDS="netspec new a --from resnet15", COMP_CWORD="4")
        assert told.stdout.split() == ["resnet152", "resnet152_v1"]


class TestStart:
    def test_a_small_net_that_checks_and_is_written_as_specs_are(self, cli: Cli, tmp_path: Path) -> None:
        assert cli("new", "my-first net").returncode == 0
        assert "net MyFirstNet(" in (tmp_path / "my-first net.net").read_text()
        assert cli("check", "my-first net.net").stdout.startswith("my-first net.net: ok (MyFirstNet)")
        assert cli("fmt", "--check", "my-first net.net").returncode == 0
        assert cli("new", "my-first net").returncode == 1

    def test_the_zoo_by_words(self, cli: Cli) -> None:
        told = cli("zoo", "resnet101")
        assert "resnet101 " in told.stdout
        assert "vgg" not in told.stdout
        assert "did you mean" in cli("zoo", "resnit").stderr

    def test_short_version(self, cli: Cli) -> None:
        assert cli("-V").stdout == cli("--version").stdout
