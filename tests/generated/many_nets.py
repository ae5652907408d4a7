"""Many nets of one seed: which of them go wrong, and the smallest that goes wrong in the same way."""

from __future__ import annotations

import random

from emission import Failure, failure_of, graph_of
from random_nets import random_net
from smaller import smallest


def wrong_nets(seed: int, nets: int, first: int = 0, *, law: bool = True) -> tuple[int, list[tuple[str, str, Failure]]]:
    """How many of so many random nets check, and those among them that go wrong: name, text, failure."""
    checked, wrong = 0, []
    for index in range(first, first + nets):
        name = f"{seed}/{index}"
        text = random_net(random.Random(name))
        if graph_of(text) is None:
            continue
        checked += 1
        failure = failure_of(text, name if law else None)
        if failure is not None:
            wrong.append((name, text, failure))
    return checked, wrong


def smallest_failing(name: str, text: str, failure: Failure) -> tuple[str, Failure]:
    """The smallest text with which the same goes wrong, and what is said of it."""
    asked = name if failure.kind.startswith("law") else None

    def wrong(candidate: str) -> bool:
        other = failure_of(candidate, asked)
        return other is not None and other.kind == failure.kind

    least = smallest(text, wrong)
    return least, failure_of(least, asked) or failure
