"""One question as charts and tables show it: the standard arm, and every hardened arm that it was evaluated for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairtoll.findings.results import ArmValue, Finding, Gap, Parameters
from fairtoll.report.arms import arm_values


@dataclass(frozen=True)
class Compared:
    """The findings of one question under one protocol, one for each hardened arm; of one model alone its gap."""

    findings: tuple[Finding, ...]
    gap: Gap | None = None

    @property
    def _first(self) -> Finding | Gap:
        return self.gap or self.findings[0]

    @property
    def protocol(self) -> str:
        """Under which rules the arms were made and attacked."""
        return self._first.protocol

    @property
    def metric(self) -> str:
        """The name of what was measured."""
        return self._first.metric

    @property
    def parameters(self) -> Parameters:
        """What exactly was measured."""
        return self._first.parameters

    @property
    def standard(self) -> ArmValue:
        """The arm that the others are compared with, or the only one."""
        return self.gap.value if self.gap else self.findings[0].standard

    @property
    def hardened(self) -> list[ArmValue]:
        """The hardened arms, each once."""
        return list({finding.robust.arm: finding.robust for finding in self.findings}.values())

    def arms(self, *, controls: bool = True) -> list[ArmValue]:
        """Every arm once: standard, hardened and, where there are any, the controls."""
        main = {value.arm: value for value in (self.standard, *self.hardened)}
        others = [value for finding in self.findings for value in arm_values(finding)] if controls else []
        return list((main | {value.arm: value for value in others if value.arm not in main}).values())

    def is_control(self, arm: str) -> bool:
        """Whether an arm is only a control here."""
        return arm != self.standard.arm and arm not in (value.arm for value in self.hardened)

    def printed(self, arm: str) -> float | None:
        """The paper's gap of one arm; None where it has none."""
        for finding in self.findings:
            if finding.published is not None:
                values = {
                    finding.standard.arm: finding.published.standard,
                    finding.robust.arm: finding.published.robust,
                }
                if arm in values:
                    return values[arm]
        return None

    @property
    def has_published(self) -> bool:
        """Whether the paper printed any of these values."""
        return any(finding.published for finding in self.findings) or any(
            group.published is not None for value in self.arms() for group in value.groups
        )


def together(findings: Iterable[Finding | Gap]) -> list[Compared]:
    """Return findings that differ in their hardened arm alone as one, in the order of their first; each gap alone."""
    found: dict[tuple[str, str, str], list[Finding]] = {}
    alone = []
    for finding in findings:
        if isinstance(finding, Gap):
            alone.append(Compared((), finding))
            continue
        key = (finding.protocol, finding.metric, finding.parameters.model_dump_json())
        found.setdefault(key, []).append(finding)
    return [*(Compared(tuple(of_question)) for of_question in found.values()), *alone]


def most_telling(questions: Sequence[Compared], most: int) -> list[Compared]:
    """Return the questions that fit a chart: of too many those with a verdict, then those with the largest change."""
    if len(questions) <= most:
        return list(questions)

    def rank(question: Compared) -> tuple[bool, float]:
        changes = [finding.difference for finding in question.findings if finding.difference]
        decided = any(finding.verdict in ("less fair", "fairer") for finding in question.findings)
        if question.gap is not None:
            return question.gap.verdict != "above margin", -(question.gap.value.value or 0.0)
        return not decided, -max((abs(change.value) for change in changes), default=0.0)

    chosen = sorted(questions, key=rank)[:most]
    return [question for question in questions if question in chosen]
