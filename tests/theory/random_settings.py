"""Random models and rules whose seeds are fixed: what the formulas are tried on."""

import numpy as np

from fairtoll.theory import Gaussians, Group, LinearRule


def random_covariance(generator, features, kind=None):
    """A number, a diagonal or a matrix; positive definite."""
    kind = generator.integers(3) if kind is None else kind
    if kind == 0:
        return float(generator.uniform(0.3, 4.0))
    if kind == 1:
        return generator.uniform(0.3, 4.0, features)
    root = generator.standard_normal((features, features))
    return root @ root.T / features + 0.3 * np.eye(features)


def random_model(seed, *, groups=True, features=None):
    """Any covariances, prior, up to three groups with shares of their own in each class, a fixed feature at times."""
    generator = np.random.default_rng(seed)
    features = int(generator.integers(1, 6)) if features is None else features
    theta = generator.uniform(-1.2, 1.2, features)
    number = int(generator.integers(2, 4)) if groups else 0
    shares = generator.dirichlet(np.full(max(number, 1), 3.0), size=2)
    named = tuple(
        Group(f"g{place}", (shares[0, place], shares[1, place]), generator.uniform(-0.8, 0.8, features))
        for place in range(number)
    )
    scale = generator.choice([0.0, 0.5, 1.0, 3.0], features, p=[0.2, 0.2, 0.4, 0.2])
    scale[0] = max(scale[0], 0.5)
    covariances = (random_covariance(generator, features), random_covariance(generator, features))
    return Gaussians(theta, covariances, float(generator.uniform(0.15, 0.85)), named, scale)


def random_rule(seed, model):
    """Not the best one: theta with noise."""
    generator = np.random.default_rng([seed, 1])
    return LinearRule(model.theta + 0.5 * generator.standard_normal(model.features), float(generator.normal(0, 0.4)))
