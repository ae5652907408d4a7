"""Examples trained whole: `make trainings`, or `python -m benchmarks trainings`.

Runs are kept in runs/trainings/, a folder for each seed and training. One that is finished is not done again, and one
that was killed is taken up. What the results say is read from the metrics in those folders.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS, ROOT, table
from netspec.train.runs.figures import curves

PAGE = ROOT / "docs" / "experiments.md"
RUNS = ROOT / "runs" / "trainings"
MADE = RUNS / "data"
"""Where the lines of the page write the files that they make; on the page it is the working directory."""
MEMBRANE = Path("data/membrane")
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
"""Another number of threads sums in another order, which in the end gives other figures."""
PICTURES = {"highway": ("highway50", "plain50"), "resnet": ("resnet56", "resnet56_plain")}
"""Pictures of the page, beside it: whose curves they show."""
SHOWN = {"accuracy": "error", "pixel_error": "pixel error", "iou": "IoU", "loss": "loss", "rmse": "RMSE"}
PERCENT = ("accuracy", "pixel_error")


@dataclass(frozen=True)
class Training:
    """A training of the page: the `name` of its run, and what stands behind `netspec train` on the page.

    `shown` are the metrics that say how good the net has become.
    """

    name: str
    arguments: str
    seeds: int = 3
    shown: tuple[str, ...] = ("accuracy",)

    @property
    def words(self) -> list[str]:
        return shlex.split(self.arguments)

    @property
    def command(self) -> str:
        """The command as the page shows it, on one line."""
        return f"netspec train {self.arguments} --out runs/{self.name}"

    @property
    def needs(self) -> Path | None:
        """The folder of data that it asks for."""
        words = self.words
        return Path(words[words.index("--data") + 1]) if "--data" in words else None

    def folders(self) -> list[Path]:
        """Where its runs are kept, one for each seed."""
        return [RUNS / f"seed{seed}" / self.name for seed in range(self.seeds)]

    @property
    def done(self) -> bool:
        return all(folder.is_dir() and record(folder)["status"] == "finished" for folder in self.folders())


COSINE = "--set 'train.schedule=cosine(warmup=1)'"
ON_DIGITS = "--input 'image=[1, 8, 8]' --set train.data=digits --set train.augment=normalize"
HIGHWAY = f"examples/highway_mnist.net {ON_DIGITS} --set train.batch=32"
RESNET = f"examples/resnet_cifar.net {ON_DIGITS} --set train.batch=64 {COSINE}"
WAVENET = (
    "examples/wavenet.net --data . --set 'train.data=series(\"melody.csv\", window=2000, levels=64)' "
    "--input 'audio=[64, 2000]' --set levels=64 --set residual=16 --set width=16 --set skips=64 "
    f"--set stacks=1 --set depth=9 {COSINE} --epochs 40"
)
CHARCNN = (
    "examples/charcnn.net --data . --set 'train.data=text(\"news.csv\", length=123, backward=true)' "
    f"--input 'text=[70, 123]' --set size=small --set 'train.optimizer=adam(lr=0.0002)' {COSINE} "
    "--set train.batch=32 --epochs 15"
)
TRAININGS = (
    Training("mnist1d_conv", "examples/mnist1d_conv.net"),
    Training("mnist1d_mlp", "examples/mnist1d_mlp.net"),
    Training("mnist1d_resnet", "examples/mnist1d_resnet.net"),
    Training(
        "lenet5",
        "examples/lenet5.net --set 'train.data=digits(size=32)' "
        "--set 'train.augment=rotate(10) -> translate(0.08) -> normalize' --set train.batch=16 --epochs 30",
    ),
    Training("highway50", f"{HIGHWAY} --set gate_bias=-4"),
    Training("plain50", f"{HIGHWAY} --net Plain"),
    Training("plain50_slow", f"{HIGHWAY} --net Plain --set 'train.optimizer=sgd(lr=0.01, momentum=0.9)'"),
    Training("resnet56", f"{RESNET} --epochs 15"),
    Training("resnet56_plain", f"{RESNET} --epochs 15 --set shortcuts=false"),
    Training("resnet56_plain_long", f"{RESNET} --epochs 60 --set shortcuts=false", 1),
    Training("resnet20", f"{RESNET} --epochs 15 --set depth=20"),
    Training("resnet20_plain", f"{RESNET} --epochs 15 --set depth=20 --set shortcuts=false"),
    Training("googlenet_small", "examples/googlenet_small.net"),
    Training("googlenet_small_alone", "examples/googlenet_small.net --set 'train.loss=cross_entropy(fc)'"),
    Training("unet_membrane", f"examples/unet_membrane.net --data {MEMBRANE}", 1, ("iou", "pixel_error")),
    Training("wavenet", WAVENET, 1, ("loss", "accuracy")),
    Training("charcnn", CHARCNN, 1),
    Training("autoencoder_digits", "examples/training/autoencoder_digits.net", shown=("rmse",)),
    Training("vae_digits", "examples/training/vae_digits.net", shown=("loss",)),
    Training("dcgan_digits", "examples/training/dcgan_digits.net", 1, ("loss",)),
    Training("char_gpt", "examples/training/char_gpt.net --data . --epochs 15", 1, ("loss", "accuracy")),
)


def main() -> None:
    """Trains what is not trained yet, writes results/trainings.md from the runs' folders, and draws the curves."""
    make_data()
    for training in TRAININGS:
        if training.needs == MEMBRANE and not (ROOT / MEMBRANE).is_dir():
            print(f"{training.name} is left out: there is no folder {MEMBRANE}", file=sys.stderr)
            continue
        for seed, folder in enumerate(training.folders()):
            run(training, seed, folder)
    publish()


