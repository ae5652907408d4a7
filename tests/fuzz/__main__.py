"""Tries inputs that nobody would write: `python -m tests.fuzz --seed 7 --minutes 30`.

Whatever is found is printed with the number of its case; `--case specs/123` makes that one again, of the same seed. The
exit status is 1 where something was found. Every find becomes a small test of the part that it was found in.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from random import Random, SystemRandom

from tests.fuzz.case import Case, Find, Maker, tried
from tests.fuzz.command_cases import command_case
from tests.fuzz.file_cases import bytes_case, graph_case
from tests.fuzz.number_cases import number_case
from tests.fuzz.run_cases import run_case
from tests.fuzz.section_cases import section_case
from tests.fuzz.spec_cases import mend_case, spec_case

MAKERS: dict[str, Maker] = {
    "specs": spec_case,
    "sections": section_case,
    "mends": mend_case,
    "graphs": graph_case,
    "bytes": bytes_case,
    "commands": command_case,
    "numbers": number_case,
    "runs": run_case,
}
"""What makes the cases of each kind; they take turns."""
MOST_SHOWN = 50


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().randrange(10**6), help="what every case follows from"
    )
    parser.add_argument("--minutes", type=float, default=0.5, help="how long to go on")
    parser.add_argument("--kind", choices=sorted(MAKERS), action="append", help="cases of this kind alone")
    parser.add_argument("--case", metavar="KIND/NUMBER", help="one case again, with the input and the whole report")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    if options.case is not None:
        kind, _, number = options.case.partition("/")
        case = made(kind, options.seed, int(number))
        find = tried(case)
        print(f"{case.text}\n\n{find.report if find else 'nothing is wrong with it'}")
        sys.exit(1 if find else 0)
    finds = search(options.kind or list(MAKERS), options.seed, 60 * options.minutes)
    sys.exit(1 if finds else 0)


def made(kind: str, seed: int, number: int) -> Case:
    """A case by its kind and number, the same whatever was tried before."""
    return MAKERS[kind](Random(f"{seed}/{kind}/{number}"))


def search(kinds: list[str], seed: int, seconds: float) -> dict[str, Find]:
    """What is found in so many seconds, or until Ctrl-C, by its place, with the first input that led there."""
    end, number = time.monotonic() + seconds, 0
    finds: dict[str, Find] = {}
    with suppress(KeyboardInterrupt):
        while time.monotonic() < end:
            for kind in kinds:
                find = tried(made(kind, seed, number))
                if find is None or find.place in finds or len(finds) >= MOST_SHOWN:
                    continue
                finds[find.place] = find
                print(f"\n{kind}/{number}: {find.place}\n{find.report}\n--- of\n{find.text[:3000]}", flush=True)
            number += 1
    print(f"{number * len(kinds):,} cases of {', '.join(kinds)}: {len(finds)} finds", flush=True)
    return finds


if __name__ == "__main__":
    main()
