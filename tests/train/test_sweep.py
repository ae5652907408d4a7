"""Sweeps: every combination of lists once, ranges by Optuna, and a sweep that was killed goes on where it was."""

from __future__ import annotations

import optuna
import pytest
from train_specs import DIGITS

from netspec import NetspecError
from netspec.train import restore, train
from netspec.train.sweep import draw, sweep

CPU = {"device": "cpu", "quiet": True}
ONE = ("epochs    2", "epochs    1")


def over(text):
    return ("batch     100", f"batch     100\n  sweep     over({text})")


def test_every_combination_of_lists_is_a_run(spec, tmp_path):
    opened = spec(DIGITS, ONE, over("optimizer=[sgd(lr=0.1), adam(lr=0.01)], batch=[50, 100]"))
    made = sweep(opened, out=tmp_path / "all", **CPU)
    chosen = {(trial.chosen["optimizer"], trial.chosen["batch"]) for trial in made.trials}
    assert chosen == {(name, size) for name in ("sgd(lr=0.1)", "adam(lr=0.01)") for size in (50, 100)}
    values = [trial.value for trial in made.trials]
    assert values == sorted(values)
    best = made.trials[0]
    run = restore(best.folder, device="cpu")
    assert run.evaluate().figures["loss"] == pytest.approx(best.value, rel=1e-5)
    assert run.settings.batch == best.chosen["batch"]
    assert run.settings.optimizer.written() == best.chosen["optimizer"]
    draw(made, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 1000


def test_ranges_and_parameters_of_the_net(spec, tmp_path):
    net = DIGITS.replace("classes: int = 10", "width: int = 4").replace("conv(8", "conv(width").replace("classes", "10")
    opened = spec(net, ONE, over("lr=log(1e-4, 1e-1), width=whole(2, 9)"))
    made = sweep(opened, trials=3, figure="accuracy", out=tmp_path / "some", **CPU)
    assert len(made.trials) == 3
    assert made.trials[0].value == max(trial.value for trial in made.trials)
    for trial in made.trials:
        run = restore(trial.folder, device="cpu")
        assert run.settings.optimizer.lr == pytest.approx(trial.chosen["lr"])
        assert run.graph.nodes[0].output.shape.dims[0] == trial.chosen["width"]
        assert 1e-4 <= trial.chosen["lr"] <= 1e-1
    again = sweep(opened, trials=3, figure="accuracy", out=tmp_path / "same", **CPU)
    assert [trial.chosen for trial in again.trials] == [trial.chosen for trial in made.trials]


def test_a_sweep_that_was_killed_goes_on(spec, tmp_path):
    opened = spec(DIGITS, ONE, over("batch=[50, 100]"))
    folder = tmp_path / "sweep"
    folder.mkdir()
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'trials.db'}",
        study_name="small",
        sampler=optuna.samplers.GridSampler({"batch": [0, 1]}, seed=0),
    )
    trial = study.ask()  # and then it is killed in the course of the run
    size = [50, 100][trial.suggest_categorical("batch", [0, 1])]
    train(opened, out=folder / "trial0", set={"train.batch": size}, steps=3, **CPU)
    made = sweep(opened, out=folder, **CPU)
    assert sorted(trial.chosen["batch"] for trial in made.trials) == [50, 100]
    assert restore(folder / "trial0", device="cpu").record.status == "finished"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("over(lr=log(0, 1))", "a logarithmic range begins above 0"),
        ("over(lr=uniform(2, 1))", "uniform goes from a number to a larger one"),
        ("over(lr=3)", "a sweep goes over a list of values, or a range"),
        ("over()", "this sweep goes over nothing"),
        ("[1, 2]", "a sweep says what it goes over"),
    ],
)
def test_what_is_no_sweep(said, text, message):
    with pytest.raises(NetspecError, match=message):
        said(f"sweep {text}")


def test_names_that_are_nothing(spec, tmp_path):
    with pytest.raises(NetspecError, match="there is no setting, argument of adam or parameter of the net named wide"):
        sweep(spec(DIGITS, over("wide=[1, 2]")), out=tmp_path / "no", **CPU)
    with pytest.raises(NetspecError, match="does not say what a sweep goes over"):
        sweep(spec(DIGITS), out=tmp_path / "no", **CPU)
    with pytest.raises(NetspecError, match="this run does not measure f1"):
        sweep(spec(DIGITS, over("batch=[50]")), figure="f1", out=tmp_path / "no", **CPU)


def test_a_name_that_is_none_is_found_by_the_check(spec, cli):
    spec(DIGITS, over("clases=[5, 10]"))
    checked = cli("check", "small.net")
    assert checked.returncode == 1
    assert "E0608" in checked.stderr + checked.stdout
    assert "did you mean classes?" in checked.stderr + checked.stdout


def test_a_file_in_the_way_of_the_folder(spec, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(NetspecError, match="cannot be written"):
        sweep(spec(DIGITS, ONE, over("batch=[50, 100]")), out=tmp_path / "taken", **CPU)
