"""How many members train at once: a fixed rule by architecture, device and memory, never a timing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairtoll.training.setup import TrainingSetup

#: Beyond this a stack of small dense networks gains no speed on a CPU, and exceeds its caches.
MOST_ON_CPU = 10
MOST_ON_ACCELERATOR = 128
#: Bytes that a chunk may take on a CPU; on an accelerator it is a share of the device's memory.
CPU_ROOM = 1 << 30
ACCELERATOR_SHARE = 0.4
#: Copies of each layer's output: the value, its gradient, and intermediate values.
KEPT_PER_OUTPUT = 4


def members_at_once(setup: TrainingSetup, *, dtype: torch.dtype = torch.float32, own_rows: bool = False) -> int:
    """Members of a chunk, 1 or more: as many as fit with one batch, up to the limit above.

    Convolutions on a CPU run one member after another, so that more at once would only use memory.

    Parameters
    ----------
    setup : TrainingSetup
        Network, batch size, device.
    dtype : torch.dtype
        Of the training.
    own_rows : bool
        Whether every member has its own training rows, such as adversarial examples.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: nn.Linear(3, 2))
    >>> members_at_once(setup)
    10
    """
    most, room = MOST_ON_CPU, float(CPU_ROOM)
    if setup.device != "cpu":
        most = MOST_ON_ACCELERATOR
        room = ACCELERATOR_SHARE * torch.cuda.get_device_properties(setup.device).total_memory
    return max(1, min(most, int(room / bytes_of_member(setup, dtype=dtype, own_rows=own_rows))))


def bytes_of_member(setup: TrainingSetup, *, dtype: torch.dtype, own_rows: bool = False) -> int:
    """The approximate memory of one more member in training, in bytes.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: nn.Linear(3, 2))
    >>> bytes_of_member(setup, dtype=torch.float64) == 2 * bytes_of_member(setup, dtype=torch.float32)
    True
    """
    model, outputs = setup.network().eval(), 0

    def count(_: nn.Module, __: object, output: Tensor) -> None:
        nonlocal outputs
        outputs += output.numel()

    hooks = [module.register_forward_hook(count) for module in model.modules() if not list(module.children())]
    try:
        with torch.no_grad():
            model(setup.x[:1])
    finally:
        # Networks may share a layer, such as the one that standardises.
        for hook in hooks:
            hook.remove()
    # The weights themselves, their gradient, and Adam's two averages.
    weights = 4 * sum(parameter.numel() for parameter in model.parameters())
    row = setup.x[:1].numel()
    batch = setup.settings.batch_size * (row + KEPT_PER_OUTPUT * outputs)
    rows = len(setup.y) * (1 + own_rows) + 2 * len(setup.y) * row * own_rows
    return int((weights + batch + rows) * dtype.itemsize)
