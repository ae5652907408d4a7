"""A difference as one HTML page: what has changed as text, and both nets drawn side by side."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from netspec.compare.differences import Difference, lines
from netspec.marks import signed

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1f2328; background: #fff }
pre { font: 13px/1.5 ui-monospace, monospace; overflow-x: auto }
.new { color: #116329 } .lost { color: #a40e26 } .changed { color: #953800 } .renamed { color: #0a53b0 }
.sides { display: flex; gap: 2rem; align-items: flex-start }
.sides figure { flex: 1; min-width: 0; margin: 0 } .sides img { max-width: 100% }
"""
_CLASSES = {"+": "new", "-": "lost", "~": "changed", "=": "renamed"}


def page(diff: Difference, titles: tuple[str, str], pictures: tuple[str, str]) -> str:
    """The page. `pictures` are the two nets as SVG; nothing in them or in the titles can run anything."""
    listing = "\n".join(map(_line, lines(diff)))
    sides = "".join(
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f"<img alt='' src='data:image/svg+xml;base64,{_encoded(svg)}'></figure>"
        for title, svg in zip(titles, pictures, strict=True)
    )
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return signed(
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        '<meta name="generator" content="netspec">'
        f"<meta http-equiv='Content-Security-Policy' content=\"{policy}\">"
        f"<title>{escape(titles[0])} and {escape(titles[1])}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(titles[0])} and {escape(titles[1])}</h1>\n<pre>{listing}</pre>\n"
        f"<div class='sides'>{sides}</div></body></html>\n",
        "<!-- {} -->",
    )


def _line(line: str) -> str:
    kind = _CLASSES.get(line[:1])
    return f"<span class='{kind}'>{escape(line)}</span>" if kind is not None else escape(line)


def _encoded(svg: str) -> str:
    return b64encode(svg.encode("utf-8")).decode("ascii")
