"""The layer reference, from the registry: each layer's docstring, and its arguments from its fields."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from netspec.layers import REGISTRY, Layer
from netspec.layers.declaration.base import spec_literal
from netspec.layers.declaration.initializers import FORMS, Initializer, signature


@dataclass(frozen=True, slots=True)
class ArgumentPage:
    """One argument: its type in words, its default as a spec writes it (None where it must be given)."""

    name: str
    type: str
    default: str | None
    description: str


@dataclass(frozen=True, slots=True)
class LayerPage:
    """One layer's page. `tensors` are its tensor arguments; `text` is the docstring in Markdown."""

    name: str
    family: str
    signature: str
    tensors: tuple[str, ...]
    arguments: tuple[ArgumentPage, ...]
    text: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]


def pages() -> list[LayerPage]:
    """The pages of all layers, by family and name."""
    return sorted(map(page, REGISTRY.values()), key=lambda one: (one.family, one.name))


def page(layer: type[Layer]) -> LayerPage:
    """The page of one layer."""
    return LayerPage(
        name=layer.name,
        family=layer.family,
        signature=layer.signature(),
        tensors=layer.tensors,
        arguments=tuple(argument_page(name, field) for name, field in layer.model_fields.items()),
        text=inspect.cleandoc(layer.__doc__ or ""),
    )


def text(one: LayerPage) -> str:
    """The page for a terminal."""
    parts = [one.signature, "", one.text]
    if one.arguments:
        width = max(len(argument.name) for argument in one.arguments)
        parts.append("")
        for argument in one.arguments:
            default = "" if argument.default is None else f" (default {argument.default})"
            described = f"  {argument.description}" if argument.description else ""
            parts.append(f"  {argument.name:<{width}}  {argument.type}{default}{described}")
    return "\n".join(parts)


def overview(all_pages: Iterable[LayerPage]) -> str:
    """All layers, a line each, under their families."""
    listed = list(all_pages)
    width = max((len(one.name) for one in listed), default=0)
    lines: list[str] = []
    family = ""
    for one in listed:
        if one.family != family:
            lines.extend(["", one.family] if lines else [one.family])
            family = one.family
        lines.append(f"  {one.name:<{width}}  {one.first_line}")
    return "\n".join(lines)


def markdown(all_pages: Iterable[LayerPage]) -> str:
    """The whole reference as a Markdown page."""
    listed = list(all_pages)
    lines = [
        "# Layers",
        "",
        "Made from the layers' declarations by `netspec layers --format markdown`. Shapes are of one sample: the batch",
        "is implied. A size is a number for all axes or a list of one an axis. `x` is the current value.",
    ]
    family = ""
    for one in listed:
        if one.family != family:
            family = one.family
            lines.extend(["", f"## {family.replace('_', ' ').capitalize()}"])
        lines.extend(["", markdown_page(one, "###")])
    lines.extend(_initialisations())
    return "\n".join(lines) + "\n"


def _initialisations() -> list[str]:
    """The ways in which weights start, with their arguments, as a Markdown section."""
    return [
        "",
        "## Initialisations",
        "",
        "What `init` and `bias_init` take: a name, with arguments where wanted: `init=trunc_normal(std=0.01)`. A",
        "number is the standard deviation of a normal for `init`, and what all start at for `bias_init`.",
        "",
        "| initialisation | PyTorch |",
        "|:---|:---|",
        *(f"| `{signature(name)}` | `nn.init.{form.function}` |" for name, form in FORMS.items()),
    ]


def markdown_page(one: LayerPage, level: str = "#") -> str:
    """One layer as a Markdown section."""
    lines = [f"{level} `{one.name}`", "", f"`{one.signature}`", "", *_paragraphs(one.text)]
    if one.arguments:
        lines.extend(["", "| argument | type | default |", "|:---|:---|:---|"])
        for argument in one.arguments:
            described = f"<br>{argument.description}" if argument.description else ""
            default = "" if argument.default is None else f"`{argument.default}`"
            kind = argument.type.replace("|", "\\|")
            lines.append(f"| `{argument.name}` | {kind}{described} | {default} |")
    return "\n".join(lines)


