"""Training: one loop over a stack of models, one file for each recipe."""

from .fit import FitSettings as FitSettings
from .fit import fit as fit
from .online import train_online as train_online
from .setup import TrainingSetup as TrainingSetup
from .setup import oversample as oversample
from .standard import train_standard as train_standard
from .static import craft_twins as craft_twins
from .static import noise_twins as noise_twins
from .static import train_with_twins as train_with_twins
