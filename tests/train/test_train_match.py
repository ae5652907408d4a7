"""Data, net and losses together: what fits is found to fit, and what does not is said before the first step."""

from __future__ import annotations

import numpy as np
import pytest

from netspec import NetspecError
from netspec.train import check
from netspec.train.data import Data, Split
from netspec.train.plan.training_plan import training_plan
from netspec.train.section.settings import settings


def matched(spec, data=None):
    chosen = settings(spec.train)
    return training_plan(chosen, spec.graph(), data or chosen.data.outline())


def flow(last, *, input="input image [1, 8, 8]", train="data digits\n  loss cross_entropy"):
    return f"net Flow {{\n  {input}\n  {last}\n}}\n\ntrain {{\n  {train}\n}}\n"


def data_of(shape, classes=None, target=(), dtype=np.float32):
    def split():
        return Split(np.zeros((4, *shape), dtype), np.zeros((4, *target), np.int64 if classes else np.float32))

    return Data(split(), split(), classes)


def only(error):
    (found,) = error.value.diagnostics
    return found


def test_a_spec_that_fits(spec):
    found = matched(spec())
    assert (found.judged.output, found.judged.task, [metric.name for metric in found.metrics]) == (
        0,
        "multiclass",
        ["accuracy"],
    )


def test_a_channel_of_one_may_lack(spec):
    fed = matched(spec(flow("linear(10)", input="input signal [40]", train="data mnist1d\n  loss cross_entropy")))
    assert fed.data.shape == (40,)


def test_another_shape(spec):
    with pytest.raises(NetspecError) as error:
        matched(spec(flow("flatten -> linear(10)", input="input image [1, 28, 28]")))
    found = only(error)
    assert found.code == "E0606"
    assert found.message == "digits gives [1, 8, 8], but Flow takes [1, 28, 28]"
    assert found.span.text == "input image [1, 28, 28]"
    assert [span.text.split() for span, _ in found.related] == [["data", "digits"]]
    assert found.help == "data digits(size=28)"


def test_another_shape_with_nothing_to_resize(spec):
    with pytest.raises(NetspecError) as error:
        matched(spec(flow("linear(10)", input="input signal [20]", train="data mnist1d\n  loss cross_entropy")))
    assert only(error).help == "declare the input as the data are: input signal [1, 40]"


def test_the_mend_mends(spec):
    text = flow("flatten -> linear(10)", input="input image [1, 28, 28]").replace("data digits", "data digits(size=28)")
    assert matched(spec(text)).data.shape == (1, 28, 28)


def test_open_sizes_take_those_of_the_data(spec):
    assert matched(spec(flow("global_avgpool -> flatten -> linear(10)", input="input image [1, H, W]"))).data.shape == (
        1, 8, 8,
    )  # fmt: skip
    with pytest.raises(NetspecError, match="but Flow takes"):
        matched(spec(flow("global_avgpool -> flatten -> linear(10)", input="input image [3, H, W]")))


def test_mnist_fits_lenet(spec):
    text = flow("flatten -> linear(10)", input="input image [1, 32, 32]", train="data mnist\n  loss cross_entropy")
    assert matched(spec(text)).data.shape == (1, 32, 32)


@pytest.mark.parametrize("classes", [7, 12])
def test_another_number_of_classes(spec, classes):
    with pytest.raises(NetspecError) as error:
        matched(spec(flow(f"flatten -> fc = linear({classes})".replace("flatten -> fc", "flatten\n  fc"))))
    found = only(error)
    assert found.code == "E0607"
    assert found.message == f"digits has 10 classes, but Flow tells {classes} apart"
    assert f"linear({classes})" in found.span.text
    assert "input image" in found.related[0][0].text
    assert found.help == "the last layer needs 10 outputs"


def test_classes_that_were_only_found_may_be_fewer(spec):
    found = spec(flow("flatten -> linear(12)"))
    three = data_of((1, 8, 8), 3)
    assert matched(found, Data(three.train, three.test, 3, exact=False)).judged.task == "multiclass"
    with pytest.raises(NetspecError, match="has 20 classes, but Flow tells 12 apart"):
        matched(found, Data(three.train, three.test, 20, exact=False))


