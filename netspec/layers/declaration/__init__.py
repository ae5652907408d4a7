"""What layers are declared with: their base, the types of their arguments, axes, numbers with expressions."""
