"""The measures of unfairness as exact numbers where rows are Gaussian and rules linear; numpy and scipy alone."""

from fairtoll.theory.best_rule import robust_rule, standard_rule
from fairtoll.theory.confidence import eou, mean_confidence
from fairtoll.theory.least_loss import least_loss_rule
from fairtoll.theory.least_squares import LeaveOneOut, leave_one_out, luf, noise_leave_one_out
from fairtoll.theory.model import Gaussians, Group
from fairtoll.theory.radius import censored_share, cru_epsilon, mean_least_epsilon
from fairtoll.theory.repair import Repair, repair
from fairtoll.theory.rule import LinearRule, least_epsilon, margins
from fairtoll.theory.static_copies import StaticCopies, static_copies
from fairtoll.theory.static_rule import static_rule
from fairtoll.theory.success import cau, cru_s, epsilon_at_rate, error, success_rate
from fairtoll.theory.variations import reweighted, with_groups

__all__ = [
    "Gaussians",
    "Group",
    "LeaveOneOut",
    "LinearRule",
    "Repair",
    "StaticCopies",
    "cau",
    "censored_share",
    "cru_epsilon",
    "cru_s",
    "eou",
    "epsilon_at_rate",
    "error",
    "least_epsilon",
    "least_loss_rule",
    "leave_one_out",
    "luf",
    "margins",
    "mean_confidence",
    "mean_least_epsilon",
    "noise_leave_one_out",
    "repair",
    "reweighted",
    "robust_rule",
    "standard_rule",
    "static_copies",
    "static_rule",
    "success_rate",
    "with_groups",
]
