"""Networks that no library has, written again by hand in plain torch, from the papers: what test_rebuilt.py compares.

A rebuild takes the network's inputs and a function that hands out the weights of one layer after the other, in the
order of the state dict, which is the order of the paper. Everything is in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Weights = Callable[[], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Rebuild:
    """A network of the zoo and its second form. `inputs` and `arguments` make it small."""

    network: str
    forward: Callable[..., Tensor]
    inputs: Mapping[str, list[int]] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.network


REBUILDS: list[Rebuild] = []


def rebuilt(
    network: str, *, inputs: Mapping[str, list[int]] | None = None, **arguments: Any
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Registers a rebuild of a network of the zoo."""

    def register(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        REBUILDS.append(Rebuild(network, forward, inputs or {}, arguments))
        return forward

    return register


def weights_in_order(model: nn.Module) -> Weights:
    """Weight, bias and statistics of one layer after the other, in the order of the state dict."""
    state: Iterator[tuple[str, Tensor]] = iter(model.state_dict().items())
    pending: list[tuple[str, Tensor]] = []

    def following() -> tuple[Tensor, ...]:
        key, value = pending.pop() if pending else next(state)
        layer, found = key.rpartition(".")[0], [value]
        for key, value in state:
            if not layer or key.rpartition(".")[0] != layer:
                pending.append((key, value))
                break
            found.append(value)
        return tuple(found)

    return following


def normalised(x: Tensor, following: Weights, eps: float = 1e-5) -> Tensor:
    """Batch normalisation by its running statistics."""
    weight, bias, mean, variance, _ = following()
    return F.batch_norm(x, mean, variance, weight, bias, eps=eps)


def causal(x: Tensor, weights: tuple[Tensor, ...], dilation: int = 1) -> Tensor:
    """A convolution that sees no later position than its own."""
    return F.conv1d(F.pad(x, ((weights[0].shape[-1] - 1) * dilation, 0)), *weights, dilation=dilation)


# The paper's table I, a line of the table a line here: which maps of S2 each map of C3 sees.
C3 = """
X . . . X X X . . X X X X . X X
X X . . . X X X . . X X X X . X
X X X . . . X X X . . X . X X X
. X X X . . X X X X . . X . X X
. . X X X . . X X X X . X X . X
. . . X X X . . X X X X . X X X
"""


@rebuilt("lenet5_1998")
def lenet5_1998(image: Tensor, following: Weights) -> Tensor:
    """C3 as one full convolution whose weights are zero where the table has no X; Euclidean distances at the end."""

    def squash(x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 * x / 3)

    def subsample(x: Tensor) -> Tensor:
        coefficient, bias = following()
        total = x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]
        return squash(total * coefficient / 4 + bias)

    (centres,) = following()
    s2 = subsample(squash(F.conv2d(image, *following())))
    table = [line.split() for line in C3.split("\n") if line]
    weight, bias = s2.new_zeros(16, 6, 5, 5), s2.new_zeros(16)
    for c3 in range(16):
        seen = [row for row in range(6) if table[row][c3] == "X"]
        kernels, bias[c3 : c3 + 1] = following()
        weight[c3, seen] = kernels[0]
    s4 = subsample(squash(F.conv2d(s2, weight, bias)))
    c5 = squash(F.conv2d(s4, *following()))
    f6 = squash(F.linear(c5.flatten(1), *following()))
    return torch.stack([-((f6 - centre) ** 2).sum(1) for centre in centres], 1)


@rebuilt("lenet5")
def lenet5(image: Tensor, following: Weights) -> Tensor:
    x = F.avg_pool2d(torch.tanh(F.conv2d(image, *following())), 2)
    x = F.avg_pool2d(torch.tanh(F.conv2d(x, *following())), 2)
    x = torch.tanh(F.conv2d(x, *following())).flatten(1)
    return F.linear(torch.tanh(F.linear(x, *following())), *following())


