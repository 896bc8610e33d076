"""Shared parts of attacks: descent that rows leave early, layouts, input checks, the search for least radii."""
