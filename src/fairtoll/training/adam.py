"""Adam over a stack, with a separate step count for each member."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class StackedAdam:
    """Adam (Kingma & Ba 2015) over parameters `(K, ...)`, whose members may skip steps independently.

    On the CPU every number is, bit for bit, that of `torch.optim.Adam` over each member alone: the same
    operations in the same order (torch's fused step rounds the last few elements of a tensor in another way
    than the rest, so that equal members would diverge by their position in the stack). A member that
    skips a step keeps its weights, its two averages and its step count.

    Parameters
    ----------
    parameters : sequence of Tensor, each (K, ...)
        Updated in place; their `grad` is read.
    learning_rate, epsilon : float
    betas : tuple of float
        Decay of the averages of gradient and square.

    Examples
    --------
    >>> weights = torch.zeros(2, 3, requires_grad=True)
    >>> adam = StackedAdam([weights], learning_rate=0.1, epsilon=1e-7)
    >>> weights.grad = torch.ones(2, 3)
    >>> adam.step(active=[True, False])
    >>> weights[:, 0].detach(), adam.steps
    (tensor([-0.1000,  0.0000]), [1, 0])
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        learning_rate: float,
        epsilon: float,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        self._parameters = list(parameters)
        self._rate, self._epsilon, self._betas = learning_rate, epsilon, betas
        self._mean = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._square = [torch.zeros_like(parameter) for parameter in self._parameters]
        # Fresh memory for a root at every step costs more than taking it.
        self._scratch = [torch.empty_like(parameter) for parameter in self._parameters]
        #: Steps that each member has taken.
        self.steps = [0] * len(self._parameters[0])

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, active: Sequence[bool] | None = None) -> None:
        """Move every member, or those that are `active`, by one step."""
        if active is None or all(active):
            active = None
        elif not any(active):
            return
        self.steps = [count + (active is None or active[member]) for member, count in enumerate(self.steps)]
        together = active is None and len(set(self.steps)) == 1
        for parameter, mean, square, root in zip(
            self._parameters, self._mean, self._square, self._scratch, strict=True
        ):
            assert parameter.grad is not None
            if together:
                self._move(parameter, mean, square, root, parameter.grad, self.steps[0])
                continue
            for member, count in enumerate(self.steps):
                if active is None or active[member]:
                    own = parameter[member], mean[member], square[member], root[member], parameter.grad[member]
                    self._move(*own, count)

    def _move(
        self, parameter: Tensor, mean: Tensor, square: Tensor, root: Tensor, gradient: Tensor, count: int
    ) -> None:
        first, second = self._betas
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        size = self._rate / (1 - first**count)
        torch.sqrt(square, out=root).div_((1 - second**count) ** 0.5).add_(self._epsilon)
        parameter.addcdiv_(mean, root, value=-size)
