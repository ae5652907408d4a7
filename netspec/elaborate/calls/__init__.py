"""Calls: layers, blocks, nets, shared modules and functions, with their arguments bound and checked."""
