"""The tree of a `.net` file: frozen dataclasses, each with the span that it was read from.

Spans do not take part in equality, so `parse(print(tree)) == tree` is a plain comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal, Self, TypeAlias, TypeVar, dataclass_transform

from netspec.syntax.source import NOWHERE, Span

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def part(cls: type[T]) -> type[T]:
    """A frozen dataclass that is compared and shown as every Tree is."""
    return dataclass(frozen=True, slots=True, eq=False, repr=False)(cls)


@part
class Tree:
    """What every part of a file has: where it was read from, which is given by name and is no part of what it says.

    Trees are compared, hashed, shown, copied and pickled without recursion: no file is too deep for it. Values are
    equal where their types are, too: `1` is not `1.0`.
    """

    span: Span = field(default=NOWHERE, kw_only=True)

    def __eq__(self, other: object) -> bool:
        if self is other or type(self) is not type(other):
            return self is other
        return all(left == right for left, right in zip_longest(_content(self), _content(other), fillvalue=NOWHERE))

    def __hash__(self) -> int:
        return hash(tuple(_content(self)))

    def __repr__(self) -> str:
        text: list[str] = []
        pending: list[Any] = [self]
        while pending:
            match pending.pop():
                case str(piece):
                    text.append(piece)
                case Tree() as inner:
                    text.append(f"{type(inner).__name__}(")
                    pending.extend(_listed((f"{name}=", value) for name, value in inner.content()))
                case items:
                    text.append("(")
                    pending.extend(_listed(("", item) for item in items))
        return "".join(text)

    def __reduce__(self) -> tuple[Any, ...]:
        return _built, (_flat(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """The tree itself, which nothing can change."""
        return self

    def content(self) -> list[tuple[str, Any]]:
        """What this part of the file says, by name."""
        names: tuple[str, ...] = self.__match_args__
        return [(name, getattr(self, name)) for name in names]


def _flat(part: Tree) -> list[tuple[Any, Any]]:
    """The parts of a tree, each after its own: a class with a span, tuple with a length, None with a value."""
    parts: list[tuple[Any, Any]] = []
    pending: list[Any] = [part]
    while pending:
        match pending.pop():
            case Tree() as inner:
                parts.append((type(inner), inner.span))
                names: tuple[str, ...] = inner.__match_args__
                pending.extend(getattr(inner, name) for name in names)
            case tuple() as items:
                parts.append((tuple, len(items)))
                pending.extend(items)
            case value:
                parts.append((None, value))
    return parts[::-1]


def _built(flat: Iterable[tuple[Any, Any]]) -> Tree:
    """The tree that `_flat` took apart."""
    stack: list[Any] = []
    for kind, detail in flat:
        if kind is None:
            stack.append(detail)
            continue
        start = len(stack) - (detail if kind is tuple else len(kind.__match_args__))
        inner = stack[start:]
        stack[start:] = [tuple(inner) if kind is tuple else kind(*inner, span=detail)]
    (tree,) = stack
    assert isinstance(tree, Tree)
    return tree


def _content(part: Tree) -> Iterator[object]:
    """All that a part of a file says, from the outside in: the classes of its parts, their number, their values."""
    pending: list[object] = [part]
    while pending:
        match pending.pop():
            case Tree() as inner:
                yield type(inner)
                pending.extend(value for _, value in reversed(inner.content()))
            case tuple(items):
                yield len(items)
                pending.extend(reversed(items))
            case value:
                yield type(value)
                yield value


def _listed(parts: Iterable[tuple[str, Any]]) -> list[Any]:
    """What is written of a list's parts and its closing bracket, the last first; trees and tuples as they are."""
    pieces: list[Any] = []
    for name, value in parts:
        pieces += [f"{', ' if pieces else ''}{name}", value if isinstance(value, Tree | tuple) else repr(value)]
    return [")", *reversed(pieces)]


@part
class Number(Tree):
    """`3`, `0.1`, `1e-5`. An `int` stays an `int`."""

    value: int | float


@part
class String(Tree):
    """`"same"`; the value is what is between the quotes, escapes resolved."""

    value: str


@part
class Constant(Tree):
    """`true`, `false`, `none`."""

    value: bool | None


@part
class Name(Tree):
    """A bare name: a value, a parameter, a layer or a word such as `same`. `_` and `in` are the flow's names."""

    id: str


@part
class List(Tree):
    """`[a, b]`."""

    items: tuple[Expr, ...]


Target: TypeAlias = "str | tuple[Target, ...]"
"""What a `for` binds: a name, or names in parentheses for the parts of an item."""


