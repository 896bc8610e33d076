"""The formulas of docs/theory.md once more, written for these tests alone: the oracle, and what the page says."""

import math
import re
from pathlib import Path

import numpy as np
from scipy.special import ndtr

PAGE = Path(__file__).parents[2] / "docs" / "theory.md"


def density(x):
    return np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi)


def psi(mean, spread):
    """E max(0, u), u normal."""
    return mean * ndtr(mean / spread) + spread * density(mean / spread)


def roots(mean, ratio, log_ratio=None):
    """T and T+ of Lemma 6 with sigma_e = 1; `log_ratio` is log kappa of Theorem 7."""
    log_ratio = np.log(ratio) if log_ratio is None else log_ratio
    middle = mean * (ratio**2 + 1)
    away = 2 * ratio * np.sqrt(mean**2 + (ratio**2 - 1) * log_ratio / 2)
    return (middle - away) / (ratio**2 - 1), (middle + away) / (ratio**2 - 1)


def best(mean, ratio):
    return roots(mean, ratio)[0]


def average_error(mean, ratio, threshold):
    return (ndtr(threshold - mean) + ndtr(-(mean + threshold) / ratio)) / 2


def accuracy_gap(mean, ratio, threshold):
    """G: easy minus hard."""
    return ndtr(mean - threshold) - ndtr((mean + threshold) / ratio)


def distance_gap(mean, ratio, threshold, most=None):
    """Psi: hard minus easy, censored at `most`."""
    hard, easy = psi(mean + threshold, ratio), psi(mean - threshold, 1.0)
    if most is not None:
        hard, easy = hard - psi(mean + threshold - most, ratio), easy - psi(mean - threshold - most, 1.0)
    return hard - easy


def direction(theta, radius, scale=1.0, variances=1.0):
    """Best weights, scaled to w' V w = 1, with w.theta and L; V diagonal."""
    weights = np.sign(theta) * np.maximum(np.abs(theta) - radius * scale, 0) / variances
    weights = weights / np.sqrt(np.sum(variances * weights**2))
    return weights, float(weights @ theta), float(np.sum(scale * np.abs(weights)))


class Trained:
    """The best rule for a radius under (P) with sigma_e = 1: distance, reach, attacked distance, threshold."""

    def __init__(self, theta, radius, ratio, scale=1.0, variances=1.0):
        self.weights, self.mean, self.reach = direction(np.asarray(theta, float), radius, scale, variances)
        self.attacked, self.ratio = self.mean - radius * self.reach, ratio
        self.threshold = float(best(self.attacked, ratio))

    def gap(self, radius=0.0):
        """Signed: errors of the hard class minus those of the easy one."""
        return float(accuracy_gap(self.mean - radius * self.reach, self.ratio, self.threshold))

    def errors(self, radius=0.0):
        x = self.mean - radius * self.reach
        return float(ndtr(self.threshold - x)), float(ndtr(-(x + self.threshold) / self.ratio))

    @property
    def distance_gap(self):
        return float(distance_gap(self.mean, self.ratio, self.threshold))


def settings(count=1000, seed=0, ratio=(1.02, 5.0)):
    """K, distance and attacked distance: as many settings, the radius 5 to 95% of the mean."""
    generator = np.random.default_rng(seed)
    mean = generator.uniform(0.3, 4.0, count)
    return generator.uniform(*ratio, count), mean, mean * (1 - generator.uniform(0.05, 0.95, count))


def proportional(seed):
    """Theta, scale, variances, K and a radius that leaves a rule; some features fixed, and all of them different."""
    generator = np.random.default_rng([seed, 5])
    features = int(generator.integers(1, 8))
    theta = generator.normal(0, 1, features)
    scale = generator.choice([0.0, 0.5, 1.0, 2.0], features, p=[0.15, 0.25, 0.4, 0.2])
    scale[0] = 1.0
    variances = generator.uniform(0.3, 3.0, features)
    limit = np.max(np.abs(theta) / np.where(scale > 0, scale, 1e-9))
    radius = generator.uniform(0.05, 0.95) * min(limit, 3.0)
    return theta, scale, variances, float(generator.uniform(1.02, 5.0)), radius


def section(title):
    """The text of one section of the page, its lines joined."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = [part for part in parts if re.match(rf"{re.escape(title)}(?!\d)", part)]
    assert len(found) == 1, title
    return " ".join(found[0].split())


def introduction():
    """What is above the first section, its lines joined."""
    return " ".join(PAGE.read_text(encoding="utf-8").partition("\n## ")[0].split())


def says(title, text, *values):
    """The page says this in that section, and its numbers, in order, are these values as rounded there."""
    assert text in section(title), text
    numbers = re.findall(r"(?<![\w.])-?\d+\.\d+", text)
    assert len(numbers) == len(values), numbers
    for number, value in zip(numbers, values, strict=True):
        last = 10.0 ** -len(number.partition(".")[2])
        assert abs(float(number) - value) <= last / 2 + 1e-12, (number, value)
