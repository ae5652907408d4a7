"""What would grow without bound is refused by a diagnostic, soon and in little memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import netspec
from netspec.diagnostics import NetspecError, render

HEAD = "net N {\n  input x [3, 32, 32]\n"
CHECK = """
import sys, netspec
from netspec.diagnostics import NetspecError
for text in sys.stdin.read().split("\\0"):
    try:
        found = netspec.parse(text, "spec.net").check()
    except NetspecError as error:
        found = error.diagnostics
    print(*(d.code for d in found))
"""
MEMORY = 1 << 30
SECONDS = 60


def net(body: str) -> str:
    return f"{HEAD}{body}\n}}\n"


def doubling(levels: int, inner: str, body: str = "B{0}; B{0}") -> str:
    """Blocks that use the next one twice."""
    blocks = [f"block B{level} {{ {body.format(level + 1)} }}" for level in range(levels)]
    return "\n".join([*blocks, f"block B{levels} {{ {inner} }}", net("B0")])


SPECS = {
    "E0501": [
        net("repeat 10**9 { relu }"),
        net("for i in range(10**12) { conv(8, 3, pad=1) }"),
        net("for i in range(10**6) { for j in range(10**6) { for k in range(10**6) { } } }"),
        net("let n = 400\n repeat n { repeat n { repeat n { } } }"),
        "block A { for i in range(300) { B } }\n block B { for i in range(300) { } }\n" + net("A"),
    ],
    "E0502": [
        doubling(40, "relu"),
        doubling(40, ""),
        doubling(40, "relu", "residual {{ B{0} }} shortcut {{ B{0} }}"),
        doubling(60, "relu", "let a = B{0}(_)\n let b = B{0}(a)\n b -> relu"),
        doubling(60, "relu", "add(B{0}(_), B{0}(_))"),
        doubling(9, "", "if true {{ " + "B{0}; " * 6 + "}}"),
        doubling(9, "conv(3, 1)", "if in.channels == 3 {{ " + "B{0}; " * 6 + "}}"),
        net("repeat 1000 { repeat 1000 { relu } }"),
        net("for a in [1, 2, 3] { " + "repeat 30000 { relu }\n" * 3 + " }"),
        net("repeat 40000 {\n" + "let a = 1\n" * 10_000 + "}"),
        net("repeat 40000 {\n" + "default conv(bias=false)\n" * 10_000 + "}"),
        net(f"repeat 40000 {{ let a = max({', '.join(['1'] * 10_000)}) }}"),
        f"block A({', '.join(f'a{i}=1' for i in range(10_000))}) {{ let b = 1\n }}\n" + net("repeat 40000 { A }"),
        "\n".join(f"net N{i} {{ input x [3]\n repeat 30000 {{ relu }} }}" for i in range(100)),
        "\n".join(f"net N{i} {{ input x [3]\n relu }}" for i in range(12_000)),
    ],
    "E0503": [
        "block A { B }\nblock B { A }\n" + net("A"),
        "block A { A; A }\n" + net("A"),
        net("relu; N"),
        "block A(n) { if n > 0 { A(n - 1) } }\n" + net("A(3)"),
    ],
    "E0504": [
        net("conv(10**10**10, 3)"),
        net("let n = 2\n repeat 100 { let n = n * n }\n conv(n, 3)"),
        net("let n = -10**18 * 10**18"),
        net("let n = 1e308 * 10"),
        net("let l = [0] * 10**9"),
        net("conv(range(10**9), 3)"),
        net("let l = [1, 1]\n" + "let l = [l, l]\n" * 60 + "conv(l, 3)"),
        net("let l = [1]\n repeat 60 { let l = l + l }"),
        net("let l = [1]\n repeat 40000 { let l = [l] }"),
        net("repeat 40000 { let l = [1] * 100000 }"),
        net("repeat 40000 { let n = sum(range(100000)) }"),
        net("let t = 'ab'\n repeat 60 { let t = t + t }"),
        net("let l = range(10**12)[1:]"),
        net("let l = enumerate(range(10**12))"),
        net("for i in range(-2**63, 2**63 - 1) { relu }"),
        net("repeat 40000 { unsqueeze(0) }"),
        net("repeat 40 { upsample(4) }"),
        net("repeat 40 { let y = concat(_, _)\n y -> conv(3, 1)\n concat(y, y, y, y, y, y, y, y) }"),
        "net N { input x [3, H, W]\n let h = x.height + x.width\n repeat 60 { let h = h * h } }",
        "net N { input x [3, H, W]\n repeat 3000 { maxpool(2) -> upsample(3) -> conv(3, 2) } }",
        "net N { input x [3, H, W]\n repeat 300 { maxpool(3, stride=2, pad=1) } }",
        "net N { input x [3, H, W]\n repeat 300 { upconv(3, 4, stride=2, pad=1) } }",
        "net N {" + "".join(f"input x{i} [A{i}, B{i}, C{i}, D{i}]\n" for i in range(100)) + "}",
        "net N {" + "".join(f"input x{i} [3]\n" for i in range(20_000)) + "}",
        net("\n".join(f"output o{i} = relu" for i in range(20_000))),
    ],
    "E0505": [
        "\n".join(f"block B{i} {{ B{i + 1} }}" for i in range(10_000)) + "\nblock B10000 { relu }\n" + net("B0"),
        doubling(40, "relu", "residual {{ B{0} }}"),
    ],
    "E0203": [net("conv(10**12, 3)"), net(f"conv('{'x' * 500_000}', 3)")],
    "E0302": [net("reshape([10**15])")],
    "E0105": [net(f"conv({'(' * 10_000}8{')' * 10_000}, 3)"), net("{" * 10_000 + "relu" + "}" * 10_000)],
    "E0106": [net(f"conv({'+'.join(['1'] * 10_000)}, 3)"), "let a = " + "not " * 10_000 + "true\n" + net("relu")],
    "E0201": [net("\n".join(f"conv(b{i}, 3)" for i in range(500))), net("for i in range(40000) { conv(b, 3) }")],
    "E0202": [net("\n".join(f"c{i} = konv{i}(8, 3)" for i in range(500)))],
}


@pytest.mark.parametrize("code", SPECS)
def test_refused_in_bounded_time_and_memory(code: str) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    ended = subprocess.run(
        [sys.executable, "-c", CHECK],
        input="\0".join(SPECS[code]),
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * SECONDS,
        preexec_fn=limit,
        env={**os.environ, "PYTHONPATH": str(Path(netspec.__file__).parents[1])},
    )
    assert ended.stderr == ""
    told = [line.split() for line in ended.stdout.splitlines()]
    assert len(told) == len(SPECS[code])
    assert all(code in codes and len(codes) <= 50 for codes in told), told


@pytest.mark.parametrize("body", ["conv(3, 3, pad=1)\n" * 10_000, "repeat 10000 { conv(3, 3, pad=1) }"])
def test_ten_thousand_layers(body: str) -> None:
    graph = netspec.parse(net(body)).graph()
    assert len(graph) == 10_000
    assert graph["9999"].output.shape.dims == (3, 32, 32)


def test_what_is_said_of_long_names_and_texts_is_short() -> None:
    long = "a" * 500_000
    for body in (f"conv('{long}', 3)", f"{long} = relu", f"{long}", f"relu -> {long}", f"conv({long}, 3)"):
        found = netspec.parse(net(body)).check()
        assert found
        assert all(len(render(diagnostic)) < 5_000 for diagnostic in found)


def test_sums_of_many_open_sizes_are_told_by_what_they_depend_on() -> None:
    inputs = "\n".join(f"input x{i} [3, A{i}, B{i}]" for i in range(8))
    stages = "conv(4, 3) -> conv(4, 3, stride=2) -> conv(5, 3, stride=3)"
    bodies = "\n".join(f"output o{i} = x{i} -> {stages}" for i in range(8))
    graph = netspec.parse(f"net N {{ {inputs}\n{bodies} }}").graph()
    assert str(graph.macs).startswith("f(A0, A1, ")


def test_nested_as_deep_as_may_be() -> None:
    """The limit on depth is met before Python's own."""
    for depth in range(55, 64):
        blocks = [
            f"block B{i} {{ B{i + 1}(1 + max(in.channels, 2)) }}".replace("{ B", "(n = 1) { B", 1) for i in range(depth)
        ]
        spec = netspec.parse("\n".join([*blocks, f"block B{depth}(n) {{ relu }}", net("B0")]))
        assert [diagnostic.code for diagnostic in spec.check()] in ([], ["E0505"])
        assert not any("unrolled" in diagnostic.message for diagnostic in spec.check())


