"""The name that is meant by one that is not known: by its meaning first, then by its spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache

CUTOFF = 0.6
"""How alike two names must be, from 0 to 1 as difflib has it, for one to be proposed in place of the other."""
LONGEST_NAME = 100
MOST_NAMES = 2_000
"""How long a name may be, and how many others there may be, for the nearest to be looked for."""

_LOOKALIKES = str.maketrans("lio", "110")


def bare(name: str) -> str:
    """A name as it is spoken: `LeakyReLU`, `leaky_relu` and `nn.LeakyReLU` are one."""
    return name.rpartition(".")[2].replace("_", "").replace("-", "").lower()


def synonym(name: str, meanings: Mapping[str, Iterable[str]]) -> str | None:
    """The name that stands for the same thing as `name`; `meanings` says what else each known one is called."""
    spoken = {bare(alias): known_name for known_name, aliases in meanings.items() for alias in aliases}
    spoken |= {bare(known_name): known_name for known_name in meanings}
    spoken.pop("", None)
    return spoken.get(bare(name))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name that is meant by a mistyped one, if one is near enough."""
    if len(name) > LONGEST_NAME:
        return None
    candidates = set(names)
    if len(candidates) > MOST_NAMES:
        candidates = set(sorted(candidate for candidate in candidates if candidate[:1] == name[:1])[:MOST_NAMES])
    return _nearest(name, frozenset(candidates))


@lru_cache(maxsize=256)
def _nearest(name: str, names: frozenset[str]) -> str | None:
    candidates = sorted(names)
    exact = [candidate for candidate in candidates if _skeleton(candidate) == _skeleton(name)]
    near = exact or get_close_matches(name, candidates, n=1, cutoff=CUTOFF)
    return near[0] if near else None


def _skeleton(name: str) -> str:
    """A name as it looks: `el` is `e1`, `O` is `0`, and case does not count."""
    return name.lower().translate(_LOOKALIKES)
