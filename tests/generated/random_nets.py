"""The text of a random net, from a seed: small, and with everything in it that a spec can be wired of.

The grammar is that of people's specs: blocks with parameters, in one another and used several times with other
arguments; joins of two and three branches with `{ }` first; values carried into, around and out of loops; lists that
grow; side values; shared modules; optional parts; labels of templates, and reading them from outside. Channels are
derived or asked for (`_.channels`), so that most nets fit for whatever arguments; the maps keep their size. What does
not fit is refused by netspec, and no concern of who draws nets here.

`chance` is any `random.Random`, one of hypothesis among them: what is drawn depends on nothing else.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

T = TypeVar("T")
Lines = list[str]
Form = Callable[["Place"], Lines]
"""What writes a statement, with what has to stand before and after it."""

_WORDS = """
    count index NOutput in_channels in_features out_channels self torch nn F Tensor x y out i j n forward
    children modules train eval type parameters buffers apply half double to cpu state_dict call_super_init
    append extend insert pop list len range print int str sum map id object super init weight bias class def
    lambda pass global async match case del none_ NamedTuple Sequential Module Identity cast reduce partial math
    functional args kwargs cls dim size shape layer0 conv1 relu1 relu conv stage skip acc value result a_ b1 __x
    _y
"""
AWKWARD = tuple(_WORDS.split())
"""Names that Python, torch or an emitter has for itself, beside a few that nobody has."""
CALLED = {"relu", "conv", "len", "range", "sum", "min", "max", "enumerate"}
"""What a block cannot be called: layers and functions without which the others could not be written."""


@dataclass
class Scope:
    """A block or net: the names that are taken in it."""

    taken: set[str] = field(default_factory=set)


@dataclass
class Place:
    """Where statements are written: the values and numbers in sight, with what is known of their channels.

    Two values have the same channels where they have the same token. `variable` counts the rounds of a loop around.
    """

    scope: Scope
    values: list[tuple[str, str]]
    numbers: list[str]
    flags: list[str]
    current: str
    depth: int = 0
    variable: str | None = None
    labels: bool = True
    in_block: bool = False
    layers: list[str] = field(default_factory=list)

    def inside(self, **changes: object) -> Place:
        """A body in this one: what it adds is its own."""
        own = {"values": list(self.values), "numbers": list(self.numbers), "depth": self.depth + 1}
        return replace(self, **(own | changes))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a block, as it is declared, with the values that it is called with."""

    name: str
    declared: str
    values: tuple[str, ...]
    optional: bool


@dataclass(frozen=True)
class Block:
    """A block that can be called: its parameters, the names of those that are tensors, and how many results it has."""

    name: str
    parameters: tuple[Parameter, ...]
    tensors: tuple[str, ...]
    results: int


