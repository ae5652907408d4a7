"""The steps of a training: what is done with each batch, one after the other, each to parameters of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from netspec.graph.graph import Graph
from netspec.syntax.source import NOWHERE, Span
from netspec.train.losses import Term
from netspec.train.section.parts.clipping import Clip
from netspec.train.section.parts.optimizers import Optimizer
from netspec.train.section.patterns import Pattern, chosen, parameters

EXAMPLE = "step generator { loss bce(on_fake, 1) }"


@dataclass(frozen=True, slots=True)
class Step:
    """A step on each batch whose number is a multiple of `every`: `loss` made small by the parameters it `trains`.

    The others stay as they are and get no gradient. `name` is empty where the section has no steps: then there is one,
    which trains all parameters. `optimizer` and `clip` are None where they are the section's; `span` is of its head.
    """

    name: str
    loss: tuple[Term, ...]
    trains: tuple[Pattern, ...] = ()
    optimizer: Optimizer | None = None
    clip: Clip | None = None
    every: int = 1
    span: Span = field(default=NOWHERE, compare=False)

    @property
    def figure(self) -> str:
        """What its loss is called among the figures of a run."""
        return f"loss({self.name})"

    def parameters(self, graph: Graph) -> set[str]:
        """The names of the parameters that it trains, those that are frozen among them."""
        names = parameters(graph)
        return chosen(self.trains, names) if self.name else set(names)

    def written(self) -> str:
        """What a spec would write behind its name."""
        implied = self.trains == (Pattern(self.name),)
        settings = {
            "trains": None if implied else f"[{', '.join(pattern.written() for pattern in self.trains)}]",
            "loss": " + ".join(term.written() for term in self.loss),
            "optimizer": None if self.optimizer is None else self.optimizer.written(),
            "clip": None if self.clip is None else self.clip.written(),
            "every": None if self.every == 1 else str(self.every),
        }
        return f"{{ {'; '.join(f'{key} {text}' for key, text in settings.items() if text is not None)} }}"
