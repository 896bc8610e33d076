"""`ModelStack`: K models of one architecture, their weights on a leading axis."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional

from fairtoll.errors import FairtollError
from fairtoll.models.dense import DTYPES, dense_chain, dense_logits
from fairtoll.models.gradients import DenseGradients, cross_entropy_slope


class ModelStack:
    """K models of one architecture that train and predict as one batched program.

    Training runs, leave-one-out members and control arms are all just members, and K = 1 is not special. A stack runs
    in eval mode; `fairtoll.training.fit` rejects networks that behave differently in training, as with dropout. How the
    stack runs is a fixed rule, never a timing at run time (float order would change the numbers):
    a plain chain of dense layers becomes matrix products (`fairtoll.models.dense`), one member after another on a
    CPU and batched on an accelerator; convolutions on a CPU run one member after another, since
    ``torch.func.vmap`` makes them slower there; anything else goes through vmap.

    Parameters
    ----------
    models : sequence of Module, length K
        Of one architecture; they are copied.

    Raises
    ------
    FairtollError
        If there is no model, the architectures differ, or one has batch normalisation (its running
        statistics belong to no single model's rows).

    Examples
    --------
    >>> stack = ModelStack([nn.Linear(3, 2), nn.Linear(3, 2)])
    >>> stack(torch.zeros(5, 3)).shape
    torch.Size([2, 5, 2])
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        if not models:
            raise FairtollError("a stack of no models; give at least one")
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in models[0].modules()):
            raise FairtollError(
                "a model with batch normalisation cannot be stacked: its running statistics mix rows of all "
                "members; use group or layer normalisation"
            )
        # The text distinguishes Tanh and ReLU, which have no weights; shapes distinguish the rest.
        shapes = [{name: tensor.shape for name, tensor in model.state_dict().items()} for model in models]
        if any(str(model) != str(models[0]) for model in models) or any(other != shapes[0] for other in shapes):
            raise FairtollError("models of different architectures in one stack; expected equal layers and shapes")
        self.template = copy.deepcopy(models[0]).eval().requires_grad_(False)
        self.parameters = _stacked([dict(model.named_parameters()) for model in models])
        self.buffers = _stacked([dict(model.named_buffers()) for model in models])
        self._layers = dense_chain(self.template)

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    @property
    def strategy(self) -> str:
        """How the stack runs: "dense", "vmap" or "loop"."""
        return strategy_of(self.template, next(iter(self.parameters.values())).device.type)

    def __call__(self, x: Tensor) -> Tensor:
        """Logits `(K, N, C)` of rows `x` `(N, ...)` shared by all models."""
        return self.each(x.expand(len(self), *x.shape))

    def each(self, x: Tensor) -> Tensor:
        """Logits `(K, N, C)` of rows `x` `(K, N, ...)`: model k sees ``x[k]``."""
        strategy = self.strategy
        if strategy == "dense":
            return self._dense(x)
        return self._loop(x) if strategy == "loop" else self._vmap(x)

    def _vmap(self, x: Tensor) -> Tensor:
        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], rows: Tensor) -> Tensor:
            # A copy, as in the loop: the template may write into its input.
            logits: Tensor = functional_call(self.template, (parameters, buffers), (rows.clone(),))
            return logits

        logits: Tensor = vmap(one)(self.parameters, self.buffers, x)
        return logits

    def _dense(self, x: Tensor) -> Tensor:
        assert self._layers is not None
        kinds, names = self._layers
        held = self.parameters | self.buffers
        return dense_logits(x, kinds, [held[name] for name in names])

    def _loop(self, x: Tensor) -> Tensor:
        # unbind, since the gradient of an index would be a stack of zeros for every member.
        states = {name: tensor.unbind() for name, tensor in (self.parameters | self.buffers).items()}
        logits = []
        for index, rows in enumerate(x.unbind()):
            # A copy, since the template may write into its input, which members share. Channels last is the layout in
            # which a CPU's convolutions are fastest.
            rows = rows.clone(memory_format=torch.channels_last if rows.ndim == 4 else torch.preserve_format)
            logits.append(functional_call(self.template, {name: state[index] for name, state in states.items()}, rows))
        return torch.stack(logits)

    @property
    def tensor_names(self) -> list[str]:
        """Names of the parameters and buffers of a dense chain in the order of its layers; none of other networks."""
        return [] if self._layers is None else self._layers[1]

    def gradients(self) -> DenseGradients | None:
        """Gradients without autograd, of a plain chain of dense layers on a CPU; None of another stack.

        They see later changes to the values of the weights, unless those are moved or converted.
        """
        held = self.parameters | self.buffers
        tensors = [held[name] for name in self.tensor_names]
        if not tensors or any(one.device.type != "cpu" or one.dtype != self.dtype for one in tensors):
            return None
        if self.dtype not in DTYPES or torch.is_autocast_enabled("cpu"):
            return None
        assert self._layers is not None
        return DenseGradients(self._layers[0], tensors)

    def slopes(self, targets: Tensor) -> Callable[[Tensor], Tensor]:
        """A function of rows `(K, N, ...)` that returns the gradient of their cross-entropy.

        `targets` are classes `(K, N)`, or probabilities `(K, N, C)`: then it is also the gradient of the
        Kullback-Leibler divergence from these to what the models predict.
        """
        quick = self.gradients()
        if quick is not None:
            of_targets = cross_entropy_slope(targets)
            return lambda x: quick.in_rows(x, of_targets)
        frozen = self.frozen()

        def slopes(x: Tensor) -> Tensor:
            leaf = x.detach().requires_grad_(True)
            logits = frozen.each(leaf).flatten(0, 1).to(x.dtype)
            loss = functional.cross_entropy(logits, targets.flatten(0, 1), reduction="sum")
            (gradient,) = torch.autograd.grad(loss, leaf)
            return gradient

        return slopes

    def member(self, index: int) -> nn.Module:
        """Model `index` as a separate plain module, in eval mode."""
        model = copy.deepcopy(self.template)
        state = {name: tensor[index].detach().clone() for name, tensor in (self.parameters | self.buffers).items()}
        model.load_state_dict(state)
        return model

    def members(self) -> list[nn.Module]:
        """All K models, in order."""
        return [self.member(index) for index in range(len(self))]

    def frozen(self) -> ModelStack:
        """The same weights, shared and frozen: for the input's gradient only."""
        other = copy.copy(self)
        other.parameters = {name: tensor.detach() for name, tensor in self.parameters.items()}
        return other

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights, in which the stack also trains."""
        return next(iter(self.parameters.values())).dtype

    def to(self, device: torch.device | str | None = None, *, dtype: torch.dtype | None = None) -> ModelStack:
        """Move all weights, or convert them to another precision; returns the stack itself."""
        self.template.to(device=device, dtype=dtype)
        self.parameters = {
            name: tensor.detach().to(device=device, dtype=dtype) for name, tensor in self.parameters.items()
        }
        self.buffers = {
            # Buffers of whole numbers are counters.
            name: tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)
            for name, tensor in self.buffers.items()
        }
        return self

    def part(self, indices: Sequence[int]) -> ModelStack:
        """A stack of some of the models, in the order given; weights are copied."""
        other = copy.copy(self)
        other.template = copy.deepcopy(self.template)
        chosen = list(indices)
        other.parameters = {name: tensor.detach()[chosen] for name, tensor in self.parameters.items()}
        other.buffers = {name: tensor[chosen] for name, tensor in self.buffers.items()}
        return other

    @classmethod
    def joined(cls, stacks: Sequence[ModelStack]) -> ModelStack:
        """One stack of the models of several of one architecture, in order."""
        whole = stacks[0].part([])
        for name in whole.parameters:
            whole.parameters[name] = torch.cat([stack.parameters[name].detach() for stack in stacks])
        for name in whole.buffers:
            whole.buffers[name] = torch.cat([stack.buffers[name] for stack in stacks])
        return whole

    def save(self, path: Path) -> None:
        """Write the stacked weights as safetensors."""
        tensors = {
            name: tensor.detach().cpu().contiguous() for name, tensor in (self.parameters | self.buffers).items()
        }
        save_file(tensors, path)

    @classmethod
    def load(cls, path: Path, template: nn.Module) -> ModelStack:
        """Read a stack written by `save`; `template` gives the architecture.

        Raises
        ------
        FairtollError
            If the file is missing, is not safetensors, or holds another architecture.
        """
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise FairtollError(
                f"cannot read {path} as stacked weights ({error}); give a file of ModelStack.save"
            ) from error
        stack = cls([template])
        stack.template.to(dtype=next((tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()), None))
        models = next((len(tensor) for tensor in tensors.values() if tensor.ndim), 0)
        if {name: tensor.shape for name, tensor in tensors.items()} != {
            name: (models, *tensor.shape[1:]) for name, tensor in (stack.parameters | stack.buffers).items()
        }:
            raise FairtollError(f"{path} holds weights of another architecture; expected those of {template}")
        stack.parameters = {name: tensors[name] for name in stack.parameters}
        stack.buffers = {name: tensors[name] for name in stack.buffers}
        return stack


def strategy_of(model: nn.Module, device: str) -> str:
    """How stacks of such models run on a device: "dense", "vmap" or "loop".

    Examples
    --------
    >>> strategy_of(nn.Conv2d(1, 1, 3), "cpu")
    'loop'
    """
    if dense_chain(model) is not None:
        return "dense"
    return "loop" if device == "cpu" and has_convolution(model) else "vmap"


def has_convolution(model: nn.Module) -> bool:
    """Whether some layer is a convolution.

    Examples
    --------
    >>> has_convolution(nn.Linear(2, 2))
    False
    """
    return any(isinstance(module, nn.modules.conv._ConvNd) for module in model.modules())


def _stacked(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([state[name].detach() for state in states]) for name in states[0]}
