"""Theorems 4 and 8 of docs/theory.md: groups, their confidences, and a group that is rare."""

import numpy as np
import pytest
import sympy
from closed_forms import density, direction, says
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, ndtr

from fairtoll import theory

BLOCKS = np.array([0.5] * 4 + [0.1] * 50)
POINTS, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def calibrated(distance, centre):
    """C(c) of Theorem 4e: mean confidence where the link is the posterior of the standardised score."""
    return quad(lambda z: density(z - centre) * expit(2 * distance * z), centre - 12, centre + 12)[0]


def calibrated_eou(distance, shift):
    return calibrated(distance, distance + shift) - calibrated(distance, distance - shift)


def slope(distance):
    """k(D), as the page has it."""
    return distance / 2 * np.exp(-(distance**2) / 2) * quad(lambda z: density(z) / np.cosh(distance * z), -12, 12)[0]


def test_lemma_4_confidences():
    for link in (lambda u: ndtr(1.3 * u), lambda u: expit(1.7 * u)):
        mean = lambda c: WEIGHTS @ link(c + 0.8 * POINTS)  # noqa: B023, E731
        assert mean(-0.7) == pytest.approx(1 - mean(0.7), abs=1e-12)
        for centre in (0.0, 0.4, 1.5):
            width = [mean(centre + d) - mean(centre - d) for d in (0.1, 0.3, 0.9)]
            assert width[0] < width[1] < width[2]
        for half in (0.1, 0.6):
            width = [mean(c + half) - mean(c - half) for c in (0.0, 0.3, -0.9, 2.0)]
            assert width[0] > width[1] > width[2] > width[3] > 0
    assert WEIGHTS @ ndtr(1.3 * (0.4 + 0.8 * POINTS)) == pytest.approx(
        ndtr(1.3 * 0.4 / np.sqrt(1 + 1.3**2 * 0.64)), abs=1e-9
    )


def random_groups(seed):
    generator = np.random.default_rng([seed, 4])
    features, number = int(generator.integers(1, 6)), int(generator.integers(2, 5))
    theta, shifts = generator.normal(0, 1, features), generator.normal(0, 0.6, (number, features))
    groups = tuple(theory.Group(f"g{i}", 1 / number, shift) for i, shift in enumerate(shifts))
    model = theory.Gaussians(theta, (1.0, 1.0), groups=groups)
    return model, theory.LinearRule(theta, float(generator.normal(0, 0.7))), shifts


def confidence(model, rule, link, label, group):
    return theory.mean_confidence(model, rule, link=link, kappa=1.5, label=label, group=group)


@pytest.mark.parametrize("link", ["probit", "logistic"])
def test_theorem_4a_and_b_order_and_classes(link):
    for seed in range(60):
        model, rule, shifts = random_groups(seed)
        scores = shifts @ rule.weights
        means = {y: [confidence(model, rule, link, y, one.name) for one in model.groups] for y in (-1, 1)}
        for values in means.values():
            assert (np.argsort(values) == np.argsort(scores)).all()
        middle = rule.bias + (scores.max() + scores.min()) / 2
        ranges = {y: np.ptp(values) for y, values in means.items()}
        assert (ranges[1] > ranges[-1]) == (middle < 0)
        assert theory.eou(model, rule, link=link, kappa=1.5, label=1) == pytest.approx(ranges[1], abs=1e-9)


def test_theorem_4a_b_and_d_on_a_thousand_settings():
    generator = np.random.default_rng(11)
    margin, bias = generator.uniform(0.1, 3, 1000), generator.normal(0, 0.7, 1000)
    shifts, steep = generator.normal(0, 0.6, (1000, 4)), generator.uniform(0.3, 4, 1000)

    def means(scores, link):
        return link(steep[:, None, None] * (scores[..., None] + POINTS)) @ WEIGHTS

    for link in (ndtr, expit):
        of_class = {y: means((y * margin + bias)[:, None] + shifts, link) for y in (-1, 1)}
        for values in of_class.values():
            assert (values.argmax(axis=1) == shifts.argmax(axis=1)).all()
            assert (values.argmin(axis=1) == shifts.argmin(axis=1)).all()
        middle = bias + (shifts.max(axis=1) + shifts.min(axis=1)) / 2
        higher = np.ptp(of_class[1], axis=1) - np.ptp(of_class[-1], axis=1)
        clear = np.abs(higher) > 1e-6
        assert clear.sum() > 900
        assert ((higher > 0) == (middle < 0))[clear].all()
        width = np.abs(shifts[:, :1]) * np.array([[1.0, -1.0, 1.2, -1.2]])
        values = means(margin[:, None] + width, link)
        assert (values[:, 2] - values[:, 3] > values[:, 0] - values[:, 1]).all()


