"""Layers and blocks in the few words that a figure has room for."""
