"""Weights that torchvision and timm have published, by the name of their model."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spelling import nearest
from netspec.syntax.source import Span

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.train.section.starts import Start


def published(start: Start, span: Span) -> dict[str, Tensor]:
    """The weights of `torchvision:resnet50` or `timm:convnext_tiny`, loaded as the library does: from its cache, or
    from the net. `torchvision:resnet50.IMAGENET1K_V1` are those of that name, else they are its default.

    Raises NetspecError (E0609, E0613).
    """
    library = start.library
    try:
        return _LIBRARIES[library](start.source.removeprefix(f"{library}:"), span)
    except NetspecError:
        raise
    except ImportError as error:
        message = f"{library} cannot be imported: {error}"
        raise NetspecError((Diagnostic("E0613", message, span, help=f"pip install {library}"),)) from None
    except Exception as error:  # no network, no such file, a hub's own errors: the libraries raise what they like
        message = (
            f"the weights of {start.source} cannot be had: {str(error).partition(chr(10))[0] or type(error).__name__}"
        )
        raise NetspecError((Diagnostic("E0609", message, span),)) from None


def _torchvision(name: str, span: Span) -> dict[str, Tensor]:
    models = importlib.import_module("torchvision.models")
    model, _, variant = name.partition(".")
    if model not in models.list_models():
        raise _unknown("torchvision", model, models.list_models(), span)
    weights = models.get_model_weights(model)
    if variant and variant not in weights.__members__:
        raise _unknown(f"torchvision:{model}", variant, list(weights.__members__), span)
    chosen = weights[variant] if variant else weights.DEFAULT
    tensors: dict[str, Tensor] = chosen.get_state_dict(progress=False, map_location="cpu", weights_only=True)
    return tensors


def _timm(name: str, span: Span) -> dict[str, Tensor]:
    timm = importlib.import_module("timm")
    if not timm.is_model(name):
        raise _unknown("timm", name, timm.list_models(), span)
    tensors: dict[str, Tensor] = timm.create_model(name, pretrained=True).state_dict()
    return tensors


def _unknown(library: str, name: str, names: list[Any], span: Span) -> NetspecError:
    near = nearest(name, names)
    help = f"did you mean {near}?" if near else ""
    return NetspecError((Diagnostic("E0609", f"{library} has no weights of {name}", span, help=help),))


_LIBRARIES: dict[str, Callable[[str, Span], dict[str, Tensor]]] = {"torchvision": _torchvision, "timm": _timm}
