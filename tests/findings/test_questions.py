"""A question's key: the same for the same question, another for any other, so that no two findings share an id."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtoll import Evidence
from fairtoll.findings import Attack, Comparison, Question
from fairtoll.findings.compare import answer_all

NAMES = st.sampled_from(["class", "sex", "all", "correct", "clean", "a/b", "a", "b", "a%2Fb", "target-a", "label-a/b"])
NUMBERS = st.sampled_from([0.1, 0.5, 1.0, 10.0, 0.1234567, 0.1234568, 1 / 3, 0.333333])
ATTACKS = st.none() | st.builds(Attack, st.sampled_from(["white-box", "static-transfer"]), NAMES, NUMBERS, NAMES)
QUESTIONS = st.builds(
    Question,
    st.sampled_from(["eou", "cru_s"]),
    NAMES,
    ATTACKS,
    st.none() | st.sampled_from(["all", "correct"]),
    st.none() | NAMES,
    st.none() | NAMES,
    st.none() | NUMBERS,
)


@given(QUESTIONS, QUESTIONS)
def test_two_questions_share_a_key_only_if_they_are_one(one, other):
    assert (one.key == other.key) == (one == other)


UNION = Attack("white-box", "union", 0.1)
DIFFERENT = [
    Question("eou", "sex", label="a", target="a"),
    Question("eou", "sex", label="a", target="b"),
    Question("eou", "sex", target="a"),
    Question("eou", "sex", label="all", target="a"),
    Question("eou", "sex", label="a/target-b"),
    Question("cru_s", "class", UNION, denominator="all"),
    Question("cru_s", "class", UNION, label="all"),
    Question("cru_s", "class", Attack("white-box", "union", 0.1000000001), denominator="all"),
    Question("cru_s", "class", Attack("white-box", "union/0.1/all", 0.1)),
]


def test_questions_that_once_shared_a_key():
    for one, other in itertools.combinations(DIFFERENT, 2):
        assert one.key != other.key


def test_findings_of_two_targets_are_two_and_have_the_published_values_of_their_own():
    generator = np.random.default_rng(0)
    chances = generator.dirichlet(np.ones(3), size=120)
    frame = pd.DataFrame({f"p_{name}": chances[:, code] for code, name in enumerate("abc")})
    frame = frame.assign(y=generator.choice(list("abc"), 120), sex=generator.choice(["f", "m"], 120), arm="plain")
    both = pd.concat([frame, frame.assign(arm="hardened")])
    evidence = Evidence.from_frame(
        both, label="y", probabilities={name: f"p_{name}" for name in "abc"}, groups=["sex"], arm="arm"
    )
    questions = [Question("eou", "sex", target=target) for target in "abc"]
    plan = [(Comparison("audit", "plain", "hardened"), question) for question in questions]
    published = {
        f"audit/{question.key}": {"standard": number, "robust": 0.0} for number, question in enumerate(questions)
    }
    findings = answer_all(evidence, plan, dataset="hand", published=published)
    assert len({finding.id for finding in findings}) == 3
    assert [finding.published.standard for finding in findings] == [0, 1, 2]
    for target, finding in zip("abc", findings, strict=True):
        means = frame.groupby("sex")[f"p_{target}"].mean()
        assert finding.standard.plain == pytest.approx(means.max() - means.min(), abs=1e-6)
