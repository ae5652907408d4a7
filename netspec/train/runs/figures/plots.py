"""Pictures of matplotlib as files: in a form that it writes, without a date, and with the mark of who made them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.marks import MARK, signed
from netspec.syntax.source import place_outside
from netspec.train.runs.folder import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMS = ("png", "svg", "pdf", "eps", "jpg", "webp")
_CREATED: dict[str, dict[str, Any]] = {
    "png": {"Software": MARK},
    "svg": {"Creator": MARK, "Date": None},
    "pdf": {"Creator": MARK, "CreationDate": None},
    "eps": {"Creator": MARK},
}
_COMMENTS = {"svg": ("<!-- {} -->", ""), "eps": ("% {}", "%%EOF\n")}
"""How the mark of a text stands in it, and what stands below."""


def form_of(out: Path) -> str:
    """The form that the end of a picture's name asks for, png where it has none; raises NetspecError (E0802)."""
    form = out.suffix.lower().removeprefix(".") or "png"
    if form in FORMS:
        return form
    message = f"{out} does not end like a picture"
    help = f"end it in {', '.join(f'.{other}' for other in FORMS[:-1])} or .{FORMS[-1]}"
    raise NetspecError((Diagnostic("E0802", message, place_outside("-o", str(out)), help=help),))


def write(figure: Figure, out: Path, **options: Any) -> None:
    """Writes a figure to a file; `options` are those of `savefig`. Raises NetspecError (E0610, E0802)."""
    from matplotlib import rc_context

    form = form_of(out)
    created = _CREATED.get(form, {})

    def save(beside: Path) -> None:
        with rc_context({"svg.hashsalt": MARK}):  # else every file has other ids
            figure.savefig(beside, format=form, metadata=created or None, **options)
        if form in _COMMENTS:
            comment, end = _COMMENTS[form]
            text = beside.read_text(encoding="utf-8").removesuffix(end)
            beside.write_text(signed(text, comment, end), encoding="utf-8", newline="\n")

    replacing(out, save)
