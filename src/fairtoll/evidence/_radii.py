"""Radii in the blocks of attacks: least epsilon that a search found, and within which a row is proved robust."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.evidence.blocks import Block, Blocks

#: (evaluation, threat, attack, epsilon).
Name = tuple[str, str, str, float]
#: Of each training run and row a radius and a mark, (S, n) each; and the row numbers, (n,).
Radii = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]


def searched_radii(attacked: Blocks, arm: str, wanted: Mapping[str, Any], without: Collection[Any]) -> Radii:
    """The least epsilon of each row and whether it is censored; see `Evidence.searched_least_epsilon`."""
    blocks, rows = attacked.aligned(arm, wanted, without=without)
    found = np.stack([least_epsilons(block) for block in blocks])
    if np.isnan(found).any():
        raise FairtollError(
            f"{wanted['attack']} on '{arm}' has no least epsilon for {int(np.isnan(found).sum())} of {found.size} "
            "entries; expected one for each attacked row; write it with describe_least_epsilon"
        )
    return found, np.stack([block.columns["censored"] for block in blocks]), rows


def proved_radii(attacked: Blocks, arm: str, wanted: Mapping[str, Any], without: Collection[Any]) -> Radii:
    """The proved radius of each row and whether rounding alone is in the way; see `Evidence.proved_radius`."""
    blocks, rows = attacked.aligned(arm, wanted, without=without)
    if not all(_has_proofs(block) for block in blocks):
        raise FairtollError(
            f"{wanted['attack']} on '{arm}' has no proved radii; expected one for each attacked row of every training "
            "run"
        )
    proved = np.stack([block.columns["proved"] for block in blocks])
    return proved, np.stack([block.columns["within_rounding"] for block in blocks]), rows


def names_of_searches(attacked: Blocks, arm: str) -> list[Name]:
    """The attacks that measured least epsilon."""
    found = {
        key[2:] for key, block in attacked.by_key.items() if key[0] == arm and np.isfinite(least_epsilons(block)).any()
    }
    return sorted(found)


def names_of_proofs(attacked: Blocks, arm: str) -> list[Name]:
    """The attacks of which proved radii are known in every training run."""
    without: dict[Name, bool] = {}
    for key, block in attacked.by_key.items():
        if key[0] == arm:
            without[key[2:]] = without.get(key[2:], False) or not _has_proofs(block)
    return sorted(name for name, lacking in without.items() if not lacking)


def least_epsilons(block: Block) -> NDArray[np.float64]:
    """NaN for an attack that measured success alone, (n,)."""
    none = np.full(len(block.rows), np.nan)
    return block.columns.get("least_epsilon", none)


def _has_proofs(block: Block) -> bool:
    return "proved" in block.columns and bool(np.isfinite(block.columns["proved"]).all())
