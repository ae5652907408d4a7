"""Small modules of torch lifted: the spec is as somebody would write it, and computes the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import netspec
from netspec.diagnostics import NetspecError


def text_of(module: nn.Module, shape: Any = (4, 16, 16), **options: Any) -> str:
    """The text of the lifted spec; its proof has passed, to the bit."""
    spec = netspec.lift(module, input=shape, name="Net", **options)
    assert spec.proof is not None
    assert spec.proof.exact
    assert spec.check() == []
    return spec.source.text


class Residual(nn.Module):
    """A residual block with a projection where the shape changes."""

    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.down = None if stride == 1 and inputs == width else nn.Conv2d(inputs, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.down is None else self.down(x)
        return self.relu(out)


def test_residual_blocks_become_one_block_with_a_condition() -> None:
    text = text_of(nn.Sequential(*(Residual(8, 8) for _ in range(3)), Residual(8, 16, 2)), (8, 16, 16))
    assert text == (
        "default conv(bias=false)\n"
        "\n"
        "block Residual(width: int, stride: int = 1) {\n"
        "  residual {\n"
        "    conv1 = conv(width, 3, stride=stride, pad=1);  bn1 = batchnorm;  relu\n"
        "    conv2 = conv(width, 3, pad=1);                 bn2 = batchnorm\n"
        "  } shortcut {\n"
        "    if stride != 1 { down = conv(width, 1, stride=stride) }\n"
        "  }\n"
        "  relu\n"
        "}\n"
        "\n"
        "net Net {\n"
        "  input image [8, 16, 16]\n"
        "  repeat 3 { Residual(8) }\n"
        "  Residual(16, stride=2)\n"
        "}\n"
    )


class Scaled(nn.Module):
    """A block that remembers what it was told, with a part that not all have."""

    def __init__(self, heads: int, ratio: int, *, normed: bool = True) -> None:
        super().__init__()
        self.heads, self.normed, self.attend = heads, normed, nn.MultiheadAttention(12, heads, batch_first=True)
        self.norm = nn.LayerNorm(12) if normed else None
        self.up, self.down = nn.Linear(12, 12 * ratio), nn.Linear(12 * ratio, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.norm is None else self.norm(x)
        return self.down(F.gelu(self.up(x + self.attend(x, x, x, need_weights=False)[0])))


def test_parameters_have_the_names_of_the_modules_attributes() -> None:
    text = text_of(nn.Sequential(Scaled(2, 1), Scaled(3, 2, normed=False), Scaled(4, 3)), [5, 12])
    assert "block Scaled(heads: int, width: int, normed: bool = true) {" in text
    assert "if normed { norm = layernorm }" in text
    assert "attention(heads)" in text


class StochasticDepth(nn.Module):
    """As torchvision's: by its name it is drop_path."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p, self.mode = p, "row"

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_rates_that_grow_evenly_are_a_loop() -> None:
    def part(rate: float) -> nn.Module:
        return nn.Sequential(nn.Conv2d(4, 4, 1), StochasticDepth(rate), nn.ReLU())

    text = text_of(nn.Sequential(*(part(0.1 * i / 17) for i in range(2, 7)), part(0.3)))
    assert "for i in range(5) {" in text
    assert "drop_path(0.1 * (i + 2) / 17)" in text


class SameBlock(nn.Module):
    """The library's BasicBlock, but for its name; `factor` is what it computes otherwise."""

    factor = 1

    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x if self.factor == 1 else self.factor * x)))))
        return F.relu(out + (self.downsample(x) if hasattr(self, "downsample") else x))


def test_blocks_of_the_library_are_imported() -> None:
    class BasicBlock(SameBlock):
        pass

    module = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 16, 2))
    assert text_of(module, (8, 16, 16)) == (
        "from std.resnet import BasicBlock\n"
        "\n"
        "net Net {\n"
        "  input image [8, 16, 16]\n"
        "  BasicBlock(8)\n"
        "  BasicBlock(16, stride=2)\n"
        "}\n"
    )
    assert "import" not in text_of(module, (8, 16, 16), plain=True)


def test_blocks_that_compute_otherwise_or_have_other_labels_are_not_the_librarys() -> None:
    class BasicBlock(SameBlock):
        factor = 2

    assert "import" not in text_of(nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 8)), (8, 16, 16))
    Residual.__name__ = "BasicBlock"
    try:
        text = text_of(nn.Sequential(Residual(8, 16, 2), Residual(16, 32, 2)), (8, 16, 16))
    finally:
        Residual.__name__ = "Residual"
    assert "import" not in text
    assert "block BasicBlock {" in text


def test_plain_text_has_no_blocks_and_no_loops() -> None:
    text = text_of(nn.Sequential(Residual(4, 4), Residual(4, 4)), plain=True)
    assert "block" not in text
    assert "repeat" not in text
    assert "0 = {" in text


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


