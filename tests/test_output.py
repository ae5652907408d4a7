"""Where results go: files are replaced whole, pipes and devices written into, what is read is never written over."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

NET = "net N {\n  input x [3, 8, 8]\n  conv(4, 3) -> relu\n}\n"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="devices, pipes and links")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "n.net"
    path.write_text(NET, encoding="utf-8")
    return path


@pytest.fixture
def shell(tmp_path: Path, root: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """A line of bash in an empty folder, `netspec` being the program."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        program = f'set -o pipefail; netspec() {{ "{sys.executable}" -m netspec "$@"; }}; {line}'
        environment = {**os.environ, "PYTHONPATH": str(root)}
        return subprocess.run(
            ["bash", "-c", program],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=120,
            check=False,
        )

    return run


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    for part in words:
        assert part in result.stderr


class TestInto:
    def test_a_device_stays_a_device(self, cli: Cli, net: Path, tmp_path: Path) -> None:
        device = tmp_path / "null"
        device.symlink_to(os.devnull)
        assert cli("emit", "n.net", "-o", "null").returncode == 0
        assert device.is_symlink()
        assert Path(os.devnull).is_char_device()

    def test_a_full_device_is_a_diagnostic(self, cli: Cli, net: Path) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("no /dev/full")
        refused(cli("emit", "n.net", "-o", "/dev/full"), "error[E0004]", "no space left on device")
        assert Path("/dev/full").is_char_device()

    def test_a_link_is_followed(self, cli: Cli, net: Path, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "model.py").write_text("", encoding="utf-8")
        (tmp_path / "link.py").symlink_to("store/model.py")
        (tmp_path / "dangling.py").symlink_to("store/new.py")
        for link, target in (("link.py", "model.py"), ("dangling.py", "new.py")):
            assert cli("emit", "n.net", "-o", link).returncode == 0
            assert (tmp_path / link).is_symlink()
            assert "class N(" in (tmp_path / "store" / target).read_text(encoding="utf-8")
        assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["model.py", "new.py"]

    def test_links_in_a_circle_are_refused(self, cli: Cli, net: Path, tmp_path: Path) -> None:
        (tmp_path / "a.py").symlink_to("b.py")
        (tmp_path / "b.py").symlink_to("a.py")
        refused(cli("emit", "n.net", "-o", "a.py"), "error[E0004]")
        assert (tmp_path / "a.py").is_symlink()

    def test_a_pipe_is_written_into(self, cli: Cli, net: Path, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        arrived: list[str] = []
        reader = threading.Thread(target=lambda: arrived.append((tmp_path / "pipe").read_text(encoding="utf-8")))
        reader.start()
        assert cli("emit", "n.net", "-o", "pipe").returncode == 0
        reader.join(timeout=60)
        assert "class N(" in arrived[0]
        assert (tmp_path / "pipe").is_fifo()

    def test_what_was_printed_before_stays(
        self, shell: Callable[[str], subprocess.CompletedProcess[str]], net: Path, tmp_path: Path
    ) -> None:
        shell("(echo before; netspec emit n.net -o /dev/stdout; echo after) > all.txt")
        lines = (tmp_path / "all.txt").read_text(encoding="utf-8").splitlines()
        assert (lines[0], lines[-1]) == ("before", "after")
        assert "class N(" in "\n".join(lines)
        assert "class N(" in shell("netspec emit n.net -o /dev/stdout | cat").stdout

    def test_mode_is_kept_and_new_files_have_the_usual_one(self, cli: Cli, net: Path, tmp_path: Path) -> None:
        usual = tmp_path / "usual"
        usual.write_text("", encoding="utf-8")
        (tmp_path / "model.py").write_text("", encoding="utf-8")
        (tmp_path / "model.py").chmod(0o640)
        for name in ("model.py", "new.py"):
            assert cli("emit", "n.net", "-o", name).returncode == 0
        assert stat.S_IMODE((tmp_path / "model.py").stat().st_mode) == 0o640
        assert (tmp_path / "new.py").stat().st_mode == usual.stat().st_mode

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
    def test_owner_is_kept(self, cli: Cli, net: Path, tmp_path: Path) -> None:
        (tmp_path / "model.py").write_text("", encoding="utf-8")
        os.chown(tmp_path / "model.py", 12345, 23456)
        assert cli("emit", "n.net", "-o", "model.py").returncode == 0
        status = (tmp_path / "model.py").stat()
        assert (status.st_uid, status.st_gid) == (12345, 23456)

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everything")
    def test_what_may_not_be_written_is_not(self, cli: Cli, net: Path, tmp_path: Path) -> None:
        (tmp_path / "model.py").write_text("old", encoding="utf-8")
        (tmp_path / "model.py").chmod(0o444)
        refused(cli("emit", "n.net", "-o", "model.py"), "error[E0004]", "may not be written")
        assert (tmp_path / "model.py").read_text(encoding="utf-8") == "old"


class TestSpared:
    def test_what_is_read_and_other_specs(self, cli: Cli, net: Path, tmp_path: Path) -> None:
        (tmp_path / "blocks.net").write_text("block B { relu }\n", encoding="utf-8")
        (tmp_path / "spec.svg").write_text(NET, encoding="utf-8")
        (tmp_path / "link.py").symlink_to("n.net")
        (tmp_path / "other.py").symlink_to("blocks.net")
        refused(cli("emit", "n.net", "-o", "n.net"), "E0004", "it is what is read", "choose another name")
        refused(cli("emit", "n.net", "-o", "./x/../n.net" if (tmp_path / "x").exists() else "./n.net"), "E0004")
        refused(cli("emit", "n.net", "-o", "link.py"), "it is what is read")
        refused(cli("graph", "n.net", "-o", "blocks.net"), "E0004", "it is a spec")
        (tmp_path / "LARGE.NET").write_text(NET, encoding="utf-8")
        refused(cli("emit", "n.net", "-o", "LARGE.NET", "--force"), "it is a spec")
        refused(cli("emit", "n.net", "-o", "other.py", "--force"), "it is a spec")
        refused(cli("render", "spec.svg", "-o", "spec.svg"), "it is what is read")
        assert net.read_text(encoding="utf-8") == NET
        assert (tmp_path / "spec.svg").read_text(encoding="utf-8") == NET
        assert (tmp_path / "blocks.net").read_text(encoding="utf-8") == "block B { relu }\n"

    def test_the_files_of_a_run(self, cli: Cli, tmp_path: Path) -> None:
        """What a run can be taken up from is read."""
        run = tmp_path / "run"
        (run / "checkpoints").mkdir(parents=True)
        kept = [run / name for name in ("run.json", "metrics.csv", "model.py", "checkpoints/7.safetensors")]
        for file in kept:
            file.write_text("kept", encoding="utf-8")
        for file in kept:
            for command in ("report", "curves", "export"):
                refused(cli(command, "run", "-o", file, "--force"), "E0004", "a run is taken up from it")
            refused(cli("predict", "other", "x.npy", "-o", file, "--force"), "a run is taken up from it")
            assert file.read_text(encoding="utf-8") == "kept"

    def test_what_netspec_has_not_written(self, cli: Cli, tmp_path: Path, net: Path) -> None:
        """Whatever the command; it is refused before any work is done."""
        mine = {name: tmp_path / name for name in ("mine.txt", "photo.png", "thesis.pdf", "page.html", "n.safetensors")}
        begin = ("notes on netspec", "\x89PNG netspec", "%PDF-1.7 netspec", "<!doctype html><p>netspec", "netspec")
        for path, text in zip(mine.values(), begin, strict=True):
            path.write_text(text, encoding="latin-1")
        commands = (("predict", "run", "x.npy"), ("report", "run"), ("curves", "run"), ("export", "run"))
        commands += (("cam", "run", "x.png"), ("migrate", "run", "n.net"), ("preview", "n.net"), ("lr-find", "n.net"))
        for path in mine.values():
            for command in commands:
                refused(cli(*command, "-o", path.name), "E0004", "not as netspec has written it", "--force")
        refused(cli("migrate", "run", "n.net"), "n.safetensors cannot be written", "--force")
        refused(cli("lift", "m.py:net", "-o", "mine.txt"), "not as netspec has written it")
        refused(cli("lift", "m.py:net", "--weights", "n.safetensors"), "not as netspec has written it")
        assert [path.read_text(encoding="latin-1") for path in mine.values()] == list(begin)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("mine.mmd", "---\nconfig:\n  theme: base\n---\nflowchart LR\n  mine --> own\n"),
            ("mine.dot", 'digraph A {\n\tgraph [bgcolor="#ffffff"]\n\ta -> b\n}\n'),
            ("mine.json", '{"netspec": 1, "mine": true}'),
        ],
    )
    def test_what_begins_as_netspecs_own_may_be_somebody_elses(
        self, cli: Cli, tmp_path: Path, net: Path, name: str, text: str
    ) -> None:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        refused(cli("render", "n.net", "-o", name), "E0004", "not as netspec has written it")
        assert path.read_text(encoding="utf-8") == text
        assert cli("render", "n.net", "-o", name, "--force").returncode == 0
        assert cli("render", "n.net", "-o", name).returncode == 0
        assert path.read_text(encoding="utf-8") != text

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("m.py", ["emit"]),
            ("g.json", ["graph"]),
            ("t.tex", ["render", "--style", "table"]),
            *((f"p.{form}", ["render"]) for form in ("svg", "eps", "html", "dot", "mmd", "tex", "json")),
        ],
    )
    def test_what_somebody_has_changed_is_theirs(
        self, cli: Cli, tmp_path: Path, net: Path, name: str, options: list[str]
    ) -> None:
        """Other line ends are no change, nor is white space at the end of lines or of the file."""
        path, (command, *others) = tmp_path / name, options

        def written(content: bytes) -> bool:
            path.write_bytes(content)
            return cli(command, "n.net", "-o", name, *others).returncode == 0

        assert cli(command, "n.net", "-o", name, *others).returncode == 0
        content = path.read_bytes()
        spaced = content.replace(b"\n", b" \n") + b"\n"
        for same in (content, content.replace(b"\n", b"\r\n"), spaced, content.rstrip()):
            assert written(same)
            assert path.read_bytes() == content
        middle = content.index(b"\n", len(content) // 2)
        longer = content[:middle] + b" x" + content[middle:]
        for changed in (b"x" + content, longer, content + b"x\n", content[:middle]):
            assert not written(changed)
            assert path.read_bytes() == changed
        refused(cli(command, "n.net", "-o", name, *others), "not as netspec has written it", "--force")

    @pytest.mark.parametrize("name", ["new.net", "new.NET", "new.Net"])
    def test_what_is_no_spec_gets_no_name_of_one(self, cli: Cli, tmp_path: Path, net: Path, name: str) -> None:
        (tmp_path / "link.py").symlink_to(name)
        commands = (("emit", "n.net"), ("graph", "n.net"), ("render", "n.net"), ("predict", "run", "x.npy"))
        commands += (("report", "run"), ("curves", "run"), ("export", "run"), ("cam", "run", "x.png"))
        commands += (("migrate", "run", "n.net"), ("preview", "n.net"), ("lr-find", "n.net"))
        commands += (("diff", "n.net", "n.net"),)
        for command in commands:
            refused(cli(*command, "-o", name), "E0004", "it would be taken for a spec", "choose another ending")
        refused(cli("emit", "n.net", "-o", "link.py", "--force"), "it would be taken for a spec")
        refused(cli("lift", "m.py:net", "--weights", name), "it would be taken for a spec")
        assert not (tmp_path / name).exists()

    def test_a_run_that_is_a_link_to_itself(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "loop").symlink_to("loop")
        refused(cli("export", "loop"), "error[E06")

    def test_a_file_named_dash(self, cli: Cli, tmp_path: Path) -> None:
        refused(cli("report", "run", "-o", "-"), "E0004", "writes files alone")
        assert not (tmp_path / "-").exists()


class TestStreams:
    Shell = Callable[[str], "subprocess.CompletedProcess[str]"]

    def test_dash_is_the_standard_input_and_output(self, shell: Shell, net: Path, tmp_path: Path) -> None:
        (tmp_path / "blocks.net").write_text("block B { relu }\n", encoding="utf-8")
        spec = 'from \\"blocks.net\\" import B\\n' + NET.replace("relu", "B").replace("\n", "\\n")
        for command in ("check -", "summary -", "emit - -o -", "graph -", "render - -o -"):
            result = shell(f'printf "{spec}" | netspec {command}')
            assert (result.returncode, result.stderr) == (0, ""), command
            assert result.stdout
        assert shell("netspec render - -o - --format pdf < n.net | head -c 5").stdout == "%PDF-"
        refused(broken := shell('echo "net N {" | netspec summary -'), "--> <stdin>:1:7")
        assert broken.stdout == ""
        refused(shell("netspec summary - <&-"), "error[E0002]: the standard input is closed")

    def test_where_dash_is_one_of_several(self, shell: Shell, net: Path, tmp_path: Path) -> None:
        """It works, or it is said why it cannot; never is a file called so."""
        assert "no stage differs" in shell("netspec diff - n.net < n.net").stdout
        assert "no stage differs" in shell("netspec diff n.net - < n.net").stdout
        assert shell("netspec new - --from lenet5 | netspec check -").stdout == "-: ok (LeNet5)\n"
        refused(shell("netspec diff - - < n.net"), "E0005", "two are compared")
        refused(shell("netspec fmt n.net - < n.net"), "E0005", "fmt - alone")
        refused(shell("netspec serve - < n.net"), "E0005", "read once")
        refused(shell("netspec check --watch - < n.net"), "E0005", "read once")
        refused(shell("netspec migrate w.safetensors - < n.net"), "E0005", "--output")
        assert [path.name for path in tmp_path.iterdir()] == ["n.net"]

    @pytest.mark.parametrize("command", ["summary n.net", "zoo", "check n.net", "emit n.net", "render n.net -o -"])
    def test_an_output_that_cannot_be_written_is_one_line(self, shell: Shell, net: Path, command: str) -> None:
        if Path("/dev/full").exists():
            full = shell(f"netspec {command} > /dev/full")
            assert full.stderr == "error: the output cannot be written: no space left on device\n"
            assert full.returncode == 1
        closed = shell(f"netspec {command} >&-")
        assert (closed.returncode, closed.stderr) == (1, "error: the output is closed\n")

    def test_what_is_written_does_not_go_where_a_closed_output_was(self, shell: Shell, net: Path) -> None:
        assert shell("netspec emit n.net -o model.py >&- 2>&- <&-; cat model.py").stdout.startswith('"""N: ')
        refused(shell("netspec emit n.net -o /dev/stdout >&-"), "error[E0004]")

    def test_a_reader_that_has_seen_enough_is_no_error_to_tell(self, shell: Shell) -> None:
        result = shell("netspec layers --format markdown | exec 0<&-")
        assert (result.returncode, result.stdout, result.stderr) == (1, "", "")
        assert shell("netspec zoo | head -n 1").stdout.startswith("name ")


class TestNamedPipes:
    def test_as_a_spec_nothing_waits(self, process: Cli, tmp_path: Path, net: Path) -> None:
        os.mkfifo(tmp_path / "pipe.net")
        refused(process("summary", "pipe.net"), "error[E0002]: pipe.net is a pipe, not a file", "- < pipe.net")
        (tmp_path / "n.net").write_text('from "pipe.net" import B\n' + NET, encoding="utf-8")
        refused(process("summary", "n.net"), "error[E0211]")

    def test_those_of_a_shell_are_read(
        self, shell: Callable[[str], subprocess.CompletedProcess[str]], net: Path
    ) -> None:
        assert "parameters" in shell("netspec summary <(cat n.net)").stdout
