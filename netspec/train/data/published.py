"""Data sets in the files that they were published in: looked for in a folder, never fetched, checked to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from netspec.train.data import files
from netspec.train.data.base import DATA, Data, DataSet, Dims, MaybeInProject, Split, outline
from netspec.train.data.files import DataError, Place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Published(DataSet):
    """Base of the data sets that are a few files in a folder."""

    title: ClassVar[str]
    files: ClassVar[tuple[str, ...]]
    origin: ClassVar[str]
    """Where the files can be had."""

    def home(self, place: Place, folder: str | None) -> tuple[Path, str]:
        """The folder of the files, and how messages call it: the spec's, or data/NAME; with --data that one."""
        location = folder or ("." if place.named else f"data/{self.name}")
        return place.resolve(location), location

    def files_of(self, place: Place, folder: Path, location: str) -> list[Path]:
        """The files; raises DataError that says how to get them where they lack."""
        paths = [files.published(folder, name) for name in self.files]
        missing = [name for name, path in zip(self.files, paths, strict=True) if path is None]
        if missing:
            raise DataError(
                f"the files of {self.title} are not in {location}",
                notes=tuple(f"missing: {name}{self.packed(name)}" for name in missing),
                help=f"get {self.origin}\nand put the files into {folder}",
            )
        return list(place.contained(path for path in paths if path is not None))

    def packed(self, name: str) -> str:
        """How else a file may be called."""
        return f", or {name}.gz"


class Idx(Published):
    """Base of the data sets in four IDX files: images and labels, to train and to test with."""

    files = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    folder: MaybeInProject = None

    def outline(self) -> Data | None:
        return outline((1, 28, 28), 10)

    def load(self, place: Place) -> Data:
        folder, location = self.home(place, self.folder)
        train_x, train_y, test_x, test_y = map(files.read_idx, self.files_of(place, folder, location))
        return Data(self._images(train_x, train_y, location), self._images(test_x, test_y, location), 10)

    def _images(self, x: NDArray[np.uint8], y: NDArray[np.uint8], location: str) -> Split:
        if x.ndim != 3 or x.shape[1:] != (28, 28) or y.shape != x.shape[:1] or y.max(initial=0) > 9:
            raise DataError(f"the files in {location} are not those of {self.title}: they hold {x.shape} and {y.shape}")
        return Split(x[:, None], y.astype("int64"))

    def adapt(self, x: NDArray[Any], wanted: Dims) -> NDArray[Any] | None:
        import numpy as np

        if wanted[-2:] == (32, 32):
            x = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
        return super().adapt(x, wanted)


@DATA("mnist")
class Mnist(Idx):
    """60,000 training and 10,000 test images of handwritten digits, from their four published files in `folder`.

    Shape: [1, 28, 28], or [1, 32, 32] with a border of zeros, as LeNet-5 was trained; brightness from 0 to 1.
    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
    """

    title = "MNIST"
    origin = "the four files, packed or not, from https://ossci-datasets.s3.amazonaws.com/mnist/"


@DATA("fashion_mnist", "fmnist")
class FashionMnist(Idx):
    """60,000 training and 10,000 test images of clothing in ten classes, from their four published files in `folder`.

    Shape: [1, 28, 28], or [1, 32, 32] with a border of zeros; brightness from 0 to 1.
    Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
    2017.
    """

    title = "Fashion-MNIST"
    origin = (
        "the four files, packed or not, from https://github.com/zalandoresearch/fashion-mnist (folder data/fashion)"
    )


@DATA("cifar10")
class Cifar10(Published):
    """50,000 training and 10,000 test photographs in ten classes, from the six files of the published binary version.

    Shape: [3, 32, 32]; brightness from 0 to 1. The Python version of the files holds pickles, which are never read.
    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    title = "CIFAR-10"
    files = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
    origin = "the binary version, cifar-10-binary.tar.gz, from https://www.cs.toronto.edu/~kriz/cifar.html, unpack it"
    names: ClassVar[tuple[str, ...]] = (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    )  # fmt: skip
    row: ClassVar[int] = 1 + 3 * 32 * 32
    """Bytes an image: its class, then the red, green and blue values, row by row."""
    folder: MaybeInProject = None

    def outline(self) -> Data | None:
        return outline((3, 32, 32), 10)

    def load(self, place: Place) -> Data:
        import numpy as np

        folder, location = self.home(place, self.folder)
        unpacked = folder / "cifar-10-batches-bin"
        if unpacked.is_dir():
            folder, location = unpacked, f"{location}/{unpacked.name}"
        if not (folder / self.files[0]).exists() and self._pickles(folder):
            raise DataError(
                f"{location} holds the Python version of CIFAR-10, whose pickles could run anything when read",
                help=f"get {self.origin}\nand put the files into {folder}",
            )
        *train, test = (self._images(path) for path in self.files_of(place, folder, location))
        x, y = (np.concatenate([getattr(split, name) for split in train]) for name in "xy")
        return Data(Split(x, y), test, 10, names=self.names)

    def packed(self, name: str) -> str:
        return ""

    def _images(self, path: Path) -> Split:
        import numpy as np

        content = np.frombuffer(files.read_bytes(path), np.uint8)
        if len(content) == 0 or len(content) % self.row or content[:: self.row].max() > 9:
            raise DataError(
                f"{path.name} is damaged, or no file of CIFAR-10: it holds {len(content):,} bytes",
                help=f"an image takes {self.row:,} bytes, the first of them its class from 0 to 9",
            )
        rows = content.reshape(-1, self.row)
        return Split(rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].astype(np.int64))

    def _pickles(self, folder: Path) -> bool:
        return any((place / "data_batch_1").exists() for place in (folder, folder / "cifar-10-batches-py"))
