"""What newcomers type: the message names the culprit, points at its place, and its mend, put there, checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import netspec
from netspec.diagnostics import Diagnostic, NetspecError
from netspec.layers import REGISTRY
from netspec.spelling import nearest, synonym


def spec(typed: str) -> str:
    """A whole file as it is; stages in an otherwise right net."""
    if typed.startswith(("net ", "Net ", "block ", "from ", "import ", "train ", "//", "/*", '"""')):
        return typed
    return f"net N {{\n  input x [64, 32, 32]\n  e1 = conv(64, 3, pad=1)\n  {typed}\n  e1 -> conv(64, 1)\n}}\n"


def mistakes(text: str) -> Sequence[Diagnostic]:
    try:
        return netspec.parse(text).check()
    except NetspecError as error:
        return error.diagnostics


NET = "net N {{\n  input x [8, 8, 8]\n  {}\n}}\n"

STAGES = [
    # what is typed, the place, words of the message, the mended line
    ("concat(el, _)", "el", "no value named el", "concat(e1, _)"),
    ("enc1 = relu; encl -> conv(8, 3)", "encl", "no value named encl", "enc1 = relu; enc1 -> conv(8, 3)"),
    ("batchnorm(64)", "64", "eps of batchnorm", "batchnorm"),
    ("flatten -> linear(65536, 10)", "10", "bias of linear", "flatten -> linear(10)"),
    ("maxpool(2) -> conv(64, 32, 3)", "conv(64, 32, 3)", "leaves nothing", "maxpool(2) -> conv(32, 3)"),
    ("conv(16, kernel_size=3)", "kernel_size=3", "no argument kernel_size", "conv(16, 3)"),
    ("conv(64, 16, kernel_size=3, padding=1)", "kernel_size=3", "no argument", "conv(16, 3, pad=1)"),
    ("conv(in_channels=64, out_channels=8, kernel_size=3)", "in_channels=64", "no argument", "conv(8, 3)"),
    ("flatten -> linear(out_features=10)", "out_features=10", "no argument", "flatten -> linear(10)"),
    ("relu(inplace=true)", "inplace=true", "no argument inplace", "relu"),
    ("conv(16, 3, activation=relu)", "activation=relu", "no argument", "conv(16, 3) -> relu"),
    ("softmax(dim=1)", "dim=1", "no argument dim", "softmax"),
    ("conv(8, 3, pad='SAME')", "pad='SAME'", "no padding SAME", "conv(8, 3, pad=same)"),
    ("upsample(2, mode=Bilinear)", "mode=Bilinear", "mode of upsample", "upsample(2, mode=bilinear)"),
    ("conv(8, 40)", "conv(8, 40)", "leaves nothing", "conv(8, 32)"),
    ("maxpool(kernel=40)", "maxpool(kernel=40)", "leaves nothing", "maxpool(kernel=32)"),
    ("reshape(-1, 65536)", "65536", "at most 1 argument", "reshape([65536])"),
    ("reshape(64, 1024)", "1024", "at most 1 argument", "reshape([64, 1024])"),
    ("residual(conv(64, 3, pad=1))", "residual", "braces", "residual { conv(64, 3, pad=1) }"),
    ("residual conv(64, 3, pad=1)", "residual conv(64, 3, pad=1)", "braces", "residual { conv(64, 3, pad=1) }"),
    ("dropout 0.5", "dropout 0.5", "parentheses", "dropout(0.5)"),
    ("let n = 3; n = 4", "n", "name of a value", "let n = 3; let n = 4"),
    ("n = 4", "4", "the number 4", "let n = 4"),
    ("for i in range(2) { layer{i} = relu }", "layer{i}", "completed by", "for i in range(2) { layer$i = relu }"),
    ("for i in [1] { a{i + 1} = relu }", "a{i + 1}", "completed by", "for i in [1] { a${i + 1} = relu }"),
    ("nn.Conv2d(64, 8, 3, padding=1)", "nn.Conv2d", "not called so", "conv(8, 3, pad=1)"),
    ("nn.Sequential(nn.Conv2d(64, 8, 3), nn.ReLU())", "nn.Sequential", "not called so", "{ conv(8, 3) -> relu }"),
    ("torch.nn.BatchNorm2d(64)", "torch.nn.BatchNorm2d", "not called so", "batchnorm"),
    ("Sequential(Conv2d(64, 8, 3), ReLU())", "Sequential", "no layer", "{ conv(8, 3) -> relu }"),
    ("F.relu(x)", "F.relu", "not called so", "relu(x)"),
    ("nn.Dropout(0.5)(x)", "nn.Dropout(0.5)", "not called so", "dropout(x, 0.5)"),
    ("torch.cat([x, e1], dim=1)", "torch.cat", "not called so", "concat([x, e1])"),
    ("conv(8, (3, 3))", ",", "no tuples", "conv(8, [3, 3])"),
    ("relu(el)", "el", "no value named el", "relu(e1)"),
    ("x.view(-1)", "x.view", "not called so", "flatten(x)"),
    ("self.conv1 = conv(8, 3)", "self.conv1", "only a label", "conv1 = conv(8, 3)"),
    ("if training { dropout }", "training", "one for training and evaluation", "dropout"),
    (
        "conv(8, 1, bias_init=constant(1))",
        "bias_init=constant(1)",
        "a number or a word",
        "conv(8, 1, bias_init=full(1))",
    ),
    ('"a-b" = relu; _ + "a-b"', '"a-b"', "read by a template", '"a-b" = relu; _ + ${"a-b"}'),
    ('"a-b" = relu; output p = [x, "a-b"]', '"a-b"', "read by a", '"a-b" = relu; output p = [x, ${"a-b"}]'),
    ('"a-b" = relu; upsample(like="a-b")', 'like="a-b"', "read by a", '"a-b" = relu; upsample(like=${"a-b"})'),
    ("conv(8, 1, init=constant(0.5))", "init=constant(0.5)", "a number or a word", "conv(8, 1, init=full(0.5))"),
    ("conv(8, 1, weight_init=constant(0.5))", "weight_init=constant(0.5)", "no argument", "conv(8, 1, init=full(0.5))"),
    ("conv(8, 1, bias_initializer=zeros)", "bias_initializer=zeros", "no argument", "conv(8, 1, bias_init=zeros)"),
    ("nn.Flatten(1) -> linear(4)", "nn.Flatten", "not called so", "flatten -> linear(4)"),
    ("torch.cat([x, e1], 1)", "torch.cat", "not called so", "concat([x, e1])"),
    ("F.softmax(x, 1)", "F.softmax", "not called so", "softmax(x)"),
    ("torch.flatten(x, 1)", "torch.flatten", "not called so", "flatten(x)"),
    ("x.flatten(2)", "x.flatten", "not called so", "flatten(x, 1)"),
    ("a = param([1, 64, 32, 32]); e1 * a[0]", "a[0]", "no stage 0", "a = param([1, 64, 32, 32]); e1 * select(a, 0)"),
    ("a = param([32]); e1 * a", "e1 * a", "cannot join", "a = param([32]); e1 * reshape(a, [1, 1, 32])"),
    ("x.mean([2, 3])", "x.mean", "not called so", "mean(x, [1, 2])"),
    ("x.permute(0, 2, 3, 1)", "x.permute", "not called so", "permute(x, [1, 2, 0])"),
    ("x.transpose(1, 2)", "x.transpose", "not called so", "transpose(x, 0, 1)"),
    ("x.view(x.size(0), 64, 1024)", "x.view", "not called so", "reshape(x, [64, 1024])"),
    ("nn.Softmax(1)", "nn.Softmax", "not called so", "softmax"),
    ("reshape(-1)", "-1", "must be a list", "flatten"),
    ("view(-1)", "view", "no layer or block named view", "flatten"),
    ("layernorm(over=[0])", "over=[0]", "must be last, channels or all", "layernorm(over=channels)"),
    ("layernorm(over=0)", "over=0", "must be last, channels or all", "layernorm(over=channels)"),
    ("default groupnorm(1); groupnorm", "1", "gives arguments by name", "default groupnorm(groups=1); groupnorm"),
    ("concat { conv(8, 1), relu, tanh }", ",", "parted by `;`", "concat { conv(8, 1); relu; tanh }"),
    ("residual(conv(64, 1) -> relu)", "residual", "braces", "residual { conv(64, 1) -> relu }"),
    ("Sequential(conv(64, 1) -> relu)", "Sequential", "braces", "{ conv(64, 1) -> relu }"),
    ("conv(8, 3) -> dropout 0.5 -> relu", "dropout 0.5", "parentheses", "conv(8, 3) -> dropout(0.5) -> relu"),
    ("conv 8 3", "conv 8 3", "parentheses", "conv(8, 3)"),
    ("conv 8, 3", "conv 8, 3", "parentheses", "conv(8, 3)"),
    ("if training { dropout } else { relu }", "training", "one for training and evaluation", "dropout"),
    ("if not training { dropout } else { relu }", "training", "one for training and evaluation", "relu"),
    ("dropout if training else relu", "training", "one for training and evaluation", "dropout"),
    ("relu // for sparsity", "//", "begins with `#`", "relu # for sparsity"),
    ("relu // text", "relu", "relu is a layer", "relu # text"),
    ("relu /* text */", "/*", "begins with `#`", "relu # text"),
]


