"""Inputs: what a label, a name, a column and a row from a caller may be; one rule each, used everywhere."""
