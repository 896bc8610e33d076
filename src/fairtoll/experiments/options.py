"""The default device and precision of a run."""

from __future__ import annotations

import torch

from fairtoll.errors import FairtollError
from fairtoll.training.fit import Precision


def choose_device(device: str) -> str:
    """Turn "auto" into "cuda" where there is an accelerator, else "cpu".

    Raises
    ------
    FairtollError
        For an unknown device, or "cuda" where there is none.

    Examples
    --------
    >>> choose_device("cpu")
    'cpu'
    """
    if device not in ("auto", "cpu", "cuda"):
        raise FairtollError(f"unknown device '{device}'; expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise FairtollError("device is cuda, and torch sees no accelerator here; use --device cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def fastest_precision(device: str) -> Precision:
    """Precision to train convolutions in: bfloat16 where the hardware has products of it, about twice as fast.

    Examples
    --------
    >>> fastest_precision("cpu") in ("float32", "bfloat16")
    True
    """
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    # Without such instructions torch emulates them, at a loss.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return "bfloat16" if supported is not None and supported() else "float32"
