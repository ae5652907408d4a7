"""Layers over positions: convolutions, pools, and what changes the resolution."""
