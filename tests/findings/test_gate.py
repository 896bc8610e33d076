"""A gate: rules against results whose gaps are known, and what it says in Markdown, JUnit XML and annotations."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from fairtoll.audits import audit_evidence
from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.findings.gate import Check, Gate, GateRules, judge_gate
from fairtoll.findings.thresholds import read_threshold, require_partitions
from fairtoll.report.gate import gate_annotations, gate_junit, gate_markdown

ROWS = 4000


def results(**right):
    """Models by name, each right for so many of the north's and the south's rows, exactly."""
    site, y = np.array(["north", "south"])[np.arange(ROWS) % 2], np.arange(ROWS) // 2 % 2
    frames = []
    for name, shares in right.items():
        rank = np.arange(ROWS) // 2 * 997 % (ROWS // 2)
        correct = rank < np.where(site == "north", *shares) * ROWS / 2
        frames.append(pd.DataFrame({"model": name, "y": y, "site": site, "p": np.where(correct, y, 1 - y)}))
    evidence = Evidence.from_frame(pd.concat(frames), label="y", probabilities={1: "p"}, arm="model", groups=["site"])
    return audit_evidence(evidence, metrics=["cau"]).results


@pytest.fixture(scope="module")
def wider():
    """A gap of 0 that became one of 20 points."""
    return results(before=(0.9, 0.9), after=(0.9, 0.7))


@pytest.fixture(scope="module")
def same():
    return results(before=(0.9, 0.7), after=(0.9, 0.7))


def outcomes(found, **rules):
    return {check.name: check.outcome for check in judge_gate(found, GateRules(**rules)).checks}


def test_a_gap_that_is_wider_fails_and_one_that_is_not_passes(wider, same):
    assert outcomes(wider, fail_on=["less-fair"])["less-fair: cau/site/clean"] == "fails"
    assert outcomes(same, fail_on=["less-fair"])["less-fair: cau/site/clean"] == "passes"
    assert judge_gate(wider, GateRules(["less-fair"])).status == 1
    assert judge_gate(same, GateRules(["less-fair"])).status == 0


def test_one_run_says_nothing_of_recipes(wider):
    """A recipe's verdict takes three training runs: undecided, which fails only where a decision is required."""
    rules = GateRules(["less-fair"], question="recipes")
    assert set(outcomes(wider, fail_on=["less-fair"], question="recipes").values()) == {"undecided"}
    assert judge_gate(wider, rules).status == 0
    assert judge_gate(wider, replace(rules, require_decision=True)).status == 3


# Of 2000 rows at 0.7 the standard error is 1.0 points, of a difference 1.2 points: 20 points are known to 2.4.
THRESHOLDS = [
    ("cau/site", 0.25, "passes"),
    ("cau/site", 0.15, "fails"),
    ("cau/site", 0.2, "undecided"),
    ("accuracy", 0.75, "passes"),
    ("accuracy", 0.85, "fails"),
    ("accuracy", 0.8, "undecided"),
    ("worst-group/site", 0.65, "passes"),
    ("worst-group/site", 0.75, "fails"),
    ("worst-group/site", 0.7, "undecided"),
    ("worst-class", 0.75, "passes"),
    ("worst-class", 0.9, "fails"),
]


@pytest.mark.parametrize(("name", "limit", "outcome"), THRESHOLDS)
def test_a_threshold_is_decided_by_the_interval(wider, name, limit, outcome):
    (check,) = judge_gate(wider, GateRules(thresholds={name: limit})).checks
    assert (check.outcome, check.arm) == (outcome, "after")
    assert check.name == f"{name} at {'most' if name.startswith('cau') else 'least'} {limit:g}"


def test_a_metric_alone_is_of_every_partition(wider):
    gate = judge_gate(wider, GateRules(thresholds={"cau": 0.15}))
    assert [check.outcome for check in gate.checks] == ["passes", "fails"]
    assert [check.said.rpartition("(")[2] for check in gate.checks] == ["cau of class)", "cau of site)"]


