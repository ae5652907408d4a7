"""What to say about a token that cannot stand where it stands, and how to go on as if it had been written right."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from netspec.syntax.brackets import CLOSERS
from netspec.syntax.layout import KEYWORDS, LONGEST, WIRINGS
from netspec.syntax.lexer import HARD, Token
from netspec.syntax.mistakes.inputs import HELP, declaration, open_sizes, undeclared
from netspec.syntax.settings import SETTINGS

PYTHON = frozenset({"torch", "torchvision", "timm", "tensorflow", "keras", "jax", "flax", "numpy", "math", "os", "sys"})
"""What people import who write a net in Python."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the mistake was met: the token at `index`, in the statement that began at `first`."""

    text: str
    tokens: list[Token]
    index: int
    first: int
    in_file: bool
    accepts: Callable[[str], bool]

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def before(self) -> Token | None:
        return self.tokens[self.index - 1] if self.index else None

    @property
    def after(self) -> Token:
        return self.tokens[min(self.index + 1, len(self.tokens) - 1)]

    @property
    def line(self) -> list[Token]:
        """The tokens of the line up to this one, those of the statements before it among them."""
        start = self.index
        while start and self.tokens[start - 1].text != "\n" and self.tokens[start - 1].kind not in ("LBRACE", "RBRACE"):
            start -= 1
        return self.tokens[start : self.index + 1]

    @property
    def ends_line(self) -> bool:
        """Whether the token comes after the end of the line: what is missing is missing there."""
        token, before = self.token, self.before
        return token.kind == "END" or (before is not None and "\n" in self.text[before.end : token.start + 1])

    @property
    def begins(self) -> bool:
        """Whether the token begins its statement."""
        return self.first == self.index


@dataclass(frozen=True, slots=True)
class Mistake:
    """What to report; `instead` is the token to go on with in place of this one, `skip` goes on without it."""

    message: str
    start: int
    end: int
    details: dict[str, Any] = field(default_factory=dict)
    instead: Token | None = None
    skip: bool = False

    def mended_by(self, edit: tuple[tuple[int, int], str]) -> Mistake:
        """The same, with this mend."""
        return replace(self, details={**self.details, "mend": edit})


def explain(place: Place) -> Mistake:
    """The first of the frequent mistakes that this is, else what was found and what could stand there."""
    for rule in _RULES:
        mistake = rule(place)
        if mistake is not None:
            return mistake
    return _unexpected(place)


def _at(token: Token, message: str, help: str = "", *, label: str = "", put: str | None = None, **how: Any) -> Mistake:
    """A mistake at `token`; `put` is the text that mends it in its place."""
    details: dict[str, Any] = {"help": help, "label": label}
    if put is not None:
        details["mend"] = ((token.start, token.end), put)
    return Mistake(message, token.start, token.end, details, **how)


def _condition(place: Place) -> Mistake | None:
    token = place.token
    if token.kind != "EQUAL" or place.tokens[place.first].kind != "IF" or not place.accepts("COMPARE"):
        return None
    instead = token._replace(kind="COMPARE", text="==")
    return _at(token, "a condition compares with `==`, not `=`", "write ==", put="==", instead=instead)


def _input(place: Place) -> Mistake | None:
    """An input declared in another way, and sizes that are to stay open."""
    first = place.tokens[place.first]
    if place.in_file:
        return None
    if first.kind == "INPUT" and place.token.text in ("*", "-"):
        edit = open_sizes(place.text, place.token.start)
        return _at(place.token, f"`{place.token.text}` is no size of an input", HELP).mended_by(edit) if edit else None
    word = place.line[0] if place.line[0].text.lower() in ("input", "inputs", "in") else first
    edit = declaration(place.text, word.start)
    if edit is None and first.kind == "NAME" and place.token.kind in ("COMMA", "COLON"):
        edit = undeclared(place.text, first.start)
    if edit is None or not edit[1].strip():
        return None
    mistake = _at(word, "an input is declared by its name and its shape", f"write {edit[1]}")
    return mistake.mended_by(edit)


def _in_train(place: Place) -> Mistake | None:
    """A line of a net's body in a train section: a statement, or the call of a layer."""
    first, after = place.tokens[place.first], place.tokens[min(place.first + 1, len(place.tokens) - 1)]
    is_call = after.kind == "LPAR" and after.start == first.end and first.text not in SETTINGS
    if first.kind != "KEY" or not (first.text in KEYWORDS or is_call):
        return None
    return _at(first, f"`{first.text}` belongs in the body of a net", "a train section has settings: a key and a value")


