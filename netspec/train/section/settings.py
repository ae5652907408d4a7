"""The settings of a training run, read from a train section: what is said there, checked, as one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, SkipValidation

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.elaborate.problems import Problem, whole
from netspec.elaborate.state import MOST_DIAGNOSTICS
from netspec.elaborate.values.operators import OperandError, TooLarge, arithmetic, is_number
from netspec.layers.declaration.base import NonNegative, Positive
from netspec.syntax import tree
from netspec.syntax.source import NOWHERE, Span
from netspec.train.augment import AUGMENTS, Augment, Chain
from netspec.train.data import DATA, DataSet
from netspec.train.data.pairs import Pairs
from netspec.train.literals import Word, description, evaluate
from netspec.train.losses import LOSSES, Itself, Loss, Term
from netspec.train.parts import Argument, Fraction, Part, Table, bind
from netspec.train.section import habits
from netspec.train.section.callbacks import CALLBACKS, Callback
from netspec.train.section.draws import DISTRIBUTIONS, Distribution
from netspec.train.section.parts.clipping import CLIPS, Clip
from netspec.train.section.parts.keeping import KEEPINGS, Keeping
from netspec.train.section.parts.metrics import AVERAGES, METRICS, MetricTerm
from netspec.train.section.parts.optimizers import OPTIMIZERS, Adam, Optimizer
from netspec.train.section.parts.schedules import SCHEDULES, Constant, Schedule
from netspec.train.section.parts.stopping import STOPPINGS, Stopping
from netspec.train.section.patterns import KINDS, Group, Pattern
from netspec.train.section.starts import EXAMPLE, STARTS, Start
from netspec.train.section.steps import Step
from netspec.train.section.sweeps import Sweep, read_sweep

P = TypeVar("P", bound=Part)
T = TypeVar("T")
E = TypeVar("E")


class Settings(BaseModel):
    """How a net is trained. `spans` says where the spec sets each; what it leaves out has the default here.

    `metrics` is None where the spec names none: accuracy, where the data hold classes. Where there are `steps`, `loss`
    is all that they make small, in their order. `draws` says how inputs of the net are drawn, by their name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    data: InstanceOf[DataSet]
    augment: InstanceOf[Chain] = Chain()
    loss: tuple[InstanceOf[Term], ...] = ()
    optimizer: InstanceOf[Optimizer] = Adam()
    schedule: InstanceOf[Schedule] = Constant()
    epochs: NonNegative = 10
    batch: Positive = 64
    metrics: tuple[InstanceOf[MetricTerm], ...] | None = None
    seed: NonNegative = 0
    init: InstanceOf[Start] | None = None
    freeze: tuple[InstanceOf[Pattern], ...] = ()
    groups: tuple[InstanceOf[Group], ...] = ()
    clip: InstanceOf[Clip] | None = None
    accumulate: Positive = 1
    ema: Fraction | None = None
    stop: InstanceOf[Stopping] | None = None
    keep: tuple[InstanceOf[Keeping], ...] = ()
    callbacks: tuple[InstanceOf[Callback], ...] = ()
    sweep: InstanceOf[Sweep] | None = None
    steps: tuple[InstanceOf[Step], ...] = ()
    draws: Mapping[str, InstanceOf[Distribution]] = Field(default_factory=dict)
    spans: SkipValidation[Mapping[str, Span]] = Field(default_factory=dict, repr=False)

    def span(self, key: str) -> Span:
        """Where the spec sets `key`; the data's place where it leaves it out."""
        return self.spans.get(key) or self.spans.get("data", NOWHERE)

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """All names of parameters in the section: what is frozen, what is grouped, and what steps train."""
        grouped = (pattern for group in self.groups for pattern in group.patterns)
        return (*self.freeze, *grouped, *(pattern for step in self.steps for pattern in step.trains))

    @property
    def each_step(self) -> tuple[tuple[Step, Optimizer, Clip | None], ...]:
        """What is done with a batch, with which optimizer and clipping: the steps, or the one that there is without."""
        steps = self.steps or (Step("", self.loss),)
        return tuple((step, step.optimizer or self.optimizer, step.clip or self.clip) for step in steps)

    @property
    def chooses(self) -> bool:
        """Whether the weights at the end are those of an epoch that is chosen by its figures."""
        return self.stop is not None or any(rule.chooses for rule in self.keep)

    def written(self) -> dict[str, str]:
        """Every setting as a spec would write it, by key."""
        metrics = {} if self.metrics is None else {"metrics": f"[{', '.join(m.written() for m in self.metrics)}]"}
        others = {
            "augment": self.augment.written() or None,
            "init": None if self.init is None else self.init.written(),
            "freeze": _listed(self.freeze),
            "groups": _listed(self.groups),
            "clip": None if self.clip is None else self.clip.written(),
            "accumulate": None if self.accumulate == 1 else str(self.accumulate),
            "ema": None if self.ema is None else str(self.ema),
            "stop": None if self.stop is None else self.stop.written(),
            "keep": _listed(self.keep),
            "callbacks": _listed(self.callbacks),
            "sweep": None if self.sweep is None else self.sweep.written(),
        }
        loss = {} if self.steps else {"loss": " + ".join(term.written() for term in self.loss)}
        return {
            "data": self.data.written(),
            **loss,
            "optimizer": self.optimizer.written(),
            "schedule": self.schedule.written(),
            "epochs": str(self.epochs),
            "batch": str(self.batch),
            **metrics,
            "seed": str(self.seed),
            **{key: text for key, text in others.items() if text is not None},
            **{f"draw {name}": distribution.written() for name, distribution in self.draws.items()},
            **{f"step {step.name}": step.written() for step in self.steps},
        }


