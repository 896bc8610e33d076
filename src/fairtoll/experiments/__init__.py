"""Reproductions: a paper's protocol, its published values and its claims."""

from fairtoll.experiments.adult import reproduce_adult as reproduce_adult
from fairtoll.experiments.adult_results import adult_results as adult_results