def test_gate_is_a_product_of_two_branches() -> None:
    assert "mul {\n    { }\n" in text_of(Gate())


class Branches(nn.Module):
    """Branches joined on the channels, one of them the value itself."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 3, 1), nn.Sequential(nn.Conv2d(4, 2, 1), nn.Conv2d(2, 2, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.a(x), x, self.b(x)], 1)


def test_branches_are_a_concat_in_their_order() -> None:
    text = text_of(Branches())
    assert "concat {\n    a = conv(3, 1)\n    { }\n    b = conv(2, 1) -> conv(2, 3, pad=1)\n  }" in text


class Dense(nn.Module):
    """Layers that see all that was made before them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(4 + 2 * i, 2, 3, padding=1) for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features, 1)


def test_layers_that_see_all_before_them_are_dense() -> None:
    assert "dense {" in text_of(Dense())


class Skip(nn.Module):
    """A skip past several stages, and one value that is used three times."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(4, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)
        self.last = nn.Conv2d(12, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        e = torch.tanh(x)
        return self.last(torch.cat([e, self.up(self.down(e)), x * e], 1))


def test_values_that_are_used_later_get_names() -> None:
    text_of(Skip())


class Tokens(nn.Module):
    """A class token, positions, and attention by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(4, 12, 4, 4)
        self.token, self.position = nn.Parameter(torch.zeros(1, 1, 12)), nn.Parameter(torch.zeros(1, 17, 12))
        self.qkv, self.norm = nn.Linear(12, 36), nn.LayerNorm(12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, n, 3, 3, c // 3).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q * 0.5) @ k.transpose(-2, -1)
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c)[:, 0]


class Windowed(nn.Module):
    """Attention with a bias for each relative position and a mask, both from constants, and a bias in part at rest."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.table = nn.Linear(8, 24), nn.Parameter(torch.zeros(9, 2))
        places = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")).flatten(1)
        apart = (places[:, :, None] - places[:, None]).permute(1, 2, 0) + 1
        self.register_buffer("index", apart[..., 0] * 3 + apart[..., 1])

    def forward(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        x = x.view(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
        bias = self.qkv.bias.clone()
        bias[8:16].zero_()
        q, k, v = F.linear(x, self.qkv.weight, bias).reshape(-1, 4, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-2, -1) + self.table[self.index.view(-1)].view(4, 4, 2).permute(2, 0, 1)[None]
        region = scores.new_zeros((h, w))  # of what hangs on the index, whose shape and type alone are taken
        for row, rows in enumerate((slice(0, -2), slice(-2, -1), slice(-1, None))):
            for column, columns in enumerate((slice(0, -2), slice(-2, -1), slice(-1, None))):
                region[rows, columns] = 3 * row + column
        region = region.view(h // 2, 2, w // 2, 2).transpose(1, 2).reshape(-1, 4)
        mask = region[:, None] - region[:, :, None]
        mask = mask.masked_fill(mask != 0, -100.0)
        scores = scores.view(b, -1, 2, 4, 4) + mask[None, :, None]
        return (scores.view(-1, 2, 4, 4).softmax(-1) @ v).transpose(1, 2).reshape(b, -1, c)


def test_constants_of_windows_are_said_by_their_rules() -> None:
    text = text_of(Windowed(), (16, 24, 8))
    assert text.startswith("let table2 = ")  # the module has a table of its own
    assert (
        "[[3 * i + j - 3 * k - l + 4 for k in range(2) for l in range(2)] for i in range(2) for j in range(2)]" in text
    )
    assert "[row + column for column in [0.0] * 22 + [1.0] * 1 + [2.0] * 1]" in text


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda x: x * torch.arange(16.0), "[0.0, 1.0, 2.0,"),
        (lambda x: x[:, torch.tensor([2, 0, 1])], "select([2, 0, 1])"),
        (lambda x: x * torch.tensor(0.5), "_ * 0.5"),
        (lambda x: torch.where(x > 0, x, 0.0), "_ > 0\n  where(_, image, value=0.0)"),
        (lambda x: torch.einsum("bchw,bcvw->bchv", x, x), "matmul("),
        (lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 2), "pad=[[0, 1], [0, 1]]"),
        (lambda x: torch.einsum("bchw,hkw->bchk", x, torch.eye(16)[:, None].expand(16, 3, 16)), "matmul("),
        (lambda x: x.repeat_interleave(2, 1), "expand([4, 2, 16, 16])"),
        (lambda x: x.repeat(1, 2, 1, 3), "expand([2, 4, 16, 16])"),
        (lambda x: x @ torch.eye(16)[None, None], "expand("),
        (lambda x: x.flatten(0, 1)[:, None].expand(-1, 3, -1, -1).sum(1).view(x.shape), "expand([4, 3, 16, 16])"),
        (lambda x: x @ torch.eye(16)[:, :3], "unembed("),
        (lambda x: torch.cat([torch.arange(4.0).expand(x.shape[0], -1), x[:, 0, 0]], 1), "concat("),
        (lambda x: x.var(1, keepdim=True, unbiased=False), "var(axes=0, keep=true, correction=0)"),
    ],
)
def test_functions_of_constants_and_choices(forward: Any, said: str) -> None:
    class Function(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return forward(x)

    assert said in text_of(Function())


def test_a_part_along_several_axes_is_overwritten() -> None:
    class Written(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x * 2
            y[:, :, 1:, :12] += torch.tanh(x[:, :, :-1, 4:])
            return y

    text = text_of(Written())
    assert text.count("concat(") == 2


def test_constants_without_a_rule_are_refused_where_they_are_many() -> None:
    class Many(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("many", torch.randn(101, 100), persistent=False)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.many

    with pytest.raises(NetspecError, match="10,100 constants that follow no rule"):
        netspec.lift(Many(), input=[4, 101, 100])


def test_tokens_and_attention_without_the_batch() -> None:
    text = text_of(Tokens())
    assert "concat(select(token, 0), _)" in text
    assert "_ + select(position, 0)" in text


class Auxiliary(nn.Module):
    """An output that is there in training alone."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.aux, self.head = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 3, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Any:
        x = self.body(x)
        return (self.head(x), self.aux(x)) if self.training else self.head(x)