@pytest.mark.parametrize(("typed", "at", "words", "mended"), STAGES)
def test_a_stage_as_others_write_it(typed: str, at: str, words: str, mended: str) -> None:
    text = spec(typed)
    (found,) = mistakes(text)
    assert found.span.text == at
    assert words in found.message
    assert found.mend is not None
    span, put = found.mend
    result = text[: span.start] + put + text[span.end :]
    assert result == spec(mended)
    assert mistakes(result) == []


CALLED = [
    ("swish", "silu"),
    ("Swish", "silu"),
    ("lrelu", "leaky_relu"),
    ("LeakyReLU(0.2)", "leaky_relu(0.2)"),
    ("deconv(8, 2)", "upconv(8, 2)"),
    ("conv_transpose(8, 2)", "upconv(8, 2)"),
    ("ConvTranspose2d(64, 8, 2, stride=2)", "upconv(8, 2, stride=2)"),
    ("Conv2D(8, 3, padding='same', activation='relu')", "conv(8, 3, pad=same) -> relu"),
    ("Dropout2d(0.2)", "channel_dropout(0.2)"),
    ("Dropout", "dropout"),
    ("flatten -> Dense(10, activation='softmax')", "flatten -> linear(10) -> softmax"),
    ("flatten -> dense(10)", "flatten -> linear(10)"),
    ("flatten -> fc(10)", "flatten -> linear(10)"),
    ("flatten -> Linear(65536, 10)", "flatten -> linear(10)"),
    ("gap", "global_avgpool"),
    ("GlobalAveragePooling2D", "global_avgpool"),
    ("interpolate(scale_factor=2)", "upsample(2)"),
    ("view([65536])", "reshape([65536])"),
    ("BatchNormalization", "batchnorm"),
    ("BatchNorm2d(64)", "batchnorm"),
    ("MaxPool2d(2, 2)", "maxpool(2, 2)"),
    ("AdaptiveAvgPool2d(output_size=1)", "adaptive_avgpool(1)"),
    ("Concatenate(e1, _)", "concat(e1, _)"),
    ("stochastic_depth(0.2)", "drop_path(0.2)"),
    ("pool(2)", "maxpool(2)"),
    ("Pool2d(2)", "maxpool(2)"),
    ("Conv2DTranspose(8, 3, strides=2)", "upconv(8, 3, stride=2)"),
    ("interpolate", "upsample(2, mode=bilinear)"),
    ("flatten -> fc", "flatten -> linear(84)"),
    ("Softmax(1)", "softmax"),
    ("flatten(1) -> MultiHeadAttention(num_heads=2, key_dim=4)", "flatten(1) -> attention(2)"),
]


