"""Many random nets, each emitted and compared with its graph: `python -m tests.generated --nets 20000 --seed 7`.

The same seed gives the same nets. The exit status is 1 where one went wrong; its text is printed, as small as it can be
made.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTS / "codegen"), str(_TESTS / "generated")]

from many_nets import smallest_failing, wrong_nets  # noqa: E402


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
    print(f"{options.nets} nets in {seconds:.0f} s, {checked} that check, {len(wrong)} of them wrong", flush=True)
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
