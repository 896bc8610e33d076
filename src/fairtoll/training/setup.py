"""The input of every recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.models.networks import initialise_as_keras
from fairtoll.models.stack import ModelStack
from fairtoll.randomness import torch_generator
from fairtoll.training.fit import FitSettings
from fairtoll.training.networks import DenseNetwork, Network

#: The share of the training rows that recipes measure on while training, and do not train on.
VALIDATION = 0.1


@dataclass(frozen=True, eq=False)
class Parts:
    """The groups of a partition of the training rows.

    Attributes
    ----------
    partition : str
        Its name.
    names : tuple of str, length P
        Of the groups.
    codes : Tensor of int64, (N,)
        The position of each row's group among them.

    Examples
    --------
    >>> len(Parts("class", ("no", "yes"), torch.tensor([0, 1, 1])))
    2
    """

    partition: str
    names: tuple[str, ...]
    codes: Tensor

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class TrainingSetup:
    """Rows, training runs and optimiser settings shared by all arms of an experiment.

    Attributes
    ----------
    x : Tensor, (N, ...)
        Training rows in the data's units.
    y : Tensor of int64, (N,)
        True classes.
    items : Tensor of int64, (M,) or (K, M)
        The training set as positions in `x`, oversampled rows more than once; shared, or one for each run.
    seeds : sequence of int, length K
        One training run each.
    network : callable
        Makes an untrained model; its weights are redrawn for each seed.
    settings : FitSettings
        The optimiser.
    device : str
        Where training runs.
    data : Dataset, optional
        The rows with the names of their classes and their groups, for recipes that treat groups differently.
    row_weights : Tensor, (K, N), optional
        Loss weight of each row in each run, as `fit` takes it; 0 leaves a row out, with its copies.
    start : ModelStack, optional
        The models that training begins with, in their precision; they are not changed. Default: untrained ones, drawn
        for each seed, in float32.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(2, 3), torch.tensor([0, 1]), torch.arange(2), [0, 1],
    ...                       lambda: nn.Linear(3, 2))
    >>> len(setup.initial_stack())
    2
    """

    x: Tensor
    y: Tensor
    items: Tensor
    seeds: Sequence[int]
    network: Callable[[], nn.Module]
    settings: FitSettings = FitSettings()
    device: str = "cpu"
    data: Dataset | None = None
    row_weights: Tensor | None = None
    start: ModelStack | None = None

    @classmethod
    def for_rows(
        cls,
        rows: Dataset,
        *,
        seeds: Sequence[int],
        network: Network = DenseNetwork(),
        copies: Sequence[int] | None = None,
        settings: FitSettings = FitSettings(),
        device: str = "cpu",
    ) -> TrainingSetup:
        """A setup with a network for these rows.

        Parameters
        ----------
        rows : Dataset
            Training rows.
        seeds : sequence of int
            One training run each.
        network : callable
            Such as `fairtoll.training.networks.DenseNetwork`, the default, or `ConvolutionalNetwork`.
        copies : sequence of int, optional
            How often a row of each class is in the training set; see `oversample`. Default: once.
        settings, device
            As the attributes.

        Examples
        --------
        >>> import numpy as np
        >>> rows = Dataset(np.zeros((4, 3)), np.array([0, 1, 0, 1]), ("no", "yes"))
        >>> TrainingSetup.for_rows(rows, seeds=[0], copies=[1, 3]).items.tolist()
        [0, 1, 1, 1, 2, 3, 3, 3]
        """
        x, y = torch.from_numpy(rows.x), torch.from_numpy(rows.y)
        items = torch.arange(len(y)) if copies is None else oversample(y, copies=copies)
        return cls(x, y, items, seeds, network(rows), settings, device, rows)

    def initial_stack(self) -> ModelStack:
        """A copy of the models that training begins with; by default with the paper's framework's initial weights."""
        if self.start is not None:
            return self.start.part(range(len(self.start))).to(self.device)
        models = []
        for seed in self.seeds:
            model = self.network()
            initialise_as_keras(model, torch_generator(seed, "initial weights"))
            models.append(model)
        return ModelStack(models).to(self.device)

    def parts(self, partition: str) -> Parts:
        """The groups of a partition: "class", an attribute of the rows, or several joined by " & ".

        Raises
        ------
        FairtollError
            For an unknown attribute, or one where the setup has no `data`.

        Examples
        --------
        >>> rows = Dataset([[0.0], [1.0], [2.0]], [0, 1, 1], ("no", "yes"), groups={"sex": ["f", "m", "f"]})
        >>> TrainingSetup.for_rows(rows, seeds=[0]).parts("sex & class").names
        ('f & no', 'f & yes', 'm & yes')
        """
        if self.data is not None:
            names, codes = self.data.partition(partition)
            return Parts(partition, names, torch.from_numpy(codes).long())
        if partition != "class":
            raise FairtollError(
                f"the training rows have no attribute '{partition}'; expected class; make the setup with "
                "TrainingSetup.for_rows(rows), of rows with groups"
            )
        return Parts(partition, tuple(f"class {label}" for label in range(int(self.y.max()) + 1)), self.y)

    def hold_out(self, share: float = VALIDATION, *, partition: str = "class") -> tuple[TrainingSetup, Tensor]:
        """Keep some rows out of training, to measure on while training.

        Parameters
        ----------
        share : float
            Of the rows of each class in each group; at least one row.
        partition : str
            Whose groups are split alike, see `parts`.

        Returns
        -------
        TrainingSetup, Tensor of int64 (V,)
            The setup without the items of those rows, and the rows' positions in `x`, ascending: the same for every
            seed and recipe.

        Raises
        ------
        FairtollError
            If the share is not between 0 and 1, or some class of a group has fewer than two rows among the items.

        Examples
        --------
        >>> setup = TrainingSetup(torch.zeros(20, 1), torch.arange(20) % 2, torch.arange(20), [0],
        ...                       lambda: nn.Linear(1, 2))
        >>> smaller, held_out = setup.hold_out(0.2)
        >>> len(smaller.items), setup.y[held_out].bincount().tolist()
        (16, [2, 2])
        """
        if not 0 < share < 1:
            raise FairtollError(f"the validation share is {share}; expected a number between 0 and 1")
        groups = self.parts(partition)
        cells = groups.codes * (int(self.y.max()) + 1) + self.y
        used = torch.zeros(len(self.y), dtype=torch.bool)
        used[self.items] = True
        order = torch.randperm(len(self.y), generator=torch_generator(0, "validation rows"))
        held_out = []
        for cell in cells.unique().tolist():
            rows = order[(cells[order] == cell) & used[order]]
            if len(rows) < 2:
                first = int((cells == cell).nonzero()[0])
                raise FairtollError(
                    f"{groups.names[int(groups.codes[first])]} has {len(rows)} training row of class "
                    f"{self.class_name(int(self.y[first]))}, which cannot be split for validation; expected 2 or more "
                    "rows of each class in each group; give more rows, or choose a recipe without validation"
                )
            held_out.append(rows[: max(1, round(share * len(rows)))])
        positions = torch.cat(held_out).sort().values
        left = ~torch.isin(self.items, positions)
        return replace(self, items=self.items[left]), positions

    def class_name(self, label: int) -> str:
        """The name of a class, or its number where the setup has no `data`."""
        return str(label) if self.data is None else self.data.class_names[label]


def oversample(y: Tensor, *, copies: Sequence[int]) -> Tensor:
    """Positions of a training set in which each row of class c is ``copies[c]`` times.

    The paper adds "the same class-1 samples"; tripling balances Adult (22,524 against 22,654).

    Raises
    ------
    FairtollError
        If a class has no number of copies, or a negative one.

    Examples
    --------
    >>> oversample(torch.tensor([0, 1]), copies=[1, 3]).tolist()
    [0, 1, 1, 1]
    """
    if len(copies) <= int(y.max()) or min(copies) < 0:
        raise FairtollError(f"copies is {list(copies)} for classes 0 to {int(y.max())}; expected 0 or more for each")
    return torch.arange(len(y)).repeat_interleave(torch.tensor(copies)[y])
