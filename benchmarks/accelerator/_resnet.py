"""ResNet-18 in the form for CIFAR (He et al. 2016; a 3 x 3 stem without pooling): 11.2 million parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MEAN, SPREAD = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut."""

    def __init__(self, inside: int, planes: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
            nn.BatchNorm2d(planes),
        )
        same = inside == planes and stride == 1
        short = (nn.Conv2d(inside, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        self.short = nn.Identity() if same else nn.Sequential(*short)

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.short(x)).relu()


class ResNet18(nn.Module):
    """Logits of pixels in [0, 1]; `width` 64 is the published one, less of it is for trials."""

    def __init__(self, *, classes: int = 10, width: int = 64) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("spread", torch.tensor(SPREAD).view(3, 1, 1))
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        blocks, inside = [], width
        for planes, stride in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 2)):
            blocks += [Block(inside, planes, stride), Block(planes, planes, 1)]
            inside = planes
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inside, classes)

    def forward(self, x: Tensor) -> Tensor:
        outputs = self.blocks(self.stem((x - self.mean) / self.spread))
        return self.head(outputs.mean(dim=(2, 3)))


def make_network(*, seed: int, width: int, device: str) -> ResNet18:
    """Untrained, with weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ResNet18(width=width)
    return network.to(device, memory_format=torch.channels_last)
