"""The radii that several tests share are in a module of their own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for example_radii