@part
class Round(Tree):
    """`for x in xs if c` of a comprehension."""

    targets: tuple[Target, ...]
    sequence: Expr
    condition: Expr | None


@part
class Comprehension(Tree):
    """`[f(x) for x in xs if c]`, with as many rounds as it has."""

    item: Expr
    rounds: tuple[Round, ...]


@part
class Unary(Tree):
    """`-a`, `+a`, `not a`."""

    operator: Literal["-", "+", "not"]
    operand: Expr


@part
class Binary(Tree):
    """`a + b` and the other two-sided operators, `and` and `or` among them."""

    operator: str
    left: Expr
    right: Expr


@part
class Compare(Tree):
    """`a < b <= c`: operators one shorter than operands, chained as in Python."""

    operators: tuple[str, ...]
    operands: tuple[Expr, ...]


@part
class Conditional(Tree):
    """`a if condition else b`."""

    then: Expr
    condition: Expr
    otherwise: Expr


@part
class Argument(Tree):
    """One argument of a call; `name` is None where it is positional."""

    name: str | None
    value: Expr


@part
class Call(Tree):
    """`conv(64, 3, stride=2)`, `range(4)`, `backbone.head(x)`."""

    callee: Expr
    arguments: tuple[Argument, ...]


@part
class Attribute(Tree):
    """`in.channels`, `backbone.layer3`."""

    value: Expr
    name: str


@part
class Index(Tree):
    """`depths[0]`, `x.shape[-1]`."""

    value: Expr
    index: Expr


@part
class Member(Tree):
    """`features.16`, `body.layer$i`, `x."block-0"`: a stage inside of another, by a label that is no name."""

    value: Expr
    label: Label


@part
class Slice(Tree):
    """`depths[1:]`, as in Python; each end may be absent."""

    value: Expr
    start: Expr | None
    stop: Expr | None
    step: Expr | None


@part
class Label(Tree):
    """`c1`, or a template: `layer$i` is parts ("layer", Name("i")); `a${i + 1}_b` is ("a", Binary(...), "_b").

    Literal text and expressions alternate as written; a plain label is one literal part. `around` is the label of the
    container that it lies in: `c1` of `stem.c1`, and `$i` of `convs[i]`, which is `convs.$i`. In an expression a
    template reads the stage of that label: `layer$i.skip`; a plain label reads as a Name.
    """

    parts: tuple[str | Expr, ...]
    around: Label | None = None

    @property
    def path(self) -> tuple[str | Expr, ...]:
        """The parts of the whole label, containers first, with the dots between them."""
        return self.parts if self.around is None else (*self.around.path, ".", *self.parts)

    @property
    def text(self) -> str:
        """The whole label where nothing in it has to be computed, else what is written of it."""
        return "".join(part for part in self.path if isinstance(part, str))

    @property
    def is_plain(self) -> bool:
        """Whether nothing in it has to be computed."""
        return all(isinstance(part, str) for part in self.path)


Expr: TypeAlias = (
    Number
    | String
    | Constant
    | Name
    | List
    | Comprehension
    | Unary
    | Binary
    | Compare
    | Conditional
    | Call
    | Attribute
    | Member
    | Index
    | Slice
)


@part
class Body(Tree):
    """`{ ... }`: statements in the order of the text."""

    statements: tuple[Statement, ...]


@part
class Group(Tree):
    """`{ ... }` as a stage: its stages in sequence."""

    body: Body


@part
class Wiring(Tree):
    """`residual { F } shortcut { S }` and the other wiring keywords.

    `clauses` holds the bodies after the first by their keyword: `shortcut` for residual, `gate` and `carry` for
    highway; in the order of the text. With a `condition`, `residual if c { F }`, it is a plain group where that does
    not hold.
    """

    keyword: Literal["residual", "highway", "concat", "add", "mul", "dense"]
    body: Body
    clauses: tuple[Clause, ...] = ()
    condition: Expr | None = None


@part
class Clause(Tree):
    """`shortcut { ... }`, `gate { ... }`, `carry { ... }`."""

    keyword: Literal["shortcut", "gate", "carry"]
    body: Body


Element: TypeAlias = Expr | Group | Wiring


@part
class Flow(Tree):
    """`a -> b -> c`: one element or more."""

    elements: tuple[Element, ...]


@part
class Stage(Tree):
    """`[labels =] flow`. Several labels take the outputs of a stage that has several."""

    labels: tuple[Label, ...]
    flow: Flow


