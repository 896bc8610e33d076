"""Models: networks, stacks of them, and everything that answers "logits of these rows"."""

from fairtoll.models.networks import Standardize as Standardize
from fairtoll.models.networks import adult_network as adult_network
from fairtoll.models.networks import image_network as image_network
from fairtoll.models.predict import predict_logits as predict_logits
from fairtoll.models.stack import ModelStack as ModelStack
