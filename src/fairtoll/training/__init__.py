"""Training: one loop over a stack of models, one file for each recipe."""

from fairtoll.training.fit import FitSettings as FitSettings
from fairtoll.training.fit import fit as fit
from fairtoll.training.online import train_online as train_online
from fairtoll.training.setup import TrainingSetup as TrainingSetup
from fairtoll.training.setup import oversample as oversample
from fairtoll.training.standard import train_standard as train_standard
from fairtoll.training.static import craft_twins as craft_twins
from fairtoll.training.static import noise_twins as noise_twins
from fairtoll.training.static import train_with_twins as train_with_twins
