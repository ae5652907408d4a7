"""Tape to steps: each operation of torch becomes calls of layers, and the batch goes out of shapes and axes.

In a tape the batch is an axis like the others: it may be moved, and joined with others. `Held` says, for each axis of a
tensor, which axes of the value it is made of; operations that the language has act on the others in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from netspec.diagnostics import NetspecError
from netspec.layers.declaration.base import ShapeError
from netspec.lifting.capture.tape import Batch, Operation, Ref, Size, Tape, TapeValue
from netspec.lifting.refusal import refusal
from netspec.lifting.steps import Network, Step, outputs_of
from netspec.lifting.writing.tables import ruled, said, table_of
from netspec.shapes.shape import Shape

BATCH = -1
Axis: TypeAlias = tuple[int, ...]
"""The axes of the value that one axis of a tensor joins, in order; BATCH among them where it is the samples."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a tensor of the tape is here: a value, and where its axes went."""

    value: int
    axes: tuple[Axis, ...]

    @property
    def batched(self) -> bool:
        return any(BATCH in axis for axis in self.axes)


class Untranslatable(Exception):
    """The operation has no counterpart; the message says why, and becomes a diagnostic with the place."""


def usual_axes(rank: int, *, batched: bool = True) -> tuple[Axis, ...]:
    """The axes of a value that is as the language has it: the batch first, where there is one."""
    own = tuple((axis,) for axis in range(rank))
    return ((BATCH,), *own) if batched else own


