"""A model's return value as outputs `(N, C)`: the one place that knows the accepted forms of logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from fairtoll.errors import FairtollError

if TYPE_CHECKING:
    from fairtoll.models.remarks import Remark

#: The kinds of output. "one" of two classes is the second's: logits (0, z), probabilities (1 - p, p).
Output = Literal["logits", "one logit", "probabilities", "one probability"]
#: Sums of probabilities that were averaged or rounded in half precision leave one by up to this.
SUM_TOLERANCE = 1e-2
#: On fewer rows logits may sum to about one by chance: there only rounding is allowed for.
FEW_ROWS = 8


@dataclass(frozen=True)
class Declared:
    """What a module of an adapter, which knows its model, says about itself in its attribute `declared`.

    Attributes
    ----------
    output : str, optional
        The kind of its outputs; None where it is found from their values.
    remarks : tuple of Remark
        What a reader of the results must know.
    of_outputs : bool
        False where it is remarks alone, and nothing is said of the outputs.

    Examples
    --------
    >>> Declared("probabilities").remarks
    ()
    """

    output: Output | None = None
    remarks: tuple[Remark, ...] = ()
    of_outputs: bool = True


def read_outputs(returned: Any, rows: int) -> Tensor:
    """The outputs that a model returned for `rows` rows, `(N, C)`, or `(N, 1)` of a model with one output.

    Accepted are tensors `(N, C)`, `(N, 1)` and `(N,)`, one row without its axis `(C,)`, and whatever has such a tensor
    as attribute or key "logits".

    Raises
    ------
    FairtollError
        For anything else; the message has the wrapper to write.

    Examples
    --------
    >>> read_outputs({"logits": torch.zeros(4, 3)}, 4).shape, read_outputs(torch.zeros(4), 4).shape
    (torch.Size([4, 3]), torch.Size([4, 1]))
    """
    outputs = returned if isinstance(returned, Tensor) else _logits_in(returned, rows)
    if not outputs.is_floating_point():
        raise FairtollError(
            f"the model returned {_words(outputs)} for {rows} rows; expected logits, floating numbers of shape "
            f"({rows}, classes); return the scores whose argmax is the class"
        )
    if rows == 1 and outputs.ndim < 2:
        # What .squeeze() leaves of one row: (C,) of several outputs, (1,) or () of one.
        outputs = outputs.reshape(1, -1)
    elif outputs.ndim == 1 and len(outputs) == rows:
        outputs = outputs.unsqueeze(1)
    if outputs.ndim != 2 or len(outputs) != rows or not outputs.shape[1]:
        remedy = "return one row of logits for each row"
        if outputs.ndim > 2 and len(outputs) == rows and rows and outputs.numel() == rows * outputs.shape[1]:
            remedy = wrapper(".flatten(1)")
        raise FairtollError(
            f"the model returned {_words(outputs)} for {rows} rows; expected logits of shape ({rows}, classes), two "
            f"classes or more, or one logit a row; {remedy}"
        )
    return outputs


def wrapper(access: str) -> str:
    """One line of code for a module that returns only the logits.

    Examples
    --------
    >>> wrapper("[0]")
    'wrap it: class Logits(torch.nn.Sequential): forward = lambda self, x: self[0](x)[0]  # then give Logits(model)'
    """
    return (
        f"wrap it: class Logits(torch.nn.Sequential): forward = lambda self, x: self[0](x){access}"
        "  # then give Logits(model)"
    )


def recognise(outputs: Tensor, *, precision: torch.dtype) -> Output:
    """The kind of outputs `(N, C)`; `precision` is that of the model's own return value.

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
    if outputs.shape[1] == 1:
        inside = len(outputs) >= FEW_ROWS and bool(((outputs >= 0) & (outputs <= 1)).all())
        return "one probability" if inside else "one logit"
    tolerance = SUM_TOLERANCE if len(outputs) >= FEW_ROWS else max(1e-4, torch.finfo(precision).eps)
    # In float64: a sum in half precision would hide the error.
    sums = outputs.double().sum(dim=1)
    if len(outputs) and bool((outputs >= 0).all()) and bool(((sums - 1).abs() <= tolerance).all()):
        return "probabilities"
    return "logits"


def perhaps_probabilities(outputs: Tensor, output: Output) -> bool:
    """Whether outputs were taken for one logit a row and may be probabilities: too few rows to tell.

    Examples
    --------
    >>> perhaps_probabilities(torch.tensor([[0.5], [0.9]]), "one logit")
    True
    """
    inside = bool(((outputs >= 0) & (outputs <= 1)).all())
    return output == "one logit" and 0 < len(outputs) < FEW_ROWS and inside


def to_logits(outputs: Tensor, output: Output) -> Tensor:
    """Logits `(N, C)`, whose softmax is the model's probabilities; finite where a probability is 0.

    Examples
    --------
    >>> to_logits(torch.tensor([[0.25, 0.75]]), "probabilities").softmax(dim=1)
    tensor([[0.2500, 0.7500]])
    >>> to_logits(torch.tensor([[3.0]]), "one logit")
    tensor([[0., 3.]])
    """
    if output == "logits":
        return outputs
    if output == "one logit":
        return torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    probabilities = to_probabilities(outputs, output)
    return probabilities.clamp_min(torch.finfo(outputs.dtype).tiny).log()


def to_probabilities(outputs: Tensor, output: Output) -> Tensor:
    """Class probabilities `(N, C)`: of a model that gives them its own, else the softmax of its logits.

    Examples
    --------
    >>> to_probabilities(torch.tensor([[0.25]]), "one probability")
    tensor([[0.7500, 0.2500]])
    """
    if output == "probabilities":
        return outputs
    if output == "one probability":
        return torch.cat([1 - outputs, outputs], dim=1)
    return to_logits(outputs, output).softmax(dim=1)


def _logits_in(returned: Any, rows: int) -> Tensor:
    held = returned.get("logits") if isinstance(returned, Mapping) else getattr(returned, "logits", None)
    if isinstance(held, Tensor):
        return held
    raise FairtollError(
        f"the model returned {_words(returned)} for {rows} rows; expected a tensor of logits of shape ({rows}, "
        f"classes), or something that holds it as logits; {wrapper(_access(returned, rows))}"
    )


def _access(returned: Any, rows: int) -> str:
    """The expression that selects the likeliest tensor of logits: the first with an entry for each row."""
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
