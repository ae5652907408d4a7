"""Containers: which of torch's holds the modules that no attribute can, numbered ones and those in quotes.

Modules that are counted from 0 in their order are in an `nn.ModuleList`, others in an `nn.ModuleDict`. Where neither
would do, the class registers them under their names itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netspec.codegen.regions.regions import is_bare, is_module, plain_label, uses_in
from netspec.codegen.text.naming import is_attribute, is_hidden
from netspec.graph.blueprint import Choice, Let, Loop, Region, Use
from netspec.syntax import tree

LIST, DICT, MODULE = "nn.ModuleList", "nn.ModuleDict", "nn.Module"
_OWN = frozenset({"append", "clear", "extend", "insert", "items", "keys", "pop", "update", "values"})
"""What lists and dicts of modules call their own, besides what modules do."""


def base_of(region: Region, *, counted: bool, names: Sequence[str]) -> str:
    """The class that a class of these modules derives from; `names` are those of the numbers that it may keep."""
    uses = [use for use in _uses(region) if use.first is None]
    labelled = [use for use in uses if use.label is not None and (use.chosen or use.keeps_state)]
    labels = [label for use in labelled if "." not in (label := plain_label(use) or "")]
    if any(is_hidden(label) or label in _OWN for label in labels):
        return MODULE
    if not _OWN.isdisjoint(names) or any(map(is_bare, labelled)):
        return MODULE
    if counted and len(labelled) == len(list(_uses(region))) and all(map(is_module, labelled)):
        return LIST
    if all(not label or is_attribute(label) for label in labels):
        return MODULE
    top = [plain_label(item) for item in region.items if isinstance(item, Use)]
    counted_from_0 = all(map(is_module, uses)) and top == [str(place) for place in range(len(uses))]
    return LIST if counted_from_0 else DICT  # a stage that is no module has a number, too


def containers_of(region: Region) -> dict[str, str]:
    """The containers that a class has for labels such as `branches.0`, each with what it is."""
    uses = [use for use in _uses(region) if use.first is None and use.label is not None]
    labels = {plain_label(use) for use in uses}
    inside: dict[str, list[Use]] = {}
    for use in uses:
        first = use.label.parts[0] if use.label is not None else None
        if isinstance(first, str) and "." in first:
            inside.setdefault(first.partition(".")[0], []).append(use)
    kinds = {root: _kind(root, members, region) for root, members in inside.items()}
    return {root: kind for root, kind in kinds.items() if kind and is_attribute(root) and root not in labels}


def _kind(root: str, uses: Sequence[Use], region: Region) -> str:
    """What holds the modules of one container; nothing where neither a list nor a dict would do."""
    steps = [step(use.label, root) for use in uses if use.label is not None]
    if any(map(is_bare, uses)) or any(key is None for key in steps):
        return ""
    if any(isinstance(key, str) and (is_hidden(key) or key in _OWN) for key in steps):
        return ""
    top = [step(use.label, root) for use in region.items if isinstance(use, Use) and use in uses and use.label]
    if all(map(is_module, uses)) and top == [str(place) for place in range(len(uses))]:
        return LIST
    loops = [item for item in region.items if isinstance(item, Loop) and any(use in uses for use in uses_in(item))]
    if len(uses) == len(loops) == 1 and uses[0] in loops[0].region.items and _counts(loops[0], steps[0]):
        return LIST
    return DICT


def step(label: tree.Label, root: str) -> str | tree.Expr | None:
    """What follows the container in a label: a name, an expression, or None where it is more than one of these."""
    first, *rest = label.parts
    text = str(first).removeprefix(f"{root}.")
    if not rest and text and "." not in text:
        return text
    return rest[0] if not text and len(rest) == 1 and not isinstance(rest[0], str) else None


def _counts(loop: Loop, key: str | tree.Expr | None) -> bool:
    """Whether a loop's rounds are counted from 0 by what completes the label."""
    if not isinstance(key, tree.Name):
        return False
    match loop.sequence:
        case tree.Call(tree.Name("range" | "enumerate"), arguments) if len(arguments) == 1 and loop.names:
            return key.id == loop.names[0]
    return key.id == loop.index


def first_used(item: Use | Choice | Loop | Let, containers: Sequence[str]) -> list[str]:
    """The containers that an item's modules are in."""
    uses = [item] if isinstance(item, Use) else list(uses_in(item)) if isinstance(item, Choice | Loop) else []
    firsts = [str(use.label.parts[0]).partition(".")[0] for use in uses if use.label is not None and use.first is None]
    return [root for root in dict.fromkeys(firsts) if root in containers]


def _uses(region: Region) -> Iterator[Use]:
    for item in region.items:
        match item:
            case Use():
                yield item
            case Choice() | Loop():
                yield from uses_in(item)
