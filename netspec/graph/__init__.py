"""The graph that a net elaborates to, its JSON form and its view as networkx has it."""