def krizhevsky(image: Tensor, following: Weights) -> Tensor:
    """The network of 2012; b of the paper's section 3.3 is k + alpha * the sum of squares, no mean."""

    def normalise(x: Tensor) -> Tensor:
        squares = F.pad(x**2, (0, 0, 0, 0, 2, 2)).unfold(1, 5, 1).sum(-1)
        return x / (2 + 1e-4 * squares) ** 0.75

    x = F.max_pool2d(normalise(F.relu(F.conv2d(image, *following(), stride=4))), 3, 2)
    x = F.max_pool2d(normalise(F.relu(F.conv2d(x, *following(), padding=2, groups=2))), 3, 2)
    x = F.relu(F.conv2d(x, *following(), padding=1))
    x = F.relu(F.conv2d(x, *following(), padding=1, groups=2))
    x = F.max_pool2d(F.relu(F.conv2d(x, *following(), padding=1, groups=2)), 3, 2).flatten(1)
    x = F.relu(F.linear(x, *following()))
    return F.linear(F.relu(F.linear(x, *following())), *following())


rebuilt("alexnet", inputs={"image": [3, 99, 99]})(krizhevsky)


@rebuilt("highway_mnist10", depth=4)
def highway(image: Tensor, following: Weights) -> Tensor:
    """y = H(x) T(x) + x (1 - T(x)) in every layer after the first."""
    x = F.relu(F.linear(image.flatten(1), *following()))
    for _ in range(3):
        h, t = F.relu(F.linear(x, *following())), torch.sigmoid(F.linear(x, *following()))
        x = h * t + x * (1 - t)
    return F.linear(x, *following())


def plain(image: Tensor, following: Weights, depth: int) -> Tensor:
    x = image.flatten(1)
    for _ in range(depth):
        x = F.relu(F.linear(x, *following()))
    return F.linear(x, *following())


for depth in (10, 20, 50, 100):
    rebuilt(f"plain_mnist{depth}")(partial(plain, depth=depth))


def cifar(image: Tensor, following: Weights, depth: int, shortcuts: bool) -> Tensor:
    """He et al., section 4.2: three stages of 2n layers; a shortcut of option A has no weights."""
    x = F.relu(normalised(F.conv2d(image, *following(), padding=1), following))
    n = (depth - 2) // 6
    for block in range(3 * n):
        stride = 2 if block in (n, 2 * n) else 1
        y = F.relu(normalised(F.conv2d(x, *following(), stride=stride, padding=1), following))
        y = normalised(F.conv2d(y, *following(), padding=1), following)
        if shortcuts:
            same = F.max_pool2d(x, 1, stride)
            y = y + torch.cat([same, torch.zeros_like(same)], 1) if stride == 2 else y + same
        x = F.relu(y)
    return F.linear(x.mean((2, 3)), *following())


for depth in (20, 32, 44, 56, 110):
    rebuilt(f"resnet_cifar{depth}")(partial(cifar, depth=depth, shortcuts=True))
for depth in (20, 32, 44, 56):
    rebuilt(f"plain_cifar{depth}")(partial(cifar, depth=depth, shortcuts=False))


@rebuilt("mnist1d_resnet")
def mnist1d_resnet(signal: Tensor, following: Weights) -> Tensor:
    """Signals are rings: what a convolution sees beyond one end is the other end."""

    def conv(x: Tensor) -> Tensor:
        (weight,) = following()
        side = weight.shape[2] // 2
        return normalised(F.conv1d(torch.cat([x[..., -side:], x, x[..., :side]], 2), weight), following)

    def block(x: Tensor) -> Tensor:
        return F.relu(x + conv(F.relu(conv(x))))

    x = F.max_pool1d(block(F.relu(conv(signal))), 2)
    x = F.max_pool1d(block(x), 2)
    return F.linear(F.relu(conv(x)).amax(2), *following())


