"""Synthetic results for the report's tests."""

import sys
from pathlib import Path

import pytest

from fairtoll.findings.results import Results

sys.path.insert(0, str(Path(__file__).parent))

from example_audit import audit_results
from example_cifar10 import cifar10_results
from example_results import example_results


@pytest.fixture(scope="session")
def example() -> Results:
    return example_results()


@pytest.fixture(scope="session")
def audit() -> Results:
    return audit_results()


@pytest.fixture(scope="session")
def example_folder(example: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from fairtoll.report import write_report

    folder = tmp_path_factory.mktemp("example")
    write_report(example, folder)
    return folder


@pytest.fixture(scope="session")
def audit_folder(audit: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from fairtoll.report import write_report

    folder = tmp_path_factory.mktemp("audit")
    write_report(audit, folder)
    return folder


@pytest.fixture(scope="session")
def cifar10() -> Results:
    return cifar10_results()


@pytest.fixture(scope="session")
def quick_cifar10() -> Results:
    return cifar10_results(seeds=1, protocols=("paper",))


@pytest.fixture(scope="session")
def quick_cifar10_folder(quick_cifar10: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from fairtoll.report import write_report

    folder = tmp_path_factory.mktemp("cifar10")
    write_report(quick_cifar10, folder)
    return folder
