"""The sections of the report, one a file: its prose, figures and tables. A section that is listed here is shown."""

from collections.abc import Callable

from fairtoll.findings.results import Results
from fairtoll.report.section import Section
from fairtoll.report.sections.accuracy import accuracy
from fairtoll.report.sections.adversary import adversary
from fairtoll.report.sections.attack_success import attack_success
from fairtoll.report.sections.attacked_into import attacked_into
from fairtoll.report.sections.certificates import certificates
from fairtoll.report.sections.class_accuracy import class_accuracy
from fairtoll.report.sections.closed_form.section import closed_form
from fairtoll.report.sections.confidence import confidence
from fairtoll.report.sections.detection import detection
from fairtoll.report.sections.evaluated import evaluated
from fairtoll.report.sections.examples import examples
from fairtoll.report.sections.frontier import frontier
from fairtoll.report.sections.gaps import gaps
from fairtoll.report.sections.groups import group_robustness
from fairtoll.report.sections.harms import harms
from fairtoll.report.sections.least_epsilon import least_epsilon
from fairtoll.report.sections.leave_one_out import leave_one_out
from fairtoll.report.sections.matched import matched
from fairtoll.report.sections.odds import odds
from fairtoll.report.sections.other_metrics import other_metrics
from fairtoll.report.sections.paper import against_the_paper
from fairtoll.report.sections.proofs import proofs
from fairtoll.report.sections.repairs import repairs
from fairtoll.report.sections.threats import other_threats
from fairtoll.report.sections.toll import toll
from fairtoll.report.sections.transfer import transfer

#: In the order of the page.
SECTIONS: tuple[Callable[[Results], Section | list[Section]], ...] = (
    evaluated,
    against_the_paper,
    closed_form,
    gaps,
    accuracy,
    class_accuracy,
    least_epsilon,
    attack_success,
    proofs,
    attacked_into,
    examples,
    confidence,
    odds,
    group_robustness,
    certificates,
    detection,
    other_metrics,
    other_threats,
    transfer,
    toll,
    leave_one_out,
    adversary,
)
#: Of a comparison of recipes: charts of every question by arm would be of dozens of arms. The list of findings has all.
OF_RECIPES: tuple[Callable[[Results], Section | list[Section]], ...] = (
    frontier,
    matched,
    harms,
    repairs,
    examples,
    certificates,
    detection,
    leave_one_out,
    adversary,
)
