"""A text that a trained net goes on with: token by token, each drawn from what the net says comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.syntax.source import place_outside
from netspec.train.data.files import DataError
from netspec.train.data.tokens import Tokens

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from netspec.train.after.restored import Restored


class SampleOptions(TypedDict, total=False):
    """The keyword arguments of `sample`."""

    temperature: float
    top: int | None
    seed: int


def sample(
    run: Restored, prompt: str, count: int, *, temperature: float = 1.0, top: int | None = None, seed: int = 0
) -> str:
    """What a net that was trained on `tokens` goes on with after a prompt: `count` tokens, as a text.

    Each is drawn from the probabilities that the net gives, sharpened by a `temperature` below 1; with 0 it is the
    likeliest one. With `top` it is one of so many likeliest. The same seed draws the same text. A net that takes a
    fixed number of tokens is given the last of them. Raises NetspecError (E0655).
    """
    import torch

    data = run.settings.data
    if not isinstance(data, Tokens):
        raise _refused(f"{run.graph.name} was trained on {data.name}, and texts are made by what was trained on tokens")
    from netspec.train.runs.resumption import job_in

    try:
        vocabulary = data.vocabulary(job_in(run.folder, {}, {}).place, run.signature.names)
        assert vocabulary is not None
        numbers = vocabulary.numbers(prompt).tolist()
    except DataError as error:
        raise _refused(error.message) from None
    if not numbers:
        raise _refused("a text begins with one token at least", help="--prompt TEXT")
    generator = torch.Generator().manual_seed(seed)
    begun = len(numbers)
    for _ in range(count):
        scores = _next(run, numbers)
        numbers.append(_draw(scores, temperature, top, generator))
    return vocabulary.text(numbers[begun:])


def _next(run: Restored, numbers: list[int]) -> Tensor:
    """The scores (tokens) of what comes after these, of which the net is given as many as it takes.

    Where there are fewer, what follows them is filled up: at a place of a text only what is before it is known.
    """
    import torch

    (length,) = run.signature.sent[0]
    context = torch.zeros(1, length, dtype=torch.int64)
    last = numbers[-length:]
    context[0, : len(last)] = torch.tensor(last)
    (encoding,) = run.signature.encodings
    scores = run.outputs(encoding(context))[0, :, len(last) - 1]
    return scores.float().cpu()


def _draw(scores: Tensor, temperature: float, top: int | None, generator: Generator) -> int:
    import torch

    if temperature == 0:
        return int(scores.argmax())
    scores = scores / temperature
    if top is not None and top < len(scores):
        scores = scores.masked_fill(scores < scores.topk(top).values[-1], -torch.inf)
    return int(torch.multinomial(scores.softmax(0), 1, generator=generator))


def _refused(message: str, help: str = "") -> NetspecError:
    return NetspecError((Diagnostic("E0655", message, place_outside("--prompt"), help=help),))
