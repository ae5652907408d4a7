"""A live module to the text of its spec, and the proof that both are one."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Node
from netspec.lifting.capture.recorder import capture
from netspec.lifting.capture.tape import Tape
from netspec.lifting.prove import BATCH, Proof, prove
from netspec.lifting.refusal import refusal
from netspec.lifting.spec import written
from netspec.lifting.steps import Network
from netspec.lifting.translation.modules import is_layer
from netspec.lifting.translation.translator import translate
from netspec.spec import parse
from netspec.syntax.source import Source, Span

Given: TypeAlias = "Sequence[int] | Tensor | Mapping[str, Sequence[int] | Tensor]"
Entering: TypeAlias = "list[tuple[str, tuple[int, ...], torch.dtype]]"
TOLERANCE = 1e-4
"""How far a training step may differ, in parts of the largest value: gradients are summed in another order."""
LARGEST_STEP = 2_500_000_000
"""Networks of more multiply-accumulates a sample make no training step: two of them would take minutes."""


def lifted(
    module: nn.Module, input: Given, name: str | None = None, *, plain: bool = False, prove: bool = True
) -> tuple[str, Proof | None]:
    """The spec of a module, and the proof if one is wanted. See `netspec.lift`."""
    inputs = entering(module, input)
    network = network_of(module, inputs, identifier(name or type(module).__name__))
    text = written(network, plain=plain)
    if not prove:
        return text, None
    if plain:
        return text, proven(module, text, inputs)
    return shortest(module, network, text, inputs) or (text, proven(module, text, inputs))


def shortest(module: nn.Module, network: Network, text: str, inputs: Entering) -> tuple[str, Proof] | None:
    """The spec that calls blocks of the library, and its proof; None where there are none or it cannot be proven."""
    shorter = written(network, library=True)
    if "from std." not in shorter or len(shorter.splitlines()) >= len(text.splitlines()):
        return None
    try:
        proof = proven(module, shorter, inputs)
    except NetspecError:
        return None
    return (shorter, proof) if proof.exact else None


def network_of(module: nn.Module, inputs: Entering, name: str) -> Network:
    """The steps of a module in evaluation; where weights serve training alone, with the outputs of those."""
    tape = capture(module, inputs, is_layer, train=False)
    network = translate(tape, name)
    if not _unused(module, network):
        return network
    training = capture(module, inputs, is_layer, train=True)
    extra = _extra_outputs(tape, training)
    return translate(training, name, extra) if extra else network


def _unused(module: nn.Module, network: Network) -> list[str]:
    """The weights that no step has."""
    used = {step.key for step in network.steps if step.key}
    return [key for key in module.state_dict() if not any(key == k or key.startswith(f"{k}.") for k in used)]


def _extra_outputs(evaluation: Tape, training: Tape) -> tuple[str, ...]:
    """The outputs that are there in training alone: those after as many as there are in evaluation."""
    count = len(evaluation.outputs)
    return tuple(name for name, _ in training.outputs[count:])


def proven(module: nn.Module, text: str, inputs: Entering) -> Proof:
    """The proof that the spec is the module; raises NetspecError (E1003) with what differs."""
    graph = parse(text, "<lifted>").graph()
    generator = torch.Generator().manual_seed(1)
    samples = [_sample(shape, dtype, generator) for _, shape, dtype in inputs]
    small = isinstance(graph.macs, int) and graph.macs <= LARGEST_STEP
    proof = prove(module, graph.compile(), samples, step=small and not any(map(_draws, graph)))
    wrong = proof.wrong
    if not wrong and proof.output > TOLERANCE:
        wrong = f"an output differs by {proof.output:.1g} of its largest value"
    if not wrong and proof.gradient is not None and not proof.gradient <= TOLERANCE:
        wrong = f"a training step differs by {proof.gradient:.1g}"
    if wrong:
        message = f"the spec is not the network that it was lifted from: {wrong}"
        help = "--no-prove writes it all the same"
        raise NetspecError((Diagnostic("E1003", message, Span(Source("the network", ""), 0, 0), help=help),))
    return proof


def _draws(node: Node) -> bool:
    """Whether a layer drops something in training: each library draws that in its own way."""
    return bool(getattr(node.layer, "dropout", 0) or (node.layer.idle_in_eval and getattr(node.layer, "p", 0)))


def _sample(shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    if dtype.is_floating_point:
        return torch.randn(BATCH, *shape, generator=generator, dtype=dtype)
    return torch.randint(0, 2, (BATCH, *shape), generator=generator, dtype=dtype)


def entering(module: nn.Module, input: Given) -> Entering:
    """The inputs with names, shapes of one sample and element types."""
    if isinstance(input, Mapping):
        return [(identifier(name), *_shape(part)) for name, part in input.items()]
    shape, dtype = _shape(input)
    parameters = [name for name in inspect.signature(module.forward).parameters if name not in ("args", "kwargs")]
    name = parameters[0] if parameters else "x"
    if name in ("x", "input", "inputs"):
        name = {3: "image", 4: "clip"}.get(len(shape), "x")
    return [(identifier(name), shape, dtype)]


def _shape(input: Sequence[int] | Tensor) -> tuple[tuple[int, ...], torch.dtype]:
    if isinstance(input, Tensor):
        return tuple(input.shape[1:]), input.dtype
    sizes = tuple(input)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise refusal(f"an input is a list of sizes or a tensor, not {input!r}", help="input=[3, 224, 224]")
    return sizes, torch.float32


def identifier(name: str) -> str:
    """A name as a spec may have it."""
    from netspec.lifting.writing.writer import WORDS

    bare = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "Net"
    bare = f"n{bare}" if bare[0].isdigit() else bare
    return f"{bare}_" if bare in WORDS else bare
