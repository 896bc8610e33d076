"""Kinds of model that a caller may give, one file each."""

from fairtoll.models.adapters.registry import as_models as as_models
from fairtoll.models.adapters.registry import read_model as read_model