def json_text(all_pages: Iterable[LayerPage]) -> str:
    """The pages as JSON, for editors."""
    document = [
        {
            "name": one.name,
            "family": one.family,
            "signature": one.signature,
            "tensors": list(one.tensors),
            "arguments": [
                {
                    "name": argument.name,
                    "type": argument.type,
                    "required": argument.default is None,
                    "default": argument.default,
                    "description": argument.description,
                }
                for argument in one.arguments
            ],
            "text": one.text,
        }
        for one in all_pages
    ]
    return json.dumps(document, indent=1, ensure_ascii=False)


_KEY = re.compile(r"^(Shape|Source|Sources|Example|Examples): ")


def _paragraphs(text: str) -> list[str]:
    """A docstring's lines as Markdown: what begins with `Shape:`, `Source:` or `Example:` becomes an item of a list."""
    lines: list[str] = []
    item = False
    for line in text.split("\n"):
        key = _KEY.match(line)
        if key and "`" not in line and key[1] == "Shape":
            line = f"Shape: `{line.removeprefix('Shape: ').rstrip('.')}`"
        if key:
            lines.append(f"- {line}")
        elif item and line:
            lines.append(f"  {line}")
        else:
            lines.append(line)
        item = bool(line) and (item or key is not None)
    return lines


def argument_page(name: str, field: FieldInfo) -> ArgumentPage:
    """What the field of a layer, or of a part of the train section, says of itself."""
    default = None if field.is_required() else spec_literal(field.get_default(call_default_factory=True))
    return ArgumentPage(
        name, _alternatives(_words(field.annotation, tuple(field.metadata))), default, field.description or ""
    )


_WORDS = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "text",
    type(None): "none",
    Initializer: "initialisation",
}
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_UNBOUNDED = 2**31 - 1


def _words(annotation: Any, constraints: tuple[Any, ...] = ()) -> list[str]:
    """What a type allows, each in words."""
    if hasattr(annotation, "__metadata__"):
        return _words(annotation.__origin__, (*annotation.__metadata__, *constraints))
    if hasattr(annotation, "__value__"):
        return _words(annotation.__value__, constraints)
    arguments = [argument for argument in get_args(annotation) if argument is not ...]
    origin = get_origin(annotation)
    if origin is Literal:
        return [f"`{spec_literal(value)}`" for value in arguments]
    inside = list(dict.fromkeys(word for argument in arguments for word in _words(argument)))
    if origin is tuple and arguments == [Any]:
        return ["table"]
    if origin in (tuple, list):
        pair = len(arguments) == 2 and ... not in get_args(annotation)
        return [f"{'pair' if pair else 'list'} of {' or '.join(map(_plural, _merged(inside)))}"]
    if origin is not None:
        return inside
    kind = _WORDS.get(annotation) or getattr(annotation, "__name__", str(annotation)).lower()
    return [_bounded(kind, constraints)]


def _alternatives(words: list[str]) -> str:
    """A type in words: `positive whole number or a list of them`."""
    words = _merged(words)
    lists = {f"list of {_plural(word)}" for word in words}
    parts = [word for word in words if word not in lists and word != "none"]
    parts += ["a list of them"] * any(word in lists for word in words) + ["none"] * ("none" in words)
    return " or ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 2 else parts)


def _merged(words: list[str]) -> list[str]:
    """Without the whole numbers where any number will do."""
    return [word for word in words if not ("whole number" in word and word.replace("whole ", "") in words)]


def _bounded(kind: str, constraints: tuple[Any, ...]) -> str:
    """The name of a number with what bounds it."""
    bounds: dict[str, Any] = {}
    for constraint in constraints:
        for inner in getattr(constraint, "metadata", [constraint]):
            bounds.update({key: bound for key in _BOUNDS if (bound := getattr(inner, key, None)) is not None})
    if bounds.get("gt") == 0 or (kind == "whole number" and bounds.get("ge") == 1):
        kind = f"positive {kind}"
        bounds = {key: bound for key, bound in bounds.items() if key not in ("gt", "ge")}
    bounds_text = [f"{_BOUNDS[key]} {bound:g}" for key, bound in bounds.items() if abs(bound) < _UNBOUNDED]
    return f"{kind}, {' and '.join(bounds_text)}" if bounds_text else kind


def _plural(words: str) -> str:
    if words.startswith("pair of "):
        return words.replace("pair", "pairs", 1)
    return words.replace("number", "numbers", 1) if words.split(",")[0].endswith("number") else words
