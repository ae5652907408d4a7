"""Steps to items: containers, wirings, blocks and repeats."""
