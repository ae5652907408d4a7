"""Text to tree: `parse(source)`. The other way is netspec/format.

The parser loads on first use: the rest of netspec needs spans and trees, not it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.syntax.source import NOWHERE, Source, Span

if TYPE_CHECKING:
    from netspec.syntax.parser import parse

__all__ = ["NOWHERE", "Source", "Span", "parse"]


def __getattr__(name: str) -> Any:
    if name == "parse":
        from netspec.syntax.parser import parse

        return parse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
