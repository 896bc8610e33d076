"""Reproductions: a paper's protocol, its published values and its claims."""

from fairtoll.experiments.adult import reproduce_adult as reproduce_adult
from fairtoll.experiments.adult_results import adult_results as adult_results
from fairtoll.experiments.cifar10 import reproduce_cifar10 as reproduce_cifar10
from fairtoll.experiments.cifar10_results import cifar10_results as cifar10_results
from fairtoll.experiments.leave_one_out.options import LeaveOneOutRequest as LeaveOneOutRequest
