"""Weights in files: those that a run starts from, and those that it writes."""
