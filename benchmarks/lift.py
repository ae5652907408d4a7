"""How much of torchvision and timm lifts: each network to a spec, proven equal, and what hinders the others.

`python -m benchmarks.lift --minutes 10 --seed 1 --groups conv --record lift.jsonl` tries a part of it. Networks are
tried in an order that the seed draws, each in a process of its own, until there are as many of each group as wanted.
With `--record` the results are kept in a file, and what is in it already is not tried again: so a long run is made in
pieces.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import publish, table
from benchmarks.peers import torchvision

if TYPE_CHECKING:
    from netspec.lifting.steps import Network

LARGEST = 130_000_000
"""Networks of more parameters are not proven: the proof holds their weights three times."""
SECONDS = 600
"""So long a network may take, its proof included."""
GROUPS = {"classification": 0, "segmentation": 0, "video": 0, "conv": 100, "attention": 60}
"""How many networks of a group are drawn, 0 for all of them; the first three are torchvision's, the others timm's."""
NO_ATTENTION = ("SplitAttn", "SpatialAttn", "ChannelAttn", "LightSpatialAttn", "LightChannelAttn")
"""Classes that are called so, but weigh channels or positions of a convolution."""


@dataclass(frozen=True)
class Result:
    """What came of one network. `seconds` are the processor's for the lift alone; `outcome` is empty where it lifted.

    `exact` is none where it was not proven.
    """

    name: str
    group: str
    outcome: str = ""
    exact: bool | None = None
    stepped: bool = False
    lines: int = 0
    plain: int = 0
    seconds: float = 0.0


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--groups", nargs="*", default=list(GROUPS), choices=list(GROUPS))
    parser.add_argument("--record", type=Path, help="keeps the results here, and goes on from those")
    parser.add_argument("--no-prove", action="store_true", help="only lifts")
    options = parser.parse_args(list(arguments))
    results = _recorded(options.record)
    tried = Counter(result.group for result in results)
    known = {result.name for result in results}
    end = time.monotonic() + 60 * options.minutes
    for group, name in _names(options.groups, options.seed):
        wanted = [other for other in options.groups if not GROUPS[other] or tried[other] < GROUPS[other]]
        if time.monotonic() > end:
            break
        may_be = {group} if group else {"conv", "attention"}
        if name in known or not may_be & set(wanted):
            continue
        result = _apart(name, group, wanted, not options.no_prove)
        if result is None:
            continue
        results.append(result)
        tried[result.group] += 1
        print(_line(result), flush=True)
        if options.record:
            with options.record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(result)) + "\n")
    publish("lift", "Lifted networks", _page(results, options.seed))


def _recorded(record: Path | None) -> list[Result]:
    if record is None or not record.exists():
        return []
    return [Result(**json.loads(line)) for line in record.read_text(encoding="utf-8").splitlines()]


def _names(groups: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """What is tried, in turn: the group, which is found out later for networks of timm, and the name."""
    models = torchvision().models
    draw = random.Random(seed)
    modules = {"classification": models, "segmentation": models.segmentation, "video": models.video}
    found = [
        (group, f"torchvision:{name}")
        for group, module in modules.items()
        if group in groups
        for name in models.list_models(module=module)
    ]
    draw.shuffle(found)
    if {"conv", "attention"} & set(groups):
        import timm

        names = timm.list_models()
        found += [("", f"timm:{name}") for name in draw.sample(names, len(names))]
    return found


def _apart(name: str, group: str, wanted: Sequence[str], prove: bool) -> Result | None:
    """One network, in a process of its own, which is ended where it takes too long; none where it is not wanted."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_try, args=(name, group, wanted, prove, theirs))
    process.start()
    theirs.close()
    result: Result | None = Result(name, group or "attention", f"took more than {SECONDS} s")
    if ours.poll(SECONDS):
        try:
            result = ours.recv()
        except EOFError:
            result = Result(name, group or "attention", "its process ended")
    process.kill()
    process.join()
    return result


