"""Evidence: what every model said about every row, collected once and kept as tables on disk."""

from fairtoll.evidence.store import Evidence as Evidence
from fairtoll.evidence.target import Arm as Arm
from fairtoll.evidence.target import Target as Target
