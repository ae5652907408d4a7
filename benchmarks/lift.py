"""How much of torchvision and timm lifts: each network to a spec, proven equal, and what hinders the others.

`python -m benchmarks.lift --minutes 10 --seed 1 --groups classification timm` tries a part of it. Networks are tried in
an order that the seed draws, each in a process of its own, and all that were tried are printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.measure import publish, table
from benchmarks.peers import torchvision

LARGEST = 130_000_000
"""Networks of more parameters are left out: the proof holds their weights three times."""
SECONDS = 300
"""So long a network may take, its proof included."""
DRAWN = 100
"""So many networks of timm are drawn."""


@dataclass(frozen=True)
class Result:
    """What came of one network. `seconds` are those of the lift alone; `outcome` is empty where it lifted."""

    name: str
    group: str
    outcome: str = ""
    exact: bool = False
    stepped: bool = False
    lines: int = 0
    plain: int = 0
    seconds: float = 0.0


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--groups", nargs="*", default=["classification", "segmentation", "video", "timm"])
    options = parser.parse_args(list(arguments))
    names = _names(options.groups, options.seed)
    end = time.monotonic() + 60 * options.minutes
    results: list[Result] = []
    for name in names:
        if time.monotonic() > end:
            break
        result = _apart(name)
        if result.outcome != "too large":
            results.append(result)
            print(_line(result), flush=True)
    publish("lift", "Lifted networks", _page(results, options.seed, len(names)))


def _names(groups: Sequence[str], seed: int) -> list[str]:
    """What is tried, in turn."""
    models = torchvision().models
    draw = random.Random(seed)
    found: list[str] = []
    modules = {"classification": models, "segmentation": models.segmentation, "video": models.video}
    for group, module in modules.items():
        if group in groups:
            found += [f"torchvision:{name}" for name in models.list_models(module=module)]
    if "timm" in groups:
        import timm

        found += [f"timm:{name}" for name in draw.sample(timm.list_models(), DRAWN)]
    draw.shuffle(found)
    return found


def _apart(name: str) -> Result:
    """One network, tried in a process of its own, which is ended where it takes too long."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_try, args=(name, theirs))
    process.start()
    theirs.close()
    result = Result(name, name.partition(":")[0], f"took more than {SECONDS} s")
    if ours.poll(SECONDS):
        try:
            result = ours.recv()
        except EOFError:
            result = Result(name, name.partition(":")[0], "its process ended")
    process.kill()
    process.join()
    return result


def _try(name: str, answer: Connection) -> None:
    import torch

    from netspec.diagnostics import NetspecError
    from netspec.lifting.module import entering, network_of, proven
    from netspec.lifting.sources.live import model_of
    from netspec.lifting.spec import written

    group = name.partition(":")[0]
    try:
        if _parameters(name) > LARGEST:
            answer.send(Result(name, group, "too large"))
            return
        torch.manual_seed(0)
        model = model_of(name)
        group = _group(name, model.module)
        assert model.shape is not None
        start = time.monotonic()
        inputs = entering(model.module, model.shape)
        network = network_of(model.module, inputs, "Net")
        text = written(network)
        seconds = time.monotonic() - start
        proof = proven(model.module, text, inputs)
        plain = len(written(network, plain=True).splitlines())
        lines = len(text.splitlines())
        answer.send(Result(name, group, "", proof.exact, proof.gradient is not None, lines, plain, seconds))
    except NetspecError as error:
        first = error.diagnostics[0]
        place = f" ({first.span.source.name.rpartition('/')[2]}:{first.span.line})" if first.span.source.text else ""
        answer.send(Result(name, group, first.message + place))
    except Exception as error:
        answer.send(Result(name, group, f"{type(error).__name__}: {error}"[:200]))


def _parameters(name: str) -> int:
    """The parameters of a network, counted without its weights; 0 where that cannot be."""
    import torch

    from netspec.lifting.sources.live import model_of

    try:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in model_of(name).module.parameters())
    except Exception:
        return 0


def _group(name: str, module: object) -> str:
    from torch import nn

    models = torchvision().models
    assert isinstance(module, nn.Module)
    library, _, model = name.partition(":")
    if library == "torchvision":
        kinds = {"segmentation": models.segmentation, "video": models.video}
        found = [kind for kind, part in kinds.items() if model in models.list_models(module=part)]
        return f"torchvision, {found[0] if found else 'classification'}"
    attends = any("Att" in type(part).__name__ for part in module.modules())
    return f"timm, {'attention and hybrids' if attends else 'convolutions'}"


def _line(result: Result) -> str:
    if result.outcome:
        return f"{result.name}: {result.outcome}"
    how = "to the bit" if result.exact else "not to the bit"
    return f"{result.name}: {result.lines} lines of {result.plain}, {result.seconds:.1f} s, {how}"


def _page(results: Sequence[Result], seed: int, known: int) -> str:
    rows = []
    for group in sorted({result.group for result in results}):
        own = [result for result in results if result.group == group]
        done = [result for result in own if not result.outcome]
        exact = sum(result.exact for result in done)
        lines = statistics.median(result.lines for result in done) if done else 0
        share = statistics.median(result.lines / result.plain for result in done) if done else 0
        slowest = max((result.seconds for result in done), default=0)
        stepped = sum(result.stepped for result in done)
        rows.append([group, len(own), len(done), exact, stepped, f"{lines:.0f}", f"{share:.2f}", f"{slowest:.1f} s"])
    head = ["networks", "tried", "lifted", "to the bit", "trained a step", "lines", "of the plain text", "slowest"]
    refused = "\n".join(f"- `{result.name}`: {result.outcome}" for result in results if result.outcome)
    tried = ", ".join(f"`{result.name.partition(':')[2]}`" for result in results if not result.outcome)
    return (
        f"Of {known} networks (seed {seed}) {len(results)} were tried in the time that there was, those of more than "
        f"{LARGEST // 1_000_000} million parameters left out. Outputs in evaluation are compared with random weights "
        "and statistics, and one training step of small networks in which nothing is drawn. Lines and shares are "
        "medians.\n\n"
        f"{table(head, rows)}\n\nNot lifted:\n\n{refused or 'none.'}\n\nLifted: {tried}.\n"
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
