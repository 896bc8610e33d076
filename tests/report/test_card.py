"""Model cards: what they say is what the results say, whatever the names are; Hugging Face's library reads them."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard

from fairtoll import Evidence, audit_evidence
from fairtoll.errors import FairtollError
from fairtoll.report import render_card, render_model_index


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def tables(text):
    """Each Markdown table as rows of cells."""
    found, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(cells(line))
        elif rows:
            found.append(rows)
            rows = []
    return found


def arms(results):
    return [arm.name for arm in results.arms]


def test_every_accuracy_of_the_arm_is_a_row(example):
    for arm in arms(example):
        own = [entry for entry in example.accuracy if entry.arm == arm]
        (head, _, *rows), *_ = tables(render_card(example, arm=arm))
        found = [float(row[head.index("Accuracy, %")]) for row in rows]
        assert found == [pytest.approx(100 * entry.mean, abs=0.05) for entry in own]


def test_gaps_and_verdicts_are_those_of_the_findings(example):
    found = example.findings[0]
    text = render_card(example, arm=found.robust.arm)
    *_, (head, _, *rows) = tables(text)
    assert found.verdict in rows[0][-1]
    assert f"{100 * found.robust.value:.2f}" == rows[0][head.index("Value")].replace("\N{MINUS SIGN}", "-")
    assert "Verdict" in head[-1]
    # The standard arm is what others are compared with: it has no verdict of its own.
    *_, (head, _, *rows) = tables(render_card(example, arm=found.standard.arm))
    assert not any("Verdict" in title for title in head)


def evidence_of(right):
    """Evidence of models by name: how many of the 500 rows of each of two sites each classifies correctly."""
    parts = []
    for arm, counts in right.items():
        hit = np.concatenate([np.arange(500) < count for count in counts])
        y = np.tile([0, 1], 500)
        p = np.where(hit, y, 1 - y) * 0.8 + 0.1
        parts.append(pd.DataFrame({"arm": arm, "y": y, "p": p, "site": np.repeat(["north", "south"], 500)}))
    return Evidence.from_frame(pd.concat(parts), label="y", groups=["site"], probabilities={1: "p"}, arm="arm")


def rows_by_gap(text):
    *_, (head, _, *rows) = tables(text)
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_two_single_models_have_the_verdict_on_these_models():
    results = audit_evidence(evidence_of({"before": (450, 450), "after": (480, 300)})).results
    text = render_card(results, arm="after")
    row = rows_by_gap(text)["CAU by site"]
    said = row["Verdict on these two models, against before"]
    # 96% against 60%: 36 points, beside none of the other model.
    assert row["Plain"] == "36.00"
    word, change, low, high = re.fullmatch(r"([a-z ]+): \+([\d.]+) \(\+([\d.]+) to \+([\d.]+)\)", said).groups()
    assert word == "wider gap"
    assert 28 < float(low) < float(change) < float(high) < 45
    assert "inconclusive" not in text
    assert "says nothing about how they were trained" in text
    # By class and by site: two comparisons of one metric.
    assert "Intervals of differences are wider than 95%" in text


def test_one_model_alone_has_its_gaps():
    text = render_card(audit_evidence(evidence_of({"only": (480, 300)})).results)
    row = rows_by_gap(text)["CAU by site"]
    assert (row["Plain"], row["Worst group"], row["Its value"]) == ("36.00", "south", "60.0%")
    assert row["Verdict"] == "above margin"
    assert 0 < float(row["By chance"]) < 36
    assert "two trained models" not in text


def test_alarms_of_the_arm_are_said_first(example):
    for arm in arms(example):
        fired = {one.title.rstrip(".") for one in example.alarms if one.fired and one.arm == arm}
        text = render_card(example, arm=arm)
        assert text.count("**Warning: ") == len(fired)
        if fired:
            assert text.index("**Warning: ") < text.index("**Accuracy**")


def test_hostile_names_open_no_html_and_no_cell(audit):
    for arm in arms(audit):
        text = render_card(audit, arm=arm)
        assert "<script" not in text
        assert "<b>" not in text
        for head, rule, *rows in tables(text):
            assert {len(head)} == {len(rule), *(len(row) for row in rows)}


def test_which_evaluations_can_say_what(example):
    text = render_card(example, arm=arms(example)[0])
    for evaluation, words in (("white-box", "*White-box*"), ("static-transfer", "*Static transfer*")):
        measured = any(entry.evaluation == evaluation for entry in example.accuracy if entry.arm == arms(example)[0])
        assert (words in text) == measured


@pytest.mark.parametrize("which", ["example", "audit"])
def test_hugging_face_reads_the_metadata(which, request):
    results = request.getfixturevalue(which)
    for arm in arms(results):
        own = [entry for entry in results.accuracy if entry.arm == arm]
        if not own:
            continue
        text = f"{render_model_index(results, arm=arm, model='a: model')}\n{render_card(results, arm=arm)}"
        card = ModelCard(text)
        assert card.data.model_name == "a: model"
        assert {one.dataset_name for one in card.data.eval_results} == {results.dataset.title or results.dataset.name}
        values = [one.metric_value for one in card.data.eval_results if one.metric_type.endswith("accuracy")]
        assert values == [pytest.approx(entry.mean, abs=1e-6) for entry in own]
        assert card.text.strip().startswith("## Fairness and robustness")


def test_the_metadata_are_plain_yaml(example):
    block = render_model_index(example, arm=arms(example)[1], task="image-classification").split("---")[1]
    ((index,),) = yaml.safe_load(block).values()
    assert index["results"][0]["task"] == {"type": "image-classification"}
    names = [metric["name"] for metric in index["results"][0]["metrics"]]
    assert len(names) == len(set(names))


def test_one_arm_is_named(example):
    with pytest.raises(FairtollError, match="no arm is named; expected one of"):
        render_card(example)
    with pytest.raises(FairtollError, match="arm is 'other'; expected one of"):
        render_model_index(example, arm="other")