def _try(name: str, group: str, wanted: Sequence[str], prove: bool, answer: Connection) -> None:
    import torch

    from netspec.diagnostics import NetspecError
    from netspec.lifting.module import entering, network_of, proven
    from netspec.lifting.sources.live import model_of
    from netspec.lifting.spec import written

    try:
        torch.manual_seed(0)
        group = group or _group(name)
        if group not in wanted:
            answer.send(None)
            return
        model = model_of(name)
        assert model.shape is not None
        start = time.process_time()
        inputs = entering(model.module, model.shape)
        network = network_of(model.module, inputs, "Net")
        text = written(network)
        seconds = time.process_time() - start
        plain = _plain_lines(network)
        lines = len(text.splitlines())
        small = sum(parameter.numel() for parameter in model.module.parameters()) <= LARGEST
        proof = proven(model.module, text, inputs) if prove and small else None
        exact, stepped = (proof.exact, proof.gradient is not None) if proof else (None, False)
        answer.send(Result(name, group, "", exact, stepped, lines, plain, seconds))
    except NetspecError as error:
        first = error.diagnostics[0]
        place = f" ({first.span.source.name.rpartition('/')[2]}:{first.span.line})" if first.span.source.text else ""
        answer.send(Result(name, group, first.message + place))
    except Exception as error:
        answer.send(Result(name, group, f"{type(error).__name__}: {error}"[:200]))


def _plain_lines(network: Network) -> int:
    """The lines of the plain text; 0 where that is larger than a spec may be, as with many tables of positions."""
    from netspec.diagnostics import NetspecError
    from netspec.lifting.spec import written

    try:
        return len(written(network, plain=True).splitlines())
    except NetspecError:
        return 0


def _group(name: str) -> str:
    """Whether a network of timm attends; it is made without weights to look at its classes."""
    import torch

    from netspec.lifting.sources.live import model_of

    try:
        with torch.device("meta"):
            module = model_of(name).module
    except Exception:
        module = model_of(name).module
    classes = {type(part).__name__ for part in module.modules()} - set(NO_ATTENTION)
    return "attention" if any("Attention" in kind or kind.endswith("Attn") for kind in classes) else "conv"


def _line(result: Result) -> str:
    if result.outcome:
        return f"{result.name}: {result.outcome}"
    how = {True: "to the bit", False: "not to the bit", None: "not proven"}[result.exact]
    return f"{result.name}: {result.lines} lines of {result.plain}, {result.seconds:.1f} s, {how}"


def _page(results: Sequence[Result], seed: int) -> str:
    rows = []
    for group in [group for group in GROUPS if any(result.group == group for result in results)]:
        own = [result for result in results if result.group == group]
        done = [result for result in own if not result.outcome]
        exact, unproven = (sum(result.exact is how for result in done) for how in (True, None))
        lines = statistics.median(result.lines for result in done) if done else 0
        shares = [result.lines / result.plain for result in done if result.plain]
        share = statistics.median(shares) if shares else 0
        slowest = max((result.seconds for result in done), default=0)
        stepped = sum(result.stepped for result in done)
        figures = [len(own), len(done), exact, unproven, stepped, f"{lines:.0f}", f"{share:.2f}", f"{slowest:.1f} s"]
        rows.append([group, *figures])
    head = ["networks", "tried", "lifted", "to the bit", "unproven", "a step", "lines", "of the plain text", "slowest"]
    refused = "\n".join(f"- `{result.name}`: {result.outcome}" for result in results if result.outcome)
    tried = ", ".join(f"`{result.name.partition(':')[2]}`" for result in results if not result.outcome)
    return (
        "torchvision's networks for classification, segmentation and video, and of timm's as many as the seed draws "
        f"({seed}): {GROUPS['conv']} without attention, {GROUPS['attention']} with. Outputs in evaluation are compared "
        "with random weights and statistics, and one training step of small networks in which nothing is drawn; those "
        f"of more than {LARGEST // 1_000_000} million parameters are lifted, but not proven. Lines and shares are "
        "medians; the slowest is that of the lift without its proof.\n\n"
        f"{table(head, rows)}\n\nNot lifted:\n\n{refused or 'none.'}\n\nLifted: {tried}.\n"
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
