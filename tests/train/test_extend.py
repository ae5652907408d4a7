"""Parts of a user's own: written in Python, named in the project's settings, and used by specs as the built-in ones."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from safetensors.torch import load_file
from train_specs import DIGITS

from netspec import NetspecError
from netspec.plugins import load_plugins
from netspec.train import train

PARTS = '''\
"""Parts of a laboratory."""

import torch
from sklearn.datasets import load_digits
from torch.nn import functional
from torch.utils.data import TensorDataset

from netspec.train.extend import augmentation, callback, data, loss, metric, optimizer, schedule


@loss("my_entropy", takes="classes", squashes=True)
def my_entropy(scores, classes, sharpness: float = 1.0):
    """Cross-entropy of sharper scores."""
    return functional.cross_entropy(sharpness * scores, classes, reduction="none")


@metric("my_error", tasks=["multiclass"], falls=True)
def my_error(scores, classes):
    return (scores.argmax(1) != classes).float().mean()


@optimizer("my_descent", copies=0)
class Descent(torch.optim.Optimizer):
    def __init__(self, parameters, lr: float = 0.1):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter -= group["lr"] * parameter.grad


@schedule("my_halving")
def my_halving(t, epochs, every: int = 1):
    return 0.5 ** (int(t) // every)


@augmentation("my_shine")
def my_shine(x, most: float = 0.1):
    return x + most * torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device)


@data("my_digits")
def my_digits(folder, count: int = 300):
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x[:count], dtype=torch.float32).view(-1, 1, 8, 8) / 16
    whole = TensorDataset(x, torch.tensor(y[:count]))
    return torch.utils.data.Subset(whole, range(200)), torch.utils.data.Subset(whole, range(200, count))


@callback("my_log")
def my_log(progress, to: str = "log.txt"):
    with open(progress.folder / to, "a") as file:
        print(progress.epoch, progress.step, len(progress.rows), file=file)
'''
SPEC = """\
net Small {
  input image [1, 8, 8]
  flatten -> linear(10)
}

train {
  data      my_digits(count=300)
  augment   my_shine(0.2)
  loss      my_entropy(sharpness=2.0)
  optimizer my_descent(lr=0.2)
  schedule  my_halving(every=2)
  metrics   [my_error, accuracy]
  stop      patience(5, metric=my_error)
  callbacks [my_log]
  epochs    3
  batch     50
}
"""


@pytest.fixture
def lab(tmp_path, monkeypatch, own_parts):
    """A project with parts of its own, which are forgotten afterwards."""
    (tmp_path / "mylab").mkdir()
    (tmp_path / "mylab" / "__init__.py").touch()
    (tmp_path / "mylab" / "parts.py").write_text(PARTS)
    (tmp_path / "netspec.toml").write_text('plugins = ["mylab.parts"]\n')
    (tmp_path / "small.net").write_text(SPEC)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "mylab"]:
        del sys.modules[name]


def test_a_project_trains_with_parts_of_its_own(lab, cli):
    assert cli("check", "small.net").returncode == 0
    whole = cli("train", "small.net", "--out", "whole", "--device", "cpu", "--quiet")
    assert whole.returncode == 0, whole.stderr
    assert (lab / "whole" / "log.txt").read_text() == "1 4 1\n2 8 2\n3 12 3\n"
    cli("train", "small.net", "--out", "parted", "--device", "cpu", "--quiet", "--steps", 5)
    assert cli("train", "--resume", "parted", "--quiet").returncode == 0
    one, other = (load_file(lab / name / "model.safetensors") for name in ("whole", "parted"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    judged = json.loads(cli("eval", "whole", "--format", "json").stdout)
    assert judged["my_error"] == pytest.approx(1 - judged["accuracy"], abs=1e-6)
    assert judged["my_error"] < 0.5


def test_processes_of_a_training_have_them_too(lab, cli):
    result = cli("train", "small.net", "--out", "two", "--device", "cpu", "--devices", 2, "--quiet", "--epochs", 1)
    assert result.returncode == 0, result.stderr


def test_what_they_compute_is_what_torch_does(lab):
    assert load_plugins(lab) == ("mylab.parts",)
    import netspec

    run = train(netspec.load(lab / "small.net"), out=lab / "run", device="cpu", quiet=True)
    plain = SPEC.replace("my_descent(lr=0.2)", "sgd(lr=0.2)").replace("my_halving(every=2)", "step(2, gamma=0.5)")
    plain = plain.replace("my_error, accuracy", "error").replace("metric=my_error", "metric=error")
    other = train(netspec.parse(plain), out=lab / "other", device="cpu", quiet=True)
    assert [row.test["my_error"] for row in run.metrics] == pytest.approx([row.test["error"] for row in other.metrics])
    assert run.metrics[-1].train["loss"] == pytest.approx(other.metrics[-1].train["loss"], rel=1e-5)


def test_their_arguments_are_checked_as_others_are(lab, spec):
    load_plugins(lab)
    with pytest.raises(NetspecError) as error:
        train(spec(SPEC, ("sharpness=2.0", 'sharpness="much"'), ("my_shine(0.2)", "my_shine(0.1, 2)")), out=lab / "x")
    messages = [diagnostic.message for diagnostic in error.value.diagnostics]
    assert messages[0] == "my_shine takes one argument"
    assert messages[1].startswith("sharpness of my_entropy")


def test_a_spec_of_a_stranger_runs_nothing(lab, cli, tmp_path):
    """Which modules are loaded is said where the user works, not where the spec lies."""
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "netspec.toml").write_text('plugins = ["harm"]\n')
    (stranger / "harm.py").write_text("import pathlib\npathlib.Path('harmed').touch()\n")
    (stranger / "a.net").write_text(DIGITS)
    assert cli("check", "stranger/a.net").returncode == 0
    assert not list(tmp_path.glob("**/harmed"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('plugins = ["mylab.nothing"]', "the plugin mylab.nothing cannot be loaded"),
        ('plugins = "mylab.parts"', "plugins is a list of names of Python modules"),
        ("plugins = [", "netspec.toml cannot be read"),
    ],
)
def test_plugins_that_cannot_be_loaded(lab, cli, text, message):
    (lab / "netspec.toml").write_text(text)
    refused = cli("check", "small.net")
    assert refused.returncode == 1
    assert message in refused.stderr
    assert "E0009" in refused.stderr


def test_a_parameter_that_parts_have_for_themselves(lab):
    from netspec.train.extend import callback

    with pytest.raises(ValueError, match="log has a parameter name, which every callback has for itself"):

        @callback("log")
        def log(progress, name: str = "a"):
            """Nothing."""


def test_pyproject_names_them_as_well(lab):
    (lab / "netspec.toml").unlink()
    (lab / "pyproject.toml").write_text('[tool.netspec]\nplugins = ["mylab.parts"]\n')
    (lab / "deeper").mkdir()
    assert load_plugins(lab / "deeper") == ("mylab.parts",)
