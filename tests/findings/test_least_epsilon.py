"""Gaps of least epsilon against the metrics' definitions, their verdicts and margins, and the distributions."""

import numpy as np
import pytest
from example_radii import CLASSES, LARGEST, LEAST, PAIR, evidence_of, radii
from scipy import stats

from fairtoll import metrics
from fairtoll.findings import Question, assemble
from fairtoll.findings.assemble import accuracies
from fairtoll.findings.compare import answer, answer_all
from fairtoll.findings.least_epsilon import least_epsilons
from fairtoll.findings.results import Example
from fairtoll.metrics import METRICS
from fairtoll.statistics import difference

LABELS = np.arange(90) % 3
SITES = np.where(np.arange(90) < 40, "n", "s")
ARMS = {"plain": radii(0, runs=3), "hardened": radii(1, runs=3, scale=0.01, wrong=0.3)}


@pytest.fixture(scope="module")
def evidence():
    return evidence_of(ARMS)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("denominator", ["all", "correct"])
@pytest.mark.parametrize("partition", ["class", "site"])
def test_a_gap_is_the_metrics(evidence, relative, denominator, partition):
    question = Question(
        "cru_epsilon_relative" if relative else "cru_epsilon", partition, LEAST, denominator=denominator
    )
    finding = answer(evidence, PAIR, question, dataset="hand")
    for value in (finding.standard, finding.robust):
        by_run = [
            metrics.class_robustness_unfairness_by_group(
                LABELS,
                run,
                groups=SITES if partition == "site" else None,
                correct=run > 0 if denominator == "correct" else None,
                relative=relative,
                censored=run == LARGEST,
            )
            for run in ARMS[value.arm]
        ]
        assert value.plain_per_run == pytest.approx([one.gap for one in by_run])
        assert value.plain == pytest.approx(np.mean([one.gap for one in by_run]))
        means = np.mean([one.values for one in by_run], axis=0)
        assert [group.value for group in value.groups] == pytest.approx(list(means))
        names = [group.group for group in value.groups]
        assert names == (list(CLASSES) if partition == "class" else ["n", "s"])
        # More is better: the group that breaks first is the worst off.
        assert (value.worst_group, value.best_group) == (names[means.argmin()], names[means.argmax()])
    assert finding.parameters.attack == "least-epsilon"
    assert finding.parameters.denominator == denominator


def test_a_gap_at_a_matched_rate_is_the_metrics(evidence):
    finding = answer(evidence, PAIR, Question("cru_s_matched", "class", LEAST, rate=0.5), dataset="hand")
    for value in (finding.standard, finding.robust):
        expected = [
            metrics.success_rate_unfairness(LABELS, run <= np.quantile(run, 0.5, method="inverted_cdf"))
            for run in ARMS[value.arm]
        ]
        assert value.plain_per_run == pytest.approx(expected)
        assert np.mean([group.value for group in value.groups]) == pytest.approx(0.5)
    assert finding.parameters.matched_rate == 0.5
    assert finding.levelling_down is None
    assert finding.id == "audit/hardened/cru_s_matched/class/white-box/audit/least-epsilon/0.05/rate-0.5"


def test_margins(evidence):
    plan = [
        (PAIR, Question("cru_epsilon", "class", LEAST)),
        (PAIR, Question("cru_epsilon", "class", LEAST, denominator="correct")),
        (PAIR, Question("cru_epsilon", "class", LEAST, label="dog")),
        (PAIR, Question("cru_epsilon_relative", "class", LEAST)),
        (PAIR, Question("cru_s_matched", "class", LEAST, rate=0.5)),
    ]
    plain = ARMS["plain"]
    expected = [
        0.05 * plain.mean(),
        0.05 * np.mean([run[run > 0].mean() for run in plain]),
        0.05 * plain[:, LABELS == 1].mean(),
        0.05,
        0.01,
    ]
    assert [one.margin for one in answer_all(evidence, plan, dataset="hand")] == pytest.approx(expected)


def apart(*shifts, scale):
    """Four runs of least epsilons of about `scale`; dogs 0.5 of it above cats, emus by the arm's shift."""
    noise = np.random.default_rng(3).normal(0, 0.01, (2, 4, 90))
    means = [1 + 0.5 * (LABELS == 1) + shift * (LABELS == 2) for shift in shifts]
    return {arm: scale * (mean + own) for arm, mean, own in zip(("plain", "hardened"), means, noise, strict=True)}


