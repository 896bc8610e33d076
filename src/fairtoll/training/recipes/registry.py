"""Every training recipe by name, in the order of reports."""

from __future__ import annotations

from fairtoll.training.recipes.averaging import AVERAGING
from fairtoll.training.recipes.cfa import CFA
from fairtoll.training.recipes.dafa import DAFA
from fairtoll.training.recipes.distillation import DISTILLATION
from fairtoll.training.recipes.dro import DRO
from fairtoll.training.recipes.faal import FAAL
from fairtoll.training.recipes.fgsm import FGSM
from fairtoll.training.recipes.frl import FRL, FRL_REMARGIN, FRL_REWEIGHT
from fairtoll.training.recipes.held_out import HELD_OUT
from fairtoll.training.recipes.held_out_noise import HELD_OUT_NOISE, HELD_OUT_ONLINE
from fairtoll.training.recipes.lagrangian import LAGRANGIAN
from fairtoll.training.recipes.mart import MART
from fairtoll.training.recipes.noise import NOISE
from fairtoll.training.recipes.online import ONLINE
from fairtoll.training.recipes.online_noise import ONLINE_NOISE
from fairtoll.training.recipes.recipe import Recipe
from fairtoll.training.recipes.repeated import REPEATED
from fairtoll.training.recipes.smoothing import SMOOTHING
from fairtoll.training.recipes.squeezing import SQUEEZING
from fairtoll.training.recipes.standard import STANDARD
from fairtoll.training.recipes.static import STATIC
from fairtoll.training.recipes.trades import TRADES
from fairtoll.training.recipes.trades_noise import TRADES_NOISE

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        STANDARD,
        STATIC,
        REPEATED,
        NOISE,
        ONLINE,
        ONLINE_NOISE,
        FGSM,
        TRADES,
        TRADES_NOISE,
        MART,
        SMOOTHING,
        DISTILLATION,
        SQUEEZING,
        HELD_OUT,
        AVERAGING,
        FRL_REWEIGHT,
        FRL_REMARGIN,
        FRL,
        HELD_OUT_NOISE,
        HELD_OUT_ONLINE,
        CFA,
        DAFA,
        FAAL,
        DRO,
        *LAGRANGIAN,
    )
}
