"""Which metrics an audit evaluates, with what margins, and what is recorded beside them."""

import json

import numpy as np
import pandas as pd
import pytest

from fairtoll.audits import audit_again, audit_evidence
from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence


def evidence():
    """Two models of 400 rows in two groups: the second is right less often for one of them."""
    rng = np.random.default_rng(0)
    site, y = np.array(["north", "south"])[np.arange(400) % 2], rng.integers(0, 2, size=400)
    frames = []
    for name, right in (("before", (0.9, 0.88)), ("after", (0.9, 0.7))):
        correct = rng.random(400) < np.where(site == "north", *right)
        frames.append(pd.DataFrame({"model": name, "y": y, "site": site, "p": np.where(correct, y, 1 - y)}))
    return Evidence.from_frame(pd.concat(frames), label="y", probabilities={1: "p"}, arm="model", groups=["site"])


def test_only_the_metrics_named_are_evaluated():
    found = audit_evidence(evidence(), metrics=["cau"]).results
    assert {finding.metric for finding in found.findings} == {"cau"}
    assert len(audit_evidence(evidence()).results.findings) > len(found.findings)


def test_a_margin_takes_the_place_of_the_metrics_own():
    """The true gaps are 2 and 20 points: wider by far more than 1 point, and by less than 90."""
    one = audit_evidence(evidence(), metrics=["cau"], partitions=["site"]).results.findings[0]
    wide = audit_evidence(evidence(), metrics=["cau"], partitions=["site"], margins={"cau": 0.9}).results.findings[0]
    assert (one.margin, wide.margin) == (0.01, 0.9)
    assert one.models.pairs[0].verdict == "wider gap"
    assert wide.models.pairs[0].verdict == "same gap"


def test_settings_are_recorded_and_what_was_left_out_is_on_the_first_screen(tmp_path):
    settings = {"rows": "test.csv", "cuts": ["200 of 400 rows"]}
    found = audit_evidence(evidence(), metrics=["cau"], margins={"cau": 0.02}, settings=settings)
    assert found.results.configuration["settings"] == settings
    assert found.results.cuts == ["200 of 400 rows"]
    assert audit_again(found.evidence, found.results.configuration).results == found.results
    found.save(tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["configuration"]["settings"]["rows"] == "test.csv"
    # Other settings do not make another audit.
    audit_evidence(evidence(), metrics=["cau"], margins={"cau": 0.02}, settings={"rows": "moved.csv"}).save(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["cua"]}, "metrics names 'cua'; did you mean 'cau'"),
        ({"metrics": []}, "metrics is empty"),
        ({"metrics": "cau"}, "expected a sequence of names"),
        ({"margins": {"cua": 0.1}}, "margins names 'cua'; did you mean 'cau'"),
        ({"margins": {"cau": -1}}, "the margin of cau is -1; expected 0 or more"),
        ({"margins": ["cau"]}, "expected margins by metric"),
    ],
)
def test_metrics_and_margins_that_are_wrong(options, message):
    with pytest.raises(FairtollError, match=message):
        audit_evidence(evidence(), **options)
