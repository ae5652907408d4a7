"""Which layers a net starts alike, so that one pass over its modules does for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.codegen.text.layout import INDENT, Expr, call, lines
from netspec.layers.base import TorchCall
from netspec.layers.symbols import MARK


def common_initializations(calls: Iterable[TorchCall]) -> dict[str, tuple[str, ...]]:
    """The statements by torch class, for the classes whose every use in the net is started by the same ones.

    Statements about a bias may be absent where the layer has none.
    """
    found: dict[str, list[tuple[str, ...]]] = {}
    sources: list[str] = []
    for torch_call in calls:
        if torch_call.target.startswith("nn."):
            own = torch_call.wrap or any(map(MARK.search, torch_call.init))
            found.setdefault(torch_call.target, []).append(("",) if own else torch_call.init)
        sources.extend(support.source for support in torch_call.support)
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


def initialization(passes: dict[str, tuple[str, ...]]) -> list[str]:
    """The pass over all modules that starts the weights of those that are started alike."""
    if not passes:
        return []
    written = ["", f"{INDENT * 2}for m in self.modules():"]
    alike: dict[tuple[str, ...], list[str]] = {}
    for target, statements in passes.items():
        alike.setdefault(statements, []).append(target)
    for position, (statements, targets) in enumerate(alike.items()):
        among: Expr = targets[0] if len(targets) == 1 else call("", *targets)
        written.extend(lines(f"{'el' if position else ''}if isinstance(m, ", among, 3, "):"))
        for statement in statements:
            guarded = ".bias" in statement
            if guarded:
                written.append(f"{INDENT * 4}if m.bias is not None:")
            written.extend(lines("", statement.replace("{module}", "m"), 5 if guarded else 4))
    return written
