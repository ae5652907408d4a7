"""The parts of a train section that are called by name: each one a declaration."""
