"""Findings from evidence made by hand: gaps, groups too small, both denominators, verdicts."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, equalized_odds_difference
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score

from fairtoll import Evidence, FairtollError, audit_evidence
from fairtoll.cli.report import rerender
from fairtoll.evidence.store import describe_attack
from fairtoll.findings import Attack, Comparison, Question
from fairtoll.findings.compare import answer, answer_all, open_arms
from fairtoll.findings.judged import Rules
from fairtoll.findings.results import GroupChange

UNION = Attack("white-box", "union", 1.0, "audit")
PAIR = Comparison("audit", "plain", "hardened")


def frame_of(blocks, *, runs=1):
    """Predictions from blocks (site, label, rows, right of plain, right of hardened): the first `right` are right."""
    parts = []
    for run in range(runs):
        for place, arm in enumerate(["plain", "hardened"]):
            for site, label, rows, *right in blocks:
                chances = np.where(np.arange(rows) < right[place], 0.9, 0.1)  # of the true class
                chances = chances - 0.001 * run  # no two training runs are alike
                yes = chances if label == "yes" else 1 - chances
                parts.append(pd.DataFrame({"model": arm, "run": run, "site": site, "y": label, "p": yes}))
    return pd.concat(parts, ignore_index=True)


def read(frame, groups=("site",)):
    return Evidence.from_frame(
        frame, label="y", probabilities={"yes": "p"}, groups=list(groups), arm="model", seed="run"
    )


BLOCKS = [
    ("north", "no", 40, 36, 38),
    ("north", "yes", 20, 10, 4),
    ("south", "no", 60, 45, 57),
    ("south", "yes", 80, 60, 72),
]


def find(results, metric, partition, label=None):
    return next(
        one
        for one in results.findings
        if (one.metric, one.parameters.partition, one.parameters.label) == (metric, partition, label)
    )


def test_accuracy_gaps_by_hand():
    results = audit_evidence(read(frame_of(BLOCKS))).results
    classes, sites = find(results, "cau", "class"), find(results, "cau", "site")
    # no: 81/100 and 95/100; yes: 70/100 and 76/100. north: 46/60 and 42/60; south: 105/140 and 129/140.
    assert classes.standard.plain == pytest.approx(0.81 - 0.70)
    assert classes.robust.plain == pytest.approx(0.95 - 0.76)
    assert sites.standard.plain == pytest.approx(46 / 60 - 105 / 140)
    assert sites.robust.plain == pytest.approx(129 / 140 - 42 / 60)
    assert (sites.robust.worst_group, sites.robust.best_group) == ("north", "south")
    assert sites.robust.worst_value == pytest.approx(42 / 60)
    assert [group.rows for group in sites.robust.groups] == [60, 140]
    assert sites.difference.plain == pytest.approx(sites.robust.plain - sites.standard.plain)


def test_accuracy_gaps_are_fairlearns():
    frame = frame_of(BLOCKS)
    results = audit_evidence(read(frame)).results
    for arm in ("plain", "hardened"):
        one = frame[frame["model"] == arm]
        predicted = np.where(one["p"] > 0.5, "yes", "no")
        for partition, column in (("class", "y"), ("site", "site")):
            expected = MetricFrame(
                metrics=accuracy_score, y_true=one["y"], y_pred=predicted, sensitive_features=one[column]
            ).difference(method="between_groups")
            finding = find(results, "cau", partition)
            value = finding.standard.plain if arm == "plain" else finding.robust.plain
            assert value == pytest.approx(expected)


def test_confidence_gaps_by_hand():
    results = audit_evidence(read(frame_of(BLOCKS))).results
    # Mean confidence of "yes" is 0.1 + 0.8 x share predicted "yes"; label "no": north 4/40, south 15/60 for plain.
    assert find(results, "eou", "site", "no").standard.plain == pytest.approx(0.8 * (15 / 60 - 4 / 40))
    assert find(results, "eou", "site", "yes").standard.plain == pytest.approx(0.8 * (60 / 80 - 10 / 20))
    assert find(results, "eou", "site", "yes").robust.plain == pytest.approx(0.8 * (72 / 80 - 4 / 20))


def test_rate_gaps_are_fairlearns():
    frame = frame_of(BLOCKS)
    evidence = read(frame)
    plan = [(PAIR, Question("equalized_odds_rate", "site", label=label, target="yes")) for label in ("no", "yes")]
    findings = answer_all(evidence, plan, dataset="hand")
    for role, arm in (("standard", "plain"), ("robust", "hardened")):
        one = frame[frame["model"] == arm]
        expected = equalized_odds_difference(
            (one["y"] == "yes").astype(int), (one["p"] > 0.5).astype(int), sensitive_features=one["site"]
        )
        assert max(getattr(finding, role).plain for finding in findings) == pytest.approx(expected)


def with_attack(evidence, successes):
    """The same evidence with a white-box union: `successes` is `(S, N)` by arm."""
    parts = [
        describe_attack(
            run, arm=arm, seed=seed, evaluation="white-box", threat="audit", attack="union", epsilon=1.0
        )
        for arm, runs in successes.items()
        for seed, run in enumerate(runs)
    ]  # fmt: skip
    return Evidence(evidence.rows, evidence.predictions, pd.concat(parts), evidence.class_names, evidence.about)


def test_both_denominators_by_hand():
    evidence = read(frame_of(BLOCKS))
    wrong = {arm: evidence.probabilities(arm).argmax(axis=2) != evidence.labels for arm in evidence.arms}
    # Each wrong row is a success; besides, the last five rows of each block of `plain`, all of them right or wrong.
    ends = np.concatenate([np.arange(rows) >= rows - 5 for _, _, rows, *_ in BLOCKS])
    attacked = with_attack(evidence, {"plain": wrong["plain"] | ends, "hardened": wrong["hardened"]})
    overall, among = (
        answer(attacked, PAIR, Question("cru_s", "site", UNION, denominator=denominator), dataset="hand")
        for denominator in ("all", "correct")
    )
    # plain, wrong: north 4 + 10 of 60, south 15 + 20 of 140. The ends are wrong already but for one row.
    assert [group.value for group in overall.standard.groups] == pytest.approx([15 / 60, 35 / 140])
    assert [group.value for group in among.standard.groups] == pytest.approx([1 / 46, 0])
    assert [group.rows for group in among.standard.groups] == [46, 105]
    assert among.robust.plain == 0
    assert overall.standard.worst_group in ("north", "south")
    assert (overall.robust.worst_group, overall.robust.best_group) == ("north", "south")  # more success is worse
    assert overall.parameters.denominator == "all"


def test_a_class_that_is_never_right_is_insufficient_among_the_right():
    evidence = read(frame_of([("north", "no", 40, 40, 40), ("north", "yes", 30, 0, 0)]), groups=())
    wrong = evidence.probabilities("plain").argmax(axis=2) != evidence.labels
    attacked = with_attack(evidence, {"plain": wrong, "hardened": wrong})
    finding = answer(attacked, PAIR, Question("cru_s", "class", UNION, denominator="correct"), dataset="hand")
    assert finding.verdict == "insufficient data"
    assert finding.difference is None
    assert finding.standard.value is None
    yes = finding.standard.groups[1]
    assert (yes.group, yes.value, yes.rows, yes.sufficient) == ("yes", None, 0, False)


SMALL = [*BLOCKS, ("island", "no", 5, 0, 0), ("island", "yes", 4, 0, 0)]


def test_a_group_that_is_too_small_is_shown_and_flagged_and_takes_no_part():
    finding = find(audit_evidence(read(frame_of(SMALL))).results, "cau", "site")
    island = finding.standard.groups[0]
    assert (island.group, island.rows, island.sufficient, island.value) == ("island", 9, False, 0.0)
    assert finding.standard.plain == pytest.approx(46 / 60 - 105 / 140)
    assert finding.standard.worst_group == "south"


def test_the_minimum_can_be_lowered():
    finding = find(audit_evidence(read(frame_of(SMALL)), minimum_rows=9).results, "cau", "site")
    assert finding.standard.groups[0].sufficient
    assert finding.standard.plain == pytest.approx(46 / 60)
    assert finding.standard.worst_group == "island"


def test_fewer_than_two_groups_are_insufficient_data_and_never_nought():
    blocks = [
        ("north", "no", 40, 36, 38),
        ("north", "yes", 40, 30, 30),
        ("south", "no", 5, 0, 5),
        ("south", "yes", 4, 4, 4),
    ]
    audited = audit_evidence(read(frame_of(blocks, runs=3)))
    finding = find(audited.results, "cau", "site")
    assert finding.verdict == "insufficient data"
    assert finding.reason == "fewer than two groups have enough rows to compare"
    assert finding.difference is None
    for arm in (finding.standard, finding.robust):
        assert (arm.value, arm.interval, arm.null_mean, arm.null_95, arm.plain) == (None,) * 5
        assert arm.per_run == [None] * 3
        assert [group.sufficient for group in arm.groups] == [True, False]
    row = audited.table().query("metric == 'cau' and partition == 'site'").iloc[0]
    assert np.isnan(row["difference"])
    assert row["verdict"] == "insufficient data"


def test_a_class_that_one_group_lacks():
    blocks = [("north", "no", 40, 36, 38), ("north", "yes", 40, 30, 30), ("south", "no", 50, 45, 45)]
    results = audit_evidence(read(frame_of(blocks))).results
    assert find(results, "eou", "site", "yes").verdict == "insufficient data"
    assert find(results, "eou", "site", "no").verdict == "inconclusive"


def test_a_group_without_rows_of_the_class_is_named_as_insufficient():
    blocks = [*BLOCKS, ("island", "no", 30, 20, 30)]
    finding = find(audit_evidence(read(frame_of(blocks))).results, "eou", "site", "yes")
    for arm in (finding.standard, finding.robust):
        assert [(one.group, one.rows, one.sufficient) for one in arm.groups] == [
            ("island", 0, False), ("north", 20, True), ("south", 80, True),
        ]  # fmt: skip
        assert (arm.groups[0].value, arm.groups[0].interval) == (None, None)
        assert arm.worst_group != "island"
    # The others are compared: as by hand.
    assert finding.standard.plain == pytest.approx(0.8 * (60 / 80 - 10 / 20))


def test_a_cell_of_two_attributes_without_rows_of_the_class_is_named_as_insufficient():
    frame = frame_of([("north", "no", 40, 30, 30), ("north", "yes", 40, 30, 30), ("south", "no", 40, 30, 30)])
    frame["age"] = np.where(np.arange(len(frame)) % 2, "old", "young")
    found = audit_evidence(read(frame, groups=("site", "age")), partitions=["site & age"]).results
    groups = find(found, "eou", "site & age", "yes").robust.groups
    assert {one.group: (one.rows, one.sufficient) for one in groups} == {
        "north & old": (20, True), "north & young": (20, True),
        "south & old": (0, False), "south & young": (0, False),
    }  # fmt: skip


@pytest.mark.parametrize("partition", ["class", "site"])
def test_a_class_without_rows_is_named_as_insufficient(partition):
    full = read(frame_of(BLOCKS))
    predictions = full.predictions.assign(probability_2=np.float32(0.0))
    evidence = Evidence(full.rows, predictions, full.attacks, ("no", "yes", "maybe"), full.about)
    finding = answer(evidence, PAIR, Question("cau", partition), dataset="hand")
    assert finding.standard.plain == pytest.approx({"class": 0.11, "site": 46 / 60 - 105 / 140}[partition])
    if partition == "class":
        assert [(one.group, one.rows, one.sufficient, one.value) for one in finding.robust.groups] == [
            ("maybe", 0, False, None), ("no", 100, True, pytest.approx(0.95)), ("yes", 100, True, pytest.approx(0.76)),
        ]  # fmt: skip


def random_runs(gaps, *, rows=20_000, runs=8):
    """Two arms of independent rows with the given gap between two sites."""
    generator = np.random.default_rng(11)
    site = np.arange(rows) % 2
    parts = []
    for arm, gap in zip(("plain", "hardened"), gaps, strict=True):
        for run in range(runs):
            right = generator.random(rows) < np.where(site, 0.8, 0.8 - gap)
            parts.append(
                pd.DataFrame(
                    {"model": arm, "run": run, "site": np.array(["north", "south"])[site], "y": "yes",
                     "p": np.where(right, 0.9, 0.1)}
                )
            )  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    frame.loc[frame.index % rows < 100, ["y", "p"]] = ["no", 0.1]  # the same hundred rows of a second class in each run
    return read(frame)


@pytest.mark.parametrize(
    ("gaps", "rows", "verdict"),
    [
        ((0.05, 0.15), 20_000, "less fair"),
        ((0.15, 0.05), 20_000, "fairer"),
        ((0.10, 0.10), 80_000, "equivalent"),
        ((0.10, 0.11), 20_000, "inconclusive"),
    ],
)
def test_verdicts_on_gaps_that_are_known(gaps, rows, verdict):
    finding = answer(random_runs(gaps, rows=rows), PAIR, Question("cau", "site"), dataset="hand")
    assert finding.verdict == verdict
    low, high = finding.difference.interval
    assert low <= gaps[1] - gaps[0] <= high
    if verdict == "fairer":
        assert finding.levelling_down is None


def test_one_run_never_tells():
    finding = answer(random_runs((0.05, 0.25), runs=1), PAIR, Question("cau", "site"), dataset="hand")
    assert finding.verdict == "inconclusive"
    assert finding.reason.startswith("one training run: ")


def test_a_smaller_gap_because_the_best_fell_is_said():
    blocks = [("north", "yes", 100, 95, 70), ("south", "yes", 100, 70, 65), ("south", "no", 20, 10, 10)]
    finding = answer(read(frame_of(blocks)), PAIR, Question("cau", "site", label="yes"), dataset="hand")
    found = finding.levelling_down
    assert (found.standard_gap, found.robust_gap) == pytest.approx((0.25, 0.05))
    assert found.best == GroupChange(group="north", standard=0.95, robust=0.7)
    assert found.worst == found.robust_worst == GroupChange(group="south", standard=0.7, robust=0.65)


def test_confidence_is_widened_over_the_family():
    evidence = read(frame_of(BLOCKS))
    plan = [(PAIR, Question("cau", partition)) for partition in ("class", "site")]
    plan += [(PAIR, Question("eou", "site", label="yes", target="yes"))]
    found = answer_all(evidence, plan, dataset="hand")
    assert [one.difference.confidence for one in found] == pytest.approx([0.975, 0.975, 0.95])


def test_published_values_stand_beside_the_gap_and_the_groups():
    published = {"standard": 0.1, "robust": 0.2, "note": "Table IX", ("standard", "north"): 0.7}
    finding = answer(read(frame_of(BLOCKS)), PAIR, Question("cau", "site"), dataset="hand", published=published)
    assert (finding.published.standard, finding.published.robust, finding.published.note) == (0.1, 0.2, "Table IX")
    assert [group.published for group in finding.standard.groups] == [0.7, None]
    assert [group.published for group in finding.robust.groups] == [None, None]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Question("fairness", "site"), "unknown metric 'fairness'; expected one of cau, cru_epsilon, "),
        (Question("luf", "site"), "unknown metric 'luf'; expected one of cau, cru_epsilon, "),
        (Question("cau", "site", denominator="correct"), "cau has the denominator 'correct'; expected none"),
        (Question("cau", "site", target="yes"), "cau has the target yes; expected none"),
        (Question("eou", "site", target="yes", rate=0.5), "eou has the rate 0.5; expected none"),
        (Question("cru_s", "site", UNION, denominator="half"), "denominator 'half'; expected 'all' or 'correct'"),
        (Question("cau", "sex"), "unknown attribute 'sex'; expected one of: class, site"),
        (Question("cau", "site & sex"), "unknown attribute 'sex'"),
        (Question("eou", "site", label="maybe", target="yes"), "unknown class 'maybe'; the data has no, yes"),
        (Question("eou", "site", label="yes", target="maybe"), "unknown class 'maybe'"),
        (Question("eou", "site", label="yes"), "eou needs a target class"),
        (Question("cru_s", "site"), "cru_s needs an attack"),
        (Question("cru_s", "site", UNION), "no evidence for arm 'plain'"),
        (Question("eou", "site", UNION, target="yes"), "no evidence for arm 'plain'"),
    ],
)
def test_a_question_that_the_evidence_cannot_answer(question, message):
    with pytest.raises(FairtollError, match=message):
        answer(read(frame_of(BLOCKS)), PAIR, question, dataset="hand")


def test_an_audit_of_predictions_is_saved_and_computed_again(tmp_path, monkeypatch):
    monkeypatch.setattr("fairtoll.report.write_report", lambda document, folder: None)
    audit_evidence(read(frame_of(SMALL, runs=2)), minimum_rows=9).save(tmp_path)
    results = (tmp_path / "results.json").read_bytes()
    (tmp_path / "results.json").write_bytes(results.replace(b"island", b"Island"))
    rerender(tmp_path)
    assert (tmp_path / "results.json").read_bytes() == results


def test_a_comparison_without_a_group_of_enough_rows_is_insufficient_data():
    finding = answer(
        read(frame_of([("north", "no", 4, 4, 4), ("north", "yes", 3, 0, 1)])),
        PAIR,
        Question("cau", "class"),
        dataset="hand",
    )
    assert (finding.verdict, finding.difference, finding.models) == ("insufficient data", None, None)
    assert [group.rows for group in finding.robust.groups] == [4, 3]


def test_the_value_shown_is_the_value_judged():
    """In every arm and run, and through a control with fewer groups."""
    generator = np.random.default_rng(3)
    frame = frame_of(BLOCKS, runs=4)
    frame["p"] = np.clip(frame["p"] + generator.normal(0, 0.3, len(frame)), 0, 1)
    evidence = read(frame)
    for paired in (False, True):
        for partition in ("class", "site", "class & site"):
            found = answer(evidence, PAIR, Question("cau", partition), dataset="hand", rules=Rules(paired=paired))
            change = found.difference
            assert change.value == change.robust - change.standard
            assert (change.standard, change.robust) == (found.standard.value, found.robust.value)
            assert found.standard.value == pytest.approx(np.mean(found.standard.per_run))
            assert found.robust.plain == pytest.approx(np.mean(found.robust.plain_per_run))
            assert change.plain == pytest.approx(found.robust.plain - found.standard.plain)
            assert change.path[-1].value == change.value
            assert len(found.models.pairs) == 4


def test_families_count_what_is_judged():
    with_control = Comparison("audit", "plain", "hardened", control="plain")
    plan = [(with_control, Question("cau", "class")), (PAIR, Question("cau", "site"))]
    found = answer_all(read(frame_of(BLOCKS, runs=3)), plan, dataset="hand")
    assert [finding.family for finding in found] == [3, 3]
    assert found[0].difference.confidence == pytest.approx(1 - 0.05 / 3)
    assert found[0].verdict_from_control is not None


def sequence(runs, *, shift):
    """Runs in which the hardened model is right `shift` less often in the south, give or take a little each run."""
    generator = np.random.default_rng(11)
    parts = []
    for run in range(runs):
        for arm, less in (("plain", 0.0), ("hardened", shift)):
            right = generator.random(800) < np.where(np.arange(800) < 400, 0.9, 0.9 - less)
            site = np.where(np.arange(800) < 400, "north", "south")
            p = np.where(right, 0.9, 0.1) - 0.001 * run
            parts.append(pd.DataFrame({"model": arm, "run": run, "site": site, "y": "yes", "p": p}))
    frame = pd.concat(parts, ignore_index=True)
    return Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, groups=["site"], arm="model", seed="run")


def test_a_decided_comparison_keeps_its_verdict_and_values_when_runs_are_added():
    plan = [(PAIR, Question("cau", "site"))]
    rules = Rules(sequential=True, paired=True)
    five, twenty = sequence(5, shift=0.5), sequence(20, shift=0.5)
    first, later = (answer_all(evidence, plan, dataset="hand", rules=rules)[0] for evidence in (five, twenty))
    assert (first.verdict, first.runs, later.runs) == ("less fair", 5, 5)
    assert later == first
    assert open_arms(five, plan, rules=rules) == ([], 1, 1)


def test_an_open_comparison_names_the_arms_that_it_needs_until_the_last_look():
    plan = [(PAIR, Question("cau", "site"))]
    rules = Rules(sequential=True, paired=True)
    arms, final, total = open_arms(sequence(5, shift=0.03), plan, rules=rules)
    found = answer_all(sequence(10, shift=0.03), plan, dataset="hand", rules=rules)[0]
    assert (arms, final, total) == (["plain", "hardened"], 0, 1)
    assert [look.runs for look in found.difference.path] == [5, 10]
    assert found.difference.confidence == pytest.approx(1 - 0.05 / 5)
    assert found.difference.needed.sentence


def test_one_run_shows_what_the_two_models_do():
    found = answer(sequence(1, shift=0.5), PAIR, Question("cau", "site"), dataset="hand")
    assert found.verdict == "inconclusive"
    assert found.models.shown == {"wider gap": 1}
    assert found.models.swap_p < 0.01
    assert "one training run" in found.reason


def test_each_group_has_its_change():
    found = answer(sequence(5, shift=0.5), PAIR, Question("cau", "site"), dataset="hand")
    assert [change.group for change in found.changes] == ["south", "north"]  # who loses most comes first
    south = found.changes[0]
    assert south.value == pytest.approx(south.robust - south.standard)
    assert south.interval[0] < -0.5 < south.interval[1]


def test_a_model_that_is_alone_in_its_arm_is_compared_with_every_other():
    frame = frame_of(BLOCKS, runs=4)
    evidence = read(frame[(frame["model"] == "hardened") | (frame["run"] == 0)])
    found = answer(evidence, PAIR, Question("cau", "site"), dataset="hand")
    assert [pair.run for pair in found.models.pairs] == ["0", "1", "2", "3"]
    assert {pair.standard for pair in found.models.pairs} == {found.models.pairs[0].standard}


@pytest.mark.parametrize(("right", "rows"), [(36, 40), (150, 400), (300, 400)])
def test_the_interval_of_an_accuracy_is_wilsons_for_one_run(right, rows):
    evidence = read(frame_of([("north", "no", rows, right, right), ("south", "yes", 1, 1, 1)]))
    found = next(entry for entry in audit_evidence(evidence).results.accuracy if entry.arm == "plain")
    wanted = binomtest(right + 1, rows + 1).proportion_ci(method="wilson")
    assert found.interval == pytest.approx((wanted.low, wanted.high), abs=0.01)
    assert found.interval[0] <= found.mean <= found.interval[1]
