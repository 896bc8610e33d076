"""The section on static transfer against accuracy under attacks on the model itself."""

from fairtoll.findings.results import Results
from fairtoll.report.accuracies import (
    EVALUATION_TITLES,
    RADIUS_MARKS,
    accuracy_words,
    first_epsilon,
    main_accuracies,
    radius_panels,
    weakest,
)
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.gaps import pair, percent_domain
from fairtoll.report.charts.row import Mark, Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.style import Figure
from fairtoll.report.numbers import (
    percent,
)
from fairtoll.report.section import Section
from fairtoll.report.select import OWN, epsilon_text, evaluation_name


def transfer(results: Results) -> Section:
    """Return static transfer against attacks on the model itself."""
    own = evaluation_name(_own(results))
    section = Section(
        "transfer",
        f"Static transfer against {own}",
        "Transfer",
        "How much of a robust accuracy is due to examples that were made for another model.",
    )
    section.figures = [figure for figure in (transfer_figure(results), epsilon_figure(results)) if figure]
    return section


def _own(results: Results) -> str:
    """Return how the arms were attacked themselves, at the first radius."""
    epsilon = first_epsilon(results)
    moved = {entry.arm for entry in weakest(main_accuracies(results, "static-transfer"), epsilon)}
    for evaluation in OWN:
        if any(entry.arm in moved for entry in weakest(main_accuracies(results, evaluation), epsilon)):
            return evaluation
    return OWN[0]


def transfer_figure(results: Results) -> Figure | None:
    """Return, per arm, the accuracy static transfer suggests and the one an attack on the model itself leaves."""
    evaluation = _own(results)
    own = evaluation_name(evaluation)
    epsilon = first_epsilon(results)
    transfer = {e.arm: e for e in weakest(main_accuracies(results, "static-transfer"), epsilon)}
    white = {e.arm: e for e in weakest(main_accuracies(results, evaluation), epsilon)}
    both = [arm for arm in transfer if arm in white]
    if not both:
        return None
    colours, titles = arm_colours(results), arm_titles(results)
    rows, words = [], []
    for arm in both:
        name = titles[arm]
        apart = float(transfer[arm].mean) - float(white[arm].mean)
        points = [
            Mark(
                100 * entry.mean,
                label,
                {"arm": name, "evaluation": label, "attack": entry.attack or "–", **accuracy_words(entry)},
                pair(entry.interval, "points"),
            )
            for label, entry in ((own, white[arm]), ("static transfer", transfer[arm]))
        ]
        rows.append(Row(name, colours[arm], points=points, text=percent(apart, sign=True)))
        words.append(f"{name} {own} {percent(white[arm].mean)}%, transfer {percent(transfer[arm].mean)}%")
    shown = [one for arm in both for one in (transfer[arm], white[arm])]
    panel = row_panel(
        "transfer",
        f"What static transfer overstates, {epsilon_text(epsilon)}",
        rows,
        axis="Accuracy, percent",
        domain=percent_domain([share for one in shown for share in (one.mean, *(one.interval or ()))]),
        summary=f"Accuracy by evaluation: {'; '.join(words)}.",
    )
    return Figure(
        "transfer",
        f"Static transfer against {own} accuracy",
        [panel],
        f"Thin line: 95% interval. Right: static transfer minus {own}, in points.",
    )


def epsilon_figure(results: Results) -> Figure | None:
    """Return accuracy over the radii, one panel per evaluation."""
    panels = []
    for evaluation in ("static-transfer", *OWN):
        title = EVALUATION_TITLES[evaluation].split(" (")[0]
        entries = main_accuracies(results, evaluation)
        panels += radius_panels(results, f"accuracy-epsilon-{evaluation}", title, entries)
    return Figure("accuracy-epsilon", "Accuracy as the radius grows", panels, RADIUS_MARKS) if panels else None
