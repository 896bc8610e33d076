"""Proofs of robustness: lower bounds of the least epsilon, and exact answers where few features may move."""

from fairtoll.bounds.certified import Certified, certified_epsilon
from fairtoll.bounds.chain import NoBoundError, read_chain
from fairtoll.bounds.proof import Proof, prove, what_is_provable

__all__ = ["Certified", "NoBoundError", "Proof", "certified_epsilon", "prove", "read_chain", "what_is_provable"]
