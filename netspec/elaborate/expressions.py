"""Expressions of a spec, evaluated to plain data and tensors. Nothing of the text is ever run as Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from keyword import iskeyword
from typing import Any, ClassVar, NoReturn

from netspec.elaborate import hints, operators
from netspec.elaborate.demands import words
from netspec.elaborate.environment import UNBOUND, Environment
from netspec.elaborate.operators import LONGEST_LIST, LONGEST_TEXT, OperandError, TooLarge
from netspec.elaborate.problems import Problem, Spoilt, nearest
from netspec.elaborate.state import Frame, State
from netspec.elaborate.values import Listed, Modules, Poison, Result, SharedModule, Template, Tensor, Word
from netspec.layers import REGISTRY
from netspec.layers.symbols import Spelled, expression_of, names, substituted
from netspec.shapes.shape import Shape
from netspec.syntax import tree
from netspec.syntax.source import Span

TENSOR_COMPARISONS = {
    "==": ("equal", "equal"),
    "!=": ("not_equal", "not_equal"),
    "<": ("less", "greater"),
    "<=": ("less_equal", "greater_equal"),
    ">": ("greater", "less"),
    ">=": ("greater_equal", "less_equal"),
}
"""The layer of a comparison, and that of the one with its sides exchanged."""
SHORT = 64
"""Longer lists of numbers that a comprehension makes are known by it, so that what is emitted can say it."""
COSTLY = 256
"""A table that takes more steps is remembered."""
COPIED_AT_ONCE = 100
"""How many items of a list that grows are copied in the time that one takes otherwise."""
TENSOR_OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow"}
ATTRIBUTES: dict[str, tuple[tuple[int, ...] | None, Callable[[Shape], Any]]] = {
    "channels": (None, lambda shape: shape.dims[0]),
    "features": ((1, 2), lambda shape: shape.dims[-1]),
    "length": ((2,), lambda shape: shape.dims[1]),
    "height": ((3, 4), lambda shape: shape.dims[-2]),
    "width": ((3, 4), lambda shape: shape.dims[-1]),
    "depth": ((4,), lambda shape: shape.dims[1]),
    "rank": (None, lambda shape: shape.rank),
    "shape": (None, lambda shape: list(shape.dims)),
}


class Expressions:
    """Evaluates expressions in a frame. Calls are the business of the class that builds on this one."""

    def __init__(self, state: State) -> None:
        self.state = state

    def call(self, call: tree.Call, frame: Frame, *, stage: bool) -> Any:
        raise NotImplementedError

    def label(self, label: tree.Label, frame: Frame) -> str:
        raise NotImplementedError

    remembers: ClassVar[bool] = True
    """Whether a function or a table of the same numbers need not be gone through again."""

    def apply_layer(
        self, name: str, inputs: tuple[Tensor, ...], arguments: dict[str, Any], span: Span, frame: Frame
    ) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def evaluate(self, expression: tree.Expr, frame: Frame) -> Any:
        """The value of an expression; raises Problem, or Spoilt where an earlier mistake is behind it."""
        self.state.work(expression.span)
        return _EVALUATE[type(expression)](self, expression, frame)

    def weighed(self, value: Any, span: Span) -> Any:
        """The value; a list counts against the limits."""
        if isinstance(value, list | range):
            try:
                self.state.handle(span, operators.items(value))
            except TooLarge as error:
                self.fail(error, span)
        return value

    def as_list(self, value: Any) -> Any:
        """The value; several results of a stage as the list that they are."""
        if isinstance(value, Result) and (isinstance(value.outputs, Listed) or len(value.outputs) > 1):
            return list(value.outputs)
        return value

    def matched(self, targets: tuple[tree.Target, ...], item: Any, span: Span) -> dict[str, Any]:
        """The names of a `for` with their values for one item; raises Problem where it has other parts."""
        if len(targets) == 1 and isinstance(targets[0], str):
            return {targets[0]: item}
        parts = self.as_list(item)
        if not isinstance(parts, list) or len(parts) != len(targets):
            raise Problem(
                "E0219",
                f"{len(targets)} variables, but an item of the list is {operators.kind(item)}",
                span,
                help="enumerate(list) and zip(a, b) make lists of pairs; (a, b) takes a pair apart",
            )
        names: dict[str, Any] = {}
        for target, part in zip(targets, parts, strict=True):
            names |= self.matched((target,) if isinstance(target, str) else target, part, span)
        return names

    def comprehension(self, expression: tree.Comprehension, frame: Frame) -> list[Any]:
        """`[f(x) for x in xs if c]`: its names hold inside of it alone. A table of the same numbers is made once."""
        spelled = closed(expression, frame.environment)
        key, before = spelled if self.remembers else None, self.state.steps
        if key is not None and key in self.state.tables:
            self.state.work(expression.span, len(expression.span.text) // 4)
            return self.state.tables[key]
        local = frame.copy()
        local.environment = frame.environment.body()
        items: list[Any] = []
        self.go_round(expression, 0, local, items)
        self.weighed(items, expression.span)
        if spelled is not None and len(items) > SHORT and all(type(item) in (int, float) for item in items):
            items = Spelled.of(items, spelled)
        if key is not None and self.state.steps > before + COSTLY:
            self.state.tables[key] = items
        return items

    def go_round(self, expression: tree.Comprehension, depth: int, frame: Frame, items: list[Any]) -> None:
        """The rounds of a comprehension from one `for` on inwards."""
        if depth == len(expression.rounds):
            items.append(self.evaluate(expression.item, frame))
            return
        round_ = expression.rounds[depth]
        values = self.as_list(self.evaluate(round_.sequence, frame))
        if not isinstance(values, list | range):
            raise self.mistaken(values, "a list", round_.sequence.span)
        for value in self.weighed(values, round_.sequence.span):
            frame.environment.names.update(self.matched(round_.targets, value, round_.sequence.span))
            if round_.condition is None or self.truth(round_.condition, frame):
                self.go_round(expression, depth + 1, frame, items)

    def name(self, name: tree.Name, frame: Frame) -> Any:
        """What a bare name stands for; a Word where it stands for nothing, for its consumer to judge."""
        if name.id == "_":
            return self.current(frame, name.span)
        if name.id == "in":
            return self.entered(frame, name.span)
        value = frame.environment.get(name.id)
        if value is UNBOUND and any(pattern.fullmatch(name.id) for pattern in self.state.spoilt_labels):
            raise Spoilt
        if value is UNBOUND:
            return Word(name.id, name.span)
        return self.sound(value)

    def sound(self, value: Any) -> Any:
        """The value, unless an earlier mistake has spoilt it."""
        if isinstance(value, Poison):
            raise Spoilt
        return value

    def current(self, frame: Frame, span: Span) -> Tensor:
        """The value that flows here."""
        current = self.sound(frame.current)
        if current is None:
            if frame.inputs > 1:
                raise Problem(
                    "E0216",
                    f"this net has {frame.inputs} inputs, so a stage has to say which one it takes",
                    span,
                    help="start the flow from an input: NAME -> ...",
                )
            raise Problem(
                "E0216",
                "no value flows here yet",
                span,
                "nothing to take",
                help="declare the net's input first: input image [3, 224, 224]",
            )
        assert isinstance(current, Tensor)
        return current

    def entered(self, frame: Frame, span: Span) -> Tensor:
        entered = self.sound(frame.entered)
        if entered is None:
            return self.current(frame, span)
        assert isinstance(entered, Tensor)
        return entered

    def tensor(self, value: Any, span: Span) -> Tensor:
        """The value as one tensor: a stage stands for its first output."""
        self.sound(value)
        if isinstance(value, Result):
            return value.outputs[0]
        if isinstance(value, Tensor):
            return value
        raise self.mistaken(value, "a tensor", span)

    def mistaken(self, value: Any, wanted: str, span: Span) -> Problem:
        """The problem of finding `value` where `wanted` is needed."""
        if isinstance(value, Word):
            return self.unknown(value.text, value.span)
        if isinstance(value, SharedModule):
            return Problem(
                "E0205",
                f"{value.name} is a shared module, which is no value until it is applied",
                span,
                help=f"apply it: x -> {value.name}",
            )
        if wanted.startswith("a tensor") and self.state.frame is not None:
            labelled = hints.label_as_text(value, span, self.state.frame.environment)
            if labelled is not None:
                return labelled
        found = operators.kind(value)
        help = ""
        if isinstance(value, Modules) and value.inside:
            help = f"{span.text} holds {', '.join(list(value.inside)[:5])}: write {span.text}[...] or {span.text}.NAME"
        elif wanted == "a list" and isinstance(value, Tensor | Result):
            help = f"a list of it is [{span.text}]"
        return Problem("E0206", f"this needs {wanted}, not {found}", span, f"this is {found}", help=help)

    def unknown(self, name: str, span: Span) -> Problem:
        """An unknown name, with the nearest known one."""
        near = nearest(name, self.state.visible_names())
        if name in REGISTRY:
            return Problem(
                "E0205",
                f"{name} is a layer, and this place needs a value",
                span,
                help=f"apply it to a value: {name}(x)",
            )
        return Problem(
            "E0201",
            f"there is no value named {name} here",
            span,
            "not known",
            help=f"did you mean {near}?" if near else "",
            mend=(span, near) if near else None,
        )

    def number(self, expression: tree.Expr, frame: Frame) -> Any:
        """A number (or open size)."""
        value = self.evaluate(expression, frame)
        if not operators.is_number(value):
            raise self.mistaken(value, "a number", expression.span)
        return value

    def truth(self, expression: tree.Expr, frame: Frame) -> bool:
        """A condition: true or false, known without running."""
        value = self.evaluate(expression, frame)
        if isinstance(value, Word):
            raise self.unknown(value.text, value.span)
        if isinstance(value, Tensor | Result):
            raise Problem(
                "E0209",
                "a condition has to be known when the spec is read; a tensor's content is not",
                expression.span,
                help="ask for its shape: in.channels != 64",
            )
        if isinstance(value, bool | int | float | list | str) or value is None:
            return bool(value)
        raise Problem("E0209", f"this condition is {operators.kind(value)}, neither true nor false", expression.span)

    def unary(self, expression: tree.Unary, frame: Frame) -> Any:
        if expression.operator == "not":
            return not self.truth(expression.operand, frame)
        value = self.evaluate(expression.operand, frame)
        if isinstance(value, Tensor | Result):
            tensor = self.tensor(value, expression.operand.span)
            return (
                tensor
                if expression.operator == "+"
                else self.apply_layer("neg", (tensor,), {}, expression.span, frame)[0]
            )
        if not operators.is_number(value):
            raise self.mistaken(value, "a number or a tensor", expression.operand.span)
        return -value if expression.operator == "-" else value

    def binary(self, expression: tree.Binary, frame: Frame) -> Any:
        symbol = expression.operator
        if symbol in {"and", "or"}:
            left = self.truth(expression.left, frame)
            return self.truth(expression.right, frame) if left == (symbol == "and") else left
        left, right = self.evaluate(expression.left, frame), self.evaluate(expression.right, frame)
        for side, value in ((expression.left, left), (expression.right, right)):
            if isinstance(value, Word):
                raise self.unknown(value.text, value.span)
            self.sound(value)
            if isinstance(value, SharedModule):
                raise self.mistaken(value, "a value", side.span)
        if symbol == "+" and any(isinstance(value, list) or _is_listed(value) for value in (left, right)):
            left, right = self.as_list(left), self.as_list(right)
        if isinstance(left, Tensor | Result) or isinstance(right, Tensor | Result):
            return self.combine(expression, left, right, frame)
        try:
            value = operators.arithmetic(symbol, left, right)
            if symbol == "+" and isinstance(value, list):  # what a list grows by is new, and all of it is copied
                self.state.handle(expression.span, operators.items(right) + len(value) // COPIED_AT_ONCE)
                return value
            return self.weighed(value, expression.span)
        except (OperandError, TooLarge) as error:
            self.fail(error, expression.span)

    def combine(self, expression: tree.Binary, left: Any, right: Any, frame: Frame) -> Tensor:
        """Arithmetic with a tensor on one side or both: a layer."""
        layer = TENSOR_OPERATORS.get(expression.operator)
        for side, value in ((expression.left, left), (expression.right, right)):
            if not isinstance(value, Tensor | Result | int | float) or isinstance(value, bool):
                raise self.mistaken(value, "a tensor or a number", side.span)
        if layer is None:
            raise Problem(
                "E0206",
                f"{expression.operator} does not go with tensors like this",
                expression.span,
                help="tensors know + - * / and **",
            )
        span = expression.span
        if isinstance(left, Tensor | Result) and isinstance(right, Tensor | Result):
            both = (self.tensor(left, expression.left.span), self.tensor(right, expression.right.span))
            return self.apply_layer(layer, both, {}, span, frame)[0]
        if isinstance(left, Tensor | Result):
            key = "exponent" if layer == "pow" else "value"
            return self.apply_layer(layer, (self.tensor(left, span),), {key: right}, span, frame)[0]
        key = "exponent" if layer == "pow" else "value"
        arguments = {key: left} | ({"reverse": True} if layer in {"sub", "div", "pow"} else {})
        return self.apply_layer(layer, (self.tensor(right, span),), arguments, span, frame)[0]

    def fail(self, error: OperandError | TooLarge, span: Span) -> NoReturn:
        if isinstance(error, TooLarge):
            raise Problem(
                "E0504",
                f"{error} is more than a spec may hold",
                span,
                help=f"numbers go up to 2**63, lists to {LONGEST_LIST:,} items, texts to {LONGEST_TEXT:,} characters",
            ) from None
        message = str(error)
        code = "E0209" if message.startswith("whether ") else "E0206"
        help = "what a net is made of is known before its sizes are; decide by a parameter" if code == "E0209" else ""
        if single := re.search(r"needs a list, not the number (\S+)$", message):
            help = f"a list of one number is [{single[1]}]"
        raise Problem(code, message, span, help=help) from None

    def compare(self, expression: tree.Compare, frame: Frame) -> Any:
        values = [self.comparable(operand, frame) for operand in expression.operands]
        if any(isinstance(value, Tensor | Result) for value in values):
            return self.compare_tensors(expression, values, frame)
        for symbol, left, right in zip(expression.operators, values, values[1:], strict=False):
            try:
                if not operators.compare(symbol, left, right):
                    return False
            except OperandError as error:
                self.fail(error, expression.span)
        return True

    def compare_tensors(self, expression: tree.Compare, values: list[Any], frame: Frame) -> Tensor:
        """A comparison with a tensor on one side or both: a layer, whose value is true or false at each element."""
        span, symbol = expression.span, expression.operators[0]
        if len(values) > 2 or symbol not in TENSOR_COMPARISONS:
            raise Problem(
                "E0206",
                "tensors are compared by twos",
                span,
                help="two comparisons, one after the other: where(x > 0, where(x < 1, x, 1), 0)",
            )
        for operand, value in zip(expression.operands, values, strict=True):
            if not isinstance(value, Tensor | Result | int | float) or isinstance(value, bool):
                raise self.mistaken(value, "a tensor or a number", operand.span)
        (left, right), (layer, exchanged) = values, TENSOR_COMPARISONS[symbol]
        if isinstance(left, Tensor | Result) and isinstance(right, Tensor | Result):
            return self.apply_layer(layer, (self.tensor(left, span), self.tensor(right, span)), {}, span, frame)[0]
        if isinstance(left, Tensor | Result):
            return self.apply_layer(layer, (self.tensor(left, span),), {"value": right}, span, frame)[0]
        return self.apply_layer(exchanged, (self.tensor(right, span),), {"value": left}, span, frame)[0]

    def comparable(self, operand: tree.Expr, frame: Frame) -> Any:
        """A side of a comparison; a word is compared as text, so that a parameter can be a choice of words."""
        value = self.evaluate(operand, frame)
        if isinstance(value, SharedModule | Template):
            raise self.mistaken(value, "a value", operand.span)
        if isinstance(value, Tensor | Result):
            return value
        return value.text if isinstance(value, Word) else self.weighed(value, operand.span)

    def attribute(self, expression: tree.Attribute, frame: Frame) -> Any:
        """`x.channels`, or a labelled stage inside a labelled instance: `backbone.layer3`."""
        value = self.evaluate(expression.value, frame)
        name = expression.name
        if isinstance(value, Result | Modules) and value.inside is not None and name in value.inside:
            return self.sound(value.inside[name])
        tensor = self.tensor(value, expression.value.span)
        inside = list(value.inside) if isinstance(value, Result) and value.inside else []
        if name not in ATTRIBUTES:
            near = nearest(name, [*ATTRIBUTES, *inside])
            end = expression.span.end
            raise Problem(
                "E0207",
                f"{expression.value.span.text} has no {name}",
                expression.span,
                help=f"did you mean {near}?" if near else f"values have .{', .'.join(ATTRIBUTES)}",
                mend=(Span(expression.span.source, end - len(name), end), near) if near else None,
            )
        ranks, read = ATTRIBUTES[name]
        if (ranks is not None and tensor.shape.rank not in ranks) or (tensor.shape.rank == 0 and name != "rank"):
            raise Problem(
                "E0207",
                f"{expression.value.span.text} is {tensor.shape}, which has no {name}",
                expression.span,
                help="its sizes are .shape[0], .shape[1], ...",
            )
        return read(tensor.shape)

    def member(self, expression: tree.Member, frame: Frame) -> Any:
        """`features.16`, `body.layer$i`: a stage inside of another."""
        value = self.evaluate(expression.value, frame)
        return self.stage_inside(value, self.label(expression.label, frame), expression, frame)

    def stage_inside(self, value: Any, label: str, expression: tree.Member | tree.Index, frame: Frame) -> Any:
        """A stage inside of another by its label or number; raises Problem where there is none."""
        inside = value.inside if isinstance(value, Result | Modules) and value.inside is not None else {}
        if label in inside:
            return self.sound(inside[label])
        if not isinstance(value, Modules):
            self.tensor(value, expression.value.span)
        counted = sum(name.isdigit() for name in inside)
        near = nearest(label, inside) if inside else None
        numbers = f"its stages are 0 to {counted - 1}" if counted and label.isdigit() else ""
        help = f"did you mean {near}?" if near and not label.isdigit() else numbers
        raise Problem("E0207", f"{expression.value.span.text} has no stage {label}", expression.span, help=help)

    def index(self, expression: tree.Index, frame: Frame) -> Any:
        value, index = self.evaluate(expression.value, frame), self.evaluate(expression.index, frame)
        value = self.as_list(value)
        if isinstance(value, Tensor | Result) and isinstance(index, Tensor | Result):
            both = (self.tensor(value, expression.value.span), self.tensor(index, expression.index.span))
            return self.apply_layer("gather", both, {}, expression.span, frame)[0]
        return self.item(value, index, expression, frame)

    def item(self, value: Any, index: Any, expression: tree.Index, frame: Frame) -> Any:
        """What stands at a number: an item of a list, a stage inside a value."""
        if isinstance(value, Result | Modules) and isinstance(index, int | str) and not isinstance(index, bool):
            stages = sum(name.isdigit() for name in value.inside or ())
            place = index + stages if isinstance(index, int) and index < 0 else index
            return self.stage_inside(value, str(place), expression, frame)
        if not isinstance(value, list | range | str):
            raise self.mistaken(value, "a list", expression.value.span)
        if isinstance(index, bool) or not isinstance(index, int):
            raise self.mistaken(index, "a whole number", expression.index.span)
        if not -len(value) <= index < len(value):
            raise Problem(
                "E0207",
                f"there is no item {index} in a list of {len(value)}",
                expression.span,
                f"counts from 0 to {len(value) - 1}" if value else "the list is empty",
            )
        return self.sound(value[index])

    def list_of(self, expression: tree.List, frame: Frame) -> Any:
        """A list; a name among its items that stands for nothing is a mistake, unless some layer is or takes it."""
        items = [self.evaluate(item, frame) for item in expression.items]
        for item in items:
            known = not isinstance(item, Word) or item.text in REGISTRY or item.text in words()
            if isinstance(item, Word) and not known and item.text not in frame.environment.templates:
                raise self.unknown(item.text, item.span)
        return self.weighed(items, expression.span)

    def slice(self, expression: tree.Slice, frame: Frame) -> Any:
        value = self.as_list(self.evaluate(expression.value, frame))
        if not isinstance(value, list | range):
            raise self.mistaken(value, "a list", expression.value.span)
        bounds = []
        for part in (expression.start, expression.stop, expression.step):
            bound = None if part is None else self.evaluate(part, frame)
            if part is not None and (isinstance(bound, bool) or not isinstance(bound, int)):
                raise self.mistaken(bound, "a whole number", part.span)
            bounds.append(bound)
        if bounds[2] == 0:
            raise Problem("E0206", "a step of 0 goes nowhere", expression.span)
        return list(self.weighed(value[bounds[0] : bounds[1] : bounds[2]], expression.span))


def closed(expression: tree.Comprehension, environment: Environment) -> tree.Expr | None:
    """The comprehension with numbers for the names that it asks for, where it is arithmetic; None where it is not."""
    own = {name for round_ in expression.rounds for name in tree.bound(round_.targets)}
    inner = set(_bound_in(expression)) - own
    if any(environment.get(name) is not UNBOUND for name in inner):  # it may be meant outside of the inner one
        return None
    own |= inner
    values: dict[str, tree.Expr] = {}
    for name in names(expression) - own:
        value = environment.get(name)
        if type(value) not in (int, float):
            return None
        values[name] = expression_of(value)
    if any(map(iskeyword, own)) or not _is_arithmetic(expression):
        return None
    whole: tree.Expr = substituted(expression, values)
    return whole


def _bound_in(part: Any) -> Iterator[str]:
    """The names that comprehensions in an expression bind."""
    match part:
        case tree.Round(targets, _, _):
            yield from tree.bound(targets)
    if isinstance(part, tree.Tree):
        yield from (name for _, value in part.said() for name in _bound_in(value))
    elif isinstance(part, tuple):
        yield from (name for value in part for name in _bound_in(value))


_PLAIN = tree.Number | tree.Name | tree.Unary | tree.Binary | tree.Compare | tree.Conditional | tree.Comprehension
_RANGES = frozenset({"range", "min", "max", "abs"})
"""Functions that are Python's own."""


