"""`fairtoll audit`, its work: from settings to a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairtoll.attacks.named import attack_named
from fairtoll.attacks.success_curve import check_epsilons
from fairtoll.audits import audit, audit_evidence
from fairtoll.audits.audited import require_audit_folder
from fairtoll.cli.audit_models import load_models
from fairtoll.cli.audit_predictions import load_predictions
from fairtoll.cli.audit_rows import fixed_note, load_rows, threat_of
from fairtoll.cli.display import Progress
from fairtoll.cli.settings import Settings
from fairtoll.cli.settings_file import flag_of
from fairtoll.errors import FairtollError
from fairtoll.findings.gate import ALARM, LESS_FAIR
from fairtoll.findings.thresholds import read_threshold, require_partitions
from fairtoll.metrics import METRICS
from fairtoll.progress import part, reporting_to, saying_to
from fairtoll.storage.files import kept_if_filled

#: What says nothing of an audit of predictions, which attacks no model.
NOT_OF_PREDICTIONS = (
    "data.rows", "data.train", "data.features", "data.image", "data.categories", "data.limit", "models",
    "threat.immutable",
    "threat.ranges",
    "threat.epsilons", "threat.mutable", "threat.one_hot", "threat.monotone", "threat.relations", "threat.costs",
    "audit.attacks", "audit.least_epsilon_max", "audit.exact",
)  # fmt: skip
#: What says nothing of an audit of models.
OF_PREDICTIONS_ALONE = (
    "data.probabilities",
    "data.model_column",
    "data.reference",
    "data.run_column",
    "data.row_column",
)
#: The share of an audit in which a model may still be refused.
FIRST_LOOK = 0.025


def run_audit(settings: Settings, display: Progress, *, source: Path | None = None) -> Path:
    """Audit what the settings name; returns the report's path.

    Parameters
    ----------
    settings : Settings
    display : Progress
        Where progress goes, and what was assumed.
    source : Path, optional
        The file that the settings are from, which is said too.

    Raises
    ------
    FairtollError
        For anything that does not fit together, naming it. An audit that is refused leaves no folder.
    """
    _require_one_kind(settings)
    _require_gate(settings)
    out = Path(settings.out)
    with kept_if_filled(out):
        require_audit_folder(out)  # before the work
        if settings.data.predictions is not None:
            _of_predictions(settings, out, display, source)
        else:
            _of_models(settings, out, display, source)
    return out / "report.html"


def _of_models(settings: Settings, out: Path, display: Progress, source: Path | None) -> None:
    options, radii = settings.audit, sorted(settings.threat.epsilons)
    if not radii:
        raise FairtollError(
            "no radius; expected how far an adversary may move a row; give --epsilon RADIUS, or epsilons in [threat]"
        )
    check_epsilons(radii)
    attacks = None if options.attacks is None else [attack_named(name) for name in options.attacks]
    rows = load_rows(settings)
    arms = load_models(settings.models, rows.test)
    threat = threat_of(rows, settings.threat)
    said = _Once([*_named(source), *(f"Note: {note}" for note in (*rows.notes, *fixed_note(rows, threat)))], display)
    tracked = display.track("Attacking the models, writing the report")
    with reporting_to(lambda share: tracked(said.before(share))), saying_to(said.say), part(1.0):
        audit(
            arms,
            rows.test,
            threat=threat,
            epsilons=radii,
            partitions=options.partitions,
            minimum_rows=options.minimum_rows,
            attacks=attacks,
            least_epsilon_max=options.least_epsilon_max,
            seed=options.seed,
            paired=options.paired,
            exact=options.exact,
            metrics=options.metrics,
            margins=options.margins or None,
            settings=recorded(settings, cuts=rows.cuts),
            out=out,
        )


def _of_predictions(settings: Settings, out: Path, display: Progress, source: Path | None) -> None:
    options = settings.audit
    with reporting_to(display.track("Reading predictions, writing the report")):
        with part(0.2):
            evidence = load_predictions(settings.data, ordered=bool(settings.gate.fail_on or settings.gate.thresholds))
        for line in _named(source):
            display.message(line)
        with part(0.5):
            found = audit_evidence(
                evidence,
                partitions=options.partitions,
                minimum_rows=options.minimum_rows,
                paired=options.paired,
                metrics=options.metrics,
                margins=options.margins or None,
                settings=recorded(settings),
            )
        with part(0.3):
            found.save(out)


def _named(source: Path | None) -> list[str]:
    return [] if source is None else [f"Settings: {source}"]


class _Once:
    """Says what was assumed once an audit has begun: of one that is refused, the error alone is said."""

    def __init__(self, notes: Sequence[str], display: Progress) -> None:
        self._notes, self._display, self._done = list(notes), display, 0.0

    def say(self, line: str) -> None:
        """Show a line, after the notes."""
        for one in (*self._notes, line):
            self._display.message(one)
        self._notes = []

    def before(self, share: float) -> float:
        """Show the notes before any progress beyond the first look at the models; returns the share."""
        self._done += share
        if self._notes and self._done > FIRST_LOOK:
            *self._notes, last = self._notes
            self.say(last)
        return share


def _require_one_kind(settings: Settings) -> None:
    """Raise for settings of predictions beside settings of models."""
    plain = settings.model_dump(exclude_defaults=True)
    found = {name for name in (*NOT_OF_PREDICTIONS, *OF_PREDICTIONS_ALONE) if _at(plain, name)}
    if settings.data.predictions is not None:
        wrong = [name for name in NOT_OF_PREDICTIONS if name in found]
        if wrong:
            raise FairtollError(
                f"{flag_of(wrong[0])} is given with --predictions, which are audited as they are, without rows, models "
                "or attacks; leave one of them out"
            )
    elif wrong := [name for name in OF_PREDICTIONS_ALONE if name in found]:
        raise FairtollError(
            f"{flag_of(wrong[0])} is of predictions; give their table with --predictions, or leave it out"
        )


def _require_gate(settings: Settings) -> None:
    """Raise before the work for rules that nothing of this audit could be held against."""
    options, gate = settings.audit, settings.gate
    require_partitions(gate.thresholds, options.partitions or ["class", *settings.data.groups])
    for name in gate.thresholds:
        quantity, radius = read_threshold(name).quantity, read_threshold(name).epsilon
        if radius is not None and radius not in settings.threat.epsilons and settings.data.predictions is None:
            radii = ", ".join(f"{one:g}" for one in settings.threat.epsilons) or "none"
            raise FairtollError(
                f"the threshold '{name}' is of the radius {radius:g}, at which nothing is attacked; expected one of "
                f"the radii, {radii}; give it with --epsilon too, or correct it"
            )
        if options.metrics is not None and quantity in METRICS and quantity not in options.metrics:
            raise FairtollError(
                f"the threshold '{name}' is of a metric that is not measured; expected one of "
                f"{', '.join(options.metrics)}; name it with --metric too"
            )
    if set(gate.fail_on) == {ALARM} and not gate.thresholds and settings.data.predictions is not None:
        raise FairtollError(
            f"--fail-on {ALARM} alone, and predictions have none, since nothing is attacked; expected a rule that they "
            f"can miss; give --threshold NAME=NUMBER or --fail-on {LESS_FAIR}"
        )
    if gate.fail_on and LESS_FAIR in gate.fail_on and len(settings.models) == 1 and settings.data.predictions is None:
        raise FairtollError(
            f"--fail-on {LESS_FAIR} compares models, and there is one, {next(iter(settings.models))}; expected two or "
            "more; give --threshold NAME=NUMBER for one model"
        )


def _at(plain: Any, name: str) -> Any:
    for key in name.split("."):
        plain = plain.get(key) if isinstance(plain, dict) else None
    return plain


def recorded(settings: Settings, *, cuts: Sequence[str] = ()) -> dict[str, Any]:
    """The settings as they stand in the results: without defaults, nor the folders of this machine.

    Examples
    --------
    >>> from fairtoll.cli.settings import DataSettings
    >>> recorded(Settings(data=DataSettings(rows="rows.csv", label="y"), out="runs/one"))
    {'data': {'rows': 'rows.csv', 'label': 'y'}}
    """
    plain: dict[str, Any] = _without_folders(settings.model_dump(exclude_defaults=True, exclude={"out"}))
    return {**plain, "cuts": list(cuts)} if cuts else plain


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_folders(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_folders(one) for one in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
