"""Several steps on each batch, each with parameters of its own, and inputs that are drawn anew for each batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from same_runs import equal
from torch.nn import functional
from train_specs import GAN

from netspec import NetspecError
from netspec.format import format_source
from netspec.syntax.source import Source
from netspec.train import check, restore, resume, train, write_report
from netspec.train.after.evaluate import evaluate
from netspec.train.engine.devices import environment
from netspec.train.plan.job import job_of, prepare
from netspec.train.rehearsal.memory import needs, step_of
from netspec.train.runs.record import read_record, recorded_settings
from netspec.train.setup import Setup
from netspec.train.start import trainer_of

CPU = {"device": "cpu", "quiet": True}


def trainer(opened, **changes):
    """The training of a spec, before its first step."""
    prepared = prepare(job_of(opened, set=changes, setup=Setup(device="cpu")), opened)
    with environment(prepared.graph, prepared.settings.batch, prepared.job.setup) as accelerator:
        return trainer_of(prepared, accelerator, [])


def test_steps_are_those_of_a_loop_by_hand(spec):
    """Each step follows the gradient of its own loss alone, from where the step before it has led."""
    opened = spec(GAN, (" -> dropout(0.2)", ""))
    ours, by_hand = trainer(opened), trainer(opened)
    model = by_hand.bare.train()
    parts = {name: [p for key, p in model.named_parameters() if key.startswith(name)] for name in ("disc", "gen")}
    disc = torch.optim.SGD(parts["disc"], lr=0.1, momentum=0.9)
    gen = torch.optim.Adam(parts["gen"], lr=0.003)
    bce = functional.binary_cross_entropy_with_logits
    for step, (batch,) in enumerate(by_hand._batches(0, 0, 3)):
        batch = by_hand._met(0, step, 0, batch)
        for optimizer in (disc, gen):
            model.zero_grad()
            said = model(*batch.inputs)
            ones = torch.ones_like(said.on_fake)
            if optimizer is disc:
                loss = bce(said.on_real, ones) + bce(model.discriminator(said.fake.detach()), 0 * ones)
            else:
                loss = bce(said.on_fake, ones)
            loss.backward()
            optimizer.step()
    ours.advance(0, 3)
    for name, tensor in ours.bare.named_parameters():
        assert torch.allclose(tensor, dict(model.named_parameters())[name], atol=1e-6), name


def test_a_step_leaves_the_others_parameters_alone(spec):
    begun = trainer(spec(GAN))
    before = {name: tensor.clone() for name, tensor in begun.bare.named_parameters()}
    (batch,) = next(iter(begun._batches(0, 0, 1)))
    begun._update(1, 0, 0, [begun._met(0, 0, 0, batch)])
    for name, tensor in begun.bare.named_parameters():
        assert torch.equal(tensor, before[name]) == name.startswith("discriminator"), name
        assert (tensor.grad is None) == name.startswith("discriminator"), name


def test_a_step_is_taken_every_so_many_batches(spec):
    begun = trainer(spec(GAN, ("    loss      bce(on_fake, 1)\n", "    loss      bce(on_fake, 1)\n    every     3\n")))
    moved = []
    for step, parts in enumerate(begun._batches(0, 0, 4)):
        before = {name: tensor.clone() for name, tensor in begun.bare.named_parameters()}
        begun.step(0, step, parts)
        moved.append({name.split(".")[0] for name, t in begun.bare.named_parameters() if not t.equal(before[name])})
    assert moved == [
        {"discriminator", "generator"},
        {"discriminator"},
        {"discriminator"},
        {"discriminator", "generator"},
    ]


@pytest.mark.parametrize(
    "changes",
    [
        (),
        (
            ("batch  360", "batch  360\n  ema    0.9\n  accumulate 2\n  clip 1.0"),
            ("momentum=0.9)", "momentum=0.9)\n    every 2"),
        ),
    ],
    ids=["plain", "every"],
)
def test_a_run_taken_up_in_pieces_is_the_same_to_the_bit(spec, tmp_path, changes):
    opened = spec(GAN, *changes)
    whole = train(opened, out=tmp_path / "whole", **CPU)
    run = train(opened, out=tmp_path / "pieces", steps=1, **CPU)
    for steps in (2, 3):
        run = resume(run.folder, steps=steps, quiet=True)
        assert run.status == "stopped"
    assert equal(resume(run.folder, quiet=True), whole)


def test_another_seed_draws_others_and_every_batch_has_its_own(spec):
    def met(begun):
        return [
            begun._met(epoch, step, 0, parts[0])
            for epoch in (0, 1)
            for step, parts in enumerate(begun._batches(epoch, 0, 2))
        ]

    one, same, other = (met(trainer(spec(GAN), **{"train.seed": seed})) for seed in (0, 0, 1))
    assert all(a.more[0].equal(b.more[0]) for a, b in zip(one, same, strict=True))
    drawn = torch.cat([batch.more[0] for batch in (*one, *other)])
    assert len(drawn.unique(dim=0)) == len(drawn)
    assert abs(float(drawn.mean())) < 0.05
    assert float(drawn.std()) == pytest.approx(1, abs=0.05)


def test_what_is_drawn_to_test_with_does_not_depend_on_the_batch(spec, tmp_path):
    run = train(spec(GAN), out=tmp_path / "run", epochs=1, **CPU)
    told = [evaluate(restore(run.folder), set={"train.batch": batch}).figures for batch in (7, 360)]
    assert told[0] == pytest.approx(told[1], rel=1e-5)
    assert told[1] == pytest.approx(run.metrics[-1].test, rel=1e-5)
    assert told[0]["loss"] == pytest.approx(told[0]["loss(discriminator)"] + told[0]["loss(generator)"], rel=1e-6)


def test_a_distribution_has_its_bounds(spec):
    begun = trainer(spec(GAN, ("draw z normal", "draw z uniform(low=-3, high=-2)")))
    (batch,) = next(iter(begun._batches(0, 0, 1)))
    drawn = begun._met(0, 0, 0, batch).more[0]
    assert -3 <= float(drawn.min()) < -2.9
    assert -2.1 < float(drawn.max()) <= -2


def test_samples_that_are_read_have_something_drawn_beside_them(spec, tmp_path):
    """Pictures in a folder are read one by one: what is drawn to test with is still that of each sample."""
    from PIL import Image

    for name in ("train/a", "train/b", "test/a", "test/b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(4):
            pixels = np.random.default_rng(index).integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    opened = spec(GAN, ("data   digits", 'data   images("photos", size=8, channels=1)'), ("batch  360", "batch  4"))
    run = train(opened, out=tmp_path / "run", workers=0, **CPU)
    told = [evaluate(restore(run.folder), set={"train.batch": batch}, workers=0).figures for batch in (3, 8)]
    assert told[0] == pytest.approx(told[1], rel=1e-5)


def test_a_run_keeps_its_steps(spec, tmp_path):
    opened = spec(GAN)
    run = train(opened, out=tmp_path / "run", epochs=1, **CPU)
    record = read_record(run.folder)
    assert record.settings["step generator"] == "{ loss bce(on_fake, 1); optimizer adam(lr=0.003) }"
    kept, said = recorded_settings(opened, record), prepare(job_of(opened, set={"train.epochs": 1}), opened).settings
    assert kept.written() == said.written()
    write_report(run)
    assert "on_real" in (run.folder / "report.html").read_text()
    assert "loss(generator)" in (run.folder / "metrics.csv").read_text()


def test_a_setting_of_the_command_line_is_that_of_a_step(spec, tmp_path):
    opened = spec(GAN)
    changed = {"train.step generator": "{ loss bce(on_fake, 0.9); every 2 }", "train.draw z": "uniform"}
    settings = prepare(job_of(opened, set=changed), opened).settings
    assert [step.every for step in settings.steps] == [1, 2]
    assert settings.draws["z"].written() == "uniform"


def test_memory_is_that_of_each_optimizer(spec):
    opened = spec(GAN)
    numbers = {
        name: sum(p.numel() for key, p in opened.graph().compile().named_parameters() if key.startswith(name))
        for name in ("disc", "gen")
    }
    assert needs(step_of(job_of(opened), opened), 8).optimizer == 4 * (numbers["disc"] + 2 * numbers["gen"])


STEP = "  step generator {"
WRONG = [
    ("step generator {", "step generater {", "E0640", "no parameter of Small is named like", "generator"),
    ("step generator {", "step discriminator {", "E0605", "step discriminator is set twice", None),
    ("step generator {", 'step other {\n    trains "discriminator"', "E0660", "is trained by two steps", None),
    ("epochs 2", 'freeze "generator"', "E0660", "all that the step generator trains is frozen", None),
    ("bce(on_fake, 1)", "bce(on_real, 1)", "E0660", "does not depend on anything", None),
    (
        "    optimizer adam(lr=0.003)",
        '    optimizer adam(lr=0.003)\n    trains "generator.0"',
        "E0660",
        "no step trains generator.1.weight and 3 more",
        None,
    ),
    ("epochs 2", "loss mse(fake, image)", "E0605", "each with a loss, and a loss beside them", ""),
    ("    loss      bce(on_fake, 1)\n", "", "E0605", "the step generator says nothing about its loss", None),
    ("    optimizer adam(lr=0.003)", "    epochs 3", "E0601", "epochs is a setting of the section", None),
    ("    optimizer adam(lr=0.003)", "    evry 3", "E0601", "a step has no setting evry", "every"),
    ("draw z normal", "draw image normal", "E0661", "digits feeds the input image", "z"),
    ("draw z normal", "draw y normal", "E0661", "Small has no input y that could be drawn", "z"),
    ("draw z normal", "draw z gaussian", "E0602", "there is no distribution named gaussian", "normal"),
    ("draw z normal", "draw z uniform(low=1)", "E0603", "low is less than high", None),
    ("draw z normal", "draw z normal\n  draw z uniform", "E0605", "draw z is set twice", None),
]


@pytest.mark.parametrize(
    ("old", "new", "code", "message", "mend"), WRONG, ids=[message for _, _, _, message, _ in WRONG]
)
def test_what_is_wrong_is_said_with_its_place(spec, old, new, code, message, mend):
    opened = spec(GAN, (old, new))
    wrong = check(opened.train, opened.graph())
    assert [each.code for each in wrong][:1] == [code], wrong
    assert message in wrong[0].message
    assert wrong[0].span.text
    if mend is not None:
        assert wrong[0].mend is not None
        span, text = wrong[0].mend
        assert text == mend
        mended = spec(opened.source.text[: span.start] + text + opened.source.text[span.end :])
        assert check(mended.train, mended.graph()) == []


def test_what_no_step_trains_may_be_frozen(spec):
    opened = spec(GAN, ("    optimizer adam(lr=0.003)", '    trains ["generator.0", "generator.1"]'))
    (wrong,) = check(opened.train, opened.graph())
    span, text = wrong.mend
    mended = spec(opened.source.text[: span.start] + text + opened.source.text[span.end :])
    (wrong,) = check(mended.train, mended.graph())
    assert "frozen" in wrong.message


def test_an_input_that_is_drawn_comes_after_those_that_are_data(spec):
    opened = spec(GAN, ("  input image [1, 8, 8]\n  input z [4]\n", "  input z [4]\n  input image [1, 8, 8]\n"))
    (wrong,) = check(opened.train, opened.graph())
    assert (wrong.code, wrong.help) == ("E0661", "declare input z after input image")


def test_a_rate_cannot_be_looked_for(spec):
    from netspec.train.rehearsal.range_test import find

    with pytest.raises(NetspecError, match="several steps"):
        find(spec(GAN), steps=10, setup=Setup(device="cpu"))


def test_the_figure_of_a_step_can_choose_the_epoch(spec, tmp_path):
    stop = 'stop   patience(3, metric="loss(generator)")'
    run = train(spec(GAN, ("epochs 2", f"epochs 3\n  {stop}")), out=tmp_path / "run", **CPU)
    figures = [row.test["loss(generator)"] for row in run.metrics]
    assert run.kept == min(range(3), key=figures.__getitem__)


def test_fmt_writes_steps_in_one_way():
    text = format_source(
        Source(
            "gan.net",
            GAN.replace("draw z normal", "draw   z   normal").replace("    loss      bce(on_fake", " loss bce(on_fake"),
        )
    )
    assert text == format_source(Source("gan.net", text))
    assert "  draw z normal\n  step discriminator {\n    loss      bce(on_real, 1) + bce(on_fake, 0)\n" in text
    assert "  step generator {\n    loss      bce(on_fake, 1)\n    optimizer adam(lr=0.003)\n  }\n" in text


def test_words_that_are_settings_no_more_than_others(spec):
    """`step` and `draw` are keywords only where a name follows: a label of a net may be called so."""
    opened = spec("net N {\n  input image [1, 8, 8]\n  step = flatten\n  draw = linear(10)\n}\n")
    assert "draw.weight" in opened.graph().compile().state_dict()
