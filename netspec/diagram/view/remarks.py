"""What comments say of a picture: `# draw: "words"`, `# draw: hide`, `# draw: group "words"` and `# draw: end`.

A comment counts for the stages that begin on its line, or for those on the lines between a group and its end. The net
is the same whatever they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby

from netspec.diagnostics import Diagnostic, NetspecError, printable
from netspec.diagram.view.boxes import Box, Carry, Edge, View
from netspec.diagram.view.captions.words import clipped, layer_words
from netspec.diagram.view.merging import axes, joined, main_place
from netspec.graph.graph import Node
from netspec.spelling import nearest
from netspec.syntax.source import Source, Span

_TEXTS_AND_COMMENTS = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|#(?P<comment>[^\n]*)")
_DRAW = re.compile(r"[ \t]*draw:[ \t]*(?P<said>.*?)\s*")
_SAID = re.compile(r"(?P<verb>hide|end|group(?=\s)|)\s*(?P<words>\"[^\"]*\"|'[^']*'|)")
_LONGEST = 60
"""Letters of a caption that are shown."""
_STAGES = ("layer", "block", "container", "net")


@dataclass(frozen=True, slots=True)
class _Group:
    """A frame around what begins on the lines from `first` to `last`."""

    words: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Remarks:
    """What the comments of a source say: words by line, hidden lines, groups."""

    captions: Mapping[int, str] = field(default_factory=dict)
    hidden: frozenset[int] = frozenset()
    groups: tuple[_Group, ...] = ()


def annotated(view: View) -> View:
    """The view as the comments of its specs say; raises NetspecError (E0806) where one says nothing that is known."""
    spans = [box.span for box in view.walk()] + [
        view.graph.nodes[index].span for box in view.leaves() for index in box.nodes
    ]
    written = dict.fromkeys(span.source for span in spans if span is not None)
    sources = [source for source in written if "draw:" in source.text]
    told = {source: said for source in sources if (said := _remarks(source)) != _Remarks()}
    if not told:
        return view
    return _Annotated(view, told).view()


class _Annotated:
    def __init__(self, view: View, told: Mapping[Source, _Remarks]) -> None:
        self.given, self.told = view, told
        self.count = 0

    def view(self) -> View:
        hidden = {box.id for box in self.given.walk() if self._is_hidden(box)}
        gone = {inner.id for box in self.given.walk() if box.id in hidden for inner in box.walk()}
        edges, carries = _bridged(self.given, gone)
        return replace(self.given, boxes=self._boxes(self.given.boxes, gone), edges=edges, carries=carries)

    def _boxes(self, boxes: Sequence[Box], gone: set[str]) -> tuple[Box, ...]:
        shown = []
        captioned: set[tuple[Source, int]] = set()
        for box in boxes:
            children = self._boxes(box.children, gone)
            if box.id not in gone and (children or box.is_leaf):
                shown.append(replace(self._captioned(self._thinned(box), captioned), children=children))
        return tuple(self._grouped(shown))

    def _grouped(self, boxes: Sequence[Box], level: int = 0) -> Iterator[Box]:
        """The boxes, those of a group that follow each other in a frame; the outer groups first."""

        def group_of(box: Box) -> _Group | None:
            around = self._groups(box)
            return around[level] if len(around) > level else None

        for group, members in groupby(boxes, group_of):
            together = tuple(members)
            if group is None:
                yield from together
                continue
            self.count += 1
            yield Box(
                f"group{self.count}",
                "container",
                "",
                group.words,
                "",
                group.words,
                "container",
                nodes=tuple(node for box in together for node in box.nodes),
                inputs=together[0].inputs,
                outputs=together[-1].outputs,
                parameters=sum(box.parameters for box in together),
                children=tuple(self._grouped(together, level + 1)),
                span=together[0].span,
            )

    def _groups(self, box: Box) -> list[_Group]:
        """The groups that the box is in, the outer ones first."""
        if box.span is None or box.kind in ("input", "output") or box.span.source not in self.told:
            return []
        line = box.span.line
        around = (group for group in self.told[box.span.source].groups if group.first <= line <= group.last)
        return sorted(around, key=lambda group: group.first - group.last)

    def _is_hidden(self, box: Box) -> bool:
        """Whether the line of a box is hidden, or those of all of its layers."""
        if box.kind not in _STAGES:
            return False
        return self._hides(box.span) or (box.kind == "layer" and not self._places(box))

    def _hides(self, span: Span | None) -> bool:
        said = self.told.get(span.source) if span is not None else None
        return said is not None and span is not None and span.line in said.hidden

    def _places(self, box: Box) -> list[list[Node]]:
        """The layers that a box stands for and that are not hidden, each in all rounds."""
        places: dict[tuple[int, int], list[Node]] = {}
        for node in (self.given.graph.nodes[index] for index in box.nodes):
            places.setdefault((node.span.start, node.span.end), []).append(node)
        return [nodes for nodes in places.values() if not self._hides(nodes[0].span)]

    def _thinned(self, box: Box) -> Box:
        """A box of layers without those that are hidden."""
        if box.kind != "layer" or not any(self._hides(self.given.graph.nodes[index].span) for index in box.nodes):
            return box
        places = self._places(box)
        lines = [layer_words([node.layer for node in nodes], axes(nodes[0])) for nodes in places]
        main = main_place([nodes[0] for nodes in places])
        layer = type(places[main][0].layer)
        return replace(
            box,
            title=lines[main],
            before=joined(lines[:main]),
            after=joined(lines[main + 1 :]),
            layer=layer,
            family=layer.family,
        )

    def _captioned(self, box: Box, done: set[tuple[Source, int]]) -> Box:
        """The box with the words of its line in place of what its layer says; the first box of a line has them.

        A block that is one box of layers may have them in its body.
        """
        spans = [box.span] if box.kind in _STAGES else []
        if box.kind == "layer":
            nodes = [self.given.graph.nodes[index] for index in box.nodes]
            spans += [nodes[main_place(nodes)].span] if nodes else []
        for span in spans:
            if span is None or span.source not in self.told or (span.source, span.line) in done:
                continue
            if (words := self.told[span.source].captions.get(span.line)) is not None:
                done.add((span.source, span.line))
                return replace(box, title=words)
        return box


def _bridged(view: View, gone: set[str]) -> tuple[tuple[Edge, ...], tuple[Carry, ...]]:
    """The edges past what is not drawn: what went into it goes on to what read it."""
    entering: dict[str, list[Edge]] = {}
    for edge in view.edges:
        if edge.role != "size":
            entering.setdefault(edge.target, []).append(edge)

    def makers(edge: Edge) -> Iterator[Edge]:
        waiting, seen = [edge], set()
        while waiting:
            here = waiting.pop()
            if here.source not in gone:
                yield here
            elif here.source not in seen:
                seen.add(here.source)
                waiting += reversed(entering.get(here.source, []))

    edges: dict[tuple[str, str, str], Edge] = {}
    for edge in view.edges:
        for maker in makers(edge) if edge.target not in gone else ():
            role = edge.role if edge.role != "flow" else maker.role
            passing = replace(edge, source=maker.source, shapes=maker.shapes, value=maker.value, role=role)
            edges.setdefault((passing.source, passing.target, passing.value), passing)
    carries = []
    for carry in view.carries:
        here = Edge(carry.source, "", (carry.shape,), "flow", carry.value)
        inside = {inner.id for inner in view.by_id[carry.frame].walk()} if carry.source in gone else {carry.source}
        found = [maker for maker in makers(here) if maker.source in inside]
        carries += [replace(carry, source=maker.source, value=maker.value) for maker in found]
    return tuple(edges.values()), tuple(carries)


@lru_cache(maxsize=32)
def _remarks(source: Source) -> _Remarks:
    captions: dict[int, str] = {}
    hidden: set[int] = set()
    groups: list[_Group] = []
    begun: list[tuple[Span, str]] = []
    for span, verb, words in _instructions(source):
        match verb:
            case "hide":
                hidden.add(span.line)
            case "group":
                begun.append((span, words))
            case "end" if begun:
                first, caption = begun.pop()
                groups.append(_Group(caption, first.line, span.line))
            case "end":
                raise _wrong(span, "no group is begun above this end", 'write # draw: group "words" above it')
            case _:
                captions[span.line] = words
    for span, _ in begun:
        raise _wrong(span, "this group has no end", "write # draw: end below its last stage")
    return _Remarks(captions, frozenset(hidden), tuple(groups))


def _instructions(source: Source) -> Iterator[tuple[Span, str, str]]:
    """Each comment that begins with `draw:`: its place, its verb (empty for a caption), its words."""
    for comment in _TEXTS_AND_COMMENTS.finditer(source.text):
        drawn = _DRAW.fullmatch(comment["comment"] or "")
        if drawn is None:
            continue
        begin = comment.start("comment") + drawn.start("said")
        span = Span(source, begin, max(begin + len(drawn["said"]), begin))
        said = _SAID.fullmatch(drawn["said"])
        if said is None or bool(said["words"][1:-1].strip()) != (said["verb"] in ("", "group")):
            raise _unsaid(span, drawn["said"])
        yield span, said["verb"], clipped(printable(said["words"][1:-1].strip()), _LONGEST)


def _unsaid(span: Span, said: str) -> NetspecError:
    """That a comment says nothing of a picture, and what to write in its place."""
    if not said:
        return _wrong(span, "nothing is said of the picture", 'write "words", hide, group "words" or end')
    proposal = _proposal(said)
    message = f"{printable(said[:40])} is nothing that a picture can do"
    if (early := re.match(r"(?:group\s*)?([\"']).*\1.*\1", said)) is not None:
        message = f"the words of {printable(said[:40])} end at the next {early[1]}"
    return _wrong(span, message, f"write {proposal}", proposal)


def _proposal(said: str) -> str:
    """What a text may stand for: a verb in other letters, or words with other quotes or none."""
    first = re.match("[A-Za-z]*", said)
    verb = nearest(first[0].lower(), ("hide", "end", "group")) if first is not None and first[0] else None
    if verb in ("hide", "end"):
        return verb
    words = (said[len(first[0]) :] if verb and first is not None else said).strip()
    first_of_several = re.match(r"([\"'])(.+?)\1\s", words)
    words = (words if first_of_several is None else first_of_several[2]).strip("\"'“”‘’`").replace("\\", "")
    quote = "'" if '"' in words else '"'
    words = words.replace("'", "’") if quote == "'" else words
    return f"{'group ' if verb else ''}{quote}{words.strip() or 'words'}{quote}"


def _wrong(span: Span, message: str, help: str, proposal: str = "") -> NetspecError:
    return NetspecError((Diagnostic("E0806", message, span, help=help, mend=(span, proposal) if proposal else None),))