def _setting(place: Place) -> Mistake | None:
    token, before = place.token, place.before
    if token.kind not in ("EQUAL", "COLON") or before is None or before.kind != "KEY":
        return None
    help_ = f"write {before.text}, a space and the value"
    return _at(token, f"a setting has no `{token.text}` after its key", help_, put="", skip=True)


def _brace(place: Place) -> Mistake | None:
    """`:` where the `{` of a body belongs, and a `{` on the next line."""
    token, after = place.token, place.after
    if token.kind not in ("COLON", "SEP") or not place.accepts("LBRACE") or place.begins:
        return None
    if token.kind == "COLON" and not place.accepts("COLON"):
        if after.kind == "LBRACE":
            return _at(token, "no `:` stands before a body", "leave it out", put="", skip=True)
        return _at(token, "a body stands in braces, not after `:`", "write { here and } after its last stage")
    if token.text == "\n" and after.kind == "LBRACE":
        mend = {"mend": ((_end(place), after.start), " "), "help": "write { at the end of the line before"}
        return Mistake("this `{` belongs on the line of what it opens", after.start, after.end, mend, skip=True)
    return None


def _arrow(place: Place) -> Mistake | None:
    if place.token.kind != "ARROW" or not place.begins or place.in_file:
        return None
    help_ = "leave it out: the first stage takes the value that enters the body"
    return _at(place.token, "nothing stands before this `->`", help_, put="", skip=True)


def _arrow_inside(place: Place) -> Mistake | None:
    """`residual(conv(8, 1) -> relu)` and `[x -> relu]`: stages inside of an expression."""
    if place.token.kind == "ARROW" and place.accepts("RPAR") and (braces := _braces(place)):
        return braces
    if place.token.kind != "ARROW" or not place.accepts("RSQB"):
        return None
    help_ = "inside of brackets a layer is called with its value: relu(x)"
    return _at(place.token, "`->` stands between stages, and not inside of an expression", help_)


def _braces(place: Place) -> Mistake | None:
    """The body of a wiring, or a group, that stands in parentheses around the arrow at `place`."""
    tokens = place.tokens
    opened, closed = _around(place)
    name = tokens[opened - 1] if opened else tokens[opened]
    if tokens[opened].kind != "LPAR" or tokens[closed].kind != "RPAR" or name.text not in (*WIRINGS, "Sequential"):
        return None
    inside = place.text[tokens[opened].end : tokens[closed].start].strip()
    owner = tokens[opened - 3] if name.text == "Sequential" and tokens[opened - 2].kind == "DOT" else name
    put = f"{name.text} {{ {inside} }}" if name.text in WIRINGS else f"{{ {inside} }}"
    mistake = _at(name, f"the body of {name.text} stands in braces", f"write {put}" if "\n" not in put else "write { }")
    return mistake.mended_by(((owner.start, tokens[closed].end), put))


def _around(place: Place) -> tuple[int, int]:
    """The brackets around a token, by their places."""
    tokens, opened, closed, depth = place.tokens, place.index - 1, place.index + 1, 0
    while opened > 0 and not (depth == 0 and tokens[opened].kind in CLOSERS):
        depth += (tokens[opened].kind in _CLOSING) - (tokens[opened].kind in CLOSERS)
        opened -= 1
    depth = 0
    while closed < len(tokens) - 1 and not (depth == 0 and tokens[closed].kind in _CLOSING):
        depth += (tokens[closed].kind in CLOSERS) - (tokens[closed].kind in _CLOSING)
        closed += 1
    return opened, closed


_CLOSING = frozenset(CLOSERS.values())
_DEFINERS = {"def": "block", "class": "net", "function": "block", "func": "block", "fn": "block", "module": "block"}


