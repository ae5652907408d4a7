"""Where each node of a graph ran, and what its weights are called: paths of modules, as a state dict has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netspec.lifting.sources.onnx.graph import Graph, Node, Stored


class _Taken:
    """Paths of layers and weights: none is another one's, or stands in another one."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._around: set[str] = set()
        self._next: Counter[str] = Counter()

    def fresh(self, path: str) -> str:
        """A path that is free, this one where it is: it is taken from now on."""
        fresh = path
        while fresh in self._paths or fresh in self._around or self._paths.intersection(_around(fresh)):
            self._next[path] += 1
            fresh = f"{path.replace('.', '_') if self._next[path] > 3 else path}_{self._next[path] + 1}"
        self._paths.add(fresh)
        self._around.update(_around(fresh))
        return fresh

    def block(self, paths: Iterable[str]) -> None:
        """Has nothing be called as a module is."""
        for path in filter(None, set(paths)):
            self._around.update((path, *_around(path)))


def _around(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


ROLES: dict[str, dict[int, str]] = {
    "Conv": {1: "weight", 2: "bias"},
    "ConvTranspose": {1: "weight", 2: "bias"},
    "Linear": {1: "weight", 2: "bias"},
    "BatchNormalization": {1: "weight", 2: "bias", 3: "running_mean", 4: "running_var"},
    "InstanceNormalization": {1: "weight", 2: "bias"},
    "LayerNormalization": {1: "weight", 2: "bias"},
    "RMSNormalization": {1: "weight"},
    "GroupNormalization": {1: "weight", 2: "bias"},
    "PRelu": {1: "weight"},
    "Gather": {0: "weight"},
}
"""What the stored inputs of an operator are to its layer."""
_ARGUMENTS: dict[str, frozenset[int]] = {
    "Resize": frozenset({1, 2, 3}),
    "Upsample": frozenset({1}),
    "Clip": frozenset({1, 2}),
    "Pad": frozenset({1, 2, 3}),
}
"""The inputs of an operator that are arguments: their numbers are no weights."""
DEEPEST = 24
"""So many modules stand in each other at most; deeper paths are of no use to a reader."""
_KEY = re.compile(r"\w+(\.\w+)+", re.ASCII)
_LEAF = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class Naming:
    """`paths` has where each node ran, `classes` the class of the module at a path, `keys` those of stored tensors.

    `roles` are the keys that a layer's weights have, by its node and the place of the input: a tensor that serves two
    layers has two. `named` is false where the file has no names of modules: then the keys mean nothing.
    """

    paths: dict[int, str]
    classes: dict[str, str]
    roles: dict[tuple[int, int], str]
    keys: dict[str, str]
    named: bool


def naming(graph: Graph) -> Naming:
    """The names of a graph: those of torch's modules where it has them, else a number for each layer."""
    scopes = {id(node): _scopes(node) for node in graph.nodes}
    common = _common([parts[-1] for parts in scopes.values() if parts])
    paths = {key: _without(parts[-1], common) if parts else "" for key, parts in scopes.items()}
    layers = [node for node in graph.nodes if _roles(graph, node)]
    told = [_told(graph, node) for node in layers]
    found = _found(told, [paths[id(node)] for node in layers], layers)
    named = not layers or 2 * sum(map(bool, found)) > len(layers)
    if not named:
        found, paths = [f"layer{number}" for number in range(len(layers))], dict.fromkeys(paths, "")
    roles: dict[tuple[int, int], str] = {}
    taken = _Taken()
    for node, path in zip(layers, found, strict=True):
        key = taken.fresh(path or node.operator.lower())
        roles |= {(id(node), place): f"{key}.{role}" for place, role in _roles(graph, node).items()}
    taken.block(paths.values())
    keys = _keys(graph, roles, taken)
    return Naming(paths, _classes(graph, scopes, paths, common) if named else {}, roles, keys, named)


def _found(told: Sequence[str], around: Sequence[str], layers: Sequence[Node]) -> list[str]:
    """The path of each layer, by its weights where these are its own, else the module that it ran in.

    Where several ran in one, or others stand in it, each is called by its operator there.
    """
    once = {path for path, count in Counter(filter(None, told)).items() if count == 1}
    found = [path if path in once else place for path, place in zip(told, around, strict=True)]
    count = Counter(found)
    inside = {outer for path in found for outer in _around(path)}
    return [
        path if path in once or not path or (count[path] == 1 and path not in inside) else f"{path}.{_word(node)}"
        for path, node in zip(found, layers, strict=True)
    ]


def _word(node: Node) -> str:
    return {"BatchNormalization": "norm", "LayerNormalization": "norm"}.get(node.operator, node.operator.lower())


def _roles(graph: Graph, node: Node) -> dict[int, str]:
    """The weights that a node has as a layer, by the place of the input; empty for what is none."""
    roles = ROLES.get(node.operator, {})
    own = {place: role for place, role in roles.items() if node.input(place) in graph.stored}
    present = {place for place in roles if node.input(place)}
    first = graph.stored.get(node.input(min(roles))) if roles else None
    if first is None or first.dtype.kind != "f" or own.keys() != present:
        return {}
    if node.operator == "Gather" and (len(first.shape) != 2 or node.attributes.get("axis", 0) or not first.is_weight):
        return {}
    if node.operator == "PRelu" and sum(extent > 1 for extent in first.shape) > 1:
        return {}
    return own


def _told(graph: Graph, node: Node) -> str:
    """The path that the names of a layer's weights have in common, where they are torch's: `layer1.0.conv1.weight`."""
    names = [graph.stored[node.input(place)].name for place in _roles(graph, node)]
    names = [name.removesuffix(".T") for name in names]
    for name in names:
        path, _, leaf = name.rpartition(".")
        if leaf in _LEAF and re.fullmatch(r"\w+(\.\w+)*", path, re.ASCII) and path.count(".") < DEEPEST:
            return ".".join(map(_part, path.split(".")))
    return ""


def _scopes(node: Node) -> tuple[str, ...]:
    """The modules around a node, outermost first, by what torch's exporters write."""
    if node.scopes:
        parts = [path for path in node.scopes if path]
        parts = [path for path in parts if _KEY.fullmatch(path) or re.fullmatch(r"\w+", path, re.ASCII)]
    elif "/" in node.name:
        parts = []
        for part in node.name.strip("/").split("/")[:-1]:
            plain = re.sub(r"[^\w.]", "_", part, flags=re.ASCII).strip(".")
            if not plain:
                continue
            parts.append(_inner(parts[-1] if parts else "", plain))
    else:
        parts = []
    deep = [".".join(map(_part, path.split("."))) for path in parts if path.count(".") < DEEPEST]
    return tuple(deep)


def _inner(path: str, name: str) -> str:
    """The path of a module in another one; what is in a list is called after it: `conv.0` in `conv`."""
    around = path.split(".") if path else []
    for start in range(max(0, len(around) - DEEPEST), len(around)):
        prefix = ".".join(around[start:])
        if name.startswith(f"{prefix}."):
            return f"{path}{name[len(prefix) :]}"
    return f"{path}.{name}" if path else name


def _part(name: str) -> str:
    """A name that a module may have."""
    return f"{name}_" if name in _RESERVED else name


_RESERVED = frozenset(
    {
        "forward",
        "training",
        "train",
        "eval",
        "type",
        "float",
        "double",
        "half",
        "apply",
        "cpu",
        "cuda",
        "to",
        "children",
    }
    | {"modules", "parameters", "buffers", "state_dict", "register_buffer", "compile", "share_memory", "zero_grad"}
    | {"load_state_dict", "add_module", "extra_repr", "call_super_init", "dump_patches", "get_parameter", "xpu", "ipu"}
    | {"named_parameters", "named_buffers", "named_children", "named_modules", "requires_grad_", "place", "bfloat16"}
)


def _common(paths: Sequence[str]) -> str:
    """The modules that are around every node, which are a wrapping of the exporter."""
    if not paths or any(not path for path in paths):
        return ""
    split = [path.split(".") for path in paths]
    length = 0
    while all(len(parts) > length + 1 for parts in split) and len({parts[length] for parts in split}) == 1:
        length += 1
    return ".".join(split[0][:length])


def _without(path: str, prefix: str) -> str:
    return path[len(prefix) + 1 :] if prefix and path.startswith(f"{prefix}.") else path


def _keys(graph: Graph, roles: dict[tuple[int, int], str], taken: _Taken) -> dict[str, str]:
    """The keys of the weights that are no layer's: by their own names, where these are free."""
    own = {
        (id(node), place): name
        for node in graph.nodes
        for place, name in enumerate(node.inputs)
        if place not in _ARGUMENTS.get(node.operator, ())
    }
    free = dict.fromkeys(name for place, name in own.items() if name in graph.stored and place not in roles)
    keys: dict[str, str] = {}
    for name in free:
        stored: Stored = graph.stored[name]
        if not stored.is_weight:
            continue
        bare = name.removesuffix(".T")
        plain = bare if _KEY.fullmatch(bare) else re.sub(r"\W+", "_", bare, flags=re.ASCII).strip("_") or "weight"
        plain = f"p{plain}" if plain[0].isdigit() else plain
        path = ".".join(map(_part, plain.split(".")[-DEEPEST:]))
        keys[name] = taken.fresh(path)
    return keys


def _classes(graph: Graph, scopes: dict[int, tuple[str, ...]], paths: dict[int, str], common: str) -> dict[str, str]:
    """The class of each module: what the file says, else one for all containers with the same modules in them."""
    classes: dict[str, str] = {}
    for node in graph.nodes:
        for path, kind in zip(node.scopes, node.classes, strict=False):
            classes[_without(".".join(map(_part, path.split("."))), common)] = kind.rpartition(".")[2]
    if classes:
        return {path: re.sub(r"\W", "", kind, flags=re.ASCII) for path, kind in classes.items()}
    return _guessed(path for path in paths.values() if path)


def _guessed(paths: Iterable[str]) -> dict[str, str]:
    """Classes by what is in a module: two are of one class where the one has what the other has."""
    inside: dict[str, set[str]] = {}
    for path in paths:
        parts = path.split(".")
        for length in range(1, len(parts)):
            inside.setdefault(".".join(parts[:length]), set()).add(parts[length])
    kinds: list[tuple[set[str], str]] = []
    classes: dict[str, str] = {}
    for path, names in sorted(inside.items(), key=lambda entry: -len(entry[1])):
        if all(name.isdigit() for name in names):
            classes[path] = "Sequential"
            continue
        known = next((kind for known, kind in kinds if names <= known), None)
        if known is None:
            known = _kind(path, {kind for _, kind in kinds})
            kinds.append((names, known))
        classes[path] = known
    return classes


def _kind(path: str, taken: set[str]) -> str:
    """A class called as the module is: `blocks.0` is a `Block`."""
    word = next((part for part in reversed(path.split(".")) if not part.isdigit()), "block")
    word = re.sub(r"\d+$", "", word).rstrip("_") or "block"
    word = word[:-1] if word.endswith("s") and len(word) > 3 else word
    name = "".join(part.capitalize() for part in word.split("_")) or "Block"
    fresh, number = name, 2
    while fresh in taken:
        fresh, number = f"{name}{number}", number + 1
    return fresh
