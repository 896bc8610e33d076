"""The building blocks of figures: rows, groups, lines, curves, images, and their files."""
