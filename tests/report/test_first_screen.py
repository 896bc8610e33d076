"""The first screen: the question, the answer, claims in one line each, alarms by kind."""

from typing import Any

import pytest
from example_parts import bare, with_parts

from fairtoll.findings.results import ArmValue, Results
from fairtoll.report import alarms, brief, times, words
from fairtoll.report.sections.leave_one_out.words import rate


@pytest.fixture
def results(audit: Results) -> Results:
    """Two arms and a control; the static arm's robustness is only transfer."""

    def alarm(name: str, arm: str, value: float, *readings: tuple[str, float], fired: bool = True) -> dict[str, Any]:
        return {
            "id": name,
            "title": name,
            "arm": arm,
            "fired": fired,
            "message": f"{value} is too much",
            "value": value,
            "meaning": f"What {name} means.",
            "readings": [{"label": label, "value": share} for label, share in readings],
        }

    def accuracy(arm: str, evaluation: str, mean: float, published: float | None = None) -> dict[str, Any]:
        attack = {"attack": "pgd", "threat": "paper", "epsilon": 10.0, "source_arm": "plain"}
        return (
            {"arm": arm, "evaluation": evaluation, "mean": mean, "sd": None, "per_run": [mean]}
            | attack
            | {"published": published}
        )

    def value(arm: str) -> ArmValue:
        return audit.findings[0].standard.model_copy(update={"arm": arm})

    changes = {
        "protocol": "paper",
        "standard": value("plain"),
        "robust": value("static"),
        "control": value("twice"),
        "verdict": "less fair",
        "verdict_from_control": "inconclusive",
        "runs": 5,
    }
    return bare(
        question="Who pays?",
        arms=[{"name": name, "title": name.title(), "note": ""} for name in ("plain", "static", "twice")],
        findings=[audit.findings[0].model_copy(update=changes).model_dump()],
        accuracy=[
            accuracy("static", "white-box", 0.065),
            accuracy("static", "static-transfer", 0.985, 0.9637),
            accuracy("plain", "white-box", 0.12),
            accuracy("plain", "static-transfer", 0.5),
        ],
        alarms=[
            alarm("noise-as-strong", "twice", 0.08, ("under noise", 0.01), ("under PGD", 0.09)),
            alarm("noise-as-strong", "static", 0.11, ("under noise", 0.066), ("under PGD", 0.176)),
            alarm("own-alarm", "twice", 0.9),
            alarm("zero-gradients", "static", 0.0, fired=False),
        ],
    )


def test_the_results_own_question_is_shown(results: Results) -> None:
    assert brief.question(results) == "Who pays?"
    assert "less fair" in brief.question(with_parts(results, question=""))


def test_answer_says_whether_the_papers_robustness_survives(results: Results) -> None:
    lines = brief.answer(results)
    assert len(lines) == 1
    assert lines[0].label == "Robust accuracy, white-box, ε = 10."
    # The plain model's own examples are no transfer to it.
    assert lines[0].text == "Static 6.5%: the paper's 96.4% (98.5% here) is static transfer. Plain 12.0%."


def test_alarms_are_grouped_with_robust_arms_before_controls(results: Results) -> None:
    first, second = alarms.kinds(results, fired=True)
    assert [entry.arm for entry in first.arms] == ["Static"]
    assert [entry.arm for entry in first.controls] == ["Twice"]
    assert first.arms[0].figure == "6.6% under noise, 17.6% under PGD"
    assert first.meaning == "What noise-as-strong means."
    # Fired for a control alone: last, however large; an alarm without readings says its message.
    assert second.arms == []
    assert second.controls[0].figure == "0.9 is too much."
    assert [kind.title for kind in alarms.kinds(results, fired=False)] == ["Zero-gradients"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("-0.5 to -.25", "−0.5 to −.25"),
        ("interval -6.742 to +6.939", "interval −6.742 to +6.939"),
        ("0.1 +- 0.2", "0.1 ± 0.2"),
        ("pgd-20-curve at 1e-07, 10-15", "pgd-20-curve at 1e-07, 10-15"),
    ],
)
def test_minus_signs_are_set_before_numbers_alone(given: str, wanted: str) -> None:
    assert words.typeset(given) == wanted


def test_long_reasons_keep_whole_clauses() -> None:
    long = "Not settled: " + "; ".join(f"{i} to {i + 1} (interval -1 to 2)" for i in range(40)) + "."
    short = words.point(long)
    assert len(short) <= words.POINT_LENGTH
    assert short.startswith("Not settled: 0 to 1; ")
    assert short.endswith(" …")
    assert "(" not in short
    assert words.point("word " * 60).endswith("word …")


def test_time_is_summed_by_kind() -> None:
    spent = [("training", 60.0), ("attacks", 20.0), ("leave-one-out", 9.0), ("attacks", 10.0), ("other", 1.0)]
    stages = [
        {"stage": f"{kind}-{seconds:g}", "kind": kind, "arm": None, "seconds": seconds} for kind, seconds in spent
    ]
    assert times.by_kind(bare(times=stages)) == [
        ("Training", "1 min 0 s", "60%"),
        ("Attacks", "30 s", "30%"),
        ("Leave-one-out", "9.0 s", "9%"),
        ("Other", "1.0 s", "1%"),
        ("Together", "1 min 40 s", ""),
    ]
    assert times.by_kind(bare()) == []


def test_the_answer_says_what_a_left_out_row_flips_beside_rounding_and_a_new_seed(example: Results) -> None:
    entries = [entry for entry in example.leave_one_out if entry.arm == "standard"]
    flips = {entry.design: rate(entry.flip_rate) for entry in entries}
    (line,) = brief.leave_one_out_line(with_parts(example, leave_one_out=entries))
    rounding = f", rounding alone {flips['one-ulp']}%" if flips["one-ulp"] != "0" else ""
    assert line.label == "Leave-one-out."
    assert line.text.endswith(
        f"leaving a row out, all else fixed, flips {flips['masked']}% of predictions{rounding}, "
        f"a new seed {flips['new-seed']}%."
    )
    assert brief.leave_one_out_line(with_parts(example, leave_one_out=[])) == []
    assert (
        brief.leave_one_out_line(with_parts(example, leave_one_out=[e for e in entries if e.design != "masked"])) == []
    )


def test_counts_reconcile_with_the_findings(example: Results) -> None:
    lines = brief.verdict_counts(example)
    for place, verdict in enumerate(brief.VERDICTS):
        each = [line.counts[place] for line in lines]
        assert each[-1] == sum(each[:-1]) == sum(finding.verdict == verdict for finding in example.findings)
    said = brief.counts_in_words(lines)
    assert said.startswith(f"{len(example.findings)} findings: ")
    assert sum(int(word) for word in said.split(":")[1].split(";")[0].split() if word.isdigit()) == len(
        example.findings
    )
    assert brief.verdict_counts(bare()) == []
    assert brief.counts_in_words([]) == ""
