"""Optimizers by name: those of `torch.optim`, with torch's argument names and defaults."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from pydantic import model_validator

from netspec.layers.declaration.base import Bool, Positive
from netspec.train.parts import AboveZero, AtLeastZero, Fraction, Part, Real, Table

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer as TorchOptimizer

Betas: TypeAlias = tuple[Fraction, Fraction]


class Optimizer(Part):
    """Base of all optimizers: the fields are the arguments of the torch class that `torch_name` names."""

    torch_name: ClassVar[str]
    fused: ClassVar[bool] = False
    """Whether torch has it as one kernel, on the CPU too."""
    closure: ClassVar[bool] = False
    """Whether a step evaluates the loss as often as it likes."""

    lr: AtLeastZero

    def remembered(self, shape: tuple[int, ...]) -> int:
        """How many numbers it remembers of a parameter of that shape, but for single ones such as a count of steps."""
        return self.copies * prod(shape)

    @property
    def copies(self) -> int:
        """How many tensors of a parameter's own shape it remembers."""
        raise NotImplementedError

    def build(self, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], *, fused: bool = True) -> TorchOptimizer:
        """The optimizer at work on these parameters, or groups of them; raises ValueError where torch refuses them.

        It is `fused` where torch can: the whole step is one kernel.
        """
        import torch

        optimizer: type[TorchOptimizer] = getattr(torch.optim, self.torch_name)
        arguments = self.model_dump() | ({"fused": True} if self.fused and fused else {})
        return optimizer(parameters, **arguments)


OPTIMIZERS: Table[Optimizer] = Table("optimizer", "an")


@OPTIMIZERS("sgd")
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Sutskever et al. 2013) or Nesterov's."""

    torch_name = "SGD"
    fused = True
    lr: AtLeastZero = 0.001
    momentum: AtLeastZero = 0.0
    dampening: Real = 0.0
    weight_decay: AtLeastZero = 0.0
    nesterov: Bool = False

    @property
    def copies(self) -> int:
        return int(self.momentum > 0)

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGD:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError("nesterov needs a momentum, and no dampening")
        return self


@OPTIMIZERS("adam")
class Adam(Optimizer):
    """Kingma & Ba 2015; with `amsgrad`, Reddi et al. 2018."""

    torch_name = "Adam"
    fused = True
    lr: AtLeastZero = 0.001
    betas: Betas = (0.9, 0.999)
    eps: AtLeastZero = 1e-8
    weight_decay: AtLeastZero = 0.0
    amsgrad: Bool = False

    @property
    def copies(self) -> int:
        return 2 + int(self.amsgrad)


@OPTIMIZERS("adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay, Loshchilov & Hutter 2019."""

    torch_name = "AdamW"
    weight_decay: AtLeastZero = 0.01


@OPTIMIZERS("adamax")
class Adamax(Optimizer):
    """Adam by the infinity norm, Kingma & Ba 2015."""

    torch_name = "Adamax"
    lr: AtLeastZero = 0.002
    betas: Betas = (0.9, 0.999)
    eps: AtLeastZero = 1e-8
    weight_decay: AtLeastZero = 0.0

    @property
    def copies(self) -> int:
        return 2


@OPTIMIZERS("nadam")
class NAdam(Optimizer):
    """Adam with Nesterov's momentum, Dozat 2016."""

    torch_name = "NAdam"
    lr: AtLeastZero = 0.002
    betas: Betas = (0.9, 0.999)
    eps: AtLeastZero = 1e-8
    weight_decay: AtLeastZero = 0.0
    momentum_decay: AtLeastZero = 0.004
    decoupled_weight_decay: Bool = False

    @property
    def copies(self) -> int:
        return 2


@OPTIMIZERS("radam")
class RAdam(Optimizer):
    """Rectified Adam, Liu et al. 2020."""

    torch_name = "RAdam"
    lr: AtLeastZero = 0.001
    betas: Betas = (0.9, 0.999)
    eps: AtLeastZero = 1e-8
    weight_decay: AtLeastZero = 0.0
    decoupled_weight_decay: Bool = False

    @property
    def copies(self) -> int:
        return 2


@OPTIMIZERS("adagrad")
class Adagrad(Optimizer):
    """Duchi et al. 2011."""

    torch_name = "Adagrad"
    lr: AtLeastZero = 0.01
    lr_decay: AtLeastZero = 0.0
    weight_decay: AtLeastZero = 0.0
    initial_accumulator_value: AtLeastZero = 0.0
    eps: AtLeastZero = 1e-10

    @property
    def copies(self) -> int:
        return 1


@OPTIMIZERS("adadelta")
class Adadelta(Optimizer):
    """Zeiler 2012."""

    torch_name = "Adadelta"
    lr: AtLeastZero = 1.0
    rho: Fraction = 0.9
    eps: AtLeastZero = 1e-6
    weight_decay: AtLeastZero = 0.0

    @property
    def copies(self) -> int:
        return 2


@OPTIMIZERS("adafactor")
class Adafactor(Optimizer):
    """Shazeer & Stern 2018: the second moments of a matrix kept as a row and a column."""

    torch_name = "Adafactor"
    lr: AtLeastZero = 0.01
    beta2_decay: Real = -0.8
    eps: tuple[AtLeastZero | None, AtLeastZero] = (None, 0.001)
    d: AboveZero = 1.0
    weight_decay: AtLeastZero = 0.0

    def remembered(self, shape: tuple[int, ...]) -> int:
        return prod(shape[:-1]) + prod(shape[:-2]) * shape[-1] if len(shape) > 1 else prod(shape)


@OPTIMIZERS("rmsprop")
class RMSprop(Optimizer):
    """Hinton 2012; with `centered`, Graves 2013."""

    torch_name = "RMSprop"
    lr: AtLeastZero = 0.01
    alpha: AtLeastZero = 0.99
    eps: AtLeastZero = 1e-8
    weight_decay: AtLeastZero = 0.0
    momentum: AtLeastZero = 0.0
    centered: Bool = False

    @property
    def copies(self) -> int:
        return 1 + int(self.momentum > 0) + int(self.centered)


@OPTIMIZERS("rprop")
class Rprop(Optimizer):
    """Riedmiller & Braun 1993: steps by the sign of the gradient, for whole batches."""

    torch_name = "Rprop"
    lr: AtLeastZero = 0.01
    etas: tuple[Fraction, AboveZero] = (0.5, 1.2)
    step_sizes: tuple[AboveZero, AboveZero] = (1e-6, 50.0)

    @property
    def copies(self) -> int:
        return 2


@OPTIMIZERS("asgd")
class ASGD(Optimizer):
    """Averaged stochastic gradient descent, Polyak & Juditsky 1992."""

    torch_name = "ASGD"
    lr: AtLeastZero = 0.01
    lambd: AtLeastZero = 0.0001
    alpha: Real = 0.75
    t0: AtLeastZero = 1e6
    weight_decay: AtLeastZero = 0.0

    @property
    def copies(self) -> int:
        return 1


@OPTIMIZERS("lbfgs")
class LBFGS(Optimizer):
    """Limited-memory BFGS, Liu & Nocedal 1989: several evaluations of the loss a step, for whole batches."""

    torch_name = "LBFGS"
    closure = True
    lr: AtLeastZero = 1.0
    max_iter: Positive = 20
    history_size: Positive = 100
    tolerance_grad: AtLeastZero = 1e-7
    tolerance_change: AtLeastZero = 1e-9

    @property
    def copies(self) -> int:
        return 2 * self.history_size + 2
