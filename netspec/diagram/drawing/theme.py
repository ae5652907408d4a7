"""Themes: the colours that the role names of a drawing stand for.

The fills of the layer families differ in hue and in lightness. They were found by a search for the largest least
distance between any two of them as seen with normal vision, protanopia, deuteranopia and tritanopia (Machado, Oliveira,
Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009), with the six families of
most networks a step of lightness apart, so that they can be told on a grey print. Ink reads on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "convolution": "convolution",
        "linear": "linear",
        "normalization": "normalization",
        "activation": "activation",
        "pooling": "pooling",
        "reduction": "pooling",
        "resampling": "resampling",
        "recurrent": "recurrent",
        "attention": "attention",
        "shape": "neutral",
        "arithmetic": "neutral",
        "regularization": "neutral",
        "parameter": "neutral",
        "boxes": "neutral",
    }
)
"""The role that paints a layer of this family; what shares a role does a like thing."""


def family_role(family: str) -> str:
    """The role of a layer family; that of shape and arithmetic layers for a family of a user's own."""
    return FAMILIES.get(family, "neutral")


@dataclass(frozen=True)
class Theme:
    """Colours by role. `paint` resolves a role, or a role with a shade: `convolution`, `convolution:line`.

    Roles: `paper` (the background), `ink` (text), `muted` (text that comes second), `edge` (arrows), `rule` (thin
    lines), `frame` and `frame:line` (around what belongs together), `accent` (residuals and other detours),
    and those of the layer families. Shades: `line` is an outline, `top` the lit and `side` the shaded face of a box.
    """

    name: str
    colours: Mapping[str, str]
    shades: Mapping[str, tuple[str, float]]

    def paint(self, role: str) -> str:
        """The colour of a role as `#rrggbb`; raises KeyError where there is no such role."""
        return self._painted[role]

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that `paint` knows."""
        return tuple(self._painted)

    @cached_property
    def _painted(self) -> Mapping[str, str]:
        shaded = {
            f"{role}:{shade}": _mixed(colour, self.colours[towards], share)
            for role, colour in self.colours.items()
            for shade, (towards, share) in self.shades.items()
        }
        return {**self.colours, **shaded}


def _mixed(colour: str, other: str, share: float) -> str:
    """The colour with `share` of another in it, mixed in sRGB."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + bytes(round(one + (two - one) * share) for one, two in pairs).hex()


LIGHT = Theme(
    "light",
    MappingProxyType(
        {
            "paper": "#ffffff",
            "ink": "#16191d",
            "muted": "#565d66",
            "edge": "#3d444d",
            "rule": "#b9c0c8",
            "frame": "#f3f5f7",
            "accent": "#9a3412",
            "convolution": "#79aaf3",
            "linear": "#a790bb",
            "normalization": "#f4f796",
            "activation": "#f7c995",
            "pooling": "#fca09a",
            "resampling": "#a5f1c8",
            "recurrent": "#a0bd65",
            "attention": "#cda1b2",
            "neutral": "#d8dde3",
            "input": "#ffffff",
            "output": "#ffffff",
            "block": "#e8edf3",
        }
    ),
    MappingProxyType({"line": ("ink", 0.55), "top": ("paper", 0.45), "side": ("ink", 0.18)}),
)

DARK = Theme(
    "dark",
    MappingProxyType(
        {
            "paper": "#14171b",
            "ink": "#f2f4f6",
            "muted": "#a9b1ba",
            "edge": "#b4bcc5",
            "rule": "#4a525b",
            "frame": "#1c2127",
            "accent": "#f4a261",
            "convolution": "#2f5685",
            "linear": "#4b3158",
            "normalization": "#6b6641",
            "activation": "#613f1e",
            "pooling": "#9d5d64",
            "resampling": "#153726",
            "recurrent": "#4a6717",
            "attention": "#8d5b7e",
            "neutral": "#4b4c49",
            "input": "#14171b",
            "output": "#14171b",
            "block": "#262c33",
        }
    ),
    MappingProxyType({"line": ("ink", 0.45), "top": ("ink", 0.16), "side": ("paper", 0.3)}),
)

THEMES: Mapping[str, Theme] = MappingProxyType({theme.name: theme for theme in (LIGHT, DARK)})
