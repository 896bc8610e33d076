"""Nulls, intervals, differences and verdicts for gaps between groups, over training runs and test rows.

Nothing here knows what a metric means: an outcome is a number for each (training run, row).
"""

from fairtoll.statistics._groups import InsufficientDataError as InsufficientDataError
from fairtoll.statistics.changes import Change as Change
from fairtoll.statistics.changes import group_changes as group_changes
from fairtoll.statistics.contrast import Estimate as Estimate
from fairtoll.statistics.contrast import contrast as contrast
from fairtoll.statistics.contrast import paired_estimate as paired_estimate
from fairtoll.statistics.difference import Difference as Difference
from fairtoll.statistics.difference import difference as difference
from fairtoll.statistics.gap import Gap as Gap
from fairtoll.statistics.gap import mean_gap as mean_gap
from fairtoll.statistics.interval import Interval as Interval
from fairtoll.statistics.interval import bonferroni as bonferroni
from fairtoll.statistics.interval import gap_interval as gap_interval
from fairtoll.statistics.interval import group_intervals as group_intervals
from fairtoll.statistics.looks import LOOK_SHARE as LOOK_SHARE
from fairtoll.statistics.looks import LOOKS as LOOKS
from fairtoll.statistics.looks import Judgement as Judgement
from fairtoll.statistics.looks import Look as Look
from fairtoll.statistics.looks import judge as judge
from fairtoll.statistics.matched import Strengths as Strengths
from fairtoll.statistics.matched import level_range as level_range
from fairtoll.statistics.matched import matched_differences as matched_differences
from fairtoll.statistics.needed import Needed as Needed
from fairtoll.statistics.null import Null as Null
from fairtoll.statistics.null import null_gap as null_gap
from fairtoll.statistics.spread import Spread as Spread
from fairtoll.statistics.swap import SwapTest as SwapTest
from fairtoll.statistics.swap import swap_test as swap_test
from fairtoll.statistics.systematic import systematic_difference as systematic_difference
from fairtoll.statistics.verdict import MINIMUM_RUNS as MINIMUM_RUNS
from fairtoll.statistics.verdict import LevellingDown as LevellingDown
from fairtoll.statistics.verdict import ModelsVerdictKind as ModelsVerdictKind
from fairtoll.statistics.verdict import Verdict as Verdict
from fairtoll.statistics.verdict import VerdictKind as VerdictKind
from fairtoll.statistics.verdict import levelling_down as levelling_down
from fairtoll.statistics.verdict import state_models_verdict as state_models_verdict
from fairtoll.statistics.verdict import state_verdict as state_verdict
from fairtoll.statistics.worst import Worst as Worst
from fairtoll.statistics.worst import mean_worst as mean_worst
from fairtoll.statistics.worst import worst_difference as worst_difference
