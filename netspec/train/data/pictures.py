"""Picture files as arrays: read by Pillow, in the formats that hold pixels alone, or refused by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.train.data.files import DataError, reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Fit: TypeAlias = Literal["crop", "stretch", "pad"]
"""How a picture comes to another size: its middle, all of it out of proportion, or all of it with a border of zeros."""

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".pgm", ".ppm", ".pbm", ".pnm"))
GREY = frozenset(("1", "L", "LA", "I", "I;16", "I;16B", "F"))
"""Pillow's modes without colour."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture's first bytes say of it."""

    height: int
    width: int
    grey: bool


def pictures(folder: Path) -> list[Path]:
    """The picture files in a folder and those below it, in the order of their names; hidden ones are left out."""
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return sorted(path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def header(path: Path, name: str) -> Header:
    """Size and colour of a picture, without its pixels; raises DataError."""
    with _opened(path, name) as image:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS
        return Header(*((width, height) if turned else (height, width)), image.mode in GREY)


def read(path: Path, name: str, channels: int, size: tuple[int, int] | None, fit: Fit) -> NDArray[np.uint8]:
    """The pixels [channels, height, width] of a picture, as bytes; raises DataError that names the file.

    It is the right way up where its camera said how it was held; 16 bits a pixel become 8. `size` is height, width.
    """
    with _opened(path, name) as image:
        return pixels(image, channels, size, fit)


def pixels(image: Image.Image, channels: int, size: tuple[int, int] | None, fit: Fit) -> NDArray[np.uint8]:
    """The pixels of an open picture, as `read` gives those of a file."""
    import numpy as np
    from PIL import ImageOps

    converted = _eight_bits(ImageOps.exif_transpose(image)).convert("L" if channels == 1 else "RGB")
    array = np.asarray(converted if size is None else _fitted(converted, size, fit, smooth=True))
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def read_labels(path: Path, name: str, size: tuple[int, int] | None, fit: Fit) -> NDArray[np.uint8]:
    """The numbers [height, width] of a mask: palette indices or grey values, never interpolated; raises DataError."""
    import numpy as np
    from PIL import ImageOps

    with _opened(path, name) as image:
        turned = ImageOps.exif_transpose(image)
        if turned.mode not in ("P", "L", "1"):
            turned = _eight_bits(turned)
            turned = turned if turned.mode in ("P", "L", "1") else _grey(turned, name)
        if turned.mode == "1":
            turned = turned.convert("L")
        if size is not None:
            turned = _fitted(turned, size, fit, smooth=False)
        return np.array(turned, dtype=np.uint8)


def _grey(image: Image.Image, name: str) -> Image.Image:
    """A mask that was saved in colour though its channels are alike; raises DataError where they are not."""
    red, green, blue = image.convert("RGB").split()
    if red.tobytes() != green.tobytes() or green.tobytes() != blue.tobytes():
        raise DataError(
            f"the mask {name} is in colour, and a mask holds one number a pixel",
            help="save it in grey, the class of each pixel as its value, or with a palette",
        )
    return red


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey as its upper 8 bits; Pillow itself would cut it off at 255."""
    import numpy as np
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))


def _fitted(image: Image.Image, size: tuple[int, int], fit: Fit, *, smooth: bool) -> Image.Image:
    from PIL import Image, ImageOps

    wanted = (size[1], size[0])
    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    if image.size == wanted:
        return image
    match fit:
        case "crop":
            return ImageOps.fit(image, wanted, how)
        case "pad":
            return ImageOps.pad(image, wanted, how, color=0)
        case "stretch":
            return image.resize(wanted, how)


_ORIENTATION = 0x0112
_SIDEWAYS = frozenset((5, 6, 7, 8))
"""The values of Exif's Orientation for which width and height change places."""


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Image.Image]:
    """The picture, whatever is wrong with it said as a DataError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"there is no file {name}") from None
    except Image.DecompressionBombError:
        raise DataError(f"{name} claims to hold more pixels than a picture has") from None
    except UnidentifiedImageError:
        raise Damaged(f"{name} is no picture, or is damaged", name) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, MemoryError) as error:
        raise Damaged(f"{name} is damaged: {reason(error)}", name) from None


class Damaged(DataError):
    """A file that cannot be read; `--skip-bad` goes on without it."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message, help="mend it, remove it, or go on without it: --skip-bad")
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return Damaged, (self.message, self.name)
