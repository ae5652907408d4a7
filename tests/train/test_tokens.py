"""Texts as tokens: what a window holds, what comes next, and how a trained net goes on with a text."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from same_runs import equal
from train_specs import DIGITS

from netspec import NetspecError
from netspec.train import restore, resume, train
from netspec.train.data.files import DataError
from netspec.train.data.tokens import Bytes, Characters

CPU = {"device": "cpu", "quiet": True}
TEXT = "she sells sea shells by the sea shore; " * 60
GPT = """\
net Reader(vocabulary: int = 12, width: int = 16) {
  input text: int [10]
  embedding(vocabulary, width)
  _ + param([10, width], init=normal)
  residual { layernorm -> attention(2, causal=true) }
  residual { layernorm -> linear(4 * width) -> gelu -> linear(width) }
  layernorm -> linear(vocabulary) -> transpose(0, 1)
}

train {
  data      tokens("book.txt", length=10)
  loss      cross_entropy
  optimizer adamw(lr=0.01)
  epochs    6
  batch     16
}
"""


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.txt").write_text(TEXT)
    return tmp_path


def test_a_window_is_followed_by_what_comes_next(data, place, book):
    loaded = data('tokens("book.txt", length=12)').load(place)
    assert loaded.names == tuple(sorted(set(TEXT)))
    assert (loaded.classes, loaded.shape, loaded.target) == (12, (12,), (12,))
    words = Characters(loaded.names)
    cut = len(TEXT) - round(0.2 * len(TEXT))
    for split, text in ((loaded.train, TEXT[:cut]), (loaded.test, TEXT[cut:])):
        assert [words.text(x) for x in split.x] == [text[at : at + 12] for at in range(0, len(text) - 12, 12)]
        assert [words.text(y) for y in split.y] == [text[at + 1 : at + 13] for at in range(0, len(text) - 12, 12)]
    steps = data('tokens("book.txt", length=12, step=5, val=0.1)').load(place)
    assert words.text(steps.train.x[1]) == TEXT[5:17]
    assert words.text(steps.val.x[0]) == TEXT[cut - round(0.1 * len(TEXT)) :][:12]


def test_bytes_are_tokens(data, place, tmp_path):
    text = "Überströmung, häufig. " * 9
    (tmp_path / "book.txt").write_text(text, encoding="utf-8")
    loaded = data('tokens("book.txt", length=9, unit=bytes)').load(place)
    assert loaded.classes == 256
    assert bytes(loaded.train.x[0].tolist()) == text.encode()[:9]
    assert Bytes().text(Bytes().numbers("häufig").tolist()) == "häufig"


def test_pieces_of_words(data, place, book):
    tokenizers = pytest.importorskip("tokenizers")
    trained = tokenizers.Tokenizer(tokenizers.models.BPE())
    trained.train_from_iterator([TEXT], tokenizers.trainers.BpeTrainer(vocab_size=16))
    trained.save(str(book / "pieces.json"))
    loaded = data('tokens("book.txt", length=8, tokenizer="pieces.json")').load(place)
    assert loaded.names == tuple(trained.id_to_token(number) for number in range(trained.get_vocab_size()))
    assert loaded.train.x[0].tolist() == trained.encode(TEXT).ids[:8]
    (book / "pieces.json").write_text("{")
    with pytest.raises(DataError, match=r"pieces\.json is no file of a tokenizer"):
        data('tokens("book.txt", length=8, tokenizer="pieces.json")').load(place)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('tokens("boook.txt", length=8)', r"there is no file boook\.txt"),
        ('tokens("book.txt", length=800)', "each of its parts needs 801 tokens"),
        ('tokens("noise.txt", length=8)', "is no text in UTF-8"),
        ('tokens("../book.txt", length=8)', "lies outside the project"),
    ],
)
def test_texts_that_are_none(data, place, book, text, message):
    (book / "noise.txt").write_bytes(b"\xff\xfe\xff" * 99)
    with pytest.raises(DataError, match=message):
        data(text).load(place)


@pytest.fixture
def reader(spec, book):
    return restore(train(spec(GPT), out=book / "run", **CPU).folder, device="cpu")


def test_the_likeliest_text_is_that_of_the_net(reader):
    """Token by token, with no filling where the text is as long as what the net takes."""
    names, prompt = reader.signature.names, "she sells se"
    numbers = [names.index(character) for character in prompt]
    for _ in range(20):
        scores = reader.model(torch.tensor([numbers[-10:]]))
        numbers.append(int(scores[0, :, -1].argmax()))
    said = "".join(names[number] for number in numbers[12:])
    assert reader.sample(prompt, 20, temperature=0) == said
    assert said.startswith("a she")
    assert reader.sample("by the", 4, temperature=0) == " sea"


def test_draws_are_of_the_seed(reader):
    one, same, other = (reader.sample("s", 60, seed=seed) for seed in (0, 0, 1))
    assert one == same != other
    assert reader.sample("s", 30, top=1) == reader.sample("s", 30, temperature=0)


def test_command(cli, reader, book):
    said = cli("predict", reader.folder, "--prompt", "by the", "--tokens", 4, "--temperature", 0)
    assert (said.stdout, said.stderr) == ("by the sea\n", "")
    assert "none of the 12 characters" in cli("predict", reader.folder, "--prompt", "Zoo").stderr
    assert cli("predict", reader.folder).returncode == 2
    (book / "more.txt").write_text("sea shells by the sea")
    refused = cli("predict", reader.folder, "more.txt").stderr
    assert "Reader goes on with a text instead of judging it" in refused
    assert "--prompt TEXT" in refused


def test_a_reader_is_taken_up_exactly(spec, book):
    opened = spec(GPT, ("epochs    6", "epochs    2"))
    whole = train(opened, out=book / "whole", **CPU)
    parted = train(opened, out=book / "parted", steps=13, **CPU)
    assert equal(whole, resume(parted.folder, quiet=True))


def test_scores_have_their_tokens_first(spec, book):
    with pytest.raises(NetspecError, match="cross_entropy cannot compare an output") as error:
        train(spec(GPT, (" -> transpose(0, 1)", "")), out=book / "run", **CPU)
    assert error.value.diagnostics[0].help == "classes come first: end the net in transpose(0, 1)"


def test_texts_are_made_by_what_was_trained_on_tokens(gap_like, tmp_path):
    with pytest.raises(NetspecError, match="was trained on digits, and texts are made by what was trained on tokens"):
        gap_like.sample("she", 3)


@pytest.fixture
def gap_like(spec, tmp_path):
    return restore(train(spec(DIGITS), out=tmp_path / "small", steps=1, **CPU).folder, device="cpu")


def test_one_hot_tokens_enter_too(spec, book):
    embedding = "input text: int [10]\n  embedding(vocabulary, width)"
    one_hot = "input text [12, 10]\n  transpose(0, 1) -> linear(width)"
    run = train(spec(GPT, (embedding, one_hot), ("epochs    6", "epochs    1")), out=book / "run", **CPU)
    assert np.isfinite(run.metrics[-1].test["loss"])
    assert len(restore(run.folder, device="cpu").sample("she", 5)) == 5
