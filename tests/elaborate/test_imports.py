"""Imports: files next to the spec, never outside the project, and the library."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from netspec.diagnostics import NetspecError

STAGE = "block Stage(w) { conv(w, 3) -> relu }\nlet width = 8\n"
NET = "net N { input x [3, 8, 8]; Stage(width) }\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a spec in a folder, and a file outside the project."""
    root = tmp_path / "project"
    (root / "nets").mkdir(parents=True)
    (root / "pyproject.toml").write_text("")
    (root / "blocks.net").write_text(STAGE)
    (root / "nets" / "near.net").write_text(STAGE)
    (tmp_path / "outside.net").write_text(STAGE)
    return root


def load(project: Path, written: str, names: str = "Stage, width") -> netspec.Spec:
    path = project / "nets" / "main.net"
    path.write_text(f"from {written} import {names}\n" + (NET if "Stage" in names else ""))
    return netspec.load(path)


def code(project: Path, written: str, names: str = "Stage, width") -> str:
    with pytest.raises(NetspecError) as caught:
        load(project, written, names)
    return caught.value.diagnostics[0].code


@pytest.mark.parametrize("written", ['"near.net"', '"../blocks.net"', '"../nets/near.net"', '"./near.net"'])
def test_files_of_the_project(project: Path, written: str) -> None:
    assert load(project, written).graph().outputs[0].value.shape.dims == (8, 6, 6)


@pytest.mark.parametrize(
    "written",
    [
        '"../../outside.net"',
        '"/etc/hosts.net"',
        '"C:/blocks.net"',
        '"..\\\\..\\\\outside.net"',
        '"../../../../../a.net"',
    ],
)
def test_nothing_outside_the_project(project: Path, written: str) -> None:
    assert code(project, written) == "E0212"


def test_links_do_not_lead_outside(project: Path) -> None:
    (project / "nets" / "link.net").symlink_to(project.parent / "outside.net")
    assert code(project, '"link.net"') == "E0212"
    (project / "folder").symlink_to(project.parent)
    assert code(project, '"../folder/outside.net"') == "E0212"


def test_links_in_a_circle_are_no_file(project: Path) -> None:
    (project / "nets" / "a.net").symlink_to("b.net")
    (project / "nets" / "b.net").symlink_to("a.net")
    (project / "nets" / "round").symlink_to("round")
    assert code(project, '"a.net"') == "E0211"
    assert code(project, '"round/near.net"') == "E0211"
    with pytest.raises(NetspecError) as caught:
        netspec.load(project / "nets" / "a.net")
    assert caught.value.diagnostics[0].code == "E0002"


def test_links_inside_the_project_are_followed(project: Path) -> None:
    (project / "nets" / "link.net").symlink_to(project / "blocks.net")
    assert len(load(project, '"link.net"').graph()) == 2


@pytest.mark.parametrize(
    "written", ['"none.net"', '"near.txt"', '"."', f'"{"x" * 300}.net"', '"near.net/x.net"', "std.nothing"]
)
def test_what_is_not_there(project: Path, written: str) -> None:
    assert code(project, written) == "E0211"


def test_names_that_are_not_there(project: Path) -> None:
    assert code(project, '"near.net"', "Stag") == "E0214"


def test_circles(project: Path) -> None:
    (project / "nets" / "a.net").write_text('from "b.net" import B\nblock A { B }\n')
    (project / "nets" / "b.net").write_text('from "a.net" import A\nblock B { A }\n')
    assert code(project, '"a.net"', "A") == "E0213"
    assert code(project, '"main.net"', "N") == "E0213"


def test_what_is_not_text(project: Path) -> None:
    (project / "nets" / "near.net").write_bytes(b"\xff\xfe\x00")
    assert code(project, '"near.net"').startswith("E000")


def test_mistakes_are_told_in_the_file_that_has_them(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    (project / "blocks.net").write_text("block Stage(w) { conv(w, 3, pod=1) }\nlet width = 8\n")
    (mistake,) = load(project, '"../blocks.net"').check()
    assert mistake.span.source.name == "blocks.net"


def test_a_block_sees_the_names_of_its_own_file(project: Path) -> None:
    (project / "blocks.net").write_text(
        "let inner = 5\nlet width = 8\ndefault conv(bias=false)\n"
        "block Help { conv(inner, 1) }\nblock Stage(w) { Help }\n"
    )
    (node,) = load(project, '"../blocks.net"').graph()
    assert (node.layer.channels, node.layer.bias) == (5, False)


def test_a_spec_given_as_text_imports_the_library_only() -> None:
    spec = netspec.parse("from std.resnet import Bottleneck\nnet N { input x [64, 8, 8]; Bottleneck(16) }")
    assert spec.graph().outputs[0].value.shape.dims == (64, 8, 8)
    with pytest.raises(NetspecError, match="given as text"):
        netspec.parse('from "a.net" import A\n')


def test_every_file_of_the_library_reads() -> None:
    folder = Path(netspec.__file__).parent / "std"
    for path in folder.glob("*.net"):
        assert netspec.load(path).check() == []


def test_a_chain_of_many_files_is_refused(project: Path) -> None:
    for i in range(150):
        (project / "nets" / f"f{i}.net").write_text(f'from "f{i + 1}.net" import B\n')
    (project / "nets" / "f150.net").write_text("block B { relu }\n")
    assert code(project, '"f0.net"', "B") == "E0213"
