"""What proofs mean for gaps: brackets, verdicts over the whole bracket, the table of what is proved, and alarms."""

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence
from fairtoll.errors import FairtollError
from fairtoll.evidence.refuted import largest_proved
from fairtoll.evidence.store import describe_attack, describe_least_epsilon, describe_predictions
from fairtoll.findings import Attack, Comparison, Question, Rules
from fairtoll.findings.alarms import raise_alarms
from fairtoll.findings.compare import answer
from fairtoll.findings.proofs import proofs

ROWS = 400
AUDIT = Comparison("audit", "standard", "robust")
EXACT = Attack("proved", "proof", 0.5, "audit")
SEARCH = Attack("white-box", "least-epsilon-proof", 1.0, "audit")
#: Class of each row, and which half of its class it is in.
LABELS = np.arange(ROWS) % 2


def evidence(*, broken, proved, rounding=None, least=None, low=None, runs=3, extra=()):
    """Two arms and some runs: which rows of each arm are broken and proved at 0.5, and their least epsilons."""
    predictions, attacks = [], []
    for arm in ("standard", "robust"):
        for seed in range(runs):
            chances = np.where(LABELS[:, None] == 1, [0.2, 0.8], [0.8, 0.2]) + 0.001 * seed * np.array([1, -1])
            predictions.append(describe_predictions(chances, arm=arm, seed=seed))
            where = {"arm": arm, "seed": seed, "threat": "audit"}
            attacks.append(
                describe_attack(
                    broken[arm], **where, evaluation="proved", attack="proof", epsilon=0.5,
                    proved=np.where(proved[arm], 0.5, 0.0),
                    within_rounding=None if rounding is None else rounding[arm],
                )
            )  # fmt: skip
            if least is not None:
                attacks.append(
                    describe_least_epsilon(
                        least[arm], least[arm] >= 1.0, **where, epsilon=1.0, attack="least-epsilon-proof",
                        proved=low[arm],
                    )
                )  # fmt: skip
    attacks += [describe_attack(success, **more) for success, more in extra]
    rows = pd.DataFrame({"row": np.arange(ROWS), "label": LABELS})
    return Evidence(rows, pd.concat(predictions), pd.concat(attacks, ignore_index=True), ("no", "yes"))


def attack(success, epsilon, *, name="pgd", arm="robust"):
    """The same white-box outcome in every run of an arm."""
    where = {"arm": arm, "threat": "audit", "evaluation": "white-box", "attack": name, "epsilon": epsilon}
    return [(success, where | {"seed": seed}) for seed in range(3)]


def share(first, second):
    """Rows broken: this share of each class."""
    place = np.arange(ROWS) // 2 / (ROWS / 2)
    return np.where(LABELS == 0, place < first, place < second)


def both(value):
    return {"standard": value, "robust": value}


def finding(found, metric, attack, **options):
    return answer(
        found,
        AUDIT,
        Question(metric, "class", attack, denominator="all"),
        dataset="made",
        rules=Rules(paired=True),
        **options,
    )


def test_where_every_row_is_broken_or_proved_the_gap_is_known():
    broken = {"standard": share(0.2, 0.2), "robust": share(0.2, 0.6)}
    found = finding(evidence(broken=broken, proved={arm: ~one for arm, one in broken.items()}), "cru_s", EXACT)
    assert found.robust.plain == pytest.approx(0.4)
    assert found.robust.proved == pytest.approx((found.robust.plain, found.robust.plain))
    assert found.difference.proved == pytest.approx((found.difference.plain, found.difference.plain))
    assert {group.group: group.proved for group in found.robust.groups} == {
        "no": pytest.approx((0.2, 0.2)), "yes": pytest.approx((0.6, 0.6)),
    }  # fmt: skip
    assert found.parameters.evaluation == "proved"
    assert found.verdict == "less fair"