@rebuilt("highway_conv16")
def highway_conv(image: Tensor, following: Weights) -> Tensor:
    x = F.relu(F.conv2d(image, *following(), padding=1))
    for layer in range(8):
        h = F.relu(F.conv2d(x, *following(), padding=1))
        t = torch.sigmoid(F.conv2d(x, *following(), padding=1))
        x = h * t + x * (1 - t)
        x = F.max_pool2d(x, 2) if layer in (1, 4, 7) else x
    return F.linear(x.flatten(1), *following())


def maxout(x: Tensor, pieces: int) -> Tensor:
    """The largest of every `pieces` units that follow each other."""
    return torch.stack([x[:, piece::pieces] for piece in range(pieces)]).amax(0)


@rebuilt("maxout_mnist")
def maxout_mnist(image: Tensor, following: Weights) -> Tensor:
    x = maxout(F.max_pool2d(F.conv2d(image, *following()), 4, 2, ceil_mode=True), 2)
    x = maxout(F.max_pool2d(F.conv2d(x, *following(), padding=3), 4, 2, ceil_mode=True), 2)
    x = maxout(F.max_pool2d(F.conv2d(x, *following(), padding=3), 2), 4)
    return F.linear(x.flatten(1), *following())


@rebuilt("maxout_mnist_permuted")
def maxout_permuted(pixels: Tensor, following: Weights) -> Tensor:
    x = maxout(F.linear(pixels, *following()), 5)
    x = maxout(F.linear(x, *following()), 5)
    return F.linear(x, *following())


@rebuilt("maxout_cifar")
def maxout_cifar(image: Tensor, following: Weights) -> Tensor:
    x = maxout(F.max_pool2d(F.conv2d(image, *following(), padding=4), 4, 2, ceil_mode=True), 2)
    x = maxout(F.max_pool2d(F.conv2d(x, *following(), padding=3), 4, 2, ceil_mode=True), 2)
    x = maxout(F.max_pool2d(F.conv2d(x, *following(), padding=3), 2, 2, ceil_mode=True), 2)
    return F.linear(maxout(F.linear(x.flatten(1), *following()), 5), *following())


def rectified(x: Tensor, following: Weights, **how: Any) -> Tensor:
    return F.relu(F.conv2d(x, *following(), **how))


def halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


def inception(x: Tensor, following: Weights) -> Tensor:
    """The paper's module, without batch normalisation."""
    conv = partial(rectified, following=following)
    parts = [conv(x), conv(conv(x), padding=1), conv(conv(x), padding=2)]
    return torch.cat([*parts, conv(F.max_pool2d(x, 3, 1, 1))], 1)


@rebuilt("googlenet", inputs={"image": [3, 224, 224]}, aux=False)
def googlenet(image: Tensor, following: Weights) -> Tensor:
    """The paper's; every pool of stride 2 rounds up."""
    conv = partial(rectified, following=following)
    x = F.local_response_norm(halved(conv(image, stride=2, padding=3)), 5, 1e-4, 0.75, 1.0)
    x = halved(F.local_response_norm(conv(conv(x), padding=1), 5, 1e-4, 0.75, 1.0))
    for modules in (2, 5, 2):
        for _ in range(modules):
            x = inception(x, following)
        x = halved(x) if modules + x.shape[2] != 9 else x
    return F.linear(x.mean((2, 3)), *following())


@rebuilt("googlenet_small")
def googlenet_small(image: Tensor, following: Weights) -> Tensor:
    """The auxiliary classifiers after the third and the sixth module have weights, and no part in the answer."""
    x = rectified(image, following, padding=1)
    for module in range(9):
        x = inception(x, following)
        if module in (1, 6):
            x = halved(x)
        if module in (2, 5):
            for _ in ("conv", "fc", "classifier"):
                following()
    return F.linear(x.mean((2, 3)), *following())


