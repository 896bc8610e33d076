"""Evidence: every model's outcome on every row, collected once and kept as tables on disk."""

from fairtoll.evidence.certificates import Claimed as Claimed
from fairtoll.evidence.certificates import describe_certificate as describe_certificate
from fairtoll.evidence.certify import Certify as Certify
from fairtoll.evidence.collect import collect as collect
from fairtoll.evidence.collect import craft as craft
from fairtoll.evidence.detect import Detect as Detect
from fairtoll.evidence.detections import describe_detection as describe_detection
from fairtoll.evidence.measures import Attacked as Attacked
from fairtoll.evidence.measures import Checks as Checks
from fairtoll.evidence.measures import Clean as Clean
from fairtoll.evidence.measures import Proofs as Proofs
from fairtoll.evidence.measures import Transfer as Transfer
from fairtoll.evidence.smoothing import read_smoothing as read_smoothing
from fairtoll.evidence.store import Evidence as Evidence
from fairtoll.evidence.target import Arm as Arm
from fairtoll.evidence.target import Target as Target
