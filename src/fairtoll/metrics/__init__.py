"""The paper's definitions of unfairness, one file each, on plain arrays."""

from fairtoll.metrics._by_group import ByGroup as ByGroup
from fairtoll.metrics._by_group import group_means as group_means
from fairtoll.metrics._by_group import intersect as intersect
from fairtoll.metrics.accuracy import class_accuracy_unfairness as class_accuracy_unfairness
from fairtoll.metrics.accuracy import class_accuracy_unfairness_by_group as class_accuracy_unfairness_by_group
from fairtoll.metrics.equalized_odds import equalized_odds_rate_gap as equalized_odds_rate_gap
from fairtoll.metrics.equalized_odds import (
    equalized_odds_rate_gap_by_group as equalized_odds_rate_gap_by_group,
)
from fairtoll.metrics.equalized_odds import equalized_odds_unfairness as equalized_odds_unfairness
from fairtoll.metrics.equalized_odds import (
    equalized_odds_unfairness_by_group as equalized_odds_unfairness_by_group,
)
from fairtoll.metrics.leave_one_out import flip_rate as flip_rate
from fairtoll.metrics.leave_one_out import flips_per_model as flips_per_model
from fairtoll.metrics.leave_one_out import flips_per_row as flips_per_row
from fairtoll.metrics.leave_one_out import leave_one_out_unfairness as leave_one_out_unfairness
from fairtoll.metrics.leave_one_out import leave_one_out_unfairness_by_row as leave_one_out_unfairness_by_row
from fairtoll.metrics.robustness import censored_share_by_group as censored_share_by_group
from fairtoll.metrics.robustness import class_robustness_unfairness as class_robustness_unfairness
from fairtoll.metrics.robustness import (
    class_robustness_unfairness_by_group as class_robustness_unfairness_by_group,
)
from fairtoll.metrics.robustness import success_rate_unfairness as success_rate_unfairness
from fairtoll.metrics.robustness import success_rate_unfairness_by_group as success_rate_unfairness_by_group