def test_several_mistakes_at_once(spec):
    with pytest.raises(NetspecError) as error:
        matched(spec(flow("flatten -> linear(7)", input="input image [1, 9, 9]")))
    assert [found.code for found in error.value.diagnostics] == ["E0606", "E0607"]


FORMS = [
    ("flatten -> linear(10)", "cross_entropy", data_of((1, 8, 8), 10), "multiclass"),
    ("flatten -> linear(10)", "mse", data_of((1, 8, 8), 10), "multiclass"),
    ("flatten -> linear(1)", "bce", data_of((1, 8, 8), 2), "binary"),
    ("flatten -> linear(1)", "mse", data_of((1, 8, 8)), "values"),
    ("flatten -> linear(5)", "l1", data_of((1, 8, 8), target=(5,)), "values"),
    ("conv(3, 1)", "cross_entropy", data_of((1, 8, 8), 3, target=(8, 8)), "multiclass"),
    ("conv(1, 1)", "bce", data_of((1, 8, 8), 2, target=(8, 8)), "binary"),
    ("conv(1, 1)", "smooth_l1", data_of((1, 8, 8), target=(8, 8)), "values"),
]


@pytest.mark.parametrize(("last", "loss", "data", "task"), FORMS, ids=[f"{row[1]} {row[0]}" for row in FORMS])
def test_what_a_loss_compares(spec, last, loss, data, task):
    assert matched(spec(flow(last, train=f"data digits\n  loss {loss}")), data).judged.task == task


UNFIT = [
    ("flatten -> linear(10)", "cross_entropy", data_of((1, 8, 8)), "with a real number"),
    ("conv(3, 1)", "cross_entropy", data_of((1, 8, 8), 3), r"an output \[3, 8, 8\] with one of 3 classes"),
    ("flatten -> linear(3)", "mse", data_of((1, 8, 8), 10), "with one of 10 classes"),
    ("flatten -> linear(1)", "bce", data_of((1, 8, 8), 3), "with one of 3 classes"),
    ("flatten -> linear(4)", "mse", data_of((1, 8, 8), target=(5,)), r"with real numbers \[5\]"),
]


@pytest.mark.parametrize(("last", "loss", "data", "message"), UNFIT, ids=[f"{row[1]} {row[0]}" for row in UNFIT])
def test_what_a_loss_cannot_compare(spec, last, loss, data, message):
    with pytest.raises(NetspecError, match=message) as error:
        matched(spec(flow(last, train=f"data digits\n  loss {loss}")), data)
    assert only(error).code == "E0608"
    assert only(error).help


AUXILIARY = """\
net Two {
  input image [1, 8, 8]
  body = conv(4, 3)
  output aux = body -> flatten -> linear(10) when training
  output logits = body -> relu -> flatten -> linear(10)
}

train {
  data digits
  loss cross_entropy(logits) + 0.3 * cross_entropy(aux)
}
"""


def test_named_outputs(spec):
    found = matched(spec(AUXILIARY))
    assert [(planned.output, planned.term.weight) for planned in found.terms] == [(1, 1), (0, 0.3)]
    assert found.judged.output == 1
    assert matched(spec(AUXILIARY, ("cross_entropy(logits) + 0.3 * cross_entropy(aux)", "mse"))).judged.output == 1


@pytest.mark.parametrize(
    ("loss", "message", "help"),
    [
        ("cross_entropy(logit)", "Two has no output named logit", "did you mean logits?"),
        ("cross_entropy(aux)", "the loss speaks of aux only, which is an output in training alone", None),
    ],
)
def test_outputs_that_do_not_do(spec, loss, message, help):
    with pytest.raises(NetspecError, match=message) as error:
        matched(spec(AUXILIARY, ("cross_entropy(logits) + 0.3 * cross_entropy(aux)", loss)))
    assert help in {None, only(error).help}


