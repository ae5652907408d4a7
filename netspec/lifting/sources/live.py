"""What a command line names to a live module: a model of torchvision or timm, or a function of a Python file."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.spelling import nearest
from netspec.syntax.source import Source, Span


@dataclass(frozen=True, slots=True)
class Model:
    """A live module, the name that its net gets, and the shape of one sample where it is known."""

    module: nn.Module
    name: str
    shape: tuple[int, ...] | None = None


def model_of(source: str, *, run_code: bool = False) -> Model:
    """The module that a text names: `torchvision:resnet50`, `timm:convnext_tiny`, `mymodel.py:build`.

    Raises NetspecError (E1002) where there is none, or where it would run code of a file that nobody has allowed.
    """
    kind, _, name = source.rpartition(":")
    if kind in _LIBRARIES:
        return _LIBRARIES[kind](name)
    if kind.endswith(".py"):
        return _of_file(Path(kind), name, run_code=run_code)
    raise _unknown(f"{source} names no network", help="torchvision:resnet50, timm:convnext_tiny or mymodel.py:build")


def _unknown(message: str, help: str = "") -> NetspecError:
    return NetspecError((Diagnostic("E1002", message, Span(Source("the network", ""), 0, 0), help=help),))


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _unknown(f"{name} cannot be imported: {error}", help=f"pip install {name}") from None
    except Exception as error:  # a library that does not go with this torch may raise anything
        raise _unknown(f"{name} cannot be imported: {type(error).__name__}: {error}") from None


def _torchvision(name: str) -> Model:
    models = _library("torchvision.models")
    names = models.list_models()
    if name not in names:
        near = nearest(name, names)
        raise _unknown(f"torchvision has no model {name}", help=f"did you mean torchvision:{near}?" if near else "")
    segmentation = name in models.list_models(module=models.segmentation)
    with _without_start():
        module = models.get_model(name, weights=None, **({"weights_backbone": None} if segmentation else {}))
    if name in models.list_models(module=models.video):
        return Model(module, name, (3, 16, *models.get_model_weights(name).DEFAULT.transforms().crop_size))
    side = 299 if name == "inception_v3" else 224
    return Model(module, name, (3, side, side))


def _timm(name: str) -> Model:
    timm = _library("timm")
    if not timm.is_model(name):
        near = nearest(name, timm.list_models())
        raise _unknown(f"timm has no model {name}", help=f"did you mean timm:{near}?" if near else "")
    timm.layers.set_fused_attn(False)  # its steps one by one, which can be compared to the bit
    with _without_start():
        module = timm.create_model(name, pretrained=False)
    return Model(module, name, tuple(module.pretrained_cfg["input_size"]))


_LIBRARIES: dict[str, Callable[[str], Model]] = {"torchvision": _torchvision, "timm": _timm}


@contextmanager
def _without_start() -> Iterator[None]:
    """Leaves weights as they come: random starts take longer than all the rest, and nobody asks for these weights."""
    names = [name for name in vars(nn.init) if name.endswith("_") and not name.startswith("_")]
    starts = {name: getattr(nn.init, name) for name in names}
    for name in names:
        setattr(nn.init, name, lambda tensor, *args, **kwargs: tensor)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, function in starts.items():
            setattr(nn.init, name, function)


def _of_file(path: Path, name: str, *, run_code: bool) -> Model:
    if not run_code:
        raise _unknown(f"lifting {path} runs its code", help=f"if you trust it: netspec lift {path}:{name} --run-code")
    if not path.is_file():
        raise _unknown(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
        build = getattr(module, name, None)
        if build is None:
            near = nearest(name, vars(module))
            raise _unknown(f"{path} has no {name}", help=f"did you mean {path}:{near}?" if near else "")
        network = build if isinstance(build, nn.Module) else build()
    except NetspecError:
        raise
    except Exception as error:
        raise _unknown(f"{path}:{name} fails: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent))
    if not isinstance(network, nn.Module):
        raise _unknown(f"{path}:{name} gives no module of torch, but this: {type(network).__name__}")
    return Model(network, type(network).__name__)
