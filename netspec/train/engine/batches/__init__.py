"""Samples as batches: how an epoch is divided, and how they come to the device."""
