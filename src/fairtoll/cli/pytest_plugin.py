"""A fixture for pytest: a test that fails where an audit does not come through a gate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fairtoll.audits import Audit
    from fairtoll.findings.gate import Gate
    from fairtoll.findings.results import Results


@pytest.fixture(scope="session")
def fairtoll_gate() -> Callable[..., Gate]:
    """A function that holds an audit, its results or its folder against rules, and fails the test where one is broken.

    Its keywords are those of `fairtoll.findings.gate.GateRules`. Where a decision is required and none can be made the
    test fails too; it returns how every check came out.

    Examples
    --------
    In a test module, with fairtoll installed::

        def test_no_group_pays(fairtoll_gate):
            fairtoll_gate("runs/audit", fail_on=["less-fair"], thresholds={"cau/sex": 0.05})
    """
    return check_gate


def check_gate(audited: Audit | Results | str | Path, **rules: Any) -> Gate:
    """Fail the running test with a table of the checks, unless they pass.

    Raises
    ------
    FairtollError
        For no rule, an unknown one, or a folder that holds no results.

    Examples
    --------
    >>> check_gate("nowhere", thresholds={"cau": 0.1})
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: no file nowhere/results.json; run the experiment first
    """
    from fairtoll.errors import FairtollError
    from fairtoll.findings.gate import GateRules, judge_gate
    from fairtoll.findings.results import Results
    from fairtoll.report.gate import gate_markdown

    if isinstance(audited, str | Path):
        found = Results.read(Path(audited) / "results.json")
    else:
        found = audited if isinstance(audited, Results) else audited.results
    given = GateRules(**rules)
    if not given:
        raise FairtollError("no rule is given; expected fail_on or thresholds; see fairtoll.findings.gate.GateRules")
    gate = judge_gate(found, given)
    if gate.outcome != "passes":
        pytest.fail(gate_markdown(gate), pytrace=False)
    return gate