@pytest.mark.parametrize(("typed", "mended"), CALLED)
def test_a_layer_is_known_by_what_others_call_it(typed: str, mended: str) -> None:
    text = spec(typed)
    (found,) = mistakes(text)
    assert found.code == "E0202"
    assert found.mend is not None
    span, put = found.mend
    result = text[: span.start] + put + text[span.end :]
    assert result == spec(mended)
    assert mistakes(result) == []


@pytest.mark.parametrize("typed", ["squeeze_excitation", "SEBlock(8)", "Bottleneck(16)"])
def test_a_block_of_the_library_is_known_without_its_import(typed: str) -> None:
    text = spec(typed)
    (found,) = mistakes(text)
    assert found.span.text == typed.partition("(")[0]
    assert "library" in found.help
    assert found.mend is not None
    span, put = found.mend
    assert mistakes(text[: span.start] + put + text[span.end :]) == []


def test_a_block_of_the_file_comes_before_what_others_call_a_layer() -> None:
    text = "block Deconv(w) { conv(w, 1) }\n" + NET.format("deconv(4)")
    (found,) = mistakes(text)
    assert found.help == "did you mean Deconv?"


def test_no_name_is_said_of_two_layers() -> None:
    """Else it would depend on the order of the files which of them a message proposes."""
    names = [alias for cls in REGISTRY.values() for alias in (cls.name, *cls.aliases)]
    assert len(names) == len(set(names))
    for cls in REGISTRY.values():
        assert {name for name in cls.pytorch if name} <= {*cls.model_fields}


