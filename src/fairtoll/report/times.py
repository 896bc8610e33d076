"""Times: stages summed by kind of work."""

from fairtoll.findings.results import Results

TITLES = {
    "training": "Training",
    "attacks": "Attacks",
    "predictions": "Predictions",
    "leave-one-out": "Leave-one-out",
    "statistics": "Statistics",
    "report": "Report",
    "other": "Other",
}


def by_kind(results: Results) -> list[tuple[str, str, str]]:
    """Return each kind of work with its time and its share of the whole, in a fixed order."""
    sums = dict.fromkeys(TITLES, 0.0)
    for one in results.times:
        sums[one.kind] += one.seconds
    whole = sum(sums.values())
    shares = [(TITLES[kind], spoken(time), f"{100 * time / whole:.0f}%") for kind, time in sums.items() if time > 0]
    return [*shares, ("Together", spoken(whole), "")] if shares else []


def spoken(seconds: float) -> str:
    """Return a duration in words.

    Examples
    --------
    >>> spoken(0.42), spoken(75.0), spoken(5400.0)
    ('0.4 s', '1 min 15 s', '1 h 30 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 3569.5:
        return f"{round(seconds) // 60} min {round(seconds) % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"
