"""Attacks: how a row is moved inside a threat until it is misclassified."""

from fairtoll.attacks.apgd import APGD as APGD
from fairtoll.attacks.apgd import apgd as apgd
from fairtoll.attacks.checks import RandomNoise as RandomNoise
from fairtoll.attacks.checks import random_noise as random_noise
from fairtoll.attacks.checks import zero_gradient as zero_gradient
from fairtoll.attacks.external import External as External
from fairtoll.attacks.grid import Grid as Grid
from fairtoll.attacks.grid import grid as grid
from fairtoll.attacks.least_epsilon import LeastEpsilon as LeastEpsilon
from fairtoll.attacks.least_epsilon import LeastEpsilonResult as LeastEpsilonResult
from fairtoll.attacks.least_epsilon import least_epsilon as least_epsilon
from fairtoll.attacks.pgd import PGD as PGD
from fairtoll.attacks.pgd import pgd as pgd
from fairtoll.attacks.spec import AttackResult as AttackResult
from fairtoll.attacks.spec import AttackSpec as AttackSpec
from fairtoll.attacks.square import Square as Square
from fairtoll.attacks.square import square as square
from fairtoll.attacks.success_curve import SuccessCurve as SuccessCurve
from fairtoll.attacks.success_curve import SuccessCurveResult as SuccessCurveResult
from fairtoll.attacks.success_curve import success_curve as success_curve
from fairtoll.attacks.union import Union as Union
from fairtoll.attacks.union import union as union