def _definition(place: Place) -> Mistake | None:
    for token in place.tokens[max(place.first - 1, 0) : place.index + 1]:
        if token.kind == "NAME" and token.text in _DEFINERS:
            help_ = "write block Name(parameters) { ... }, or net Name(parameters) { ... }, at the top of the file"
            put = _DEFINERS[token.text] if place.in_file and _defines(place.text, token.end) else None
            return _at(token, f"`{token.text}` is not a word of the language", help_, put=put)
        if token.kind in ("NET", "BLOCK") and not place.in_file:
            help_ = f"move it out: a {token.text} stands at the top of a file, and can be used from any body in it"
            return _at(token, f"a {token.text} cannot be defined inside of a body", help_)
    return None


def _defines(text: str, offset: int) -> bool:
    """Whether a name, perhaps parameters, and a `{` follow on the line."""
    return re.compile(r"[ \t]+[A-Za-z_]\w*[ \t]*(\([^\n]*\))?[ \t]*\{").match(text, offset) is not None


_ITEMS = {
    **dict.fromkeys(("net", "network", "model", "module", "architecture", "arch"), "net"),
    **dict.fromkeys(("block", "layer"), "block"),
}
"""What the definitions of a file are called elsewhere."""


def _in_file(place: Place) -> Mistake | None:
    token = place.token
    if not place.in_file or not place.begins or token.kind in ("RBRACE", "END"):
        return None
    if token.text == "import":
        mistake = _at(token, "an import says what it takes", 'write from "file.net" import Name')
        return _without_python(place, mistake) or mistake
    word = _ITEMS.get(token.text.lower(), token.text)
    if word != token.text and place.after.kind == "NAME" and _defines(place.text, token.end):
        return _at(token, f"`{token.text}` is written `{word}` here", f"write {word}", put=word)
    if token.text.lower().startswith("train") and token.text != "train" and place.after.kind == "LBRACE":
        return _at(token, f"`{token.text}` is written `train` here", "write train", put="train")
    if token.text == "train" and place.after.kind == "NAME":
        mistake = _at(place.after, "a train section has no name", "leave it out")
        return mistake.mended_by(((token.end, place.after.end), ""))
    if token.text in ("input", "output", "return"):
        return _at(token, f"`{token.text}` belongs in a net or a block", "put it into net Name { ... }")
    help_ = "a file holds imports, let, default, block, net and train; put this into net Name { ... }"
    return _at(token, "stages belong in a net or a block", help_, label="here is the top of the file")


def _without_python(place: Place, mistake: Mistake) -> Mistake | None:
    """`import torch`: what a spec needs is there."""
    if place.after.text not in PYTHON:
        return None
    end = place.text.find("\n", place.token.start)
    line = place.token.start, len(place.text) if end < 0 else end
    details = {"help": f"leave it out: a spec needs nothing of {place.after.text}", "mend": (line, "")}
    return replace(mistake, details=details)


def _modules(place: Place) -> Mistake | None:
    """`from std.resnet, std.se import Bottleneck, SE`: an import of several modules."""
    first, token = place.tokens[place.first], place.token
    if first.kind != "FROM" or token.kind != "COMMA" or not place.accepts("IMPORT"):
        return None
    end = place.text.find("\n", first.start)
    line = place.text[first.start : len(place.text) if end < 0 else end].partition("#")[0].rstrip()
    said = re.fullmatch(r"from\s+(.+?)\s+import\s+(.+)", line)
    modules, names = (re.split(r"\s*,\s*", part) for part in said.groups()) if said else ([], [])
    mistake = _at(token, "an import is of one module", "write an import for each")
    if len(modules) != len(names):
        return mistake
    put = "\n".join(f"from {module} import {name}" for module, name in zip(modules, names, strict=True))
    return mistake.mended_by(((first.start, first.start + len(line)), put))


def _stray_word(place: Place) -> Mistake | None:
    token = place.token
    if token.kind == "WHEN":
        return _at(token, "only an output can be computed `when training`", "write output name = ... when training")
    if token.kind == "CLAUSE":
        owner = "residual" if token.text == "shortcut" else "highway"
        help_ = f"write {owner} {{ ... }} {token.text} {{ ... }}"
        return _at(token, f"`{token.text}` follows the body of a {owner}", help_)
    if token.kind == "ELSE" and place.begins:
        return _at(token, "this `else` has no `if` before it", "an else follows the } of its if")
    return None


