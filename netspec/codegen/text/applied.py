"""How an applied layer reads: calls of modules, and the expressions of stateless layers with brackets where needed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from netspec.codegen.text.layout import Bracket, Expr, flat
from netspec.graph.blueprint import LayerUse, Use, Wire
from netspec.layers.declaration.base import TorchCall

_FIELD = re.compile(r"\{(\w+)\}")
_SIMPLE = re.compile(r"-?[\d.]+(e-?\d+)?|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
"""Operands that a power stands close to: numbers and names."""
ATOM = 9
FEW = 4
"""Longer sums and products are written as reductions of a list."""
_STRENGTH: list[tuple[type[ast.AST], int]] = [
    (ast.IfExp, 0), (ast.Lambda, 0), (ast.BoolOp, 1), (ast.Compare, 2), (ast.Add, 4), (ast.Sub, 4),
    (ast.UnaryOp, 6), (ast.Pow, 7), (ast.operator, 5),
]  # fmt: skip
REDUCED = {" + ": "reduce(torch.add, {0})", " * ": "reduce(torch.mul, {0})"}
"""How a sum or product of a list's elements is written."""


def call_of(use: Use) -> TorchCall | None:
    """The PyTorch form of a layer; None for a block or container."""
    return use.what.call if isinstance(use.what, LayerUse) else None


@dataclass(eq=False, slots=True)
class Applied:
    """A step with its operands: values, or other steps that are written inside it."""

    step: Use
    operands: list[Wire | Applied]

    @property
    def depth(self) -> int:
        """How many steps are written one inside the other."""
        return 1 + max((o.depth for o in self.operands if isinstance(o, Applied)), default=0)

    @property
    def is_infix(self) -> bool:
        """Whether it reads as an operator between operands, which may need brackets."""
        call = call_of(self.step)
        return call is not None and not call.target and strength(call.apply) < ATOM


@lru_cache(maxsize=4096)
def _parsed(template: str) -> ast.expr:
    return ast.parse(_FIELD.sub(r"_field_\1", template).replace("*_field_inputs", "_field_inputs"), mode="eval").body


@lru_cache(maxsize=4096)
def strength(template: str) -> int:
    """How tightly the outermost operator of an expression binds; ATOM where brackets are never needed."""
    return _strength(_parsed(template))


def _strength(node: ast.AST) -> int:
    what = node.op if isinstance(node, ast.BinOp) else node
    return next((level for kind, level in _STRENGTH if isinstance(what, kind)), ATOM)


@lru_cache(maxsize=4096)
def needs(template: str) -> dict[str, tuple[int, int]]:
    """For each field how tightly what stands there must bind, and how often it occurs."""
    fields: dict[str, tuple[int, int]] = {}
    for node in ast.walk(_parsed(template)):
        for name, child in ast.iter_fields(node):
            for inner in child if isinstance(child, list) else [child]:
                if isinstance(inner, ast.Name) and inner.id.startswith("_field_"):
                    level, count = fields.get(inner.id[7:], (0, 0))
                    fields[inner.id[7:]] = max(level, _least_strength(node, name)), count + 1
    root = _parsed(template)
    if isinstance(root, ast.Name):
        fields[root.id[7:]] = (0, 1)
    return fields


def _least_strength(around: ast.AST, place: str) -> int:
    """How tightly an operand must bind at `place` of the node around it."""
    match around:
        case ast.Call() if place == "args":
            return 0
        case ast.keyword() | ast.List() | ast.Tuple():
            return 0
        case ast.BinOp(op=ast.Pow()):
            return 8
        case ast.BinOp():
            return _strength(around) + (place == "right")
        case ast.UnaryOp():
            return 6
        case _:
            return ATOM


def _operator(call: TorchCall, count: int) -> str | None:
    return next((o for o in REDUCED if call.apply == o.join(f"{{{n}}}" for n in range(count))), None)


def render(applied: Applied, name_of: Callable[[Wire], str], module: Callable[[Use], str],
           literals: Callable[[Use, str], str]) -> Expr:  # fmt: skip
    """The expression, with values under their names."""
    step = applied.step
    operands: list[tuple[Expr, int]] = []
    for operand in applied.operands:
        if isinstance(operand, Applied):
            inner = render(operand, name_of, module, literals)
            operands.append((inner, _strength_of(operand)))
        else:
            operands.append((name_of(operand), ATOM))
    call = call_of(step)
    if call is not None and len(operands) > FEW and (operator := _operator(call, len(operands))) is not None:
        inner = Bracket("", tuple(("", expr) for expr, _ in operands), "[]")
        return REDUCED[operator].replace("{0}", flat(inner))
    if call is None or call.apply == "{module}({0})":
        return Bracket(module(step), tuple(("", expr) for expr, _ in operands))
    return _filled(call.apply, operands, lambda: module(step), lambda name: literals(step, name))


def _strength_of(applied: Applied) -> int:
    call = call_of(applied.step)
    return ATOM if call is None else strength(call.apply)


def _filled(template: str, operands: Sequence[tuple[Expr, int]], module: Callable[[], str],
            literals: Callable[[str], str]) -> Expr:  # fmt: skip
    demands = needs(template)

    def fill(field: re.Match[str]) -> str:
        name = field[1]
        if name == "module":
            return module()
        if name == "inputs":
            return ", ".join(flat(expr) for expr, _ in operands)
        if not name.isdigit():
            text = literals(name)
            if not text.isidentifier() and not text.isdigit():  # formatters leave room around the colon of a slice
                before, after = template[field.start() - 1 :][:1], template[field.end() :][:1]
                if ":" in (before, after) and "[" in template:
                    return f"{' ' if before == ':' else ''}{text}{' ' if after == ':' else ''}"
            return text if strength(text) >= demands.get(name, (ATOM, 1))[0] else f"({text})"
        expr, binds = operands[int(name)]
        return flat(expr) if binds >= demands.get(name, (ATOM, 1))[0] else f"({flat(expr)})"

    if " ** " not in template:
        return _FIELD.sub(fill, template)
    filled = [_FIELD.sub(fill, part) for part in template.split(" ** ")]
    return ("**" if len(filled) == 2 and all(map(_SIMPLE.fullmatch, filled)) else " ** ").join(filled)


def occurrences(call: TorchCall | None, index: int) -> int:
    """How often an operand is written where the layer is applied."""
    if call is None or call.apply == "{module}({0})":
        return 1
    fields = needs(call.apply)
    return fields.get(str(index), (0, 0))[1] + fields.get("inputs", (0, 0))[1]
