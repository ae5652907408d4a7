"""The table of functions of torch by their bare names, each with the signature that it is called by."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from netspec.lifting.capture.tape import Operation
from netspec.lifting.translation.translator import Held, Translator, Untranslatable

Result = Held | tuple[Held, ...]
Translation = Callable[[Translator, Operation], Result]
FUNCTIONS: dict[str, Translation] = {}


def function(*names: str) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Registers how functions of these names are said: called with the translator and their arguments.

    A parameter `operation` is given the operation itself. Names ending in `_` or in `__` mean the same.
    """

    def register(translation: Callable[..., Result]) -> Callable[..., Result]:
        signature = inspect.signature(translation)
        asks = "operation" in signature.parameters

        def call(t: Translator, operation: Operation) -> Result:
            keywords = {_SPELT.get(name, name): value for name, value in operation.kwargs.items() if name != "inplace"}
            extra = {"operation": operation} if asks else {}
            try:
                bound = signature.bind(t, *operation.args, **keywords, **extra)
            except TypeError:
                raise Untranslatable(f"it is called with {', '.join(keywords) or 'other arguments'}") from None
            return translation(*bound.args, **bound.kwargs)

        for name in names:
            FUNCTIONS.update(dict.fromkeys((name, f"{name}_", f"__{name}__", f"__i{name}__"), call))
        return translation

    return register


_SPELT = {"axis": "dim", "keepdims": "keepdim", "self": "input"}
