"""What the numbers of a table mean: its features, and its classes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One column of `Dataset.x`.

    Attributes
    ----------
    name : str
        The attribute's name in the source.
    kind : {"continuous", "categorical"}
        A categorical attribute is coded by its position in `categories`.
    integer : bool
        Whether only whole numbers are meaningful.
    low, high : float
        Smallest and largest value among the training rows, in `unit`.
    unit : str
        What one step of the value means.
    categories : tuple of str
        The names behind the codes; empty for a continuous attribute.
    missing : float, optional
        What stands for a missing value; None where none may be missing. It lies outside the range or the codes.
    values : tuple
        Of a categorical attribute, what the table holds for each category where that is no text, such as
        (False, True); empty where it is the text itself.

    Examples
    --------
    >>> Feature("age", "continuous", integer=True, low=17, high=90, unit="years").categories
    ()
    """

    name: str
    kind: str
    integer: bool
    low: float
    high: float
    unit: str
    categories: tuple[str, ...] = ()
    missing: float | None = None
    values: tuple[bool | int | float, ...] = ()


@dataclass(frozen=True)
class Schema:
    """What a model of a table must know to read a row of numbers as a row of the table, and to name its classes.

    Attributes
    ----------
    features : tuple of Feature
        One per column of a row; empty for images.
    class_names : tuple of str
        The C classes, in the order of the labels' codes.

    Examples
    --------
    >>> Schema((), ("no", "yes")).class_names
    ('no', 'yes')
    """

    features: tuple[Feature, ...]
    class_names: tuple[str, ...]
