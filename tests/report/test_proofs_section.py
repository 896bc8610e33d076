"""The section on what is proved, the line on the first screen and the words of a finding, from results made by hand."""

import numpy as np
import torch
from torch import nn

from fairtoll import LinfThreat, audit
from fairtoll.data import Dataset
from fairtoll.findings.results import Results
from fairtoll.report.brief import proof_line
from fairtoll.report.detail import details
from fairtoll.report.sections.proofs import proofs
from fairtoll.report.sides import BY_PART

RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 2)).astype(np.float32)
DATA = Dataset(X, (X[:, 0] + 0.3 * RNG.normal(size=120) > 0).astype(int), ("no", "yes"))


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2))


def measured(**options):
    models = {"plain": network(0), "robust": network(1)}
    return audit(models, DATA, threat=LinfThreat(), epsilons=[0.1], **options).results


EXACT = measured(exact=True, least_epsilon_max=1.0)


def test_the_tables_hold_the_shares_of_the_results():
    section = proofs(EXACT)
    decided, groups, brackets = section.tables
    assert len(decided.rows) == 2
    for row, one in zip(decided.rows, [one for one in EXACT.proofs if not one.least_epsilon], strict=True):
        whole = one.groups[0]
        assert row[5:9] == [whole.broken, whole.proved, whole.within_rounding, whole.unknown]
        assert sum(row[5:9]) == 1.0
    assert {row[3] for row in groups.rows} == {"no", "yes"}
    assert all(row[5] <= row[6] for row in brackets.rows)
    (figure,) = section.figures
    assert {key.label for key in figure.key} >= {"broken", "proved robust"}


def test_the_first_screen_says_how_much_of_the_unbroken_is_proved():
    (line,) = proof_line(EXACT)
    assert "No stronger attack can break these." in line.text
    assert "sample" not in line.text
    some = EXACT.proofs[0].model_copy(update={"of": 1000, "settled": 0.5, "settled_interval": (0.4, 0.6)})
    (line,) = proof_line(EXACT.model_copy(update={"proofs": [some]}))
    assert "In a sample of 120 rows: plain 50.0% (95% interval from 40.0%)." in line.text
    nearly = EXACT.proofs[0].model_copy(update={"settled": 0.99996})
    (line,) = proof_line(EXACT.model_copy(update={"proofs": [nearly]}))
    assert "plain 99.9%." in line.text


def test_the_lead_says_whether_gaps_have_brackets():
    assert "leave each gap a bracket" in proofs(EXACT).lead
    some = [one.model_copy(update={"of": 1000}) for one in EXACT.proofs]
    sampled = proofs(EXACT.model_copy(update={"proofs": some})).lead
    assert "A sample of the rows" in sampled
    assert "bracket" not in sampled


def test_a_finding_says_between_which_values_its_gaps_lie():
    rate = next(one for one in EXACT.findings if one.metric == "cru_s")
    assert dict(details(rate, BY_PART))["What is proved"].startswith("every row is broken or proved robust")
    wide = rate.model_copy(update={"difference": rate.difference.model_copy(update={"proved": (-0.1, 0.3)})})
    assert "their difference within −10.00 to +30.00" in dict(details(wide, BY_PART))["What is proved"]
    clean = next(one for one in EXACT.findings if one.metric == "cau")
    assert "What is proved" not in dict(details(clean, BY_PART))


def test_results_without_proofs_have_no_section():
    assert proofs(EXACT.model_copy(update={"proofs": []})).empty
    assert proof_line(EXACT.model_copy(update={"proofs": []})) == []
    assert Results.model_validate_json(EXACT.model_dump_json()) == EXACT