def _is_arithmetic(part: Any) -> bool:
    """Whether an expression is made of numbers and of what goes through ranges of them."""
    match part:
        case tree.Call(tree.Name(name), arguments):
            return name in _RANGES and _is_arithmetic(tuple(argument.value for argument in arguments))
        case tree.Round(_, sequence, condition):
            return _is_arithmetic(sequence) and (condition is None or _is_arithmetic(condition))
        case tree.Tree():
            return isinstance(part, _PLAIN) and all(_is_arithmetic(value) for _, value in part.said())
        case tuple():
            return all(map(_is_arithmetic, part))
    return True


def _is_listed(value: Any) -> bool:
    """Whether a stage leaves a list."""
    return isinstance(value, Result) and isinstance(value.outputs, Listed)


_EVALUATE: dict[type[tree.Tree], Callable[[Expressions, Any, Frame], Any]] = {
    tree.Number: lambda self, expression, frame: expression.value,
    tree.String: lambda self, expression, frame: expression.value,
    tree.Constant: lambda self, expression, frame: expression.value,
    tree.Name: lambda self, expression, frame: self.name(expression, frame),
    tree.Label: lambda self, expression, frame: self.name(
        tree.Name(self.label(expression, frame), span=expression.span), frame
    ),
    tree.List: lambda self, expression, frame: self.list_of(expression, frame),
    tree.Unary: lambda self, expression, frame: self.unary(expression, frame),
    tree.Binary: lambda self, expression, frame: self.binary(expression, frame),
    tree.Compare: lambda self, expression, frame: self.compare(expression, frame),
    tree.Conditional: lambda self, expression, frame: self.evaluate(
        expression.then if self.truth(expression.condition, frame) else expression.otherwise, frame
    ),
    tree.Call: lambda self, expression, frame: self.call(expression, frame, stage=False),
    tree.Attribute: lambda self, expression, frame: self.attribute(expression, frame),
    tree.Member: lambda self, expression, frame: self.member(expression, frame),
    tree.Comprehension: lambda self, expression, frame: self.comprehension(expression, frame),
    tree.Index: lambda self, expression, frame: self.index(expression, frame),
    tree.Slice: lambda self, expression, frame: self.slice(expression, frame),
}
