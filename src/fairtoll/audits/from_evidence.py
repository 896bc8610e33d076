"""The questions of an audit answered from evidence alone: predictions made elsewhere, or an audit's own again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairtoll.attacks import Union
from fairtoll.audits.attacks import described, read_described
from fairtoll.audits.audited import Audit
from fairtoll.audits.options import Options, check_options
from fairtoll.audits.work import SEARCH, SEARCH_BY_SCORES, THREAT
from fairtoll.errors import FairtollError
from fairtoll.evidence.measures import PROOF, SCORES_ONLY, WHITE_BOX
from fairtoll.evidence.store import Evidence
from fairtoll.findings.assemble import assemble
from fairtoll.findings.judged import Rules
from fairtoll.findings.plan import audit_questions
from fairtoll.findings.questions import Attack, Certificate, Comparison


def audit_evidence(
    evidence: Evidence,
    *,
    partitions: Sequence[str] | None = None,
    epsilons: Sequence[float] = (),
    attacks: Sequence[Mapping[str, Any]] = (),
    minimum_rows: int = 10,
    least_epsilon_max: float | None = None,
    paired: bool = False,
    exact: bool = False,
    metrics: Sequence[str] | None = None,
    margins: Mapping[str, float] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Audit:
    """Audit existing evidence, such as `Evidence.from_frame` of predictions.

    Parameters
    ----------
    evidence : Evidence
        Of one arm or more; the first is the standard one.
    partitions : sequence of str, optional
        Default: the classes and every attribute.
    epsilons : sequence of float
        Radii of white-box attacks in the evidence, if there are any.
    attacks : sequence of mapping, optional
        Those attacks, each with its "name" in the evidence and other settings. Default: a union.
    minimum_rows : int
        Smaller groups are flagged and excluded from gaps.
    least_epsilon_max : float, optional
        Largest radius of a search for least epsilon in the evidence, if there is one.
    paired : bool
        Whether training runs of the same name belong together in all arms; see `audit`.
    exact : bool
        Whether the evidence holds proofs of every row, which are read instead of the attacks; see `audit`.
    metrics, margins, settings
        See `audit`.

    Returns
    -------
    Audit

    Raises
    ------
    FairtollError
        For evidence without predictions, and options as `audit` checks them.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"model": ["a"] * 40 + ["b"] * 40, "y": ["no", "yes"] * 40, "p": [0.2, 0.9] * 40})
    >>> evidence = Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, arm="model")
    >>> audit_evidence(evidence).table()[["metric", "verdict"]].values.tolist()
    [['cau', 'inconclusive']]
    """
    options = check_options(
        attributes=evidence.attributes, partitions=partitions, epsilons=epsilons, minimum_rows=minimum_rows,
        least_epsilon_max=least_epsilon_max, paired=paired, exact=exact, metrics=metrics, margins=margins,
        without_radii=True,
    )  # fmt: skip
    recorded = {} if settings is None else {"settings": dict(settings)}
    named = [_with_evaluation(evidence, attack) for attack in attacks]
    usual = [described(Union())] if options.epsilons else []
    return answer_evidence(evidence, asked_by(options, named or usual) | recorded)


def audit_again(evidence: Evidence, configuration: Mapping[str, Any]) -> Audit:
    """Answer the questions of an audit again, from its evidence and its configuration.

    Raises
    ------
    FairtollError
        If the configuration is not as `audit` makes it.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"model": ["a"] * 40 + ["b"] * 40, "y": ["no", "yes"] * 40, "p": [0.2, 0.9] * 40})
    >>> first = audit_evidence(Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, arm="model"))
    >>> audit_again(first.evidence, first.results.configuration).results == first.results
    True
    """
    kept = {name: value for name, value in configuration.items() if name != "fairtoll_version"}
    attacks = kept.get("attacks")
    if not isinstance(attacks, list) or not all(isinstance(one, Mapping) and "name" in one for one in attacks):
        raise FairtollError(
            f"the configuration has attacks {attacks!r}; expected a list of attacks, each with its name"
        )
    options = check_options(
        attributes=evidence.attributes, partitions=kept.get("partitions"), epsilons=kept.get("epsilons"),
        minimum_rows=kept.get("minimum_rows"), least_epsilon_max=kept.get("least_epsilon_max"),
        paired=kept.get("paired", False), exact=kept.get("exact", False),
        metrics=kept.get("metrics"), margins=kept.get("margins"), without_radii=True,
    )  # fmt: skip
    return answer_evidence(evidence, kept | asked_by(options, attacks))


def answer_evidence(evidence: Evidence, configuration: Mapping[str, Any]) -> Audit:
    """Every question of an audit with this configuration, answered from evidence alone.

    Raises
    ------
    FairtollError
        If the evidence has no arm.
    """
    arms, largest = evidence.arms, configuration.get("least_epsilon_max")
    if not arms:
        raise FairtollError("the evidence has no arm; expected predictions of one model or more")
    named, epsilons = [read_described(attack) for attack in configuration["attacks"]], configuration["epsilons"]
    exact = configuration["exact"]
    attacks = [Attack(how, name, epsilon, THREAT) for name, how in named for epsilon in epsilons]
    if exact:
        attacks = [Attack("proved", PROOF, epsilon, THREAT) for epsilon in epsilons]
    search: Attack | None = None
    if largest is not None and configuration.get("least_epsilon_by_scores"):
        search = Attack(SCORES_ONLY, SEARCH_BY_SCORES.name, largest, THREAT)
    elif largest is not None:
        search = Attack(WHITE_BOX, replace(SEARCH, proof=exact).name, largest, THREAT)
    questions = audit_questions(
        configuration["partitions"],
        class_names=evidence.class_names,
        attacks=attacks,
        search=search,
        certificates=_claims_of_all(evidence),
        metrics=configuration.get("metrics"),
    )
    plan = [(Comparison("audit", arms[0], robust), question) for robust in arms[1:] for question in questions]
    title, asked = _titles(arms)
    found = assemble(
        evidence,
        plan,
        title=title,
        question=asked,
        gaps=(arms[0], questions) if len(arms) == 1 else None,
        threat=THREAT,
        configuration=configuration,
        cuts=configuration.get("settings", {}).get("cuts", []),
        rules=Rules(
            paired=configuration["paired"],
            minimum_rows=configuration["minimum_rows"],
            margins=configuration.get("margins", {}),
        ),
    )
    return Audit(evidence, found)


def _titles(arms: Sequence[str]) -> tuple[str, str]:
    """The report's title, and what it asks."""
    if len(arms) == 1:
        return f"Fairness of {arms[0]}", f"Which classes and groups does {arms[0]} treat worse, and how robust is it?"
    others = ", ".join(arms[1:])
    return (
        f"Fairness toll: {others} against {arms[0]}",
        f"What does {others} cost compared with {arms[0]}, and which classes and groups pay?",
    )


