"""Settings of the optimisation: clipping, accumulation, averaging, stopping, freezing, groups, initial weights."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from train_specs import DIGITS

import netspec
from netspec import NetspecError
from netspec.train import check, restore, start, train
from netspec.train.engine.averaging import Average
from netspec.train.engine.devices import environment
from netspec.train.engine.loop import Wish
from netspec.train.engine.rows import Row
from netspec.train.plan.job import job_of, prepare
from netspec.train.section.parts.clipping import Norm, Value
from netspec.train.section.parts.metrics import METRICS
from netspec.train.section.parts.stopping import Patience
from netspec.train.section.patterns import Group, Pattern, parameters
from netspec.train.section.settings import settings
from netspec.train.setup import Setup

CPU = {"device": "cpu", "quiet": True}
NAMED = DIGITS.replace(
    "conv(8, 3, pad=1) -> batchnorm -> relu", "conv1 = conv(8, 3, pad=1);  bn1 = batchnorm;  relu"
).replace("linear(classes)", "fc = linear(classes)")
"""The net of DIGITS with names for its layers."""
PLAIN = NAMED.replace("  bn1 = batchnorm;", "").replace("  dropout(0.3)\n", "")
"""Neither batch statistics nor random numbers."""

LINE = """\
net Line {
  input x [3]
  output y = linear(1)
}

