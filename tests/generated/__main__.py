"""Many random nets, each of them emitted and compared with its graph: `python -m tests.generated --nets 20000 --seed 7`.

The same seed gives the same nets. The exit status is 1 where one went wrong; its text is printed, as small as it can be made.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import time
from collections import Counter
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTS / "codegen"), str(_TESTS / "generated")]

from emission import Failure, failure_of, graph_of  # noqa: E402
from random_nets import random_net  # noqa: E402
from smaller import smallest  # noqa: E402


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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.generated", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nets", type=int, default=1000, help="how many nets are drawn")
    parser.add_argument("--seed", type=int, default=None, help="a new one, if not given; it is printed")
    parser.add_argument("--first", type=int, default=0, help="the number of the first net")
    parser.add_argument("--no-law", action="store_true", help="leave out other arguments of the nets' blocks")
    parser.add_argument("--show", type=int, default=1, help="how many failures of a kind are made small and printed")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    start = time.perf_counter()
    checked, wrong = wrong_nets(seed, options.nets, options.first, law=not options.no_law)
    seconds = time.perf_counter() - start
    print(f"{options.nets} nets in {seconds:.0f} s, {checked} that check, {len(wrong)} of them wrong")
    shown: Counter[str] = Counter()
    for name, text, failure in wrong:
        shown[failure.kind] += 1
        if shown[failure.kind] <= options.show:
            least, why = smallest_failing(name, text, failure)
            seed_, _, index = name.partition("/")
            print(f"\nnet {name}: {why}\n(--seed {seed_} --first {index} --nets 1)\n{least}", flush=True)
    for kind, count in shown.most_common():
        print(f"{count:6} {kind}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
