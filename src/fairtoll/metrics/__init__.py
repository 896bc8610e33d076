"""The paper's definitions of unfairness, one file each, on plain arrays; each with the record of its metric."""

from fairtoll.metrics._by_group import ByGroup as ByGroup
from fairtoll.metrics._by_group import group_means as group_means
from fairtoll.metrics._by_group import intersect as intersect
from fairtoll.metrics.accuracy import CAU as CAU
from fairtoll.metrics.accuracy import class_accuracy_unfairness as class_accuracy_unfairness
from fairtoll.metrics.accuracy import class_accuracy_unfairness_by_group as class_accuracy_unfairness_by_group
from fairtoll.metrics.certified_radius import RDI as RDI
from fairtoll.metrics.certified_radius import robustness_disparity_index as robustness_disparity_index
from fairtoll.metrics.certified_radius import robustness_disparity_index_by_group as robustness_disparity_index_by_group
from fairtoll.metrics.equalized_odds import EOU as EOU
from fairtoll.metrics.equalized_odds import EQUALIZED_ODDS_RATE as EQUALIZED_ODDS_RATE
from fairtoll.metrics.equalized_odds import equalized_odds_rate_gap as equalized_odds_rate_gap
from fairtoll.metrics.equalized_odds import equalized_odds_rate_gap_by_group as equalized_odds_rate_gap_by_group
from fairtoll.metrics.equalized_odds import equalized_odds_unfairness as equalized_odds_unfairness
from fairtoll.metrics.equalized_odds import equalized_odds_unfairness_by_group as equalized_odds_unfairness_by_group
from fairtoll.metrics.gini import normalized_robustness_gini as normalized_robustness_gini
from fairtoll.metrics.least_epsilon import CRU_EPSILON as CRU_EPSILON
from fairtoll.metrics.least_epsilon import CRU_EPSILON_RELATIVE as CRU_EPSILON_RELATIVE
from fairtoll.metrics.least_epsilon import censored_share_by_group as censored_share_by_group
from fairtoll.metrics.least_epsilon import class_robustness_unfairness as class_robustness_unfairness
from fairtoll.metrics.least_epsilon import class_robustness_unfairness_by_group as class_robustness_unfairness_by_group
from fairtoll.metrics.leave_one_out import LUF as LUF
from fairtoll.metrics.leave_one_out import LUF_FLIP_RATE as LUF_FLIP_RATE
from fairtoll.metrics.leave_one_out import changes_by_member as changes_by_member
from fairtoll.metrics.leave_one_out import flip_rate as flip_rate
from fairtoll.metrics.leave_one_out import flips_by_member as flips_by_member
from fairtoll.metrics.leave_one_out import flips_per_model as flips_per_model
from fairtoll.metrics.leave_one_out import flips_per_row as flips_per_row
from fairtoll.metrics.leave_one_out import leave_one_out_unfairness as leave_one_out_unfairness
from fairtoll.metrics.leave_one_out import leave_one_out_unfairness_by_row as leave_one_out_unfairness_by_row
from fairtoll.metrics.local_score import local_score as local_score
from fairtoll.metrics.metric import Metric as Metric
from fairtoll.metrics.success_rate import CRU_S as CRU_S
from fairtoll.metrics.success_rate import CRU_S_MATCHED as CRU_S_MATCHED
from fairtoll.metrics.success_rate import success_rate_unfairness as success_rate_unfairness
from fairtoll.metrics.success_rate import success_rate_unfairness_by_group as success_rate_unfairness_by_group
from fairtoll.metrics.worst_class import worst_class_robustness as worst_class_robustness

#: Every metric by its name, in the order of reports: a metric that is listed here is in findings and reports.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        CAU,
        CRU_EPSILON,
        CRU_EPSILON_RELATIVE,
        CRU_S,
        CRU_S_MATCHED,
        RDI,
        EOU,
        EQUALIZED_ODDS_RATE,
        LUF,
        LUF_FLIP_RATE,
    )
}
