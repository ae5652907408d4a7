"""Options that give values to names, `--set`, `--vary` and `--input`: what they mean, and what to write where they
mean nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.commands.options.refusals import bad_option

FROM_PYTHON = ("self", "net", "inputs")
"""Parameters that cannot be set from outside, as `graph` has these arguments itself."""
LONGEST = 1000
"""Of longer values nothing is proposed."""
LARGEST = 2**31 - 1
"""The largest size that an input may have."""
_OF_FLOWS = ("E0205", "E0216")
"""What is said of values that flow in a net, and are none outside."""
_OPEN = ("H", "W", "D", "L")
_BLANK = frozenset({"none", "None", "_", "in", "-1", "?", "*", ":", ""})
"""What stands for a size that stays open where it should have a name, or for the batch."""
_SIZE = re.compile(r"[0-9]{1,20}|[A-Za-z]\w*", re.ASCII)
_ENDS = {"[": "]", "(": ")", "{": "}"}


@dataclass(frozen=True, slots=True)
class _Option:
    """`--set NAME=VALUE`; `begin` is where the value begins in its text."""

    flag: str
    text: str
    name: str
    begin: int

    @property
    def value(self) -> str:
        return self.text[self.begin :]

    def wrong(self, message: str, proposal: str, start: int = 0, end: int | None = None) -> Exception:
        """What is said of a stretch of the value, and what to write in its place."""
        stretch = self.begin + start, self.begin + (len(self.value) if end is None else end)
        help = f"{self.flag} {shlex.quote(f'{self.name}={proposal}')}"
        return bad_option(self.flag, self.text, "", message, help, stretch)


def read_settings(options: Sequence[str] | None, *, train: bool = False) -> dict[str, Any]:
    """The values of `--set NAME=VALUE`, read as a spec reads them; with `train`, those of `train.KEY` as text."""
    settings: dict[str, Any] = {}
    for text in options or ():
        if re.match(r"\s*train\.\w+\s*=", text):
            name, _, value = text.partition("=")
            if not train:
                message = "this command does not train, and has no settings of training"
                raise bad_option("--set", text, "", message, "leave it out")
            settings[name.strip()] = value.strip()
            continue
        option = _option("--set", text, "depths=[3,8,36,3]")
        if option.name in FROM_PYTHON:
            message = f"a parameter named {option.name} cannot be set from outside"
            raise bad_option("--set", text, "", message, "give it another name in the spec")
        settings[option.name] = _value(option, option.value, 0)
    return settings


def read_variants(text: str) -> list[str]:
    """The settings that `--vary NAME=A,B` stands for, `NAME=A` and `NAME=B`; none where there is no option."""
    if not text:
        return []
    from netspec.diagram.several import MOST

    option = _option("--vary", text, "depth=18,34,50")
    pieces = list(_pieces(option.value))
    values = [proposal for _, piece in pieces if (proposal := next(_proposals(piece, len(piece)), ""))]
    enough = [*values, *(other for other in ("10", "20") if other not in values)]
    proposal = ",".join(enough[: max(2, min(len(values), MOST))])
    for start, piece in pieces:
        if not piece.strip():
            message = f"{option.name} has no value {'between these commas' if values else 'here'}"
            raise option.wrong(message, proposal, start, start + len(piece))
        _value(option, piece, start, proposal)
    if not 2 <= len(pieces) <= MOST:
        raise option.wrong(f"one figure shows 2 to {MOST} nets, and this is {len(pieces)}", proposal)
    return [f"{option.name}={piece.strip()}" for _, piece in pieces]


def read_inputs(options: Sequence[str] | None) -> dict[str, list[int | str]] | None:
    """The shapes of `--input NAME=[SIZE, ...]`; a size is a number, or a name where it stays open."""
    given = (_option("--input", text, "image=[3,512,512]") for text in options or ())
    return {option.name: _shape(option) for option in given} or None


def _option(flag: str, text: str, example: str) -> _Option:
    name, equals, _ = text.partition("=")
    if not equals and name.strip().isidentifier():
        raise bad_option(flag, text, f"{name.strip()}={'10' if flag == '--set' else example.partition('=')[2]}")
    if not name.strip().isidentifier():
        raise bad_option(flag, text, "train.epochs=3" if name.strip() == "train." else example)
    return _Option(flag, text, name.strip(), len(name) + 1)


def _value(option: _Option, text: str, start: int, proposal: str = "") -> Any:
    """The value of a stretch of an option that begins at `start`; raises NetspecError (E0005).

    `proposal` is one for the whole value, where that is more than the stretch.
    """
    from netspec.diagnostics import NetspecError
    from netspec.spec import parse_argument

    try:
        return parse_argument(text)
    except NetspecError as error:
        first = error.diagnostics[0]
    at, end = first.span.start, first.span.end
    proposal = proposal or next(_proposals(text, at), "10")
    if not text.strip():
        raise option.wrong(f"{option.name} has no value", proposal, start, start + len(text))
    if first.code[:3] in ("E02", "E05") and first.code not in _OF_FLOWS and not first.message.endswith("is no value"):
        raise option.wrong(f"{option.name} has no value: {first.message}", proposal, start + at, start + end)
    excerpt = " ".join(text.split())
    message = f"{excerpt if len(excerpt) <= 40 else excerpt[:39] + '…'} is no value for {option.name}"
    raise option.wrong(message, proposal, start + at, start + max(end, at + 1))


def _proposals(text: str, at: int) -> Iterator[str]:
    """Values that a text may stand for, the likeliest first; `at` is where it cannot be read on."""
    from netspec.diagnostics import NetspecError
    from netspec.spec import parse_argument

    core = text.strip().strip("=:;,#$").strip()
    if len(core) > LONGEST:
        return
    ends = [_ENDS[character] for character in core if character in _ENDS]
    with_ends = core + "".join(end for end in reversed(ends) if core.count(end) < ends.count(end))
    words = re.findall(r"[^][(){},;\s]+", core)
    as_list = f"[{','.join(words)}]" if len(words) > 1 else ""
    plain = as_list if re.fullmatch(r"[\w.\s+-]+(,[\w.\s+-]*)+", core) else ""
    with_quotes = [core + quote for quote in "\"'" if core.count(quote) % 2]
    whole = f'"{core}"' if re.fullmatch(r"[A-Za-z][\w./:-]*", core) else ""
    for proposal in (
        core,
        plain,
        with_ends,
        *with_quotes,
        whole,
        text[:at].strip(),
        as_list,
        core.split("\n")[0].strip(),
    ):
        if proposal and "\n" not in proposal:
            try:
                parse_argument(proposal)
            except NetspecError:
                continue
            yield proposal


def _pieces(value: str) -> Iterator[tuple[int, str]]:
    """The stretches between the commas that stand in no brackets and in no text, and where each begins."""
    depth, begin, quote = 0, 0, ""
    for place, character in enumerate(value):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
        elif character == "," and depth <= 0:
            yield begin, value[begin:place]
            begin = place + 1
    yield begin, value[begin:]


def _shape(option: _Option) -> list[int | str]:
    from netspec.elaborate.calls.limits import MOST_DIMENSIONS

    value = option.value
    inner = re.fullmatch(r"\s*\[(.*)\]\s*", value, re.DOTALL)
    if inner is None:
        raise option.wrong(f"the shape of {option.name} is a list of sizes in brackets", _likely_shape(value))
    sizes: list[int | str] = []
    for start, piece in _pieces(inner[1]):
        size = piece.strip()
        begin = inner.start(1) + start
        if size in _BLANK or _SIZE.fullmatch(size) is None or (size.isdecimal() and not 1 <= int(size) <= LARGEST):
            if not inner[1].strip():
                raise option.wrong(f"the shape of {option.name} has no sizes", _likely_shape(value))
            raise option.wrong(_no_size(size), _likely_shape(value), begin, begin + max(1, len(piece)))
        sizes.append(int(size) if size.isdecimal() else size)
    if len(sizes) > MOST_DIMENSIONS:
        message = f"an input has at most {MOST_DIMENSIONS} dimensions, and this is {len(sizes)}"
        raise option.wrong(message, _likely_shape(value))
    return sizes


def _no_size(size: str) -> str:
    if size.isdecimal() and size.isascii():
        return f"a size is a number from 1 to {LARGEST:,}, and this is {size}"
    named = "a size is a number, or a name where it stays open: H"
    return f"{size} is no size; {named}" if size else f"a size is missing; {named}"


def _likely_shape(value: str) -> str:
    """The shape that a text may stand for: without the batch, with names for sizes that stay open."""
    bracketed = re.search(r"\[([^][]+)\]", value)
    core = (value if bracketed is None else bracketed[1]).strip().strip("[](){}\"' ")
    pieces = [piece.strip() for piece in re.split(r"[,;\s]+|(?<=\d)[xX×*](?=\d)", core)]
    if len(pieces) > 1 and pieces[0] in ("none", "None", "-1"):
        pieces = pieces[1:]
    pieces = [_plain(piece) for piece in pieces if piece]
    if len(pieces) > 1 and not _is_size(pieces[0]):
        pieces[0] = "3"
    names = iter([name for name in _OPEN if name not in pieces])
    sizes = [size if _is_size(size) else next(names, "L") for size in pieces]
    return f"[{','.join(sizes if len(sizes) <= 4 else sizes[:3]) or '3,512,512'}]"


def _plain(size: str) -> str:
    """A size without a sign, a fraction or brackets."""
    number = re.fullmatch(r"\W*-?(\d+)(?:\.0*)?\W*", size)
    return str(int(number[1])) if number is not None and size != "-1" else size.strip("[](){}\"'") or size


def _is_size(size: str) -> bool:
    number = size.isdecimal() and size.isascii()
    return 1 <= int(size) <= LARGEST if number else size not in _BLANK and _SIZE.fullmatch(size) is not None
