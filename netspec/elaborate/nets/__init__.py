"""Whole nets and blocks: parameters, inputs, outputs, and what must hold of all of it."""