def test_outputs_of_training_alone_are_said_to_be() -> None:
    assert "when training" in text_of(Auxiliary())


def test_several_inputs_and_weights() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(5, 4)

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return self.a(left) - self.b(right)

    module = Sum()
    spec = netspec.lift(module, input={"left": [3], "right": torch.zeros(1, 5)})
    model = spec.graph().compile()
    model.load_state_dict(spec.weights)
    left, right = torch.randn(2, 3), torch.randn(2, 5)
    assert torch.equal(model(left, right), module(left, right))


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (lambda x: x if x.sum() > 0 else -x, "without values"),
        (lambda x: torch.fft.fft(x).real, "there is no layer for"),
        (lambda x: x.flatten(0, 1), "its first axis is not the batch"),
        (lambda x: x.mean(0, keepdim=True).expand_as(x), "along the samples"),
        (lambda x: x * x.shape[0], "number of samples"),
    ],
)
def test_what_does_not_lift_says_why_and_where(forward: Any, reason: str) -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return forward(x)

    with pytest.raises(NetspecError) as error:
        netspec.lift(Odd(), input=[4, 8, 8])
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "E1001"
    assert reason in diagnostic.message
    assert "lambda x" in diagnostic.span.source.line(diagnostic.span.line) or not diagnostic.span.source.text


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda x: (x * x + 1).rsqrt(), "_**-0.5"),
        (lambda x: F.normalize(x, dim=1), "norm(axes=0, keep=true)"),
        (lambda x: x.clamp_max(0.5), "clamp(max=0.5)"),
        (lambda x: F.pad(x, (1, 1), value=1.0), "mode=constant"),
    ],
)
def test_functions_that_are_several_layers(forward: Any, said: str) -> None:
    class Function(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return forward(x)

    assert said in text_of(Function())


def test_recurrent_layers_give_their_outputs() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(4, 6, 2, batch_first=True, bidirectional=True), nn.Linear(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            outputs, _ = self.rnn(x)
            return self.head(outputs[:, -1])

    assert "rnn = gru(6, layers=2, bidirectional=true)" in text_of(Last(), [5, 4])


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.LSTM(4, 6), "its batch is not first"),
        (nn.MaxPool1d(2, return_indices=True), "returns several values"),
        (nn.AvgPool2d(2, divisor_override=3), "its divisor_override is 3"),
        (nn.BatchNorm2d(4, bias=False), "its bias is None"),
        (nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), "hooks or parametrizations"),
    ],
)
def test_arguments_that_no_layer_has_are_not_passed_over(layer: nn.Module, reason: str) -> None:
    class One(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            made = self.layer(x)
            return made[0] if isinstance(made, tuple) else made

    with pytest.raises(NetspecError) as error:
        netspec.lift(One(), input=[4, 4, 4] if "2d" in type(layer).__name__ else [4, 4])
    assert reason in error.value.diagnostics[0].message


def test_dropout_of_a_function_is_a_layer_and_no_difference() -> None:
    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.dropout(self.linear(x), 0.25, self.training)

    assert "linear = linear(3);  dropout(0.25)" in text_of(Dropping(), [3]).replace("\n  dropout", ";  dropout")


def test_weights_that_nothing_uses_are_no_spec() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    with pytest.raises(NetspecError, match=r"E1003.*unused\.bias"):
        netspec.lift(Idle(), input=[3])


def test_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Dropout(0.5))
    module.train()
    module[1].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    netspec.lift(module, input=[4, 8, 8])
    assert module.training
    assert not module[1].training
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
