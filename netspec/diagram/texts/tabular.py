"""LaTeX's own table: what the table style shows as a `tabular` with the rules of booktabs, to be edited there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netspec.diagram.drawing.svg import number
from netspec.diagram.drawing.text import broken, visible, width
from netspec.diagram.styles.table_cells import Setting
from netspec.diagram.texts.tex import escaped
from netspec.diagram.view.boxes import View
from netspec.diagram.view.captions.words import in_one_unit, short_shape
from netspec.diagram.view.table_rows import (
    Branch,
    Fork,
    Line,
    Part,
    Rounds,
    Row,
    costs,
    footnotes,
    lines_of,
    output_head,
    rows,
    with_named_sizes,
)
from netspec.marks import signed

_HEAD = r"""% {title}
% In a paper: \usepackage{{booktabs}} in the preamble, and \input{{FILE}} where the table is to stand."""
_DOCUMENT = r"""% pdflatex makes a PDF of this file.
\documentclass[border=2bp, varwidth]{{standalone}}
\usepackage{{booktabs}}
\begin{{document}}
{table}
\end{{document}}"""


def write(shown: View, setting: Setting, *, standalone: bool = False) -> str:
    """The layers of a view as LaTeX to be input in a paper that uses booktabs, or as a `standalone` document.

    Its letters are Helvetica, as measured, and as large as in a setting, which also says which columns it has.
    """
    told = with_named_sizes(rows(shown))
    columns = [_names(shown, told.rows), _outputs(shown, told.rows, setting), _layers(told.rows, setting)]
    figures = costs(told.rows)
    chosen = [name for name in figures if name in setting.figures]
    columns += [_figures(name, figures[name]) for name in chosen]
    head, *body, foot = zip(*columns, strict=True)
    title = visible(shown.title).encode("ascii", "replace").decode()
    lines = [
        _HEAD.format(title=title),
        r"\begingroup",
        rf"\fontsize{{{number(setting.size)}bp}}{{{number(setting.leading)}bp}}\fontfamily{{phv}}\selectfont",
        rf"\setlength{{\tabcolsep}}{{{number(setting.gap / 2)}bp}}%",
        rf"\begin{{tabular}}{{@{{}}lll{'r' * len(chosen)}@{{}}}}",
        r"\toprule",
        _row([rf"\textbf{{{cell}}}" for cell in head]),
        r"\midrule",
        "\n\\addlinespace[2bp]\n".join(map(_row, body)),
        *([r"\midrule", _row([rf"\textbf{{{cell}}}" if cell else "" for cell in foot])] if chosen else []),
        r"\bottomrule",
        r"\end{tabular}\par",
        *(rf"{_words(note)}\par" for note in footnotes(told, shown)),
        r"\endgroup",
    ]
    table = "\n".join(lines)
    return signed((_DOCUMENT.format(table=table) if standalone else table) + "\n", "% {}")


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _names(shown: View, stages: Sequence[Row]) -> list[str]:
    names = [_under([_words(stage.name), *([_quiet(stage.note)] if stage.note else [])]) for stage in stages]
    return [_words(shown.title), *names, "total"]


def _outputs(shown: View, stages: Sequence[Row], setting: Setting) -> list[str]:
    short = short_shape if setting.short else str
    outputs = [_under([_words(short(output)) for output in stage.outputs]) for stage in stages]
    return [_words(output_head(shown)), *outputs, ""]


def _layers(stages: Sequence[Row], how: Setting) -> list[str]:
    return ["layers", *(_stack(stage.parts, how) for stage in stages), ""]


def _figures(name: str, counts: Sequence[int]) -> list[str]:
    """A column of costs in one unit, with what they are together at its foot."""
    unit, figures = in_one_unit([*counts, sum(counts)])
    return [_words(f"{name} ({unit})" if unit else name), *map(escaped, figures)]


def _words(text: str) -> str:
    """A text; its × is one of mathematics, which all fonts of LaTeX have."""
    return escaped(text).replace(r"\texttimes{}", r"$\times$")


def _quiet(text: str) -> str:
    return rf"{{\slshape {_words(text)}}}"


def _under(lines: Sequence[str]) -> str:
    """Lines below each other, in the middle of their row; what is several lines high has a little room around it."""
    if len(lines) < 2:
        return "".join(lines)
    inner = "".join(f"{line} {_gap(line, after)}" for line, after in pairwise(lines)) + lines[-1]
    return rf"\begin{{tabular}}[c]{{@{{}}l@{{}}}}{inner}\end{{tabular}}"


def _gap(line: str, after: str) -> str:
    room = r"\noalign{\vskip 2bp}" if r"\begin" in line + after else ""
    return rf"\\{room}" + "\n  "


def _stack(parts: Sequence[Part], how: Setting) -> str:
    return _under(_rows(parts, how))


def _rows(parts: Sequence[Part], how: Setting) -> list[str]:
    """Parts below each other."""
    return [line for part in parts for line in _part(part, how)]


def _part(part: Part, how: Setting) -> list[str]:
    match part:
        case Line():
            return _line(part, how)
        case Rounds():
            times = rf"\times {part.times}" if part.times > 1 else ""
            return [rf"$\left[\mbox{{{_stack(part.parts, how)}}}\right]{times}$"]
        case Fork():
            return _fork(part, how)


def _line(part: Line, how: Setting) -> list[str]:
    """A layer, and in italics what comes before and after it, and where its values come from; below it if need be."""
    words = [(f"{part.before}," if part.before else "", _quiet), (part.text, _words), (part.after, _quiet)]
    lines: list[list[str]] = []
    room = 0.0
    for text, written in [*words, (part.source, _quiet)]:
        for piece in broken(text, how.size, how.line) if text else ():
            room -= width(f" {piece}", how.size)
            if not lines or room < 0:
                lines.append([])
                room = max(how.line, how.flow) - width(piece, how.size)
            lines[-1].append(written(piece))
    return [" ".join(line) for line in lines]


def _fork(part: Fork, how: Setting) -> list[str]:
    """Branches side by side with rules between them, or where they are wide below each other, and what becomes of them.

    A plain shortcut stands in a line.
    """
    first = part.branches[0]
    if part.kind == "dense":
        return [*_rows(first.parts, how), _quiet(part.join)]
    if part.shortcut is not None:
        shortcut, extra = part.shortcut
        *above, last = _line(shortcut, how)
        return [*_rows(first.parts, how), *above, f"+ {last}{_quiet(extra) if extra else ''}"]
    branches = [_branch(branch, how) for branch in part.branches]
    if sum(_breadth(branch) * how.size + how.gap for branch in part.branches) > how.fork:
        return [
            *(rf"\begin{{tabular}}[c]{{@{{}}|l@{{}}}}{branch}\end{{tabular}}" for branch in branches),
            _quiet(part.join),
        ]
    between = "|".join("l" * len(branches))
    return [rf"\begin{{tabular}}[c]{{@{{}}{between}@{{}}}}{' & '.join(branches)}\end{{tabular}}", _quiet(part.join)]


def _branch(branch: Branch, how: Setting) -> str:
    told = _rows(branch.parts, how) or ["x"]
    return _under([rf"\textbf{{{_words(branch.caption)}}}", *told] if branch.caption else told)


def _breadth(branch: Branch) -> float:
    """About how wide a branch is, in ems."""
    texts = [
        " ".join((line.before, line.text, line.after, line.source))
        for part in branch.parts
        for line in lines_of((part,))
    ]
    return max((width(text, 1) for text in texts), default=1)
