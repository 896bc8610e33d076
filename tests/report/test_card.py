"""Model cards: what they say is what the results say, whatever the names are; Hugging Face's library reads them."""

import re

import pytest
import yaml
from huggingface_hub import ModelCard

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
