"""Comments as other languages write them: `// text`, `/* text */` and texts in three quotes."""

from __future__ import annotations

import re

from netspec.syntax.report import Report

_ENDS = {"//": "\n", "/*": "*/", '"""': '"""', "'''": "'''"}
_PROSE = re.compile(
    r"[ \t]*[A-Za-z_]\w*(?:,[ \t]+[A-Za-z_]\w*)*[.:]?[ \t]+(?!(?:if|for|in|and|or|not|else)\b)[A-Za-z_]\w*"
)


def foreign_comment(text: str, start: int, in_brackets: bool, report: Report) -> int:
    """Where a comment that begins at `start` ends, which is then reported; `start` itself where there is none.

    `//` is a comment where it begins its line outside of brackets, or where words follow that no expression is made of.
    """
    opener = text[start : start + 2] if text[start] == "/" else text[start : start + 3]
    if opener not in _ENDS:
        return start
    if opener == "//":
        begins = not text[text.rfind("\n", 0, start) + 1 : start].strip()
        if (in_brackets or not begins) and not _PROSE.match(text, start + 2):
            return start
    closer = _ENDS[opener]
    position = text.find(closer, start + len(opener))
    inside_end = position if position >= 0 else len(text)
    end = inside_end + len(closer) if position >= 0 and closer != "\n" else inside_end
    report.add(
        "E0101",
        f"a comment begins with `#`, not `{opener}`",
        start,
        start + len(opener),
        help="write # before the text, on each of its lines",
        mend=((start, end), _mended(text[start + len(opener) : inside_end], text[end : text.find("\n", end)])),
    )
    return end


def _mended(inside: str, after: str) -> str:
    lines = [line.strip(" \t*") for line in inside.strip().splitlines()]
    return "\n".join(f"# {line}".rstrip() for line in lines or [""]) + ("\n" if after.strip() else "")
