"""Several bodies as one with holes: what is equal stays, numbers that differ are holes, what some lack is optional."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from netspec.layers import REGISTRY
from netspec.syntax import tree

Column: TypeAlias = "list[tree.Expr | None]"
"""What stands in a hole, for each of the bodies; None where a body has not got that far."""


_FIRST_WORD = re.compile(r"[A-Z]?[a-z\d]*|\w", re.ASCII)
"""`Squeeze` of `SqueezeExcitation`."""


class Signatures(Protocol):
    """What layers and blocks take."""

    def default(self, layer: str, argument: str) -> tree.Expr | None:
        """What an argument is where it is not given; None where it has to be."""

    def arguments(self, layer: str) -> Sequence[str]:
        """The names of all arguments, in order."""

    def kind(self, layer: str, argument: str) -> str:
        """What an argument is, by the name that a layer has for it: of a block, what its parameter is given to."""


class Unlike(Exception):
    """The bodies differ in more than numbers and in parts that some lack."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A place where the bodies differ: `argument` is what it is an argument of, `act` for a layer."""

    column: Column
    argument: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A part that not all bodies have: for each whether it does; None where it could not. `hint` names it."""

    present: list[bool | None]
    hint: str


@dataclass(slots=True)
class Likeness:
    """What several bodies have in common. In `body` stand names that are no names: `?0` is a hole, `?if0` a choice."""

    count: int
    signatures: Signatures
    holes: list[Hole] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    def of(self, bodies: Sequence[tree.Body]) -> tree.Body:
        """The common body; raises Unlike."""
        return self._body(dict(enumerate(bodies)))

    def _hole(self, parts: Mapping[int, tree.Expr], argument: str) -> tree.Name:
        column: Column = [parts.get(index) for index in range(self.count)]
        for number, hole in enumerate(self.holes):
            if hole.column == column and hole.argument == argument:
                return tree.Name(f"?{number}")
        self.holes.append(Hole(column, argument))
        return tree.Name(f"?{len(self.holes) - 1}")

    def _choice(self, among: Mapping[int, Any], present: Sequence[int], hint: str) -> tree.Name:
        vector = [index in present if index in among else None for index in range(self.count)]
        for number, choice in enumerate(self.choices):
            if choice.present == vector:
                return tree.Name(f"?if{number}")
        self.choices.append(Choice(vector, hint))
        return tree.Name(f"?if{len(self.choices) - 1}")

    def _part(self, parts: Mapping[int, Any], argument: str = "") -> Any:
        first = next(iter(parts.values()))
        equal = all(type(part) is type(first) and part == first for part in parts.values())
        if equal and (len(parts) == self.count or not _holds_sizes(first, argument)):
            return first
        if argument == "shape" and all(isinstance(part, tree.List) for part in parts.values()):
            return tree.List(self._part({i: part.items for i, part in parts.items()}, "width"))
        if argument and all(isinstance(part, tree.Tree) and is_literal(part) for part in parts.values()):
            return self._hole(parts, argument)
        if all(isinstance(part, tree.Name | tree.Call) for part in parts.values()):
            return self._call(parts)
        if any(type(part) is not type(first) for part in parts.values()):
            raise Unlike
        match first:
            case tree.Body():
                return self._body(parts)
            case tree.Wiring():
                return self._wiring(parts)
            case tree.Repeat():
                count = self._part({i: part.count for i, part in parts.items()}, "n")
                return tree.Repeat(count, self._body({i: part.body for i, part in parts.items()}))
            case tree.Label() | tree.Attribute() | tree.Member():
                raise Unlike
            case tree.Tree():
                fields: tuple[str, ...] = first.__match_args__
                return type(first)(
                    *(
                        self._part(
                            {i: getattr(part, name) for i, part in parts.items()},
                            argument or ("value" if isinstance(first, tree.Binary) else ""),
                        )
                        for name in fields
                    )
                )
            case tuple():
                if any(len(part) != len(first) for part in parts.values()):
                    raise Unlike
                return tuple(self._part({i: part[n] for i, part in parts.items()}, argument) for n in range(len(first)))
        raise Unlike

    def _call(self, parts: Mapping[int, tree.Name | tree.Call]) -> tree.Expr:
        calls = {i: part if isinstance(part, tree.Call) else tree.Call(part, ()) for i, part in parts.items()}
        names: set[str] = {call.callee.id if isinstance(call.callee, tree.Name) else "" for call in calls.values()}
        if len(names) > 1:
            if all(name in REGISTRY and REGISTRY[name].family == "activation" for name in names):
                return self._hole(parts, "act")
            raise Unlike
        name = names.pop()
        places = {tuple(a.name for a in call.arguments).count(None) for call in calls.values()}
        if len(places) > 1 or not name:
            raise Unlike
        if name == "range":
            counts = self._part({i: call.arguments[0].value for i, call in calls.items()}, "n")
            return tree.Call(tree.Name(name), (tree.Argument(None, counts),))
        (count,) = places
        known = [*self.signatures.arguments(name), *[""] * count]
        operands = self._operands(name)
        arguments = [
            tree.Argument(
                None,
                self._part(
                    {i: c.arguments[n].value for i, c in calls.items()},
                    self.signatures.kind(name, known[n - operands]),
                ),
            )
            for n in range(count)
        ]
        named = {i: {a.name: a.value for a in call.arguments if a.name} for i, call in calls.items()}
        given_somewhere = {key for given in named.values() for key in given}
        for key in [key for key in known if key in given_somewhere]:
            values = {i: given.get(key) or self.signatures.default(name, key) for i, given in named.items()}
            if any(value is None for value in values.values()):
                raise Unlike
            arguments.append(tree.Argument(key, self._part(values, self.signatures.kind(name, key))))
        return tree.Call(tree.Name(name), tuple(arguments)) if arguments else tree.Name(name)

    @staticmethod
    def _operands(name: str) -> int:
        """How many values stand before the arguments."""
        tensors = REGISTRY[name].tensors if name in REGISTRY else ()
        return len(tensors) if len(tensors) > 1 else 0

    def _wiring(self, parts: Mapping[int, tree.Wiring]) -> tree.Wiring:
        first = next(iter(parts.values()))
        if len({part.keyword for part in parts.values()}) > 1 or any(part.condition for part in parts.values()):
            raise Unlike
        body = self._body({i: part.body for i, part in parts.items()})
        having = {i: part.clauses[0].body for i, part in parts.items() if part.clauses}
        if not having:
            return tree.Wiring(first.keyword, body)
        clause = self._body(having)
        if len(having) < len(parts):
            condition = self._choice(parts, list(having), "shortcut")
            clause = tree.Body((tree.If((tree.Branch(condition, clause),), None),))
        return tree.Wiring(first.keyword, body, (tree.Clause("shortcut", clause),))

    def _body(self, parts: Mapping[int, tree.Body]) -> tree.Body:
        lists = {i: part.statements for i, part in parts.items()}
        apart = self._with_and_without_residual(lists)
        if apart is not None:
            return apart
        if len({len(statements) for statements in lists.values()}) == 1:
            count = len(next(iter(lists.values())))
            return tree.Body(tuple(self._part({i: s[n] for i, s in lists.items()}) for n in range(count)))
        return self._aligned(lists)

    def _with_and_without_residual(self, lists: Mapping[int, tuple[tree.Statement, ...]]) -> tree.Body | None:
        """A body whose residual some lack: `residual if condition { ... }`."""
        if all(any(_is_residual(statement) for statement in statements) for statements in lists.values()):
            return None
        places = {i: _residual_place(statements) for i, statements in lists.items()}
        having = {i: place for i, place in places.items() if place is not None}
        if not having or len(having) == len(lists):
            return None
        ends = {(place, len(lists[i]) - place - 1) for i, place in having.items()}
        if len(ends) > 1:
            raise Unlike
        ((before, after),) = ends
        inner: dict[int, tree.Body] = {}
        for i, statements in lists.items():
            end = len(statements) - after
            if end <= before:
                raise Unlike
            stage = statements[before]
            inner[i] = _residual_body(stage) if i in having else tree.Body(statements[before:end])
        condition = self._choice(lists, list(having), "residual")
        outer = [self._part({i: statements[n] for i, statements in lists.items()}) for n in range(before)]
        wiring = tree.Wiring("residual", self._body(inner), (), condition)
        tail = [self._part({i: s[len(s) - after + n] for i, s in lists.items()}) for n in range(after)]
        return tree.Body((*outer, tree.Stage((), tree.Flow((wiring,))), *tail))

    def _aligned(self, lists: Mapping[int, tuple[tree.Statement, ...]]) -> tree.Body:
        """Bodies of different lengths: those of the longest that others lack are optional."""
        longest = max(lists.values(), key=len)
        places = {i: _places(statements, longest) for i, statements in lists.items()}
        made: list[tree.Statement] = []
        for n in range(len(longest)):
            having = {i: lists[i][places[i].index(n)] for i in lists if n in places[i]}
            statement = self._part(having)
            if len(having) == len(lists):
                made.append(statement)
                continue
            condition = self._choice(lists, list(having), _hint(longest[n]))
            above = made[-1] if made else None
            if isinstance(above, tree.If) and above.branches[0].condition == condition:
                body = tree.Body((*above.branches[0].body.statements, statement))
                made[-1] = tree.If((tree.Branch(condition, body),), None)
            else:
                made.append(tree.If((tree.Branch(condition, tree.Body((statement,))),), None))
        return tree.Body(tuple(made))


def _holds_sizes(part: Any, argument: str) -> bool:
    """Whether a part that only some have may hold numbers that all of them are given."""
    if isinstance(part, tree.Number):
        return argument in ("channels", "features", "groups", "stride", "kernel") or argument.startswith("width")
    return isinstance(part, tree.Stage | tree.Flow | tree.Group | tree.Body | tree.Wiring | tree.Call | tuple)


def is_literal(part: Any) -> bool:
    """Whether an expression is a number, a truth value, a word or a list of these."""
    match part:
        case tree.Number() | tree.Constant() | tree.String():
            return True
        case tree.Unary(_, operand):
            return is_literal(operand)
        case tree.List(items):
            return all(map(is_literal, items))
        case tree.Name(name):
            return name in REGISTRY or name in ("same", "valid")
    return False


def _residual_place(statements: Sequence[tree.Statement]) -> int | None:
    places = [n for n, statement in enumerate(statements) if _residual_body(statement) is not None]
    return places[0] if len(places) == 1 else None


def _is_residual(statement: tree.Statement) -> bool:
    match statement:
        case tree.Stage(_, tree.Flow((tree.Wiring("residual"),))):
            return True
    return False


def _residual_body(statement: tree.Statement) -> Any:
    """The body of a residual without a shortcut of its own; None where a statement is something else."""
    match statement:
        case tree.Stage((), tree.Flow((tree.Wiring("residual", body, (), None),))):
            return body
    return None


def _hint(statement: tree.Statement) -> str:
    match statement:
        case tree.Stage((tree.Label() as label,), _):
            return label.text
        case tree.Stage((), tree.Flow((tree.Call(tree.Name(name)) | tree.Name(name), *_))):
            return _FIRST_WORD.match(name)[0].lower()  # type: ignore[index]
    return "more"


def _places(statements: Sequence[tree.Statement], longest: Sequence[tree.Statement]) -> list[int]:
    """Where each statement stands in the longest body: from the front or from the end, whichever differs in less."""
    forward = _matched(statements, longest)
    backward = _matched(statements[::-1], longest[::-1])
    turned = None if backward is None else [len(longest) - 1 - place for place in backward][::-1]
    found = [places for places in (turned, forward) if places is not None]
    if not found:
        raise Unlike
    return min(found, key=lambda places: sum(longest[p] != s for p, s in zip(places, statements, strict=True)))


def _matched(statements: Sequence[tree.Statement], longest: Sequence[tree.Statement]) -> list[int] | None:
    places: list[int] = []
    for statement in statements:
        start = places[-1] + 1 if places else 0
        place = next((p for p in range(start, len(longest)) if skeleton(longest[p]) == skeleton(statement)), None)
        if place is None:
            return None
        places.append(place)
    return places


def skeleton(part: Any) -> Any:
    """A tree without its numbers and arguments, and without what some of its kind may lack."""
    match part:
        case tree.Call(callee):
            return skeleton(callee)
        case tree.Name(name):
            activation = name in REGISTRY and REGISTRY[name].family == "activation"
            return "activation" if activation else name
        case tree.Group():
            return "{}"
        case tree.Wiring(keyword):
            return f"{keyword} {{}}"
        case tree.Label():
            return part.text
        case tree.Tree():
            if is_literal(part):
                return "?"
            return (type(part), tuple(skeleton(value) for _, value in part.content()))
        case tuple():
            return tuple(map(skeleton, part))
    return "?" if isinstance(part, int | float | bool) else part
