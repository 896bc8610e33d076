"""In torchvision's place, which may be had for no torch but its own.

adv-lib imports `models` for a perceptual distance that no attack here uses.
"""

models = None
