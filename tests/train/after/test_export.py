"""Exported nets, run by others: onnxruntime, torch.export's own loader, safetensors."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from netspec import NetspecError
from netspec.train import restore, train
from netspec.train.after import export as exports


def batches(*shape):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(count, *shape, generator=generator) for count in (1, 2, 5)]


@pytest.fixture(scope="module")
def onnx_file(gap, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "gap.onnx"
    return gap.export(path), path


def test_onnxruntime_says_what_the_net_says(gap, onnx_file):
    made, path = onnx_file
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path)
    for x in batches(1, 8, 8):
        (found,) = session.run(["output"], {"image": x.numpy()})
        assert np.allclose(found, gap.model(x).detach().numpy(), atol=1e-5)
    assert made.difference < 1e-5


def test_names_and_the_open_batch(onnx_file):
    made, path = onnx_file
    session = onnxruntime.InferenceSession(path)
    assert [value.name for value in session.get_inputs()] == ["image"] == list(made.inputs)
    assert [value.name for value in session.get_outputs()] == ["output"] == list(made.outputs)
    assert session.get_inputs()[0].shape == ["batch", 1, 8, 8]
    assert session.get_outputs()[0].shape == ["batch", 10]


def test_the_file_says_what_goes_in(onnx_file, gap):
    known = {entry.key: entry.value for entry in onnx.load(onnx_file[1]).metadata_props}
    assert (known["net"], known["task"], json.loads(known["samples"])) == ("Gap", "multiclass", [1, 8, 8])
    assert known["before"] == gap.settings.augment.written()
    assert known["before"].startswith("normalize(mean=[0.3")


def test_a_program_of_torch_export(gap, tmp_path):
    made = gap.export(tmp_path / "gap.pt2")
    extra = {"netspec.json": ""}
    program = torch.export.load(tmp_path / "gap.pt2", extra_files=extra).module()
    for x in batches(1, 8, 8):
        assert torch.allclose(program(x), gap.model(x), atol=1e-6)
    assert json.loads(extra["netspec.json"])["inputs"] == ["image"]
    assert made.difference < 1e-6


def test_weights_alone(gap, tmp_path):
    gap.export(tmp_path / "gap.safetensors")
    tensors = load_file(tmp_path / "gap.safetensors")
    assert all(torch.equal(tensors[name], tensor) for name, tensor in gap.model.state_dict().items())
    with safe_open(tmp_path / "gap.safetensors", "pt") as file:
        assert file.metadata()["net"] == "Gap"
    module_spec = importlib.util.spec_from_file_location("exported_gap", gap.folder / "model.py")
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    net = module.Gap()
    net.load_state_dict(tensors)
    x = batches(1, 8, 8)[2]
    assert torch.allclose(net.eval()(x), gap.model(x), atol=1e-6)
    assert restore(gap.folder, weights=tmp_path / "gap.safetensors").graph.name == "Gap"


TWO_HEADS = """\
net Heads {
  input image [1, 8, 8]
  conv(4, 3) -> relu
  output helper = global_avgpool -> flatten -> linear(10) when training
  output logits = flatten -> linear(10)
  output brightness = image -> mean
}

train {
  data digits
  loss cross_entropy(logits) + 0.3 * cross_entropy(helper)
  epochs 1
}
"""


def test_outputs_have_the_names_of_the_spec(spec, tmp_path):
    run = restore(train(spec(TWO_HEADS), out=tmp_path / "run", quiet=True).folder, device="cpu")
    made = run.export(tmp_path / "heads.onnx")
    assert made.outputs == ("logits", "brightness")
    session = onnxruntime.InferenceSession(tmp_path / "heads.onnx")
    x = batches(1, 8, 8)[2]
    logits, brightness = session.run(["logits", "brightness"], {"image": x.numpy()})
    expected = run.model(x)
    assert np.allclose(logits, expected.logits.detach().numpy(), atol=1e-5)
    assert np.allclose(brightness, x.mean((2, 3)).numpy(), atol=1e-6)


TOKENS = """\
net Tokens {
  input tokens: int [6]
  embedding(12, 4) -> lstm(5) -> flatten -> linear(3)
}

train {
  data npz("tokens.npz")
  loss cross_entropy
  epochs 1
}
"""


def test_indices_go_in_as_whole_numbers(spec, tmp_path):
    opened = spec(TOKENS)
    np.savez(tmp_path / "tokens.npz", x=np.arange(120).reshape(20, 6) % 12, y=np.arange(20) % 3)
    run = restore(train(opened, out=tmp_path / "run", quiet=True).folder, device="cpu")
    assert run.export(tmp_path / "tokens.onnx").difference < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "tokens.onnx")
    x = np.arange(30).reshape(5, 6) % 12
    (found,) = session.run(None, {"tokens": x})
    assert np.allclose(found, run.model(torch.from_numpy(x)).detach().numpy(), atol=1e-5)


def test_the_end_of_the_name_is_the_format(gap, tmp_path):
    with pytest.raises(NetspecError, match=r"the end of gap\.bin names no format") as error:
        gap.export(tmp_path / "gap.bin")
    assert error.value.diagnostics[0].code == "E0656"
    gap.export(tmp_path / "gap.bin", "safetensors")
    assert load_file(tmp_path / "gap.bin").keys() == gap.model.state_dict().keys()


def test_what_fails_leaves_no_file(gap, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("no such operator\nsecond line")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(NetspecError, match="Gap cannot be exported by ONNX") as error:
        gap.export(tmp_path / "gap.onnx")
    assert error.value.diagnostics[0].notes == ("no such operator", "second line")
    monkeypatch.setattr(exports, "MOST_BYTES", 100)
    with pytest.raises(NetspecError, match="larger than a file of ONNX may be"):
        gap.export(tmp_path / "gap.onnx")
    with pytest.raises(NetspecError, match="cannot be written"):
        gap.export(tmp_path / "no" / "folder" / "gap.pt2")
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_missing(cli, gap, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    refused = cli("export", gap.folder)
    assert refused.returncode == 1
    assert "pip install 'netspec-nn[onnx]'" in refused.stderr


def test_command(cli, gap, tmp_path):
    result = cli("export", gap.folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("run.onnx: image -> output, within ")
    assert result.stderr == ""
    assert cli("export", gap.folder, "--format", "safetensors").stdout == "run.safetensors: image -> output\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.onnx", "run.safetensors"]
