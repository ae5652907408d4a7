"""What is known of one file at one moment: all of it follows from its text, so nothing that is shown can be stale.

The quick part, mistakes and shapes, is worked out at every keystroke; graphs, warnings and the train section are asked
for when the typing pauses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from netspec.analysis import budgets
from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate import Module
from netspec.elaborate.problems import in_order
from netspec.elaborate.project import unreached
from netspec.elaborate.sketch import Sketch, sketch
from netspec.elaborate.state import MOST_STEPS
from netspec.elaborate.values.environment import Template
from netspec.graph.graph import Graph
from netspec.lsp.names import Names, names_of
from netspec.lsp.places import Places
from netspec.lsp.shelf import Shelf
from netspec.syntax import tree
from netspec.syntax.lexer import Token, scan
from netspec.syntax.parser import parse
from netspec.syntax.report import Report, hides_the_rest
from netspec.syntax.source import Source
from netspec.warnings import warnings


@dataclass(frozen=True, eq=False)
class Document:
    """One text with everything that is asked of it."""

    source: Source
    places: Places
    shelf: Shelf

    @property
    def path(self) -> Path | None:
        return self.shelf.path

    @cached_property
    def tokens(self) -> list[Token]:
        """The words of the text, as far as they can be told."""
        return [token for token in scan(self.source.text, Report(self.source)) if token.kind not in ("NEWLINE", "END")]

    @cached_property
    def _parsed(self) -> tuple[tree.File, list[Diagnostic]]:
        return parse(self.source)

    @property
    def file(self) -> tree.File:
        """What could be read."""
        return self._parsed[0]

    @cached_property
    def _read(self) -> tuple[Module, list[Diagnostic]]:
        return self.shelf.module_of(self.source, *self._parsed)

    @property
    def module(self) -> Module:
        return self._read[0]

    @cached_property
    def sketches(self) -> tuple[Sketch, ...]:
        """The nets whose parameters have defaults, also those of which a part cannot be read."""
        sketches: list[Sketch] = []
        steps = 0
        for template in self._nets():
            if all(parameter.default is not None for parameter in template.definition.parameters):
                one, steps = sketch(template, steps)
                sketches.append(one)
                if steps > MOST_STEPS:
                    break
        return tuple(sketches)

    def readable_to(self, one: Sketch) -> int:
        """Where a net's first line begins that cannot be read: from there on, nothing is known of its shapes."""
        body = self.module.unread.get(one.root.title)
        if body is None:
            return len(self.source.text)
        span, text = body.definition.span, self.source.text
        inside = (mistake.span for mistake in self._parsed[1] if span.start <= mistake.span.start < span.end)
        first = min((at.start for at in inside if at.text != "{"), default=len(text))
        return text.rfind("\n", 0, first) + 1 if first < len(text) else first

    def _nets(self) -> Iterator[Template]:
        templates = {**self.module.environment.templates, **self.module.unread}
        yield from (templates[name] for name in self.module.nets if name in templates)

    @cached_property
    def names(self) -> Names:
        return names_of(self.file, self.module.environment.templates)

    @cached_property
    def mistakes(self) -> tuple[Diagnostic, ...]:
        """What is wrong with the text, with what it imports, and with the shapes."""
        diagnostics = list(self._read[1])
        if not self._parsed[1] or not self._broken:
            whole = (one for one in self.sketches if one.root.title not in self.module.unread)
            diagnostics += [diagnostic for one in whole for diagnostic in one.diagnostics]
            names = unreached.problems(
                self.file, self.module.environment, sound=not diagnostics and not self.module.unread
            )
            diagnostics += [problem.diagnostic for problem in names]
        return self._here(diagnostics)

    @property
    def _broken(self) -> bool:
        """Whether it is not known where the bodies end: then nothing can be said of what they hold."""
        return any(not self._inside(mistake) for mistake in self._parsed[1])

    def _inside(self, mistake: Diagnostic) -> bool:
        return not hides_the_rest(mistake) and any(
            item.span.start <= mistake.span.start < item.span.end for item in self.file.items
        )

    def _here(self, diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Those diagnostics, each at a place of this text."""
        return in_order([self._placed(diagnostic) for diagnostic in diagnostics], self.source)

    def _placed(self, diagnostic: Diagnostic) -> Diagnostic:
        if diagnostic.span.source is self.source:
            return diagnostic
        elsewhere = diagnostic.span.source.name
        ways = (one.way_to(elsewhere) for one in self.sketches)
        related = (span for span, _ in diagnostic.related)
        imports = (item.span for item in self.file.items if isinstance(item, tree.Import))
        places = (span for span in (*ways, *related, *imports) if span is not None and span.source is self.source)
        place = next(places, self.source.beginning)
        return replace(diagnostic, span=place, related=((diagnostic.span, diagnostic.label), *diagnostic.related))

    @cached_property
    def _graphs(self) -> tuple[tuple[Graph, ...], tuple[Diagnostic, ...]]:
        graphs, wrong = self.module.elaborated()
        return tuple(graphs), tuple(wrong)

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """The nets that fit."""
        return self._graphs[0]

    @cached_property
    def findings(self) -> tuple[Diagnostic, ...]:
        """All that `netspec check` says: mistakes, budgets, the train section, warnings."""
        if self._parsed[1]:
            return self.mistakes
        diagnostics = [*self._read[1], *self._graphs[1]]
        diagnostics += [diagnostic for graph in self.graphs for diagnostic in budgets.check(graph)]
        diagnostics += self._of_training() if not diagnostics else []
        doubts = warnings(self.source, self.file, self.graphs, sound=not diagnostics and not self.module.unread)
        return self._here([*diagnostics, *doubts])

    def _of_training(self) -> list[Diagnostic]:
        from netspec.train import check

        trained = [graph for graph in self.graphs if self.module.nets and graph.name == self.module.nets[-1]]
        if self.module.train is None or not trained:
            return []
        try:
            return [
                diagnostic
                for diagnostic in check(self.module.train, trained[0], path=self.path)
                if diagnostic.code != "E0613"
            ]
        except (ModuleNotFoundError, NetspecError):
            return []
