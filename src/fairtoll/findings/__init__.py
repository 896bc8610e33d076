"""Auditing: the one place that goes all the way from models to verdicts."""

from fairtoll.evidence.target import Arm as Arm
from fairtoll.evidence.target import Target as Target
from fairtoll.findings.assemble import assemble as assemble
from fairtoll.findings.audit import audit as audit
from fairtoll.findings.audit import audit_again as audit_again
from fairtoll.findings.audit import audit_evidence as audit_evidence
from fairtoll.findings.audited import Audit as Audit
from fairtoll.findings.audited import findings_table as findings_table
from fairtoll.findings.questions import Attack as Attack
from fairtoll.findings.questions import Comparison as Comparison
from fairtoll.findings.questions import Question as Question
