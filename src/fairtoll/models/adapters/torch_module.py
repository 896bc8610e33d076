"""A torch module, as it is."""

from __future__ import annotations

from torch import nn

from fairtoll.models.adapters.kind import Kind

TORCH_MODULE = Kind("a torch module", lambda given: isinstance(given, nn.Module), lambda given, _: [given])
