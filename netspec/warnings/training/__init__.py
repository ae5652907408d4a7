"""Warnings about a net together with its train section."""
