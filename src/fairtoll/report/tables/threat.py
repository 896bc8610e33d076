"""What an adversary may change in a table, feature by feature and in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.words import typeset

#: Of more categories, so many are listed.
LISTED = 8
CAPTION = "What an adversary may change"


def threat_table(configuration: Mapping[str, Any]) -> Table | None:
    """Return a line for each feature with a name; None where there are none, as for images.

    Examples
    --------
    >>> told = threat_table({"features": ["age", "sex"], "threat": {
    ...     "scale": [5.0, 0.0], "box": [[18.0, 0.0], [90.0, 1.0]], "integer": [True, True], "mutable": [True, False]}})
    >>> [row[:3] for row in told.rows]
    [['age', 'up or down, whole numbers', '± 5 × ε'], ['sex', 'never', None]]
    """
    threat, names = configuration.get("threat"), configuration.get("features")
    if not isinstance(threat, Mapping) or not isinstance(names, list) or not names:
        return None
    if not isinstance(threat.get("mutable"), list) or len(threat["mutable"]) != len(names):
        return None
    columns = (Column("Feature"), Column("May change"), Column("How far"), Column("Values"))
    rows: list[list[Cell]] = [list(row) for row in _rows(threat, names)]
    return Table("threat", CAPTION, columns, rows, _note(threat), compact=len(rows) <= 40)


def _rows(threat: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[Cell, Cell, Cell, Cell]]:
    groups = [list(group) for group in threat.get("one_hot") or ()]
    together = {name: group for group in groups for name in group}
    for place, name in enumerate(names):
        group = together.get(name)
        if group is None:
            yield (name, *_of_feature(threat, name, place))
        elif name == group[0]:
            moves = any(threat["mutable"][names.index(member)] for member in group)
            said = "one of these, set together (one-hot)" if moves else "never (one-hot)"
            yield ", ".join(group), said, _price(threat, name) if moves else None, None


def _of_feature(threat: Mapping[str, Any], name: str, place: int) -> tuple[Cell, Cell, Cell]:
    categories = (threat.get("categories") or {}).get(name)
    if not threat["mutable"][place]:
        return "never", None, None if categories else _between(threat, place)
    missing = ", missing stays missing" if name in (threat.get("missing") or {}) else ""
    way = {"up": "only up", "down": "only down"}.get((threat.get("monotone") or {}).get(name, ""))
    if categories:
        shown = ", ".join(map(str, categories[:LISTED])) + (", …" if len(categories) > LISTED else "")
        said = f"{way} in the order of the categories" if way else "to any category"
        return said + missing, _price(threat, name), shown
    whole = ", whole numbers" if _at(threat.get("integer"), place) else ""
    scale = _at(threat.get("scale"), place)
    step = "as far as it goes, at any ε" if scale is None else f"{_sign(way)} {scale:.4g} × ε"
    return (way or "up or down") + whole + missing, step, _between(threat, place)


def _sign(way: str | None) -> str:
    return {"only up": "+", "only down": "−"}.get(way or "", "±")


def _price(threat: Mapping[str, Any], name: str) -> str:
    """What a change of a category costs."""
    cost = (threat.get("costs") or {}).get(name, 0.0)
    return f"from ε = {cost:g} on" if cost else "at any ε"


def _between(threat: Mapping[str, Any], place: int) -> str | None:
    box = threat.get("box")
    if not box:
        return None
    low, high = _at(box[0], place), _at(box[1], place)
    return None if low is None or high is None else typeset(f"{low:.5g} to {high:.5g}")


def _at(values: Any, place: int) -> Any:
    """The entry of one feature: of a list its own, of one number for all that."""
    if isinstance(values, list):
        return values[place] if place < len(values) else (values[0] if len(values) == 1 else None)
    return values


def _note(threat: Mapping[str, Any]) -> str:
    """How costs count together, and what has to hold between features."""
    said = []
    if threat.get("norm") == "table":
        how = "the sum of its costs" if threat.get("cost_norm") == "sum" else "the largest of its costs"
        said.append(f"A row may become another at radius ε if {how} is at most ε.")
    else:
        said.append("Each may move independently of the others.")
    relations = [str(one) for one in threat.get("relations") or ()]
    if relations:
        said.append(f"In every changed row: {'; '.join(relations)}.")
    return " ".join(said)