def test_one_model_is_judged_by_thresholds():
    alone = results(alone=(0.9, 0.7))
    assert outcomes(alone, thresholds={"cau/site": 0.15, "worst-group/site": 0.75, "accuracy": 0.75}) == {
        "cau/site at most 0.15": "fails",
        "worst-group/site at least 0.75": "fails",
        "accuracy at least 0.75": "passes",
    }
    with pytest.raises(FairtollError, match="compares arms, and these results have one, alone"):
        judge_gate(alone, GateRules(["less-fair"]))


def test_a_small_group_that_may_be_worse_keeps_the_worst_group_undecided():
    """5,000 rows of which 85% are right, and 12 of which 11 are: these may well be right below 80%."""
    site, y = np.repeat(["large", "small"], [5000, 12]), np.arange(5012) % 2
    wrong = np.r_[np.arange(5000) < 750, np.arange(12) < 1]
    frame = pd.DataFrame({"y": y, "site": site, "p": np.where(wrong, 1 - y, y)})
    found = audit_evidence(Evidence.from_frame(frame, label="y", probabilities={1: "p"}, groups=["site"])).results
    (check,) = judge_gate(found, GateRules(thresholds={"worst-group/site": 0.8}, require_decision=True)).checks
    assert check.outcome == "undecided"
    assert "small" in check.said


def test_a_rule_that_is_named_twice_is_one(wider):
    twice, once = (judge_gate(wider, GateRules(["less-fair"] * times)) for times in (2, 1))
    assert twice.checks == once.checks
    assert twice.comparisons == once.comparisons


def test_alarms_are_of_the_models_that_are_judged(wider):
    alarm = {"id": "x", "title": "T", "arm": "after", "fired": True, "message": "m", "value": None}
    found = type(wider).model_validate(
        wider.model_dump() | {"alarms": [alarm, alarm | {"arm": "before"}, alarm | {"fired": False}]}
    )
    assert [check.outcome for check in judge_gate(found, GateRules(["alarm"])).checks] == ["fails", "passes"]


WRONG = [
    ({"thresholds": {"cua/site": 0.1}}, "unknown threshold 'cua/site'; did you mean 'cau'?"),
    ({"thresholds": {"robust-cau": 0.1}}, "unknown threshold 'robust-cau'"),
    ({"thresholds": {"cau/": 0.1}}, "unknown threshold 'cau/'"),
    (
        {"thresholds": {"fairness": 0.1}},
        "unknown threshold 'fairness'; expected one of accuracy, worst-class, worst-group/ATTRIBUTE, robust-accuracy",
    ),
    ({"thresholds": {"accuracy/site": 0.1}}, "the threshold 'accuracy/site' is incomplete"),
    ({"thresholds": {"worst-group": 0.1}}, "the threshold 'worst-group' is incomplete"),
    ({"thresholds": {"cau@much": 0.1}}, "has the radius 'much'"),
    ({"thresholds": {"cau/age": 0.1}}, "they hold cau/class, cau/site, and no attack"),
    ({"thresholds": {"robust-accuracy": 0.1}}, "nothing in these results is of the threshold 'robust-accuracy'"),
    (
        {"thresholds": {"worst-class": 0.1, "worst-group/class": 0.2}},
        "the thresholds 'worst-class' and 'worst-group/class' are the same",
    ),
    ({"thresholds": {"accuracy@0.1": 0.1}}, "expected none, or robust-accuracy@0.1; correct the name"),
    ({"fail_on": ["alarm"]}, "have nothing that alarm could be judged by, since nothing was attacked"),
    ({"fail_on": ["unfair"]}, "fail_on names 'unfair'; expected less-fair or alarm"),
]


