"""A live module to its tape: what it does when it is run, operation by operation."""
