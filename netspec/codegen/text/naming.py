"""Names and literals of emitted source. Every name of a spec passes through here: a spec comes from strangers."""

from __future__ import annotations

import builtins
import json
import keyword
import re
from typing import Any

from netspec.layers.declaration.base import Code

_ATTRIBUTES = """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to
    to_empty train training type xpu zero_grad
"""
MODULE_ATTRIBUTES = frozenset(_ATTRIBUTES.split())
"""What `nn.Module` calls its own: a submodule of such a name would hide it, and torch refuses it."""
SEQUENTIAL_ATTRIBUTES = MODULE_ATTRIBUTES | {"append", "extend", "insert", "pop"}
TAKEN = frozenset(
    {"torch", "nn", "F", "Tensor", "NamedTuple", "OrderedDict", "reduce", "cast", "self", "Any", "Sequence", "math"}
)
LONGEST = 32

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def is_plain_word(name: str) -> bool:
    """Whether Python takes it for a name that hides nothing."""
    return _WORD.match(name) is not None and not keyword.iskeyword(name)


def is_attribute(label: str) -> bool:
    """Whether `self.label` can hold a submodule."""
    return is_plain_word(label) and not is_hidden(label)


def is_hidden(label: str) -> bool:
    """Whether `nn.Module` has, or may have, something of its own under this name."""
    return label in MODULE_ATTRIBUTES or label.startswith("_")


def local(name: str) -> str:
    """`name` as a variable or parameter: an identifier that hides nothing which emitted source uses."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII)[:LONGEST].strip("_") or "value"
    if not word[0].isalpha():
        word = f"value{word}"
    if keyword.iskeyword(word) or keyword.issoftkeyword(word) or word in TAKEN or hasattr(builtins, word):
        word += "_"
    return word


def parameter(name: str) -> str:
    """A parameter's name in Python: its own, unless something that emitted source uses is called so."""
    if not name.strip("_") or not name.isascii() or not name.isidentifier():
        return local(name)
    reserved = keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in TAKEN or hasattr(builtins, name)
    if name.startswith("__"):  # a class would mangle it
        return f"_{name.lstrip('_')}"
    return f"{name}_" if reserved else name


def camel(name: str) -> str:
    """A class name: `double_conv` is `DoubleConv`; capitals inside stay."""
    words = re.sub(r"[^A-Za-z0-9]+", " ", name).split()
    word = "".join(part[0].upper() + part[1:] for part in words)[:LONGEST]
    return word if word and word[0].isalpha() else f"Block{word}"


class Names:
    """Hands out names that nothing else has."""

    def __init__(self, reserved: set[str]) -> None:
        self._reserved = set(reserved)

    @property
    def all(self) -> frozenset[str]:
        """All names that are taken."""
        return frozenset(self._reserved)

    def reserve(self, name: str) -> None:
        """Keeps a name for something else."""
        self._reserved.add(name)

    def claim(self, *candidates: str) -> str:
        """The first of `candidates` that is free, else the last with a number."""
        for name in candidates:
            if name not in self._reserved:
                self._reserved.add(name)
                return name
        number = 2
        while f"{candidates[-1]}{number}" in self._reserved:
            number += 1
        return self.claim(f"{candidates[-1]}{number}")


def class_names() -> Names:
    """Names for classes and functions of a file; those of builtins, torch and the language are taken."""
    return Names({*TAKEN, *dir(builtins), *keyword.kwlist})


def literal(value: Any) -> str:
    """A Python value as source."""
    match value:
        case Code(text):
            return text
        case str():
            return quoted(value)
        case tuple() | list():
            inner = ", ".join(map(literal, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case float() if value in (float("inf"), float("-inf")) or value != value:
            return f'float("{value}")'
        case None | bool() | int() | float():
            return repr(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no literal")


def quoted(text: str) -> str:
    """A string literal, as ruff quotes it."""
    if text.isascii() and text.isprintable() and '"' in text and "'" not in text and "\\" not in text:
        return f"'{text}'"
    return json.dumps(text)


def prose(text: str) -> str:
    """`text` for a docstring or comment: one line of printable ASCII without quotes or backslashes."""
    plain = " ".join(text.split()).replace('"', "'").replace("\\", "/")
    ascii_text = "".join(c if c.isascii() and c.isprintable() else "?" for c in plain)
    return ascii_text.strip()