class Translator:
    """Steps and values so far. The methods are what translations of single operations are written with."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.steps: list[Step] = []
        self.shapes: dict[int, Shape] = {}
        self.held: dict[int, Held] = {}
        self.operation: Operation | None = None
        self.makers = {number: operation for operation in tape.operations for number in operation.outputs}
        self.padded: dict[int, tuple[Held, Any]] = {}
        """Tensors with minus infinity around them: what that is around, and how much; a pool says it in its padding."""
        self._sources: dict[int, Held] = {}

    def take(self, argument: Any) -> Held:
        """The value of a tensor argument; weights and constants become stages of their own."""
        if not isinstance(argument, Ref):
            raise Untranslatable(f"it takes {argument!r} where a tensor is expected")
        if argument.value in self.held:
            return self.held[argument.value]
        if argument.value in self.padded:
            raise Untranslatable("it takes minus infinity")
        known = self.tape.values[argument.value]
        if argument.value not in self._sources:
            made = self._constant(argument.value, known) if known.numbers is not None else self._weight(known)
            self._sources[argument.value] = made
        return self._sources[argument.value]

    def _weight(self, known: TapeValue) -> Held:
        """A weight as a stage of its own."""
        if known.origin not in ("parameter", "buffer"):
            raise Untranslatable("it takes a tensor that is made of no input")
        if not known.persistent or known.dtype != "float":
            raise Untranslatable(f"it computes with {known.key}, which is in no state dict and has no values")
        arguments: dict[str, Any] = {"shape": tuple(known.shape)}
        if known.origin == "buffer":
            arguments["trainable"] = False
        value = self.step("param", [], arguments, key=known.key)
        return Held(value, usual_axes(len(known.shape), batched=False))

    def _constant(self, number: int, known: TapeValue) -> Held:
        """A constant as a table, where a spec can say it; else as what it is computed of."""
        key = known.key if known.persistent else ""
        table = table_of(known.numbers)
        if not key and number in self.makers and (ruled(table) is None or self.is_of_state(number)):
            operation, self.operation = self.operation, self.makers[number]
            try:
                self.translate(self.makers[number])
                return self.held[number]
            except Untranslatable:
                if said(table) is None:
                    raise
            finally:
                self.operation = operation
        if said(table) is None:
            raise Untranslatable(f"it computes with {known.numbers.numel():,} constants that follow no rule")
        arguments = {"values": table} | ({} if key else {"persistent": False})
        value = self.step("constant", [], arguments, key=key, hint=known.key.rpartition(".")[2])
        return Held(value, usual_axes(len(known.shape), batched=False))

    def is_of_state(self, number: int) -> bool:
        """Whether a constant is made of a buffer of the state dict, which has to be a stage then."""
        known = self.tape.values[number]
        if known.origin == "buffer":
            return known.persistent
        if known.numbers is None or number not in self.makers:
            return False  # of what is no constant, only its shape and type are taken
        return any(map(self.is_of_state, self.makers[number].tensors()))

    def number(self, number: float) -> Held:
        """A number as a value without axes."""
        value = self.step("constant", [], {"values": number, "persistent": False})
        return Held(value, usual_axes(0, batched=False))

    def scalar(self, argument: Any) -> Any:
        """The number that a constant without axes is; any other argument as it is."""
        known = self.tape.values[argument.value] if isinstance(argument, Ref) else None
        if known is None or known.numbers is None or known.shape or known.key:
            return argument
        return table_of(known.numbers)

    def translate(self, operation: Operation) -> None:
        """Knows what the operation returns from now on. Raises Untranslatable."""
        from netspec.lifting.translation.functions import FUNCTIONS
        from netspec.lifting.translation.modules import translated

        if operation.module is not None:
            made: Held | tuple[Held, ...] = translated(self, operation)
        elif operation.name in FUNCTIONS:
            made = FUNCTIONS[operation.name](self, operation)
        else:
            raise Untranslatable(f"there is no layer for {operation.name}")
        if operation.outputs[0] in self.padded:
            return
        held = made if isinstance(made, tuple) else (made,)
        self.held.update(zip(operation.outputs, held, strict=False))
        _check(self, operation, held)

    def key_of(self, argument: Any, *, leaf: str = "") -> str:
        """The key of a weight among the arguments; with `leaf`, what stands before that name in it."""
        known = self.tape.values[argument.value] if isinstance(argument, Ref) else None
        if known is None or known.origin not in ("parameter", "buffer"):
            raise Untranslatable("its weight is computed")
        before, _, last = known.key.rpartition(".")
        if leaf and last != leaf:
            raise Untranslatable(f"its weight is called {last}, not {leaf}")
        return before if leaf else known.key

    def sizes(self, argument: Any) -> tuple[Size, ...]:
        """The sizes of a tensor of the tape, the batch among them."""
        return self.tape.values[argument.value].shape

    def shape(self, held: Held) -> Shape:
        return self.shapes[held.value]

    def dims(self, held: Held | int) -> tuple[int, ...]:
        """The sizes of one sample, which are all known."""
        return tuple(map(_number, self.shapes[held if isinstance(held, int) else held.value].dims))

    def step(
        self,
        layer: str,
        inputs: Sequence[int],
        arguments: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        hint: str = "",
    ) -> int:
        """Appends a call of a layer with one output; gives its value."""
        outputs = self.step_of_several(layer, inputs, arguments, key=key, hint=hint)
        if len(outputs) > 1:
            raise Untranslatable("it returns several values")
        return outputs[0]

    def step_of_several(
        self,
        layer: str,
        inputs: Sequence[int],
        arguments: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        hint: str = "",
    ) -> tuple[int, ...]:
        """The same for a layer with several outputs."""
        given = dict(arguments or {})
        try:
            shapes = outputs_of(layer, given, tuple(self.shapes[value] for value in inputs))
        except ShapeError as error:
            raise Untranslatable(error.message) from None
        except ValueError as error:
            raise Untranslatable(f"{layer} has no such arguments: {given}") from error
        outputs = tuple(range(len(self.shapes), len(self.shapes) + len(shapes)))
        self.shapes.update(zip(outputs, shapes, strict=True))
        operation = self.operation
        path = operation.path if operation else ""
        place = operation.place if operation else None
        self.steps.append(Step(layer, given, tuple(inputs), outputs, key, path, hint or path.rpartition(".")[2], place))
        return outputs

    def input(self, number: int, dtype: Any) -> int:
        """A value that enters the network."""
        value = len(self.shapes)
        sizes = self.tape.values[number].shape
        self.shapes[value] = Shape.of(*(size for size in sizes[1:] if isinstance(size, int)), dtype=dtype)
        self.held[number] = Held(value, usual_axes(len(sizes) - 1))
        return value

    def usual(self, held: Held) -> int:
        """The value, which has to be as the language has it: the batch first, or none, and no axes joined."""
        if held.axes not in (usual_axes(self.shape(held).rank), usual_axes(self.shape(held).rank, batched=False)):
            raise Untranslatable("it mixes the samples of a batch with other axes")
        return held.value

    def axis(self, held: Held, dim: int) -> int:
        """The axis of the value that a dimension of the tensor is."""
        axis = held.axes[dim]
        if len(axis) != 1 or axis == (BATCH,):
            raise Untranslatable("it works along the samples of the batch")
        return axis[0]

    def reshaped(self, held: Held, sizes: Sequence[Size], hint: str = "") -> Held:
        """The value in the shape that a tensor of these sizes has, its elements in the same order."""
        source = [part for axis in held.axes for part in axis]
        dims = self.shape(held).dims
        if [part for part in source if part != BATCH] != list(range(len(dims))):
            raise Untranslatable("its axes are joined in another order than they are in memory")
        if not held.batched:
            known = tuple(size for size in sizes if isinstance(size, int))
            if len(known) < len(sizes):
                raise Untranslatable("it makes a batch of what has none")
            return Held(self._reshape(held.value, known), usual_axes(len(known), batched=False))
        before = prod(_number(dims[part]) for part in source[: source.index(BATCH)])
        place = next((place for place, size in enumerate(sizes) if isinstance(size, Batch)), None)
        if place is None or sum(isinstance(size, Batch) for size in sizes) > 1:
            raise Untranslatable("it mixes the samples of a batch with other axes")
        ahead = prod(size for size in sizes[:place] if isinstance(size, int))
        times = sizes[place].times  # type: ignore[union-attr]
        new: list[int] = []
        axes: list[Axis] = []
        for size in sizes:
            if isinstance(size, int):
                axes.append((len(new),))
                new.append(size)
            elif times == 1 and ahead == before:
                axes.append((BATCH,))
            elif ahead == before:
                axes.append((BATCH, len(new)))
                new.append(times)
            elif ahead * times == before:
                axes.append((len(new), BATCH))
                new.append(times)
            else:
                raise Untranslatable("it mixes the samples of a batch with other axes")
        return Held(self._reshape(held.value, tuple(new)), tuple(axes))

    def _reshape(self, value: int, dims: tuple[int, ...]) -> int:
        now = self.shapes[value].dims
        if now == dims:
            return value
        if len(dims) == 1:
            return self.step("flatten", [value])
        for start in range(len(now)):
            for end in range(start + 1, len(now)):
                joined = (*now[:start], prod(map(_number, now[start : end + 1])), *now[end + 1 :])
                if joined == dims:
                    arguments = {"start": start} if start else {}
                    if end < len(now) - 1:
                        arguments["end"] = end
                    return self.step("flatten", [value], arguments)
        return self.step("reshape", [value], {"shape": dims})

    def permuted(self, held: Held, order: Sequence[int]) -> Held:
        """The value with the axes of its tensor in another order."""
        axes = [held.axes[dim] for dim in order]
        parts = [part for axis in axes for part in axis if part != BATCH]
        place = {part: new for new, part in enumerate(parts)}
        moved = tuple(tuple(BATCH if part == BATCH else place[part] for part in axis) for axis in axes)
        if parts == sorted(parts):
            return Held(held.value, moved)
        changed = [index for index, part in enumerate(parts) if index != part]
        if len(changed) == 2:
            return Held(self.step("transpose", [held.value], {"a": changed[0], "b": changed[1]}), moved)
        return Held(self.step("permute", [held.value], {"axes": tuple(parts)}), moved)

    def without(self, held: Held, dim: int, value: int) -> Held:
        """A value that has lost the axis which was a dimension of the tensor."""
        gone = held.axes[dim][0]
        rest = (axis for place, axis in enumerate(held.axes) if place != dim % len(held.axes))
        return Held(value, tuple(tuple(part - (part > gone) for part in axis) for axis in rest))

    def with_axis(self, held: Held, dim: int, value: int, axis: int) -> Held:
        """A value that has got a new axis, which is a new dimension of the tensor."""
        moved = [tuple(part + (part >= axis) for part in old) for old in held.axes]
        moved.insert(dim, (axis,))
        return Held(value, tuple(moved))

    def aligned(self, operands: Sequence[Held]) -> tuple[list[int], tuple[Axis, ...]]:
        """Values that join element by element, and the axes of what they make.

        Where one is the same for all samples, it loses the size of 1 that stands for the batch, or gets the sizes of 1
        that torch puts in front.
        """
        rank = max(len(held.axes) for held in operands)
        batched = [held for held in operands if held.batched]
        if not batched:
            largest = max(operands, key=lambda held: len(held.axes))
            return [self._of_rank(held, rank) for held in operands], largest.axes
        axes = {held.axes for held in batched}
        if len(axes) > 1 or len(batched[0].axes) != rank:
            if len({len(held.axes) for held in batched}) > 1:
                raise Untranslatable("it joins values whose samples stand on different axes")
            raise Untranslatable("it mixes the samples of a batch with other axes")
        (shared,) = axes
        return [held.value if held.batched else self._of_sample(held, shared, batched[0]) for held in operands], shared

    def _of_rank(self, held: Held, rank: int) -> int:
        dims = self.shape(held).dims
        return self._reshape(held.value, (*([1] * (rank - len(dims))), *map(_number, dims)))

    def _of_sample(self, held: Held, shared: tuple[Axis, ...], batched: Held) -> int:
        """What is the same for all samples, with the axes of a value of one sample."""
        dims = tuple(map(_number, self.shape(held).dims))
        place = next(place for place, axis in enumerate(shared) if BATCH in axis)
        offset = len(shared) - len(dims)
        own = place - offset
        value = held.value
        if own >= 0:
            if dims[own] != 1:
                raise Untranslatable("it has a weight for each sample")
            within = len(shared[place]) - 1  # axes of one sample that the samples' axis holds, too
            if within:
                value = self._reshape(value, (*dims[:own], *([1] * within), *dims[own + 1 :]))
            else:
                value = self.step("select", [value], {"index": 0} | ({"axis": own} if own else {}))
            dims = (*dims[:own], *([1] * within), *dims[own + 1 :])
        missing = self.shape(batched).rank - len(dims)
        if missing:
            return self._reshape(value, (*([1] * missing), *dims))
        return value


def _number(size: Any) -> int:
    assert isinstance(size, int)
    return size


def translate(tape: Tape, name: str, training: Iterable[str] = ()) -> Network:
    """The network of a tape. Raises NetspecError (E1001) with the line of the source for what has no counterpart."""
    translator = Translator(tape)
    inputs = tuple((label, translator.input(number, tape.values[number].dtype)) for label, number in tape.inputs)
    for operation in _needed(tape):
        translator.operation = operation
        try:
            translator.translate(operation)
        except Untranslatable as reason:
            raise _refused(str(reason), operation) from None
    outputs = tuple((label, _leaving(translator, label, number)) for label, number in tape.outputs)
    return Network(
        name,
        tuple(translator.steps),
        inputs,
        outputs,
        translator.shapes,
        tape.classes,
        frozenset(training),
        tape.attributes,
    )


def _refused(reason: str, operation: Operation) -> NetspecError:
    return refusal(f"{operation.name} does not lift: {reason}", operation.place, module=operation.path)


def _leaving(translator: Translator, label: str, number: int) -> int:
    held = translator.held.get(number)
    if held is None or held.axes != usual_axes(translator.shape(held).rank):
        raise refusal(f"the output {label or 'of the network'} does not lift: its first axis is not the batch")
    return held.value


def _check(translator: Translator, operation: Operation, held: tuple[Held, ...]) -> None:
    """What was translated has the shapes that the tape saw."""
    for number, made in zip(operation.outputs, held, strict=False):
        dims = translator.shape(made).dims
        seen: list[Size] = []
        for axis in made.axes:
            size = prod(_number(dims[part]) for part in axis if part != BATCH)
            seen.append(Batch(size) if BATCH in axis else size)
        if tuple(seen) != translator.tape.values[number].shape:
            raise Untranslatable(f"its result would be {seen}, not {list(translator.tape.values[number].shape)}")


def _needed(tape: Tape) -> list[Operation]:
    """The operations that an output needs; constants are computed where they are taken, if not known at once."""
    wanted = {number for _, number in tape.outputs}
    kept: list[Operation] = []
    for operation in reversed(tape.operations):
        unknown = [number for number in operation.outputs if tape.values[number].numbers is None]
        if wanted.intersection(unknown):
            wanted.update(operation.tensors())
            kept.append(operation)
    return kept[::-1]