FILES = [
    (NET.format("relu").replace("input x", "input: x"), "input", "its name and its shape"),
    (NET.format("relu").replace("input x", "input ="), "input", "its name and its shape"),
    (NET.format("relu").replace("input x", "input"), "input", "its name and its shape"),
    (NET.format("relu").replace("input x [8, 8, 8]", "input(8, 8, 8)"), "input(8, 8, 8)", "its name and its shape"),
    (NET.format("relu").replace("[8", "[None, 8"), "None", "no size of an input"),
    (NET.format("relu").replace("8, 8]", "?, ?]"), "?", "no size of an input"),
    (NET.format("relu").replace("8, 8]", "*, *]"), "*", "no size of an input"),
    (NET.format("relu").replace("8, 8]", "None, None]"), "None", "no size of an input"),
    (NET.format("relu").replace("8, 8]", "-1, -1]"), "-1", "cannot be -1"),
    (NET.format("relu").replace("8, 8]", "-28, 28]"), "-28", "cannot be -28"),
    (NET.format("relu").replace("net", "Net"), "Net", "written `net`"),
    (NET.format("relu") + "train B {\n  epochs 3\n}\n", "B", "no name"),
    ("import torch\n" + NET.format("relu"), "import", "says what it takes"),
    ("import torch.nn as nn\n" + NET.format("relu"), "import", "says what it takes"),
    ("from torch import nn\n" + NET.format("relu"), "torch", "no library torch"),
    ("from std import Bottleneck\n" + NET.format("Bottleneck(2)"), "std", "no library std"),
    ("// text\n" + NET.format("relu"), "//", "begins with `#`"),
    ("/* two\n lines */\n" + NET.format("relu"), "/*", "begins with `#`"),
    ('"""\ntext\n"""\n' + NET.format("relu"), '"""', "begins with `#`"),
    (
        NET.format("x = conv(x, 4, 3)\n  x = relu(x)\n  x = x -> batchnorm\n  x = x + 1"),
        "x",
        "name of a value in this scope",
    ),
    (
        "block Gate(skip, w) { skip * conv(w, 1) }\n" + NET.format("e = relu\n  Gate(e, 8)"),
        "Gate(e, 8)",
        "Gate needs w",
    ),
    ("block A(p, q) { p * q }\n" + NET.format("A(x, x)"), "A(x, x)", "takes 0 tensors"),
    (
        "net N {\n  input x [8, 8, 8]\n  residual {\n    conv(8, 1)\n    relu\n  conv(4, 1)\n}\n",
        "{",
        "never closed",
    ),
    (NET.format("relu") + "train {\n  data digits\n  metrics accuracy, f1\n}\n", ",", "metrics takes one value"),
    (NET.format("relu") + "train {\n  data digits\n  augment hflip, normalize\n}\n", ",", "augment takes one value"),
]


@pytest.mark.parametrize(("text", "at", "words"), FILES)
def test_a_file_as_others_write_it(text: str, at: str, words: str) -> None:
    (found,) = mistakes(text)
    assert found.span.text == at
    assert words in found.message
    assert found.help
    assert found.mend is not None
    span, put = found.mend
    assert mistakes(text[: span.start] + put + text[span.end :]) == []


FOLLOWED = [
    # what is typed, and what the first mend comes to once it has been followed
    ("nn.Conv2d(64, 8, 3, bias=False)", "conv(8, 3, bias=false)"),
    ("nn.Conv2d(64, 8, (3, 3), padding=(1, 1))", "conv(8, [3, 3], pad=[1, 1])"),
    ("nn.Conv2d(64, 8, kernel_size=(3, 3), padding=(1, 1), bias=False)", "conv(8, [3, 3], pad=[1, 1], bias=false)"),
    ("self.conv1 = nn.Conv2d(64, 8, 3)", "conv1 = conv(8, 3)"),
    ("self.conv1 = nn.Conv2d(64, 8, 3, bias=False)", "conv1 = conv(8, 3, bias=false)"),
    ("torch.cat((x, e1), 1)", "concat([x, e1])"),
    ("torch.sum(x, dim=(2, 3))", "sum(x, [1, 2])"),
    ("view(-1, 1024)", "reshape([-1, 1024])"),
]


