"""Training recipes, one file each."""

from fairtoll.training.recipes.online import train_online as train_online
from fairtoll.training.recipes.standard import train_standard as train_standard
from fairtoll.training.recipes.static import add_sign_noise as add_sign_noise
from fairtoll.training.recipes.static import craft_adversarial_examples as craft_adversarial_examples
from fairtoll.training.recipes.static import train_on_pairs as train_on_pairs
