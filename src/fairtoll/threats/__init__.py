"""Threats: what an adversary may change, in the units of the data."""

from fairtoll.threats.linf import LinfThreat as LinfThreat
from fairtoll.threats.table import movable as movable
from fairtoll.threats.table import table_threat as table_threat
