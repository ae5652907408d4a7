"""What an expression of a spec can be, the names in force, and the operators of numbers and lists."""
