"""Samples as batches on the device: from memory at once, from files by workers that read ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from netspec.train.batch import Batch, bordered
from netspec.train.data.base import Drawing, Sample, Source, Stream
from netspec.train.data.encoding import Encoding
from netspec.train.data.files import DataError
from netspec.train.data.objects.objects import Objects, Size
from netspec.train.randomness import ORDER, SAMPLE, order, stream

if TYPE_CHECKING:
    from netspec.train.data import Split

T = TypeVar("T")

ON_DEVICE = 2**31
"""Data of at most this many bytes live on the device as a whole; larger ones are brought there batch by batch."""
AHEAD = 2
"""So many batches each worker reads ahead."""


class BatchLoader:
    """A split as batches. A batch is a function of its indices, seed and epoch, whoever reads it and when.

    `encodings` say how samples enter each input of the net. `workers` are processes that read samples from files; with
    none they are read in turn. Raises DataError where a sample that is read is damaged.
    """

    def __init__(self, split: Split, encodings: Sequence[Encoding], device: torch.device, workers: int = 0) -> None:
        self.split, self.encodings, self.device, self.workers = split, encodings, device, workers
        arrays = [array for array in (*split.inputs, *split.targets, split.weight) if array is not None]
        self.home = device if sum(array.nbytes for array in arrays) <= ON_DEVICE else torch.device("cpu")
        self.held = tuple(torch.from_numpy(array).to(self.home) for array in arrays)

    def __len__(self) -> int:
        return len(self.split)

    @property
    def x(self) -> Tensor:
        """The samples as they are held; none where they are read."""
        return self.held[0]

    @property
    def y(self) -> Tensor:
        """What is to be said about the samples that are held."""
        return self.held[len(self.encodings)]

    def order(self, seed: int, epoch: int) -> Tensor:
        """The order of an epoch, where the samples are; a stream shuffles by itself, as a function of both too."""
        if isinstance(self.split.source, Stream):
            return torch.arange(len(self))
        return order(seed, epoch, len(self)).to(self.home)

    def batches(self, plan: Sequence[Tensor], *, seed: int = 0, epoch: int = 0) -> Iterator[Batch]:
        """The batches of a plan in turn, each a tensor of indices: an epoch, the rest of one, or a rank's part of one.

        What is read from files is read ahead. In a stream's plan indices only grow. `seed` and `epoch` say what the
        randomness of a stream's order, of pairs, and of a data set given from Python comes from.
        """
        match self.split.source:
            case None:
                yield from map(self.batch, plan)
            case Drawing() as source:
                yield from map(self._brought, self._drawing(source, plan, stream(seed, SAMPLE, epoch)))
            case Stream() as source:
                yield from map(self._checked, self._streaming(source, plan, stream(seed, ORDER, epoch)))
            case _:
                self._sampler.now = [
                    [(index, stream(seed, SAMPLE, epoch, index)) for index in part.tolist()] for part in plan
                ]
                yield from map(self._checked, self._reading)

    def in_turn(self, size: int) -> Iterator[Batch]:
        """All samples in their own order, in batches of `size`."""
        if self.split.source is None:
            return (self.slice(start, start + size) for start in range(0, len(self), size))
        if isinstance(self.split.source, Stream):
            return map(self._checked, self._streaming(self.split.source, self._turns(size), None))
        return self.batches(self._turns(size))

    def _turns(self, size: int) -> list[Tensor]:
        return [torch.arange(start, min(start + size, len(self))) for start in range(0, len(self), size)]

    def batch(self, indices: Tensor) -> Batch:
        """The samples of these indices, in their order."""
        if self.split.source is not None:
            return next(self.batches([indices]))
        return self._brought([tensor.index_select(0, indices) for tensor in self.held])

    def slice(self, start: int, stop: int) -> Batch:
        """The samples from `start` to before `stop`."""
        if self.split.source is not None:
            return next(self.batches([torch.arange(start, min(stop, len(self)))]))
        return self._brought([tensor[start:stop] for tensor in self.held])

    def _brought(self, tensors: Sequence[Tensor]) -> Batch:
        if tensors[0].device != self.device:
            tensors = [tensor.to(self.device, non_blocking=True) for tensor in tensors]
        count = len(self.encodings)
        x, *more = (encoding(tensor) for encoding, tensor in zip(self.encodings, tensors, strict=False))
        targets = count + len(self.split.targets)
        y, *further = tensors[count:targets]
        weight = next(iter(tensors[targets:]), None)
        return Batch(x, y, weight, more=tuple(more), further=tuple(further))

    def _drawing(self, source: Drawing, plan: Sequence[Tensor], seed: int) -> Iterator[list[Tensor]]:
        """The batches of a plan, put together out of the samples that are held."""
        indices, targets = source.drawn(seed)
        *places, y = (torch.from_numpy(array).to(self.home) for array in (*indices, targets))
        for part in plan:
            sides = zip(self.held, places, strict=False)
            yield [*(x.index_select(0, place[part]) for x, place in sides), y[part]]

    def _checked(self, read: Read) -> Batch:
        if isinstance(read, DataError):
            raise read
        return self._pictured(read) if isinstance(read, Pictured) else self._brought(read)

    def _pictured(self, read: Pictured) -> Batch:
        x = self.encodings[0](read.x.to(self.device, non_blocking=True))
        objects = tuple(each.each(lambda tensor: tensor.to(self.device)) for each in read.objects)
        return Batch(x, x.new_zeros(len(x)), objects=objects, sizes=read.sizes)

    @cached_property
    def _sampler(self) -> _BatchSampler:
        return _BatchSampler()

    @cached_property
    def _reading(self) -> DataLoader[Any]:
        """The workers, who stay from epoch to epoch and read what the plan of the moment says."""
        assert isinstance(self.split.source, Source)
        return DataLoader(
            _Samples(self.split.source),
            batch_sampler=self._sampler,
            collate_fn=_collated,
            num_workers=self.workers,
            prefetch_factor=AHEAD if self.workers else None,
            persistent_workers=self.workers > 0,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),
        )

    def _streaming(self, source: Stream, plan: Sequence[Tensor], seed: int | None) -> Iterator[Read]:
        """The batches of a plan out of a stream, in one pass over it; where there are workers, a thread reads ahead."""
        read = _passed(source, [part.tolist() for part in plan], seed)
        return _ahead(read) if self.workers else read


class Pictured(NamedTuple):
    """Pictures (n, C, H, W), those of unlike sizes with borders, the objects in each, and their own sizes."""

    x: Tensor
    objects: tuple[Objects[Tensor], ...]
    sizes: tuple[Size, ...]


Read: TypeAlias = list[Tensor] | Pictured | DataError
"""A batch as it is read, or what is wrong with it."""


class _BatchSampler:
    """The batches to come: for each, the samples' indices and the seeds of their randomness."""

    def __init__(self) -> None:
        self.now: list[list[tuple[int, int]]] = []

    def __len__(self) -> int:
        return len(self.now)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return iter(self.now)


