"""The picture: styles by what things are, then frames, nodes, edges and words, as somebody would write it by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from netspec.diagram.drawing.items import Circle, Drawing, Path, Point, Rect, Text
from netspec.diagram.drawing.svg import number
from netspec.diagram.drawing.text import CAP_HEIGHT, visible, width
from netspec.diagram.drawing.theme import LIGHT, Theme
from netspec.diagram.styles.graph import edge_look
from netspec.diagram.texts.tex import colour_name, escaped
from netspec.diagram.texts.tikz.parts import Edge, Node, Parts, parts_of
from netspec.diagram.texts.tikz.places import Places, placements
from netspec.diagram.texts.tikz.ways import is_bent, way
from netspec.diagram.view.boxes import Role
from netspec.marks import signed

LIBRARIES = "positioning, fit, backgrounds"
_HEAD = r"""% {title}
% In a paper: \usepackage{{tikz}} and \usetikzlibrary{{{libraries}}} in the preamble, and
% \input{{FILE}} where the picture is to stand. Nodes stand by each other: what comes after one moves along with it.
\begingroup"""
_FOOT = r"""\end{tikzpicture}%
\endgroup"""
_DOCUMENT = r"""% pdflatex makes a PDF of this file.
\documentclass[tikz, border=2bp]{{standalone}}
\usetikzlibrary{{{libraries}}}
\begin{{document}}
{picture}
\end{{document}}"""
_LEADING = 1.15
_CORNER = 3.0
"""The radius of the corners of most boxes."""


def write(drawing: Drawing, theme: Theme = LIGHT, *, standalone: bool = False) -> str:
    """A drawing of the graph style as LaTeX to be input in a paper that uses TikZ, or as a `standalone` document.

    All text is escaped; the same drawing gives the same bytes.
    """
    parts = parts_of(drawing)
    letters = _Letters(parts)
    title = visible(drawing.title).encode("ascii", "replace").decode()
    lines = [
        _HEAD.format(title=title, libraries=LIBRARIES),
        *(_definition(role, theme) for role in _roles(parts)),
        *letters.commands(),
        r"\begin{tikzpicture}[",
        *(f"  {style}," for style in _styles(parts, theme)),
        "]",
        *_Picture(parts, letters).statements(),
        _FOOT,
    ]
    picture = "\n".join(lines)
    return signed((_DOCUMENT.format(picture=picture, libraries=LIBRARIES) if standalone else picture) + "\n", "% {}")


class _Letters:
    """The kinds of letters of a picture, each a command of LaTeX that the picture defines for itself."""

    def __init__(self, parts: Parts) -> None:
        written = [text for node in (*parts.nodes, *parts.frames) for text in node.texts]
        written += [*parts.words, *(item for item in parts.legend if isinstance(item, Text))]
        self.names: dict[tuple[object, ...], str] = {}
        self.texts: dict[str, Text] = {}
        for text in written:
            if (kind := _kind(text)) not in self.names:
                stem = "netname" if text.mono else "nettitle" if text.weight == "bold" else "nettext"
                count = sum(name.startswith(stem) for name in self.names.values())
                name = stem + ("" if not count else chr(ord("A") + count))
                self.names[kind], self.texts[name] = name, text

    def commands(self) -> Iterator[str]:
        for name, text in self.texts.items():
            family = "pcr" if text.mono else "phv"
            series = r"\bfseries" if text.weight == "bold" and not text.mono else ""
            size = rf"\fontsize{{{number(text.size)}bp}}{{{number(1.2 * text.size)}bp}}"
            yield rf"\def\{name}{{\normalfont{size}\fontfamily{{{family}}}{series}\selectfont}}%"

    def line(self, text: Text, ground: str = "ink") -> str:
        """A line of a node whose letters have the colour `ground` unless they say another one."""
        command = f"\\{self.names[_kind(text)]}"
        colour = "" if text.fill is None or text.fill == ground else rf"\color{{{colour_name(text.fill)}}}"
        return f"{{{command}{colour} {escaped(text.text)}}}"


def _kind(text: Text) -> tuple[object, ...]:
    return text.mono, text.weight, round(text.size, 2)


class _Picture:
    """The statements of a picture, each by the nodes that are there before it."""

    def __init__(self, parts: Parts, letters: _Letters) -> None:
        self.parts, self.letters = parts, letters
        self.places = Places(parts.nodes, parts.frames)

    def statements(self) -> Iterator[str]:
        yield from self.nodes()
        yield from self.background()
        words = list(self.parts.words)
        for edge in self.parts.edges:
            yield self.edge(edge, words)
        for text in words:
            yield self.word(text)
        yield from self.legend()

    def nodes(self) -> Iterator[str]:
        told = placements(self.parts.nodes, self.parts.edges, self.places)
        for node in self.parts.nodes:
            size = f"minimum width={number(node.width)}bp, minimum height={number(node.height)}bp"
            options = ", ".join(filter(None, (_style(node), told.get(node.name, ""), size)))
            lines = [text for text in node.texts if text.anchor == "middle"]
            ground = f"{node.outline.fill}:ink"
            written = r"\\".join(self.letters.line(line, ground) for line in lines)
            yield rf"\node[{options}] ({node.name}) {{{written}}};"
            yield from self.corner(node)

    def corner(self, node: Node) -> Iterator[str]:
        """How often what stands for several does."""
        for text in (text for text in node.texts if text.anchor == "end"):
            options = f"anchor=base east, inner sep=0pt, text={colour_name(text.fill)}"
            place = _by_corner(node, "north east", (text.x - node.right, text.y - node.top))
            yield rf"\node[{options}] at {place} {{{self.letters.line(text, text.fill or '')}}};"

    def background(self) -> Iterator[str]:
        """Frames, the outer ones first, and the sheets below what stands for several."""
        stacked = [node for node in self.parts.nodes if node.sheets]
        if not (self.parts.frames or stacked):
            return
        yield r"\begin{pgfonlayer}{background}"
        for frame in self.parts.frames:
            yield rf"\node[fit={{{self.places.fit(frame)}}}, inner sep=0pt, outer sep=0pt] ({frame.name}) {{}};"
            yield from self.sheets(frame)
            yield rf"\draw[{_style(frame)}] ({frame.name}.north west) rectangle ({frame.name}.south east);"
            yield from self.header(frame)
        for node in stacked:
            yield from self.sheets(node)
        yield r"\end{pgfonlayer}"

    def sheets(self, node: Node) -> Iterator[str]:
        for sheet in node.sheets:
            start = _by_corner(node, "north west", (sheet.x - node.left, sheet.y - node.top))
            ends = (sheet.x + sheet.width - node.right, sheet.y + sheet.height - node.bottom)
            yield rf"\draw[{_style(node)}] {start} rectangle {_by_corner(node, 'south east', ends)};"

    def header(self, frame: Node) -> Iterator[str]:
        if frame.band:
            end = _by_corner(frame, "north east", (-0.4, frame.band))
            yield rf"\fill[header] {_by_corner(frame, 'north west', (0.4, 0.4))} rectangle {end};"
        for text in (text for text in frame.texts if text.anchor == "start"):
            place = _by_corner(frame, "north west", (text.x - frame.left, text.y - frame.top))
            yield rf"\node[anchor=base west, inner sep=0pt] at {place} {{{self.letters.line(text)}}};"
        yield from self.corner(frame)

    def edge(self, edge: Edge, words: list[Text]) -> str:
        """An edge; where it is straight, with the shape beside it, which is taken out of the words."""
        label = next((text for text in words if _is_beside(text, edge.path)), None)
        told = ""
        if label is not None:
            words.remove(label)
            is_down = label.x > edge.path.segments[0][1][0][0] and _is_upright(edge.path)
            told = (
                f" node[dimensions, {'right=4bp' if is_down else 'above=1bp'}] {{{self.letters.line(label, 'muted')}}}"
            )
        options = [edge_style(edge.role)]
        options += [] if edge.path.arrow else ["-"]
        options += ["rounded corners=6bp"] if is_bent(edge.path) else []
        return rf"\draw[{', '.join(options)}] {way(edge.path, self.places, told)};"

    def word(self, text: Text) -> str:
        anchor = {"start": "base west", "middle": "base", "end": "base east"}[text.anchor]
        options = f"anchor={anchor}, inner sep=0pt, text={colour_name(text.fill)}"
        return (
            rf"\node[{options}] at {self.places.near((text.x, text.y))} {{{self.letters.line(text, text.fill or '')}}};"
        )

    def legend(self) -> Iterator[str]:
        """What colours and lines mean, below all that stands there already."""
        if not self.parts.legend:
            return
        left = min(node.left for node in (*self.parts.nodes, *self.parts.frames))
        top = min(item.y - item.size for item in self.parts.legend if isinstance(item, Text))
        yield r"\begin{scope}[shift={(current bounding box.south west)}, yshift=-6bp, x=1bp, y=-1bp]"
        for item in self.parts.legend:
            match item:
                case Rect():
                    start, end = (item.x - left, item.y - top), (item.x + item.width - left, item.y + item.height - top)
                    yield rf"\draw[{_filled(item.fill)}, line width=0.5bp] {_point(start)} rectangle {_point(end)};"
                case Path():
                    ends = " -- ".join(_point((x - left, y - top)) for _, points in item.segments for x, y in points)
                    yield rf"\draw[{_stroked(item)}] {ends};"
                case Text():
                    written = self.letters.line(item, item.fill or "")
                    options = f"anchor=base west, inner sep=0pt, text={colour_name(item.fill)}"
                    yield rf"\node[{options}] at {_point((item.x - left, item.y - top))} {{{written}}};"
                case _:
                    raise TypeError(f"a legend has no {type(item).__name__}")
        yield r"\end{scope}"


def edge_style(role: str) -> str:
    return f"{role} edge"


def _styles(parts: Parts, theme: Theme) -> Iterator[str]:
    """A style for each kind of node and edge, for all of its kind to be changed in one place."""
    if theme.paint("paper") != "#ffffff":
        yield "show background rectangle, background rectangle/.style={fill=netspec-paper}"
    largest = max((text.size for node in parts.nodes for text in node.texts[1:]), default=8)
    letters = rf"font=\fontsize{{{number(largest)}bp}}{{{number(_LEADING * largest)}bp}}\selectfont"
    shape = "draw, line width=0.8bp, rounded corners=3bp, align=center, inner sep=0pt, outer sep=0pt"
    yield f"box/.style={{{shape}, {letters}}}"
    for role in dict.fromkeys(str(node.outline.fill) for node in parts.nodes):
        yield f"{role} box/.style={{box, {_filled(role)}, text={colour_name(f'{role}:ink')}}}"
    if any(isinstance(node.outline, Circle) for node in parts.nodes):
        yield f"circled/.style={{circle, draw={colour_name('ink')}, line width=1bp}}"
    yield f"frame box/.style={{draw={colour_name('rule')}, line width=0.8bp, rounded corners=5bp}}"
    yield f"header/.style={{fill={colour_name('block')}, rounded corners=4.6bp}}"
    yield "when training/.style={dash pattern=on 3bp off 2bp}"
    yield f"dimensions/.style={{midway, inner sep=0pt, text={colour_name('muted')}}}"
    for role in dict.fromkeys(edge.role for edge in parts.edges):
        look = edge_look(cast(Role, role))
        pen = f"draw={colour_name(look.colour)}, line width={number(look.width)}bp"
        yield f"{edge_style(role)}/.style={{{', '.join([pen, *([_dashed(look.dash)] if look.dash else [])])}, -latex}}"


def _style(node: Node) -> str:
    """The style of a node, and what it has otherwise than others of its kind."""
    outline = node.outline
    if isinstance(outline, Circle):
        return f"{outline.fill} box, circled"
    if node.band or outline.fill is None:
        fill = [f"fill={colour_name(outline.fill)}"] if outline.fill else []
        return ", ".join(["frame box", *fill, *([_dashed(outline.dash)] if outline.dash else [])])
    rounded = [f"rounded corners={number(outline.radius)}bp"] if outline.radius > _CORNER else []
    return ", ".join([f"{outline.fill} box", *rounded, *(["when training"] if outline.dash else [])])


def _filled(role: str | None) -> str:
    return f"fill={colour_name(role)}, draw={colour_name(f'{role}:line')}"


def _stroked(path: Path) -> str:
    dash = f", {_dashed(path.dash)}" if path.dash else ""
    return f"draw={colour_name(path.stroke)}, line width={number(path.stroke_width)}bp{dash}"


def _dashed(dash: Sequence[float]) -> str:
    lengths = (f"{word} {number(length)}bp" for length, word in zip(dash, ("on", "off") * len(dash), strict=False))
    return f"dash pattern={' '.join(lengths)}"


def _roles(parts: Parts) -> Iterator[str]:
    """The colours that there are, with those of outlines and letters."""
    roles = ["paper", "ink", "muted", "rule", "block"]
    for node in (*parts.nodes, *parts.frames):
        if role := node.outline.fill:
            roles += [role, f"{role}:line", f"{role}:ink"]
    roles += [edge_look(cast(Role, edge.role)).colour for edge in parts.edges]
    for item in parts.legend:
        match item:
            case Rect(fill=str(role)):
                roles += [role, f"{role}:line"]
            case Path(stroke=str(role)):
                roles.append(role)
    texts = [text for node in (*parts.nodes, *parts.frames) for text in node.texts]
    roles += [text.fill for text in (*texts, *parts.words) if text.fill]
    yield from dict.fromkeys(roles)


def _definition(role: str, theme: Theme) -> str:
    return rf"\definecolor{{{colour_name(role)}}}{{HTML}}{{{theme.paint(role)[1:].upper()}}}%"


def _is_upright(path: Path) -> bool:
    xs = [x for _, points in path.segments for x, _ in points]
    return max(xs) - min(xs) < 0.1


def _is_beside(text: Text, path: Path) -> bool:
    """Whether a word stands in the middle of a straight edge, beside or above it."""
    if text.anchor != "start" or [verb for verb, _ in path.segments] != ["M", "L"]:
        return False
    (_, ((x0, y0),)), (_, ((x1, y1),)) = path.segments
    middle = text.y - text.size * CAP_HEIGHT / 2
    if _is_upright(path):
        return 0 < text.x - x0 < 6 and abs(middle - (y0 + y1) / 2) < 3
    return abs(y0 - y1) < 0.1 and 0 < y0 - middle < 7 and x0 < text.x and text.x + width(text.text, text.size) < x1


def _by_corner(node: Node, corner: str, offset: Point) -> str:
    """So far to the right and down from a corner of a node."""
    dx, dy = offset
    return f"([shift={{({number(dx)}bp, {number(-dy)}bp)}}]{node.name}.{corner})"


def _point(point: Point) -> str:
    return f"({number(point[0])}, {number(point[1])})"
