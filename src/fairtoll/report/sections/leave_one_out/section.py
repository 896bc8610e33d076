"""The section on leave-one-out unfairness: how much is the left-out row, and how much is chance."""

from fairtoll.findings.results import Results
from fairtoll.report.section import Section
from fairtoll.report.sections.leave_one_out.figures import group_figures, growth_figure, rate_figure
from fairtoll.report.sections.leave_one_out.images import left_out_strip
from fairtoll.report.sections.leave_one_out.tables import (
    contrast_table,
    groups_table,
    growth_table,
    influence_table,
    summary_table,
)
from fairtoll.report.sections.leave_one_out.words import MANY_ARMS, by_arm, entries_of, headlines, of_design

LEAD = (
    "A member is the same training with one row left out; a flip is a test prediction that then differs from the full "
    "model's. LUF is the largest change of a test row's confidence by any member, LUF_t counts a test row's flips over "
    "the members, LUF_l a member's flips over the test rows. Two trainings also differ by rounding and by their seed: "
    "the floors leave nothing out and show the size of these effects."
)


def leave_one_out(results: Results) -> Section:
    """Return every design and floor with the paper's Table III."""
    entries = entries_of(results)
    of_cifar10 = results.dataset.name == "cifar10"
    section = Section(
        "leave-one-out",
        "Leave-one-out unfairness" + (" (the paper's Table III)" if of_cifar10 else ""),
        "Leave-one-out",
        LEAD,
    )
    if not entries:
        return section
    section.headlines = headlines(results)
    section.figures = [rate_figure(results, entries)]
    if len(by_arm(entries)) <= MANY_ARMS:
        growth = growth_figure(results, entries)
        section.figures += [*([growth] if growth else []), *group_figures(results, entries)]
    left_out = [entry for entry in entries if not entry.floor]
    masked = [entry for entry in left_out if of_design([entry], "masked")]
    others = [entry for entry in left_out if entry not in masked]
    contrasts = contrast_table(results, entries)
    strip = left_out_strip(results, masked)
    if strip:
        section.strips.append(strip)
    section.tables = [summary_table(results, entries), *([contrasts] if contrasts else [])]
    if masked:
        caption = "The left-out rows that matter most, all else fixed"
        section.tables.append(influence_table(results, masked, "leave-one-out-rows", caption, compact=True))
    if others:
        caption = "The left-out rows with most flips in the other designs, where the seed or the order differs too"
        section.tables.append(influence_table(results, others, "leave-one-out-rows-other", caption))
    section.tables += [growth_table(results, entries), groups_table(results, entries)]
    return section
