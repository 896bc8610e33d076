"""Findings: from evidence and a plan to gaps with verdicts, alarms and the structure of `results.json`."""

from fairtoll.evidence.target import Arm as Arm
from fairtoll.evidence.target import Target as Target
from fairtoll.findings.assemble import assemble as assemble
from fairtoll.findings.compare import open_arms as open_arms
from fairtoll.findings.judged import Rules as Rules
from fairtoll.findings.questions import Attack as Attack
from fairtoll.findings.questions import Certificate as Certificate
from fairtoll.findings.questions import Comparison as Comparison
from fairtoll.findings.questions import Question as Question