@part
class Let(Tree):
    """`let a = flow`, `let a, b = flow`."""

    names: tuple[str, ...]
    flow: Flow


@part
class Function(Tree):
    """`let half(v, to=8) = v // 2`: a function of numbers."""

    name: str
    parameters: tuple[Parameter, ...]
    value: Expr


@part
class Shared(Tree):
    """`shared head = flow`: a module that is not applied yet."""

    label: Label
    flow: Flow


@part
class Default(Tree):
    """`default conv(bias=false)`: keyword arguments for the calls of `layer` written below it."""

    layer: str
    arguments: tuple[Argument, ...]


@part
class For(Tree):
    """`for i, n in sequence { ... }`, `for i, (a, b) in sequence { ... }`."""

    targets: tuple[Target, ...]
    sequence: Expr
    body: Body

    @property
    def names(self) -> tuple[str, ...]:
        """All names that it binds."""
        return tuple(bound(self.targets))


@part
class Repeat(Tree):
    """`repeat count { ... }`."""

    count: Expr
    body: Body


@part
class Branch(Tree):
    """One `if condition { ... }` or `else if condition { ... }`."""

    condition: Expr
    body: Body


@part
class If(Tree):
    """`if ... { } else if ... { } else { }`; `otherwise` is None where there is no `else`."""

    branches: tuple[Branch, ...]
    otherwise: Body | None


@part
class Return(Tree):
    """`return a, b`: a block's results."""

    values: tuple[Expr, ...]


@part
class Input(Tree):
    """`input image [3, H, W]`, `input tokens: int [1014]`. `dtype` is None where none is written."""

    name: str
    dtype: str | None
    shape: tuple[Expr, ...]


@part
class Output(Tree):
    """`output logits = flow`, `output flow`, `output aux = flow when training`."""

    label: Label | None
    flow: Flow
    when_training: bool = False


@part
class Quantity(Tree):
    """`5M`, `8GB`, `1.5GiB`: a number with a unit, which only a budget has."""

    number: int | float
    unit: str

    @property
    def amount(self) -> int | float:
        """The number in ones, or in bytes."""
        thousand = 1024 if "i" in self.unit else 1000
        factor: int = thousand ** max("kMGT".find(self.unit[0].replace("K", "k")) + 1, 0)
        return self.number * factor


@part
class Assert(Tree):
    """`assert macs(layer3) < 600M`: a budget of a net."""

    figure: Expr
    operator: str
    limit: Expr | Quantity


Statement: TypeAlias = Stage | Let | Function | Shared | Default | For | Repeat | If | Return | Input | Output | Assert


@part
class TypeName(Tree):
    """`int`, `tensor`, `list[int]`: `item` is the element type of a list, else None."""

    name: str
    item: str | None = None


@part
class Choice(Tree):
    """`18 | 34 | 50`: the values that a parameter may have, in the order of the text."""

    values: tuple[Number | String, ...]


@part
class Parameter(Tree):
    """`width`, `classes: int = 10`, `depth: 18 | 34 = 18`."""

    name: str
    type: TypeName | Choice | None
    default: Expr | None


@part
class Definition(Tree):
    """`block Name(parameters) { ... }` or `net Name(parameters) { ... }`; `signature` spans keyword to parameters."""

    kind: Literal["block", "net"]
    name: str
    parameters: tuple[Parameter, ...]
    body: Body
    signature: Span = field(default=NOWHERE, kw_only=True)


@part
class Import(Tree):
    """`from "blocks.net" import SE, CBAM` (a String) or `from std.resnet import Bottleneck` (dotted, a Name)."""

    module: String | Name
    names: tuple[Name, ...]


@part
class Setting(Tree):
    """One line of a train section: `optimizer sgd(lr=0.01)`. Keys may repeat. That of `draw z normal` is `draw z`."""

    key: str
    value: Flow


@part
class Step(Tree):
    """`step generator { ... }` in a train section: settings of its own, under the key `step generator`."""

    name: str
    settings: tuple[Setting | Step, ...]

    @property
    def key(self) -> str:
        return f"step {self.name}"


@part
class Train(Tree):
    """`train { ... }`."""

    settings: tuple[Setting | Step, ...]


Item: TypeAlias = Import | Let | Function | Default | Definition | Train


@part
class File(Tree):
    """A whole file."""

    items: tuple[Item, ...]


def bound(targets: Iterable[Target]) -> Iterator[str]:
    """The names that a `for` binds, in order."""
    for target in targets:
        if isinstance(target, str):
            yield target
        else:
            yield from bound(target)
