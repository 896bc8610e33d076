"""Threats to raw rows: random schemas against a checker in plain Python, each kind of constraint, and bad inputs."""

import json
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import CAPGD, RandomNoise, TableSearch
from fairtoll.data import Dataset, Feature
from fairtoll.threats import L1Threat, Relation, TableThreat, table_threat

NAMES = ("age", "income", "loan", "term", "rate", "job", "degree", "years", "home_a", "home_b", "home_c")
JOBS, DEGREES, YEARS = ("cook", "driver", "nurse", "none"), ("low", "mid", "high"), (9.0, 12.0, 16.0)
MISSING = -1.0
#: Every kind of constraint, in the language and in plain Python: of a row and its clean row as dictionaries.
CLOSE = 1e-6


def close(a, b):
    return a == b or abs(a - b) <= CLOSE * max(abs(a), abs(b))


def at_most(a, b):
    return a <= b or close(a, b)


RELATIONS = {
    "loan <= income * 5": lambda r, c: at_most(r["loan"], r["income"] * 5),
    "age + term <= 90": lambda r, c: at_most(r["age"] + r["term"], 90),
    "rate == loan / term": lambda r, c: close(r["rate"], r["loan"] / r["term"]),
    "years == lookup(degree)": lambda r, c: r["degree"] in (0, 1, 2) and close(r["years"], YEARS[int(r["degree"])]),
    "if job == 'none' then income <= 20": lambda r, c: r["job"] != 3 or at_most(r["income"], 20),
    "term in {12, 24, 36, 48}": lambda r, c: r["term"] in (12, 24, 36, 48),
    "degree != 'low' or not job == 'nurse'": lambda r, c: r["degree"] != 0 or r["job"] != 2,
    "income >= clean(income) - 7": lambda r, c: at_most(c["income"] - 7, r["income"]),
    "18 <= age < 80": lambda r, c: at_most(18, r["age"]) and r["age"] < 80 and not close(r["age"], 80),
    "count(age > 30, loan > 20, home_a == 1) <= 2": lambda r, c: at_most(
        (r["age"] > 30 and not close(r["age"], 30))
        + (r["loan"] > 20 and not close(r["loan"], 20))
        + (r["home_a"] == 1),
        2,
    ),
    "divide(loan, income, 0) ** 2 + abs(rate) * 2 - min(term, 3) < 400": lambda r, c: (
        (0 if r["income"] == 0 else r["loan"] / r["income"]) ** 2 + abs(r["rate"]) * 2 - min(r["term"], 3) < 400
    ),
}


def features():
    def number(name, low, high, integer, missing=None):
        return Feature(name, "continuous", integer, low, high, name, missing=missing)

    return (
        number("age", 18, 90, True),
        number("income", 0, 100, False, MISSING),
        number("loan", 0, 300, False),
        number("term", 6, 60, True),
        number("rate", 0, 50, False),
        Feature("job", "categorical", True, 0, 3, "code", JOBS, MISSING),
        Feature("degree", "categorical", True, 0, 2, "code", DEGREES),
        number("years", 9, 16, True),
        *(number(f"home_{one}", 0, 1, True) for one in "abc"),
    )


def draw_rows(count, seed):
    """Rows most of which satisfy most relations; some values are missing, some outside the ranges."""
    draw = np.random.default_rng(seed)
    x = np.zeros((count, len(NAMES)))
    x[:, 0] = draw.integers(18, 85, count)
    x[:, 1] = draw.uniform(0, 100, count)
    x[:, 2] = draw.uniform(0, 1, count) * np.minimum(300, 5.5 * x[:, 1])
    x[:, 3] = draw.choice([12, 24, 36, 48, 17], count)
    x[:, 5] = draw.integers(0, 4, count)
    x[:, 6] = draw.integers(0, 3, count)
    x[:, 7] = np.array(YEARS)[x[:, 6].astype(int)]
    x[np.arange(count), 8 + draw.integers(0, 3, count)] = 1
    x = x.astype(np.float32)
    x[:, 4] = (x[:, 2].astype(np.float64) / x[:, 3]).astype(np.float32)
    for place in (1, 5):
        x[draw.random(count) < 0.1, place] = MISSING
    return x


