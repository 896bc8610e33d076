"""An opened finding: what these models show, the looks, what would decide, the systematic part."""

from example_parts import with_parts

from fairtoll.findings.results import Results
from fairtoll.report import render_html
from fairtoll.report.build import build
from fairtoll.report.detail import details
from fairtoll.report.sides import BY_PART


def test_every_look_is_listed_with_its_interval_and_verdict(example: Results) -> None:
    finding = next(f for f in example.findings if f.metric == "cau" and len(f.difference.path) > 1)
    looks = dict(details(finding, BY_PART))["Looks"].split("; ")
    assert len(looks) == len(finding.difference.path)
    for words, look in zip(looks, finding.difference.path, strict=True):
        assert words.startswith(f"{look.runs} runs: ")
        assert look.verdict in words
        assert f"{100 * abs(look.value):.2f}" in words


def test_what_would_decide_is_said_where_it_is_inconclusive(example: Results) -> None:
    for finding in example.findings:
        said = dict(details(finding, BY_PART)).get("What would decide")
        assert (said is not None) is (finding.verdict == "inconclusive")


def test_pairs_of_models_are_counted_and_one_pair_has_its_own_answer(example: Results, audit: Results) -> None:
    finding = example.findings[0]
    said = dict(details(finding, BY_PART))["These models"]
    assert f"of {len(finding.models.pairs)} pairs" in said
    for verdict, count in finding.models.shown.items():
        assert f"{count} {verdict}" in said
    (pair,) = audit.findings[0].models.pairs
    said = dict(details(audit.findings[0], BY_PART))["These models"]
    assert said.startswith(f"{pair.verdict}: ")
    assert "says nothing about the recipes" in said
    assert f"these models: {pair.verdict}" in render_html(audit)


def test_a_systematic_part_that_disagrees_says_what_it_means_for_a_deployment(example: Results) -> None:
    finding = next(f for f in example.findings if f.verdict == "less fair" and f.metric == "cau")
    assert "deployment" not in dict(details(finding, BY_PART))["Systematic part"]
    part = finding.difference.systematic.model_copy(update={"value": -0.01, "verdict": "inconclusive"})
    change = finding.difference.model_copy(update={"systematic": part})
    apart = finding.model_copy(update={"difference": change})
    assert "not always against the same group" in dict(details(apart, BY_PART))["Systematic part"]
    assert "not always against the same group" in render_html(with_parts(example, findings=[apart.model_dump()]))


def test_each_arm_has_its_matrix_of_where_attacked_rows_go(example: Results) -> None:
    shares = [[0.2, 0.8], [0.7, 0.3]]
    entry = {
        "arm": "static", "evaluation": "white-box", "threat": "paper", "epsilon": 10.0,
        "classes": example.dataset.classes, "rows": [30, 10], "shares": shares,
    }  # fmt: skip
    given = with_parts(example, attacked_into=[entry])
    section = next(section for section in build(given) if section.anchor == "attacked-into")
    (table,) = section.tables
    assert "Static adversarial" in table.caption
    titles = [column.title for column in table.columns]
    for row in table.rows:
        true = example.dataset.classes.index(row[0])
        for into, name in enumerate(example.dataset.classes):
            assert row[titles.index(f"{name}, %")] == shares[true][into]
