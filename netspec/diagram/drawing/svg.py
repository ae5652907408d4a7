"""SVG: the drawing as text that browsers, editors and LaTeX read, with its text as text.

Every text carries its width, so that it fills the same place where another font stands in for those named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape as escape_html  # xml.sax.saxutils has one too, but imports half of the network library

from netspec.diagram.drawing.items import (
    Circle,
    Drawing,
    Group,
    Item,
    Path,
    Point,
    Polygon,
    Rect,
    Segment,
    Text,
    arrow_head,
)
from netspec.diagram.drawing.text import visible, width_of
from netspec.diagram.drawing.theme import LIGHT, Theme
from netspec.marks import signed

SANS = "Helvetica, Arial, 'Liberation Sans', sans-serif"
MONO = "'Liberation Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def write(drawing: Drawing, theme: Theme = LIGHT) -> str:
    """The drawing as a whole SVG file. Its size is in points; ids, classes and titles of groups are kept."""
    width, height = number(drawing.width), number(drawing.height)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt"'
        f' viewBox="0 0 {width} {height}" role="img" font-family="{text_font(theme)}">',
        f"<title>{escape(visible(drawing.title))}</title>",
        *([f"<desc>{escape(visible(drawing.description))}</desc>"] if drawing.description else []),
        f'<rect width="{width}" height="{height}" fill="{theme.paint("paper")}"/>',
        *elements(drawing.items, theme),
        "</svg>",
    ]
    return signed("\n".join(lines) + "\n", "<!-- {} -->")


def text_font(theme: Theme) -> str:
    """The families of the theme's text, the first that there is being taken."""
    return f"'{theme.text_font}', {SANS}" if theme.text_font else SANS


def elements(items: Iterable[Item], theme: Theme) -> Iterator[str]:
    """The items as SVG elements, one a line, for an `svg` element whose font is SANS."""
    for item in items:
        match item:
            case Group(id=None, classes=(), title=None, name=name) if name:
                yield from elements(item.items, theme)
            case Group():
                yield f"<g{_attributes(id=item.id, class_=' '.join(item.classes) or None)}>"
                if item.title is not None:
                    yield f"<title>{escape(visible(item.title))}</title>"
                yield from elements(item.items, theme)
                yield "</g>"
            case Path(arrow=True):
                shaft, head = arrow_head(item)
                yield _path(shaft, theme)
                yield _polygon(head, theme)
            case Path():
                yield _path(item, theme)
            case Polygon():
                yield _polygon(item, theme)
            case Rect():
                yield _rect(item, theme)
            case Circle():
                place = _attributes(cx=item.x, cy=item.y, r=item.radius)
                yield f"<circle{place}{_paint(item, theme)}/>"
            case Text():
                yield _text(item, theme)


def number(value: float) -> str:
    """A length with two decimals at most, the same everywhere: `12.5`, never `-0` or `1e-05`."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _rect(rect: Rect, theme: Theme) -> str:
    place = _attributes(x=rect.x, y=rect.y, width=rect.width, height=rect.height, rx=rect.radius or None)
    return f"<rect{place}{_paint(rect, theme)}/>"


def _polygon(polygon: Polygon, theme: Theme) -> str:
    points = " ".join(map(_point, polygon.points))
    return f'<polygon points="{points}"{_paint(polygon, theme)}/>'


def _path(path: Path, theme: Theme) -> str:
    return f'<path d="{" ".join(map(_segment, path.segments))}"{_paint(path, theme)}/>'


def _segment(segment: Segment) -> str:
    verb, points = segment
    return verb + " ".join(map(_point, points))


def _point(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"


def _code_font(theme: Theme) -> str:
    return f"'{theme.code_font}', {MONO}" if theme.code_font else MONO


def _text(text: Text, theme: Theme) -> str:
    x, y = number(text.x), number(text.y)
    shown = visible(text.text)
    attributes = _attributes(
        x=text.x,
        y=text.y,
        font_size=text.size,
        font_family=_code_font(theme) if text.mono else None,
        font_weight="bold" if text.weight == "bold" and not text.mono else None,
        font_style="italic" if text.italic and text.weight == "normal" and not text.mono else None,
        text_anchor=text.anchor if text.anchor != "start" else None,
        textLength=width_of(text) if len(shown) > 1 else None,
        lengthAdjust="spacingAndGlyphs" if len(shown) > 1 else None,
        transform=f"rotate({number(text.rotate)} {x} {y})" if text.rotate else None,
    )
    fill = f' fill="{theme.paint(text.fill)}"' if text.fill else ' fill="none"'
    return f"<text{attributes}{fill}>{escape(shown)}</text>"


def _paint(mark: Rect | Polygon | Path | Circle, theme: Theme) -> str:
    fill = f' fill="{theme.paint(mark.fill) if mark.fill else "none"}"'
    if not mark.stroke:
        return fill
    dash = getattr(mark, "dash", None)
    return (
        f'{fill} stroke="{theme.paint(mark.stroke)}" stroke-width="{number(mark.stroke_width)}" stroke-linejoin="round"'
        + (f' stroke-dasharray="{" ".join(map(number, dash))}"' if dash else "")
    )


def _attributes(**values: str | float | None) -> str:
    """XML attributes; `class_` is class, an underscore is a hyphen, None is left out."""
    given = {name: value for name, value in values.items() if value is not None}
    return "".join(
        f" {name.rstrip('_').replace('_', '-')}=" + _quoted(visible(value) if isinstance(value, str) else number(value))
        for name, value in given.items()
    )


def escape(text: str) -> str:
    """The text as the content of an element."""
    return escape_html(text, quote=False)


def _quoted(text: str) -> str:
    """The text as the value of an attribute, with its quotes."""
    escaped = escape(text).replace('"', "&quot;")
    return f'"{escaped}"'