def dataset(count=400, seed=0, groups=()):
    x = draw_rows(count, seed)
    y = np.arange(count) % 2
    return Dataset(x, y, ("no", "yes"), {name: x[:, NAMES.index(name)].astype(str) for name in groups}, features())


ROWS = dataset()


def problems(threat, options, clean, moved, epsilon):
    """What is wrong with one moved row, in plain Python; empty if nothing is."""
    if not all(map(math.isfinite, moved)):
        return ["not finite"]
    found, costs = [], {}
    schema = {one.name: one for one in features()}
    c, r = dict(zip(NAMES, clean, strict=True)), dict(zip(NAMES, moved, strict=True))
    chosen = options["mutable"]
    spread = options["spread"]
    homes = ("home_a", "home_b", "home_c")
    for name in NAMES:
        one = schema[name]
        if r[name] == c[name]:
            continue
        if not math.isfinite(r[name]) or name not in chosen:
            found.append(f"{name} moved")
        if one.missing is not None and MISSING in (c[name], r[name]):
            found.append(f"{name} is missing")
        way = options["monotone"].get(name)
        if (way == "up" and r[name] < c[name]) or (way == "down" and r[name] > c[name]):
            found.append(f"{name} moved the wrong way")
        if one.integer and r[name] != int(r[name]):
            found.append(f"{name} is a fraction")
        if one.categories:
            if not 0 <= r[name] < len(one.categories):
                found.append(f"{name} has no such category")
            costs[name] = options["costs"].get(name, 0.0)
        elif name in homes:
            costs["home"] = options["costs"].get("home", 0.0)
        else:
            low, high = options["ranges"].get(name, (one.low, one.high))
            if not min(low, c[name]) <= r[name] <= max(high, c[name]):
                found.append(f"{name} is out of range")
            costs[name] = options["costs"].get(name, 1.0) * abs(r[name] - c[name]) / spread[name]
    if any(r[name] != c[name] for name in homes) and sorted(r[name] for name in homes) != [0, 0, 1]:
        found.append("homes are not one-hot")
    total = (max if options["cost_norm"] == "max" else sum)(list(costs.values()) or [0.0])
    if total > epsilon * (1 + 1e-9):
        found.append(f"costs {total}")
    if epsilon == 0 and costs:
        found.append("moved at radius 0")
    for text in options["relations"]:
        reads = {name for name in NAMES if name in text}
        there = not any(schema[name].missing is not None and c[name] == MISSING for name in reads)
        if there and RELATIONS[text](c, c) and not RELATIONS[text](r, c):
            found.append(f"breaks {text}")
    return found


@st.composite
def table_options(draw):
    homes = draw(st.booleans())
    names = draw(st.sets(st.sampled_from(NAMES[:8]), min_size=1)) | ({"home"} if homes else set())
    members = {"home_a", "home_b", "home_c"} if homes else set()
    moving = sorted(names - {"home"}) + sorted(members)
    numbers = [name for name in moving if name in ("age", "income", "loan", "term", "rate", "years")]
    ordered = [name for name in moving if name not in members]
    few = draw(st.sampled_from([0, 1, 3, len(RELATIONS)]))
    return {
        "mutable": moving,
        "relations": draw(st.lists(st.sampled_from(sorted(RELATIONS)), max_size=few, unique=True)),
        "monotone": {
            name: draw(st.sampled_from(["up", "down"])) for name in draw(st.sets(st.sampled_from(ordered), max_size=2))
        },
        "costs": {
            name: draw(st.sampled_from([0.0, 0.3, 1.0, 2.5]))
            for name in draw(st.sets(st.sampled_from(sorted(names)), max_size=4))
        },
        "cost_norm": draw(st.sampled_from(["max", "sum"])),
        "ranges": dict.fromkeys(numbers[: draw(st.integers(0, 1))], (30, 60)),
    }