def test_theorem_4c_weak_shifts_vanish_and_strong_ones_grow():
    weak, strong = np.r_[np.zeros(4), np.full(50, 0.05)], np.r_[np.full(4, 0.2), np.zeros(50)]
    standard, robust = (direction(BLOCKS, radius)[0] for radius in (0.0, 0.1))
    assert robust @ weak == 0
    assert robust @ strong / (standard @ strong) == pytest.approx(np.linalg.norm(BLOCKS) / 1.0)
    groups = (theory.Group("a", 0.5, weak), theory.Group("b", 0.5, -weak))
    rule = theory.LinearRule(np.maximum(BLOCKS - 0.1, 0), 0.0)
    assert theory.eou(theory.Gaussians(BLOCKS, (1.0, 1.0), groups=groups), rule) == pytest.approx(0, abs=1e-15)


def test_theorem_4e_formula_of_k_and_its_maximum():
    for distance in (0.2, 0.8, 1.5, 3.0):
        step = 1e-4
        derivative = (calibrated(distance, distance + step) - calibrated(distance, distance - step)) / (2 * step)
        assert slope(distance) == pytest.approx(derivative, rel=1e-6)
        assert calibrated_eou(distance, 0.01) == pytest.approx(0.02 * slope(distance), rel=1e-3)
        # equal in both classes
        other = calibrated(distance, -distance + 0.3) - calibrated(distance, -distance - 0.3)
        assert other == pytest.approx(calibrated_eou(distance, 0.3), abs=1e-10)
    top = minimize_scalar(lambda d: -slope(d), bounds=(0.1, 3), method="bounded", options={"xatol": 1e-9}).x
    says("Theorem 4", "`D° = 0.818` (accuracy 79.3%)", top, 100 * ndtr(top))
    grid = np.array([slope(d) for d in np.geomspace(0.01, 8, 120)])
    concave = np.diff(np.log(grid), 2)
    assert (concave < 1e-9).all()  # log-concave in log D


def test_theorem_4a_and_b_examples():
    shift = np.r_[np.full(4, -0.1), np.full(50, 0.05)]
    before, after = BLOCKS @ shift, BLOCKS[:4] @ shift[:4]
    says("Theorem 4", "is +0.05, and without the weak features -0.2: the", before, after)
    says("Summary", "+0.05 to -0.2", before, after)
    model = theory.Gaussians([1.0], (1.0, 1.0), groups=(theory.Group("a", 0.5, [0.3]), theory.Group("b", 0.5, [-0.3])))
    for bias, labels in ((-0.5, (1, -1)), (0.5, (-1, 1))):
        rule = theory.LinearRule([1.0], bias)
        eous = [theory.eou(model, rule, link="probit", kappa=1.0, label=label) for label in labels]
        says("Theorem 4", "EOU is 0.158 in D_1 and 0.097 in D_0", *eous)
        says("Summary", "0.158 in D_1 and 0.097 in D_0 change places", *eous)


def test_theorem_4_examples():
    weak, strong = np.r_[np.zeros(4), np.full(50, 0.05)], np.r_[np.full(4, 0.2), np.zeros(50)]
    (standard, before, _), (robust, after, _) = (direction(BLOCKS, radius) for radius in (0.0, 0.2))
    says("Theorem 4", "`D` = 1.225 and 1.000", before, after)
    eous = calibrated_eou(before, standard @ strong), calibrated_eou(after, robust @ strong)
    says("Theorem 4", "0.128, robust 0.179", *eous)
    says("Summary", "0.080 falls to 0", calibrated_eou(before, standard @ weak))
    says("Theorem 4", "0.028 to 0.059", calibrated_eou(2.0, 0.2), calibrated_eou(1.5, 0.2))
    says("Theorem 4", "0.079 to 0.069", calibrated_eou(0.5, 0.2), calibrated_eou(0.4, 0.2))
    third = strong + 2 * weak
    ranges = []
    for weights, distance in ((standard, before), (robust, after)):
        values = [calibrated(distance, -distance + weights @ shift) for shift in (strong, -strong, third)]
        ranges.append((values[0] - values[1], np.ptp(values)))
    (two, three), (two_after, three_after) = ranges
    text = "In D_0 the EOUs are 0.128 and 0.179 with two values, 0.240 and 0.179 with three"
    says("Theorem 4", text, two, two_after, three, three_after)
    says("Theorem 4", "from +0.051 to -0.062", two_after - two, three_after - three)
    says("Summary", "turns +0.051 into -0.062", two_after - two, three_after - three)


