"""What layers say of themselves is true of what they compute, on generated arguments."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, find, given, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import DataObject, data
from live import build
from strategies import Case, cases
from torch import Tensor, nn

from netspec.layers import REGISTRY
from netspec.layers.declaration.base import Layer, ShapeError
from netspec.shapes.shape import Shape

torch.set_num_threads(1)  # the tensors are tiny

DTYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}
SMALL = 5000
"""Elements of an input at most."""
some = settings(
    max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def with_trait(trait: str) -> list[str]:
    """Our layers of which it is true."""
    ours = (cls for cls in REGISTRY.values() if cls.__module__.startswith("netspec."))
    return sorted(cls.name for cls in ours if getattr(cls, trait))


def fitting(case: Case, cls: type[Layer]) -> Layer | None:
    """The layer where the case is one that it takes, of float values."""
    if any(shape.dtype != "float" or shape.is_open or shape.elements > SMALL for shape in case.shapes):
        return None
    try:
        layer = cls(**case.arguments)
        layer.outputs(*case.shapes)
    except (ValueError, ShapeError):
        return None
    return layer


def applied(layer: Layer, shapes: tuple[Shape, ...], *, train: bool = False) -> tuple[list[Tensor], Tensor]:
    """Random inputs, and what becomes of them."""
    torch.manual_seed(0)
    inputs = [(torch.rand(2, *shape.dims) + 0.5).requires_grad_() for shape in shapes]
    live = build(layer.torch(*shapes), len(inputs))
    if isinstance(live.module, nn.Module):
        live.module.train(train)
    result = live.call(*inputs)
    return inputs, result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("name", with_trait("idle_in_eval"))
@some
@given(data())
def test_idle_in_eval(name: str, data: DataObject) -> None:
    case = data.draw(cases(REGISTRY[name]))
    if (layer := fitting(case, REGISTRY[name])) is not None:
        (x,), y = applied(layer, case.shapes)
        assert torch.equal(x, y)


@pytest.mark.parametrize("name", with_trait("keeps_elements"))
@some
@given(data())
def test_keeps_elements(name: str, data: DataObject) -> None:
    case = data.draw(cases(REGISTRY[name]))
    if (layer := fitting(case, REGISTRY[name])) is not None:
        (x,), y = applied(layer, case.shapes)
        assert torch.equal(x.flatten(), y.flatten())


@pytest.mark.parametrize("name", with_trait("keeps_the_largest"))
def test_keeps_the_largest(name: str) -> None:
    (x,), y = applied(REGISTRY[name](), (Shape.of(7),))
    assert torch.equal(x.argmax(1), y.argmax(1))


@pytest.mark.parametrize("name", with_trait("overwritable"))
@some
@given(data())
def test_what_is_overwritable_can_be_written_over_before_the_backward_pass(name: str, data: DataObject) -> None:
    case = data.draw(cases(REGISTRY[name]))
    layer = fitting(case, REGISTRY[name])
    if layer is None or (name in ("add", "mul") and len(case.shapes) == 1 and not layer.formula()):
        return  # a sum of one value is that value, and nothing that a spec has reason to say
    inputs, y = applied(layer, case.shapes, train=name != "batchnorm")
    kept = [x.detach().clone() for x in inputs]
    y.mul_(2).sum().backward()
    assert all(torch.equal(x, before) for x, before in zip(inputs, kept, strict=True))


@pytest.mark.parametrize("name", with_trait("in_place"))
def test_in_place(name: str) -> None:
    """Written over its input, it has the gradient that it has beside it."""
    x = torch.linspace(-3, 9, 25).requires_grad_()
    beside, over = (getattr(nn, REGISTRY[name].module)(inplace=inplace) for inplace in (False, True))
    expected = torch.autograd.grad(beside(x * 1).sum(), x)
    assert torch.equal(torch.autograd.grad(over(x * 1).sum(), x)[0], expected[0])
    assert REGISTRY[name]().torch(Shape.of(4)).inplace


MEANS = sorted(name for name, cls in REGISTRY.items() if cls.is_global_mean is not Layer.is_global_mean)


@pytest.mark.parametrize("name", MEANS)
def test_a_global_mean_is_that_of_each_channel(name: str) -> None:
    def is_one(case: Case) -> bool:
        layer = fitting(case, REGISTRY[name])
        return layer is not None and case.shapes[0].rank > 1 and layer.is_global_mean(*case.shapes)

    try:
        case = find(cases(REGISTRY[name]), is_one, settings=settings(some, max_examples=2000))
    except NoSuchExample:
        case = Case({"kernel": 4}, (Shape.of(3, 4, 4),))
    layer = REGISTRY[name](**case.arguments)
    assert layer.is_global_mean(*case.shapes)
    (x,), y = applied(layer, case.shapes)
    assert torch.allclose(y.flatten(1), x.flatten(2).mean(2), atol=1e-6)
    assert not (name == "avgpool" and REGISTRY[name](kernel=2).is_global_mean(Shape.of(3, 4, 4)))
