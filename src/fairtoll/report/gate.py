"""A gate's outcome as Markdown, JUnit XML and annotations of GitHub."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from fairtoll.findings.gate import Gate, Outcome, percent
from fairtoll.report.numbers import printable

MARKS = {"passes": "✅ passes", "fails": "❌ fails", "undecided": "❔ undecided"}
ORDER: tuple[Outcome, ...] = ("fails", "undecided", "passes")
#: GitHub shows so many annotations of a step.
ANNOTATIONS = 10


def gate_markdown(gate: Gate) -> str:
    """One line that says how it came out, and a table of the checks: those that fail first.

    Examples
    --------
    >>> from fairtoll.findings.gate import Check, GateRules
    >>> print(gate_markdown(Gate([Check("cau/sex at most 0.05", "after", "passes", "0.02")], GateRules())))
    **fairtoll gate: passes** (1 check: 1 passes)
    <BLANKLINE>
    | outcome | check | model | found |
    |---|---|---|---|
    | ✅ passes | cau/sex at most 0.05 | after | 0.02 |
    """
    counts = Counter(check.outcome for check in gate.checks)
    counted = ", ".join(f"{counts[one]} {one}" for one in ORDER if counts[one])
    many = f"{len(gate.checks)} check{'' if len(gate.checks) == 1 else 's'}"
    lines = [f"**fairtoll gate: {gate.outcome}** ({many}: {counted or 'none'})", ""]
    if gate.comparisons > 1:
        lines += [
            f"{gate.comparisons} comparisons are judged together: each that fails does at {percent(gate.confidence)} "
            "(Holm), so that at most 1 of 20 builds fails where nothing is worse than its limit.",
            "",
        ]
    lines += ["| outcome | check | model | found |", "|---|---|---|---|"]
    ordered = sorted(gate.checks, key=lambda check: ORDER.index(check.outcome))
    lines += [f"| {MARKS[one.outcome]} | {_cell(one.name)} | {_cell(one.arm)} | {_cell(one.said)} |" for one in ordered]
    return "\n".join(lines)


def gate_junit(gate: Gate) -> str:
    """The checks as test cases of JUnit: undecided ones are skipped, or failures where a decision is required.

    Examples
    --------
    >>> from fairtoll.findings.gate import Check, GateRules
    >>> text = gate_junit(Gate([Check("cau/sex at most 0.05", "after", "fails", "0.1")], GateRules()))
    >>> ElementTree.fromstring(text.encode()).find("testsuite").attrib["failures"]
    '1'
    """
    failing = {"fails", "undecided"} if gate.rules.require_decision else {"fails"}
    failed = sum(check.outcome in failing for check in gate.checks)
    skipped = sum(check.outcome == "undecided" and check.outcome not in failing for check in gate.checks)
    totals = {"tests": str(len(gate.checks)), "failures": str(failed), "errors": "0"}
    root = ElementTree.Element("testsuites", {"name": "fairtoll", **totals})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "fairtoll gate", **totals, "skipped": str(skipped)})
    for check in gate.checks:
        said, arm, name = (printable(text) for text in (check.said, check.arm, check.name))
        case = ElementTree.SubElement(suite, "testcase", {"classname": f"fairtoll.{arm}", "name": name, "time": "0"})
        if check.outcome in failing:
            ElementTree.SubElement(case, "failure", {"type": check.outcome, "message": said}).text = f"{name}: {said}"
        elif check.outcome == "undecided":
            ElementTree.SubElement(case, "skipped", {"message": said})
        else:
            ElementTree.SubElement(case, "system-out").text = said
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def gate_annotations(gate: Gate) -> list[str]:
    """Workflow commands of GitHub, an error for each check that fails and a warning for each that is undecided.

    Examples
    --------
    >>> from fairtoll.findings.gate import Check, GateRules
    >>> gate_annotations(Gate([Check("accuracy at least 0.9", "after", "fails", "0.8, 80%")], GateRules()))
    ['::error title=fairtoll%3A accuracy at least 0.9::after: 0.8, 80%25']
    """
    found = []
    for outcome, word in (("fails", "error"), ("undecided", "warning")):
        checks = [check for check in gate.checks if check.outcome == outcome]
        for check in checks[:ANNOTATIONS]:
            title = _escaped(f"fairtoll: {check.name}").replace(":", "%3A").replace(",", "%2C")
            found.append(f"::{word} title={title}::{_escaped(f'{check.arm}: {check.said}')}")
        if len(checks) > ANNOTATIONS:
            found.append(f"::{word} title=fairtoll::{len(checks) - ANNOTATIONS} more checks are {outcome}")
    return found


def _cell(text: str) -> str:
    return " ".join(printable(text).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _escaped(text: str) -> str:
    said: str = printable(text)
    return said.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
