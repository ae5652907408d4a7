"""Commands for editors and for what follows a file while it is written."""

from __future__ import annotations

from netspec.commands.command import command


@command
def lsp() -> None:
    """Answer an editor: the Language Server Protocol on the standard input and output."""
    import logging

    from netspec.lsp.server import server

    logging.getLogger("pygls").setLevel(logging.ERROR)
    server().start_io()
