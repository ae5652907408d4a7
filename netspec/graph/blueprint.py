"""A block for all arguments: what its text says, with the expression behind every number, condition and count.

The graph holds what one call of a block unrolled to; a blueprint holds the block itself, as a compiler needs it to
write one class. Its region is the body's items in the order of the text; names in expressions are the block's
parameters, what it asks of its inputs (`in_channels`), its lets and loop variables. Blueprints are made by
`netspec.elaborate` when somebody asks the graph for them, and evaluated and printed by `netspec.codegen`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from netspec.layers.declaration.base import Layer, TorchCall
from netspec.shapes.shape import COUNT, Shape
from netspec.syntax import tree
from netspec.syntax.source import Span

COUNTS = ""
"""Under this label a blueprint has what says how many members the sets have that are made in it."""


class Wire(Protocol):
    """A value inside a block, compared by identity; sizes of its shape may be symbolic."""

    @property
    def shape(self) -> Shape:
        """Without the batch axis."""

    @property
    def name(self) -> str | None:
        """What the text calls it; None for a value in passing."""


@dataclass(eq=False, slots=True)
class Region:
    """Items in the order in which they are constructed and run."""

    items: list[Item] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Use:
    """A layer, block or container at work on values.

    `label` is its key in the module around, None for what keeps nothing and has no name of its own; `chosen` says that
    somebody wrote the label. `first` is the use of a shared module that came before. `loops` are the variables of the
    loops around it within its module.
    """

    what: LayerUse | Instance | Container
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    span: Span
    label: tree.Label | None = None
    chosen: bool = False
    first: Use | None = None
    when_training: bool = False

    @property
    def stem(self) -> str:
        """What it would be named after."""
        match self.what:
            case LayerUse(layer):
                return layer.name
            case Instance(blueprint):
                return blueprint.name
        return "value"

    @property
    def keeps_state(self) -> bool:
        """Whether a stage has weights or buffers, as far as can be seen."""
        if not isinstance(self.what, LayerUse):
            return True
        shapes = [wire.shape for wire in self.inputs if wire.shape is not COUNT]
        try:
            return bool(self.what.layer.parameters(*shapes) or self.what.layer.buffers(*shapes))
        except Exception:
            return True


@dataclass(eq=False, slots=True)
class LayerUse:
    """A layer; its fields, and the arguments of its PyTorch form, may be symbolic."""

    layer: Layer
    call: TorchCall


@dataclass(eq=False, slots=True)
class Instance:
    """A block with the expressions of its arguments: what it asks of its inputs, and its parameters.

    `taps` are values that can be read from inside of it, each with the labels on the way there and its place.
    """

    blueprint: Blueprint
    arguments: dict[str, tree.Expr]
    taps: list[tuple[Wire, tuple[str, ...], int]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Container:
    """A labelled container. `counted` says that its stages are numbered, as `nn.Sequential` numbers them; `escapes` are
    values inside that something outside takes.
    """

    region: Region
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    counted: bool
    escapes: list[Wire] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Let:
    """A number with a name, computed where the module is constructed."""

    name: str
    value: tree.Expr


@dataclass(eq=False, slots=True)
class Merge:
    """A value that comes from whichever branch is taken."""

    output: Wire
    sources: tuple[Wire | None, ...]


@dataclass(eq=False, slots=True)
class Choice:
    """Regions of which one is taken; the last condition may be None, for `else`.

    A refusal stands in place of a region that no arguments reach which netspec accepts.
    """

    conditions: tuple[tree.Expr | None, ...]
    regions: tuple[Region, ...]
    merges: list[Merge]
    refusals: dict[int, str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Carry:
    """A value that a round takes from the round before: `inner` is what a round sees, `first` what the first one does,
    `last` what it leaves, `output` what the loop leaves.
    """

    inner: Wire
    first: Wire
    last: Wire
    output: Wire


@dataclass(eq=False, slots=True)
class Running:
    """A number that changes from round to round: its name, what it begins with, and what a round makes of it; None
    where a let in the round does.
    """

    name: str
    first: tree.Expr
    update: tree.Expr | None


@dataclass(eq=False, slots=True)
class Gather:
    """What all rounds of a loop make of one value, in order."""

    output: Wire
    inner: Wire


@dataclass(eq=False, slots=True)
class Loop:
    """A region that is run once for each item of a sequence; `names` are its variables, none for a `repeat`."""

    names: tuple[str, ...]
    sequence: tree.Expr
    region: Region
    carries: list[Carry]
    running: list[Running]
    results: list[Merge]
    gathers: list[Gather]
    rounds: int
    index: str = ""
    """The variable that counts the rounds, where one is needed beside the names."""
    has_rounds: bool = False
    """Whether it is run at least once for all arguments."""


Item: TypeAlias = Use | Let | Choice | Loop


@dataclass(eq=False, slots=True)
class Parameter:
    """A parameter of a block's class, with its type and default as Python has them."""

    name: str
    type: str
    default: tree.Expr | None = None


@dataclass(eq=False, slots=True)
class Blueprint:
    """A block or net for all arguments. `derived` are the names of what it asks of its inputs, with the input's
    position and axis; `parameters` those of the text, without those in `fixed`, whose values are its own.
    """

    name: str
    kind: Literal["block", "net"]
    parameters: tuple[Parameter, ...]
    derived: dict[str, tuple[int, int]]
    fixed: dict[str, Any]
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    output_names: tuple[str | None, ...]
    training_outputs: frozenset[int]
    region: Region
    counted: bool
    documentation: str
    span: Span
    listed: bool = False
    """Whether its outputs are one list."""
    sizes_fixed: bool = False
    """Whether it holds for inputs of these sizes only."""
    inside: dict[str, tuple[list[Any], Any]] = field(default_factory=dict)
    """What can be read from it: the values under each label, and what is inside of that in turn, or None."""
    taps: list[tuple[tuple[str, ...], int]] = field(default_factory=list)
    """Which of these somebody reads, by the labels on the way and the place: outputs after the outputs."""
    counts: tuple[Wire | None, ...] = ()
    """For each output that is of a set what says how many members this has."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Arguments that follow from heights and widths, with their numbers in the call that was elaborated."""
