"""Picture files as arrays: read by Pillow, in the formats that hold pixels alone, or refused by name.

Of 8 bits a pixel the array holds bytes. What has more is real numbers: of 16 bits from 0 to 1, where 1 is the largest
that the file says it can hold; of real numbers as they are. A mask holds whole numbers, whatever their bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias

from netspec.train.data.files import DataError, reason
from netspec.train.data.vision.masks import OUTSIDE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Fit: TypeAlias = Literal["crop", "stretch", "pad"]
"""How a picture comes to another size: its middle, all of it out of proportion, or all of it with a border of zeros."""

Box: TypeAlias = tuple[int, int, int, int]
"""Where a part of a picture lies: left, top, right, bottom."""
Part: TypeAlias = "Callable[[int, int], Box]"
"""Which part of a picture is taken, by its width and height."""

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
    deep: bool = False
    """Whether it has more than 8 bits a pixel."""


def pictures(folder: Path) -> list[Path]:
    """The picture files in a folder and those below it, in the order of their names; hidden ones are left out."""
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return sorted(path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def header(path: Path, name: str) -> Header:
    """Size and colour of a picture, without its pixels; raises DataError."""
    with opened(path, name) as image:
        width, height = image.size
        turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS
        return Header(*((width, height) if turned else (height, width)), image.mode in GREY, _is_deep(image))


def read(
    path: Path,
    name: str,
    channels: int,
    size: tuple[int, int] | None,
    fit: Fit,
    deep: bool | None = None,
    part: Part | None = None,
) -> NDArray[Any]:
    """The pixels [channels, height, width] of a picture; raises DataError that names the file.

    It is the right way up where its camera said how it was held. `size` is height, width; with a `part` that of the
    picture comes to this size, else all of it as `fit` says. With `deep` bytes become real numbers as well, and without
    it (False) what has more than 8 bits is refused; None takes each as it is.
    """
    import numpy as np

    with opened(path, name) as image:
        if deep is False and _is_deep(image):
            message = f"{name} has more than 8 bits a pixel, and the first picture has 8"
            raise DataError(message, help="bring all pictures to one depth")
        array = pixels(image, channels, size, fit, name, part)
        return array / np.float32(255) if deep and array.dtype == np.uint8 else array


def pixels(
    image: Image.Image,
    channels: int,
    size: tuple[int, int] | None,
    fit: Fit,
    name: str = "the picture",
    part: Part | None = None,
) -> NDArray[Any]:
    """The pixels of an open picture, as `read` gives those of a file."""
    import numpy as np
    from PIL import Image

    mode = "L" if channels == 1 else "RGB"
    converted = _real(image, name) if _is_deep(image) else _upright(image).convert(mode)
    if size is not None and part is not None:
        converted = converted.resize(size[::-1], Image.Resampling.BILINEAR, box=part(*converted.size))
    array = np.asarray(converted if size is None else _fitted(converted, size, fit, smooth=True))
    if array.ndim == 2:
        return np.repeat(array[None], channels, 0)
    return np.ascontiguousarray(array.transpose(2, 0, 1))


def random_part(share: tuple[float, float], seed: int) -> Part:
    """A part of a picture of a size between these shares of its area and of any shape from 3:4 to 4:3, by that seed.

    Where ten draws find none that fits, it is the largest in the middle with sides of at most 4:3, as torchvision has
    it. Source: Szegedy et al., "Going deeper with convolutions", 2015, section 6.
    """
    import numpy as np

    def part(width: int, height: int) -> Box:
        random = np.random.default_rng(seed)
        for _ in range(10):
            area = width * height * random.uniform(*share)
            ratio = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
            wide, high = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if 0 < wide <= width and 0 < high <= height:
                left, top = int(random.integers(width - wide + 1)), int(random.integers(height - high + 1))
                return left, top, left + wide, top + high
        wide, high = min(width, round(height * 4 / 3)), min(height, round(width * 4 / 3))
        left, top = (width - wide) // 2, (height - high) // 2
        return left, top, left + wide, top + high

    return part


def read_labels(path: Path, name: str, size: tuple[int, int] | None, fit: Fit) -> NDArray[np.int64]:
    """The numbers [height, width] of a mask: palette indices or grey values, never interpolated or scaled.

    With a border they are OUTSIDE there. Raises DataError where the file holds no whole numbers.
    """
    import numpy as np
    from PIL import Image

    with opened(path, name) as image:
        if image.format == "JPEG":
            message = f"the mask {name} is a JPEG, which blurs the numbers that stand for classes"
            raise DataError(message, help="save masks as PNG")
        most, wide = _rescaled(image), any(";16" in str(tile[3]) for tile in _tiles(image))
        turned = _upright(image)
        if turned.mode == "1":
            turned = turned.convert("L")
        elif turned.mode not in ("P", "L") and not _is_deep(turned):
            turned = _grey(turned, name, wide=wide)
        values = np.asarray(turned)
        if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.round(values))).all():
            message = f"the mask {name} holds real numbers, and a mask holds the number of a class a pixel"
            raise DataError(message, help="save it in whole numbers, as PNG")
        whole = values.astype(np.int64) if most is None else np.round(values.astype(np.float64) * most).astype(np.int64)
        if size is None:
            return whole
        fitted = _fitted(Image.fromarray(whole.astype(np.int32)), size, fit, smooth=False)
        return np.asarray(fitted).astype(np.int64)


def _grey(image: Image.Image, name: str, *, wide: bool) -> Image.Image:
    """A mask that was saved in colour though its channels are alike; raises DataError where they are not.

    Of `wide` channels, of 16 bits, Pillow gives the upper 8 alone.
    """
    red, green, blue = image.convert("RGB").split()
    if wide or red.tobytes() != green.tobytes() or green.tobytes() != blue.tobytes():
        raise DataError(
            f"the mask {name} is in colour, and a mask holds one number a pixel",
            help="save it in grey, the class of each pixel as its value, or with a palette",
        )
    return red


def _upright(image: Image.Image) -> Image.Image:
    """The picture as its camera held it; of a TIFF Pillow has done that already."""
    from PIL import ImageOps

    return image if image.format == "TIFF" else ImageOps.exif_transpose(image)


def _is_deep(image: Image.Image) -> bool:
    """Whether a picture has more than 8 bits a pixel: whole numbers of 16 or 32 bits, or real ones."""
    return image.mode.startswith("I") or image.mode == "F"


def _real(image: Image.Image, name: str) -> Image.Image:
    """A grey picture of more than 8 bits as real numbers: whole ones in shares of white, real ones as they are."""
    import numpy as np
    from PIL import Image

    white = 1.0 if image.mode == "F" else _white(image, name)
    values = np.asarray(_upright(image)).astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"{name} holds values that are not finite")
    return Image.fromarray(values / np.float32(white))


def _white(image: Image.Image, name: str) -> float:
    """The largest whole number that a file says it can hold: TIFF's MaxSampleValue, or its bits a sample."""
    if image.format != "TIFF":
        return 65535.0  # PNG has 16 bits, and Pillow scales PGM to them
    tags: Any = image.getexif()
    most = tags.get(_MOST_VALUE)
    if most is not None:
        return float(most[0] if isinstance(most, tuple) else most) or 1.0
    bits = tags.get(_BITS, 16)
    bits = bits[0] if isinstance(bits, tuple) else bits
    if bits > 16:
        raise DataError(
            f"{name} holds whole numbers of {bits} bits, and does not say which of them is white",
            help="save it with 16 bits or as real numbers; what is no brightness comes in a file of NumPy",
        )
    signed = tags.get(_SIGNED) in (2, (2,))
    return float(2 ** (bits - signed) - 1)


