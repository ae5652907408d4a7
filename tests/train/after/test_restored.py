"""A run's folder as a live net again; what is no such folder, or holds another net's weights, refused."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from after_specs import GAP
from safetensors.torch import load_file, save_file

import netspec
from netspec import NetspecError
from netspec.train import restore, train
from netspec.train.after.restored import judged_weights
from netspec.train.runs.checkpoint import Checkpoints, read
from netspec.train.runs.sources import keep, reopen
from netspec.train.runs.weights.files import differences


def refused(code: str, *arguments: object, **options: object) -> str:
    with pytest.raises(NetspecError) as error:
        restore(*arguments, **options)
    (found,) = error.value.diagnostics
    assert found.code == code
    return str(error.value)


def test_it_says_what_the_trained_net_said(gap_run, gap):
    x = torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(gap.model(x), gap_run.model.cpu().eval()(x), atol=1e-6), "another layout of memory"
    assert torch.allclose(gap.outputs(x), gap.model(x), atol=1e-6)
    assert not gap.model.training
    assert (gap.graph.name, gap.record.epochs, gap.signature.classes) == ("Gap", 3, 10)
    assert gap.weights == gap_run.folder / "model.safetensors"


def test_settings_and_parameters_are_those_of_the_run(spec, tmp_path):
    changed = {"width": 9, "train.batch": 50, "train.metrics": "[accuracy]"}
    run = train(spec(GAP), out=tmp_path / "run", set=changed, epochs=0, quiet=True)
    restored = restore(run.folder)
    assert (restored.settings.batch, restored.settings.epochs) == (50, 0)
    assert dict(restored.graph.arguments) == {"classes": 10, "width": 9}
    assert restored.model.conv1.out_channels == 9


def test_normalisation_is_that_of_the_training_data(gap):
    (step,) = gap.settings.augment.steps
    from sklearn.datasets import load_digits

    assert step.mean[0] == pytest.approx(load_digits().data.mean() / 16, abs=0.01)
    x = torch.rand(2, 1, 8, 8)
    from netspec.train.batch import Batch

    met = gap.augmentation.test(Batch(x, torch.zeros(2, dtype=torch.long))).x
    assert torch.allclose(met, (x - step.mean[0]) / step.std[0])


def test_a_run_of_a_spec_with_imports_needs_only_its_folder(tmp_path):
    home = tmp_path / "home"
    (home / "nets").mkdir(parents=True)
    (home / "lib").mkdir()
    (home / "pyproject.toml").write_text("")
    (home / "lib" / "inner.net").write_text("block Inner(n) { linear(n) -> relu }\n")
    (home / "lib" / "blocks.net").write_text('from "inner.net" import Inner\nblock Outer(n) { Inner(n)  Inner(n) }\n')
    text = GAP.replace("  fc = linear", "  Outer(20)\n  fc = linear")
    (home / "nets" / "n.net").write_text('from "../lib/blocks.net" import Outer\n' + text)
    run = train(home / "nets" / "n.net", out=tmp_path / "run", epochs=1, quiet=True)
    shutil.rmtree(home)
    x = torch.rand(2, 1, 8, 8)
    assert torch.allclose(restore(run.folder).model(x), run.model.eval()(x), atol=1e-6)


def test_a_spec_without_imports_is_one_file(tmp_path):
    keep(netspec.parse(GAP), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["spec.net"]
    assert reopen(tmp_path).source.text == GAP


def test_a_main_file_that_leads_outside_is_refused(tmp_path):
    (tmp_path / "secret.net").write_text(GAP)
    run = tmp_path / "run"
    (run / "imports").mkdir(parents=True)
    (run / "imports" / "main.txt").write_text("../../secret.net")
    with pytest.raises(NetspecError, match="lies outside of it"):
        reopen(run)


def test_the_newest_checkpoint_where_there_are_no_weights(copied):
    expected = load_file(copied / "model.safetensors")
    (copied / "model.safetensors").unlink()
    restored = restore(copied, device="cpu")
    assert restored.weights.parent.name == "checkpoints"
    assert all(torch.equal(tensor, expected[name]) for name, tensor in restored.model.state_dict().items())


def test_a_damaged_checkpoint_is_passed_over(copied):
    (copied / "model.safetensors").unlink()
    newest, before = Checkpoints(copied).files()
    newest.write_bytes(newest.read_bytes()[:-10])
    assert restore(copied, device="cpu").weights == before
    before.unlink()
    told = refused("E0650", copied, device="cpu")
    assert "holds no weights" in told
    assert f"{newest} is passed over" in told


def test_of_a_checkpoint_the_average_is_taken(spec, tmp_path):
    run = train(spec(GAP), out=tmp_path / "run", set={"train.ema": 0.9}, epochs=1, quiet=True)
    kept = load_file(run.folder / "model.safetensors")
    state, _ = Checkpoints(run.folder).newest()
    found = judged_weights(state)
    assert found.keys() == kept.keys()
    assert all(torch.equal(found[name], kept[name]) for name in kept)
    assert not all(torch.equal(state["model"][name], kept[name]) for name in kept)


def test_no_run(tmp_path, copied):
    assert "no such file" in refused("E0614", tmp_path / "none")
    (copied / "run.json").write_text("{")
    assert "is damaged" in refused("E0650", copied)
    (copied / "run.json").write_text('{"net": 3}')
    assert "net: " in refused("E0650", copied)
    (copied / "run.json").write_text('{"net": "N", "environment": "here", "job": {"input": 3}}')
    assert "job.input: " in refused("E0650", copied)


@pytest.mark.parametrize("arguments", [{"net": 1}, {"self": 1}, {"width": {"a": 1}}, {"inputs": 3}])
def test_parameters_that_no_net_has(copied, arguments):
    record = json.loads((copied / "run.json").read_text())
    (copied / "run.json").write_text(json.dumps({**record, "arguments": arguments}))
    assert "parameters that no net has" in refused("E0650", copied)


def test_a_run_without_its_spec(copied):
    (copied / "spec.net").unlink()
    assert "there is no file" in refused("E0001", copied)


def test_a_device_that_is_not_there(gap_run):
    refused("E0612", gap_run.folder, device="tpu")


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_refused_and_never_read(copied, tmp_path, protocol):
    sprung = tmp_path / "sprung"
    trap = pickle.dumps(Trap(sprung), protocol)
    (copied / "model.safetensors").write_bytes(trap)
    assert "is a pickle, which could run anything" in refused("E0651", copied)
    assert not sprung.exists()
    pickle.loads(trap)
    assert sprung.exists()


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_torch_saved_is_read_without_running_it(gap, copied, tmp_path, wrapped):
    """As a training script leaves it, too: under a name, with what DataParallel puts before each."""
    state = {name: tensor + 1 for name, tensor in gap.model.state_dict().items()}
    parallel = {"epoch": 3, "model": {f"module.{name}": tensor for name, tensor in state.items()}}
    torch.save(parallel if wrapped else state, tmp_path / "weights.pt")
    read = restore(copied, device="cpu", weights=tmp_path / "weights.pt").model.state_dict()
    assert all(read[name].equal(tensor) for name, tensor in state.items())


def test_what_torch_saved_with_code_in_it(copied, tmp_path):
    torch.save({"fc.weight": Trap(tmp_path / "sprung")}, tmp_path / "weights.pt")
    assert "holds something else than tensors" in refused("E0651", copied, weights=tmp_path / "weights.pt")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 and no more", b"\x80\x02cos\nsystem\n."])
def test_damaged_files_of_torch(copied, tmp_path, content):
    (tmp_path / "weights.pth").write_bytes(content)
    assert "weights.pth holds something else than tensors, or is damaged" in refused(
        "E0651", copied, weights=tmp_path / "weights.pth"
    )


def test_a_file_of_torch_that_would_fill_the_memory(copied, tmp_path):
    with zipfile.ZipFile(tmp_path / "weights.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data/0", bytes(2**22))
    assert "it would unpack to 4,194,304 bytes" in refused("E0651", copied, weights=tmp_path / "weights.pt")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_safetensors_file(copied, content):
    (copied / "model.safetensors").write_bytes(content)
    told = refused("E0652" if content.endswith(b"      ") else "E0651", copied)
    assert "model.safetensors" in told


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580])
def test_a_safetensors_file_may_begin_like_a_pickle(copied, length):
    """The first bytes are the length of its header."""
    path = copied / "model.safetensors"
    tensors = {"fc.weight": torch.zeros(2, 2)}
    for padding in range(length):
        save_file(tensors, path, {"padding": "x" * padding})
        if int.from_bytes(path.read_bytes()[:8], "little") == length:
            break
    assert path.read_bytes()[0] == 0x80
    assert "are not those of Gap" in refused("E0652", copied)


def test_half_a_file(copied):
    path = copied / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "is no whole safetensors file" in refused("E0651", copied)


def test_weights_that_are_not_there(copied, tmp_path):
    assert "cannot be read: no such file" in refused("E0651", copied, weights=tmp_path / "none.safetensors")


def test_another_nets_weights_name_the_layers(copied):
    tensors = load_file(copied / "model.safetensors")
    tensors["fc.weight"] = torch.zeros(10, 5)
    tensors["head.bias"] = torch.zeros(3)
    del tensors["conv1.weight"], tensors["conv1.bias"]
    save_file(tensors, copied / "model.safetensors")
    told = refused("E0652", copied)
    assert "fc.weight is [10, 12] in Gap and [10, 5] in the file" in told
    assert "conv1 of Gap is not in the file: weight, bias" in told
    assert "head of the file is not in Gap: bias" in told


def test_only_some_of_many_differences_are_named():
    expected = {f"layer{index}.weight": torch.zeros(1) for index in range(30)}
    told = differences(expected, {}).lines("Net")
    assert len(told) == 9
    assert told[-1] == "and 22 more"


def test_the_count_of_batches_may_lack(copied):
    tensors = load_file(copied / "model.safetensors")
    save_file({name: t for name, t in tensors.items() if "num_batches" not in name}, copied / "other.safetensors")
    restore(copied, weights=copied / "other.safetensors")


def test_other_weights(copied):
    tensors = {name: torch.zeros_like(tensor) for name, tensor in load_file(copied / "model.safetensors").items()}
    save_file(tensors, copied / "zeros.safetensors")
    restored = restore(copied, weights=copied / "zeros.safetensors")
    assert float(restored.model(torch.rand(1, 1, 8, 8)).abs().sum().detach()) == 0


def test_the_record_says_what_the_run_was_made_with(gap):
    record = json.loads((gap.folder / "run.json").read_text())
    assert record["environment"]["torch"] == torch.__version__
    assert record["environment"]["Python"].count(".") == 2
    assert record["meaning"]["task"] == "multiclass"
    assert read(Checkpoints(gap.folder).files()[0])["epoch"] == 3
