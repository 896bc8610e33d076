"""A threat of any norm, as a type."""

from fairtoll.threats._features import Norm as Norm
from fairtoll.threats.l0 import L0Threat
from fairtoll.threats.l1 import L1Threat
from fairtoll.threats.l2 import L2Threat
from fairtoll.threats.linf import LinfThreat

#: What an attack that knows its own norm can be given.
Threat = LinfThreat | L2Threat | L1Threat | L0Threat
