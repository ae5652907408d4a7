"""What is said of two nets, and what becomes of their weights."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

import netspec
from netspec import zoo
from netspec.analysis.keys import keys
from netspec.compare.differences import difference, lines
from netspec.compare.weights import Plan
from netspec.diagnostics import NetspecError
from netspec.revisions import open_spec

HEAD = "net N(n = 4) {\n  input x [3, 16, 16]\n"
BEFORE = HEAD + "  a = conv(8, 3)\n  conv(n, 3) -> relu\n  conv(n, 3) -> relu\n  flatten\n  fc = linear(10)\n}\n"


def plan_of(old: str, new: str) -> Plan:
    return difference(netspec.parse(old).graph(), netspec.parse(new).graph()).plan


def said(old: str, new: str) -> list[str]:
    return list(lines(difference(netspec.parse(old).graph(), netspec.parse(new).graph())))


@pytest.mark.parametrize(("one", "other"), list(pairwise(zoo.networks()[::8])), ids=lambda network: network.name)
def test_every_key_is_kept_renamed_new_or_lost_once(one: zoo.Network, other: zoo.Network) -> None:
    old, new = one.graph(), other.graph()
    plan = difference(old, new).plan
    assert sorted([*(m.new for m in plan.moves), *(loose.key for loose in plan.new)]) == sorted(
        k.name for k in keys(new)
    )
    assert sorted([*(m.old for m in plan.moves), *(loose.key for loose in plan.lost)]) == sorted(
        k.name for k in keys(old)
    )
    shapes = {key.name: key.shape for key in keys(old)}
    assert all(shapes[move.old] == key.shape for move in plan.moves for key in keys(new) if key.name == move.new)


@pytest.mark.parametrize("network", zoo.networks()[::5], ids=lambda network: network.name)
def test_a_net_does_not_differ_from_itself(network: zoo.Network) -> None:
    found = difference(network.graph(), network.graph())
    assert not found
    assert not found.plan.renamed
    assert not found.plan.new
    assert not found.plan.lost


def test_a_stage_put_between_others_does_not_make_them_new() -> None:
    after = BEFORE.replace("  a = conv(8, 3)\n", "  a = conv(8, 3)\n  batchnorm\n  conv(8, 1) -> relu\n")
    plan = plan_of(BEFORE, after)
    assert [(move.old, move.new) for move in plan.renamed if move.new.endswith("weight")] == [
        ("conv1.weight", "conv2.weight"),
        ("conv2.weight", "conv3.weight"),
    ]
    assert not plan.lost


def test_a_label_that_is_another_is_a_rename() -> None:
    assert "= stem: was a" in said(BEFORE, BEFORE.replace("a = conv", "stem = conv"))


def test_other_arguments_are_a_change_with_its_figures() -> None:
    told = said(BEFORE, BEFORE.replace("linear(10)", "linear(5)"))
    assert told[0] == "~ fc: linear(10) becomes linear(5)  [10] -> [5], 4,010 -> 2,005 parameters"
    assert "  new       fc.weight [5, 400] (before [10, 400])" in told


def test_what_only_has_other_sizes_is_one_line() -> None:
    told = said(BEFORE, BEFORE.replace("[3, 16, 16]", "[3, 20, 20]"))
    assert told[0] == "  6 stages are as before but for the sizes, from a on: [8, 14, 14] -> [8, 18, 18]"


def test_a_layer_that_is_put_into_a_container_keeps_its_weights() -> None:
    plan = plan_of(BEFORE, BEFORE.replace("a = conv(8, 3)", "a = conv(8, 3) -> batchnorm"))
    assert {("a.weight", "a.0.weight"), ("a.bias", "a.0.bias")} <= {(move.old, move.new) for move in plan.renamed}


def test_the_same_weights_give_the_same_outputs_under_other_names(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    from netspec.train.after.migrate import migrate

    after = BEFORE.replace("a = conv(8, 3)", "stem = conv(8, 3)").replace("fc = ", "head = ")
    old, new = netspec.parse(BEFORE).graph(), netspec.parse(after).graph()
    torch.manual_seed(0)
    one, other = old.compile(), new.compile()
    save_file(one.state_dict(), tmp_path / "old.safetensors")
    done = migrate(tmp_path / "old.safetensors", new, tmp_path / "new.safetensors", old)
    assert done.numbers == old.parameters
    other.load_state_dict(load_file(tmp_path / "new.safetensors"))
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(one.eval()(x), other.eval()(x))
    with pytest.raises(NetspecError, match="E0641"):
        migrate(
            tmp_path / "old.safetensors", netspec.load("examples/mnist1d_mlp.net").graph(), tmp_path / "no.safetensors"
        )
    assert not (tmp_path / "no.safetensors").exists()


def test_a_revision_is_read_with_what_it_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    Path("blocks.net").write_text("block B {\n  conv(4, 3)\n}\n")
    Path("net.net").write_text('from "blocks.net" import B\n\nnet N {\n  input x [3, 8, 8]\n  B\n}\n')
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    Path("net.net").write_text("net N {\n  input x [3, 8, 8]\n  conv(5, 3)\n}\n")
    Path("blocks.net").unlink()
    assert str(open_spec("HEAD:net.net").graph().outputs[0].value.shape) == "[4, 6, 6]"
    assert str(open_spec("net.net").graph().outputs[0].value.shape) == "[5, 6, 6]"
    for wrong in ("nowhere:net.net", "HEAD:other.net", "HEAD:folder/net.net"):
        with pytest.raises(NetspecError, match="E0007"):
            open_spec(wrong)


def test_a_container_that_is_only_named_otherwise_is_said_to_be() -> None:
    texts = [f"net N {{ input x [1, 8, 8]; {name} = conv(4, 3) -> relu; flatten -> linear(2) }}" for name in ("c", "d")]
    old, new = (netspec.parse(text, "n.net").graph() for text in texts)
    assert next(iter(lines(difference(old, new)))) == "= d: was c"
