"""The first screen in words: the question, the answer, and counts of the verdicts."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fairtoll.findings.results import Results
from fairtoll.report.accuracies import first_epsilon, main_accuracies, weakest
from fairtoll.report.arms import arm_titles
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import percent
from fairtoll.report.sections.leave_one_out.words import by_arm, entries_of, of_design, rate, together
from fairtoll.report.select import (
    OWN,
    VERDICTS,
    counted,
    epsilon_text,
    evaluation_name,
    is_main_threat,
    own_evaluation,
    protocols,
    verdicts,
)

# Differences of less than two points between static transfer and white-box are not shown.
APART = 0.02


@dataclass(frozen=True)
class VerdictCounts:
    """How often each verdict was reached for one metric of one protocol."""

    protocol: str
    metric: str
    counts: tuple[int, ...]
    from_control: tuple[int, ...] | None


@dataclass(frozen=True)
class Line:
    """One line of the answer, under its label."""

    label: str
    text: str


def question(results: Results) -> str:
    """Return what is evaluated, in one sentence: the results' own, else a general one."""
    title = results.dataset.title or results.title or "the data"
    return results.question or (
        f"When a classifier on {title} is hardened against adversarial examples, does it become less fair "
        "between classes and between groups?"
    )


def verdict_counts(results: Results) -> list[VerdictCounts]:
    """Return the verdicts of every metric and protocol, counted, and of all together where there are several."""
    tallies: list[VerdictCounts] = []
    for protocol in protocols(results):
        of_protocol = [f for f in results.findings if f.protocol == protocol]
        for metric in dict.fromkeys(f.metric for f in of_protocol):
            found = [f for f in of_protocol if f.metric == metric]
            plain = Counter(counted(results, f) for f in found)
            control: Counter[str] = Counter(f.verdict_from_control for f in found if f.verdict_from_control)
            tallies.append(
                VerdictCounts(
                    protocol,
                    metric_of(metric).symbol,
                    tuple(plain[verdict] for verdict in verdicts(results)),
                    tuple(control[verdict] for verdict in verdicts(results)) if control else None,
                )
            )
    return [*tallies, summed(tallies)] if len(tallies) > 1 else tallies


