"""Networks that exist to specs: `lift` runs a module without values, writes what it does, and proves it equal.

spec = netspec.lift(module, input=[3, 224, 224])
print(spec.source.text)                           # the spec, with blocks, repeats and the module's own names
model = spec.graph().compile()
model.load_state_dict(spec.weights)               # under the same keys
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netspec.spec import Spec, parse

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netspec.lifting.prove import Proof

__all__ = ["Lifted", "lift"]


@dataclass(frozen=True, eq=False)
class Lifted(Spec):
    """A spec that was lifted: with the weights of what it comes from, under the spec's keys, and how it was proven."""

    weights: Mapping[str, Tensor] = field(default_factory=dict)
    proof: Proof | None = None


def lift(
    module: nn.Module,
    *,
    input: Sequence[int] | Tensor | Mapping[str, Sequence[int] | Tensor],
    name: str | None = None,
    plain: bool = False,
    prove: bool = True,
) -> Lifted:
    """The spec of a module, which computes the same with the same keys.

    `input` is the shape of one sample, `[3, 224, 224]`, or a tensor with a batch; for several inputs a dict of these,
    in the order in which the module takes them. `name` is the net's, the module's class if not given. With `plain`
    there are neither blocks nor loops. Unless `prove` is false, both are compared: keys, outputs with random weights,
    and a training step.

    Raises NetspecError (E1001) with the line of the module's source for what does not lift, (E1003) where the proof
    fails.
    """
    from netspec.lifting.module import lifted

    text, proof = lifted(module, input, name, plain=plain, prove=prove)
    read: Any = parse(text, "<lifted>")
    return Lifted(read.module, None, module.state_dict(), proof)
