"""The local score of GREAT and GF-Score: a radius that is claimed for a row from its probabilities alone."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import check_length, check_same_rows
from fairtoll.inputs.labels import as_labels
from fairtoll.metrics import messages
from fairtoll.metrics._inputs import as_scores

#: The largest score, of a class that is certain. The difference of two outputs, each in 0 to 1, has the Lipschitz
#: constant E|z| = sqrt(2 / pi) in L2 once it is convolved with a Gaussian of unit variance; this is its inverse.
LARGEST = math.sqrt(math.pi / 2)


def local_score(y_true: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """The L2 radius that GREAT and GF-Score claim for each row: sqrt(pi / 2) times the true class's lead, 0 if wrong.

    g(x) = sqrt(pi / 2) max(s_y - max over j other than y of s_j, 0): Li, Chen and Ho, "GREAT Score: Global Robustness
    Evaluation of Adversarial Perturbation using Generative Models" (NeurIPS 2024, arXiv 2304.09875); Shah, Visavadiya
    and Padala, "GF-Score" (arXiv 2604.12757), who state that it is a certified lower bound on the L2 perturbation
    that changes the prediction at x. Inputs are in [0, 1]. **It is no certificate of a network as it is**: the factor
    is right for a classifier that is convolved with Gaussian noise of unit variance, and nothing in the score depends
    on how fast the network's own outputs change (docs/certificates.md). Use it as a claim to be tested.

    Parameters
    ----------
    y_true : array-like
        True class of each row, (N,): the place of its column, a whole number from 0 to C - 1.
    probabilities : array-like
        The outputs of each class, (N, C), each between 0 and 1: after a softmax, or after a sigmoid of each logit (as
        both papers have it on CIFAR-10; such outputs need not sum to 1), with whatever temperature.

    Returns
    -------
    numpy.ndarray
        From 0 to sqrt(pi / 2), about 1.25, (N,).

    Raises
    ------
    FairtollError
        If lengths or pandas indexes differ, the input is empty, a class is no column, or an output is not between 0
        and 1.

    Examples
    --------
    >>> from fairtoll.metrics import local_score
    >>> local_score([0, 1, 1], [[1.0, 0.0], [0.25, 0.75], [0.75, 0.25]]).round(3)
    array([1.253, 0.627, 0.   ])
    """
    check_same_rows(y_true=y_true, probabilities=probabilities)
    truth = as_labels(y_true, name="y_true", fractions=False)
    scores = as_scores(probabilities, name="probabilities")
    check_length(scores, name="probabilities", like=truth.codes)
    last = scores.shape[1] - 1
    for name in truth.names:
        if type(name) is not int or not 0 <= name <= last:
            raise FairtollError(messages.UNKNOWN_CLASS_COLUMN.format(given=repr(name), last=last))
    classes = np.array(truth.names, dtype=np.intp)[truth.codes]
    of_rows = np.arange(len(classes))
    others = scores.copy()
    others[of_rows, classes] = -np.inf
    return np.asarray(LARGEST * np.maximum(scores[of_rows, classes] - others.max(axis=1), 0.0), dtype=np.float64)
