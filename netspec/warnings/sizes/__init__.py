"""Warnings about sizes that fit and are seldom meant: what the lecture notes on convolutional nets teach."""