def test_theorem_4_expected_range_of_more_values():
    def expected_range(n):
        return quad(lambda x: 1 - ndtr(x) ** n - ndtr(-x) ** n, -12, 12)[0]

    says("Theorem 4", "`c_2 = 1.128`, `c_5 = 2.326`", expected_range(2), expected_range(5))
    generator = np.random.default_rng(0)
    root, weights = generator.normal(size=(3, 3)), np.array([1.0, -0.5, 2.0])
    drawn = generator.normal(size=(100_000, 5, 3)) @ root.T @ weights
    spread = np.sqrt(weights @ root @ root.T @ weights)
    assert np.ptp(drawn, axis=1).mean() == pytest.approx(expected_range(5) * spread, rel=0.01)


# --- Theorem 8


def group_loss(distance, shift):
    return ndtr(distance) - (ndtr(distance + shift) + ndtr(distance - shift)) / 2


def test_theorem_8_derivatives_by_algebra():
    d, g = sympy.symbols("D g", positive=True)
    cdf = lambda x: (1 + sympy.erf(x / sympy.sqrt(2))) / 2  # noqa: E731
    normal = lambda x: sympy.exp(-(x**2) / 2) / sympy.sqrt(2 * sympy.pi)  # noqa: E731
    loss = cdf(d) - (cdf(d + g) + cdf(d - g)) / 2
    assert sympy.simplify(sympy.diff(loss, g) - (normal(d - g) - normal(d + g)) / 2) == 0
    stated = normal(d) * (1 - sympy.exp(-(g**2) / 2) * sympy.cosh(d * g))
    difference = (sympy.diff(loss, d) - stated).rewrite(sympy.exp)
    assert sympy.simplify(sympy.expand(difference)) == 0


def test_theorem_8_inequalities_on_random_settings():
    generator = np.random.default_rng(2)
    distance, shift = generator.uniform(0.05, 4, 1000), generator.uniform(0.01, 3, 1000)
    assert (group_loss(distance, shift) > 0).all()
    assert (group_loss(distance, shift * 1.01) > group_loss(distance, shift)).all()
    gains = group_loss(distance - 1e-5, shift) > group_loss(distance, shift)
    clear = np.abs(np.exp(shift**2 / 2) - np.cosh(distance * shift)) > 1e-3
    assert (gains == (np.exp(shift**2 / 2) < np.cosh(distance * shift)))[clear].all()
    assert not gains[clear & (distance <= 1)].any()


def test_theorem_8_the_best_bias_and_the_examples():
    distance, shift, share = 1.5, 1.0, 0.05

    def error(bias, of):
        return (ndtr(-distance - bias - of) + ndtr(-distance + bias + of)) / 2

    found = minimize_scalar(
        lambda b: (1 - share) * error(b, 0.0) + share * error(b, shift), bounds=(-1, 1), method="bounded",
        options={"xatol": 1e-12},
    ).x  # fmt: skip
    formula = -share * np.exp(-(shift**2) / 2) * np.sinh(distance * shift) / distance
    says("Theorem 8", "the best bias is -0.0440, the formula gives -0.0430", found, formula)
    says("Theorem 8", "the group loses 0.091", group_loss(distance, shift))
    theta, moved = np.repeat((1.0, 0.18, 0.1), (4, 10, 1000)), np.repeat((0.0, 0.6, 0.0), (4, 10, 1000))
    rules = [one / np.linalg.norm(one) for one in (theta, np.maximum(theta - 0.1, 0))]
    (kept, less), (seen, fewer) = ([rule @ one for rule in rules] for one in (theta, moved))
    lost = group_loss(kept, seen), group_loss(less, fewer)
    text = "`γ` falls from 0.285 to 0.264, but `D` from 3.785 to 2.060, and the group loses 0.00005 and 0.00346"
    says("Theorem 8", text, seen, fewer, kept, less, *lost)
    tiny = 1e-5
    slight = brentq(
        lambda b: (1 - tiny) * (density(distance - b) - density(distance + b))
        + tiny * (density(distance - b - shift) - density(distance + b + shift)),
        -0.1, 0.1, xtol=1e-16,
    )  # fmt: skip
    assert slight == pytest.approx(formula / share * tiny, rel=1e-3)
    assert minimize_scalar(lambda d: -d * density(d), bounds=(0, 3), method="bounded").x == pytest.approx(1, abs=1e-4)
    group = (theory.Group("most", 0.95, [0.0]), theory.Group("few", 0.05, [shift]))
    model = theory.Gaussians([distance], (1.0, 1.0), groups=group)
    rule = theory.standard_rule(model)
    assert rule.bias / rule.weights[0] == pytest.approx(found, abs=1e-6)
