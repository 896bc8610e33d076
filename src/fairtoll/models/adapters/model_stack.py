"""A stack of models of one architecture: one training run for each member."""

from __future__ import annotations

from fairtoll.models.adapters.kind import Kind
from fairtoll.models.stack import ModelStack

MODEL_STACK = Kind("a ModelStack", lambda given: isinstance(given, ModelStack), lambda given, _: given.members())