@pytest.mark.parametrize(
    ("name", "limit", "possible"),
    [
        ("accuracy", 1.5, "a number from 0 to 1"),
        ("accuracy", 80.0, "a number from 0 to 1"),
        ("robust-worst-group/site@0.1", -0.1, "a number from 0 to 1"),
        ("worst-class", float("nan"), "a number from 0 to 1"),
        ("cau/site", -0.05, "a number from 0 to 1"),
        ("cau", 5.0, "a number from 0 to 1"),
        ("eou/site", 1.01, "a number from 0 to 1"),
        ("cru_epsilon/site", -1.0, "a finite number of 0 or more"),
        ("cru_epsilon/site", float("inf"), "a finite number of 0 or more"),
        ("rdi/site", float("nan"), "a finite number of 0 or more"),
    ],
)
def test_a_limit_that_nothing_can_reach_is_refused_when_it_is_given(name, limit, possible):
    with pytest.raises(FairtollError, match=f"the threshold of '{name}' is .*; expected {possible}, which is what"):
        GateRules(thresholds={name: limit})


def test_the_ends_of_what_is_possible_are_limits():
    assert GateRules(thresholds={"accuracy": 1, "cau/site": 0, "worst-class": 0.0, "cru_epsilon": 1e6})


@pytest.mark.parametrize("radius", ["nan", "-0.1", "inf", "", "1e999"])
def test_a_radius_that_nobody_attacks(radius):
    with pytest.raises(FairtollError, match=f"has the radius '{radius}'; expected a number of 0 or more; give one"):
        read_threshold(f"robust-accuracy@{radius}")


@pytest.mark.parametrize(("rules", "message"), WRONG, ids=[message for _, message in WRONG])
def test_rules_that_are_wrong(wider, rules, message):
    with pytest.raises(FairtollError) as raised:
        judge_gate(wider, GateRules(**rules))
    assert message in str(raised.value)


def test_a_partition_is_known_before_the_work():
    with pytest.raises(FairtollError, match="is of 'sxe'; did you mean 'sex'"):
        require_partitions(["cau/sxe"], ["class", "sex"])
    assert read_threshold("robust-worst-class@0.1").epsilon == 0.1


CHECKS = [
    Check("cau/sex at most 0.05", "after", "fails", "0.1 | 95% interval\n0.08 to 0.12"),
    Check("accuracy at least 0.9", "after", "undecided", "0.9 <b>" + chr(7)),
    Check("worst-class at least 0.5", 'a"&<', "passes", "0.8"),
]


@pytest.mark.parametrize(("required", "failures", "skipped"), [(False, 1, 1), (True, 2, 0)])
def test_junit(required, failures, skipped):
    root = ElementTree.fromstring(gate_junit(Gate(CHECKS, GateRules(require_decision=required))).encode())
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    for element in (root, suite):
        assert (element.attrib["tests"], element.attrib["failures"]) == ("3", str(failures))
    cases = suite.findall("testcase")
    assert [case.attrib["name"] for case in cases] == [check.name for check in CHECKS]
    assert len(suite.findall("testcase/failure")) == failures
    assert len(suite.findall("testcase/skipped")) == skipped == int(suite.attrib["skipped"])


def test_markdown_has_a_row_for_each_check_and_those_that_fail_first():
    title, blank, head, rule, *rows = gate_markdown(Gate(CHECKS[::-1], GateRules())).splitlines()
    assert title == "**fairtoll gate: fails** (3 checks: 1 fails, 1 undecided, 1 passes)"
    assert (blank, head.count("|"), rule) == ("", 5, "|---|---|---|---|")
    assert [row.split("|")[1].split()[-1] for row in rows] == ["fails", "undecided", "passes"]
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)


def test_annotations_are_one_line_each():
    error, warning = gate_annotations(Gate(CHECKS, GateRules()))
    assert error == "::error title=fairtoll%3A cau/sex at most 0.05::after: 0.1 | 95%25 interval%0A0.08 to 0.12"
    assert warning.startswith("::warning title=fairtoll%3A accuracy at least 0.9::after: ")
    many = gate_annotations(Gate(CHECKS[:1] * 14, GateRules()))
    assert len(many) == 11
    assert many[-1] == "::error title=fairtoll::4 more checks are fails"
