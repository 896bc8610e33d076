"""Progress and summary: plain lines where there is no terminal, and names as text."""

import io
import re

import pytest
from rich.console import Console

from fairtoll.cli.display import Progress, alarm_lines, print_summary
from fairtoll.findings.results import Alarm, Claim, ClaimModels, Results
from fairtoll.runs.stages import Condition, Stage

FIRST, SECOND = (Stage(name, title, (), lambda: None, seconds=10.0) for name, title in (("a", "Train: A"), ("b", "B")))


def console(*, terminal=False):
    return Console(file=io.StringIO(), force_terminal=terminal, width=60)


def written(made):
    return made.file.getvalue()


def work(display):
    with display:
        display.begin([FIRST, SECOND], seconds=150, most=150)
        display.start(FIRST)
        display.start(SECOND)
        for _ in range(4):
            display.advance(FIRST, 0.3)  # more than there is
        display.end(SECOND)
        display.end(FIRST)


def test_a_line_for_each_stage_without_a_terminal():
    made = console()
    work(Progress(made))
    lines = [re.sub(r"\d+\.\d s", "x s", line) for line in written(made).splitlines()]
    assert lines == [
        "2 stages to run, about 2 minutes; finished stages are kept.",
        "[1/2] B: x s",
        "[2/2] Train: A: x s",
    ]


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_left(terminal):
    made = console(terminal=terminal)
    with Progress(made) as display:
        display.begin([FIRST, SECOND], seconds=150, most=400)
        display.start(FIRST)
        display.left(seconds=140, most=350)
        display.end(FIRST)
    assert "about 2 to 6 minutes left" in " ".join(written(made).split())


def test_a_bar_in_a_terminal():
    made = console(terminal=True)
    work(Progress(made))
    assert "100%" in written(made)
    assert "[1/2]" not in written(made)


def test_nothing_to_do():
    made = console()
    with Progress(made) as display:
        display.begin([], seconds=0, most=0)
    assert written(made) == "Every stage is up to date.\n"


def test_stages_that_may_not_be_needed():
    made = console()
    third = Stage("c", "C", (), lambda: None, condition=Condition("a", lambda: False))
    with Progress(made) as display:
        display.begin([FIRST, SECOND, third], seconds=150, most=400)
        display.start(FIRST)
        display.end(FIRST)
        display.message("C is not needed.")
        display.drop(third)
        display.start(SECOND)
        display.end(SECOND)
    assert [re.sub(r"\d+\.\d s", "x s", line) for line in written(made).splitlines()] == [
        "Up to 3 stages to run, about 2 to 7 minutes; finished stages are kept.",
        "[1/3] Train: A: x s",
        "C is not needed.",
        "[2/2] B: x s",
    ]


@pytest.fixture
def found():
    return Results(
        fairtoll_version="0", schema_version=3, title="", question="",
        dataset={"name": "", "title": "", "note": "", "rows": {}, "classes": [], "attributes": {}},
        configuration={}, arms=[], findings=[], accuracy=[],
        claims=[
            Claim(id="a", text="A is [bold]larger[/bold]", judgement="supported", reason="", findings=[],
                  models=ClaimModels(shown=3, of=5, sentence="")),
            Claim(id="b", text="B", judgement="inconclusive", reason="", findings=[]),
        ],
        alarms=[
            Alarm(id="x", title="Gradients vanish", arm="a", fired=True, message="[red]a[/red]: 9%.", value=0.1),
            Alarm(id="y", title="Quiet", arm="a", fired=False, message="nothing", value=0.1),
        ],
        notes=[], environment={}, answer=["Male rows pay."],
    )  # fmt: skip


def test_an_alarm_of_many_arms_is_one_line():
    def fired(arm, message, title="Gradients vanish"):
        return Alarm(id="x", title=title, arm=arm, fired=True, message=message, value=0.1)

    def lines(*alarms):
        return alarm_lines(found_of(alarms))

    assert lines(fired("a", "All."), fired("b", "All.")) == ["Alarm, gradients vanish, a, b: All."]
    assert lines(fired("a", "9%."), fired("b", "8%."), fired("c", "7%.")) == [
        "Alarm, gradients vanish, a: 9%. Likewise, with figures of their own in the report: b, c."
    ]
    many = [fired(f"arm-{number}", "All.") for number in range(29)]
    assert lines(*many, fired("a", "9%.", title="Noise")) == [
        "Alarm, gradients vanish, arm-0, arm-1, arm-2, arm-3, arm-4, arm-5 and 23 more: All.",
        "Alarm, noise, a: 9%.",
    ]
    assert lines(*many[:7]) == [f"Alarm, gradients vanish, {', '.join(one.arm for one in many[:7])}: All."]


def found_of(alarms):
    return Results(
        fairtoll_version="0", schema_version=3, title="", question="",
        dataset={"name": "", "title": "", "note": "", "rows": {}, "classes": [], "attributes": {}},
        configuration={}, arms=[], findings=[], accuracy=[], claims=[], alarms=list(alarms),
        notes=[], environment={}, answer=[],
    )  # fmt: skip


def test_the_summary(found):
    made = console()
    print_summary(found, made)
    text = written(made)
    assert "supported" in text
    assert "A is [bold]larger[/bold]" in text
    assert "3 of 5 show it" in text
    assert text.startswith("Male rows pay.")
    assert "Alarm, gradients vanish, a: [red]a[/red]: 9%." in text
    assert "Quiet" not in text
    assert "\x1b" not in text
