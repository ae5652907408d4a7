"""A case: one input, made from a seed, and what must not happen with it."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import TypeAlias

from netspec.diagnostics import NetspecError

SECONDS, WAITING = 20, 300
"""How long a case may reckon, and how long it may take where others use the machine; what takes longer has no end."""
PACKAGE = f"{Path(__file__).resolve().parents[2] / 'netspec'}/"


class Overtime(BaseException):
    """A case has taken too long; nothing on the way catches it."""


@dataclass(frozen=True)
class Case:
    """An input as text, and what is done with it: a NetspecError is an answer, every other exception a find."""

    text: str
    run: Callable[[], object]


Maker: TypeAlias = Callable[[Random], Case]
"""Makes a case from a source of random choices, always the same one from the same choices."""


@dataclass(frozen=True)
class Find:
    """What went wrong, where in netspec, and with what."""

    place: str
    report: str
    text: str


def tried(case: Case) -> Find | None:
    """What goes wrong with a case; None where nothing does."""
    try:
        with _alarm():
            case.run()
    except NetspecError:
        return None
    except (Exception, SystemExit, Overtime) as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename.startswith(PACKAGE)] or frames
        place = f"{type(error).__name__} in {own[-1].filename.removeprefix(PACKAGE)}, {own[-1].name}"
        report = "".join(traceback.format_exception(error)[-6:])
        return Find(
            place if not isinstance(error, AssertionError) else f"{place}: {str(error)[:60]}", report, case.text
        )
    return None


@contextmanager
def _alarm() -> Iterator[None]:
    """Raises Overtime inside after a time without end, where the system has alarms."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Overtime("no end")

    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, ring) for number in (signal.SIGALRM, signal.SIGPROF)}
    signal.alarm(WAITING)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
