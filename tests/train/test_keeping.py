"""Which epochs' weights are kept, and that the files of single epochs are those epochs' weights."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file
from train_specs import DIGITS, EVERYTHING

from netspec import NetspecError
from netspec.train import restore, resume, train
from netspec.train.after.evaluate import evaluate
from netspec.train.engine.rows import Row
from netspec.train.section.parts.keeping import Best, Every

CPU = {"device": "cpu", "quiet": True}
NAN = float("nan")


def rows(*losses):
    return [Row(index + 1, index + 1, 0.1, {}, {"loss": loss, "f1": loss}, 0.0) for index, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("rule", "kept", "copies"),
    [
        (Best(), [2], []),
        (Best(count=3), [2, 4, 1], [2, 4, 1]),
        (Best(count=2, metric="f1"), [0, 3], [0, 3]),
        (Best(count=9), [2, 4, 1, 0, 3, 5], [2, 4, 1, 0, 3, 5]),
        (Every(epochs=2), [1, 3, 5], [1, 3, 5]),
    ],
)
def test_which_epochs_are_kept(rule, kept, copies):
    """Of equal ones the first, and one without a number last."""
    figures = rows(3.0, 1.5, 1.0, 3.0, 1.0, NAN)
    assert rule.kept(figures, {"loss"}) == kept
    assert rule.copies(figures, {"loss"}) == copies


def files(run):
    return sorted(path.name for path in (run.folder / "epochs").glob("*"))


def test_the_best_epochs_are_kept_without_an_early_end(spec, tmp_path, capsys):
    """All epochs are trained, and the best one's weights are those at the end."""
    wish = {"train.optimizer": "sgd(lr=3.0)", "train.keep": "[best(2), every(3)]", "train.epochs": 7}
    run = train(spec(DIGITS), set=wish, out=tmp_path / "run", device="cpu")
    losses = [row.test["loss"] for row in run.metrics]
    best = sorted(range(7), key=losses.__getitem__)[:2]
    assert len(losses) == 7
    assert run.kept == best[0] != 6
    assert f"the best of them {best[0] + 1} by the test data" in capsys.readouterr().out
    epochs = sorted({*(index + 1 for index in best), 3, 6})
    assert files(run) == [f"epoch-{epoch:04}.safetensors" for epoch in epochs]
    kept, copy = (
        load_file(run.folder / name) for name in ("model.safetensors", f"epochs/epoch-{best[0] + 1:04}.safetensors")
    )
    assert all(kept[name].equal(copy[name]) for name in kept)
    for epoch in epochs:
        net = restore(run.folder, device="cpu", weights=run.folder / "epochs" / f"epoch-{epoch:04}.safetensors")
        assert evaluate(net).figures["loss"] == pytest.approx(losses[epoch - 1], rel=1e-5)


def test_a_run_taken_up_keeps_the_same_files(spec, tmp_path):
    """With an average of the weights, whose copies are of the average."""
    text = EVERYTHING.replace("stop      patience(5)", "keep      best(2)")
    whole = train(spec(text), out=tmp_path / "whole", **CPU)
    run = train(spec(text), out=tmp_path / "parted", steps=22, save_every=0, **CPU)
    run = resume(run.folder, device="cpu", quiet=True)
    assert files(whole) == files(run) != []
    for name in (*[f"epochs/{name}" for name in files(whole)], "model.safetensors"):
        assert (whole.folder / name).read_bytes() == (run.folder / name).read_bytes()


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        ("best(metric=f1)", "keep looks at f1, which this run does not measure"),
        ("best(0)", "count of best must be more than 0"),
        ("every", "every needs epochs"),
        ("5", "write every"),
        ("worst", "there is no rule of keeping weights named worst"),
    ],
)
def test_what_cannot_be_kept(spec, keep, said):
    with pytest.raises(NetspecError, match=said.replace("(", r"\(")):
        train(spec(DIGITS), set={"train.keep": keep}, **CPU)
