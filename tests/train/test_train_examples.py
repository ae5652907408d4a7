"""Every example trains: one step of its own optimizer lowers its own loss, on random data of its input's shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

import netspec
from netspec import zoo
from netspec.graph.graph import Graph
from netspec.train.batch import Batch
from netspec.train.data import Data, Split
from netspec.train.engine.criterion import Criterion
from netspec.train.losses.distances import Contrastive
from netspec.train.losses.masks import MaskLoss
from netspec.train.plan.training_plan import TrainingPlan, training_plan
from netspec.train.section.settings import Settings, settings

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALLER: dict[str, tuple[Mapping[str, Sequence[int]], Mapping[str, Any]]] = {
    "alexnet": ({"image": [3, 67, 67]}, {}),
    "alexnet_torchvision": ({"image": [3, 63, 63]}, {}),
    "alexnet_towers": ({"image": [3, 67, 67]}, {}),
    "bytenet": ({"characters": [40]}, {"vocabulary": 7, "d": 16, "sets": 1}),
    "c3d": ({"clip": [3, 16, 32, 32]}, {}),
    "cam_vgg16": ({"image": [3, 32, 32]}, {}),
    "charcnn": ({"text": [70, 174]}, {"size": "small"}),
    "dcgan": ({}, {"width": 8}),
    "deconvnet": ({}, {"width": 4}),
    "densenet": ({"image": [3, 64, 64]}, {}),
    "googlenet": ({"image": [3, 96, 96]}, {}),
    "googlenet_torchvision": ({"image": [3, 64, 64]}, {}),
    "inception_modules": ({"x": [192, 8, 8]}, {}),
    "preact_resnet": ({"image": [3, 64, 64]}, {}),
    "resize_conv": ({}, {"width": 8}),
    "resnet": ({"image": [3, 64, 64]}, {}),
    "resnet_cifar": ({}, {"depth": 20}),
    "se_resnet": ({"image": [3, 64, 64]}, {}),
    "senet154": ({"image": [3, 64, 64]}, {}),
    "tcn": ({"pixels": [1, 60]}, {"levels": 3}),
    "unet": ({"image": [1, 188, 188]}, {"width": 4}),
    "unet_membrane": ({"section": [1, 64, 64]}, {}),
    "unet_same": ({"image": [3, 64, 64]}, {"width": 4}),
    "vgg": ({"image": [3, 32, 32]}, {}),
    "vnet": ({"volume": [1, 16, 16, 16]}, {}),
    "wavenet": ({"audio": [8, 60]}, {"levels": 8, "stacks": 1, "depth": 4}),
    "yolov1": ({"image": [3, 64, 64]}, {}),
    "zfnet": ({"image": [3, 64, 64]}, {}),
}
"""Input shapes and parameters that make an example small."""

ONE_HOT = {"charcnn", "wavenet"}
"""Examples whose input is a row of 0s with a single 1 at every position."""

SAMPLES = 4


TRAINED = {path.stem: path for path in sorted(EXAMPLES.glob("*.net")) if netspec.load(path).train is not None}


@pytest.mark.parametrize("example", TRAINED)
def test_a_step_lowers_the_loss(example: str) -> None:
    spec = netspec.load(TRAINED[example])
    inputs, arguments = SMALLER.get(example, ({}, {}))
    graph = spec.graph(inputs=inputs, **arguments)
    assert spec.train is not None, "a train section"
    chosen = settings(spec.train)
    matched = training_plan(chosen, graph, random_data(graph, chosen, one_hot=example in ONE_HOT))
    before, after = losses_around_a_step(graph, chosen, matched)
    assert after < before


def translation(scores: Tensor) -> Tensor:
    return F.cross_entropy(scores, torch.arange(scores.shape[2]).remainder(scores.shape[1]).expand(len(scores), -1))


def test_a_step_of_a_translator() -> None:
    found = zoo.find("bytenet")
    graph = netspec.load(found.path).graph(found.net, source_vocabulary=7, target_vocabulary=7, d=8, sets=1)
    assert len(graph.inputs) == 2
    torch.manual_seed(0)
    model = graph.compile("cpu").train()
    x = [torch.randint(5, (SAMPLES, *map(int, value.shape.dims))) for value in graph.inputs]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    before = translation(model(*x))
    before.backward()
    optimizer.step()
    assert translation(model(*x)) < before


def random_data(graph: Graph, chosen: Settings, *, one_hot: bool) -> Data:
    """Random samples of the data set's shape, or else of the inputs', with what the loss is given to compare: classes,
    or numbers from 0 to 1.
    """
    random = np.random.default_rng(0)
    entry, output, outline = graph.inputs[0].shape, graph.outputs[0].value.shape, chosen.data.outline()
    shapes = [tuple(map(int, value.shape.dims)) for value in graph.inputs] if outline is None else outline.shapes
    x, *more = (
        random.integers(5, size=(SAMPLES, *shape))
        if entry.dtype == "int"
        else random.normal(size=(SAMPLES, *shape)).astype("float32")
        for shape in shapes
    )
    x = (x == x.max(axis=1, keepdims=True)).astype("float32") if one_hot else x
    if isinstance(chosen.loss[0].loss, Contrastive):
        split = Split(x, np.arange(SAMPLES) % 2, more=tuple(more))
        return Data(split, split, 2)
    classes, *target = map(int, output.dims)
    if all(term.loss.takes == "classes" or isinstance(term.loss, MaskLoss) for term in chosen.loss):
        split = Split(x, random.integers(classes, size=(SAMPLES, *target)))
        return Data(split, split, classes)
    split = Split(x, random.random(size=(SAMPLES, *map(int, output.dims)), dtype="float32"))
    return Data(split, split, None)


def losses_around_a_step(graph: Graph, chosen: Settings, matched: TrainingPlan) -> tuple[float, float]:
    """The loss of the batch before a step and after it, with the same units dropped."""
    device = torch.device("cpu")
    torch.manual_seed(0)
    model = graph.compile("cpu").train()
    criterion = Criterion(matched.terms, device)
    split = matched.data.train
    weight = None if split.weight is None else torch.from_numpy(split.weight)
    x, *more = map(torch.from_numpy, split.inputs)
    batch = Batch(x, torch.from_numpy(split.y), weight, more=tuple(more))
    in_order = sorted(range(len(graph.outputs)), key=lambda index: graph.outputs[index].when_training)

    def loss() -> Tensor:
        torch.manual_seed(1)
        made = model(*batch.inputs)
        outputs = dict(zip(in_order, (made,) if isinstance(made, Tensor) else made, strict=True))
        return criterion(outputs, batch)

    optimizer = chosen.optimizer.build(list(model.parameters()))
    before = loss()
    before.backward()
    optimizer.step()
    with torch.no_grad():
        return float(before), float(loss())
