"""Names and formats of leave-one-out numbers, and the paper's values."""

from collections.abc import Iterable, Sequence
from typing import Any

from fairtoll.findings.results import LeaveOneOut, PublishedLeaveOneOut, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.numbers import MINUS, count, finite, number, percent

DESIGNS = {
    "masked": "Masked",
    "independent-seeds": "Independent seeds",
    "re-permuted": "Re-permuted",
    "rerun": "Rerun",
    "one-ulp": "1 ulp",
    "new-seed": "New seed",
}
#: Left-out rows and test rows of the paper's study.
PAPER_MEMBERS = 100
PAPER_TEST_ROWS = 10_000
#: More arms than the paper's are spoken of in one sentence, and their details are tables alone.
MANY_ARMS = 2
PAPER = "The paper, CIFAR-10"


def design_title(name: str) -> str:
    """Return a design's short title."""
    return DESIGNS.get(name, name)


def entries_of(results: Results) -> list[LeaveOneOut]:
    """Return every arm and design of a run."""
    return list(results.leave_one_out)


def by_arm(entries: Iterable[LeaveOneOut]) -> dict[str, list[LeaveOneOut]]:
    """Return the entries of each arm, in their order."""
    found: dict[str, list[LeaveOneOut]] = {}
    for entry in entries:
        found.setdefault(entry.arm, []).append(entry)
    return found


def of_design(entries: Iterable[LeaveOneOut], design: str) -> LeaveOneOut | None:
    """Return the entry of one design."""
    return next((entry for entry in entries if entry.design == design), None)


def printed(entries: Sequence[LeaveOneOut]) -> PublishedLeaveOneOut | None:
    """Return the paper's values for an arm's entries; None where there are none."""
    return next((entry.published for entry in entries if entry.published), None)


def printed_rate(entries: Sequence[LeaveOneOut]) -> float | None:
    """Return the paper's flip rate for an arm's entries."""
    paper = printed(entries)
    return None if paper is None else paper.luf_t / PAPER_MEMBERS


def rate(value: Any, *, sign: bool = False) -> str:
    """Return a flip rate in percent: what is zero says so, what is small keeps its digits.

    Examples
    --------
    >>> rate(0.0), rate(0.0002), rate(0.0492), rate(0.000001), rate(-0.0001, sign=True)
    ('0', '0.020', '4.92', '< 0.001', '−0.010')
    """
    found = finite(value)
    if found is None or found == 0:
        return "–" if found is None else "0"
    if abs(found) < 5e-6:
        return "< 0.001" if found > 0 else f"> {MINUS}0.001"
    return percent(found, 3 if abs(found) < 1e-3 else 2, sign=sign)


def signed_rate(value: Any) -> str:
    """Return a difference of flip rates in points."""
    return rate(value, sign=True)


def luf(value: Any) -> str:
    """Return a LUF with the paper's four decimals, more where it is small.

    Examples
    --------
    >>> luf(0.7694), luf(0.00025), luf(0.0)
    ('0.7694', '0.00025', '0')
    """
    found = finite(value)
    if found is None or found == 0:
        return "–" if found is None else "0"
    if abs(found) >= 1e-3:
        return f"{found:.4f}".replace("-", MINUS)
    return number(found, 2) if abs(found) >= 1e-6 else f"{found:.0e}".replace("-", MINUS)


def flips(value: Any) -> str:
    """Return a mean number of flips.

    Examples
    --------
    >>> flips(29.26), flips(2926.1), flips(0.00498), flips(0)
    ('29.26', '2,926.1', '0.00498', '0')
    """
    found = finite(value)
    if found is None or found == 0:
        return "–" if found is None else "0"
    return number(found) if found < 0.1 else f"{found:.2f}" if found < 100 else f"{found:,.1f}"


def between(bounds: tuple[float, float] | None, *, sign: bool = False) -> str:
    """Return an interval of flip rates, or nothing where there is none or it is a point.

    Examples
    --------
    >>> between((0.0001, 0.0003)), between(None), between((0.0, 0.0))
    ('95% interval 0.010 to 0.030', '', '')
    """
    if not bounds or bounds[0] == bounds[1]:
        return ""
    return f"95% interval {rate(bounds[0], sign=sign)} to {rate(bounds[1], sign=sign)}"


def in_brackets(text: str) -> str:
    """Return text in brackets after a space; nothing for no text."""
    return f" ({text})" if text else ""


def together(results: Results) -> str:
    """Return in one text what a left-out row and what chance flips of each arm, where there are many; else nothing."""
    titles, arms = arm_titles(results), by_arm(entries_of(results))
    masked = {arm: found for arm, entries in arms.items() if (found := of_design(entries, "masked"))}
    if len(masked) <= MANY_ARMS:
        return ""
    said = ", ".join(f"{titles[arm]} {rate(found.flip_rate)}%" for arm, found in masked.items())
    text = f"Predictions that leaving one training row out flips, all else fixed: {said}."
    for design, what in (("one-ulp", "Rounding alone flips"), ("new-seed", "A new seed, with no row left out, flips")):
        rates = [found.flip_rate for entries in arms.values() if (found := of_design(entries, design))]
        if any(rates):
            text += f" {what} {rate(min(rates))} to {rate(max(rates))}%."
    return text


def headlines(results: Results) -> list[str]:
    """Return one sentence or two for each arm: the row's own effect, compared with rounding, the seed and the paper."""
    if text := together(results):
        return [text]
    titles, said = arm_titles(results), []
    for arm, entries in by_arm(entries_of(results)).items():
        masked = of_design(entries, "masked")
        if masked is None:
            continue
        said.append(f"{titles[arm]}: {headline(masked, entries)}")
    return said


def headline(masked: LeaveOneOut, entries: Sequence[LeaveOneOut]) -> str:
    """Return the result of one arm's masked design."""
    above, seed = masked.above_floor, of_design(entries, "new-seed")
    words = [
        f"leaving one training row out, all else fixed, flips {rate(masked.flip_rate)}% of predictions"
        f"{in_brackets(between(masked.flip_rate_interval))}"
    ]
    if above:
        low, high = above.interval or (None, None)
        judged = (
            ""
            if low is None or high is None
            else "more than rounding does"
            if low > 0
            else "less than rounding does"
            if high < 0
            else "not distinguished from rounding"
        )
        words.append(
            f"masked minus 1 ulp is {signed_rate(above.flip_rate)} points"
            f"{in_brackets(between(above.interval, sign=True))}{judged and f', {judged}'}"
        )
    if seed:
        words.append(
            f"a new seed with no row left out flips {rate(seed.flip_rate)}%{times(seed.flip_rate, masked.flip_rate)}"
        )
    paper = printed_rate(entries)
    if paper is not None:
        words.append(f"the paper has {rate(paper)}%, on CIFAR-10")
    return "; ".join(words) + "."


def times(more: float, less: float) -> str:
    """Return how many times as many flips, where that is at least two.

    Examples
    --------
    >>> times(0.05, 0.0002), times(0.0003, 0.0002)
    (', 250 times as many', '')
    """
    if not less or more < 2 * less:
        return ""
    return f", {count(more / less)} times as many"
