"""What an XGBoost file says of its classes and columns, before its library takes memory for as many."""

from __future__ import annotations

import re
from pathlib import Path

from fairtoll.errors import FairtollError

#: So many columns a model may have whatever its size: those that no tree splits take no room.
COLUMNS = 1_000_000
IMPOSSIBLE = (
    "{path} has {size:,} bytes and says that it has {count:,} {what}; expected no more than it has room for; write the "
    "file again from the fitted model"
)
#: A number as text, in JSON and in UBJSON, whose texts follow their length.
_SAID = re.compile(
    rb'(num_class|num_target|num_feature)(?:"\s*:\s*"?|S(?:L.{8}|l.{4}|I.{2}|[iU].))(\d{1,40})', re.DOTALL
)


def require_possible_counts(path: Path) -> None:
    """Raise if a model file names more classes, targets or columns than so many bytes can have trees for.

    Raises
    ------
    FairtollError
        For such a file. Nothing has been loaded.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "model.json")
    >>> _ = path.write_text('{"num_class": "2000000"}')
    >>> require_possible_counts(path)
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: ... says that it has 2,000,000 classes; expected no more than it has room for; ...
    """
    held = path.read_bytes()
    for name, digits in _SAID.findall(held):
        count, columns = int(digits), name == b"num_feature"
        if count > (max(COLUMNS, len(held)) if columns else len(held)):
            what = "columns" if columns else "targets" if name == b"num_target" else "classes"
            raise FairtollError(IMPOSSIBLE.format(path=path, size=len(held), count=count, what=what))