def _with_evaluation(evidence: Evidence, attack: Mapping[str, Any]) -> dict[str, Any]:
    """An attack in the evidence with how it was run, as the evidence says where the caller does not."""
    found = (how for arm in evidence.arms for how, _, name, _ in evidence.attack_names(arm) if name == attack["name"])
    known = next((how for how in found if how in (WHITE_BOX, SCORES_ONLY)), WHITE_BOX)
    return {"evaluation": known, **attack}


def _claims_of_all(evidence: Evidence) -> list[Certificate]:
    """The claimed radii that every arm has."""
    named = [evidence.certificate_names(arm) for arm in evidence.arms]
    common = [one for one in named[0] if all(one in names for names in named)]
    return [Certificate(method, norm, threat) for threat, norm, method in common]


def asked_by(options: Options, attacks: list[dict[str, Any]]) -> dict[str, Any]:
    """What of an audit's configuration says which questions are answered."""
    largest = options.least_epsilon_max
    return {
        "partitions": list(options.partitions),
        "epsilons": list(options.epsilons),
        "attacks": attacks,
        "minimum_rows": options.minimum_rows,
        "paired": options.paired,
        "exact": options.exact,
        **({} if largest is None else {"least_epsilon_max": largest}),
        **({} if options.metrics is None else {"metrics": list(options.metrics)}),
        **({"margins": dict(options.margins)} if options.margins else {}),
    }
