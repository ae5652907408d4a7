"""How well a run of examples/training/dcgan_digits.net draws: `python benchmarks/drawn_digits.py runs/dcgan_digits`.

Drawn digits are held beside as many of the test data, and each is asked whether its nearest neighbour among all the
others is one of its own kind. That is so of half of them where nobody can tell the two apart, and of all where it is
easy (Lopez-Paz & Oquab, "Revisiting classifier two-sample tests", ICLR 2017). A classifier of the real digits says
which are drawn.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from netspec.train import restore
from netspec.train.after.evaluate import prepared_for


def told_apart(drawn: np.ndarray, real: np.ndarray) -> float:
    """The share of both whose nearest neighbour is of their own kind; both (n, pixels)."""
    both, kind = np.concatenate([drawn, real]), np.repeat([0, 1], [len(drawn), len(real)])
    nearest = NearestNeighbors(n_neighbors=2).fit(both).kneighbors(both, return_distance=False)[:, 1]
    return float((kind[nearest] == kind).mean())


def main() -> None:
    """Prints the figures of a run, and those of a generator that has not learned."""
    run = restore(Path(sys.argv[1]))
    data = prepared_for(run).plan.data
    pictures = [split.x.reshape(len(split.x), -1).astype(np.float32) for split in (data.train, data.test)]
    train, test = (each / 255 if each.max() > 1 else each for each in pictures)
    z = torch.randn(len(test), *run.graph.inputs[1].shape.dims, generator=torch.Generator().manual_seed(0))
    image = torch.zeros(len(test), *run.graph.inputs[0].shape.dims)
    classifier = KNeighborsClassifier(3).fit(train, data.train.y)
    print(f"training digits: {100 * told_apart(train[: len(test)], test):.1f} % told apart from test digits")
    for name, model in (("drawn", run.model), ("before training", run.graph.compile())):
        with torch.no_grad():
            drawn = model.eval()(image, z).fake.flatten(1).numpy()
        counts = np.bincount(classifier.predict(drawn), minlength=10)
        print(f"{name}: {100 * told_apart(drawn, test):.1f} % told apart, of each digit {counts.tolist()}")


if __name__ == "__main__":
    main()
