"""Files of ONNX: those of torch's exporters and of netspec's own nets, and damaged and hostile ones."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx.external_data_helper import convert_model_to_external_data
from safetensors.torch import load_file
from torch import Tensor, nn

import netspec
from netspec import zoo
from netspec.diagnostics import NetspecError
from netspec.lifting.sources.onnx import load
from tests.lifting.onnx_graphs import Drawing

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.conv2(torch.relu(self.conv1(x))))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        self.blocks = nn.Sequential(*(Block(8) for _ in range(3)))
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Tensor:
        x = self.blocks(self.stem(image)).flatten(2).transpose(1, 2)
        return self.fc(self.norm(x).mean(1))


@pytest.mark.parametrize("dynamo", [False, True], ids=["legacy", "dynamo"])
def test_file_of_torch_has_the_names_of_its_modules(dynamo: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, path = Net().eval(), tmp_path / "net.onnx"
    x = torch.randn(2, 3, 12, 12)
    if dynamo:
        program = torch.onnx.export(net, (x,), dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},))
        assert program is not None
        program.save(str(path))
    else:
        torch.onnx.export(net, (x,), str(path), dynamo=False, dynamic_axes={"image": {0: "n"}}, input_names=["image"])
    done = load(path)
    assert "repeat 3 { Block }" in done.text
    assert done.weights.keys() == net.state_dict().keys()
    model = netspec.parse(done.text).graph().compile()
    model.load_state_dict(done.weights)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(x), net(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "shape"), [("lenet5", [1, 32, 32]), ("squeezenet1_1", [3, 64, 64])])
def test_network_of_the_zoo_comes_back(name: str, shape: list[int], tmp_path: Path) -> None:
    network, path = zoo.find(name), tmp_path / "net.onnx"
    read = netspec.load(network.path)
    (entering,) = read.graph(network.net, **network.arguments).inputs
    graph = read.graph(network.net, inputs={entering.name: shape}, **network.arguments)
    model = graph.compile().eval()
    x = torch.randn(2, *shape)
    torch.onnx.export(model, (x,), str(path), dynamo=False, dynamic_axes={"x": {0: "n"}}, input_names=["x"])
    done = load(path)
    again = netspec.parse(done.text).graph()
    assert (again.parameters, again.macs) == (graph.parameters, graph.macs)
    twin = again.compile().eval()
    twin.load_state_dict(done.weights)
    with torch.no_grad():
        torch.testing.assert_close(twin(x), model(x), rtol=0, atol=1e-5)


def residual_net() -> tuple[Drawing, str]:
    d = Drawing()
    x = d.op("Relu", d.norm(d.conv("data", 3, 8, strides=[2, 2]), 8))
    for _ in range(4):
        inner = d.op("Relu", d.norm(d.conv(x, 8, 4, 1), 4))
        x = d.op("Relu", d.op("Add", d.norm(d.conv(inner, 4, 8, pads=[1] * 4), 8), x))
    return d, d.op("Gemm", d.op("Flatten", d.op("GlobalAveragePool", x)), d.weight(8, 5), d.weight(5))


def test_without_names_what_comes_again_is_a_block(tmp_path: Path) -> None:
    d, out = residual_net()
    done = load(d.save(tmp_path / "net.onnx", out))
    assert "block Residual {" in done.text
    assert "repeat 4 { Residual }" in done.text
    assert len(done.text.splitlines()) < 25
    assert len(load(tmp_path / "net.onnx", plain=True).text.splitlines()) > 25


def test_command_writes_spec_and_weights(cli: Cli, tmp_path: Path) -> None:
    d, out = residual_net()
    d.save(tmp_path / "net.onnx", out)
    done = cli("lift", "net.onnx", "-o", "net.net", "--weights", "net.safetensors")
    assert done.returncode == 0, done.stderr
    assert "the same outputs to the bit" in done.stderr
    assert "onnxruntime gives the same for its weights, within" in done.stderr
    model = netspec.load(tmp_path / "net.net").graph().compile()
    model.load_state_dict(load_file(tmp_path / "net.safetensors"))


def test_a_file_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    result = cli("lift", "nothing.onnx", "-o", "net.net")
    assert result.returncode == 1
    assert "error[E0001]: there is no file nothing.onnx" in result.stderr + result.stdout
    assert not (tmp_path / "net.net").exists()


def test_open_sizes_are_asked_for(cli: Cli, tmp_path: Path) -> None:
    d = Drawing(("N", 3, "H", "W"))
    d.save(tmp_path / "net.onnx", d.conv("data", 3, 4))
    done = cli("lift", "net.onnx", "-o", "net.net")
    assert done.returncode == 1
    assert "--input 3,224,224" in done.stderr
    assert cli("lift", "net.onnx", "-o", "net.net", "--input", "3,32,32").returncode == 0


def damaged(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """A file whose graph is changed after it was made."""

    def write(path: Path) -> None:
        d = Drawing()
        model = d.model(d.op("Relu", d.conv("data", 3, 4)))
        change(model)
        path.write_bytes(model.SerializeToString())

    return write


def _claims(model: Any) -> None:
    model.graph.initializer[0].dims[:] = [1 << 29, 1, 1, 1]


def _circle(model: Any) -> None:
    model.graph.node[0].input[0] = model.graph.node[1].output[0]


def _twice(model: Any) -> None:
    model.graph.node[1].output[0] = model.graph.node[0].output[0]
    model.graph.output[0].name = model.graph.node[0].output[0]


def _nothing(model: Any) -> None:
    model.graph.node[0].input[0] = "nowhere"


def _negative(model: Any) -> None:
    model.graph.initializer[0].dims[0] = -4


def _future(model: Any) -> None:
    model.opset_import[0].version = 99


def _foreign(model: Any) -> None:
    model.graph.node[1].domain = "com.microsoft"


def _outside(location: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        stored = model.graph.initializer[0]
        stored.ClearField("raw_data")
        stored.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "64"), ("length", "432")):
            entry = stored.external_data.add()
            entry.key, entry.value = key, value

    return change


def _huge(model: Any) -> None:
    """Sizes that no memory holds, made of a few bytes."""
    d = Drawing()
    out = d.op("Expand", d.op("Slice", "data", d.store([0]), d.store([1]), d.store([3])), d.store([1, 3, 16, 1 << 40]))
    model.CopyFrom(d.model(out))


def _many(model: Any) -> None:
    d = Drawing()
    model.CopyFrom(d.model(d.op("Reshape", "data", d.op("ConstantOfShape", d.store([1 << 40])))))


DAMAGED: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "not a file of ONNX": (lambda path: path.write_bytes(b"\x89PNG" * 50) and None, "E1006", "damaged"),
    "empty": (lambda path: path.write_bytes(b"") and None, "E1006", "no graph"),
    "cut": (lambda path: _cut(path), "E1006", "damaged"),
    "claims": (damaged(_claims), "E1006", "claims 2,147,483,648 bytes"),
    "circle": (damaged(_circle), "E1006", "the nodes go in a circle"),
    "twice": (damaged(_twice), "E1006", "is made twice"),
    "nothing": (damaged(_nothing), "E1006", "takes nowhere, which is made by nothing"),
    "negative": (damaged(_negative), "E1006", "cannot have the sizes"),
    "opset": (damaged(_future), "E1006", "operators of version 99"),
    "foreign": (damaged(_foreign), "E1006", "com.microsoft"),
    "absolute": (damaged(_outside("/etc/passwd")), "E1006", "is not beside this file"),
    "up": (damaged(_outside("../secret")), "E1006", "is not beside this file"),
    "link": (damaged(_outside("link")), "E1006", "leads out of the folder"),
    "missing": (damaged(_outside("missing.bin")), "E1006", "no such file"),
    "short": (damaged(_outside("short.bin")), "E1006", "claims 432 bytes from 64 on"),
    "huge": (damaged(_huge), "E1001", "more than a gigabyte"),
    "many": (damaged(_many), "E1001", "it computes 1,099,511,627,776 numbers"),
}


def _cut(path: Path) -> None:
    d, out = residual_net()
    path.write_bytes(d.model(out).SerializeToString()[:-700])


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file_is_refused(name: str, tmp_path: Path) -> None:
    write, code, said = DAMAGED[name]
    (tmp_path / "secret").write_bytes(b"x" * 1000)
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "short.bin").write_bytes(b"x" * 100)
    write(folder / "net.onnx")
    with pytest.raises(NetspecError) as caught:
        load(folder / "net.onnx")
    first = caught.value.diagnostics[0]
    assert (first.code, said in first.message) == (code, True), first.message


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    d, out = residual_net()
    model = d.model(out)
    before = load(d.save(tmp_path / "net.onnx", out))
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, tmp_path / "apart.onnx")
    after = load(tmp_path / "apart.onnx", name="net")
    assert after.text == before.text
    assert all(torch.equal(after.weights[key], value) for key, value in before.weights.items())