def modules(*names: str) -> Callable[[Tensor, Weights], Tensor]:
    """Inception modules in a row: the branches of each, and of a branch the padding of its convolutions.

    A list in a branch is of convolutions side by side; `pool` is a pool of 3 x 3 at stride 1.
    """
    n = (0, 3), (3, 0)
    sides = [(0, 1), (1, 0)]
    branches: dict[str, list[list[Any]]] = {
        "naive": [[0], [1], [2], ["pool"]],
        "reduced": [[0], [0, 1], [0, 2], ["pool", 0]],
        "stacked": [[0], [0, 1], [0, 1, 1], ["pool", 0]],
        "factorised": [[0], [0, *n], [0, *n, *n], ["pool", 0]],
        "expanded": [[0], [0, sides], [0, 1, sides], ["pool", 0]],
    }

    def forward(x: Tensor, following: Weights) -> Tensor:
        def step(x: Tensor, pad: Any) -> Tensor:
            if pad == "pool":
                return F.max_pool2d(x, 3, 1, 1)
            if isinstance(pad, list):
                return torch.cat([step(x, side) for side in pad], 1)
            return F.relu(F.conv2d(x, *following(), padding=pad))

        for name in names:
            parts = []
            for branch in branches[name]:
                part = x
                for pad in branch:
                    part = step(part, pad)
                parts.append(part)
            x = torch.cat(parts, 1)
        return x

    return forward


for module in ("naive", "reduced", "stacked", "factorised", "expanded"):
    rebuilt(f"inception_{module}", inputs={"x": [192, 9, 11]})(modules(module))


@rebuilt("inception_row", inputs={"x": [192, 9, 11]})
def inception_row(x: Tensor, following: Weights) -> Tensor:
    x = F.max_pool2d(modules("naive", "reduced")(x, following), 2)
    x = F.max_pool2d(modules("stacked", "factorised")(x, following), 2)
    return F.linear(modules("expanded")(x, following).mean((2, 3)), *following())


@rebuilt("unet", inputs={"image": [1, 188, 188]}, width=4)
def unet(tile: Tensor, following: Weights) -> Tensor:
    """Every encoder map is cropped in its middle and stands before the decoder's in the concatenation."""

    def double(x: Tensor) -> Tensor:
        return F.relu(F.conv2d(F.relu(F.conv2d(x, *following())), *following()))

    skips, x = [], tile
    for _ in range(4):
        skips.append(double(x))
        x = F.max_pool2d(skips[-1], 2)
    x = double(x)
    for skip, offset in zip(reversed(skips), (4, 16, 40, 88), strict=True):
        x = F.conv_transpose2d(x, *following(), stride=2)
        size = x.shape[-1]
        x = double(torch.cat([skip[..., offset : offset + size, offset : offset + size], x], 1))
    return F.conv2d(x, *following())


@rebuilt("unet_same", inputs={"image": [3, 32, 48]}, width=4)
def unet_same(image: Tensor, following: Weights) -> Tensor:
    def double(x: Tensor) -> Tensor:
        return F.relu(F.conv2d(F.relu(F.conv2d(x, *following(), padding=1)), *following(), padding=1))

    skips = [double(image)]
    for _ in range(4):
        skips.append(double(F.max_pool2d(skips[-1], 2)))
    x = skips.pop()
    while skips:
        x = double(torch.cat([skips.pop(), F.conv_transpose2d(x, *following(), stride=2)], 1))
    return F.conv2d(x, *following())


@rebuilt("unet_membrane", inputs={"section": [1, 32, 48]}, width=4)
def unet_membrane(section: Tensor, following: Weights) -> Tensor:
    """A convolution without a bias, its normalisation by the statistics that it holds, and a ReLU, twice a level."""

    def double(x: Tensor) -> Tensor:
        for _ in range(2):
            x = F.relu(normalised(F.conv2d(x, *following(), padding=1), following))
        return x

    skips = [double(section)]
    for _ in range(4):
        skips.append(double(F.max_pool2d(skips[-1], 2)))
    x = skips.pop()
    while skips:
        x = double(torch.cat([skips.pop(), F.conv_transpose2d(x, *following(), stride=2)], 1))
    return F.conv2d(x, *following())


