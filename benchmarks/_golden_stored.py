"""Golden numbers as they are kept in tests/golden: rounded, one line a record, and what made them."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _golden_numbers import Numbers, Value, differences, numbers_of, summaries_of
from _golden_words import canonical, renamed

#: Values below this are rounding error.
NOTHING = 1e-6
#: Significant digits that are stored; on the machine that stored them, all of them are compared.
DIGITS = 5
STANDARD = canonical("standard")
#: Fields that add little to the others and would make the files three times as long; so would intervals of groups.
LITTLE = ["parameters", "published", "rows", "sufficient", "broken", "epsilons", "steps", "restarts", "inferred"]
NOT_STORED = {canonical(name) for name in LITTLE}
#: Other processors add in another order, which changes weights in the seventh digit. The training of these arms
#: amplifies such changes without bound: on a network with rectifiers, signs of gradients and three times the passes
#: turn 1e-7 into tenths of a probability, as the one-ulp design of leave-one-out shows too. On other machines than the
#: one that stored them, of these arms only the records must be there.
DRIFTING = {"adult": (), "cifar10": ("static", "repeated", "noise", "online", "online-noise")}
#: What another processor may move of the rest. A row that flips moves a rate by 1 / (3 runs x rows of the group), which
#: is 0.0004 for all 800 rows and more than ABSOLUTE for groups below 70 rows; hence a share MOVED of the numbers may be
#: farther off, verdicts at a boundary among them. Between AVX-512 and plain SSE, none moved by more than 1e-5.
ABSOLUTE, RELATIVE, MOVED = 0.005, 0.02, 0.01


def golden_numbers(folder: Path) -> Numbers:
    """Everything of a run folder that is stored, rounded."""
    found = {**numbers_of(folder), **summaries_of(folder)}
    stored = {
        record: {place: rounded(one) for place, one in numbers.items() if one is not None and is_stored(place)}
        for record, numbers in found.items()
    }
    return {record: numbers for record, numbers in stored.items() if numbers}


def is_stored(place: str) -> bool:
    """Whether a number is stored."""
    levels = place.split("/")
    return NOT_STORED.isdisjoint(levels) and not {canonical("groups"), canonical("interval")} <= set(levels)


def rounded(value: Value) -> Value:
    """Numbers to the stored digits; a value that is only rounding error is zero."""
    if not isinstance(value, float):
        return value
    return 0.0 if abs(value) < NOTHING else float(f"{value:.{DIGITS}g}")


def store(made: Path, out: Path, names: Sequence[str]) -> None:
    """Write the numbers of every run."""
    for name in names:
        content = {"machine": machine(), "tables": packed(golden_numbers(made / name))}
        # A line for each record, so that a change can be read.
        text = json.dumps(content, separators=(",", ":")).replace("],", "],\n").replace("{", "{\n")
        (out / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def packed(numbers: Numbers) -> list[dict[str, Any]]:
    """Records with the same places share one head."""
    found: dict[tuple[str, ...], dict[str, list[Value]]] = {}
    for record, values in numbers.items():
        found.setdefault(tuple(values), {})[record] = list(values.values())
    return [{"places": list(places), "records": records} for places, records in found.items()]


def read(path: Path) -> tuple[str, Numbers]:
    """Which machine stored them, and the numbers, under the newest names."""
    content = json.loads(path.read_text(encoding="utf-8"))
    numbers = {
        newest(record): {newest(place): renamed(value) for place, value in zip(table["places"], values, strict=True)}
        for table in content["tables"]
        for record, values in table["records"].items()
    }
    return content["machine"], numbers


def newest(key: str) -> str:
    """A record or place with each of its words under the newest name; a level that is gone is left out."""
    section, space, rest = key.partition(" ")
    return _levels(section) + space + "|".join(map(_levels, rest.split("|")))


def _levels(place: str) -> str:
    return "/".join(canonical(one) for one in place.split("/") if canonical(one) or not one)


def stored_differences(path: Path, made: Path) -> dict[str, str]:
    """How a run folder differs from its stored numbers: to all digits, or within what another processor may change."""
    machine_then, stored = read(path)
    found = golden_numbers(made)
    if machine_then == machine():
        return differences(stored, found, relative=10.0**-DIGITS)
    drifting = DRIFTING[path.stem]
    steady = {
        record: {place: value for place, value in values.items() if is_steady(record, place, drifting)}
        for record, values in stored.items()
    }
    gone = {record: "the record is gone" for record in stored if record not in found}
    gone |= {where: what for where, what in differences(steady, found).items() if what.endswith("is gone")}
    moved = differences(steady, found, relative=RELATIVE, absolute=ABSOLUTE)
    few = len(moved) <= MOVED * sum(map(len, steady.values()))
    return gone if few else {**gone, **moved}


def is_steady(record: str, place: str, drifting: Sequence[str]) -> bool:
    """Whether a number does not depend on any arm that drifts."""
    if not drifting or place.startswith(f"{STANDARD}/"):
        return True
    words = record.partition(" ")[2].split("|")
    return STANDARD in words and not any(canonical(arm) in words for arm in drifting)


def machine() -> str:
    """What floating-point results depend on: the processor and the libraries that compute."""
    import numpy as np
    import torch
    from threadpoolctl import threadpool_info

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
        known = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
        processor = "/".join(known.get(name, "").strip() for name in ("model name", "cpu family", "model"))
    except OSError:
        processor = platform.machine()
    capability = torch.backends.cpu.get_cpu_capability()
    # An environment may choose other kernels of the same library, which add in another order.
    kernels = "/".join(sorted({str(one.get("architecture")) for one in threadpool_info() if one["user_api"] == "blas"}))
    return f"{processor}, {capability}, {kernels}, torch {torch.__version__}, numpy {np.__version__}"
