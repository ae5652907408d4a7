"""The tree of a `.net` file: frozen dataclasses, each with the span that it was read from.

Spans do not take part in equality, so `parse(print(tree)) == tree` is a plain comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from netspec.syntax.source import NOWHERE, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What every part of a file has: where it was read from."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number(Tree):
    """`3`, `0.1`, `1e-5`. An `int` stays an `int`."""

    value: int | float


@dataclass(frozen=True, slots=True)
class String(Tree):
    """`"same"`; the value is what is between the quotes, escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class Constant(Tree):
    """`true`, `false`, `none`."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class Name(Tree):
    """A bare name: a value, a parameter, a layer or a word such as `same`. `_` and `in` are the flow's names."""

    id: str


@dataclass(frozen=True, slots=True)
class List(Tree):
    """`[a, b]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Unary(Tree):
    """`-a`, `+a`, `not a`."""

    operator: Literal["-", "+", "not"]
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Tree):
    """`a + b` and the other two-sided operators, `and` and `or` among them."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare(Tree):
    """`a < b <= c`: operators one shorter than operands, chained as in Python."""

    operators: tuple[str, ...]
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Tree):
    """`a if condition else b`."""

    then: Expr
    condition: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Argument(Tree):
    """One argument of a call; `name` is None where it is positional."""

    name: str | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Tree):
    """`conv(64, 3, stride=2)`, `range(4)`, `backbone.head(x)`."""

    callee: Expr
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Attribute(Tree):
    """`in.channels`, `backbone.layer3`."""

    value: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Index(Tree):
    """`depths[0]`, `x.shape[-1]`."""

    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Slice(Tree):
    """`depths[1:]`, as in Python; each end may be absent."""

    value: Expr
    start: Expr | None
    stop: Expr | None
    step: Expr | None


@dataclass(frozen=True, slots=True)
class Label(Tree):
    """`c1`, or a template: `layer$i` is parts ("layer", Name("i")); `a${i + 1}_b` is ("a", Binary(...), "_b").

    Literal text and expressions alternate as written; a plain label is one literal part. In an expression a template
    reads the stage of that label: `layer$i.skip`; a plain label reads as a Name.
    """

    parts: tuple[str | Expr, ...]


Expr: TypeAlias = (
    Number | String | Constant | Name | List | Unary | Binary | Compare | Conditional | Call | Attribute | Index | Slice
)


@dataclass(frozen=True, slots=True)
class Body(Tree):
    """`{ ... }`: statements in the order of the text."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Group(Tree):
    """`{ ... }` as a stage: its stages in sequence."""

    body: Body


@dataclass(frozen=True, slots=True)
class Wiring(Tree):
    """`residual { F } shortcut { S }` and the other wiring keywords.

    `clauses` holds the bodies after the first by their keyword: `shortcut` for residual, `gate` and `carry` for
    highway; in the order of the text.
    """

    keyword: Literal["residual", "highway", "concat", "add", "mul", "dense"]
    body: Body
    clauses: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True)
class Clause(Tree):
    """`shortcut { ... }`, `gate { ... }`, `carry { ... }`."""

    keyword: Literal["shortcut", "gate", "carry"]
    body: Body


Element: TypeAlias = Expr | Group | Wiring


@dataclass(frozen=True, slots=True)
class Flow(Tree):
    """`a -> b -> c`: one element or more."""

    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Stage(Tree):
    """`[labels =] flow`. Several labels take the outputs of a stage that has several."""

    labels: tuple[Label, ...]
    flow: Flow


@dataclass(frozen=True, slots=True)
class Let(Tree):
    """`let a = flow`, `let a, b = flow`."""

    names: tuple[str, ...]
    flow: Flow


@dataclass(frozen=True, slots=True)
class Shared(Tree):
    """`shared head = flow`: a module that is not applied yet."""

    label: Label
    flow: Flow


@dataclass(frozen=True, slots=True)
class Default(Tree):
    """`default conv(bias=false)`: keyword arguments for the calls of `layer` written below it."""

    layer: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class For(Tree):
    """`for i, n in sequence { ... }`."""

    names: tuple[str, ...]
    sequence: Expr
    body: Body


@dataclass(frozen=True, slots=True)
class Repeat(Tree):
    """`repeat count { ... }`."""

    count: Expr
    body: Body


@dataclass(frozen=True, slots=True)
class Branch(Tree):
    """One `if condition { ... }` or `else if condition { ... }`."""

    condition: Expr
    body: Body


@dataclass(frozen=True, slots=True)
class If(Tree):
    """`if ... { } else if ... { } else { }`; `otherwise` is None where there is no `else`."""

    branches: tuple[Branch, ...]
    otherwise: Body | None


@dataclass(frozen=True, slots=True)
class Return(Tree):
    """`return a, b`: a block's results."""

    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Input(Tree):
    """`input image [3, H, W]`, `input tokens: int [1014]`. `dtype` is None where none is written."""

    name: str
    dtype: str | None
    shape: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Output(Tree):
    """`output logits = flow`, `output flow`, `output aux = flow when training`."""

    name: str | None
    flow: Flow
    when_training: bool = False


Statement: TypeAlias = Stage | Let | Shared | Default | For | Repeat | If | Return | Input | Output


@dataclass(frozen=True, slots=True)
class TypeName(Tree):
    """`int`, `tensor`, `list[int]`: `item` is the element type of a list, else None."""

    name: str
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter(Tree):
    """`width`, `classes: int = 10`."""

    name: str
    type: TypeName | None
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Definition(Tree):
    """`block Name(parameters) { ... }` or `net Name(parameters) { ... }`; `signature` spans keyword to parameters."""

    kind: Literal["block", "net"]
    name: str
    parameters: tuple[Parameter, ...]
    body: Body
    signature: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Import(Tree):
    """`from "blocks.net" import SE, CBAM` (a String) or `from std.resnet import Bottleneck` (dotted, a Name)."""

    module: String | Name
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Setting(Tree):
    """One line of a train section: `optimizer sgd(lr=0.01)`. Keys may repeat."""

    key: str
    value: Flow


@dataclass(frozen=True, slots=True)
class Train(Tree):
    """`train { ... }`."""

    settings: tuple[Setting, ...]


Item: TypeAlias = Import | Let | Default | Definition | Train


@dataclass(frozen=True, slots=True)
class File(Tree):
    """A whole file."""

    items: tuple[Item, ...]