@rebuilt("wavenet", inputs={"audio": [8, 40]}, levels=8, residual=3, width=5, skips=7, stacks=2, depth=3)
def wavenet(audio: Tensor, following: Weights) -> Tensor:
    """A layer computes tanh(filter) * sigmoid(gate); the head sums what all layers skip."""
    x, total = causal(audio, following()), audio.new_zeros(())
    for dilation in [1, 2, 4] * 2:
        z = torch.tanh(causal(x, following(), dilation)) * torch.sigmoid(causal(x, following(), dilation))
        total = total + F.conv1d(z, *following())
        x = x + F.conv1d(z, *following())
    return F.conv1d(F.relu(F.conv1d(F.relu(total), *following())), *following())


def bytenet_stack(x: Tensor, following: Weights, sets: int, *, masked: bool) -> Tensor:
    """Residual blocks of three convolutions; layer normalisation and ReLU before each."""

    def prepared(x: Tensor) -> Tensor:
        weight, bias = following()
        return F.relu(F.layer_norm(x.transpose(1, 2), weight.shape, weight, bias).transpose(1, 2))

    for dilation in [1, 2, 4, 8, 16] * sets:
        h = F.conv1d(prepared(x), *following())
        h = prepared(h)
        h = causal(h, following(), dilation) if masked else F.conv1d(h, *following(), padding="same", dilation=dilation)
        x = x + F.conv1d(prepared(h), *following())
    return x


@rebuilt("bytenet_lm", inputs={"characters": [40]}, vocabulary=11, d=4, sets=2)
def bytenet_lm(characters: Tensor, following: Weights) -> Tensor:
    x = F.embedding(characters, *following()).transpose(1, 2)
    x = F.relu(bytenet_stack(x, following, 2, masked=True))
    return F.conv1d(F.relu(F.conv1d(x, *following())), *following())


@rebuilt("bytenet", inputs={"source": [500], "target": [400]}, source_vocabulary=11, target_vocabulary=9, d=3, sets=1)
def bytenet(source: Tensor, target: Tensor, following: Weights) -> Tensor:
    """The decoder stands on the encoder: position by position, what the encoder says is added to the target's."""
    encoded = bytenet_stack(F.embedding(source, *following()).transpose(1, 2), following, 1, masked=False)
    x = F.embedding(target, *following()).transpose(1, 2) + encoded[:, :, :400]
    x = F.relu(bytenet_stack(x, following, 1, masked=True))
    return F.conv1d(F.relu(F.conv1d(x, *following())), *following())


@rebuilt("tcn", inputs={"pixels": [1, 60]}, channels=6, levels=3, kernel=3)
def tcn(pixels: Tensor, following: Weights) -> Tensor:
    """Convolutions with normalised weights, padded on both sides and cut off at the end, as in the authors' code."""

    def chomped(x: Tensor, dilation: int) -> Tensor:
        (bias,), (length, direction) = following(), following()
        weight = length * direction / direction.flatten(1).norm(dim=1)[:, None, None]
        pad = (weight.shape[-1] - 1) * dilation
        return F.relu(F.conv1d(x, weight, bias, padding=pad, dilation=dilation)[..., :-pad])

    x = pixels
    for level in range(3):
        h = chomped(chomped(x, 2**level), 2**level)
        x = F.relu(h + (F.conv1d(x, *following()) if level == 0 else x))
    return F.linear(x[:, :, -1], *following())


@rebuilt("charcnn_small", inputs={"text": [70, 174]})
def charcnn(text: Tensor, following: Weights) -> Tensor:
    x = text
    for pool in (True, True, False, False, False, True):
        x = F.relu(F.conv1d(x, *following()))
        x = F.max_pool1d(x, 3) if pool else x
    x = F.relu(F.linear(x.flatten(1), *following()))
    return F.linear(F.relu(F.linear(x, *following())), *following())


