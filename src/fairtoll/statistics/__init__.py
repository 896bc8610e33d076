"""Nulls, intervals, differences and verdicts for gaps between groups, over training runs and test rows.

Nothing here knows what a metric means: an outcome is a number for each (training run, row).
"""

from fairtoll.statistics._groups import InsufficientDataError as InsufficientDataError
from fairtoll.statistics.difference import Difference as Difference
from fairtoll.statistics.difference import difference as difference
from fairtoll.statistics.interval import Interval as Interval
from fairtoll.statistics.interval import bonferroni as bonferroni
from fairtoll.statistics.interval import gap_interval as gap_interval
from fairtoll.statistics.interval import group_intervals as group_intervals
from fairtoll.statistics.null import Null as Null
from fairtoll.statistics.null import null_gap as null_gap
from fairtoll.statistics.swap import SwapTest as SwapTest
from fairtoll.statistics.swap import swap_test as swap_test
from fairtoll.statistics.verdict import MINIMUM_RUNS as MINIMUM_RUNS
from fairtoll.statistics.verdict import LevellingDown as LevellingDown
from fairtoll.statistics.verdict import Verdict as Verdict
from fairtoll.statistics.verdict import VerdictKind as VerdictKind
from fairtoll.statistics.verdict import levelling_down as levelling_down
from fairtoll.statistics.verdict import state_verdict as state_verdict
