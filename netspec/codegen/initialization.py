"""Which layers a net starts alike, so that one pass over its modules does for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.layers.base import TorchCall
from netspec.layers.symbols import MARK


def common_initializations(calls: Iterable[TorchCall]) -> dict[str, tuple[str, ...]]:
    """The statements by torch class, for the classes whose every use in the net is started by the same ones.

    Statements about a bias may be absent where the layer has none.
    """
    found: dict[str, list[tuple[str, ...]]] = {}
    sources: list[str] = []
    for call in calls:
        if call.target.startswith("nn."):
            own = call.wrap or any(map(MARK.search, call.init))
            found.setdefault(call.target, []).append(("",) if own else call.init)
        sources.extend(support.source for support in call.support)
    hidden = "\n".join(dict.fromkeys(sources))
    return {
        target: longest
        for target, statements in found.items()
        if (longest := max(statements, key=len))
        and f"{target}(" not in hidden
        and f"{target})" not in hidden
        and all(_is_without_bias(other, longest) for other in statements)
    }


def _is_without_bias(statements: tuple[str, ...], longest: tuple[str, ...]) -> bool:
    if statements == longest:
        return longest != ("",)
    return bool(statements) and statements == tuple(line for line in longest if ".bias" not in line)
