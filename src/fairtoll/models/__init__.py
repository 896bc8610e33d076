"""Models: networks, stacks of networks, and adapters for anything that returns logits for rows."""

from fairtoll.models.adapters import as_models as as_models
from fairtoll.models.adapters import read_model as read_model
from fairtoll.models.factories import load_model as load_model
from fairtoll.models.factories import make_model as make_model
from fairtoll.models.networks import Standardize as Standardize
from fairtoll.models.networks import adult_network as adult_network
from fairtoll.models.networks import image_network as image_network
from fairtoll.models.predict import predict_logits as predict_logits
from fairtoll.models.predict import predict_probabilities as predict_probabilities
from fairtoll.models.preprocessing import with_preprocessing as with_preprocessing
from fairtoll.models.probe import prepare as prepare
from fairtoll.models.stack import ModelStack as ModelStack
from fairtoll.models.tables import TableModel as TableModel
from fairtoll.models.tables import decode as decode