@rebuilt("timeseries_fcn")
def timeseries_fcn(series: Tensor, following: Weights) -> Tensor:
    """A kernel of 8 pads three on the left and four on the right, as Keras does."""
    x = series
    for pad in ((3, 4), (2, 2), (1, 1)):
        x = F.relu(normalised(F.conv1d(F.pad(x, pad), *following()), following, eps=0.001))
    return F.linear(x.mean(2), *following())


@rebuilt("c3d", inputs={"clip": [3, 16, 32, 48]})
def c3d(clip: Tensor, following: Weights) -> Tensor:
    x = clip
    for layer, pool in enumerate(((1, 2, 2), 2, None, 2, None, 2, None, 2)):
        x = F.relu(F.conv3d(x, *following(), padding=1))
        if pool is not None:
            x = F.max_pool3d(x, pool, ceil_mode=layer == 7)
    x = F.relu(F.linear(x.flatten(1), *following()))
    return F.linear(F.relu(F.linear(x, *following())), *following())


@rebuilt("vnet", inputs={"volume": [1, 16, 16, 32]})
def vnet(volume: Tensor, following: Weights) -> Tensor:
    """The first stage adds the one channel of the volume to each of the sixteen."""

    def stage(x: Tensor, count: int) -> Tensor:
        h = x
        for layer in range(count):
            h = F.conv3d(h, *following(), padding=2)
            h = F.prelu(h, *following()) if layer < count - 1 else h
        return F.prelu(h + x.expand_as(h), *following())

    levels = [stage(volume, 1)]
    for count in (2, 3, 3, 3):
        down = F.prelu(F.conv3d(levels[-1], *following(), stride=2), *following())
        levels.append(stage(down, count))
    x = levels.pop()
    for count in (3, 3, 2, 1):
        up = F.prelu(F.conv_transpose3d(x, *following(), stride=2), *following())
        x = stage(torch.cat([levels.pop(), up], 1), count)
    return F.conv3d(F.prelu(F.conv3d(x, *following()), *following()), *following())


@rebuilt("deconvnet", inputs={"image": [3, 224, 224]}, width=4)
def deconvnet(image: Tensor, following: Weights) -> Tensor:
    """Unpooling by hand: every value goes to where the pool of its level found its largest."""

    def conv(x: Tensor, pad: int = 1) -> Tensor:
        return F.relu(normalised(F.conv2d(x, *following(), padding=pad), following))

    def deconv(x: Tensor, pad: int = 1) -> Tensor:
        return F.relu(normalised(F.conv_transpose2d(x, *following(), padding=pad), following))

    def unpool(x: Tensor, fine: Tensor) -> Tensor:
        coarse = fine.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
        first = F.one_hot(coarse.argmax(-1), 4).to(x.dtype) * x[..., None]
        tiles = first.view(*x.shape, 2, 2).permute(0, 1, 2, 4, 3, 5)
        return tiles.reshape(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])

    fine, x = [], image
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            x = conv(x)
        fine.append(x)
        x = F.max_pool2d(x, 2)
    x = deconv(conv(conv(x, 0), 0), 0)
    for count in (3, 3, 3, 2, 2):
        x = unpool(x, fine.pop())
        for _ in range(count):
            x = deconv(x)
    return F.conv2d(x, *following())


