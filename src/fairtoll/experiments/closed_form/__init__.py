"""Formulas beside measurements: of rows that are drawn from a known model, at the rules that were trained on them."""