def made(options, rows=ROWS):
    """The threat of these options, also where they would give one of numbers alone, and the spread by name."""
    kept = {key: options[key] for key in ("mutable", "relations", "monotone", "costs", "cost_norm", "ranges")}
    threat = table_threat(rows, **kept)
    spread = {}
    for place, name in enumerate(NAMES):
        values = rows.x[:, place]
        spread[name] = float(values[values != MISSING].std(dtype=np.float64))
    return threat, options | {"spread": spread}


def wild(x, seed):
    """Proposals of every kind: far, near, fractions, other categories, several members set, NaN."""
    draw = torch.Generator().manual_seed(seed)
    width = torch.tensor([30.0, 40, 90, 20, 20, 3, 2, 6, 1, 1, 1])
    size = 10 ** (2 * torch.rand(len(x), 1, generator=draw) - 1.5)
    moved = x + width * size * torch.randn(x.shape, generator=draw) * (torch.rand(x.shape, generator=draw) < 0.6)
    return torch.where(torch.rand(x.shape, generator=draw) < 0.002, torch.nan, moved)


@settings(max_examples=60, deadline=None)
@given(options=table_options(), seed=st.integers(0, 10**6), epsilon=st.sampled_from([0.0, 0.05, 0.4, 1.0, 3.0]))
def test_no_confined_row_violates_anything(options, seed, epsilon):
    threat, options = made(options)
    x = torch.from_numpy(draw_rows(60, seed))
    found = threat.confine(x, wild(x, seed), epsilon)
    for clean, moved in zip(x.tolist(), found.tolist(), strict=True):
        assert problems(threat, options, clean, moved, epsilon) == []
    assert threat.admits(x, found, epsilon).all()
    assert torch.equal(threat.confine(x, found, epsilon), found)


@settings(max_examples=60, deadline=None)
@given(options=table_options(), seed=st.integers(0, 10**6), epsilon=st.sampled_from([0.0, 0.05, 0.4, 1.0, 3.0]))
def test_what_is_admitted_is_what_plain_python_admits(options, seed, epsilon):
    threat, options = made(options)
    x = torch.from_numpy(draw_rows(60, seed))
    moved = wild(x, seed)
    # Whole numbers and codes more often, so that both answers occur.
    rounded = torch.where(torch.tensor([one.integer for one in features()]), moved.round(), moved)
    few = torch.rand(x.shape, generator=torch.Generator().manual_seed(seed)) < 0.25
    moved = torch.where(few, rounded, x)
    admitted = threat.admits(x, moved, epsilon).tolist()
    for clean, own, answer in zip(x.tolist(), moved.tolist(), admitted, strict=True):
        wrong = problems(threat, options, clean, own, epsilon)
        assert answer == (wrong == []), wrong


@pytest.mark.slow
def test_100_000_rows_without_a_violation():
    """Fifty random schemas of two thousand rows each, under attacks and under proposals of every kind."""
    model, checked = torch.nn.Linear(len(NAMES), 2), []
    specs = (TableSearch(30), CAPGD(steps=5, queries=10, restarts=1), RandomNoise(3))

    @settings(max_examples=50, deadline=None, derandomize=True, database=None)
    @given(options=table_options(), epsilon=st.sampled_from([0.1, 0.5, 2.0]), spec=st.sampled_from(specs))
    def check(options, epsilon, spec):
        threat, options = made(options)
        x, number = torch.from_numpy(draw_rows(2000, len(checked))), len(checked)
        labels, draws = torch.zeros(len(x), dtype=torch.int64), torch.Generator().manual_seed(number)
        found = spec(model, x, labels, threat=threat, epsilon=epsilon, generator=draws).perturbed
        if number % 2:
            found = threat.confine(x, wild(found, number), epsilon)
        for clean, moved in zip(x.tolist(), found.tolist(), strict=True):
            assert problems(threat, options, clean, moved, epsilon) == []
        checked.append(len(found))

    check()
    assert sum(checked) >= 100_000


