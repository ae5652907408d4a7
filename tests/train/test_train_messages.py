"""What newcomers write in a train section, and of a training: the message, and its mend applied and checked again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import netspec
from netspec import train
from netspec.diagnostics import Diagnostic, NetspecError

NET = "net N {\n  input x [1, 8, 8]\n  flatten\n  linear(10)\n}\n"


def spec(settings: str, net: str = NET) -> str:
    return f"{net}\ntrain {{\n  {settings}\n}}\n"


def mistakes(text: str) -> Sequence[Diagnostic]:
    try:
        read = netspec.parse(text)
        assert read.train is not None
        return read.check() or train.check(read.train, read.graph())
    except NetspecError as error:
        return error.diagnostics


def mended(text: str, found: Diagnostic) -> str:
    assert found.mend is not None
    span, put = found.mend
    return text[: span.start] + put + text[span.end :]


DATA = "data digits(size=8)\n  "
TYPED = [
    (DATA + "loss cross_entropy\n  device cuda", "device", "--device cuda", DATA + "loss cross_entropy\n  "),
    (
        DATA + "loss cross_entropy\n  lr 0.001",
        "lr",
        "optimizer",
        DATA + "loss cross_entropy\n  optimizer adam(lr=0.001)",
    ),
    (
        DATA + "loss cross_entropy\n  optimizer sgd\n  lr 0.001",
        "lr",
        "optimizer sgd(lr=0.001)",
        DATA + "loss cross_entropy\n  optimizer sgd(lr=0.001)",
    ),
    (
        DATA + "weight_decay 0.1\n  loss cross_entropy\n  optimizer adam(lr=0.1)",
        "weight_decay",
        "optimizer adam(lr=0.1, weight_decay=0.1)",
        DATA + "loss cross_entropy\n  optimizer adam(lr=0.1, weight_decay=0.1)",
    ),
    (
        DATA + "loss cross_entropy\n  optimizer adam(lr=0.1)\n  learning_rate 0.2",
        "learning_rate",
        "has its lr",
        DATA + "loss cross_entropy\n  optimizer adam(lr=0.1)\n  ",
    ),
    (DATA + "loss ce", "ce", "cross_entropy", DATA + "loss cross_entropy"),
    (DATA + "loss cross_entropy\n  shuffle true", "shuffle", "leave it out", DATA + "loss cross_entropy\n  "),
    (
        DATA + "loss cross_entropy\n  early_stopping 5",
        "early_stopping",
        "stop patience(5)",
        DATA + "loss cross_entropy\n  stop patience(5)",
    ),
    (DATA + "loss cross_entropy\n  stop 5", "5", "patience(5)", DATA + "loss cross_entropy\n  stop patience(5)"),
    (DATA + "loss cross_entropy\n  batch_size 32", "batch_size", "batch", DATA + "loss cross_entropy\n  batch 32"),
    (DATA + "criterion cross_entropy", "criterion", "loss", DATA + "loss cross_entropy"),
    (DATA + "loss nn.CrossEntropyLoss()", "nn.CrossEntropyLoss()", "cross_entropy", DATA + "loss cross_entropy"),
    (DATA + "loss CrossEntropyLoss", "CrossEntropyLoss", "cross_entropy", DATA + "loss cross_entropy"),
    (
        DATA + "loss cross_entropy\n  metrics [acc, f1_score]",
        "acc",
        "accuracy",
        None,
    ),
    (
        DATA + "loss cross_entropy\n  optimizer Adam(learning_rate=0.1)",
        "Adam",
        "adam",
        None,
    ),
    (
        DATA + "loss cross_entropy\n  optimizer adam(learning_rate=0.1)",
        "learning_rate=0.1",
        "lr",
        DATA + "loss cross_entropy\n  optimizer adam(lr=0.1)",
    ),
    ("data imagenet\n  loss cross_entropy", "imagenet", "images", 'data images("imagenet")\n  loss cross_entropy'),
    ("data DIGITS(size=8)\n  loss cross_entropy", "DIGITS", "digits", DATA + "loss cross_entropy"),
]


@pytest.mark.parametrize(("settings", "at", "words", "right"), TYPED)
def test_a_setting_as_others_write_it(settings: str, at: str, words: str, right: str | None) -> None:
    text = spec(settings)
    found, *_ = mistakes(text)
    assert found.span.text == at
    assert words in found.help
    result = mended(text, found)
    if right is not None:
        assert result == spec(right)
        assert mistakes(result) == []
    else:
        assert len(mistakes(result)) < len(mistakes(text)) or mistakes(result)[0].span.start > found.span.start


def test_a_data_set_with_a_hyphen_is_known() -> None:
    net = NET.replace("[1, 8, 8]", "[3, 32, 32]")
    text = spec("data CIFAR-10\n  loss cross_entropy", net)
    (found,) = mistakes(text)
    assert found.span.text == "CIFAR-10"
    assert mistakes(mended(text, found)) == []


def test_outputs_are_known_before_the_data_are() -> None:
    text = spec('data npz("d.npz")\n  loss cross_entropy(nonsense)\n  metrics [accuracy(rubbish)]')
    assert [found.message for found in mistakes(text)] == [
        "N has no output named nonsense",
        "N has no output named rubbish",
    ]


def test_a_path_of_data_outside_says_how_data_elsewhere_are_named(tmp_path: Path) -> None:
    path = tmp_path / "n.net"
    path.write_text(spec("data images('/home/me/photos')\n  loss cross_entropy"))
    with pytest.raises(NetspecError) as raised:
        train.train(path, out=str(tmp_path / "run"))
    assert "--data FOLDER" in raised.value.diagnostics[0].help


def test_pictures_of_another_size_are_brought_to_that_of_the_net(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for index in range(5):
            Image.fromarray(np.full((80, 100, 3), 20 * index, np.uint8)).save(folder / f"{index}.png")
    net = NET.replace("[1, 8, 8]", "[3, 64, 64]").replace("10", "2")
    path = tmp_path / "n.net"
    path.write_text(spec('data images("photos")\n  loss cross_entropy', net))
    with pytest.raises(NetspecError) as raised:
        train.train(path, out=str(tmp_path / "run"))
    (found,) = raised.value.diagnostics
    assert 'images("photos", size=64)' in found.help
    text = mended(path.read_text(), found)
    assert 'data images("photos", size=64)\n' in text
    assert mistakes(text) == []


@pytest.mark.parametrize(
    ("net", "data", "loss"),
    [
        (NET.replace("[1, 8, 8]", "[1, 40]"), "mnist1d", "cross_entropy"),
        (NET.replace("[1, 8, 8]", "[3, 224, 224]"), 'images("photos", size=224)', "cross_entropy"),
        (NET.replace("linear(10)", "linear(1)"), 'images("photos", size=8, channels=1)', "bce"),
        ("net N { input x [3, 16, 16]; conv(3, 3) }\n", 'npz("data.npz")', "mse"),
    ],
)
def test_a_net_without_a_train_section_is_shown_one_that_fits(net: str, data: str, loss: str, tmp_path: Path) -> None:
    with pytest.raises(NetspecError) as raised:
        train.train(netspec.parse(net), out=str(tmp_path / "run"))
    (found,) = raised.value.diagnostics
    assert f"data {data}\n" in found.help
    assert f"loss {loss}\n" in found.help
    assert mistakes(mended(net, found)) == []


def test_a_setting_is_no_parameter_of_the_net(tmp_path: Path) -> None:
    read = netspec.parse(spec(DATA + "loss cross_entropy"))
    with pytest.raises(NetspecError) as raised:
        train.train(read, set={"batch": 32}, out=str(tmp_path / "run"))
    assert "--set train.batch=32" in raised.value.diagnostics[0].help


def test_check_takes_settings_as_train_does(tmp_path: Path, cli) -> None:
    path = tmp_path / "n.net"
    path.write_text(spec(DATA + "loss cross_entropy"))
    assert cli("check", str(path), "--set", "train.epochs=3").returncode == 0
    wrong = cli("check", str(path), "--set", "train.epochs=none")
    assert wrong.returncode == 1
    assert "epochs is a whole number" in wrong.stdout


def test_an_amount_of_memory_has_a_unit(tmp_path: Path, cli) -> None:
    path = tmp_path / "n.net"
    path.write_text(spec(DATA + "loss cross_entropy"))
    done = cli("fit", str(path), "--memory", "24")
    assert done.returncode == 1
    assert "--memory '24GB'" in done.stderr
