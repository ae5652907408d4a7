"""The command that makes a spec of a network that exists."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.commands.command import command
from netspec.commands.options.refusals import bad_option
from netspec.commands.options.shared import Force, Output
from netspec.commands.printing import display_path, write
from netspec.commands.spared import spare
from netspec.files import write_bytes

if TYPE_CHECKING:
    from netspec.lifting.prove import Proof


@command
def lift(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="torchvision:NAME, timm:NAME, FILE.py:FUNCTION, which gives a module, FILE.onnx, Darknet's FILE.cfg.",
            show_default=False,
        ),
    ],
    trained: Annotated[
        Path | None,
        typer.Argument(metavar="[WEIGHTS]", help="A weights file of Darknet, for --weights.", show_default=False),
    ] = None,
    spec: Output = "-",
    input: Annotated[
        str | None, typer.Option(metavar="SIZES", help="The shape of one sample: --input 3,224,224.")
    ] = None,
    net: Annotated[str | None, typer.Option("--net", metavar="NAME", help="What the net is called.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Write no blocks and no loops.")] = False,
    prove: Annotated[
        bool, typer.Option(help="Compare the spec with the network; exit with 1 if it is another.")
    ] = True,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the weights, too: a safetensors file.")
    ] = None,
    force: Force = False,
    run_code: Annotated[bool, typer.Option("--run-code", help="Run the code of a Python file.")] = False,
) -> None:
    """Make a spec of a network that exists, and prove that both are one."""
    sources = {"source": Path(source.rpartition(":")[0] or source), "trained": trained, "force": force}
    if spec != "-":
        spare(sources, spec, spec=True)
    if weights is not None or (trained is not None and spec != "-"):
        spare(sources, weights or Path(spec).with_suffix(".safetensors"))
    if source.endswith(".cfg"):
        _darknet(Path(source), trained, spec, weights, plain=plain)
        return
    shape = _sizes(input) if input is not None else None
    if source.endswith(".onnx"):
        _onnx(Path(source), shape, net, spec, weights, plain=plain, prove=prove)
        return
    from netspec.lifting.module import lifted
    from netspec.lifting.sources.live import model_of

    model = model_of(source, run_code=run_code)
    shape = shape or model.shape
    if shape is None:
        raise bad_option("--input", source, "3,224,224", "the shape of a sample has to be given: --input 3,224,224")
    text, proof = lifted(model.module, shape, net or model.name, plain=plain, prove=prove)
    write(text, spec)
    if weights is not None:
        from safetensors.torch import save

        write_bytes(weights, save({key: value.contiguous() for key, value in model.module.state_dict().items()}))
    print(_summary(display_path(Path(spec)) if spec != "-" else source, text, proof), file=sys.stderr)


def _onnx(
    path: Path,
    sizes: tuple[int, ...] | None,
    net: str | None,
    spec: str,
    weights: Path | None,
    *,
    plain: bool,
    prove: bool,
) -> None:
    """A file of ONNX, and its weights under the spec's keys."""
    from netspec.lifting.sources.onnx import load

    network = load(path, sizes, net, plain=plain, prove=prove)
    write(network.text, spec)
    if weights is not None:
        from safetensors.torch import save

        write_bytes(weights, save({key: value.contiguous() for key, value in network.weights.items()}))
    for note in network.notes:
        print(f"note: {note}", file=sys.stderr)
    by = (
        ""
        if network.runtime is None
        else f"; {network.runtime[1]} gives the same for its weights, within {network.runtime[0]:.1g}"
    )
    print(
        _summary(display_path(Path(spec)) if spec != "-" else str(path), network.text, network.proof) + by,
        file=sys.stderr,
    )


def _darknet(cfg: Path, trained: Path | None, spec: str, weights: Path | None, *, plain: bool) -> None:
    """A cfg of Darknet, and its weights under the spec's keys."""
    from netspec.lifting.sources.darknet import load

    configuration = load(cfg, plain=plain)
    if trained is not None:
        from safetensors.numpy import save

        if weights is None and spec == "-":
            raise bad_option("--weights", str(trained), "net.safetensors", "--weights says where the weights go")
        write_bytes(weights or Path(spec).with_suffix(".safetensors"), save(configuration.weights(trained)))
    write(configuration.text, spec)
    for note in configuration.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"{display_path(cfg)}: {len(configuration.text.splitlines())} lines", file=sys.stderr)


def _sizes(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\[?\s*[1-9]\d{0,8}(\s*,\s*[1-9]\d{0,8})*\s*\]?", text.strip()):
        raise bad_option("--input", text, "3,224,224", "--input takes the sizes of one sample")
    return tuple(map(int, re.findall(r"\d+", text)))


def _summary(name: str, text: str, proof: Proof | None) -> str:
    """What was written, and how it was proven."""
    lines = f"{name}: {len(text.splitlines())} lines"
    if proof is None:
        return f"{lines}, not proven"
    outputs = "to the bit" if proof.output == 0 else f"within {proof.output:.1g}"
    step = "" if proof.gradient is None else ", and a training step"
    return f"{lines}, {proof.parameters:,} parameters under the same keys, the same outputs {outputs}{step}"
