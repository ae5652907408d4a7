"""Functions that move, join, split and pick out axes."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

from netspec.layers.declaration.arguments import compact
from netspec.lifting.capture.tape import Batch, Operation, Ref
from netspec.lifting.translation.calls import put
from netspec.lifting.translation.functions.table import Result, function
from netspec.lifting.translation.translator import BATCH, Held, Translator, Untranslatable, usual_axes

MOST_ENTRIES = 16
"""So many entries are picked by a list of their numbers."""


@function("flatten", "reshape", "view", "unflatten", "reshape_as", "view_as")
def _reshape(t: Translator, input: Any, *rest: Any, operation: Operation, **named: Any) -> Held:
    return t.reshaped(t.take(input), t.sizes(Ref(operation.outputs[0])))


@function("unsqueeze")
def _unsqueeze(t: Translator, input: Any, dim: int) -> Held:
    held = t.take(input)
    place = dim % (len(held.axes) + 1)
    axis = sum(1 for before in held.axes[:place] for part in before if part != BATCH)
    return t.with_axis(held, place, t.step("unsqueeze", [held.value], {"axis": axis}), axis)


@function("squeeze")
def _squeeze(t: Translator, input: Any, *dims: Any, dim: Any = None) -> Held:
    held = t.take(input)
    sizes = t.sizes(input)
    wanted = dims[0] if dims else dim
    places = range(len(sizes)) if wanted is None else [wanted] if isinstance(wanted, int) else wanted
    for place in sorted((place % len(sizes) for place in places if sizes[place] == 1), reverse=True):
        axis = t.axis(held, place)
        held = t.without(held, place, t.step("squeeze", [held.value], {"axis": axis}))
    return held


@function("permute")
def _permute(t: Translator, input: Any, *dims: Any) -> Held:
    held = t.take(input)
    order = dims[0] if len(dims) == 1 and isinstance(dims[0], tuple) else dims
    return t.permuted(held, [dim % len(held.axes) for dim in order])


@function("transpose", "swapaxes", "swapdims")
def _transpose(t: Translator, input: Any, dim0: int, dim1: int) -> Held:
    held = t.take(input)
    order = list(range(len(held.axes)))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return t.permuted(held, order)


@function("mT", "T", "t")
def _turned(t: Translator, input: Any, *rest: Any) -> Held:
    return _transpose(t, input, -2, -1)  # type: ignore[return-value]


@function("expand", "expand_as")
def _expand(t: Translator, input: Any, *rest: Any, operation: Operation) -> Held:
    held, sizes = t.take(input), t.sizes(Ref(operation.outputs[0]))
    if not held.batched and sizes and isinstance(sizes[0], Batch):
        known = t.dims(held)
        if sizes[0] != Batch(1) or not (len(known) == len(sizes) - 1 or (len(known) == len(sizes) and known[0] == 1)):
            raise Untranslatable("it makes a batch of what has none")
        value = t.step("select", [held.value], {"index": 0}) if len(known) == len(sizes) else held.value
        held = Held(value, usual_axes(len(sizes) - 1))
    if len(held.axes) != len(sizes):
        raise Untranslatable("it adds axes")
    dims = t.dims(held)
    wanted: tuple[int, ...] = ()
    for axis, size in zip(held.axes, sizes, strict=True):
        own = tuple(dims[part] for part in axis if part != BATCH)
        wanted += (size,) if isinstance(size, int) and len(own) == 1 else own
    if wanted == dims:
        return held
    return Held(t.step("expand", [held.value], {"shape": wanted}), held.axes)


@function("cat", "concat", "concatenate")
def _concat(t: Translator, tensors: Any, dim: int = 0) -> Held:
    operands = [t.take(tensor) for tensor in tensors]
    if len(operands) == 1:
        return operands[0]
    axes = next((held.axes for held in operands if held.batched), operands[0].axes)
    if any(held.axes != axes for held in operands):
        raise Untranslatable("it joins values whose samples stand on different axes")
    given: dict[str, Any] = {}
    put(given, "concat", "axis", t.axis(operands[0], dim))
    return Held(t.step("concat", [held.value for held in operands], given), axes)


@function("stack")
def _stack(t: Translator, tensors: Any, dim: int = 0) -> Held:
    operands = [t.take(tensor) for tensor in tensors]
    held = operands[0]
    if any(other.axes != held.axes for other in operands):
        raise Untranslatable("it joins values whose samples stand on different axes")
    place = dim % (len(held.axes) + 1)
    axis = sum(1 for before in held.axes[:place] for part in before if part != BATCH)
    value = t.step("stack", [other.value for other in operands], {"axis": axis} if axis else {})
    return t.with_axis(held, place, value, axis)


@function("chunk", "tensor_split")
def _chunk(
    t: Translator, input: Any, chunks: Any = None, dim: int = 0, indices: Any = None, *, operation: Operation
) -> Result:
    """In so many parts, or at these places: the parts are known by their sizes."""
    return _split(t, input, None, dim, operation=operation)


@function("split")
def _split(t: Translator, tensor: Any, split_size_or_sections: Any, dim: int = 0, *, operation: Operation) -> Result:
    held = t.take(tensor)
    axis = t.axis(held, dim)
    parts = [
        t.shapes[held.value].dims[axis] if len(operation.outputs) == 1 else t.sizes(Ref(number))[dim]
        for number in operation.outputs
    ]
    if len(parts) == 1:
        return (held,)
    given: dict[str, Any] = {"parts": len(parts) if len(set(parts)) == 1 else tuple(parts)}
    put(given, "split", "axis", axis)
    return tuple(Held(value, held.axes) for value in t.step_of_several("split", [held.value], given))


@function("repeat_interleave")
def _repeat_interleave(t: Translator, input: Any, repeats: Any, dim: Any = None, *, output_size: Any = None) -> Held:
    """Each entry several times: a new axis behind, stretched and joined to it."""
    held = t.take(input)
    if not isinstance(repeats, int) or dim is None:
        raise Untranslatable("it repeats some entries more than others")
    place = t.axis(held, dim)
    dims = t.dims(held)
    apart = t.step("unsqueeze", [held.value], {"axis": place + 1})
    wide = t.step("expand", [apart], {"shape": (*dims[: place + 1], repeats, *dims[place + 1 :])})
    joined = t.step("reshape", [wide], {"shape": (*dims[:place], dims[place] * repeats, *dims[place + 1 :])})
    return Held(joined, held.axes)


@function("repeat", "tile")
def _repeat(t: Translator, input: Any, *times: Any) -> Held:
    """The value several times along axes: a new axis before each of these, stretched and joined to it."""
    held = t.take(input)
    counts = times[0] if len(times) == 1 and isinstance(times[0], tuple) else times
    if len(counts) != len(held.axes):
        raise Untranslatable("it adds axes")
    for dim, count in enumerate(counts):
        if count == 1:
            continue
        if not isinstance(count, int):
            raise Untranslatable("it makes a batch of what has none")
        place = t.axis(held, dim)
        dims = t.dims(held)
        apart = t.step("unsqueeze", [held.value], {"axis": place})
        wide = t.step("expand", [apart], {"shape": (*dims[:place], count, *dims[place:])})
        joined = t.step("reshape", [wide], {"shape": (*dims[:place], count * dims[place], *dims[place + 1 :])})
        held = Held(joined, held.axes)
    return held


@function("unbind")
def _unbind(t: Translator, input: Any, dim: int = 0, *, operation: Operation) -> Result:
    return tuple(_selected(t, t.take(input), dim, index) for index in range(len(operation.outputs)))


def _selected(t: Translator, held: Held, dim: int, index: int) -> Held:
    axis = t.axis(held, dim)
    given: dict[str, Any] = {"index": index}
    put(given, "select", "axis", axis)
    return t.without(held, dim, t.step("select", [held.value], given))


def _sliced(t: Translator, held: Held, dim: int, part: slice, size: Any) -> Held:
    start, stop, step = part.indices(size)
    if (start, stop, step) == (0, size, 1):
        return held
    given: dict[str, Any] = {}
    put(given, "slice", "start", start if start else None)
    put(given, "slice", "stop", stop if stop < size else None)
    put(given, "slice", "step", step)
    put(given, "slice", "axis", t.axis(held, dim))
    return Held(t.step("slice", [held.value], given), held.axes)


@function("getitem")
def _getitem(t: Translator, input: Any, index: Any) -> Held:
    held = t.take(input)
    entries = list(index) if isinstance(index, tuple) else [index]
    if any(isinstance(entry, Ref) for entry in entries):
        return _gathered(t, held, entries)
    if ... in entries:
        place = entries.index(...)
        given = sum(1 for entry in entries if entry is not None and not isinstance(entry, EllipsisType))
        entries[place : place + 1] = [slice(None)] * (len(held.axes) - given)
    dim = 0
    for entry in entries:
        match entry:
            case None:
                axis = sum(1 for before in held.axes[:dim] for part in before if part != BATCH)
                held = t.with_axis(held, dim, t.step("unsqueeze", [held.value], {"axis": axis}), axis)
                dim += 1
            case bool():
                raise Untranslatable("it is indexed by a truth value")
            case int():
                held = _selected(t, held, dim, entry)
            case slice():
                if entry != slice(None):
                    held = _sliced(t, held, dim, entry, _size_of(t, held, dim))
                dim += 1
            case _:
                raise Untranslatable("it is indexed by a tensor")
    return held


def _gathered(t: Translator, held: Held, entries: list[Any]) -> Held:
    """Entries of one axis by an index that is the same for all samples."""
    places = [place for place, entry in enumerate(entries) if isinstance(entry, Ref)]
    others = (entry for entry in entries if not isinstance(entry, Ref))
    if len(places) > 1 or any(not isinstance(entry, slice) or entry != slice(None) for entry in others):
        raise Untranslatable("it is indexed by several tensors, or by one and by sizes")
    return _picked(t, held, places[0], entries[places[0]])


def _picked(t: Translator, held: Held, dim: int, index: Any) -> Held:
    known = t.tape.values[index.value]
    if known.dtype != "int":
        raise Untranslatable("it is indexed by truth values")
    axis = t.axis(held, dim)
    few = known.numbers is not None and len(known.shape) == 1 and len(known.numbers) <= MOST_ENTRIES
    if few and not t.is_of_state(index.value):
        given: dict[str, Any] = {"index": tuple(known.numbers.tolist())}
        put(given, "select", "axis", axis)
        return Held(t.step("select", [held.value], given), held.axes)
    by = t.take(index)
    if held.batched or by.batched:
        raise Untranslatable("it is indexed by a tensor")
    rank = t.shape(held).rank
    front = t.permuted(held, [axis, *(other for other in range(rank) if other != axis)])
    value = t.step("gather", [front.value, by.value])
    new = len(by.axes)
    made = Held(value, usual_axes(new + rank - 1, batched=False))
    return t.permuted(made, [*range(new, new + axis), *range(new), *range(new + axis, new + rank - 1)])


@function("index_select")
def _index_select(t: Translator, input: Any, dim: int, index: Any) -> Held:
    return _picked(t, t.take(input), dim, index)


@function("setitem")
def _setitem(t: Translator, input: Any, index: Any, value: Any) -> Held:
    """A part of a tensor overwritten: along each axis what stands before it, the new entries, what stands behind."""
    entries = list(index) if isinstance(index, tuple) else [index]
    if not isinstance(value, Ref) or not all(isinstance(entry, slice) for entry in entries):
        raise Untranslatable("it writes into a part of a tensor that is no piece of it")
    if all(entry == slice(None) for entry in entries):
        raise Untranslatable("it writes into all of a tensor")
    return _overwritten(t, t.take(input), entries, t.take(value))


def _overwritten(t: Translator, held: Held, entries: list[slice], new: Held) -> Held:
    """The value with the part of it that the slices say, an axis each, as the new one."""
    dim = next(place for place, entry in enumerate(entries) if entry != slice(None))
    size = _size_of(t, held, dim)
    start, stop, step = entries[dim].indices(size)
    if step != 1:
        raise Untranslatable("it writes into every so many of a tensor's entries")
    rest = [*entries[:dim], slice(None), *entries[dim + 1 :]]
    if any(entry != slice(None) for entry in rest):
        inner = _overwritten(t, _sliced(t, held, dim, slice(start, stop), size), rest, new)
    elif new.axes == held.axes and _size_of(t, new, dim) == stop - start:
        inner = new
    else:
        raise Untranslatable("it writes what is of another shape")
    parts = [_sliced(t, held, dim, slice(0, start), size)] if start else []
    parts += [inner, *([_sliced(t, held, dim, slice(stop, size), size)] if stop < size else [])]
    given: dict[str, Any] = {}
    put(given, "concat", "axis", t.axis(held, dim))
    return Held(t.step("concat", [part.value for part in parts], given), held.axes) if len(parts) > 1 else inner


def _size_of(t: Translator, held: Held, dim: int) -> Any:
    return t.shape(held).dims[t.axis(held, dim)]


@function("narrow")
def _narrow(t: Translator, input: Any, dim: int, start: int, length: int) -> Held:
    held = t.take(input)
    return _sliced(t, held, dim, slice(start, start + length), _size_of(t, held, dim))


@function("select")
def _select(t: Translator, input: Any, dim: int, index: int) -> Held:
    return _selected(t, t.take(input), dim, index)


@function("roll")
def _roll(t: Translator, input: Any, shifts: Any, dims: Any = None) -> Held:
    held = t.take(input)
    if dims is None:
        raise Untranslatable("it rolls all elements in one row")
    many = isinstance(dims, tuple)
    axes = tuple(t.axis(held, dim) for dim in dims) if many else t.axis(held, dims)
    return Held(t.step("roll", [held.value], {"shift": shifts, "axis": axes}), held.axes)


@function("flip")
def _flip(t: Translator, input: Any, *dims: Any) -> Held:
    held = t.take(input)
    wanted = dims[0] if isinstance(dims[0], tuple) else dims
    return Held(t.step("flip", [held.value], {"axis": compact(t.axis(held, dim) for dim in wanted)}), held.axes)
