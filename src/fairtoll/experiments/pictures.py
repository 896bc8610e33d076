"""Images as a report shows them."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def picture_of(image: Tensor) -> str:
    """A PNG data URI of pixels `(C, H, W)` in [0, 1], of one channel or three.

    Examples
    --------
    >>> picture_of(torch.zeros(3, 2, 2))[:22]
    'data:image/png;base64,'
    """
    from PIL import Image

    pixels: NDArray[np.uint8] = (image.clamp(0, 1).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def pictures_of(rows: NDArray[np.floating]) -> list[str] | None:
    """A PNG data URI of each of some rows; None where rows are no images.

    Parameters
    ----------
    rows : ndarray, (N, C, H, W) or (N, F)
        Images in [0, 1], or anything else.

    Examples
    --------
    >>> pictures_of(np.zeros((5, 3))) is None
    True
    """
    if rows.ndim != 4 or rows.shape[1] not in (1, 3):
        return None
    return [picture_of(torch.from_numpy(row)) for row in rows]
