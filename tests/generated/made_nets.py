"""Specs that are right by construction: every stage is chosen for the value that it takes.

A Writer draws the tree of a file statement by statement and knows the shape of every value as it goes. It takes a layer
where the layer says that it fits, and what torch says of that is what the tests ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

import strategies_more  # noqa: F401 - the rows of more layers
from hypothesis import assume
from hypothesis import strategies as st
from made_expressions import Number, Value, call, condition, literal, number
from pydantic import ValidationError
from strategies import arguments, cases

from netspec.layers import REGISTRY, Layer
from netspec.layers.declaration.base import ShapeError
from netspec.shapes.requirements import Requirement
from netspec.shapes.shape import Shape
from netspec.shapes.sizes import OpenSize
from netspec.syntax import tree

T = TypeVar("T")
Statements: TypeAlias = list[tree.Statement]
Made: TypeAlias = tuple[Statements, Shape]

CURRENT = tree.Name("_")
WEIGHTY = 2500
"""The most elements of a value: the nets have to run in an instant."""
INDICES = 2000
"""How many indices a table has: as many as an index can say."""
LABELS = (
    "conv1",
    "head",
    "c",
    "x",
    "self",
    "forward",
    "out",
    "e1",
    "bn",
    "layer3",
    "weight",
    "input_",
    "i",
    "mod",
    "a2",
)
COMMON = ("conv", "conv", "batchnorm", "relu", "relu", "linear", "maxpool", "dropout", "flatten", "global_avgpool")
OF_SEVERAL = [name for name, cls in REGISTRY.items() if sum(not tensor.endswith("?") for tensor in cls.tensors) > 1]
SPECIAL = dict.fromkeys(OF_SEVERAL, "supplied") | {"matmul": "product", "unpool": "unpooled", "param": "weights"}
"""Layers that take what has to be made for them first, and the Writer's way to do so."""
OF_SETS = frozenset(name for name, cls in REGISTRY.items() if cls.makes_set or cls.of_pictures)
NOT_DRAWN = OF_SETS | frozenset(name for name, cls in REGISTRY.items() if cls.__module__.endswith(".comparison")) | {
    "constant", "gather", "noise", "pick", "rearrange", "unembed"
}  # fmt: skip
"""Layers not drawn here: what they take, or what takes them, has to be made for them, or they differ from draw to
draw. The random nets of random_nets.py have them, but for those of sets, which test_emitted_sets.py has.
"""
SAFE_DEFAULTS: dict[str, dict[str, Any]] = {
    "batchnorm": {"momentum": 0.2, "eps": 0.001},
    "conv": {"init": "he_normal"},
    "linear": {"init": "xavier_uniform"},
    "dropout": {"p": 0.1},
    "leaky_relu": {"slope": 0.2},
}
"""Defaults that change no shape and contradict no argument."""


@dataclass
class Module:
    """What has a name of its own in the state dict: the labels in it, and every name that is taken there."""

    labels: list[Value] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)


@dataclass
class Place:
    """Where a statement is written: what it sees, and whether it may label its stages."""

    module: Module
    entered: Shape
    around: tuple[Value, ...] = ()
    lets: list[Value] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    template: tree.Expr | None = None
    labelled: bool = True
    keeps: bool = False
    depth: int = 0

    @property
    def values(self) -> list[Value]:
        """The tensors in sight: those from outside that nothing in the module hides."""
        seen = [value for value in self.around if _root(value[0]) not in self.module.taken]
        return [*seen, *self.module.labels, *self.lets]

    def inside(self, entered: Shape | None = None, **changes: Any) -> Place:
        """A body in this one: it sees what this one sees, and its lets are its own."""
        changes = {"lets": list(self.lets), "numbers": list(self.numbers), "depth": self.depth + 1} | changes
        return replace(self, **changes)

    def own_module(self, **changes: Any) -> Place:
        """The body of something that has labels of its own."""
        taken = {str(_root(expression)) for expression, _ in self.numbers}  # so that no label hides a number
        module = Module(taken=taken)
        return self.inside(module=module, around=tuple(self.values), lets=[], labelled=True, template=None, **changes)


@dataclass(frozen=True)
class Block:
    """A definition, a call of it that fits one shape, and what that call leaves."""

    definition: tree.Definition
    takes: Shape
    arguments: tuple[tuple[str, Any], ...]
    leaves: tuple[Shape, ...]
    inside: tuple[Value, ...] = ()


