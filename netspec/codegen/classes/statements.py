"""Which steps of a forward share a line: what the spec has on one line, as far as that is easily read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netspec.codegen.regions.liveness import results
from netspec.codegen.text.applied import Applied, call_of, occurrences
from netspec.graph.blueprint import LayerUse, Use, Wire

DEEPEST = 4
LONGEST = 64
LIGHT = frozenset({"normalization", "activation"})
"""Families of layers that people write on the line of what comes before them."""
BEFORE_LIGHT = frozenset({"convolution", "linear", "normalization"})


def group(
    steps: Sequence[Use],
    uses: Callable[[Wire], int],
    is_kept: Callable[[Wire], bool],
    length: Callable[[Use], int],
) -> list[Applied]:
    """Statements in order. `uses` counts a value's uses, `is_kept` says that it must have a name, `length` is about how
    many characters a step adds to a line.
    """
    return _Grouper(steps, uses, is_kept, length).run()


class _Grouper:
    def __init__(self, steps: Sequence[Use], uses: Callable[[Wire], int], is_kept: Callable[[Wire], bool],
                 length: Callable[[Use], int]) -> None:  # fmt: skip
        self.steps, self.uses, self.is_kept, self.length = steps, uses, is_kept, length
        self.user = {value: step for step in steps for value in step.inputs}
        self.statements: list[Applied] = []
        self.open: list[Applied] = []

    def run(self) -> list[Applied]:
        for step in self.steps:
            operands = [
                other for other in self.open if other.step.outputs[0] in step.inputs and self._fuses(other, step)
            ]
            rest = [other for other in self.open if other not in operands]
            if not all(self._waits(other, step) for other in rest) or self._width(operands, step) > LONGEST:
                self._close()
                operands, rest = [], []
            by_value = {other.step.outputs[0]: other for other in operands}
            self.open = [*rest, Applied(step, [by_value.get(value, value) for value in step.inputs])]
        self._close()
        return self.statements

    def _close(self) -> None:
        self.statements.extend(self.open)
        self.open = []

    def _fuses(self, inner: Applied, step: Use) -> bool:
        if not self._is_single(inner.step) or inner.step.when_training != step.when_training:
            return False
        position = step.inputs.index(inner.step.outputs[0])
        if call_of(step) is None and _has_module_of_modules(inner):
            return False
        if inner.depth >= DEEPEST or occurrences(call_of(step), position) != 1:
            return False
        outer = Applied(step, [])
        if outer.is_infix and (inner.depth == 1 or (inner.is_infix and inner.depth < DEEPEST - 1)):
            return True
        if _is_light(step) and (inner.is_infix or _family(inner.step) in BEFORE_LIGHT):
            return True
        return _same_line(inner.step, step)

    def _waits(self, first: Applied, step: Use) -> bool:
        """Whether what is open can wait for a sum or product that takes it together with what `step` leads to."""
        if first.depth > (2 if first.is_infix else 1) or first.step.when_training != step.when_training:
            return False
        if first.step.outputs[0] in step.inputs:
            return False
        own, other = self._sums(first.step), self._sums(step)
        common = next((index for index, user in enumerate(own) if user in other), None)
        if common is None:
            return False
        involved = [*own[: common + 1], *other[: other.index(own[common])]]
        return self._length(first) + sum(map(self.length, [step, *involved])) + 8 <= LONGEST

    def _sums(self, step: Use) -> list[Use]:
        """The sums and products that a step's value goes into, one within the other."""
        sums: list[Use] = []
        while self._is_single(step) and len(sums) < DEEPEST:
            user = self.user.get(step.outputs[0])
            if user is None or not Applied(user, []).is_infix:
                break
            sums.append(user)
            step = user
        return sums

    def _is_single(self, step: Use) -> bool:
        return len(results(step)) == 1 and self.uses(step.outputs[0]) == 1 and not self.is_kept(step.outputs[0])

    def _width(self, inner: Sequence[Applied], step: Use) -> int:
        """About how long a line would be."""
        return sum(map(self._length, inner)) + self.length(step) + 4 * (len(step.inputs) - len(inner)) if inner else 0

    def _length(self, applied: Applied) -> int:
        inner = [operand for operand in applied.operands if isinstance(operand, Applied)]
        return self.length(applied.step) + sum(map(self._length, inner)) + 4 * (len(applied.operands) - len(inner))


def _has_module_of_modules(applied: Applied) -> bool:
    """Whether a block or container is called in it: two of them do not share a line."""
    inner = [operand for operand in applied.operands if isinstance(operand, Applied)]
    return call_of(applied.step) is None or any(map(_has_module_of_modules, inner))


def _is_light(step: Use) -> bool:
    return _family(step) in LIGHT


def _family(step: Use) -> str:
    return step.what.layer.family if isinstance(step.what, LayerUse) else ""


def _same_line(first: Use, second: Use) -> bool:
    """Whether two steps are on one line of the spec, in this order."""
    a, b = first.span, second.span
    if a.source is not b.source or (a.start, a.end) == (b.start, b.end):
        return False
    within = b.start <= a.start and a.end <= b.end
    return within or (a.start < b.start and a.line == b.line)
