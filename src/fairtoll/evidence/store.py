"""Evidence: every model's outcome on every row, as tables on disk.

Attacks are expensive and metrics are cheap: per-row outcomes are saved once, and any metric, group, interval or
figure is computed from them again, without the model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.errors import FairtollError, warn
from fairtoll.evidence._folder import NO_ATTACKS as NO_ATTACKS
from fairtoll.evidence._folder import read_tables, require_evidence, write_tables
from fairtoll.evidence._radii import names_of_proofs, names_of_searches, proved_radii, searched_radii
from fairtoll.evidence.certificates import NO_CERTIFICATES, Certificates, Claimed, read_claims
from fairtoll.evidence.certificates import describe_certificate as describe_certificate
from fairtoll.evidence.checks import check_class_names, read_rows
from fairtoll.evidence.compact import Attacks, Predictions
from fairtoll.evidence.copies import describe_copies, find_copies
from fairtoll.evidence.detections import NO_DETECTIONS, Detected, Detections
from fairtoll.evidence.predictions import read_predictions
from fairtoll.evidence.ranges import read_range
from fairtoll.evidence.refuted import smallest_broken
from fairtoll.evidence.sources import Given, Source
from fairtoll.evidence.tables import describe_attack as describe_attack
from fairtoll.evidence.tables import describe_least_epsilon as describe_least_epsilon
from fairtoll.evidence.tables import describe_predictions as describe_predictions
from fairtoll.evidence.tables import describe_rows as describe_rows
from fairtoll.evidence.tables import write_about as write_about
from fairtoll.inputs.names import partition_rows
from fairtoll.storage.records import verifying_records
from fairtoll.threats import RangeOf


class Evidence:
    """Long tables of per-row outcomes on one evaluation set of N rows and C classes.

    The outcomes are kept as compact arrays. The tables `predictions` and `attacks` of evidence that was loaded are read
    again where they are used, which takes much more memory.

    Parameters
    ----------
    rows : DataFrame, N rows
        `row` 0 to N - 1 in any order, `label` (class index), one text column per protected attribute.
    predictions : DataFrame, or a source of its parts
        `arm`, `seed`, `evaluation` ("clean", "static-transfer" or "white-box"), `threat`, `epsilon`, `row`,
        `probability_0` to `probability_{C-1}`.
    attacks : DataFrame, or a source of its parts
        `arm`, `seed`, `source_arm`, `evaluation`, `threat`, `attack`, `loss`, `steps`, `restarts`, `epsilon`,
        `row`, `success`, `inferred`, `broken_by`, and where they were measured `least_epsilon`, `censored`, `proved`
        and `within_rounding`. An
        attack may cover some rows only, the same in every training run.
    class_names : tuple of str
        The C classes.
    about : mapping
        What a report says of the data and the arms: plain JSON values. "norms" names the norm of a threat's radii
        where it is not "linf": ``{"images": "l2"}``, "ranges" of what rows its box is the range (`describe_ranges`).
    certificates : DataFrame, or a source of its parts, optional
        Radii that others claim: `arm`, `seed`, `threat`, `norm` ("linf", "l2", "l1" or "l0"), `method`, `row`,
        `radius`; 0 where nothing is claimed. See `describe_certificate`.
    detections : DataFrame, or a source of its parts, optional
        Which rows detectors of attacks flag: `arm`, `seed`, `evaluation`, `threat`, `attack`, `epsilon`, `row`,
        `flagged`, `counted`. See `describe_detection`.

    Raises
    ------
    FairtollError
        If a table lacks a column or has it twice, rows are not numbered 0 to N - 1, a label is no class, a group is
        missing, an attribute is called "class", probabilities are not probabilities, or a claimed radius is negative
        or not finite.

    Examples
    --------
    >>> frame = pd.DataFrame({"income": ["low", "high"], "probability_high": [0.2, 0.9], "sex": ["f", "m"]})
    >>> evidence = Evidence.from_frame(frame, label="income", probabilities={"high": "probability_high"},
    ...                                groups=["sex"])
    >>> evidence.class_names, evidence.probabilities("model").shape
    (('high', 'low'), (1, 2, 2))
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        predictions: pd.DataFrame | Source,
        attacks: pd.DataFrame | Source,
        class_names: Sequence[Any],
        about: Mapping[str, Any] | None = None,
        certificates: pd.DataFrame | Source | None = None,
        detections: pd.DataFrame | Source | None = None,
    ) -> None:
        self.class_names = check_class_names(class_names)
        self.about: Mapping[str, Any] = {} if about is None else about
        self.rows = read_rows(rows, classes=len(self.class_names))
        given = (
            predictions,
            attacks,
            NO_CERTIFICATES if certificates is None else certificates,
            NO_DETECTIONS if detections is None else detections,
        )
        sources = [Given(one) if isinstance(one, pd.DataFrame) else one for one in given]
        self._predictions = Predictions(sources[0], rows=len(self.rows), classes=len(self.class_names))
        self._attacks = Attacks(sources[1], rows=len(self.rows))
        self._certificates = Certificates(sources[2], rows=len(self.rows))
        self._detections = Detections(sources[3], rows=len(self.rows))
        self._predicted, self._attacked = self._predictions.blocks(), self._attacks.blocks()
        self._certified = self._certificates.blocks()

    @property
    def predictions(self) -> pd.DataFrame:
        """The whole table; see the class."""
        return self._predictions.whole()

    @property
    def attacks(self) -> pd.DataFrame:
        """The whole table; see the class."""
        return self._attacks.whole()

    @property
    def certificates(self) -> pd.DataFrame:
        """The whole table; see the class."""
        return self._certificates.whole()

    @property
    def detections(self) -> pd.DataFrame:
        """The whole table; see the class."""
        return self._detections.whole()

    @property
    def attributes(self) -> list[str]:
        """Names of the protected attributes."""
        return [str(column) for column in self.rows.columns if column not in ("row", "label")]

    @property
    def labels(self) -> NDArray[np.int64]:
        """True class of each row, `(N,)`."""
        return self.rows["label"].to_numpy(dtype=np.int64)

    def partition(self, name: str) -> NDArray[np.str_]:
        """The name of each row's group, `(N,)`; see `groups`."""
        names, codes = self.groups(name)
        return np.array(names)[codes]

    def groups(self, name: str) -> tuple[tuple[str, ...], NDArray[np.intp]]:
        """The groups of a partition, sorted by name, and the position among them of each row's, `(N,)`.

        Parameters
        ----------
        name : str
            "class" (all classes, those without a row too), a protected attribute, or several of them joined by
            " & ". An attribute that is itself called so goes first.

        Raises
        ------
        FairtollError
            For an unknown attribute, or groups that would share a name.
        """
        if name == "class":
            order = np.argsort(self.class_names)
            return tuple(self.class_names[place] for place in order), np.argsort(order)[self.labels]
        return partition_rows(name, known=["class", *self.attributes], column=self._column)

    def _column(self, name: str) -> NDArray[np.str_]:
        return np.array(self.class_names)[self.labels] if name == "class" else self.rows[name].to_numpy(dtype=np.str_)

    @property
    def arms(self) -> list[str]:
        """Names of the arms, in the order that `about` gives, else of appearance."""
        found = list(dict.fromkeys(str(key[0]) for key in self._predicted.by_key))
        order = [str(arm["name"]) for arm in self.about.get("arms", [])]
        return sorted(found, key=lambda arm: order.index(arm) if arm in order else len(order))

    def probabilities(
        self, arm: str, *, evaluation: str = "clean", threat: str = "", epsilon: float = 0.0
    ) -> NDArray[np.float64]:
        """Class probabilities of every row in every training run of an arm, `(S, N, C)`."""
        values, rows = self.probabilities_of_rows(arm, evaluation=evaluation, threat=threat, epsilon=epsilon)
        self._require_every_row(f"{evaluation} predictions of '{arm}'", rows)
        return values

    def probabilities_of_rows(
        self, arm: str, *, evaluation: str, threat: str, epsilon: float
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """As `probabilities`, for predictions of some rows only: `(S, n, C)` and the n row numbers, ascending."""
        wanted = {"evaluation": evaluation, "threat": threat, "epsilon": epsilon}
        blocks, rows = self._predicted.aligned(arm, wanted, without=self.copies.get(arm, {}))
        return np.stack([block.columns["probabilities"] for block in blocks], dtype=np.float64), rows

    def success(self, arm: str, *, evaluation: str, threat: str, attack: str, epsilon: float) -> NDArray[np.bool_]:
        """Whether the attack broke each row in each training run of an arm, `(S, N)`."""
        values, rows = self.success_of_rows(arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=epsilon)
        self._require_every_row(attack, rows)
        return values

    def success_of_rows(
        self, arm: str, *, evaluation: str, threat: str, attack: str, epsilon: float
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """As `success`, for an attack that was run on some rows only: `(S, n)` and the n row numbers, ascending."""
        wanted = {"evaluation": evaluation, "threat": threat, "attack": attack, "epsilon": epsilon}
        blocks, rows = self._attacked.aligned(arm, wanted, without=self.copies.get(arm, {}))
        return np.stack([block.columns["success"] for block in blocks]), rows

    def least_epsilon(
        self, arm: str, *, evaluation: str, threat: str, attack: str = "least-epsilon", epsilon: float
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
        """Least radius at which each row breaks, whether none up to the largest breaks it, and the row numbers.

        Where another attack of the evidence broke a row at a smaller radius than the search found, that radius is the
        row's least epsilon; see `searched_least_epsilon` for what the search alone found.

        Parameters
        ----------
        epsilon : float
            The largest radius tried, at which rows that no attack broke are censored.

        Returns
        -------
        values : ndarray of float, (S, n)
            In the threat's units; 0 for a misclassified row, `epsilon` for a censored one.
        censored : ndarray of bool, (S, n)
        rows : ndarray of int, (n,)
            Ascending.

        Raises
        ------
        FairtollError
            If there is no such evidence, or the attack measured success alone.
        """
        found, censored, rows = self.searched_least_epsilon(
            arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=epsilon
        )
        smallest = smallest_broken(self, arm, threat=threat, rows=rows, runs=len(found))
        lower = (smallest < found) | (censored & (smallest <= epsilon))
        return np.where(lower, smallest, found), censored & ~lower, rows

    def searched_least_epsilon(
        self, arm: str, *, evaluation: str, threat: str, attack: str = "least-epsilon", epsilon: float
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
        """As `least_epsilon`, without what other attacks found."""
        wanted = {"evaluation": evaluation, "threat": threat, "attack": attack, "epsilon": epsilon}
        return searched_radii(self._attacked, arm, wanted, self.copies.get(arm, {}))

    def least_epsilon_names(self, arm: str) -> list[tuple[str, str, str, float]]:
        """Those of `attack_names` that measured least epsilon."""
        return names_of_searches(self._attacked, arm)

    def proved_radius(
        self, arm: str, *, evaluation: str, threat: str, attack: str, epsilon: float
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
        """The radius within which each row is proved robust, whether rounding alone is in the way, and the rows.

        Returns
        -------
        proved : ndarray of float, (S, n)
            0 where nothing is proved.
        within_rounding : ndarray of bool, (S, n)
        rows : ndarray of int, (n,)
            Ascending.

        Raises
        ------
        FairtollError
            If there is no such evidence, or nothing was to be proved of some training run.
        """
        wanted = {"evaluation": evaluation, "threat": threat, "attack": attack, "epsilon": epsilon}
        return proved_radii(self._attacked, arm, wanted, self.copies.get(arm, {}))

    def proof_names(self, arm: str) -> list[tuple[str, str, str, float]]:
        """Those of `attack_names` of which proved radii are known in every training run."""
        return names_of_proofs(self._attacked, arm)

    def attack_names(self, arm: str) -> list[tuple[str, str, str, float]]:
        """Every (evaluation, threat, attack, epsilon) that was measured for an arm."""
        return sorted({(key[2], key[3], key[4], key[5]) for key in self._attacked.by_key if key[0] == arm})

    def certificate_names(self, arm: str) -> list[tuple[str, str, str]]:
        """Every (threat, norm, method) whose radii are claimed for an arm."""
        return sorted({(key[2], key[3], key[4]) for key in self._certified.by_key if key[0] == arm})

    def certified_radius(
        self, arm: str, *, threat: str, norm: str, method: str
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], list[Any]]:
        """The radius that is claimed for each row, `(S, n)`, the n row numbers, and the names of the training runs."""
        wanted = {"threat": threat, "norm": norm, "method": method}
        copies = self.copies.get(arm, {})
        blocks, rows = self._certified.aligned(arm, wanted, without=copies)
        runs = self._certified.runs(arm, (threat, norm, method), without=copies)
        return np.stack([block.columns["radius"] for block in blocks]), rows, runs

    def abstained(self, arm: str, *, threat: str, norm: str, method: str) -> NDArray[np.bool_] | None:
        """Which rows the certified prediction abstains on, `(S, n)` as `certified_radius`; None where unknown."""
        wanted = {"threat": threat, "norm": norm, "method": method}
        blocks, _ = self._certified.aligned(arm, wanted, without=self.copies.get(arm, {}))
        if not all("abstained" in block.columns for block in blocks):
            return None
        return np.stack([block.columns["abstained"] for block in blocks])

    def detection_names(self, arm: str) -> list[tuple[str, str, str, float]]:
        """Every (evaluation, threat, attack, epsilon) of which detectors of an arm were asked, clean rows first."""
        return self._detections.names(arm)

    def detected(self, arm: str, name: tuple[str, str, str, float]) -> Detected:
        """What the detectors of an arm flag, of one of `detection_names`."""
        return self._detections.read(arm, name, without=self.copies.get(arm, {}))

    def norm_of(self, threat: str) -> str:
        """The norm in which the radii of a threat are measured."""
        return str(self.about.get("norms", {}).get(threat, "linf"))

    def range_of(self, threat: str) -> RangeOf | None:
        """Of what rows the box of a threat is the range, where it is one."""
        return read_range(self.about, threat)

    def training_runs(
        self, arm: str, *, evaluation: str = "clean", threat: str = "", epsilon: float = 0.0, attack: str | None = None
    ) -> list[Any]:
        """Names of the training runs of an arm that were measured so, ascending: the order of all arrays by run.

        Without `attack`, of the predictions. Copies of other runs are left out.
        """
        blocks = self._predicted if attack is None else self._attacked
        rest = (evaluation, threat, epsilon) if attack is None else (evaluation, threat, attack, epsilon)
        return blocks.runs(arm, rest, without=self.copies.get(arm, {}))

    def source_arm(self, arm: str) -> str | None:
        """On which arm the examples of an arm's static transfer were crafted; None where there was none."""
        return self._attacks.source_arms.get(arm)

    @cached_property
    def copies(self) -> dict[str, dict[Any, Any]]:
        """Training runs that predict what another run of their arm predicts on clean rows: {arm: {copy: first}}.

        They are duplicates, and left out everywhere. The first access warns. Runs whose
        probabilities are all 0 or 1 may agree by chance: they are copies if every attack agrees, too.
        """
        found = find_copies(self.arms, self._predicted, self._attacked)
        for arm, alike in found.items():
            warn(f"{describe_copies(arm, alike)} Give each training run once.")
        return found

    def _require_every_row(self, what: str, rows: NDArray[np.int64]) -> None:
        if len(rows) != len(self.rows):
            raise FairtollError(f"{what}: {len(rows)} of {len(self.rows)} rows; expected all of them here")

    def save(self, folder: Path) -> None:
        """Write the tables as Parquet and `about` as JSON, each file atomically."""
        names = ["rows", "predictions", "attacks", *(["certificates"] if self._certified.by_key else [])]
        names += ["detections"] if self._detections.known else []
        write_tables(folder, {name: getattr(self, name) for name in names}, self.class_names, self.about)

    @classmethod
    def load(cls, folder: Path, *, parts: Collection[str] | None = None) -> Evidence:
        """Read what `save`, or the stages of a run, have written: parts of a table are joined in name order.

        Parameters
        ----------
        folder : Path
            Where it is.
        parts : collection of str, optional
            Names of the files of predictions and attacks to read. Default: all.

        Raises
        ------
        FairtollError
            If the folder holds no evidence, or a file is missing, damaged or changed since it was written.
        """
        require_evidence(folder)
        with verifying_records(folder, names=parts):
            return cls(**read_tables(folder, parts))

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        label: Any,
        probabilities: Mapping[Any, Any],
        groups: Sequence[Any] = (),
        arm: Any = None,
        seed: Any = None,
        row: Any = None,
        name: str = "predictions",
        certified: Sequence[Claimed] = (),
    ) -> Evidence:
        """Evidence from predictions that were made elsewhere, without a model.

        Parameters
        ----------
        frame : DataFrame
            One row for each prediction.
        label : str or int
            Column of the true class: text, booleans or whole numbers, `1.0` and `1` being one class.
        probabilities : mapping
            Class to its probability column. With two classes one is enough.
        groups : sequence of str or int
            Columns of protected attributes.
        arm, seed, row : str or int, optional
            Columns that identify models, training runs and test rows. Without `row` each
            (arm, seed) is taken to list the same rows in the same order.
        name : str
            What to call the data.
        certified : sequence of Claimed
            Columns of certified radii that others claim, each with its norm and method
            (`fairtoll.evidence.Claimed`).

        Returns
        -------
        Evidence

        Raises
        ------
        FairtollError
            For a column that is missing, doubled or empty somewhere, labels that cannot be told apart or have no
            probability column, NaN, probabilities that do not sum to one, models that do not predict the same
            rows once each, an attribute called "class", "row" or "label", or radii that are negative or not finite.

        Examples
        --------
        >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
        >>> Evidence.from_frame(frame, label="y", probabilities={"a": "p"}).labels
        array([0, 1])
        """
        rows, predictions, class_names = read_predictions(
            frame, label=label, probabilities=probabilities, groups=groups, arm=arm, seed=seed, row=row
        )
        about = {"name": name, "title": name}
        return cls(rows, predictions, NO_ATTACKS, class_names, about, read_claims(frame, predictions, certified))
