"""An editor that speaks the protocol with `netspec lsp`, for tests: pygls' own client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

T = TypeVar("T")
WAIT = 30.0


class Editor:
    """One file at a time, with what the server has last said of it."""

    def __init__(self, client: LanguageClient, uri: str) -> None:
        self.client = client
        self.uri = uri
        self.version = 0
        self.text = ""
        self.said: dict[str, types.PublishDiagnosticsParams] = {}
        self.messages: list[str] = []
        self.places: list[int] = []
        self.news = asyncio.Event()

    def open(self, text: str, uri: str | None = None) -> None:
        """A file in the editor: its own one, or another beside it."""
        if uri is None:
            self.text, self.version = text, 1
        document = types.TextDocumentItem(uri or self.uri, "netspec", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))

    def write(self, text: str) -> None:
        """The whole text anew, as it is after a keystroke."""
        self.text = text
        self.version += 1
        document = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    async def findings(
        self, wanted: Callable[[list[types.Diagnostic]], bool] = lambda found: True
    ) -> list[types.Diagnostic]:
        """What the server says of the newest version, as soon as it is what is wanted."""

        async def newest() -> list[types.Diagnostic]:
            while True:
                self.news.clear()
                known = self.said.get(self.uri)
                if known is not None and known.version == self.version and wanted(list(known.diagnostics)):
                    return list(known.diagnostics)
                await self.news.wait()

        return await asyncio.wait_for(newest(), WAIT)

    def place(self, mark: str, *, after: bool = False) -> types.Position:
        """Where a piece of the text stands for the first time."""
        offset = self.text.index(mark) + (len(mark) if after else 0)
        before = self.text[:offset]
        line = before.count("\n")
        return types.Position(line, len(before[before.rfind("\n") + 1 :].encode("utf-16-le")) // 2)

    @property
    def document(self) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(self.uri)

    @property
    def everything(self) -> types.Range:
        return types.Range(types.Position(0, 0), types.Position(self.text.count("\n") + 1, 0))

    async def hints(self) -> dict[int, str]:
        """The inlay hints by their line, from 1."""
        params = types.InlayHintParams(self.document, self.everything)
        found = await self.client.text_document_inlay_hint_async(params)
        return {hint.position.line + 1: str(hint.label) for hint in found or ()}


@asynccontextmanager
async def editing(folder: Path, *, settings: Any = None, capabilities: types.ClientCapabilities | None = None) -> Any:
    """An editor with a server of its own; the file is `net.net` in the folder."""
    client = LanguageClient("tests", "1")
    editor = Editor(client, (folder / "net.net").as_uri())

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def published(params: types.PublishDiagnosticsParams) -> None:
        editor.said[params.uri] = params
        editor.news.set()

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    def message(params: types.ShowMessageParams) -> None:
        editor.messages.append(params.message)

    @client.feature(types.WINDOW_SHOW_DOCUMENT)
    def place(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
        assert params.selection is not None
        editor.places.append(params.selection.start.line)
        return types.ShowDocumentResult(True)

    await client.start_io(sys.executable, "-m", "netspec", "lsp")
    await client.initialize_async(
        types.InitializeParams(capabilities or types.ClientCapabilities(), initialization_options=settings)
    )
    client.initialized(types.InitializedParams())
    try:
        yield editor
        await asyncio.wait_for(client.shutdown_async(None), WAIT)
        client.exit(None)
        await client.stop()
    except BaseException:
        client._server.kill()  # type: ignore[union-attr] # else it waits for a last word that does not come
        await client.stop()
        raise


def edit(folder: Path, work: Callable[[Editor], Awaitable[T]], **options: Any) -> T:
    """Does some work in an editor, and gives what comes of it."""

    async def session() -> T:
        async with editing(folder, **options) as editor:
            return await work(editor)

    return asyncio.run(session())
