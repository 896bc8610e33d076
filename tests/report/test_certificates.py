"""The section on claimed radii: shown where there are claims, with the figures of the results."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence, audit_evidence
from fairtoll.evidence import Claimed
from fairtoll.report import render_html
from fairtoll.report.sections.certificates import certificates

ROWS = 60


@pytest.fixture(scope="module")
def results():
    """Two arms; the second claims a radius for a row that it misclassifies as it is."""
    generator = np.random.default_rng(0)
    label = np.arange(ROWS) % 3
    parts = []
    for arm, wrong in (("plain", False), ("smooth", True)):
        chances = np.eye(3)[label] * 0.7 + 0.1 + 0.01 * generator.random((ROWS, 1)) * [1, 0, -1]
        if wrong:
            chances[5] = np.roll(chances[5], 1)
        table = pd.DataFrame(chances, columns=["x", "y", "z"]).assign(arm=arm, label=np.array(["x", "y", "z"])[label])
        parts.append(table.assign(radius=0.25 * (1 + label) * (2 if wrong else 1)))
    evidence = Evidence.from_frame(
        pd.concat(parts), label="label", probabilities={name: name for name in "xyz"}, arm="arm",
        certified=[Claimed("radius", norm="l2", method="smoothing")],
    )  # fmt: skip
    return audit_evidence(evidence, minimum_rows=2).results


def rows_of(table):
    return list(csv.DictReader(io.StringIO(table.to_csv())))


def test_the_table_has_the_published_measures(results):
    """Class means .25, .5, .75 and twice that: RDI .5 and 1, WCR .25 and .5, NRGC 2/9 in both."""
    arms, classes = certificates(results).tables
    plain, smooth = rows_of(arms)
    for row, scale, broken in ((plain, 1, 0), (smooth, 2, 1)):
        assert float(row["wcr"]) == pytest.approx(0.25 * scale)
        assert float(row["rdi"]) == pytest.approx(0.5 * scale)
        assert float(row["nrgc"]) == pytest.approx(2 / 9)
        assert (row["worst_class"], row["claims"], row["broken"]) == ("x", str(ROWS), str(broken))
        assert float(row["low"]) <= float(row["rdi_corrected"]) <= float(row["high"])
    means = {(row["arm"], row["class"]): float(row["mean_radius"]) for row in rows_of(classes)}
    assert means["plain", "y"] == pytest.approx(0.5)
    assert means["smooth", "z"] == pytest.approx(1.5)


def test_the_page_shows_the_section_the_alarm_and_the_gap(results):
    page = render_html(results)
    assert 'id="certificates"' in page
    assert "1 of 60 radii that smoothing claims for smooth is broken" in page
    assert "row 5, claimed to 1.5, is misclassified as it is" in page
    assert 'id="rdi-1"' in page
    assert "smoothing, L2" in page


def test_without_claims_there_is_no_section(results):
    empty = results.model_copy(update={"certified": []})
    assert certificates(empty).empty
    assert 'id="certificates"' not in render_html(empty)
