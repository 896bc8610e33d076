"""The marks that figures are made of: rows, groups, lines, curves, images, and their files."""
