"""Relations between the features of a row, such as ``loan <= income * 5``, which an adversary must keep."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Feature
from fairtoll.threats._lookup import Lookup, learn
from fairtoll.threats._terms import Assignment, Reader, Term, lookup_of

#: Longer texts, and deeper ones, are no relation that anyone can read.
LONGEST, DEEPEST = 2000, 100


@dataclass(frozen=True, eq=False)
class Relation:
    """A condition on a row.

    The language: features by name (in backticks where a name holds more than letters, digits and _), numbers, quoted
    categories; ``+ - * / % **``; ``<= < >= > == !=``, also in chains; ``in {...}``; ``and``, ``or``, ``not``,
    ``if A then B``; ``abs, min, max, floor, round, log, exp``; ``divide(a, b, otherwise)`` for a denominator that may
    be 0; ``months(yyyymm)``; ``count(conditions)``, how many hold; ``clean(feature)``, what it was before the attack;
    ``feature == lookup(others)``, as in the training rows. These are the constraints of Simonetto et al. (2022) and of
    TabularBench (Simonetto et al. 2024). Sides that differ by a millionth, the rounding of float32, are equal.

    Attributes
    ----------
    text : str
        As it was written.
    features : sequence of Feature
        Of the table.
    lookups : mapping
        Tables of the training rows, by positions of the feature that is looked up and of those by which it is.

    Raises
    ------
    FairtollError
        For what is not of the language, and unknown features and categories.

    Examples
    --------
    >>> import torch
    >>> features = [Feature(name, "continuous", False, 0, 9, "") for name in ("loan", "income")]
    >>> relation = Relation("loan <= income * 5", features)
    >>> rows = torch.tensor([[10.0, 2.0], [11.0, 2.0]])
    >>> relation.holds(rows, rows).tolist()
    [True, False]
    """

    text: str
    features: Sequence[Feature]
    lookups: Mapping[tuple[int, tuple[int, ...]], Lookup] = field(default_factory=dict)
    _term: Term = field(init=False, repr=False)
    _assignments: tuple[Assignment, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tree, names = _parsed(self.text)
        reader = Reader(self.text, self.features, self.lookups, names)
        object.__setattr__(self, "_term", reader.truth(tree))
        object.__setattr__(self, "_assignments", tuple(reader.assignments))

    def __reduce__(
        self,
    ) -> tuple[type[Relation], tuple[str, Sequence[Feature], Mapping[tuple[int, tuple[int, ...]], Lookup]]]:
        """Functions cannot be copied to another process; the text can."""
        return Relation, (self.text, self.features, self.lookups)

    @property
    def reads(self) -> list[int]:
        """Positions of the features it depends on."""
        return sorted(self._term.reads | self._term.cleans)

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """Comparisons in it that hold once a feature is set."""
        return self._assignments

    @property
    def decides(self) -> list[int]:
        """The features that it sets, as ``total == a + b`` sets `total`; empty for what is no equality."""
        tree, _ = _parsed(self.text)
        alone = isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq)
        return [one.feature for one in self._assignments] if alone else []

    def holds(self, clean: Tensor, moved: Tensor) -> Tensor:
        """Whether it holds in each row of `moved`, `(N,)` of bool; `clean` is what the rows were."""
        return self._term.value(clean.double(), moved.double())


def read_relations(
    texts: Sequence[str], features: Sequence[Feature], rows: NDArray[np.float32]
) -> tuple[Relation, ...]:
    """Relations from their texts; tables for `lookup` are learned from the training rows `(N, D)`.

    Examples
    --------
    >>> features = [Feature(name, "continuous", True, 0, 9, "") for name in ("degree", "years")]
    >>> rows = np.float32([[0, 9], [1, 12], [1, 12]])
    >>> relation, = read_relations(["years == lookup(degree)"], features, rows)
    >>> relation.decides, relation.reads
    ([1], [0, 1])
    """
    if isinstance(texts, str) or not all(isinstance(one, str) for one in texts):
        raise FairtollError(f"relations is {texts!r}; expected a list of texts, such as ['loan <= income * 5']")
    return tuple(Relation(text, features, _learned(text, features, rows)) for text in texts)


def _learned(
    text: str, features: Sequence[Feature], rows: NDArray[np.float32]
) -> dict[tuple[int, tuple[int, ...]], Lookup]:
    tree, names = _parsed(text)
    reader, found = Reader(text, features, {}, names), {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq):
            continue
        for target, call in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "lookup":
                places = lookup_of(target, call, reader)
                if places is not None:
                    known = _present(rows, features, [places[0], *places[1]])
                    found[places] = learn(
                        known[:, list(places[1])], known[:, places[0]], what=f"relation '{text}'"
                    )  # fmt: skip
    return found


def _present(rows: NDArray[np.float32], features: Sequence[Feature], places: Sequence[int]) -> NDArray[np.float32]:
    """The rows that miss none of these features."""
    present = np.ones(len(rows), dtype=bool)
    for place in places:
        missing = features[place].missing
        if missing is not None:
            present &= rows[:, place] != np.float32(missing)
    return rows[present]


def _parsed(text: str) -> tuple[ast.expr, dict[str, str]]:
    """The syntax tree, and the names that stand for names in backticks."""
    if len(text) > LONGEST:
        raise FairtollError(f"a relation of {len(text)} characters; expected {LONGEST} at most; split it at 'and'")
    names: dict[str, str] = {}

    def stand_in(found: re.Match[str]) -> str:
        names[f"_feature_{len(names)}_"] = found.group(1)
        return list(names)[-1]

    plain = re.sub(r"`([^`]+)`", stand_in, text)
    condition = re.fullmatch(r"\s*if\b(.+?)\bthen\b(.+)", plain, re.DOTALL)
    if condition:
        plain = f"not ({condition.group(1).strip()}) or ({condition.group(2).strip()})"
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        hint = "write == for equality; " if re.search(r"[^=<>!]=[^=]", plain) else ""
        raise FairtollError(
            f"relation '{text}' cannot be read; {hint}expected such as loan <= income * 5, total == a + b, or "
            "if job == 'none' then income == 0"
        ) from error
    if (depth := _depth(tree)) > DEEPEST:
        raise FairtollError(
            f"a relation nests {depth} levels deep; expected {DEEPEST} at most; give several relations, or simplify it"
        )
    return tree, names


def _depth(tree: ast.AST) -> int:
    """How many levels a syntax tree has, without recursion: it is the recursion of readers that is bounded by it."""
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return depth
