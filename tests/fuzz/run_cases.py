"""Cases of runs: folders with files that no training wrote are refused, or taken for what they say."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from netspec.train.runs.folder import METRICS, RECORD, SPEC, WEIGHTS
from tests.fuzz.case import Case
from tests.fuzz.file_cases import changed
from tests.fuzz.texts import mutated

TEXT = """net Small(classes = 10) {
  input image [1, 8, 8]
  conv(2, 3, stride=2) -> batchnorm -> relu -> flatten
  fc = linear(classes)
}

train {
  data      digits
  loss      cross_entropy
  optimizer adam(lr=0.01)
  metrics   [accuracy]
  ema       0.9
  epochs    2
  batch     719
}
"""


@cache
def whole() -> tempfile.TemporaryDirectory[str]:
    """A folder with a run that was stopped in its second epoch."""
    from netspec import parse
    from netspec.train import train

    folder = tempfile.TemporaryDirectory(prefix="netspec-")
    train(parse(TEXT, SPEC), out=Path(folder.name) / "run", device="cpu", quiet=True, steps=3)
    return folder


def run_case(random: Random) -> Case:
    """A run's folder of which one file is another, and what is done with it."""
    change, act, seed = random.choice(CHANGES), random.choice(ACTS), random.random()
    return Case(f"{change.__name__}, then {act.__name__}, {seed}", functools.partial(use, change, act, seed))


def use(change: Callable[[Path, Random], None], act: Callable[[Path], object], seed: float) -> None:
    with tempfile.TemporaryDirectory(prefix="netspec-") as name:
        run = Path(name) / "run"
        shutil.copytree(Path(whole().name) / "run", run)
        change(run, Random(seed))
        act(run)
        assert not list(run.rglob("*.partial")), "something half-written is left"


def record(run: Path, random: Random) -> None:
    path = run / RECORD
    path.write_text(json.dumps(changed(json.loads(path.read_text(encoding="utf-8")), random)), encoding="utf-8")


def spec(run: Path, random: Random) -> None:
    path = run / SPEC
    path.write_text(mutated(path.read_text(encoding="utf-8"), random), encoding="utf-8", errors="surrogatepass")


def table(run: Path, random: Random) -> None:
    path = run / METRICS
    cells = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    lines = (",".join(map(str, row)) if isinstance(row, list) else str(row) for row in changed(cells, random))
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")


def state(run: Path, random: Random) -> None:
    """Checkpoints with a right digest."""
    from netspec.train.runs import checkpoint

    for path in checkpoint.Checkpoints(run).files():
        checkpoint.write(path, changed(checkpoint.read(path), random, _tensors()))


def weights(run: Path, random: Random) -> None:
    from safetensors.torch import load_file, save_file

    tensors = changed(load_file(run / WEIGHTS), random, _tensors())
    kept = {name: tensor.clone() for name, tensor in tensors.items() if hasattr(tensor, "clone")}
    save_file(kept, run / WEIGHTS)


def damage(run: Path, random: Random) -> None:
    path = random.choice(sorted(path for path in run.rglob("*") if path.is_file()))
    data = bytearray(path.read_bytes())
    at = random.choice((random.randint(0, 100), random.randint(0, len(data))))
    data[at : at + random.randint(0, 9)] = random.randbytes(random.randint(0, 9))
    path.write_bytes(data)


@cache
def _tensors() -> tuple[Any, ...]:
    import torch

    kinds = (torch.float32, torch.float64, torch.int64, torch.bool, torch.uint8, torch.bfloat16)
    return (
        *(torch.zeros(3, dtype=kind) for kind in kinds),
        torch.zeros(0),
        torch.tensor(1.0),
        torch.full((10,), torch.inf),
    )


def resumed(run: Path) -> None:
    from netspec.train import resume

    resume(run, quiet=True, steps=2, device="cpu")


def evaluated(run: Path) -> None:
    from netspec.train import restore
    from netspec.train.after import evaluate

    evaluate.text(restore(run, device="cpu").evaluate())


def reported(run: Path) -> None:
    from netspec.train import restore
    from netspec.train.after import report

    report.write(restore(run, device="cpu"))


def drawn(run: Path) -> None:
    from netspec.train.runs.figures import curves

    curves.read_all([run])
    curves.draw(run)


CHANGES = (record, spec, table, state, state, weights, damage)
ACTS = (resumed, resumed, evaluated, evaluated, drawn, reported)