def test_unknown_rows_widen_the_gap_the_interval_and_take_the_verdict():
    broken = {"standard": share(0.2, 0.2), "robust": share(0.2, 0.6)}
    certain = {arm: ~one for arm, one in broken.items()}
    known = finding(evidence(broken=broken, proved=certain), "cru_s", EXACT)
    # Of class "no" 45 in 100 of the hardened arm's rows are neither: its gap may be anything from 0 on.
    proved = certain | {"robust": certain["robust"] & ~share(0.65, 0.0)}
    found = finding(evidence(broken=broken, proved=proved), "cru_s", EXACT)
    assert found.difference.value == pytest.approx(known.difference.value)
    assert {group.group: group.proved for group in found.robust.groups}["no"] == pytest.approx((0.2, 0.65))
    low, high = found.robust.proved
    # Brute force over both ends of every class's mean.
    gaps = [abs(one - 0.6) for one in (0.2, 0.65)]
    assert low <= min(gaps)
    assert high >= max(gaps)
    assert found.difference.interval[0] == pytest.approx(known.difference.interval[0] - 0.45)
    assert found.difference.interval[1] == pytest.approx(known.difference.interval[1] + 0.45)
    assert known.verdict == "less fair"
    assert found.verdict == "inconclusive"
    assert "neither broken nor proved robust may move it by 45" in found.reason
    assert found.models.pairs[0].verdict == "unclear"


def test_any_gap_within_the_ends_lies_in_the_bracket():
    """The definition by brute force: move every group's mean anywhere between its ends."""
    generator = np.random.default_rng(0)
    for _ in range(20):
        cuts = np.sort(generator.random((2, 2)), axis=0)
        broken, unknown = share(*cuts[0]), share(*cuts[1])
        found = finding(evidence(broken=both(broken), proved=both(~unknown)), "cru_s", EXACT)
        low, high = found.robust.proved
        for first in np.linspace(cuts[0, 0], cuts[1, 0], 5):
            for second in np.linspace(cuts[0, 1], cuts[1, 1], 5):
                assert low - 1 / ROWS <= abs(first - second) <= high + 1 / ROWS  # shares are rounded to rows


def test_least_epsilon_has_its_bracket():
    least = {"standard": np.where(LABELS == 0, 0.4, 0.5), "robust": np.where(LABELS == 0, 0.4, 0.8)}
    low = {arm: one - 0.1 for arm, one in least.items()}
    broken = {arm: one <= 0.5 for arm, one in least.items()}
    found = evidence(broken=broken, proved={arm: low[arm] >= 0.5 for arm in low}, least=least, low=low)
    gap = finding(found, "cru_epsilon", SEARCH)
    assert gap.robust.value == pytest.approx(0.4)
    assert gap.robust.proved == pytest.approx((0.3, 0.5))
    assert {group.group: group.proved for group in gap.robust.groups} == {
        "no": pytest.approx((0.3, 0.4)), "yes": pytest.approx((0.7, 0.8)),
    }  # fmt: skip
    # True means anywhere within their brackets: the relative gap stays within its own.
    relative = finding(found, "cru_epsilon_relative", SEARCH)
    for first in (0.3, 0.4):
        for second in (0.7, 0.8):
            true = (second - first) / ((first + second) / 2)
            assert relative.robust.proved[0] <= true <= relative.robust.proved[1]


def test_a_proof_at_a_radius_is_a_lower_end_of_least_epsilon():
    least, low = both(np.full(ROWS, 0.9)), both(np.full(ROWS, 0.1))
    found = evidence(broken=both(share(0, 0)), proved=both(~share(0, 0)), least=least, low=low)
    assert (largest_proved(found, "robust", threat="audit", rows=np.arange(ROWS), runs=3) == 0.5).all()
    groups = finding(found, "cru_epsilon", SEARCH).robust.groups
    assert [group.proved for group in groups] == [pytest.approx((0.5, 0.9))] * 2


