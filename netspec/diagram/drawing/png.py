"""PNG: the drawing's SVG, painted by resvg with the fonts that ship here, so that it is the same on every machine."""

from __future__ import annotations

import struct
from dataclasses import replace
from zlib import crc32

from netspec.diagram.drawing import svg
from netspec.diagram.drawing.items import Drawing, Group, Item, Text
from netspec.diagram.drawing.text import face_of, font_file, set_in
from netspec.diagram.drawing.theme import LIGHT, Theme
from netspec.marks import MARK

DPI = 200
LARGEST = 16_384
"""The most pixels that a side may have."""


def write(drawing: Drawing, theme: Theme = LIGHT, dpi: float = DPI) -> bytes:
    """The drawing as a PNG file, with its resolution in it, so that it is included at its true size.

    Raises ValueError where a side would have no pixels or more than LARGEST.
    """
    import resvg_py

    width, height = (round(side * dpi / 72) for side in (drawing.width, drawing.height))
    if not (1 <= width <= LARGEST and 1 <= height <= LARGEST):
        raise ValueError(f"a picture of {width} x {height} pixels cannot be painted; sides go from 1 to {LARGEST}")
    faces = sorted({face_of(mark) for mark in drawing.marks() if isinstance(mark, Text)})
    painted = resvg_py.svg_to_bytes(
        svg_string=svg.write(_in_our_fonts(drawing), theme),
        dpi=dpi,
        skip_system_fonts=True,
        font_files=[str(font_file(face)) for face in faces],
        sans_serif_family="Liberation Sans",
        monospace_family="Liberation Mono",
    )
    return _described(bytes(painted), dpi)


def _in_our_fonts(drawing: Drawing) -> Drawing:
    def in_font(item: Item) -> Item:
        match item:
            case Group():
                return replace(item, items=tuple(map(in_font, item.items)))
            case Text():
                return replace(item, text=set_in(item.text, face_of(item)))
            case _:
                return item

    return replace(drawing, items=tuple(map(in_font, drawing.items)))


def _described(png: bytes, dpi: float) -> bytes:
    """The file with pixels a metre, and who made it, after its header (PNG specification, 11.3.3, 11.3.4.3)."""
    header_end = 8 + 12 + 13
    pixels_per_metre = round(dpi / 0.0254)
    resolution = b"pHYs" + struct.pack(">IIB", pixels_per_metre, pixels_per_metre, 1)
    made_by = b"tEXtSoftware\0" + MARK.encode()
    return png[:header_end] + _chunk(resolution) + _chunk(made_by) + png[header_end:]


def _chunk(body: bytes) -> bytes:
    """A chunk of its kind and data: their length before, their checksum behind."""
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", crc32(body))
