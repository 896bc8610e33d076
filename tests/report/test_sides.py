"""The models of an audit have their own names everywhere; only an experiment's arms are the standard and the robust."""

import re

import numpy as np
import pandas as pd
import pytest
from example_audit import audit_results
from example_results import example_results

from fairtoll import Evidence, audit_evidence
from fairtoll.cli.display import print_summary
from fairtoll.findings.gate import GateRules, judge_gate
from fairtoll.report import render_card, render_html
from fairtoll.report.build import build
from fairtoll.report.gate import gate_markdown
from fairtoll.report.write import all_tables

#: "standard deviation", "robust accuracy" and the like are no models.
OF_MODELS = re.compile(r"\b(the |[−-] ?|>|minus |against )(standard|robust|hardened)\b(?! (accuracy|deviation))", re.I)


def audited(arms, *, runs=1, south=0.6):
    generator = np.random.default_rng(0)
    site, y = np.array(["north", "south"])[np.arange(1200) % 2], np.arange(1200) // 2 % 2
    frames = []
    for place, arm in enumerate(arms):
        for run in range(runs):
            share = np.where(site == "north", 0.9, 0.9 if place == 0 else south)
            right = generator.random(1200) < share
            p = np.where(right, 0.2 + 0.6 * y, 0.8 - 0.6 * y)
            frames.append(pd.DataFrame({"model": arm, "run": run, "row": range(1200), "y": y, "site": site, "p": p}))
    evidence = Evidence.from_frame(
        pd.concat(frames), label="y", probabilities={1: "p"}, arm="model", seed="run", row="row", groups=["site"]
    )
    return audit_evidence(evidence, metrics=["cau"]).results


def shown(results, capsys):
    """All faces: the page, its tables, the terminal, the card of each model, the gate."""
    print_summary(results)
    faces = {"page": re.sub(r"<script.*?</script>|<style.*?</style>", "", render_html(results), flags=re.S)}
    faces["tables"] = "\n".join(table.to_markdown() for table in all_tables(results, build(results)))
    faces["terminal"] = capsys.readouterr().out
    faces["cards"] = "\n".join(render_card(results, arm=arm.name) for arm in results.arms)
    faces["gate"] = gate_markdown(judge_gate(results, GateRules(["less-fair"])))
    return faces


CASES = {
    "two models, wider": {"arms": ["v1", "v2"]},
    "two models, none wider": {"arms": ["v1", "v2"], "south": 0.9},
    "three models": {"arms": ["v1", "v2", "v3"]},
    "recipes": {"arms": ["v1", "v2"], "runs": 3},
    "recipes, none wider": {"arms": ["v1", "v2"], "runs": 3, "south": 0.9},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_audits_models_have_their_own_names(case, capsys):
    faces = shown(audited(**case), capsys)
    for face, text in faces.items():
        assert [found.group() for found in OF_MODELS.finditer(text)] == [], face
        assert "hardening" not in text, face
    assert "v1" in faces["terminal"]
    page = faces["page"]
    if len(case["arms"]) == 2:
        assert "Differences are v2 minus v1" in page
        assert ">v2 − v1</th>" in page
        assert "v2 against v1" in page
    else:
        assert "Differences are other minus v1" in page
        assert 'data-label="v3 − v1"' in page


def test_a_hostile_name_stays_text():
    page = render_html(audit_results())
    assert "hard&lt;i&gt;ened minus plain" in page
    assert "hard<i>ened" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)


def test_an_experiments_arms_have_their_parts():
    page = render_html(example_results())
    assert "Differences are robust minus standard" in page
    assert ">Robust − standard</th>" in page


@pytest.mark.parametrize("runs", [1, 3])
def test_what_is_said_to_vary_is_what_varies(runs):
    page = render_html(audited(["v1", "v2"], runs=runs))
    meaning = page[page.index('id="meaning"') :].partition("</section>")[0]
    for words in ("mean over training runs", "Training runs and test rows both vary", "Systematic part"):
        assert (words in meaning) is (runs > 1), words
    assert ("Test rows alone vary" in meaning) is (runs == 1)
    assert "for the looks" not in meaning
    assert "Runs are added until" not in meaning
    alone = render_html(audited(["v1"], runs=runs))
    meaning = alone[alone.index('id="meaning"') :].partition("</section>")[0]
    assert ("mean over training runs" in meaning) is (runs > 1)
    assert "all models share" not in meaning