@pytest.mark.parametrize(("typed", "mended"), FOLLOWED)
def test_a_mend_is_followed_to_its_end(typed: str, mended: str) -> None:
    """What the first mistake hides is mended with it: pasted, it checks."""
    text = spec(typed)
    (found,) = mistakes(text)
    assert found.mend is not None
    assert found.help == f"write {mended}"
    span, put = found.mend
    result = text[: span.start] + put + text[span.end :]
    assert result == spec(mended)
    assert mistakes(result) == []


def test_a_division_before_a_for_is_no_comment() -> None:
    body = "let w = 2\n  let rows = [i // w for i in range(4)]\n  conv(sum(rows), 1)"
    assert mistakes(NET.format(body)) == []


def test_a_mend_that_leads_nowhere_is_none() -> None:
    """`view` is reshape here, and which shape is meant nobody knows."""
    (found,) = mistakes(spec("view"))
    assert found.mend is None
    assert "reshape" in found.help


def test_mends_of_large_files_are_not_followed() -> None:
    """Trying them takes as much work again: what is proposed is then said as it is."""
    text = "net N { input x [8, 8, 8]; repeat 4000 { relu }; torch.cat((x, x), 1) }"
    (found,) = mistakes(text)
    assert found.mend is not None
    assert found.mend[1] == "[x, x]"


INPUTS = [
    "input image: [3, 8, 8]",
    "input image = [3, 8, 8]",
    "input image (3, 8, 8)",
    "input image(3, 8, 8)",
    "input 3, 8, 8",
    "input image 3x8x8",
    "input image [3 8 8]",
    "inputs image [3, 8, 8]",
    "Input(shape=(3, 8, 8))",
    "Input([3, 8, 8])",
    "image = input(3, 8, 8)",
    "image = input [3, 8, 8]",
    "image = Input([3, 8, 8])",
    "input image: float32 [3, 8, 8]",
    "input tensor image [3, 8, 8]",
    "input image [C=3, H=8, W=8]",
    "input image {3, 8, 8}",
    "input image shape=[3, 8, 8]",
    "input([3, 8, 8])",
    "in image [3, 8, 8]",
    "image [3, 8, 8]",
    "image: [3, 8, 8]",
    "input image [N, 3, 8, 8]",
    "input image [:, 3, 8, 8]",
    "input image [8, 8, 3]",
    "Input image [3, 8, 8]",
]


@pytest.mark.parametrize("typed", INPUTS)
def test_an_input_as_others_declare_it(typed: str) -> None:
    text = f"net N {{\n  {typed}\n  conv(8, 5) -> relu\n}}\n"
    (found,) = mistakes(text)
    assert found.mend is not None
    span, put = found.mend
    result = text[: span.start] + put + text[span.end :]
    assert "image [3, 8, 8]" in result or "image: float [3, 8, 8]" in result
    assert mistakes(result) == []


ACTS = [
    ('"relu"', "relu"),
    ("nn.ReLU", "relu"),
    ("nn.ReLU()", "relu"),
    ("F.relu", "relu"),
    ("ReLU", "relu"),
    ("swish", "silu"),
    ("nn.LeakyReLU(0.2)", "leaky_relu(0.2)"),
]


@pytest.mark.parametrize("kind", ["", ": layer"])
@pytest.mark.parametrize(("typed", "mended"), ACTS)
def test_a_layer_as_others_give_it(typed: str, mended: str, kind: str) -> None:
    text = f"block A(act{kind} = relu) {{ conv(8, 1) -> act }}\n" + NET.format(f"A(act={typed})")
    (found,) = mistakes(text)
    assert found.mend is not None
    span, put = found.mend
    result = text[: span.start] + put + text[span.end :]
    assert f"A(act={mended})" in result
    assert mistakes(result) == []


def test_a_block_may_be_given_to_itself() -> None:
    """What is given from outside has an end: that is no recursion."""
    assert mistakes("block A(act: layer = relu) { conv(8, 1) -> act }\n" + NET.format("A(act=A(act=none))")) == []