def test_the_table_of_what_is_proved():
    broken, near = share(0.2, 0.6), share(0.25, 0.6) & ~share(0.2, 0.6)
    proved = ~share(0.5, 0.7)
    found = proofs(evidence(broken=both(broken), proved=both(proved), rounding=both(near)))
    assert [(one.arm, one.epsilon, one.rows, one.of, one.runs) for one in found] == [
        ("standard", 0.5, 400, 400, 3), ("robust", 0.5, 400, 400, 3),
    ]  # fmt: skip
    groups = {(group.partition, group.group): group for group in found[0].groups}
    no, yes = groups["class", "no"], groups["class", "yes"]
    assert (no.broken, no.proved, no.within_rounding, no.unknown) == pytest.approx((0.2, 0.5, 0.05, 0.25))
    assert (yes.broken, yes.proved, yes.within_rounding, yes.unknown) == pytest.approx((0.6, 0.3, 0.0, 0.1))
    assert groups["all", "all"].proved == pytest.approx(0.4)
    assert found[0].settled == pytest.approx(0.8 / 1.2)
    assert found[0].settled_interval is None


def test_evidence_without_proofs_has_no_bracket():
    under = Attack("white-box", "pgd", 0.5, "audit")
    extra = [*attack(share(0.1, 0.3), 0.5, arm="standard"), *attack(share(0.1, 0.3), 0.5)]
    found = finding(evidence(broken=both(share(0, 0)), proved=both(share(0, 0)), extra=extra), "cru_s", under)
    assert found.robust.proved is None
    assert found.difference.proved is None
    assert found.robust.groups[0].proved is None
    with pytest.raises(FairtollError, match="pgd on 'robust' has no proved radii; expected one for each attacked row"):
        evidence(broken=both(share(0, 0)), proved=both(share(0, 0)), extra=extra).proved_radius(
            "robust", evaluation="white-box", threat="audit", attack="pgd", epsilon=0.5
        )


def test_a_proof_above_the_least_epsilon_is_refused():
    with pytest.raises(FairtollError, match=r"entry 1 is proved robust within 0\.3 and broken at 0\.2; expected"):
        describe_least_epsilon(
            [0.5, 0.2], [False, False], arm="a", seed=0, threat="audit", epsilon=1.0, proved=[0.4, 0.3]
        )


def alarms(found):
    return {alarm.id: alarm for alarm in raise_alarms(found, "robust", threat="audit")}


def test_a_proved_row_that_an_attack_broke_sets_off_an_alarm():
    broken = share(0.2, 0.2)
    quiet = evidence(broken=both(broken), proved=both(~broken), extra=attack(broken, 0.5))
    assert not alarms(quiet)["proof-contradicted"].fired
    # Broken at 0.4 though proved to 0.5: rows from 0.2 to 0.25 of each class, 20 in each run.
    loud = evidence(broken=both(broken), proved=both(~broken), extra=attack(share(0.25, 0.25), 0.4))
    alarm = alarms(loud)["proof-contradicted"]
    assert alarm.fired
    assert "60 of 960 proved rows were broken" in alarm.message


def test_rows_that_the_strongest_attack_missed():
    broken = share(0.2, 0.2)
    quiet = evidence(broken=both(broken), proved=both(~broken), extra=attack(broken, 0.5))
    assert not alarms(quiet)["rows-missed"].fired
    # The attack at 0.5 breaks half of what is known to be broken there.
    loud = evidence(broken=both(broken), proved=both(~broken), extra=attack(share(0.1, 0.1), 0.5))
    alarm = alarms(loud)["rows-missed"]
    assert alarm.fired
    assert alarm.value == pytest.approx(0.1)
    # And so it does where a smaller radius, or the search for least epsilon, says so.
    smaller = attack(broken, 0.4, name="union") + attack(share(0.1, 0.1), 0.5)
    assert alarms(evidence(broken=both(share(0, 0)), proved=both(~broken), extra=smaller))["rows-missed"].fired
    least = both(np.where(broken, 0.45, 1.0))
    searched = evidence(
        broken=both(share(0, 0)), proved=both(~broken), least=least, low=both(np.zeros(ROWS)),
        extra=attack(share(0.1, 0.1), 0.5),
    )  # fmt: skip
    assert alarms(searched)["rows-missed"].value == pytest.approx(0.1)
