"""Threats: what an adversary may change, in the units of the data."""

from fairtoll.threats.any import Threat as Threat
from fairtoll.threats.l0 import L0Threat as L0Threat
from fairtoll.threats.l1 import L1Threat as L1Threat
from fairtoll.threats.l2 import L2Threat as L2Threat
from fairtoll.threats.linf import LinfThreat as LinfThreat
from fairtoll.threats.range_of import RangeOf as RangeOf
from fairtoll.threats.relations import Relation as Relation
from fairtoll.threats.table import movable as movable
from fairtoll.threats.table import table_threat as table_threat
from fairtoll.threats.table_threat import TableThreat as TableThreat
