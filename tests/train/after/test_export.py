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


OPEN = """\
net Masks {
  input image [1, H, W]
  e1 = conv(4, 3, pad=1) -> batchnorm -> relu
  maxpool(2) -> conv(8, 3, pad=1) -> relu
  upconv(4, 2, stride=2)
  output mask = concat(e1, _) -> conv(3, 1)
}

train {
  data      npz("masks.npz")
  loss      cross_entropy
  epochs    1
  batch     10
}
"""


@pytest.fixture(scope="module")
def open_sizes(made):
    x = np.random.default_rng(0).random((20, 1, 12, 8), np.float32)
    run = made(OPEN, files={"masks.npz": {"x": x, "y": (x[:, 0] * 3).astype(int)}})
    return restore(run.folder, device="cpu")


@pytest.mark.parametrize("sizes", [(12, 8), (20, 30)])
def test_sizes_that_the_spec_leaves_open_stay_open(open_sizes, tmp_path, sizes):
    made = open_sizes.export(tmp_path / "masks.onnx")
    assert made.sizes == ("H", "W")
    assert made.difference < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "masks.onnx")
    assert session.get_inputs()[0].shape == ["batch", 1, "H", "W"]
    assert session.get_outputs()[0].shape == ["batch", 3, "H", "W"]
    open_sizes.export(tmp_path / "masks.pt2")
    program = torch.export.load(tmp_path / "masks.pt2").module()
    for x in batches(1, *sizes):
        expected = open_sizes.model(x)
        (found,) = session.run(None, {"image": x.numpy()})
        assert np.allclose(found, expected.detach().numpy(), atol=1e-5)
        assert torch.allclose(program(x), expected, atol=1e-6)
    known = {entry.key: entry.value for entry in onnx.load(tmp_path / "masks.onnx").metadata_props}
    sizes = json.loads(known["sizes"])
    assert sizes["open"] == ["H", "W"]
    assert sizes["must"][0] == "H must be a multiple of 2, at least 2"
    assert (known["judged"], known["logits"]) == ("mask", "true")


def test_a_size_is_closed_where_that_is_asked_for(open_sizes, tmp_path, cli):
    result = cli("export", open_sizes.folder, "-o", "one.onnx", "--input", "image=[1,16,W]")
    assert result.stdout.startswith("one.onnx: image -> mask, W open, within "), result.stderr
    session = onnxruntime.InferenceSession(tmp_path / "one.onnx")
    assert session.get_inputs()[0].shape == ["batch", 1, 16, "W"]


LETTERS = """\
net Letters {
  input letters: int [L]
  embedding(6, 4)
  memory = lstm(5)
  output next = linear(6)
}

train {
  data npz("letters.npz")
  loss mse(next)
  epochs 1
}
"""


def test_the_layer_that_cannot_be_exported_is_named(made, tmp_path):
    x = np.arange(60).reshape(10, 6) % 6
    run = made(LETTERS, files={"letters.npz": {"x": x, "y": np.eye(6, dtype=np.float32)[x]}})
    net = restore(run.folder, device="cpu")
    with pytest.raises(NetspecError, match="because of its layer lstm") as error:
        net.export(tmp_path / "letters.onnx")
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.span.text == "lstm(5)"
    assert diagnostic.help == "without open sizes: --input letters=[6]"
    assert net.export(tmp_path / "letters.onnx", input={"letters": [6]}).difference < 1e-5


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
