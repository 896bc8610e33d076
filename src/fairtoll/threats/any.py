"""A threat of any norm, as a type."""

from __future__ import annotations

from fairtoll.threats._features import Norm as Norm
from fairtoll.threats.l0 import L0Threat
from fairtoll.threats.l1 import L1Threat
from fairtoll.threats.l2 import L2Threat
from fairtoll.threats.linf import LinfThreat
from fairtoll.threats.table_threat import TableThreat

#: What an audit measures inside.
AuditedThreat = LinfThreat | TableThreat
#: What an attack that knows its own norm can be given.
Threat = AuditedThreat | L2Threat | L1Threat | L0Threat
