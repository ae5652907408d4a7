"""Conditions of which both sides are run, and what comes from whichever is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netspec.elaborate.bodies.control import take_branch
from netspec.elaborate.bodies.scopes import open_scope
from netspec.elaborate.bodies.statements import Each, run_body
from netspec.elaborate.control import DraftChoice
from netspec.elaborate.draft import DraftScope, Tensor
from netspec.elaborate.expressions.kinds import truth
from netspec.elaborate.expressions.sayings import Unsayable, computed, holds_tensors, is_constant, literal
from netspec.elaborate.generic.expressions import translation
from netspec.elaborate.generic.generic import Generic, Snapshot
from netspec.elaborate.generic.lets import settle
from netspec.elaborate.problems import Problem, Spoilt, Stop
from netspec.elaborate.state import Frame
from netspec.elaborate.values.environment import Environment, Modules, Poison
from netspec.elaborate.values.values import Result
from netspec.layers.declaration.symbols import MARK, Whole, divisions, expression_of, is_opaque, names, opaque, plain
from netspec.shapes.sizes import Dimension, OpenSize
from netspec.syntax import tree
from netspec.syntax.source import Span


def condition_for_all(generic: Generic, statement: tree.If, frame: Frame, each: Each) -> None:
    if generic.concrete:
        take_branch(generic, statement, frame, each)
        return
    options: list[tuple[tree.Expr | None, Callable[[Frame], None]]] = []
    actual: int | None = None
    for branch in statement.branches:
        formula = translation(generic, branch.condition, frame)
        if actual is None and truth(generic, branch.condition, frame):
            actual = len(options)
        if is_constant(formula):
            if computed(formula, {}):
                options.append((None, body_run(generic, branch.body, each)))
                break
            continue
        options.append((formula, body_run(generic, branch.body, each)))
    else:
        options.append((None, body_run(generic, statement.otherwise or tree.Body(()), each)))
    if len(options) == 1:
        in_place(options[0][1], frame)
        return
    choose(generic, options, len(options) - 1 if actual is None else actual, frame, statement.span)


def body_run(generic: Generic, body: tree.Body, each: Each) -> Callable[[Frame], None]:
    return lambda local: run_body(generic, body, local, each)


def in_place(run: Callable[[Frame], None], frame: Frame) -> None:
    local = frame.copy()
    local.environment, local.depth = frame.environment.in_place(), frame.depth + 1
    run(local)
    frame.current, frame.returned = local.current, local.returned
    frame.entered, frame.inputs = local.entered, local.inputs


def choose(
    generic: Generic,
    options: list[tuple[tree.Expr | None, Callable[[Frame], None]]],
    actual: int,
    frame: Frame,
    span: Span,
) -> DraftChoice:
    """Runs all bodies of a condition, each from where the flow is now; goes on with what they leave, with the
    numbers of the one that is taken.
    """
    hanging = set().union(*(names(condition) for condition, _ in options if condition is not None))
    scope = open_scope(generic, "group", "", span, frame)
    scope.inputs = (frame.current,) if isinstance(frame.current, Tensor) else ()
    choice = scope.control = DraftChoice([condition for condition, _ in options], [])
    before = generic.snapshot(frame)
    ends: list[Snapshot | None] = []
    for place, (_, run) in enumerate(options):
        generic.restore(frame, before)
        body = DraftScope("group", "", span, parent=scope)
        scope.items.append(body)
        choice.bodies.append(body)
        ends_before = len(generic.state.outputs), len(generic.state.inputs), len(generic.results)
        refusal = _attempt(generic, run, body, frame)
        if (len(generic.state.outputs), len(generic.state.inputs), len(generic.results)) != ends_before:
            raise Unsayable(hanging)
        if refusal:
            choice.refusals[place] = refusal
        ends.append(None if refusal else generic.snapshot(frame))
    live = [end for end in ends if end is not None]
    certain = ends[actual]
    if certain is None:
        raise Unsayable(hanging)
    if len({end.frame[2] for end in live}) > 1 or any(end.collected != before.collected for end in live):
        raise Unsayable(hanging)
    generic.restore(frame, certain)
    generic.actual, generic.came_in = actual, before.frame[0]
    frame.current = _merged(generic, choice, [end and end.frame[0] for end in ends], hanging)
    _merge_names(generic, choice, actual, before, ends, frame, hanging)
    if isinstance(frame.current, Tensor) and any(frame.current is output for output, _ in choice.merges):
        settle(generic, frame.current, frame)
    return choice


def _attempt(generic: Generic, run: Callable[[Frame], None], body: DraftScope, frame: Frame) -> str:
    """Runs a body; what is wrong with it where it is not for these numbers."""
    state = generic.state
    reported, seen, mistakes = len(state.diagnostics), set(state._seen), state.mistakes
    spoilt = len(state.spoilt_labels)
    state.mistakes = 0
    local = frame.copy()
    local.environment, local.scope, local.depth = frame.environment.in_place(), body, frame.depth + 1
    generic.symbolic_depth += 1
    message = ""
    try:
        with divisions(within=True):
            run(local)
        if len(state.diagnostics) > reported:
            message = _message(Problem("", state.diagnostics[reported].message, frame.scope.span))
    except (Problem, Spoilt, Stop) as problem:
        message = _message(problem)
    finally:
        generic.symbolic_depth -= 1
        del state.diagnostics[reported:], state.spoilt_labels[spoilt:]
        state._seen, state.mistakes = seen, mistakes
    if isinstance(local.current, Poison) and not message:
        message = "netspec refuses these arguments"
    frame.current, frame.returned = local.current, local.returned
    frame.entered, frame.inputs = local.entered, local.inputs
    return message


def _merged(generic: Generic, choice: DraftChoice, sources: list[Any], hanging: set[str]) -> Any:
    """The value that comes from whichever body is taken."""
    live = [source for source in sources if source is not None]
    if not live:
        return None
    unchanged = all(source is live[0] for source in live)
    if unchanged and (live[0] is generic.came_in or len(live) == len(sources)):
        return live[0]
    if len(live) == 1 and isinstance(live[0], Tensor):
        return _only(choice, sources)
    if not all(isinstance(source, Tensor) for source in live):
        raise Unsayable(hanging)
    for output, others in choice.merges:
        if all(a is b for a, b in zip(others, sources, strict=True)):
            return output
    shapes = [source.shape for source in live]
    if len({shape.kind for shape in shapes}) > 1:
        raise Unsayable(hanging)
    conditions = [c for c, source in zip(choice.conditions, sources, strict=True) if source is not None]
    certain = sources[generic.actual] if sources[generic.actual] is not None else live[0]
    dims = tuple(
        _either_size(conditions, sizes, certain.shape.dims[axis])
        for axis, sizes in enumerate(zip(*(shape.dims for shape in shapes), strict=True))
    )
    output = Tensor(shapes[0].with_dims(*dims), live[0].span)
    choice.merges.append((output, [source if isinstance(source, Tensor) else None for source in sources]))
    return output


def _merge_names(
    generic: Generic,
    choice: DraftChoice,
    actual: int,
    before: Snapshot,
    ends: list[Snapshot | None],
    frame: Frame,
    hanging: set[str],
) -> None:
    """Names and labels that some of the bodies have given a meaning."""
    live = [end for end in ends if end is not None]
    environment = frame.environment
    for table, pick in ((environment.names, "names"), (environment.labels, "labels")):
        for name in dict.fromkeys(key for end in live for key in getattr(end, pick)):
            if any(end is not None and isinstance(getattr(end, pick).get(name), Modules) for end in ends):
                continue
            values = [None if end is None else getattr(end, pick).get(name) for end in ends]
            present = [value for value in values if value is not None]
            if not present:  # a parameter that is none
                continue
            sample = values[actual] if values[actual] is not None else present[0]
            same = all(value is present[0] for value in present) and len(present) == len(live)
            is_new = holds_tensors(present[0]) and present[0] is not getattr(before, pick).get(name)
            if same and not is_new:
                table[name] = present[0]
                if pick == "names":
                    _merge_expressions(name, ends, choice, environment, hanging)
                continue
            if all(isinstance(value, Tensor | Result) for value in present):
                table[name] = _merged_result(generic, choice, values, hanging)
                continue
            if any(holds_tensors(value) for value in present):
                raise Unsayable(hanging)
            table[name] = sample
            if pick == "names":
                _merge_expressions(name, ends, choice, environment, hanging)

    for label in [label for label in environment.labels if "." in label]:
        environment.give(label, environment.labels[label])


def _merged_result(generic: Generic, choice: DraftChoice, values: list[Any], hanging: set[str]) -> Any:
    """A label or side value that bodies have made; what is inside of it is that of the first."""
    outputs = [None if v is None else v.outputs if isinstance(v, Result) else (v,) for v in values]
    counts = {len(output) for output in outputs if output is not None}
    if len(counts) > 1:
        raise Unsayable(hanging)
    tensors = []
    for place in range(counts.pop()):
        sources = [None if output is None else output[place] for output in outputs]
        present = [source for source in sources if source is not None]
        if all(source is present[0] for source in present) and all(s is present[0] for s in sources):
            tensors.append(present[0])
            continue
        if len({source.shape.kind for source in present}) > 1:
            raise Unsayable(hanging)
        tensors.append(_merged(generic, choice, sources, hanging) if len(present) > 1 else _only(choice, sources))
    first = next(value for value in values if value is not None)
    if not isinstance(first, Result):
        return tensors[0]
    return Result(tuple(tensors), first.inside if len([v for v in values if v is not None]) == 1 else None, None)


def _only(choice: DraftChoice, sources: list[Tensor | None]) -> Tensor:
    """A value that one body alone makes, as it is seen after the condition."""
    source = next(source for source in sources if source is not None)
    for output, others in choice.merges:
        if all(a is b for a, b in zip(others, sources, strict=True)):
            return output
    output = Tensor(source.shape, source.span, None, 0, source.name)
    choice.merges.append((output, list(sources)))
    return output


def _merge_expressions(
    name: str,
    ends: list[Snapshot | None],
    choice: DraftChoice,
    environment: Environment,
    hanging: set[str],
) -> None:
    """What a number's name stands for after a condition: the one expression, or whichever is taken."""
    live = [(condition, end) for condition, end in zip(choice.conditions, ends, strict=True) if end is not None]
    formulas: list[tree.Expr | None] = []
    for _, end in live:
        if name in end.expressions:
            formulas.append(end.expressions[name])
        elif name in end.names and not holds_tensors(end.names[name]) and not isinstance(end.names[name], Poison):
            formulas.append(literal(end.names[name]))
        else:
            formulas.append(None)
    present = [expression for expression in formulas if expression is not None]
    if not present:
        environment.expressions.pop(name, None)
        return
    if all(expression == present[0] for expression in present):
        environment.expressions[name] = present[0]
        return
    if len(present) != len(live):
        raise Unsayable(hanging)
    whole = present[-1]
    for (condition, _), expression in zip(reversed(live[:-1]), reversed(present[:-1]), strict=True):
        assert condition is not None
        whole = tree.Conditional(expression, condition, whole)
    environment.expressions[name] = whole


def _either_size(conditions: list[tree.Expr | None], sizes: tuple[Dimension, ...], certain: Dimension) -> Dimension:
    """A size that depends on which body is taken."""
    if any(isinstance(size, OpenSize) for size in sizes):
        if all(size == sizes[0] for size in sizes):
            return sizes[0]
        raise Unsayable
    expressions = [expression_of(size) for size in sizes]
    if all(expression == expressions[0] for expression in expressions):
        return sizes[0]
    if any(map(is_opaque, expressions)):
        tests = [condition for condition in conditions if condition is not None]
        return Whole(int(plain(certain)), opaque(*expressions, *tests))
    whole = expressions[-1]
    for condition, expression in zip(reversed(conditions[:-1]), reversed(expressions[:-1]), strict=True):
        assert condition is not None
        whole = tree.Conditional(expression, condition, whole)
    return Whole(int(plain(certain)), whole)


def _message(problem: Exception) -> str:
    if isinstance(problem, Stop):
        return problem.problem.diagnostic.message
    message = problem.diagnostic.message if isinstance(problem, Problem) else ""
    return message if message and not MARK.search(message) else "netspec refuses these arguments"
