"""How far each row of a batch may move."""

from __future__ import annotations

from fairtoll.models.dense import dense_chain
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.attack_batch import Within, bounds_of
from fairtoll.training.batch import Batch
from fairtoll.training.setup import TrainingSetup


class Reach:
    """How far each row of a batch may move: computed once for the rows of a table, anew for each batch of others.

    For each batch anew it takes as long as half a step of a small network; that of images would fill the memory.

    Parameters
    ----------
    setup : TrainingSetup
        The rows that `fit` is given.
    threat, epsilon
        What the adversary may change, and how far.

    Examples
    --------
    >>> import torch
    >>> from fairtoll.training.batch import BatchNoise
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> rows, places = torch.zeros(1, 2, 3), torch.tensor([[3, 1]])
    >>> batch = Batch(rows, rows, places % 2, places, BatchNoise([0], epoch=0), 0)
    >>> low, high, radius = Reach(setup, threat=LinfThreat(scale=[1.0, 2.0, 0.0]), epsilon=0.5)(batch)
    >>> high[0, 0].tolist()
    [0.5, 1.0, 0.0]
    """

    def __init__(self, setup: TrainingSetup, *, threat: LinfThreat, epsilon: float) -> None:
        self._threat, self._epsilon = threat, epsilon
        self._held: Within | None = None
        if setup.x.ndim == 2 and dense_chain(setup.network()) is not None:
            self._held = (*threat.bounds(setup.x, epsilon), threat.radius(setup.x[:1], epsilon))

    def __call__(self, batch: Batch) -> Within:
        """Lowest and highest admissible values, and the radius: of the shape of the rows, or of one for all."""
        if self._held is None:
            return bounds_of(batch.clean, threat=self._threat, epsilon=self._epsilon)
        # As the rows are: on the device and in the precision of training.
        low, high, radius = (one.to(batch.clean) for one in self._held)
        self._held = low, high, radius
        places = batch.positions.flatten()
        low, high = (one.index_select(0, places).view_as(batch.clean) for one in (low, high))
        return low, high, radius