def test_the_threat_as_it_is_written_down_and_copied():
    options = {
        "mutable": ["degree", "years", "income"],
        "relations": ["years == lookup(degree)"],
        "costs": {"years": 0.0},
    }
    threat = table_threat(ROWS, **options, cost_norm="sum", monotone={"income": "up"})
    told = json.loads(json.dumps(threat.to_dict()))
    assert told["norm"] == "table"
    assert told["relations"] == options["relations"]
    assert told["lookups"]["years"] == {"by": ["degree"], "table": [[0.0, 9.0], [1.0, 12.0], [2.0, 16.0]]}
    assert (told["cost_norm"], told["monotone"], told["scale"][7]) == ("sum", {"income": "up"}, None)
    assert [name for name, moves in zip(NAMES, told["mutable"], strict=True) if moves] == ["income", "degree", "years"]
    x = torch.from_numpy(ROWS.x)
    other, moved = pickle.loads(pickle.dumps(threat)), wild(x, 0)
    assert torch.equal(other.confine(x, moved, 0.5), threat.confine(x, moved, 0.5))


def test_education_follows_its_years():
    """A category that another column repeats: both move or none does."""
    threat = table_threat(ROWS, mutable=["degree", "years"], relations=["years == lookup(degree)"], costs={"years": 0})
    x = torch.from_numpy(ROWS.x)[:50]
    moved = x.clone()
    moved[:, 6] = (moved[:, 6] + 1) % 3
    assert not threat.admits(x, moved, 1.0).any()
    found = threat.confine(x, moved, 1.0)
    assert torch.equal(found[:, 6], moved[:, 6])
    assert torch.equal(found[:, 7], torch.tensor(YEARS)[moved[:, 6].long()])
    fixed = table_threat(ROWS, mutable=["degree"], relations=["years == lookup(degree)"])
    assert torch.equal(fixed.confine(x, moved, 1.0), x)


def test_a_relation_binds_the_rows_that_satisfy_it():
    """A clean row that breaks it is counted, and free of it; one with a missing value is not counted."""
    rows = dataset(300, seed=3)
    threat = table_threat(rows, mutable=["loan"], relations=["loan <= income * 5"])
    x = torch.from_numpy(rows.x)
    known = rows.x[:, 1] != MISSING
    broken = known & (rows.x[:, 2] > rows.x[:, 1] * 5 * (1 + CLOSE))
    assert threat.violated(x) == {"loan <= income * 5": broken.sum()}
    assert 0 < broken.sum() < known.sum()
    high = threat.bounds(x, 50.0)[1]
    found = threat.confine(x, high, 50.0)
    free = torch.from_numpy(broken | ~known)
    assert torch.equal(found[free], high[free])
    assert (found[~free, 2] <= x[~free, 1] * 5 * (1 + CLOSE)).all()


def test_which_threat_is_made():
    """Of numbers alone the threat is what it was before there were others."""
    numbers = table_threat(ROWS, mutable=["age", "loan"])
    assert isinstance(numbers, LinfThreat)
    assert isinstance(table_threat(ROWS, mutable=["age", "income"]), TableThreat)  # values of it are missing
    assert isinstance(table_threat(ROWS, mutable=["age"], relations=["age >= 20"]), TableThreat)
    everything = table_threat(dataset(groups=["job"]), mutable="all", immutable=["home"])
    moving = [name for name, one in zip(NAMES, everything.mutable.tolist(), strict=True) if one]
    assert moving == ["age", "income", "loan", "term", "rate", "degree", "years"]
    by_name = table_threat(ROWS, mutable=["home"], one_hot={"home": ["home_a", "home_b", "home_c"]})
    assert by_name.one_hot == ((8, 9, 10),)
    assert isinstance(by_name.numbers_only(), LinfThreat)
    assert isinstance(table_threat(ROWS, mutable="all", cost_norm="sum").numbers_only(), L1Threat)


