"""What the two sides of a comparison are called: by their parts in an experiment, by their names in an audit."""

from dataclasses import dataclass

from fairtoll.findings.results import Finding, Results
from fairtoll.report.arms import Titles, arm_titles


@dataclass(frozen=True)
class Sides:
    """Names of the model that others are compared with, and of those.

    Attributes
    ----------
    first, second : str
        Beside other names: "robust minus standard", "v2 minus v1".
    first_model, second_model : str
        Within a sentence: "the standard model", "v1".
    """

    first: str
    second: str
    first_model: str
    second_model: str

    @property
    def heads(self) -> tuple[str, str]:
        """Both as headings: a word of ours starts with a capital, a user's name stays as it is."""
        return self._head(self.first, self.first_model), self._head(self.second, self.second_model)

    @staticmethod
    def _head(name: str, model: str) -> str:
        return name if name == model else name.capitalize()


#: Of the paper's experiments, where every arm is one or the other.
BY_PART = Sides("standard", "robust", "the standard model", "the robust model")


def sides(results: Results) -> Sides:
    """Return what the two sides of this report's comparisons are called; of several others, what any of them is."""
    names = {finding.robust.arm: finding for finding in results.findings}
    if len(names) == 1:
        return sides_of(results.findings[0], arm_titles(results))
    if not names or any(finding.protocol != "audit" for finding in results.findings):
        return BY_PART
    first = arm_titles(results)[results.findings[0].standard.arm]
    return Sides(first, "other", first, "the other model")


def sides_of(finding: Finding, titles: Titles) -> Sides:
    """Return what the two sides of one finding are called."""
    if finding.protocol != "audit":
        return BY_PART
    first, second = titles[finding.standard.arm], titles[finding.robust.arm]
    return Sides(first, second, first, second)
