"""Storage: files written whole or not at all, their checksums, and records of finished work."""
