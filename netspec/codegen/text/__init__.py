"""How emitted source is written: names, Python of expressions, lines, and what stands before the classes."""
