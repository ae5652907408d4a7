"""Cases of files: documents of graphs that nobody wrote, and specs whose bytes are damaged."""

from __future__ import annotations

import copy
import functools
import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import netspec
from netspec.diagnostics import NetspecError
from netspec.graph import json_form
from tests.fuzz.case import Case
from tests.fuzz.spec_cases import PICTURES, use_graph
from tests.fuzz.texts import JUNK, NUMBERS, WORDS, specs

NUMBERS_OF_JSON = (0, 1, -1, 2, 3, 64, 10**9, 2**31, 2**63, 10**40, 0.5, -0.0, 1e308)
TEXTS = ("", "H", "H + W", "floor(H / 2)", "x.y", "a b", "../x", "class", "H*" * 40 + "H", "(" * 3000 + "H")
PARTS: tuple[Any, ...] = ([], {}, [[]], [0], {"node": 0}, {"input": 0}, {"scope": 1})
CODE = 'x\n"""\nimport os'
VALUES = (None, True, False, *NUMBERS_OF_JSON, *TEXTS, *PARTS, CODE, *JUNK, *WORDS, *NUMBERS)
FIELDS = ("name", "count", "colour", "node", "scope", "value", "size", "first_use", "when_training")
LONGEST_DOCUMENT = 60_000


@cache
def documents() -> tuple[str, ...]:
    """The documents of small graphs."""
    found: list[str] = []
    for text in specs():
        try:
            found += [graph.json() for graph in netspec.parse(text).graphs()[0]]
        except NetspecError:
            continue
    return tuple(document for document in found if len(document) <= LONGEST_DOCUMENT)


def graph_case(random: Random) -> Case:
    """A graph's document in which a few values are others."""
    text = json.dumps(changed(json.loads(random.choice(documents())), random))
    if random.random() < 0.1:
        cut = random.randint(0, len(text))
        text = text[:cut] + random.choice(("", *JUNK)) + text[cut + random.randint(0, 3) :]
    return Case(text, functools.partial(read, text, random.choice(PICTURES)))


def read(text: str, picture: str) -> None:
    """A document is refused, or as good as one that was written."""
    use_graph(json_form.load(text, "graph.json"), picture)


def changed(document: Any, random: Random, others: tuple[Any, ...] = ()) -> Any:
    """A document in which a few values are others, some of them these."""
    for _ in range(random.randint(1, 3)):
        _change(document, random, (*VALUES, *others * 5))
    return document


def _change(document: Any, random: Random, values: tuple[Any, ...]) -> None:
    """One value of a document replaced, left out, said twice or exchanged with another."""
    places = list(_places(document))
    if not places:
        return
    holder, key = random.choice(places)
    other, there = random.choice(places)
    match random.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case 2:
            holder[key] = copy.deepcopy(other[there])
        case 3 if type(holder[key]) is int:
            holder[key] += random.choice((-1, 1))
        case 4 if isinstance(holder, dict):
            holder[random.choice(FIELDS)] = copy.deepcopy(random.choice(values))
        case _:
            holder[key] = copy.deepcopy(random.choice(values))


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every place in a document that holds a value; each kind of place about as often as any other."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys if isinstance(holder[key], dict | list)]
    return found


def bytes_case(random: Random) -> Case:
    """A spec's file with damaged bytes."""
    data = bytearray(random.choice(specs()).encode())
    for _ in range(random.randint(1, 8)):
        place = random.randint(0, len(data))
        data[place : place + random.randint(0, 2)] = random.randbytes(random.randint(0, 3))
    return Case(repr(bytes(data)), functools.partial(load, bytes(data)))


def load(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.net"
        path.write_bytes(data)
        netspec.load(path).check()