train {
  data      npz("line.npz")
  loss      mse
  optimizer adam(lr=0.05)
}
"""


@pytest.fixture
def trainer(spec):
    """`trainer(PLAIN, freeze='"conv1"')`: all that trains a spec, as `train` sets it up."""

    def make(text=NAMED, setup=None, **changes):
        opened = spec(text)
        given = {f"train.{key}": value for key, value in changes.items()}
        job = job_of(opened, set=given, setup=Setup(device="cpu", **(setup or {})))
        prepared = prepare(job, opened)
        with environment(prepared.graph, prepared.settings.batch, job.setup) as accelerator:
            return start.trainer_of(prepared, accelerator, [])

    return make


def steps(trainer, count):
    """Trains that many steps."""
    last = trainer.steps_done + count
    for _ in trainer.epochs(pause=lambda epoch, step: Wish(2 * (epoch * trainer.steps + step + 1 == last))):
        pass
    return trainer


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.bare.state_dict().items()}


def close(one, other, **tolerance):
    return all(torch.allclose(one[name], other[name], **tolerance) for name in one)


def test_what_a_section_says(said):
    read = said(
        """init "start.safetensors"
        freeze ["features", biases]
        groups [group(norms, "head.*", lr=0.1, weight_decay=0), group("stem", lr=0.2)]
        clip value(0.5)
        accumulate 4
        ema 0.99
        stop patience(3, metric=accuracy)"""
    )
    assert read.init.source == "start.safetensors"
    assert read.freeze == (Pattern("features"), Pattern("biases", kind=True))
    head = Group((Pattern("norms", kind=True), Pattern("head.*")), (("lr", 0.1), ("weight_decay", 0)))
    assert read.groups == (head, Group((Pattern("stem"),), (("lr", 0.2),)))
    assert (read.clip, read.accumulate, read.ema) == (Value(max=0.5), 4, 0.99)
    assert read.stop == Patience(epochs=3, metric="accuracy")
    again = said("\n".join(f"{key} {value}" for key, value in read.written().items()))
    assert again.written() == read.written()
    assert said("clip 2").clip == Norm(max=2.0)


WRONG = [
    ("clip 0", "E0603", "max of norm must be more than 0"),
    ("clip fast", "E0602", "no way of clipping named fast"),
    ("ema 1", "E0604", "ema is a number from 0 to below 1"),
    ("ema some", "E0604", "ema is a number from 0 to below 1, not the word some"),
    ("accumulate 0", "E0604", "accumulate is at least 1"),
    ("stop soon", "E0602", "no rule of stopping named soon"),
    ("stop patience", "E0603", "patience needs epochs"),
    ("freeze conv1", "E0604", "parameters are named by a text or by biases or norms, not by the word conv1"),
    ("groups 3", "E0604", "groups holds groups of parameters"),
    ("groups set(biases, lr=1)", "E0604", "groups holds groups of parameters"),
    ("groups group(biases)", "E0604", "a group says which parameters, and what is different"),
    ("groups group(lr=1)", "E0604", "a group says which parameters, and what is different"),
    ("groups group(biases, speed=1)", "E0603", "adam has no argument speed"),
    ("optimizer sgd\ngroups group(biases, betas=[0, 0])", "E0603", "sgd has no argument betas"),
    ("groups group(biases, lr=-1)", "E0603", "lr of adam must be at least 0"),
    ("init 3", "E0604", "init is a text, not the number 3"),
]


@pytest.mark.parametrize(("lines", "code", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong(said, lines, code, message):
    with pytest.raises(NetspecError) as error:
        said(lines)
    (found,) = error.value.diagnostics
    assert (found.code, message in found.message) == (code, True), found


@pytest.mark.parametrize("line", ['freeze "conv2"', "groups group(norms, lr=0)", 'freeze ["conv1", "fc.w"]'])
def test_patterns_that_stand_for_nothing(spec, line):
    opened = spec(PLAIN, ("  epochs", f"  {line}\n  epochs"))
    found = check(opened.train, opened.graph())
    assert [each.code for each in found] == ["E0640"]
    with pytest.raises(NetspecError, match="is named like"):
        train(opened, **CPU)


@pytest.mark.parametrize("name", ["resnet", "densenet", "highway_mnist", "bytenet", "wavenet", "lenet5_1998"])
def test_parameters_are_named_as_the_state_dict_names_them(examples, name):
    graph = netspec.load(examples / f"{name}.net").graph()
    assert parameters(graph).keys() == dict(graph.compile("meta").named_parameters()).keys()


def test_gradients_are_clipped_by_norm_together(trainer):
    made = trainer(PLAIN, clip="0.01", optimizer="sgd(lr=1)")
    before = weights(made)
    steps(made, 1)
    moved = torch.cat([(tensor - before[name]).flatten() for name, tensor in weights(made).items()])
    assert float(moved.norm()) == pytest.approx(0.01, rel=1e-4)


def test_gradients_are_clipped_by_value(trainer):
    made = trainer(PLAIN, clip="value(0.001)", optimizer="sgd(lr=1)")
    before = weights(made)
    steps(made, 1)
    moved = torch.cat([(tensor - before[name]).flatten() for name, tensor in weights(made).items()])
    assert float(moved.abs().max()) == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize("rounds", [2, 3, 7])
def test_a_batch_in_rounds_is_the_batch(trainer, rounds):
    whole = steps(trainer(PLAIN, optimizer="sgd(lr=0.1)"), 4)
    parted = steps(trainer(PLAIN, optimizer="sgd(lr=0.1)", accumulate=rounds), 4)
    assert close(weights(whole), weights(parted), atol=1e-6)
    assert parted.train_scores.loss.value() == pytest.approx(whole.train_scores.loss.value(), rel=1e-5)


def test_a_batch_that_cannot_be_divided(trainer):
    with pytest.raises(NetspecError, match="a batch of 3 cannot be divided into 4 parts") as error:
        trainer(batch=3, accumulate=4)
    assert error.value.diagnostics[0].code == "E0615"


def test_the_average_follows_its_formula():
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    average, expected = Average(net, 0.4), net[0].weight.detach().clone()
    for step in range(1, 5):
        with torch.no_grad():
            net[0].weight.normal_()
            net[1].running_mean.fill_(step)
        average.update(step)
        decay = min(0.4, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * net[0].weight
    torch.testing.assert_close(average.mean["0.weight"], expected)
    live = net[0].weight.detach().clone()
    with average.in_place():
        torch.testing.assert_close(net[0].weight.detach(), expected)
        assert 3 < float(net[1].running_mean[0]) < 4
    assert torch.equal(net[0].weight, live)
    assert float(net[1].running_mean[0]) == 4


def test_the_average_is_tested_and_kept(spec, tmp_path):
    run = train(spec(NAMED), out=tmp_path / "run", set={"train.ema": 0.9}, **CPU)
    plain = train(spec(NAMED), out=tmp_path / "plain", **CPU)
    assert not torch.equal(run.model.state_dict()["fc.weight"], plain.model.state_dict()["fc.weight"])
    assert [row.train for row in run.metrics] == [row.train for row in plain.metrics]
    assert [row.test for row in run.metrics] != [row.test for row in plain.metrics]
    kept = load_file(run.folder / "model.safetensors")
    assert all(torch.equal(kept[name], tensor) for name, tensor in run.model.state_dict().items())


def rows(*losses, name="loss"):
    return [Row(epoch, epoch, 0.1, {}, {name: loss}, 0.0) for epoch, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    ("rule", "figures", "name", "best", "over"),
    [
        (Patience(epochs=2), [3, 2, 2.5], "loss", 1, False),
        (Patience(epochs=2), [3, 2, 2.5, 2], "loss", 1, True),
        (Patience(epochs=2, delta=0.5), [3, 2.8, 2.6], "loss", 0, True),
        (Patience(epochs=1, metric="accuracy"), [0.5, 0.6, 0.7], "accuracy", 2, False),
        (Patience(epochs=1, metric="accuracy"), [0.5, 0.6, 0.6], "accuracy", 1, True),
        (Patience(epochs=1), [float("nan"), 2, 3], "loss", 1, True),
        (Patience(epochs=1), [], "loss", -1, False),
    ],
)
def test_patience(rule, figures, name, best, over):
    falling = {"loss"}
    said = rule.best(rows(*figures, name=name), falling), rule.over(rows(*figures, name=name), falling)
    assert said == (best, over)


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"confusion_matrix"}))
def test_every_metric_knows_whether_it_is_better_when_it_is_less(name):
    """As torchmetrics says of its own, but for those that are told as 1 minus what it computes."""
    metric = METRICS[name]()
    task = metric.tasks[0]
    theirs = metric.build(task, 3 if task == "multiclass" else 2, labels=3 if metric.of_labels else 0)
    turned = metric.figure(torch.tensor(0.25), torch.ones(1)) != 0.25
    rises = theirs.higher_is_better is not False  # of specificity it says nothing
    assert metric.falls is (rises is turned)


@pytest.mark.parametrize(
    ("metric", "loss"),
    [("rmse", "mse"), ("mae", "mse"), ("mae(y)", "mse(y)"), ("error", "cross_entropy"), ("accuracy", "cross_entropy")],
)
def test_patience_keeps_the_best_by_its_metric(spec, tmp_path, metric, loss):
    """With learning rates that spoil the net, the first epochs are better than the last."""
    text = PLAIN if loss == "cross_entropy" else LINE.replace("loss mse", f"loss {loss}")
    if loss != "cross_entropy":
        x = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
        np.savez(tmp_path / "line.npz", x=x, y=x.sum(1))
    wish = {"train.metrics": f"[{metric}]", "train.stop": f'patience(3, metric="{metric}")', "train.epochs": 8}
    rate = {"train.optimizer": "sgd(lr=0.4)" if loss == "cross_entropy" else "sgd(lr=1.15)"}
    run = train(spec(text), out=tmp_path / "run", set=wish | rate, **CPU)
    figures = [row.test[metric] for row in run.metrics]
    best = max(figures) if metric == "accuracy" else min(figures)
    assert run.metrics[run.kept].test[metric] == best
    assert restore(run.folder).evaluate().figures[metric] == pytest.approx(best, abs=1e-5)
    record = json.loads((run.folder / "run.json").read_text())
    assert record["test"][metric] == best
    assert record["kept_epoch"] == run.metrics[run.kept].epoch


def test_training_ends_early_with_the_best_weights(spec, tmp_path):
    settings = {"train.optimizer": "sgd(lr=0.3)", "train.stop": "patience(2)", "train.epochs": 100}
    run = train(spec(PLAIN), out=tmp_path / "run", set=settings, **CPU)
    losses = [row.test["loss"] for row in run.metrics]
    best = losses.index(min(losses))
    assert (run.status, len(losses)) == ("finished", best + 3)
    again = train(spec(PLAIN), out=tmp_path / "again", set=settings, epochs=best + 1, **CPU)
    assert (run.folder / "model.safetensors").read_bytes() == (again.folder / "model.safetensors").read_bytes()


def test_patience_needs_a_figure_that_is_measured(spec):
    with pytest.raises(NetspecError, match="patience looks at f1, which this run does not measure"):
        train(spec(NAMED), set={"train.stop": "patience(2, metric=f1)"}, **CPU)


@pytest.mark.parametrize("norm", ["batchnorm(affine=false)", "batchnorm", "instancenorm(track=true)"])
def test_statistics_of_a_frozen_norm_do_not_move(trainer, norm):
    made = trainer(NAMED.replace("bn1 = batchnorm", f"bn1 = {norm}"), freeze='["conv1", "bn1"]')
    before = weights(made)
    steps(made, 5)
    after = weights(made)
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith(("conv1", "bn1")))
    assert not torch.equal(after["fc.weight"], before["fc.weight"])


def test_what_is_frozen_stays_as_it_is(trainer):
    made = trainer(freeze='["conv1", "bn1"]')
    before = weights(made)
    steps(made, 3)
    changed = {name for name, tensor in weights(made).items() if not torch.equal(tensor, before[name])}
    assert changed == {"fc.weight", "fc.bias"}


def test_a_norm_that_is_frozen_in_part_goes_on_taking_statistics(trainer):
    made = steps(trainer(freeze="biases"), 3)
    assert int(made.bare.state_dict()["bn1.num_batches_tracked"]) == 3
    assert "bn1.bias" not in made.state()["optimizer"]


def test_nothing_left_to_train(trainer):
    with pytest.raises(NetspecError, match="every parameter of Small is frozen") as error:
        trainer(freeze='"*"')
    assert error.value.diagnostics[0].code == "E0642"


def test_groups_have_their_own_arguments_and_the_first_one_counts(trainer):
    groups = '[group(biases, norms, weight_decay=0), group("conv1", "bn1", lr=0.5)]'
    made = trainer(optimizer="adamw(lr=0.1, weight_decay=0.2)", groups=groups)
    names = {parameter: name for name, parameter in made.bare.named_parameters()}
    found = [
        ({names[parameter] for parameter in group["params"]}, group["lr"], group["weight_decay"])
        for group in made.optimizer.param_groups
    ]
    assert found == [
        ({"conv1.bias", "bn1.weight", "bn1.bias", "fc.bias"}, 0.1, 0),
        ({"conv1.weight"}, 0.5, 0.2),
        ({"fc.weight"}, 0.1, 0.2),
    ]
    steps(made, 1)
    assert [group["lr"] for group in made.optimizer.param_groups] == [0.1, 0.5, 0.1]


@pytest.fixture
def initial(spec, tmp_path):
    """Weights of the net in a file: one of another shape, one missing, one too many."""
    tensors = spec(NAMED).graph().compile().state_dict()
    del tensors["conv1.bias"]
    tensors |= {"fc.weight": torch.zeros(3, 512), "head.weight": torch.zeros(2)}
    save_file(tensors, tmp_path / "start.safetensors")
    return tensors


def test_weights_to_start_from_are_taken_as_far_as_they_fit(spec, tmp_path, initial, capsys):
    opened = spec(NAMED, ("  epochs", '  init "start.safetensors"\n  epochs'))
    run = train(opened, out=tmp_path / "run", epochs=0, device="cpu")
    first = train(spec(NAMED), out=tmp_path / "first", epochs=0, **CPU).model.state_dict()
    kept = run.model.state_dict()
    assert torch.equal(kept["conv1.weight"], initial["conv1.weight"])
    assert torch.equal(kept["fc.weight"], first["fc.weight"])
    assert torch.equal(kept["conv1.bias"], first["conv1.bias"])
    assert capsys.readouterr().out.splitlines()[:4] == [
        "start.safetensors: 7 of 9 tensors taken",
        "fc.weight is [10, 512] in Small and [3, 512] in the file",
        "conv1 of Small is not in the file: bias",
        "head of the file is not in Small: weight",
    ]


def test_weights_of_other_names(spec, tmp_path, capsys):
    """Of a file by torch.save, renamed by the first rule that is about each."""
    tensors = {f"net.{name}": tensor for name, tensor in spec(NAMED).graph().compile().state_dict().items()}
    tensors["net.head.weight"] = tensors.pop("net.fc.weight") + 1
    torch.save({"state_dict": tensors}, tmp_path / "old.pth")
    rename = '["net.head.* -> fc.*", "net.* -> *"]'
    init = f'weights("old.pth", rename={rename})'
    run = train(spec(NAMED, ("  epochs", f"  init {init}\n  epochs")), out=tmp_path / "run", epochs=0, device="cpu")
    assert capsys.readouterr().out.startswith("old.pth: 9 of 9 tensors taken\n")
    assert torch.equal(run.model.state_dict()["fc.weight"], tensors["net.head.weight"])
    assert run.settings.written()["init"] == init


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ("5", "init is a text, not the number 5"),
        ("start", "init is a text, not the word start"),
        ('weights("a.pt", rename=["a.*"])', 'must hold rules such as "backbone.* -> features.*"'),
        ('weights("a.pt", rename=["a.* -> b"])', 'write rename=["a.* -> b*"]'),
        ('weights("a.pt", rename=["a -> b -> c"])', 'not "a -> b -> c"'),
        ('weights("a.pt", rename=["a -> "])', 'not "a -> "'),
        ('weights("a.pt", rename=["a => b"])', 'write rename=["a -> b"]'),
        ('weights("a.pt", rename="a -> b")', 'write rename=["a -> b"]'),
        ('weights("a.pt", rename=["a -> b", 3])', "must hold rules such as"),
    ],
)
def test_no_source_of_weights(spec, init, said):
    with pytest.raises(NetspecError) as error:
        settings(spec(NAMED, ("  epochs", f"  init {init}\n  epochs")).train)
    assert said in str(error.value)


def test_weights_that_fit_nowhere(spec, tmp_path):
    save_file({"other": torch.ones(2)}, tmp_path / "start.safetensors")
    with pytest.raises(NetspecError, match=r"none of the weights in .* are those of Small") as error:
        train(spec(NAMED), set={"train.init": '"start.safetensors"'}, **CPU)
    assert error.value.diagnostics[0].code == "E0641"


def test_weights_with_code_in_them_are_refused(spec, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    (tmp_path / "start.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(NetspecError, match="could run anything"):
        train(spec(NAMED), set={"train.init": '"start.safetensors"'}, **CPU)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["none.safetensors", "../outside.safetensors", "/etc/passwd"])
def test_weights_that_are_not_there(spec, name):
    with pytest.raises(NetspecError):
        train(spec(NAMED), set={"train.init": f'"{name}"'}, **CPU)


def test_half_precision_learns(spec, tmp_path):
    run = train(spec(NAMED), out=tmp_path / "run", epochs=4, precision="bf16", **CPU)
    assert run.test_error < 0.15
    assert all(tensor.dtype != torch.bfloat16 for tensor in run.model.state_dict().values())
    with pytest.raises(NetspecError, match="fp16 scales its gradients, which needs a GPU"):
        train(spec(NAMED), out=tmp_path / "none", precision="fp16", **CPU)


def test_images_lie_with_their_channels_last(trainer):
    text = NAMED.replace("flatten", "conv2 = conv(4, 3);  flatten")
    last = trainer(text, optimizer="sgd(lr=0.1)")
    first = trainer(text, optimizer="sgd(lr=0.1)", setup={"channels_last": False})
    assert last.bare.conv2.weight.is_contiguous(memory_format=torch.channels_last)
    assert first.bare.conv2.weight.is_contiguous()
    assert close(weights(steps(last, 2)), weights(steps(first, 2)), atol=1e-5)