def test_several_outputs_have_to_be_named(spec):
    text = AUXILIARY.replace(" when training", "").replace("cross_entropy(logits) + 0.3 * cross_entropy(aux)", "mse")
    with pytest.raises(NetspecError, match="has 2 outputs, so a loss has to say which") as error:
        matched(spec(text))
    assert only(error).help == "mse(aux)"


def test_an_output_without_a_name(spec):
    with pytest.raises(NetspecError, match="no output named logits") as error:
        matched(spec(flow("flatten -> linear(10)", train="data digits\n  loss cross_entropy(logits)")))
    assert only(error).help == "write cross_entropy alone"


def test_several_inputs(spec):
    text = flow("a -> add(b) -> flatten -> linear(10)", input="input a [1, 8, 8]\n  input b [1, 8, 8]")
    with pytest.raises(NetspecError, match="has 2 inputs, and digits feeds one"):
        matched(spec(text))


def test_a_weight_for_each_class(spec):
    with pytest.raises(NetspecError, match="cross_entropy has 2 weights for an output of 10"):
        matched(spec(flow("flatten -> linear(10)", train="data digits\n  loss cross_entropy(weight=[1, 2])")))


def test_masks_of_samples_without_a_channel(spec):
    given = data_of((8, 8), 3, target=(8, 8))
    found = matched(spec(flow("conv(3, 1)", train="data digits\n  augment random_crop(8, pad=1)\n  loss dice")), given)
    assert (found.data.shape, found.judged.task, len(found.augment.steps)) == ((1, 8, 8), "multiclass", 1)
    text = flow("conv(3, 3)", train="data digits\n  loss cross_entropy")
    assert matched(spec(text), given).augment.written() == "frame([6, 6])"


def test_a_spec_is_checked_without_loading_anything(spec):
    good, bad = spec(), spec(flow("flatten -> linear(7)"))
    assert check(good.train, good.graph()) == []
    assert [found.code for found in check(bad.train, bad.graph())] == ["E0607"]
    augmented = spec(flow("flatten -> linear(10)", train="data digits\n  augment hflip -> normalize\n  loss mse"))
    assert check(augmented.train, augmented.graph()) == []
    wrong = spec(flow("flatten -> linear(7)", train="data digitz"))
    assert [found.code for found in check(wrong.train, wrong.graph())] == ["E0605", "E0602"]


def test_indices(spec):
    text = flow("embedding(10, 4) -> flatten -> linear(10)", input="input tokens: int [6]")
    with pytest.raises(NetspecError, match="takes indices, but digits gives real numbers"):
        matched(spec(text), data_of((6,), 10))
    assert matched(spec(text), data_of((6,), 10, dtype=np.uint8)).encodings[0].dtype == "int"


def test_a_metric_that_judges_something_else(spec):
    text = flow("flatten -> linear(10)", train="data digits\n  loss cross_entropy\n  metrics [accuracy, r2]")
    with pytest.raises(NetspecError, match="r2 does not judge classes"):
        matched(spec(text))


EXITS = """\
net Exits {
  input image [1, 8, 8]
  body = conv(4, 3)
  output early = body -> flatten -> linear(10)
  output aux = body -> flatten -> linear(10) when training
  output late = body -> relu -> flatten -> linear(10)
  output extra = body -> flatten -> linear(3)
}

train {
  data digits
  loss cross_entropy(late) + 0.5 * cross_entropy(early) + 0.1 * cross_entropy(aux)
  metrics [accuracy, accuracy(early), f1(early, average=micro), f1(weighted)]
}
"""


def test_metrics_name_their_outputs_as_losses_do(spec):
    found = matched(spec(EXITS))
    assert found.judged.output == 2
    assert [(judge.name, judge.head.output) for judge in found.metrics] == [
        ("accuracy", 2),
        ("accuracy(early)", 0),
        ("f1(early)", 0),
        ("f1", 2),
    ]
    assert [judge.metric.average for judge in found.metrics] == ["micro", "micro", "micro", "weighted"]
    chosen = settings(spec(EXITS).train)
    assert chosen.written()["metrics"] == (
        "[accuracy, accuracy(early), f1(early, average=micro), f1(average=weighted)]"
    )


