"""Items to statements: what flows needs no name, and what is taken later gets one.

A body is written twice: the first time to see which values are asked for by name, the second time with their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from netspec.layers import REGISTRY
from netspec.lifting.items import Box, Item, Join, Leaf, leaves, read_by
from netspec.lifting.writing.tables import formula_of
from netspec.shapes.shape import Shape
from netspec.syntax import tree
from netspec.syntax.lexer import HARD

CURRENT = tree.Name("_")
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": ""}
WORDS = frozenset(HARD) | {"in", "input", "output", "when", "training", "true", "false", "none", "_"}

Called = Callable[[Box], tree.Expr | None]
"""What calls a container that is a block; None for one that is written out."""


class Writer:
    """Writes one definition: a net or a block. `taken` are the names that nothing else may have."""

    def __init__(self, call_of: Called, shapes: dict[int, Shape], reserved: frozenset[str]) -> None:
        self.names: dict[int, tree.Expr] = {}
        self._asked: set[int] = set()
        self._called = call_of
        self._shapes = shapes
        self._reserved = reserved
        self._taken: set[str] = set()
        self._static: set[int] = set()
        """Values that are the same for every sample: weights, and what is made of them alone."""

    def definition(
        self,
        items: Sequence[Item],
        entry: int | None,
        names: dict[int, tree.Expr],
        *,
        prefix: str = "",
        pinned: Sequence[int] = (),
    ) -> tuple[tree.Statement, ...]:
        """The statements of a body that begins with `entry`, where `names` are what values are known by.

        `pinned` are values that somebody will ask for. `self.names` has them afterwards.
        """
        for _ in range(2):
            self.names, self._taken = dict(names), set(self._reserved)
            statements = self._body(items, entry, prefix)
            self._asked.update(pinned)
            if entry is not None and read_by(items)[:1] not in ((entry,), ()):
                self._asked.update(read_by(items)[:1])
        return tuple(statements)

    def _body(self, items: Sequence[Item], entry: int | None, prefix: str) -> list[tree.Statement]:
        if self._is_numbered(items, entry, prefix):
            return [tree.Stage((), tree.Flow((self._element(item, prefix),))) for item in items]
        statements: list[tree.Statement] = []
        current = entry
        for item in items:
            if self._is_aside(item, items):
                assert isinstance(item, Leaf)
                self.names[item.made[0]] = _call(item, [self._name(item.reads[0])])
                self._static.add(item.made[0])
                continue
            own = self._statements(item, current, prefix)
            statements.extend(own)
            if item.made and any(isinstance(statement, tree.Stage) for statement in own):
                current = item.made[0]
        return statements

    def _is_aside(self, item: Item, items: Sequence[Item]) -> bool:
        """Whether a layer without weights takes what hangs on no input, and is used once: then it is said there."""
        if not isinstance(item, Leaf) or item.key or len(item.made) != 1 or len(item.step.inputs) != 1:
            return False
        uses = sum(leaf.step.inputs.count(item.made[0]) for leaf in leaves(items))
        return item.reads[0] in self._static and uses == 1

    def _is_numbered(self, items: Sequence[Item], entry: int | None, prefix: str) -> bool:
        """Whether a body is a chain whose places are the keys: then no stage needs a label."""
        current = entry
        for place, item in enumerate(items):
            if isinstance(item, Join) or item.reads != (current,) or len(item.made) != 1 or item.made[0] in self._asked:
                return False
            if isinstance(item, Leaf) and len(item.step.inputs) > 1:
                return False
            if item.key and _relative(item.key, prefix) != str(place):
                return False
            written_out = isinstance(item, Box) and self._called(item) is None
            if isinstance(item, Box) and written_out and not self._is_numbered(item.items, item.entry, item.key):
                return False
            current = item.made[0]
        return any(item.key for item in items)

    def _statements(self, item: Item, current: int | None, prefix: str) -> list[tree.Statement]:
        """The statements of one item: a stage, and where it cannot have a label but is asked for, its name."""
        if isinstance(item, Leaf) and not item.reads:
            return self._source(item, prefix)
        element = self._element(item, prefix, current)
        flow = [element]
        if not isinstance(item, Leaf) or len(item.step.inputs) < 2:
            entry = item.entry if isinstance(item, Box) else item.reads[0]
            if entry is not None and entry != current:
                flow.insert(0, self._name(entry))
        pinned = [value for value in item.made if value in self._asked]
        labels: tuple[tree.Label, ...] = ()
        if item.key:
            labels = (_label(_relative(item.key, prefix)),)
        elif isinstance(item, Leaf | Box) and (pinned or len(item.made) > 1):
            labels = tuple(_label(self._fresh(item)) for _ in item.made)
        statements: list[tree.Statement] = [tree.Stage(labels, tree.Flow(tuple(flow)))]
        for index, value in enumerate(item.made):
            if value not in self._asked:
                continue
            label = labels[index].text if index < len(labels) else ""
            if labels and labels[index].around is None and _PLAIN.fullmatch(label) and label not in WORDS:
                self.names[value] = tree.Name(label)
            else:
                name = self._fresh(item)
                statements.append(tree.Let((name,), tree.Flow((CURRENT,))))
                self.names[value] = tree.Name(name)
        return statements

    def _source(self, leaf: Leaf, prefix: str) -> list[tree.Statement]:
        """A weight or constant of its own: a side value, or a label where its key is no plain name."""
        (value,) = leaf.made
        self._static.add(value)
        label = _relative(leaf.key, prefix) if leaf.key else self._fresh(leaf)
        call = _call(leaf, ())
        if _PLAIN.fullmatch(label) and label not in WORDS:
            self.names[value] = tree.Name(label)
            return [tree.Let((label,), tree.Flow((call,)))]
        name = self._fresh(leaf)
        self.names[value] = tree.Name(name)
        return [tree.Stage((_label(label),), tree.Flow((call,))), tree.Let((name,), tree.Flow((CURRENT,)))]

    def _element(self, item: Item, prefix: str, current: int | None = None) -> tree.Element:
        match item:
            case Leaf():
                return self._leaf(item, current)
            case Box():
                call = self._called(item)
                if call is not None:
                    return call
                return tree.Group(tree.Body(tuple(self._body(item.items, item.entry, item.key))))
            case Join():
                return self._wiring(item, prefix)

    def _leaf(self, leaf: Leaf, current: int | None) -> tree.Expr:
        step = leaf.step
        if len(step.inputs) == 1:
            return _of_one(leaf)
        operands = [CURRENT if value == current else self._name(value) for value in step.inputs]
        if step.layer in _OPERATORS and _OPERATORS[step.layer] and len(operands) == 2:
            return tree.Binary(_OPERATORS[step.layer], *operands)
        if symbol := getattr(REGISTRY[step.layer], "symbol", ""):
            return tree.Compare((symbol,), tuple(operands))
        return _call(leaf, operands)

    def _wiring(self, join: Join, prefix: str) -> tree.Wiring:
        entries = [branch[0].reads[0] if join.keyword == "dense" else join.entry for branch in join.branches]
        pairs = zip(join.branches, entries, strict=True)
        bodies = [tree.Body(tuple(self._body(branch, entry, prefix))) for branch, entry in pairs]
        if join.keyword == "residual":
            clauses = tuple(tree.Clause("shortcut", body) for body in bodies[1:])
            return tree.Wiring("residual", bodies[0], clauses)
        branches: list[tree.Statement] = []
        for body in bodies:
            alone = len(body.statements) == 1 and isinstance(body.statements[0], tree.Stage)
            branches.extend(body.statements if alone else [tree.Stage((), tree.Flow((tree.Group(body),)))])
        return tree.Wiring(join.keyword, tree.Body(tuple(branches)))

    def _name(self, value: int) -> tree.Expr:
        self._asked.add(value)
        return self.names.get(value, tree.Name("pending"))

    def _fresh(self, item: Item) -> str:
        match item:
            case Leaf():
                hint = item.step.hint.rpartition(".")[2]
                hint = hint if _PLAIN.fullmatch(hint) and hint not in WORDS else item.step.layer
            case Box():
                hint = item.kind.lower() or "part"
            case Join():
                hint = "skip"
        name, number = hint, 2
        while name in self._taken or name in WORDS:
            name, number = f"{hint}{number}", number + 1
        self._taken.add(name)
        return name


def _of_one(leaf: Leaf) -> tree.Expr:
    """A layer of one value; arithmetic with a number as it is written on paper."""
    step = leaf.step
    number = step.arguments.get("value", step.arguments.get("exponent"))
    if step.layer in _OPERATORS and number is not None:
        sides = [CURRENT, literal(number)]
        return tree.Binary(_OPERATORS[step.layer], *(sides[::-1] if step.arguments.get("reverse") else sides))
    if symbol := getattr(REGISTRY[step.layer], "symbol", ""):
        return tree.Compare((symbol,), (CURRENT, literal(number)))
    return _call(leaf, ())


def _call(leaf: Leaf, operands: Sequence[tree.Expr]) -> tree.Expr:
    arguments = [
        *(tree.Argument(None, operand) for operand in operands),
        *arguments_of(leaf.step.layer, leaf.step.arguments),
    ]
    return tree.Call(tree.Name(leaf.step.layer), tuple(arguments)) if arguments else tree.Name(leaf.step.layer)


_BY_PLACE = frozenset({"activation", "regularization", "resampling"})
"""Families whose first argument is understood without its name."""
_BY_NAME = frozenset({"axis", "axes", "trainable", "persistent", "init"})


def arguments_of(layer: str, values: dict[str, Any]) -> list[tree.Argument]:
    """The arguments as a spec has them: those that are required by their place, the others by name."""
    arguments: list[tree.Argument] = []
    cls = REGISTRY[layer]
    fields = [name for name in cls.model_fields if name in values]
    for place, name in enumerate(fields):
        if name == cls.collects:
            arguments.extend(tree.Argument(own, literal(value)) for own, value in values[name].items())
            continue
        first = (
            not isinstance(values[name], bool)
            and place == 0
            and name == next(iter(cls.model_fields))
            and cls.family in _BY_PLACE
            and name not in _BY_NAME
        )
        by_place = (cls.model_fields[name].is_required() and len(arguments) == place) or first
        by_place = by_place and all(argument.name is None for argument in arguments)
        value = values[name]
        table = formula_of(value) if layer == "constant" and isinstance(value, tuple) else None
        arguments.append(tree.Argument(None if by_place else name, table or literal(value)))
    return arguments


def literal(value: Any) -> tree.Expr:
    """A value of Python as a spec writes it."""
    match value:
        case bool() | None:
            return tree.Constant(value)
        case int() | float() if value < 0:
            return tree.Unary("-", tree.Number(-value))
        case int() | float():
            return tree.Number(value)
        case list() | tuple():
            return tree.List(tuple(map(literal, value)))
        case str() if _PLAIN.fullmatch(value) and value not in WORDS:
            return tree.Name(value)
    return tree.String(str(value))


def _relative(key: str, prefix: str) -> str:
    return key[len(prefix) + 1 :] if prefix and key.startswith(f"{prefix}.") else key


def _label(path: str) -> tree.Label:
    """`stem.conv`, container by container."""
    label: tree.Label | None = None
    for part in path.split("."):
        label = tree.Label((part,), label)
    assert label is not None
    return label


def names_in(items: Sequence[Item]) -> frozenset[str]:
    """Every name that a key has somewhere: what a value without a key is not called."""
    return frozenset(part for leaf in leaves(items) for part in leaf.key.split("."))
