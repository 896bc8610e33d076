"""Remarks on a model that accompany its results."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from fairtoll.models.logit_model import HALF, Probed

#: Shares of the range of all outputs. By the first the same call may differ: rounding that depends on how threads share
#: work. By the second a row alone may differ from the row among others, with a remark above the first.
SAME = 1e-3
ALONE = 5e-2


#: A note is what a reader must know, where nothing is wrong; an alarm says that the numbers may be wrong.
RemarkKind = Literal["note", "alarm"]


@dataclass(frozen=True)
class Remark:
    """One thing that a reader of the results must know about a model.

    Attributes
    ----------
    id, title, text : str
        Its name in results, its heading, and a sentence.
    kind : {"note", "alarm"}
        An alarm fires, and fails a gate that fails on alarms; a note does not.

    Examples
    --------
    >>> Remark("zero", "Gradients are zero", "the gradient is zero in every row", kind="alarm").id
    'zero'
    """

    id: str
    title: str
    text: str
    _: KW_ONLY
    kind: RemarkKind


PERHAPS_PROBABILITIES = Remark(
    "perhaps-probabilities",
    "One output a row was taken for a logit",
    "the model returns one number a row, all between 0 and 1, and there are too few rows to tell probabilities from "
    "logits: they are taken for logits; if they are probabilities, give 8 rows or more, or a model that returns the "
    "values before the sigmoid",
    kind="alarm",
)


def remarks(probed: Probed) -> list[Remark]:
    """Remarks on the model that accompany its results.

    Examples
    --------
    >>> remarks(Probed(classes=2)), [remark.id for remark in remarks(Probed(classes=2, output="probabilities"))]
    ([], ['model-returns-probabilities'])
    """
    found = list(probed.notes)
    if probed.output in ("probabilities", "one probability") and not probed.declared:
        what = (
            "probabilities instead of logits: every row is non-negative and sums to one"
            if probed.output == "probabilities"
            else "one probability per row instead of logits: all lie between 0 and 1, those of the second class"
        )
        found.append(
            Remark(
                "model-returns-probabilities",
                "The model returns probabilities",
                f"the model seems to return {what}; they are used as they are, and attacks follow their logarithm, "
                "whose gradient vanishes where they are rounded to 0 or 1; return the values before the softmax "
                "instead",
                kind="alarm",
            )
        )
    if probed.batch_effect > (ALONE if probed.precision in HALF else SAME):
        found.append(
            Remark(
                "answers-depend-on-batch",
                "Outputs depend on the other rows of a batch",
                f"the model's outputs depend on the other rows of a batch: alone, a row's logits differ by "
                f"{probed.batch_effect:.1%} of their range; attacks drop finished rows, so that success is "
                "uncertain by as much",
                kind="alarm",
            )
        )
    if probed.gradients == "zero":
        found.append(
            Remark(
                "model-without-gradients",
                "The gradient is zero",
                "the gradient of the model's logits in its input is zero in each of the first rows (rounding or a step "
                "in its forward, or saturation); attacks that follow it cannot start there: square, grid and "
                "random_noise, which need only scores, measure such a model",
                kind="alarm",
            )
        )
    return found
