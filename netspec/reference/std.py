"""The page of the library that ships with netspec: each block's comment, and its example, from its own file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import netspec
from netspec.elaborate.library import STANDARD, home
from netspec.syntax import tree

_EXAMPLE = re.compile(r"\bExample: \[(?P<shape>[\d, ]+)\] -> (?P<call>.+)")
_ALSO = re.compile(r"\s*\bAlso called: [\w, ]+\.")


@dataclass(frozen=True, slots=True)
class BlockPage:
    """One block: its module, `std.resnet`; its head as it is written; its comment; a value and a call to try it."""

    name: str
    module: str
    signature: str
    text: str
    shape: str
    call: str

    @property
    def first_line(self) -> str:
        """The comment's first sentence."""
        return re.split(r"(?<=[.;:])\s", self.text, maxsplit=1)[0].rstrip(";:.") + "."

    @property
    def example(self) -> str:
        """A whole spec that uses the block."""
        return f"from {self.module} import {self.name}\n\nnet Example {{\n  input x [{self.shape}]\n  {self.call}\n}}"


@cache
def pages() -> tuple[BlockPage, ...]:
    """The pages of all blocks of the library, by module and in the order of their files."""
    block_pages: list[BlockPage] = []
    for path in sorted(STANDARD.glob("*.net")):
        spec = netspec.load(path)
        header = _comment(spec.source.text.splitlines(), _first_code_line(spec.source.text))
        for item in spec.tree.items:
            if isinstance(item, tree.Definition) and item.kind == "block":
                own = _comment(spec.source.text.splitlines(), item.span.line - 1)
                block_pages.append(_page(item, f"std.{path.stem}", own or header))
    return tuple(block_pages)


def find(name: str) -> BlockPage | None:
    """The page of the block that a name means: `Bottleneck`, `SEBlock`; None where it means none."""
    place = home(name)
    return next((page for page in pages() if place == (page.module, page.name)), None)


def _page(item: tree.Definition, module: str, comment: str) -> BlockPage:
    example = _EXAMPLE.search(comment)
    text = _ALSO.sub("", _EXAMPLE.sub("", comment)).strip()
    signature = " ".join(item.signature.text.split()).replace("( ", "(").replace(" )", ")")
    shape, call = (example["shape"], example["call"].strip()) if example else ("", "")
    return BlockPage(item.name, module, signature, text, shape, call)


def _comment(lines: list[str], end: int) -> str:
    """The comment that ends above a line, counted from 0, as lines of text."""
    start = end
    while start > 0 and lines[start - 1].startswith("#"):
        start -= 1
    return "\n".join(line.removeprefix("#").strip() for line in lines[start:end]).strip()


def _first_code_line(text: str) -> int:
    """The end of the header: the first line that is no comment."""
    return next((number for number, line in enumerate(text.splitlines()) if not line.startswith("#")), 0)


def text(page: BlockPage) -> str:
    """The page for a terminal."""
    return f"{page.signature}\n\n{page.text}\n\n{page.example}"


def overview(listed: Iterable[BlockPage]) -> str:
    """All blocks, a line each, under their modules."""
    blocks = list(listed)
    width = max(len(page.name) for page in blocks)
    lines: list[str] = []
    module = ""
    for page in blocks:
        if page.module != module:
            module = page.module
            lines.extend(["", module])
        lines.append(f"  {page.name:<{width}}  {page.first_line}")
    return "\n".join(lines)


def markdown(listed: Iterable[BlockPage]) -> str:
    """The whole library as a Markdown page, its examples as specs that the tests check."""
    lines = [
        "# The library of blocks",
        "",
        "Made from the files of the library by `netspec layers --std --format markdown`. A block is brought in by",
        "`from std.resnet import Bottleneck`; `netspec layers Bottleneck` shows its page.",
    ]
    module = ""
    for page in listed:
        if page.module != module:
            module = page.module
            lines.extend(["", f"## {module}"])
        lines.extend(["", markdown_page(page, "###")])
    return "\n".join(lines) + "\n"


def markdown_page(page: BlockPage, level: str = "#") -> str:
    """One block as a Markdown section."""
    return "\n".join(
        [f"{level} `{page.name}`", "", f"`{page.signature}`", "", page.text, "", "```net", page.example, "```"]
    )
