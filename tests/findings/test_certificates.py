"""Claims held against witnesses planted by hand, and their class means, RDI and NRGC by definition."""

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence, FairtollError, audit_evidence
from fairtoll.evidence import describe_certificate
from fairtoll.evidence.store import describe_attack, describe_least_epsilon, describe_predictions
from fairtoll.findings import Certificate, Comparison, Question, Rules
from fairtoll.findings.alarms import raise_alarms
from fairtoll.findings.certificates import certified
from fairtoll.findings.compare import answer

ROWS = 60
CLAIM = {"norm": "linf", "method": "verifier", "threat": "audit"}
rows = pd.DataFrame({"row": range(ROWS), "label": np.arange(ROWS) % 3})


def predictions(*, arm="a", seed=0, wrong=()):
    """Right with 80% and a little, different in each run, but for the rows named."""
    chances = np.eye(3)[rows["label"]] * 0.7 + 0.1 + 0.001 * seed * np.array([1, 0, -1])
    chances[list(wrong)] = np.roll(chances[list(wrong)], 1, axis=1)
    return describe_predictions(chances, arm=arm, seed=seed)


def attack(*broken, epsilon, seed=0, arm="a", name="union", threat="audit", **more):
    where = {"arm": arm, "seed": seed, "threat": threat, "attack": name, "epsilon": epsilon}
    return describe_attack(np.isin(np.arange(ROWS), broken), evaluation="white-box", **(where | more))


def claims(radius=1.0, *, seed=0, arm="a", rows=None, **names):
    radius = np.broadcast_to(radius, ROWS if rows is None else len(rows))
    return describe_certificate(radius, arm=arm, seed=seed, rows=rows, **(CLAIM | names))


def evidence(*attacks, claimed=None, wrong=(), runs=1, about=None):
    given = pd.concat([predictions(seed=run, wrong=wrong) for run in range(runs)])
    claimed = claims() if claimed is None else claimed
    none = attack(epsilon=0.5).iloc[:0]
    return Evidence(rows, given, pd.concat([none, *attacks]), ("x", "y", "z"), about, certificates=claimed)


def alarm(found, threat="audit"):
    return {one.id: one for one in raise_alarms(found, "a", threat=threat)}.get("certificate-broken")


def counts(found):
    (one,) = certified(found, minimum_rows=2)
    return one.claims, one.tested, one.broken


def test_a_broken_claim_is_counted_and_named():
    found = evidence(attack(7, 8, epsilon=0.5), attack(7, 8, 9, epsilon=0.75, name="pgd-20"))
    assert counts(found) == (ROWS, ROWS, 3)
    one = alarm(found)
    assert one.fired
    assert one.value == pytest.approx(3 / ROWS)
    assert one.message == (
        f"verifier, Linf: 3 of {ROWS} claims are broken: row 7, claimed to 1, is misclassified at 0.5 by union ({ROWS} "
        "of them were attacked below their radius)."
    )
    assert [reading.value for reading in one.readings] == [pytest.approx(3 / ROWS)]


def test_a_claim_exactly_at_the_witness_is_not_broken():
    assert counts(evidence(attack(7, epsilon=1.0))) == (ROWS, 0, 0)
    assert not alarm(evidence(attack(7, epsilon=1.0))).fired
    single = float(np.float32(0.1))  # above 0.1 by a rounding
    assert counts(evidence(attack(7, epsilon=0.1), claimed=claims(single))) == (ROWS, ROWS, 0)
    assert counts(evidence(attack(7, epsilon=0.1), claimed=claims(0.1001))) == (ROWS, ROWS, 1)
    assert counts(evidence(attack(7, epsilon=2.0))) == (ROWS, 0, 0)


def test_a_search_for_least_epsilon_contradicts_where_it_is_no_limit():
    least, limit = np.full(ROWS, 0.9), np.zeros(ROWS, dtype=bool)
    least[3], least[4], least[5], limit[5] = 0.25, 1.0, 2.0, True
    least[6:], limit[6:] = 2.0, True
    least[:3] = 1.5
    search = describe_least_epsilon(least, limit, arm="a", seed=0, threat="audit", epsilon=2.0)
    assert counts(evidence(search)) == (ROWS, ROWS, 1)
    assert "row 3, claimed to 1, is misclassified at 0.25 by least-epsilon" in alarm(evidence(search)).message