def _ternary(place: Place) -> Mistake | None:
    """`a if c` without else: often an if statement that was meant to begin after `a`."""
    token = place.token
    if not place.accepts("ELSE") or token.kind == "ELSE" or place.accepts("SEP") or place.accepts("LBRACE"):
        return None
    opener = next((t for t in reversed(place.tokens[place.first : place.index]) if t.kind == "IF"), None)
    if opener is None or place.tokens[place.first] is opener:
        return None
    if token.kind == "LBRACE":
        help_ = "put `;` or a new line before it: after a value, `if` reads as value if condition else other"
        return _at(opener, "this `if` continues the expression before it", help_, put="; if")
    return _at(opener, "this `if` has no `else`", "write value if condition else other")


_JOINED = {"metrics": "", "freeze": "", "augment": " ->", "loss": " +"}
"""What joins several values of a setting; nothing where they are a list."""


def _several(place: Place) -> Mistake | None:
    """`metrics accuracy, f1`: several values of a setting, parted as in a call."""
    key, before = place.tokens[place.first], place.tokens[place.first + 1 : place.index]
    depth = sum((token.kind in CLOSERS) - (token.kind in CLOSERS.values()) for token in before)
    if place.token.kind != "COMMA" or key.kind != "KEY" or key.text not in _JOINED or depth or not before:
        return None
    stop = next(t for t in place.tokens[place.index :] if t.kind in ("SEP", "RBRACE", "END")).start
    values = place.text[before[0].start : stop].partition("#")[0].rstrip()
    joined = _JOINED[key.text]
    put = re.sub(r"\s+", " ", values.replace(",", joined) if joined else f"[{values}]")
    help_ = f"several are joined by{joined}" if joined else "several stand in [ ]"
    mistake = _at(place.token, f"{key.text} takes one value, and a `,` follows it", f"{help_}: {key.text} {put}")
    return mistake.mended_by(((before[0].start, before[0].start + len(values)), put))


def _bare(place: Place) -> Mistake | None:
    """`metrics accuracy f1`, `optimizer adam lr=0.01`, `data images "photos"`: values one after another."""
    if len(place.line) < 3 or place.line[0].kind != "KEY" or place.before is None:
        return None
    if place.token.kind not in ("NAME", "NUMBER", "STRING", "CONSTANT", "QUANTITY"):
        return None
    key, first = place.line[0], place.line[1]
    stop = next(t for t in place.tokens[place.index :] if t.kind in ("SEP", "RBRACE", "END")).start
    rest = place.text[place.token.start : stop].partition("#")[0].rstrip()
    values = re.split(r"\s*,\s*|\s+", rest)
    if any(mark in rest for mark in "()[]{}") or not first.text.isidentifier():
        return None
    before = place.text[first.start : place.before.end]
    if key.text in _JOINED and place.token.kind == "NAME" and "=" not in rest:
        joined = _JOINED[key.text]
        put = f"{joined} ".join([before, *values]) if joined else f"[{', '.join([before, *values])}]"
        said = f"several are joined by{joined}" if joined else "several stand in [ ]"
        mistake = _at(
            place.token, f"{key.text} takes one value, and another one follows it", f"{said}: {key.text} {put}"
        )
    elif place.before is first:
        put = f"{first.text}({', '.join(values)})"
        mistake = _at(place.token, f"an argument of {first.text} stands in parentheses", f"write {key.text} {put}")
    else:
        return None
    return mistake.mended_by(((first.start, place.token.start + len(rest)), put))


def _braced(place: Place) -> Mistake | None:
    """`layer{i} = ...`, a label completed as in a Python f-string."""
    tokens, index = place.tokens, place.index
    depth = 0
    for opened in range(index - 1, 0, -1):
        depth += (tokens[opened].kind == "RBRACE") - (tokens[opened].kind == "LBRACE")
        if depth == 0:
            break
    else:
        return None
    name, brace, last = tokens[opened - 1], tokens[opened], tokens[index - 1]
    if name.kind != "NAME" or name.end != brace.start:
        return None
    inside = place.text[brace.end : last.start].strip()
    label = f"{name.text}${inside}" if inside.isidentifier() else f"{name.text}${{{inside}}}"
    mistake = Mistake("a label is completed by `$`", name.start, last.end, {"help": f"write {label} = ..."})
    return mistake.mended_by(((name.start, last.end), label))


