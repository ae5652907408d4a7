"""Tables of numbers as expressions: what is said has the same numbers."""

from __future__ import annotations

from typing import Any

import pytest

import netspec
from netspec.format import print_tree
from netspec.lifting.writing.tables import formula_of, ruled
from netspec.syntax import tree


def numbers(text: str) -> Any:
    """What a spec makes of an expression."""
    net = f"net Net {{\n  input x [1]\n  let t = constant({text}, persistent=false)\n  t + 0\n}}\n"
    (node, *_) = [node for node in netspec.parse(net).graph() if node.layer.name == "constant"]
    return node.layer.values


def written(expression: tree.Expr | None) -> str:
    """The text of an expression, on one line."""
    assert expression is not None
    file = tree.File((tree.Let(("t",), tree.Flow((expression,))),))
    return print_tree(file).strip().removeprefix("let t = ")


REGIONS = tuple(tuple(3 * (i > 9) + 3 * (i > 12) + (j > 4) for j in range(12)) for i in range(16))


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (tuple(range(49)), "range(49)"),
        (tuple(range(3, 50, 2)), "range(3, 51, 2)"),
        (
            tuple(tuple(4 * i + j for j in range(4)) for i in range(4)),
            "[[4 * i + j for j in range(4)] for i in range(4)]",
        ),
        (tuple(i - j + 8 for i in range(9) for j in range(9)), "[i - j + 8 for i in range(9) for j in range(9)]"),
        (tuple(20 - i for i in range(20)), "[20 - i for i in range(20)]"),
        ((0,) * 12 + (5,) * 8, "[0] * 12 + [5] * 8"),
        (
            ((9,) + (7,) * 6, *((8, *(j - i for j in range(6))) for i in range(6))),
            "[[9] + [7] * 6] + [[8] + [j - i for j in range(6)] for i in range(6)]",
        ),
        (
            tuple(tuple(5 * abs(a // 5 - b // 5) + abs(a % 5 - b % 5) for b in range(15)) for a in range(15)),
            "[[5 * max(i - k, k - i) + max(j - l, l - j) for k in range(3) for l in range(5)] "
            "for i in range(3) for j in range(5)]",
        ),
        (REGIONS, "[[row + column for column in [0] * 5 + [1] * 7] for row in [0] * 10 + [3] * 3 + [6] * 3]"),
    ],
)
def test_rules_of_tables(table: Any, text: str) -> None:
    assert "".join(written(ruled(table)).split()) == text.replace(" ", "")
    assert numbers(text) == table


def test_few_numbers_are_written_one_by_one_and_many_without_a_rule_not_at_all() -> None:
    odd = tuple((7 * i * i + 3 * i) % 101 for i in range(10_001))
    assert ruled(odd) is None
    assert formula_of(odd) is None
    assert numbers(written(formula_of(odd[:40]))) == odd[:40]
    assert formula_of((1.0, float("inf"))) is None
