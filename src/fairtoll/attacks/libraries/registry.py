"""The libraries of attacks that `External` knows, by the names of their modules."""

from fairtoll.attacks.libraries.art import ART
from fairtoll.attacks.libraries.foolbox import FOOLBOX
from fairtoll.attacks.libraries.library import Library

LIBRARIES: dict[str, Library] = {one.module: one for one in (FOOLBOX, ART)}
