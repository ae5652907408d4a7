"""The zoo: every example is in it, cites its paper, and can be copied as a start."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

import netspec
from netspec import NetspecError, zoo

Cli: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]
NETWORKS = zoo.networks()


def test_every_example_is_there_once(examples: Path) -> None:
    assert {network.spec for network in NETWORKS} == {path.stem for path in examples.glob("*.net")}
    names = [network.name for network in NETWORKS]
    assert len(set(names)) == len(names)


def test_every_net_of_every_example_is_there(examples: Path) -> None:
    """A file's nets are networks of the zoo, each with its own name."""
    held = {(network.spec, network.net or netspec.load(network.path).nets[-1]) for network in NETWORKS}
    assert held == {(path.stem, net) for path in examples.glob("*.net") for net in netspec.load(path).nets}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_network_has_its_paper(network: zoo.Network) -> None:
    paper = network.paper()
    assert paper.title[0].isupper()
    assert 1989 < int(paper.where[-4:]) < 2030
    assert paper.short_authors


def test_papers_as_headers_have_them() -> None:
    """The forms that a citation has in the headers."""
    header = (
        "# A net.\n#\n"
        '# A. van den Oord, S.-A. Ahmadi, D. Warde-Farley, "On\n# Nets", 2016, arXiv:1609.03499, p. 3. As in B. Zhou\n'
        '# et al., "More", Proceedings of the IEEE 86(11), 1998; S. J. D. Prince, "Book", Press 2023. "None", 1999.\n'
        '\n# C. Late, "Too late", 2020\n'
    )
    assert zoo.cited(header) == (
        zoo.Paper("A. van den Oord, S.-A. Ahmadi, D. Warde-Farley", "On Nets", "2016", "1609.03499"),
        zoo.Paper("B. Zhou et al.", "More", "Proceedings of the IEEE 86(11), 1998", ""),
        zoo.Paper("S. J. D. Prince", "Book", "Press 2023", ""),
    )
    short = [paper.short_authors for paper in zoo.cited(header)]
    assert short == ["van den Oord et al.", "Zhou et al.", "Prince"]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_a_copy_has_the_network_as_its_default(network: zoo.Network, tmp_path: Path) -> None:
    """The copy's last net, with its parameters' defaults, is the network: in a folder where nothing else is."""
    path = tmp_path / "mine.net"
    path.write_text(network.text(), encoding="utf-8")
    copy, original = netspec.load(path), netspec.load(network.path)
    assert sorted(copy.nets) == sorted(original.nets)
    assert (copy.train is None) == (original.train is None)
    graph, expected = copy.graph(), network.graph()
    assert graph.name == expected.name
    assert network.figures == (expected.name, expected.parameters), "make reference writes netspec/zoo.json anew"
    # Shapes by their text: a set is one of its own graph.
    assert [(node.name, node.layer, [*map(str, node.shapes)]) for node in graph] == [
        (node.name, node.layer, [*map(str, node.shapes)]) for node in expected
    ]


def test_zoo_lists_all(cli: Cli) -> None:
    result = cli("zoo")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["name", "net", "parameters", "paper"]
    assert [line.split()[0] for line in lines[1:]] == [network.name for network in NETWORKS]
    assert next(line for line in lines if line.startswith("vgg19_bn ")).split()[1:3] == ["VGG", "143,678,248"]


def test_zoo_as_json(cli: Cli) -> None:
    entries = {entry["name"]: entry for entry in json.loads(cli("zoo", "--format", "json").stdout)}
    assert entries["densenet201"]["arguments"] == {"depth": 201}
    assert entries["densenet201"]["parameters"] == 20_013_928
    assert entries["densenet201"]["paper"]["arxiv"] == "1608.06993"
    assert entries["nin_imagenet"]["net"] == "ImageNet"
    assert Path(entries["unet"]["spec"]).is_file()


@pytest.mark.parametrize(
    ("name", "network", "parameters"),
    [
        ("mine", "resnet50", "25,557,032"),
        ("mine.net", "vgg19_bn", "143,678,248"),
        ("mine", "preact_resnet101", "44,541,480"),
        ("mine", "charcnn_small", "11,339,780"),
        ("mine", "maxout_mnist_permuted", "1,233,610"),
    ],
)
def test_new_copies(cli: Cli, tmp_path: Path, name: str, network: str, parameters: str) -> None:
    result = cli("new", name, "--from", network)
    assert (result.returncode, result.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.net"]
    assert f"parameters  {parameters}\n" in cli("summary", "mine.net").stdout


def test_new_overwrites_nothing(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.net").write_text("# precious\n", encoding="utf-8")
    result = cli("new", "mine", "--from", "lenet5")
    assert result.returncode == 1
    assert "error[E0004]: mine.net cannot be written: it is there already" in result.stderr
    assert (tmp_path / "mine.net").read_text(encoding="utf-8") == "# precious\n"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnet", "resnet18, resnet34, resnet50, resnet101 or resnet152"),
        ("Densenet", "densenet121, densenet161, densenet169 or densenet201"),
        ("vg16", "vgg16"),
    ],
)
def test_a_mistyped_network_gets_the_near_ones(cli: Cli, tmp_path: Path, name: str, near: str) -> None:
    result = cli("new", "mine", "--from", name)
    assert result.returncode == 1
    assert f"error[E0701]: the zoo has no network named {name}" in result.stderr
    assert f"help: did you mean {near}" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing(cli: Cli, tmp_path: Path) -> None:
    result = cli("new", "models/mine", "--from", "lenet5")
    assert result.returncode == 1
    assert "make the folder models first" in result.stderr
    assert not list(tmp_path.iterdir())


def test_basic_blocks_have_no_wide_form(root: Path) -> None:
    """Better than a net that is not wide."""
    spec = netspec.load(root / "examples" / "resnet.net")
    with pytest.raises(NetspecError, match="BasicBlock has no parameter wide"):
        spec.graph(depth=18, wide=2)
    assert spec.graph(depth=50, wide=2).parameters == 68_883_240  # torchvision's wide_resnet50_2
