"""A block elaborated once for all arguments."""