def test_a_function_of_itself_is_named() -> None:
    (found,) = mistakes("let f(n) = 1 if n == 0 else n * f(n - 1)\n" + NET.format("conv(f(3), 1)"))
    assert (found.code, found.span.text) == ("E0503", "f")
    assert "f is built from itself" in found.message


def test_a_number_whose_name_a_stage_has_taken() -> None:
    text = "net N(heads: int = 2) {\n  input x [8, 16]\n  heads = linear(16)\n  attention(heads)\n}\n"
    (found,) = mistakes(text)
    assert found.span.text == "heads"
    assert found.label == "the label hides the parameter"
    assert found.mend is not None
    span, put = found.mend
    assert mistakes(text[: span.start] + put + text[span.end :]) == []


def test_a_brace_that_is_open_hides_nothing_of_other_definitions() -> None:
    text = "net M {\n  input x [8]\n  liner(4)\n\nnet N {\n  input x [3, 8, 8]\n  cnv(3, 1)\n}\n"
    assert [found.span.text for found in mistakes(text)] == ["{", "cnv"]


def test_arguments_in_a_block_that_nothing_uses_are_checked() -> None:
    body = "conv(n, 3, kernal=2) -> convv(3) -> conv(n, kernel_size=3)"
    assert [found.span.text for found in mistakes(unreached(body))] == ["kernal=2", "convv", "kernel_size=3"]


IMPORTS = [
    "from std import SE, CBAM",
    "from std.se import SE, CBAM",
    "from std.se, std.cbam import SE, CBAM",
    "from std.cbam, std.se import SE, CBAM",
]


@pytest.mark.parametrize("line", IMPORTS)
def test_imports_from_two_modules(line: str) -> None:
    text = line + "\n" + NET.format("SE(4) -> CBAM(4)")
    found, *_ = mistakes(text)
    assert found.mend is not None
    span, put = found.mend
    assert mistakes(text[: span.start] + put + text[span.end :]) == []


WORDS = [
    ("model N {", "net N {"),
    ("Model N(w = 4) {", "net N(w = 4) {"),
    ("network N {", "net N {"),
    ("class N {", "net N {"),
]


@pytest.mark.parametrize(("typed", "mended"), WORDS)
def test_a_definition_by_another_word(typed: str, mended: str) -> None:
    text = f"{typed}\n  input x [8]\n  linear(4)\n}}\n"
    (found,) = mistakes(text)
    assert found.mend is not None
    span, put = found.mend
    assert text[: span.start] + put + text[span.end :] == text.replace(typed, mended)


SETTINGS = [
    ("training {\n  epochs 3\n}", "train {\n  epochs 3\n}"),
    ("Train {\n  epochs 3\n}", "train {\n  epochs 3\n}"),
    ("train {\n  metrics accuracy f1\n}", "train {\n  metrics [accuracy, f1]\n}"),
    ("train {\n  augment hflip normalize\n}", "train {\n  augment hflip -> normalize\n}"),
    ("train {\n  optimizer adam lr=0.1\n}", "train {\n  optimizer adam(lr=0.1)\n}"),
    ('train {\n  data images "photos"\n}', 'train {\n  data images("photos")\n}'),
]


@pytest.mark.parametrize(("typed", "mended"), SETTINGS)
def test_settings_as_others_write_them(typed: str, mended: str) -> None:
    text = NET.format("relu") + typed + "\n"
    (found,) = mistakes(text)
    assert found.mend is not None
    span, put = found.mend
    assert text[: span.start] + put + text[span.end :] == NET.format("relu") + mended + "\n"


def test_a_flow_that_is_named_again_and_again_goes_on_without_the_name() -> None:
    text = NET.format("x = conv(x, 4, 3)\n  x = relu(x)\n  y = x -> batchnorm")
    (found,) = mistakes(text)
    assert "leave out `x =`" in found.help
    assert found.mend is not None
    span, put = found.mend
    assert text[: span.start] + put + text[span.end :] == NET.format("conv(x, 4, 3)\n  relu\n  y = batchnorm")


def test_the_brace_that_is_missing_is_told_by_the_indentation() -> None:
    text = "net N {\n  input x [8, 8, 8]\n  residual {\n    conv(8, 1)\n  conv(4, 1)\n}\n"
    (found,) = mistakes(text)
    assert found.span.line == 3
    assert found.mend is not None
    span, put = found.mend
    assert text[: span.start] + put + text[span.end :] == text.replace("  conv(4", "  }\n  conv(4")


