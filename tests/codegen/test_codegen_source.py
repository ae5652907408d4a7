"""Emitted source as text: golden files, linters, determinism, names of strangers."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_codegen_meaning import SPECS
from torch import nn

import netspec
from netspec.codegen import compile_graph, emit
from netspec.codegen.text.naming import MODULE_ATTRIBUTES, SEQUENTIAL_ATTRIBUTES

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = sorted((ROOT / "examples").glob("*.net"))
SHOWN = ["densenet", "googlenet_torchvision", "lenet5", "resnet", "unet", "wavenet"]


@pytest.mark.parametrize("name", SHOWN)
def test_emitted_source_is_the_golden_one(name: str, update_golden: bool) -> None:
    compare(emit(netspec.load(ROOT / "examples" / f"{name}.net").graph()), GOLDEN / f"{name}.py.txt", update_golden)


@pytest.mark.parametrize("name", ["dense", "skips", "structures", "highway", "loops", "inputs"])
def test_small_specs_are_the_golden_ones(name: str, update_golden: bool) -> None:
    compare(emit(netspec.parse(SPECS[name]).graph()), GOLDEN / f"small_{name}.py.txt", update_golden)


def compare(text: str, path: Path, update: bool) -> None:
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, "run pytest --update-golden and review the difference"


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source of every example and of the small specs; `own` has those without layers' own code."""
    folder = tmp_path_factory.mktemp("emitted")
    (folder / "own").mkdir()
    graphs = {path.stem: netspec.load(path).graph() for path in EXAMPLES}
    graphs |= {f"small{index}": netspec.parse(text).graph() for index, text in enumerate(SPECS.values())}
    for name, graph in graphs.items():
        has_support = any(node.layer.torch(*node.shapes).support for node in graph)
        (folder / ("" if has_support else "own") / f"{name}.py").write_text(emit(graph))
    return folder


def run(tool: str, *arguments: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", tool, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("folder", "width"), [("own", "88"), ("own", "100"), ("", "120")])
def test_ruff_leaves_the_format_as_it_is(emitted: Path, folder: str, width: str) -> None:
    run("ruff", "format", "--isolated", "--check", "--line-length", width, ".", folder=emitted / folder)


@pytest.mark.parametrize(("folder", "width"), [("own", "88"), ("", "120")])
def test_ruff_finds_nothing(emitted: Path, folder: str, width: str) -> None:
    rules = "E,F,W,I,B,UP"
    run("ruff", "check", "--isolated", "--select", rules, "--line-length", width, ".", folder=emitted / folder)


def test_mypy_finds_nothing(emitted: Path) -> None:
    """One run, since most of it goes into torch; what layers bring along themselves need not be typed in full.

    With netspec's own settings, which are strict, so that what `make lint` has kept of torch serves here.
    """
    own, others = ([path.stem for path in sorted(folder.glob("*.py"))] for folder in (emitted / "own", emitted))
    lax = ("disallow_untyped_defs", "disallow_incomplete_defs", "disallow_untyped_calls", "warn_return_any")
    settings = [(ROOT / "pyproject.toml").read_text(), "[[tool.mypy.overrides]]", f"module = {json.dumps(others)}"]
    (emitted / "pyproject.toml").write_text("\n".join([*settings, *(f"{name} = false" for name in lax)]))
    modules = [*(f"own/{name}.py" for name in own), *(f"{name}.py" for name in others)]
    assert len(own) > 40
    assert len(others) > 5
    run("mypy", "--strict", f"--cache-dir={ROOT / '.mypy_cache'}", "--scripts-are-modules", *modules, folder=emitted)


def test_emission_is_deterministic() -> None:
    spec = netspec.parse(SPECS["structures"])
    assert emit(spec.graph()) == emit(spec.graph())


def test_only_torch_is_imported(emitted: Path) -> None:
    allowed = {"torch", "collections", "functools", "typing", "math"}
    for path in emitted.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] in allowed
            elif isinstance(node, ast.Import):
                assert all(alias.name.partition(".")[0] in allowed for alias in node.names)


def test_the_tables_of_torch_names_are_complete() -> None:
    assert {name for name in dir(nn.Module()) if not name.startswith("_")} <= MODULE_ATTRIBUTES
    assert {name for name in dir(nn.Sequential()) if not name.startswith("_")} <= SEQUENTIAL_ATTRIBUTES


@pytest.mark.parametrize(
    "label",
    [
        "train",
        "forward",
        "parameters",
        "type",
        "class",
        "lambda",
        "self",
        "x",
        "torch",
        "nn",
        "cast",
        "append",
        "None",
        "_y",
        "_modules",
    ],
)
@pytest.mark.parametrize("after", ["", "-> relu", "; residual { conv(2, 1) }"])
def test_labels_that_torch_or_python_know_keep_their_keys(label: str, after: str) -> None:
    text = f"net N {{ input x [2, 4, 4]; {label} = conv(2, 1) {after}; last = {{ {label} = conv(2, 1); o = relu }} }}"
    try:
        graph = netspec.parse(text).graph()
    except netspec.NetspecError:
        pytest.skip("the language refuses the label")
    keys = set(compile_graph(graph).state_dict())
    assert keys == {f"{node.key}.{key}" for node in graph for key in node.layer.parameters(*node.shapes)}
    compile_graph(graph)(torch.randn(1, 2, 4, 4))


@pytest.mark.parametrize("name", ["Tensor", "Module", "nn", "OrderedDict", "print", "Sequential", "Reduce"])
def test_blocks_may_have_any_name(name: str) -> None:
    text = f"""
        block {name}(width, self = 2) {{ residual {{ conv(width, 1) -> relu }} }}
        net N {{ input torch [2, 4, 4]; {name}(2); a = {name}(2); residual {{ relu }}; conv(3, 1) }}
    """
    graph = netspec.parse(text).graph()
    compile_graph(graph)(torch.randn(1, 2, 4, 4))


def test_ten_thousand_layers_take_linear_time() -> None:
    def seconds(layers: int) -> float:
        graph = netspec.parse(f"net N {{ input x [4]; repeat {layers // 2} {{ linear(4) -> tanh }} }}").graph()
        start = time.perf_counter()
        source = emit(graph)
        assert len(source) < 2000
        return time.perf_counter() - start

    seconds(100)
    assert seconds(10_000) < 30 * max(seconds(1_000), 0.05)


def test_a_chain_without_repetition_is_long_but_fine() -> None:
    stages = " -> ".join(f"linear({3 + index * index % 7})" for index in range(400))
    graph = netspec.parse(f"net N {{ input x [4]; {stages} }}").graph()
    assert compile_graph(graph, device="meta")(torch.zeros(1, 4, device="meta")).shape[0] == 1
