"""`fairtoll audit`: the options of an audit of your own models, over those in `audit.toml`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from fairtoll.cli.audit_init import init
from fairtoll.cli.gate import (
    FailOnOption,
    JunitOption,
    QuestionOption,
    RequireOption,
    ThresholdOption,
    end_with,
    gate_flags,
    pass_gate,
    rules_of,
)
from fairtoll.cli.options import ROWS, GroupOption, Names, option_in
from fairtoll.cli.pairs import read_pair, read_pairs, split_values
from fairtoll.errors import FairtollError

MODELS, PREDICTIONS, ATTACK, MEASURES = (
    "Models", "Predictions in place of models", "Threat and attacks", "What is measured",
)  # fmt: skip

audit = typer.Typer(
    help="Audit your own models: which classes and groups pay for the hardened one, or by how much one model's groups "
    "differ. Options take the place of those in audit.toml, where there is one; `fairtoll audit init DATA` writes it.",
    epilog="Exit status: 0 done, 1 the gate fails, 2 wrong use, 3 undecided with --require-decision, 4 an unexpected "
    "error, 130 interrupted.",
    invoke_without_command=True,
)

audit.command("init")(init)


def _switch(name: str, help_text: str, panel: str) -> Any:
    return typer.Option(name, help=help_text, rich_help_panel=panel, show_default=False)


@audit.callback()
def run(
    context: typer.Context,
    settings: Annotated[
        Path | None, typer.Option(help="A file of settings. Default: audit.toml here, if there is one.", metavar="FILE")
    ] = None,
    model: Annotated[
        Names,
        option_in(
            MODELS,
            "NAME=MODEL",
            "NAME=FILE or NAME=PACKAGE.MODULE:FACTORY; the first is the one that others are compared with. Repeat a "
            "name for more training runs.",
        ),
    ] = None,
    weights: Annotated[
        Names, option_in(MODELS, "NAME=FILE", "NAME=FILE of a factory's weights; repeat a name for more training runs.")
    ] = None,
    preprocess: Annotated[
        Names,
        option_in(MODELS, "NAME=FILE", "NAME=FILE.skops: a fitted preprocessor, applied before the model."),
    ] = None,
    trust_code: Annotated[
        bool, _switch("--trust-code", "Run programs in model files, such as TorchScript.", MODELS)
    ] = False,
    paired: Annotated[
        bool,
        _switch(
            "--paired",
            "The k-th run of every model shares initial weights and order of batches: compare them run by run.",
            MODELS,
        ),
    ] = False,
    data: Annotated[
        str | None,
        option_in(ROWS, "FILE", "Evaluation rows: CSV or Parquet; images as .npz, .safetensors or Parquet."),
    ] = None,
    train: Annotated[
        str | None,
        option_in(ROWS, "FILE", "Training rows: codes of categories, standard deviations and ranges come from there."),
    ] = None,
    label: Annotated[
        str | None, option_in(ROWS, "COLUMN", "Column of the true class; of arrays its name, else 'y'.")
    ] = None,
    group: GroupOption = None,
    feature: Annotated[
        Names,
        option_in(
            ROWS,
            "COLUMN",
            "Input columns in order; repeat for more. Default: those of --train, else all but label and groups.",
        ),
    ] = None,
    image: Annotated[str | None, option_in(ROWS, "COLUMN", "Column of a Parquet file that holds an image.")] = None,
    categories: Annotated[
        Names,
        option_in(
            ROWS,
            "COLUMN=VALUE,...",
            "All values of a column (the label too) in the order of their codes; repeat for more columns.",
        ),
    ] = None,
    keep_na: Annotated[
        Names,
        option_in(
            ROWS,
            "COLUMN",
            "Column of a CSV file in which texts such as NA and None are values, not missing; repeat for more.",
        ),
    ] = None,
    missing: Annotated[
        str | None, option_in(ROWS, "WORD", "Whether features may have missing values: refuse (default) or keep.")
    ] = None,
    rows: Annotated[
        int | None,
        option_in(ROWS, "NUMBER", "Evaluate so many rows, drawn in proportion from each class and group."),
    ] = None,
    predictions: Annotated[
        str | None, option_in(PREDICTIONS, "TABLE", "A table of predictions, one row for each row of each model.")
    ] = None,
    probability: Annotated[
        Names, option_in(PREDICTIONS, "CLASS=COLUMN", "The column of a class's probability; repeat for more classes.")
    ] = None,
    model_column: Annotated[
        str | None, option_in(PREDICTIONS, "COLUMN", "Column that names the model. Default: one model.")
    ] = None,
    reference: Annotated[
        str | None,
        option_in(
            PREDICTIONS,
            "NAME",
            "The model that others are compared with. Default: the one whose rows come first; a gate needs its name.",
        ),
    ] = None,
    run_column: Annotated[str | None, option_in(PREDICTIONS, "COLUMN", "Column of the training run.")] = None,
    row_column: Annotated[
        str | None,
        option_in(PREDICTIONS, "COLUMN", "Column that numbers the rows. Default: all models list them in one order."),
    ] = None,
    epsilon: Annotated[
        list[float] | None,
        option_in(
            ATTACK,
            "RADIUS",
            "Radius, in standard deviations of each feature, of images in their units; repeat for more.",
        ),
    ] = None,
    mutable: Annotated[
        Names,
        option_in(
            ATTACK,
            "COLUMN",
            "Feature that an attack may change; repeat for more; all: every one that is no group. Default: numbers "
            "that are no group and not two codes (0, 1).",
        ),
    ] = None,
    immutable: Annotated[
        Names, option_in(ATTACK, "COLUMN", "Feature that an attack may not change, of those it otherwise may; repeat.")
    ] = None,
    range_: Annotated[
        Names,
        option_in(
            ATTACK,
            "COLUMN=LOW,HIGH",
            "Lowest and highest value of a feature: numbers, or expressions such as 'age * 12'; repeat for more.",
            "--range",
        ),
    ] = None,
    one_hot: Annotated[
        Names, option_in(ATTACK, "COLUMN,...", "Columns of which each row has one; repeat for more sets.")
    ] = None,
    monotone: Annotated[
        Names, option_in(ATTACK, "COLUMN=up|down", "Feature that may only grow, or only shrink; repeat for more.")
    ] = None,
    relation: Annotated[
        Names,
        option_in(ATTACK, "TEXT", "What must hold in attacked rows, such as 'loan <= 5 * income'; repeat for more."),
    ] = None,
    cost: Annotated[
        Names, option_in(ATTACK, "COLUMN=NUMBER", "What a change of a feature costs; repeat for more features.")
    ] = None,
    cost_norm: Annotated[
        str | None, option_in(ATTACK, "WORD", "Whether the largest cost or their sum is the distance: max or sum.")
    ] = None,
    attack: Annotated[
        Names, option_in(ATTACK, "NAME", "Attack such as union, pgd-20, square-500; repeat for more.")
    ] = None,
    exact: Annotated[
        bool,
        _switch(
            "--exact",
            "Prove or break every row, so that no stronger attack changes the gaps; exact on dense networks of which "
            "at most 8 features may change.",
            ATTACK,
        ),
    ] = False,
    metric: Annotated[
        Names, option_in(MEASURES, "NAME", "Metric such as cau, cru_s; repeat for more. Default: all.")
    ] = None,
    partition: Annotated[
        Names,
        option_in(
            MEASURES,
            "NAME",
            "How rows are grouped: class, an attribute, or 'sex & race'; repeat for more. Default: class and each.",
        ),
    ] = None,
    margin: Annotated[
        Names, option_in(MEASURES, "METRIC=NUMBER", "Largest difference of a metric that does not matter; repeat.")
    ] = None,
    minimum_rows: Annotated[
        int | None, option_in(MEASURES, "NUMBER", "Smaller groups are left out of gaps. Default: 10.")
    ] = None,
    least_epsilon_max: Annotated[
        float | None, option_in(MEASURES, "RADIUS", "Measure each row's least epsilon up to this radius.")
    ] = None,
    seed: Annotated[int | None, option_in(MEASURES, "NUMBER", "Of random starts and of --rows. Default: 0.")] = None,
    out: Annotated[
        str | None, option_in(MEASURES, "FOLDER", "Folder for evidence, results and report. Default: runs/audit.")
    ] = None,
    fail_on: FailOnOption = None,
    threshold: ThresholdOption = None,
    question: QuestionOption = None,
    require_decision: RequireOption = False,
    junit: JunitOption = None,
) -> None:
    """Audit your own models."""
    if context.invoked_subcommand is not None:
        return
    if not any(value for key, value in context.params.items()) and not Path("audit.toml").is_file():
        raise FairtollError(
            "no audit.toml here and no option given; expected settings; write them with `fairtoll audit init DATA`, or "
            "see fairtoll audit --help"
        )
    flags: dict[str, Any] = {
        "data": {
            "rows": data, "train": train, "label": label, "groups": group, "features": feature, "image": image,
            "categories": read_pairs(categories, "--categories", "COLUMN=VALUE,VALUE,...", split_values),
            "keep_na": keep_na, "missing": missing, "limit": rows, "predictions": predictions,
            "probabilities": read_pairs(probability, "--probability", "CLASS=COLUMN"),
            "model_column": model_column, "reference": reference, "run_column": run_column, "row_column": row_column,
        },
        "models": _models(model, weights, preprocess),
        "threat": {
            "epsilons": epsilon, "mutable": "all" if mutable == ["all"] else mutable, "immutable": immutable,
            "ranges": read_pairs(range_, "--range", "COLUMN=LOW,HIGH", _ends),
            "one_hot": [split_values(one) for one in one_hot] if one_hot else None,
            "monotone": read_pairs(monotone, "--monotone", "COLUMN=up or COLUMN=down"), "relations": relation,
            "costs": read_pairs(cost, "--cost", "COLUMN=NUMBER", float), "cost_norm": cost_norm,
        },
        "audit": {
            "attacks": attack, "metrics": metric, "partitions": partition, "minimum_rows": minimum_rows,
            "least_epsilon_max": least_epsilon_max, "seed": seed, "paired": paired or None, "exact": exact or None,
            "margins": read_pairs(margin, "--margin", "METRIC=NUMBER", float),
        },
        "gate": gate_flags(fail_on, threshold, question, require_decision),
        "out": out,
    }  # fmt: skip
    _run(settings, flags, trust_code=trust_code, junit=junit)


def _run(file: Path | None, flags: Mapping[str, Any], *, trust_code: bool, junit: Path | None) -> None:
    from fairtoll.cli.settings_file import read_settings

    chosen, source = read_settings(file, flags, trust_code=trust_code)
    if source is not None:
        sys.path.append(str(source.parent.resolve()))  # factories lie beside the settings that name them
    rules = rules_of(chosen.gate)
    if junit is not None and not rules:
        raise FairtollError("--junit writes the checks of a gate, and there is no rule; give --fail-on or --threshold")
    from fairtoll.cli.audit_run import run_audit
    from fairtoll.cli.display import Progress, show_results

    with Progress() as display:
        path = run_audit(chosen, display, source=source)
    show_results(path)
    if rules:
        from fairtoll.findings.results import Results

        end_with(pass_gate(Results.read(path.parent / "results.json"), rules, junit=junit))


def _ends(text: str) -> list[float | str]:
    found: list[float | str] = []
    for end in split_values(text):
        try:
            found.append(float(end))
        except ValueError:
            found.append(end)
    return found


def _models(model: Names, weights: Names, preprocess: Names) -> dict[str, dict[str, Any]]:
    """Models by name, in their order: files or factories, and what belongs to them."""
    found: dict[str, dict[str, Any]] = {}
    for text in model or []:
        name, value = read_pair(text, "--model", "NAME=FILE or NAME=PACKAGE.MODULE:FACTORY")
        found.setdefault(name, {}).setdefault("factory" if _is_factory(value) else "file", []).append(value)
    for key, texts in (("weights", weights), ("preprocess", preprocess)):
        for text in texts or []:
            name, value = read_pair(text, f"--{key}", "NAME=FILE")
            if model and name not in found:
                raise FairtollError(f"--{key} names '{name}', and no --model does; models are {', '.join(found)}")
            found.setdefault(name, {}).setdefault(key, []).append(value)
    return found


def _is_factory(value: str) -> bool:
    """Whether it names code and no file: MODULE:NAME, and no file is called so."""
    module, colon, attribute = value.rpartition(":")
    named = all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))
    return bool(colon) and named and not Path(value).exists()
