"""Training recipes, one file each: how it trains, and its record. `registry` lists them."""
