"""A process among several of one training: `python -m netspec.train.worker`, its work as JSON on the standard input."""

from __future__ import annotations

import sys

from netspec.diagnostics import NetspecError
from netspec.plugins import load_plugins
from netspec.train.launch import Report, Work, report


def main() -> int:
    """Does the work and reports what became of it; the exit status."""
    from netspec.train.start import begin, go_on

    try:
        load_plugins()
        work = Work.read(sys.stdin.read())
        if work.taken_up:
            run = go_on(work.job, work.spec(), work.folder, quiet=work.quiet)
        else:
            run = begin(work.job, work.spec(), out=work.folder, quiet=work.quiet)
        outcome = Report(folder=run.folder, status=run.status, signal=run.signal)
    except NetspecError as error:
        outcome = Report(wrong=tuple(error.diagnostics))
    report(outcome)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
