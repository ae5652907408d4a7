"""The colours can be told apart by everyone, on screen and on a grey print, and text reads on all of them.

Colour vision deficiency is simulated with the matrices for severity 1 of Machado, Oliveira, Fernandes, "A
Physiologically-based Model for Simulation of Color Vision Deficiency", 2009 (in linear RGB); distances are those of
CIELAB, contrasts those of WCAG 2.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from netspec.diagram.drawing.theme import FAMILIES, LIGHT, THEMES, Theme, family_role
from netspec.layers.declaration.base import REGISTRY

SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
COMMON = ("convolution", "linear", "normalization", "activation", "pooling", "resampling")
FAMILY_ROLES = sorted(set(FAMILIES.values()))

themes = pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)


def linear(colour: str) -> np.ndarray:
    channels = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(light, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((float(TO_XYZ[1] @ linear(colour)) for colour in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@themes
@pytest.mark.parametrize("sight", SIGHT)
def test_families_differ_for_every_eye(theme: Theme, sight: str) -> None:
    seen = {role: lab(SIGHT[sight] @ linear(theme.paint(role))) for role in FAMILY_ROLES}
    for one, other in combinations(FAMILY_ROLES, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 10, (one, other)


@themes
def test_common_families_differ_in_grey(theme: Theme) -> None:
    lightness = sorted(lab(linear(theme.paint(role)))[0] for role in COMMON)
    assert min(np.diff(lightness)) >= 15


@themes
def test_text_reads_on_everything(theme: Theme) -> None:
    for ground in FAMILY_ROLES:
        assert contrast(theme.paint(f"{ground}:ink"), theme.paint(ground)) > 4.5, ground
    for ground in ("block", "frame", "paper"):
        assert contrast(theme.paint("ink"), theme.paint(ground)) > 4.5, ground
    for role in ("muted", "edge", "accent"):
        assert contrast(theme.paint(role), theme.paint("paper")) > 4.5, role


@themes
def test_outlines_stand_out(theme: Theme) -> None:
    for role in FAMILY_ROLES:
        assert contrast(theme.paint(f"{role}:line"), theme.paint("paper")) > 3, role


def test_themes_have_the_same_roles() -> None:
    assert len({theme.roles for theme in THEMES.values()}) == 1
    assert len(LIGHT.roles) == len(set(LIGHT.roles))


def test_every_layer_has_a_colour() -> None:
    assert {layer.family for layer in REGISTRY.values() if layer.__module__.startswith("netspec.")} <= set(FAMILIES)
    assert family_role("a_family_of_a_users_own") == "neutral"


def test_an_unknown_role_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        LIGHT.paint("convolutoin")
