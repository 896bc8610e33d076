"""Storage: files written atomically, their checksums, and records of finished work."""
