"""Every attack that the paper cites, ready to run."""

from __future__ import annotations

from dataclasses import dataclass

from fairtoll.attacks.external import External
from fairtoll.attacks.lbfgs import LBFGS
from fairtoll.attacks.pgd import PGD
from fairtoll.attacks.spec import AttackSpec
from fairtoll.attacks.substitute import Substitute
from fairtoll.attacks.universal import Universal
from fairtoll.attacks.zoo import ZOO
from fairtoll.threats.any import Norm


@dataclass(frozen=True)
class CitedAttack:
    """An attack that the paper cites.

    Attributes
    ----------
    reference : int
        Its number in the paper's list of references.
    authors : str
        Whose it is.
    attack : AttackSpec
        Its implementation, with settings.
    norm : str
        Of the threat that it is for.
    minimal : bool
        Whether it looks for the smallest distance; else it uses the radius that it is given.

    Examples
    --------
    >>> CitedAttack(14, "Madry et al. 2017", PGD(steps=20), "linf", False).attack.name
    'pgd-20'
    """

    reference: int
    authors: str
    attack: AttackSpec
    norm: Norm
    minimal: bool


def paper_attacks() -> dict[str, CitedAttack]:
    """The attacks of the paper's references [5], [6], [9], [14] to [18] and [21], by their usual names.

    Returns
    -------
    dict
        In the order of their publication. Foolbox runs C&W and DeepFool, the Adversarial Robustness Toolbox JSMA. The
        others are fairtoll's own: no library has L-BFGS, and docs/attacks.md says what was measured of the toolbox's
        ZOO and universal perturbations.

    Raises
    ------
    FairtollError
        If a library is not installed.

    Examples
    --------
    >>> {name: cited.norm for name, cited in paper_attacks().items()}
    {'L-BFGS': 'l2', 'FGSM': 'linf', 'DeepFool': 'l2', 'JSMA, raising': 'l0', 'JSMA, lowering': 'l0', 'C&W': 'l2',
     'PGD': 'linf', 'universal': 'linf', 'substitute': 'linf', 'ZOO': 'l2'}
    """
    carlini = External("foolbox", "L2CarliniWagnerAttack", {"steps": 300, "initial_const": 1.0, "stepsize": 0.02})
    # A feature goes to an end of its range at once, two features a step, as its authors do with pixels.
    raising, lowering = (External("art", "SaliencyMapMethod", {"theta": theta}) for theta in (1.0, -1.0))
    fool = External("foolbox", "L2DeepFoolAttack")
    return {
        "L-BFGS": CitedAttack(21, "Szegedy et al. 2013", LBFGS(), "l2", True),
        "FGSM": CitedAttack(9, "Goodfellow et al. 2014", PGD(steps=1, relative_step=1.0), "linf", False),
        "DeepFool": CitedAttack(16, "Moosavi-Dezfooli et al. 2016", fool, "l2", True),
        "JSMA, raising": CitedAttack(18, "Papernot et al. 2016", raising, "l0", True),
        "JSMA, lowering": CitedAttack(18, "Papernot et al. 2016", lowering, "l0", True),
        "C&W": CitedAttack(5, "Carlini and Wagner 2017", carlini, "l2", True),
        "PGD": CitedAttack(14, "Madry et al. 2017", PGD(steps=20), "linf", False),
        "universal": CitedAttack(15, "Moosavi-Dezfooli et al. 2017", Universal(), "linf", False),
        "substitute": CitedAttack(17, "Papernot et al. 2017", Substitute(), "linf", False),
        "ZOO": CitedAttack(6, "Chen et al. 2017", ZOO(), "l2", True),
    }
