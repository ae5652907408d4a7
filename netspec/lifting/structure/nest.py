"""Steps to items: what ran in a module becomes its container, where the module is run once and leaves one value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from netspec.lifting.items import Box, Item, Leaf, read_by
from netspec.lifting.refusal import refusal
from netspec.lifting.steps import Network, Step


def nest(network: Network) -> tuple[Item, ...]:
    """The items of a network's body. Raises NetspecError (E1001) where weights are used twice."""
    keys = Counter(step.key for step in network.steps if step.key)
    for step in network.steps:
        if keys[step.key] > 1 and step.key:
            raise refusal(f"the module {step.key} is applied {keys[step.key]} times with the same weights", step.place)
    uses = Counter(value for step in network.steps for value in step.inputs)
    uses.update(value for _, value in network.outputs)
    homes = _hoisted([_home(step, keys) for step in network.steps], network.steps)
    return _nested(list(zip(homes, network.steps, strict=True)), "", uses, network.classes)


def _home(step: Step, keys: Iterable[str]) -> str:
    """The container that a step stands in: never one that is itself a layer with weights."""
    home = parent(step.key) if step.key else step.path
    homes = set(keys)
    parts = home.split(".")
    for length in range(1, len(parts) + 1):
        if ".".join(parts[:length]) in homes:
            return ".".join(parts[: length - 1])
    return home


def _hoisted(homes: Sequence[str], steps: Sequence[Step]) -> list[str]:
    """The containers of steps, where a concat that a module begins with stands before it: it then takes one value.

    That is what the layers of DenseNet do with all that was made before them.
    """
    moved = list(homes)
    for place, step in enumerate(steps):
        if step.layer != "concat":
            continue
        while moved[place] and not any(_within(home, moved[place]) for home in moved[:place]):
            moved[place] = parent(moved[place])
    return moved


def _within(home: str, path: str) -> bool:
    return home == path or home.startswith(f"{path}.")


def parent(path: str) -> str:
    """The path of the module around this one."""
    return path.rpartition(".")[0]


def _nested(
    steps: Sequence[tuple[str, Step]], prefix: str, uses: Counter[int], classes: dict[str, str]
) -> tuple[Item, ...]:
    depth = prefix.count(".") + 1 if prefix else 0

    def child(entry: tuple[str, Step]) -> str:
        home, _ = entry
        return ".".join(home.split(".")[: depth + 1]) if home != prefix and home else ""

    runs = [(name, list(run)) for name, run in groupby(steps, child)]
    times = Counter(name for name, run in runs if any(step.key for _, step in run))
    items: list[Item] = []
    for name, run in runs:
        if not name or name == prefix:
            items.extend(Leaf(step) for _, step in run)
            continue
        inner = _nested(run, name, uses, classes)
        result = _result(inner, uses)
        if times[name] == 1 and result is not None and read_by(inner):
            items.append(Box(name, classes.get(name, ""), inner, result))
        else:
            items.extend(inner)
    return tuple(items)


def _result(items: Sequence[Item], uses: Counter[int]) -> int | None:
    """The one value that is used outside, where the last item leaves it."""
    inside: Counter[int] = Counter()
    for item in items:
        inside.update(_all_inputs(item))
    outputs = [value for item in items for value in item.made]
    leaving = [value for value in outputs if uses[value] > inside[value]]
    return leaving[0] if len(leaving) == 1 and items[-1].made == (leaving[0],) else None


def _all_inputs(item: Item) -> list[int]:
    if isinstance(item, Leaf):
        return list(item.step.inputs)
    assert isinstance(item, Box)
    own = {value for inner in item.items for value in inner.made}
    return [value for inner in item.items for value in _all_inputs(inner) if value not in own]
