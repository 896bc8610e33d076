"""Many comparisons of one gate: Holm's procedure, and how often a gate fails where nothing is worse than its limit."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fairtoll import Evidence, audit_evidence
from fairtoll.findings import results
from fairtoll.findings.gate import GateRules, judge_gate
from fairtoll.findings.joint import Comparison, fail_together
from fairtoll.findings.spreads import interval_at
from fairtoll.report.gate import gate_markdown
from fairtoll.statistics import difference, group_intervals, mean_gap

PAIRS, ERROR, FREEDOM, MARGIN = 20, 0.02, 30.0, 0.01


def holm(p_values, level):
    """The definition: the i-th smallest is rejected while it and all before are at most level / (m - i + 1)."""
    rejected = np.zeros(len(p_values), bool)
    for place, index in enumerate(np.argsort(p_values)):
        if p_values[index] > level / (len(p_values) - place):
            break
        rejected[index] = True
    return rejected.tolist()


def test_it_is_holms_procedure():
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(300):
        scores = generator.normal(size=generator.integers(1, 12)) + generator.choice([0, 3], 1)

        def of(score):
            def ends(confidence):
                reach = stats.norm.ppf((1 + confidence) / 2)
                return score - reach, score + reach

            return Comparison(ends, 0.0, above=True)

        fails, _ = fail_together([of(score) for score in scores])
        assert fails == holm(stats.norm.sf(scores), 0.025)
        found += 0 < sum(fails) < len(fails)
    assert found > 50


def test_no_comparison_at_all():
    assert fail_together([]) == ([], 0.95)


GENERATOR = np.random.default_rng(1)
GROUPS = np.repeat(["a", "b", "c"], [300, 200, 60])
RATES = np.where(GROUPS == "b", 0.7, 0.9)


@pytest.mark.parametrize("runs", [1, 4])
@pytest.mark.parametrize("outcomes", ["rates", "numbers", "all right"])
def test_intervals_in_results_are_those_that_are_computed_at_another_confidence(runs, outcomes):
    values = {
        "rates": (GENERATOR.random((runs, 560)) < RATES).astype(float),
        "numbers": GENERATOR.gamma(2.0, 1 + RATES, (runs, 560)),
        "all right": np.ones((runs, 560)),
    }[outcomes]
    rates = outcomes != "numbers"
    given, wide = (group_intervals(values, GROUPS, rates=rates, confidence=one) for one in (0.95, 0.999))
    for name, one in given.items():
        spread = results.Spread(parts=list(one.spread.parts), wilson_rows=one.spread.wilson_rows)
        mean = float(values[:, name == GROUPS].mean())
        again = interval_at((one.low, one.high), mean, spread, confidence=0.999)
        np.testing.assert_allclose(again, (wide[name].low, wide[name].high), atol=1e-12)
        assert again[0] < one.low or again[1] > one.high
    if outcomes == "all right":
        return
    gaps = [mean_gap(values, GROUPS, rates=rates, confidence=one) for one in (0.95, 0.999)]
    spread = results.Spread(parts=list(gaps[0].interval.spread.parts), wilson_rows=None)
    low, high = interval_at((gaps[0].interval.low, gaps[0].interval.high), gaps[0].value, spread, confidence=0.999)
    np.testing.assert_allclose((max(low, 0.0), high), (gaps[1].interval.low, gaps[1].interval.high), atol=1e-12)
    other = (GENERATOR.random((runs, 560)) < 0.8).astype(float) if rates else GENERATOR.gamma(2.0, 1.0, (runs, 560))
    found = difference(values, other, GROUPS, rates=rates)
    spread = results.Spread(parts=list(found.spread.parts), wilson_rows=None)
    again = interval_at((found.interval.low, found.interval.high), found.value, spread, confidence=0.999)
    np.testing.assert_allclose(again, (found.interval_at(0.999).low, found.interval_at(0.999).high), atol=1e-12)


def predictions(*, rows, models, seed):
    """Models whose errors do not depend on the site, so that no gap by site is larger in one than in another."""
    generator = np.random.default_rng(seed)
    site, y = np.arange(rows) % 2, np.arange(rows) // 2 % 2
    frames = []
    for arm in ("before", "after"):
        for run in range(models):
            right = generator.random(rows) < 0.8
            p = np.where(right, y, 1 - y)
            frames.append(pd.DataFrame({"model": arm, "run": run, "row": range(rows), "y": y, "site": site, "p": p}))
    return pd.concat(frames)


def audited(frame, **options):
    evidence = Evidence.from_frame(
        frame, label="y", probabilities={1: "p"}, arm="model", seed="run", row="row", groups=["site"]
    )
    return audit_evidence(evidence, metrics=["cau"], partitions=["site"], **options).results


@pytest.fixture(scope="module")
def template():
    return audited(predictions(rows=80, models=PAIRS, seed=0), margins={"cau": MARGIN})


def drawn(template, generator):
    """The same with pairs whose true difference is the margin exactly: the worst that may not fail."""
    (finding,) = template.findings
    pairs = []
    shared = stats.t.rvs(FREEDOM, random_state=generator)  # all pairs are of the same rows
    for pair in finding.models.pairs:
        value = MARGIN + ERROR * (stats.t.rvs(FREEDOM, random_state=generator) if generator.random() < 0.7 else shared)
        reach = ERROR * stats.t.ppf(0.975, FREEDOM)
        verdict = "wider gap" if value - reach > MARGIN else "unclear"
        spread = results.Spread(parts=[(ERROR**2, FREEDOM)], wilson_rows=None)
        changed = {"value": value, "interval": (value - reach, value + reach), "verdict": verdict, "spread": spread}
        pairs.append(pair.model_copy(update={**changed, "confidence": 0.95}))
    models = finding.models.model_copy(update={"pairs": pairs})
    return template.model_copy(update={"findings": [finding.model_copy(update={"models": models})]})


def test_a_gate_of_many_pairs_fails_at_most_one_build_in_twenty(template):
    generator = np.random.default_rng(2)
    gates = [drawn(template, generator) for _ in range(500)]
    fails = sum(judge_gate(found, GateRules(["less-fair"])).status == 1 for found in gates)
    assert stats.binomtest(fails, len(gates)).proportion_ci().high <= 0.05
    # Each by itself, as if there were no others.
    alone = sum(any(pair.verdict == "wider gap" for pair in one.findings[0].models.pairs) for one in gates)
    assert stats.binomtest(alone, len(gates)).proportion_ci().low > 0.15


def test_what_fails_only_by_itself_is_undecided_and_the_gate_says_why(template):
    found = drawn(template, np.random.default_rng(2))
    (finding,) = found.findings
    pairs = [pair.model_copy(update={"verdict": "unclear"}) for pair in finding.models.pairs]
    reach = ERROR * stats.t.ppf(0.975, FREEDOM)

    def gate(value):
        first = pairs[0].model_copy(
            update={"value": value, "interval": (value - reach, value + reach), "verdict": "wider gap"}
        )
        models = finding.models.model_copy(update={"pairs": [first, *pairs[1:]]})
        changed = found.model_copy(update={"findings": [finding.model_copy(update={"models": models})]})
        return judge_gate(changed, GateRules(["less-fair"]))

    # One-sided at 0.025 / 20: 3.3 standard errors above the margin instead of 2.04.
    needed = MARGIN + ERROR * stats.t.isf(0.025 / PAIRS, FREEDOM)
    weak, strong = gate(needed - 1e-6), gate(needed + 1e-6)
    assert [(check.outcome, gate.status) for gate in (weak, strong) for check in gate.checks] == [
        ("undecided", 0), ("fails", 1),
    ]  # fmt: skip
    assert weak.checks[0].said.endswith("it would fail by itself, and may by chance among so many")
    # By Holm the others are judged at 1 - 0.05 / 19 once it has failed.
    assert "99.74% interval" in strong.checks[0].said
    assert "20 comparisons are judged together" in gate_markdown(strong)


def test_a_worst_group_is_held_by_every_group():
    """A group that is not the worst by its value may be the one that is shown to be below the limit."""
    right = {"few": (10, 5), "many": (2000, 1200), "most": (2000, 1900)}
    frame = pd.concat(
        pd.DataFrame({"y": 1, "site": name, "p": np.arange(rows) < good}) for name, (rows, good) in right.items()
    ).astype({"p": float})
    frame.loc[frame.index[:10], "y"] = 1
    frame = pd.concat([frame, frame.assign(y=0, p=1 - frame["p"])])
    evidence = Evidence.from_frame(frame, label="y", probabilities={1: "p"}, groups=["site"])
    found = audit_evidence(evidence, metrics=["cau"]).results
    gate = judge_gate(found, GateRules(thresholds={"worst-group/site": 0.7}))
    assert [(check.outcome, "'many'" in check.said) for check in gate.checks] == [("fails", True)]
    assert gate.comparisons == 3


@pytest.mark.slow
def test_whole_audits_of_many_equal_models_fail_at_most_one_build_in_twenty():
    fails = []
    for seed in range(150):
        found = audited(predictions(rows=300, models=PAIRS, seed=seed), margins={"cau": 0.0})
        fails.append(judge_gate(found, GateRules(["less-fair"])).status == 1)
    assert stats.binomtest(sum(fails), len(fails)).proportion_ci().low <= 0.05
