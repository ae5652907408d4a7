"""Bodies: statements and flows in sequence, with labels, loops, conditions, side values and wirings."""
