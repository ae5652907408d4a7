"""What messages say of PyTorch's classes is what torch has: the order of their arguments, by the names here."""

from __future__ import annotations

import inspect

import pytest
from torch import nn

from netspec.elaborate.mistakes.slips import argument_meant, layer_meant
from netspec.layers import REGISTRY
from netspec.layers.declaration.synonyms import DERIVED

CLASSES = {
    "attention": nn.MultiheadAttention,
    "conv": nn.Conv2d,
    "upconv": nn.ConvTranspose2d,
    "linear": nn.Linear,
    "embedding": nn.Embedding,
    "batchnorm": nn.BatchNorm2d,
    "groupnorm": nn.GroupNorm,
    "instancenorm": nn.InstanceNorm2d,
    "layernorm": nn.LayerNorm,
    "rmsnorm": nn.RMSNorm,
    "lrn": nn.LocalResponseNorm,
    "maxpool": nn.MaxPool2d,
    "avgpool": nn.AvgPool2d,
    "lppool": nn.LPPool2d,
    "adaptive_avgpool": nn.AdaptiveAvgPool2d,
    "adaptive_maxpool": nn.AdaptiveMaxPool2d,
    "dropout": nn.Dropout,
    "channel_dropout": nn.Dropout2d,
    "leaky_relu": nn.LeakyReLU,
    "softmax": nn.Softmax,
    "log_softmax": nn.LogSoftmax,
    "upsample": nn.Upsample,
    "pixel_shuffle": nn.PixelShuffle,
    "pixel_unshuffle": nn.PixelUnshuffle,
    "channel_shuffle": nn.ChannelShuffle,
}


@pytest.mark.parametrize("name", CLASSES)
def test_the_arguments_by_position_are_those_of_the_class(name: str) -> None:
    cls = REGISTRY[name]
    own = list(inspect.signature(CLASSES[name]).parameters)
    for here, there in zip(cls.pytorch, own, strict=False):
        if not here:
            assert there in DERIVED or there == "embed_dim", there
        elif name == "lppool" and there == "norm_type":
            assert here == "p"
        else:
            assert here in (there, argument_meant(cls, there)), f"{there} is not {here}"


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_known_by_its_name(name: str) -> None:
    assert layer_meant(CLASSES[name].__name__) == name


def test_every_order_of_arguments_is_compared() -> None:
    recurrent = {"lstm", "gru", "rnn"}  # torch's take anything: the order is that of their documentation
    assert {name for name, cls in REGISTRY.items() if cls.pytorch} == {*CLASSES, *recurrent}
