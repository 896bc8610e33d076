"""What every part of `results.json` has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Pair = tuple[float, float]


class Strict(BaseModel):
    """A part that refuses fields it does not know, and numbers that JSON has no form for."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
