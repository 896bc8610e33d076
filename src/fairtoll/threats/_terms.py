"""The small language of relations: a parsed expression becomes a function of clean and moved rows, without `eval`."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Feature
from fairtoll.threats._lookup import Lookup
from fairtoll.threats._operators import COMPARE, COMPARISONS, FUNCTIONS, KNOWN, OPERATORS, TURNED, equal

#: Of clean and of moved rows, float64 `(N, D)`, to one number or truth a row.
Function = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Term:
    """A part of a relation.

    Attributes
    ----------
    kind : {"number", "truth", "text", "category"}
        What it is; a text is a category's name that has not met its feature yet.
    value : callable
        Its value in each row.
    reads, cleans : frozenset of int
        Positions of the features it depends on, as they stand in the moved row and in the clean one.
    feature : int, optional
        The feature that it is, as it stands in the moved row.
    names : int, optional
        The feature whose categories its codes are of.
    text : str
        Of a text.
    """

    kind: Literal["number", "truth", "text", "category"]
    value: Function
    reads: frozenset[int] = frozenset()
    cleans: frozenset[int] = frozenset()
    feature: int | None = None
    names: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Assignment:
    """A comparison that holds once a feature is set to a value; how a relation is repaired."""

    feature: int
    operator: str
    value: Function


@dataclass
class Reader:
    """Turns the syntax tree of one relation into a `Term`; collects what repairs it."""

    text: str
    features: Sequence[Feature]
    lookups: Mapping[tuple[int, tuple[int, ...]], Lookup]
    names: Mapping[str, str] = field(default_factory=dict)
    assignments: list[Assignment] = field(default_factory=list)
    #: The depth of negations: what stands under one does not hold once it is set.
    negations: int = 0

    def refuse(self, why: str, remedy: str = "") -> NoReturn:
        """Raise the error of this relation."""
        raise FairtollError(f"relation '{self.text}': {why}" + (f"; {remedy}" if remedy else ""))

    def truth(self, node: ast.expr) -> Term:
        """A condition."""
        term = self.read(node)
        if term.kind != "truth":
            self.refuse(
                f"'{self.shown(node)}' is no condition", "expected a comparison, such as loan <= income * 5, or if-then"
            )
        return term

    def number(self, node: ast.expr) -> Term:
        """A number."""
        term = self.read(node)
        if term.kind != "number":
            self.refuse(
                f"'{self.shown(node)}' is {'a condition' if term.kind == 'truth' else 'a category'}, where a number is "
                "expected",
                "compare categories with == or in",
            )
        return term

    def read(self, node: ast.expr) -> Term:
        """Any part."""
        if isinstance(node, ast.BoolOp):
            return self._joined([self.truth(one) for one in node.values], every=isinstance(node.op, ast.And))
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Name):
            return self.feature(self.names.get(node.id, node.id))
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        return self.refuse(
            f"'{self.shown(node)}' is no part of a relation",
            "expected features, numbers, + - * / % **, comparisons, in, and, or, not, if-then and "
            + ", ".join((*FUNCTIONS, "clean", "lookup")),
        )

    def shown(self, node: ast.AST) -> str:
        """A part as the caller wrote it."""
        text = ast.unparse(node)
        for inner, outer in self.names.items():
            text = text.replace(inner, outer)
        return text

    def feature(self, name: str) -> Term:
        """A feature of the moved row."""
        place = place_of(name, self.features, what=f"relation '{self.text}'")
        own, at = (lambda clean, moved: moved[:, place]), frozenset([place])
        if self.features[place].categories:
            return Term("category", own, at, feature=place, names=place)
        return Term("number", own, at, feature=place)

    def _joined(self, terms: Sequence[Term], *, every: bool) -> Term:
        def value(clean: Tensor, moved: Tensor) -> Tensor:
            answers = torch.stack([term.value(clean, moved) for term in terms])
            return answers.all(dim=0) if every else answers.any(dim=0)

        return Term("truth", value, *_reads(*terms))

    def _unary(self, node: ast.UnaryOp) -> Term:
        if isinstance(node.op, ast.Not):
            self.negations += 1
            inner = self.truth(node.operand)
            self.negations -= 1
            return Term("truth", lambda clean, moved: ~inner.value(clean, moved), *_reads(inner))
        if isinstance(node.op, (ast.USub, ast.UAdd)):
            inner, sign = self.number(node.operand), -1.0 if isinstance(node.op, ast.USub) else 1.0
            return Term("number", lambda clean, moved: sign * inner.value(clean, moved), *_reads(inner))
        return self.refuse(f"'{self.shown(node)}' is no part of a relation", "expected not, + or -")

    def _arithmetic(self, node: ast.BinOp) -> Term:
        operate = OPERATORS.get(type(node.op))
        if operate is None:
            self.refuse(f"'{self.shown(node)}' has an unknown operator", "expected + - * / % or **")
        left, right = self.number(node.left), self.number(node.right)
        return Term(
            "number", lambda clean, moved: operate(left.value(clean, moved), right.value(clean, moved)),
            *_reads(left, right),
        )  # fmt: skip

    def _constant(self, node: ast.Constant) -> Term:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float, str)):
            self.refuse(f"'{self.shown(node)}' is no part of a relation", "expected a number or a quoted category")
        if isinstance(node.value, str):
            return Term("text", lambda clean, moved: moved[:, 0], text=node.value)
        try:
            number = float(node.value)
        except OverflowError:
            self.refuse("a number is too large", "expected one below 1e308")
        return Term("number", lambda clean, moved: torch.full_like(moved[:, 0], number))

    def _comparison(self, node: ast.Compare) -> Term:
        sides, parts = [node.left, *node.comparators], []
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(operator, (ast.In, ast.NotIn)):
                parts.append(self._member(left, right, inside=isinstance(operator, ast.In)))
            elif type(operator) in COMPARISONS:
                parts.append(self._compared(left, COMPARISONS[type(operator)], right))
            else:
                self.refuse(f"'{self.shown(node)}' has an unknown comparison", "expected <= < >= > == != or in")
        return parts[0] if len(parts) == 1 else self._joined(parts, every=True)

    def _compared(self, left: ast.expr, operator: str, right: ast.expr) -> Term:
        if _is_lookup(right) or _is_lookup(left):
            one, other = (left, right) if _is_lookup(right) else (right, left)
            first, second = self.read(one), self._looked_up(one, other)
        else:
            first, second = self.read(left), self.read(right)
        first, second = self._as_category(first, second), self._as_category(second, first)
        kinds = {first.kind, second.kind}
        if "truth" in kinds or len(kinds) == 2 or "text" in kinds:
            self.refuse(
                f"'{self.shown(left)} {operator} {self.shown(right)}' compares two different kinds of value",
                "expected two numbers, or a feature and a quoted category of it",
            )
        if kinds == {"category"} and operator not in ("==", "!="):
            self.refuse(f"categories have no order for {operator}", "compare them with ==, != or in")
        compare = COMPARE[operator]
        self._note(first, operator, second)
        self._note(second, TURNED[operator], first)
        return Term(
            "truth", lambda clean, moved: compare(first.value(clean, moved), second.value(clean, moved)),
            *_reads(first, second),
        )  # fmt: skip

    def _note(self, target: Term, operator: str, value: Term) -> None:
        if target.feature is None or target.feature in value.reads or self.negations:
            return
        if operator in ("==", "<=", ">="):
            self.assignments.append(Assignment(target.feature, operator, value.value))

    def _as_category(self, term: Term, other: Term) -> Term:
        """A quoted text as the code of the other side's category."""
        if other.names is None:
            return term
        if term.kind == "text":
            return self._code(term.text, other.names)
        if term.names is not None:
            self._require_same_categories(self.features[term.names], self.features[other.names])
        return term

    def _require_same_categories(self, first: Feature, second: Feature) -> None:
        if first.categories != second.categories:
            self.refuse(f"{first.name} and {second.name} have different categories", "compare each with its own names")

    def _code(self, text: str, place: int) -> Term:
        feature = self.features[place]
        if text not in feature.categories:
            self.refuse(
                f"{feature.name} has no category '{text}'",
                meant(text, feature.categories) + f"its categories are {_some(feature.categories)}",
            )
        code = float(feature.categories.index(text))
        return Term("category", lambda clean, moved: torch.full_like(moved[:, 0], code), names=place)

    def _member(self, left: ast.expr, right: ast.expr, *, inside: bool) -> Term:
        if not isinstance(right, (ast.Set, ast.List, ast.Tuple)) or not right.elts:
            self.refuse(f"'{self.shown(right)}' is no set of values", 'expected such as region in {"north", "south"}')
        member = self.read(left)
        values = [self._as_category(self.read(one), member) for one in right.elts]
        if {member.kind} != {one.kind for one in values} or member.kind not in ("number", "category"):
            self.refuse(f"'{self.shown(left)}' and the values in its set differ in kind", "quote categories alone")
        if inside and member.feature is not None and not self.negations:
            self.assignments.extend(
                Assignment(member.feature, "==", one.value) for one in values if member.feature not in one.reads
            )

        def value(clean: Tensor, moved: Tensor) -> Tensor:
            own = member.value(clean, moved)
            found = torch.stack([equal(own, one.value(clean, moved)) for one in values]).any(dim=0)
            return found if inside else ~found

        return Term("truth", value, *_reads(member, *values))

    def _looked_up(self, target: ast.expr, call: ast.expr) -> Term:
        assert isinstance(call, ast.Call)
        found = lookup_of(target, call, self)
        if found is None or found not in self.lookups:
            self.refuse(
                "lookup may only be one side of == with one feature on the other",
                "expected such as education_num == lookup(education)",
            )
        place, keys = found
        table, own = self.lookups[found], self.feature(self.features[place].name)
        return Term(own.kind, lambda clean, moved: table.of(moved[:, list(keys)]), frozenset(keys), names=own.names)

    def _call(self, node: ast.Call) -> Term:
        name = node.func.id if isinstance(node.func, ast.Name) else self.shown(node.func)
        if node.keywords or any(isinstance(one, ast.Starred) for one in node.args):
            self.refuse(f"{name} takes plain values", "expected such as max(a, b)")
        if name == "clean":
            return self._clean(node)
        if name == "lookup":
            self.refuse("lookup must be alone on one side of ==", "expected such as education_num == lookup(education)")
        if name == "count" and node.args:
            truths = [self._counted(one) for one in node.args]

            def how_many(clean: Tensor, moved: Tensor) -> Tensor:
                return torch.stack([one.value(clean, moved).double() for one in truths]).sum(dim=0)

            return Term("number", how_many, *_reads(*truths))
        if name not in FUNCTIONS:
            self.refuse(f"unknown function {name}", meant(name, KNOWN) + f"known are {', '.join(KNOWN)}")
        least, most, function = FUNCTIONS[name]
        if not least <= len(node.args) <= most:
            wanted = f"{least}" if least == most else f"{least} or more"
            self.refuse(f"{name} got {len(node.args)} values", f"expected {wanted}")
        terms = [self.number(one) for one in node.args]
        return Term(
            "number", lambda clean, moved: function(*(one.value(clean, moved) for one in terms)), *_reads(*terms)
        )

    def _counted(self, node: ast.expr) -> Term:
        self.negations += 1
        term = self.truth(node)
        self.negations -= 1
        return term

    def _clean(self, node: ast.Call) -> Term:
        if len(node.args) != 1 or not isinstance(node.args[0], ast.Name):
            self.refuse("clean takes one feature", "expected such as age >= clean(age)")
        inner = self.read(node.args[0])
        # What the clean row holds never moves, so that a feature may be compared with itself.
        return Term(inner.kind, lambda clean, moved: inner.value(clean, clean), cleans=inner.reads, names=inner.names)


