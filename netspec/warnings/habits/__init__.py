"""Warnings about what PyTorch would read otherwise: it is valid here, and another net."""
