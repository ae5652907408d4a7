"""Expressions of a spec, evaluated to plain data and tensors. Nothing of the text is ever run as Python."""
