"""One class of the emitted source, from its design: constructor and forward."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from netspec.codegen import leaves
from netspec.codegen.designs import Design, Designer, loop_label
from netspec.codegen.fold import Item, Loop
from netspec.codegen.forward import Writing, needed_steps, write_forward
from netspec.codegen.layout import INDENT, Bracket, Comprehension, Expr, call, flat, lines
from netspec.codegen.naming import (
    MODULE_ATTRIBUTES,
    Names,
    is_attribute,
    is_hidden,
    is_plain_word,
    local,
    quoted,
)
from netspec.codegen.parameters import Parameter
from netspec.codegen.patterns import Literal, Ref, Resolved, ascending, counting, same
from netspec.codegen.plan import Body, Part, Step
from netspec.codegen.preamble import Preamble
from netspec.graph.graph import Value

FEW = 3
"""A Sequential of up to so many plain stages may stand on one line."""


class ClassWriter:
    """Writes one class. Arguments are looked up by the labels on the way to the layer."""

    def __init__(self, design: Design, designer: Designer, preamble: Preamble, *, is_net: bool) -> None:
        self.design, self.designer, self.preamble, self.is_net = design, designer, preamble, is_net
        self.part = design.sample
        assert self.part.body is not None
        self.body: Body = self.part.body
        self.items = designer.items(self.part)
        self.values = design.resolution.values
        self.is_chain = design.sequential and designer.chains(self.part)
        self.names_by_path: dict[tuple[str, ...], list[str]] = {}
        for path, name in self.values:
            if not name.endswith("+"):
                self.names_by_path.setdefault(path, []).append(name)
        loops = [item for item in self.items if isinstance(item, Loop)]
        self.places = {id(step.part): (loop, place) for loop in loops for place, step in enumerate(loop.first)}
        self.attributes = self._attributes()
        self.stored: dict[str, str] = {}

    def write(
        self,
        outputs: Sequence[str] = (),
        result: str = "",
        hints: dict[Value, str] | None = None,
        single: Value | None = None,
    ) -> list[str]:
        """The lines of the class.

        The net's own returns are `outputs`, already written, of type `result`; `hints` are the names of its outputs,
        and `single` is the value that is returned by itself.
        """
        self.hints, self.single = hints or {}, single
        if not result and len(self.body.outputs) == 1:
            self.single = self.body.outputs[0]
        base = "nn.Sequential" if self.design.sequential else "nn.Module"
        forward = [] if self.is_chain or not self.body.outputs else self._forward(outputs, result)
        head = [f"class {self.design.name}({base}):"]
        constructor = self._constructor()
        return [*head, *constructor, *([""] if constructor and forward else []), *forward]

    # Names of submodules

    def _attributes(self) -> dict[int, str]:
        """How each module of the class is reached; unlabelled stages without weights that are alike are one module."""
        found: dict[int, str] = {}
        labels = {child.label for child in self.part.children if not _is_anonymous(child)}
        names = Names(set(labels) | MODULE_ATTRIBUTES)
        alike: dict[str, str] = {}
        needed = {id(step.part) for step in needed_steps(self.items, self.body)}
        later = {id(s.part) for item in self.items if isinstance(item, Loop) for r in item.rounds[1:] for s in r}
        positions = {id(child): index for index, child in enumerate(self._submodules())}
        for child in self.part.children:
            idle = not child.stateful and id(child) not in needed and not self.design.sequential
            if not child.is_module or id(child) in later or idle:
                continue
            if self.design.sequential and _is_submodule(child):
                found[id(child)] = f"self[{positions[id(child)]}]"
            elif _is_anonymous(child):
                text = flat(self._construct_child(child))
                if text not in alike:
                    alike[text] = names.claim(local(child.stem), child.label)
                found[id(child)] = f"self.{alike[text]}"
            else:
                found[id(child)] = _access("self", child)
        return found

    def _submodules(self) -> list[Part]:
        """The submodules in the order in which the constructor adds them."""
        loops = {id(loop.first[0].part): loop for loop in self.items if isinstance(loop, Loop)}
        looped = {id(step.part) for loop in loops.values() for step in loop.steps}
        found: list[Part] = []
        for child in self.part.children:
            if id(child) in loops:
                loop = loops[id(child)]
                found.extend(step.part for step in loop.first if _is_anonymous(step.part))
                found.extend(step.part for step in loop.steps if not _is_anonymous(step.part))
            elif id(child) not in looped:
                found.append(child)
        return list(filter(_is_submodule, found))

    def _module(self, step: Step) -> str:
        return self.attributes[id(step.part)] if step.part.is_module else ""

    # The constructor

    def _constructor(self) -> list[str]:
        if self.is_chain:
            built = self._sequential_arguments(self.part, ())
            body = lines("super().__init__", Bracket("", built, tall=len(built) > FEW), 2)
        else:
            body = [f"{INDENT * 2}super().__init__()", *self._assignments()]
        body.extend(
            f"{INDENT * 2}self.{attribute} = {parameter}" for parameter, attribute in sorted(self.stored.items())
        )
        if self.is_net:
            body.extend(_initialization(self.preamble.passes))
        if body == [f"{INDENT * 2}super().__init__()"]:
            return []
        arguments: list[tuple[str, Expr]] = [("", "self")]
        arguments.extend(("", _declared(parameter)) for parameter in self.design.parameters)
        return [*lines("def ", Bracket("__init__", tuple(arguments)), 1, " -> None:"), *body]

    def _assignments(self) -> list[str]:
        written: list[str] = []
        done: set[str] = set()
        loops = {id(loop.first[0].part): loop for loop in self.items if isinstance(loop, Loop)}
        looped = {id(step.part) for loop in loops.values() for step in loop.steps}
        for child in self.part.children:
            if id(child) in loops:
                written.extend(self._loop_assignments(loops[id(child)], done))
            elif id(child) not in looped and id(child) in self.attributes:
                written.extend(self._assignment(child, done))
        return written

    def _assignment(self, child: Part, done: set[str]) -> list[str]:
        name = self.attributes[id(child)]
        if name in done:
            return []
        done.add(name)
        expr = self._construct_child(child)
        flag = self.design.resolution.flags.get(child.label)
        if self.design.sequential or not (is_plain_word(child.label) or is_hidden(child.label)):
            return lines("", call(f"self.{_registration(child)}", quoted(child.label), expr), 2)
        if name.startswith("cast("):
            return lines(f"self.{_STORES[_registration(child)]}[{quoted(child.label)}] = ", expr, 2)
        if flag is None:
            return lines(f"{name} = ", expr, 2)
        absent = [f"{INDENT * 2}{name}: nn.Module = nn.Identity()", f"{INDENT * 2}if {flag}:"]
        return [*absent, *lines(f"{name} = ", expr, 3)]

    def _loop_assignments(self, loop: Loop, done: set[str]) -> list[str]:
        inside: list[str] = []
        before: list[str] = []
        for place, step in enumerate(loop.first):
            if not step.part.is_module:
                continue
            if _is_anonymous(step.part):
                before.extend(self._assignment(step.part, done) if id(step.part) in self.attributes else ())
                continue
            stem, first, stride = loop.family(place)
            label = f'f"{stem}{{{counting(first, stride)}}}"'
            registration = f"self.{_registration(step.part)}"
            inside.extend(lines("", call(registration, label, self._construct_in(loop, place)), 3))
        if not inside:
            return before
        return [*before, f"{INDENT * 2}for i in range({self._rounds(loop)}):", *inside]

    def _construct(self, part: Part, path: tuple[str, ...], loop: Loop | None = None, step: Step | None = None) -> Expr:
        """The expression that constructs a part whose arguments are found under `path`."""
        if part.call is not None:
            self.preamble.note(part.call)
            if not part.is_module:
                assert step is not None
                return f"{self.preamble.stage(step, self._literals(part, path, loop))}()"
            values = {name: self._value(path, name, loop) for name in self._argument_names(path)}
            return leaves.construction(part.call, values, part.in_place, self.preamble.initializer(part.call))
        design = self.designer.design_of.get(id(part))
        if design is not None:
            return Bracket(design.name, self._passed(design, path, loop))
        items = self._sequential_arguments(part, path, loop)
        tall = len(items) > FEW or (len(items) > 1 and any(isinstance(item, Comprehension) for _, item in items))
        return Bracket("nn.Sequential", items, tall=tall)

    def _construct_child(self, child: Part) -> Expr:
        """The same for a module of this class, wherever its first use is."""
        if id(child) in self.places:
            return self._construct_in(*self.places[id(child)])
        return self._construct(child, (child.label,))

    def _construct_in(self, loop: Loop, place: int) -> Expr:
        step = loop.first[place]
        return self._construct(step.part, self._loop_path(loop, place), loop, step)

    def _loop_path(self, loop: Loop, place: int, around: tuple[str, ...] = ()) -> tuple[str, ...]:
        return (*around, loop_label(loop), f"{place}:{loop.first[place].part.stem}")

    def _argument_names(self, path: tuple[str, ...]) -> list[str]:
        return self.names_by_path.get(path, [])

    def _value(self, path: tuple[str, ...], name: str, loop: Loop | None) -> Resolved:
        value = self.values[path, name]
        step = self.values.get((path, f"{name}+"))
        if step is None:
            return value
        assert isinstance(step, Literal)
        return _Text(ascending(str(value), step.value))

    def _literals(self, part: Part, path: tuple[str, ...], loop: Loop | None) -> dict[str, str]:
        assert part.call is not None
        return {name: str(self._value(path, name, loop)) for name in part.call.kwargs}

    def _passed(self, design: Design, path: tuple[str, ...], loop: Loop | None) -> tuple[tuple[str, Expr], ...]:
        items: list[tuple[str, Expr]] = []
        by_name = False
        for parameter in design.parameters:
            value = self._value(path, parameter.name, loop)
            if parameter.has_default:
                if isinstance(value, Literal) and same(value.value, parameter.default):
                    by_name = True
                    continue
                by_name = True
            elif any(type(v) not in (int, tuple) for v in parameter.values):
                by_name = True
            items.append((f"{parameter.name}=" if by_name else "", str(value)))
        return tuple(items)

    def _sequential_arguments(
        self, part: Part, path: tuple[str, ...], outer: Loop | None = None
    ) -> tuple[tuple[str, Expr], ...]:
        """The arguments of an `nn.Sequential`: stages in order, or one OrderedDict where they are labelled."""
        items = self.designer.items(part)
        labels = [child.label for child in part.children]
        if labels == [str(index) for index in range(len(labels))]:
            return tuple(self._stages(item, path, outer) for item in items)
        self.preamble.imports["from collections import OrderedDict"] = None
        if all(isinstance(item, Step) and is_plain_word(item.part.label) for item in items):
            named = tuple(
                (f"{item.part.label}=", self._construct(item.part, (*path, item.part.label), outer, item))
                for item in items
                if isinstance(item, Step)
            )
            return (("", Bracket("OrderedDict", named, tall=len(named) > FEW)),)
        pairs = Bracket("", tuple(self._pairs(item, path, outer) for item in items), "[]")
        if len(items) == 1 and isinstance(items[0], Loop) and len(items[0].first) == 1:
            return (("", Bracket("OrderedDict", ((("", flat(self._pairs(items[0], path, outer)[1])[1:-1])),))),)
        return (("", call("OrderedDict", pairs)),)

    def _stages(self, item: Item, path: tuple[str, ...], outer: Loop | None) -> tuple[str, Expr]:
        if isinstance(item, Step):
            return "", self._construct(item.part, (*path, item.part.label), outer, item)
        built = [
            self._construct(step.part, self._loop_path(item, place, path), item, step)
            for place, step in enumerate(item.first)
        ]
        rounds = self._rounds(item, path)
        index = "i" if any(_uses_index(expr) for expr in built) else "_"
        clause = f"for {index} in range({rounds})"
        if len(built) == 1:
            return "*", Comprehension(built[0], clause)
        return "*", Comprehension("stage", clause, Bracket("", tuple(("", expr) for expr in built)))

    def _pairs(self, item: Item, path: tuple[str, ...], outer: Loop | None) -> tuple[str, Expr]:
        if isinstance(item, Step):
            expr = self._construct(item.part, (*path, item.part.label), outer, item)
            return "", Bracket("", (("", quoted(item.part.label)), ("", expr)))
        built: list[tuple[str, Expr]] = []
        for place, step in enumerate(item.first):
            stem, first, stride = item.family(place)
            expr = self._construct(step.part, self._loop_path(item, place, path), item, step)
            label = f'f"{stem}{{{counting(first, stride)}}}"'
            built.append(("", Bracket("", (("", label), ("", expr)))))
        rounds = f"for i in range({self._rounds(item, path)})"
        if len(built) == 1:
            return "*", Comprehension(built[0][1], rounds)
        return "*", Comprehension("pair", rounds, Bracket("", tuple(built)))

    def _rounds(self, loop: Loop, path: tuple[str, ...] = ()) -> str:
        return str(self.values[(*path, loop_label(loop)), "rounds"])

    # The forward

    def _forward(self, outputs: Sequence[str], result: str) -> list[str]:
        names = self._argument_variables()
        writing = Writing(
            module=self._module,
            in_loop=self._module_in_loop,
            literal=lambda step, name: self._stored_value((step.part.label,), name),
            loop_literal=self._loop_literal,
            rounds=lambda loop: self._stored(self.values[(loop_label(loop),), "rounds"]),
            is_whole=self._is_whole,
            hints=self.hints,
            single=self.single,
            names=names,
            taken=frozenset(self.preamble.support),
            shapes=self.is_net or len(self.design.instances) == 1,
        )
        for step in (s for item in self.items for s in (item.steps if isinstance(item, Loop) else [item])):
            if step.part.call is not None:
                self.preamble.note(step.part.call)
        text, final = write_forward(self.body, self.items, writing)
        arguments: list[tuple[str, Expr]] = [("", "self")]
        arguments.extend(("", f"{name}: Tensor") for name in names.values())
        returned = [final[value] for value in self.body.outputs]
        if not result:
            result = "Tensor" if len(returned) == 1 else f"tuple[{', '.join(['Tensor'] * len(returned))}]"
            outputs = [f"return {', '.join('{}' for _ in returned)}"]
        filled = [line.format(*returned) if "{" in line else line for line in outputs]
        head = lines("def ", Bracket("forward", tuple(arguments)), 1, f" -> {result}:")
        if self.design.sequential and len(names) != 1:  # nn.Sequential's own takes one value
            head[0] += "  # type: ignore[override]"
        return [*head, *_returning(text, filled)]

    def _argument_variables(self) -> dict[Value, str]:
        names = Names({"self", *self.preamble.support})
        found: dict[Value, str] = {}
        for index, value in enumerate(self.body.inputs):
            if self.is_net:
                found[value] = "x" if len(self.body.inputs) == 1 else names.claim(local(value.name))
            elif index == 0:
                found[value] = names.claim("x")
            else:
                stem = value.name.rpartition(".")[2].partition(":")[0].rstrip("0123456789_")
                found[value] = names.claim(local(stem) if stem and not stem.isdigit() else "y")
        return found

    def _module_in_loop(self, loop: Loop, place: int) -> str:
        part = loop.first[place].part
        if _is_anonymous(part):
            return self.attributes[id(part)]
        stem, first, stride = loop.family(place)
        return f"{stem}{{{counting(first, stride)}}}"

    def _is_whole(self, loop: Loop) -> bool:
        """Whether the class has no modules but the loop's, one a round, so that `children()` goes through them."""
        modules = [step.part for step in loop.steps if step.part.is_module]
        expressions = [form for found in loop.expression_arguments for form, _ in found.values()]
        return (
            len(modules) == len(loop.rounds)
            and not any(map(_is_anonymous, modules))
            and all(form == "=" for form in expressions)
            and [id(part) for part in modules] == [id(child) for child in self.part.children if child.is_module]
        )

    def _loop_literal(self, loop: Loop, place: int, name: str) -> str:
        path = self._loop_path(loop, place)
        form, value = loop.arguments[place][(), name]
        if form == "*":
            return f"({value})"
        if form == "+":
            step = self.values[path, f"{name}+"]
            return f"({ascending(self._stored(self.values[path, name]), int(str(step)))})"
        return self._stored(self.values[path, name])

    def _stored_value(self, path: tuple[str, ...], name: str) -> str:
        return self._stored(self.values[path, name])

    def _stored(self, value: Resolved) -> str:
        """A value as the forward sees it: parameters are attributes there."""
        if not isinstance(value, Ref):
            return str(value)
        taken = {child.label for child in self.part.children} | MODULE_ATTRIBUTES
        attribute = f"_{value.parameter}" if value.parameter in taken else value.parameter
        self.stored[value.parameter] = attribute
        return str(Ref(f"self.{attribute}", value.times, value.over, value.plus))


