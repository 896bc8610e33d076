"""Many classes: the page stays small, and says what it leaves to the tables."""

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence, audit_evidence
from fairtoll.report import render_html
from fairtoll.report.build import build
from fairtoll.report.sections.by_partition import MOST

CLASSES = [f"class {place:02d}" for place in range(40)]


@pytest.fixture(scope="module")
def results():
    draws = np.random.default_rng(0)
    rows = 40 * len(CLASSES)
    labels = draws.integers(0, len(CLASSES), rows)
    parts = []
    for arm, lift in (("plain", 3.0), ("hardened", 2.0)):
        scores = draws.normal(size=(rows, len(CLASSES)))
        scores[np.arange(rows), labels] += lift
        chances = np.exp(scores)
        part = pd.DataFrame(chances / chances.sum(axis=1, keepdims=True), columns=CLASSES)
        parts.append(part.assign(model=arm, y=np.array(CLASSES)[labels], site=np.where(np.arange(rows) % 2, "a", "b")))
    frame = pd.concat(parts, ignore_index=True)
    evidence = Evidence.from_frame(
        frame, label="y", probabilities={name: name for name in CLASSES}, arm="model", groups=["site"]
    )
    return audit_evidence(evidence).results


def test_a_figure_shows_the_questions_with_the_largest_changes_and_says_so(results):
    asked = [finding for finding in results.findings if finding.metric == "eou"]
    assert len(asked) == len(CLASSES)
    section = next(section for section in build(results) if section.anchor.startswith("confidence"))
    (figure,) = section.figures
    assert len(figure.panels) == MOST + 1
    assert figure.marks.startswith(f"{MOST} of {len(CLASSES)}: ")
    changes = sorted((abs(f.difference.value) for f in asked if f.difference), reverse=True)
    shown = {panel.title for panel in figure.panels}
    largest = next(f for f in asked if f.difference and abs(f.difference.value) == changes[0])
    assert f"true {largest.parameters.label}, {largest.parameters.target}" in shown


def test_long_tables_are_cut_on_the_page_and_whole_in_their_files(results):
    section = next(section for section in build(results) if section.anchor.startswith("confidence"))
    groups = next(table for table in section.tables if table.name.endswith("-groups"))
    assert len(groups.rows) == 2 * 2 * len(CLASSES)
    assert len(groups.to_csv().splitlines()) == 1 + len(groups.rows)
    page = render_html(results)
    assert f"The first 100 of {len(groups.rows)} rows" in page
    assert len(page.encode()) < 3_000_000
