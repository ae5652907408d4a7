"""Completion: what may be written at the cursor, each with a line of documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol.types import CompletionItem, CompletionItemKind, InsertTextFormat, MarkupContent, MarkupKind

from netspec.discovery import inside
from netspec.elaborate.library import STANDARD, blocks
from netspec.elaborate.mistakes.demands import words
from netspec.elaborate.nets.documentation import comment_on
from netspec.elaborate.project.files import source_of
from netspec.elaborate.values.types import known_types
from netspec.layers import REGISTRY
from netspec.lsp.answers import callees
from netspec.lsp.answers.callees import Callee
from netspec.lsp.context import Call, Context, context
from netspec.lsp.document import Document
from netspec.lsp.names import Symbol
from netspec.syntax import tree
from netspec.syntax.layout import AT_TOP, CLAUSES, IN_TRAIN, KEYWORDS, WIRINGS
from netspec.syntax.parser import parse

_KINDS = {
    "net": CompletionItemKind.Class,
    "block": CompletionItemKind.Class,
    "import": CompletionItemKind.Class,
    "parameter": CompletionItemKind.Variable,
    "label": CompletionItemKind.Field,
    "value": CompletionItemKind.Variable,
    "loop": CompletionItemKind.Variable,
    "input": CompletionItemKind.Field,
    "output": CompletionItemKind.Field,
    "shared": CompletionItemKind.Module,
    "layer": CompletionItemKind.Function,
}
_SIZES = ("channels", "height", "width", "length", "depth", "features", "rank", "shape")
_CONTROL = ("for", "if", "else")
_CONSTANTS = ("true", "false", "none")


def completions(document: Document, offset: int) -> list[CompletionItem]:
    """What fits at a place; the editor filters by what is typed already."""
    here = context(document, offset)
    return list(_offers(document, here, offset))


def _offers(document: Document, here: Context, offset: int) -> Iterator[CompletionItem]:
    match here.role:
        case "text":
            return
        case "item":
            yield from _words(AT_TOP, CompletionItemKind.Keyword)
            yield from _words(("let", "default"), CompletionItemKind.Keyword)
        case "module":
            yield from _modules(document, here)
        case "import":
            yield from _imported(document, here.subject)
        case "key":
            yield from _words((*callees.settings(), *IN_TRAIN), CompletionItemKind.Property)
        case "step key":
            yield from _words(callees.step_settings(), CompletionItemKind.Property)
        case "drawn":
            yield from _words(_inputs(document), CompletionItemKind.Field)
        case "setting":
            yield from _parts(here.setting or "")
        case "attribute":
            yield from _attributes(document, here.subject, offset)
        case "argument":
            yield from _arguments(document, here)
            yield from _values(document, here, offset)
        case "value":
            yield from _of_keyword(document, here)
            yield from _values(document, here, offset)
        case "statement" | "stage":
            yield from _stages(document, here, offset)


def _words(texts: Iterable[str], kind: CompletionItemKind, detail: str | None = None) -> Iterator[CompletionItem]:
    yield from (CompletionItem(text, kind=kind, detail=detail) for text in texts)


def _of_callee(callee: Callee, kind: CompletionItemKind) -> CompletionItem:
    """A layer, block or part; what must be given is asked for in its brackets."""
    required = any(argument.default is None for argument in callee.arguments)
    return CompletionItem(
        callee.name,
        kind=kind,
        detail=callee.signature,
        documentation=MarkupContent(MarkupKind.Markdown, callee.page),
        insert_text=f"{callee.name}($0)" if required else None,
        insert_text_format=InsertTextFormat.Snippet if required else None,
    )


def _modules(document: Document, here: Context) -> Iterator[CompletionItem]:
    if not here.subject:
        modules = sorted({module for module, _ in blocks().values()})
        yield from _words(modules, CompletionItemKind.Module)
        return
    root, path = document.shelf.root, document.path
    if root is None or path is None:
        return
    for other in inside(path.parent):
        if other != path:
            yield CompletionItem(other.relative_to(path.parent).as_posix(), kind=CompletionItemKind.File)


def _imported(document: Document, module: str) -> Iterator[CompletionItem]:
    """What the file of an import statement defines."""
    if module[0] in "\"'":
        path = document.path.parent / module[1:-1] if document.path is not None else None
        inside = path is not None and document.shelf.root is not None
        if path is None or not inside or not path.resolve().is_relative_to(document.shelf.root or path):
            return
    else:
        path = STANDARD.joinpath(*module.split(".")[1:]).with_suffix(".net")
    if path.suffix == ".net" and path.is_file():
        file, _ = parse(source_of(path, str(path)))
        for item in file.items:
            if isinstance(item, tree.Definition):
                yield CompletionItem(item.name, kind=CompletionItemKind.Class, detail=comment_on(item))


def _inputs(document: Document) -> list[str]:
    """The names of inputs of the file's nets."""
    nets = (item for item in document.file.items if isinstance(item, tree.Definition) and item.kind == "net")
    inputs = (each.name for net in nets for each in net.body.statements if isinstance(each, tree.Input))
    return list(dict.fromkeys(inputs))


