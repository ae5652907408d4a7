"""Themes: the colours that the role names of a drawing stand for.

The fills of the layer families differ in hue and in lightness. The six families of most networks are 15 steps of L*
apart, so that they can be told on a grey print; all nine cannot be. Within that, they were found by a search for the
largest least distance between any two of the nine as seen with normal vision, protanopia, deuteranopia and tritanopia
(Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009). Letters
on the dark ones are light.
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
    and those of the layer families. Shades: `line` is an outline, `top` the lit and `side` the shaded face of a box,
    `ink` the text on it. The fonts are families that an SVG names before its own, empty for none.
    """

    name: str
    colours: Mapping[str, str]
    shades: Mapping[str, tuple[str, float]]
    text_font: str = ""
    code_font: str = ""

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
        letters = {f"{role}:ink": self._letters(colour) for role, colour in self.colours.items()}
        return {**self.colours, **shaded, **letters}

    def _letters(self, ground: str) -> str:
        """The colour of text on a ground: ink, or that of the paper where it stands out more."""
        return max(self.colours["ink"], self.colours["paper"], key=lambda colour: contrast(colour, ground))


def _mixed(colour: str, other: str, share: float) -> str:
    """The colour with `share` of another in it, mixed in sRGB."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + bytes(round(one + (two - one) * share) for one, two in pairs).hex()


def contrast(one: str, other: str) -> float:
    """How far two colours stand out from each other, from 1 to 21 (WCAG 2, contrast ratio)."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """The relative luminance of a colour in sRGB, from 0 to 1."""
    channels = (value / 255 for value in bytes.fromhex(colour[1:]))
    linear = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


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
            "convolution": "#5074ba",
            "linear": "#753488",
            "normalization": "#fffa81",
            "activation": "#f9be8e",
            "pooling": "#e6828e",
            "resampling": "#143329",
            "recurrent": "#619a33",
            "attention": "#a77e9b",
            "neutral": "#dae0e7",
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
            "convolution": "#4f68c2",
            "linear": "#6b3079",
            "normalization": "#ebed9d",
            "activation": "#e9b64b",
            "pooling": "#d9787f",
            "resampling": "#022e15",
            "recurrent": "#818e3d",
            "attention": "#ac759e",
            "neutral": "#4e5153",
            "input": "#14171b",
            "output": "#14171b",
            "block": "#262c33",
        }
    ),
    MappingProxyType({"line": ("ink", 0.45), "top": ("ink", 0.16), "side": ("paper", 0.3)}),
)

THEMES: Mapping[str, Theme] = MappingProxyType({theme.name: theme for theme in (LIGHT, DARK)})