def test_many_parameters_are_each_looked_at_once() -> None:
    """Each once more for every other one would be minutes."""
    names = [f"a{i}" for i in range(30_000)]
    spec = netspec.parse(f"net N({', '.join(f'{name}=1' for name in names)}) {{ input x [3]\n relu }}")
    assert len(spec.graph(a29999=2).arguments) == len(names)


def test_imports_are_bounded_together(tmp_path: Path) -> None:
    main = tmp_path / "main.net"

    def told(lines: list[str]) -> list[str]:
        main.write_text("\n".join(lines) + "\n" + net("relu"))
        with pytest.raises(NetspecError) as error:
            netspec.load(main)
        return [diagnostic.code for diagnostic in error.value.diagnostics]

    for number in range(4):
        (tmp_path / f"large{number}.net").write_text(f"# {'x' * 400_000}\nblock B{number} {{ relu }}\n")
    assert told([f'from "large{i}.net" import B{i}' for i in range(4)]) == ["E0213", "E0213"]
    missing = told([f'from "missing{i}.net" import A{i}' for i in range(10_000)])
    assert set(missing) == {"E0211"}
    assert len(missing) <= 50


@pytest.mark.parametrize("name", ["a/" * 50_000 + "b.net", "a" * 5_000 + ".net", "x/../" * 3_000 + "b.net"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / "main.net").write_text(f'from "{name}" import A\n' + net("A"))
    with pytest.raises(NetspecError) as error:
        netspec.load(tmp_path / "main.net")
    assert error.value.diagnostics[0].code == "E0211"


def test_what_is_imported_is_a_file_of_the_project(tmp_path: Path) -> None:
    """Links, devices and pipes lead nowhere: a pipe would never end, and what is outside is nobody's business."""
    home = tmp_path / "project"
    home.mkdir()
    (tmp_path / "secret.net").write_text("block A { relu }\n")
    (home / "link.net").symlink_to(tmp_path / "secret.net")
    (home / "device.net").symlink_to("/dev/zero")
    (home / "folder.net").mkdir()
    os.mkfifo(home / "pipe.net")
    wrong = {
        "link": "E0212",
        "device": "E0212",
        "folder": "E0211",
        "pipe": "E0211",
        "../secret": "E0212",
        "main": "E0213",
    }
    for name, code in wrong.items():
        (home / "main.net").write_text(f'from "{name}.net" import A\n' + net("A"))
        with pytest.raises(NetspecError) as error:
            netspec.load(home / "main.net")
        (found,) = error.value.diagnostics
        assert (name, found.code) == (name, code)
        assert f"did you mean {name}.net" not in found.help


@pytest.mark.parametrize(
    "text",
    [
        "net N { input x [2147483647]; highway { } }",
        "net N { input x [2147483647, 1]; conv(2147483647, 1) }",
        "net N { input x [2147483647, 2147483647] ; relu }",
        "net N { input x [3, 1]; pad(2147483640) -> unsqueeze(0) -> expand([9999999, 3, 9]) }",
    ],
)
def test_tensors_that_no_memory_holds(text: str) -> None:
    with pytest.raises(NetspecError) as caught:
        netspec.parse(text).graph()
    assert caught.value.diagnostics[0].code in {"E0504", "E0302"}
    assert len(netspec.parse("net N { input x [65536]; linear(65536) }").graph()) == 1


def test_an_input_s_shape_from_outside_has_the_bounds_of_one_inside() -> None:
    spec = netspec.parse("net N { input x [3]; relu }")
    for shape in ([1] * 9, [2**31 - 1] * 4):
        with pytest.raises(NetspecError):
            spec.graph(inputs={"x": shape})


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ("argmax -> one_hot(1)", False),
        ("argmax -> one_hot(9)", False),
        ("argmax -> one_hot(10)", True),
        ("argmax -> flatten -> embedding(8, 3)", False),
        ("argmax -> flip(0) -> embedding(10, 3)", True),
        ("let a = argmax(_, axis=1); argmax -> concat(_, a) -> one_hot(9)", False),
        ("argmax(axis=1) -> max(0) -> one_hot(4)", True),
    ],
)
def test_indices_that_a_layer_does_not_know(body: str, known: bool) -> None:
    spec = netspec.parse(f"net N {{ input x [10, 4]; {body} }}")
    if known:
        assert spec.graph()
        return
    with pytest.raises(NetspecError) as caught:
        spec.graph()
    (found,) = caught.value.diagnostics
    assert found.code == "E0302"
    assert "argmax" in found.notes[0]