@pytest.mark.parametrize("scale", [1e-3, 0.01])
@pytest.mark.parametrize(
    ("shifts", "verdict"),
    [((0.0, 1.0), "less fair"), ((1.0, 0.0), "fairer"), ((0.3, 0.3), "equivalent")],
)
def test_verdicts_on_gaps_that_are_known(shifts, verdict, scale):
    found = answer(
        evidence_of(apart(*shifts, scale=scale)), PAIR, Question("cru_epsilon", "class", LEAST), dataset="hand"
    )
    assert found.verdict == verdict
    low, high = found.difference.interval
    true = scale * (max(0.5, shifts[1]) - max(0.5, shifts[0]))
    assert low <= true <= high
    assert "not broken at the largest radius" not in found.reason


def test_relative_gaps_may_be_above_one():
    least = np.where(LABELS == 0, 0.03, 0.001) * np.random.default_rng(0).uniform(0.9, 1.1, (3, 90))
    finding = answer(
        evidence_of({"plain": radii(0, runs=3), "hardened": least}),
        PAIR,
        Question("cru_epsilon_relative", "class", LEAST),
        dataset="hand",
    )
    assert finding.robust.value > 2
    assert finding.robust.interval[1] > 2
    assert finding.difference.value > 1
    assert finding.difference.interval[1] > 1


def test_the_censored_share_stands_beside_the_verdict(evidence):
    finding = answer(evidence, PAIR, Question("cru_epsilon", "class", LEAST), dataset="hand")
    shares = {arm: f"{(values == LARGEST).mean():.2%}" for arm, values in ARMS.items()}
    assert finding.reason.endswith(
        f"; {shares['plain']} of the rows of 'plain' and {shares['hardened']} of 'hardened' are not broken at "
        "the largest radius and count with it"
    )


def test_published_values_stand_beside_the_gap_and_the_groups(evidence):
    published = {"standard": 0.0014, "robust": 0.005, ("robust", "dog"): 0.01}
    finding = answer(
        evidence, PAIR, Question("cru_epsilon", "class", LEAST), dataset="hand", published=published
    )  # fmt: skip
    assert (finding.published.standard, finding.published.robust) == (0.0014, 0.005)
    assert [group.published for group in finding.robust.groups] == [None, 0.01, None]


def test_levelling_down_of_least_epsilon():
    flat = {"plain": np.where(LABELS == 0, 0.04, 0.01) + 1e-6 * np.arange(90), "hardened": np.full(90, 0.008)}
    least = {arm: np.tile(values, (3, 1)) for arm, values in flat.items()}
    finding = answer(evidence_of(least), PAIR, Question("cru_epsilon", "class", LEAST), dataset="hand")
    assert finding.levelling_down.standard_gap == pytest.approx(0.03, abs=1e-4)
    assert finding.levelling_down.robust_gap == 0


def test_the_distribution_of_each_arm(evidence):
    found = least_epsilons(evidence)
    assert [one.arm for one in found] == ["plain", "hardened"]
    for one in found:
        values = ARMS[one.arm]
        assert (one.rows, one.epsilon_max, one.partition, one.attack) == (90, LARGEST, "class", "least-epsilon")
        assert one.mean == pytest.approx(values.mean())
        assert one.per_run == pytest.approx([run.mean() for run in values])
        assert one.sd == pytest.approx(np.std([run.mean() for run in values], ddof=1))
        assert len(one.epsilons) == 41
        assert (one.epsilons[0], one.epsilons[-1]) == (0.0, LARGEST)
        assert [group.group for group in one.groups] == ["all", *CLASSES]
        for group, member in zip(one.groups, [LABELS >= 0, *np.eye(3, dtype=bool)[:, LABELS]], strict=True):
            chosen = values[:, member].ravel()
            assert group.mean == pytest.approx(sum(chosen) / len(chosen))
            assert group.median == pytest.approx(np.quantile(chosen, 0.5))
            assert group.censored == pytest.approx(sum(chosen == LARGEST) / len(chosen))
            expected = [sum(value <= radius and value < LARGEST for value in chosen) for radius in one.epsilons]
            assert group.broken == pytest.approx([count / len(chosen) for count in expected])
            assert group.broken[-1] == pytest.approx(1 - group.censored)


