"""The arms of a report: their titles, their order and their colours, by the part they play in the findings."""

from fairtoll.findings.results import ArmValue, Finding, Results

GREY = "#767676"
# Okabe and Ito's palette, the hues with at least 3:1 contrast on white and on near-black: by role, in the arms' order.
COLOURS = {
    "standard": ("#0072B2",),
    "robust": ("#D55E00", "#009E73"),
    "control": (GREY,),
    "noise_control": ("#A9699F",),
}
#: Of arms that are left after those.
SPARE = ("#A9699F", "#8C6D1F", "#3C8DA8", "#5E5EB0")


class Titles(dict[str, str]):
    """Titles by name; a name with no title is its own."""

    def __missing__(self, name: str) -> str:
        return name


class Colours(dict[str, str]):
    """Colours by arm; an arm with no colour is grey."""

    def __missing__(self, name: str) -> str:
        return GREY


def arm_titles(results: Results) -> Titles:
    """Return each arm's title by its name."""
    return Titles({arm.name: arm.title or arm.name for arm in results.arms})


def arm_values(finding: Finding, *, controls: bool = True) -> list[ArmValue]:
    """Return a finding's arms: standard, robust and, where there are any, the controls."""
    values = [finding.standard, finding.robust, *((finding.control, finding.noise_control) if controls else ())]
    return [value for value in values if value is not None]


def arm_roles(results: Results) -> dict[str, str]:
    """Return the part that each arm plays in the findings; one that plays several has the first of these.

    standard, robust, control, noise_control; arms in the order of the results.
    """
    roles: dict[str, str] = {}
    for role in ("standard", "robust", "control", "noise_control"):
        found = {value.arm for finding in results.findings if (value := getattr(finding, role)) is not None}
        found |= {gap.value.arm for gap in results.gaps} if role == "standard" else set()
        ordered = [arm.name for arm in results.arms if arm.name in found]
        for name in (*ordered, *sorted(found - set(ordered))):
            roles.setdefault(name, role)
    return roles


def arm_colours(results: Results) -> Colours:
    """Return one colour an arm, the same in every chart of the report: by its role, and its place among those of it."""
    colours = Colours()
    roles = arm_roles(results)
    for name, role in roles.items():
        free = [colour for colour in COLOURS[role] if colour not in colours.values()]
        if free:
            colours[name] = free[0]
    for name in (*roles, *(arm.name for arm in results.arms)):
        if name not in colours:
            free = [colour for colour in SPARE if colour not in colours.values()]
            colours[name] = free[0] if free else GREY
    return colours
