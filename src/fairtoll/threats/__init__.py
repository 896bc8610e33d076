"""Threats: what an adversary may touch, in the units of the data."""

from fairtoll.threats.linf import LinfThreat as LinfThreat
