"""The linear rules that are best for a radius of training: by loss, which training minimises, and by error."""

from __future__ import annotations

from functools import lru_cache

from fairtoll.theory import Gaussians, LinearRule, least_loss_rule, robust_rule


@lru_cache(maxsize=256)
def best_rules(model: Gaussians, epsilon: float) -> tuple[LinearRule, LinearRule]:
    """The rules with the least loss and with the least error for a radius; found once for each model.

    Examples
    --------
    >>> least_loss, least_error = best_rules(Gaussians([1.0], (1.0, 1.0)), 0.5)
    >>> round(least_loss.bias, 6) == least_error.bias == 0.0
    True
    """
    return least_loss_rule(model, epsilon), robust_rule(model, epsilon)
