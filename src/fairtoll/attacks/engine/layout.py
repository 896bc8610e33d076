"""The memory layout of rows during an attack."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: On an accelerator, checking which rows are done waits for all queued work.
STEPS_BETWEEN_LOOKS = 5


@dataclass(frozen=True)
class Layout:
    """Rows packed in the layout that is fastest for the model, and passed to it in the shape that it expects.

    Parameters
    ----------
    channels_last : bool
        Whether images `(N, C, H, W)` are kept as `(N, H, W, C)`.

    Examples
    --------
    >>> layout = Layout(channels_last=True)
    >>> layout.pack(torch.zeros(2, 3, 8, 8)).shape, layout.show(torch.zeros(2, 8, 8, 3)).shape
    (torch.Size([2, 8, 8, 3]), torch.Size([2, 3, 8, 8]))
    """

    channels_last: bool = False

    def pack(self, x: Tensor) -> Tensor:
        """Rows of the model's shape in the packed layout."""
        return x.permute(0, 2, 3, 1).contiguous() if self.channels_last else x

    def show(self, rows: Tensor) -> Tensor:
        """Packed rows in the model's shape, without a copy."""
        return rows.permute(0, 3, 1, 2) if self.channels_last else rows


def best_layout(model: nn.Module, x: Tensor) -> Layout:
    """Channels last for convolutions on a CPU (half the time), if the model accepts them with equal outputs."""
    images = x.ndim == 4 and x.device.type == "cpu" and any(isinstance(part, nn.Conv2d) for part in model.modules())
    if not images or not len(x):
        return Layout()
    layout, probe = Layout(channels_last=True), x[:2]
    with torch.no_grad():
        try:
            answer = model(layout.show(layout.pack(probe)))
        except RuntimeError:
            # Such as a view of a convolution's output that needs other strides. Any other error will occur again later.
            return Layout()
        same = torch.allclose(answer, model(probe), rtol=1e-3, atol=1e-3, equal_nan=True)
    return layout if same else Layout()


def steps_between_looks(device: torch.device) -> int:
    """The number of steps between checks of which rows are done."""
    return 1 if device.type == "cpu" else STEPS_BETWEEN_LOOKS
