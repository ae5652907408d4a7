"""Where in a sample a net sees a class: class activation maps, and Grad-CAM for nets that do not end in a mean of maps.

CAM (Zhou et al. 2016): a net that ends in global average pooling and a linear layer scores class c as
b_c + sum_k w_ck mean_i A_k(i) = b_c + mean_i M_c(i), with the map M_c = sum_k w_ck A_k of the last maps A.

Grad-CAM (Selvaraju et al. 2017): M_c = relu(sum_k a_ck A_k) for maps A of any layer, where a_ck is the mean over
positions of the gradient of score c with respect to A_k. For the nets above a_ck is w_ck over the number of positions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from netspec.diagnostics import Diagnostic, NetspecError
from netspec.graph.graph import Graph, Output, Scope, Value
from netspec.spelling import nearest
from netspec.syntax.source import place_outside
from netspec.train.after import heads
from netspec.train.plan.signature import Returned

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from netspec.train.after.restored import Restored

Method: TypeAlias = Literal["cam", "grad-cam"]


@dataclass(frozen=True, slots=True, eq=False)
class ActivationMap:
    """How much each place speaks for a class: `values` (*S), in the resolution of the maps of `layer`.

    `score` is what the net gives the class before any softmax. By CAM, it is the mean of `values` and the bias.
    """

    values: NDArray[Any]
    method: Method
    layer: str
    target: int
    score: float
    probability: float | None


class MapOptions(TypedDict, total=False):
    """Of which class a map is, and how it is made, as keyword arguments.

    `target` is the class by name or number: the one with the highest score where it is not given. `method` is cam where
    the net's end allows it, else grad-cam. `layer` names the stage whose maps Grad-CAM looks at.
    """

    target: int | str | None
    method: Method | None
    layer: str | None


def activation_map(
    run: Restored, x: Tensor, *, target: int | str | None = None, method: Method | None = None, layer: str | None = None
) -> ActivationMap:
    """The map of one sample (1, *shape), as the net takes it; `MapOptions` says what the arguments are.

    Raises NetspecError (E0655) where there is nothing to look at.
    """
    plan = plan_of(run.graph, run.signature.output, method=method, layer=layer)
    net = plan.net(run.model).to(run.device).eval()
    scores, maps = plan.traced(net, x.to(run.device))
    sides = _sides(scores, run)
    chosen = int(sides.argmax()) if target is None else _class(target, len(sides), run)
    if plan.method == "cam":
        values = class_map(maps.detach(), *plan.weights(net), chosen, binary=run.signature.task == "binary")
    else:
        values = gradient_map(sides[chosen], maps)
    judged = run.signature.task
    chance = None if judged == "values" else float(run.signature.probabilities(scores.detach())[0, chosen])
    return ActivationMap(values.cpu().numpy(), plan.method, plan.layer, chosen, float(sides[chosen].detach()), chance)


def class_map(maps: Tensor, weight: Tensor | None, target: int, *, binary: bool = False) -> Tensor:
    """The class activation map sum_k w_ck A_k of maps (1, K, *S), with w (classes, K); w is the identity where None.

    With `binary`, w has one row, of class 1; class 0 is what speaks against it.
    """
    if binary:
        sign = 1 if target else -1
        row = maps.new_ones(1) if weight is None else weight[0]
        return sign * (row @ maps[0].flatten(1)).view(maps.shape[2:])
    if weight is None:
        return maps[0, target]
    return (weight[target] @ maps[0].flatten(1)).view(maps.shape[2:])


def gradient_map(score: Tensor, maps: Tensor) -> Tensor:
    """The Grad-CAM map relu(sum_k a_k A_k) of maps (1, K, *S) for a score that was computed from them."""
    import torch

    (gradient,) = torch.autograd.grad(score, maps)
    weights = gradient.flatten(2).mean(2)[0]
    return (weights @ maps.detach()[0].flatten(1)).view(maps.shape[2:]).relu()


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How a map is made: by what method, of which maps. `graph` returns scores and maps beside the net's outputs."""

    graph: Graph
    method: Method
    layer: str
    linear: str | None

    def net(self, model: nn.Module) -> nn.Module:
        """The net that returns its maps, with the weights of `model`."""
        net: nn.Module = self.graph.compile()
        net.load_state_dict(model.state_dict())
        return net

    def traced(self, net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and maps of a sample, the scores as a function of the maps."""
        import torch

        with torch.enable_grad():
            outputs = Returned(self.graph)(net(x.detach().requires_grad_(x.is_floating_point())))
        count = len(self.graph.outputs)
        return outputs[count - 2], outputs[count - 1]

    def weights(self, net: nn.Module) -> tuple[Tensor | None]:
        """What the linear layer weighs the maps with, (classes, K)."""
        if self.linear is None:
            return (None,)
        weight: Tensor = net.get_submodule(self.linear).weight  # type: ignore[assignment]
        return (weight.detach().flatten(1),)


def plan_of(graph: Graph, output: int, *, method: Method | None = None, layer: str | None = None) -> Plan:
    """How the map of a net's output is made; raises NetspecError (E0655) where it cannot be."""
    scores = heads.scores(graph, graph.outputs[output].value)
    if scores.shape.rank > 1 and heads.positions(scores) > 1:
        raise _nothing(f"{graph.name} says of each place what it is: its output {scores.shape} is a map already")
    ending = heads.head(graph, scores)
    if method == "cam" and (ending is None or layer is not None):
        what = "does not end in the mean of maps and one linear layer" if ending is None else "has its maps at its end"
        raise _nothing(f"{graph.name} {what}, so there is no class activation map of it", help="--method grad-cam")
    if ending is not None and layer is None and method != "grad-cam":
        linear = None if ending.linear is None else ending.linear.key
        return Plan(_returning(graph, scores, ending.maps), "cam", ending.maps.name, linear)
    default = ending.maps if ending is not None else heads.last_maps(graph, scores)
    maps = default if layer is None else _value_of_layer(graph, layer, scores)
    if maps is None or not heads.is_map(maps):
        raise _nothing(f"{graph.name} has no convolution whose maps could be looked at")
    return Plan(_returning(graph, scores, maps), "grad-cam", maps.name, None)


def _returning(graph: Graph, scores: Value, maps: Value) -> Graph:
    """The graph with two more outputs: the same stages under the same names."""
    # the text that the graph came from knows nothing of these outputs: it is compiled from its nodes
    outputs = (*graph.outputs, Output("scores", scores), Output("maps", maps))
    return replace(graph, outputs=outputs, origin=None)


def _value_of_layer(graph: Graph, layer: str, scores: Value) -> Value:
    """The maps of the stage of that name."""
    if layer not in graph:
        listed_names = list(heads.names(graph))
        near = nearest(layer, listed_names)
        listed = f"its last ones with maps are {', '.join(listed_names[-8:])}"
        raise _nothing(f"{graph.name} has no stage {layer}", help=f"did you mean {near}?" if near else listed)
    stage = graph[layer]
    maps = stage.outputs[0] if isinstance(stage, Scope) else stage.output
    if not heads.is_map(maps):
        raise _nothing(
            f"the output of {layer} is {maps.shape}, which is no map", help="name a stage before the pooling"
        )
    if maps.node not in {node.index for node in heads.ancestors(graph, scores)}:
        raise _nothing(f"the scores of {graph.name} do not depend on {layer}")
    return maps


def _class(target: int | str, count: int, run: Restored) -> int:
    """The number of a class that is named, or numbered; raises NetspecError (E0655)."""
    names = run.signature.names
    if target in names:
        return names.index(str(target))
    if str(target).isdecimal() and int(target) < count:
        return int(target)
    near = nearest(str(target), names)
    listed_names = ", ".join(names[:12]) if names else f"numbered from 0 to {count - 1}"
    help = f"did you mean {near}?" if near else f"the classes are {listed_names}"
    raise _nothing(f"{run.graph.name} knows no class {target}", help=help)


def _sides(scores: Tensor, run: Restored) -> Tensor:
    """The score of each class; of a single logit its negative, and itself."""
    flat = scores.flatten()
    return flat.new_tensor([-1.0, 1.0]) * flat[0] if run.signature.task == "binary" else flat


def _nothing(message: str, help: str = "") -> NetspecError:
    return NetspecError((Diagnostic("E0655", message, place_outside("netspec cam"), help=help),))
