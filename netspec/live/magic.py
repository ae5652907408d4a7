"""`%load_ext netspec` in a notebook: a cell that begins with `%%net` is a spec, and shows its page or what is wrong.

    %%net resnet --set depth=18 --net ResNet
    net ResNet(depth = 50) { ... }

The graph is then the variable `resnet`; without a name it is `net`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from netspec.live.picture import Picture, picture
from netspec.spec import parse, parse_argument

if TYPE_CHECKING:
    from collections.abc import Callable

HEIGHT = 560
"""Pixels that the page takes below a cell."""


class Shell(Protocol):
    """What is asked of IPython."""

    user_ns: dict[str, Any]

    def register_magic_function(self, func: Callable[[str, str], object], magic_kind: str, magic_name: str) -> None:
        """Makes a function a magic."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a cell shows: the interactive page in a frame of its own, or the diagnostics."""

    picture: Picture

    def _repr_html_(self) -> str:
        if self.picture.wrong:
            return f"<pre>{escape(self.picture.wrong)}</pre>"
        frame = f'sandbox="allow-scripts" width="100%" height="{HEIGHT}" frameborder="0"'
        return f'<iframe srcdoc="{escape(self.picture.page)}" {frame}></iframe>'

    def __repr__(self) -> str:
        return self.picture.wrong or repr(self.picture.graph)


def register(shell: Shell) -> None:
    """Makes `%%net` a magic of cells."""

    def net(line: str, cell: str) -> Shown:
        name, chosen, arguments = _options(line)
        now = picture(lambda: parse(cell, "<cell>"), chosen, None, arguments)
        if now.graph is not None:
            shell.user_ns[name] = now.graph
        return Shown(now)

    shell.register_magic_function(net, "cell", "net")


def _options(line: str) -> tuple[str, str | None, dict[str, Any]]:
    """The name of the variable, the net and its arguments; raises ValueError where the line says something else."""
    words = shlex.split(line)
    name, net, arguments = "net", None, {}
    while words:
        word = words.pop(0)
        if word == "--net" and words:
            net = words.pop(0)
        elif word == "--set" and words and "=" in words[0]:
            key, _, value = words.pop(0).partition("=")
            arguments[key] = parse_argument(value)
        elif word.isidentifier():
            name = word
        else:
            raise ValueError(f"%%net takes a name, --net NAME and --set NAME=VALUE, not {word}")
    return name, net, arguments