def _listed(items: Sequence[Pattern | Group | Keeping | Callback]) -> str | None:
    return f"[{', '.join(item.written() for item in items)}]" if items else None


def settings(train: tree.Train, overrides: Mapping[str, tree.Setting | tree.Step] | None = None) -> Settings:
    """The settings of a train section, with those of `overrides` in place of its own.

    Raises NetspecError with everything that is wrong (E0601 to E0605), or with the first 50 mistakes.
    """
    reading = _Reading()
    for key, setting in {**_by_key(train, reading), **(overrides or {})}.items():
        if len(reading.wrong) < MOST_DIAGNOSTICS:
            reading.read(key, setting)
    reading.join_steps()
    of_objects = "data" in reading.values and reading.values["data"].of_objects
    for key in ("data",) if of_objects else ("data", "loss"):
        if key not in reading.spans and not any(d.mend is not None and d.mend[1] == key for d in reading.wrong):
            reading.wrong.append(
                Diagnostic(
                    "E0605", f"the train section says nothing about its {key}", _head(train), help=_EXAMPLES[key]
                )
            )
    if not reading.wrong:
        reading.wrong.extend(_wrong_changes(reading.values))
    if reading.wrong:
        raise NetspecError(tuple(sorted(reading.wrong, key=_place)))
    return Settings(**reading.values, spans=reading.spans)


