"""Lets the tests import `simulation`, which benchmarks/coverage.py shares."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
