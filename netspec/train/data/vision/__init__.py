"""Data sets of picture files, with classes or masks."""