@dataclass(frozen=True, slots=True, eq=False)
class _Samples(Dataset[Any]):
    """Reads samples in a worker. A damaged one comes back as the error itself, which crosses processes in one piece."""

    source: Source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, at: tuple[int, int]) -> Sample | DataError:
        index, seed = at
        try:
            return self.source.drawn(index, seed)
        except DataError as error:
            return error


def _passed(source: Stream, plan: Sequence[Sequence[int]], seed: int | None) -> Iterator[Read]:
    """The batches of a plan in one pass over a stream, or what ends it."""
    samples = enumerate(source.samples(seed))
    try:
        for part in plan:
            places, samples_read = set(part), []
            while places:
                place, sample = next(samples)
                if place in places:
                    places.discard(place)
                    samples_read.append(sample)
            yield _collated(samples_read)
    except DataError as error:
        yield error
    except StopIteration:
        yield DataError(f"the stream ended before the {len(source):,} samples that an epoch has")


def _ahead(read: Iterator[T]) -> Iterator[T]:
    """The same, read a few ahead by a thread."""
    end = object()
    with ThreadPoolExecutor(1) as reader:
        coming = deque(reader.submit(next, read, end) for _ in range(2 * AHEAD))
        while (batch := coming.popleft().result()) is not end:
            coming.append(reader.submit(next, read, end))
            yield batch  # type: ignore[misc]


def _collated(samples: Sequence[Sample | DataError]) -> Read:
    """The samples of a batch as tensors, or the first thing that is wrong with them."""
    good: list[Sample] = []
    for sample in samples:
        if isinstance(sample, DataError):
            return sample
        good.append(sample)
    if good and isinstance(good[0][-1], Objects):
        pictures, objects = zip(*good, strict=True)
        x = bordered([torch.from_numpy(picture) for picture in pictures])
        sizes = tuple((picture.shape[1], picture.shape[2]) for picture in pictures)
        return Pictured(x, tuple(each.each(torch.tensor) for each in objects), sizes)
    return [torch.from_numpy(np.stack(parts)) for parts in zip(*good, strict=True)]
