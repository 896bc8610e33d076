"""Transfer through a substitute: the attacker sees the model's classes alone, and attacks a network of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtoll.attacks._batches import needed
from fairtoll.attacks.engine.answers import Asked, ask
from fairtoll.attacks.pgd import PGD
from fairtoll.attacks.spec import AttackResult, AttackSpec, name_of
from fairtoll.errors import FairtollError
from fairtoll.models.networks import Standardize, image_network, initialise_as_keras
from fairtoll.threats.any import Norm, Threat

#: Of the substitute's training.
BATCH, RATE, WIDTH = 128, 1e-3, 64
#: The attacker's rows stop doubling there, as the authors' reservoir does.
MOST_ROWS = 6400


@dataclass(frozen=True)
class Substitute:
    """The attack of Papernot et al. (2017): examples crafted on a substitute network, tried once on the model.

    The attacker has the rows without their labels and asks the model for the class of each. A substitute is trained on
    these answers; then each of its rows is moved by the sign of the substitute's gradient (Jacobian-based
    augmentation, within the threat), the model is asked again, and the next round trains on all. An attack with
    gradients is then run on the substitute, and what it finds is tried on the model.

    Parameters
    ----------
    attack : AttackSpec, optional
        On the substitute. Default: 20 steps of PGD, every one of which is run, since more of it transfers better.
    rounds : int
        Rounds of training; the attacker's rows double after each but the last, up to 6,400.
    epochs : int
        Of each round, over all rows.

    Raises
    ------
    FairtollError
        For something that is not an attack or a number below 1; when called, for no generator, and as the attack does.

    Examples
    --------
    >>> Substitute().name, Substitute(PGD(steps=5), rounds=2).name
    ('substitute-pgd-20-no-stop-at-success', 'substitute-pgd-5-rounds-2')
    """

    scores_only: ClassVar[bool] = True
    attack: AttackSpec = field(default_factory=lambda: PGD(steps=20, stop_at_success=False))
    rounds: int = 4
    epochs: int = 30

    def __post_init__(self) -> None:
        if not isinstance(self.attack, AttackSpec) or isinstance(self.attack, type):
            raise FairtollError(f"attack is {self.attack!r}; expected an attack with settings, such as PGD(steps=20)")
        if self.rounds < 1 or self.epochs < 1:
            raise FairtollError(f"rounds is {self.rounds} and epochs is {self.epochs}; expected 1 or more of each")

    @property
    def name(self) -> str:
        """Such as "substitute-pgd-20-no-stop-at-success"."""
        return name_of(self, f"substitute-{self.attack.name}", named=("attack",))

    @property
    def norms(self) -> tuple[Norm, ...]:
        """Of the threats that it can run under: those of its attack."""
        norms: tuple[Norm, ...] = getattr(self.attack, "norms", ("linf",))
        return norms

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        epsilon: float,
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> AttackResult:
        """Craft on a substitute of each batch of rows, and try on the model."""
        draws = needed(generator, self.name)

        def propose(asked: Asked) -> tuple[Tensor, None]:
            substitute = self._train(asked, threat, epsilon, draws)
            shared: dict[str, Any] = {"threat": threat, "epsilon": epsilon, "generator": draws}
            found = self.attack(substitute, asked.clean, asked.labels, **shared)
            return found.perturbed.to(asked.clean.device), None

        return ask(
            propose, model, x, y, name=self.name, norms=self.norms, threat=threat, epsilon=epsilon,
            batch_size=batch_size, generator=generator, gradients=False,
        )  # fmt: skip

    def _train(self, asked: Asked, threat: Threat, epsilon: float, draws: torch.Generator) -> nn.Module:
        network = _network(asked, draws).to(asked.clean.device)
        rows, answers = asked.clean.float(), _answers(asked, asked.clean)
        for number in range(self.rounds):
            _fit(network, rows, answers, epochs=self.epochs, generator=draws)
            if number < self.rounds - 1 and len(rows) < MOST_ROWS:
                more = _augment(network, rows, answers, threat, epsilon)[: MOST_ROWS - len(rows)]
                rows, answers = torch.cat([rows, more]), torch.cat([answers, _answers(asked, more)])
        return network.eval().requires_grad_(False)


def _network(asked: Asked, draws: torch.Generator) -> nn.Module:
    """Two hidden layers for a table, a small convolutional network for square images."""
    shape = asked.clean.shape[1:]
    if len(shape) == 3 and shape[1] == shape[2] and shape[1] % 4 == 0:
        widths = (32, 32, WIDTH, WIDTH)
        network = image_network(classes=asked.classes, side=shape[1], channels=shape[0], widths=widths)
    else:
        flat = asked.clean.flatten(1).float()
        network = nn.Sequential(
            nn.Flatten(), Standardize(flat.mean(dim=0), flat.std(dim=0, correction=0)), nn.Linear(flat.shape[1], WIDTH),
            nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, asked.classes),
        )  # fmt: skip
    initialise_as_keras(network, draws)
    return network


def _answers(asked: Asked, rows: Tensor) -> Tensor:
    """The classes that the model gives: all that the attacker learns of it."""
    with torch.no_grad():
        parts = [asked.model(part.to(asked.clean.dtype)).argmax(dim=1) for part in rows.split(1024)]
    return torch.cat(parts)


def _fit(network: nn.Module, rows: Tensor, answers: Tensor, *, epochs: int, generator: torch.Generator) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    for _ in range(epochs):
        for part in torch.randperm(len(rows), generator=generator).to(rows.device).split(BATCH):
            optimiser.zero_grad(set_to_none=True)
            functional.cross_entropy(network(rows[part]), answers[part]).backward()
            optimiser.step()


def _augment(network: nn.Module, rows: Tensor, answers: Tensor, threat: Threat, epsilon: float) -> Tensor:
    """Each row moved along the sign of the substitute's gradient of the class that the model gave it."""
    moved = []
    for part, classes in zip(rows.split(1024), answers.split(1024), strict=True):
        leaf = part.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(network(leaf).gather(1, classes.unsqueeze(1)).sum(), leaf)
        moved.append(threat.confine(part, part + slope.sign() * threat.radius(part, epsilon), epsilon))
    return torch.cat(moved)
