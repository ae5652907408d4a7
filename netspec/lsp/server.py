"""The protocol: which question of an editor is answered by which file here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import PositionCodec

from netspec import __version__
from netspec.diagnostics import Diagnostic, NetspecError
from netspec.format import format_source
from netspec.lsp.answers import colours, completion, findings, hints, hover, navigation, outline
from netspec.lsp.document import Document
from netspec.lsp.places import Places
from netspec.lsp.shelf import Shelf
from netspec.syntax.source import Source

SOON, PAUSE = 0.005, 0.3
"""Seconds after a keystroke until mistakes and shapes are looked for, and until everything is."""


class NetspecServer(LanguageServer):
    """The documents that an editor holds, each looked at once a version."""

    def __init__(self) -> None:
        # Whole texts: a spec has a few kilobytes, and editors and servers disagree about what ends a line.
        super().__init__("netspec", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.documents: dict[str, Document] = {}
        self.figures: tuple[str, ...] = ("shape",)
        self.waiting: dict[str, list[asyncio.TimerHandle]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.observers: list[Callable[[str, Document], None]] = []
        """What else is done with a document when all is known of it."""

    def document(self, uri: str) -> Document:
        """What is known of a document as it is now."""
        text = self.workspace.get_text_document(uri).source
        previous = self.documents.get(uri)
        if previous is None or previous.source.text != text or not previous.shelf.is_current():
            shelf = previous.shelf if previous is not None else Shelf(_path(uri), self.text_of)
            previous = self.documents[uri] = self.of_text(text, shelf)
        return previous

    def of_text(self, text: str, shelf: Shelf) -> Document:
        name = shelf.path.name if shelf.path is not None else "<text>"
        source = Source(name, text)
        return Document(source, Places(source, self.codec), shelf)

    @property
    def codec(self) -> PositionCodec:
        return self.workspace.position_codec

    def text_of(self, path: Path) -> str | None:
        """The text of a file that the editor holds."""
        uri = from_fs_path(str(path))
        text_document = self.workspace.text_documents.get(uri) if uri is not None else None
        return text_document.source if text_document is not None else None

    def look(self, uri: str) -> None:
        """Looks at a document soon, for what is wrong; and at everything when the typing pauses."""
        self.forget(uri)
        loop = asyncio.get_running_loop()
        self.waiting[uri] = [
            loop.call_later(SOON, self.publish_mistakes, uri),
            loop.call_later(PAUSE, lambda: self.tasks.add(loop.create_task(self.publish_findings(uri)))),
        ]

    def forget(self, uri: str) -> None:
        for handle in self.waiting.pop(uri, []):
            handle.cancel()

    def publish_mistakes(self, uri: str) -> None:
        if uri in self.workspace.text_documents:
            document = self.document(uri)
            self.show(uri, document, document.mistakes)

    async def publish_findings(self, uri: str) -> None:
        """Shows all that is to be said of a document, and of those that import it; worked out beside the loop."""
        self.tasks = {task for task in self.tasks if not task.done()}
        if uri not in self.workspace.text_documents:
            return
        document = self.document(uri)
        importing = [other for other, reader in self.documents.items() if document.path in reader.shelf.modules]
        for each in (uri, *(other for other in importing if other in self.workspace.text_documents)):
            document = self.document(each)
            document.mistakes  # noqa: B018 - what both threads would ask for is worked out before
            diagnostics = await asyncio.get_running_loop().run_in_executor(None, getattr, document, "findings")
            if self.documents.get(each) is document:
                self.show(each, document, diagnostics)
                for more in self.observers:
                    more(each, document)

    def show(self, uri: str, document: Document, diagnostics: Iterable[Diagnostic]) -> None:
        """Shows what is wrong with a document, unless its text has become another one since."""
        text_document = self.workspace.text_documents.get(uri)
        if text_document is None or text_document.source != document.source.text:
            return
        reports = [findings.protocol_diagnostic(document, diagnostic, uri) for diagnostic in diagnostics]
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, reports, text_document.version))

    def asks_before_changes(self) -> bool:
        """Whether the editor can ask before it applies an edit."""
        workspace = self.client_capabilities.workspace
        edit = workspace.workspace_edit if workspace is not None else None
        return edit is not None and edit.change_annotation_support is not None and bool(edit.document_changes)

    def configure(self, settings: Any) -> None:
        """Takes the editor's settings: `{"hints": ["shape", "parameters"]}`, alone or below `netspec`."""
        inside = settings.get("netspec", settings) if isinstance(settings, dict) else {}
        names = inside.get("hints") if isinstance(inside, dict) else None
        if isinstance(names, list):
            self.figures = tuple(name for name in names if name in hints.FIGURES)


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a place of a document."""

    document: Document
    uri: str
    offset: int


def server() -> NetspecServer:
    """A server that answers every question of this package; `start_io` begins it."""
    language_server = NetspecServer()
    _show_previews(language_server)
    _follow_documents(language_server)
    _answer_questions(language_server)
    _answer_overviews(language_server)
    _answer_names(language_server)
    return language_server


def _show_previews(server: NetspecServer) -> None:
    from netspec.lsp.answers import preview

    previews = preview.Previews(server)
    server.observers.append(previews.show)

    @server.command(preview.COMMAND)
    def opened(uri: str) -> str:
        return previews.open(uri)

    @server.feature(preview.CURSOR)
    def moved(params: Any) -> None:
        previews.cursor(params.uri, types.Position(params.position.line, params.position.character))

    @server.feature(types.SHUTDOWN)
    def ended(params: None) -> None:
        for uri in list(previews.pages):
            previews.close(uri)


def _follow_documents(server: NetspecServer) -> None:
    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        pass

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.configure(params.initialization_options)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: types.DidChangeConfigurationParams) -> None:
        server.configure(params.settings)
        capabilities = server.client_capabilities.workspace
        if capabilities is not None and capabilities.inlay_hint is not None:
            server.workspace_inlay_hint_refresh(None)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.look(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.look(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        server.look(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.forget(uri)
        server.documents.pop(uri, None)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))


class _AtPlace(Protocol):
    """The parameters of a question about a place."""

    text_document: types.TextDocumentIdentifier
    position: types.Position


def _question(server: NetspecServer, params: _AtPlace) -> Question:
    uri = params.text_document.uri
    document = server.document(uri)
    return Question(document, uri, document.places.offset(params.position))


def _answer_questions(server: NetspecServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(params: types.HoverParams) -> types.Hover | None:
        question = _question(server, params)
        return hover.hover(question.document, question.offset)

    @server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(trigger_characters=["(", ","]))
    def signature(params: types.SignatureHelpParams) -> types.SignatureHelp | None:
        question = _question(server, params)
        return hover.signature_help(question.document, question.offset)

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", "(", ",", "=", ">", '"', " "])
    )
    def complete(params: types.CompletionParams) -> list[types.CompletionItem]:
        question = _question(server, params)
        return completion.completions(question.document, question.offset)

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions([types.CodeActionKind.QuickFix]))
    def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        return list(findings.actions(server.document(uri), uri, params.range, list(params.context.diagnostics)))

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatted(params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        document = server.document(params.text_document.uri)
        try:
            text = format_source(document.source)
        except NetspecError:
            return None
        return [types.TextEdit(document.places.whole(), text)] if text != document.source.text else []


def _answer_overviews(server: NetspecServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def inlaid(params: types.InlayHintParams) -> list[types.InlayHint]:
        document = server.document(params.text_document.uri)
        first, last = document.places.offset(params.range.start), document.places.offset(params.range.end)
        return hints.hints(document, first, last, server.figures)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        return outline.symbols(server.document(params.text_document.uri))

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def folds(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        return outline.folds(server.document(params.text_document.uri))

    legend = types.SemanticTokensLegend(list(colours.KINDS), list(colours.MODIFIERS))

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend)
    def coloured(params: types.SemanticTokensParams) -> types.SemanticTokens:
        return types.SemanticTokens(colours.colours(server.document(params.text_document.uri)))


def _answer_names(server: NetspecServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def defined(params: types.DefinitionParams) -> types.Location | None:
        question = _question(server, params)
        return navigation.definition(question.document, question.uri, question.offset)

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def referred(params: types.ReferenceParams) -> list[types.Location]:
        question = _question(server, params)
        is_binding = params.context.include_declaration
        here = navigation.uses(question.document, question.offset, binding=is_binding)
        locations = [types.Location(question.uri, question.document.places.range(use.span)) for use in here]
        use = question.document.names.at(question.offset)
        for path, source, span in navigation.elsewhere(question.document, use.symbol) if use is not None else ():
            locations.append(
                types.Location(from_fs_path(str(path)) or question.uri, Places(source, server.codec).range(span))
            )
        return locations

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlighted(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        question = _question(server, params)
        kinds = types.DocumentHighlightKind
        return [
            types.DocumentHighlight(question.document.places.range(use.span), kinds.Write if use.binds else kinds.Read)
            for use in navigation.uses(question.document, question.offset)
        ]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def renamable(params: types.PrepareRenameParams) -> types.Range:
        question = _question(server, params)
        try:
            return question.document.places.range(navigation.renamable(question.document, question.offset).span)
        except navigation.Refusal as refusal:
            raise JsonRpcInvalidParams(str(refusal)) from None

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def renamed(params: types.RenameParams) -> types.WorkspaceEdit:
        question = _question(server, params)
        document = question.document
        try:
            renaming = navigation.rename(
                document,
                question.uri,
                question.offset,
                params.new_name,
                lambda text: server.of_text(text, document.shelf),
            )
        except navigation.Refusal as refusal:
            raise JsonRpcInvalidParams(str(refusal)) from None
        asks = server.asks_before_changes()
        if renaming.keys and not asks:
            message = renaming.consequence
            server.window_show_message(types.ShowMessageParams(types.MessageType.Info, message))
        return navigation.workspace_edit(renaming, asks=asks)


def _path(uri: str) -> Path | None:
    """The file of a document; None for one that has none, as a new one in an editor."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(path).resolve() if path is not None else None
