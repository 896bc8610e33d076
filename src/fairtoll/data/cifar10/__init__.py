"""CIFAR-10 in every published layout, and its download."""

from fairtoll.data.cifar10.load import load_cifar10 as load_cifar10
