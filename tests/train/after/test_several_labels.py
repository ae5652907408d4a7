"""Samples with several labels: named, told with their probabilities, judged as a whole."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from netspec import NetspecError
from netspec.train import restore, train

TAGS = """\
net Tags {
  input x [4]
  linear(16) -> relu -> linear(3)
}

train {
  data      npz("tags.npz")
  loss      bce
  optimizer adam(lr=0.02)
  metrics   [accuracy, exact_match, f1]
  epochs    40
  batch     20
}
"""
NAMES = ("round", "red", "old")


@pytest.fixture(scope="module")
def arrays():
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    return {"x": x, "y": (x[:, :3] > 0.3).astype(int), "names": np.array(NAMES)}


@pytest.fixture(scope="module")
def tags(made, arrays):
    return restore(made(TAGS, files={"tags.npz": arrays}).folder, device="cpu")


def test_labels_are_told_with_their_probabilities(tags, arrays, tmp_path):
    assert tags.signature.names == NAMES
    np.save(tmp_path / "x.npy", arrays["x"][:20])
    said = tags.predict(tmp_path / "x.npy")
    chances = torch.sigmoid(tags.model(torch.from_numpy(arrays["x"][:20]))).detach().numpy()
    for one, row in zip(said, chances, strict=True):
        assert np.allclose(one.output, row, atol=1e-6)
        assert one.applying == tuple(name for name, share in zip(NAMES, row, strict=True) if share >= 0.5)


def test_metrics_of_labels_are_those_of_scikit_learn(tags, arrays):
    found = tags.evaluate(part="all")
    said = (torch.sigmoid(tags.model(torch.from_numpy(arrays["x"]))) >= 0.5).int().numpy()
    assert found.figures["exact_match"] == pytest.approx(accuracy_score(arrays["y"], said), abs=1e-6)
    assert found.figures["f1"] == pytest.approx(f1_score(arrays["y"], said, average="macro"), abs=1e-6)
    assert found.figures["accuracy"] == pytest.approx((arrays["y"] == said).mean(), abs=1e-6)
    assert found.samples.share.mean() == pytest.approx((arrays["y"] == said).mean(), abs=1e-6)


def test_command(cli, tags, arrays, tmp_path):
    np.save(tmp_path / "x.npy", np.array([[2, -2, 2, 0], [-2, -2, -2, 0]], np.float32))
    first, second = cli("predict", tags.folder, "x.npy").stdout.splitlines()
    assert "round" in first
    assert "old" in first
    assert "red" not in first
    assert "none; likeliest" in second
    document = json.loads(cli("predict", tags.folder, "x.npy", "--format", "json").stdout)
    assert document[0]["labels"] == ["round", "old"]
    assert list(document[0]["probabilities"]) == list(NAMES)
    rows = cli("predict", tags.folder, "x.npy", "--format", "csv").stdout.splitlines()
    assert rows[0] == "input,labels,round,red,old"
    assert cli("report", tags.folder, "-o", "page.html").returncode == 0


def test_a_single_label_has_no_exact_match(spec, tmp_path, arrays):
    np.savez(tmp_path / "tags.npz", x=arrays["x"], y=arrays["y"][:, 0])
    with pytest.raises(NetspecError, match="exact_match is of samples with several labels"):
        train(spec(TAGS, ("linear(3)", "linear(1)")), out=tmp_path / "run", quiet=True, device="cpu")
