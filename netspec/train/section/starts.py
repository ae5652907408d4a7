"""What the weights of a training start from: a file, or what a library has published, with their names changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import Field, PrivateAttr, field_validator

from netspec.train.parts import Part, Table, written

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
        old, _, new = (part.strip() for part in text.partition("->"))
        if not old or not new or "->" in new or not old.count("*") == new.count("*") <= 1:
            raise ValueError(f'must hold {_RULES}, not "{text}"')
        return cls(re.compile(re.escape(old).replace(r"\*", "(.*)"), re.DOTALL), new)

    @staticmethod
    def proposal(text: str) -> str | None:
        """The rule that a text may stand for; None where it does not say both names."""
        if '"' in text:
            return None
        parts = [part for part in re.split(r"\s*(?:[-=]+>|→|[=:,])\s*|\s+", text.strip()) if part]
        if len(parts) != 2 or max(part.count("*") for part in parts) > 1:
            return None
        if not all("*" in part for part in parts):
            parts = [part if "*" in part or "*" not in text else f"{part}*" for part in parts]
        return " -> ".join(parts)

    def __call__(self, name: str) -> str | None:
        """The new name; None where the rule is not about this one."""
        match = self.old.fullmatch(name)
        return None if match is None else self.new.replace("*", "".join(match.groups()))


_RULES = 'rules such as "backbone.* -> features.*", with one * on both sides or none'

STARTS: Table[Start] = Table("source of weights")


@STARTS("weights", "load", "pretrained")
class Start(Part):
    """Weights of a file, `torchvision:NAME` or `timm:NAME`: those that have the net's names and shapes."""

    source: str
    rename: tuple[str, ...] = Field(default=(), description='rules such as "backbone.* -> features.*"')
    _rules: tuple[Rename, ...] = PrivateAttr(default=())

    @field_validator("rename", mode="before")
    @classmethod
    def _read(cls, rename: Any) -> Any:
        for rule in rename if isinstance(rename, tuple | list) else ():
            if not isinstance(rule, str):
                raise ValueError(f"must hold {_RULES}, not {written(rule)}")
            Rename.read(rule)
        return rename

    @classmethod
    def proposal(cls, argument: str, value: Any) -> Any:
        """Rules, each as a text."""
        if argument != "rename":
            return None
        rules = [value] if isinstance(value, str) else list(value or ()) if isinstance(value, tuple | None) else [value]
        proposals = [Rename.proposal(rule) if isinstance(rule, str) else None for rule in rules]
        return None if None in proposals else proposals

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
