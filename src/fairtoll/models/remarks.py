"""What must be said of a model beside its results."""

from __future__ import annotations

from dataclasses import dataclass

from fairtoll.models.logit_model import HALF, Probed

#: Shares of the range of all answers. By the first the same call may differ: rounding that depends on how threads share
#: work. By the second a row alone may differ from the row among others, with a remark above the first.
SAME = 1e-3
ALONE = 5e-2


@dataclass(frozen=True)
class Remark:
    """What a reader of the results must know of a model.

    Examples
    --------
    >>> Remark("zero", "Gradients are zero", "the gradient is zero in every row").id
    'zero'
    """

    id: str
    title: str
    text: str


def remarks(probed: Probed) -> list[Remark]:
    """What must be said of the model beside its results.

    Examples
    --------
    >>> remarks(Probed(classes=2)), [remark.id for remark in remarks(Probed(classes=2, output="probabilities"))]
    ([], ['model-returns-probabilities'])
    """
    found = []
    if probed.output in ("probabilities", "one probability"):
        what = (
            "probabilities where logits are due: every row is non-negative and sums to one"
            if probed.output == "probabilities"
            else "one probability a row where logits are due: all lie between 0 and 1, those of the second class"
        )
        found.append(
            Remark(
                "model-returns-probabilities",
                "The model returns probabilities",
                f"the model seems to return {what}; they are taken as they are, and attacks follow their logarithm, "
                "whose gradient vanishes where they are rounded to 0 or 1; better return the values before the softmax",
            )
        )
    if probed.batch_effect > (ALONE if probed.precision in HALF else SAME):
        found.append(
            Remark(
                "answers-depend-on-batch",
                "Answers depend on the other rows of a batch",
                f"the model's answers depend on the other rows of a batch: alone, a row's logits differ by "
                f"{probed.batch_effect:.1%} of their range; attacks drop the rows that are done, so that success is "
                "uncertain by as much",
            )
        )
    if probed.gradients == "zero":
        found.append(
            Remark(
                "model-without-gradients",
                "The gradient is zero",
                "the gradient of the model's logits in its input is zero in each of the first rows (rounding or a step "
                "in its forward, or saturation); attacks that follow it cannot start there: square, grid and "
                "random_noise, which need scores alone, measure such a model",
            )
        )
    return found
