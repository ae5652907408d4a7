"""Text to tree and back: `parse(source)` and `print_tree(file)`.

Both load on first use: the rest of netspec needs spans and trees, not the parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.syntax.source import NOWHERE, Source, Span

if TYPE_CHECKING:
    from netspec.syntax.parser import parse
    from netspec.syntax.printer import print_tree

__all__ = ["NOWHERE", "Source", "Span", "parse", "print_tree"]


def __getattr__(name: str) -> Any:
    if name == "parse":
        from netspec.syntax.parser import parse

        return parse
    if name == "print_tree":
        from netspec.syntax.printer import print_tree

        return print_tree
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
