"""Audits: a user's models and rows, along the whole line from the first attack to the report."""

from fairtoll.audits.audited import Audit as Audit
from fairtoll.audits.audited import findings_table as findings_table
from fairtoll.audits.from_evidence import audit_again as audit_again
from fairtoll.audits.from_evidence import audit_evidence as audit_evidence
from fairtoll.audits.from_models import audit as audit
from fairtoll.audits.releases import compare_releases as compare_releases