def test_what_does_not_speak_of_a_claim_does_not_contradict_it():
    """Another threat, another norm, a check that is no attack, another run, rows that are not claimed."""
    others = [
        attack(7, epsilon=0.5, threat="other"),
        attack(7, epsilon=0.0, name="check-zero-gradient"),
        attack(7, epsilon=0.5, seed=1),
    ]
    assert counts(evidence(*others)) == (ROWS, 0, 0)
    assert counts(evidence(attack(7, epsilon=0.5), claimed=claims(norm="l2"))) == (ROWS, 0, 0)
    two = {"norms": {"audit": "l2"}}
    assert counts(evidence(attack(7, epsilon=0.5), claimed=claims(norm="l2"), about=two)) == (ROWS, ROWS, 1)
    assert counts(evidence(attack(7, epsilon=0.5), about=two)) == (ROWS, 0, 0)
    some = claims([0.0, 2.0, 2.0], rows=[7, 8, 9])
    assert counts(evidence(attack(7, epsilon=0.5), claimed=some)) == (2, 2, 0)
    assert counts(evidence(attack(7, 9, epsilon=0.5), claimed=some)) == (2, 2, 1)


def test_a_misclassified_row_contradicts_every_radius_above_0():
    found = evidence(claimed=claims(np.where(np.arange(ROWS) == 5, 0.0, 0.3)), wrong=(5, 6))
    assert counts(found) == (ROWS - 1, 0, 1)
    assert "row 6, claimed to 0.3, is misclassified as it is" in alarm(found).message


def test_each_training_run_is_held_against_its_own_attacks():
    claimed = pd.concat([claims(1.0, seed=0), claims(0.2, seed=1)])
    found = evidence(attack(3, epsilon=0.5, seed=0), attack(3, 4, epsilon=0.5, seed=1), claimed=claimed, runs=2)
    assert counts(found) == (2 * ROWS, ROWS, 1)
    assert "row 3, claimed to 1, is misclassified at 0.5 by union (training run 0)" in alarm(found).message
    late = pd.concat([claims(1.0, seed=1)])  # claims about a later run alone
    found = evidence(attack(3, epsilon=0.5, seed=0), attack(4, epsilon=0.5, seed=1), claimed=late, runs=2)
    assert "1 of 60 claims is broken: row 4" in alarm(found).message


def test_transferred_examples_count_and_say_so():
    moved = attack(7, epsilon=0.5, name="pgd-20").assign(evaluation="static-transfer", source_arm="b")
    assert "at 0.5 by pgd-20, static-transfer" in alarm(evidence(moved)).message


def test_no_claims_no_alarm_and_no_radius_no_contradiction():
    found = Evidence(rows, predictions(), attack(7, epsilon=0.5), ("x", "y", "z"))
    assert alarm(found) is None
    assert certified(found, minimum_rows=2) == []
    quiet = alarm(evidence(attack(7, epsilon=0.5), claimed=claims(0.0)))
    assert not quiet.fired
    assert "no radius above 0 is claimed" in quiet.message


def test_several_methods_are_told_apart():
    both = pd.concat([claims(1.0), claims(0.2, method="score")])
    one = alarm(evidence(attack(7, epsilon=0.5), claimed=both))
    assert one.message.startswith("score, Linf: none of 60 claims is broken (0 of them")
    assert "verifier, Linf: 1 of 60 claims is broken" in one.message
    assert [reading.value for reading in one.readings] == [0.0, pytest.approx(1 / 60)]


