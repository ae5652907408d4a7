"""What a layout is made for: how much room there is, how large letters are, how far things stand from each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf

PAGE_WIDTH, PAGE_HEIGHT = 520.0, 740.0
"""The text of a page of A4 in points: what is taller is set in columns."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of `width` x `height` points, and the sizes of the letters of boxes and headers on it, in points.

    Lines of a box are broken where they are longer than `widest`; boxes are at least `least` wide and grow in `step`s,
    so that boxes above each other line up. `padding` is between a box and its letters, `leading` from line to line,
    `side` between a frame and what is in it. `gap` and `label_gap` are between what stands below each other, without
    and with a shape beside the edge; `node_gap` and `rank_gap` between branches, `room` where a shape stands there;
    `across` between the sides of a U, `gutter` between columns, `margin` around everything.

    `columns` is how many the outermost frame is set in, 0 for as many as are of use: those lower than `low` need not be
    lower. Where words are `short`, shapes are written as `64×56²`. Without `counts`, folded blocks do not say how many
    parameters they have; without `branch_shapes`, shapes stand only where a single value goes on. `nested` is a frame,
    which may take so much of the page's height as `share` is before it is set in columns itself.

    Where the flow goes to the `right`, everything is laid out as if it went down, on the sheet `turned`, and turned in
    the end: x is then across the flow, and columns are rows. A U goes down and up, and so to the right by itself.

    `above` is more room above boxes, by their ids, for a picture that stands beside others; all is then in one column.
    """

    width: float = PAGE_WIDTH
    height: float = PAGE_HEIGHT
    columns: int = 0
    low: float = inf
    title: float = 8.5
    second: float = 7.5
    name: float = 6.5
    header: float = 8.0
    label: float = 7.0
    widest: float = inf
    least: int = 72
    step: int = 12
    padding: float = 7
    side: float = 9
    gutter: float = 22
    gap: float = 13
    label_gap: float = 21
    node_gap: float = 12
    rank_gap: float = 15
    across: float = 40
    margin: float = 8
    room: float = 11
    leading: float = 1.22
    short: bool = False
    counts: bool = True
    branch_shapes: bool = True
    nested: bool = False
    right: bool = False
    share: float = 0.8
    above: Mapping[str, float] | None = None

    def inside(self) -> Sheet:
        """The room in a frame on this sheet: of its height a part, so that what is around it has room as well."""
        height = self.height if self.nested else self.height * self.share
        columns = 0 if self.above is None else 1
        return replace(self, width=self.width - 2 * self.side, height=height, columns=columns, low=inf, nested=True)

    def turned(self) -> Sheet:
        """The sheet as its layout sees it, for which a flow goes down; a row is used before another one is begun."""
        return replace(self, width=self.height, height=self.width, low=inf) if self.right else self


USUAL = Sheet()