def test_each_of_three_bad_calls_is_told() -> None:
    text = "block Block(width, stride=1) { conv(width, 3, stride) }\n" + NET.format(
        "Block(4, strides=2)\n  Block()\n  Block"
    )
    assert [found.span.text for found in mistakes(text)] == ["strides=2", "Block()", "Block"]


def test_a_name_in_a_list_that_stands_for_nothing_is_told_there() -> None:
    (found,) = mistakes(NET.format("let width = 4\n  let widths = [widht, 16]\n  conv(widths[1], 1)"))
    assert (found.code, found.span.text, found.help) == ("E0201", "widht", "did you mean width?")
    assert mistakes(NET.format("for act in [relu, tanh] { act }\n  let modes = [same, valid]")) == []


def test_lists_of_tensors_are_gone_through_and_counted() -> None:
    levels = "let levels = [x, relu(x)]\n  {}"
    for loop in (
        "for level in levels { level -> conv(4, 1) }",
        "for i, level in enumerate(levels) { h$i = level -> conv(4, 1) }",
        "for a, b in zip(levels, reversed(levels)) { a + b }",
        "conv(len(levels), 1)",
    ):
        assert mistakes(NET.format(levels.format(loop))) == []


def unreached(body: str) -> str:
    """A block of that body beside a net that does not use it."""
    return f"block Idle(n: int) {{ {body} }}\n{NET.format('relu')}"


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ("convv(8, 3)", "convv"),
        ("relu -> undefined_thing(n)", "undefined_thing"),
        ("conv(m, 3)", "m"),
        ("swish", "swish"),
    ],
)
def test_the_names_of_a_block_that_nothing_uses_are_checked(body: str, at: str) -> None:
    (found,) = mistakes(unreached(body))
    assert found.span.text == at


@pytest.mark.parametrize(
    "body",
    [
        "conv(n, 3, pad=same)",
        "for i in range(n) { layer$i = relu }; layer0 -> relu",
        "let w = 2 * n; shared head = conv(w, 1); head; a, b = split(2); a + b",
        "if in.channels == n { relu } else { x = _; x }",
        "default conv(pad_mode=reflect); conv(8, 3, pad=1)",
    ],
)
def test_what_a_block_that_nothing_uses_binds_is_known_in_it(body: str) -> None:
    assert mistakes(unreached(body)) == []


def test_a_net_that_needs_values_is_checked_for_names_and_asks_for_the_values() -> None:
    text = "net N(classes) {\n  input x [8]\n  linear(clases)\n}\n"
    (found,) = mistakes(text)
    assert found.span.text == "clases"
    with pytest.raises(NetspecError) as raised:
        netspec.parse(text).graph()
    (needed,) = raised.value.diagnostics
    assert needed.span.text == "classes"
    assert "--set classes=" in needed.help
    assert needed.related == ()


def test_what_cannot_be_read_hides_no_mistake_of_another_body() -> None:
    text = (
        "block A { relu + }\nblock B(w) { conv(w, 3) -> batchnrom }\n"
        "net M { input x [3, 8, 8]; A -> conv(8, 99) }\nnet N { input x [3, 8, 8]; conv(8, 33) }\n"
    )
    assert [found.code for found in mistakes(text)] == ["E0101", "E0202", "E0305"]
    assert [found.span.line for found in mistakes(text)] == [1, 2, 4], "what uses the unread block is left alone"


def test_a_file_that_is_not_there_is_not_taken_for_another(tmp_path: Path) -> None:
    (tmp_path / "resnet.net").write_text("block A { relu }\n")
    main = tmp_path / "main.net"
    main.write_text('from "blocks.net" import A\nnet N { input x [8]; A }\n')
    with pytest.raises(NetspecError) as raised:
        netspec.load(main)
    assert 'no file "blocks.net"' in raised.value.diagnostics[0].message
    assert raised.value.diagnostics[0].help == ""


def test_spelling_is_by_looks_and_comes_after_meaning() -> None:
    assert nearest("encl", ["enc1", "end"]) == "enc1"
    assert nearest("xyz", ["conv", "relu"]) is None
    meanings = {"conv": (), "channel_dropout": ("Dropout2d",)}
    assert synonym("nn.Conv", meanings) == "conv"
    assert synonym("dropout_2d", meanings) == "channel_dropout"
    assert synonym("Dropout3d", meanings) is None
