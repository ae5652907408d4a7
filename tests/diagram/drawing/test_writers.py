"""The writers: any drawing, with any text in it, is a file that others read, whole, alike and inert."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path as File
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont
from PIL import Image
from pypdf import PdfReader

from netspec.diagram.drawing import eps, pdf, png, svg
from netspec.diagram.drawing.bounds import bounds
from netspec.diagram.drawing.items import (
    Circle,
    Drawing,
    Group,
    Path,
    Polygon,
    Rect,
    Text,
    arrow_head,
    curve,
    line,
    moved,
    scaled,
)
from netspec.diagram.drawing.text import Face, fit, font_file, set_in, visible, width, width_of, widths, wrap
from netspec.diagram.drawing.theme import DARK, LIGHT, THEMES
from netspec.diagram.texts import tex

FONTS = font_file("Sans-Regular").parent
SVG = "{http://www.w3.org/2000/svg}"
FACES: tuple[Face, ...] = ("Sans-Regular", "Sans-Bold", "Sans-Italic", "Mono-Regular")
HOSTILE = [
    "</text><script>alert(1)</script>",
    "\" onload='alert(1)' x=\"",
    "]]> <!-- & &amp; &#x3c; <![CDATA[",
    r"\input{/etc/passwd} \end{tikzpicture} \write18{touch x} }{ $x^2_3$ # % & ~ ^^41",
    r"(\) Tj ET BT (endstream endobj",
    "-- --- `` '' ,, << >> ?` !` \"",
    "\u202eevil\u202c \u200fname\ufeff",
    "a\x00b\x07c\x1bd\x7fe\ud800f\uffff",
    "line\nbreak\ttab  spaces",
    "é ß ő × → ½ … – — · σ Σ ≤ −",
    "中文 العربية עברית 🙂 ﬁ",
]


def drawing(*texts: str) -> Drawing:
    """Every kind of mark, and a line for each text in each face."""
    items = [
        Rect(5, 5, 40, 20, 3, "convolution", "convolution:line", 0.7, (2, 1)),
        Polygon(((50, 5), (80, 5), (65, 25)), "pooling", "pooling:line"),
        Circle(100, 15, 10, "linear", "linear:line"),
        Path(line((120, 15), (150, 15)), arrow=True),
        Path(curve((160, 20), ((170, 0), (190, 40), (200, 20))), "accent", 1.5, (3, 2), arrow=True),
        Path((*line((210, 5), (230, 5), (220, 25)), ("Z", ())), "edge", fill="neutral:top"),
        Text(250, 20, "turned", 8, rotate=-30, fill="muted"),
    ]
    y = 50.0
    for text in texts:
        group = (
            Text(5, y, text, 8),
            Text(5, y + 10, text, 8, "bold"),
            Text(5, y + 20, text, 8, italic=True),
            Text(5, y + 30, text, 8, mono=True),
        )
        items.append(Group(group, id=text, classes=(text, "line"), title=text))
        y += 45
    return Drawing(400, y, tuple(items), texts[0] if texts else "marks", " ".join(texts))


def test_svg_keeps_every_text_and_makes_no_other_elements() -> None:
    root = ElementTree.fromstring(svg.write(drawing(*HOSTILE)))
    known = {"svg", "title", "desc", "rect", "polygon", "circle", "path", "text", "g"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == known
    shown = [element.text for element in root.iter(f"{SVG}text")]
    assert shown == [visible(mark.text) for mark in drawing(*HOSTILE).marks() if isinstance(mark, Text)]
    assert [element.get("id") for element in root.iter(f"{SVG}g")] == [visible(text) for text in HOSTILE]
    allowed = {"id", "class", "d", "x", "y", "cx", "cy", "r", "rx", "points", "transform", "viewBox", "role"}
    allowed |= {"width", "height", "textLength", "lengthAdjust"}
    for element in root.iter():
        assert all(name in allowed or name.startswith(("fill", "stroke", "font-", "text-")) for name in element.attrib)


def test_svg_says_how_wide_each_text_is() -> None:
    root = ElementTree.fromstring(svg.write(drawing("Wave", "AVATAR")))
    for element, mark in zip(
        root.iter(f"{SVG}text"),
        (mark for mark in drawing("Wave", "AVATAR").marks() if isinstance(mark, Text)),
        strict=True,
    ):
        assert float(element.get("textLength", 0)) == pytest.approx(width_of(mark), abs=0.006)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_shown_is_printable_and_in_order(text: str) -> None:
    shown = visible(text)
    assert all(character.isprintable() for character in shown)
    assert not set(shown) & set("\u202e\u202c\u200f\ufeff")
    assert "  " not in shown
    assert visible(shown) == shown
    ElementTree.fromstring(f"<t>{escape(shown)}</t>")


def test_pdf_embeds_all_its_fonts_and_keeps_the_text() -> None:
    (page,) = PdfReader(io.BytesIO(pdf.write(drawing(*HOSTILE)))).pages
    assert (page.mediabox.width, page.mediabox.height) == (400, drawing(*HOSTILE).height)
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert {font["/BaseFont"].partition("+")[2] for font in fonts} == {
        "LiberationSans",
        "LiberationSans-Bold",
        "LiberationSans-Italic",
        "LiberationMono",
    }
    assert all("/FontFile2" in font["/FontDescriptor"] for font in fonts)
    read = re.sub(r"\s", "", page.extract_text())
    for text in HOSTILE[:-1]:
        for name in FACES:
            assert re.sub(r"\s", "", set_in(text, name)) in read
    assert set(set_in(HOSTILE[-1], "Sans-Regular")) - {" "} <= set(read)  # pypdf turns what is read from right to left


def test_pdf_names_no_font_that_it_does_not_hold() -> None:
    """Journals refuse a file for a font that is merely mentioned."""
    (page,) = PdfReader(io.BytesIO(pdf.write(Drawing(10, 10, ())))).pages
    assert all("/FontDescriptor" in font.get_object() for font in page["/Resources"].get("/Font", {}).values())


def test_pdf_holds_no_scripts_and_no_dates() -> None:
    data = pdf.write(drawing(*HOSTILE))
    reader = PdfReader(io.BytesIO(data))
    assert not {"/OpenAction", "/AA", "/Names"} & set(reader.trailer["/Root"])
    assert reader.metadata is not None
    assert reader.metadata.title == visible(HOSTILE[0])
    assert pdf.write(drawing(*HOSTILE)) == data


def test_eps_embeds_the_letters_that_are_used_as_they_are() -> None:
    """Read back as a printer would: each named letter is the glyph that the font has for it."""
    written = eps.write(drawing(*HOSTILE)).decode("ascii")
    found = re.findall(
        r"/FontName /(\S+) def.*?/\.notdef 0 def\n(.*?)end readonly def\n/sfnts \[(.*?)\]", written, re.DOTALL
    )
    assert {name for name, _, _ in found} == {f"Liberation{face}" for face in FACES}
    for name, letters, strings in found:
        parts = [bytes.fromhex(part) for part in re.findall(r"<([0-9a-f\s]+)>", strings)]
        assert all(len(part) < 65_536 and len(part) % 2 for part in parts), "a padding byte, and no longer than allowed"
        subset, whole = TTFont(io.BytesIO(b"".join(part[:-1] for part in parts))), TTFont(FONTS / f"{name}.ttf")
        for code, glyph in re.findall(r"/uni([0-9A-F]{4}) (\d+) def", letters):
            ours, theirs = subset.getGlyphName(int(glyph)), whole.getBestCmap()[int(code, 16)]
            assert subset["hmtx"][ours] == whole["hmtx"][theirs]
            assert outline(subset, ours) == outline(whole, theirs)


def outline(font: TTFont, glyph: str) -> list[object]:
    pen = DecomposingRecordingPen(font.getGlyphSet())
    font.getGlyphSet()[glyph].draw(pen)
    return list(pen.value)


def test_eps_has_no_command_from_a_text() -> None:
    """Everything in it is a number, a name of ours or a known operator; texts are names of letters."""
    written = eps.write(drawing(*HOSTILE)).decode("ascii")
    known = {
        "save",
        "restore",
        "gsave",
        "grestore",
        "dict",
        "begin",
        "end",
        "def",
        "dup",
        "readonly",
        "pop",
        "definefont",
    }
    known |= {"newpath", "moveto", "lineto", "curveto", "closepath", "fill", "stroke", "setlinewidth", "setdash", "0"}
    known |= {
        "translate",
        "scale",
        "rotate",
        "setlinejoin",
        "setrgbcolor",
        "findfont",
        "scalefont",
        "setfont",
        "glyphshow",
    }
    known |= {"FontName", "StandardEncoding", "currentdict", "true"}
    body = re.sub(r"<[0-9a-f\s]+>", "", "\n".join(row for row in written.split("\n") if not row.startswith("%")))
    for word in re.sub(r"[\[\]]", " ", body).split():
        is_name = re.fullmatch(r"/(uni[0-9A-F]{4}|Liberation[\w-]+|\.notdef|[A-Z]\w+|sfnts)", word)
        assert word in known or is_name or re.fullmatch(r"-?\d+(\.\d+)?", word), word
    assert eps.write(drawing(*HOSTILE)) == eps.write(drawing(*HOSTILE))


@pytest.mark.skipif(not shutil.which("gs"), reason="there is no Ghostscript here")
def test_eps_is_painted_by_ghostscript(tmp_path: File) -> None:
    (tmp_path / "a.eps").write_bytes(eps.write(drawing("a letter")))
    command = [
        "gs",
        "-q",
        "-dBATCH",
        "-dNOPAUSE",
        "-dSAFER",
        "-dEPSCrop",
        "-sDEVICE=txtwrite",
        "-sOutputFile=-",
        "a.eps",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("a letter") == 4


@pytest.mark.parametrize("dpi", [72, 150, 300])
def test_png_has_the_size_and_the_resolution(dpi: int) -> None:
    picture = Image.open(io.BytesIO(png.write(drawing("text"), dpi=dpi)))
    assert picture.size == (round(400 * dpi / 72), round(95 * dpi / 72))
    assert picture.info["dpi"] == pytest.approx((dpi, dpi), abs=0.02)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_png_is_painted_where_the_marks_are(theme: object) -> None:
    assert theme in (LIGHT, DARK)
    chosen = LIGHT if theme is LIGHT else DARK
    picture = Image.open(io.BytesIO(png.write(drawing("text"), chosen, dpi=72))).convert("RGB")

    def at(x: int, y: int) -> str:
        return "#{:02x}{:02x}{:02x}".format(*picture.getpixel((x, y)))  # type: ignore[misc]

    assert at(398, 2) == chosen.paint("paper")
    assert at(25, 15) == chosen.paint("convolution")
    assert at(65, 12) == chosen.paint("pooling")
    assert at(100, 15) == chosen.paint("linear")
    assert at(130, 15) != at(130, 30)


def test_png_is_a_valid_file() -> None:
    data = png.write(drawing(*HOSTILE), dpi=72)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, names = 8, []
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunk = data[place + 4 : place + 8 + length]
        assert zlib.crc32(chunk) == struct.unpack_from(">I", data, place + 8 + length)[0]
        names.append(chunk[:4])
        place += 12 + length
    assert names[:2] == [b"IHDR", b"pHYs"]
    assert names[-1] == b"IEND"
    assert names.count(b"pHYs") == 1


def test_png_paints_text_without_the_fonts_of_the_machine() -> None:
    blank = png.write(Drawing(100, 20, ()), dpi=72)
    assert png.write(Drawing(100, 20, (Text(5, 15, "中"),)), dpi=72) != blank


@pytest.mark.parametrize("size", [(1e6, 10), (10, 1e6), (0.001, 10)])
def test_png_of_no_or_too_many_pixels_is_refused(size: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="pixels"):
        png.write(Drawing(*size, ()))


def test_tex_has_no_command_from_a_text() -> None:
    known = {r"\begin", r"\end", r"\definecolor", r"\path", r"\node", r"\char", r"\begingroup", r"\endgroup"}
    known |= {r"\normalfont", r"\fontsize", r"\fontfamily", r"\selectfont", r"\bfseries", r"\slshape"}
    known |= {r"\fboxsep", r"\fbox", r"\phantom", r"\ldots", r"\ss", r"\H"}
    known |= set(re.findall(r"\\text[a-z]+", " ".join(tex.escaped(chr(code)) for code in range(0x20, 0x2100))))
    known |= {r"\cdot", r"\leq", r"\rightarrow", r"\sigma", r"\Sigma"}
    written = tex.write(drawing(*HOSTILE))
    body = written.split("\n", 2)[2].rpartition("% Written by")[0]
    assert set(re.findall(r"\\[A-Za-z]+", body)) <= known
    unescaped = re.sub(r"\\[{}]", "", body)
    assert unescaped.count("{") == unescaped.count("}")
    assert body.count(r"\end{tikzpicture}") == 1
    assert not re.search(r"(?<!\\)%", re.sub(r"\}%$", "}", body, flags=re.MULTILINE))
    assert written.isascii(), "whatever the encoding of the paper"


def test_tex_is_for_a_paper_and_stands_alone_where_it_is_to() -> None:
    part, whole = (tex.write(drawing("a"), standalone=standalone) for standalone in (False, True))
    assert not re.search(r"^[^%]*\\(documentclass|usepackage|begin\{document\})", part, re.MULTILINE)
    assert whole.count(r"\documentclass") == 1
    assert part.rpartition("% Written by")[0] in whole


def test_letters_need_no_encoding() -> None:
    """Letters are commands that every encoding of LaTeX has, so a paper needs no `fontenc`."""
    assert tex.escaped("".join(map(chr, range(0x20, 0x250)))).isascii()
    assert tex.escaped("éß") == r"{\'{e}}{\ss}"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no LaTeX here")
@pytest.mark.parametrize("standalone", [True, False])
def test_tex_compiles_and_says_the_same(standalone: bool, tmp_path: File) -> None:
    (tmp_path / "figure.tex").write_text(tex.write(drawing(*HOSTILE), standalone=standalone), encoding="utf-8")
    article = r"\documentclass{article}\usepackage{tikz}\begin{document}\input{figure}\end{document}"
    (tmp_path / "article.tex").write_text(article, encoding="utf-8")
    main = "figure" if standalone else "article"
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", f"{main}.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    if "standalone.cls' not found" in done.stdout:
        pytest.skip("this LaTeX has no standalone class")
    assert done.returncode == 0, done.stdout[-2000:]
    page = PdfReader(tmp_path / f"{main}.pdf").pages[0]
    if standalone:
        assert float(page.mediabox.width) == pytest.approx(400, abs=1)
        assert float(page.mediabox.height) == pytest.approx(drawing(*HOSTILE).height, abs=1)
    read = re.sub(r"\s", "", page.extract_text())
    assert "alert(1)" in read
    assert r"\input{/etc/passwd}" in read


@pytest.mark.parametrize("name", FACES)
def test_widths_are_those_of_the_font(name: Face) -> None:
    font = TTFont(font_file(name))
    table, units = font["hmtx"], font["head"].unitsPerEm
    assert dict(widths(name)) == {chr(code): table[glyph][0] / units for code, glyph in font.getBestCmap().items()}


def test_the_license_of_the_fonts_is_beside_them() -> None:
    folder = font_file("Sans-Regular").parent
    assert "SIL OPEN FONT LICENSE" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert {path.name for path in folder.glob("*.ttf")} == {font_file(name).name for name in FACES}


def test_fitted_text_fits() -> None:
    text = "a rather long name of a layer"
    for limit in range(12, 140, 7):
        assert width(fit(text, 8, limit), 8) <= max(limit, width("…", 8))
        assert all(width(one, 8) <= max(limit, width("…", 8)) for one in wrap(text, 8, limit))
    assert fit(text, 8, 500) == text
    assert " ".join(wrap(text, 8, 45)) == text


def test_an_arrow_ends_at_the_last_point() -> None:
    path = Path(line((0, 0), (30, 40)), stroke_width=1, arrow=True)
    shaft, head = arrow_head(path)
    assert head.points[0] == (30, 40)
    (_, (end,)) = shaft.segments[-1]
    assert 40 < (end[0] ** 2 + end[1] ** 2) ** 0.5 < 50
    assert end[0] * 4 == pytest.approx(end[1] * 3)


def test_moving_and_scaling_reach_every_mark() -> None:
    whole = drawing("text")
    left, top, right, bottom = bounds(whole.items)
    shifted = bounds(moved(item, 7, -3) for item in whole.items)
    assert shifted == pytest.approx((left + 7, top - 3, right + 7, bottom - 3))
    half = scaled(whole, 0.5)
    assert (half.width, half.height) == (whole.width / 2, whole.height / 2)
    assert bounds(half.items) == pytest.approx((left / 2, top / 2, right / 2, bottom / 2))


def test_the_same_drawing_gives_the_same_bytes_in_every_process() -> None:
    """With another seed for hashes, and without torch."""
    program = (
        "import sys, hashlib, netspec\n"
        "from netspec.diagram.drawing import eps, pdf, png, svg\n"
        "from netspec.diagram.styles.table import table\n"
        "from netspec.diagram.styles.volumes import volumes\n"
        "from netspec.diagram.texts import tex\n"
        f"graph = netspec.load({str(File(__file__).resolve().parents[3] / 'examples' / 'unet.net')!r}).graph()\n"
        "for style in (table, volumes):\n"
        "    for writer in (svg, png, pdf, tex):\n"
        "        written = writer.write(style(graph))\n"
        "        print(hashlib.sha256(written.encode() if isinstance(written, str) else written).hexdigest())\n"
        "assert 'torch' not in sys.modules\n"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(File(__file__).resolve().parents[3])},
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second
    assert len(set(first.split())) == 8


def test_a_digest_of_the_whole_differs_with_the_theme() -> None:
    digests = {
        hashlib.sha256(writer.write(drawing("x"), theme).encode()).digest()
        for writer in (svg, tex)
        for theme in (LIGHT, DARK)
    }
    assert len(digests) == 4