def _wrong_changes(values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What is wrong with what groups of parameters change in the optimizer."""
    main: Optimizer = values.get("optimizer", Adam())
    steps: tuple[Step, ...] = values.get("steps", ())
    kinds = dict.fromkeys(type(step.optimizer or main) for step in steps) if steps else {type(main): None}
    for group in values.get("groups", ()):
        for kind in kinds:
            part = bind(kind, [Argument(name, value, group.span) for name, value in group.changes], group.span)
            yield from part if isinstance(part, list) else ()


def _by_key(section: tree.Train | tree.Step, reading: _Reading) -> dict[str, tree.Setting | tree.Step]:
    """The settings by their key; a key that stands twice is reported."""
    by_key: dict[str, tree.Setting | tree.Step] = {}
    for setting in section.settings:
        first = by_key.setdefault(setting.key, setting)
        if first is not setting and len(reading.wrong) < MOST_DIAGNOSTICS:
            place, before = _line(setting), _line(first)
            reading.wrong.append(
                Diagnostic("E0605", f"{setting.key} is set twice", place, "again", related=((before, "set here"),))
            )
    reading.beside = {key: setting for key, setting in by_key.items() if isinstance(setting, tree.Setting)}
    return by_key


def _place(diagnostic: Diagnostic) -> tuple[str, int]:
    return diagnostic.span.source.name, diagnostic.span.start


def _head(train: tree.Train) -> Span:
    """The keyword of the section."""
    return replace(train.span, end=min(train.span.end, train.span.start + len("train")))


def _line(setting: tree.Setting | tree.Step) -> Span:
    """Where a setting stands; of a step its head."""
    if isinstance(setting, tree.Setting):
        return setting.span
    return replace(setting.span, end=setting.span.start + len(setting.span.text.partition("{")[0].rstrip()))


class _Reading:
    """The settings read so far, where each stands, and what is wrong with them; `keys` are those that there are."""

    def __init__(self, keys: Mapping[str, Callable[[tree.Expr], Any]] | None = None, inside: str = "") -> None:
        self.keys, self.inside = KEYS if keys is None else keys, inside
        self.steps: list[Step] = []
        self.draws: dict[str, Distribution] = {}
        self.values: dict[str, Any] = {}
        self.spans: dict[str, Span] = {}
        self.wrong: list[Diagnostic] = []
        self.beside: Mapping[str, tree.Setting] = {}

    def read(self, key: str, setting: tree.Setting | tree.Step) -> None:
        """Reads one setting, or notes what is wrong with it."""
        self.spans[key] = _line(setting)
        try:
            if self.inside and (isinstance(setting, tree.Step) or key in KEYS.keys() - self.keys.keys()):
                raise _of_section(key, setting, self.inside, self.keys)
            if isinstance(setting, tree.Step):
                self.steps.append(_step(setting))
                return
            if key.startswith(DRAW) and not self.inside:
                self.draws[key.removeprefix(DRAW)] = _part(DISTRIBUTIONS)(_expression(setting))
                return
            if key not in self.keys:
                raise _unknown_key(key, setting, self.keys, self.beside)
            if _is_none(setting.value) and key in _OPTIONAL:
                return
            value = _chain(setting.value) if key == "augment" else self.keys[key](_expression(setting))
        except Problem as problem:
            self.wrong.append(problem.diagnostic)
        except NetspecError as error:
            self.wrong.extend(error.diagnostics)
        else:
            self.values[key] = value

    def join_steps(self) -> None:
        """Notes the steps and what they make small together, in place of a loss that the section has none of then."""
        self.values["draws"] = self.draws
        if not any(key.startswith(STEP) for key in self.spans):
            return
        place = next(span for key, span in self.spans.items() if key.startswith(STEP))
        if "loss" in self.spans:
            message = "this section has steps, each with a loss, and a loss beside them"
            related = ((place, "the first step"),)
            help = "leave it out, or put it into a step"
            here = self.spans["loss"]
            self.wrong.append(Diagnostic("E0605", message, here, related=related, help=help, mend=(here, "")))
        self.spans.setdefault("loss", place)
        self.values["steps"] = tuple(self.steps)
        self.values["loss"] = tuple(term for step in self.steps for term in step.loss)


_OPTIONAL = frozenset(key for key, info in Settings.model_fields.items() if info.default is None) - {"metrics"}
"""What can be left out: said to be none, it is. Metrics that nobody names are those that go with the data."""


def _is_none(flow: tree.Flow) -> bool:
    return flow.elements == (tree.Constant(None),)


def _step(step: tree.Step) -> Step:
    """The reader of a step; raises NetspecError with everything that is wrong with it."""
    reading = _Reading(STEP_KEYS, inside=step.name)
    for key, setting in _by_key(step, reading).items():
        reading.read(key, setting)
    head = _line(step)
    if "loss" not in reading.spans:
        help = "add a line: loss bce(OUTPUT, 1)"
        reading.wrong.append(Diagnostic("E0605", f"the step {step.name} says nothing about its loss", head, help=help))
    if reading.wrong:
        raise NetspecError(tuple(reading.wrong))
    name = Span(head.source, head.end - len(step.name), head.end)
    values: dict[str, Any] = {"trains": (Pattern(step.name, span=name),), **reading.values}
    return Step(step.name, span=head, **values)


def _of_section(key: str, setting: tree.Setting | tree.Step, step: str, keys: Mapping[str, Any]) -> Problem:
    """That a setting stands in a step that is one of the whole section."""
    place = _line(setting)
    word = replace(place, end=place.start + len(key.partition(" ")[0]))
    notes = (f"a step has {', '.join(keys)}",)
    help = "put it beside the steps"
    message = f"{key} is a setting of the section, and the step {step} has none of its own"
    return Problem("E0601", message, word, "not in a step", notes=notes, help=help)


def _unknown_key(
    key: str, setting: tree.Setting, keys: Mapping[str, Any], others: Mapping[str, tree.Setting]
) -> Problem:
    word = Span(setting.span.source, setting.span.start, setting.span.start + len(key))
    help, mend = habits.unknown_key(key, setting, word, keys, others)
    return Problem(
        "E0601",
        f"a {'train section' if keys is KEYS else 'step'} has no setting {key}",
        word,
        "not known",
        notes=(f"known: {', '.join(keys)}",),
        help=help,
        mend=mend,
    )


def _expression(setting: tree.Setting) -> tree.Expr:
    """The one value of a setting; raises Problem where it is a flow or a body."""
    elements = setting.value.elements
    if len(elements) == 1 and not isinstance(elements[0], tree.Group | tree.Wiring):
        return elements[0]
    raise Problem("E0604", f"{setting.key} takes one value, not a flow", setting.value.span)


def _chain(flow: tree.Flow) -> Chain:
    """The reader of augmentations in turn."""
    steps = _each(_augment, flow.elements)
    return Chain(steps, tuple(element.span for element in flow.elements))


def _augment(element: tree.Element) -> Augment:
    if isinstance(element, tree.Group | tree.Wiring):
        raise Problem("E0604", "augment is a flow of augmentations, and holds no body", element.span)
    return _part(AUGMENTS)(element)


def _part(table: Table[P]) -> Callable[[tree.Expr], P]:
    """The reader of a setting that names a part: `sgd(lr=0.1)`, or `sgd` alone."""

    def read(expression: tree.Expr) -> P:
        name, arguments = _call(expression, table)
        return _part_of(table, name, _arguments(arguments), expression.span)

    return read


def _data(expression: tree.Expr) -> DataSet:
    """The reader of data: `digits(size=28)`, or `pairs(digits(size=28))`, whose first argument is another data set."""
    name, arguments = _call(expression, DATA)
    if name.id != Pairs.name:
        return _part(DATA)(expression)
    values = [
        Argument(argument.name, _data(argument.value), argument.span)
        if argument.name == "of" or (index == 0 and argument.name is None)
        else Argument(argument.name, evaluate(argument.value), argument.span)
        for index, argument in enumerate(arguments)
    ]
    return _part_of(DATA, name, values, expression.span)


def _part_of(table: Table[P], name: tree.Name, values: Sequence[Argument], span: Span) -> P:
    part = table.make(name.id, values, name.span if name.id not in table else span)
    if isinstance(part, list):
        raise NetspecError(tuple(part))
    return part


def _call(expression: tree.Expr, table: Table[P]) -> tuple[tree.Name, tuple[tree.Argument, ...]]:
    """The name and arguments of what calls a part of the table."""
    match expression:
        case tree.Name():
            return expression, ()
        case tree.Call(tree.Name() as name, arguments):
            return name, arguments
        case _:
            names = ", ".join(sorted(table))
            raise Problem(
                "E0604",
                f"this needs the name of {table.article} {table.kind}",
                expression.span,
                help=habits.unknown_part(expression, table)[0],
                mend=habits.unknown_part(expression, table)[1],
                notes=(f"known: {names}",),
            )


def _arguments(arguments: Sequence[tree.Argument]) -> list[Argument]:
    return [Argument(argument.name, evaluate(argument.value), argument.span) for argument in arguments]


def _whole(key: str, least: int) -> Callable[[tree.Expr], int]:
    """The reader of a whole number."""

    def read(expression: tree.Expr) -> int:
        value = evaluate(expression)
        if isinstance(value, bool) or not isinstance(value, int):
            message = f"{key} is a whole number, not {description(value)}"
            raise Problem("E0604", message, expression.span, help=whole(value, expression.span))
        if not least <= value < 2**31:
            bound = f"at least {least}" if value < least else "less than 2**31"
            raise Problem("E0604", f"{key} is {bound}, not {value}", expression.span)
        return value

    return read


def _metrics(expression: tree.Expr) -> tuple[MetricTerm, ...]:
    """The reader of metrics: one, or a list of them."""
    items = expression.items if isinstance(expression, tree.List) else (expression,)
    metrics = _each(_judgement, items)
    names = [metric.name for metric in metrics]
    for index, item in enumerate(items):
        if names[index] in names[:index]:
            raise Problem("E0605", f"{names[index]} is asked for twice", item.span, "again")
    return metrics


def _judgement(expression: tree.Expr) -> MetricTerm:
    """`accuracy`, `f1(logits, average=micro)`: a leading word is an output of the net, or a way of averaging."""
    name, arguments = _call(expression, METRICS)
    output, values = _of_output(arguments)
    if output in AVERAGES:
        output, values = None, _arguments(arguments)
    return MetricTerm(_part_of(METRICS, name, values, expression.span), output, expression.span)


def _of_output(arguments: Sequence[tree.Argument]) -> tuple[str | None, list[Argument]]:
    """The output that a leading word names, and the other arguments."""
    values = _arguments(arguments)
    if values and values[0].name is None and isinstance(values[0].value, Word):
        return values[0].value.text, values[1:]
    return None, values


def _each(read: Callable[[E], T], expressions: Sequence[E]) -> tuple[T, ...]:
    """What each expression says; raises with all that is wrong, not with the first."""
    values: list[T] = []
    wrong: list[Diagnostic] = []
    for expression in expressions:
        try:
            values.append(read(expression))
        except Problem as problem:
            wrong.append(problem.diagnostic)
        except NetspecError as error:
            wrong.extend(error.diagnostics)
    if wrong:
        raise NetspecError(tuple(wrong))
    return tuple(values)


def _loss(expression: tree.Expr) -> tuple[Term, ...]:
    """The reader of a loss: one, or a sum of losses, each with a weight before it."""
    match expression:
        case tree.Binary("+", left, right):
            return sum(_each(_loss, (left, right)), ())
        case tree.Binary("*", left, right):
            weight, term = (left, right) if not _names_loss(left) else (right, left)
            return _scaled(expression, "*", _loss(term), evaluate(weight))
        case tree.Binary("/", left, right):
            return _scaled(expression, "/", _loss(left), evaluate(right))
        case tree.Name() | tree.Call(tree.Name(), _):
            return (_term(expression),)
        case _:
            help, mend = habits.unknown_part(expression, LOSSES)
            raise Problem(
                "E0604",
                "a loss is a name, or a sum of names with weights",
                expression.span,
                help=help or "cross_entropy(logits) + 0.3 * cross_entropy(aux)",
                mend=mend,
            )


def _names_loss(expression: tree.Expr) -> bool:
    match expression:
        case tree.Name() | tree.Call():
            return True
        case tree.Binary(_, left, right):
            return _names_loss(left) or _names_loss(right)
        case _:
            return False


def _scaled(expression: tree.Expr, symbol: str, terms: tuple[Term, ...], weight: Any) -> tuple[Term, ...]:
    if not is_number(weight):
        raise Problem("E0604", f"the weight of a loss is a number, not {description(weight)}", expression.span)
    try:
        return tuple(replace(term, weight=arithmetic(symbol, term.weight, weight)) for term in terms)
    except (OperandError, TooLarge) as error:
        raise Problem("E0604", f"the weight of this loss cannot be computed: {error}", expression.span) from None


def _term(expression: tree.Expr) -> Term:
    """`cross_entropy`, `cross_entropy(logits, kind, label_smoothing=0.1)`, `kl`.

    A leading word is an output of the net, and a word or number after it what it is compared with. A name that is no
    loss, alone, is an output that is a loss by itself.
    """
    name, arguments = _call(expression, LOSSES)
    if isinstance(expression, tree.Name) and name.id not in LOSSES and LOSSES.synonym(name.id) is None:
        return Term(Itself(), 1.0, name.id, expression.span)
    output, values = _of_output(arguments)
    target: str | float | None = None
    if output is not None and values and values[0].name is None:
        first, *rest = values
        if isinstance(first.value, Word):
            target, values = first.value.text, rest
        elif is_number(first.value):
            target, values = first.value, rest
    loss: Loss = _part_of(LOSSES, name, values, expression.span)
    return Term(loss, 1.0, output, expression.span, target)


def _real(key: str, *, below: float) -> Callable[[tree.Expr], float]:
    """The reader of a number from 0 to less than `below`."""

    def read(expression: tree.Expr) -> float:
        value = evaluate(expression)
        if not is_number(value) or not 0 <= value < below:
            raise Problem(
                "E0604", f"{key} is a number from 0 to below {below:g}, not {description(value)}", expression.span
            )
        return float(value)

    return read


def _start(expression: tree.Expr) -> Start:
    """The reader of the weights to start from: a text, or a call with one."""
    if isinstance(expression, tree.Call):
        return _part(STARTS)(expression)
    value = evaluate(expression)
    if not isinstance(value, str) or isinstance(value, Word):
        message = f"init is a text, not {description(value)}"
        raise Problem("E0604", message, expression.span, help=f'init "{EXAMPLE}"')
    return Start(source=value)


def _clip(expression: tree.Expr) -> Clip:
    """The reader of gradient clipping: a number is the norm."""
    if isinstance(expression, tree.Name) or (isinstance(expression, tree.Call) and _names_loss(expression)):
        return _part(CLIPS)(expression)
    values = [Argument(None, evaluate(expression), expression.span)]
    return _part_of(CLIPS, tree.Name("norm", span=expression.span), values, expression.span)


def _parts(table: Table[P]) -> Callable[[tree.Expr], tuple[P, ...]]:
    """The reader of parts: one, or a list of them."""

    def read(expression: tree.Expr) -> tuple[P, ...]:
        return _each(_part(table), expression.items if isinstance(expression, tree.List) else (expression,))

    return read


def _patterns(expression: tree.Expr) -> tuple[Pattern, ...]:
    """The reader of names of parameters: one, or a list of them."""
    return _each(_pattern, expression.items if isinstance(expression, tree.List) else (expression,))


def _pattern(expression: tree.Expr) -> Pattern:
    value = evaluate(expression)
    if isinstance(value, Word) and value.text in KINDS:
        return Pattern(value.text, kind=True, span=expression.span)
    if isinstance(value, str):
        return Pattern(value, span=expression.span)
    kinds = " or ".join(KINDS)
    raise Problem(
        "E0604",
        f"parameters are named by a text or by {kinds}, not by {description(value)}",
        expression.span,
        help='freeze ["features", "*.bias"]',
    )


def _groups(expression: tree.Expr) -> tuple[Group, ...]:
    """The reader of groups of parameters: one, or a list of them."""
    return _each(_group, expression.items if isinstance(expression, tree.List) else (expression,))


def _group(expression: tree.Expr) -> Group:
    """`group(biases, "head.*", lr=0.1)`: the patterns first, then what is different for them."""
    example = "group(biases, norms, weight_decay=0)"
    if not isinstance(expression, tree.Call) or not isinstance(expression.callee, tree.Name):
        raise Problem("E0604", "groups holds groups of parameters", expression.span, help=example)
    if expression.callee.id != "group":
        raise Problem("E0604", "groups holds groups of parameters", expression.callee.span, help=example)
    patterns = _each(_pattern, [argument.value for argument in expression.arguments if argument.name is None])
    changes = [(values.name, values.value) for values in _arguments(expression.arguments) if values.name is not None]
    if not patterns or not changes:
        raise Problem("E0604", "a group says which parameters, and what is different", expression.span, help=example)
    return Group(patterns, tuple(changes), expression.span)


KEYS: dict[str, Callable[[tree.Expr], Any]] = {
    "data": _data,
    "augment": _part(AUGMENTS),
    "loss": _loss,
    "optimizer": _part(OPTIMIZERS),
    "schedule": _part(SCHEDULES),
    "epochs": _whole("epochs", 0),
    "batch": _whole("batch", 1),
    "metrics": _metrics,
    "seed": _whole("seed", 0),
    "init": _start,
    "freeze": _patterns,
    "groups": _groups,
    "clip": _clip,
    "accumulate": _whole("accumulate", 1),
    "ema": _real("ema", below=1),
    "stop": _part(STOPPINGS),
    "keep": _parts(KEEPINGS),
    "callbacks": _parts(CALLBACKS),
    "sweep": read_sweep,
}
"""What a train section can set, and how each is read."""

STEP_KEYS: dict[str, Callable[[tree.Expr], Any]] = {
    "loss": _loss,
    "trains": _patterns,
    "optimizer": _part(OPTIMIZERS),
    "clip": _clip,
    "every": _whole("every", 1),
}
"""What a step of a train section can set, and how each is read."""
STEP, DRAW = "step ", "draw "
"""What the keys begin with of the settings that have a name of their own: `step generator { ... }`, `draw z normal`."""

TABLES: dict[str, Table[Any]] = {
    "data": DATA,
    "augment": AUGMENTS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "metrics": METRICS,
    "clip": CLIPS,
    "init": STARTS,
    "stop": STOPPINGS,
    "keep": KEEPINGS,
    "draw": DISTRIBUTIONS,
}
"""The parts that a setting names, for those that name some."""

_EXAMPLES = {"data": "add a line: data mnist1d", "loss": "add a line: loss cross_entropy"}
