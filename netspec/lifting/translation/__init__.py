"""A tape to the steps of a network: each operation of torch as calls of layers."""
