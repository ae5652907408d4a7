"""Blueprints of the blocks that a net uses, as classes are written from."""
