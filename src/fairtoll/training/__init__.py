"""Training: one loop over a stack of models, one file for each recipe."""

from fairtoll.training.craft import craft_adversarial_examples as craft_adversarial_examples
from fairtoll.training.fit import FitSettings as FitSettings
from fairtoll.training.fit import fit as fit
from fairtoll.training.pairs import train_on_pairs as train_on_pairs
from fairtoll.training.recipes.noise import add_sign_noise as add_sign_noise
from fairtoll.training.recipes.online import train_online as train_online
from fairtoll.training.recipes.recipe import Adversary as Adversary
from fairtoll.training.recipes.recipe import Recipe as Recipe
from fairtoll.training.recipes.registry import RECIPES as RECIPES
from fairtoll.training.recipes.standard import train_standard as train_standard
from fairtoll.training.setup import TrainingSetup as TrainingSetup
from fairtoll.training.setup import oversample as oversample
