"""The 8/255 protocol for one model: TRADES with class policies, SGD, augmentation, bfloat16; a stopped run resumes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from _checkpoint import load_state, save_state
from _resnet import ResNet18, make_network
from torch import Tensor, nn
from torch.nn import functional

from _images import Split, augmented
from fairtoll.randomness import torch_generator

EPSILON, STEP, STEPS, BETA = 8 / 255, 2 / 255, 10, 6.0
CLASSES = 10
#: Training images that are never trained on: policies and the choice of an epoch read them, the test images never.
VALIDATION = 1000


@dataclass
class Classes:
    """What a policy may change for each class: the weights of accuracy and agreement, and its share of the radius."""

    accuracy: Tensor = field(default_factory=lambda: torch.ones(CLASSES))
    agreement: Tensor = field(default_factory=lambda: torch.full((CLASSES,), BETA))
    radius: Tensor = field(default_factory=lambda: torch.ones(CLASSES))
    #: Of a policy that keeps them: of clean and of boundary errors, `(2, C)`.
    multipliers: Tensor = field(default_factory=lambda: torch.zeros(2, CLASSES))


@dataclass(frozen=True)
class Measured:
    """Validation errors of each class after an epoch, `(C,)`, and mean adversarial softmax by true class, `(C, C)`."""

    clean: Tensor
    robust: Tensor
    softmax: Tensor


#: Called with the classes, what was measured, and the share of the epochs that is done; changes the classes.
Policy = Callable[[Classes, Measured, float], None]


@dataclass(frozen=True)
class Plan:
    """One run: everything that its numbers depend on."""

    recipe: str
    epochs: int
    seed: int = 0
    width: int = 64
    batch: int = 128
    rate: float = 0.1
    #: Per step; 0 keeps no average.
    average: float = 0.0
    precision: str = "bfloat16"


class Run:
    """The state of a run in a folder."""

    def __init__(self, plan: Plan, policy: Policy | None, folder: Path, *, device: str) -> None:
        self.plan, self.policy, self.folder, self.device = plan, policy, folder, device
        self.network = make_network(seed=plan.seed, width=plan.width, device=device)
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=plan.rate, momentum=0.9, weight_decay=5e-4)
        self.classes, self.epoch = Classes(), 0
        self.averaged: dict[str, Tensor] = {}
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] = {}
        self._resume()

    def _resume(self) -> None:
        found = load_state(self.folder)
        if found is None:
            return
        tensors, about = found
        if about["plan"] != vars(self.plan):
            raise SystemExit(f"{self.folder} holds {about['plan']}; expected {vars(self.plan)}; give another folder")
        self.epoch, self.history = about["epoch"], about["history"]
        self.network.load_state_dict(_under("model", tensors, self.device))
        self.averaged = _under("average", tensors, self.device)
        self.best = _under("best", tensors, self.device)
        for name, parameter in self.network.named_parameters():
            self.optimiser.state[parameter]["momentum_buffer"] = tensors[f"momentum/{name}"].to(parameter)
        for name in vars(self.classes):
            setattr(self.classes, name, tensors[f"classes/{name}"])

    def save(self) -> None:
        """Write everything that the next epoch depends on; the best epoch in half precision, since it only predicts."""
        momentum = {
            name: self.optimiser.state[parameter]["momentum_buffer"]
            for name, parameter in self.network.named_parameters()
        }
        tensors = {
            **_named("model", self.network.state_dict()),
            **_named("average", self.averaged),
            **_named("best", {name: _half(tensor) for name, tensor in self.best.items()}),
            **_named("momentum", momentum),
            **{f"classes/{name}": getattr(self.classes, name) for name in vars(self.classes)},
        }
        save_state(self.folder, tensors, {"epoch": self.epoch, "history": self.history, "plan": vars(self.plan)})

    def train(self, train: Split, validation: Split, *, until: float) -> bool:
        """Train epoch by epoch until all are done, or one more would end after `until` (`time.monotonic`)."""
        longest = 0.0
        while self.epoch < self.plan.epochs:
            begun = time.monotonic()
            if begun + longest > until:
                return False
            self._epoch(train)
            measured = self.measure(validation)
            if self.policy is not None:
                self.policy(self.classes, measured, (self.epoch + 1) / self.plan.epochs)
            worst = float(1 - measured.robust.max())
            mean = float(1 - measured.robust.mean())
            # Worst class first: its robust accuracy moves by points between epochs whose averages are alike.
            if not self.history or (worst + mean) >= max(one["worst"] + one["mean"] for one in self.history):
                self.best = {name: tensor.detach().clone() for name, tensor in self.deployed().state_dict().items()}
            self.epoch += 1
            longest = max(longest, time.monotonic() - begun)
            self.history.append(
                {"epoch": self.epoch, "mean": mean, "worst": worst, "seconds": time.monotonic() - begun}
            )
            self.save()
            print(f"epoch {self.epoch}/{self.plan.epochs}: validation robust {mean:.1%}, worst class {worst:.1%}, "
                  f"{self.history[-1]['seconds']:.1f} s", flush=True)  # fmt: skip
        return True

    def deployed(self) -> ResNet18:
        """The network with averaged weights where they are kept."""
        if not self.averaged:
            return self.network
        other = make_network(seed=0, width=self.plan.width, device=self.device)
        other.load_state_dict(self.averaged)
        return other

    def _epoch(self, train: Split) -> None:
        plan = self.plan
        order = torch.randperm(len(train), generator=torch_generator(plan.seed, "batches", self.epoch))
        batches = [batch for batch in order.split(plan.batch) if len(batch) > 1]
        for group in self.optimiser.param_groups:
            group["lr"] = rate_of(plan, self.epoch)
        now = self.classes
        accuracy, agreement, radius = (one.float().to(self.device) for one in (now.accuracy, now.agreement, now.radius))
        for step, batch in enumerate(batches):
            pixels, labels = train.rows(batch)
            pixels = augmented(pixels, seed=plan.seed, epoch=self.epoch, step=step)
            noise = torch.randn(pixels.shape, generator=torch_generator(plan.seed, "attack", self.epoch, step))
            epsilon = (EPSILON * radius[labels]).view(-1, 1, 1, 1)
            with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=plan.precision == "bfloat16"):
                moved = attack_divergence(self.network, pixels, epsilon, start=noise.to(pixels))
                self.network.train()
                # One after the other, as published: batch normalisation sees clean and attacked images apart.
                clean, attacked = self.network(pixels).float(), self.network(moved).float()
            divergence = functional.kl_div(
                attacked.log_softmax(1), clean.log_softmax(1), reduction="none", log_target=True
            ).sum(1)
            losses = accuracy[labels] * functional.cross_entropy(clean, labels, reduction="none")
            loss = (losses + agreement[labels] * divergence).mean()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            if plan.average:
                self._average()

    def _average(self) -> None:
        state = self.network.state_dict()
        if not self.averaged:
            self.averaged = {name: tensor.detach().clone() for name, tensor in state.items()}
            return
        for name, tensor in state.items():
            kept = self.averaged[name]
            if tensor.is_floating_point():
                kept.lerp_(tensor, 1 - self.plan.average)
            else:
                kept.copy_(tensor)

    def measure(self, split: Split, *, steps: int = STEPS, at_once: int = 500) -> Measured:
        """Errors by class, clean and under PGD with cross-entropy of 8/255, of the weights that are deployed."""
        network = self.deployed().eval()
        wrong, softmax = [], []
        for batch in torch.arange(len(split)).split(at_once):
            pixels, labels = split.rows(batch)
            moved = attack_classes(network, pixels, labels, steps=steps)
            with torch.no_grad():
                before, after = (network(one).float() for one in (pixels, moved))
            wrong.append(
                torch.stack([before.argmax(1) != labels, (before.argmax(1) != labels) | (after.argmax(1) != labels)])
            )
            softmax.append(after.softmax(1))
        of = functional.one_hot(split.labels, CLASSES).double()
        means = torch.cat(wrong, dim=1).double() @ of / of.sum(0)
        confusion = of.T @ torch.cat(softmax).double() / of.sum(0)[:, None]
        return Measured(means[0].cpu(), means[1].cpu(), confusion.cpu())


def rate_of(plan: Plan, epoch: int) -> float:
    """The learning rate falls to a tenth after three quarters of the epochs, and again after nine tenths."""
    return plan.rate * (1.0 if epoch < 0.75 * plan.epochs else 0.1 if epoch < 0.9 * plan.epochs else 0.01)


def attack_divergence(network: nn.Module, pixels: Tensor, epsilon: Tensor, *, start: Tensor) -> Tensor:
    """The attack of TRADES: steps that raise KL(p(x) || p(x')), each class with its own radius and step."""
    network.eval()
    with torch.no_grad():
        wanted = network(pixels).float().softmax(1)
    moved = (pixels + 0.001 * start).clamp(0, 1)
    for _ in range(STEPS):
        moved.requires_grad_(True)
        loss = functional.kl_div(network(moved).float().log_softmax(1), wanted, reduction="sum")
        (slope,) = torch.autograd.grad(loss, moved)
        moved = moved.detach() + epsilon * (STEP / EPSILON) * slope.sign()
        moved = torch.minimum(torch.maximum(moved, pixels - epsilon), pixels + epsilon).clamp(0, 1)
    return moved.detach()


def attack_classes(network: nn.Module, pixels: Tensor, labels: Tensor, *, steps: int) -> Tensor:
    """PGD with cross-entropy from the clean image, at 8/255."""
    moved = pixels.clone()
    for _ in range(steps):
        moved.requires_grad_(True)
        (slope,) = torch.autograd.grad(functional.cross_entropy(network(moved).float(), labels, reduction="sum"), moved)
        moved = (moved.detach() + STEP * slope.sign()).clamp(0, 1)
        moved = torch.minimum(torch.maximum(moved, pixels - EPSILON), pixels + EPSILON)
    return moved.detach()


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _under(prefix: str, tensors: dict[str, Tensor], device: str) -> dict[str, Tensor]:
    found = {name.removeprefix(f"{prefix}/"): one for name, one in tensors.items() if name.startswith(f"{prefix}/")}
    return {name: (one.float() if one.dtype == torch.float16 else one).to(device) for name, one in found.items()}


def _half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor
