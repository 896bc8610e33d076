"""What a model returned, as answers `(N, C)`: one place that knows the forms in which logits come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from fairtoll.errors import FairtollError

#: What a model's answers are. "one" of two classes is the second's: logits (0, z), probabilities (1 - p, p).
Output = Literal["logits", "one logit", "probabilities", "one probability"]
#: Sums of probabilities that were averaged or rounded in half precision leave one by up to this.
SUM_TOLERANCE = 1e-2
#: On fewer rows logits may sum to about one by chance: there only rounding is allowed for.
FEW_ROWS = 8


def read_answers(returned: Any, rows: int) -> Tensor:
    """The answers in what a model returned for `rows` rows, `(N, C)`, or `(N, 1)` of a model with one output.

    Taken are tensors `(N, C)`, `(N, 1)` and `(N,)`, one row without its axis `(C,)`, and whatever has such a tensor as
    attribute or key "logits".

    Raises
    ------
    FairtollError
        For anything else; the message has the wrapper to write.

    Examples
    --------
    >>> read_answers({"logits": torch.zeros(4, 3)}, 4).shape, read_answers(torch.zeros(4), 4).shape
    (torch.Size([4, 3]), torch.Size([4, 1]))
    """
    answers = returned if isinstance(returned, Tensor) else _logits_in(returned, rows)
    if not answers.is_floating_point():
        raise FairtollError(
            f"the model returned {_words(answers)} for {rows} rows; expected logits, floating numbers of shape "
            f"({rows}, classes); return the scores from which the classes are chosen"
        )
    if rows == 1 and answers.ndim < 2:
        # What .squeeze() leaves of one row: (C,) of several outputs, (1,) or () of one.
        answers = answers.reshape(1, -1)
    elif answers.ndim == 1 and len(answers) == rows:
        answers = answers.unsqueeze(1)
    if answers.ndim != 2 or len(answers) != rows or not answers.shape[1]:
        remedy = "return one row of logits for each row"
        if answers.ndim > 2 and len(answers) == rows and rows and answers.numel() == rows * answers.shape[1]:
            remedy = wrapper(".flatten(1)")
        raise FairtollError(
            f"the model returned {_words(answers)} for {rows} rows; expected logits of shape ({rows}, classes), two "
            f"classes or more, or one logit a row; {remedy}"
        )
    return answers


def wrapper(access: str) -> str:
    """Code, in one line, of a module that returns the logits alone.

    Examples
    --------
    >>> wrapper("[0]")
    'wrap it: class Logits(torch.nn.Sequential): forward = lambda self, x: self[0](x)[0]  # then give Logits(model)'
    """
    return (
        f"wrap it: class Logits(torch.nn.Sequential): forward = lambda self, x: self[0](x){access}"
        "  # then give Logits(model)"
    )


def recognise(answers: Tensor, *, precision: torch.dtype) -> Output:
    """What answers `(N, C)` of some rows are; `precision` is that in which the model gave them.

    Probabilities are non-negative and sum to one in every row, to the rounding of half precision where there are
    enough rows to rule out chance. One output is a probability if it lies between 0 and 1 in every row: as a logit it
    would choose the second class for all of them.

    Examples
    --------
    >>> recognise(torch.tensor([[0.25, 0.75]]), precision=torch.float32)
    'probabilities'
    >>> recognise(torch.tensor([[0.5], [-1.0]]), precision=torch.float32)
    'one logit'
    """
    if answers.shape[1] == 1:
        inside = len(answers) >= FEW_ROWS and bool(((answers >= 0) & (answers <= 1)).all())
        return "one probability" if inside else "one logit"
    tolerance = SUM_TOLERANCE if len(answers) >= FEW_ROWS else max(1e-4, torch.finfo(precision).eps)
    # In float64: a sum in half precision would hide what it is off by.
    sums = answers.double().sum(dim=1)
    if len(answers) and bool((answers >= 0).all()) and bool(((sums - 1).abs() <= tolerance).all()):
        return "probabilities"
    return "logits"


def to_logits(answers: Tensor, output: Output) -> Tensor:
    """Logits `(N, C)`, whose softmax is what the model says; finite where a probability is 0.

    Examples
    --------
    >>> to_logits(torch.tensor([[0.25, 0.75]]), "probabilities").softmax(dim=1)
    tensor([[0.2500, 0.7500]])
    >>> to_logits(torch.tensor([[3.0]]), "one logit")
    tensor([[0., 3.]])
    """
    if output == "logits":
        return answers
    if output == "one logit":
        return torch.cat([torch.zeros_like(answers), answers], dim=1)
    probabilities = to_probabilities(answers, output)
    return probabilities.clamp_min(torch.finfo(answers.dtype).tiny).log()


def to_probabilities(answers: Tensor, output: Output) -> Tensor:
    """Class probabilities `(N, C)`: of a model that gives them its own, else the softmax of its logits.

    Examples
    --------
    >>> to_probabilities(torch.tensor([[0.25]]), "one probability")
    tensor([[0.7500, 0.2500]])
    """
    if output == "probabilities":
        return answers
    if output == "one probability":
        return torch.cat([1 - answers, answers], dim=1)
    return to_logits(answers, output).softmax(dim=1)


def _logits_in(returned: Any, rows: int) -> Tensor:
    held = returned.get("logits") if isinstance(returned, Mapping) else getattr(returned, "logits", None)
    if isinstance(held, Tensor):
        return held
    raise FairtollError(
        f"the model returned {_words(returned)} for {rows} rows; expected a tensor of logits of shape ({rows}, "
        f"classes), or something that holds it as logits; {wrapper(_access(returned, rows))}"
    )


def _access(returned: Any, rows: int) -> str:
    """How the likeliest tensor of logits is reached: the first with a row for each row."""
    if isinstance(returned, Mapping):
        parts: list[tuple[Any, Any]] = list(returned.items())
    elif isinstance(returned, tuple | list):
        parts = list(enumerate(returned))
    else:
        return ".scores"
    fits = [key for key, part in parts if isinstance(part, Tensor) and part.ndim and len(part) == rows]
    return f"[{fits[0]!r}]" if fits else "[0]"


def _words(returned: Any) -> str:
    if isinstance(returned, Tensor):
        kind = "" if returned.is_floating_point() else f" of {returned.dtype}"
        return f"{tuple(returned.shape)}{kind}"
    if isinstance(returned, Mapping):
        return f"{type(returned).__name__} with the keys {', '.join(map(repr, returned)) or 'none'}"
    if isinstance(returned, tuple | list):
        return f"{type(returned).__name__} of {len(returned)}"
    return type(returned).__name__
