"""What an attack sees of a model that is defended when it is deployed."""

from __future__ import annotations

from torch import nn


def attacked_form(model: nn.Module) -> nn.Module:
    """What an attacker who knows the defence attacks: the same classes, with gradients to follow.

    A defence whose own gradients say too little has a method `attacked_form` that returns it; any other model is
    attacked as it is.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> attacked_form(layer) is layer
    True
    """
    own = getattr(model, "attacked_form", None)
    return model if own is None else own()


def naive_form(model: nn.Module) -> nn.Module | None:
    """What an attacker who does not know the defence attacks: the same classes, with whatever gradients it leaves.

    None of a model without such a defence: it has no method `naive_form`.

    Examples
    --------
    >>> naive_form(nn.Linear(3, 2)) is None
    True
    """
    own = getattr(model, "naive_form", None)
    return None if own is None else own()