def test_a_metric_of_each_class_is_a_figure_of_each(spec):
    metrics = "[f1(early, none), recall(class=3), recall(late, class=9), accuracy]"
    found = matched(spec(EXITS.replace("[accuracy, accuracy(early), f1(early, average=micro), f1(weighted)]", metrics)))
    own = [f"f1(early, class={place})" for place in range(10)]
    assert [judge.name for judge in found.metrics] == [*own, "recall(class=3)", "recall(late, class=9)", "accuracy"]


@pytest.mark.parametrize(
    ("metrics", "message", "place"),
    [
        ("f1(class=12)", "f1 is asked for of the class 12, which there is not", "f1(class=12)"),
        ("accuracy(lat)", "Exits has no output named lat", "accuracy(lat)"),
        ("accuracy(aux)", "accuracy is to judge aux, which is an output in training alone", "accuracy(aux)"),
        ("accuracy(extra)", "accuracy is to judge extra, of which no loss speaks", "accuracy(extra)"),
        ("[f1, mae(early)]", "mae does not judge classes", "mae(early)"),
    ],
)
def test_outputs_that_no_metric_can_judge(spec, metrics, message, place):
    text = EXITS.replace("[accuracy, accuracy(early), f1(early, average=micro), f1(weighted)]", metrics)
    with pytest.raises(NetspecError, match=message) as error:
        matched(spec(text))
    assert (only(error).code, only(error).span.text) == ("E0608", place)


def test_a_metric_of_one_output_once(spec):
    text = EXITS.replace("f1(early, average=micro)", "accuracy(early)")
    with pytest.raises(NetspecError, match=r"accuracy\(early\) is asked for twice"):
        settings(spec(text).train)


def test_a_classifier_that_lacks_flatten(spec):
    text = flow("conv(4, 3) -> global_avgpool -> linear(10)", train="data digits\n  loss cross_entropy")
    with pytest.raises(NetspecError, match="cannot compare an output") as error:
        matched(spec(text))
    assert only(error).help == "linear works along the last axis: write flatten before it"
    matched(spec(text.replace("-> linear", "-> flatten -> linear")))


@pytest.mark.parametrize(
    ("size", "augment", "message", "help"),
    [
        (16, "random_crop(16)", "random_crop cannot take 16 x 16 out of 8 x 8", "a smaller size, or a pad around it"),
        (8, "random_crop(6)", "digits gives [1, 8, 8], which augment makes [1, 6, 6]", "input image [1, 6, 6]"),
    ],
)
def test_what_augmentation_makes_is_what_the_input_has_to_be(spec, size, augment, message, help):
    """Not the shape of the data before it: declared so, the net would get another one."""
    train = f"data digits\n  loss cross_entropy\n  augment {augment}"
    with pytest.raises(NetspecError) as error:
        matched(spec(flow("flatten -> linear(10)", input=f"input image [1, {size}, {size}]", train=train)))
    found = only(error)
    assert message in found.message
    assert help in found.help


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("images('/home/pets')", "named by a path relative to the spec"),
        ("pairs(images('/home/pets'))", "named by a path relative to the spec"),
        ("npz('../../x.npz')", "lies outside the project"),
        ("segmentation('a', 'b', test_images='/c', test_masks='d')", "named by a path relative to the spec"),
        ("npz('x.npz')\n  init '/etc/w.safetensors'", "named by a path relative to the spec"),
    ],
)
def test_files_outside_of_the_project_are_refused_before_training(spec, tmp_path, data, message):
    """`check` says what `train` would."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    made = spec(flow("flatten -> linear(10)", train=f"data {data}\n  loss cross_entropy"))
    (found,) = check(made.train, made.graph(), path=tmp_path / "project" / "n.net")
    assert found.code == "E0609"
    assert message in found.message