class _Text(Literal):
    """An expression that is written as it is."""

    def __str__(self) -> str:
        return str(self.value)


def _initialization(passes: dict[str, tuple[str, ...]]) -> list[str]:
    """The pass over all modules that starts the weights of those that are started alike."""
    if not passes:
        return []
    written = ["", f"{INDENT * 2}for m in self.modules():"]
    alike: dict[tuple[str, ...], list[str]] = {}
    for target, statements in passes.items():
        alike.setdefault(statements, []).append(target)
    for position, (statements, targets) in enumerate(alike.items()):
        among: Expr = targets[0] if len(targets) == 1 else call("", *targets)
        written.extend(lines(f"{'el' if position else ''}if isinstance(m, ", among, 3, "):"))
        for statement in statements:
            guarded = ".bias" in statement
            if guarded:
                written.append(f"{INDENT * 4}if m.bias is not None:")
            written.extend(lines("", statement.replace("{module}", "m"), 5 if guarded else 4))
    return written


def _is_anonymous(part: Part) -> bool:
    return part.is_unlabelled and not part.stateful


def _uses_index(expr: Expr) -> bool:
    return re.search(r"\bi\b", flat(expr)) is not None


def _is_submodule(part: Part) -> bool:
    """Whether it is a module, and not an expression or a bare tensor."""
    return part.is_module and not (part.call is not None and part.call.parameter)


