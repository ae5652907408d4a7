"""Definitions, references and rename, with what a new name does to the keys of the state dict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path

from netspec.analysis.keys import keys
from netspec.diagnostics import NetspecError
from netspec.discovery import inside
from netspec.elaborate.problems import Problem
from netspec.lsp.answers.findings import location
from netspec.lsp.document import Document
from netspec.lsp.names import Symbol, Use, names_of
from netspec.lsp.places import Places
from netspec.syntax import tree
from netspec.syntax.lexer import HARD
from netspec.syntax.parser import parse
from netspec.syntax.source import Source, Span

MOST_FILES = 200
"""How many other files of the project are looked through for uses of what a file defines."""


def definition(document: Document, uri: str, offset: int) -> types.Location | None:
    """Where the name at a place was bound, or the file of an import; None for what no file defines."""
    for item in document.file.items:
        if isinstance(item, tree.Import) and item.module.span.start <= offset <= item.module.span.end:
            return _file_of(document, item)
    use = document.names.at(offset)
    if use is None or use.symbol.definition is None:
        return None
    return location(document, use.symbol.definition, uri)


def _file_of(document: Document, item: tree.Import) -> types.Location | None:
    try:
        target = from_fs_path(str(document.shelf.locate(item, document.path)))
    except Problem:
        return None
    start = types.Position(0, 0)
    return types.Location(target, types.Range(start, start)) if target is not None else None


def uses(document: Document, offset: int, *, binding: bool = True) -> list[Use]:
    """Every place of the document where the name at `offset` stands; those where it is bound with `binding`."""
    use = document.names.at(offset)
    if use is None:
        return []
    return [one for one in document.names.uses if one.symbol is use.symbol and (binding or not one.binds)]


def elsewhere(document: Document, symbol: Symbol) -> Iterator[tuple[Path, Source, Span]]:
    """The uses of a block or net in other files of the project that import it from this one."""
    if document.path is None or document.shelf.root is None or symbol.kind not in ("block", "net"):
        return
    for number, path in enumerate(inside(document.shelf.root)):
        if number >= MOST_FILES:
            return
        if path.resolve() == document.path:
            continue
        try:
            source = document.shelf.source(path.resolve())
        except NetspecError:
            continue
        if symbol.name not in source.text or document.path.name not in source.text:
            continue
        file, _ = parse(source)
        yield from ((path, source, span) for span in _imported(file, path, document.path, symbol.name))


def _imported(file: tree.File, path: Path, target: Path, name: str) -> Iterator[Span]:
    """Where a file uses a name that it imports from `target`."""
    imports = [item for item in file.items if isinstance(item, tree.Import)]
    modules = [item.module for item in imports if any(one.id == name for one in item.names)]
    modules_ = [module.value for module in modules if isinstance(module, tree.String)]
    if any((path.parent / module).resolve() == target for module in modules_):
        yield from (
            use.span for use in names_of(file, {}).uses if use.symbol.name == name and use.symbol.kind == "import"
        )


class Refusal(Exception):
    """Why a name cannot be changed."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """A rename: the edits by file, and what it does to the keys of the state dict, old and new."""

    edits: dict[str, list[types.TextEdit]]
    keys: tuple[tuple[str, str], ...]

    @property
    def consequence(self) -> str:
        """One sentence about the state dict."""
        if not self.keys:
            return "no key of the state dict changes"
        count = len(self.keys)
        changed = "1 key of the state dict changes" if count == 1 else f"{count:,} keys of the state dict change"
        old, new = self.keys[0]
        more = ", ..." if count > 1 else ""
        return f"{changed}: {old} becomes {new}{more}; weights that were saved before no longer load by name"


def renamable(document: Document, offset: int) -> Use:
    """The name at a place; raises Refusal where it is none that this file may change."""
    use = document.names.at(offset)
    if use is None:
        raise Refusal("there is no name here that can be changed")
    if use.symbol.kind == "layer":
        raise Refusal(f"{use.symbol.name} is a layer of the language")
    if use.symbol.kind == "import":
        raise Refusal(f"{use.symbol.name} is defined in another file: rename it there")
    if use.symbol.definition is not None and use.symbol.definition.source is not document.source:
        raise Refusal(f"{use.symbol.name} is a parameter of a block of another file: rename it there")
    if "$" in use.symbol.name:
        raise Refusal(f"{use.symbol.name} is completed in a loop: change its text where it stands")
    return use


def rename(document: Document, uri: str, offset: int, new: str, again: Callable[[str], Document]) -> Renaming:
    """The edits that give the name at a place another spelling; `again` makes a document of another text.

    Raises Refusal where the new name is none, or where the file would then say something else.
    """
    use = renamable(document, offset)
    if not new.isidentifier() or not new.isascii() or new in HARD or new == "_":
        raise Refusal(f"{new!r} is no name: letters, digits and _ only, and no word of the language")
    spans = [one.span for one in uses(document, offset)]
    after = again(_replaced(document.source.text, spans, new))
    if document.mistakes:
        raise Refusal("the file has mistakes: mend these first")
    if after.mistakes:
        raise Refusal(f"{new} cannot be the name: {after.mistakes[0].message}")
    if len(uses(after, _moved(spans, use.span, new))) != len(spans):
        raise Refusal(f"{new} is another name here already")
    edits = {uri: [types.TextEdit(document.places.range(span), new) for span in spans]}
    for path, source, span in elsewhere(document, use.symbol):
        places = Places(source, document.places.codec)
        edits.setdefault(from_fs_path(str(path)) or uri, []).append(types.TextEdit(places.range(span), new))
    return Renaming(edits, tuple(_changed_keys(document, after)))


def _replaced(text: str, spans: list[Span], new: str) -> str:
    for span in sorted(spans, key=lambda span: -span.start):
        text = text[: span.start] + new + text[span.end :]
    return text


def _moved(spans: list[Span], of: Span, new: str) -> int:
    """Where a span begins after the change."""
    before = [span for span in spans if span.start < of.start]
    return of.start + sum(len(new) - (span.end - span.start) for span in before)


def _changed_keys(before: Document, after: Document) -> Iterator[tuple[str, str]]:
    for old, new in zip(before.graphs, after.graphs, strict=True):
        pairs = zip(keys(old), keys(new), strict=True)
        yield from ((a.name, b.name) for a, b in pairs if a.name != b.name)


def workspace_edit(renaming: Renaming, *, asks: bool) -> types.WorkspaceEdit:
    """The edits as the protocol has them. With `asks` the editor shows what happens to the state dict before."""
    if not asks or not renaming.keys:
        return types.WorkspaceEdit(dict(renaming.edits))
    note = types.ChangeAnnotation("State dict", True, renaming.consequence)
    changes = [
        types.TextDocumentEdit(
            types.OptionalVersionedTextDocumentIdentifier(uri),
            [types.AnnotatedTextEdit("keys", edit.range, edit.new_text) for edit in edits],
        )
        for uri, edits in renaming.edits.items()
    ]
    return types.WorkspaceEdit(document_changes=list(changes), change_annotations={"keys": note})
