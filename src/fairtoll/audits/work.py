"""The measurements of an audit, part by part: finished parts are kept if there is a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from fairtoll.attacks import AttackSpec, External, LeastEpsilon, LeastEpsilonByScores, Union, find_hop_skip_jump
from fairtoll.audits.attacks import BY_SCORES, AuditAttacks, evaluation_of
from fairtoll.bounds import what_is_provable
from fairtoll.errors import FairtollError
from fairtoll.evidence.collect import Tables, collect, craft
from fairtoll.evidence.measures import SCORES_ONLY, Attacked, Checks, Clean, Decisions, Measure, Proofs, Transfer
from fairtoll.evidence.ranges import describe_ranges
from fairtoll.evidence.store import Evidence, describe_rows, write_about
from fairtoll.evidence.target import Arm, Target
from fairtoll.findings.model_alarms import REMARKS, describe_models
from fairtoll.findings.notes import DECISIONS
from fairtoll.findings.proofs import UNPROVED
from fairtoll.progress import tracked
from fairtoll.runs.folder import Run
from fairtoll.storage.files import write_parquet

THREAT = "audit"
#: How least epsilon is searched; its tolerance is this share of the largest radius. What the search leaves censored a
#: union tries, so that no row counts as robust that the audit's own attacks break.
SEARCH = LeastEpsilon(tolerance=0.005, start=Union())
#: The same of models without gradients, and inside a threat to raw rows of a table.
SEARCH_BY_SCORES = LeastEpsilonByScores(tolerance=0.005)
#: The same where least epsilon is bracketed by proof: what is not proved must be small beside the margin of CRU_eps.
PROVED_TOLERANCE = 0.001
#: Rows of the sample that says how much of what attacks leave unbroken is proved.
PROVED_ROWS = 500
#: Why nothing is proved of a model that says no more than its scores.
NO_LAYERS = "known by scores alone, and a proof follows the layers of a network"


@dataclass(frozen=True, eq=False)
class Part:
    """One measure of one training run of one arm, and its share of the work."""

    name: str
    arm: str
    table: str
    make: Callable[[], Tables]
    weight: float

    @property
    def file(self) -> str:
        """Where its rows are kept, relative to the folder."""
        return f"evidence/{self.table}-{self.name}.parquet"


@dataclass(frozen=True, eq=False)
class AuditWork:
    """The models of an audit, its rows, and what is measured on each.

    Attributes
    ----------
    arms : sequence of Arm
        The standard one first.
    target : Target
        Its rows and threat.
    epsilons : sequence of float
    attacks : AuditAttacks
        Each at every radius.
    least_epsilon_max : float, optional
        Largest radius of the search for least epsilon, if it is measured.
    exact : bool
        Whether every row is proved or refuted, and least epsilon bracketed; else a sample is, where it takes seconds.
    """

    arms: Sequence[Arm]
    target: Target
    epsilons: Sequence[float]
    attacks: AuditAttacks
    least_epsilon_max: float | None = None
    exact: bool = False
    _predicted: dict[str, Tables] = field(default_factory=dict, repr=False)
    _crafted: dict[int, dict[float, list[Tensor]]] = field(default_factory=dict, repr=False)

    @property
    def about(self) -> dict[str, Any]:
        """What evidence says of the data and the arms."""
        return {
            "name": self.target.data.name,
            "title": self.target.data.name,
            "arms": [
                {"name": arm.name, "title": arm.name, "note": f"{len(arm.models)} training run(s)"} for arm in self.arms
            ],
            REMARKS: {arm.name: describe_models(arm.models) for arm in self.arms},
            DECISIONS: {
                arm.name: self._decides.library if self._decides else "" for arm in self.arms if not arm.has_gradients
            },
            UNPROVED: {arm.name: said for arm in self.arms if (said := self._unproved(arm))},
            **describe_ranges({self.target.threat_name: self.target.threat}),
        }

    @cached_property
    def _decides(self) -> External | None:
        """HopSkipJump of another library, an independent look at arms that are known by their scores alone."""
        return None if all(arm.has_gradients for arm in self.arms) else find_hop_skip_jump()

    def _unproved(self, arm: Arm) -> str:
        """Why nothing is proved of an arm, where nothing is."""
        if not arm.has_gradients:
            return NO_LAYERS
        for model in arm.models:
            method, why = what_is_provable(model, self.target.x, self.target.threat)
            if method == "linear" and not self.exact:
                return f"{why}; looser bounds, which take seconds for each row, come with exact=True (--exact)"
            if not method:
                return why
        return ""

    def require_bounds(self) -> None:
        """Raise if every row is to be proved and no bound is known for a model.

        Raises
        ------
        FairtollError
            It names the layers.
        """
        for arm in self.arms if self.exact else ():
            if said := self._unproved(arm):
                raise FairtollError(f"arm '{arm.name}': {said}; or leave exact (--exact) out")

    @property
    def searches_by_scores(self) -> bool:
        """Whether least epsilon is searched by scores: an arm has no gradients, or the threat is to raw rows."""
        return self.target.threat.norm == "table" or not all(arm.has_gradients for arm in self.arms)

    def require_least_epsilon(self) -> None:
        """Raise if least epsilon is to be searched by scores in rows that are no table.

        Raises
        ------
        FairtollError
            It names the arms.
        """
        if self.least_epsilon_max is None or self.target.x.ndim == 2 or not self.searches_by_scores:
            return
        without = ", ".join(f"'{arm.name}'" for arm in self.arms if not arm.has_gradients)
        raise FairtollError(
            f"least_epsilon_max is {self.least_epsilon_max:g}, and the models of {without} have no gradients, which "
            "the search follows in rows that are no table; expected arms with gradients; leave it out, or give more "
            "epsilons"
        )

    def predict(self) -> None:
        """Predict every clean row with every model, for the parts that keep it."""
        for part in tracked([part for part in self.parts() if part.table == "predictions"]):
            self._predicted[part.name] = part.make()

    def predicted(self, place: int) -> NDArray[np.float64]:
        """Class probabilities of the clean rows by the first model of an arm, `(N, C)`."""
        (part,) = self._of(place, {"clean": Clean()}, weight=0.0)[:1]
        found = self._predicted.setdefault(part.name, part.make()).predictions.sort_values("row")
        return found[[f"probability_{one}" for one in range(len(self.target.data.class_names))]].to_numpy(np.float64)

    def finished(self, run: Run) -> list[str]:
        """Names of the parts that are up to date in a folder."""
        return [part.name for part in self.parts() if run.is_up_to_date(part.name, [part.file])]

    def evidence(self) -> Evidence:
        """Measure every part and keep the outcomes in memory."""
        parts = self.parts()
        tables = [part.make() for part in tracked(parts, weights=[part.weight for part in parts])]
        return Evidence(
            describe_rows(self.target.data),
            pd.concat([one.predictions for one in tables if len(one.predictions)], ignore_index=True),
            pd.concat([one.attacks for one in tables if len(one.attacks)], ignore_index=True),
            self.target.data.class_names,
            self.about,
        )

    def evidence_in(self, run: Run) -> Evidence:
        """The same in a folder: parts that are up to date there are not measured again."""
        folder = run.folder / "evidence"

        def write_rows() -> None:
            write_parquet(describe_rows(self.target.data), folder / "rows.parquet")
            write_about(folder, self.target.data.class_names, self.about)

        run.stage("rows", ["evidence/rows.parquet", "evidence/about.json"], write_rows)
        parts = self.parts()
        for part in tracked(parts, weights=[part.weight for part in parts]):
            kind = "attacks" if part.table == "attacks" else "predictions"
            run.stage(part.name, [part.file], _writing(part, run.folder / part.file), kind=kind, arm=part.arm)
        return Evidence.load(folder)

    def parts(self) -> list[Part]:
        """Clean predictions of all arms first: an invalid model raises before the others are attacked."""
        far = 100 * max(self.epsilons)
        measures: dict[str, Measure] = {"checks": Checks(self.epsilons, far, by_scores=BY_SCORES)}
        measures |= self._attacked("attack", self.attacks.compared)
        beside = self._attacked("beside", self.attacks.beside)
        proofs = Proofs(self.epsilons, rows=None if self.exact else PROVED_ROWS)
        if (largest := self.least_epsilon_max) is not None:
            measures["least-epsilon"] = self._least_epsilon(largest)
        decisions: dict[str, Measure] = {}
        if self._decides is not None:
            decisions["decisions"] = Decisions(self._decides, self.epsilons)
        transfer: dict[str, Measure] = {}
        if self.attacks.transfer is not None:
            transfer["transfer"] = Transfer(self.attacks.transfer, self.epsilons, source=self.arms[0].name)
        one = list(enumerate(self.arms))
        return [
            *(part for place, _ in one for part in self._of(place, {"clean": Clean()}, weight=0.02)),
            *(part for place, _ in one for part in self._of(place, measures, weight=1.0)),
            *(part for place, arm in one if arm.has_gradients for part in self._of(place, beside, weight=1.0)),
            *(part for place, arm in one if not arm.has_gradients for part in self._of(place, decisions, weight=0.2)),
            *(
                part
                for place, arm in one
                if not self._unproved(arm)
                for part in self._of(place, {"proof": proofs}, weight=5.0 if self.exact else 0.2)
            ),
            *(part for place, _ in one[1:] for part in self._of(place, transfer, weight=0.05)),
        ]

    def _least_epsilon(self, largest: float) -> Attacked:
        if self.searches_by_scores:
            return Attacked(replace(SEARCH_BY_SCORES, tolerance=SEARCH.tolerance * largest), [largest], (), SCORES_ONLY)
        share = PROVED_TOLERANCE if self.exact else SEARCH.tolerance
        return Attacked(replace(SEARCH, tolerance=share * largest, proof=self.exact), [largest])

    def _attacked(self, name: str, attacks: Sequence[AttackSpec]) -> dict[str, Measure]:
        return {
            f"{name}-{place}": Attacked(one, self.epsilons, evaluation=evaluation_of(one))
            for place, one in enumerate(attacks)
        }

    def _of(self, place: int, measures: dict[str, Measure], *, weight: float) -> list[Part]:
        arm = self.arms[place]
        return [
            Part(
                name=f"{name}-{place}-{position}",
                arm=arm.name,
                table="predictions" if isinstance(measure, Clean) else "attacks",
                make=self._making(measure, Arm(arm.name, [model], [seed]), position, f"{name}-{place}-{position}"),
                weight=weight,
            )
            for position, (model, seed) in enumerate(arm.pairs)
            for name, measure in measures.items()
        ]

    def _making(self, measure: Measure, one: Arm, position: int, name: str) -> Callable[[], Tables]:
        def make() -> Tables:
            if (predicted := self._predicted.get(name)) is not None:
                return predicted
            examples = self._examples(measure, position) if isinstance(measure, Transfer) else None
            return collect(measure, one, self.target, examples=examples)

        return make

    def _examples(self, transfer: Transfer, position: int) -> dict[float, list[Tensor]]:
        """The examples of a training run: crafted on the standard run of its number (modulo their count)."""
        source = self.arms[0]
        place = position % len(source.models)
        if place not in self._crafted:
            one = Arm(source.name, [source.models[place]], [source.seeds[place]])
            self._crafted[place] = craft(transfer, one, self.target)
        return self._crafted[place]


def _writing(part: Part, path: Path) -> Callable[[], None]:
    return lambda: write_parquet(getattr(part.make(), part.table), path)
