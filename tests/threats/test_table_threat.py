"""Threats to raw rows: random schemas against a checker in plain Python, each kind of constraint, and bad inputs."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll.data import Dataset, Feature
from fairtoll.threats import table_threat

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
