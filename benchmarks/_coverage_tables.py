"""Counts of simulated trials with their Clopper-Pearson intervals, as lines of a Markdown table."""

from __future__ import annotations

from scipy import stats


def exact_interval(count, trials):
    """Clopper and Pearson's 95% interval of a probability."""
    found = stats.binomtest(count, trials).proportion_ci(method="exact")
    return found.low, found.high


def share(count, trials):
    """A share with its interval in percent."""
    low, high = exact_interval(count, trials)
    return f"{count / trials:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def failing(count, trials, least, most):
    """Whether the interval excludes every probability from `least` to `most`."""
    low, high = exact_interval(count, trials)
    return high < least or low > most


def table(head, rows):
    """Lines of a Markdown table."""
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def replace_part(document, title, lines):
    """The document with the part under `## title` written anew, at the end if there was none."""
    parts = document.split("\n## ")
    text = f"{title}\n\n" + "\n".join(lines).strip() + "\n"
    places = [place for place, part in enumerate(parts) if part.startswith(f"{title}\n")]
    if places:
        parts[places[0]] = text
    else:
        parts.append(text)
    return "\n## ".join(part.rstrip() + "\n" for part in parts)
