"""Remarks on models: alarms fire and fail a gate, notes are shown and do neither."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fairtoll import Evidence, LinfThreat, audit, audit_evidence
from fairtoll.data import Dataset
from fairtoll.errors import FairtollNote, FairtollWarning
from fairtoll.findings.gate import GateRules, judge_gate
from fairtoll.models import prepare
from fairtoll.models.outputs import Declared
from fairtoll.models.remarks import Remark
from fairtoll.report import render_card, render_html

ROWS = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
DATA = Dataset(ROWS, (ROWS[:, 0] > 0).astype(int), ("no", "yes"))


def linear():
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        model.bias.zero_()
    return model


def remarked(kind):
    """A linear model that says something of itself."""
    model = linear()
    model.declared = Declared("logits", (Remark("said", "Something is said", "the model says a <thing>", kind=kind),))
    return model


def audited(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FairtollWarning)
        return audit({"plain": linear(), "own": remarked(kind)}, DATA, threat=LinfThreat(), epsilons=[0.1])


@pytest.mark.parametrize(("kind", "category"), [("note", FairtollNote), ("alarm", FairtollWarning)])
def test_a_remark_is_said_before_the_work_by_its_kind(kind, category):
    with pytest.warns(FairtollWarning, match="the model says a <thing>") as caught:
        prepare(remarked(kind), torch.from_numpy(ROWS))
    assert [one.category for one in caught] == [category]


def test_an_alarm_fires_and_fails_a_gate():
    found = audited("alarm").results
    assert [(one.arm, one.fired) for one in found.alarms if one.id == "said"] == [("own", True)]
    assert found.model_notes == []
    assert judge_gate(found, GateRules(["alarm"])).status == 1


def test_a_note_is_shown_as_one_and_neither_fires_nor_fails_a_gate():
    found = audited("note").results
    assert [alarm for alarm in found.alarms if alarm.id == "said"] == []
    assert [(one.id, one.arm, one.text) for one in found.model_notes] == [("said", "own", "the model says a <thing>.")]
    gate = judge_gate(found, GateRules(["alarm"]))
    assert [check for check in gate.checks if "something" in check.name.lower()] == []
    assert gate.status == int(any(alarm.fired for alarm in found.alarms if alarm.arm == "own"))
    page = render_html(found)
    assert "own: the model says a &lt;thing&gt;." in page
    assert "Note: The model says a \\<thing" in render_card(found, arm="own").replace("&lt;", "\\<")
    assert "thing" not in render_card(found, arm="plain")


def test_some_of_the_training_runs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FairtollWarning)
        found = audit({"own": [linear(), remarked("note")]}, DATA, threat=LinfThreat(), epsilons=[0.1]).results
    assert [one.text for one in found.model_notes] == ["the model says a <thing> (1 of 2 training runs)."]


def test_evidence_of_predictions_has_no_remarks():
    frame = pd.DataFrame({"y": [0, 1] * 20, "p": [0.2, 0.9] * 20})
    evidence = Evidence.from_frame(frame, label="y", probabilities={1: "p"})
    assert audit_evidence(evidence).results.model_notes == []
