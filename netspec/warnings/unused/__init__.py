"""Warnings about what is written and never needed."""
