"""The picture beside the text: the page of `netspec serve` for what an editor holds, each following the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lsprotocol import types

from netspec.diagnostics import render
from netspec.live.picture import Picture, picture
from netspec.live.web import Live
from netspec.lsp.document import Document
from netspec.lsp.server import NetspecServer
from netspec.spec import Spec

COMMAND = "netspec.preview"
"""The command that an editor calls with the address of a document; it is given the address of the page."""
CURSOR = "netspec/cursor"
"""The notification of where the cursor of a document is: `{"uri": ..., "position": {...}}`."""


@dataclass(eq=False)
class Previews:
    """The pages that are open, by the address of their document."""

    server: NetspecServer
    pages: dict[str, Live] = field(default_factory=dict)

    def open(self, uri: str) -> str:
        """The address of a document's page, which follows the document from now on."""
        if uri not in self.pages:
            loop = asyncio.get_running_loop()

            def chosen(name: str) -> None:
                loop.call_soon_threadsafe(self.chosen, uri, name)

            live = Live(chosen=chosen)
            live.start()
            self.pages[uri] = live
            self.show(uri, self.server.document(uri))
        return self.pages[uri].url

    def show(self, uri: str, document: Document) -> None:
        """Shows a document as it is now, where it has a page."""
        if uri in self.pages:
            self.pages[uri].show(_picture(document))

    def cursor(self, uri: str, position: types.Position) -> None:
        """Selects in the page what the cursor is on."""
        live = self.pages.get(uri)
        name = live.picture.stage_at(position.line + 1) if live is not None else None
        if live is not None and name is not None:
            live.select(name)

    def chosen(self, uri: str, name: str) -> None:
        """Shows in the editor what is selected in the page."""
        line = self.pages[uri].picture.line_of(name)
        if line is not None:
            start = types.Position(line - 1, 0)
            place = types.ShowDocumentParams(uri, take_focus=False, selection=types.Range(start, start))
            self.server.window_show_document(place)

    def close(self, uri: str) -> None:
        live = self.pages.pop(uri, None)
        if live is not None:
            live.stop()


def _picture(document: Document) -> Picture:
    """The picture of the last net of a document, or what is wrong with the document."""
    if document.mistakes:
        return Picture("", "\n\n".join(map(render, document.mistakes)))
    return picture(lambda: Spec(document.module, document.path))
