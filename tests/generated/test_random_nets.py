"""Every net that checks is emitted, compiles, runs, and is its graph; its classes are its blocks.

1,000 nets in each run, the same ones, and a failure prints the smallest net that fails in this way; fresh ones, and
many more, with `python -m tests.generated --nets 20000`.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from emission import Failure, failure_of, graph_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from many_nets import smallest_failing, wrong_nets
from random_nets import AWKWARD, random_net
from smaller import smallest

import netspec

ROOT = Path(__file__).resolve().parents[2]
GROUPS, EACH = 20, 50
FORMS = {
    "a join of two with the value first": "add {\n{ }\n",
    "a join of three": "concat {",
    "a list that grows": " + [_]",
    "a shared module": "shared ",
    "a side value": "let ",
    "a template": "_$",
    "a loop by parameter": "repeat n",
    "an optional part": "if ",
    "the entering channels": "in.channels != ",
    "a tensor parameter": ": tensor",
    "several results": "return ",
    "an output of training": "when training",
    "a dense body": "dense {",
    "a gate": "gate {",
    "a source": "param(",
}


@pytest.mark.parametrize("group", range(GROUPS))
def test_nets_are_what_their_graphs_say(group: int) -> None:
    seed = 1000 + group
    checked, wrong = wrong_nets(seed, EACH)
    assert checked > EACH // 2
    if wrong:
        kinds = Counter(failure.kind for _, _, failure in wrong)
        least, why = smallest_failing(*wrong[0])
        pytest.fail(f"python -m tests.generated --seed {seed} --nets {EACH}: {dict(kinds)}\n{why}\n{least}")


@settings(deadline=None, database=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(0, 9))
def test_nets_that_hypothesis_draws(chance: random.Random, seed: int) -> None:
    text = random_net(chance)
    assume(graph_of(text) is not None)
    failure = failure_of(text, str(seed))
    assert failure is None, f"{failure}\n{text}"


def test_a_seed_is_a_net() -> None:
    assert random_net(random.Random("7/3")) == random_net(random.Random("7/3"))
    assert len({random_net(random.Random(f"7/{index}")) for index in range(50)}) == 50


def test_most_nets_check_and_every_form_is_among_them() -> None:
    texts = [random_net(random.Random(f"forms/{index}")) for index in range(300)]
    graphs = [(text, graph) for text in texts if (graph := graph_of(text)) is not None]
    assert len(graphs) > 200
    written = "\n".join(text for text, _ in graphs)
    assert {name for name, form in FORMS.items() if form in written} == set(FORMS)
    assert len(set(AWKWARD)) >= 51
    assert all(any(f"{word} " in text for text in texts) for word in ("count", "index", "self", "torch", "in_channels"))


def test_a_net_is_made_smaller_for_as_long_as_it_goes_wrong() -> None:
    text = """
        block B(width) { conv(width, 1) -> relu; residual { batchnorm; conv(in.channels, 3, pad=1) } }
        net N { input x [3, 4, 4]; a = tanh; repeat 3 { B(4) }; if 2 > 1 { sigmoid } ; b = conv(7, 1) }
    """

    def wrong(candidate: str) -> bool:
        graph = graph_of(candidate)
        return graph is not None and any(node.layer.name == "batchnorm" for node in graph)

    least = smallest(text, wrong)
    assert wrong(least)
    assert len([line for line in least.splitlines() if line.strip()]) <= 7
    assert "sigmoid" not in least


def test_what_netspec_refuses_is_no_failure() -> None:
    assert failure_of("net N { input x [3]; conv(2, 1) }", "0") is None


def test_a_failure_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """A net whose emitted source is another net's is found, with the step at which it goes wrong."""
    text, other = (f"net N {{ input x [3]; a = linear(3); {last}(_) }}" for last in ("tanh", "sigmoid"))
    source = netspec.parse(other).graph().emit()
    monkeypatch.setattr(netspec.Graph, "emit", lambda graph: source)
    failure = failure_of(text, None)
    assert isinstance(failure, Failure)
    assert failure.kind == "run (outputs)"


def test_the_command_is_the_same_each_time() -> None:
    command = [sys.executable, "-m", "tests.generated", "--nets", "20", "--seed", "7", "--no-law"]
    runs = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False) for _ in range(2)]
    assert runs[0].returncode in (0, 1), runs[0].stderr
    told = [[line for line in run.stdout.splitlines() if " nets in " not in line] for run in runs]
    assert told[0] == told[1]
    assert told[0][0] == "seed 7"
