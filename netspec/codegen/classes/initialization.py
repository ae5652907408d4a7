"""Which modules a class starts alike, so that one pass over them at the end of its constructor does for all.

A pass stands in the outermost class whose modules of a kind are all started by the same statements; a few of its own
may be started otherwise, and are told apart by what they are called. What no pass starts is started as it is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.codegen.regions.chains import is_sequential
from netspec.codegen.regions.regions import plain_label, uses_of_region
from netspec.codegen.text.layout import INDENT, Expr, lines
from netspec.codegen.text.layout import call as called
from netspec.codegen.text.naming import is_attribute
from netspec.codegen.text.python import Naming, unmarked
from netspec.graph.blueprint import Blueprint, Choice, Container, Instance, LayerUse, Loop, Region, Use
from netspec.layers.declaration.base import TorchCall
from netspec.layers.declaration.symbols import MARK

Statements = tuple[str, ...]
HELD = {"nn.Linear": "nn.MultiheadAttention"}
"""Modules of torch that are of a kind inside of others, which are started by themselves."""


@dataclass(frozen=True, slots=True)
class Pass:
    """How modules of a kind are started, and which of them otherwise: by the expression that reaches them."""

    statements: Statements
    others: Mapping[str, Statements] = field(default_factory=dict)


Passes = dict[str, Pass]
"""The passes of a class, by torch's class."""


@dataclass(slots=True)
class Starts:
    """Of each class of a file its passes, and the kinds that it need not start, as these or those of all callers do."""

    passes: dict[int, Passes]
    covered: dict[int, frozenset[str]]


def starts(blueprints: Sequence[Blueprint]) -> Starts:
    """The passes of the classes of a net, whose blueprints are given callers first."""
    passes: dict[int, Passes] = {}
    covered: dict[int, frozenset[str]] = {}
    callers: dict[int, list[Blueprint]] = {}
    for blueprint in blueprints:
        for inner in _callees(blueprint):
            callers.setdefault(id(inner), []).append(blueprint)
    for blueprint in blueprints:
        around = [covered[id(caller)] for caller in callers.get(id(blueprint), [])]
        common = frozenset.intersection(*around) if around else frozenset()
        passes[id(blueprint)] = {kind: start for kind, start in _passes(blueprint).items() if kind not in common}
        covered[id(blueprint)] = common.union(passes[id(blueprint)])
    return Starts(passes, covered)


def _callees(blueprint: Blueprint) -> list[Blueprint]:
    uses = (use.what for use in uses_of_region(blueprint.region))
    return list({id(what.blueprint): what.blueprint for what in uses if isinstance(what, Instance)}.values())


def _passes(blueprint: Blueprint) -> Passes:
    """The passes that a class could make over all that is inside of it."""
    calls = [use.what.call for use in uses_of_region(blueprint.region) if isinstance(use.what, LayerUse)]
    pending, seen = _callees(blueprint), {id(blueprint)}
    within: list[TorchCall] = []
    while pending:
        inner = pending.pop()
        if id(inner) not in seen:
            seen.add(id(inner))
            within += [use.what.call for use in uses_of_region(inner.region) if isinstance(use.what, LayerUse)]
            pending += _callees(inner)
    hidden = "\n".join(support.source for call in (*calls, *within) for support in call.support)
    reached = {id(call): path for call, path in _reached(blueprint.region, "self")}
    passes: Passes = {}
    for kind in dict.fromkeys(call.target for call in (*calls, *within) if call.target.startswith("nn.") and call.init):
        if any(text in hidden for text in (f"{kind}(", f"{kind})", f"({HELD.get(kind, kind)})")):
            continue
        own = [call for call in calls if call.target == kind]
        nested = [call for call in within if call.target == kind]
        start = _pass(own, nested, reached)
        if start is not None:
            passes[kind] = start
    return passes


def _pass(own: Sequence[TorchCall], within: Sequence[TorchCall], reached: Mapping[int, str]) -> Pass | None:
    """The pass over the class's own modules of a kind and those within others; None where they are too different."""
    if any(call.wrap or not call.init for call in (*own, *within)):
        return None
    fixed = [call for call in (*own, *within) if id(call) not in reached]
    counts = Counter(call.init for call in (*own, *within))
    main = max((call.init for call in fixed), key=len) if fixed else max(counts, key=lambda init: counts[init])
    longer = [init for init in counts if _is_without_bias(main, init) and init != main]
    main = max([main, *longer], key=len)
    if any(not _is_without_bias(call.init, main) for call in fixed) or (fixed and any(map(MARK.search, main))):
        return None
    others = {reached[id(call)]: call.init for call in own if not _is_without_bias(call.init, main)}
    return Pass(main, others) if 2 * len(others) < len(own) + len(within) else None


def _reached(region: Region, around: str) -> Iterator[tuple[TorchCall, str]]:
    """The layers of a class that are always there, each with the expression that its constructor reaches it by."""
    place = 0
    for item in region.items:
        if isinstance(item, Choice | Loop):
            place = -1_000_000  # it is not known how many stages come before
        if not isinstance(item, Use) or item.first is not None:
            continue
        label = plain_label(item)
        if label is None and item.label is None and around != "self" and place >= 0:
            path = f"{around}[{place}]"
        elif label is not None and is_attribute(label):
            path = f"{around}.{label}"
        else:
            path = ""
        place += 1
        match item.what:
            case LayerUse(_, call) if path:
                yield call, path
            case Container(inner) if path and is_sequential(item):
                yield from _reached(inner, path)


def _is_without_bias(statements: Statements, longest: Statements) -> bool:
    """Whether statements are these, perhaps without those about a bias, which a layer may lack."""
    if statements == longest:
        return True
    return bool(statements) and statements == tuple(line for line in longest if ".bias" not in line)


def initialization(passes: Passes, naming: Naming) -> list[str]:
    """The pass over all modules that starts the weights of those that are started alike, a few of them otherwise."""
    if not passes:
        return []
    code = ["", f"{INDENT * 2}for m in self.modules():"]
    alike: dict[tuple[Statements, tuple[tuple[str, Statements], ...]], list[str]] = {}
    for kind, each in passes.items():
        alike.setdefault((each.statements, tuple(each.others.items())), []).append(kind)
    for (statements, others), kinds in alike.items():
        among: Expr = kinds[0] if len(kinds) == 1 else called("", *kinds)
        code.extend(lines(f"{'el' if len(code) > 2 else ''}if isinstance(m, ", among, 3, "):"))
        for path, own in others:
            code.append(f"{INDENT * 4}{'if' if path == others[0][0] else 'elif'} m is {path}:")
            code.extend(_begun(own, naming, 5))
        if others:
            code.append(f"{INDENT * 4}else:")
        code.extend(_begun(statements, naming, 5 if others else 4))
    return code


def _begun(statements: Statements, naming: Naming, depth: int) -> Iterator[str]:
    """The statements that start the module `m`, which may lack a bias."""
    for statement in statements:
        guarded = ".bias" in statement
        if guarded:
            yield f"{INDENT * depth}if m.bias is not None:"
        yield from lines("", unmarked(statement, naming).replace("{module}", "m"), depth + guarded)