def summed(tallies: Sequence[VerdictCounts]) -> VerdictCounts:
    """Return all counts together."""

    def columns(counts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        return tuple(map(sum, zip(*counts, strict=True)))

    controlled = [line.from_control for line in tallies if line.from_control]
    whole = columns([line.counts for line in tallies])
    return VerdictCounts("all", "", whole, columns(controlled) if controlled else None)


def counts_in_words(counts: Sequence[VerdictCounts], names: Sequence[str] = VERDICTS) -> str:
    """Return how many findings there are and how many of them have each verdict, as the table's last line counts.

    Examples
    --------
    >>> counts_in_words([VerdictCounts("audit", "CAU", (1, 0, 0, 2, 0), None)])
    '3 findings: 1 less fair, 2 inconclusive.'
    """
    if not counts:
        return ""
    whole = counts[-1]
    said = [spelled(whole.counts, names)]
    said += [f"against the control {spelled(whole.from_control, names)}"] if whole.from_control else []
    total = sum(whole.counts)
    return f"{total} finding{'' if total == 1 else 's'}: {'; '.join(said)}."


def spelled(counts: Sequence[int], names: Sequence[str]) -> str:
    """Return counts with their verdicts."""
    return ", ".join(f"{n} {verdict}" for n, verdict in zip(counts, names, strict=True) if n)


def answer(results: Results) -> list[Line]:
    """Return the figures beside the answer: what attacks leave, what is proved, what a left-out row flips."""
    # Of many recipes the frontier shows what attacks leave.
    return ([] if results.recipes else robustness_lines(results)) + proof_line(results) + leave_one_out_line(results)


def proof_line(results: Results) -> list[Line]:
    """Return how much of what attacks leave unbroken is proved, under the threat that the report leads with."""
    titles = arm_titles(results)
    found = [one for one in results.proofs if is_main_threat(results, one.threat) and not one.least_epsilon]
    if not found:
        return []
    # At the radius of the line above, where there is a proof at it.
    radii = {one.epsilon for one in found}
    first = first_epsilon(results)
    epsilon = first if first in radii else max(radii)
    said = []
    for one in found:
        if one.epsilon != epsilon or one.settled is None:
            continue
        low = f" (95% interval from {_at_least(one.settled_interval[0])}%)" if one.settled_interval else ""
        said.append(f"{titles[one.arm]} {_at_least(one.settled)}%{low}")
    if not said:
        return []
    whole = all(one.rows == one.of for one in found)
    of = "" if whole else f"In a sample of {found[0].rows:,} rows: "
    head = f"Proved robust, of the rows that nothing breaks, {epsilon_text(epsilon)}."
    return [Line(head, f"{of}{', '.join(said)}. No stronger attack can break these.")]


def _at_least(share: float) -> str:
    """Return a share in percent, rounded down: 100.0 where nothing is missing."""
    return percent(math.floor(share * 1000 + 1e-9) / 1000)


def leave_one_out_line(results: Results) -> list[Line]:
    """Return what a left-out row and what a new seed flips, by arm; nothing where either was not measured."""
    if text := together(results):
        return [Line("Leave-one-out.", text)]
    titles, said = arm_titles(results), []
    for arm, entries in by_arm(entries_of(results)).items():
        masked, seed = of_design(entries, "masked"), of_design(entries, "new-seed")
        if masked and seed:
            rounding = of_design(entries, "one-ulp")
            floor = f", rounding alone {rate(rounding.flip_rate)}%" if rounding and rounding.flip_rate else ""
            said.append(
                f"{titles[arm]}: leaving a row out, all else fixed, flips {rate(masked.flip_rate)}% of predictions"
                f"{floor}, a new seed {rate(seed.flip_rate)}%."
            )
    return [Line("Leave-one-out.", " ".join(said))] if said else []


def robustness_lines(results: Results) -> list[Line]:
    """Return what attacks on the models themselves leave of each arm, the compared evaluation first."""
    compared = own_evaluation(results)
    order = sorted(OWN, key=lambda evaluation: evaluation != compared)
    return [line for evaluation in order for line in _robustness_line(results, evaluation)]


def _robustness_line(results: Results, evaluation: str) -> list[Line]:
    """Return what one kind of attack leaves of each arm, and of the paper's figure by static transfer."""
    epsilon = first_epsilon(results)
    if epsilon is None:
        return []
    titles = arm_titles(results)
    white = {e.arm: e for e in weakest(main_accuracies(results, evaluation), epsilon)}
    moved = {e.arm: e for e in weakest(main_accuracies(results, "static-transfer"), epsilon)}
    findings = results.findings
    arms = dict.fromkeys([f.robust.arm for f in findings] + [f.standard.arm for f in findings] or list(titles))
    moved_most: list[str] = []
    others: list[str] = []
    for arm in arms:
        if arm not in white:
            continue
        left, transfer = f"{titles[arm]} {percent(white[arm].mean)}%", moved.get(arm)
        # Examples made on the model itself are no transfer.
        if transfer is not None and transfer.source_arm != arm and abs(transfer.mean - white[arm].mean) >= APART:
            here, paper = f"{percent(transfer.mean)}%", transfer.published
            claimed = here if paper is None else f"the paper's {percent(paper)}% ({here} here)"
            moved_most.append(f"{left}: {claimed} is static transfer.")
        else:
            others.append(left)
    text = " ".join([*moved_most, *([f"{', '.join(others)}."] if others else [])])
    if not text:
        return []
    if evaluation == "scores-only":
        text += " By scores only: a stronger attack may exist."
    return [Line(f"Robust accuracy, {evaluation_name(evaluation)}, {epsilon_text(epsilon)}.", text)]
