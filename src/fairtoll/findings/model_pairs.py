"""What pairs of trained models show on new rows, whatever others from the same recipes would."""

from __future__ import annotations

from collections import Counter

import numpy as np

from fairtoll.findings import results
from fairtoll.findings.judged import CONFIDENCE, Compared
from fairtoll.findings.spreads import stored_spread
from fairtoll.statistics import Difference, InsufficientDataError, difference, state_models_verdict, swap_test


def describe_models(compared: Compared, *, runs: int | None = None) -> results.Models | None:
    """Each of the first so many pairs of one training run, all when not given, compared over rows alone.

    None where nothing can be compared. Training runs are paired by their number, and by position where the arms have
    no number in common; a model that is the only one of its arm is compared with every one of the other.

    Several pairs are counted, each at 95%. One pair alone is the answer: its interval is widened for the judgements of
    its family, as those of recipes are.
    """
    first, second = _paired(compared)
    chosen = list(zip(first, second, strict=True))[:runs]
    confidence = CONFIDENCE if len(chosen) > 1 else 1 - (1 - CONFIDENCE) / compared.family
    pairs = []
    for base, robust in chosen:
        found = _difference(compared, base, robust, confidence)
        if found is None:
            return None
        pairs.append(
            results.ModelPair(
                run=str(compared.robust.runs[robust]),
                standard=found.standard,
                robust=found.robust,
                value=found.value,
                interval=(found.interval.low, found.interval.high),
                confidence=confidence,
                verdict=state_models_verdict(found, margin=compared.margin).value,
                p_value=found.p_value,
                spread=stored_spread(found.spread),
            )
        )
    if not pairs:
        return None
    return results.Models(
        pairs=pairs,
        shown=dict(Counter(pair.verdict for pair in pairs)),
        swap_p=_swap(compared, first[0], second[0]) if len(pairs) == 1 else None,
    )


def _paired(compared: Compared) -> tuple[list[int], list[int]]:
    """Positions of the runs of each arm that are compared."""
    ours, theirs = len(compared.base.runs), len(compared.robust.runs)
    if 1 in (ours, theirs):
        most = max(ours, theirs)
        return [min(place, ours - 1) for place in range(most)], [min(place, theirs - 1) for place in range(most)]
    if compared.common[0]:
        return compared.common
    return list(range(compared.count)), list(range(compared.count))


def _difference(compared: Compared, base: int, robust: int, confidence: float) -> Difference | None:
    if compared.base.missing or compared.robust.missing:
        return None
    one, other = compared.base.take([base]), compared.robust.take([robust])
    try:
        found = difference(
            one.values,
            other.values,
            compared.groups,
            standard_included=one.included,
            robust_included=other.included,
            confidence=confidence,
            minimum_rows=compared.rules.minimum_rows,
            rates=compared.metric.rates,
        )
    except InsufficientDataError:
        return None
    return compared.widened(found, [base], [robust])


def _swap(compared: Compared, base: int, robust: int) -> float | None:
    """Only where all rows count in both models can they be swapped."""
    if compared.base.included is not None or compared.robust.included is not None:
        return None
    found = swap_test(
        compared.base.values[base],
        compared.robust.values[robust],
        compared.groups,
        minimum_rows=compared.rules.minimum_rows,
        generator=np.random.default_rng(0),
    )
    return found.p_value
