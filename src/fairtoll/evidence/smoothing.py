"""Certified radii of randomized smoothing, as the code of its authors writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fairtoll.errors import FairtollError
from fairtoll.evidence.certificates import describe_certificate
from fairtoll.evidence.checks import whole_numbers
from fairtoll.inputs.columns import check_columns

COLUMNS = ("idx", "label", "predict", "radius")
#: What the authors' code predicts where it abstains.
ABSTAINED = -1


def read_smoothing(
    path: str | Path, *, arm: str, seed: int, threat: str = "audit", method: str = "smoothing"
) -> pd.DataFrame:
    r"""A part of the table `certificates`: the L2 radii in a file that `certify.py` of randomized smoothing wrote.

    Cohen, Rosenfeld and Kolter, "Certified Adversarial Robustness via Randomized Smoothing" (ICML 2019): a
    tab-separated table with the columns idx, label, predict, radius (and correct, time), a line for each image. The
    radius is that of the predicted class, so a wrong prediction claims nothing about the true one, and an abstention
    (predict -1) claims nothing at all: both have 0 here. It holds for the smoothed classifier: the arm's predictions
    and attacks must be of that one too.

    Parameters
    ----------
    path : path
        The file.
    arm, seed : str, int
        Which model it is about.
    threat : str
        Name of the threat whose attacks may contradict it.
    method : str
        What to call the claims.

    Returns
    -------
    DataFrame
        As `describe_certificate`, with idx as the row numbers.

    Raises
    ------
    FairtollError
        If the file is missing or no such table, an index, label or prediction is no whole number, or a radius or the
        rows are not as `describe_certificate` takes them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sigma_0.25"
    ...     lines = ["idx\tlabel\tpredict\tradius", "0\t3\t3\t0.4", "1\t8\t1\t0.2", "2\t8\t-1\t0.0"]
    ...     _ = path.write_text("\n".join(lines))
    ...     part = read_smoothing(path, arm="smooth", seed=0)
    >>> part["radius"].tolist()
    [0.4, 0.0, 0.0]
    """
    try:
        table = pd.read_csv(path, sep="\t")
    except (OSError, ValueError) as error:
        cause = str(error).splitlines()[0]
        raise FairtollError(
            f"{path} cannot be read ({cause}); expected the tab-separated table that certify.py writes; check the path"
        ) from error
    check_columns(table.columns, COLUMNS)
    rows, labels, predicted = (whole_numbers(table[name], what=f"{path}: {name}") for name in COLUMNS[:3])
    claimed = (predicted == labels) & (predicted != ABSTAINED)
    radius = np.where(claimed, pd.to_numeric(table["radius"], errors="coerce"), 0.0)
    return describe_certificate(radius, arm=arm, seed=seed, norm="l2", method=method, threat=threat, rows=rows)
