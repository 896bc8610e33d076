"""The experiments, small enough for tests: the same descriptions with fewer rows, epochs and attacks."""

from dataclasses import replace
from functools import partial

from fairtoll.data import load_cifar10
from fairtoll.experiments import find_experiment
from fairtoll.experiments.cifar10 import collections
from fairtoll.training import FitSettings
from fairtoll.training.networks import ConvolutionalNetwork


def small_adult(*, rows=800, settings=FitSettings(epochs=1), **changes):
    """Adult on the first rows of each split, for one epoch."""
    adult = find_experiment("adult")
    return replace(adult, data=replace(adult.data, train=rows, test=rows), settings=settings, **changes)


def small_cifar10(**changes):
    """CIFAR-10 on a made-up copy: 100 attacked images, a narrow network, few attacks."""
    cifar10 = find_experiment("cifar10")
    given = {
        "data": replace(cifar10.data, load=partial(load_cifar10, rows_expected=None), attacked=100),
        "settings": FitSettings(epochs=3, batch_size=50),
        "network": ConvolutionalNetwork((4, 8, 16, 16)),
        "collections": collections(restarts=1, queries=10),
    }
    return replace(cifar10, **(given | changes))
