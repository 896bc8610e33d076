"""Auditing: the one place that goes all the way from models to verdicts."""

from .assemble import assemble as assemble
from .audit import Audit as Audit
from .audit import audit as audit
from .audit import audit_evidence as audit_evidence
from .audit import findings_table as findings_table
from .collect import Arm as Arm
from .collect import Target as Target
from .questions import Attack as Attack
from .questions import Comparison as Comparison
from .questions import Question as Question
