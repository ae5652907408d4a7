"""Masks of COCO's files beside those of pycocotools: polygons, runs, packed runs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netspec.train.data.objects.segmentation import segmentation

SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@settings(max_examples=60, deadline=None)
@given(SIDES, st.integers(0, 2**32 - 1))
def test_runs_packed_or_not(size, seed):
    from pycocotools import mask as peer

    chance = np.random.default_rng(seed)
    wanted = (chance.random(size) < chance.random()).astype(np.uint8)
    packed = peer.encode(np.asfortranarray(wanted))["counts"].decode()
    assert (segmentation({"size": list(size), "counts": packed}, size).mask(size) == wanted).all()
    flat = wanted.T.ravel()
    edges = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), len(flat)]
    counts = [0] * int(flat[0]) + np.diff(edges).tolist()
    assert (segmentation({"size": list(size), "counts": counts}, size).mask(size) == wanted).all()


@settings(max_examples=60, deadline=None)
@given(SIDES, st.integers(0, 2**32 - 1))
def test_polygons(size, seed):
    from pycocotools import mask as peer

    chance = np.random.default_rng(seed)
    parts = [
        (chance.uniform(-0.1, 1.1, (chance.integers(3, 9), 2)) * size[::-1]).round(2).ravel().tolist()
        for _ in range(chance.integers(1, 4))
    ]
    wanted = peer.decode(peer.merge(peer.frPyObjects(parts, *size)))
    assert (segmentation(parts, size).mask(size) == wanted).all()
