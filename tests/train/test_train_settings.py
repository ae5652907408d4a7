"""The train section as settings: what is said is what is meant, and what is wrong is said at once."""

from __future__ import annotations

import subprocess
import sys

import pytest
from train_specs import DIGITS

from netspec import NetspecError
from netspec.syntax.settings import SETTINGS
from netspec.train.losses import LOSSES, CrossEntropy
from netspec.train.section.parts.metrics import METRICS
from netspec.train.section.parts.optimizers import OPTIMIZERS, SGD, Adam
from netspec.train.section.parts.schedules import SCHEDULES, Constant, Cosine
from netspec.train.section.settings import KEYS, settings
from netspec.train.start import override


def test_everything_said(said):
    read = said(
        """data digits(size=16)
        loss cross_entropy(logits, label_smoothing=0.1) + 0.3 * (cross_entropy(aux1) + cross_entropy(aux2)) + mse / 2
        optimizer sgd(2 * 0.05, momentum=0.9)
        schedule cosine(warmup=1)
        epochs 20
        batch 128
        metrics [accuracy, f1(average=macro)]
        seed 7"""
    )
    assert read.data.size == 16
    assert [(term.output, term.weight) for term in read.loss] == [
        ("logits", 1),
        ("aux1", 0.3),
        ("aux2", 0.3),
        (None, 0.5),
    ]
    assert read.loss[0].loss == CrossEntropy(label_smoothing=0.1)
    assert read.optimizer == SGD(lr=0.1, momentum=0.9)
    assert read.schedule == Cosine(warmup=1)
    assert (read.epochs, read.batch, read.seed) == (20, 128, 7)
    assert [metric.written() for metric in read.metrics] == ["accuracy", "f1"]
    assert read.spans["epochs"].text.split() == ["epochs", "20"]


def test_defaults(said):
    read = said("")
    assert (read.optimizer, read.schedule) == (Adam(), Constant())
    assert (read.epochs, read.batch, read.seed, read.metrics) == (10, 64, 0, None)


def test_settings_are_frozen(said):
    with pytest.raises(ValueError, match="frozen"):
        said("").epochs = 3


def test_what_is_written_reads_as_the_same(said):
    read = said('data npz("a b.npz", classes=3)\nloss 0.5 * bce(pos_weight=[2, 1])\noptimizer adam(betas=[0.8, 0.9])')
    again = said("\n".join(f"{key} {value}" for key, value in read.written().items()))
    assert again.model_dump(exclude={"spans", "loss"}) == read.model_dump(exclude={"spans", "loss"})
    assert [(t.loss, t.weight) for t in again.loss] == [(t.loss, t.weight) for t in read.loss]


WRONG = [
    ("epochz 3", "E0601", "has no setting epochz", "did you mean epochs?"),
    ("optimizer sdg(lr=1)", "E0602", "no optimizer named sdg", "did you mean sgd?"),
    ("data mnist2d", "E0602", "no data set named mnist2d", "did you mean mnist1d?"),
    ("schedule cosinus", "E0602", "no schedule named cosinus", "did you mean cosine?"),
    ("metrics [accuracy, recal]", "E0602", "no metric named recal", "did you mean recall?"),
    ("loss cross_entropy + 2 * crossentropy", "E0602", "no loss named crossentropy", "it is cross_entropy here"),
    ("optimizer sgd(momentun=0.9)", "E0603", "sgd has no argument momentun", "did you mean momentum?"),
    ("optimizer sgd(lr=-1)", "E0603", "lr of sgd must be at least 0", ""),
    ("optimizer sgd(lr=fast)", "E0603", "lr of sgd must be a number", ""),
    ("optimizer sgd(lr=true)", "E0603", "lr of sgd must be a number", ""),
    ("optimizer sgd(0.1, lr=0.2)", "E0603", "sgd is given lr twice", ""),
    ("optimizer sgd(nesterov=true)", "E0603", "nesterov needs a momentum", ""),
    ("optimizer adam(betas=[0.9])", "E0603", "betas of adam", ""),
    ("optimizer adam(betas=[0.9, 1])", "E0603", "betas of adam must be less than 1", ""),
    ("schedule step", "E0603", "step needs size", ""),
    ("schedule step(30/4)", "E0603", "size of step must be a whole number", "// divides to a whole number: 30//4"),
    ("metrics f1(average=macr)", "E0603", "average of f1 must be macro, micro or weighted", "did you mean macro?"),
    ("schedule step(1, 2, 3, 4)", "E0603", "step takes at most 3 arguments", ""),
    ("data mnist1d(3)", "E0603", "mnist1d takes no arguments", ""),
    ("data npz", "E0603", "npz needs file", ""),
    ("metrics f1(average=mean)", "E0603", "average of f1 must be macro, micro or weighted", ""),
    ("loss cross_entropy(label_smoothing=2)", "E0603", "label_smoothing of cross_entropy must be at most 1", ""),
    ("epochs 2.5", "E0604", "epochs is a whole number, not the number 2.5", ""),
    ("epochs 30/4", "E0604", "epochs is a whole number", "// divides to a whole number: 30//4"),
    ("epochs many", "E0604", "epochs is a whole number, not the word many", ""),
    ("epochs true", "E0604", "epochs is a whole number", ""),
    ("epochs -1", "E0604", "epochs is at least 0, not -1", ""),
    ("epochs 2**40", "E0604", "epochs is less than 2**31", ""),
    ("epochs 1 / 0", "E0604", "division by zero", ""),
    ("epochs len([1])", "E0604", "a train section holds plain values", None),
    ("batch 0", "E0604", "batch is at least 1, not 0", ""),
    ("data 3", "E0604", "the name of a data set", ""),
    ("data digits -> relu", "E0604", "data takes one value, not a flow", ""),
    ("loss 3", "E0604", "a loss is a name, or a sum of names", None),
    ("loss cross_entropy * many", "E0604", "the weight of a loss is a number, not the word many", ""),
    ("loss cross_entropy - mse", "E0604", "a loss is a name, or a sum of names", None),
    ("metrics [accuracy, accuracy(average=macro)]", "E0605", "accuracy is asked for twice", ""),
    ("epochs 3\nepochs 4", "E0605", "epochs is set twice", ""),
]


