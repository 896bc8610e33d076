"""Data: rows with labels, protected attributes and a feature schema."""

from fairtoll.data.adult import load_adult as load_adult
from fairtoll.data.cifar10.load import load_cifar10 as load_cifar10
from fairtoll.data.dataset import Dataset as Dataset
from fairtoll.data.dataset import TrainTest as TrainTest
from fairtoll.data.frame import load_frame as load_frame
from fairtoll.inputs.features import Feature as Feature
