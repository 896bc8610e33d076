"""Data: rows with labels, protected attributes and a feature schema."""

from .adult import load_adult as load_adult
from .dataset import Dataset as Dataset
from .dataset import Feature as Feature
from .dataset import TrainTest as TrainTest
from .frame import load_frame as load_frame
