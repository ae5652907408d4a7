"""The figures of a run in pictures and for TensorBoard."""