_STORES = {"add_module": "_modules", "register_parameter": "_parameters", "register_buffer": "_buffers"}
"""Where a module keeps what these methods give it."""


def _registration(part: Part) -> str:
    """The method of `nn.Module` that takes such a part under a name that is no attribute's."""
    if _is_submodule(part):
        return "add_module"
    assert part.call is not None
    return "register_parameter" if part.call.parameter.startswith("nn.Parameter(") else "register_buffer"


def _access(owner: str, part: Part) -> str:
    label = part.label
    if is_attribute(label):
        return f"{owner}.{label}"
    if is_hidden(label):
        kind = "nn.Module" if _is_submodule(part) else "Tensor"
        return f"cast({kind}, {owner}.{_STORES[_registration(part)]}[{quoted(label)}])"
    getter = _registration(part).replace("add_", "get_sub").replace("register_", "get_")
    return f"{owner}.{getter}({quoted(label)})"


def _declared(parameter: Parameter) -> str:
    default: Any = f" = {Literal(parameter.default)}" if parameter.has_default else ""
    return f"{parameter.name}: {parameter.type}{default}"


def _returning(text: list[str], outputs: Sequence[str]) -> list[str]:
    """The statements and the return; a last value that torch types as a tensor is returned as it is."""
    margin = INDENT * 2
    if len(outputs) == 1 and text and text[-1].startswith(margin) and "#" not in text[-1]:
        name, _, value = text[-1].strip().partition(" = ")
        indented = text[-1].startswith(f"{margin} ")
        if outputs[0] == f"return {name.partition(':')[0]}" and value.startswith("torch.") and not indented:
            return [*text[:-1], f"{margin}return {value}"]
    return [*text, *(line for output in outputs for line in _broken(margin + output))]


def _broken(line: str) -> list[str]:
    """A `return` over as many lines as it needs; any other line as it is."""
    start, word, returned = line.partition("return ")
    return lines(word, returned, len(start) // len(INDENT)) if word else [line]
