"""Group accuracy and its bootstrap in fairtoll and in fairlearn's MetricFrame, compared in one run.

    python benchmarks/metrics_against_fairlearn.py --rows 1000000 --resamples 5

Both get the same rows and the same number of resamples, and return every group's accuracy and the
largest difference between two groups, or their quantiles. fairlearn is timed with scikit-learn's
accuracy_score, as in its manual, and with the fastest function that it could be given, a plain numpy
mean. Times are medians of alternating repeats.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import fairlearn
import numpy as np
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score

from _bootstrap import bootstrap_by_group
from fairtoll.metrics import class_accuracy_unfairness_by_group

QUANTILES = [0.025, 0.975]


def numpy_accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    return float(np.mean(y_true == y_pred))


FUNCTIONS = {"accuracy_score": accuracy_score, "numpy mean": numpy_accuracy}


def rows_of(count: int, *, classes: int, groups: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    y_true = generator.integers(classes, size=count)
    codes = generator.choice(groups, size=count, p=np.arange(1, groups + 1) / (groups * (groups + 1) / 2))
    right = generator.random(count) < 0.75 + 0.02 * codes
    return {
        "y_true": y_true,
        "y_pred": np.where(right, y_true, (y_true + 1) % classes),
        "codes": codes,
        "names": np.array([f"group {code}" for code in range(groups)])[codes],
    }


def fairlearn_accuracy(function: Callable[..., float], data: dict[str, np.ndarray], groups: str) -> np.ndarray:
    frame = MetricFrame(metrics=function, y_true=data["y_true"], y_pred=data["y_pred"], sensitive_features=data[groups])
    return np.append(frame.by_group.to_numpy(dtype=float), frame.difference(method="between_groups"))


def fairtoll_accuracy(data: dict[str, np.ndarray], groups: str) -> np.ndarray:
    result = class_accuracy_unfairness_by_group(data["y_true"], data["y_pred"], groups=data[groups])
    return np.append(result.values, result.gap)


def fairlearn_bootstrap(
    function: Callable[..., float], data: dict[str, np.ndarray], groups: str, resamples: int
) -> np.ndarray:
    frame = MetricFrame(
        metrics=function,
        y_true=data["y_true"],
        y_pred=data["y_pred"],
        sensitive_features=data[groups],
        n_boot=resamples,
        ci_quantiles=QUANTILES,
        random_state=0,
    )
    gaps = frame.difference_ci(method="between_groups")
    return np.array([np.append(values, gap) for values, gap in zip(frame.by_group_ci, gaps, strict=True)])


def fairtoll_bootstrap(data: dict[str, np.ndarray], groups: str, resamples: int, *, within_groups: bool) -> np.ndarray:
    means = bootstrap_by_group(
        data["y_true"] == data["y_pred"],
        data[groups],
        resamples=resamples,
        generator=np.random.default_rng(0),
        within_groups=within_groups,
    )
    values = np.column_stack([means, means.max(axis=1) - means.min(axis=1)])
    return np.asarray(np.quantile(values, QUANTILES, axis=0))


def medians(calls: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Median seconds and the last result of each call; the calls alternate."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    results = {}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            results[name] = call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}, results


def print_lines(work: str, calls: dict[str, Callable[[], Any]], repeats: int) -> float:
    """Print a line for each pair of fairlearn's function and ours; returns the largest difference in any value."""
    seconds, results = medians(calls, repeats)
    largest = 0.0
    for theirs in FUNCTIONS:
        for ours in [name for name in calls if name not in FUNCTIONS]:
            difference = float(np.abs(results[theirs] - results[ours]).max())
            largest = max(largest, difference)
            ratio = seconds[theirs] / seconds[ours]
            print(
                f"| {work}, {ours} | {theirs} | {seconds[theirs]:.4g} s | {seconds[ours]:.4g} s "
                f"| {ratio:,.0f}x | {difference:.1e} |",
                flush=True,
            )
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--resamples", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--groups", type=int, default=5)
    options = parser.parse_args()
    data = rows_of(options.rows, classes=options.classes, groups=options.groups)
    resamples, repeats = options.resamples, options.repeats

    print(
        f"{options.rows:,} rows, {options.classes} classes, {options.groups} groups, {resamples} resamples, "
        f"medians of {repeats}; fairlearn {fairlearn.__version__}, numpy {np.__version__}\n"
    )
    print("| work | fairlearn's function | fairlearn | fairtoll | ratio | largest difference |")
    print("|---|---|---:|---:|---:|---:|")
    largest = 0.0
    for groups, title in (("codes", "integer groups"), ("names", "text groups")):
        calls: dict[str, Callable[[], Any]] = {
            name: partial(fairlearn_accuracy, function, data, groups) for name, function in FUNCTIONS.items()
        }
        calls[title] = partial(fairtoll_accuracy, data, groups)
        largest = max(largest, print_lines("accuracy and gap", calls, repeats))

    calls = {
        name: partial(fairlearn_bootstrap, function, data, "codes", resamples) for name, function in FUNCTIONS.items()
    }
    calls["all rows together"] = partial(fairtoll_bootstrap, data, "codes", resamples, within_groups=False)
    calls["within groups"] = partial(fairtoll_bootstrap, data, "codes", resamples, within_groups=True)
    print_lines("95% bootstrap intervals of both", calls, repeats)

    verdict = "agree to 1e-12" if largest <= 1e-12 else "DO NOT agree to 1e-12"
    print(f"\nGroup accuracies and gaps {verdict} (largest difference {largest:.1e}).")
    print("Bootstrap quantiles use different random draws and differ by chance; fairlearn resamples all rows together.")


if __name__ == "__main__":
    main()