def _listed(place: Place) -> Mistake | None:
    """`conv 8, 3`: arguments without parentheses, several of them."""
    tokens, first = place.tokens, place.tokens[place.first]
    name = tokens[place.first - 1] if place.first else first
    known = place.accepts("EQUAL") and place.ends_line and first.kind == "NUMBER" and name.kind == "NAME"
    if not known or place.before is None or not place.text[name.end : first.start].isspace():
        return None
    put = f"{name.text}({place.text[first.start : place.before.end]})"
    whole = name._replace(end=place.before.end)
    return _at(whole, f"the arguments of {name.text} stand in parentheses", f"write {put}", put=put)


def _assignment(place: Place) -> Mistake | None:
    token, before = place.token, place.before
    if token.kind != "EQUAL" or before is None or place.begins:
        return None
    if before.kind == "RBRACE" and (braced := _braced(place)):
        return braced
    if before.kind in ("SIGN", "TIMES", "POWER") and before.end == token.start:
        return _at(
            before._replace(end=token.end), f"there is no `{before.text}=`", "names are given once: let b = a + 1"
        )
    if before.text in HARD and before.kind != "CONSTANT":
        return _at(before, f"`{before.text}` is a word of the language", "choose another name")
    statement = place.tokens[place.first].kind
    if statement in ("NAME", "LPAR", "CONSTANT", "NUMBER", "STRING", "IN") and place.accepts("ARROW"):
        first = place.tokens[place.first]
        whole = before._replace(start=first.start)
        return _at(whole, "only a label can stand before `=`", "a label is a name, or a template such as layer$i")
    return None


def _reserved(place: Place) -> Mistake | None:
    token = place.token
    if token.text in HARD and place.accepts("NAME") and not place.accepts("NUMBER"):
        return _at(token, f"`{token.text}` is a word of the language and cannot be a name", "choose another name")
    return None


def _shape(place: Place) -> Mistake | None:
    if place.tokens[place.first].kind != "INPUT" or not place.accepts("LSQB") or place.accepts("NUMBER"):
        return None
    if place.token.kind not in ("SEP", "RBRACE", "END", "EQUAL", "NAME", "LPAR", "NUMBER"):
        return None
    name = place.tokens[place.first + 1].text
    help_ = f"write input {name} [3, 224, 224], channels first and without the batch; [3, H, W] leaves sizes open"
    return Mistake("an input needs its shape", *_span(place), {"help": help_, "label": "expected `[`"})


def _comma_twice(place: Place) -> Mistake | None:
    if place.token.kind != "COMMA" or place.before is None or place.before.kind != "COMMA":
        return None
    return _at(place.token, "a `,` stands here twice", "leave one out", put="", skip=True)


def _tuple(place: Place) -> Mistake | None:
    if place.token.kind != "COMMA" or not place.accepts("RPAR") or place.accepts("NUMBER"):
        return None
    mistake = _at(place.token, "there are no tuples", "a list stands in [ ]: [a, b]", label="expected `)`")
    tokens, opened, closed = place.tokens, place.index, place.index
    while opened and tokens[opened].kind not in _BRACKETS:
        opened -= 1
    while closed < len(tokens) - 1 and tokens[closed].kind not in _BRACKETS:
        closed += 1
    first, last = tokens[opened], tokens[closed]
    if first.kind != "LPAR" or last.kind != "RPAR":
        return mistake
    return mistake.mended_by(((first.start, last.end), f"[{place.text[first.end : last.start]}]"))


_BRACKETS = frozenset(("LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE"))


def _argument(place: Place) -> Mistake | None:
    """`conv(stride: 2)` and `conv(64 3)`."""
    token = place.token
    if token.kind == "COLON" and place.accepts("EQUAL") and place.accepts("COMMA") and place.accepts("RPAR"):
        instead = token._replace(kind="EQUAL", text="=")
        return _at(token, "an argument is named with `=`, not `:`", "write =", put="=", instead=instead)
    closes = next((closer for closer in ("RPAR", "RSQB") if place.accepts(closer)), "")
    begins = ("NAME", "NUMBER", "STRING", "CONSTANT", "PART", "LPAR", "LSQB")
    if token.kind in begins and place.accepts("COMMA") and closes and place.before is not None:
        end = place.before.end
        details = {"label": f"expected `,` or {_SAID[closes]} before it", "mend": ((end, end), ",")}
        return Mistake("a `,` is missing here", token.start, token.end, {**details, "help": "write , between the two"})
    return None


