"""Attacks: how a row is moved inside a threat until it is misclassified."""

from .checks import random_noise as random_noise
from .checks import zero_gradient as zero_gradient
from .grid import grid as grid
from .pgd import AttackResult as AttackResult
from .pgd import pgd as pgd
from .success_curve import success_curve as success_curve
from .union import UnionResult as UnionResult
from .union import union as union
