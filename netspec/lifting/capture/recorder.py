"""A live module to its tape: it is run on meta tensors, twice with different batches, and every call is written down.

Whole layers stay whole: what `is_layer` knows is one operation, whatever it does inside. Weights are meta tensors for
the run alone, so that it costs no memory and no arithmetic. A size that differs between both runs hangs on the batch.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode, resolve_name

from netspec.diagnostics import NetspecError
from netspec.layers.declaration.arguments import compact
from netspec.lifting.capture.batches import BATCHES, compared
from netspec.lifting.capture.constants import READS, Constants, tensors_in
from netspec.lifting.capture.tape import Operation, Place, Placed, Ref, Tape, TapeValue
from netspec.lifting.refusal import refusal

IsLayer = Callable[[nn.Module], bool]


def capture(
    module: nn.Module, inputs: Sequence[tuple[str, tuple[int, ...], torch.dtype]], is_layer: IsLayer, *, train: bool
) -> Tape:
    """The tape of a module for inputs of these names, shapes of one sample, and element types.

    With `train` it is run as in training. Raises NetspecError (E1001) where it cannot be run so, or where what it does
    hangs on the number of samples.
    """
    first, second = (_run(module, inputs, is_layer, batch, train) for batch in BATCHES)
    return compared(first, second)


def _run(
    module: nn.Module,
    inputs: Sequence[tuple[str, tuple[int, ...], torch.dtype]],
    is_layer: IsLayer,
    batch: int,
    train: bool,
) -> Tape:
    """The tape of one run, with plain numbers for all sizes."""
    lazy = next((key for key, tensor in _tensors(module) if is_lazy(tensor)), None)
    if lazy is not None:
        raise refusal(f"{lazy} has no shape before the module has been run once", module=lazy.rpartition(".")[0])
    modes = {part: part.training for part in module.modules()}
    module.train(train)
    state = {key: _as_meta(tensor) for key, tensor in _tensors(module)}
    recorder = _Recorder(module, is_layer)
    persistent, buffers = set(module.state_dict()), dict(module.named_buffers())
    for key, tensor in state.items():
        origin = "parameter" if isinstance(tensor, nn.Parameter) else "buffer"
        if origin == "buffer" and (key not in persistent or not tensor.is_floating_point()):
            recorder.constants.hold(tensor, buffers[key].clone())
        recorder.enter(tensor, origin, key, persistent=key in persistent)
    arguments = [torch.empty(batch, *shape, dtype=dtype, device="meta") for _, shape, dtype in inputs]
    numbers = [recorder.enter(tensor, "input", name) for (name, *_), tensor in zip(inputs, arguments, strict=True)]
    try:
        with recorder.modules(), torch.device("meta"), torch.no_grad(), recorder:
            result = torch.func.functional_call(module, state, tuple(arguments), tie_weights=True)
    except NetspecError:
        raise
    except Exception as error:
        place = _place_of(error)
        said = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise refusal(f"the module cannot be run without values: {said}", place, module=recorder.path) from error
    finally:
        for part, mode in modes.items():
            part.training = mode
    names = [name for name, *_ in inputs]
    outputs = tuple((name, recorder.number(tensor)) for name, tensor in _results(result))
    classes = {path: type(part).__name__ for path, part in module.named_modules()}
    attributes = {path: _attributes(part) for path, part in module.named_modules()}
    entering = tuple(zip(names, numbers, strict=True))
    return Tape(recorder.values, tuple(recorder.operations), entering, outputs, classes, attributes)


def _attributes(module: nn.Module) -> dict[str, int | float | bool]:
    """What a module was told, as far as it remembers: what its constructor takes, and then what it is called else."""
    told = [name for name in inspect.signature(type(module).__init__).parameters if name != "self"]
    names = [*told, *(name for name in vars(module) if not name.startswith("_"))]
    kept = {name: vars(module).get(name) for name in names if name != "training"}
    kept |= {name: compact(value) for name, value in kept.items() if isinstance(value, list | tuple) and value}
    return {name: value for name, value in kept.items() if isinstance(value, int | float)}


def _as_meta(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _results(result: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of what a module returns, with the names that it gives them."""
    match result:
        case Tensor():
            yield name, result
        case Mapping():
            for key, part in result.items():
                yield from _results(part, f"{name}_{key}" if name else str(key))
        case tuple() if hasattr(result, "_fields"):
            for key, part in zip(result._fields, result, strict=True):
                yield from _results(part, f"{name}_{key}" if name else str(key))
        case tuple() | list():
            for index, part in enumerate(result):
                yield from _results(part, f"{name or 'output'}{index}" if len(result) > 1 else name)