def _rescaled(image: Image.Image) -> float | None:
    """What undoes Pillow's scaling of a PGM whose largest value is another than that of 8 or 16 bits; None for nothing.

    A mask of 21 classes may say that 20 is white.
    """
    for codec, _, _, arguments in _tiles(image) if image.format == "PPM" else ():
        if codec != "raw" and isinstance(arguments, tuple):
            return float(arguments[1]) / (65535 if image.mode.startswith("I") else 255)
    return None


def _tiles(image: Image.Image) -> Any:
    """How Pillow is about to decode the picture: codec, box, offset and arguments of each part."""
    return getattr(image, "tile", ())


def _fitted(image: Image.Image, size: tuple[int, int], fit: Fit, *, smooth: bool) -> Image.Image:
    from PIL import Image, ImageOps

    target_size = (size[1], size[0])
    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    if image.size == target_size:
        return image
    match fit:
        case "crop":
            return ImageOps.fit(image, target_size, how)
        case "pad":
            return ImageOps.pad(image, target_size, how, color=0 if smooth else OUTSIDE)
        case "stretch":
            return image.resize(target_size, how)


_ORIENTATION, _BITS, _MOST_VALUE, _SIGNED = 0x0112, 0x0102, 0x0119, 0x0153
"""Tags of Exif and TIFF; the last is TIFF's SampleFormat, which is 2 where numbers have a sign."""
_PAGED = ("TIFF", "GIF", "WEBP", "PNG")
"""Formats that can hold several pictures in a file; those after a JPEG's first are its own at other sizes."""
_SIDEWAYS = frozenset((5, 6, 7, 8))
"""The values of Exif's Orientation for which width and height change places."""


@contextmanager
def opened(source: Path | BinaryIO, name: str) -> Iterator[Image.Image]:
    """The picture in a file, whatever is wrong with it said as a DataError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Not by its path: Pillow maps plain TIFFs into memory then, and forgets which way up they are.
            with (
                source.open("rb") if isinstance(source, Path) else source as file,
                Image.open(file, formats=FORMATS) as image,
            ):
                pages = getattr(image, "n_frames", 1) if image.format in _PAGED else 1
                if pages > 1:
                    message = f"{name} holds {pages} pictures, and which of them is meant is not said"
                    raise DataError(message, help="save each as a file of its own")
                yield image
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"there is no file {name}") from None
    except Image.DecompressionBombError:
        raise Damaged(f"{name} claims to hold more pixels than a picture has", name) from None
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
