"""What is drawn of a graph: which layers and blocks are one box, which rounds are folded, what flows between boxes."""
