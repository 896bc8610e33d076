"""Training recipes, one file each: the training function and its record. `registry` lists them."""
