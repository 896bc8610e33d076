"""Experiments with a table or images of one's own: what is read, what may move, the description, the trained models."""
