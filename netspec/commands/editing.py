"""Commands for editors and for what follows a file while it is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.commands.command import command
from netspec.commands.options.assignments import read_inputs, read_settings
from netspec.commands.options.refusals import bad_option
from netspec.commands.options.shared import File, Inputs, Net, Settings, followed, spec_of
from netspec.commands.printing import display_path
from netspec.diagnostics import printable

if TYPE_CHECKING:
    from netspec.live.web import Live


@command
def lsp() -> None:
    """Answer an editor: the Language Server Protocol on the standard input and output."""
    import logging

    from netspec.lsp.server import server

    logging.getLogger("pygls").setLevel(logging.ERROR)
    server().start_io()


@command
def serve(
    file: File,
    net: Net = None,
    set: Settings = None,
    input: Inputs = None,
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0 for any that is free.")] = 0,
    open: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Show a net in the browser and follow its file: the picture moves as the text changes, mistakes show in place.

    The page is on this machine's own address alone, and only for who knows the token in its address.
    """
    import webbrowser

    from netspec.elaborate.project.files import source_of
    from netspec.live.follow import changes
    from netspec.live.picture import picture

    followed(file)
    settings, shapes = read_settings(set), read_inputs(input)
    source_of(
        file, display_path(file)
    )  # a file that is not there is refused; one with mistakes in it is shown with them
    live = _live(port)
    live.chosen = lambda name: _print_stage(live, file, name)
    live.show(picture(lambda: spec_of(file), net, shapes, settings))
    live.start()
    print(f"{display_path(file)}: {live.url}", flush=True)
    if open:
        webbrowser.open(live.url)
    for _ in changes([file]):
        now = picture(lambda: spec_of(file), net, shapes, settings)
        live.show(now)
        if now.wrong:
            print(now.wrong, end="\n\n", flush=True)


def _live(port: int) -> Live:
    """A server on a port; raises NetspecError (E0005) where another one has it."""
    from netspec.live.web import Live

    try:
        return Live(port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise bad_option("--port", str(port), "0", f"port {port} cannot be listened on: {reason}") from None


def _print_stage(live: Live, file: Path, name: str) -> None:
    """Prints the place of a stage that is selected in the page, as terminals and editors jump to it."""
    line = live.picture.line_of(name)
    if line is not None:
        print(f"{display_path(file)}:{line}: {printable(name)}", flush=True)
