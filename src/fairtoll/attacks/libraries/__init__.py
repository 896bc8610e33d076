"""Libraries of attacks by others: one file each says how to find, check and run what it has."""
