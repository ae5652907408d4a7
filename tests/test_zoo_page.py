"""docs/zoo.md is what zoo_page.py writes, and counts lines as it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from zoo_page import code_lines, page, parity, peer_lines, rounded, spec_lines

from netspec import zoo


def test_zoo_page_is_current(root: Path) -> None:
    assert (root / "docs" / "zoo.md").read_text(encoding="utf-8") == page(), "make reference"


def test_every_network_has_some_proof() -> None:
    assert not [network.name for network in zoo.networks() if not list(parity(network.name))]


def test_lines_that_say_something(tmp_path: Path) -> None:
    spec = tmp_path / "a.net"
    spec.write_text(
        "# A net\n\nfrom std.se import SE\n\nnet N {   # it\n  # begins\n  input x [16, 8, 8]\n\n  SE\n}\n"
        "train {\n  data mnist\n}\n",
        encoding="utf-8",
    )
    assert spec_lines(spec) == 5 + spec_lines(Path(zoo.__file__).parent / "std" / "se.net")
    assert code_lines("a = 1  # one\n\n# two\nif a:\n    b = '''\n\n'''\n") == {1, 4, 5, 6, 7}


@pytest.mark.parametrize(
    ("number", "shown"), [(7, "7"), (58_575, "58.6 k"), (4_089_184_256, "4.09 G"), (192_669_548_544, "193 G")]
)
def test_three_digits(number: int, shown: str) -> None:
    assert rounded(number) == shown


def test_what_a_model_is_built_from() -> None:
    """Of torchvision's AlexNet the class and the builder; of all its ResNets the same classes."""
    assert 40 < peer_lines("torchvision", "alexnet") < 70
    assert peer_lines("torchvision", "resnet50") == peer_lines("torchvision", "resnet101") > 150
