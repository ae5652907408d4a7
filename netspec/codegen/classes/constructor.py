"""Constructors: modules, numbers, conditions and loops in the order of the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from netspec.codegen.classes.containers import LIST, MODULE, base_of, containers_of, first_used, step
from netspec.codegen.classes.initialization import initialization
from netspec.codegen.classes.labels import (
    CONTAINER,
    getter,
    is_nested,
    is_transient,
    parted,
    register_method,
    stem,
    store,
)
from netspec.codegen.classes.leaves import construction
from netspec.codegen.classes.plan import ClassPlan
from netspec.codegen.regions.chains import is_sequential
from netspec.codegen.regions.regions import (
    container_names,
    expressions_in,
    expressions_of,
    has_modules,
    is_bare,
    is_module,
    made_names,
    plain_label,
    uses_in,
)
from netspec.codegen.regions.running import is_kept, last_lets
from netspec.codegen.text.applied import Applied, call_of, render
from netspec.codegen.text.control import loop_header, negated
from netspec.codegen.text.layout import INDENT, WIDTH, Bracket, Comprehension, Expr, call, flat, lines
from netspec.codegen.text.naming import MODULE_ATTRIBUTES, camel, is_attribute, is_hidden, local, parameter, quoted
from netspec.codegen.text.python import argument, python
from netspec.graph.blueprint import Choice, Container, Instance, LayerUse, Let, Loop, Region, Use
from netspec.layers.declaration.base import TorchCall
from netspec.layers.declaration.symbols import Symbolic, names
from netspec.syntax import tree


class Constructor:
    """Writes what a class constructs, and says how the forward reaches it."""

    def __init__(self, plan: ClassPlan) -> None:
        self.plan = plan
        self.attributes: dict[str, str] = {}
        """The attribute of each module without weights that nobody has named, by its construction."""
        self.anonymous: dict[int, str] = {}
        self.in_place: set[int] = set()
        self.text: list[str] = []
        self.needs: set[str] = set()
        self.depth = 2
        self._reserved: set[str] = set()
        design = plan.design
        self.base = MODULE
        if not design.is_net:
            self.base = base_of(design.region, counted=design.counted, names=list(design.types))
        self.containers = containers_of(design.region)
        self.reset()

    def reset(self) -> None:
        """Forgets the attributes of modules without weights."""
        self.attributes.clear()
        self.anonymous.clear()
        self._reserved = {label for label in self.plan.labels if label} | MODULE_ATTRIBUTES

    # What the forward asks

    def module(self, use: Use) -> str:
        """How the forward reaches a module."""
        use = use.first or use
        while use.first is not None:
            use = use.first
        if id(use) in self.anonymous:
            return f"self.{self.anonymous[id(use)]}"
        label = use.label
        assert label is not None
        if not all(isinstance(part, str) for part in label.parts):
            template = self.template(label, forward=True)
            if (entry := self.entry(label, forward=True)) is not None:
                return entry
            if is_nested(label):
                return f'self.{getter(use)}(f"{template}")'
            return f'getattr(self, f"{template}")'
        text = "".join(map(str, label.parts))
        if (entry := self.entry(label, forward=True)) is not None:
            return entry
        if is_nested(label) and any(map(is_hidden, text.split("."))):
            around, _, own = text.rpartition(".")
            kind = "nn.Module" if not is_bare(use) else "Tensor"
            return f"cast({kind}, {CONTAINER.name}(self, {quoted(around)}).{store(use)}[{quoted(own)}])"
        if is_attribute(text):
            return f"self.{text}"
        if is_hidden(text):
            return f"cast({'nn.Module' if not is_bare(use) else 'Tensor'}, self.{store(use)}[{quoted(text)}])"
        return f"self.{getter(use)}({quoted(text)})"

    def entry(self, label: tree.Label, *, forward: bool) -> str | None:
        """A module in a list or dict: `self.branches[0]`, `self["1"]`; None where it is in neither."""
        root = str(label.parts[0]).partition(".")[0]
        if is_nested(label):
            kind, key = self.containers.get(root, MODULE), step(label, root)
            owner = f"self.{root}"
        else:
            kind, owner = self.base, "self"
            key = label.parts[0] if len(label.parts) == 1 else None
            if isinstance(key, str) and is_attribute(key):
                return None
        if kind == MODULE or key is None:
            return None
        if isinstance(key, str):
            return f"{owner}[{key if kind == LIST else quoted(key)}]"
        text = python(key, self.inside if forward else self.plan.variable)
        return f"{owner}[{text}]" if kind == LIST else f'{owner}[f"{{{text}}}"]'

    def template(self, label: tree.Label, *, forward: bool = False) -> str:
        """A label with its expressions in braces."""
        parts = []
        for part in label.parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            naming = self.inside if forward else self.plan.variable
            parts.append(f"{{{python(part, naming)}}}")
        return "".join(parts)

    def inside(self, name: str) -> str:
        """A name in the forward: a loop's variable, or an attribute."""
        return self.plan.variable(name) if name in self.loop_names else self.plan.attribute(name)

    loop_names: frozenset[str] = frozenset()

    # The whole

    def prepare(self, region: Region) -> None:
        """Gives modules without weights and without a name of their own an attribute for all their uses."""
        self._prepare(region, frozenset())

    def _prepare(self, region: Region, local_names: frozenset[str]) -> None:
        for item in region.items:
            match item:
                case Let(name, _):
                    local_names |= {name} if local_names else set()
                case Use():
                    self._prepare_use(item, local_names)
                case Choice():
                    for inner in item.regions:
                        self._prepare(inner, local_names | made_names(inner))
                case Loop():
                    own = {*item.names, item.index, *(running.name for running in item.running)}
                    self._prepare(item.region, local_names | own | made_names(item.region))

    def _prepare_use(self, use: Use, local_names: frozenset[str]) -> None:
        torch_call = call_of(use)
        if use.chosen or use.first is not None or torch_call is None or not torch_call.target:
            return
        if use.keeps_state:
            return
        if any(names(expression) & local_names for expression in expressions_in(torch_call)):
            return
        assert isinstance(use.what, LayerUse)
        text = flat(self.construct(use))
        if text not in self.attributes:
            self.attributes[text] = self._free(use.what.layer.name)
        self.anonymous[id(use)] = self.attributes[text]

    def _free(self, stem: str) -> str:
        name, number = local(stem).rstrip("_") if stem not in MODULE_ATTRIBUTES else f"{stem}_", 1
        base = name
        while name in self._reserved or not is_attribute(name):
            name, number = f"{base}{number}", number + 1
        self._reserved.add(name)
        return name

    def write(self) -> list[str]:
        """The constructor's lines after `super().__init__()`."""
        region = self.plan.design.region
        self.needs = self._names_needed(region)
        self.text = []
        for each in self.plan.design.parameters:
            self.store(each.name)
        self.region(region, set())
        return self.text + initialization(self.plan.design.passes, self.plan.variable)

    def sequential(self) -> list[str]:
        """The constructor of a class that is an `nn.Sequential`."""
        self.needs = self._names_needed(self.plan.design.region)
        self.text = []
        self.chain("self", self.plan.design.region)
        return self.text + initialization(self.plan.design.passes, self.plan.variable)

    def store(self, name: str) -> None:
        """Keeps a number for the forward."""
        if name in self.plan.stored:
            word = self.plan.variable(name)
            self.line(f"{self.plan.attribute(name)} = {word}")

    def line(self, text: str) -> None:
        """Adds a line at the depth of the moment."""
        self.text.append(INDENT * self.depth + text)

    def assign(self, target: str, expr: Expr, suffix: str = "") -> None:
        """Adds `target = expr`, over as many lines as it takes."""
        self.text.extend(lines(f"{target} = ", expr, self.depth, suffix))

    def _names_needed(self, region: Region) -> set[str]:
        """The names that what is written asks for: modules, what the forward asks, and what these follow from."""
        needs = set(self.plan.stored)
        self._gather(region, needs)
        while True:
            before = len(needs)
            self._follow(region, needs)
            if len(needs) == before:
                return needs

    def _gather(self, region: Region, needs: set[str]) -> None:
        for item in region.items:
            match item:
                case Use():
                    needs.update(name for expression in expressions_of(item) for name in names(expression))
                    if isinstance(item.what, Container):
                        self._gather(item.what.region, needs)
                case Choice() if has_modules(item):
                    needs.update(name for e in expressions_of(item) for name in names(e))
                    for inner in item.regions:
                        self._gather(inner, needs)
                case Loop() if has_modules(item):
                    needs.update(name for e in expressions_of(item) for name in names(e))
                    self._gather(item.region, needs)

    def _follow(self, region: Region, needs: set[str]) -> None:
        for item in region.items:
            match item:
                case Let(name, value) if name in needs:
                    needs |= names(value)
                case Use(what=Container() as container):
                    self._follow(container.region, needs)
                case Choice():
                    for inner in item.regions:
                        self._follow(inner, needs)
                case Loop():
                    for running in item.running:
                        if running.name in needs:
                            needs |= names(running.first) | (names(running.update) if running.update else set())
                            needs |= names(item.sequence)
                    self._follow(item.region, needs)

    # Items of a module that is no chain

    def region(self, region: Region, declared: set[str]) -> None:
        """Writes the items of a region; `declared` are the attributes that exist already."""
        for item in region.items:
            if region is self.plan.design.region:
                for root in first_used(item, [root for root in self.containers if root not in declared]):
                    declared.add(root)
                    self.line(f"self.{root} = {self.containers[root]}()")
            match item:
                case Let(name, value):
                    self.let(name, value)
                case Use():
                    self.use(item, declared)
                case Choice():
                    self.choice(item, declared)
                case Loop():
                    self.loop(item, declared)

    def let(self, name: str, value: tree.Expr) -> None:
        """Writes a number that somebody asks for; a default that hangs on other parameters is an `if`."""
        if name not in self.needs:
            return
        word = self.plan.variable(name)
        match value:
            case tree.Conditional(
                then, tree.Compare(("==",), (tree.Name(own), tree.Constant(None))), tree.Name(same)
            ) if own == same == name:
                self.line(f"if {word} is None:")
                self.line(f"{INDENT}{word} = {python(then, self.plan.variable)}")
            case _:
                self.number(word, value)
        self.store(name)

    def number(self, word: str, value: tree.Expr) -> None:
        """`word = value`; a choice that is too long for a line is an `if`."""
        text = python(value, self.plan.variable)
        room = WIDTH - len(word) - 4 * self.depth - 3
        match value:
            case tree.Binary("+", left, tree.Conditional(more, condition, tree.Number(0))) if len(text) > room:
                self.number(word, left)
                test = python(condition, self.plan.variable).replace(python(left, self.plan.variable), word)
                self.text.extend(lines("if ", test, self.depth, ":"))
                self.line(f"{INDENT}{word} += {python(more, self.plan.variable)}")
                return
        if not isinstance(value, tree.Conditional) or len(text) <= room:
            self.text.extend(lines(f"{word} = ", text, self.depth))
            return
        opening = "if "
        rest: tree.Expr = value
        while isinstance(rest, tree.Conditional):
            self.text.extend(lines(opening, python(rest.condition, self.plan.variable), self.depth, ":"))
            self.text.extend(lines(f"{word} = ", python(rest.then, self.plan.variable), self.depth + 1))
            opening, rest = "elif ", rest.otherwise
        self.line("else:")
        self.text.extend(lines(f"{word} = ", python(rest, self.plan.variable), self.depth + 1))

    def use(self, use: Use, declared: set[str]) -> None:
        """Writes a module under its attribute, or registered where its label is none."""
        if use.first is not None or not is_module(use):
            return
        attribute = self.anonymous.get(id(use))
        if attribute is not None:
            if attribute not in declared:
                declared.add(attribute)
                self.assign(f"self.{attribute}", self.construct(use))
            return
        label = use.label
        assert label is not None
        text = label.text
        is_static = all(isinstance(part, str) for part in label.parts)
        is_filled = isinstance(use.what, Container) and is_sequential(use) and not self.is_inline(use)
        target = f"self.{text}" if is_static and is_attribute(text) else ""
        if isinstance(use.what, Container) and is_filled:
            word = target or self.plan.names.claim(stem(label))
            self.chain(word, use.what.region)
            module: Expr = word
        else:
            module = self.construct(use)
        if target:
            if not is_filled:
                self.assign(target, module)
        elif is_static and is_hidden(text) and "." not in text:
            self.hide("self", use, quoted(text), module)
        else:
            self.register(use, label, module)

    def register(self, use: Use, label: tree.Label, module: Expr) -> None:
        """Writes a module whose label is no attribute; one in a container is registered there."""
        entry = self.entry(label, forward=False)
        if entry is not None:
            root = str(label.parts[0]).partition(".")[0]
            if (self.containers[root] if is_nested(label) else self.base) == LIST:
                self.text.extend(lines("", call(f"{entry.partition('[')[0]}.append", module), self.depth))
            else:
                self.assign(entry, module)
            return
        around, own = parted(label)
        if around and len(own.parts) == 1 and isinstance(own.parts[0], str) and is_hidden(own.parts[0]):
            self.hide(f"{CONTAINER.name}(self, {self.label_text(around)})", use, self.label_text(own), module)
            return
        owner = f"{CONTAINER.name}(self, {self.label_text(around)})" if around else "self"
        persistence = ("persistent=False",) if is_transient(use) else ()
        registration = call(f"{owner}.{register_method(use)}", self.label_text(own), module, *persistence)
        self.text.extend(lines("", registration, self.depth))

    def hide(self, owner: str, use: Use, name: str, module: Expr) -> None:
        """Writes a module whose label torch takes for an attribute of its own."""
        self.assign(f"{owner}.{store(use)}[{name}]", module)
        if is_transient(use):
            self.text.extend(lines("", call(f"{owner}._non_persistent_buffers_set.add", name), self.depth))

    def label_text(self, label: tree.Label) -> str:
        """A label as a text in Python."""
        if all(isinstance(part, str) for part in label.parts):
            return quoted("".join(map(str, label.parts)))
        return f'f"{self.template(label)}"'

    def hoist(self, item: Choice | Loop, declared: set[str]) -> None:
        """Modules that several branches or rounds share stand before them."""
        for use in uses_in(item):
            attribute = self.anonymous.get(id(use))
            if attribute is not None and attribute not in declared:
                declared.add(attribute)
                self.assign(f"self.{attribute}", self.construct(use))

    def choice(self, choice: Choice, declared: set[str]) -> None:
        """Writes a condition, or the one line that says it."""
        self.hoist(choice, declared)
        if self.one_or_none(choice):
            return
        bodies: list[list[str]] = []
        for place, region in enumerate(choice.regions):
            before, self.text = self.text, []
            self.depth += 1
            if place in choice.refusals:
                self.line(f"raise ValueError({quoted(_plain_message(choice.refusals[place]))})")
            else:
                self.region(region, declared)
            self.depth -= 1
            bodies.append(self.text)
            self.text = before
        if not any(bodies):
            return
        optional = optional_label(choice, self)
        for label in self.one_sided(choice):
            self.line(f"self.{label}: nn.Module" + (" | None = None" if label == optional else ""))
        for label in self.two_sided(choice):
            self.line(f"self.{label}: nn.Module")
        self.branches(choice, bodies)

    def branches(self, choice: Choice, bodies: list[list[str]]) -> None:
        """`if`, `elif` and `else` with their lines; a first branch without any turns the condition round."""
        conditions = [None if c is None else python(c, self.plan.variable) for c in choice.conditions]
        if len(bodies) == 2 and not bodies[0] and choice.conditions[0] is not None and choice.conditions[1] is None:
            self.text.extend(lines("if ", python(negated(choice.conditions[0]), self.plan.variable), self.depth, ":"))
            self.text.extend(bodies[1])
            return
        while bodies and not bodies[-1]:
            bodies, conditions = bodies[:-1], conditions[:-1]
        for place, (condition, text) in enumerate(zip(conditions, bodies, strict=True)):
            if condition is None:
                self.line("else:")
            else:
                self.text.extend(lines("if " if place == 0 else "elif ", condition, self.depth, ":"))
            self.text.extend(text or [f"{INDENT * (self.depth + 1)}pass"])

    def one_or_none(self, choice: Choice) -> bool:
        """`self.downsample = nn.Sequential(...) if stride != 1 else None`, where that is all."""
        if len(choice.regions) != 2 or choice.refusals or choice.conditions[0] is None:
            return False
        modules = [
            [item for item in region.items if isinstance(item, Use) and is_module(item)] for region in choice.regions
        ]
        modules = [[use for use in uses if id(use) not in self.anonymous] for uses in modules]
        others = [item for region in choice.regions for item in region.items if isinstance(item, Choice | Loop)]
        lets = [i for region in choice.regions for i in region.items if isinstance(i, Let) and i.name in self.needs]
        if any(has_modules(item) for item in others) or lets or sorted(map(len, modules)) not in ([0, 1], [1, 1]):
            return False
        labels = {plain_label(use) for uses in modules for use in uses}
        if len(labels) != 1 or None in labels or not is_attribute(next(iter(labels)) or ""):
            return False
        if any(use.first is not None or is_bare(use) for uses in modules for use in uses):
            return False
        if any(
            isinstance(u.what, Container) and is_sequential(u) and not self.is_inline(u) for us in modules for u in us
        ):
            return False
        label = labels.pop()
        if self.is_shifting(label or ""):
            return False
        condition = choice.conditions[0]
        assert condition is not None
        test = python(condition, self.plan.variable)
        if len(modules[0]) == len(modules[1]) == 1:
            if type(modules[0][0].what) is not type(modules[1][0].what):
                return False
            left, right = (flat(self.construct(uses[0])) for uses in modules)
            self.line(f"self.{label}: nn.Module")
            whole = f"self.{label} = {left} if {test} else {right}"
            if len(whole) + 8 > 88:
                self.text.pop()
                return False
            self.line(whole)
            return True
        if label != optional_label(choice, self):
            return False
        present = modules[0] or modules[1]
        if not modules[0]:
            condition = negated(condition)
            test = python(condition, self.plan.variable)
        text = f"self.{label} = {flat(self.construct(present[0]))} if {test} else None"
        if len(text) + 8 <= 88:
            self.line(text)
            return True
        self.line(f"self.{label}: nn.Module | None = None")
        self.text.extend(lines("if ", test, self.depth, ":"))
        self.depth += 1
        self.assign(f"self.{label}", self.construct(present[0]))
        self.depth -= 1
        return True

    def one_sided(self, choice: Choice) -> list[str]:
        """Labels of modules that some branches have and others have not."""
        sides = [set(static_labels(r, self)) for p, r in enumerate(choice.regions) if p not in choice.refusals]
        every = dict.fromkeys(label for side in sides for label in sorted(side))
        return [label for label in every if any(label not in side for side in sides) and not self.is_shifting(label)]

    def is_shifting(self, label: str) -> bool:
        """Whether the number of a label may be that of another stage, where this one is left out."""
        stem = label.rstrip("0123456789")
        return stem != label and stem in self.plan.shifting

    def two_sided(self, choice: Choice) -> list[str]:
        """Labels of modules that all branches have, of kinds that may differ."""
        sides = [set(static_labels(r, self)) for p, r in enumerate(choice.regions) if p not in choice.refusals]
        return sorted(set.intersection(*sides)) if len(sides) > 1 else []

    def loop(self, loop: Loop, declared: set[str]) -> None:
        """Writes a loop whose rounds make modules."""
        self.hoist(loop, declared)
        body = self.round(loop, lambda: self.region(loop.region, declared))
        self.write_loop(loop, body)

    def round(self, loop: Loop, write: Callable[[], None]) -> list[str]:
        """The lines of a loop's body, with its running numbers at the end."""
        before, self.text = self.text, []
        self.depth += 1
        lasts = {name: value for name, value in last_lets(loop).items() if name not in self.plan.stored}
        self.needs -= lasts.keys()
        write()
        self.updates(loop, lasts)
        self.depth -= 1
        body, self.text = self.text, before
        return body

    def updates(self, loop: Loop, lasts: dict[str, tree.Expr]) -> None:
        """What a round makes of the running numbers, all of them at once; `lasts` are lets that only do this."""
        updates: list[tuple[str, str]] = []
        for running in loop.running:
            update = running.update
            if running.name not in self.needs or update is None:
                continue
            if isinstance(update, tree.Name):
                update = lasts.get(update.id, update)
            if is_kept(running.name, update, loop, self.plan.continued):
                continue
            target, source = self.plan.variable(running.name), python(update, self.plan.variable)
            if target != source:
                updates.append((target, source))
        if len(updates) == 1:
            self.text.extend(lines(*_increment(*updates[0]), self.depth))
        elif updates:
            targets = ", ".join(target for target, _ in updates)
            sources = ", ".join(source for _, source in updates)
            if len(targets) + len(sources) + 3 + 4 * self.depth <= WIDTH:
                self.line(f"{targets} = {sources}")
            else:
                together = Bracket("", tuple(("", source) for _, source in updates))
                self.text.extend(lines(f"{targets} = ", together, self.depth))

    def write_loop(self, loop: Loop, body: list[str]) -> None:
        """Adds a loop with these lines as its body, its running numbers before it."""
        for running in loop.running:
            if running.name in self.needs and running.name not in self.plan.continued:
                self.line(f"{self.plan.variable(running.name)} = {python(running.first, self.plan.variable)}")
        if body:
            words = _words("\n".join(body))
            names_, _, sequence = loop_header(loop, self.plan.variable, words).partition(" in ")
            self.text.extend(lines(f"for {names_} in ", sequence, self.depth, ":"))
            self.text.extend(body)

    # Chains

    def chain(self, target: str, region: Region) -> None:
        """A chain as the arguments of `nn.Sequential`, and what has to be appended to it."""
        head: list[tuple[str, Expr]] = []
        labelled: list[tuple[str, Expr]] = []
        rest = list(region.items)
        while rest:
            item = rest[0]
            if isinstance(item, Let):
                self.let(item.name, item.value)
                rest.pop(0)
                continue
            entries = self.inline_item(item)
            if entries is None:
                break
            head.extend(entries[0])
            labelled.extend(entries[1])
            rest.pop(0)
        items = self.arguments(head, labelled)
        if target == "self":
            self.text.extend(lines("", Bracket("super().__init__", tuple(items)), self.depth))
        else:
            self.assign(target, Bracket("nn.Sequential", tuple(items)))
        for item in rest:
            self.append(target, item)

    def arguments(self, head: list[tuple[str, Expr]], labelled: list[tuple[str, Expr]]) -> list[tuple[str, Expr]]:
        """The arguments of an `nn.Sequential`: its stages, or one `OrderedDict` where they have labels."""
        if not labelled:
            return head
        if all(re.fullmatch(r"[A-Za-z]\w*", label) and is_attribute(label) for label, _ in labelled):
            return [
                (
                    "",
                    Bracket(
                        "OrderedDict", tuple((f"{label}=", expr) for label, expr in labelled), tall=len(labelled) > 1
                    ),
                )
            ]
        pairs = tuple(("", Bracket("", (("", quoted(label)), ("", expr)))) for label, expr in labelled)
        return [("", call("OrderedDict", Bracket("", pairs, "[]")))]

    def inline_item(self, item: Any) -> tuple[list[tuple[str, Expr]], list[tuple[str, Expr]]] | None:
        """A stage as an argument of `nn.Sequential`, with its label if it has one; None where it takes statements."""
        match item:
            case Use():
                if item.label is not None and plain_label(item) is None:
                    return None
                if not self.is_inline(item):
                    return None
                label = plain_label(item)
                return (
                    ([], [(label, self.construct(item))]) if label is not None else ([("", self.construct(item))], [])
                )
            case Loop():
                uses = [
                    inner
                    for inner in item.region.items
                    if not (isinstance(inner, Let) and inner.name not in self.needs)
                ]
                if len(uses) != 1 or not isinstance(uses[0], Use) or item.running or uses[0].label is not None:
                    return None
                if not self.is_inline(uses[0]):
                    return None
                expr = self.construct(uses[0])
                header = loop_header(item, self.plan.variable, _words(flat(expr)))
                return [("*", Comprehension(expr, f"for {header}"))], []
            case Choice():
                return self.inline_choice(item)
        return None

    def inline_choice(self, choice: Choice) -> tuple[list[tuple[str, Expr]], list[tuple[str, Expr]]] | None:
        """A condition between two stages as an argument of `nn.Sequential`; None where it takes statements."""
        if choice.refusals or choice.conditions[-1] is not None:
            return None
        uses = [list(region.items) for region in choice.regions]
        if any(len(items) != 1 or not isinstance(items[0], Use) for items in uses):
            return None
        labels = {plain_label(items[0]) for items in uses}  # type: ignore[arg-type]
        if len(labels) != 1 or any(items[0].label is not None for items in uses):  # type: ignore[union-attr]
            return None
        if not all(self.is_inline(items[0]) for items in uses):  # type: ignore[arg-type]
            return None
        texts = [flat(self.construct(items[0])) for items in uses]  # type: ignore[arg-type]
        text = texts[-1]
        for condition, then in zip(reversed(choice.conditions[:-1]), reversed(texts[:-1]), strict=True):
            assert condition is not None
            text = f"{then} if {python(condition, self.plan.variable)} else {text}"
        return ([("", text)], []) if len(text) < 76 else None

    def is_inline(self, use: Use) -> bool:
        """Whether a module is one expression: a container is where all its stages are."""
        if not isinstance(use.what, Container) or not is_sequential(use):
            return True
        return all(
            (isinstance(item, Let) and item.name not in self.needs)
            or (not isinstance(item, Let) and self.inline_item(item) is not None)
            for item in use.what.region.items
        )

    def append(self, target: str, item: Any) -> None:
        """A stage that is added to a chain by a statement."""
        match item:
            case Let(name, value):
                self.let(name, value)
            case Use():
                self.append_use(target, item)
            case Choice():
                bodies = []
                for place, region in enumerate(item.regions):
                    before, self.text = self.text, []
                    self.depth += 1
                    if place in item.refusals:
                        self.line(f"raise ValueError({quoted(_plain_message(item.refusals[place]))})")
                    for inner in region.items:
                        self.append(target, inner)
                    self.depth -= 1
                    bodies.append(self.text)
                    self.text = before
                if any(bodies):
                    self.branches(item, bodies)
            case Loop():

                def stages() -> None:
                    for inner in item.region.items:
                        self.append(target, inner)

                self.write_loop(item, self.round(item, stages))

    def append_use(self, target: str, use: Use) -> None:
        """One stage that is added to a chain by a statement."""
        if isinstance(use.what, Container) and is_sequential(use) and not self.is_inline(use):
            word = self.plan.names.claim(stem(use.label) if use.label is not None else "stage")
            self.chain(word, use.what.region)
            expr: Expr = word
        else:
            expr = self.construct(use)
        if use.label is None:
            self.text.extend(lines("", call(f"{target}.append", expr), self.depth))
            return
        label = plain_label(use)
        text = quoted(label) if label is not None else f'f"{self.template(use.label)}"'
        self.text.extend(lines("", call(f"{target}.add_module", text, expr), self.depth))

    # Single modules

    def construct(self, use: Use) -> Expr:
        """The expression that makes a module."""
        match use.what:
            case LayerUse(_, torch_call):
                return self.layer(use, torch_call)
            case Instance(blueprint, arguments):
                return self.instance(blueprint, arguments)
            case Container(region):
                if is_sequential(use):
                    head: list[tuple[str, Expr]] = []
                    labelled: list[tuple[str, Expr]] = []
                    for item in region.items:
                        entries = None if isinstance(item, Let) else self.inline_item(item)
                        if entries is not None:
                            head.extend(entries[0])
                            labelled.extend(entries[1])
                    return Bracket("nn.Sequential", tuple(self.arguments(head, labelled)))
                parameters = container_names(region, self.plan.design.types)
                return Bracket(
                    self.plan.class_of[id(use.what)], tuple(("", self.plan.variable(name)) for name in parameters)
                )
        raise TypeError(type(use.what).__name__)

    def layer(self, use: Use, torch_call: TorchCall) -> Expr:
        """The expression that makes a layer's module."""
        self.plan.preamble.note(torch_call)
        if not torch_call.target and not torch_call.parameter:
            return self.stage(use)
        passed = torch_call.target in self.plan.design.covered
        start = ("", ()) if passed else self.plan.preamble.initializer(torch_call)
        return construction(torch_call, self.plan.variable, id(use) in self.in_place, start)

    def stage(self, use: Use) -> Expr:
        """A module for an expression that stands in a chain."""
        applied = Applied(use, list(use.inputs))
        torch_call = call_of(use)
        assert torch_call is not None
        parameters = dict.fromkeys(
            name
            for value in torch_call.kwargs.values()
            if isinstance(value, Symbolic)
            for name in sorted(names(value.expression))
        )
        text = flat(
            render(
                applied,
                lambda _: "x",
                lambda _: "self",
                lambda _, name: argument(torch_call.kwargs[name], lambda word: f"self.{local(word)}"),
            )
        )
        assert isinstance(use.what, LayerUse)
        name = self.plan.preamble.stage(text, camel(use.what.layer.name), [local(name) for name in parameters])
        return Bracket(name, tuple(("", self.plan.variable(name)) for name in parameters))

    def instance(self, blueprint: Any, arguments: dict[str, tree.Expr]) -> Expr:
        """The call of a block's class; arguments that are the defaults are left out."""
        items: list[tuple[str, Expr]] = []
        by_position = True
        order = [*blueprint.derived, *(each.name for each in blueprint.parameters)]
        defaults = {each.name: each.default for each in blueprint.parameters}
        free = {each.name for each in blueprint.parameters if each.type == "Any"}
        for name in order:
            default = defaults.get(name)
            if name not in arguments or (default is not None and arguments[name] == default):
                by_position = False
                continue
            text = python(arguments[name], self.plan.variable, sequence="()" if name in free else "[]")
            by_position = by_position and default is None
            items.append(("" if by_position else f"{parameter(name)}=", text))
        for name in blueprint.sizes:
            items.append((f"{parameter(name)}=", python(arguments[name], self.plan.variable)))
        return Bracket(self.plan.class_of[id(blueprint)], tuple(items))


def static_labels(region: Region, constructor: Constructor) -> Iterator[str]:
    """The labels of modules in a region that are attributes, whatever the arguments."""
    for item in region.items:
        if isinstance(item, Use) and item.first is None and is_module(item) and not is_bare(item):
            if id(item) in constructor.anonymous:
                continue
            label = plain_label(item)
            if label is not None and is_attribute(label):
                yield label


def optional_label(choice: Choice, constructor: Constructor) -> str | None:
    """The module that is there where a condition holds, and whose presence says so: the first of the one body that has
    modules.
    """
    if len(choice.regions) != 2 or choice.refusals:
        return None
    sides = [list(static_labels(region, constructor)) for region in choice.regions]
    there = [side for side in sides if side]
    if len(there) != 1 or constructor.is_shifting(there[0][0]):
        return None
    if constructor.plan.label_counts[there[0][0]] > 1:
        return None
    return there[0][0]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", text))


def _increment(target: str, source: str) -> tuple[str, str]:
    start, _, more = source.partition(" + ")
    return (f"{target} += ", more) if start == target and more and " " not in more else (f"{target} = ", source)


def _plain_message(message: str) -> str:
    return message if len(message) < 60 else f"{message[:56]} ..."