@rebuilt("yolov1", inputs={"image": [3, 64, 64]}, grid=2, classes=3)
def yolov1(image: Tensor, following: Weights) -> Tensor:
    def conv(x: Tensor, stride: int = 1) -> Tensor:
        weight, bias = following()
        return F.leaky_relu(F.conv2d(x, weight, bias, stride, weight.shape[-1] // 2), 0.1)

    x = F.max_pool2d(conv(image, 2), 2)
    x = F.max_pool2d(conv(x), 2)
    for count in (4, 10):
        for _ in range(count):
            x = conv(x)
        x = F.max_pool2d(x, 2)
    for layer in range(17, 25):
        x = conv(x, 2 if layer == 22 else 1)
    x = F.leaky_relu(F.linear(x.flatten(1), *following()), 0.1)
    return F.linear(x, *following()).view(-1, 13, 2, 2)


@rebuilt("dcgan", width=8)
def dcgan(z: Tensor, following: Weights) -> Tensor:
    x = F.relu(normalised(F.conv_transpose2d(z, *following()), following))
    for _ in range(3):
        x = F.relu(normalised(F.conv_transpose2d(x, *following(), stride=2, padding=1), following))
    return torch.tanh(F.conv_transpose2d(x, *following(), stride=2, padding=1))


@rebuilt("resize_conv", width=8)
def resize_conv(z: Tensor, following: Weights) -> Tensor:
    def larger(x: Tensor) -> Tensor:
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return F.conv2d(x, *following(), padding=1)

    x = F.relu(normalised(F.conv_transpose2d(z, *following()), following))
    for _ in range(3):
        x = F.relu(normalised(larger(x), following))
    return torch.tanh(larger(x))


@rebuilt("siamese")
def siamese(left: Tensor, right: Tensor, following: Weights) -> Tensor:
    """One set of weights, two pictures, one distance."""
    weights = [following() for _ in range(4)]

    def embed(x: Tensor) -> Tensor:
        for kernel in weights[:2]:
            x = F.max_pool2d(F.conv2d(x, *kernel), 2)
        return F.linear(F.relu(F.linear(x.flatten(1), *weights[2])), *weights[3])

    return (embed(left) - embed(right)).pow(2).sum(1).sqrt()


@rebuilt("cam_vgg16", inputs={"image": [3, 32, 32]})
def cam_vgg16(image: Tensor, following: Weights) -> Tensor:
    x = image
    for level, count in enumerate((2, 2, 3, 3, 3)):
        x = F.max_pool2d(x, 2) if level else x
        for _ in range(count):
            x = F.relu(F.conv2d(x, *following(), padding=1))
    x = F.relu(F.conv2d(x, *following(), padding=1, groups=2))
    return F.linear(x.mean((2, 3)), *following())


@rebuilt("nin")
def nin(image: Tensor, following: Weights) -> Tensor:
    def mlpconv(x: Tensor, pad: int) -> Tensor:
        x = F.relu(F.conv2d(x, *following(), padding=pad))
        return F.relu(F.conv2d(F.relu(F.conv2d(x, *following())), *following()))

    x = F.max_pool2d(mlpconv(image, 2), 3, 2, ceil_mode=True)
    x = F.avg_pool2d(mlpconv(x, 2), 3, 2, ceil_mode=True)
    return mlpconv(x, 1).mean((2, 3))


@rebuilt("gpt2", inputs={"tokens": [9]}, vocabulary=11, context=16, width=24, layers=2, heads=3)
def gpt2(tokens: Tensor, following: Weights) -> Tensor:
    (words,), (positions,) = following(), following()
    x = words[tokens] + positions[: tokens.shape[1]]
    for _ in range(2):
        y = F.layer_norm(x, (24,), *following())
        q, k, v = (part.unflatten(-1, (3, 8)).transpose(1, 2) for part in F.linear(y, *following()).chunk(3, -1))
        scores = q @ k.mT / 8**0.5
        later = torch.ones(9, 9, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(later, -torch.inf).softmax(-1) @ v
        x = x + F.linear(mixed.transpose(1, 2).flatten(2), *following())
        y = F.gelu(F.linear(F.layer_norm(x, (24,), *following()), *following()), approximate="tanh")
        x = x + F.linear(y, *following())
    return F.layer_norm(x, (24,), *following()) @ words.T
