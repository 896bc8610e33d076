"""A model file that compiled code reads, read in a process of its own first: a damaged one may end the process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fairtoll.errors import FairtollError

#: Seconds after which a file counts as one that cannot be read; the largest models take a few.
TIMEOUT = 120
#: Reads the file and asks every booster in it for a few rows. It imports nothing of this package, which takes longer
#: than the rest. Its exit status is 1 where the library raises an error, which is then raised and worded here.
PROGRAM = """
import gc, json, sys
path, kind, trusted, sys.path[:] = json.loads(sys.argv[1])
import numpy as np
if kind == "lightgbm":
    import lightgbm
    found = lightgbm.Booster(model_str=open(path, encoding="utf-8").read())
elif kind == "xgboost":
    import xgboost
    found = xgboost.Booster()
    found.load_model(path)
else:
    import skops.io
    found = skops.io.load(path, trusted=trusted)
for booster in [one for one in gc.get_objects() if type(one).__name__ == "Booster"]:
    light = type(booster).__module__.startswith("lightgbm")
    width = booster.num_feature() if light else booster.num_features()
    rows = np.repeat(np.array([[0.0], [np.nan], [1e30], [-1e30]]), width, axis=1)
    if light:
        booster.dump_model()
        booster.predict(rows)
    else:
        booster.save_config()
        booster.save_raw("json")
        booster.inplace_predict(rows, predict_type="margin", validate_features=False)
"""


def require_readable(path: Path, kind: str, *, what: str, trusted: Sequence[str] = ()) -> None:
    """Raise if reading a file, or asking its model for a few rows, ends the process or takes too long.

    An error that the library raises is none here: it is raised again where the file is read.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"lightgbm", "xgboost", "skops"}
        What reads it.
    what : str
        What it should be, for the error.
    trusted : sequence of str
        Of a skops file the types that may be loaded.

    Raises
    ------
    FairtollError
        For a file that cannot be read so.

    Examples
    --------
    >>> require_readable(Path("no such file.json"), "xgboost", what="an XGBoost model")
    """
    given = json.dumps([str(path.absolute()), kind, list(trusted), sys.path])
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-c", PROGRAM, given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,
        ).returncode
        reason = f"it ends the process that reads it, with status {ended}" if ended not in (0, 1) else ""
    except subprocess.TimeoutExpired:
        reason = f"it is not read within {TIMEOUT} s"
    if reason:
        raise FairtollError(
            f"{path} cannot be read as {what} ({reason}); expected a whole file, as its library writes it; write it "
            "again"
        )
