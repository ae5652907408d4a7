"""What the weights of a training start from: a file, or what a library has published, with their names changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import Field, PrivateAttr, field_validator

from netspec.train.parts import Part, Table

EXAMPLE = "weights.safetensors"
LIBRARIES = ("torchvision", "timm")


@dataclass(frozen=True, slots=True)
class Rename:
    """`backbone.* -> features.*`: what begins, or ends, in one way is called another; `*` is the rest."""

    old: re.Pattern[str]
    new: str

    @classmethod
    def read(cls, text: str) -> Rename:
        """The rule that a text says; raises ValueError where it says none."""
        old, arrow, new = (part.strip() for part in text.partition("->"))
        if not arrow or not old or old.count("*") != new.count("*") or old.count("*") > 1:
            raise ValueError(f"must hold texts such as 'backbone.* -> features.*', not {text!r}")
        return cls(re.compile(re.escape(old).replace(r"\*", "(.*)"), re.DOTALL), new)

    def __call__(self, name: str) -> str | None:
        """The new name; None where the rule is not about this one."""
        match = self.old.fullmatch(name)
        return None if match is None else self.new.replace("*", "".join(match.groups()))


STARTS: Table[Start] = Table("source of weights")


@STARTS("weights", "load", "pretrained")
class Start(Part):
    """Weights of a file, `torchvision:NAME` or `timm:NAME`: those that have the net's names and shapes."""

    source: str
    rename: tuple[str, ...] = Field(default=(), description='texts such as "backbone.* -> features.*"')
    _rules: tuple[Rename, ...] = PrivateAttr(default=())

    @field_validator("rename")
    @classmethod
    def _read(cls, rename: tuple[str, ...]) -> tuple[str, ...]:
        for text in rename:
            Rename.read(text)
        return rename

    def model_post_init(self, context: Any) -> None:
        self._rules = tuple(map(Rename.read, self.rename))

    @property
    def library(self) -> str:
        """The library that has published the weights; empty where they are in a file."""
        library, colon, _ = self.source.partition(":")
        return library if colon and library in LIBRARIES else ""

    def name_of(self, name: str) -> str:
        """What the net calls the tensor of that name: the first rule that is about it says so."""
        return next((new for rule in self._rules if (new := rule(name)) is not None), name)

    def written(self) -> str:
        """A text, where no names change."""
        return super().written() if self.rename else f'"{self.source}"'
