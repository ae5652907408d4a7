"""A run on disk: its folder, checkpoints, weights, sources, figures and curves."""