def publish() -> None:
    """Writes down what is there."""
    done = [training for training in TRAININGS if training.done]
    text = page(done)
    (RESULTS / "trainings.md").write_text(text, encoding="utf-8")
    print(text)
    first = {training.name: training.folders()[0] for training in done}
    for name, compared in PICTURES.items():
        if set(compared) <= set(first):
            curves.compare([first[one] for one in compared], PAGE.with_name("trainings") / f"{name}.svg")


def make_data() -> None:
    """Runs the page's lines of Python, which make the files that some trainings read."""
    MADE.mkdir(parents=True, exist_ok=True)
    with chdir(MADE):
        for text in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            exec(compile(text, PAGE.name, "exec", dont_inherit=True), {})


def run(training: Training, seed: int, folder: Path) -> None:
    """Trains in one thread, or goes on where the run was left; a finished one stays as it is."""
    if folder.is_dir() and record(folder)["status"] == "finished":
        return
    words = [str(MADE) if word == "." else word for word in training.words]
    words = ["--resume", str(folder)] if folder.is_dir() else [*words, "--seed", str(seed), "--out", str(folder)]
    print(f"{folder.parent.name} {folder.name} ...", file=sys.stderr)
    command = [sys.executable, "-m", "netspec", "train", *words, "--quiet", "--no-report"]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **ENVIRONMENT})


def record(folder: Path) -> Mapping[str, Any]:
    """What a run says about itself."""
    found: Mapping[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


def metrics(folder: Path) -> list[dict[str, float]]:
    """The rows of a run, an epoch each."""
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)]


def page(done: Sequence[Training]) -> str:
    """The results as Markdown: where it ran, and a row for each training."""
    first = record(done[0].folders()[0])
    threads = "a thread" if first["threads"] == 1 else f"{first['threads']} threads"
    where = (
        f"{first['environment']['processor']}, {threads}, {first['environment']['system'].split()[0]}, "
        f"Python {first['environment']['Python']}, torch {first['torch']}."
    )
    head = ["run", "net", "parameters", "epochs", "test", "training", "time"]
    return f"# Examples trained\n\n{where} {NOTE}\n\n{table(head, [row(training) for training in done])}\n"


NOTE = (
    "Figures are those after the last epoch: mean and standard deviation over three seeds, or those of one. Training "
    "figures are of the epoch's batches as they were met, dropout and augmentation included. Time is that of one run."
)


def row(training: Training) -> Sequence[object]:
    """A training's cells: what was trained, and what came out over its seeds."""
    folders = training.folders()
    first = record(folders[0])
    tables = [metrics(folder) for folder in folders]
    seconds = statistics.mean(sum(epoch["seconds"] for epoch in rows) for rows in tables)
    ends = [rows[-1] for rows in tables]
    return [
        f"`{training.name}`",
        first["net"],
        f"{first['parameters']:,}",
        len(tables[0]),
        *(", ".join(came_out(f"{split}_{name}", ends) for name in training.shown) for split in ("test", "train")),
        f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} min",
    ]


def came_out(column: str, ends: Sequence[Mapping[str, float]]) -> str:
    """A figure over the seeds: `error 11.0 ± 0.4 %`; accuracy is shown as the error."""
    name = column.partition("_")[2]
    values = [1 - end[column] if name == "accuracy" else end[column] for end in ends]
    if name in PERCENT:
        return f"{SHOWN[name]} {spread([100 * value for value in values], 1)} %"
    return f"{SHOWN[name]} {spread(values, 3)}"


def spread(values: Sequence[float], digits: int) -> str:
    """Mean and standard deviation: `11.0 ± 0.4`; `11.0` where there is one."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
