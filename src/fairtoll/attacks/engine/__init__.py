"""What attacks share: descent that rows leave early, layouts, checks of what is given, the search for least radii."""