def _is_lookup(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lookup"


def lookup_of(target: ast.expr, call: ast.Call, reader: Reader) -> tuple[int, tuple[int, ...]] | None:
    """Positions of the feature that is looked up and of those by which it is, or None where these are no features."""
    if not isinstance(target, ast.Name) or not call.args or not all(isinstance(one, ast.Name) for one in call.args):
        return None
    places = [reader.read(one).feature for one in (target, *call.args)]
    return (places[0] or 0, tuple(place or 0 for place in places[1:]))


def place_of(name: str, features: Sequence[Feature], *, what: str) -> int:
    """The position of a feature, or an error that says which names there are."""
    names = [feature.name for feature in features]
    if name not in names:
        odd = [one for one in names if not one.isidentifier() and one.replace("-", "_").startswith(f"{name}_")]
        hint = f"write `{odd[0]}` in backticks: its name holds more than letters; " if odd else meant(name, names)
        raise FairtollError(f"{what}: unknown feature {name}; {hint}the features are {_some(names)}")
    return names.index(name)


def meant(name: str, known: Sequence[str]) -> str:
    """``did you mean ...?`` where a known name is near, else nothing."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}? " if near else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _reads(*terms: Term) -> tuple[frozenset[int], frozenset[int]]:
    """What several parts read together, of the moved and of the clean row."""
    none: frozenset[int] = frozenset()
    return none.union(*(term.reads for term in terms)), none.union(*(term.cleans for term in terms))
