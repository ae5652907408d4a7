"""The interactive page, and what a notebook shows."""