@pytest.mark.parametrize(("lines", "code", "message", "help"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong(said, lines, code, message, help):
    with pytest.raises(NetspecError) as error:
        said(lines)
    (found,) = error.value.diagnostics
    assert found.code.startswith(code)
    assert message in found.message
    assert help in {None, found.help}
    assert found.span.text in lines
    assert str(error.value)


def test_a_wrong_argument_shows_the_signature(said):
    with pytest.raises(NetspecError, match=r"= sgd\(lr=0.001, momentum=0.0, "):
        said("optimizer sgd(rate=1)")


def test_everything_wrong_is_said_at_once(spec):
    section = spec("train {\n  optimizer sgd(lr=-1, speed=2)\n  epochs x\n  data digitz\n}\n").train
    with pytest.raises(NetspecError) as error:
        settings(section)
    assert [d.code for d in error.value.diagnostics] == ["E0605", "E0603", "E0603", "E0604", "E0602"]
    assert error.value.diagnostics[0].message == "the train section says nothing about its loss"


@pytest.mark.parametrize(
    ("line", "wrong", "right"),
    [("optimizer sgd(momentun=0.9)", "momentun", "momentum"), ("metrics f1(average=macr)", "macr", "macro")],
)
def test_mends_make_it_right(said, line, wrong, right):
    with pytest.raises(NetspecError) as error:
        said(line)
    span, text = error.value.diagnostics[0].mend
    assert (span.text, text) == (wrong, right)


def test_overrides(spec):
    section = spec().train
    read = settings(section, {"epochs": override("epochs", "7"), "optimizer": override("optimizer", "sgd(lr=0.5)")})
    assert (read.epochs, read.optimizer, read.batch) == (7, SGD(lr=0.5), 100)
    assert settings(section, {"seed": override("seed", 3)}).seed == 3


@pytest.mark.parametrize("text", ["", "3 }", "3\nbatch 4", "3\n}\nnet X { relu", "[", "sgd(", "3 4"])
def test_an_override_is_one_value(text):
    with pytest.raises(NetspecError):
        override("epochs", text)


def test_a_wrong_override_names_the_option(spec):
    with pytest.raises(NetspecError, match=r"--set train\.epochs:2:"):
        settings(spec().train, {"epochs": override("epochs", "x")})


@pytest.mark.parametrize("table", [LOSSES, METRICS, OPTIMIZERS, SCHEDULES], ids=lambda table: table.kind)
def test_every_part_says_what_it_is(table):
    for name in table:
        assert table[name].__doc__
        assert table[name].signature().startswith(name)


def test_settings_need_no_torch():
    code = (
        "import sys, netspec.train, netspec.train.plan.training_plan, netspec.train.runs.run, netspec.train.start;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'sklearn', 'accelerate')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("key", ["init", "clip", "ema", "stop", "sweep"])
def test_what_a_spec_sets_is_left_out_by_none(spec, key):
    """So that the command line can take it back."""
    text = {
        "init": '"a.safetensors"',
        "clip": "1.0",
        "ema": "0.9",
        "stop": "patience(2)",
        "sweep": "over(lr=log(1e-4, 1e-1))",
    }[key]
    train = spec(DIGITS, ("  epochs", f"  {key} {text}\n  epochs")).train
    assert getattr(settings(train), key) is not None
    assert getattr(settings(train, {key: override(key, "none")}), key) is None


def test_the_settings_are_the_words_of_the_language() -> None:
    assert tuple(KEYS) == SETTINGS
