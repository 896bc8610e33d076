"""Running an experiment, and computing its results again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.experiments.arms_in_words import arms_in_words
from fairtoll.experiments.costs import slower_here
from fairtoll.experiments.defences import with_recipes
from fairtoll.experiments.describe import describe_fields
from fairtoll.experiments.engine import DEFENCES, MAX_RUNS, build_run
from fairtoll.experiments.experiment import AUTO, Experiment, Runs
from fairtoll.experiments.leave_one_out.options import LeaveOneOut, last_requested, require_rows
from fairtoll.experiments.leave_one_out.recipes import not_masked_note, require_masked
from fairtoll.experiments.options import choose_device
from fairtoll.experiments.own.description import is_own, read_description
from fairtoll.experiments.registry import find_experiment
from fairtoll.experiments.results import compute_results
from fairtoll.findings.results import Results
from fairtoll.runs.folder import finished_run
from fairtoll.runs.pool import default_workers
from fairtoll.runs.schedule import Engine, run_stages
from fairtoll.runs.stages import Display, Silent
from fairtoll.storage.records import recorded_configuration, stage_records

OTHER_ARMS = (
    "the run in {folder} was made with another version and has no arm '{arm}', with which this one compares; expected "
    "a run of this version; run it again in a new folder, or report it with the version that made it"
)
OTHER_RECIPES = (
    "{here} is given for the folder {folder}; expected {there}, with which it was started; give these options, or "
    "another folder with --out"
)


def reproduce(
    experiment: str | Experiment,
    folder: Path,
    *,
    runs: Runs | None = None,
    max_runs: int | None = None,
    protocol: str | None = None,
    device: str = "auto",
    source: str | Path | None = None,
    leave_one_out: int | None = None,
    designs: Sequence[str] = (),
    references: int = 1,
    keep_weights: bool = False,
    workers: int | None = None,
    engine: str = "processes",
    address: str | None = None,
    display: Display | None = None,
    **options: Any,
) -> Path:
    """Run an experiment, or resume it; returns the path of the report.

    Parameters
    ----------
    experiment : str or Experiment
        A name of `fairtoll.experiments.registry`, whose description is adapted to the device; or a description, which
        is taken as it is.
    folder : Path
        The run's folder; finished stages in it are kept.
    runs : int or "auto", optional
        Training runs of every arm; "auto", for tables alone: until every comparison is decided, of the arms that an
        open one needs. Default: the description's.
    max_runs : int, optional
        The most training runs with "auto": 5, 10, 20, 40 or 80. A folder may be continued with more, and holds what it
        would hold if it had been started with them. Default: what was requested last in the folder, else 10.
    protocol : str, optional
        Which arms and questions: "paper", "sound" or "both". Default: the description's.
    device : {"auto", "cpu", "cuda"}
        Where models are trained and attacked.
    source : str or Path, optional
        Where data that are not bundled are: a folder or an archive.
    leave_one_out : int, optional
        How many training rows are left out, one at a time; 0 for none. Members in the folder are kept, whatever was
        requested before. Default: what was requested last in the folder, else the description's own.
    designs, references, keep_weights
        How rows are left out; see `fairtoll.experiments.leave_one_out.options.LeaveOneOut`.
    workers : int, optional
        Processes of one thread each; the results do not depend on it. Default: the available cores, at most 8.
    engine : {"processes", "ray"}
        Where models are trained, attacked and evaluated: here, or on the machines of a Ray cluster.
    address : str, optional
        HOST:PORT of the cluster. Default: the one in the environment variable RAY_ADDRESS, one on this machine, or a
        new one.
    display : Display, optional
        Where progress goes.
    **options
        The experiment's own options, such as `quick` of "cifar10"; None for none.

    Returns
    -------
    Path

    Raises
    ------
    FairtollError
        For an unknown experiment, option, protocol, device or engine, no runs, more rows to leave out than there are,
        data that cannot be read, a folder that cannot be used, that belongs to another configuration or that another
        process writes to, a cluster that does not respond, or a full disk.
    """
    folder, device = Path(folder), choose_device(device)
    if workers is not None and workers < 1:
        raise FairtollError(f"workers is {workers}; expected 1 or more processes")
    where = Engine(engine, address, device)
    chosen = prepare(experiment, device=device, runs=runs, protocol=protocol, **options)
    chosen = replace(chosen, max_runs=choose_max_runs(chosen, folder, max_runs))
    if source is not None and not chosen.data.kept:
        raise FairtollError(f"the data of {chosen.name} are bundled; run it without {source}")
    if source is not None and not Path(source).exists():
        # Before a folder is made.
        raise FairtollError(f"no folder {source}; check the path, or leave it out to download the data")
    require_own(folder, chosen.name)
    require_same_recipes(folder, chosen)
    left_out = choose_leave_one_out(
        chosen, folder, leave_one_out, designs=designs, references=references, keep_weights=keep_weights
    )
    chosen = replace(chosen, leave_one_out=left_out)
    require_masked(chosen)
    build = partial(build_run, chosen, folder, device, None if source is None else str(source))
    # An accelerator is shared badly: one process at a time.
    workers = 1 if device == "cuda" else workers or default_workers()
    display = display or Silent()
    with build()[0].lock():
        for line in arms_in_words(chosen) if chosen.defences is not None else ():
            display.message(line)
        if chosen.looks:
            display.message(
                f"Up to {chosen.max_runs} training runs: from {chosen.looks[0]} on, only of arms whose comparisons are "
                "open."
            )
        if (note := not_masked_note(chosen)) is not None:
            display.message(note)
        slower = slower_here(chosen) if device == "cpu" else 1.0
        run_stages(build, display, workers=workers, engine=where, slower=slower)
    return folder / "report.html"


def require_own(folder: Path, name: str) -> None:
    """Raise for the folder of an audit or of another experiment, whose configuration differs nearly everywhere.

    Examples
    --------
    >>> require_own(Path("nowhere"), "adult")
    """
    kept = recorded_configuration(folder)
    if kept is not None and kept.get("experiment") != name:
        raise FairtollError(
            f"the folder {folder} belongs to another configuration: experiment is {kept.get('experiment')!r} there and "
            f"{name!r} here; give another with --out"
        )


def require_same_recipes(folder: Path, experiment: Experiment) -> None:
    """Raise for a folder that was started with other recipes, from which nearly everything else would differ.

    Examples
    --------
    >>> require_same_recipes(Path("nowhere"), find_experiment("adult"))
    """
    kept = recorded_configuration(folder)
    if kept is None:
        return
    there, here = (_as_options(one) for one in (kept.get(DEFENCES), experiment.defences))
    if there != here:
        raise FairtollError(OTHER_RECIPES.format(here=here, folder=folder, there=there))


def _as_options(defences: Sequence[Any] | None) -> str:
    """The recipes of a run as they are given on the command line."""
    if defences is None:
        return "no --recipes"
    names, strengths, *pairs = defences
    requested = (f"--pair {first},{second}" for first, second in (pairs[0] if pairs else ()))
    return " ".join((f"--recipes {names} --strengths {strengths}", *requested))


def prepare(
    experiment: str | Experiment,
    *,
    device: str,
    runs: Runs | None = None,
    protocol: str | None = None,
    recipes: str | None = None,
    strengths: int | None = None,
    pairs: Sequence[Sequence[str]] = (),
    **options: Any,
) -> Experiment:
    """The description of a run: by name adapted to the device, then with the options and the recipes that were given.

    Raises
    ------
    FairtollError
        For an unknown experiment or option, or what `Experiment` refuses.

    Examples
    --------
    >>> prepare("cifar10", device="cpu", quick=True).data.attacked
    400
    """
    if isinstance(experiment, str):
        experiment = find_experiment(experiment)
        if experiment.on_device is not None:
            experiment = experiment.on_device(experiment, device)
    given = {name: value for name, value in options.items() if value is not None}
    known = {option.name: option for option in experiment.options}
    if unknown := [name for name in given if name not in known]:
        raise FairtollError(
            f"{experiment.name} has no option {', '.join(unknown)}; it has {', '.join(known) or 'no options'}"
        )
    for name, option in known.items():
        if name in given:
            experiment = option.apply(experiment, given[name])
    if recipes is not None:
        if protocol is not None:
            raise FairtollError(
                f"protocol is '{protocol}' with recipes; expected one of them; leave out the protocol: recipes are "
                "compared by a protocol of their own"
            )
        experiment = with_recipes(experiment, recipes, strengths=3 if strengths is None else strengths, pairs=pairs)
    elif pairs:
        raise FairtollError(
            f"the pair {','.join(pairs[0])} without recipes; expected recipes with it; give --recipes all, or names"
        )
    elif strengths is not None:
        raise FairtollError(
            f"strengths is {strengths} without recipes; expected recipes with it; give --recipes all, or names"
        )
    return replace(
        experiment,
        runs=experiment.runs if runs is None else runs,
        protocol=experiment.protocol if protocol is None else protocol,
    )


def choose_max_runs(experiment: Experiment, folder: Path, requested: int | None) -> int:
    """The most training runs: what is requested, else what was requested last in the folder, else the description's.

    Raises
    ------
    FairtollError
        Where the number of runs is fixed, or the folder was started with more.

    Examples
    --------
    >>> choose_max_runs(find_experiment("adult"), Path("nowhere"), None)
    10
    """
    if experiment.runs != AUTO:
        if requested is None:
            return experiment.max_runs
        raise FairtollError(
            f"max_runs is {requested}, and runs is {experiment.runs}; expected one of them: max_runs is for runs "
            f"'{AUTO}'"
        )
    configuration = recorded_configuration(folder) or {}
    before = configuration.get(MAX_RUNS)
    if requested is None:
        return experiment.max_runs if before is None else int(before)
    if before is not None and requested < before:
        raise FairtollError(
            f"max_runs is {requested}, and the folder {folder} was started with {before}; expected {before} or more; "
            "give another folder with --out for fewer"
        )
    return requested


def results_of(folder: Path) -> Results:
    """Compute the results of a run from its evidence and configuration alone; no model is read.

    Raises
    ------
    FairtollError
        If the folder holds no run, one that is not finished, the run of an unknown experiment, or a file that has
        changed since it was written.
    """
    with finished_run(folder) as configuration:
        _require_finished(folder)
        experiment = read_description(configuration) or find_experiment(str(configuration.get("experiment")))
        if DEFENCES in configuration:
            names, strengths, *pairs = configuration[DEFENCES]
            experiment = with_recipes(experiment, names, strengths=strengths, pairs=pairs[0] if pairs else ())
            kept = {one["name"] for one in configuration["recipes"]}
            if other := next((arm for arm in experiment.arms() if arm not in kept), None):
                raise FairtollError(OTHER_ARMS.format(folder=folder, arm=other))
        if is_own(configuration) and describe_fields(experiment)["questions"] != configuration["questions"]:
            raise FairtollError(
                f"the run in {folder} asks other questions than fairtoll train does; expected its description; compute "
                "it again with compute_results(experiment, folder) in Python"
            )
        return compute_results(experiment, folder)


def _require_finished(folder: Path) -> None:
    """Raise where evidence was written after the results, or there are none: arms may have unequal numbers of runs."""
    records = stage_records(folder)
    evidence = {name for name, one in records.items() if any(path.startswith("evidence/") for path in one["files"])}
    if "results" not in records or not evidence <= {*records["results"]["after"]}:
        raise FairtollError(
            f"the run in {folder} is not finished; run the same command again: finished stages are kept"
        )


def choose_leave_one_out(
    experiment: Experiment,
    folder: Path,
    count: int | None,
    *,
    designs: Sequence[str] = (),
    references: int = 1,
    keep_weights: bool = False,
) -> LeaveOneOut:
    """What is requested; else what was requested last in the folder; else the experiment's own.

    Raises
    ------
    FairtollError
        For more rows than there are, an unknown design, or how rows are left out without how many.

    Examples
    --------
    >>> choose_leave_one_out(find_experiment("adult"), Path("nowhere"), None).count
    0
    """
    base, rows = experiment.leave_one_out, experiment.data.train or experiment.costs.train_rows
    if not count and (designs or references != 1 or keep_weights):
        raise FairtollError(
            "designs, references and kept weights are options of leave-one-out; give the number of rows with "
            "leave_one_out=N"
        )
    if count is not None:
        chosen = base.requested(count, designs=designs, references=references, keep_weights=keep_weights)
        return require_rows(chosen, rows=rows, what=experiment.row)
    return last_requested(folder) or base
