"""The settings of an audit: what `audit.toml` may hold, section by section, and its JSON schema."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

#: Where the settings of an audit are, if not named otherwise.
SETTINGS_FILE = "audit.toml"
SCHEMA_FILE = "audit.schema.json"

Rule = Literal["less-fair", "alarm"]


class Strict(BaseModel):
    """Settings with known names alone, each of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DataSettings(Strict):
    """The rows: a table, images, or predictions that were made elsewhere."""

    rows: str | None = Field(
        default=None, description="evaluation rows: CSV or Parquet, or images as .npz, .safetensors or Parquet"
    )
    train: str | None = Field(
        default=None, description="training rows: codes of categories, standard deviations and ranges come from there"
    )
    predictions: str | None = Field(default=None, description="a table of predictions, in place of rows and models")
    label: str | None = Field(default=None, description="column of the true class; of arrays 'y' if not given")
    groups: list[str] = Field(default=[], description="columns of protected attributes")
    features: list[str] | None = Field(
        default=None,
        description="input columns in order; default: those of the training rows, else all but label and groups",
    )
    image: str | None = Field(
        default=None, description="column of a Parquet file that holds an image: encoded, or numbers"
    )
    categories: dict[str, list[str]] = Field(
        default={}, description="all values of a column (the label too) in the order of their codes"
    )
    keep_na: list[str] = Field(default=[], description="columns of a CSV file in which texts such as NA are values")
    missing: Literal["refuse", "keep"] = Field(
        default="refuse", description="whether features may have missing values, for models that take them"
    )
    limit: int | None = Field(
        default=None, ge=2, description="so many evaluation rows, drawn in proportion from each class and group"
    )
    probabilities: dict[str, str] = Field(
        default={}, description="of predictions: the column of each class's probability"
    )
    model_column: str | None = Field(default=None, description="of predictions: the column that names the model")
    reference: str | None = Field(
        default=None,
        description="of predictions: the model that others are compared with; default: the one whose rows come first",
    )
    run_column: str | None = Field(default=None, description="of predictions: the column of the training run")
    row_column: str | None = Field(
        default=None,
        description="of predictions: the column that numbers the rows; default: all models list them alike",
    )


class ModelSettings(Strict):
    """One model: a file, or code that makes it."""

    file: str | list[str] | None = Field(default=None, description="a model's file, or one for each training run")
    factory: str | list[str] | None = Field(
        default=None,
        description="PACKAGE.MODULE:FACTORY, a call without arguments that returns the model; or one a run",
    )
    weights: str | list[str] | None = Field(default=None, description="of a factory: a file of weights, or one a run")
    preprocess: str | list[str] | None = Field(
        default=None, description="a fitted preprocessor (.skops) that is applied before the model; or one a run"
    )
    trust_code: bool = Field(
        default=False, description="whether a program in the file, such as TorchScript, may be run"
    )


class ThreatSettings(Strict):
    """What an adversary may change, and how far."""

    epsilons: list[float] = Field(
        default=[], description="radii: in standard deviations of each feature of a table, in the units of images"
    )
    mutable: list[str] | Literal["all"] | None = Field(
        default=None,
        description="features that may change; 'all': every one that is no protected attribute; default: of these the "
        "numbers",
    )
    immutable: list[str] = Field(default=[], description="features that may not, of those that otherwise would")
    one_hot: list[list[str]] | None = Field(default=None, description="sets of columns of which each row has one")
    monotone: dict[str, Literal["up", "down"]] = Field(
        default={}, description="features that may only grow ('up') or only shrink ('down')"
    )
    ranges: dict[str, list[float | str]] = Field(
        default={}, description="lowest and highest value of a feature, such as [0, 'age * 12'], in place of its own"
    )
    relations: list[str] = Field(
        default=[], description="what must hold in every attacked row, such as 'loan <= 5 * income'"
    )
    costs: dict[str, float] = Field(
        default={},
        description="of a number, what one standard deviation costs (else 1); of a category, any change (else 0)",
    )
    cost_norm: Literal["max", "sum"] = Field(
        default="max", description="whether the largest cost or their sum is the distance"
    )


class AuditSettings(Strict):
    """What is measured."""

    attacks: list[str] | None = Field(default=None, description="attacks such as 'union', 'pgd-20' and 'square-500'")
    metrics: list[str] | None = Field(default=None, description="metrics such as 'cau' and 'cru_s'; default: all")
    partitions: list[str] | None = Field(
        default=None, description="'class', attributes, and intersections such as 'sex & race'; default: the first two"
    )
    minimum_rows: int = Field(default=10, ge=2, description="smaller groups are flagged and left out of gaps")
    least_epsilon_max: float | None = Field(
        default=None, gt=0, description="measure each row's least epsilon up to here"
    )
    seed: int = Field(default=0, ge=0, description="of random starts and of the rows that are drawn")
    paired: bool = Field(default=False, description="whether run k of every model belong together")
    exact: bool = Field(default=False, description="prove or break every row")
    margins: dict[str, float] = Field(default={}, description="by metric, the largest difference that does not matter")


class GateSettings(Strict):
    """When the command ends with an exit status that is not 0."""

    fail_on: list[Rule] = Field(default=[], description="'less-fair': a gap is wider than the first model's; 'alarm'")
    thresholds: dict[str, FiniteFloat] = Field(
        default={},
        description="limits such as 'cau/sex' = 0.05 (a gap, at most), 'accuracy', 'worst-class', 'robust-accuracy' "
        "and 'robust-worst-class' (at least)",
    )
    question: Literal["models", "recipes"] = Field(
        default="models", description="whether these trained models are judged, or the recipes that they are drawn from"
    )
    require_decision: bool = Field(default=False, description="whether what stays open fails too, with exit status 3")


class Settings(Strict):
    """All settings of an audit."""

    data: DataSettings = DataSettings()
    models: dict[str, ModelSettings] = Field(
        default={}, description="by name; the first is the one others are compared with"
    )
    threat: ThreatSettings = ThreatSettings()
    audit: AuditSettings = AuditSettings()
    gate: GateSettings = GateSettings()
    out: str = Field(default="runs/audit", description="folder for evidence, results and report")


def settings_schema() -> dict[str, Any]:
    """The JSON schema of `audit.toml`, for editors.

    Examples
    --------
    >>> sorted(settings_schema()["properties"])
    ['audit', 'data', 'gate', 'models', 'out', 'threat']
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fairtoll audit"} | {
        key: value for key, value in Settings.model_json_schema().items() if key != "title"
    }
