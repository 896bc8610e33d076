"""The measures of unfairness as exact numbers where rows are Gaussian and rules linear; numpy and scipy alone."""

from fairtoll.theory.best_rule import robust_rule, standard_rule
from fairtoll.theory.confidence import eou, mean_confidence
from fairtoll.theory.model import Gaussians, Group
from fairtoll.theory.radius import censored_share, cru_epsilon, mean_least_epsilon
from fairtoll.theory.rule import LinearRule, least_epsilon, margins
from fairtoll.theory.success import cau, cru_s, error, success_rate

__all__ = [
    "Gaussians",
    "Group",
    "LinearRule",
    "cau",
    "censored_share",
    "cru_epsilon",
    "cru_s",
    "eou",
    "error",
    "least_epsilon",
    "margins",
    "mean_confidence",
    "mean_least_epsilon",
    "robust_rule",
    "standard_rule",
    "success_rate",
]