class Writer:
    """Writes one file."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.rank = chance.choice([1, 2, 2, 3])
        self.left = chance.randint(4, 14)
        self.definitions: list[str] = []
        self.blocks: list[Block] = []
        self.names: set[str] = set()
        self.tokens = 0
        self.awkward = chance.choice([0.05, 0.3, 0.9])
        self.favourite = str(chance.randint(1, 5))  # what is alike by accident is what an emitter mistakes for a rule
        self.alike = chance.choice([0.1, 0.5, 0.9])
        self.quotes = chance.random() < 0.25
        simple = [self.stage, self.side, self.arithmetic, self.use, self.number, self.source, self.function]
        nested = [
            self.residual, self.highway, self.join, self.dense, self.group, self.container, self.repeat, self.loop,
            self.carried, self.swapped, self.grown, self.growth, self.condition, self.call, self.several, self.shared,
            self.row, self.comprehension, self.sequence, self.numbered,
        ]  # fmt: skip
        # Each file has a few forms only, and those often: what goes wrong is where two of them meet.
        self.simple: list[Form] = [self.stage, *chance.sample(simple, chance.randint(1, 5))]
        self.nested: list[Form] = [*chance.sample(nested, chance.randint(2, 6)), self.pick([self.call, self.join])]

    # What chance decides

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def pick(self, options: Sequence[T]) -> T:
        return self.chance.choice(options)

    def token(self) -> str:
        self.tokens += 1
        return f"#{self.tokens}"

    def name(self, scope: Scope, *plain: str) -> str:
        """A name that is free in the scope."""
        name = self.pick(AWKWARD) if self.often(self.awkward) else self.pick(plain)
        while name in scope.taken:
            name += self.pick("abc123_")
        scope.taken.add(name)
        return name

    # Files, nets, blocks

    def file(self) -> str:
        net = self.net()
        order = self.definitions if self.often(0.7) else self.definitions[::-1]
        return "\n".join([*order, net]) + "\n"

    def net(self) -> str:
        scope = Scope()
        name = self.definition_name("N", "Net", "Model")
        parameters, place = self.parameters(scope, always_optional=True)
        inputs = []
        for _ in range(1 if self.often(0.75) else 2):
            entering = self.name(scope, "x", "image", "left")
            channels = int(self.favourite) if self.often(self.alike) else self.chance.randint(1, 5)
            place.values.append((entering, str(channels)))
            inputs.append(f"input {entering} [{', '.join(map(str, [channels, *self.map_size()]))}]")
        first = [] if len(inputs) == 1 else [f"{place.values[0][0]} -> {self.layer(place)}"]
        place.current = self.token() if first else place.values[0][1]
        lines = [*inputs, *first, *self.body(place, self.chance.randint(2, 6)), *self.outputs(place)]
        return definition("net", name, parameters, lines)

    def map_size(self) -> list[int]:
        return [[], [5], [4, 3]][self.rank - 1]

    def definition_name(self, *plain: str) -> str:
        name = self.pick(AWKWARD) if self.often(self.awkward / 2) else self.pick(plain)
        name = name.lstrip("_")
        while name in self.names or name in CALLED:
            name += self.pick("ABC1")
        self.names.add(name)
        return name

    def parameters(self, scope: Scope, *, always_optional: bool = False) -> tuple[list[Parameter], Place]:
        """A few parameters, and the place that sees them."""
        place = Place(scope, [], [], [], self.token())
        parameters: list[Parameter] = []
        for _ in range(self.pick([0, 1, 1, 2, 2, 3])):
            kind = self.pick(["width", "width", "count", "flag", "choice", "list", "layer"])
            plain = {"flag": ("flag", "wide"), "list": ("widths", "ks"), "layer": ("act", "norm")}
            name = self.name(scope, *plain.get(kind, ("width", "n", "c")))
            optional = always_optional or self.often(0.4) or bool(parameters and parameters[-1].optional)
            values = {
                "width": tuple(map(str, self.chance.sample(range(1, 8), 3))),
                "count": ("1", "2", "3", "0"),
                "flag": ("true", "false"),
                "choice": ("1", "2", "4"),
                "list": ("[2, 3]", "[4]", "[1, 2, 3]"),
                "layer": ("relu", "tanh", "leaky_relu(0.2)", "none"),
            }[kind]
            if kind == "layer":
                optional = True
                parameters.append(Parameter(name, f"{name}: layer = {self.pick(values)}", values, optional))
                place.layers.append(name)
                continue
            types = {"width": ("", ": int"), "count": (": int",), "flag": (": bool",), "choice": (": 1 | 2 | 4",)}
            declared = name + self.pick(types.get(kind, ("", ": list[int]")))
            if optional:
                declared += f" = {self.pick(values)}"
            parameters.append(Parameter(name, declared, values, optional))
            number = {"width": name, "choice": name, "count": f"({name} + 1)", "list": f"{name}[0]"}.get(kind)
            if number:
                place.numbers.append(number)
            if kind == "list":
                place.numbers.append(self.pick([f"{name}[-1]", f"len({name})", f"sum({name})"]))
            place.flags.append({"flag": name, "list": f"len({name}) > 1"}.get(kind, f"{name} > 2"))
        return parameters, place

    def block(self) -> Block:
        """A new block."""
        scope = Scope()
        name = self.definition_name("B", "Block", "Layer", "Unit")
        tensors = tuple(self.name(scope, "skip", "other") for _ in range(self.pick([0, 0, 0, 1, 1, 2])))
        parameters, place = self.parameters(scope)
        place.in_block, place.depth = True, 1
        place.current = "in"
        place.values = [("in", "in"), *((tensor, f"of {tensor}") for tensor in tensors)]
        place.numbers += ["in.channels", *(f"{tensor}.channels" for tensor in tensors)]
        place.flags.append(f"in.channels != {self.pick(place.numbers)}")
        lines = self.body(place, self.chance.randint(1, 4))
        results = 1
        if self.often(0.2) and (others := [value for value, _ in place.values if value not in ("in",)]):
            results = self.pick([2, 2, 3])
            kept = self.name(scope, "last", "main")
            chosen = [kept, *(self.pick(others) for _ in range(results - 1))]
            listed = ", ".join(chosen)
            lines += [f"{kept} = {self.layer(place)}", f"return {self.pick([listed, listed, f'[{listed}]'])}"]
        declared = [Parameter(tensor, f"{tensor}: tensor", (), False) for tensor in tensors]
        self.definitions.append(definition("block", name, [*declared, *parameters], lines))
        block = Block(name, tuple(parameters), tensors, results)
        self.blocks.append(block)
        return block

    def outputs(self, place: Place) -> Lines:
        if self.often(0.75):
            return []
        lines = []
        for _ in range(self.pick([1, 2, 2, 3])):
            name = self.name(place.scope, "main", "aux", "low")
            start = f"{self.pick(place.values)[0]} -> " if self.often(0.4) and place.values else ""
            when = " when training" if self.often(0.3) else ""
            lines.append(f"output {name} = {start}{self.layer(place)}{when}")
        return lines

    # Bodies

    def body(self, place: Place, most: int) -> Lines:
        """Statements in sequence."""
        lines: Lines = []
        for _ in range(most):
            lines += self.statement(place)
        return lines

    def statement(self, place: Place) -> Lines:
        self.left -= 1
        nested = self.nested if self.left > 0 and place.depth < 4 else []
        return self.pick([*self.simple, *nested, *nested])(place)

    def row(self, place: Place) -> Lines:
        """The same statements again and again, some of them with other numbers."""
        inner = place.inside(labels=False, current=self.token())
        lines = self.body(inner, self.pick([1, 1, 2]))
        place.current = self.token()
        times = 1 if any(line.startswith(("concat", "dense")) for line in lines) else self.pick([1, 2, 2, 3])
        rounds = [[self.varied(line) for line in lines] for _ in range(times)]
        return [*lines, *(line for other in rounds for line in other)]

    def varied(self, line: str) -> str:
        """The line, perhaps with another number for one that stands alone in it."""
        places = [match for match in re.finditer(r"(?<=[( ])[1-6](?=[,)])", line) if "pad" not in line]
        if not places or self.often(0.6):
            return line
        match = self.pick(places)
        return f"{line[: match.start()]}{self.chance.randint(1, 6)}{line[match.end() :]}"

    def label(self, place: Place, token: str, share: float = 0.4) -> str:
        """`name = `, now and then, or the template of a loop."""
        if not place.labels or not self.often(share):
            return ""
        name = self.name(place.scope, "a", "b", "conv1", "mid", "skip")
        if place.variable is None and self.quotes and self.often(0.4):
            place.values.append((f'${{"{name}-0"}}', token))
            return f'"{name}-0" = '
        if place.variable is None:
            place.values.append((name, token))
            return f"{name} = "
        return f"{name}_${place.variable} = "

    def stage(self, place: Place) -> Lines:
        chain = [self.layer(place) for _ in range(self.pick([1, 1, 2, 3]))]
        return [self.label(place, place.current) + " -> ".join(chain)]

    def layer(self, place: Place) -> str:
        """A layer that takes the current value, whatever it is; it may change the channels."""
        if place.layers and self.often(0.3):
            return self.pick(place.layers)
        if self.often(0.55):
            place_, place.current = place.current, self.token()
            width = self.width(place)
            if width == "_.channels":
                place.current = place_
            elif width.isdigit():
                place.current = width
            if self.rank == 1:
                return f"linear({width})"
            return self.pick([f"conv({width}, 3, pad=1)", f"conv({width}, 1)", f"conv({width}, 3, pad=1, bias=false)"])
        plain = ["relu()", "relu()", "tanh()", "batchnorm()", "sigmoid()", "dropout(0.25)", "scale(0.5)"]
        maps = [
            'rearrange("c ... -> ... c") -> rearrange("... c -> c ...")',
            "groupnorm(1)",
            "maxpool(3, stride=1, pad=1)",
            "avgpool(3, stride=1, pad=1)",
            "instancenorm()",
        ]
        return self.pick(plain + maps * (self.rank > 1))

    def width(self, place: Place) -> str:
        """An expression of at least 1."""
        if self.often(self.alike):
            return self.favourite
        number = self.pick([*place.numbers, *place.numbers, str(self.chance.randint(1, 6))])
        match self.chance.randint(0, 9):
            case 0:
                return f"{number} // 2 + 1"
            case 1:
                return f"2 * {number}"
            case 2:
                return f"max({number}, {self.chance.randint(1, 4)})"
            case 3 if place.flags:
                return f"{number} if {self.pick(place.flags)} else {self.chance.randint(1, 4)}"
            case 4 if place.variable is not None:
                return f"{number} + {place.variable}"
            case 5 if place.variable is not None:
                return f"2 ** {place.variable}"
            case 6:
                return "_.channels"
            case 7:
                return f"min({number}, 8)"
            case _:
                return number

    def matched(self, value: str, place: Place) -> str:
        """The value, with the channels that the current value has."""
        return f"linear({value}, _.channels)" if self.rank == 1 else f"conv({value}, _.channels, 1)"

    # Values

    def side(self, place: Place) -> Lines:
        name = self.name(place.scope, "z", "gate", "side")
        start = self.pick(place.values)[0] if place.values and self.often(0.4) else "_"
        before = place.current
        chain = " -> ".join([start, *(self.layer(place) for _ in range(self.pick([1, 1, 2])))])
        place.values.append((name, place.current if start == "_" else self.token()))
        place.current = before
        return [f"let {name} = {chain}"]

    def use(self, place: Place) -> Lines:
        """A value from before, joined with the current one."""
        if not place.values:
            return self.stage(place)
        value, token = self.pick(place.values)
        if token == place.current and self.often(0.7):
            return [self.pick([f"_ + {value}", f"{value} * _", f"{value} - 2 * _", f"add({value}, _)"])]
        if self.often(0.4):
            place.current = self.token()
            return [self.pick([f"concat({value}, _)", f"concat(_, {value})", f"concat(_, {value}, _)"])]
        if self.often(0.2):
            place.current = self.token()
            return [f"{value} -> {self.layer(place)}"]
        return [f"_ {self.pick('+*-')} {self.matched(value, place)}"]

    def arithmetic(self, place: Place) -> Lines:
        plain = ["1 - _", "_ * _", "-_", "_ + 1", "tanh(_) * sigmoid(_)", "_ - tanh(_)", "_ / 2", "_ ** 2"]
        chosen = ["where(_ > 0, _, 0.1 * _)", "where(tanh(_) <= _, _, tanh(_))", "_ + detach(_)"]
        number = self.width(place)
        numbers = [f"_ / ({number})", f"({number}) - _", f"where(_ > {number}, _, value={number})"]
        text = self.pick(plain + plain + chosen + numbers + numbers)
        return [self.label(place, place.current) + text]

    def number(self, place: Place) -> Lines:
        name = self.name(place.scope, "c", "width", "half")
        written = self.width(place)
        place.numbers.append(name)
        return [f"let {name} = {written}"]

    def source(self, place: Place) -> Lines:
        name = self.name(place.scope, "p", "pos")
        sizes = ", ".join(["_.channels", *(str(size) for size in self.map_size())])
        kind = self.pick(["init=normal", "init=ones", "init=normal, trainable=false", "init=uniform(-1, 1)"])
        place.values.append((name, place.current))
        if self.often(0.25):
            row = f"param([3, {sizes}], {kind})[constant(1, persistent={self.pick(['true', 'false'])})]"
            return [f"let {name} = {row}", f"_ {self.pick('+*')} {name}"]
        return [f"let {name} = param([{sizes}], {kind})", f"_ {self.pick('+*')} {name}"]

    # Wirings

    def channels(self, place: Place) -> tuple[Lines, str]:
        """A number that is the channels of the current value, and what declares it."""
        if place.current == "in" and self.often(0.6):
            return [], "in.channels"
        if place.current.isdigit() and self.often(0.8):
            return [], place.current
        name = self.name(place.scope, "c", "d", "channels")
        place.numbers.append(name)
        return [f"let {name} = _.channels"], name

    def fitted(self, place: Place, channels: str, most: int = 2) -> Lines:
        """A body that ends with so many channels."""
        inner = place.inside(flags=list(place.flags))
        last = f"linear({channels})" if self.rank == 1 else f"conv({channels}, {self.pick(['1', '3, pad=1'])})"
        return [*self.body(inner, min(most, self.pick([0, 0, 1, 2]))), self.label(inner, "") + last]

    def residual(self, place: Place) -> Lines:
        if self.often(0.3):
            width = self.width(place)
            asks = f"if _.channels != {width} " if self.often(0.7) and width != "_.channels" else ""
            last = f"linear({width})" if self.rank == 1 else f"conv({width}, 1)"
            inner = place.inside()
            through = [*self.body(inner, self.chance.randint(0, 1))]
            if self.often(0.5) or width == "_.channels":
                before, name = self.channels(place)
                width, asks = name, ""
                last = f"linear({width})" if self.rank == 1 else f"conv({width}, 1)"
            else:
                before = [f"let {(name := self.name(place.scope, 'w', 'o'))} = {width}"]
                place.numbers.append(name)
                last = last.replace(width, name)
                asks = asks.replace(width, name)
            around = f"{asks}{{ {self.label(inner, '')}{last} }}" if asks else f"{self.label(inner, '')}{last}"
            place.current = self.token()
            return [*before, "residual {", *through, last, "} shortcut {", around, "}"]
        before, channels = self.channels(place)
        asks = f"if {self.pick(place.flags)} " if place.flags and self.often(0.3) else ""
        label = self.label(place, place.current, 0.15)
        return [*before, f"{label}residual {asks}{{", *self.fitted(place, channels), "}"]

    def highway(self, place: Place) -> Lines:
        before, channels = self.channels(place)
        body = self.fitted(place, channels)
        gate = ["} gate {", *self.fitted(place, channels, 0), "sigmoid()"] if self.often(0.5) else []
        return [*before, "highway {", *body, *gate, "}"]

    def join(self, place: Place) -> Lines:
        """Two or three branches, one of them the value itself, often the first."""
        keyword = self.pick(["add", "add", "mul", "concat"])
        before, channels = self.channels(place)
        count = self.pick([2, 2, 3])
        branches: Lines = []
        for index in range(count):
            if self.often(0.5 if index == 0 else 0.2):
                branches.append("{ }")
            elif self.often(0.3):
                branches.append(
                    " -> ".join([self.pick(["relu()", "tanh()", "batchnorm()"]) for _ in range(self.pick([1, 2]))])
                )
            else:
                branches += ["{", *self.fitted(place, channels, 2), "}"]
        label = self.label(place, "", 0.15)
        place.current = self.token() if keyword == "concat" else place.current
        return [*before, f"{label}{keyword} {{", *branches, "}"]

    def dense(self, place: Place) -> Lines:
        inner = place.inside(labels=place.labels)
        lines = [self.label(inner, "") + self.layer(inner) for _ in range(self.pick([1, 2, 3]))]
        place.current = self.token()
        return ["dense {", *lines, "}"]

    def group(self, place: Place) -> Lines:
        inner = place.inside()
        lines = self.body(inner, self.chance.randint(0, 2))
        place.current = inner.current
        return ["{", *lines, "}"]

    def container(self, place: Place) -> Lines:
        """Stages under a name, some of which are read from outside."""
        if not place.labels:
            return self.group(place)
        name = self.name(place.scope, "body", "features", "stem")
        inner = place.inside(scope=Scope(set(place.scope.taken)), variable=None, values=list(place.values))
        known = len(inner.values)
        lines = self.body(inner, self.chance.randint(1, 3))
        place.current = inner.current
        labelled = [line.split(" = ")[0] for line in lines if " = " in line and not line.startswith(("let", "shared"))]
        inside = [value for value in inner.values[known:] if value[0] in labelled]
        if place.variable is None:
            place.values.append((name, place.current))
            place.values += [(f"{name}.{value}", self.token()) for value, _ in inside]
            if not labelled and self.often(0.5):  # refused where it is no chain
                place.values.append((f"{name}{self.pick(['.0', '[0]', '[-1]'])}", self.token()))
            return [f"{name} = {{", *lines, "}"]
        return [f"{name}_${place.variable} = {{", *lines, "}"]

    def sequence(self, place: Place) -> Lines:
        """A chain in which a `{ ... }` is one stage, whatever is inside of it."""
        inner = place.inside(labels=False, values=[], layers=[])
        stages: Lines = []
        for _ in range(self.pick([2, 2, 3])):
            layer = self.layer(inner)
            labelled = f"{self.pick(['conv', 'bn', 'act'])} = {layer}"
            stages.append(
                self.pick([layer, f"{{ {layer} }}", f"{{ {labelled} }}", f"{{ {layer} -> {self.layer(inner)} }}"])
            )
        name = self.name(place.scope, "features", "blocks") if place.labels and place.variable is None else ""
        place.current = self.token()
        return [f"{name} = {{" if name else "{", *stages, "}"]

    def numbered(self, place: Place) -> Lines:
        """Stages that are labelled by numbers, in a container or with the containers made on the way."""
        if not place.labels or place.variable is not None:
            return self.stage(place)
        name, variable = self.name(place.scope, "convs", "levels"), self.name(place.scope, "i", "n")
        inner = place.inside(variable=variable, labels=False)
        lines = [self.layer(inner), self.layer(inner)]
        rounds = self.pick(["2", "3"])
        place.current = self.token()
        body = self.pick([f"${variable} = {lines[0]}", f"${variable} = {{ {lines[0]} -> {lines[1]} }}"])
        if self.often(0.5):
            made = [f"{name} = {{ for {variable} in range({rounds}) {{ {body} }} }}"]
        else:
            made = [f"for {variable} in range({rounds}) {{ {name}[{variable}].{body.replace(f'${variable}', '0')} }}"]
        place.values += [(f"{name}[{index}]", self.token()) for index in range(2)] if "].0" not in made[0] else []
        return made

    # Loops and conditions

    def rounds(self, place: Place) -> str:
        counts = [number for number in place.numbers if number.startswith("(")]
        return self.pick(["2", "3", "2", "3", "1", "0", *[number[1:-5] for number in counts] * 4])

    def around(self, place: Place, **changes: object) -> Place:
        """The body of a loop: its values change from round to round."""
        inner = place.inside(current=self.token(), **changes)
        place.current = self.token()
        return inner

    def repeat(self, place: Place) -> Lines:
        if self.often(0.5):
            before, channels = self.channels(place)
            return [*before, f"repeat {self.rounds(place)} {{", *self.fitted(place.inside(labels=False), channels), "}"]
        inner = self.around(place, labels=False)
        return [f"repeat {self.rounds(place)} {{", *self.body(inner, self.chance.randint(1, 2)), "}"]

    def loop(self, place: Place) -> Lines:
        """A loop over numbers; what its rounds label can be read after it."""
        variable = self.name(place.scope, "i", "k", "j")
        rounds = self.pick(["2", "3", "4"])
        inner = self.around(place, variable=variable, labels=place.variable is None and place.labels)
        heads = [f"for {variable} in range({rounds}) {{"]
        if self.often(0.4):
            width = self.name(place.scope, "w", "width")
            inner.numbers += [width] * 3
            heads.append(f"for {variable}, {width} in enumerate({self.pick(['[2, 3, 4]', '[1, 5]'])}) {{")
        lines = self.body(inner, self.chance.randint(1, 2))
        if inner.labels and self.often(0.6):
            name = self.name(place.scope, "level", "tap")
            made, read = self.pick([("$V", "I"), ("[V]", "[I]"), ("[V].0", "[I].0")])
            lines.append(f"{name}{made.replace('V', variable)} = {self.layer(inner)}")
            place.values += [(f"{name}{read.replace('I', str(index))}", self.token()) for index in range(2)]
        return [heads[-1], *lines, "}"]

    def carried(self, place: Place) -> Lines:
        """A value that each round changes, and that is used after the loop."""
        name = self.name(place.scope, "acc", "state", "q")
        before, channels = self.channels(place)
        inner = self.around(place, labels=False)
        inner.values.append((name, channels))
        lines = self.body(inner, self.chance.randint(0, 2))
        matched = f"linear(_, {channels})" if self.rank == 1 else f"conv(_, {channels}, 1)"
        update = self.pick(
            [f"{name} + {matched}", f"tanh({name}) * {matched}", f"{matched} -> tanh()", f"tanh({name})"]
        )
        lines.insert(self.chance.randint(0, len(lines)), f"let {name} = {update}")
        place.values.append((name, channels))
        after = self.use(place) if self.often(0.5) else [f"concat({name}, _)"]
        return [*before, f"let {name} = _", f"repeat {self.rounds(place)} {{", *lines, "}", *after]

    def swapped(self, place: Place) -> Lines:
        """Two values that change places in each round."""
        one, other, third = (self.name(place.scope, *plain) for plain in (("a", "h"), ("b", "m"), ("t", "old")))
        start = place.current
        place.values += [(one, start), (other, start)]
        change = self.pick(["relu", "tanh", "sigmoid"])
        if self.often(0.5):
            lines = [f"let {third} = {one}", f"let {one} = {change}({other})", f"let {other} = {third} * 0.5"]
        else:
            lines = [f"let {third} = {change}({one}) - {other}", f"let {other} = {one}", f"let {one} = {third}"]
        after = self.pick([f"{one} + 2 * {other}", f"concat({one}, {other})", f"_ + {other}"])
        place.current = self.token() if after.startswith("concat") else start
        return [f"let {one} = _", f"let {other} = tanh(_)", f"repeat {self.rounds(place)} {{", *lines, "}", after]

    def grown(self, place: Place) -> Lines:
        """A list that grows in a loop, and is read after it."""
        name, variable = self.name(place.scope, "xs", "taps"), self.name(place.scope, "i", "j")
        rounds = self.pick(["2", "3"])
        before, channels = self.channels(place)
        last = f"linear({channels})" if self.rank == 1 else f"conv({channels}, 1)"
        label = f"{self.name(place.scope, 'c', 'lat')}${variable} = " if place.labels and not place.variable else ""
        loop = [f"for {variable} in range({rounds}) {{", f"{label}{last}", f"let {name} = {name} + [_]", "}"]
        index = self.name(place.scope, "k", "m")
        after = self.pick(
            [
                [f"{name}[0] + {name}[-1]"],
                [f"add {{ for {index} in range(len({name})) {{ {name}[{index}] }} }}"],
                [f"concat {{ for {index} in range(1, len({name})) {{ {name}[{index}] -> tanh() }} }}"],
                [f"concat({name}[1], {name}[2], _)"],
            ]
        )
        place.current = self.token()
        return [*before, f"let {name} = [_]", *loop, *after]

    def comprehension(self, place: Place) -> Lines:
        """A list of what the current value becomes, for several numbers."""
        name, variable = self.name(place.scope, "ys", "branches"), self.name(place.scope, "i", "w")
        made = f"linear(_, {variable})" if self.rank == 1 else f"conv(_, {variable}, 1)"
        number = self.pick(place.numbers or ["2"])
        sequence = self.pick(["[2, 3, 4]", "range(1, 4)", f"[{number}, 2 * {number}]"])
        asks = f" if {variable} != 3" if self.often(0.3) and number not in sequence else ""
        place.current = self.token()
        after = self.pick([f"concat({name})", f"concat {{ for {variable}_ in {name} {{ {variable}_ -> tanh() }} }}"])
        return [f"let {name} = [{made} for {variable} in {sequence}{asks}]", after]

    def function(self, place: Place) -> Lines:
        """A function of numbers, and a number that it makes."""
        name, width = self.name(place.scope, "half", "rounded"), self.name(place.scope, "w", "wide")
        start = self.pick([*place.numbers, "5"])
        value = self.pick(["max(1, v // d)", "(v + d) // d", "v * d"])
        place.numbers.append(width)
        call = f"{name}({start}{self.pick(['', ', 3', ', d=1'])})"
        return [f"let {name}(v, d=2) = {value}", f"let {width} = {call} if {call} > 0 else 1"]

    def growth(self, place: Place) -> Lines:
        """Channels that grow by a parameter in each round."""
        width, rounds = self.pick([*place.numbers, "2"]), self.rounds(place)
        last = f"linear({width})" if self.rank == 1 else f"conv({width}, 3, pad=1)"
        place.current = self.token()
        if self.often(0.3):
            return ["dense {", f"repeat {rounds} {{ {last} }}", "}"]
        middle = self.pick(["", "batchnorm() -> ", "relu() -> "])
        return [f"repeat {rounds} {{ concat {{ {{ }}  {middle}{last} }} }}"]

    def condition(self, place: Place) -> Lines:
        if not place.flags:
            return self.stage(place)
        yes, no = place.inside(), place.inside()
        lines = [f"if {self.pick(place.flags)} {{", *self.body(yes, self.chance.randint(1, 2))]
        if self.often(0.5):
            lines += ["} else {", *self.body(no, self.chance.randint(1, 2))]
        place.current = self.token()
        return [*lines, "}"]

    # Blocks and shared modules

    def call(self, place: Place) -> Lines:
        block = self.pick(self.blocks) if self.blocks and self.often(0.6) else self.block()
        if block.results > 1 and place.labels and place.variable is None:
            return self.results(place, block)
        text = self.call_text(place, block)
        place.current = self.token()
        return [self.label(place, place.current) + text]

    def call_text(self, place: Place, block: Block) -> str:
        arguments = [self.pick(place.values)[0] if place.values else "_" for _ in block.tensors]
        named = self.often(0.3)
        for parameter in block.parameters:
            if parameter.optional and self.often(0.5):
                named = True
                continue
            value = self.pick(parameter.values)
            numeric = place.numbers and value.isdigit() and parameter.values[0] != "1" and self.often(0.3)
            value = self.pick(place.numbers) if numeric else value
            arguments.append(f"{parameter.name}={value}" if named else value)
        return f"{block.name}({', '.join(arguments)})"

    def several(self, place: Place) -> Lines:
        """A block of several results."""
        blocks = [block for block in self.blocks if block.results > 1]
        if not blocks or place.variable is not None or not place.labels:
            return self.call(place)
        return self.results(place, self.pick(blocks))

    def results(self, place: Place, block: Block) -> Lines:
        text = self.call_text(place, block)
        names = [self.name(place.scope, "left", "right", "r") for _ in range(block.results)]
        place.values += [(name, self.token()) for name in names]
        place.current = self.token()
        return [f"{', '.join(names)} = {text}"]

    def shared(self, place: Place) -> Lines:
        """A module that is applied twice."""
        if place.variable is not None or not place.labels:
            return self.stage(place)
        name = self.name(place.scope, "head", "tower")
        inner = place.inside(scope=Scope(set(place.scope.taken)))
        lines = self.body(inner, self.chance.randint(1, 2))
        other = self.name(place.scope, "u", "seen")
        place.current = self.token()
        place.values.append((other, place.current))
        first = self.pick([f"let {other} = tanh(_) -> {name}", f"let {other} = {name}(_ * 2)"])
        return [f"shared {name} = {{", *lines, "}", first, f"_ -> {name}"]


def definition(kind: str, name: str, parameters: Sequence[Parameter], lines: Lines) -> str:
    declared = ", ".join(parameter.declared for parameter in parameters)
    return "\n".join([f"{kind} {name}{f'({declared})' if declared else ''} {{", *lines, "}"])


def random_net(chance: random.Random) -> str:
    """The text of a file with one net, and perhaps blocks."""
    return Writer(chance).file()
