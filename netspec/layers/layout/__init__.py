"""Layers that move elements about and compute nothing."""