def test_the_distribution_of_one_run_of_some_rows():
    rows = np.arange(0, 90, 3)  # cats alone
    (found,) = least_epsilons(evidence_of({"plain": radii(0, runs=1, rows=30)}, rows=rows))
    assert (found.sd, found.rows, [group.group for group in found.groups]) == (None, 30, ["all", "cat"])


def test_radii_of_single_precision_are_on_the_curve_where_they_belong():
    grid = np.linspace(0, LARGEST, 41)
    least = np.resize(np.float32(grid[1:4]), 90)[np.newaxis]
    (found,) = least_epsilons(evidence_of({"plain": least}))
    assert found.groups[0].broken[:5] == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])


def test_what_assemble_passes_on(evidence):
    example = Example(
        class_name="cat", role="easy class", arm="plain", row=3, epsilon=0.01, clean="data:,", adversarial="data:,",
        difference="data:,", magnification=20.0, clean_prediction="cat", clean_confidence=0.9,
        adversarial_prediction="dog", adversarial_confidence=0.8,
    )  # fmt: skip
    found = assemble(
        evidence,
        [(PAIR, Question("cru_epsilon", "class", LEAST))],
        title="t",
        question="q",
        threat="audit",
        configuration={},
        make_highlights=lambda findings, accuracy: [f"{len(findings)} gap, {len(accuracy)} accuracies"],
        cuts=["a tenth of the rows"],
        examples=[example],
    )
    assert found.highlights == ["1 gap, 2 accuracies"]
    assert found.cuts == ["a tenth of the rows"]
    assert found.examples == [example]
    assert found.least_epsilon == least_epsilons(evidence)


def test_a_search_for_least_epsilon_is_no_accuracy(evidence):
    found = accuracies(evidence, {})
    assert [(one.arm, one.evaluation) for one in found] == [("plain", "clean"), ("hardened", "clean")]
    assert found[0].mean == pytest.approx((ARMS["plain"] > 0).mean())


def test_a_model_that_is_stronger_everywhere_is_as_unfair_but_for_the_raw_gap():
    plain = radii(4, runs=3, censored=0.0)
    plain *= 0.01 / plain.max()
    evidence = evidence_of({"plain": plain, "hardened": 4 * plain})
    raw, relative, matched = (
        answer(evidence, PAIR, Question(metric, "class", LEAST, rate=rate), dataset="hand")
        for metric, rate in (("cru_epsilon", None), ("cru_epsilon_relative", None), ("cru_s_matched", 0.5))
    )
    assert raw.robust.plain == pytest.approx(4 * raw.standard.plain)
    assert relative.robust.plain == pytest.approx(relative.standard.plain)
    assert matched.robust.plain == pytest.approx(matched.standard.plain)
    for finding in (relative, matched):
        assert finding.difference.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("metric", ["cru_epsilon_relative", "cru_s_matched"])
def test_gaps_against_the_mean_of_the_same_rows_are_covered(metric):
    """The mean and the quantile are of the same rows and runs; intervals that take them as known still hold 0."""
    generator = np.random.default_rng(12)
    labels = np.repeat(np.arange(5), 80)
    factors = np.array([1.0, 1.0, 1.0, 1.0, 2.5])
    trials, covered, worse = 100, 0, 0
    for _ in range(trials):
        arms = []
        shared = generator.standard_normal(400)
        for strength in (0.002, 0.008):  # the hardened arm is stronger, by the same factor in every class
            own = np.sqrt(0.45) * (shared + generator.standard_normal(400))
            hard = own + np.sqrt(0.1) * generator.standard_normal((3, 400))
            moved = factors * np.exp(0.05 * generator.standard_normal((3, 5)))
            arms.append(np.where(generator.random(400) < 0.2, 0.0, strength * np.exp(hard)) * moved[:, labels])
        everyone, rate = np.ones(400, dtype=bool), {"rate": 0.6} if metric == "cru_s_matched" else {}
        outcome = METRICS[metric].outcome
        arms = [
            np.stack([outcome(least_epsilon=run, censored=~everyone, counted=everyone, **rate) for run in arm])
            for arm in arms
        ]
        interval = difference(*arms, labels, rates=metric == "cru_s_matched").interval
        covered += 0 in interval
        worse += interval.low > 0
    assert covered >= stats.binom.ppf(1e-4, trials, 0.93)
    assert trials - worse >= stats.binom.ppf(1e-4, trials, 0.95)
