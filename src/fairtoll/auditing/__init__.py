"""Auditing: the one place that goes all the way from models to verdicts."""

from fairtoll.auditing.assemble import assemble as assemble
from fairtoll.auditing.audit import audit as audit
from fairtoll.auditing.audit import audit_evidence as audit_evidence
from fairtoll.auditing.audited import Audit as Audit
from fairtoll.auditing.audited import findings_table as findings_table
from fairtoll.auditing.questions import Attack as Attack
from fairtoll.auditing.questions import Comparison as Comparison
from fairtoll.auditing.questions import Question as Question
from fairtoll.auditing.target import Arm as Arm
from fairtoll.auditing.target import Target as Target