def _parts(setting: str) -> Iterator[CompletionItem]:
    for name in callees.parts(setting):
        part = callees.part(setting, name)
        if part is not None:
            yield _of_callee(part, CompletionItemKind.Function)


def _arguments(document: Document, here: Context) -> Iterator[CompletionItem]:
    """The arguments of the call by name, but for those that are written."""
    assert here.call is not None
    callee = callees.callee(document, here.call.name, here.setting)
    for argument in callee.arguments if callee is not None else ():
        if argument.name not in here.call.keywords:
            default = f" = {argument.default}" if argument.default is not None else ""
            yield CompletionItem(
                f"{argument.name}=",
                kind=CompletionItemKind.Property,
                detail=f"{argument.type}{default}",
                documentation=argument.description or None,
                sort_text=f"0{argument.name}",
            )


def _of_keyword(document: Document, here: Context) -> Iterator[CompletionItem]:
    """The words that the argument at the cursor takes, and the types where a parameter is declared."""
    if here.call is None:
        return
    callee = callees.callee(document, here.call.name, here.setting)
    name = _name_of(here.call, callee)
    if callee is not None and name is not None:
        for word in callee.words(name):
            yield CompletionItem(word, kind=CompletionItemKind.EnumMember, sort_text=f"0{word}")


def _name_of(call: Call, callee: Callee | None) -> str | None:
    if call.keyword is not None or callee is None:
        return call.keyword
    return callee.arguments[call.index].name if call.index < len(callee.arguments) else None


def _attributes(document: Document, subject: str, offset: int) -> Iterator[CompletionItem]:
    """The sizes of a value, and the stages inside of a labelled instance."""
    yield from _words(_SIZES, CompletionItemKind.Property)
    frame = document.names.frame(offset)
    first, *others = subject.split(".")
    symbol = frame.get(first) if frame is not None else None
    for name in others:
        symbol = symbol.inside.names.get(name) if symbol is not None and symbol.inside is not None else None
    if symbol is not None and symbol.inside is not None:
        yield from _symbols(inner for inner in symbol.inside.names.values() if inner.kind in ("label", "output"))


def _symbols(symbols: Iterable[Symbol]) -> Iterator[CompletionItem]:
    for symbol in symbols:
        yield CompletionItem(symbol.name, kind=_KINDS[symbol.kind], detail=symbol.kind)


def _values(document: Document, here: Context, offset: int) -> Iterator[CompletionItem]:
    """Names in sight, functions, constants, and the words of layers."""
    if here.setting is not None:
        return
    frame = document.names.frame(offset)
    yield from _symbols(frame.visible().values() if frame is not None else ())
    yield from _words(callees.functions(), CompletionItemKind.Function)
    yield from _words((*_CONSTANTS, "_", "in"), CompletionItemKind.Constant)
    yield from _words(known_types(), CompletionItemKind.TypeParameter)
    yield from _words(sorted(words()), CompletionItemKind.EnumMember)


def _stages(document: Document, here: Context, offset: int) -> Iterator[CompletionItem]:
    frame = document.names.frame(offset)
    yield from (_of_callee(callees.layer(cls), CompletionItemKind.Function) for cls in REGISTRY.values())
    for template in document.module.environment.templates.values():
        yield _of_callee(callees.block(template), CompletionItemKind.Class)
    templates = document.module.environment.templates
    yield from _symbols(s for s in (frame.visible().values() if frame is not None else ()) if s.name not in templates)
    for name, (module, _) in blocks().items():
        if name not in templates:
            yield CompletionItem(name, kind=CompletionItemKind.Class, detail=f"from {module} import {name}")
    yield from _words(sorted((*WIRINGS, *CLAUSES)), CompletionItemKind.Keyword)
    if here.role == "statement":
        yield from _words((*KEYWORDS, *_CONTROL), CompletionItemKind.Keyword)
    yield from _words(("_", "in"), CompletionItemKind.Constant)
