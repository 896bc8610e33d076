"""Where the time went: stages summed by kind of work."""

from fairtoll.report._format import Json, finite

KINDS = {
    "Training": ("train", "fit"),
    "Predictions": ("predict", "rows", "data", "models"),
    "Statistics": ("results", "statistics", "metrics", "evidence"),
    "Report": ("report", "figures", "tables"),
}
ATTACKS = ("craft", "transfer", "pgd", "union", "checks", "all-14", "realistic", "attack", "white-box", "least")
ORDER = ("Training", "Attacks", "Predictions", "Statistics", "Report", "Other")


def kind_of(stage: str, arms: list[str]) -> str:
    """Return the kind of work a stage did, by the name it begins with.

    A stage `X-ARM` of a name not known here is an attack: threats are named by whoever declares them.
    """
    for kind, names in KINDS.items():
        if stage.startswith(names):
            return kind
    attack = stage.startswith(ATTACKS) or any(stage.endswith(f"-{arm}") for arm in arms)
    return "Attacks" if attack else "Other"


def by_kind(results: Json) -> list[tuple[str, str, str]]:
    """Return each kind of work with its time and its share of the whole, in a fixed order."""
    arms = [arm["name"] for arm in results.get("arms") or []]
    sums = dict.fromkeys(ORDER, 0.0)
    for stage, seconds in (results.get("seconds") or {}).items():
        sums[kind_of(stage, arms)] += finite(seconds) or 0.0
    whole = sum(sums.values())
    shares = [(kind, spoken(time), f"{100 * time / whole:.0f}%") for kind, time in sums.items() if time > 0]
    return [*shares, ("Together", spoken(whole), "")] if shares else []


def spoken(seconds: float) -> str:
    """Return a duration as a reader says it.

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