def test_class_means_rdi_and_nrgc_over_two_runs():
    generator = np.random.default_rng(0)
    radius = generator.random((2, ROWS)) * (1 + rows["label"].to_numpy())
    found = evidence(claimed=pd.concat([claims(radius[run], seed=run) for run in range(2)]), runs=2)
    (one,) = certified(found, minimum_rows=2)
    means = np.array([[run[rows["label"] == label].mean() for label in range(3)] for run in radius])
    np.testing.assert_allclose([group.value for group in one.classes.groups], means.mean(axis=0))
    assert [group.group for group in one.classes.groups] == ["x", "y", "z"]
    assert one.classes.plain == pytest.approx(np.mean([run.max() - run.min() for run in means]))
    assert (one.classes.worst_group, one.classes.worst_value) == ("x", pytest.approx(means.mean(axis=0).min()))
    ginis = [np.abs(run[:, None] - run).sum() / (2 * 9 * run.mean()) for run in means]
    assert one.nrgc == pytest.approx(np.mean(ginis))
    assert one.mean == pytest.approx(radius.mean())
    low, high = one.classes.interval
    assert low < one.classes.value < high


def test_a_class_with_too_few_rows_is_left_out():
    few = claims([1.0] * 30 + [9.0], rows=[*(row for row in range(45) if row % 3), 45])
    (one,) = certified(evidence(claimed=few), minimum_rows=2)
    assert one.classes.plain == pytest.approx(0.0)
    assert one.nrgc == pytest.approx(0.0)
    assert one.classes.groups[0].value == pytest.approx(9.0)


def two_arms(**more):
    radius = {"a": np.where(rows["label"] == 0, 0.5, 1.0), "b": np.where(rows["label"] == 0, 1.0, 3.0)}
    return Evidence(
        rows,
        pd.concat([predictions(arm=arm) for arm in radius]),
        attack(7, epsilon=0.5, arm="b"),
        ("x", "y", "z"),
        certificates=pd.concat([claims(value, arm=arm) for arm, value in radius.items()]),
        **more,
    )


def test_rdi_is_answered_like_any_other_question():
    question = Question("rdi", "class", certificate=Certificate("verifier", "linf", "audit"))
    found = answer(two_arms(), Comparison("audit", "a", "b"), question, dataset="made up", rules=Rules(minimum_rows=2))
    assert (found.standard.plain, found.robust.plain) == (pytest.approx(0.5), pytest.approx(2.0))
    assert (found.robust.worst_group, found.robust.worst_value) == ("x", pytest.approx(1.0))
    assert found.parameters.certificate == "verifier, Linf"
    assert found.margin == pytest.approx(0.05 * (0.5 + 1.0 + 1.0) / 3)
    assert found.id == "audit/b/rdi/class/certified/audit/linf/verifier"


def test_an_audit_of_evidence_asks_where_every_arm_has_claims():
    found = audit_evidence(two_arms(), minimum_rows=2)
    assert found.table()["metric"].tolist() == ["cau", "rdi"]
    assert found.table()["certificate"].tolist()[1] == "verifier, Linf"
    assert {one.arm: one.fired for one in found.results.alarms if one.id == "certificate-broken"} == {
        "a": False,
        "b": True,
    }
    one_sided = two_arms()
    kept = one_sided.certificates[one_sided.certificates["arm"] == "b"]
    alone = Evidence(one_sided.rows, one_sided.predictions, one_sided.attacks, ("x", "y", "z"), certificates=kept)
    assert audit_evidence(alone, minimum_rows=2).table()["metric"].tolist() == ["cau"]
    assert [one.arm for one in audit_evidence(alone, minimum_rows=2).results.certified] == ["b"]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Question("rdi", "class"), "rdi needs a certificate; give the question one"),
        (
            Question("cau", "class", certificate=Certificate("verifier", "linf", "audit")),
            "cau has a certificate; expected none; leave it out of the question",
        ),
        (
            Question("rdi", "class", certificate=Certificate("other", "linf", "audit")),
            "no evidence for arm 'a' with .*'method': 'other'",
        ),
        (
            Question("rdi", "class", certificate=Certificate("verifier", "linf", "audit"), denominator="all"),
            "rdi has the denominator 'all'; expected none",
        ),
    ],
)
def test_questions_that_do_not_fit(question, message):
    with pytest.raises(FairtollError, match=message):
        answer(two_arms(), Comparison("audit", "a", "b"), question, dataset="made up")
