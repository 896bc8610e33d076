"""The section on a known model: what formulas say beside the measurements."""