def test_ranges_in_place_of_those_of_the_rows_and_by_other_features():
    threat = table_threat(ROWS, mutable=["loan", "term"], ranges={"loan": (5, "income * 2"), "term": (6.0, 24)})
    x = torch.from_numpy(ROWS.x)
    within = (x[:, 2] >= 5) & (x[:, 2] <= 2 * x[:, 1]) & (x[:, 3] <= 24)
    assert within.sum() > 20
    found = threat.confine(x, x + 1000, 100.0)[within]
    assert torch.allclose(found[:, 2], 2 * x[within, 1], rtol=2e-4)
    assert (found[:, 3] == 24).all()
    assert (threat.confine(x, x - 1000, 100.0)[within, 2] == 5).all()


def test_names_that_are_no_identifiers_stand_in_backticks():
    features = (
        Feature("education-num", "continuous", True, 0, 9, ""),
        Feature("job title", "categorical", True, 0, 1, "", ("on leave", "it's")),
        Feature("issued", "continuous", True, 200001, 203012, "yyyymm"),
        Feature("due", "continuous", True, 200001, 203012, "yyyymm"),
    )
    x = torch.tensor([[4.0, 0, 202411, 202501], [5, 1, 202411, 202412]])
    for text, expected in {
        "`education-num` > 4": [False, True],
        "`job title` == 'on leave'": [True, False],
        '`job title` in {"it\'s"}': [False, True],
        "months(due) - months(issued) >= 2": [True, False],
        "not (`education-num` == 4 and due == 202501)": [False, True],
        "-`education-num` + 2 * max(3, 4) <= 3.5": [False, True],
        "issued < due <= 202412": [False, True],
        "log(`education-num`) ** 2 % 2 > 1 and floor(2.5) == 2 and round(exp(0)) == 1": [True, False],
    }.items():
        relation = Relation(text, features)
        assert relation.holds(x, x).tolist() == expected, text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loan <= incom * 5", "relation 'loan <= incom . 5': unknown feature incom; did you mean income. the features"),
        ("loan = income", "cannot be read; write == for equality; expected such as"),
        ("loan <=", "cannot be read; expected such as"),
        ("loan * 2", "'loan . 2' is no condition; expected a comparison"),
        ("job == 'nurs'", "job has no category 'nurs'; did you mean nurse. its categories are cook, driver, nurse"),
        ("job + 1 <= 2", "'job' is a category, where a number is expected; compare categories with == or in"),
        ("job < 'nurse'", "categories have no order for <"),
        ("job == degree", "job and degree have different categories"),
        ("job == 2", "compares two different kinds of value; expected two numbers, or a feature and a quoted category"),
        ("age == 'old'", "compares two different kinds of value"),
        ("maxi(age, 2) < 3", "unknown function maxi; did you mean max. known are abs, min, max"),
        ("max(age) < 3", "max got 1 values; expected 2 or more"),
        ("age.real < 3", "'age.real' is no part of a relation"),
        ("__import__('os').system('true') == 0", "unknown function __import__\\('os'\\).system"),
        ("[a for a in age] == 3", "is no part of a relation"),
        ("(lambda: age)() < 3", "unknown function"),
        ("age ^ 2 < 3", "unknown operator; expected . - . / % or"),
        ("age is 3", "unknown comparison"),
        ("age in income", "'income' is no set of values"),
        ("age in {'a'}", "differ in kind"),
        ("age < True", "expected a number or a quoted category"),
        ("lookup(job) + 1 == age", "lookup must be alone on one side of =="),
        ("3 <= age == lookup(job)", "lookup may only be one side of == with one feature on the other"),
        ("age <= lookup(job)", "lookup may only be one side of == with one feature on the other"),
        ("years == lookup(job)", "values that are looked up go with several"),
        ("clean(3) < age", "clean takes one feature"),
        ("age < " + "9" * 400, "a number is too large"),
        ("age < 3 or " * 300 + "age < 3", "a relation of 3307 characters; expected 2000 at most"),
        ("(" * 900 + "age" + ")" * 900 + " < 3", "cannot be read"),
        ("not " * 450 + "age < 1", "a relation nests 453 levels deep; expected 100 at most"),
        ("-" * 1900 + "age < 1", "levels deep; expected 100 at most|cannot be read"),
    ],
)
def test_relations_that_cannot_be(text, message):
    with pytest.raises(FairtollError, match=message) as raised:
        table_threat(ROWS, mutable=["age"], relations=[text])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"relations": "age < 3"}, "relations is 'age < 3'; expected a list of texts"),
        ({"mutable": "age"}, "mutable is 'age'; expected a list of features"),
        ({"mutable": ["home_a"]}, "of home_a, home_b, home_c each row has one"),
        ({"mutable": ["age"], "immutable": ["age"]}, "age is both mutable and immutable"),
        ({"immutable": ["aeg"]}, "immutable: unknown feature aeg; did you mean age"),
        ({"monotone": {"age": "left"}}, "monotone says 'left' of age; expected 'up' or 'down'"),
        ({"monotone": {"job": "up"}}, "monotone has job, which may not move; the features that may are"),
        ({"mutable": ["home"], "monotone": {"home_a": "up"}}, "a one-hot column, which has no order"),
        ({"costs": {"age": -1}}, "the cost of age is -1; expected a finite number of 0 or more"),
        ({"costs": {"age": "2"}}, "the cost of age is '2'"),
        ({"costs": {"agee": 2}}, "costs: unknown feature agee; did you mean age"),
        ({"mutable": ["home"], "costs": {"home_a": 1, "home_b": 2}}, "one one-hot set with different costs"),
        ({"cost_norm": "l2"}, "cost_norm is 'l2'; expected 'max' or 'sum'"),
        ({"one_hot": ["home_a", "home_b"]}, "one_hot is .* expected sets of columns"),
        ({"one_hot": [["home_a", "home_b"]]}, "of which .* of 400 rows do not have exactly one"),
        ({"one_hot": [["job", "home_b"]]}, "expected two columns or more of numbers"),
        ({"ranges": {"age": 3}}, "the range of age is 3; expected a pair"),
        ({"ranges": {"age": (3, 2)}}, "the range of age is 3 to 2"),
        ({"ranges": {"age": (3, None)}}, "the range of age has None"),
        ({"ranges": {"age": (3, "incme")}}, "unknown feature incme; did you mean income"),
        ({"mutable": ["job"], "ranges": {"job": (0, 1)}}, "ranges has job, a category; state its values as a relation"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(FairtollError, match=message) as raised:
        table_threat(ROWS, **options)
    assert "\n" not in str(raised.value)


def test_a_threat_made_by_hand_that_does_not_fit():
    given = {"features": features()[:2], "scale": [1.0, 1.0], "box": ([0, 0], [1, 1]), "mutable": [True, True]}
    for changes, message in (
        ({"scale": [1.0]}, "scale, box and mutable have shapes"),
        ({"mutable": [1, 0]}, "and booleans"),
        ({"scale": [0.0, 1.0]}, "scale holds 0 or less for a number that may move"),
        ({"scale": [float("inf"), 1.0], "box": ([0, 0], [float("inf"), 1])}, "box has no end for a number that costs"),
    ):
        with pytest.raises(FairtollError, match=message):
            TableThreat(**given | changes)
    with pytest.raises(FairtollError, match=r"rows have shape \(1, 3\); expected \(rows, 2\)"):
        TableThreat(**given).bounds(torch.zeros(1, 3), 0.1)
