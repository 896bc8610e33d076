"""Runs: stages that depend on each other, made side by side and kept in a folder. Knows no experiment."""

from fairtoll.runs.folder import Run as Run
from fairtoll.runs.schedule import Engine as Engine
from fairtoll.runs.schedule import run_stages as run_stages
from fairtoll.runs.stages import Stage as Stage
