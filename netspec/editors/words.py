"""The words of the language by what they are, as the lexer, the layout, the layers and the train section know them."""

from __future__ import annotations

from netspec.elaborate.values.operators import FUNCTIONS
from netspec.elaborate.values.types import known_types
from netspec.layers import REGISTRY
from netspec.syntax.layout import AT_TOP, CLAUSES, KEYWORDS, WIRINGS
from netspec.syntax.lexer import HARD, OPERATORS

CONSTANTS = tuple(word for word, kind in HARD.items() if kind == "CONSTANT")
OPERATOR_WORDS = tuple(word for word, kind in HARD.items() if kind in ("IN", "AND", "OR", "NOT"))
CONTROL = tuple(word for word, kind in HARD.items() if kind in ("IF", "ELSE", "FOR"))
DEFINITIONS = tuple(word for word, (kind, _) in AT_TOP.items() if kind in ("NET", "BLOCK"))
STATEMENTS = tuple(KEYWORDS)
WIRING = tuple(sorted(WIRINGS))
CLAUSE = tuple(sorted(CLAUSES))
LAYERS = tuple(sorted(REGISTRY))
CALLED = tuple(sorted(FUNCTIONS))
TYPES = known_types()
_OPERATING = frozenset(("ARROW", "POWER", "SIGN", "TIMES", "COMPARE", "EQUAL", "BAR"))
SYMBOLS = tuple(sorted((text for text, kind in OPERATORS.items() if kind in _OPERATING), key=len, reverse=True))
"""What stands between operands, the longest first."""