class _Recorder(TorchFunctionMode):
    """Writes down what is called while it is on, the outermost call of each."""

    def __init__(self, module: nn.Module, is_layer: IsLayer) -> None:
        super().__init__()
        self.values: dict[int, TapeValue] = {}
        self.operations: list[Operation] = []
        self.path = ""
        self.constants = Constants()
        self._is_layer = is_layer
        self._module = module
        self._paths = {id(part): path for path, part in reversed(list(module.named_modules()))}
        self._numbers: dict[int, int] = {}
        self._kept: list[Tensor] = []
        self._twins: dict[int, Tensor] = {}
        self._parts: dict[int, tuple[Tensor, Any]] = {}
        """Of views that are a part of a tensor, that tensor and which part."""
        self._hidden = 0

    def enter(self, tensor: Tensor, origin: Any, key: str = "", *, persistent: bool = True) -> int:
        """Knows a tensor from now on; gives its number."""
        number = len(self.values)
        numbers = self.constants.of(tensor)
        self.values[number] = TapeValue(origin, tuple(tensor.shape), _kind(tensor.dtype), key, persistent, numbers)
        self._numbers[id(tensor)] = number
        self._kept.append(tensor)
        return number

    def number(self, tensor: Tensor) -> int:
        """The value that a tensor holds now; raises NetspecError where it was made out of sight."""
        if id(tensor) not in self._numbers:
            raise refusal("a tensor is made by what is no function of torch", self._place(), module=self.path)
        return self._numbers[id(tensor)]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._hidden:
            return func(*args, **kwargs)
        name = _name(func)
        args, kwargs = self._without_values(args), self._without_values(kwargs)
        self._hidden += 1
        try:
            if name in READS and self.constants.knows(args, kwargs):
                return self.constants.called(func, args, kwargs)
            result = func(*args, **kwargs)
            made = [tensor for _, tensor in _results(result)]
            self.constants.follow(func, name, args, kwargs, made)
        finally:
            self._hidden -= 1
        if made:
            self._write(name, args, kwargs, made, None, func)
            self._overwrite(name, args)
            if name == "__getitem__" and made[0]._is_view():
                self._parts[id(made[0])] = args
        elif name == "__setitem__" and not self._is_written(*args):
            self._set(args)
        return result

    def _without_values(self, part: Any) -> Any:
        """Arguments in which tensors with values, which no module holds as a buffer, are constants without them."""
        match part:
            case Tensor() if not part.is_meta:
                if id(part) not in self._twins:
                    self._twins[id(part)] = twin = _as_meta(part)
                    self.constants.hold(twin, part.detach().clone())
                    self.enter(twin, "made")
                    self._kept.append(part)
                return self._twins[id(part)]
            case dict():
                return {key: self._without_values(inner) for key, inner in part.items()}
            case tuple() | list() if type(part) in (tuple, list):
                return type(part)(map(self._without_values, part))
        return part

    def _overwrite(self, name: str, args: Any) -> None:
        """What is overwritten in place and is a part of another tensor, is written into that."""
        if name.endswith("_") and not name.startswith("_") and id(args[0]) in self._parts:
            tensor, index = self._parts[id(args[0])]
            self._set((tensor, index, args[0]))

    def _is_written(self, tensor: Tensor, index: Any, value: Any) -> bool:
        """Whether a part is put where it stands already: `x[i] += y` first adds to the part, and then puts it there."""
        part = self._parts.get(id(value))
        if part is None or part[0] is not tensor or next(tensors_in(index), None) is not None:
            return False
        return bool(part[1] == index)

    def _set(self, args: Any) -> None:
        """A tensor with a part of it overwritten is a new value, by the same name."""
        tensor = args[0]
        if id(tensor) in self._parts:
            raise refusal("it writes into a part of a part of a tensor", self._place(), module=self.path)
        if self.constants.knows(tensor):
            self.constants.written(*args)
        self._write("__setitem__", args, {}, [tensor], None, None)

    def _write(self, name: str, args: Any, kwargs: Any, made: list[Tensor], module: Any, function: Any) -> None:
        taken, named = self._referred(args), self._referred(kwargs)
        outputs = tuple(self.enter(tensor, "made") for tensor in made)
        self.operations.append(Operation(name, taken, named, outputs, self.path, self._place(), module, function))

    def _referred(self, part: Any) -> Any:
        match part:
            case Tensor():
                return Ref(self.number(part))
            case dict():
                return {key: self._referred(inner) for key, inner in part.items()}
            case tuple() | list():
                return tuple(self._referred(inner) for inner in part)
            case slice():
                return slice(*(self._referred(inner) for inner in (part.start, part.stop, part.step)))
        return part

    @contextmanager
    def modules(self) -> Iterator[None]:
        """Has every call of a module pass by, as long as it lasts."""
        recorder, call = self, nn.Module.__call__

        def passing(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            return recorder._call(call, module, args, kwargs)

        nn.Module.__call__ = passing  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Module.__call__ = call  # type: ignore[method-assign]

    def _call(self, call: Any, module: nn.Module, args: Any, kwargs: Any) -> Any:
        if self._hidden or id(module) not in self._paths:
            return call(module, *args, **kwargs)
        before, self.path = self.path, self._paths[id(module)]
        try:
            if not self._is_layer(module):
                return call(module, *args, **kwargs)
            args, kwargs = self._without_values(args), self._without_values(kwargs)
            taken, named = self._referred(args), self._referred(kwargs)
            self._hidden += 1
            try:
                result = call(module, *args, **kwargs)
            finally:
                self._hidden -= 1
            made = tuple(self.enter(tensor, "made") for _, tensor in _results(result))
            self.operations.append(
                Operation(type(module).__name__, taken, named, made, self.path, self._place(), module)
            )
            return result
        finally:
            self.path = before

    def _place(self) -> Place | None:
        """The innermost line that is neither torch's nor ours; of a file that is run the line there."""
        if isinstance(self._module, Placed):
            return self._module.place()
        frame = sys._getframe(1)
        while frame is not None:
            if not _is_foreign(frame.f_code.co_filename):
                return _place(frame.f_code.co_filename, frame.f_lineno)
            frame = frame.f_back  # type: ignore[assignment]
        return None


_OURS = (torch.__path__[0], __file__, "<frozen", "<string")


def _is_foreign(file: str) -> bool:
    return file.startswith(_OURS)


def _place(file: str, line: int) -> Place:
    return Place(file, line, linecache.getline(file, line).rstrip("\n"))


def _place_of(error: Exception) -> Place | None:
    """Where the model's own source raised it."""
    trace, place = error.__traceback__, None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not _is_foreign(file):
            place = _place(file, trace.tb_lineno)
        trace = trace.tb_next
    return place


def _name(function: Any) -> str:
    """`add` for `Tensor.__add__`, `T` for the getter of `Tensor.T`, `conv2d` for what torch.conv2d is."""
    name = getattr(function, "__name__", str(function))
    if name == "__get__":
        return str(getattr(function.__self__, "__name__", name))
    return name if name != "wrapper" else (resolve_name(function) or name).rpartition(".")[2]


def _kind(dtype: torch.dtype) -> str:
    if dtype == torch.bool:
        return "bool"
    return "float" if dtype.is_floating_point else "int"
