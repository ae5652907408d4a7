"""A theme of one's own: a TOML file of colours and fonts, in place of those of a theme that comes along."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.diagram.drawing.theme import LIGHT, THEMES, Theme, contrast
from netspec.files import regular
from netspec.syntax.source import Source, Span

ENDING = ".toml"
_LARGEST = 64 * 1024
"""Bytes of a file that is read."""
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = re.compile(r"[A-Za-z][A-Za-z0-9 -]{0,39}")
_READABLE = 4.5
"""The contrast of text to its ground (WCAG 2, AA)."""
_KEYS = ("base", "colours", "fonts")
_FONTS = ("text", "code")


def own_theme(path: str) -> Theme:
    """The theme that a file says; raises NetspecError (E0805) where it says none.

    What it does not say is as in its `base`, `light` or `dark`.
    """
    source = _source(path)
    try:
        content = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        start = (source.start(int(line[1])) if line else None) or 0
        raise _refused(source, start, 0, f"{path} is no TOML: {error}", 'write convolution = "#79aaf3"') from None
    return _Reader(source).theme(content)


class _Reader:
    """Makes a theme of what a file says."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def theme(self, content: Mapping[str, Any]) -> Theme:
        for key in content:
            self._check_name("", key, _KEYS)
        base = content.get("base", LIGHT.name)
        if base not in THEMES:
            raise self._wrong("base", "base", f"there is no theme {_quoted(base)}", 'write base = "light" or "dark"')
        theme = THEMES[base]
        colours = dict(theme.colours)
        for role, colour in self._table(content, "colours").items():
            self._check_name("colours", role, tuple(colours))
            if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
                help = f'write # and six hexadecimal digits, {role} = "{colours[role]}"'
                raise self._wrong("colours", role, f"{_quoted(colour)} is no colour", help)
            colours[role] = colour.lower()
        fonts = dict.fromkeys(_FONTS, "")
        for use, name in self._table(content, "fonts").items():
            self._check_name("fonts", use, _FONTS)
            if not isinstance(name, str) or not _FONT.fullmatch(name):
                help = f'write its name in letters, digits, spaces and hyphens, {use} = "Times New Roman"'
                raise self._wrong("fonts", use, f"{_quoted(name)} is no font", help)
            fonts[use] = name
        self._check_readable(colours)
        return replace(theme, colours=MappingProxyType(colours), text_font=fonts["text"], code_font=fonts["code"])

    def _check_readable(self, colours: Mapping[str, str]) -> None:
        for role in ("ink", "muted"):
            ratio = contrast(colours[role], colours["paper"])
            if ratio < _READABLE:
                message = f"{role} cannot be read on paper: their contrast is {ratio:.1f} to 1"
                key = role if self._place("colours", role) else "paper"
                help = (
                    f"it takes {_READABLE} to 1: make {role} {'darker' if _is_bright(colours['paper']) else 'lighter'}"
                )
                raise self._wrong("colours", key, message, help)

    def _table(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        table = content.get(key, {})
        if not isinstance(table, dict):
            raise self._wrong("", key, f"{key} is a table", f"write [{key}] on a line of its own")
        return table

    def _check_name(self, table: str, key: str, names: tuple[str, ...]) -> None:
        if key in names:
            return
        near = get_close_matches(key, names, n=1, cutoff=0.6)
        help = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(names[:-1])} or {names[-1]}"
        what = {"colours": "colour", "fonts": "font"}.get(table, "key")
        raise self._wrong(table, key, f"a theme has no {what} {_quoted(key)}", help)

    def _wrong(self, table: str, key: str, message: str, help: str) -> NetspecError:
        start, length = self._place(table, key) or (0, 0)
        return _refused(self.source, start, length, message, help)

    def _place(self, table: str, key: str) -> tuple[int, int] | None:
        """Where the key of a table stands in the file, if it is written plainly."""
        text = self.source.text
        after = re.search(rf"^[ \t]*\[[ \t]*{re.escape(table)}[ \t]*\]", text, re.MULTILINE) if table else None
        pattern = re.compile(rf"^[ \t]*\[?[ \t]*(\"?{re.escape(key)}\"?)[ \t]*[=\]]", re.MULTILINE)
        match = pattern.search(text, after.end() if after else 0)
        return (match.start(1), len(match[1])) if match else None


def _source(path: str) -> Source:
    try:
        with regular(Path(path)).open("rb") as file:
            data = file.read(_LARGEST + 1)
        text = data.decode("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        message = f"{path} cannot be read: {reason[:1].lower()}{reason[1:]}"
        raise _refused(Source("--theme", path), 0, len(path), message, "--theme takes light, dark or a file") from None
    if len(data) > _LARGEST:
        message = f"{path} is longer than {_LARGEST // 1024} KiB"
        raise _refused(Source("--theme", path), 0, len(path), message, "a theme is a few lines of colours")
    return Source(path, text)


def _refused(source: Source, start: int, length: int, message: str, help: str) -> NetspecError:
    return NetspecError((Diagnostic("E0805", message, Span(source, start, start + length), help=help),))


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _is_bright(colour: str) -> bool:
    return contrast(colour, "#000000") > contrast(colour, "#ffffff")