class Writer:
    """Writes one file, with `wanted` among its layers if that can be."""

    def __init__(self, draw: st.DrawFn, wanted: type[Layer]) -> None:
        self.draw, self.wanted = draw, wanted
        self.left = 14
        self.definitions: list[tree.Definition] = []
        self.blocks: list[Block] = []
        self.used: set[str] = set()
        self.named = 0

    def pick(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))

    def often(self, times: int = 1, of: int = 2) -> bool:
        return self.draw(st.integers(1, of)) <= times

    def whole(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def fresh(self, place: Place, *wanted: str) -> str:
        """A name that nothing in the module has."""
        name = self.pick(wanted or LABELS)
        while name in place.module.taken:
            name += self.pick(("1", "2", "_b", "x"))
        place.module.taken.add(name)
        return name

    def template(self, place: Place) -> tree.Label:
        """A label for a stage in a loop, which the loop's variable completes."""
        assert place.template is not None
        number = "_" + str(len(place.module.taken))
        place.module.taken.add(number)
        return tree.Label((self.pick(LABELS) + number + "_", place.template))

    def definition_name(self, *wanted: str) -> str:
        """A name that no block or net has."""
        self.named += 1
        return f"{self.pick(wanted)}{self.named}"

    def file(self) -> tree.File:
        name = self.pick(("N", "Net", "Model", "resnet"))
        items: list[tree.Item] = []
        numbers: list[Number] = []
        if self.often(1, 4):
            items.append(tree.Let(("WIDTH",), tree.Flow((literal(8),))))
            numbers.append((tree.Name("WIDTH"), 8))
        self.numbers = numbers
        net = self.net(name)
        items += self.pick((self.definitions, self.definitions[::-1])) if self.often() else self.definitions
        items.insert(self.whole(0, len(items)), net) if not items or self.often(1, 4) else items.append(net)
        if items[-1] is not net:  # tools take the last net of a file
            items = [item for item in items if item is not net] + [net]
        if self.often(1, 8):
            items.append(tree.Train((tree.Setting("epochs", tree.Flow((literal(3),))),)))
        return tree.File(tuple(items))

    def net(self, name: str) -> tree.Definition:
        parameters, numbers = self.parameters()
        module = Module(taken={str(n.id) for n, _ in numbers if isinstance(n, tree.Name)})
        inputs = [self.suited(module), *(self.input(module) for _ in range(self.pick((0, 0, 0, 1, 2))))]
        shape = inputs[0][1]
        place = Place(module, shape, numbers=[*self.numbers, *numbers])
        place.lets = [(tree.Name(statement.name), given) for statement, given in inputs]
        body: Statements = [statement for statement, _ in inputs]
        if len(inputs) > 1:
            stages, shape = self.flow(place, shape)
            body.append(tree.Stage((), tree.Flow((place.lets[0][0], *stages))))
        if self.wanted.name not in self.used:
            stages_, shape = self.insisted(place, shape)
            body += stages_
        rest, shape = self.body(place, shape, least=1, most=5)
        return tree.Definition("net", name, parameters, tree.Body((*body, *rest, *self.outputs(place, shape))))

    def input(self, module: Module) -> tuple[tree.Input, Shape]:
        name = self.fresh(Place(module, Shape(())), "image", "x", "tokens", "in1")
        rank = self.pick((1, 2, 3, 3, 3, 4))
        if self.often(1, 8):
            length = self.whole(1, 6)
            return tree.Input(name, "int", (literal(length),)), Shape.of(length, dtype="int")
        channels = self.pick((1, 2, 3, 4, 6, 8))
        if rank > 1 and self.often(1, 6):
            names = [self.pick(("H", "W", "L")) for _ in range(rank - 1)]
            dims = (channels, *map(OpenSize.symbol, names))
            return tree.Input(name, None, (literal(channels), *map(tree.Name, names))), Shape(dims)
        sizes = [channels, *(self.whole(2, (0, 8, 24, 12, 6)[rank]) for _ in range(rank - 1))]
        return tree.Input(name, self.pick((None, "float")), tuple(map(literal, sizes))), Shape(tuple(sizes))

    def suited(self, module: Module) -> tuple[tree.Input, Shape]:
        """An input that the wanted layer may well take."""
        dtype = self.pick(self.wanted.dtypes)
        rank = self.pick(tuple(rank for rank in self.wanted.ranks or (2, 3) if rank <= 4))
        if dtype == "bool" or (self.wanted.name not in SPECIAL and self.often(1, 3)):
            return self.input(module)
        sizes = [self.pick((1, 2, 3, 4, 6, 8)), *(2 * self.whole(1, (0, 5, 12, 6, 3)[rank]) for _ in range(rank - 1))]
        shape = Shape(tuple(sizes), dtype)  # type: ignore[arg-type]
        return self.declared(module, shape), shape

    def insisted(self, place: Place, x: Shape) -> Made:
        """A stage of the wanted layer, where it fits."""
        name, tensors = self.wanted.name, 2 if self.wanted.tensors[:1] == ("*xs",) else 1
        tensors = tensors if self.wanted.tensors else 0  # a source takes no value
        if name in SPECIAL:
            return getattr(self, SPECIAL[name])(place, x) or ([], x)  # type: ignore[no-any-return]
        inputs = (x,) * tensors
        for _ in range(
            12 if x.rank and x.dtype in self.wanted.dtypes and x.rank in (self.wanted.ranks or (x.rank,)) else 0
        ):
            given = self.draw(arguments(self.wanted, inputs or (x,))) if not x.is_open else {}
            given |= {key: INDICES for key in ("count", "classes") if key in self.wanted.model_fields}
            given |= given.pop(self.wanted.collects, {})
            made = self.leaves(place, self.wanted, given, inputs)
            if made is not None:
                self.used.add(name)
                values = {key: self.value(place, value) for key, value in given.items()}
                return [
                    tree.Stage((), tree.Flow((call(name, *[CURRENT] * (tensors - 1 and tensors), **values),)))
                ], made[0]
        return [], x

    def supplied(self, place: Place, x: Shape) -> Made | None:
        """The wanted layer on inputs of its own: values that fit each other, as its row has them."""
        for _ in range(12):
            case = self.draw(cases(self.wanted))
            made = self.leaves(place, self.wanted, case.arguments, case.shapes)
            if made is None:
                continue
            self.used.add(self.wanted.name)
            given = {key: self.value(place, value) for key, value in case.arguments.items()}
            declared = [self.declared(place.module, shape) for shape in case.shapes]
            names = [tree.Name(statement.name) for statement in declared]
            slots = [self.wanted(**case.arguments).slot(at, len(names)) for at in range(len(names))]
            leading = sum(slot.startswith("*") for slot in slots) or self.whole(1, len(slots))
            given |= {slot.rstrip("?"): name for slot, name in zip(slots[leading:], names[leading:], strict=True)}
            place.lets += zip(names, case.shapes, strict=True)
            stage = tree.Stage((), tree.Flow((call(self.wanted.name, *names[:leading], **given),)))
            return [*declared, stage], made[0]
        return None

    def declared(self, module: Module, x: Shape) -> tree.Input:
        """An input of this shape."""
        name = self.fresh(Place(module, Shape(())), "image", "x", "tokens")
        return tree.Input(name, x.dtype, tuple(map(literal, x.dims)))  # type: ignore[arg-type]

    def parameters(self) -> tuple[tuple[tree.Parameter, ...], list[Number]]:
        """Parameters of a net with their defaults."""
        parameters, numbers = [], []
        for name in ("classes", "width", "depth"):
            if self.often(1, 4):
                value = self.pick((2, 4, 8, 10))
                type_ = self.pick((None, tree.TypeName("int"), tree.Choice((tree.Number(value), tree.Number(99)))))
                parameters.append(tree.Parameter(name, type_, literal(value)))
                numbers.append((tree.Name(name), value))
        return tuple(parameters), numbers

    def outputs(self, place: Place, x: Shape) -> Iterator[tree.Statement]:
        for _ in range(self.pick((0, 0, 0, 1, 2))):
            name = self.fresh(place, "logits", "aux", "boxes", "count")
            elements, made = self.flow(place, x)
            if self.often() and place.values:
                start, made = self.pick(place.values)
                elements = (start,)
            label = None if name is None else tree.Label((name,))
            yield tree.Output(label, tree.Flow(elements), when_training=self.often(1, 3))
            place.module.labels.append((tree.Name(name), made))

    def body(self, place: Place, x: Shape, *, least: int = 1, most: int = 3, target: Shape | None = None) -> Made:
        """Statements in sequence; the last of them leave `target`, where one is asked for."""
        statements: Statements = []
        if target is not None and target.is_open:
            place = replace(place, keeps=True)
        for _ in range(self.whole(least, most)):
            if self.left <= 0 and statements:
                break
            made, x = self.statement(place, x)
            statements += made
        if target is not None and x != target:
            statements.append(tree.Stage((), tree.Flow(self.fitting(place, x, target))))
            x = target
        return statements, x

    def statement(self, place: Place, x: Shape) -> Made:
        self.left -= 1
        kinds: list[Callable[[Place, Shape], Made]] = [self.stage] * 8
        kinds += [self.let, self.let, self.arithmetic, self.joined]
        if place.depth < 3 and self.left > 0:
            kinds += [self.group, self.residual, self.residual, self.branches, self.branches, self.branches, self.dense]
            kinds += [self.condition, self.block, self.block, self.default]
            if x.dtype == "float" and x.rank > 0:
                kinds += [self.highway, self.repeat, self.loop]
            if place.labelled:
                kinds += [self.container, self.container, self.shared, self.returning]
        return self.pick(kinds)(place, x)

    def stage(self, place: Place, x: Shape) -> Made:
        elements, y = self.flow(place, x)
        return [self.labelled(place, elements, y)], y

    def labelled(self, place: Place, elements: tuple[tree.Element, ...], y: Shape) -> tree.Stage:
        """The flow as a stage, under a label now and then."""
        if not place.labelled or self.often(3, 5):
            return tree.Stage((), tree.Flow(elements))
        if place.template is not None:
            return tree.Stage((self.template(place),), tree.Flow(elements))
        name = self.fresh(place)
        place.module.labels.append((tree.Name(name), y))
        return tree.Stage((tree.Label((name,)),), tree.Flow(elements))

    def flow(self, place: Place, x: Shape) -> tuple[tuple[tree.Element, ...], Shape]:
        """One layer or several."""
        elements: list[tree.Element] = []
        for _ in range(self.pick((1, 1, 2, 3))):
            element, x = self.layer(place, x, first=not elements)
            elements.append(element)
        return tuple(elements), x

    def layer(self, place: Place, x: Shape, *, first: bool) -> tuple[tree.Element, Shape]:
        """A layer that fits, with arguments that fit."""
        fitting = [
            cls
            for cls in REGISTRY.values()
            if cls.name not in NOT_DRAWN
            and x.dtype in cls.dtypes
            and (cls.ranks is None or x.rank in cls.ranks)
            and cls.tensors
            and not cls.tensors[0].startswith("*")
            and all(tensor.endswith("?") for tensor in cls.tensors[1:])
        ]
        fitting += [REGISTRY[name] for name in COMMON if REGISTRY[name] in fitting] * 2
        if x.dtype == "int":
            fitting = [cls for cls in fitting if cls.family in ("shape", "linear") and cls.name != "pad"]
        if x.rank == 0:
            plain = [cls for cls in fitting if cls.family == "activation" and not cls.model_fields]
            fitting = plain if x.dtype == "float" else [REGISTRY["one_hot"]]
        for _ in range(5 if fitting else 0):
            cls = self.pick(fitting)
            given = self.draw(arguments(cls, (x,))) if not x.is_open else self.draw(arguments(cls, (at_eight(x),)))
            given |= {name: INDICES for name in ("count", "classes") if name in cls.model_fields}
            given |= given.pop(cls.collects, {})  # what is given by any name, as the sizes of a pattern are
            y = self.leaves(place, cls, given, (x,))
            if y is not None:
                self.used.add(cls.name)
                return self.written(place, cls, given, first=first), y[0]
        return (tree.Call(tree.Name("identity"), ()) if first else tree.Name("identity")), x

    def leaves(
        self, place: Place, cls: type[Layer], given: dict[str, Any], inputs: tuple[Shape, ...]
    ) -> tuple[Shape, ...] | None:
        """What the layer makes; None where it does not fit, or makes too much."""
        try:
            layer = cls(**given)
            made = layer.outputs(*inputs)
            open_ = any(shape.is_open for shape in inputs)
            if open_ and any(not m.dims or isinstance(m.dims[0], OpenSize) for m in made):
                return None
            needs = layer.requires(*inputs) if open_ else ()
            needs += tuple(Requirement(size, ">=", 1) for m in made for size in m.dims if isinstance(size, OpenSize))
            if any(need.relation != ">=" or need.status == "never" for need in needs):
                return None
            rest = 0 if inputs[0].rank > 4 else 1
            same = all((m.dims[rest:], m.dtype) == (inputs[0].dims[rest:], inputs[0].dtype) for m in made)
            if open_ and place.keeps and (layer.requires(*inputs) or not same):
                return None
            layer.torch(*inputs)
        except (ValidationError, ShapeError):
            return None
        if any(not shape.is_open and int(shape.elements) > WEIGHTY for shape in made):
            return None
        if any(shape.dtype == "bool" for shape in made):  # nothing but `where` takes it
            return None
        weights = (*layer.parameters(*inputs).values(), *layer.buffers(*inputs).values())
        return made if all(_product_of(weight) <= 200 * WEIGHTY for weight in weights) else None

    def written(self, place: Place, cls: type[Layer], given: dict[str, Any], *, first: bool) -> tree.Expr:
        """A call of the layer: the arguments by position as far as that goes, or by name."""
        positional: list[tree.Expr] = []
        named: dict[str, tree.Expr] = {}
        fields = list(cls.model_fields)
        for name in sorted(given, key=lambda name: fields.index(name) if name in fields else len(fields)):
            value = self.value(place, given[name])
            leading = name in fields and len(positional) == fields.index(name)
            if leading and not named and self.often(3, 4):
                positional.append(value)
            else:
                named[name] = value
        if not positional and not named and (not first or self.free(place, cls.name)) and self.often(4, 5):
            return tree.Name(cls.name)
        return call(cls.name, *positional, **named)

    def free(self, place: Place, name: str) -> bool:
        """Whether a bare `name` is a layer here, and not a value."""
        return all(expression != tree.Name(name) for expression, _ in place.values)

    def value(self, place: Place, value: Any) -> tree.Expr:
        """An argument; a whole number in any way that it can be written."""
        if type(value) is int:
            return number(self.draw, value, place.numbers, place.values)
        if isinstance(value, str):
            word = value.isidentifier() and value not in ("none", "all") and self.free(place, value) and self.often()
            return tree.Name(value) if word else tree.String(value)
        if isinstance(value, list | tuple):
            return tree.List(tuple(self.value(place, item) for item in value))
        return literal(value)

    def fitting(self, place: Place, x: Shape, target: Shape) -> tuple[tree.Element, ...]:
        """Stages that take x to the target."""
        stages: list[tree.Element] = []
        if x.dtype != "float" and target.dtype == "float":
            stages.append(call("embedding", literal(INDICES), literal(2)))
            x = Shape.of(*x.dims, 2)
        if x == target:
            return tuple(stages) or (call("identity"),)
        if x.rank == target.rank and x.dims[1:] == target.dims[1:] and 2 <= x.rank <= 4:
            return (*stages, call("conv", self.value(place, target.channels), literal(1)))
        if x.rank == target.rank and 2 <= x.rank <= 4 and not target.is_open and self.often():
            sizes = literal(list(target.spatial))
            return (*stages, call("adaptive_avgpool", sizes), call("conv", literal(target.channels), literal(1)))
        stages += [call("flatten")] if x.rank > 1 else [call("unsqueeze", literal(0))] if x.rank == 0 else []
        stages.append(call("linear", literal(target.elements)))
        return (*stages, call("reshape", literal(list(target.dims)))) if target.rank != 1 else tuple(stages)

    def wiring(self, keyword: Any, body: Statements, **clauses: Statements) -> tree.Wiring:
        made = tuple(tree.Clause(word, tree.Body(tuple(part))) for word, part in clauses.items())  # type: ignore[arg-type]
        return tree.Wiring(keyword, tree.Body(tuple(body)), made)

    def within(self, place: Place, x: Shape) -> tuple[Place, tree.Label | None]:
        """The place of a wiring's body, and the wiring's label, where it has one: the body is then a module of its own.

        Where sizes are open, nothing in the body changes them.
        """
        keeps = place.keeps or x.is_open
        if not place.labelled or self.often(3, 4):
            return place.inside(keeps=keeps), None
        label = self.template(place) if place.template is not None else tree.Label((self.fresh(place),))
        return place.own_module(keeps=keeps), label

    def wired(self, place: Place, inner: Place, label: tree.Label | None, wiring: tree.Wiring, y: Shape) -> Made:
        """The wiring as a stage; what it holds can be read from outside."""
        if label is not None and label.parts[1:] == ():
            name = str(label.parts[0])
            place.module.labels.append((tree.Name(name), y))
            place.module.labels += [(_within(name, expression), shape) for expression, shape in inner.module.labels]
        return [tree.Stage((label,) if label is not None else (), tree.Flow((wiring,)))], y

    def residual(self, place: Place, x: Shape) -> Made:
        inner, label = self.within(place, x)
        if x.dtype != "float":
            return self.wired(place, inner, label, self.wiring("residual", [self.elementwise(x)]), x)
        if self.often():
            through, _ = self.body(inner.inside(), x, target=x)
            return self.wired(place, inner, label, self.wiring("residual", through), x)
        through, y = self.body(inner.inside(), x)
        if y.dtype != "float" or y.rank == 0:
            start, y = self.fresh(inner, "start"), x
            through = [
                tree.Let((start,), tree.Flow((CURRENT,))),
                *through,
                tree.Stage((), tree.Flow((tree.Name(start),))),
            ]
        around: Statements = []
        if y != x:
            around = [self.labelled(inner, self.fitting(inner, x, y), y)]
            if self.often(1, 3):
                different = tree.Compare(("!=",), (tree.Attribute(CURRENT, "rank"), literal(9)))
                around = [tree.If((tree.Branch(different, tree.Body(tuple(around))),), None)]
        return self.wired(place, inner, label, self.wiring("residual", through, shortcut=around), y)

    def elementwise(self, x: Shape) -> tree.Stage:
        """A stage for values of any type."""
        return tree.Stage(
            (), tree.Flow((tree.Binary("+", CURRENT, CURRENT),) if x.dtype == "int" else (call("identity"),))
        )

    def highway(self, place: Place, x: Shape) -> Made:
        inner, label = self.within(place, x)
        through, _ = self.body(inner.inside(), x, target=x)
        clauses: dict[str, Statements] = {}
        if x.rank > 4 or self.often():
            clauses["gate"] = [
                *self.body(inner.inside(), x, most=1, target=x)[0],
                tree.Stage((), tree.Flow((call("sigmoid"),))),
            ]
        if self.often(1, 3):
            clauses["carry"] = self.body(inner.inside(), x, most=1, target=x)[0]
        return self.wired(place, inner, label, self.wiring("highway", through, **clauses), x)

    def branches(self, place: Place, x: Shape) -> Made:
        if x.is_open and x.rank > 4:
            return self.stage(place, x)
        keyword = self.pick(("concat", "concat", "add", "mul"))
        inner, label = self.within(place, x)
        first, y = self.branch(inner, x)
        if y.rank == 0 or y.dtype != "float":
            return self.wired(place, inner, label, self.wiring(keyword, [first]), y)
        body: Statements = [first]
        for _ in range(self.whole(0, 2)):
            channels = self.whole(1, 5) if keyword == "concat" else y.channels
            target = y.replace(axis=0, size=channels)
            kind = self.whole(0, 5)
            if kind == 0 and x == target:
                body.append(tree.Stage((), tree.Flow((tree.Group(tree.Body(())),))))
            elif kind == 1 and 2 <= y.rank <= 4 and x.rank == y.rank and x.spatial == y.spatial and x.dtype == "float":
                kernels = [1, 3, 5][: self.whole(1, 3)]
                kernel = self.fresh(inner, "k", "side")
                each = call("conv", self.value(inner, channels), tree.Name(kernel), pad=tree.String("same"))
                loop = tree.For((kernel,), literal(kernels), tree.Body((tree.Stage((), tree.Flow((each,))),)))
                body.append(loop)
                target = target.replace(axis=0, size=channels * (len(kernels) if keyword == "concat" else 1))
            else:
                body.append(self.branch(inner, x, target)[0])
            if keyword == "concat":
                y = y.replace(axis=0, size=y.channels + target.channels)
            if self.often(1, 6):
                body.insert(0, tree.Let((self.fresh(inner, "unread"),), tree.Flow((literal(3),))))
        return self.wired(place, inner, label, self.wiring(keyword, body), y)

    def branch(self, place: Place, x: Shape, target: Shape | None = None) -> tuple[tree.Stage, Shape]:
        """One stage, whatever it holds."""
        if self.often() or target is not None:
            body, y = self.body(place.inside(), x, most=2, target=target)
            return tree.Stage((), tree.Flow((tree.Group(tree.Body(tuple(body))),))), y
        elements, y = self.flow(place, x)
        return self.labelled(place, elements, y), y

    def dense(self, place: Place, x: Shape) -> Made:
        if x.rank == 0 or x.dtype != "float" or (x.is_open and x.rank > 4):
            return self.stage(place, x)
        inner, label = self.within(place, x)
        body: Statements = []
        for _ in range(self.whole(1, 3)):
            new = x.replace(axis=0, size=self.whole(1, 4))
            body.append(self.branch(inner, x, new)[0])
            x = x.replace(axis=0, size=x.channels + new.channels)
        return self.wired(place, inner, label, self.wiring("dense", body), x)

    def group(self, place: Place, x: Shape) -> Made:
        """Braces. Where there are labels in them, one beside them keeps the body around from being a chain, in which
        they would be a module of their own.
        """
        taken = len(place.module.taken)
        body, y = self.body(place.inside(), x)
        stages: Statements = [tree.Stage((), tree.Flow((tree.Group(tree.Body(tuple(body))),)))]
        if place.labelled and len(place.module.taken) > taken:
            stages.append(tree.Stage((tree.Label((self.fresh(place),)),), tree.Flow((call("identity"),))))
        return stages, y

    def container(self, place: Place, x: Shape) -> Made:
        """A labelled body: its stages can be read from outside."""
        label = self.template(place) if place.template is not None else tree.Label((self.fresh(place),))
        inner = place.own_module(entered=x)
        body, y = self.body(inner, x, most=4)
        elements: tuple[tree.Element, ...] = (tree.Group(tree.Body(tuple(body))),)
        if y.dtype == "float" and self.often(1, 4):
            after = inner.inside(lets=[], numbers=list(place.numbers))
            elements = (*elements, self.wiring("residual", self.body(after, y, target=y)[0]))
        if place.template is None:
            name = str(label.parts[0])
            place.module.labels.append((tree.Name(name), y))
            place.module.labels += [(_within(name, expression), shape) for expression, shape in inner.module.labels]
        return [tree.Stage((label,), tree.Flow(elements))], y

    def repeat(self, place: Place, x: Shape) -> Made:
        times = self.whole(0, 3)
        body, _ = self.body(place.inside(labelled=False, keeps=place.keeps or x.is_open), x, target=x)
        return [tree.Repeat(self.value(place, times), tree.Body(tuple(body)))], x

    def loop(self, place: Place, x: Shape) -> Made:
        """Over numbers: either each round leaves the shape that it took, or takes its channels from the list."""
        variable = self.fresh(place, "k", "n", "w", "j")
        name = tree.Name(variable)
        inner = place.inside(keeps=place.keeps or x.is_open)
        inner.labelled = place.labelled and place.template is None
        inner.template = name
        if x.dtype == "float" and 1 <= x.rank <= 4 and self.often():
            widths = [self.whole(1, 6) + 7 * i for i in range(self.whole(1, 3))]
            layer = call("linear", name) if x.rank == 1 else call("conv", name, literal(1))
            after = [tree.Stage((), tree.Flow((tree.Name(self.pick(("relu", "tanh", "gelu"))),)))]
            stage = self.labelled(inner, (layer,), x.replace(axis=0, size=widths[-1]))
            return [tree.For((variable,), literal(widths), tree.Body((stage, *after)))], x.replace(
                axis=0, size=widths[-1]
            )
        rounds = self.whole(0, 3)
        if place.template is not None:
            inner.labelled = False
        body, _ = self.body(inner, x, most=2, target=x)
        if self.often(1, 3):
            other = self.fresh(place, "m", "pair")
            sequence = call("enumerate", literal([5] * rounds), literal(1))
            return [tree.For((variable, other), sequence, tree.Body(tuple(body)))], x
        return [tree.For((variable,), call("range", self.value(place, rounds)), tree.Body(tuple(body)))], x

    def condition(self, place: Place, x: Shape) -> Made:
        """The body that is chosen is followed; the other is only read."""
        asked, truth = condition(self.draw, place.values)
        yes, after_yes = self.body(self.either(place, chosen=truth), x, most=2)
        if self.often(1, 3):
            return [tree.If((tree.Branch(asked, tree.Body(tuple(yes))),), None)], after_yes if truth else x
        no, after_no = self.body(self.either(place, chosen=not truth), x, most=2)
        return [tree.If((tree.Branch(asked, tree.Body(tuple(yes))),), tree.Body(tuple(no)))], (
            after_yes if truth else after_no
        )

    def either(self, place: Place, *, chosen: bool) -> Place:
        """The place of a branch; what is not chosen makes no labels."""
        return place.inside(lets=list(place.lets)) if chosen else place.own_module(entered=place.entered)

    def let(self, place: Place, x: Shape) -> Made:
        """A side value or a number."""
        name = self.fresh(place, "z", "gate", "side", "v")
        if self.often(1, 3):
            value = self.whole(1, 12)
            written = number(self.draw, value, place.numbers, place.values)
            place.numbers.append((tree.Name(name), value))
            return [tree.Let((name,), tree.Flow((written,)))], x
        start: tuple[tree.Element, ...] = (CURRENT,)
        y = x
        if self.often(1, 3) and place.values:
            chosen, y = self.pick(place.values)
            start = (chosen,)
        inner = place.inside()
        elements, y = self.flow(inner, y)
        place.lets.append((tree.Name(name), y))
        return [tree.Let((name,), tree.Flow((*start, *elements)))], x

    def arithmetic(self, place: Place, x: Shape) -> Made:
        """An expression of values of one shape."""
        if x.dtype != "float":
            return self.stage(place, x)
        same = [CURRENT, *(expression for expression, shape in place.values if shape == x)]
        tensors = [expression for expression in same if not isinstance(expression, tree.Attribute) or self.often()]
        expression = self.tensor(tensors, self.whole(1, 3))
        return [self.labelled(place, (expression,), x)], x

    def tensor(self, tensors: list[tree.Expr], depth: int) -> tree.Expr:
        if depth == 0:
            return self.pick(tensors)
        inner = self.tensor(tensors, depth - 1)
        match self.whole(0, 5):
            case 0:
                return tree.Unary("-", inner)
            case 1:
                return call(self.pick(("tanh", "sigmoid", "relu", "abs")), inner)
            case 2:
                amount = literal(self.pick((1, 2, 0.5)))
                sides = (amount, inner) if self.often() else (inner, amount)
                return self.combined(self.pick("+-*"), *sides)
            case 3:
                return self.combined("/", inner, literal(self.pick((2, 4.0))))
            case 4:
                return self.combined("**", inner, literal(2))
            case _:
                return self.combined(self.pick("+-*"), inner, self.tensor(tensors, self.whole(0, depth - 1)))

    def combined(self, operator: str, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        self.used.add({"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow"}[operator])
        return tree.Binary(operator, left, right)

    def joined(self, place: Place, x: Shape) -> Made:
        """A layer of several tensors, given those that are there or made for it."""
        ways: list[Callable[[Place, Shape], Made | None]] = [self.weights, self.stacked]
        if x.dtype == "float":
            ways += [self.product, self.unpooled, self.alike, self.attended]
        for _ in range(3):
            made = self.pick(ways)(place, x)
            if made is not None:
                return made
        return self.stage(place, x)

    def called(
        self, place: Place, name: str, inputs: Sequence[Value], **given: Any
    ) -> tuple[tree.Element, Shape] | None:
        cls = REGISTRY[name]
        made = self.leaves(place, cls, given, tuple(shape for _, shape in inputs))
        if made is None:
            return None
        self.used.add(name)
        return call(name, *(e for e, _ in inputs), **{k: self.value(place, v) for k, v in given.items()}), made[0]

    def single(self, place: Place, found: tuple[tree.Element, Shape] | None) -> Made | None:
        return None if found is None else ([self.labelled(place, (found[0],), found[1])], found[1])

    def stacked(self, place: Place, x: Shape) -> Made | None:
        others = [value for value in place.values if value[1].rank == x.rank and value[1].dtype == x.dtype]
        if not others:
            return None
        inputs = [(CURRENT, x), *(self.pick(others) for _ in range(self.whole(1, 2)))]
        if self.often():
            inputs.reverse()
        name = self.pick(("concat", "stack", "add", "mul", "maximum", "minimum"))
        return self.single(
            place,
            self.called(
                place, name, inputs, **({"axis": 0} if self.often(1, 4) and name in ("concat", "stack") else {})
            ),
        )

    def product(self, place: Place, x: Shape) -> Made | None:
        if x.rank < 2 or x.is_open or place.template is not None:
            return None
        name = self.fresh(place, "t", "other")
        turned = x.with_dims(*x.dims[:-2], x.dims[-1], x.dims[-2])
        first = tree.Let((name,), tree.Flow((call("transpose", CURRENT, literal(-1), literal(-2)),)))
        found = self.single(place, self.called(place, "matmul", [(CURRENT, x), (tree.Name(name), turned)]))
        return None if found is None else ([first, *found[0]], found[1])

    def unpooled(self, place: Place, x: Shape) -> Made | None:
        even = 2 <= x.rank <= 4 and all(isinstance(size, int) and size % 2 == 0 for size in x.spatial)
        if not even or not place.labelled or place.template is not None:
            return None
        pooled = self.leaves(place, REGISTRY["maxpool"], {"kernel": 2, "indices": True}, (x,))
        if pooled is None:
            return None
        names = [self.fresh(place, "h", "pooled"), self.fresh(place, "where", "idx")]
        labels = tuple(tree.Label((name,)) for name in names)
        maxpool = call("maxpool", literal(2), indices=tree.Constant(True))
        statements: Statements = [tree.Stage(labels, tree.Flow((maxpool,)))]
        values = [(tree.Name(name), shape) for name, shape in zip(names, pooled, strict=True)]
        place.module.labels += values
        made = self.called(place, "unpool", values, kernel=2)
        return None if made is None else ([*statements, tree.Stage((), tree.Flow((made[0],)))], made[1])

    def alike(self, place: Place, x: Shape) -> Made | None:
        """Brought to the size of another value."""
        others = [value for value in place.values if value[1].rank == x.rank and not value[1].is_open]
        if not others or x.is_open:
            return None
        other = self.pick(others)
        name = self.pick(("upsample", "center_crop"))
        made = self.leaves(place, REGISTRY[name], {}, (x, other[1]))
        if made is None:
            return None
        self.used.add(name)
        return [self.labelled(place, (call(name, like=other[0]),), made[0])], made[0]

    def attended(self, place: Place, x: Shape) -> Made | None:
        others = [value for value in place.values if value[1].rank == 2 and value[1].dtype == "float"]
        if x.rank != 2 or not others:
            return None
        memory = self.pick(others)
        return self.single(
            place, self.called(place, "attention", [(CURRENT, x), *[memory] * self.whole(1, 2)], heads=1)
        )

    def weights(self, place: Place, x: Shape) -> Made | None:
        """A parameter of the value's own shape, added or multiplied."""
        if x.is_open or x.dtype != "float":
            return None
        name = self.fresh(place, "p", "positions")
        dims = [self.pick((size, size, 1)) for size in x.dims]
        param = tree.Let((name,), tree.Flow((call("param", literal(dims)),)))
        self.used.add("param")
        joined = tree.Binary(self.pick(("+", "*")), CURRENT, tree.Name(name))
        return [param, self.labelled(place, (joined,), x)], x

    def default(self, place: Place, x: Shape) -> Made:
        name = self.pick(list(SAFE_DEFAULTS))
        key = self.pick(list(SAFE_DEFAULTS[name]))
        value = SAFE_DEFAULTS[name][key]
        written = tree.String(value) if isinstance(value, str) else literal(value)
        return [tree.Default(name, (tree.Argument(key, written),))], x

    def shared(self, place: Place, x: Shape) -> Made:
        """A module applied twice, to values of one shape."""
        if place.template is not None:
            return self.stage(place, x)
        name = self.fresh(place, "shared_head", "tower")
        body, y = self.body(place.own_module(entered=x), x, most=2)
        module = tree.Group(tree.Body(tuple(body)))
        others = [CURRENT, *(expression for expression, shape in place.values if shape == x)]
        statements: Statements = [tree.Shared(tree.Label((name,)), tree.Flow((module,)))]
        for _ in range(self.whole(1, 2)):
            other = self.fresh(place, "applied", "seen")
            application = (self.pick(others), tree.Name(name)) if self.often() else (call(name, self.pick(others)),)
            statements.append(tree.Let((other,), tree.Flow(application)))
            place.lets.append((tree.Name(other), y))
        return [*statements, tree.Stage((), tree.Flow((CURRENT, tree.Name(name))))], y

    def block(self, place: Place, x: Shape) -> Made:
        """A call of a block or net that there is already, or of a new one."""
        known = [block for block in self.blocks if block.takes == x and len(block.leaves) == 1 and not block.inside]
        block = self.pick(known) if known and self.often(2, 3) else self.new_block(x)
        if block is None:
            return self.stage(place, x)
        element = self.block_call(place, block)
        (y,) = block.leaves
        if block.inside and place.labelled and place.template is None:
            name = self.fresh(place)
            place.module.labels.append((tree.Name(name), y))
            place.module.labels += [(_within(name, expression), shape) for expression, shape in block.inside]
            return [tree.Stage((tree.Label((name,)),), tree.Flow((element,)))], y
        return [self.labelled(place, (element,), y)], y

    def block_call(self, place: Place, block: Block) -> tree.Expr:
        name = block.definition.name
        if not block.arguments and self.often() and self.free(place, name):
            return tree.Name(name)
        values = [self.value(place, value) for _, value in block.arguments]
        if self.often():
            return call(name, *values)
        return call(name, **{key: value for (key, _), value in zip(block.arguments, values, strict=True)})

    def returning(self, place: Place, x: Shape) -> Made:
        """A block of two results, both labelled."""
        if place.template is not None:
            return self.stage(place, x)
        name = self.definition_name("Two")
        inner = Place(Module(), x, numbers=list(self.numbers), depth=place.depth + 1, keeps=x.is_open)
        body, y = self.body(inner, x, most=2)
        label = self.fresh(inner, "a")
        elements, z = self.flow(inner, y)
        body.append(tree.Stage((tree.Label((label,)),), tree.Flow(elements)))
        body.append(tree.Return((tree.Name(label), tree.Name("in"))))
        self.definitions.append(tree.Definition("block", name, (), tree.Body(tuple(body))))
        labels = [self.fresh(place, "left"), self.fresh(place, "right")]
        place.module.labels += [(tree.Name(labels[0]), z), (tree.Name(labels[1]), x)]
        return [tree.Stage(tuple(tree.Label((label,)) for label in labels), tree.Flow((call(name),)))], z

    def new_block(self, x: Shape) -> Block | None:
        """A definition whose body fits x where its parameters have the values of the first call."""
        kind = "net" if self.often(1, 4) and x.rank > 0 and not x.is_open else "block"
        numbered = [("width", self.pick((1, 2, 4, 6))), ("n", self.whole(1, 3))][: self.whole(0, 2)]
        name = self.definition_name("Block", "bottleneck", "SE")
        numbers: list[Number] = [*self.numbers, *((tree.Name(key), value) for key, value in numbered)] * 2
        module = Module(taken={key for key, _ in numbered})
        place = Place(module, x, numbers=numbers, depth=1, keeps=x.is_open)
        body: Statements = []
        if kind == "net":
            entering = self.fresh(place, "x", "given")
            sizes = [literal(size) for size in x.dims]
            body.append(tree.Input(entering, x.dtype, tuple(sizes)))
            place.lets.append((tree.Name(entering), x))
        rest, y = self.body(place, x, most=3)
        defaults = [self.often() for _ in numbered]
        parameters = tuple(
            tree.Parameter(
                key,
                self.pick((None, tree.TypeName("int"))),
                literal(value) if kind == "net" or all(defaults[i:]) else None,
            )
            for i, (key, value) in enumerate(numbered)
        )
        definition = tree.Definition(kind, name, parameters, tree.Body((*body, *rest)))  # type: ignore[arg-type]
        self.definitions.append(definition)
        inside = tuple(module.labels) if self.often() else ()
        block = Block(definition, x, tuple(numbered), (y,), inside)
        self.blocks.append(block)
        return block


def at_eight(x: Shape) -> Shape:
    """The shape with a number for each open size."""
    return x.with_dims(*(8 if isinstance(size, OpenSize) else size for size in x.dims))


def _within(name: str, expression: tree.Expr) -> tree.Expr:
    """What is called `expression` inside a module, seen from outside of it."""
    if isinstance(expression, tree.Attribute):
        return replace(expression, value=_within(name, expression.value))
    assert isinstance(expression, tree.Name)
    return tree.Attribute(tree.Name(name), expression.id)


def _root(expression: tree.Expr) -> str | None:
    """The name that an expression begins with."""
    while isinstance(expression, tree.Attribute):
        expression = expression.value
    return expression.id if isinstance(expression, tree.Name) else None


def _product_of(sizes: Sequence[int]) -> int:
    product = 1
    for size in sizes:
        product *= size
    return product


@st.composite
def specs(draw: st.DrawFn, wanted: str | None = None) -> tuple[tree.File, frozenset[str]]:
    """The tree of a file, with the wanted layer in it if that can be, and the layers that it certainly uses."""
    writer = Writer(draw, REGISTRY[wanted or draw(st.sampled_from(sorted(REGISTRY.keys() - NOT_DRAWN)))])
    return writer.file(), frozenset(writer.used)


@st.composite
def changed(draw: st.DrawFn) -> tree.File:
    """The tree of a file in which one whole number is another than it was.

    Without unpool: whether the indices of a pool serve it is no matter of shapes.
    """
    file, layers = draw(specs())
    assume("unpool" not in layers)
    wanted = draw(st.integers(0, max(0, sum(1 for _ in _numbers(file)) - 1)))
    position = iter(range(10**6))

    def copy(part: Any) -> Any:
        match part:
            case tree.Number(int() as value) if next(position) == wanted:
                return tree.Number(draw(st.sampled_from((value + 1, max(0, value - 1), 2 * value, value + 7, 0, 1))))
            case tree.Tree():
                return replace(part, **{name: copy(getattr(part, name)) for name in part.__match_args__})
            case tuple():
                return tuple(map(copy, part))
            case _:
                return part

    again = copy(file)
    assert isinstance(again, tree.File)
    return again


def _numbers(part: Any) -> Iterator[tree.Number]:
    """The whole numbers of a tree, in order."""
    match part:
        case tree.Number(int()):
            yield part
        case tree.Tree():
            for name in part.__match_args__:
                yield from _numbers(getattr(part, name))
        case tuple():
            for inner in part:
                yield from _numbers(inner)
