"""How wide a text is: the advance widths of the fonts that the pictures are set in.

The fonts are Liberation Sans and Liberation Mono, which ship beside this file. Liberation Sans has the widths of Arial
and Helvetica, so a text is as wide in a browser, an editor or a LaTeX paper that has one of these as it is here.
Pairs are not kerned: what is drawn is never wider than what is measured.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from netspec.diagram.drawing.items import Text, Weight

Face: TypeAlias = Literal["Sans-Regular", "Sans-Bold", "Sans-Italic", "Mono-Regular"]

ASCENT, DESCENT, CAP_HEIGHT, X_HEIGHT = 0.905, 0.212, 0.688, 0.528
"""How far letters reach above the baseline (and below, for the second), in ems, in Liberation Sans."""

_FONTS = Path(__file__).with_name("fonts")
REPLACEMENT = "\N{WHITE SQUARE}"
_ELLIPSIS = "…"
# Controls, surrogates, private and unassigned characters; and the invisible ones that turn the order of a line.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNSAFE_CHARACTERS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def face_of(text: Text) -> Face:
    """The font face of a text; mono is regular, and what is bold is upright."""
    return face(text.weight, text.italic, text.mono)


def face(weight: Weight = "normal", italic: bool = False, mono: bool = False) -> Face:
    """The face for this weight and style; mono is regular, and what is bold is upright."""
    if mono:
        return "Mono-Regular"
    if weight == "bold":
        return "Sans-Bold"
    return "Sans-Italic" if italic else "Sans-Regular"


def font_file(name: Face) -> Path:
    """The TrueType file of a face."""
    return _FONTS / f"Liberation{name}.ttf"


def width(text: str, size: float, weight: Weight = "normal", mono: bool = False, italic: bool = False) -> float:
    """The width of one line in points, at a font size in points."""
    advances = widths(face(weight, italic, mono))
    return size * sum(_advance(character, advances) for character in visible(text))


def width_of(text: Text) -> float:
    """The width in points of a text of a drawing, as if it were not rotated."""
    return width(text.text, text.size, text.weight, text.mono, text.italic)


def fit(
    text: str, size: float, limit: float, weight: Weight = "normal", mono: bool = False, italic: bool = False
) -> str:
    """The text, cut with an ellipsis where it is wider than `limit` points."""
    text = visible(text)
    if width(text, size, weight, mono, italic) <= limit:
        return text
    advances = widths(face(weight, italic, mono))
    room = limit - size * _advance(_ELLIPSIS, advances)
    kept = 0
    for character in text:
        room -= size * _advance(character, advances)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip(" …") + _ELLIPSIS


def wrap(
    text: str, size: float, limit: float, weight: Weight = "normal", mono: bool = False, italic: bool = False
) -> list[str]:
    """The text in lines of at most `limit` points, broken at spaces; a word wider than that is cut."""
    lines: list[str] = []
    for word in visible(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, size, weight, mono, italic) <= limit:
            lines[-1] = longer
        else:
            lines.append(fit(word, size, limit, weight, mono, italic))
    return lines


_SEAMS = (
    re.compile(r"(?<=, )"),
    re.compile(r"(?<=\s)"),
    re.compile(r"(?<=[(/._=])(?=[^\s)])|(?<=[a-z])(?=[A-Z])"),
)
"""Where a line is best broken, and where else: after signs, and where a capital begins within a name."""


def broken(text: str, size: float, limit: float, weight: Weight = "normal", mono: bool = False) -> list[str]:
    """The text in lines of about `limit` points, broken after commas where that is enough, else at spaces or in words.

    All of it is there: what has no place to be broken at is as wide as it is.
    """
    lines = [""]
    for part in _short_parts(visible(text), lambda part: width(part.rstrip(), size, weight, mono) <= limit):
        if not lines[-1] or width((lines[-1] + part).rstrip(), size, weight, mono) <= limit:
            lines[-1] += part
        else:
            lines.append(part)
    return [line.strip() for line in lines]


def _short_parts(text: str, fits: Callable[[str], bool], seams: Sequence[re.Pattern[str]] = _SEAMS) -> Iterator[str]:
    if fits(text) or not seams:
        yield text
        return
    first, *others = seams
    for part in first.split(text):
        yield from _short_parts(part, fits, others)


def visible(text: str) -> str:
    """The text as every writer shows it: white space as single spaces, what is invisible or no character replaced.

    Controls would break a file, and bidirectional overrides would show a name as another one.
    """
    if text.isascii() and text.isprintable() and "  " not in text and text[:1] != " " != text[-1:]:
        return text
    return "".join(REPLACEMENT if _is_unsafe(character) else character for character in " ".join(text.split()))


def set_in(text: str, name: Face) -> str:
    """The visible text in characters that a face has; others become the replacement character."""
    known = widths(name)
    return "".join(character if character in known else REPLACEMENT for character in visible(text))


@cache
def widths(name: Face) -> Mapping[str, float]:
    """The advance width in ems of every character that a face has."""
    data = font_file(name).read_bytes()
    tables = {tag: offset for tag, _, offset, _ in struct.iter_unpack(">4sIII", data[12 : 12 + 16 * _u16(data, 4)])}
    units_per_em = _u16(data, tables[b"head"] + 18)
    metrics = _u16(data, tables[b"hhea"] + 34)
    advances = struct.unpack_from(">" + "HH" * metrics, data, tables[b"hmtx"])[::2]
    return {
        chr(code): advances[min(glyph, metrics - 1)] / units_per_em
        for code, glyph in _characters(data, tables[b"cmap"]).items()
    }


def _characters(data: bytes, cmap: int) -> dict[int, int]:
    """Glyph by character code: the Unicode map of format 4 (OpenType specification, cmap)."""
    records = struct.iter_unpack(">HHI", data[cmap + 4 : cmap + 4 + 8 * _u16(data, cmap + 2)])
    start = cmap + next(offset for platform, encoding, offset in records if (platform, encoding) == (3, 1))
    count = _u16(data, start + 6) // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{count}H", data, start + 14 + 2 * count * part + 2 * (part > 0)) for part in range(4)
    )
    glyphs = {}
    for segment in range(count):
        place = start + 16 + 6 * count + 2 * segment
        for code in range(starts[segment], min(ends[segment], 0xFFFE) + 1):
            if offsets[segment] == 0:
                glyph = code
            else:
                glyph = _u16(data, place + offsets[segment] + 2 * (code - starts[segment]))
                if glyph == 0:
                    continue
            glyphs[code] = (glyph + deltas[segment]) & 0xFFFF
    return {code: glyph for code, glyph in glyphs.items() if glyph}


def _u16(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "big")


def _advance(character: str, advances: Mapping[str, float]) -> float:
    """The advance width in ems; what another font is likely to take for a character that ours lacks."""
    known = advances.get(character)
    if known is not None:
        return known
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 1 if unicodedata.east_asian_width(character) in "WF" else 0.75


def _is_unsafe(character: str) -> bool:
    return character in _UNSAFE_CHARACTERS or unicodedata.category(character) in _UNSAFE_CATEGORIES
