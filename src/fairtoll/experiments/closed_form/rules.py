"""Trained linear models as the rules that formulas are about."""

from __future__ import annotations

from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.experiments.workspace import Workspace
from fairtoll.models.networks import Standardize
from fairtoll.models.smoothed import Smoothed
from fairtoll.theory import LinearRule

NOT_LINEAR = (
    "a model of {layers}; expected a layer that standardises and one linear layer with two outputs; train a "
    "DenseNetwork of depth 0 on two classes"
)


def rule_of(model: nn.Module) -> LinearRule:
    """The rule of a linear model in the units of its rows: the second class where ``weights . x + bias`` is above 0.

    The bias and weights are those of the difference of both logits, whose logistic is the model's confidence.

    Parameters
    ----------
    model : Module
        `Standardize` and one linear layer with two outputs; see `fairtoll.training.networks.DenseNetwork`.

    Raises
    ------
    FairtollError
        For any other model.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(Standardize(torch.tensor([1.0]), torch.tensor([2.0])), nn.Linear(1, 2))
    >>> _ = model[1].weight.data.copy_(torch.tensor([[-1.0], [1.0]])), model[1].bias.data.zero_()
    >>> rule = rule_of(model)
    >>> rule.weights.tolist(), rule.bias
    ([1.0], -1.0)
    """
    layers = list(model.children()) if isinstance(model, nn.Sequential) else [model]
    match layers:
        case [Standardize() as first, nn.Linear(out_features=2) as last]:
            pass
        case _:
            raise FairtollError(NOT_LINEAR.format(layers=", ".join(map(str, layers)) or "no layers"))
    mean, spread, weights, bias = (
        tensor.detach().cpu().double().numpy() for tensor in (first.mean, first.spread, last.weight, last.bias)
    )
    difference = (weights[1] - weights[0]) / spread
    return LinearRule(difference, float(bias[1] - bias[0] - difference @ mean))


def rules_of(workspace: Workspace, arm: str) -> list[list[LinearRule]]:
    """For each training run of a linear arm, the rules whose confidences its model averages: one but for smoothing.

    A smoothed model decides as the first of them, that of the row itself: its draws come in pairs of opposite sign, and
    the logistic is symmetric.
    """
    # Where the number of runs is decided on the way, not every block of every arm is trained.
    blocks = [seeds for seeds in workspace.blocks if (workspace.folder / workspace.model_path(arm, seeds)).exists()]
    return [_averaged(model) for seeds in blocks for model in workspace.arm(arm, seeds).models]


def _averaged(model: nn.Module) -> list[LinearRule]:
    if not isinstance(model, Smoothed):
        return [rule_of(model)]
    own, draws = rule_of(model.model), model.noise.detach().cpu().double().numpy()
    return [own, *(LinearRule(own.weights, float(own.bias + own.weights @ draw)) for draw in draws)]
