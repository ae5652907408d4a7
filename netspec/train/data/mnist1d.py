"""MNIST-1D, made from its recipe: templates of ten digits, moved, scaled, sheared and noisy."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from netspec.train.data.base import DATA, Data, DataSet, Split, outline
from netspec.train.data.files import Place

if TYPE_CHECKING:
    from numpy.random import RandomState
    from numpy.typing import NDArray

_TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
_SEED, _EACH, _TRAINING = 42, 500, 4000
_PADDING, _PADDED, _LENGTH = (36, 60), 72, 40


@DATA("mnist1d")
class Mnist1D(DataSet):
    """4,000 training and 1,000 test signals of length 40, shaped like the ten digits.

    Shape: [1, 40], or [40].
    Source: Greydanus & Kobak, "Scaling down deep learning with MNIST-1D", 2024: the published set, made anew from its
    published seed.
    """

    def outline(self) -> Data | None:
        return outline((1, _LENGTH), len(_TEMPLATES))

    def load(self, place: Place) -> Data:
        return _generate()


@cache
def _generate() -> Data:
    """The set: the arithmetic, and the order in which random numbers are drawn, are those of the authors' program."""
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    chance = np.random.RandomState(_SEED)
    templates = np.array(_TEMPLATES)
    templates -= templates.mean(1, keepdims=True)
    templates /= templates.std(1, keepdims=True)
    templates = (templates - templates[:, :1]) / 6
    samples = [_sample_of(template, chance) for template in templates for _ in range(_EACH)]
    x, correlated, noise, slope = (np.array(values) for values in zip(*samples, strict=True))
    x = np.where(x != 0, x, gaussian_filter1d(correlated, 2))
    x = x + noise - slope[:, None] * np.linspace(-0.5, 0.5, _PADDED)
    x = np.stack([_stretched(signal, _LENGTH) for signal in x])
    y = np.repeat(np.arange(len(templates)), _EACH)
    order = chance.permutation(len(y))
    x, y = x[order], y[order]
    x = ((x - x.mean()) / x.std()).astype("float32")[:, None]
    return Data(Split(x[:_TRAINING], y[:_TRAINING]), Split(x[_TRAINING:], y[_TRAINING:]), len(templates))


def _sample_of(template: NDArray[Any], chance: RandomState) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], float]:
    """A template padded, stretched, scaled and turned around; two kinds of noise for it, and how much it is sheared."""
    import numpy as np

    low, high = _PADDING
    x = np.concatenate([template + 1e-8, np.zeros(low + int(chance.rand() * (high - low + 1)))])
    x = _stretched(x, _PADDED) * (1 + 0.4 * (chance.rand() - 0.5))
    x = np.roll(x, chance.choice(48))
    return x, 0.25 * chance.randn(_PADDED), 0.02 * chance.randn(_PADDED), 0.75 * (chance.rand() - 0.5)


def _stretched(x: NDArray[Any], length: int) -> NDArray[Any]:
    """Brought to another length, by linear interpolation between its ends."""
    import numpy as np

    stretched: NDArray[Any] = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(x)), x)
    return stretched
