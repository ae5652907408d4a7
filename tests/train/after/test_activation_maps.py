"""Class activation maps against the sums that define them, and Grad-CAM against CAM, differences and the theorem."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

import netspec
from netspec import NetspecError
from netspec.layers.declaration.base import REGISTRY, Layer, TorchCall, layer
from netspec.layers.spatial.convolution import Conv
from netspec.train.after import heads
from netspec.train.after.activation_maps import activation_map, plan_of
from netspec.train.after.activation_picture import draw, enlarged, title
from netspec.train.plan.signature import Signature

MAPS = """
  input image [3, 12, 12]
  conv(5, 3, pad=1) -> batchnorm -> tanh
  conv(7, 3, stride=2) -> relu
"""
ENDS = {
    "global_avgpool": "global_avgpool -> flatten -> linear(4)",
    "with dropout": "global_avgpool -> flatten -> dropout(0.5) -> linear(4)",
    "adaptive_avgpool": "adaptive_avgpool(1) -> flatten -> linear(4, bias=false)",
    "avgpool over all": "avgpool(5) -> flatten -> linear(4)",
    "mean": "mean -> linear(4)",
    "a convolution for the linear layer": "global_avgpool -> conv(4, 1) -> flatten",
    "weight norm": "global_avgpool -> flatten -> linear(4, weight_norm=true)",
    "a map a class": "conv(4, 1) -> relu -> global_avgpool -> flatten",
    "softmax at the end": "global_avgpool -> flatten -> linear(4) -> softmax",
}


def run_of(body: str, **signature: object) -> SimpleNamespace:
    """A net with random weights and statistics, as a restored run has it."""
    graph = netspec.parse(f"net N {{\n{body}\n}}").graph()
    torch.manual_seed(0)
    model = graph.compile().eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    settings = {"task": "multiclass", "classes": 4, **signature}
    return SimpleNamespace(graph=graph, model=model, device=torch.device("cpu"), signature=Signature(**settings))


def sample(*shape: int) -> torch.Tensor:
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(1))


def part(run: SimpleNamespace, kind: type[torch.nn.Module]) -> torch.nn.Module:
    """The one module of that kind."""
    (found,) = (module for module in run.model.modules() if isinstance(module, kind))
    return found


def bias(run: SimpleNamespace, target: int) -> float:
    last = [module for module in run.model.modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)][-1]
    pooled = isinstance(last, torch.nn.Linear) or last is list(run.model.children())[-2]
    has = pooled and last.bias is not None and last.bias.numel() == 4
    return float(last.bias[target].detach()) if has else 0.0


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("target", [0, 3])
def test_the_score_is_the_mean_of_the_map_and_the_bias(end, target):
    run = run_of(MAPS + end)
    x = sample(3, 12, 12)
    found = activation_map(run, x, target=target)
    assert found.method == "cam"
    assert found.values.shape == (5, 5)
    with torch.no_grad():
        output = run.model(x)[0]
    expected_bias = 0.0 if "relu -> global" in end else bias(run, target)
    assert found.values.mean() + expected_bias == pytest.approx(found.score, abs=1e-5)
    if "softmax" in end:
        assert found.probability == pytest.approx(float(output[target]), abs=1e-6)
    else:
        assert found.score == pytest.approx(float(output[target]), abs=1e-6)


def test_the_map_is_the_weighted_sum_of_what_the_pooling_sees():
    """By a hook on the pooling and the matrix of the linear layer, without the code that is tested."""
    run = run_of(MAPS + ENDS["global_avgpool"])
    x, seen = sample(3, 12, 12), []
    part(run, torch.nn.AdaptiveAvgPool2d).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    with torch.no_grad():
        run.model(x)
    expected = torch.einsum("k,kij->ij", part(run, torch.nn.Linear).weight[2], seen[0][0]).detach().numpy()
    assert np.allclose(activation_map(run, x, target=2).values, expected, atol=1e-6)


@pytest.mark.parametrize("end", [end for end in ENDS.values() if "softmax" not in end])
def test_grad_cam_is_cam_up_to_the_number_of_positions(end):
    """Selvaraju et al. 2017, section 3.1: the gradient of the score by a map is its weight over the positions."""
    run = run_of(MAPS + end)
    x = sample(3, 12, 12)
    for target in range(4):
        cam = activation_map(run, x, target=target)
        grad = activation_map(run, x, target=target, method="grad-cam")
        assert (grad.layer, grad.method) == (cam.layer, "grad-cam")
        assert np.allclose(grad.values, np.maximum(cam.values, 0) / 25, atol=1e-6)


TWO_LAYERS = MAPS + "maxpool(2) -> flatten\n fc1 = linear(9)\n tanh\n fc2 = linear(4)"


def test_grad_cam_by_differences():
    """The mean gradient of a map is the change of the score when the whole map is raised, over its positions."""
    run = run_of(TWO_LAYERS)
    x = sample(3, 12, 12)
    found = activation_map(run, x, target=1)
    assert (found.method, found.values.shape) == ("grad-cam", (5, 5))
    net = run.model.double()
    seen = []
    net.maxpool.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    with torch.no_grad():
        net(x.double())
        maps = seen[0]

        def score(raised):
            pooled = functional.max_pool2d(raised, 2).flatten(1)
            return float(net.fc2(torch.tanh(net.fc1(pooled)))[0, 1])

        expected = torch.zeros(5, 5, dtype=torch.float64)
        for channel in range(7):
            change = torch.zeros_like(maps)
            change[0, channel] = 1e-6
            slope = (score(maps + change) - score(maps - change)) / 2e-6 / 25
            expected += slope * maps[0, channel]
    assert np.allclose(found.values, expected.relu().numpy(), atol=1e-5)


def test_signals_have_maps_of_one_axis():
    run = run_of("input s [2, 30]\n conv(6, 5) -> relu -> conv(8, 3) -> relu -> global_avgpool -> flatten -> linear(4)")
    found = activation_map(run, sample(2, 30))
    assert found.values.shape == (24,)
    own = float(part(run, torch.nn.Linear).bias[found.target].detach())
    assert found.values.mean() + own == pytest.approx(found.score, abs=1e-5)
    assert found.target == int(run.model(sample(2, 30)).argmax())


def test_the_weights_and_the_net_are_left_alone():
    run = run_of(MAPS + ENDS["global_avgpool"])
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    x = sample(3, 12, 12)
    y = run.model(x)
    activation_map(run, x)
    activation_map(run, x, method="grad-cam", layer="0")
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.model.state_dict().items())
    assert all(parameter.grad is None for parameter in run.model.parameters())
    assert torch.equal(run.model(x), y)


def test_both_sides_of_a_logit():
    run = run_of(MAPS + "global_avgpool -> flatten -> linear(1)", task="binary", classes=2)
    x = sample(3, 12, 12)
    no, yes = (activation_map(run, x, target=side) for side in (0, 1))
    assert np.allclose(no.values, -yes.values)
    assert yes.score == -no.score == pytest.approx(float(run.model(x).detach()))
    assert yes.probability + no.probability == pytest.approx(1)
    assert activation_map(run, x).target == int(yes.score > 0)
    grad = activation_map(run, x, target=0, method="grad-cam")
    assert np.allclose(grad.values, np.maximum(no.values, 0) / 25, atol=1e-6)


def test_several_outputs():
    body = MAPS + "output aux = global_avgpool -> flatten -> linear(4) when training\n conv(3, 3)\n"
    run = run_of(body + "global_avgpool -> flatten\n output logits = linear(4)", output=1)
    x = sample(3, 12, 12)
    found = activation_map(run, x, target=1)
    with torch.no_grad():
        assert found.score == pytest.approx(float(run.model(x)[0, 1]), abs=1e-6)
    assert found.values.shape == (3, 3)


def test_classes_by_name():
    run = run_of(MAPS + ENDS["mean"], names=("ant", "bee", "cat", "dog"))
    x = sample(3, 12, 12)
    assert activation_map(run, x, target="bee").target == activation_map(run, x, target="1").target == 1
    with pytest.raises(NetspecError, match="knows no class bea") as error:
        activation_map(run, x, target="bea")
    assert error.value.diagnostics[0].help == "did you mean bee?"
    for target in (4, -1, "x"):
        with pytest.raises(NetspecError, match="knows no class"):
            activation_map(run, x, target=target)


def test_grad_cam_of_another_layer():
    run = run_of(TWO_LAYERS)
    x = sample(3, 12, 12)
    assert activation_map(run, x, layer="conv1").values.shape == (12, 12)
    for stage, words in {"fc1": "is no map", "cnov1": "has no stage cnov1"}.items():
        with pytest.raises(NetspecError, match=words) as error:
            activation_map(run, x, layer=stage)
        assert error.value.diagnostics[0].code == "E0655"
    assert error.value.diagnostics[0].help == "did you mean conv1?"
    with pytest.raises(NetspecError) as error:
        activation_map(run, x, layer="zzz")
    assert "conv1" in error.value.diagnostics[0].help


@pytest.mark.parametrize(
    ("body", "method", "words"),
    [
        (TWO_LAYERS, "cam", "does not end in the mean of maps and one linear layer"),
        ("input x [8]\n linear(4) -> relu -> linear(4)", None, "has no convolution"),
        ("input image [1, 8, 8]\n conv(4, 3) -> relu -> conv(2, 1)", None, "is a map already"),
        (MAPS + "global_avgpool -> flatten -> linear(8) -> relu -> linear(4)", "cam", "does not end in"),
        (MAPS + "global_maxpool -> flatten -> linear(4)", "cam", "does not end in"),
        (MAPS + "avgpool(4) -> flatten -> linear(4)", "cam", "does not end in"),
    ],
)
def test_nets_without_such_a_map(body, method, words):
    with pytest.raises(NetspecError, match=words) as error:
        plan_of(netspec.parse(f"net N {{\n{body}\n}}").graph(), 0, method=method)
    assert error.value.diagnostics[0].code == "E0655"


EXAMPLES = {
    "cam_vgg16": ("cam", "cam_conv"),
    "densenet": ("cam", "relu1"),
    "googlenet": ("cam", "inception5b"),
    "highway_conv": ("grad-cam", "hw7"),
    "inception_v3": ("cam", "Mixed_7c"),
    "lenet5": ("grad-cam", "c3"),
    "mnist1d_conv": ("grad-cam", "relu3"),
    "nin": ("cam", "cccp6"),
    "resnet": ("cam", "layer4"),
    "se_resnet": ("cam", "layer4"),
    "timeseries_fcn": ("cam", "b3"),
    "vgg": ("grad-cam", "features.29"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_published_nets(examples: Path, name):
    graph = netspec.load(examples / f"{name}.net").graph()
    judged = next(index for index, output in enumerate(graph.outputs) if not output.when_training)
    plan = plan_of(graph, judged)
    assert (plan.method, plan.layer) == EXAMPLES[name]
    plain, with_maps = graph.compile("meta").state_dict(), plan.graph.compile("meta").state_dict()
    assert {key: value.shape for key, value in plain.items()} == {key: value.shape for key, value in with_maps.items()}


def test_the_last_maps_are_where_all_paths_meet():
    text = "input image [3, 8, 8]\n conv(4, 3, pad=1)\n highway { conv(4, 3, pad=1) } gate { conv(4, 1) -> sigmoid }\n"
    graph = netspec.parse(f"net N {{\n{text} maxpool(2) -> flatten -> linear(2)\n}}").graph()
    maps = heads.last_maps(graph, graph.outputs[0].value)
    (pool,) = (node for node in graph if node.layer.name == "maxpool")
    assert maps is pool.inputs[0]


def test_a_map_is_enlarged_as_torch_does():
    values = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)
    large = enlarged(values, (8, 8))
    assert large.shape == (8, 8)
    assert (large[0, 0], large[-1, -1]) == (0, 3)
    assert np.allclose(large, large.T + (large - large.T))
    assert np.all(np.diff(large, axis=0) >= 0)


@pytest.mark.parametrize(
    ("body", "shape"),
    [(MAPS, (3, 12, 12)), (MAPS.replace("[3,", "[1,"), (1, 12, 12)), (MAPS.replace("[3,", "[5,"), (5, 12, 12))],
)
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_pictures(tmp_path, body, shape, ending):
    run = run_of(body + ENDS["mean"], names=("a $x$", "b", "c", "d"))
    found = activation_map(run, sample(*shape), target=0)
    for name in ("one", "two"):
        draw(found, sample(*shape)[0].numpy(), run.signature, tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_what_speaks_for_a_class_is_orange_and_what_speaks_against_it_blue(tmp_path):
    values = np.array([[1.0, -1.0]], np.float32)
    run = run_of(MAPS + ENDS["mean"])
    found = activation_map(run, sample(3, 12, 12))
    draw(
        type(found)(values, "cam", "maps", 0, 1.0, 0.5),
        np.zeros((1, 8, 16), np.float32),
        run.signature,
        tmp_path / "m.png",
    )
    pixels = np.asarray(Image.open(tmp_path / "m.png").convert("RGB")).astype(int)
    half = pixels.shape[1] // 2
    right = pixels[:, half:]
    orange = (right[..., 0] > 150) & (right[..., 2] < 60)
    blue = (right[..., 2] > 120) & (right[..., 0] < 60)
    columns = np.arange(right.shape[1])
    inside = slice(None), slice(0, int(right.shape[1] * 0.8))
    assert (columns[None] * np.ones_like(orange))[inside][orange[inside]].mean() < (
        (columns[None] * np.ones_like(blue))[inside][blue[inside]].mean()
    )


def test_volumes_are_kept_as_numbers(tmp_path):
    run = run_of("input v [1, 6, 6, 6]\n conv(4, 3) -> relu -> global_avgpool -> flatten -> linear(4)")
    found = activation_map(run, sample(1, 6, 6, 6))
    draw(found, np.zeros((1, 6, 6, 6), np.float32), run.signature, tmp_path / "map.npy")
    assert np.array_equal(np.load(tmp_path / "map.npy"), found.values)
    with pytest.raises(NetspecError, match="cannot be drawn"):
        draw(found, np.zeros((1, 6, 6, 6), np.float32), run.signature, tmp_path / "map.png")
    assert not (tmp_path / "map.png").exists()


def test_titles_of_strangers():
    run = run_of(MAPS + ENDS["mean"], names=("\x1b[31m$\\frac", "b", "c", "d"))
    told = title(activation_map(run, sample(3, 12, 12), target=0), run.signature)
    assert "\x1b" not in told
    assert r"\$" in told


def test_command(cli, gap, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    result = cli("cam", gap.folder, "a.png", "--class", 3)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("class 3, ")
    assert "cam of relu2, drawn to cam.png" in result.stdout
    assert Image.open(tmp_path / "cam.png").width > 800
    assert cli("cam", gap.folder, "a.png", "--class", 3, "-o", "map.npy").returncode == 0
    assert np.allclose(np.load(tmp_path / "map.npy"), gap.activation_map(tmp_path / "a.png", target=3).values)
    assert json.loads(cli("predict", gap.folder, "a.png", "--format", "json").stdout)[0]["probabilities"][
        "3"
    ] == pytest.approx(gap.activation_map(tmp_path / "a.png", target=3).probability, abs=1e-6)
    for wrong in (["--class", "77"], ["--layer", "none"], ["-o", "a.xyz"]):
        refused = cli("cam", gap.folder, "a.png", *wrong)
        assert refused.returncode == 1
        assert "error[E" in refused.stderr
    assert not (tmp_path / "a.xyz").exists()


@pytest.fixture
def own_layers():
    """Layers registered from Python: a mean and a dropout that say what they are, a convolution built on ours."""
    before = dict(REGISTRY)

    @layer("channel_mean")
    class ChannelMean(Layer):
        def infer(self, x):
            return x.with_dims(x.channels)

        def torch(self, x):
            return TorchCall(apply="{0}.mean((2, 3))")

        def is_global_mean(self, x):
            return True

    @layer("own_noise")
    class OwnNoise(Layer):
        idle_in_eval = True

        def infer(self, x):
            return x

        def torch(self, x):
            return TorchCall("nn.Dropout")

    @layer("blur_conv")
    class BlurConv(Conv):
        pass

    yield
    REGISTRY.clear()
    REGISTRY.update(before)


@pytest.mark.usefixtures("own_layers")
def test_an_ending_of_a_users_own_layers_is_found():
    run = run_of(MAPS + "channel_mean -> own_noise -> linear(4)")
    x = sample(3, 12, 12)
    found = activation_map(run, x, target=2)
    assert found.method == "cam"
    with torch.no_grad():
        expected = run.model(x)[0, 2]
    assert found.values.mean() + bias(run, 2) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.usefixtures("own_layers")
def test_maps_of_a_users_own_convolution_are_the_last():
    run = run_of("input image [3, 8, 8]\n blur_conv(4, 3) -> relu -> flatten -> linear(4)")
    assert (activation_map(run, sample(3, 8, 8)).method, plan_of(run.graph, 0).layer) == ("grad-cam", "1")
