"""Every measure against rows that are drawn from the model and scored by the package's own metrics."""

import numpy as np
import pytest
from random_settings import random_model, random_rule
from scipy.special import expit, ndtr

from fairtoll import metrics, theory

SETTINGS, SLOW_ROWS, ROWS = 100, 1_000_000, 20_000
#: Standard errors that a formula may lie from the simulation.
ALLOWED = 4.0
#: Rows of a part whose mean has a standard error that says something.
ENOUGH = 100
#: Six measures over three partitions, two over groups by two links and three choices of labels, and three shares.
MEASURES = 6 * 3 + 2 * 2 * 3 + 3


def gap_of_means(values, parts, number):
    """Largest minus smallest mean over numbered parts, and the standard error of the two extreme means' difference.

    None for an error where a part of so many has no row, or so few that their mean is far from normal: three correct
    rows of a cell, say.
    """
    rows = np.bincount(parts)
    there = rows > 0
    rows = rows[there]
    means = np.bincount(parts, values)[there] / rows
    squares = np.bincount(parts, values**2)[there] / rows
    errors = np.sqrt(np.maximum(squares - means**2, 0) / rows)
    high, low = np.argmax(means), np.argmin(means)
    error = None if rows.min() < ENOUGH or len(rows) < number else np.hypot(errors[high], errors[low]) + 1e-9
    return means[high] - means[low], error


def differences(seed, rows):
    """For each measure: (formula - estimate) in standard errors of the estimate."""
    model = random_model(seed)
    rule = random_rule(seed, model)
    generator = np.random.default_rng([seed, 2])
    x, y, group = model.sample(rows, generator)
    epsilon = float(generator.uniform(0.05, 0.6))
    epsilon_max, kappa = 1.5 * epsilon, float(generator.uniform(0.5, 6.0))
    score = x @ rule.weights + rule.bias
    reach = model.scale @ np.abs(rule.weights)
    margin = y * score
    correct, broken = margin > 0, margin - epsilon * reach <= 0
    least = np.minimum(np.maximum(margin, 0) / reach, epsilon_max)
    attacked = score - y * epsilon * reach
    partitions = {"class": (y + 1) // 2, "group": group, "class and group": 2 * group + (y + 1) // 2}
    asked = {}
    for partition, parts in partitions.items():
        asked["cau", partition] = theory.cau(model, rule, partition=partition), correct, parts
        asked["cru_s", partition] = theory.cru_s(model, rule, epsilon, partition=partition), broken, parts
        asked["cru_s of correct", partition] = (
            theory.cru_s(model, rule, epsilon, partition=partition, denominator="correct"),
            broken[correct],
            parts[correct],
        )
        asked["cru_epsilon", partition] = (
            theory.cru_epsilon(model, rule, partition=partition, epsilon_max=epsilon_max), least, parts,
        )  # fmt: skip
        asked["cru_epsilon of correct", partition] = (
            theory.cru_epsilon(model, rule, partition=partition, epsilon_max=epsilon_max, only_correct=True),
            least[correct],
            parts[correct],
        )
        asked["cru_epsilon without a largest radius", partition] = (
            theory.cru_epsilon(model, rule, partition=partition), np.maximum(margin, 0) / reach, parts,
        )  # fmt: skip
    links = {"probit": ndtr, "logistic": expit}
    for link, function in links.items():
        for label in (-1, 1, None):
            own = np.ones(rows, dtype=bool) if label is None else y == label
            options = {"link": link, "kappa": kappa, "label": label}
            asked["eou", link, label] = theory.eou(model, rule, **options), function(kappa * score[own]), group[own]
            asked["eou attacked", link, label] = (
                theory.eou(model, rule, epsilon=epsilon, target=-1, **options),
                1 - function(kappa * attacked[own]),
                group[own],
            )
    # How many parts there are, whether or not one has a correct row.
    number = {name: len(np.unique(partitions.get(name[-1], group))) for name in asked}
    found = {}
    for name, (exact, values, parts) in asked.items():
        estimate, error = gap_of_means(np.asarray(values, dtype=np.float64), parts, number[name])
        if rows <= ROWS:
            # The gap of the package's own metrics, from the same rows.
            assert metrics.group_means(values, parts).gap == pytest.approx(estimate)
        if error is not None:
            found[name] = (exact - estimate) / error
    for name, exact, values in [
        ("error", theory.error(model, rule, epsilon), broken),
        ("censored", theory.censored_share(model, rule, epsilon_max), margin > epsilon_max * reach),
        ("success of correct", theory.success_rate(model, rule, epsilon, denominator="correct"), broken[correct]),
    ]:
        found[name] = (exact - values.mean()) / (values.std(ddof=1) / np.sqrt(len(values)) + 1e-9)
    return found


def beyond(seeds, rows):
    """What lies further off than allowed, and the share of measures that could be compared."""
    found = {(seed, name): off for seed in seeds for name, off in differences(seed, rows).items()}
    far = {place: round(off, 2) for place, off in found.items() if abs(off) > ALLOWED}
    return far, len(found) / (len(seeds) * MEASURES)


def test_a_few_settings():
    far, compared = beyond(range(15), ROWS)
    assert far == {}
    assert compared > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_a_hundred_settings_of_a_million_rows(block):
    far, compared = beyond(range(block * SETTINGS // 4, (block + 1) * SETTINGS // 4), SLOW_ROWS)
    assert far == {}
    assert compared > 0.95