def _dictionary(place: Place) -> Mistake | None:
    token, index = place.token, place.index
    if token.kind != "COLON" or index < 2 or place.tokens[index - 2].kind != "LBRACE":
        return None
    return _at(token, "there are no dictionaries", "choose with if and else, or take an item of a list: [2, 3, 4][i]")


def _body_as_value(place: Place) -> Mistake | None:
    if place.token.kind != "LBRACE" or place.accepts("SEP"):
        return None
    statement = place.tokens[place.first : place.index]
    if sum((t.kind in ("LPAR", "LSQB")) - (t.kind in ("RPAR", "RSQB")) for t in statement) <= 0:
        return None
    return _at(place.token, "a body cannot be an argument", "name it: shared head = { ... }, or make it a block")


_OPERATORS = ("SIGN", "TIMES", "POWER", "COMPARE", "AND", "OR", "NOT")


def _run_on(place: Place) -> Mistake | None:
    """Python that ends in a newline and goes on: an operator at the end of a line."""
    before = place.before
    if not place.ends_line or before is None or before.kind not in _OPERATORS:
        return None
    help_ = "put the expression into ( ): inside of them a line may end anywhere"
    return _at(before, f"the line ends after `{before.text}`", help_)


_RULES: tuple[Callable[[Place], Mistake | None], ...] = (
    _in_train,
    _input,
    _several,
    _bare,
    _definition,
    _in_file,
    _modules,
    _condition,
    _setting,
    _dictionary,
    _arrow,
    _arrow_inside,
    _brace,
    _stray_word,
    _ternary,
    _listed,
    _assignment,
    _reserved,
    _shape,
    _comma_twice,
    _tuple,
    _argument,
    _body_as_value,
    _run_on,
)


_SAID = {
    "EQUAL": "`=`",
    "LBRACE": "`{`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RHOLE": "`}`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "LPAR": "`(`",
    "LSQB": "`[`",
    "IMPORT": "`import`",
    "ELSE": "`else`",
    "IN": "`in`",
    "KEY": "a setting",
    "SEP": "the end of the line",
}


def _expected(place: Place) -> str:
    """What could stand in the token's place, in the language's words."""
    accepts = place.accepts
    if accepts("NUMBER") and not accepts("LPAR"):
        return "a type, or the values to choose from" if accepts("NAME") else "a number or a string"
    if accepts("NUMBER"):
        what = "a stage" if accepts("WIRING") and accepts("LET") else "an expression"
        if not accepts("LET"):
            return "an expression or a body in braces" if accepts("WIRING") else what
        if not accepts("ARROW"):
            return what
    if accepts("NAME") and not accepts("ARROW"):
        return "a name or a string" if accepts("STRING") else "a name"
    idle = {"LPAR", "LSQB", "IN", "EQUAL"} if accepts("POWER") else set()
    idle |= {"LBRACE"} if accepts("SEP") else set()
    idle |= {"LPAR"} if accepts("EQUAL") and accepts("COMMA") else set()
    words = [phrase for kind, phrase in _SAID.items() if accepts(kind) and kind not in idle]
    if accepts("ARROW"):
        words.insert(0, "`->`")
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1] if words else ""


def _finding(place: Place) -> str:
    token = place.token
    if place.ends_line:
        return "the file ends" if token.kind == "END" else "the line ends"
    excerpt = token.text if len(token.text) <= LONGEST // 5 else token.text[: LONGEST // 5] + "..."
    return f"found `{excerpt}`"


def _end(place: Place) -> int:
    return place.before.end if place.before else 0


def _span(place: Place) -> tuple[int, int]:
    """The token's place; where a line or the file ends, that of the end of what stands before."""
    token = place.token
    if place.ends_line:
        return _end(place), _end(place)
    return token.start, token.end


def _unexpected(place: Place) -> Mistake:
    expected, finding = _expected(place), _finding(place)
    message = f"expected {expected}, but {finding}" if expected else f"{finding} where nothing can stand"
    help_ = ""
    if place.accepts("LBRACE") and not place.accepts("NUMBER"):
        help_ = "a body stands in braces: { ... }"
    elif place.accepts("EQUAL") and not place.accepts("ARROW"):
        help_ = "a name is given with `=`"
    return Mistake(message, *_span(place), {"help": help_, "label": f"expected {expected}" if expected else ""})
