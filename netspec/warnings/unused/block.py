"""W0102: a block that no net of the file uses, or an import.

Why: nothing of it is checked but its names, and who reads the file looks for its use. A file of blocks alone, for
others to import, is not meant.
Example: `block Old(width) { ... }` beside a net that calls `New(64)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Diagnostic
from netspec.syntax import tree
from netspec.syntax.walk import names
from netspec.warnings.subject import Subject


def warnings(subject: Subject) -> Iterator[Diagnostic]:
    if not any(definition.kind == "net" for definition in subject.definitions):
        return
    names_in_use = _names_in_use(subject)
    for definition in subject.definitions:
        if definition.kind == "block" and definition.name not in names_in_use:
            message = f"no net of this file uses the block {definition.name}"
            left_out = (definition.span, "")
            yield Diagnostic("W0102", message, definition.signature, help="call it, or leave it out", mend=left_out)
    for item in subject.file.items:
        if isinstance(item, tree.Import):
            for name in item.names:
                if name.id not in names_in_use:
                    message = f"{name.id} is imported and not used"
                    left_out = (item.span, _without(item, name))
                    yield Diagnostic("W0102", message, name.span, help="leave it out", mend=left_out)


def _without(item: tree.Import, name: tree.Name) -> str:
    """The import without one of its names; nothing where it has no other."""
    others = ", ".join(other.id for other in item.names if other is not name)
    return f"from {item.module.span.text} import {others}" if others else ""


def _names_in_use(subject: Subject) -> set[str]:
    """What the nets, and what is outside of all definitions, mention; and what is mentioned there."""
    definitions = {definition.name: definition for definition in subject.definitions}
    loose = (item for item in subject.file.items if isinstance(item, tree.Let | tree.Default))
    pending = [definition.name for definition in subject.definitions if definition.kind == "net"]
    for item in loose:
        pending += [item.layer] if isinstance(item, tree.Default) else []
        pending += [name.id for name in names(item)]
    names_in_use: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in names_in_use:
            names_in_use.add(name)
            pending += [inner.id for inner in names(definitions[name])] if name in definitions else []
    return names_in_use
