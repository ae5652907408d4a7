"""One method for each `-> name` of the grammar: from the parts of a production to its node of the tree.

A method gets the parts (tokens, nodes, lists of them) and where the production begins and ends in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from netspec.syntax import tree
from netspec.syntax.layout import WIRINGS
from netspec.syntax.lexer import Token, number, quantity, string
from netspec.syntax.report import Report
from netspec.syntax.settings import SETTINGS
from netspec.syntax.source import Source, Span

_CONSTANTS = {"true": True, "false": False, "none": None}
_HOLES = re.compile(r"\$([A-Za-z_]\w*)|\$\{\s*(\w+)\s*(?:([-+*%]|//)\s*(\w+)\s*)?\}", re.ASCII)
"""`$i`, `${i}` and `${i + 1}` in a label in quotes."""
_CLAUSES_OF = {"residual": ("shortcut",), "highway": ("gate", "carry")}


class _NoLabelError(Exception):
    """What stands before `=` is no label; the text says more where there is more to say."""


class Builder:
    """Makes the nodes of one file; reports what the grammar alone cannot refuse."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report
        self._parted_until = 0

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def empty(self, parts: list[Any], start: int, end: int) -> list[Any]:
        return []

    def nothing(self, parts: list[Any], start: int, end: int) -> None:
        return None

    def one(self, parts: list[Any], start: int, end: int) -> list[Any]:
        return [parts[0]]

    def more(self, parts: list[Any], start: int, end: int) -> Any:
        parts[0].append(parts[-1])
        return parts[0]

    def first(self, parts: list[Any], start: int, end: int) -> Any:
        return parts[0]

    def parenthesized(self, parts: list[Any], start: int, end: int) -> Any:
        return parts[1]

    def file(self, parts: list[Any], start: int, end: int) -> tree.File:
        return tree.File(tuple(parts[0]), span=self._span(0, len(self.source.text)))

    def import_(self, parts: list[Any], start: int, end: int) -> tree.Import:
        return tree.Import(parts[1], tuple(parts[3]), span=self._span(start, end))

    def dotted(self, parts: list[Any], start: int, end: int) -> tree.Name:
        return tree.Name(".".join(part.text for part in parts[0]), span=self._span(start, end))

    def signature(self, parts: list[Any], start: int, end: int) -> tuple[Any, ...]:
        parameters = parts[3] if len(parts) > 4 else []
        self._unique([(p.name, p.span.start) for p in parameters], "parameter", f"{parts[0].text} {parts[1].text}")
        return parts[0].text, parts[1].text, tuple(parameters), self._span(start, end)

    def definition(self, parts: list[Any], start: int, end: int) -> tree.Definition:
        kind, name, parameters, signature = parts[0]
        return tree.Definition(kind, name, parameters, parts[1], signature=signature, span=self._span(start, end))

    def parameter(self, parts: list[Any], start: int, end: int) -> tree.Parameter:
        return tree.Parameter(parts[0].text, None, None, span=self._span(start, end))

    def parameter_typed(self, parts: list[Any], start: int, end: int) -> tree.Parameter:
        default = parts[4] if len(parts) > 4 else None
        return tree.Parameter(parts[0].text, parts[2], default, span=self._span(start, end))

    def parameter_default(self, parts: list[Any], start: int, end: int) -> tree.Parameter:
        return tree.Parameter(parts[0].text, None, parts[2], span=self._span(start, end))

    def type(self, parts: list[Any], start: int, end: int) -> tree.TypeName:
        item = parts[2].text if len(parts) > 1 else None
        return tree.TypeName(parts[0].text, item, span=self._span(start, end))

    def choice(self, parts: list[Any], start: int, end: int) -> tree.Choice:
        return tree.Choice(tuple(parts[0]), span=self._span(start, end))

    def train(self, parts: list[Any], start: int, end: int) -> tree.Train:
        return tree.Train(tuple(parts[2]), span=self._span(start, end))

    def setting(self, parts: list[Any], start: int, end: int) -> tree.Setting:
        return tree.Setting(parts[0].text, parts[1], span=self._span(start, end))

    def draw(self, parts: list[Any], start: int, end: int) -> tree.Setting:
        return tree.Setting(f"draw {parts[1].text}", parts[2], span=self._span(start, end))

    def step(self, parts: list[Any], start: int, end: int) -> tree.Step:
        return tree.Step(parts[1].text, tuple(parts[3]), span=self._span(start, end))

    def body(self, parts: list[Any], start: int, end: int) -> tree.Body:
        for place, first in enumerate(parts[1]):
            self._check_apart(first, parts[1][place + 1 :])
        for statement in parts[1]:
            self._check_listed(statement)
        return tree.Body(tuple(parts[1]), span=self._span(start, end))

    def stage(self, parts: list[Any], start: int, end: int) -> tree.Stage:
        return tree.Stage((), parts[0], span=self._span(start, end))

    def stage_labelled(self, parts: list[Any], start: int, end: int) -> tree.Stage:
        return tree.Stage(tuple(parts[0]), parts[2], span=self._span(start, end))

    def loop(self, parts: list[Any], start: int, end: int) -> tree.Flow:
        """`body = repeat 3 { ... }` is short for `body = { repeat 3 { ... } }`."""
        span = self._span(start, end)
        return tree.Flow((tree.Group(tree.Body((parts[0],), span=span), span=span),), span=span)

    def label(self, parts: list[Any], start: int, end: int) -> tree.Label:
        match parts[0]:
            case tree.Attribute(tree.Name("self"), name):
                message = "only a label can stand before `=`"
                self.report.add("E0101", message, start, end, help=f"write {name} = ...", mend=((start, end), name))
                return tree.Label((name,), span=self._span(start, end))
        try:
            return self._label(parts[0])
        except _NoLabelError as error:
            return self._no_label(parts[0], str(error))

    def _label(self, expr: tree.Expr) -> tree.Label:
        """What stands before `=`, read as a label; raises _NoLabelError."""
        span = expr.span
        match expr:
            case tree.Label():
                return expr
            case tree.Name(name) if name != "in":
                return tree.Label((name,), span=span)
            case tree.Number(int(value)) if span.text == str(value):
                return tree.Label((str(value),), span=span)
            case tree.String():
                return self._quoted(span)
            case tree.Attribute(value, name):
                return tree.Label((name,), self._label(value), span=span)
            case tree.Member(value, label):
                return tree.Label(label.parts, self._label(value), span=span)
            case tree.Index(value, tree.String() as index):
                return tree.Label(self._quoted(index.span).parts, self._label(value), span=span)
            case tree.Index(value, tree.Number(int(number_))):
                return tree.Label((str(number_),), self._label(value), span=span)
            case tree.Index(value, index):
                return tree.Label((index,), self._label(value), span=span)
        raise _NoLabelError

    def _quoted(self, span: Span) -> tree.Label:
        """A label in quotes: `"block1-0"`, `"block${i}-0"`."""
        parts: list[str | tree.Expr] = []
        position = 1
        for hole in _HOLES.finditer(span.text):
            parts.extend([span.text[position : hole.start()]] if hole.start() > position else [])
            parts.append(self._hole(hole, span.start))
            position = hole.end()
        parts.extend([span.text[position:-1]] if position < len(span.text) - 1 else [])
        if any("$" in part for part in parts if isinstance(part, str)):
            raise _NoLabelError("`$` completes a label by a name, or a name and a whole number: $i, ${i + 1}")
        return tree.Label(tuple(parts) or ("",), span=span)

    def _hole(self, hole: re.Match[str], offset: int) -> tree.Expr:
        """A name, or two operands, which is what completes a label in quotes; `offset` is where its text begins."""

        def operand(group: int) -> tree.Expr:
            span = self._span(offset + hole.start(group), offset + hole.end(group))
            return (
                tree.Number(int(hole[group]), span=span) if hole[group].isdigit() else tree.Name(hole[group], span=span)
            )

        if hole[1] is not None:
            return operand(1)
        left = operand(2)
        return left if hole[3] is None else tree.Binary(hole[3], left, operand(4), span=left.span.to(operand(4).span))

    def _no_label(self, expr: tree.Expr, help_: str) -> tree.Label:
        """Reports what stands before `=`, and goes on with a label that nothing else has."""
        span = expr.span
        if not isinstance(expr, tree.String) and self.source.text[span.end :].lstrip(" \t").startswith(","):
            return self._parted(span)
        self.report.add(
            "E0101",
            "only a label can stand before `=`",
            span.start,
            span.end,
            help=help_ or 'a label is a name, a number, a text in quotes or a template: c1, 0, "block-0", layer$i',
        )
        return tree.Label((f"label_at_{span.start}",), span=span)

    def _parted(self, span: Span) -> tree.Label:
        """`concat { conv(8, 1), conv(8, 1) }`: statements parted by `,`. Told once for all of a body."""
        text, depth, edited, end = self.source.text, 0, [], span.end
        while end < len(text) and (depth or text[end] not in "};#"):
            depth += (text[end] in "([{") - (text[end] in ")]}")
            edited.append(";" if text[end] == "," and depth == 0 else text[end])
            end += 1
        put = span.text + "".join(edited).rstrip()
        if span.start >= self._parted_until:
            comma = text.index(",", span.end)
            self.report.add(
                "E0101",
                "stages and branches are parted by `;` or by lines, not by `,`",
                comma,
                comma + 1,
                help="write ; in place of ," if "\n" in put else f"write {put}",
                mend=((span.start, span.start + len(put)), put),
            )
        self._parted_until = end
        return tree.Label((f"label_at_{span.start}",), span=span)

    def template(self, parts: list[Any], start: int, end: int) -> tree.Label:
        return tree.Label(tuple(self._piece(piece) for piece in parts[0]), span=self._span(start, end))

    def _piece(self, piece: Any) -> Any:
        if not isinstance(piece, Token):
            return piece
        if piece.kind in ("PART", "TAIL"):
            return piece.text
        return tree.Name(piece.text[1:], span=self._span(piece.start + 1, piece.end))

    def let(self, parts: list[Any], start: int, end: int) -> tree.Let:
        return tree.Let(tuple(name.text for name in parts[1]), parts[3], span=self._span(start, end))

    def function(self, parts: list[Any], start: int, end: int) -> tree.Function:
        name, parameters = parts[1].text, tuple(parts[3])
        self._unique([(p.name, p.span.start) for p in parameters], "parameter", name)
        return tree.Function(name, parameters, parts[6], span=self._span(start, end))

    def shared(self, parts: list[Any], start: int, end: int) -> tree.Shared:
        return tree.Shared(parts[1], parts[3], span=self._span(start, end))

    def default(self, parts: list[Any], start: int, end: int) -> tree.Default:
        arguments = tuple(parts[3]) if len(parts) > 4 else ()
        self._check_arguments(arguments, f"default {parts[1].text}")
        return tree.Default(parts[1].text, arguments, span=self._span(start, end))

    def for_(self, parts: list[Any], start: int, end: int) -> tree.For:
        return tree.For(tuple(parts[1]), parts[3], parts[4], span=self._span(start, end))

    def word(self, parts: list[Any], start: int, end: int) -> str:
        text: str = parts[0].text
        return text

    def pattern(self, parts: list[Any], start: int, end: int) -> Any:
        """`(a, b)`; a name in parentheses is the name."""
        return parts[1][0] if len(parts[1]) == 1 else tuple(parts[1])

    def repeat(self, parts: list[Any], start: int, end: int) -> tree.Repeat:
        return tree.Repeat(parts[1], parts[2], span=self._span(start, end))

    def if_(self, parts: list[Any], start: int, end: int) -> tree.If:
        return tree.If(tuple(parts[0]), parts[2] if len(parts) > 1 else None, span=self._span(start, end))

    def branch(self, parts: list[Any], start: int, end: int) -> tree.Branch:
        return tree.Branch(parts[1], parts[2], span=self._span(start, end))

    def return_(self, parts: list[Any], start: int, end: int) -> tree.Return:
        return tree.Return(tuple(parts[1]), span=self._span(start, end))

    def input(self, parts: list[Any], start: int, end: int) -> tree.Input:
        dtype = parts[3].text if len(parts) > 3 else None
        return tree.Input(parts[1].text, dtype, parts[-1].items, span=self._span(start, end))

    def output(self, parts: list[Any], start: int, end: int) -> tree.Output:
        return tree.Output(None, parts[1], len(parts) > 2, span=self._span(start, end))

    def output_named(self, parts: list[Any], start: int, end: int) -> tree.Output:
        return tree.Output(parts[1], parts[3], len(parts) > 4, span=self._span(start, end))

    def assert_(self, parts: list[Any], start: int, end: int) -> tree.Assert:
        return tree.Assert(parts[1], parts[2].text, parts[3], span=self._span(start, end))

    def quantity(self, parts: list[Any], start: int, end: int) -> tree.Quantity:
        value, unit = quantity(parts[0].text)
        return tree.Quantity(value, unit, span=self._span(start, end))

    def flow(self, parts: list[Any], start: int, end: int) -> tree.Flow:
        return tree.Flow(tuple(parts[0]), span=self._span(start, end))

    def group(self, parts: list[Any], start: int, end: int) -> tree.Group:
        return tree.Group(parts[0], span=self._span(start, end))

    def clause(self, parts: list[Any], start: int, end: int) -> tree.Clause:
        return tree.Clause(parts[0].text, parts[1], span=self._span(start, end))

    def wiring(self, parts: list[Any], start: int, end: int) -> tree.Wiring:
        keyword, clauses = parts[0].text, tuple(parts[2])
        self._check_clauses(keyword, clauses)
        return tree.Wiring(keyword, parts[1], clauses, span=self._span(start, end))

    def wiring_if(self, parts: list[Any], start: int, end: int) -> tree.Wiring:
        keyword, clauses = parts[0].text, tuple(parts[4])
        self._check_clauses(keyword, clauses)
        return tree.Wiring(keyword, parts[3], clauses, parts[2], span=self._span(start, end))

    def _check_clauses(self, keyword: str, clauses: tuple[tree.Clause, ...]) -> None:
        allowed = _CLAUSES_OF.get(keyword, ())
        for index, clause in enumerate(clauses):
            start, word = clause.span.start, clause.keyword
            if word not in allowed:
                owner = "residual" if word == "shortcut" else "highway"
                self.report.add(
                    "E0101",
                    f"`{word}` does not belong to `{keyword}`",
                    start,
                    start + len(word),
                    label=f"only a {owner} has one",
                    help=" and ".join(f"{a} {{ ... }}" for a in allowed) + f" may follow {keyword} {{ ... }}"
                    if allowed
                    else f"{keyword} {{ ... }} stands alone",
                )
            elif any(other.keyword == word for other in clauses[:index]):
                self.report.add(
                    "E0101",
                    f"this {keyword} has `{word}` twice",
                    start,
                    start + len(word),
                    help="keep one of them",
                )

    def _check_apart(self, first: tree.Statement, following: Sequence[tree.Statement]) -> None:
        """`dropout 0.5`, `conv 8 3` and `residual conv(...)` are several statements on a line, and never meant so."""
        if not following:
            return
        text, second = self.report.source.text, following[0]
        between = text[first.span.end : second.span.start]
        if not (between and between.isspace() and "\n" not in between):
            return
        if not (isinstance(first, tree.Stage) and isinstance(second, tree.Stage)) or second.labels:
            return
        name, value = first.flow.elements[-1], second.flow.elements[0]
        if isinstance(value, tree.Label) and not isinstance(value.parts[0], str):
            text = value.span.text
            help_ = f"`$` completes a label: layer{text} = ..., {text} = ...; elsewhere write {text.strip('${}')}"
            self.report.add("E0101", f"`{text}` stands alone", value.span.start, value.span.end, help=help_)
            return
        if not isinstance(name, tree.Name):
            return
        start, end = name.span.start, second.span.end
        if self._is_setting(name):
            return
        if isinstance(value, tree.Number):
            numbers = self._numbers(following)
            told = ", ".join(number.span.text for number in numbers)
            mend, message = f"{name.id}({told})", f"an argument of {name.id} stands in parentheses"
            end = numbers[-1].span.end
        elif name.id in WIRINGS:
            mend, message = f"{name.id} {{ {second.span.text} }}", f"the body of {name.id} stands in braces"
        else:
            return
        self.report.add("E0101", message, start, end, help=f"write {mend}", mend=((start, end), mend))

    def _numbers(self, following: Sequence[tree.Statement]) -> list[tree.Number]:
        """The numbers that begin these statements, which stand side by side on a line."""
        numbers: list[tree.Number] = []
        for statement in following:
            number_ = statement.flow.elements[0] if isinstance(statement, tree.Stage) and not statement.labels else None
            between = self.source.text[numbers[-1].span.end : statement.span.start] if numbers else " "
            if not isinstance(number_, tree.Number) or not between.isspace() or "\n" in between:
                break
            numbers.append(number_)
            if isinstance(statement, tree.Stage) and len(statement.flow.elements) > 1:
                break
        return numbers

    def _check_listed(self, statement: tree.Statement) -> None:
        """`metrics [accuracy]` reads as an index, but for the blank, and is a setting."""
        match statement:
            case tree.Stage((), tree.Flow((tree.Index(tree.Name() as name),))):
                if self.source.text[name.span.end : name.span.end + 1].isspace():
                    self._is_setting(name)

    def _is_setting(self, name: tree.Name) -> bool:
        """Whether a stage that is followed by a value is a line of a train section; it is reported then."""
        if name.id not in SETTINGS:
            return False
        self.report.add(
            "E0101",
            f"`{name.id}` is a setting, and this is the body of a net",
            name.span.start,
            name.span.end,
            label="no stage",
            help="settings stand in a section of their own after the net: train { ... }",
        )
        return True

    def conditional(self, parts: list[Any], start: int, end: int) -> tree.Conditional:
        return tree.Conditional(parts[0], parts[2], parts[4], span=self._span(start, end))

    def binary(self, parts: list[Any], start: int, end: int) -> tree.Binary:
        return tree.Binary(parts[1].text, parts[0], parts[2], span=self._span(start, end))

    def unary(self, parts: list[Any], start: int, end: int) -> tree.Unary:
        return tree.Unary(parts[0].text, parts[1], span=self._span(start, end))

    def operator(self, parts: list[Any], start: int, end: int) -> str:
        return " ".join(part.text for part in parts)

    def chain(self, parts: list[Any], start: int, end: int) -> tuple[list[Any], list[Any]]:
        return [parts[1]], [parts[0], parts[2]]

    def chain_on(self, parts: list[Any], start: int, end: int) -> Any:
        operators, operands = parts[0]
        operators.append(parts[1])
        operands.append(parts[2])
        return parts[0]

    def compare(self, parts: list[Any], start: int, end: int) -> tree.Compare:
        operators, operands = parts[0]
        return tree.Compare(tuple(operators), tuple(operands), span=self._span(start, end))

    def call(self, parts: list[Any], start: int, end: int) -> tree.Call:
        arguments = tuple(parts[2]) if len(parts) > 3 else ()
        if arguments:
            self._check_arguments(arguments, parts[0].span.text)
        return tree.Call(parts[0], arguments, span=self._span(start, end))

    def index(self, parts: list[Any], start: int, end: int) -> tree.Index:
        return tree.Index(parts[0], parts[2], span=self._span(start, end))

    def slice(self, parts: list[Any], start: int, end: int) -> tree.Slice:
        step = parts[6] if len(parts) > 6 else None
        return tree.Slice(parts[0], parts[2], parts[4], step, span=self._span(start, end))

    def attribute(self, parts: list[Any], start: int, end: int) -> tree.Attribute:
        return tree.Attribute(parts[0], parts[2].text, span=self._span(start, end))

    def member(self, parts: list[Any], start: int, end: int) -> tree.Member:
        """`features.16`, `body.layer$i`, `x."block-0"`."""
        label = parts[2]
        if isinstance(label, list):
            label = self.template([label], parts[1].end, end)
        elif label.kind == "NUMBER":
            label = tree.Label((label.text,), span=self._span(label.start, label.end))
        else:
            span = self._span(label.start, label.end)
            try:
                label = self._quoted(span)
            except _NoLabelError as error:
                label = self._no_label(tree.String("", span=span), str(error))
        return tree.Member(parts[0], label, span=self._span(start, end))

    def round(self, parts: list[Any], start: int, end: int) -> tree.Round:
        condition = parts[5] if len(parts) > 4 else None
        return tree.Round(tuple(parts[1]), parts[3], condition, span=self._span(start, end))

    def comprehension(self, parts: list[Any], start: int, end: int) -> tree.Comprehension:
        return tree.Comprehension(parts[1], tuple(parts[2]), span=self._span(start, end))

    def number(self, parts: list[Any], start: int, end: int) -> tree.Number:
        return tree.Number(number(parts[0].text), span=self._span(start, end))

    def string(self, parts: list[Any], start: int, end: int) -> tree.String:
        return tree.String(string(parts[0].text), span=self._span(start, end))

    def constant(self, parts: list[Any], start: int, end: int) -> tree.Constant:
        return tree.Constant(_CONSTANTS[parts[0].text], span=self._span(start, end))

    def name(self, parts: list[Any], start: int, end: int) -> tree.Name:
        return tree.Name(parts[0].text, span=self._span(start, end))

    def list_(self, parts: list[Any], start: int, end: int) -> tree.List:
        return tree.List(tuple(parts[1]) if len(parts) > 2 else (), span=self._span(start, end))

    def argument(self, parts: list[Any], start: int, end: int) -> tree.Argument:
        return tree.Argument(None, parts[0], span=self._span(start, end))

    def argument_named(self, parts: list[Any], start: int, end: int) -> tree.Argument:
        return tree.Argument(parts[0].text, parts[2], span=self._span(start, end))

    def _check_arguments(self, arguments: tuple[tree.Argument, ...], of: str) -> None:
        has_keyword = False
        for argument in arguments:
            if argument.name is not None:
                has_keyword = True
            elif has_keyword:
                self.report.add(
                    "E0110",
                    "a positional argument follows one with a name",
                    argument.span.start,
                    argument.span.end,
                    label="this one has no name",
                    help="put it before the named ones, or give it its name",
                )
                break
        self._unique([(a.name, a.span.start) for a in arguments if a.name is not None], "argument", of)

    def _unique(self, names: list[tuple[str, int]], kind: str, of: str) -> None:
        seen: dict[str, int] = {}
        for name, start in names:
            if name in seen:
                first = seen[name]
                of = of if len(of) < 40 else "this call"
                self.report.add(
                    "E0109",
                    f"{of} has the {kind} `{name}` twice",
                    start,
                    start + len(name),
                    label="again",
                    related=(((first, first + len(name)), "first"),),
                    help="keep one of them" if kind == "argument" else "give one of them another name",
                )
            else:
                seen[name] = start
