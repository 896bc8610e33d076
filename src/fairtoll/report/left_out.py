"""How many more predictions change where one training row is left out of a recipe than where it is of another arm."""

from typing import Literal

from fairtoll.findings.results import LeaveOneOutContrast, Results

#: Added to the lead of a section that shows it.
LUF_LEAD = " LUF: how many more test predictions change, in points, where one training row is left out, all else fixed."


def extra_flips(
    results: Results, arm: str, against: Literal["standard", "baseline"] = "standard"
) -> LeaveOneOutContrast | None:
    """Return the difference of flip rates from the standard arm or the baseline; None where it was not measured."""
    found = next((one for one in results.leave_one_out if (one.arm, one.design) == (arm, "masked")), None)
    if found is None:
        return None
    return found.above_standard if against == "standard" else found.above_baseline
