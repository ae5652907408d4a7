"""A text as tokens in windows: at each place the next token is to be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from netspec.layers.declaration.base import Positive
from netspec.train.data import files
from netspec.train.data.base import DATA, Data, Dims, Divided, InProject, MaybeInProject, Split, held
from netspec.train.data.files import DataError, Place
from netspec.train.data.tables import Windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IN_MEMORY = 2**28
"""Windows that take at most so many bytes are put side by side once; of more, each is when it is wanted."""
Unit: TypeAlias = Literal["characters", "bytes"]


class Vocabulary(Protocol):
    """What a text is made of. `names` are the tokens as texts, in the order of their numbers."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def numbers(self, text: str) -> NDArray[np.int64]:
        """The tokens of a text; raises DataError where it holds what is none."""

    def text(self, numbers: Sequence[int]) -> str:
        """The text of tokens."""


@dataclass(frozen=True, slots=True)
class Characters:
    """Each character is a token."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Characters:
        """Those that a text holds, in their order."""
        return cls(tuple(sorted(set(text))))

    def numbers(self, text: str) -> NDArray[np.int64]:
        import numpy as np

        places = {name: place for place, name in enumerate(self.names)}
        if unknown := next((character for character in text if character not in places), None):
            raise DataError(
                f"the text holds {unknown!r}, which is none of the {len(places)} characters of the training"
            )
        return np.array([places[character] for character in text], np.int64)

    def text(self, numbers: Sequence[int]) -> str:
        return "".join(self.names[number] for number in numbers)


@dataclass(frozen=True, slots=True)
class Bytes:
    """Each byte of a text in UTF-8 is a token."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(chr(byte) if 32 <= byte < 127 else f"0x{byte:02x}" for byte in range(256))

    def numbers(self, text: str) -> NDArray[np.int64]:
        import numpy as np

        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)

    def text(self, numbers: Sequence[int]) -> str:
        return bytes(numbers).decode(errors="replace")


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The pieces of words that a file of Hugging Face's `tokenizers` knows."""

    tokenizer: Any

    @classmethod
    def read(cls, path: Path, name: str) -> Pieces:
        """Those of a tokenizer.json; raises DataError."""
        from tokenizers import Tokenizer

        content = files.read_bytes(path)
        try:
            return cls(Tokenizer.from_buffer(content))
        except Exception as error:  # tokenizers raises nothing more special
            raise DataError(f"{name} is no file of a tokenizer: {files.reason(error)}") from None

    @property
    def names(self) -> tuple[str, ...]:
        pieces: dict[str, int] = self.tokenizer.get_vocab()
        return tuple(sorted(pieces, key=pieces.__getitem__))

    def numbers(self, text: str) -> NDArray[np.int64]:
        import numpy as np

        return np.array(self.tokenizer.encode(text, add_special_tokens=False).ids, np.int64)

    def text(self, numbers: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(numbers)))


@DATA("tokens", "language_model", "char_lm")
class Tokens(Divided):
    """A text in windows of `length` tokens; at each of them the next one is to be said.

    Shape: [length], the tokens' numbers, or one-hot, [tokens, length]; the target is [length], so that scores are
    [tokens, length]. Tokens are the characters that the file holds, or its `bytes`, or those of `tokenizer`, a file of
    Hugging Face's `tokenizers`. A window begins every `step` tokens, `length` where nothing is said. The last share
    `test` of the text is set aside. Source: Bengio et al., "A neural probabilistic language model", JMLR 2003.
    """

    file: InProject
    length: Positive
    step: Positive | None = None
    unit: Unit = "characters"
    tokenizer: MaybeInProject = None

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        return ("file", "length", "step", "unit", "tokenizer", "test", "val")

    def load(self, place: Place) -> Data:
        text = self._text(place.resolve(self.file))
        vocabulary = self.vocabulary(place) or Characters.of(text)
        numbers = vocabulary.numbers(text)
        count = len(numbers)
        cut = count - round(self.test * count)
        first = cut - round(self.val * count)
        parts = [numbers[:first], numbers[cut:], *([numbers[first:cut]] if first < cut else [])]
        train, test, *val = map(self._split, parts)
        names = vocabulary.names
        return Data(train, test, len(names), names=names, levels=len(names), val=next(iter(val), None))

    def vocabulary(self, place: Place, names: Sequence[str] = ()) -> Vocabulary | None:
        """The tokens, where they follow from the arguments or from the `names` that a run has noted; else None."""
        if self.tokenizer is not None:
            return Pieces.read(place.resolve(self.tokenizer), self.tokenizer)
        if self.unit == "bytes":
            return Bytes()
        return Characters(tuple(names)) if names else None

    def mend(self, wanted: Dims | None) -> str:
        if wanted is None or len(wanted) not in (1, 2):
            return ""
        return f"data {self.model_copy(update={'length': wanted[-1]}).written()}"

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            near_file = files.near(path, path.parent.glob("*.txt"))
            raise DataError(
                f"there is no file {self.file}", help=near_file or "paths are relative to the spec"
            ) from None
        except UnicodeDecodeError:
            raise DataError(f"{self.file} is no text in UTF-8") from None
        except OSError as error:
            raise DataError(f"{self.file} cannot be read: {files.reason(error)}") from None

    def _split(self, numbers: NDArray[Any]) -> Split:
        if len(numbers) <= self.length:
            least = self.length + 1
            raise DataError(f"{self.file} is too short: each of its parts needs {least:,} tokens at least")
        values = numbers[None]
        return held(Windows(values, values, self.length, self.step or self.length, 1, flat=True), IN_MEMORY)
