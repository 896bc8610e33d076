"""What can be proved of each row: exactly where few features may move, by linear bounds elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fairtoll.bounds.certified import HALVINGS, certified_epsilon
from fairtoll.bounds.chain import NoBoundError, read_chain
from fairtoll.bounds.exact import BoxSearch, few_features, moves_few
from fairtoll.errors import FairtollError
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.models.predict import predict_logits
from fairtoll.progress import tracked
from fairtoll.threats.any import Threat
from fairtoll.threats.inputs import check_inputs
from fairtoll.threats.table_threat import TableThreat

#: Boxes of one row, before it is left unknown. On Adult no row needed more than 5,000.
BOXES = 100_000
#: Rows of one search.
ROWS = 512
#: Outcomes of a row at one radius.
BROKEN, PROVED, WITHIN_ROUNDING, UNKNOWN = "broken", "proved", "within rounding", "unknown"


@dataclass(frozen=True)
class Proof:
    """What is known of each row's least epsilon, on the CPU.

    Attributes
    ----------
    low : Tensor of float64, (N,)
        Proved: no admissible input within this radius is misclassified, whatever attack looks for it. At most the
        `epsilon` that was given.
    high : Tensor of float64, (N,)
        A misclassified admissible input is known at this radius; infinite where none is.
    within_rounding : Tensor of bool, (N,)
        Rows without a misclassified input that are not proved only because the rounding of the model's own arithmetic
        decides.
    perturbed : Tensor, (N, ...)
        The input at `high`; where there is none, the row.
    boxes : Tensor of int64, (N,)
        Boxes of inputs that were bounded; 0 for linear bounds.
    method : {"exact", "linear"}
        Whether boxes were split until every row was decided, or bounded once for each radius.

    Examples
    --------
    >>> none = torch.zeros(1, dtype=torch.float64)
    >>> Proof(none + 2, none + math.inf, none.bool(), none, none.long(), "exact").outcome(2.0)
    ['proved']
    """

    low: Tensor
    high: Tensor
    within_rounding: Tensor
    perturbed: Tensor
    boxes: Tensor
    method: Literal["exact", "linear"]

    def outcome(self, epsilon: float) -> list[str]:
        """Of each row at one radius: "broken", "proved", "within rounding" or "unknown"."""
        broken, proved = (self.high <= epsilon).tolist(), (self.low >= epsilon).tolist()
        return [
            BROKEN if one else PROVED if sure else WITHIN_ROUNDING if near else UNKNOWN
            for one, sure, near in zip(broken, proved, self.within_rounding.tolist(), strict=True)
        ]


def what_is_provable(model: nn.Module, x: Tensor, threat: Threat) -> tuple[Literal["exact", "linear", ""], str]:
    """How rows like these can be proved, and where boxes of inputs cannot be split, why.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> x = torch.zeros(1, 3)
    >>> what_is_provable(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), x, LinfThreat())
    ('exact', '')
    >>> what_is_provable(nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2)), x, LinfThreat())[1][:36]
    'no bound is known for 1 (GELU); boun'
    """
    if threat.norm != "linf":
        return "", _beyond_proofs(threat)
    try:
        read_chain(model, x)
    except NoBoundError as error:
        return "", str(error)
    try:
        few_features(model, x, threat)
    except NoBoundError as error:
        return "linear", str(error)
    return "exact", ""


def _beyond_proofs(threat: Threat) -> str:
    """What of a threat no proof covers, by name."""
    if not isinstance(threat, TableThreat):
        return f"proofs cover moves in the L-infinity norm, and the norm of this threat is {threat.norm}"
    moving = [
        one for one, moves in zip(threat.features, torch.as_tensor(threat.mutable).tolist(), strict=True) if moves
    ]
    choices = [one.name for one in moving if one.categories]
    groups = [" or ".join(threat.features[place].name for place in group) for group in threat.one_hot]
    found = [f"the categories of {', '.join(choices)} may change"] if choices else []
    found += [f"one-hot columns may change ({'; '.join(groups)})"] if groups else []
    found += [f"{name} may only go {way}" for name, way in threat.monotone.items()]
    found += [f"'{one.text}' holds in every changed row" for one in threat.relations]
    found += ["costs add up over features"] if threat.cost_norm == "sum" else []
    found = found or ["numbers have ranges or missing values of their own"]
    return f"proofs cover numbers that move up and down independently of each other; in this threat {'; '.join(found)}"


def prove(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float,
    tolerance: float | None = None,
    known: Tensor | None = None,
    boxes: int = BOXES,
    batch_size: int = ROWS,
) -> Proof:
    """Decide for each row whether any admissible input is misclassified, or bracket how near the nearest one is.

    Where at most 8 features may move and the layers are dense, by branch and bound: the margin of the true class is
    bounded from below in a box of inputs (`fairtoll.bounds.zonotope`); where the bound does not exceed the rounding of
    the model's own arithmetic, the box is halved along the feature that the bound's slack is due to, whole-number
    features between two of their values. Two inputs of each box, its middle and the corner that the bound points to,
    are tried as counterexamples. Nearer boxes come first. Elsewhere by linear bounds (`certified_epsilon`), which
    leave many rows unknown.

    Parameters
    ----------
    model : Module
        A chain of layers that bounds are known for; see `fairtoll.bounds.read_chain`.
    x, y, threat
        As in `fairtoll.attacks.pgd`.
    epsilon : float
        The radius that is decided, above 0.
    tolerance : float, optional
        Bracket each row's least epsilon up to `epsilon` to this width. Default: only decide at `epsilon`.
    known : Tensor, the shape of `x`, optional
        Inputs that an attack found: where one is admissible and misclassified, the search begins with it.
    boxes : int
        Boxes of one row, after which it is left as it is: "unknown".
    batch_size : int
        Rows that are searched together.

    Returns
    -------
    Proof

    Raises
    ------
    NoBoundError
        For a model with layers that no bound is known for: it names them.
    FairtollError
        For an epsilon or a tolerance that is not above 0, no boxes, `known` of another shape, and as `pgd` does.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2))
    >>> weights = {"0.weight": [[1.0], [-1.0]], "0.bias": [0.0, 0.0], "2.weight": [[0.0, 0.0], [1.0, 1.0]],
    ...            "2.bias": [2.0, 0.0]}
    >>> _ = model.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
    >>> found = prove(model, torch.tensor([[0.5]]), torch.tensor([0]), threat=LinfThreat(), epsilon=3.0, tolerance=0.01)
    >>> bool(1.48 < found.low < 1.5 < found.high < 1.52)  # class 1 where |x| > 2
    True
    """
    for name, value in {"epsilon": epsilon, "tolerance": tolerance}.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise FairtollError(f"{name} is {value}; expected a finite number above 0")
    if boxes < 1:
        raise FairtollError(f"boxes is {boxes}; expected 1 or more for each row")
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size, gradients=False)
    if known is not None and known.shape != x.shape:
        raise FairtollError(f"known has shape {tuple(known.shape)}; expected that of x, {tuple(x.shape)}")
    if not len(x):
        none = torch.zeros(0, dtype=torch.float64)
        return Proof(none, none, none.bool(), x.cpu().clone(), none.long(), "linear")
    if not moves_few(model, x, threat):
        return _certify(model, x, y, threat, epsilon, tolerance, known)
    dense, features = few_features(model, x, threat)
    device, parts = device_of(model), []
    with borrowed(model) as used, torch.no_grad():
        for first in tracked(range(0, len(x), batch_size)):
            batch = slice(first, first + batch_size)
            rows = x[batch].to(device)
            search = BoxSearch(used, dense, rows, y[batch].to(device), threat, features, epsilon, tolerance)
            start = None if known is None else known[batch].to(rows)
            parts.append(search.run(start, boxes, offset=first))
    low, high, blurred, perturbed, used_boxes = (
        torch.cat([getattr(part, name).cpu() for part in parts])
        for name in ("low", "high", "within_rounding", "perturbed", "boxes")
    )
    return Proof(low, high, blurred, perturbed, used_boxes, "exact")


def _certify(
    model: nn.Module, x: Tensor, y: Tensor, threat: Threat, epsilon: float, tolerance: float | None,
    known: Tensor | None,
) -> Proof:  # fmt: skip
    """By linear bounds; a misclassified input is one that was given."""
    high = torch.full((len(x),), math.inf, dtype=torch.float64)
    perturbed = x.cpu().clone()
    if known is not None:
        points = known.to(x)
        broken = threat.admits(x, points, epsilon) & (predict_logits(model, points).argmax(dim=1) != y.cpu()).to(
            x.device
        )
        high[broken.cpu()] = threat.distance(x, points)[broken].double().cpu()
        perturbed[broken.cpu()] = points[broken].cpu()
    high[predict_logits(model, x).argmax(dim=1) != y.cpu()] = 0.0
    perturbed[high == 0] = x.cpu()[high == 0]
    low, blurred = torch.zeros_like(high), torch.zeros(len(x), dtype=torch.bool)
    wanted = (high > 0) if tolerance is not None else high.isinf()
    if wanted.any():
        halvings = 0 if tolerance is None else min(HALVINGS, math.ceil(math.log2(max(1.0, epsilon / tolerance))))
        rows = wanted.nonzero().flatten()
        # No radius is proved beyond one at which a misclassified input is known.
        found = certified_epsilon(
            model, x[rows], y[rows], threat=threat, epsilon_max=high[rows].clamp(max=epsilon), halvings=halvings
        )
        low[rows], blurred[rows] = torch.minimum(found.epsilon, high[rows]), found.within_rounding
    return Proof(low, high, blurred & high.isinf(), perturbed, torch.zeros(len(x), dtype=torch.int64), "linear")
