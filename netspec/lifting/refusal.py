"""What cannot be lifted, and why, as a diagnostic with the line of the model's source."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.lifting.capture.tape import Place
from netspec.syntax.source import Source, Span


def refusal(message: str, place: Place | None = None, *, module: str = "", help: str = "") -> NetspecError:
    """The error that says why a network does not lift; raise it.

    `place` is the line of the source that does it, `module` the path of the module that it is in.
    """
    notes = (f"it is in the module {module}",) if module else ()
    if place is None:
        span = Span(Source("the network", ""), 0, 0)
    else:
        stripped = place.text.strip()
        source = Source(place.file, "\n" * (place.line - 1) + place.text)
        start = len(source.text) - len(place.text) + place.text.find(stripped)
        span = Span(source, start, start + len(stripped))
    return NetspecError((Diagnostic("E1001", message, span, notes=notes, help=help),))
