"""The first screen: the question, the answer, claims in one line each, alarms by kind."""

from typing import Any

import pytest

from fairtoll.report import _alarms, _brief, _prose, _time
from fairtoll.report._leave_one_out import rate


@pytest.fixture
def results() -> dict[str, Any]:
    """Two arms and a control; the static arm's robustness is only transfer."""

    def alarm(name: str, arm: str, fired: bool, message: str, value: float) -> dict[str, Any]:
        return {"id": name, "title": name, "arm": arm, "fired": fired, "message": message, "value": value}

    def accuracy(arm: str, evaluation: str, mean: float, published: float | None = None) -> dict[str, Any]:
        return {
            "arm": arm,
            "evaluation": evaluation,
            "attack": "pgd",
            "threat": "paper",
            "epsilon": 10.0,
            "mean": mean,
            "published": published,
            "source_arm": "plain",
        }

    return {
        "question": "Who pays?",
        "arms": [{"name": name, "title": name.title()} for name in ("plain", "static", "twice")],
        "findings": [
            {
                "protocol": "paper",
                "metric": "cau",
                "parameters": {"partition": "class", "evaluation": "clean"},
                "standard": {"arm": "plain"},
                "robust": {"arm": "static"},
                "control": {"arm": "twice"},
                "verdict": "less fair",
                "verdict_from_control": "inconclusive",
            }
        ],
        "accuracy": [
            accuracy("static", "white-box", 0.065),
            accuracy("static", "static-transfer", 0.985, 0.9637),
            accuracy("plain", "white-box", 0.12),
            accuracy("plain", "static-transfer", 0.5),
        ],
        "alarms": [
            alarm("noise-as-strong", "twice", True, "twice: noise leaves 1.0%, PGD 9.0%; misleading.", 0.08),
            alarm("noise-as-strong", "static", True, "static: noise leaves 6.6%, PGD 17.6%; misleading.", 0.11),
            alarm("own-alarm", "twice", True, "twice: weaker than another model's (6.5% against 13.0%).", 0.9),
            alarm("zero-gradients", "static", False, "static: 0.0% of the rows.", 0.0),
        ],
    }


def test_the_results_own_question_is_asked(results: dict[str, Any]) -> None:
    assert _brief.question(results) == "Who pays?"
    del results["question"]
    assert "less fair" in _brief.question(results)


def test_answer_says_whether_the_papers_robustness_survives(results: dict[str, Any]) -> None:
    lines = _brief.answer(results)
    assert len(lines) == 2
    assert lines[0].text == "1 gap of Static: 1 less fair; against its control: 1 inconclusive."
    assert lines[1].label == "White-box, ε = 10."
    # The plain model's own examples are no transfer to it.
    assert lines[1].text == ("Static keeps 6.5%: the paper's 96.4% (98.5% here) is static transfer. Plain keeps 12.0%.")


def test_alarms_are_grouped_with_robust_arms_before_controls(results: dict[str, Any]) -> None:
    first, second = _alarms.kinds(results, fired=True)
    assert [entry.arm for entry in first.arms] == ["Static"]
    assert [entry.arm for entry in first.controls] == ["Twice"]
    assert first.arms[0].figure == "noise leaves 6.6%, PGD 17.6%"
    assert first.meaning.startswith("Blind noise")
    # Fired for a control alone: last, however large; an unknown kind needs no meaning.
    assert (second.arms, second.meaning) == ([], "")
    assert second.controls[0].figure == "6.5% against 13.0%"
    assert [kind.title for kind in _alarms.kinds(results, fired=False)] == ["Zero-gradients"]


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
    assert _prose.typeset(given) == wanted


def test_long_reasons_keep_whole_clauses() -> None:
    long = "Not settled: " + "; ".join(f"{i} to {i + 1} (interval -1 to 2)" for i in range(40)) + "."
    short = _prose.point(long)
    assert len(short) <= _prose.POINT_LENGTH
    assert short.startswith("Not settled: 0 to 1; ")
    assert short.endswith(" …")
    assert "(" not in short
    assert _prose.point("word " * 60).endswith("word …")


def test_time_is_summed_by_kind() -> None:
    seconds = {"train-static": 60.0, "craft": 20.0, "mine-static": 10.0, "results": 9.0, "what": 1.0}
    results = {"seconds": seconds, "arms": [{"name": "static"}]}
    assert _time.by_kind(results) == [
        ("Training", "1 min 0 s", "60%"),
        ("Attacks", "30 s", "30%"),
        ("Statistics", "9.0 s", "9%"),
        ("Other", "1.0 s", "1%"),
        ("Together", "1 min 40 s", ""),
    ]
    assert _time.by_kind({"seconds": {}}) == []


def test_the_answer_says_what_a_left_out_row_flips_beside_rounding_and_a_new_seed(example: dict[str, Any]) -> None:
    entries = [entry for entry in example["leave_one_out"] if entry["arm"] == "standard"]
    flips = {entry["design"]: rate(entry["flip_rate"]) for entry in entries}
    (line,) = _brief.leave_one_out_line({**example, "leave_one_out": entries})
    rounding = f", rounding alone {flips['one-ulp']}%" if flips["one-ulp"] != "0" else ""
    assert line.label == "Leave-one-out."
    assert line.text.endswith(
        f"leaving a row out, all else held, flips {flips['masked']}% of predictions{rounding}, "
        f"a new seed {flips['new-seed']}%."
    )
    assert _brief.leave_one_out_line({**example, "leave_one_out": []}) == []
    assert (
        _brief.leave_one_out_line({**example, "leave_one_out": [e for e in entries if e["design"] != "masked"]}) == []
    )
